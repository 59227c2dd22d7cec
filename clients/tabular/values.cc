#include "clients/tabular/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace twin::tabular {
namespace {

constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

}  // namespace

std::optional<Decimal> ParseDecimal(absl::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  Decimal decimal;
  int digits = 0;
  bool point = false;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (!IsDigit(c) || ++digits > Decimal::kDigitsMax) return std::nullopt;
    decimal.mantissa = decimal.mantissa * 10 + (c - '0');
    if (point) ++decimal.digits;
  }
  if (digits == 0) return std::nullopt;
  if (negative) decimal.mantissa = -decimal.mantissa;
  return decimal;
}

std::optional<Decimal> DecimalOf(double number) {
  std::array<char, 400> text;
  const std::to_chars_result end =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (end.ec != std::errc()) return std::nullopt;
  return ParseDecimal({text.data(), static_cast<size_t>(end.ptr - text.data())});
}

Decimal Shortened(Decimal decimal) {
  while (decimal.digits > 0 && decimal.mantissa % 10 == 0) {
    decimal.mantissa /= 10;
    --decimal.digits;
  }
  return decimal;
}

double ToDouble(const Decimal& decimal) {
  // Both sides are exact in a double, so the quotient is rounded once.
  constexpr std::array<double, 16> kPowers = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  constexpr int64_t kExactMax = int64_t{1} << 53;
  if (std::abs(decimal.mantissa) <= kExactMax && decimal.digits < 16) {
    return static_cast<double>(decimal.mantissa) / kPowers[static_cast<size_t>(decimal.digits)];
  }
  double number = 0;
  const bool read = absl::SimpleAtod(absl::StrCat(decimal.mantissa, "e-", decimal.digits), &number);
  return read ? number : std::numeric_limits<double>::quiet_NaN();
}

std::optional<Decimal> Multiply(const Decimal& a, const Decimal& b) {
  Decimal product;
  if (__builtin_mul_overflow(a.mantissa, b.mantissa, &product.mantissa)) return std::nullopt;
  product.digits = a.digits + b.digits;
  product = Shortened(product);
  if (product.digits > Decimal::kDigitsMax) return std::nullopt;
  return product;
}

std::optional<Decimal> Add(const Decimal& a, const Decimal& b) {
  Decimal sum = {.digits = std::max(a.digits, b.digits)};
  const std::optional<int64_t> left = MantissaAt(a, sum.digits);
  const std::optional<int64_t> right = MantissaAt(b, sum.digits);
  if (!left || !right || __builtin_add_overflow(*left, *right, &sum.mantissa)) return std::nullopt;
  return sum;
}

std::optional<int64_t> MantissaAt(const Decimal& decimal, int digits) {
  if (digits < decimal.digits) return std::nullopt;
  int64_t mantissa = decimal.mantissa;
  for (int i = decimal.digits; i < digits; ++i) {
    if (std::abs(mantissa) > kInt64Max / 10) return std::nullopt;
    mantissa *= 10;
  }
  return mantissa;
}

void AppendNumber(double number, std::string* out) {
  std::array<char, 32> text;
  const std::to_chars_result end = std::to_chars(text.data(), text.data() + text.size(), number);
  out->append(text.data(), static_cast<size_t>(end.ptr - text.data()));
}

void AppendTime(int64_t unix_nano, std::string* out) {
  absl::StrAppend(out, FormatTime(unix_nano));
}

std::string FormatTime(int64_t unix_nano) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixNanos(unix_nano),
                          absl::UTCTimeZone());
}

absl::StatusOr<int64_t> ParseTime(absl::string_view text) {
  const bool number = !text.empty() && (IsDigit(text[0]) || text[0] == '-') &&
                      text.find_first_not_of("0123456789", 1) == absl::string_view::npos;
  int64_t unix_nano = 0;
  if (number && absl::SimpleAtoi(text, &unix_nano)) return unix_nano;
  absl::Time time;
  if (!number && absl::ParseTime(absl::RFC3339_full, text, &time, nullptr) &&
      time >= absl::FromUnixNanos(std::numeric_limits<int64_t>::min()) &&
      time <= absl::FromUnixNanos(kInt64Max)) {
    return absl::ToUnixNanos(time);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is no time such as 2026-03-01T08:30:00Z"));
}

}  // namespace twin::tabular
