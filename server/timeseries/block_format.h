// What writing and reading a block agree on. docs/formats/history.md draws it.
#ifndef TWIN_SERVER_TIMESERIES_BLOCK_FORMAT_H_
#define TWIN_SERVER_TIMESERIES_BLOCK_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

inline constexpr absl::string_view kBlockMagic = "TWBK";
inline constexpr uint8_t kBlockVersion = 1;
inline constexpr size_t kBlockFixedBytes = 13;  // magic, version, bytes of the header, checksum
inline constexpr size_t kBlockCrcAt = 9;

// Columns whose entries in the directory share a checksum and are found at once.
inline constexpr uint32_t kGroupColumns = 8;
inline constexpr size_t kGroupEndsBytes = 8;  // 4: where its entries end; 4: where its data ends

// A part of so many bytes at most stands in the directory, which has a checksum already.
inline constexpr size_t kInlineBytesMax = 24;

// Which of its rows have a value.
enum class Presence : uint8_t { kAll = 0, kNone = 1, kSome = 2 };

// What a byte in the header says of a column. Decimals: of kScaled, and of kDouble those of its
// statistics.
constexpr char KindByte(ColumnKind kind, uint8_t decimals, Presence presence) {
  return static_cast<char>((static_cast<uint8_t>(kind) - 1) | decimals << 2 |
                           static_cast<uint8_t>(presence) << 6);
}
constexpr ColumnKind KindOf(char byte) {
  return static_cast<ColumnKind>((static_cast<uint8_t>(byte) & 3) + 1);
}
constexpr uint8_t DecimalsOfKind(char byte) { return (static_cast<uint8_t>(byte) >> 2) & 15; }
constexpr Presence PresenceOf(char byte) {
  return static_cast<Presence>(static_cast<uint8_t>(byte) >> 6);
}

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_BLOCK_FORMAT_H_
