// Which slots are needed how far. Internal to query/plan.
#ifndef TWIN_QUERY_PLAN_LIVE_SLOTS_H_
#define TWIN_QUERY_PLAN_LIVE_SLOTS_H_

#include <functional>

#include "query/plan/plan.h"

namespace twin::query {

// Calls `visit` for each expression that the step evaluates itself.
void ForEachExprOf(const PlanStep& step, const BoundSelect& select,
                   const std::function<void(const BoundExpr&)>& visit);

// Fills in PlanStep::live of all steps.
void FindLiveSlots(Plan* plan);

}  // namespace twin::query

#endif  // TWIN_QUERY_PLAN_LIVE_SLOTS_H_
