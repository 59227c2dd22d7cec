#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "server/base/wide.h"
#include "server/timeseries/bits.h"
#include "server/timeseries/codec.h"
#include "server/timeseries/int_codec.h"
#include "server/timeseries/samples.h"
#include "server/timeseries/zstd.h"

namespace twin::timeseries {
namespace {

enum class DoubleForm : uint8_t {
  kDecimals = 0,  // + decimals << 2
  kBits = 1,      // + lowest bits that are zero in all << 2
  kPlanes = 2,    // first bytes of all, second bytes of all …, zstd
};
constexpr uint8_t kDoubleFormMask = 3;
constexpr int kDoubleFormShift = 2;

constexpr std::array<double, kDecimalsMax + 1> kPowers = {1e0, 1e1, 1e2, 1e3, 1e4,
                                                          1e5, 1e6, 1e7, 1e8, 1e9};
// Added to a double below 2^51, this leaves the nearest integer in the lowest bits.
constexpr double kRounder = 6755399441055744.0;  // 1.5 * 2^52
constexpr int64_t kIntegerMax = (int64_t{1} << 51) - 1;
constexpr double kGreatest = static_cast<double>(kIntegerMax);
constexpr uint64_t kSign = uint64_t{1} << 63;
constexpr size_t kSampleValues = 32;  // looked at to guess the decimals

TWIN_INLINE_LOOP uint64_t BitsOf(double value) { return std::bit_cast<uint64_t>(value); }

// What ToDecimal finds if there is one; of other values anything.
TWIN_INLINE_LOOP int64_t Guess(double value, double power) {
  return static_cast<int64_t>(BitsOf(value * power + kRounder) - BitsOf(kRounder));
}

// The double of an integer below 2^51; of others anything. Unlike a cast it vectorises.
TWIN_INLINE_LOOP double ToDouble(int64_t integer) {
  return std::bit_cast<double>(static_cast<uint64_t>(integer) + BitsOf(kRounder)) - kRounder;
}

// Fills what ToDecimal finds; 0: all are decimals.
TWIN_INLINE_LOOP uint64_t GuessAllOnAny(absl::Span<const double> values, double power,
                                        int64_t* integers) {
  uint64_t wrong = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t integer = Guess(values[i], power);
    integers[i] = integer;
    wrong |= BitsOf(ToDouble(integer) / power) ^ BitsOf(values[i]);
    // Too large, also as NaN: what there is below the sign bit is then above 2^51 - 1 as a double.
    wrong |= ((BitsOf(kGreatest) - (BitsOf(values[i] * power) & ~kSign)) & kSign);
  }
  return wrong;
}

TWIN_INLINE_LOOP void FromDecimalsOnAny(absl::Span<const int64_t> integers, double power,
                                        double* values) {
  for (size_t i = 0; i < integers.size(); ++i) values[i] = ToDouble(integers[i]) / power;
}

#if TWIN_HAS_WIDE
TWIN_WIDE uint64_t GuessAllOnWide(absl::Span<const double> values, double power,
                                  int64_t* integers) {
  return GuessAllOnAny(values, power, integers);
}
TWIN_WIDE void FromDecimalsOnWide(absl::Span<const int64_t> integers, double power,
                                  double* values) {
  FromDecimalsOnAny(integers, power, values);
}
#endif

uint64_t GuessAll(absl::Span<const double> values, double power, int64_t* integers) {
#if TWIN_HAS_WIDE
  if (HasWide()) return GuessAllOnWide(values, power, integers);
#endif
  return GuessAllOnAny(values, power, integers);
}

// The least decimals of some of the values, but at least `decimals`. -1: most have none.
template <typename Get>
int GuessDecimals(size_t count, const Get& get, int decimals) {
  const size_t step = count / kSampleValues + 1;
  size_t seen = 0;
  size_t without = 0;
  for (size_t i = 0; i < count; i += step) {
    const int found = DecimalsOf(get(i));
    decimals = std::max(decimals, found);
    ++seen;
    if (found < 0) ++without;
  }
  return without * 2 > seen ? -1 : decimals;
}

// Fills the integers, those of exceptions with the one before. Returns the exceptions.
std::vector<uint32_t> ScaleToIntegers(absl::Span<const double> values, int decimals,
                                      int64_t* integers) {
  const double power = kPowers[static_cast<size_t>(decimals)];
  std::vector<uint32_t> exceptions;
  constexpr size_t kStep = 64;
  for (size_t at = 0; at < values.size(); at += kStep) {
    const auto part = values.subspan(at, kStep);
    if (GuessAll(part, power, integers + at) == 0) continue;
    for (size_t i = at; i < at + part.size(); ++i) {
      if (ToDecimal(values[i], decimals, &integers[i])) continue;
      exceptions.push_back(static_cast<uint32_t>(i));
      integers[i] = i == 0 ? 0 : integers[i - 1];
    }
  }
  return exceptions;
}

void AppendDecimals(absl::Span<const double> values, absl::Span<const int64_t> integers,
                    int decimals, const std::vector<uint32_t>& exceptions, std::string* bytes) {
  bytes->push_back(static_cast<char>(decimals << kDoubleFormShift));
  AppendVarint(bytes, exceptions.size());
  uint32_t next = 0;
  for (const uint32_t at : exceptions) {
    AppendVarint(bytes, at - next);
    AppendFixed(bytes, BitsOf(values[at]));
    next = at + 1;
  }
  EncodeInts(integers, bytes);
}

bool EncodeDecimals(absl::Span<const double> values, int64_t* room, std::string* bytes,
                    bool* many_exceptions) {
  int decimals = GuessDecimals(
      values.size(), [&values](size_t i) { return values[i]; }, 0);
  if (decimals < 0) return false;
  std::vector<uint32_t> exceptions = ScaleToIntegers(values, decimals, room);
  while (!exceptions.empty()) {
    const int more = GuessDecimals(
        exceptions.size(), [&](size_t i) { return values[exceptions[i]]; }, decimals);
    if (more <= decimals) break;
    decimals = more;
    exceptions = ScaleToIntegers(values, decimals, room);
  }
  if (exceptions.size() * 2 > values.size()) return false;
  *many_exceptions = exceptions.size() * 16 > values.size();
  AppendDecimals(values, {room, values.size()}, decimals, exceptions, bytes);
  return true;
}

void EncodeBits(absl::Span<const double> values, int64_t* room, std::string* bytes) {
  uint64_t all = 0;
  for (const double value : values) all |= BitsOf(value);
  const int shift = all == 0 ? 0 : std::countr_zero(all);
  for (size_t i = 0; i < values.size(); ++i) {
    room[i] = static_cast<int64_t>(BitsOf(values[i]) >> shift);
  }
  bytes->push_back(
      static_cast<char>(static_cast<uint8_t>(DoubleForm::kBits) | shift % 64 << kDoubleFormShift));
  EncodeInts({room, values.size()}, bytes);
}

void EncodePlanes(absl::Span<const double> values, std::string* bytes) {
  const size_t count = values.size();
  std::string planes(count * sizeof(double), '\0');
  for (size_t i = 0; i < count; ++i) {
    const uint64_t bits = BitsOf(values[i]);
    for (size_t plane = 0; plane < sizeof(double); ++plane) {
      planes[plane * count + i] = static_cast<char>(bits >> (8 * plane));
    }
  }
  std::string packed;
  Compress(planes, &packed);
  bytes->push_back(static_cast<char>(DoubleForm::kPlanes));
  AppendString(bytes, packed);
}

bool DecodeDecimals(ByteReader* reader, int decimals, absl::Span<double> values) {
  const size_t count = reader->Varint(values.size());
  if (decimals > kDecimalsMax || !reader->ok()) {
    reader->Fail();
    return false;
  }
  ByteReader exceptions = *reader;
  for (size_t i = 0; i < count; ++i) {
    reader->Varint();
    reader->Fixed<uint64_t>();
    if (!reader->ok()) return false;
  }
  const auto integers = std::make_unique_for_overwrite<int64_t[]>(values.size());
  if (!DecodeInts(reader, {integers.get(), values.size()})) return false;
  FromDecimals({integers.get(), values.size()}, decimals, values.data());
  size_t next = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t gap = exceptions.Varint();
    const auto bits = exceptions.Fixed<uint64_t>();
    if (gap >= values.size() - next) {
      reader->Fail();
      return false;
    }
    next += gap;
    values[next++] = std::bit_cast<double>(bits);
  }
  return true;
}

bool DecodePlanes(ByteReader* reader, absl::Span<double> values) {
  const absl::string_view packed = reader->String();
  const size_t count = values.size();
  std::string planes;
  if (!reader->ok() || !Decompress(packed, count * sizeof(double), &planes)) {
    reader->Fail();
    return false;
  }
  for (size_t i = 0; i < count; ++i) {
    uint64_t bits = 0;
    for (size_t plane = 0; plane < sizeof(double); ++plane) {
      bits |= static_cast<uint64_t>(static_cast<unsigned char>(planes[plane * count + i]))
              << (8 * plane);
    }
    values[i] = std::bit_cast<double>(bits);
  }
  return true;
}

}  // namespace

bool ToDecimal(double value, int decimals, int64_t* integer) {
  const double power = kPowers[static_cast<size_t>(decimals)];
  if (!(std::abs(value * power) <= static_cast<double>(kIntegerMax))) return false;  // also NaN
  const int64_t guess = Guess(value, power);
  if (BitsOf(static_cast<double>(guess) / power) != BitsOf(value)) return false;
  *integer = guess;
  return true;
}

int64_t NearestDecimal(double value, int decimals) {
  return Guess(value, kPowers[static_cast<size_t>(decimals)]);
}

int DecimalsOf(double value) {
  int64_t integer = 0;
  for (int decimals = 0; decimals <= kDecimalsMax; ++decimals) {
    if (ToDecimal(value, decimals, &integer)) return decimals;
  }
  return -1;
}

bool ToDecimals(absl::Span<const double> values, int decimals, int64_t* integers) {
  return GuessAll(values, kPowers[static_cast<size_t>(decimals)], integers) == 0;
}

void FromDecimals(absl::Span<const int64_t> integers, int decimals, double* values) {
  const double power = kPowers[static_cast<size_t>(decimals)];
#if TWIN_HAS_WIDE
  if (HasWide()) return FromDecimalsOnWide(integers, power, values);
#endif
  FromDecimalsOnAny(integers, power, values);
}

double FromDecimal(int64_t integer, int decimals) {
  return static_cast<double>(integer) / kPowers[static_cast<size_t>(decimals)];
}

void EncodeDoubles(absl::Span<const double> values, std::string* bytes) {
  if (values.empty()) return;
  const auto room = std::make_unique_for_overwrite<int64_t[]>(values.size());
  std::string decimals;
  bool many_exceptions = false;
  const bool are_decimals = EncodeDecimals(values, room.get(), &decimals, &many_exceptions);
  if (are_decimals && !many_exceptions) {
    bytes->append(decimals);
    return;
  }
  std::string best;
  EncodeBits(values, room.get(), &best);
  // Zstd is slow: for a little it is not worth it.
  constexpr size_t kWorthBytes = 128;
  if (best.size() > kWorthBytes) {
    std::string planes;
    EncodePlanes(values, &planes);
    if (planes.size() < best.size() - best.size() / 8) best = std::move(planes);
  }
  bytes->append(are_decimals && decimals.size() <= best.size() ? decimals : best);
}

bool DecodeDoubles(ByteReader* reader, absl::Span<double> values) {
  if (values.empty()) return reader->ok();
  const uint8_t tag = reader->Byte();
  const int detail = tag >> kDoubleFormShift;
  switch (static_cast<DoubleForm>(tag & kDoubleFormMask)) {
    case DoubleForm::kDecimals:
      return DecodeDecimals(reader, detail, values);
    case DoubleForm::kPlanes:
      return DecodePlanes(reader, values);
    case DoubleForm::kBits: {
      const auto room = std::make_unique_for_overwrite<int64_t[]>(values.size());
      if (!DecodeInts(reader, {room.get(), values.size()})) return false;
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = std::bit_cast<double>(static_cast<uint64_t>(room[i]) << detail);
      }
      return true;
    }
  }
  reader->Fail();
  return false;
}

}  // namespace twin::timeseries
