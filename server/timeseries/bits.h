// Integers of one width, packed: value i lies in bits [i * width, (i + 1) * width), the first bit
// the lowest of the first byte.
#ifndef TWIN_SERVER_TIMESERIES_BITS_H_
#define TWIN_SERVER_TIMESERIES_BITS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::timeseries {

inline constexpr int kWidthMax = 64;

constexpr size_t PackedBytes(size_t count, int width) {
  return (count * static_cast<size_t>(width) + 7) / 8;
}

// Appends the lowest `width` bits of each value; the bits above are left out.
void Pack(absl::Span<const uint64_t> values, int width, std::string* bytes);

// Fills `values` from the first PackedBytes() of `bytes`, which must be there. More bytes than
// those are not looked at.
void Unpack(absl::string_view bytes, int width, absl::Span<uint64_t> values);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_BITS_H_
