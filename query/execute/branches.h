// Several HISTORY clauses under one GROUP BY: their samples are no rows of each other. Each branch
// is the rows of the pattern with the samples of some of the clauses. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_BRANCHES_H_
#define TWIN_QUERY_EXECUTE_BRANCHES_H_

#include <cstddef>
#include <deque>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "query/plan/expr_util.h"
#include "query/plan/plan.h"

namespace twin::query {

struct HistoryBranch {
  std::vector<int> histories;  // ascending; none: the rows of the pattern
  // Of them: those that one aggregate reads together, on the steps that they have in common.
  std::vector<int> aligned;
  std::vector<bool> aggregates;  // by index: those that read it
};

// A clause that a WHERE joins with another one, or whose window depends on it, is in its branches.
// Never empty; each aggregate reads one branch.
std::vector<HistoryBranch> BranchesOf(const BoundSelect& select);

// The steps of a branch, of a plan's steps [first, last) behind the pattern. `own` keeps those that
// are no steps of the plan.
// INVALID_ARGUMENT: a key of the grouping, steps[last], is of a clause of another branch.
absl::StatusOr<std::vector<const PlanStep*>> StepsOf(const HistoryBranch& branch, const Plan& plan,
                                                     size_t first, size_t last,
                                                     std::deque<PlanStep>* own);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_BRANCHES_H_
