// A source as one snapshot sees it: its visible rows in the order of (time, sequence). Internal to
// server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_VISIBLE_ROWS_H_
#define TWIN_SERVER_TIMESERIES_VISIBLE_ROWS_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/timeseries/partitions.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

// Thread-compatible.
class VisibleRows {
 public:
  VisibleRows(RowSourcePtr source, GroupId group, uint64_t sequence_max)
      : source_(std::move(source)), group_(group), sequence_max_(sequence_max) {}

  GroupId group() const { return group_; }
  const RowSource& source() const { return *source_; }
  const RowRange& range() const { return source_->range(); }  // of all its rows

  // Reads times, and sequences where some rows are too new. Once; before the calls below.
  absl::Status Load();
  absl::Status LoadSequences();

  size_t rows() const { return times_.size(); }
  const std::vector<int64_t>& times() const { return times_; }
  uint64_t sequence(size_t row) const { return sequences_[row]; }
  bool ascends() const { return ascends_; }  // no time twice
  // Where visible rows are in a column; empty: at the same place.
  absl::Span<const uint32_t> order() const { return order_; }
  uint32_t at(size_t row) const {
    return order_.empty() ? static_cast<uint32_t>(row) : order_[row];
  }

  absl::Status ReadColumn(uint32_t column, ColumnValues* values) const {
    return source_->ReadColumn(column, values);
  }
  size_t bytes() const { return times_.size() * 8 + sequences_.size() * 8 + order_.size() * 4; }

 private:
  const RowSourcePtr source_;
  const GroupId group_;
  const uint64_t sequence_max_;
  bool loaded_ = false;
  bool ascends_ = true;
  std::vector<int64_t> times_;
  std::vector<uint64_t> sequences_;
  std::vector<uint32_t> order_;
};
using VisibleRowsPtr = std::shared_ptr<VisibleRows>;

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_VISIBLE_ROWS_H_
