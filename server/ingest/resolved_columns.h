// The columns of a layout, rules written out: where the values of each go, and how raw values
// become stored ones. There are as many of them in memory as all layouts together have.
#ifndef TWIN_SERVER_INGEST_RESOLVED_COLUMNS_H_
#define TWIN_SERVER_INGEST_RESOLVED_COLUMNS_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/ingest/telemetry.h"
#include "server/timeseries/samples.h"

namespace twin::ingest {

// How raw values of a column become stored ones.
struct ColumnForm {
  Encoding encoding = Encoding::kDouble;
  timeseries::ColumnKind kind = timeseries::ColumnKind::kDouble;
  uint8_t decimals = 0;
  // kScaled and kInt of an integer: stored = raw × factor + shift. Else value = raw × scale +
  // offset.
  int64_t factor = 1;
  int64_t shift = 0;
  double scale = 1;
  double offset = 0;
  // kInt: what is stored lies in between; else the value is missing. Of the others `max` is
  // kOfFloats where a target is a 32-bit float.
  int64_t min = INT64_MIN;
  int64_t max = INT64_MAX;
  static constexpr int64_t kOfFloats = 32;
  bool is_of_floats() const { return kind == timeseries::ColumnKind::kDouble && max == kOfFloats; }
  std::vector<int64_t> invalid_codes;  // raw
  friend bool operator==(const ColumnForm&, const ColumnForm&) = default;
};

// A path of a twin. The path lives as long as what it is a part of.
struct ColumnTarget {
  TwinNumber twin;
  absl::string_view path;
  friend bool operator==(const ColumnTarget&, const ColumnTarget&) = default;
};

// About 4 bytes a column and 8 a target: neighbours share their form, and targets their paths.
// Thread-compatible.
class ResolvedColumns {
 public:
  // Columns one after the other that have the same form.
  struct Run {
    ColumnForm form;
    uint32_t end = 0;  // one more than the last of them
    friend bool operator==(const Run&, const Run&) = default;
  };
  class Targets;

  // No targets: its values go nowhere.
  void Add(const ColumnForm& form, absl::Span<const ColumnTarget> targets);
  void ShrinkToFit();

  size_t size() const { return ends_.size(); }
  absl::Span<const Run> runs() const { return runs_; }
  const ColumnForm& form(size_t column) const;  // cost: a search among the runs
  Targets targets(size_t column) const;
  Targets all_targets() const;  // column by column
  size_t bytes() const;         // of memory, about

  friend bool operator==(const ResolvedColumns& a, const ResolvedColumns& b);

 private:
  ColumnTarget At(size_t target) const { return {twins_[target], paths_[path_numbers_[target]]}; }

  std::vector<Run> runs_;
  std::vector<uint32_t> ends_;  // of each column's targets
  std::vector<TwinNumber> twins_;
  std::vector<uint32_t> path_numbers_;  // of targets
  std::vector<std::string> paths_;      // those used long ago may be there again
};

// Targets one after the other. Lives no longer than the columns.
class ResolvedColumns::Targets {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = ColumnTarget;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = ColumnTarget;

    Iterator(const ResolvedColumns* columns, size_t at) : columns_(columns), at_(at) {}
    ColumnTarget operator*() const { return columns_->At(at_); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const ResolvedColumns* columns_;
    size_t at_;
  };

  Targets(const ResolvedColumns* columns, size_t begin, size_t end)
      : columns_(columns), begin_(begin), end_(end) {}
  Iterator begin() const { return {columns_, begin_}; }
  Iterator end() const { return {columns_, end_}; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }

 private:
  const ResolvedColumns* columns_;
  size_t begin_;
  size_t end_;
};

inline ResolvedColumns::Targets ResolvedColumns::targets(size_t column) const {
  return {this, column == 0 ? 0 : ends_[column - 1], ends_[column]};
}
inline ResolvedColumns::Targets ResolvedColumns::all_targets() const {
  return {this, 0, twins_.size()};
}

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_RESOLVED_COLUMNS_H_
