// + - * / % and negation.
#include <cmath>
#include <limits>

#include "query/ast/error.h"
#include "query/execute/kernels.h"

namespace twin::query {
namespace {

constexpr int64_t kIntMin = std::numeric_limits<int64_t>::min();

// The operand's numbers as doubles; ints are converted into `storage`.
Arg<double> AsDoubles(const Operand& operand, std::vector<double>* storage) {
  const Vector& vector = operand.vector();
  if (vector.kind == TypeKind::kDouble) return Doubles(operand);
  storage->resize(vector.ints.size());
  for (size_t i = 0; i < storage->size(); ++i) {
    (*storage)[i] = static_cast<double>(vector.ints[i]);
  }
  return {storage->data(), operand.constant()};
}

// f(i, a[i], b[i]) for every row.
template <typename T, typename F>
void ForPairs(Arg<T> a, Arg<T> b, size_t rows, F f) {
  if (b.constant) {
    const T y = *b.data;
    if (a.constant) {
      for (size_t i = 0; i < rows; ++i) f(i, *a.data, y);
      return;
    }
    for (size_t i = 0; i < rows; ++i) f(i, a.data[i], y);
  } else if (a.constant) {
    const T x = *a.data;
    for (size_t i = 0; i < rows; ++i) f(i, x, b.data[i]);
  } else {
    for (size_t i = 0; i < rows; ++i) f(i, a.data[i], b.data[i]);
  }
}

// NULL where the divisor is zero.
template <typename T>
void NullWhereZero(Arg<T> divisor, size_t rows, Vector* out) {
  const size_t count = divisor.constant ? 1 : rows;
  bool any = false;
  for (size_t i = 0; i < count; ++i) any |= divisor.data[i] == T{0};
  if (!any) return;
  out->nulls.resize(rows);
  for (size_t i = 0; i < rows; ++i) {
    out->nulls[i] |= static_cast<uint8_t>(divisor.data[divisor.constant ? 0 : i] == T{0});
  }
}

void DoubleArithmetic(BoundKind kind, Arg<double> a, Arg<double> b, size_t rows, Vector* out) {
  double* const to = out->doubles.data();
  switch (kind) {
    case BoundKind::kAdd:
      MapPairs(a, b, rows, to, [](double x, double y) { return x + y; });
      break;
    case BoundKind::kSubtract:
      MapPairs(a, b, rows, to, [](double x, double y) { return x - y; });
      break;
    case BoundKind::kMultiply:
      MapPairs(a, b, rows, to, [](double x, double y) { return x * y; });
      break;
    case BoundKind::kDivide:
      MapPairs(a, b, rows, to, [](double x, double y) { return x / y; });
      NullWhereZero(b, rows, out);
      break;
    default:
      MapPairs(a, b, rows, to, [](double x, double y) { return std::fmod(x, y); });
      NullWhereZero(b, rows, out);
      break;
  }
}

// `overflow` has its top bit set where it did.
int64_t AddWrapped(int64_t x, int64_t y, int64_t* overflow) {
  const auto sum = static_cast<int64_t>(static_cast<uint64_t>(x) + static_cast<uint64_t>(y));
  *overflow = (x ^ sum) & (y ^ sum);
  return sum;
}
int64_t SubtractWrapped(int64_t x, int64_t y, int64_t* overflow) {
  const auto difference = static_cast<int64_t>(static_cast<uint64_t>(x) - static_cast<uint64_t>(y));
  *overflow = (x ^ y) & (x ^ difference);
  return difference;
}
int64_t MultiplyWrapped(int64_t x, int64_t y, int64_t* overflow) {
  int64_t product;
  *overflow = __builtin_mul_overflow(x, y, &product) ? kIntMin : 0;
  return product;
}

// False: some row that is not NULL overflowed.
template <typename F>
bool CheckedArithmetic(Arg<int64_t> a, Arg<int64_t> b, size_t rows, Vector* out, F wrapped) {
  int64_t* const to = out->ints.data();
  int64_t bad = 0;
  if (out->nulls.empty()) {
    ForPairs(a, b, rows, [&bad, to, wrapped](size_t i, int64_t x, int64_t y) {
      int64_t overflow;
      to[i] = wrapped(x, y, &overflow);
      bad |= overflow;
    });
  } else {
    const uint8_t* const nulls = out->nulls.data();
    ForPairs(a, b, rows, [&bad, to, nulls, wrapped](size_t i, int64_t x, int64_t y) {
      int64_t overflow;
      to[i] = wrapped(x, y, &overflow);
      bad |= overflow & (static_cast<int64_t>(nulls[i]) - 1);
    });
  }
  return bad >= 0;
}

int64_t Remainder(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }

bool IntArithmetic(BoundKind kind, Arg<int64_t> a, Arg<int64_t> b, size_t rows, Vector* out) {
  switch (kind) {
    case BoundKind::kAdd:
      return CheckedArithmetic(a, b, rows, out, [](auto... x) { return AddWrapped(x...); });
    case BoundKind::kSubtract:
      return CheckedArithmetic(a, b, rows, out, [](auto... x) { return SubtractWrapped(x...); });
    case BoundKind::kMultiply:
      return CheckedArithmetic(a, b, rows, out, [](auto... x) { return MultiplyWrapped(x...); });
    default:
      MapPairs(a, b, rows, out->ints.data(), [](auto... x) { return Remainder(x...); });
      NullWhereZero(b, rows, out);
      return true;
  }
}

// A quotient rounded to the nearest integer, half away from zero.
int64_t RoundedQuotient(int64_t x, int64_t y, int64_t* overflow) {
  *overflow = 0;
  if (y == 0) return 0;
  if (y == -1) return SubtractWrapped(0, x, overflow);
  const int64_t quotient = x / y;
  const int64_t rest = x % y;
  // |rest| >= |y| - |rest|, written so that nothing overflows.
  const uint64_t rest_size =
      rest < 0 ? 0 - static_cast<uint64_t>(rest) : static_cast<uint64_t>(rest);
  const uint64_t y_size = y < 0 ? 0 - static_cast<uint64_t>(y) : static_cast<uint64_t>(y);
  if (rest_size < y_size - rest_size) return quotient;
  return (x < 0) == (y < 0) ? quotient + 1 : quotient - 1;
}

// Durations times or by numbers: computed as doubles, rounded.
bool RoundedArithmetic(BoundKind kind, const Operand& a, const Operand& b, size_t rows,
                       Vector* out) {
  std::vector<double> storage_a;
  std::vector<double> storage_b;
  const Arg<double> x = AsDoubles(a, &storage_a);
  const Arg<double> y = AsDoubles(b, &storage_b);
  Vector exact;
  exact.Reset(TypeKind::kDouble, rows);
  exact.nulls = out->nulls;
  DoubleArithmetic(kind, x, y, rows, &exact);
  out->nulls = std::move(exact.nulls);
  bool good = true;
  for (size_t i = 0; i < rows; ++i) {
    if (!RoundToInt(exact.doubles[i], &out->ints[i]) && !out->IsNull(i)) good = false;
  }
  return good;
}

// Of operands whose types are known row by row: what the types of the items say. NULL: none.
bool ItemArithmetic(BoundKind kind, const Item& a, const Item& b, Item* out) {
  *out = Item();
  int64_t overflow = 0;
  const bool times = a.kind == Value::Kind::kTime || b.kind == Value::Kind::kTime;
  const bool numbers = a.is_number() && b.is_number();
  if (numbers &&
      (kind == BoundKind::kDivide || a.kind != b.kind || a.kind == Value::Kind::kDouble)) {
    const double x = a.as_double();
    const double y = b.as_double();
    if ((kind == BoundKind::kDivide || kind == BoundKind::kModulo) && y == 0) return true;
    out->kind = Value::Kind::kDouble;
    switch (kind) {
      case BoundKind::kAdd:
        out->number = x + y;
        break;
      case BoundKind::kSubtract:
        out->number = x - y;
        break;
      case BoundKind::kMultiply:
        out->number = x * y;
        break;
      case BoundKind::kDivide:
        out->number = x / y;
        break;
      default:
        out->number = std::fmod(x, y);
        break;
    }
    return true;
  }
  const bool both_times = a.kind == b.kind && times;
  const bool time_and_duration =
      times && (a.kind == Value::Kind::kInt || b.kind == Value::Kind::kInt);
  if (kind == BoundKind::kAdd && (numbers || time_and_duration)) {
    out->kind = times ? Value::Kind::kTime : Value::Kind::kInt;
    out->integer = AddWrapped(a.integer, b.integer, &overflow);
  } else if (kind == BoundKind::kSubtract &&
             (numbers || both_times || (times && b.kind == Value::Kind::kInt))) {
    out->kind = times && !both_times ? Value::Kind::kTime : Value::Kind::kInt;
    out->integer = SubtractWrapped(a.integer, b.integer, &overflow);
  } else if (kind == BoundKind::kMultiply && numbers) {
    out->kind = Value::Kind::kInt;
    out->integer = MultiplyWrapped(a.integer, b.integer, &overflow);
  } else if (kind == BoundKind::kModulo && numbers && b.integer != 0) {
    out->kind = Value::Kind::kInt;
    out->integer = Remainder(a.integer, b.integer);
  }
  return overflow >= 0;
}

absl::Status DynamicArithmetic(const BoundExpr& expr, const Operand& a, const Operand& b,
                               size_t rows, Vector* out) {
  out->Reset(expr.type.kind, rows);
  for (size_t i = 0; i < rows; ++i) {
    Item result;
    if (!ItemArithmetic(expr.kind, a.ItemOfRow(i), b.ItemOfRow(i), &result))
      return IntegerOverflow(expr);
    SetItem(result, i, out);
  }
  return absl::OkStatus();
}

}  // namespace

bool RoundToInt(double value, int64_t* out) {
  constexpr double kEnd = 9223372036854775808.0;
  const double rounded = std::round(value);
  if (!(rounded >= -kEnd && rounded < kEnd)) {
    *out = 0;
    return false;
  }
  *out = static_cast<int64_t>(rounded);
  return true;
}

absl::Status Arithmetic(const BoundExpr& expr, const Operand& a, const Operand& b, size_t rows,
                        Vector* out) {
  const TypeKind kind = expr.type.kind;
  const TypeKind kind_a = a.vector().kind;
  const TypeKind kind_b = b.vector().kind;
  const bool ints = IsIntLike(kind_a) && IsIntLike(kind_b);
  const bool numbers = (IsIntLike(kind_a) || kind_a == TypeKind::kDouble) &&
                       (IsIntLike(kind_b) || kind_b == TypeKind::kDouble);
  if (!ResetStrict({&a, &b}, kind, rows, out)) return absl::OkStatus();
  if (!numbers || !(IsIntLike(kind) || kind == TypeKind::kDouble)) {
    return DynamicArithmetic(expr, a, b, rows, out);
  }
  if (kind == TypeKind::kDouble) {
    std::vector<double> storage_a;
    std::vector<double> storage_b;
    DoubleArithmetic(expr.kind, AsDoubles(a, &storage_a), AsDoubles(b, &storage_b), rows, out);
    return absl::OkStatus();
  }
  bool good;
  if (!ints) {
    good = RoundedArithmetic(expr.kind, a, b, rows, out);
  } else if (expr.kind == BoundKind::kDivide) {
    good = CheckedArithmetic(Ints(a), Ints(b), rows, out,
                             [](auto... x) { return RoundedQuotient(x...); });
    NullWhereZero(Ints(b), rows, out);
  } else {
    good = IntArithmetic(expr.kind, Ints(a), Ints(b), rows, out);
  }
  return good ? absl::OkStatus() : IntegerOverflow(expr);
}

absl::Status Negate(const BoundExpr& expr, const Operand& a, size_t rows, Vector* out) {
  if (!ResetStrict({&a}, expr.type.kind, rows, out)) return absl::OkStatus();
  if (expr.type.kind == TypeKind::kDouble && a.vector().kind == TypeKind::kDouble) {
    MapPairs(Doubles(a), Doubles(a), rows, out->doubles.data(),
             [](double x, double) { return -x; });
    return absl::OkStatus();
  }
  const int64_t zero = 0;
  if (IsIntLike(expr.type.kind) && IsIntLike(a.vector().kind)) {
    const bool good = CheckedArithmetic({&zero, true}, Ints(a), rows, out,
                                        [](auto... x) { return SubtractWrapped(x...); });
    return good ? absl::OkStatus() : IntegerOverflow(expr);
  }
  for (size_t i = 0; i < rows; ++i) {
    Item item = a.ItemOfRow(i);
    if (item.kind == Value::Kind::kInt) {
      if (item.integer == kIntMin) return IntegerOverflow(expr);
      item.integer = -item.integer;
    } else if (item.kind == Value::Kind::kDouble) {
      item.number = -item.number;
    } else {
      item = Item();
    }
    SetItem(item, i, out);
  }
  return absl::OkStatus();
}

}  // namespace twin::query
