// Aggregates that need no single samples: sums, counts, extremes, ends of a HISTORY clause.
// Internal to query/plan.
#ifndef TWIN_QUERY_PLAN_SUMMARIZE_H_
#define TWIN_QUERY_PLAN_SUMMARIZE_H_

#include "query/plan/plan.h"

namespace twin::query {

// If the plan's last step, an aggregation, can take the samples of the step before summed up, with
// exactly the same answer, both say so from now on.
void SummarizeHistory(Plan* plan);

}  // namespace twin::query

#endif  // TWIN_QUERY_PLAN_SUMMARIZE_H_
