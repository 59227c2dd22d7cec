// Between the kinds of columns. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_CONVERSION_H_
#define TWIN_SERVER_TIMESERIES_CONVERSION_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/timeseries/block.h"
#include "server/timeseries/samples.h"
#include "server/timeseries/store.h"

namespace twin::timeseries {

inline constexpr int64_t kPowersOfTen[kDecimalsMax + 1] = {
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

// The double nearest to the decimal: a division rounds once, a product with the inverse twice.
inline double ScaledToDouble(int64_t value, uint8_t decimals) {
  return static_cast<double>(value) / static_cast<double>(kPowersOfTen[decimals]);
}

// Integers up to here have a double of their own.
inline constexpr int64_t kExactMax = int64_t{1} << 53;
inline bool IsExact(int64_t number) { return number >= -kExactMax && number <= kExactMax; }

// One value of a column.
struct Cell {
  ColumnKind kind = ColumnKind::kDouble;
  uint8_t decimals = 0;
  int64_t number = 0;  // kScaled, kInt
  double real = 0;
  absl::string_view bytes;  // kValue
};

// Value `row` of a column. It must not be missing.
Cell CellOf(const ColumnRows& column, size_t row);

// Without loss: the double of a decimal is the decimal's. False: it does not fit.
bool ToScaled(const Cell& cell, uint8_t decimals, int64_t* number);
bool ToInt(const Cell& cell, int64_t* number);
bool ToDouble(const Cell& cell, double* real);
void ToValue(const Cell& cell, std::string* bytes);

// The kind of ColumnValues that a reader gets.
ColumnKind KindOf(WantedAs as);

// Appends rows of `from` to `to` as what is wanted: rows[i] or, where `rows` is empty, those from
// `begin` on to before `end`. `to.missing` is filled from the first missing value on.
void AppendConverted(const ColumnValues& from, absl::Span<const uint32_t> rows, size_t begin,
                     size_t end, ColumnValues* to);
// Missing ones.
void AppendMissing(size_t count, ColumnValues* to);
size_t SizeOf(const ColumnValues& values);
inline bool IsMissing(const ColumnValues& values, size_t row) {
  return !values.missing.empty() && values.missing[row] != 0;
}

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_CONVERSION_H_
