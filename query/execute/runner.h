// A plan at work: its steps cut into pipelines at those that need all rows. Internal to
// query/execute.
#ifndef TWIN_QUERY_EXECUTE_RUNNER_H_
#define TWIN_QUERY_EXECUTE_RUNNER_H_

#include "absl/status/status.h"
#include "query/execute/run_context.h"

namespace twin::query {

// Runs the plan; its rows go to `end`, from the calling thread, in an order that does not depend
// on threads.
absl::Status RunPlan(const Plan& plan, RunContext* run, Consumer* end);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_RUNNER_H_
