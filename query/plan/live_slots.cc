#include "query/plan/live_slots.h"

#include "query/plan/expr_util.h"

namespace twin::query {
namespace {

using Visit = std::function<void(const BoundExpr&)>;

void VisitAll(const std::vector<BoundPtr>& exprs, const Visit& visit) {
  for (const BoundPtr& expr : exprs) visit(*expr);
}

void VisitHistory(const BoundHistory& history, const Visit& visit) {
  for (const BoundPtr* expr : {&history.from, &history.to, &history.every, &history.max_gap}) {
    if (*expr != nullptr) visit(**expr);
  }
}

// Slots that the step reads, besides those of its expressions.
void AddReadSlots(const PlanStep& step, const BoundSelect& select, SlotSet* slots) {
  switch (step.kind) {
    case StepKind::kExpand:
    case StepKind::kExpandVariable:
      slots->Add(step.reversed ? step.edge.to : step.edge.from);
      if (step.to_bound) slots->Add(step.reversed ? step.edge.from : step.edge.to);
      for (const SlotId slot : step.different) slots->Add(slot);
      break;
    case StepKind::kMakePath:
      for (const SlotId slot : step.path_nodes) slots->Add(slot);
      for (const PlanStep::PathEdge& edge : step.path_edges) slots->Add(edge.slot);
      break;
    case StepKind::kHistory:
      for (const HistoryColumn& column : step.history->columns) slots->Add(column.twin);
      slots->Add(step.aligned_with);
      break;
    case StepKind::kAggregate:
      if (step.summary != nullptr) {
        for (const SlotId slot : step.summary->Slots()) slots->Add(slot);
      }
      for (const BoundAggregate& aggregate : select.aggregates) {
        if (aggregate.histories.size() > 1) {  // They are brought together by their times.
          for (const int history : aggregate.histories) slots->Add(select.histories[history].time);
        }
        slots->Add(aggregate.time);
        for (const SlotId slot : aggregate.series) slots->Add(slot);
      }
      break;
    default:
      break;
  }
  if (step.inner == nullptr) return;
  for (const PlanStep& inner : step.inner->steps) {
    AddReadSlots(inner, select, slots);
    ForEachExprOf(inner, select, [slots](const BoundExpr& expr) { slots->AddAll(SlotsOf(expr)); });
  }
}

// Slots that only the step and what follows it know.
void RemoveFilledSlots(const PlanStep& step, const BoundSelect& select, SlotSet* slots) {
  switch (step.kind) {
    case StepKind::kAggregate:
      for (const SlotId slot : select.group_slots) slots->Remove(slot);
      for (const BoundAggregate& aggregate : select.aggregates) slots->Remove(aggregate.slot);
      break;
    case StepKind::kWindow:
      for (const BoundWindow& window : select.windows) slots->Remove(window.slot);
      break;
    case StepKind::kHistory:
      slots->Remove(step.history->time);
      for (const SlotId slot : {step.before, step.window_from, step.window_to}) slots->Remove(slot);
      for (const HistoryColumn& column : step.history->columns) slots->Remove(column.slot);
      if (step.summary != nullptr) {
        for (const SlotId slot : step.summary->Slots()) slots->Remove(slot);
      }
      break;
    case StepKind::kMakePath:
      slots->Remove(step.path);
      break;
    case StepKind::kExpand:
    case StepKind::kExpandVariable:
      slots->Remove(step.edge.slot);
      slots->Remove(step.segment);
      slots->Remove(step.reversed ? step.edge.from : step.edge.to);
      break;
    default:
      break;
  }
}

}  // namespace

void ForEachExprOf(const PlanStep& step, const BoundSelect& select, const Visit& visit) {
  VisitAll(step.values, visit);
  VisitAll(step.conditions, visit);
  VisitAll(step.outer_keys, visit);
  VisitAll(step.inner_keys, visit);
  VisitAll(step.keys, visit);
  for (const BoundSortKey& key : step.sort) visit(*key.expr);
  switch (step.kind) {
    case StepKind::kHistory:
      VisitHistory(*step.history, visit);
      break;
    case StepKind::kAggregate:
      for (const BoundAggregate& aggregate : select.aggregates) {
        VisitAll(aggregate.arguments, visit);
      }
      break;
    case StepKind::kWindow:
      for (const BoundWindow& window : select.windows) {
        VisitAll(window.arguments, visit);
        VisitAll(window.partition, visit);
        for (const BoundSortKey& key : window.order) visit(*key.expr);
      }
      break;
    case StepKind::kProject:
      for (const BoundOutput& output : select.outputs) visit(*output.expr);
      break;
    default:
      break;
  }
}

void FindLiveSlots(Plan* plan) {
  SlotSet needed;
  bool projected = false;  // Slots are outputs there.
  for (size_t i = plan->steps.size(); i-- > 0;) {
    PlanStep& step = plan->steps[i];
    projected = projected || step.kind == StepKind::kProject;
    if (!projected) continue;
    if (step.kind != StepKind::kProject) {
      step.live.assign(plan->slots.size(), false);
      for (const SlotId slot : needed.ToVector()) step.live[slot] = true;
    }
    RemoveFilledSlots(step, *plan->select, &needed);
    AddReadSlots(step, *plan->select, &needed);
    if (step.kind == StepKind::kAggregate) {
      for (const PlanStep& history : plan->steps) {
        for (const SlotId slot : {history.before, history.window_from, history.window_to}) {
          needed.Add(slot);
        }
      }
    }
    ForEachExprOf(step, *plan->select,
                  [&needed](const BoundExpr& expr) { needed.AddAll(SlotsOf(expr)); });
  }
}

}  // namespace twin::query
