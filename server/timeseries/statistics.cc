#include "server/timeseries/statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "server/base/wide.h"
#include "server/timeseries/codec.h"

namespace twin::timeseries {
namespace {

constexpr uint8_t kConstant = 1;
constexpr uint8_t kSumOverflows = 2;  // of integers
constexpr uint8_t kHasNan = 2;        // of doubles
constexpr uint8_t kDecimals = 4;

TWIN_INLINE_LOOP uint64_t U(int64_t value) { return static_cast<uint64_t>(value); }
int64_t I(uint64_t value) { return static_cast<int64_t>(value); }

// Adds up in halves: no sum of the rows of a block overflows, and it vectorises.
struct Halves {
  int64_t least = INT64_MAX;
  int64_t greatest = INT64_MIN;
  uint64_t low = 0;
  int64_t high = 0;
};

TWIN_INLINE_LOOP Halves HalvesOnAny(absl::Span<const int64_t> values) {
  Halves all;
  for (const int64_t value : values) {
    all.least = std::min(all.least, value);
    all.greatest = std::max(all.greatest, value);
    all.low += U(value) & UINT32_MAX;
    all.high += value >> 32;
  }
  return all;
}

#if TWIN_HAS_WIDE
TWIN_WIDE Halves HalvesOnWide(absl::Span<const int64_t> values) { return HalvesOnAny(values); }
#endif

Halves HalvesOf(absl::Span<const int64_t> values) {
#if TWIN_HAS_WIDE
  if (HasWide()) return HalvesOnWide(values);
#endif
  return HalvesOnAny(values);
}

void SetSum(__int128 sum, ColumnStatistics* statistics) {
  statistics->sum_overflows = sum < INT64_MIN || sum > INT64_MAX;
  statistics->sum_int = statistics->sum_overflows ? 0 : static_cast<int64_t>(sum);
}

// The statistics of `count` times the first value.
void SetConstant(ColumnStatistics* s) {
  s->last_double = s->first_double;
  s->has_nan = std::isnan(s->first_double);
  s->min_double = s->max_double = s->has_nan ? 0 : s->first_double;
  s->sum_double = s->has_nan ? 0 : s->first_double * s->count;
}

// Whether the figures are decimals, of which at most 2^51 each.
bool FindDecimals(const ColumnStatistics& s, bool constant, uint8_t* decimals) {
  int most = 0;
  for (const double value : {s.min_double, s.max_double, s.first_double, s.last_double}) {
    const int found = DecimalsOf(value);
    if (found < 0) return false;
    most = std::max(most, found);
  }
  int64_t integer = 0;
  for (const double value : {s.min_double, s.max_double, s.first_double, s.last_double}) {
    if (!ToDecimal(value, most, &integer)) return false;
  }
  constexpr double kSumMax = 1e15;
  *decimals = static_cast<uint8_t>(most);
  return constant || std::abs(s.sum_double / FromDecimal(1, most)) < kSumMax;
}

int64_t Integer(double value, int decimals) {
  int64_t integer = 0;
  ToDecimal(value, decimals, &integer);
  return integer;
}

void AppendDecimalStatistics(const ColumnStatistics& s, bool constant, int decimals,
                             std::string* bytes) {
  const int64_t first = Integer(s.first_double, decimals);
  if (constant) {
    AppendSigned(bytes, first);
    return;
  }
  const int64_t least = Integer(s.min_double, decimals);
  AppendSigned(bytes, least);
  AppendVarint(bytes, U(Integer(s.max_double, decimals)) - U(least));
  AppendVarint(bytes, U(first) - U(least));
  AppendVarint(bytes, U(Integer(s.last_double, decimals)) - U(least));
  // The sum is a decimal but for the errors of adding: those are a few times its last bit.
  const int64_t sum = NearestDecimal(s.sum_double, decimals);
  AppendVarint(bytes, U(sum) - U(least) * s.count);
  AppendSigned(bytes, I(std::bit_cast<uint64_t>(s.sum_double) -
                        std::bit_cast<uint64_t>(FromDecimal(sum, decimals))));
}

void TakeDecimalStatistics(ByteReader* reader, int decimals, bool constant, ColumnStatistics* s) {
  const int64_t least = reader->Signed();
  if (constant) {
    s->first_double = FromDecimal(least, decimals);
    SetConstant(s);
    return;
  }
  s->min_double = FromDecimal(least, decimals);
  s->max_double = FromDecimal(I(U(least) + reader->Varint()), decimals);
  s->first_double = FromDecimal(I(U(least) + reader->Varint()), decimals);
  s->last_double = FromDecimal(I(U(least) + reader->Varint()), decimals);
  const double sum = FromDecimal(I(U(least) * s->count + reader->Varint()), decimals);
  s->sum_double = std::bit_cast<double>(std::bit_cast<uint64_t>(sum) + U(reader->Signed()));
}

}  // namespace

ColumnStatistics StatisticsOf(absl::Span<const int64_t> values, bool* constant) {
  ColumnStatistics s;
  s.count = static_cast<uint32_t>(values.size());
  s.first_int = values.front();
  s.last_int = values.back();
  const Halves all = HalvesOf(values);
  s.min_int = all.least;
  s.max_int = all.greatest;
  *constant = s.min_int == s.max_int;
  SetSum(static_cast<__int128>(all.high) * (int64_t{1} << 32) + all.low, &s);
  return s;
}

ColumnStatistics StatisticsOf(absl::Span<const double> values, bool* constant) {
  ColumnStatistics s;
  s.count = static_cast<uint32_t>(values.size());
  s.first_double = values.front();
  s.last_double = values.back();
  const auto first_bits = std::bit_cast<uint64_t>(s.first_double);
  uint64_t different = 0;
  bool has_number = false;
  for (const double value : values) {
    different |= std::bit_cast<uint64_t>(value) ^ first_bits;
    if (std::isnan(value)) {
      s.has_nan = true;
      continue;
    }
    if (!has_number) s.min_double = s.max_double = value;
    has_number = true;
    s.min_double = std::min(s.min_double, value);
    s.max_double = std::max(s.max_double, value);
    s.sum_double += value;
  }
  *constant = different == 0;
  if (*constant) SetConstant(&s);
  return s;
}

void AppendIntStatistics(const ColumnStatistics& s, bool constant, std::string* bytes) {
  bytes->push_back(static_cast<char>((constant ? kConstant : 0) |
                                     (s.sum_overflows && !constant ? kSumOverflows : 0)));
  AppendSigned(bytes, s.min_int);
  if (constant) return;
  const uint64_t least = U(s.min_int);
  AppendVarint(bytes, U(s.max_int) - least);
  AppendVarint(bytes, U(s.first_int) - least);
  AppendVarint(bytes, U(s.last_int) - least);
  if (!s.sum_overflows) AppendVarint(bytes, U(s.sum_int) - least * s.count);
}

void TakeIntStatistics(ByteReader* reader, ColumnStatistics* s, bool* constant) {
  const uint8_t flags = reader->Byte();
  if (flags > (kConstant | kSumOverflows)) reader->Fail();
  *constant = (flags & kConstant) != 0;
  s->min_int = reader->Signed();
  if (*constant) {
    s->max_int = s->first_int = s->last_int = s->min_int;
    SetSum(static_cast<__int128>(s->min_int) * s->count, s);
    return;
  }
  const uint64_t least = U(s->min_int);
  s->max_int = I(least + reader->Varint());
  s->first_int = I(least + reader->Varint());
  s->last_int = I(least + reader->Varint());
  s->sum_overflows = (flags & kSumOverflows) != 0;
  if (!s->sum_overflows) s->sum_int = I(least * s->count + reader->Varint());
}

void AppendDoubleStatistics(const ColumnStatistics& s, bool constant, uint8_t* decimals,
                            std::string* bytes) {
  *decimals = 0;
  const bool are_decimals = FindDecimals(s, constant, decimals);
  if (!are_decimals) *decimals = 0;
  bytes->push_back(static_cast<char>((constant ? kConstant : 0) | (s.has_nan ? kHasNan : 0) |
                                     (are_decimals ? kDecimals : 0)));
  if (are_decimals) {
    AppendDecimalStatistics(s, constant, *decimals, bytes);
    return;
  }
  AppendFixed(bytes, s.first_double);
  if (constant) return;
  AppendFixed(bytes, s.last_double);
  AppendFixed(bytes, s.min_double);
  AppendFixed(bytes, s.max_double);
  AppendFixed(bytes, s.sum_double);
}

void TakeDoubleStatistics(ByteReader* reader, uint8_t decimals, ColumnStatistics* s,
                          bool* constant) {
  const uint8_t flags = reader->Byte();
  if (flags > (kConstant | kHasNan | kDecimals)) reader->Fail();
  *constant = (flags & kConstant) != 0;
  s->has_nan = (flags & kHasNan) != 0;
  if ((flags & kDecimals) != 0) {
    TakeDecimalStatistics(reader, decimals, *constant, s);
    return;
  }
  s->first_double = reader->Fixed<double>();
  if (*constant) {
    SetConstant(s);
    return;
  }
  s->last_double = reader->Fixed<double>();
  s->min_double = reader->Fixed<double>();
  s->max_double = reader->Fixed<double>();
  s->sum_double = reader->Fixed<double>();
}

}  // namespace twin::timeseries
