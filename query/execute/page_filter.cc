#include "query/execute/page_filter.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "query/plan/expr_util.h"
#include "server/base/wide.h"

#if TWIN_HAS_WIDE
#include <immintrin.h>
#endif

namespace twin::query {
namespace {

using Stored = ColumnPage::Stored;

constexpr size_t kPageRowsMax = PageBits::kRowsMax;

// A property as it is stored, maybe an integer taken as a double; else nullptr.
const BoundExpr* PropertyIn(const BoundExpr& expr, SlotId slot) {
  const bool is_double = expr.kind == BoundKind::kCast && expr.type.kind == TypeKind::kDouble;
  const BoundExpr& property = is_double ? *expr.operands[0] : expr;
  return property.kind == BoundKind::kProperty && property.slot == slot ? &property : nullptr;
}

// A byte for each row, 1 where it passes: what compilers make vector comparisons of.
template <typename T, typename C, typename Passes>
TWIN_INLINE_LOOP void Compare(const char* values, C constant, size_t rows, uint8_t* lanes,
                              Passes passes) {
  for (size_t i = 0; i < rows; ++i) {
    T stored;
    std::memcpy(&stored, values + i * sizeof(T), sizeof(T));
    lanes[i] = passes(static_cast<C>(stored), constant) ? 1 : 0;
  }
}

// NaN sorts above all numbers; constants are never NaN.
template <typename T, typename C>
TWIN_INLINE_LOOP void Compare(BoundKind op, const char* values, C constant, size_t rows,
                              uint8_t* lanes) {
  const auto compare = [&](auto passes) { Compare<T>(values, constant, rows, lanes, passes); };
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

template <typename Condition>
TWIN_INLINE_LOOP void CheckOnAny(const Condition& condition, const ColumnPage& column, size_t rows,
                                 uint8_t* lanes) {
  const char* values = column.values;
  switch (column.stored) {
    case Stored::kBool:
      return Compare<uint8_t>(condition.op, values, condition.integer, rows, lanes);
    case Stored::kInt32:
      return Compare<int32_t>(condition.op, values, condition.integer, rows, lanes);
    case Stored::kInt64:
      return Compare<int64_t>(condition.op, values, condition.integer, rows, lanes);
    case Stored::kFloat:
      return Compare<float>(condition.op, values, condition.number, rows, lanes);
    case Stored::kDouble:
      return Compare<double>(condition.op, values, condition.number, rows, lanes);
    case Stored::kOther:
      return;
  }
}

// Keeps the bits whose lanes are 1.
void KeepLanes(const uint8_t* lanes, size_t rows, uint64_t* words) {
  constexpr uint64_t kGather = 0x0102040810204080;  // the lowest bits of eight bytes to the top one
  for (size_t i = 0; i < rows; i += 64) {
    uint64_t word = 0;
    for (size_t k = i; k < i + 64 && k < rows; k += 8) {
      uint64_t eight;
      std::memcpy(&eight, lanes + k, sizeof(eight));
      word |= ((eight * kGather) >> 56) << (k - i);
    }
    words[i / 64] &= word;
  }
}

#if TWIN_HAS_WIDE
template <typename Condition>
TWIN_WIDE void CheckOnWide(const Condition& condition, const ColumnPage& column, size_t rows,
                           uint8_t* lanes) {
  CheckOnAny(condition, column, rows, lanes);
}

// The bits of 64 doubles, four a comparison.
template <int kPredicate>
TWIN_WIDE void KeepDoubles(const char* values, double constant, size_t words_count,
                           uint64_t* words) {
  const __m256d right = _mm256_set1_pd(constant);
  for (size_t w = 0; w < words_count; ++w) {
    const auto* from = reinterpret_cast<const double*>(values) + w * 64;
    uint64_t word = 0;
#pragma GCC unroll 16
    for (size_t i = 0; i < 64; i += 4) {
      const __m256d passes = _mm256_cmp_pd(_mm256_loadu_pd(from + i), right, kPredicate);
      word |= static_cast<uint64_t>(_mm256_movemask_pd(passes)) << i;
    }
    words[w] &= word;
  }
}

template <typename Condition>
void CheckDoubles(const Condition& condition, const char* values, size_t words_count,
                  uint64_t* words) {
  switch (condition.op) {
    case BoundKind::kEqual:
      return KeepDoubles<_CMP_EQ_OQ>(values, condition.number, words_count, words);
    case BoundKind::kNotEqual:
      return KeepDoubles<_CMP_NEQ_UQ>(values, condition.number, words_count, words);
    case BoundKind::kLess:
      return KeepDoubles<_CMP_LT_OQ>(values, condition.number, words_count, words);
    case BoundKind::kLessEqual:
      return KeepDoubles<_CMP_LE_OQ>(values, condition.number, words_count, words);
    case BoundKind::kGreater:
      return KeepDoubles<_CMP_NLE_UQ>(values, condition.number, words_count, words);
    default:
      return KeepDoubles<_CMP_NLT_UQ>(values, condition.number, words_count, words);
  }
}
#endif

// Keeps the bits of rows that pass.
template <typename Condition>
void CheckRows(const Condition& condition, const ColumnPage& column, size_t rows, uint64_t* words) {
  uint8_t lanes[kPageRowsMax];
#if TWIN_HAS_WIDE
  if (HasWide()) {
    if (column.stored == Stored::kDouble && rows % 64 == 0) {
      return CheckDoubles(condition, column.values, rows / 64, words);
    }
    CheckOnWide(condition, column, rows, lanes);
    return KeepLanes(lanes, rows, words);
  }
#endif
  CheckOnAny(condition, column, rows, lanes);
  KeepLanes(lanes, rows, words);
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
  uint64_t has[kWords] = {};
  std::memcpy(has, column.has, page_rows / 8);
  for (size_t i = 0; i < kWords; ++i) words_[i] &= has[i];
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
    if (column.has == nullptr || column.stored == Stored::kOther) return false;
    bits->KeepFilled(column, rows);
    CheckRows(conditions_[i], column, rows, bits->words());
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
