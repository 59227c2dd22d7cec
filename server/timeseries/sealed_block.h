// A block of either form. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_SEALED_BLOCK_H_
#define TWIN_SERVER_TIMESERIES_SEALED_BLOCK_H_

#include <cstdint>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/timeseries/block.h"
#include "server/timeseries/packed_block.h"
#include "server/timeseries/row_source.h"

namespace twin::timeseries {

// Thread-safe to read. Its bytes outlive it.
class SealedBlock {
 public:
  static absl::StatusOr<SealedBlock> Open(absl::string_view bytes) {
    if (!PackedBlock::IsPacked(bytes)) return FromBlock(Block::Open(bytes));
    return FromBlock(PackedBlock::Open(bytes));
  }

  // Its times and sequences are those of the block.
  const Block& axes() const {
    const auto* const packed = std::get_if<PackedBlock>(&block_);
    return packed != nullptr ? packed->rest() : std::get<Block>(block_);
  }
  size_t bytes() const {
    return std::visit([](const auto& block) { return block.bytes(); }, block_);
  }
  uint32_t columns() const {
    return std::visit([](const auto& block) { return block.columns(); }, block_);
  }
  absl::Status ReadColumn(uint32_t column, PackedBlock::Decoded* decoded,
                          ColumnValues* values) const {
    const auto* const packed = std::get_if<PackedBlock>(&block_);
    return packed != nullptr ? packed->ReadColumn(column, decoded, values)
                             : std::get<Block>(block_).ReadColumn(column, values);
  }
  absl::Status ReadStatistics(uint32_t column, PackedBlock::Decoded* decoded,
                              ColumnStatistics* statistics) const {
    const auto* const packed = std::get_if<PackedBlock>(&block_);
    return packed != nullptr ? packed->ReadStatistics(column, decoded, statistics)
                             : std::get<Block>(block_).ReadStatistics(column, statistics);
  }
  ColumnForm form(uint32_t column) const {
    return std::visit(
        [&](const auto& block) {
          return ColumnForm{.kind = block.kind(column), .decimals = block.decimals(column)};
        },
        block_);
  }

 private:
  explicit SealedBlock(std::variant<Block, PackedBlock> block) : block_(std::move(block)) {}
  template <typename T>
  static absl::StatusOr<SealedBlock> FromBlock(absl::StatusOr<T> block) {
    if (!block.ok()) return block.status();
    return SealedBlock(*std::move(block));
  }

  std::variant<Block, PackedBlock> block_;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_SEALED_BLOCK_H_
