#include "server/timeseries/row_source.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "server/base/check.h"
#include "server/base/status_macros.h"

namespace twin::timeseries {
namespace {

RowRange RangeOf(const RawChunk& chunk, uint32_t rows) {
  TWIN_CHECK(rows > 0 && rows <= chunk.capacity()) << rows;
  RowRange range;
  range.rows = rows;
  const auto [least, greatest] = std::minmax_element(chunk.times(), chunk.times() + rows);
  range.first_time = *least;
  range.last_time = *greatest;
  range.first_sequence = chunk.sequence(0);
  range.last_sequence = chunk.sequence(rows - 1);
  return range;
}

}  // namespace

absl::Status RowSource::ReadStatistics(uint32_t /*column*/, ColumnForm* /*form*/,
                                       ColumnStatistics* /*statistics*/) const {
  return absl::InternalError("rows without statistics");
}

RowRange RangeOf(const Block& block) {
  return {.rows = block.rows(),
          .first_time = block.first_time(),
          .last_time = block.last_time(),
          .first_sequence = block.first_sequence(),
          .last_sequence = block.last_sequence()};
}

MemoryBlock::MemoryBlock(std::unique_ptr<char[]> copy, size_t size, const Block& block)
    : RowSource(RangeOf(block)), copy_(std::move(copy)), bytes_(copy_.get(), size), block_(block) {}

absl::StatusOr<MemoryBlockPtr> MemoryBlock::Open(absl::string_view bytes) {
  std::unique_ptr<char[]> copy(new char[bytes.size()]);
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  TWIN_ASSIGN_OR_RETURN(const Block block, Block::Open({copy.get(), bytes.size()}));
  if (block.bytes() != bytes.size()) return absl::DataLossError("bytes behind a block");
  return std::make_shared<const MemoryBlock>(std::move(copy), bytes.size(), block);
}

absl::Status MemoryBlock::Verify() const {
  std::vector<int64_t> times;
  std::vector<uint64_t> sequences;
  ColumnValues values;
  TWIN_RETURN_IF_ERROR(ReadTimes(&times));
  TWIN_RETURN_IF_ERROR(ReadSequences(&sequences));
  for (uint32_t c = 0; c < columns(); ++c) TWIN_RETURN_IF_ERROR(ReadColumn(c, &values));
  return absl::OkStatus();
}

RawRows::RawRows(RawChunkPtr chunk, uint32_t rows)
    : RowSource(RangeOf(*chunk, rows)), chunk_(std::move(chunk)) {}

absl::Status RawRows::ReadTimes(std::vector<int64_t>* times) const {
  times->assign(chunk_->times(), chunk_->times() + range().rows);
  return absl::OkStatus();
}

absl::Status RawRows::ReadSequences(std::vector<uint64_t>* sequences) const {
  sequences->assign(chunk_->sequences(), chunk_->sequences() + range().rows);
  return absl::OkStatus();
}

absl::Status RawRows::ReadColumn(uint32_t column, ColumnValues* values) const {
  values->Clear();
  chunk_->ReadColumn(column, range().rows, values);
  return absl::OkStatus();
}

}  // namespace twin::timeseries
