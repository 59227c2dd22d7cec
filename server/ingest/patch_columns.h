// Many patches that set the same properties to numbers, as a fleet's updates mostly are: one buffer
// of ids and one of values, instead of some lists for each of them.
#ifndef TWIN_SERVER_INGEST_PATCH_COLUMNS_H_
#define TWIN_SERVER_INGEST_PATCH_COLUMNS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/value.h"

namespace twin::ingest {

// A row stands for a PatchTwin of as many Edits as there are columns, of kind kSet, with nothing
// else in it. Thread-compatible.
class PatchColumns {
 public:
  static constexpr size_t kColumnsMax = 8;

  struct Column {
    std::vector<std::string> path;  // as Edit::path
    Value::Kind kind = Value::Kind::kDouble;
  };
  // At least one, and at most kColumnsMax. Kinds of numbers: kBool, kInt, kDouble.
  static bool Takes(Value::Kind kind) {
    return kind == Value::Kind::kBool || kind == Value::Kind::kInt || kind == Value::Kind::kDouble;
  }
  explicit PatchColumns(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void Reserve(size_t rows, size_t id_bytes);
  // False, and it changes nothing: a value is of another kind than its column.
  bool Add(absl::string_view id, absl::Span<const Value> values);
  // The same of values of the columns' kinds: as many as there are columns, as ValueOf takes them.
  void Add(absl::string_view id, const uint64_t* bits);

  size_t rows() const { return id_ends_.size(); }
  const std::vector<Column>& columns() const { return columns_; }
  absl::string_view Id(size_t row) const {
    const size_t begin = row == 0 ? 0 : id_ends_[row - 1];
    return absl::string_view(ids_).substr(begin, id_ends_[row] - begin);
  }
  Value Get(size_t row, size_t column) const;
  uint64_t Bits(size_t row, size_t column) const {  // as ValueOf takes them
    return bits_[row * columns_.size() + column];
  }
  uint64_t bytes() const;  // that it takes in memory, roughly

 private:
  std::vector<Column> columns_;
  std::string ids_;
  std::vector<size_t> id_ends_;
  std::vector<uint64_t> bits_;  // row by row
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_PATCH_COLUMNS_H_
