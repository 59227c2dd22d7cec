// What of a plan can be done on runs of rows, and which ids are needed only for the few rows that
// are left at its end. Internal to query/plan.
#ifndef TWIN_QUERY_PLAN_RUNS_H_
#define TWIN_QUERY_PLAN_RUNS_H_

#include "query/plan/plan.h"

namespace twin::query {

// Fills in PlanStep::run_hops, over_runs and key_is_scanned; after FindLiveSlots.
void FindRuns(Plan* plan);

// Fills in PlanStep::key_is_late and late_ids.
void FindLateIds(Plan* plan);

}  // namespace twin::query

#endif  // TWIN_QUERY_PLAN_RUNS_H_
