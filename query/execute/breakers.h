// Steps that need all rows before they give the first one. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_BREAKERS_H_
#define TWIN_QUERY_EXECUTE_BREAKERS_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "query/execute/readers.h"
#include "query/execute/run_context.h"

namespace twin::query {

// Parts of the input may each have one of their own, which are merged in the order of the parts.
class Breaker : public Consumer {
 public:
  // Rows of a scan where they stand, of a kAggregate with over_runs.
  virtual absl::Status PushRows(const RowRuns::Run& /*rows*/) {
    return absl::InternalError("a step that needs its rows");
  }
  // Takes over what `later` got: rows that come after ours.
  virtual absl::Status Merge(Breaker* later) = 0;
  // All rows, in batches. Called once, last.
  virtual absl::StatusOr<std::vector<Batch>> Finish() = 0;
  // Several HISTORY clauses are aggregated each by itself: the rows that come now are for these of
  // the select's aggregates.
  virtual void SetBranch(const std::vector<bool>& /*aggregates*/) {}
};

bool IsBreaker(const PlanStep& step);
// `runs`: of a kAggregate with over_runs that gets the rows from before these hops, or of a scan;
// or nullptr.
absl::StatusOr<std::unique_ptr<Breaker>> NewBreaker(const Plan& plan, const PlanStep& step,
                                                    RunContext* run, const PathRuns* runs);
// One each, from the file of that name.
absl::StatusOr<std::unique_ptr<Breaker>> NewAggregateRows(const Plan& plan, const PlanStep& step,
                                                          RunContext* run, const PathRuns* runs);
std::unique_ptr<Breaker> NewWindowRows(const Plan& plan, const PlanStep& step, RunContext* run);

// Cuts rows into batches.
std::vector<Batch> InBatches(Batch rows, size_t batch_rows);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_BREAKERS_H_
