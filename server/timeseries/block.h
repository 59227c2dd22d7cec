// A sealed block: rows of one group as immutable compressed bytes, column by column, each with its
// statistics. docs/formats/history.md draws the bytes. A checksum covers each part.
#ifndef TWIN_SERVER_TIMESERIES_BLOCK_H_
#define TWIN_SERVER_TIMESERIES_BLOCK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

inline constexpr uint32_t kBlockRowsMax = 4096;

// Of a column's rows that have a value. Of kScaled in units of 10^-decimals, kept exactly.
struct ColumnStatistics {
  uint32_t count = 0;
  // kScaled, kInt. `sum_overflows`: the sum does not fit.
  int64_t min_int = 0, max_int = 0, sum_int = 0, first_int = 0, last_int = 0;
  bool sum_overflows = false;
  // kDouble. `has_nan`: min, max and sum leave NaN out.
  double min_double = 0, max_double = 0, sum_double = 0, first_double = 0, last_double = 0;
  bool has_nan = false;
};

// What a column holds, decoded: of the arrays only the one of its kind is filled.
struct ColumnValues {
  ColumnKind kind = ColumnKind::kDouble;
  uint8_t decimals = 0;
  std::vector<int64_t> ints;  // kScaled, kInt
  std::vector<double> doubles;
  std::vector<std::string> values;
  std::vector<uint8_t> missing;  // 1: no value, the item means nothing; empty: all have one
};

// Appends a block. `rows`: 1 to kBlockRowsMax of them, times not falling; of equal times the later
// sequence stands behind. Each column is coded in whichever way is smallest.
void EncodeBlock(const Rows& rows, std::string* bytes);

// Thread-safe to read. `bytes` outlive it.
class Block {
 public:
  // Looks at the header and its checksum. DATA_LOSS: this is no block. FAILED_PRECONDITION: a
  // newer format.
  static absl::StatusOr<Block> Open(absl::string_view bytes);

  uint32_t rows() const { return rows_; }
  uint32_t columns() const { return columns_; }
  size_t bytes() const { return bytes_.size(); }  // of this block; others may follow
  int64_t first_time() const { return first_time_; }
  int64_t last_time() const { return last_time_; }
  uint64_t first_sequence() const { return first_sequence_; }  // the least
  uint64_t last_sequence() const { return last_sequence_; }    // the greatest

  // All rows, into vectors that they replace. DATA_LOSS: a checksum is wrong.
  absl::Status ReadTimes(std::vector<int64_t>* times) const;
  absl::Status ReadSequences(std::vector<uint64_t>* sequences) const;
  absl::Status ReadColumn(uint32_t column, ColumnValues* values) const;
  // Without decoding the column.
  absl::Status ReadStatistics(uint32_t column, ColumnStatistics* statistics) const;
  ColumnKind kind(uint32_t column) const;
  uint8_t decimals(uint32_t column) const;

 private:
  absl::string_view bytes_;
  uint32_t rows_ = 0;
  uint32_t columns_ = 0;
  int64_t first_time_ = 0;
  int64_t last_time_ = 0;
  uint64_t first_sequence_ = 0;
  uint64_t last_sequence_ = 0;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_BLOCK_H_
