// Aggregates that need no single samples: sums, counts, extremes, ends of a HISTORY clause.
// Internal to query/plan.
#ifndef TWIN_QUERY_PLAN_SUMMARIZE_H_
#define TWIN_QUERY_PLAN_SUMMARIZE_H_

#include <cstdint>
#include <string>

#include "query/plan/plan.h"

namespace twin::query {

// If the plan's last step, an aggregation, can take the samples of the step before summed up, with
// exactly the same answer, both say so from now on.
void SummarizeHistory(Plan* plan);

// Says of samples which of them are not needed: of those with an EVERY, of which roll-ups know
// enough, and by the conditions that follow.
void NarrowHistories(Plan* plan);

// Steps of roll-ups that those of so many nanoseconds consist of, as " roll-up 1h, 1m"; empty:
// none.
std::string RollupsOf(int64_t step);

}  // namespace twin::query

#endif  // TWIN_QUERY_PLAN_SUMMARIZE_H_
