#include "query/execute/page_filter.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "query/plan/expr_util.h"
#include "server/base/wide.h"

namespace twin::query {
namespace {

using Stored = ColumnPage::Stored;

constexpr size_t kPageRowsMax = 256;

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

// One lane for each row: all bits set where it passes. As wide as a double, so that compilers make
// vector comparisons of the loops.
using Lanes = int64_t[kPageRowsMax];

// `first`: the lanes hold nothing yet.
template <typename T, typename C, typename Passes>
TWIN_INLINE_LOOP void Compare(const char* values, C constant, size_t rows, bool first,
                              int64_t* lanes, Passes passes) {
  const auto lane_of = [&](size_t i) {
    T stored;
    std::memcpy(&stored, values + i * sizeof(T), sizeof(T));
    return -static_cast<int64_t>(passes(static_cast<C>(stored), constant));
  };
  if (first) {
    for (size_t i = 0; i < rows; ++i) lanes[i] = lane_of(i);
  } else {
    for (size_t i = 0; i < rows; ++i) lanes[i] &= lane_of(i);
  }
}

// NaN sorts above all numbers; constants are never NaN.
template <typename T, typename C>
TWIN_INLINE_LOOP void Compare(BoundKind op, const char* values, C constant, size_t rows, bool first,
                              int64_t* lanes) {
  const auto compare = [&](auto passes) {
    Compare<T>(values, constant, rows, first, lanes, passes);
  };
  switch (op) {
    case BoundKind::kEqual:
      return compare([](C a, C b) { return a == b; });
    case BoundKind::kNotEqual:
      return compare([](C a, C b) { return !(a == b); });
    case BoundKind::kLess:
      return compare([](C a, C b) { return a < b; });
    case BoundKind::kLessEqual:
      return compare([](C a, C b) { return a <= b; });
    case BoundKind::kGreater:
      return compare([](C a, C b) { return !(a <= b); });
    default:
      return compare([](C a, C b) { return !(a < b); });
  }
}

// Clears the lanes of rows without a value.
TWIN_INLINE_LOOP void ClearAbsent(const uint8_t* has, size_t rows, int64_t* lanes) {
  for (size_t i = 0; i < rows; i += 8) {
    const uint8_t bits = has[i / 8];
    if (bits == 0xFF) continue;
    for (size_t k = 0; k < 8; ++k) lanes[i + k] &= -static_cast<int64_t>((bits >> k) & 1);
  }
}

// Sets the lanes of one condition, or takes from them what does not pass it.
template <typename Condition>
TWIN_INLINE_LOOP void CheckOnAny(const Condition& condition, const ColumnPage& column, size_t rows,
                                 bool first, int64_t* lanes) {
  const char* values = column.values;
  switch (column.stored) {
    case Stored::kBool:
      Compare<uint8_t>(condition.op, values, condition.integer, rows, first, lanes);
      break;
    case Stored::kInt32:
      Compare<int32_t>(condition.op, values, condition.integer, rows, first, lanes);
      break;
    case Stored::kInt64:
      Compare<int64_t>(condition.op, values, condition.integer, rows, first, lanes);
      break;
    case Stored::kFloat:
      Compare<float>(condition.op, values, condition.number, rows, first, lanes);
      break;
    case Stored::kDouble:
      Compare<double>(condition.op, values, condition.number, rows, first, lanes);
      break;
    case Stored::kOther:
      return;
  }
  ClearAbsent(column.has, rows, lanes);
}

#if TWIN_HAS_WIDE
template <typename Condition>
TWIN_WIDE void CheckOnWide(const Condition& condition, const ColumnPage& column, size_t rows,
                           bool first, int64_t* lanes) {
  CheckOnAny(condition, column, rows, first, lanes);
}
#endif

template <typename Condition>
void Check(const Condition& condition, const ColumnPage& column, size_t rows, bool first,
           int64_t* lanes) {
#if TWIN_HAS_WIDE
  if (HasWide()) return CheckOnWide(condition, column, rows, first, lanes);
#endif
  CheckOnAny(condition, column, rows, first, lanes);
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
  Lanes lanes;
  bool first = true;
  for (const Condition& condition : conditions_) {
    const ColumnPage column = graph.PageOf(table_, condition.column, page);
    if (column.has == nullptr) return;
    if (column.stored == Stored::kOther) return;
    Check(condition, column, rows, first, lanes);
    first = false;
  }
  for (size_t i = 0; i < rows; i += 8) {
    int64_t any = 0;
    for (size_t k = i; k < i + 8; ++k) any |= lanes[k];
    for (size_t k = i; any != 0 && k < i + 8; ++k) {
      if (lanes[k] == 0 || numbers[k] == 0) continue;
      twins->push_back(numbers[k] - 1);
      places->push_back({table_.value, static_cast<uint32_t>(page * rows + k)});
    }
  }
}

}  // namespace twin::query
