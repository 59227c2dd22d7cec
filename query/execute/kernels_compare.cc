// Comparisons, and masks of rows.
#include <cstring>

#include "query/execute/kernels.h"

namespace twin::query {
namespace {

bool Plain(TypeKind kind) { return kind == TypeKind::kInt || kind == TypeKind::kDuration; }
bool Numeric(TypeKind kind) { return Plain(kind) || kind == TypeKind::kDouble; }

// mask[i] is kept where a[i] op b[i]. Written as a choice, which compilers vectorise where they do
// not vectorise the comparison's result as a number.
template <typename T, typename Op>
void MaskPairs(Arg<T> a, Arg<T> b, size_t rows, uint8_t* __restrict mask, Op op) {
  const T* const x = a.data;
  const T* const y = b.data;
  if (rows == 0) return;
  if (b.constant) {
    const T value = *y;
    if (a.constant) {
      if (!op(*x, value)) std::fill_n(mask, rows, 0);
      return;
    }
    for (size_t i = 0; i < rows; ++i) mask[i] = op(x[i], value) ? mask[i] : 0;
  } else if (a.constant) {
    const T value = *x;
    for (size_t i = 0; i < rows; ++i) mask[i] = op(value, y[i]) ? mask[i] : 0;
  } else {
    for (size_t i = 0; i < rows; ++i) mask[i] = op(x[i], y[i]) ? mask[i] : 0;
  }
}

// `y` is no NaN: then each comparison, with NaN above all numbers, is one of the processor's.
void MaskDoubles(BoundKind kind, Arg<double> x, Arg<double> y, size_t rows, uint8_t* mask) {
  switch (kind) {
    case BoundKind::kNotEqual:
      return MaskPairs(x, y, rows, mask, [](double a, double b) { return a != b; });
    case BoundKind::kLess:
      return MaskPairs(x, y, rows, mask, [](double a, double b) { return a < b; });
    case BoundKind::kLessEqual:
      return MaskPairs(x, y, rows, mask, [](double a, double b) { return a <= b; });
    case BoundKind::kGreater:
      return MaskPairs(x, y, rows, mask, [](double a, double b) { return !(a <= b); });
    case BoundKind::kGreaterEqual:
      return MaskPairs(x, y, rows, mask, [](double a, double b) { return !(a < b); });
    default:
      return MaskPairs(x, y, rows, mask, [](double a, double b) { return a == b; });
  }
}

void MaskNulls(const std::vector<uint8_t>& nulls, uint8_t* __restrict mask) {
  const size_t rows = nulls.size();
  const uint8_t* const null = nulls.data();
  for (size_t i = 0; i < rows; ++i) mask[i] &= null[i] ^ 1;
}

// Row by row, for what has no array of numbers: f(row of a, row of b), unless NULL.
template <typename F>
void ForFilledRows(const Operand& a, const Operand& b, size_t rows, Vector* out, F f) {
  uint8_t* const to = out->bools.data();
  for (size_t i = 0; i < rows; ++i) {
    if (out->nulls.empty() || out->nulls[i] == 0) to[i] = f(a.At(i), b.At(i)) ? 1 : 0;
  }
}

template <typename Op>
void CompareItems(const Operand& a, const Operand& b, size_t rows, Op op, Vector* out) {
  constexpr bool kEquality = std::is_same_v<Op, EqualTo> || std::is_same_v<Op, NotEqualTo>;
  for (size_t i = 0; i < rows; ++i) {
    const Item x = a.ItemOfRow(i);
    const Item y = b.ItemOfRow(i);
    if (Comparable(x, y, kEquality)) {
      out->bools[i] = op(OrderItems(x, y)) ? 1 : 0;
    } else {
      out->SetNull(i);
    }
  }
}

// False: rows of such kinds are never comparable.
template <typename Op>
bool CompareRows(const Operand& a, const Operand& b, size_t rows, Op op, Vector* out) {
  const TypeKind kind_a = a.vector().kind;
  const TypeKind kind_b = b.vector().kind;
  uint8_t* const to = out->bools.data();
  if (kind_a == TypeKind::kDouble && kind_b == TypeKind::kDouble) {
    std::fill_n(to, rows, 1);
    MaskPairs(Doubles(a), Doubles(b), rows, to, op);
  } else if (IsIntLike(kind_a) && (kind_a == kind_b || (Plain(kind_a) && Plain(kind_b)))) {
    MapPairs(Ints(a), Ints(b), rows, to, op);
  } else if (kind_a == TypeKind::kDouble && Plain(kind_b)) {
    MapPairs(Doubles(a), Ints(b), rows, to,
             [op](double x, int64_t y) { return op(-OrderIntDouble(y, x)); });
  } else if (Plain(kind_a) && kind_b == TypeKind::kDouble) {
    MapPairs(Ints(a), Doubles(b), rows, to,
             [op](int64_t x, double y) { return op(OrderIntDouble(x, y)); });
  } else if (kind_a == TypeKind::kString && kind_b == TypeKind::kString) {
    const auto& x = a.vector().strings;
    const auto& y = b.vector().strings;
    ForFilledRows(a, b, rows, out, [&](size_t i, size_t j) { return op(x[i], y[j]); });
  } else if (kind_a == TypeKind::kValue || kind_b == TypeKind::kValue) {
    CompareItems(a, b, rows, op, out);
  } else if (kind_a != kind_b) {
    return false;
  } else if (kind_a == TypeKind::kBool) {
    MapPairs(Bools(a), Bools(b), rows, to, op);
  } else if (kind_a == TypeKind::kPath) {
    const auto& x = a.vector().paths;
    const auto& y = b.vector().paths;
    ForFilledRows(a, b, rows, out, [&](size_t i, size_t j) { return op(x[i], y[j]); });
  } else {
    MapPairs(Numbers(a), Numbers(b), rows, to, op);
  }
  return true;
}

}  // namespace

bool ResetStrict(absl::Span<const Operand* const> operands, TypeKind kind, size_t rows,
                 Vector* out) {
  for (const Operand* operand : operands) {
    if (operand->null()) {
      out->Reset(TypeKind::kNull, rows);
      return false;
    }
  }
  out->Reset(kind, rows);
  for (const Operand* operand : operands) {
    const std::vector<uint8_t>& nulls = operand->vector().nulls;
    if (operand->constant() || nulls.empty()) continue;
    if (out->nulls.empty()) {
      out->nulls = nulls;
    } else {
      for (size_t i = 0; i < rows; ++i) out->nulls[i] |= nulls[i];
    }
  }
  return true;
}

size_t CountSelected(const uint8_t* mask, size_t rows) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  size_t count = 0;
  size_t i = 0;
  for (; i + 8 <= rows; i += 8) {
    uint64_t eight;
    std::memcpy(&eight, mask + i, 8);
    count += (eight * kOnes) >> 56;  // the sum of its bytes
  }
  for (; i < rows; ++i) count += mask[i];
  return count;
}

void AppendSelected(const uint8_t* mask, size_t rows, std::vector<uint32_t>* out) {
  const size_t first = out->size();
  out->resize(first + rows);
  uint32_t* to = out->data() + first;
  size_t i = 0;
  for (; i + 8 <= rows; i += 8) {
    uint64_t eight;
    std::memcpy(&eight, mask + i, 8);
    if (eight == 0) continue;
    for (size_t j = 0; j < 8; ++j) {
      *to = static_cast<uint32_t>(i + j);
      to += mask[i + j];
    }
  }
  for (; i < rows; ++i) {
    *to = static_cast<uint32_t>(i);
    to += mask[i];
  }
  out->resize(static_cast<size_t>(to - out->data()));
}

void Comparison(BoundKind kind, const Operand& a, const Operand& b, size_t rows, Vector* out) {
  if (!ResetStrict({&a, &b}, TypeKind::kBool, rows, out)) return;
  const bool comparable =
      WithComparison(kind, [&](auto op) { return CompareRows(a, b, rows, op, out); });
  if (!comparable) out->Reset(TypeKind::kNull, rows);
}

bool MaskComparison(BoundKind kind, const Operand& a, const Operand& b, size_t rows,
                    uint8_t* mask) {
  const Vector& vector = a.vector();
  const Vector& value = b.vector();
  if (a.constant() || !b.constant() || b.null()) return false;
  if (vector.kind == TypeKind::kDouble && Numeric(value.kind)) {
    const bool exact = value.kind == TypeKind::kDouble;
    const double y = exact ? value.doubles[0] : static_cast<double>(value.ints[0]);
    if (std::isnan(y) || (!exact && OrderIntDouble(value.ints[0], y) != 0)) return false;
    MaskDoubles(kind, Doubles(a), {&y, true}, rows, mask);
  } else if (IsIntLike(vector.kind) && vector.kind == value.kind) {
    WithComparison(kind, [&](auto op) { MaskPairs(Ints(a), Ints(b), rows, mask, op); });
  } else {
    return false;
  }
  MaskNulls(vector.nulls, mask);
  return true;
}

void MaskTrue(const Operand& value, size_t rows, uint8_t* mask) {
  const Vector& vector = value.vector();
  if (value.null() || vector.kind == TypeKind::kValue) {
    for (size_t i = 0; i < rows; ++i) {
      const Item item = value.ItemOfRow(i);
      mask[i] &= static_cast<uint8_t>(item.kind == Value::Kind::kBool && item.integer != 0);
    }
    return;
  }
  if (vector.kind != TypeKind::kBool || value.constant()) {
    const bool pass = vector.kind == TypeKind::kBool && vector.bools[0] != 0;
    if (!pass) std::memset(mask, 0, rows);
    return;
  }
  const uint8_t* const bools = vector.bools.data();
  for (size_t i = 0; i < rows; ++i) mask[i] &= bools[i];
  MaskNulls(vector.nulls, mask);
}

}  // namespace twin::query
