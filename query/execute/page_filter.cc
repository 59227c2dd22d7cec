#include "query/execute/page_filter.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "query/plan/expr_util.h"

namespace twin::query {
namespace {

using Stored = ColumnPage::Stored;

constexpr size_t kPageRowsMax = 256;

bool IsComparison(BoundKind kind) {
  return kind >= BoundKind::kEqual && kind <= BoundKind::kGreaterEqual;
}

BoundKind Mirror(BoundKind op) {
  switch (op) {
    case BoundKind::kLess:
      return BoundKind::kGreater;
    case BoundKind::kLessEqual:
      return BoundKind::kGreaterEqual;
    case BoundKind::kGreater:
      return BoundKind::kLess;
    case BoundKind::kGreaterEqual:
      return BoundKind::kLessEqual;
    default:
      return op;
  }
}

// A property as it is stored, maybe an integer taken as a double; else nullptr.
const BoundExpr* PropertyIn(const BoundExpr& expr, SlotId slot) {
  const bool is_double = expr.kind == BoundKind::kCast && expr.type.kind == TypeKind::kDouble;
  const BoundExpr& property = is_double ? *expr.operands[0] : expr;
  return property.kind == BoundKind::kProperty && property.slot == slot ? &property : nullptr;
}

// Clears the bytes of rows that do not pass. Loops over plain arrays, which compilers vectorise.
template <typename T, typename C, typename Passes>
void Mask(const char* values, C constant, size_t rows, uint8_t* mask, Passes passes) {
  T stored[kPageRowsMax];
  std::memcpy(stored, values, rows * sizeof(T));
  for (size_t i = 0; i < rows; ++i) {
    mask[i] &= static_cast<uint8_t>(passes(static_cast<C>(stored[i]), constant));
  }
}

// NaN sorts above all numbers; constants are never NaN.
template <typename T, typename C>
void Mask(BoundKind op, const char* values, C constant, size_t rows, uint8_t* mask) {
  switch (op) {
    case BoundKind::kEqual:
      return Mask<T>(values, constant, rows, mask, [](C a, C b) { return a == b; });
    case BoundKind::kNotEqual:
      return Mask<T>(values, constant, rows, mask, [](C a, C b) { return !(a == b); });
    case BoundKind::kLess:
      return Mask<T>(values, constant, rows, mask, [](C a, C b) { return a < b; });
    case BoundKind::kLessEqual:
      return Mask<T>(values, constant, rows, mask, [](C a, C b) { return a <= b; });
    case BoundKind::kGreater:
      return Mask<T>(values, constant, rows, mask, [](C a, C b) { return !(a <= b); });
    default:
      return Mask<T>(values, constant, rows, mask, [](C a, C b) { return !(a < b); });
  }
}

}  // namespace

std::optional<PageFilter> PageFilter::Make(const std::vector<BoundPtr>& conditions, SlotId slot,
                                           TableId table, const EvaluateContext& context) {
  PageFilter filter;
  filter.table_ = table;
  for (const BoundPtr& condition : conditions) {
    if (!IsComparison(condition->kind)) return std::nullopt;
    const BoundExpr* property = PropertyIn(*condition->operands[0], slot);
    const BoundExpr* constant = condition->operands[1].get();
    BoundKind op = condition->kind;
    if (property == nullptr) {
      property = PropertyIn(*condition->operands[1], slot);
      constant = condition->operands[0].get();
      op = Mirror(op);
    }
    if (property == nullptr || !IsRowless(*constant)) return std::nullopt;
    const absl::StatusOr<Value> value = EvaluateConstant(*constant, context);
    if (!value.ok()) return std::nullopt;
    const ColumnRef* ref = nullptr;
    for (const ColumnRef& candidate : property->columns) {
      if (candidate.table == table.value) ref = &candidate;
    }
    if (ref == nullptr || value->is_null()) {
      filter.none_ = true;
      continue;
    }
    if (ref->factor != 1 || ref->offset != 0) return std::nullopt;
    Condition out{.column = ref->column, .op = op, .as_int = true, .integer = 0, .number = 0};
    const bool stored_int = ref->type == TypeKind::kInt;
    if (stored_int && value->kind() == Value::Kind::kInt) {
      out.integer = value->as_int();
    } else if (ref->type == TypeKind::kTime && value->kind() == Value::Kind::kTime) {
      out.integer = value->as_time().ns;
    } else if (ref->type == TypeKind::kBool && value->kind() == Value::Kind::kBool) {
      out.integer = value->as_bool() ? 1 : 0;
    } else if (ref->type == TypeKind::kDouble && value->kind() == Value::Kind::kDouble &&
               !std::isnan(value->as_double())) {
      out.as_int = false;
      out.number = value->as_double();
    } else {
      return std::nullopt;
    }
    filter.conditions_.push_back(out);
  }
  return filter;
}

void PageFilter::Select(const GraphReader& graph, uint32_t page, std::vector<uint32_t>* twins,
                        std::vector<Place>* places) const {
  const size_t rows = graph.page_rows();
  const uint32_t* numbers = graph.TwinPage(table_, page);
  if (numbers == nullptr || none_) return;
  uint8_t mask[kPageRowsMax];
  for (size_t i = 0; i < rows; ++i) mask[i] = numbers[i] != 0 ? 1 : 0;
  for (const Condition& condition : conditions_) {
    const ColumnPage column = graph.PageOf(table_, condition.column, page);
    if (column.has == nullptr) return;
    for (size_t i = 0; i < rows; i += 8) {
      const uint8_t bits = column.has[i / 8];
      if (bits == 0xFF) continue;
      for (size_t k = 0; k < 8; ++k) mask[i + k] &= static_cast<uint8_t>((bits >> k) & 1);
    }
    switch (column.stored) {
      case Stored::kBool:
        Mask<uint8_t>(condition.op, column.values, condition.integer, rows, mask);
        break;
      case Stored::kInt32:
        Mask<int32_t>(condition.op, column.values, condition.integer, rows, mask);
        break;
      case Stored::kInt64:
        Mask<int64_t>(condition.op, column.values, condition.integer, rows, mask);
        break;
      case Stored::kFloat:
        Mask<float>(condition.op, column.values, condition.number, rows, mask);
        break;
      case Stored::kDouble:
        Mask<double>(condition.op, column.values, condition.number, rows, mask);
        break;
      case Stored::kOther:
        return;
    }
  }
  for (size_t i = 0; i < rows; i += 8) {
    uint64_t eight = 0;
    std::memcpy(&eight, mask + i, sizeof(eight));
    if (eight == 0) continue;
    for (size_t k = i; k < i + 8; ++k) {
      if (mask[k] == 0) continue;
      twins->push_back(numbers[k] - 1);
      places->push_back({table_.value, static_cast<uint32_t>(page * rows + k)});
    }
  }
}

}  // namespace twin::query
