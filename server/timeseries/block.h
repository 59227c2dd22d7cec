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
#include "server/base/coding.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

inline constexpr uint32_t kBlockRowsMax = 4096;

// Of a column's rows that have a value. Of kScaled in units of 10^-decimals, kept exactly. Of
// kValue only `count`.
struct ColumnStatistics {
  uint32_t count = 0;
  // kScaled, kInt. `sum_overflows`: the sum does not fit, and is 0.
  int64_t min_int = 0, max_int = 0, sum_int = 0, first_int = 0, last_int = 0;
  bool sum_overflows = false;
  // kDouble. `has_nan`: min, max and sum leave NaN out, and are 0 if there is nothing else. The sum
  // is that of the rows in their order, or of one value in all rows the value times `count`.
  double min_double = 0, max_double = 0, sum_double = 0, first_double = 0, last_double = 0;
  bool has_nan = false;
};

// Integers whose sums, and doubles of decimals, are not sure to be exact.
inline bool IsBeyondExact(int64_t value) {
  constexpr int64_t kEnd = int64_t{1} << 50;
  return value >= kEnd || value <= -kEnd;
}

// Of ColumnValues::exact.
inline constexpr uint8_t kAnyDecimals = 254;  // there is no value yet
inline constexpr uint8_t kNoDecimals = 255;

// What a column holds, decoded: of the arrays only the one of its kind is filled.
struct ColumnValues {
  ColumnKind kind = ColumnKind::kDouble;
  uint8_t decimals = 0;
  // kDouble, of what a reader gives: each is an integer of less than 2^50 / 10^exact; or one of the
  // above.
  uint8_t exact = kNoDecimals;
  std::vector<int64_t> ints;  // kScaled, kInt
  std::vector<double> doubles;
  std::vector<std::string> values;
  std::vector<uint8_t> missing;  // 1: no value, the item means nothing; empty: all have one

  void Clear() {  // keeps the arrays' memory
    ints.clear();
    doubles.clear();
    values.clear();
    missing.clear();
  }
};

// Appends a block. `rows`: 1 to kBlockRowsMax of them, times not falling; of equal times the later
// sequence stands behind. Each column is coded in whichever way is smallest. A block is less than
// 2 GiB: the values of its kValue columns must be.
void EncodeBlock(const Rows& rows, std::string* bytes);

// Thread-safe to read. `bytes` outlive it.
class Block {
 public:
  // Looks at the header and its checksum; what follows the block is not looked at. DATA_LOSS: this
  // is no block, or not all of it. FAILED_PRECONDITION: a newer format.
  // Cost: a byte for each column, 8 for each 8 of them.
  static absl::StatusOr<Block> Open(absl::string_view bytes);

  uint32_t rows() const { return rows_; }
  uint32_t columns() const { return columns_; }
  size_t bytes() const { return bytes_.size(); }  // of this block; others may follow
  int64_t first_time() const { return first_time_; }
  int64_t last_time() const { return last_time_; }
  uint64_t first_sequence() const { return first_sequence_; }  // the least
  uint64_t last_sequence() const { return last_sequence_; }    // the greatest

  // All rows, into vectors that they replace. `column` < columns(). DATA_LOSS: a checksum is wrong,
  // or, with a checksum that fits, bytes that no EncodeBlock makes; the vectors mean nothing then.
  absl::Status ReadTimes(std::vector<int64_t>* times) const;
  absl::Status ReadSequences(std::vector<uint64_t>* sequences) const;
  absl::Status ReadColumn(uint32_t column, ColumnValues* values) const;
  // Without decoding the column.
  absl::Status ReadStatistics(uint32_t column, ColumnStatistics* statistics) const;
  ColumnKind kind(uint32_t column) const;
  uint8_t decimals(uint32_t column) const;

 private:
  // Some bytes with their checksum; short ones stand where they are described, without one.
  struct Part {
    absl::string_view bytes;
    uint32_t crc = 0;
    bool is_inline = true;
  };
  struct Entry {  // of a column in the directory
    ColumnStatistics statistics;
    bool constant = false;  // the statistics say every value
    Part part;
  };

  Block() = default;
  static void TakePart(ByteReader* reader, absl::string_view* data, Part* part);
  absl::Status TakeHeader(ByteReader* reader);
  void TakeEntry(uint32_t column, ByteReader* reader, absl::string_view* data, Entry* entry) const;
  absl::Status Find(uint32_t column, Entry* entry) const;
  absl::Status ReadPart(const Part& part, absl::string_view what, absl::Span<int64_t> ints) const;

  absl::string_view bytes_;
  uint32_t rows_ = 0;
  uint32_t columns_ = 0;
  int64_t first_time_ = 0;
  int64_t last_time_ = 0;
  uint64_t first_sequence_ = 0;
  uint64_t last_sequence_ = 0;
  Part times_;
  Part sequences_;
  absl::string_view kinds_;      // a byte for each column
  absl::string_view ends_;       // of each group of columns: where its entries and its data end
  absl::string_view directory_;  // entries of columns
  absl::string_view data_;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_BLOCK_H_
