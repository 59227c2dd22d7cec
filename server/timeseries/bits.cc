#include "server/timeseries/bits.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "server/base/check.h"

namespace twin::timeseries {
namespace {

constexpr size_t kGroup = 8;  // values: as many bytes as a value has bits

constexpr uint64_t MaskOf(int width) {
  return width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
}

// One value; reads 8 bytes, or 9 where it needs them.
template <int kWidth, int kIndex>
inline uint64_t Load(const char* group) {
  constexpr int kBit = kWidth * kIndex;
  constexpr int kShift = kBit % 8;
  uint64_t word = 0;
  std::memcpy(&word, group + kBit / 8, sizeof(word));
  word >>= kShift;
  if constexpr (kShift + kWidth > 64) {
    word |= static_cast<uint64_t>(static_cast<unsigned char>(group[kBit / 8 + 8])) << (64 - kShift);
  }
  return word & MaskOf(kWidth);
}

template <int kWidth>
void UnpackGroups(const char* bytes, size_t groups, uint64_t* values) {
  for (size_t i = 0; i < groups; ++i, bytes += kWidth, values += kGroup) {
    values[0] = Load<kWidth, 0>(bytes);
    values[1] = Load<kWidth, 1>(bytes);
    values[2] = Load<kWidth, 2>(bytes);
    values[3] = Load<kWidth, 3>(bytes);
    values[4] = Load<kWidth, 4>(bytes);
    values[5] = Load<kWidth, 5>(bytes);
    values[6] = Load<kWidth, 6>(bytes);
    values[7] = Load<kWidth, 7>(bytes);
  }
}

using UnpackFunction = void (*)(const char*, size_t, uint64_t*);

template <int... kWidths>
constexpr std::array<UnpackFunction, sizeof...(kWidths)> MakeUnpackers(
    std::integer_sequence<int, kWidths...> /*widths*/) {
  return {UnpackGroups<kWidths>...};
}

constexpr auto kUnpackers = MakeUnpackers(std::make_integer_sequence<int, kWidthMax + 1>());

// Widths up to 8: a group fits a word.
char* PackBytes(absl::Span<const uint64_t> values, int width, char* at) {
  const uint64_t mask = MaskOf(width);
  size_t i = 0;
  for (; i + kGroup <= values.size(); i += kGroup, at += width) {
    uint64_t word = 0;
    for (size_t j = 0; j < kGroup; ++j) {
      word |= (values[i + j] & mask) << (j * static_cast<unsigned>(width));
    }
    std::memcpy(at, &word, sizeof(word));
  }
  uint64_t word = 0;
  const size_t rest = values.size() - i;
  for (size_t j = 0; j < rest; ++j) {
    word |= (values[i + j] & mask) << (j * static_cast<unsigned>(width));
  }
  std::memcpy(at, &word, sizeof(word));
  return at + PackedBytes(rest, width);
}

// Widths up to 57: a value and what is left of a byte fit a word.
char* PackNarrow(absl::Span<const uint64_t> values, int width, char* at) {
  const uint64_t mask = MaskOf(width);
  uint64_t word = 0;
  unsigned filled = 0;
  for (const uint64_t value : values) {
    word |= (value & mask) << filled;
    std::memcpy(at, &word, sizeof(word));
    filled += static_cast<unsigned>(width);
    at += filled / 8;
    word >>= filled & ~7U;
    filled %= 8;
  }
  return at + (filled + 7) / 8;
}

char* PackWide(absl::Span<const uint64_t> values, int width, char* at) {
  const uint64_t mask = MaskOf(width);
  unsigned __int128 word = 0;
  unsigned filled = 0;
  for (const uint64_t value : values) {
    word |= static_cast<unsigned __int128>(value & mask) << filled;
    std::memcpy(at, &word, sizeof(word));
    filled += static_cast<unsigned>(width);
    at += filled / 8;
    word >>= filled & ~7U;
    filled %= 8;
  }
  return at + (filled + 7) / 8;
}

}  // namespace

void Pack(absl::Span<const uint64_t> values, int width, std::string* bytes) {
  TWIN_CHECK(width >= 0 && width <= kWidthMax) << width;
  if (width == 0) return;
  constexpr size_t kSlack = 16;  // what the last store may write too much
  const size_t begin = bytes->size();
  const size_t size = PackedBytes(values.size(), width);
  bytes->resize(begin + size + kSlack);
  char* const at = bytes->data() + begin;
  char* const end = width <= 8    ? PackBytes(values, width, at)
                    : width <= 56 ? PackNarrow(values, width, at)
                                  : PackWide(values, width, at);
  TWIN_CHECK(end == at + size) << end - at << " of " << size;
  bytes->resize(begin + size);
}

void Unpack(absl::string_view bytes, int width, absl::Span<uint64_t> values) {
  TWIN_CHECK(width >= 0 && width <= kWidthMax) << width;
  TWIN_CHECK(bytes.size() >= PackedBytes(values.size(), width)) << bytes.size();
  if (width == 0) {
    std::fill(values.begin(), values.end(), 0);
    return;
  }
  const auto step = static_cast<size_t>(width);
  // A load may reach 8 bytes past its group.
  constexpr size_t kSlack = 8;
  size_t groups = values.size() / kGroup;
  const size_t loadable = bytes.size() < kSlack ? 0 : (bytes.size() - kSlack) / step;
  if (loadable < groups) groups = loadable;
  kUnpackers[step](bytes.data(), groups, values.data());

  // The rest, less than two groups and what they may reach, by way of a copy with room behind it.
  const size_t at = groups * kGroup;
  const size_t rest = values.size() - at;
  if (rest == 0) return;
  char copy[2 * kWidthMax + 3 * kSlack] = {};
  std::memcpy(copy, bytes.data() + groups * step, PackedBytes(rest, width));
  const size_t whole = rest / kGroup;
  kUnpackers[step](copy, whole, values.data() + at);
  if (rest % kGroup == 0) return;
  uint64_t group[kGroup];
  kUnpackers[step](copy + whole * step, 1, group);
  std::memcpy(values.data() + at + whole * kGroup, group, rest % kGroup * sizeof(uint64_t));
}

}  // namespace twin::timeseries
