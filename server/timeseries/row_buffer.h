// Rows of one group on their way into a block. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_ROW_BUFFER_H_
#define TWIN_SERVER_TIMESERIES_ROW_BUFFER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/timeseries/block.h"
#include "server/timeseries/row_source.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

// Thread-compatible. Reusable: Clear keeps its memory.
class RowBuffer {
 public:
  explicit RowBuffer(uint32_t columns = 0) { Clear(columns); }
  // Of rows in order.
  RowBuffer(std::vector<int64_t> times, std::vector<uint64_t> sequences,
            std::vector<ColumnValues> columns)
      : times_(std::move(times)), sequences_(std::move(sequences)), columns_(std::move(columns)) {}

  size_t rows() const { return times_.size(); }
  const std::vector<int64_t>& times() const { return times_; }
  const std::vector<uint64_t>& sequences() const { return sequences_; }
  const std::vector<ColumnValues>& columns() const { return columns_; }
  const ColumnValues& column(uint32_t column) const { return columns_[column]; }
  void Clear(uint32_t columns);
  // Rows with sequences up to `sequence_max`. Columns of different kinds become kDouble where that
  // loses nothing, else kValue. DATA_LOSS: the source is damaged.
  absl::Status Add(const RowSource& source, uint64_t sequence_max = UINT64_MAX);
  // The same of what is in memory: this program wrote it, or checked it when it was loaded.
  void AddOfMemory(const RowSource& source, uint64_t sequence_max = UINT64_MAX);
  // Into the order of (time, sequence).
  void Sort();
  // Appends blocks of up to `rows_max` rows, in order. `rows`: at least one.
  std::vector<MemoryBlockPtr> Encode(uint32_t rows_max = kBlockRowsMax) const;
  // Calls `visit` with packed blocks of up to kBlockRowsMax rows, in order. `families`: as of
  // EncodePackedBlock. An error of `visit` ends it.
  absl::Status EncodePacked(
      absl::Span<const uint32_t> families,
      absl::FunctionRef<absl::Status(const RowRange& range, absl::string_view bytes)> visit) const;

 private:
  void Permute(const std::vector<uint32_t>& order);
  // Calls `visit` with rows [begin, begin + rows_max), and so on.
  void VisitRows(uint32_t rows_max, absl::FunctionRef<void(const Rows& rows)> visit) const;

  std::vector<int64_t> times_;
  std::vector<uint64_t> sequences_;
  std::vector<ColumnValues> columns_;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_ROW_BUFFER_H_
