#include "query/execute/branches.h"

#include <algorithm>
#include <utility>

#include "query/ast/error.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

bool Contains(const std::vector<int>& sorted, int item) {
  return std::binary_search(sorted.begin(), sorted.end(), item);
}

SlotSet SlotsOf(const BoundHistory& history) {
  SlotSet slots;
  slots.Add(history.time);
  for (const HistoryColumn& column : history.columns) slots.Add(column.slot);
  return slots;
}

// The clauses that the slots are of, ascending.
std::vector<int> HistoriesOf(const SlotSet& slots, const BoundSelect& select) {
  std::vector<int> histories;
  for (size_t i = 0; i < select.histories.size(); ++i) {
    if (SlotsOf(select.histories[i]).Intersects(slots)) histories.push_back(static_cast<int>(i));
  }
  return histories;
}

// Sets of clauses that cannot be read one without the other.
std::vector<std::vector<int>> TiesOf(const BoundSelect& select) {
  std::vector<std::vector<int>> ties;
  const auto add = [&](const SlotSet& slots) {
    std::vector<int> tie = HistoriesOf(slots, select);
    if (tie.size() > 1) ties.push_back(std::move(tie));
  };
  for (const BoundPtr& condition : select.where) add(SlotsOf(*condition));
  for (const BoundHistory& history : select.histories) {
    SlotSet slots;
    slots.Add(history.time);
    slots.AddAll(SlotsOf(*history.from));
    if (history.to != nullptr) slots.AddAll(SlotsOf(*history.to));
    add(slots);
  }
  return ties;
}

// The clauses and all that they are tied to.
std::vector<int> Closure(std::vector<int> histories, const std::vector<std::vector<int>>& ties) {
  for (bool grew = !histories.empty(); grew;) {
    grew = false;
    for (const std::vector<int>& tie : ties) {
      const bool touches = std::any_of(tie.begin(), tie.end(), [&histories](int history) {
        return Contains(histories, history);
      });
      if (!touches || std::includes(histories.begin(), histories.end(), tie.begin(), tie.end())) {
        continue;
      }
      std::vector<int> all;
      std::set_union(histories.begin(), histories.end(), tie.begin(), tie.end(),
                     std::back_inserter(all));
      histories = std::move(all);
      grew = true;
    }
  }
  return histories;
}

PlanStep Without(const PlanStep& filter, const SlotSet& slots) {
  PlanStep step;
  step.kind = StepKind::kFilter;
  step.live = filter.live;
  for (const BoundPtr& condition : filter.conditions) {
    if (!SlotsOf(*condition).Intersects(slots)) step.conditions.push_back(Clone(*condition));
  }
  return step;
}

PlanStep AlignedWith(SlotId time, const PlanStep& history) {
  PlanStep step;
  step.kind = StepKind::kHistory;
  step.live = history.live;
  step.history = history.history;
  step.history_index = history.history_index;
  step.aligned_with = time;
  step.with_before = history.with_before;
  step.before = history.before;
  step.window_from = history.window_from;
  step.window_to = history.window_to;
  return step;
}

absl::Status CheckKeys(const PlanStep& aggregate, const SlotSet& others) {
  for (const BoundPtr& key : aggregate.keys) {
    if (!SlotsOf(*key).Intersects(others)) continue;
    return ErrorAt(key->span,
                   "rows of several HISTORY clauses are grouped each by itself: group by what "
                   "stands in the pattern, or aggregate one clause in a WITH query");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<HistoryBranch> BranchesOf(const BoundSelect& select) {
  const std::vector<std::vector<int>> ties = TiesOf(select);
  std::vector<HistoryBranch> branches;
  for (size_t i = 0; i < select.aggregates.size(); ++i) {
    const std::vector<int>& reads = select.aggregates[i].histories;
    HistoryBranch branch;
    branch.histories = Closure(reads, ties);
    if (reads.size() > 1) branch.aligned = reads;
    auto same =
        std::find_if(branches.begin(), branches.end(), [&branch](const HistoryBranch& other) {
          return other.histories == branch.histories && other.aligned == branch.aligned;
        });
    if (same == branches.end()) {
      branch.aggregates.resize(select.aggregates.size());
      same = branches.insert(branches.end(), std::move(branch));
    }
    same->aggregates[i] = true;
  }
  if (branches.empty()) {  // Groups alone: of the rows that every clause has samples for.
    branches.emplace_back();
    for (size_t i = 0; i < select.histories.size(); ++i) {
      branches.back().histories.push_back(static_cast<int>(i));
    }
  }
  return branches;
}

absl::StatusOr<std::vector<const PlanStep*>> StepsOf(const HistoryBranch& branch, const Plan& plan,
                                                     size_t first, size_t last,
                                                     std::deque<PlanStep>* own) {
  SlotSet others;
  for (size_t i = 0; i < plan.select->histories.size(); ++i) {
    if (Contains(branch.histories, static_cast<int>(i))) continue;
    others.AddAll(SlotsOf(plan.select->histories[i]));
  }
  TWIN_RETURN_IF_ERROR(CheckKeys(plan.steps[last], others));
  std::vector<const PlanStep*> steps;
  for (size_t i = first; i < last; ++i) {
    const PlanStep& step = plan.steps[i];
    if (step.kind == StepKind::kFilter) {
      own->push_back(Without(step, others));
      steps.push_back(&own->back());
      continue;
    }
    if (step.kind != StepKind::kHistory) {
      steps.push_back(&step);
      continue;
    }
    if (!Contains(branch.histories, step.history_index)) continue;
    const bool later = !branch.aligned.empty() && step.history_index != branch.aligned.front() &&
                       Contains(branch.aligned, step.history_index);
    if (!later || step.aligned_with != kNoSlot) {
      steps.push_back(&step);
      continue;
    }
    own->push_back(AlignedWith(plan.select->histories[branch.aligned.front()].time, step));
    steps.push_back(&own->back());
  }
  return steps;
}

}  // namespace twin::query
