// Functions of numbers.
#include <cmath>
#include <limits>

#include "query/ast/error.h"
#include "query/execute/functions.h"
#include "query/execute/kernels.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

constexpr int64_t kDigitsMax = 400;  // beyond every double

// Half away from zero, at so many digits behind the point; before it, where negative.
double RoundDigits(double value, int64_t digits) {
  if (digits == 0) return std::round(value);
  const double scale = std::pow(10.0, static_cast<double>(std::abs(digits)));
  if (!std::isfinite(scale)) return digits > 0 ? value : 0.0;
  const double scaled = digits > 0 ? value * scale : value / scale;
  // So large a number has no digits there.
  if (!(std::abs(scaled) < 4503599627370496.0)) return value;
  const double rounded = std::round(scaled);
  // 2.675 * 100 is a little less than 267.5: what prints as a half is meant as one.
  const double away = std::nextafter(scaled, scaled < 0 ? -HUGE_VAL : HUGE_VAL);
  const double result = std::round(away) != rounded ? std::round(away) : rounded;
  return digits > 0 ? result / scale : result * scale;
}

bool RoundInt(int64_t value, int64_t digits, int64_t* out) {
  *out = value;
  if (digits >= 0) return true;
  if (digits < -19) {
    *out = 0;
    return true;
  }
  __int128 scale = 1;
  for (int64_t i = 0; i < -digits; ++i) scale *= 10;
  const __int128 half = value < 0 ? -scale / 2 : scale / 2;
  const __int128 rounded = (value + half) / scale * scale;
  *out = static_cast<int64_t>(rounded);
  return rounded == *out;
}

double Compute(Function function, double x, double y) {
  switch (function) {
    case Function::kAbs:
      return std::abs(x);
    case Function::kFloor:
      return std::floor(x);
    case Function::kCeil:
      return std::ceil(x);
    case Function::kSqrt:
      return std::sqrt(x);
    case Function::kExp:
      return std::exp(x);
    case Function::kLn:
      return x <= 0 ? std::numeric_limits<double>::quiet_NaN() : std::log(x);
    default:
      return std::pow(x, y);
  }
}

// The item that the function makes of an item; NULL where it is not defined. False: overflow.
bool ComputeItem(Function function, const Item& x, const Item& y, bool has_y, Item* out) {
  *out = Item();
  if (!x.is_number() || (has_y && !y.is_number())) return true;
  const bool is_int = x.kind == Value::Kind::kInt;
  if (is_int && (function == Function::kFloor || function == Function::kCeil)) {
    *out = x;
    return true;
  }
  if (is_int && function == Function::kAbs) {
    *out = x;
    if (x.integer == std::numeric_limits<int64_t>::min()) return false;
    out->integer = std::abs(x.integer);
    return true;
  }
  if (function == Function::kRound) {
    const int64_t digits =
        has_y ? std::clamp(y.kind == Value::Kind::kInt
                               ? y.integer
                               : static_cast<int64_t>(std::clamp(y.number, -1e3, 1e3)),
                           -kDigitsMax, kDigitsMax)
              : 0;
    *out = x;
    if (is_int) return RoundInt(x.integer, digits, &out->integer);
    out->number = RoundDigits(x.number, digits);
    return true;
  }
  const double argument = x.as_double();
  const double result = Compute(function, argument, has_y ? y.as_double() : 0);
  // Not defined there, as SQRT(-1): NULL, as a division by zero is.
  if (std::isnan(result) && !std::isnan(argument)) return true;
  out->kind = Value::Kind::kDouble;
  out->number = result;
  return true;
}

// The functions that are one instruction or so.
template <typename F>
absl::Status MapDoubles(const Operand& x, size_t rows, Vector* out, F f) {
  MapPairs(Doubles(x), Doubles(x), rows, out->doubles.data(),
           [f](double a, double) { return f(a); });
  return absl::OkStatus();
}

}  // namespace

absl::Status NumberFunction(const BoundExpr& expr, Operands operands, size_t rows, Vector* out) {
  const Operand& x = operands[0];
  const Operand& y = operands.back();
  const bool has_y = operands.size() > 1;
  if (!ResetStrict({&x, &y}, expr.type.kind, rows, out)) return absl::OkStatus();
  if (x.vector().kind == TypeKind::kDouble && out->kind == TypeKind::kDouble && !has_y) {
    switch (expr.function) {
      case Function::kAbs:
        return MapDoubles(x, rows, out, [](double a) { return std::abs(a); });
      case Function::kFloor:
        return MapDoubles(x, rows, out, [](double a) { return std::floor(a); });
      case Function::kCeil:
        return MapDoubles(x, rows, out, [](double a) { return std::ceil(a); });
      case Function::kRound:
        return MapDoubles(x, rows, out, [](double a) { return std::round(a); });
      default:
        break;
    }
  }
  for (size_t i = 0; i < rows; ++i) {
    if (out->IsNull(i)) continue;
    Item item;
    if (!ComputeItem(expr.function, x.ItemOfRow(i), y.ItemOfRow(i), has_y, &item)) {
      return IntegerOverflow(expr);
    }
    if (item.kind == Value::Kind::kDouble &&
        (out->kind == TypeKind::kInt || out->kind == TypeKind::kDuration)) {
      // ROUND, FLOOR and CEIL as an integer.
      int64_t integer;
      if (!RoundToInt(item.number, &integer)) return IntegerOverflow(expr);
      out->ints[i] = integer;
      continue;
    }
    SetItem(item, i, out);
  }
  return absl::OkStatus();
}

absl::Status ExtremeFunction(const BoundExpr& expr, const Frame& frame, Operands operands,
                             Vector* out) {
  const int sign = expr.function == Function::kLeast ? 1 : -1;
  const size_t rows = frame.rows;
  out->Reset(expr.type.kind, rows);
  if (expr.type.kind == TypeKind::kNull) return absl::OkStatus();
  for (Operand& operand : operands) {
    TWIN_RETURN_IF_ERROR(CastTo(expr.type.kind, frame, &operand));
  }
  // The operand that each row takes.
  std::vector<const Operand*> best(rows, nullptr);
  for (const Operand& operand : operands) {
    for (size_t i = 0; i < rows; ++i) {
      if (operand.ItemOfRow(i).is_null()) continue;
      if (best[i] == nullptr ||
          sign * Compare(operand.vector(), operand.At(i), best[i]->vector(), best[i]->At(i)) < 0) {
        best[i] = &operand;
      }
    }
  }
  for (size_t i = 0; i < rows; ++i) {
    SetItem(best[i] == nullptr ? Item() : best[i]->ItemOfRow(i), i, out);
  }
  return absl::OkStatus();
}

}  // namespace twin::query
