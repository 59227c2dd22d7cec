// Rows of an open block that are not among the newest: coded in little time, in less memory than
// raw. A column is its least value, and for each row what lies above that, in one width of bits.
// Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_NARROW_ROWS_H_
#define TWIN_SERVER_TIMESERIES_NARROW_ROWS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "server/timeseries/block.h"
#include "server/timeseries/row_source.h"

namespace twin::timeseries {

// Thread-safe to read.
class NarrowRows final : public RowSource {
 public:
  size_t memory_bytes() const override { return sizeof(*this) + size_ + kAllocations; }

  absl::Status ReadTimes(std::vector<int64_t>* times) const override;
  absl::Status ReadSequences(std::vector<uint64_t>* sequences) const override;
  absl::Status ReadColumn(uint32_t column, ColumnValues* values) const override;

 private:
  friend class NarrowCoder;
  static constexpr size_t kAllocations = 48;  // what the allocator adds for both pieces
  struct Steps {                              // of an axis: row by row
    uint64_t least = 0;
    uint8_t width = 0;
  };

  explicit NarrowRows(const RowRange& range) : RowSource(range) {}
  size_t groups() const { return (range().rows + 7) / 8; }  // a bit of each takes a byte
  void ReadSteps(const Steps& steps, size_t at, uint64_t first, absl::Span<uint64_t> out) const;

  // forms │ widths │ bases │ steps of times │ of sequences │ columns │ slack. A form is a kind and
  // decimals; of a width the highest bit says that there is a bitmap of missing values first.
  std::unique_ptr<char[]> bytes_;
  uint32_t size_ = 0;
  uint32_t columns_ = 0;
  uint8_t base_bytes_ = 0;
  Steps times_;
  Steps sequences_;
};

// Makes them. Thread-compatible; keeps its memory from call to call.
class NarrowCoder {
 public:
  // The values of a column, for each row; valid until the next call.
  using Columns = absl::FunctionRef<const ColumnValues&(uint32_t column)>;

  // `times`, `sequences`: at least one row, neither falling. nullptr: a column is of kValue.
  std::shared_ptr<const NarrowRows> Encode(absl::Span<const int64_t> times,
                                           absl::Span<const uint64_t> sequences, uint32_t columns,
                                           Columns column_of);

 private:
  void AddSteps(absl::Span<const uint64_t> values, NarrowRows::Steps* steps);
  void AddColumn(const ColumnValues& values);
  void AddInts(uint8_t form, absl::Span<const int64_t> values, const std::vector<uint8_t>& missing);
  void AddPacked(absl::Span<const uint64_t> values, int width);
  // Fills ints_ with decimals of one power of ten. False: some double is none.
  bool FindDecimals(const ColumnValues& values, uint8_t* decimals);

  size_t groups_ = 0;
  std::string forms_;
  std::string widths_;
  std::vector<int64_t> bases_;
  std::string data_;
  std::vector<uint64_t> packed_;
  std::vector<int64_t> ints_;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_NARROW_ROWS_H_
