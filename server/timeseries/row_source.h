// Rows of one group that do not change any more, wherever they are. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_ROW_SOURCE_H_
#define TWIN_SERVER_TIMESERIES_ROW_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/timeseries/block.h"
#include "server/timeseries/block_sums.h"
#include "server/timeseries/raw_chunk.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

// How many rows there are, from when, with which sequences: what is known without reading them.
struct RowRange {
  uint32_t rows = 0;
  int64_t first_time = 0, last_time = 0;  // the least and the greatest
  uint64_t first_sequence = 0, last_sequence = 0;
  friend bool operator==(const RowRange&, const RowRange&) = default;
};

struct ColumnForm {
  ColumnKind kind = ColumnKind::kDouble;
  uint8_t decimals = 0;
};

// Thread-safe to read.
class RowSource {
 public:
  explicit RowSource(const RowRange& range) : range_(range) {}
  virtual ~RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;

  const RowRange& range() const { return range_; }
  virtual size_t memory_bytes() const { return 0; }  // that it keeps

  // All rows, in the order in which they are kept: of blocks that of (time, sequence), of raw
  // chunks that of arrival.
  virtual absl::Status ReadTimes(std::vector<int64_t>* times) const = 0;
  virtual absl::Status ReadSequences(std::vector<uint64_t>* sequences) const = 0;
  virtual absl::Status ReadColumn(uint32_t column, ColumnValues* values) const = 0;
  // Of all rows, without decoding them. Only where has_statistics().
  virtual bool has_statistics() const { return false; }
  virtual absl::Status ReadStatistics(uint32_t column, ColumnForm* form,
                                      ColumnStatistics* statistics) const;
  // The statistics of all columns, where they are at hand, or so many of the columns are asked for
  // that it is worth while to read them all; else nullptr.
  virtual absl::StatusOr<BlockSumsPtr> Sums(uint32_t /*asked_for*/) const { return nullptr; }
  static constexpr uint32_t kPartOfSums = 8;   // that is worth while
  virtual uint32_t file() const { return 0; }  // its number; 0: it is in none

 private:
  const RowRange range_;
};
using RowSourcePtr = std::shared_ptr<const RowSource>;

// An encoded block in memory.
class MemoryBlock final : public RowSource {
 public:
  // DATA_LOSS: it is none.
  static absl::StatusOr<std::shared_ptr<const MemoryBlock>> Open(absl::string_view bytes);

  absl::string_view bytes() const { return bytes_; }
  const Block& block() const { return block_; }
  uint32_t columns() const { return block_.columns(); }
  // Reads everything: what was loaded must be right before it is relied upon.
  absl::Status Verify() const;
  size_t memory_bytes() const override { return sizeof(*this) + bytes_.size() + 32; }

  absl::Status ReadTimes(std::vector<int64_t>* times) const override {
    return block_.ReadTimes(times);
  }
  absl::Status ReadSequences(std::vector<uint64_t>* sequences) const override {
    return block_.ReadSequences(sequences);
  }
  absl::Status ReadColumn(uint32_t column, ColumnValues* values) const override {
    return block_.ReadColumn(column, values);
  }
  bool has_statistics() const override { return true; }
  absl::Status ReadStatistics(uint32_t column, ColumnForm* form,
                              ColumnStatistics* statistics) const override {
    *form = {.kind = block_.kind(column), .decimals = block_.decimals(column)};
    return block_.ReadStatistics(column, statistics);
  }

  absl::StatusOr<BlockSumsPtr> Sums(uint32_t asked_for) const override {
    if (asked_for * kPartOfSums < columns()) return nullptr;
    return MakeBlockSums(*this, columns());
  }

  MemoryBlock(std::unique_ptr<char[]> copy, size_t size, const Block& block);

 private:
  const std::unique_ptr<char[]> copy_;
  const absl::string_view bytes_;
  const Block block_;
};
using MemoryBlockPtr = std::shared_ptr<const MemoryBlock>;

// The first rows of a raw chunk.
class RawRows final : public RowSource {
 public:
  // `rows`: at least one.
  RawRows(RawChunkPtr chunk, uint32_t rows);

  size_t memory_bytes() const override { return chunk_->bytes(); }
  absl::Status ReadTimes(std::vector<int64_t>* times) const override;
  absl::Status ReadSequences(std::vector<uint64_t>* sequences) const override;
  absl::Status ReadColumn(uint32_t column, ColumnValues* values) const override;

 private:
  const RawChunkPtr chunk_;
};

RowRange RangeOf(const Block& block);

// Of memory, together.
template <typename T>
size_t BytesOf(const std::vector<std::shared_ptr<const T>>& sources) {
  size_t bytes = 0;
  for (const auto& source : sources) bytes += source->memory_bytes();
  return bytes;
}

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_ROW_SOURCE_H_
