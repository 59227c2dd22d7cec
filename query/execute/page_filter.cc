#include "query/execute/page_filter.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "query/plan/expr_util.h"

namespace twin::query {
namespace {

// A property as it is stored, maybe an integer taken as a double; else nullptr.
const BoundExpr* PropertyIn(const BoundExpr& expr, SlotId slot) {
  const bool is_double = expr.kind == BoundKind::kCast && expr.type.kind == TypeKind::kDouble;
  const BoundExpr& property = is_double ? *expr.operands[0] : expr;
  return property.kind == BoundKind::kProperty && property.slot == slot ? &property : nullptr;
}

// What integers are compared with instead of a double that is less than 2^53 from 0, with the same
// outcome: as doubles they have the same order.
StoredComparison AsIntegers(BoundKind op, double number) {
  const auto below = static_cast<int64_t>(std::floor(number));
  const bool whole = std::floor(number) == number;
  switch (op) {
    case BoundKind::kEqual:
      return whole ? StoredComparison{op, below, 0}
                   : StoredComparison{BoundKind::kLess, INT64_MIN, 0};  // none
    case BoundKind::kNotEqual:
      return whole ? StoredComparison{op, below, 0}
                   : StoredComparison{BoundKind::kGreaterEqual, INT64_MIN, 0};  // all
    case BoundKind::kLess:
    case BoundKind::kGreaterEqual:
      return {op, whole ? below : below + 1, 0};
    default:
      return {op, below, 0};
  }
}

// nullopt: such values are not compared where they are stored.
std::optional<StoredComparison> Compared(BoundKind op, TypeKind stored, const Value& value,
                                         const GraphReader& graph) {
  constexpr double kExact = 9007199254740992;  // 2^53
  const bool equality = op == BoundKind::kEqual || op == BoundKind::kNotEqual;
  switch (value.kind()) {
    case Value::Kind::kInt:
      if (stored == TypeKind::kInt) return StoredComparison{op, value.as_int(), 0};
      break;
    case Value::Kind::kTime:
      if (stored == TypeKind::kTime) return StoredComparison{op, value.as_time().ns, 0};
      break;
    case Value::Kind::kBool:
      if (stored == TypeKind::kBool) return StoredComparison{op, value.as_bool() ? 1 : 0, 0};
      break;
    case Value::Kind::kDouble:
      if (std::isnan(value.as_double())) break;
      if (stored == TypeKind::kDouble) return StoredComparison{op, 0, value.as_double()};
      if (stored == TypeKind::kInt && std::abs(value.as_double()) < kExact) {
        return AsIntegers(op, value.as_double());
      }
      break;
    case Value::Kind::kString:
      if (stored == TypeKind::kString && equality) {
        return StoredComparison{op, graph.CodeOf(value.as_string()), 0};
      }
      break;
    default:
      break;
  }
  return std::nullopt;
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
      op = Mirrored(op);
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
    if (!context.graph->ValuesAreInPages(table, ref->column)) return std::nullopt;
    const std::optional<StoredComparison> compared =
        Compared(op, ref->type, *value, *context.graph);
    if (!compared.has_value()) return std::nullopt;
    filter.conditions_.push_back({ref->column, *compared});
  }
  return filter;
}

void PageBits::Clip(size_t first, size_t count) {
  const size_t end = first + count;
  for (size_t i = 0; i < kWords; ++i) {
    const size_t low = std::clamp<size_t>(first, i * 64, i * 64 + 64) - i * 64;
    const size_t high = std::clamp<size_t>(end, i * 64, i * 64 + 64) - i * 64;
    if (low >= high) {
      words_[i] = 0;
      continue;
    }
    words_[i] &= (UINT64_MAX << low) & (UINT64_MAX >> (64 - high));
  }
}

void PageBits::KeepFilled(const ColumnPage& column, size_t page_rows) {
  if (column.has == nullptr) {
    for (uint64_t& word : words_) word = 0;
    return;
  }
  for (size_t i = 0; i < kWords; ++i) {
    uint64_t has = 0;
    if (page_rows >= i * 64 + 64) {
      std::memcpy(&has, column.has + i * 8, sizeof(has));
    } else if (page_rows > i * 64) {
      std::memcpy(&has, column.has + i * 8, (page_rows - i * 64) / 8);
    }
    words_[i] &= has;
  }
}

void PageWindow::Fill(const GraphReader& graph, uint32_t page) {
  constexpr uint32_t kPagesMin = 2;
  const bool goes_on = page == first_ + count_;
  count_ = goes_on ? std::clamp(count_ * 2, kPagesMin, kPagesMax) : kPagesMin;
  first_ = page;
  graph.PagesOf(table_, column_, first_, absl::MakeSpan(pages_, count_));
}

PageFilter::Windows PageFilter::NewWindows() const {
  Windows windows;
  for (const Condition& condition : conditions_) windows.emplace_back(table_, condition.column);
  return windows;
}

bool PageFilter::Check(const GraphReader& graph, uint32_t page, Windows* windows,
                       PageBits* bits) const {
  if (none_) return false;
  const size_t rows = graph.page_rows();
  bits->SetAll();
  for (size_t i = 0; i < conditions_.size(); ++i) {
    const ColumnPage& column = (*windows)[i].At(graph, page);
    if (column.has == nullptr || column.stored == ColumnPage::Stored::kOther) return false;
    bits->KeepFilled(column, rows);
    KeepPassing(conditions_[i].comparison, column, rows, bits->words());
    if (bits->none()) return false;
  }
  return true;
}

void PageFilter::Select(const GraphReader& graph, uint32_t page, Windows* windows,
                        std::vector<uint32_t>* twins, std::vector<Place>* places) const {
  PageBits bits;
  if (!Check(graph, page, windows, &bits)) return;
  const uint32_t* numbers = graph.TwinPage(table_, page);
  if (numbers == nullptr) return;
  const uint32_t first = page * graph.page_rows();
  bits.ForEach([&](size_t row) {
    if (numbers[row] == 0) return;
    twins->push_back(numbers[row] - 1);
    places->push_back({table_.value, first + static_cast<uint32_t>(row)});
  });
}

}  // namespace twin::query
