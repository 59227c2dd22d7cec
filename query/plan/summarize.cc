#include "query/plan/summarize.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "absl/strings/ascii.h"
#include "query/plan/expr_util.h"

namespace twin::query {
namespace {

constexpr int64_t kNsOfSecond = 1'000'000'000;
constexpr int64_t kNsOfMinute = 60 * kNsOfSecond;
constexpr int64_t kNsOfHour = 60 * kNsOfMinute;
constexpr int64_t kNsOfDay = 86'400 * kNsOfSecond;

bool IsNumbers(const HistoryColumn& column, const Slot& slot) {
  const TypeKind kind = slot.type.kind;
  if (kind != TypeKind::kDouble && kind != TypeKind::kInt) return false;
  return std::all_of(column.columns.begin(), column.columns.end(), [kind](const ColumnRef& ref) {
    return ref.type == kind && ref.factor == 1 && ref.offset == 0;
  });
}

// The steps whose starts are those of TIME_BUCKET(operand, …) and perhaps of others between; 0: it
// is not known now.
int64_t StepOf(const BoundExpr& operand) {
  if (operand.kind != BoundKind::kConstant) return 0;
  if (operand.value.kind() == Value::Kind::kInt && operand.type.kind == TypeKind::kDuration) {
    // Days, since weeks begin on Mondays.
    return operand.value.as_int() > 0 ? std::gcd(operand.value.as_int(), kNsOfDay) : 0;
  }
  if (operand.value.kind() != Value::Kind::kString) return 0;
  const std::string unit = absl::AsciiStrToLower(operand.value.as_string());
  if (unit == "second") return kNsOfSecond;
  if (unit == "minute") return kNsOfMinute;
  if (unit == "hour") return kNsOfHour;
  for (const char* const longer : {"day", "week", "month", "quarter", "year"}) {
    if (unit == longer) return kNsOfDay;
  }
  return 0;
}

// Whether a key is the same in all rows of a step of the clause; `step` becomes such that it is.
bool TakeKey(const BoundExpr& key, const BoundHistory& history, const SlotSet& of_history,
             int64_t* step) {
  if (!SlotsOf(key).Intersects(of_history)) return true;
  const bool is_bucket = key.kind == BoundKind::kFunction &&
                         key.function == Function::kTimeBucket && key.operands.size() == 2 &&
                         key.operands[1]->kind == BoundKind::kSlot &&
                         key.operands[1]->slot == history.time;
  const int64_t of_key = is_bucket ? StepOf(*key.operands[0]) : 0;
  *step = std::gcd(*step, of_key);
  return of_key > 0;
}

// The column that an aggregate is about; -1: none, COUNT(); -2: it needs single samples.
int ColumnOf(const BoundAggregate& aggregate, const BoundHistory& history) {
  constexpr int kNeedsSamples = -2;
  switch (aggregate.function) {
    case Function::kCount:
    case Function::kSum:
    case Function::kAvg:
    case Function::kMin:
    case Function::kMax:
    case Function::kFirst:
    case Function::kLast:
      break;
    default:
      return kNeedsSamples;
  }
  if (aggregate.distinct) return kNeedsSamples;
  if (aggregate.arguments.empty()) return -1;
  // AVG takes its argument as a double, which sums of integers are as good for.
  const BoundExpr& whole = *aggregate.arguments[0];
  const bool is_widened = aggregate.function == Function::kAvg && whole.kind == BoundKind::kCast &&
                          whole.type.kind == TypeKind::kDouble &&
                          whole.operands[0]->type.kind == TypeKind::kInt;
  const BoundExpr& argument = is_widened ? *whole.operands[0] : whole;
  if (argument.kind != BoundKind::kSlot) return kNeedsSamples;
  for (size_t i = 0; i < history.columns.size(); ++i) {
    if (history.columns[i].slot == argument.slot) return static_cast<int>(i);
  }
  return kNeedsSamples;
}

// The numeric column of the clause that an expression is; -1: it is something else.
int BoundedColumn(const BoundExpr& expr, const Plan& plan, const BoundHistory& history) {
  const BoundExpr& slot = expr.kind == BoundKind::kCast && expr.type.kind == TypeKind::kDouble
                              ? *expr.operands[0]
                              : expr;
  if (slot.kind != BoundKind::kSlot) return -1;
  for (size_t i = 0; i < history.columns.size(); ++i) {
    const HistoryColumn& column = history.columns[i];
    if (column.slot != slot.slot) continue;
    return IsNumbers(column, plan.slots[static_cast<size_t>(column.slot)]) ? static_cast<int>(i)
                                                                           : -1;
  }
  return -1;
}

// Takes what a condition that must be TRUE says of a column, if it says that much.
void TakeBounds(const BoundExpr& condition, const Plan& plan, PlanStep* step) {
  if (condition.kind == BoundKind::kAnd) {
    for (const BoundPtr& operand : condition.operands) TakeBounds(*operand, plan, step);
    return;
  }
  if (!IsComparison(condition.kind) || condition.kind == BoundKind::kNotEqual) return;
  const BoundExpr& a = *condition.operands[0];
  const BoundExpr& b = *condition.operands[1];
  const bool is_mirrored = IsRowless(a);
  const BoundExpr& value = is_mirrored ? a : b;
  const int column = BoundedColumn(is_mirrored ? b : a, plan, *step->history);
  if (column < 0 || !IsRowless(value)) return;
  if (step->bounded_column >= 0 && step->bounded_column != column) return;
  step->bounded_column = column;
  step->bounds.push_back({is_mirrored ? Mirrored(condition.kind) : condition.kind, &value});
}

// Of a clause whose only column is asked about by one TIME_WHERE and nothing else.
void TakeBoundsOfTimeWhere(Plan* plan) {
  PlanStep& aggregate = plan->steps.back();
  PlanStep& source = plan->steps[plan->steps.size() - 2];
  const BoundHistory& history = *source.history;
  if (history.columns.size() != 1 || history.every != nullptr || source.bounded_column >= 0 ||
      plan->select->aggregates.size() != 1) {
    return;
  }
  const BoundAggregate& where = plan->select->aggregates[0];
  if (where.function != Function::kTimeWhere) return;
  SlotSet of_history;
  of_history.Add(history.time);
  of_history.Add(history.columns[0].slot);
  const bool keys_differ =
      std::any_of(aggregate.keys.begin(), aggregate.keys.end(),
                  [&](const BoundPtr& key) { return SlotsOf(*key).Intersects(of_history); });
  if (keys_differ) return;
  TakeBounds(*where.arguments[0], *plan, &source);
  source.bounds_for_time = source.bounded_column >= 0;
}

class SummaryMaker {
 public:
  explicit SummaryMaker(Plan* plan)
      : plan_(*plan),
        aggregate_(plan->steps.back()),
        source_(plan->steps[plan->steps.size() - 2]),
        history_(*source_.history) {}

  bool Make() {
    if (history_.every != nullptr || source_.with_before || source_.aligned_with != kNoSlot ||
        !TakeKeys() || !TakeAggregates()) {
      return false;
    }
    const bool numbers = std::all_of(
        history_.columns.begin(), history_.columns.end(), [this](const HistoryColumn& column) {
          return IsNumbers(column, plan_.slots[static_cast<size_t>(column.slot)]);
        });
    if (!numbers) return false;
    AddSlots();
    return true;
  }

  void Apply() { source_.summary = aggregate_.summary = summary_; }

 private:
  bool TakeKeys() {
    SlotSet of_history;
    of_history.Add(history_.time);
    for (const HistoryColumn& column : history_.columns) of_history.Add(column.slot);
    return std::all_of(aggregate_.keys.begin(), aggregate_.keys.end(), [&](const BoundPtr& key) {
      return TakeKey(*key, history_, of_history, &summary_->step);
    });
  }

  bool TakeAggregates() {
    for (const BoundAggregate& aggregate : plan_.select->aggregates) {
      const int column = ColumnOf(aggregate, history_);
      if (column < -1) return false;
      summary_->of_aggregates.push_back(column);
      const auto is_one_of = [&](Function a, Function b) {
        return aggregate.function == a || aggregate.function == b;
      };
      summary_->sums |= is_one_of(Function::kSum, Function::kAvg);
      summary_->extremes |= is_one_of(Function::kMin, Function::kMax);
      summary_->ends |= is_one_of(Function::kFirst, Function::kLast);
    }
    return true;
  }

  SlotId Slot(TypeKind kind) {
    plan_.slots.emplace_back();
    plan_.slots.back().type.kind = kind;
    return static_cast<SlotId>(plan_.slots.size() - 1);
  }

  void AddSlots() {
    summary_->rows = Slot(TypeKind::kInt);
    for (const HistoryColumn& column : history_.columns) {
      const TypeKind kind = plan_.slots[static_cast<size_t>(column.slot)].type.kind;
      HistorySummary::Column& slots = summary_->columns.emplace_back();
      slots.counts = Slot(TypeKind::kInt);
      if (summary_->sums) slots.sums = Slot(kind);
      if (summary_->extremes) {
        slots.mins = Slot(kind);
        slots.maxs = Slot(kind);
      }
      if (summary_->ends) {
        slots.firsts = Slot(kind);
        slots.lasts = Slot(kind);
      }
    }
  }

  Plan& plan_;
  PlanStep& aggregate_;
  PlanStep& source_;
  const BoundHistory& history_;
  const std::shared_ptr<HistorySummary> summary_ = std::make_shared<HistorySummary>();
};

}  // namespace

std::vector<SlotId> HistorySummary::Slots() const {
  std::vector<SlotId> slots = {rows};
  for (const Column& column : columns) {
    slots.insert(slots.end(), {column.counts, column.sums, column.mins, column.maxs, column.firsts,
                               column.lasts});
  }
  std::erase(slots, kNoSlot);
  return slots;
}

std::string RollupsOf(int64_t step) {
  if (step <= 0 || step % kNsOfMinute != 0) return "";
  return step % kNsOfHour == 0 ? " roll-up 1h, 1m" : " roll-up 1m";
}

void SummarizeHistory(Plan* plan) {
  if (plan->select->histories.size() != 1 || plan->steps.size() < 2 ||
      plan->steps.back().kind != StepKind::kAggregate ||
      plan->steps[plan->steps.size() - 2].kind != StepKind::kHistory) {
    return;
  }
  TakeBoundsOfTimeWhere(plan);
  SummaryMaker maker(plan);
  if (maker.Make()) maker.Apply();
}

void NarrowHistories(Plan* plan) {
  for (size_t i = 0; i < plan->steps.size(); ++i) {
    PlanStep& step = plan->steps[i];
    if (step.kind != StepKind::kHistory) continue;
    step.by_ends = step.history->every != nullptr;
    const bool is_filtered = plan->select->histories.size() == 1 && !step.by_ends &&
                             !step.with_before && !step.history->optional &&
                             i + 1 < plan->steps.size() &&
                             plan->steps[i + 1].kind == StepKind::kFilter;
    if (!is_filtered) continue;
    for (const BoundPtr& condition : plan->steps[i + 1].conditions) {
      TakeBounds(*condition, *plan, &step);
    }
  }
}

}  // namespace twin::query
