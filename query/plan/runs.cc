#include "query/plan/runs.h"

#include <algorithm>

#include "query/plan/expr_util.h"
#include "query/plan/live_slots.h"

namespace twin::query {
namespace {

SlotId FromOf(const PlanStep& step) { return step.reversed ? step.edge.to : step.edge.from; }
SlotId EndOf(const PlanStep& step) { return step.reversed ? step.edge.from : step.edge.to; }

bool IsLive(const PlanStep& step, SlotId slot) {
  return slot != kNoSlot && (step.live.empty() || step.live[slot]);
}

// Leads from a twin to twins, each time it finds one, and says nothing else.
bool IsHop(const PlanStep& step) {
  return step.kind == StepKind::kExpand && !step.to_bound && step.different.empty() &&
         !IsLive(step, step.edge.slot);
}

// As many steps up to `last` as nobody needs the twins between of.
int HopsTo(const Plan& plan, size_t last) {
  int hops = 0;
  for (size_t i = last; i > 0 && IsHop(plan.steps[i]); --i) {
    if (hops > 0) {
      const PlanStep& next = plan.steps[i + 1];
      const SlotId between = EndOf(plan.steps[i]);
      if (FromOf(next) != between || IsLive(next, between)) break;
    }
    ++hops;
  }
  return hops;
}

bool IsNumber(TypeKind kind) {
  return kind == TypeKind::kInt || kind == TypeKind::kDouble || kind == TypeKind::kTime;
}

// A column of numbers of the twin in the slot.
bool IsColumnOf(const BoundExpr& expr, SlotId slot) {
  if (expr.kind == BoundKind::kCast && expr.type.kind == TypeKind::kDouble) {
    const BoundExpr& inner = *expr.operands[0];
    return (inner.type.kind == TypeKind::kInt || inner.type.kind == TypeKind::kDouble) &&
           IsColumnOf(inner, slot);
  }
  return expr.kind == BoundKind::kProperty && expr.slot == slot && IsNumber(expr.type.kind) &&
         std::all_of(expr.columns.begin(), expr.columns.end(), [&expr](const ColumnRef& ref) {
           const bool converted = ref.factor != 1 || ref.offset != 0;
           return IsNumber(ref.type) && (!converted || expr.type.kind == TypeKind::kDouble);
         });
}

// The sum of doubles over all rows adds in lanes, and is to stay the same whatever the plan.
bool IsOverRuns(const BoundAggregate& aggregate, SlotId end, bool grouped) {
  if (aggregate.distinct || aggregate.time != kNoSlot || !aggregate.histories.empty()) return false;
  switch (aggregate.function) {
    case Function::kCount:
    case Function::kMin:
    case Function::kMax:
      break;
    case Function::kSum:
    case Function::kAvg:
    case Function::kFirst:
    case Function::kLast:
    case Function::kVariance:
    case Function::kStddev:
    case Function::kMedian:
    case Function::kMad:
      if (!grouped) return false;
      break;
    default:
      return false;
  }
  return aggregate.arguments.empty() ||
         (aggregate.arguments.size() == 1 && IsColumnOf(*aggregate.arguments[0], end));
}

bool IsOverRuns(const BoundSelect& select, const PlanStep& step, SlotId end) {
  if (step.summary != nullptr || !select.histories.empty()) return false;
  const bool keys_apart = std::none_of(step.keys.begin(), step.keys.end(),
                                       [&](const auto& key) { return SlotsOf(*key).Has(end); });
  return keys_apart && std::all_of(select.aggregates.begin(), select.aggregates.end(),
                                   [&](const BoundAggregate& aggregate) {
                                     return IsOverRuns(aggregate, end, !step.keys.empty());
                                   });
}

// Whether each row that comes to the first of the hops has another twin of the scan.
bool RowsAreScanned(const Plan& plan, size_t first_hop) {
  return std::all_of(plan.steps.begin() + 1,
                     plan.steps.begin() + static_cast<std::ptrdiff_t>(first_hop),
                     [](const PlanStep& step) { return step.kind == StepKind::kFilter; });
}

bool ReadsSlot(const PlanStep& step, const BoundSelect& select, SlotId slot) {
  bool reads = false;
  ForEachExprOf(step, select,
                [&](const BoundExpr& expr) { reads = reads || SlotsOf(expr).Has(slot); });
  return reads;
}

}  // namespace

void FindRuns(Plan* plan) {
  std::vector<PlanStep>& steps = plan->steps;
  if (steps.empty() || steps[0].kind != StepKind::kScan) return;
  if (steps.size() > 1 && steps[1].kind == StepKind::kAggregate && steps[1].keys.empty()) {
    steps[1].over_runs = IsOverRuns(*plan->select, steps[1], steps[0].slot);
    return;
  }
  for (size_t i = 1; i < steps.size(); ++i) {
    // The last one of those that follow each other: what is behind it works on its ends.
    if (!IsHop(steps[i]) || (i + 1 < steps.size() && steps[i + 1].kind == StepKind::kExpand)) {
      continue;
    }
    const int hops = HopsTo(*plan, i);
    const SlotId end = EndOf(steps[i]);
    size_t next = i + 1;
    if (next < steps.size() && steps[next].kind == StepKind::kFilter &&
        std::all_of(steps[next].conditions.begin(), steps[next].conditions.end(),
                    [end](const BoundPtr& condition) { return ComparesStored(*condition, end); })) {
      ++next;
    }
    if (next < steps.size() && steps[next].kind == StepKind::kAggregate &&
        IsOverRuns(*plan->select, steps[next], end)) {
      steps[i].run_hops = hops;
      steps[next].over_runs = true;
      const SlotId scanned = steps[0].slot;
      steps[next].key_is_scanned =
          RowsAreScanned(*plan, i + 1 - static_cast<size_t>(hops)) &&
          std::any_of(steps[next].keys.begin(), steps[next].keys.end(), [&](const auto& key) {
            return key->kind == BoundKind::kSlot && key->slot == scanned;
          });
    } else if (IsLive(steps[i], end) && (hops > 1 || next > i + 1)) {
      steps[i].run_hops = hops;  // One hop alone is as fast step by step.
    }
  }
}

void FindLateIds(Plan* plan) {
  const BoundSelect& select = *plan->select;
  std::vector<PlanStep>& steps = plan->steps;
  size_t aggregate = 0;
  while (aggregate < steps.size() && steps[aggregate].kind != StepKind::kAggregate) ++aggregate;
  if (aggregate == steps.size()) return;
  PlanStep& grouping = steps[aggregate];
  grouping.key_is_late.assign(grouping.keys.size(), false);
  size_t project = aggregate + 1;
  bool limited = false;
  for (; project < steps.size() && steps[project].kind != StepKind::kProject; ++project) {
    limited = limited || steps[project].kind == StepKind::kLimit;
  }
  if (!limited || project == steps.size()) return;
  for (size_t key = 0; key < grouping.keys.size(); ++key) {
    const SlotId slot = select.group_slots[key];
    const bool is_read =
        std::any_of(steps.begin() + static_cast<std::ptrdiff_t>(aggregate + 1),
                    steps.begin() + static_cast<std::ptrdiff_t>(project),
                    [&](const PlanStep& step) { return ReadsSlot(step, select, slot); });
    if (!grouping.key_is_id[key] || is_read) continue;
    grouping.key_is_late[key] = true;
    steps[project].late_ids.push_back(slot);
  }
}

}  // namespace twin::query
