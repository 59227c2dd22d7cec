// Loops over plain arrays: what the evaluation of expressions is made of. Loops compute every row,
// NULL or not, so that the compiler can vectorise them; NULLs are combined apart.
// Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_KERNELS_H_
#define TWIN_QUERY_EXECUTE_KERNELS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "query/execute/compare.h"
#include "query/execute/evaluate_internal.h"
#include "query/execute/vector.h"

namespace twin::query {

// An array of one value a row, or of one value for all rows.
template <typename T>
struct Arg {
  const T* data = nullptr;
  bool constant = false;
};

inline Arg<double> Doubles(const Operand& operand) {
  return {operand.vector().doubles.data(), operand.constant()};
}
inline Arg<int64_t> Ints(const Operand& operand) {
  return {operand.vector().ints.data(), operand.constant()};
}
inline Arg<uint8_t> Bools(const Operand& operand) {
  return {operand.vector().bools.data(), operand.constant()};
}
inline Arg<uint32_t> Numbers(const Operand& operand) {
  return {operand.vector().numbers.data(), operand.constant()};
}
inline Arg<absl::string_view> Strings(const Operand& operand) {
  return {operand.vector().strings.data(), operand.constant()};
}

// out[i] = f(a[i], b[i]).
template <typename A, typename B, typename R, typename F>
void MapPairs(Arg<A> a, Arg<B> b, size_t rows, R* out, F f) {
  if (rows == 0) return;
  if (b.constant) {
    const B y = *b.data;
    if (a.constant) {
      std::fill_n(out, rows, f(*a.data, y));
      return;
    }
    for (size_t i = 0; i < rows; ++i) out[i] = f(a.data[i], y);
  } else if (a.constant) {
    const A x = *a.data;
    for (size_t i = 0; i < rows; ++i) out[i] = f(x, b.data[i]);
  } else {
    for (size_t i = 0; i < rows; ++i) out[i] = f(a.data[i], b.data[i]);
  }
}

// The six comparisons. Doubles are in the order of OrderDoubles.
struct EqualTo {
  bool operator()(int order) const { return order == 0; }
  template <typename T>
  bool operator()(const T& a, const T& b) const {
    return a == b;
  }
  bool operator()(double a, double b) const { return (a == b) | ((a != a) & (b != b)); }
};
struct NotEqualTo {
  bool operator()(int order) const { return order != 0; }
  template <typename T>
  bool operator()(const T& a, const T& b) const {
    return !EqualTo()(a, b);
  }
};
struct LessThan {
  bool operator()(int order) const { return order < 0; }
  template <typename T>
  bool operator()(const T& a, const T& b) const {
    return a < b;
  }
  bool operator()(double a, double b) const { return (a < b) | ((a == a) & (b != b)); }
};
struct GreaterThan {
  bool operator()(int order) const { return order > 0; }
  template <typename T>
  bool operator()(const T& a, const T& b) const {
    return LessThan()(b, a);
  }
};
struct LessOrEqual {
  bool operator()(int order) const { return order <= 0; }
  template <typename T>
  bool operator()(const T& a, const T& b) const {
    return !LessThan()(b, a);
  }
};
struct GreaterOrEqual {
  bool operator()(int order) const { return order >= 0; }
  template <typename T>
  bool operator()(const T& a, const T& b) const {
    return !LessThan()(a, b);
  }
};

// Calls `f` with the one of the six that `kind` names.
template <typename F>
auto WithComparison(BoundKind kind, F f) {
  switch (kind) {
    case BoundKind::kNotEqual:
      return f(NotEqualTo());
    case BoundKind::kLess:
      return f(LessThan());
    case BoundKind::kLessEqual:
      return f(LessOrEqual());
    case BoundKind::kGreater:
      return f(GreaterThan());
    case BoundKind::kGreaterEqual:
      return f(GreaterOrEqual());
    default:
      return f(EqualTo());
  }
}

// Makes `out` a vector of that kind and length, NULL where one of the operands is. False: every row
// is NULL, and `out` says so.
bool ResetStrict(absl::Span<const Operand* const> operands, TypeKind kind, size_t rows,
                 Vector* out);

// Half away from zero. False, and 0: NaN, or beyond 64 bits.
bool RoundToInt(double value, int64_t* out);

// How many bytes of a mask, of 0 and 1, are 1.
size_t CountSelected(const uint8_t* mask, size_t rows);
// The rows where mask[i] != 0, ascending, appended to `out`.
void AppendSelected(const uint8_t* mask, size_t rows, std::vector<uint32_t>* out);

// --- The kernels of operators: operands are of `rows` rows, or constant ---

absl::Status Arithmetic(const BoundExpr& expr, const Operand& a, const Operand& b, size_t rows,
                        Vector* out);
absl::Status Negate(const BoundExpr& expr, const Operand& a, size_t rows, Vector* out);
// `kind`: one of the six comparisons. Makes `out` kBool, or kNull.
void Comparison(BoundKind kind, const Operand& a, const Operand& b, size_t rows, Vector* out);
// The same for doubles, ints (times, durations) and a constant that is not NULL, into a mask:
// mask[i] &= a[i] op b. False: not of these types; nothing is done.
bool MaskComparison(BoundKind kind, const Operand& a, const Operand& b, size_t rows, uint8_t* mask);
// mask[i] &= `value` is TRUE.
void MaskTrue(const Operand& value, size_t rows, uint8_t* mask);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_KERNELS_H_
