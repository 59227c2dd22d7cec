// Numbers and times as text, to the last digit.
#ifndef TWIN_CLIENTS_TABULAR_VALUES_H_
#define TWIN_CLIENTS_TABULAR_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace twin::tabular {

// mantissa / 10^digits.
struct Decimal {
  static constexpr int kDigitsMax = 18;

  int64_t mantissa = 0;
  int digits = 0;  // from 0 to kDigitsMax
};

// "-12.50" is 1250 with 2 digits. Nothing: it is no decimal of at most 18 digits; there is no
// exponent.
std::optional<Decimal> ParseDecimal(absl::string_view text);
// The shortest decimal of a double: of 0.001 one with 3 digits. Nothing: it has more than 18.
std::optional<Decimal> DecimalOf(double number);
// Without zeros behind the point.
Decimal Shortened(Decimal decimal);
// The double nearest to it.
double ToDouble(const Decimal& decimal);
// Products and sums, exact; nothing where they have more than 18 digits.
std::optional<Decimal> Multiply(const Decimal& a, const Decimal& b);
std::optional<Decimal> Add(const Decimal& a, const Decimal& b);
// The mantissa with so many digits, of which it has no more; nothing where it does not fit.
std::optional<int64_t> MantissaAt(const Decimal& decimal, int digits);

// The shortest text that reads back as the same number: "3.658", "1e+22", "inf", "nan".
void AppendNumber(double number, std::string* out);

// "2021-05-05T01:10:00.25Z": as many digits of a second as it takes.
std::string FormatTime(int64_t unix_nano);
void AppendTime(int64_t unix_nano, std::string* out);
// ISO 8601 with a zone, or digits alone: nanoseconds since 1970. INVALID_ARGUMENT.
absl::StatusOr<int64_t> ParseTime(absl::string_view text);

}  // namespace twin::tabular

#endif  // TWIN_CLIENTS_TABULAR_VALUES_H_
