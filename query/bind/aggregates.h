// Aggregates and windows. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_AGGREGATES_H_
#define TWIN_QUERY_BIND_AGGREGATES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "query/ast/functions.h"
#include "query/bind/environment.h"
#include "query/bind/scope.h"

namespace twin::query::binding {

// Converts an aggregate's arguments and says what it makes of them.
absl::StatusOr<Type> TypeOfAggregate(const Environment& env, const FunctionInfo& info,
                                     std::vector<BoundPtr>* arguments);

// A slot for a computed value. A twin keeps what is known of the twin in `source`.
SlotId AddValueSlot(const Type& type, const BoundExpr* source, Scope* scope);

// "AVG(h.voltage)"
std::string TextOf(const BoundAggregate& aggregate, const std::vector<Slot>& slots);
std::string TextOf(const BoundWindow& window, const std::vector<Slot>& slots);

// Brings everything behind GROUP BY over the groups: what is a key reads its group slot, a path of
// a twin that a key determines becomes a key itself, and anything else is refused.
absl::Status RewriteGrouped(BoundSelect* select, Scope* scope);

// RATE, DELTA, INTEGRAL and SLOPE mean nothing over samples of several series.
absl::Status CheckSeries(const BoundSelect& select);

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_AGGREGATES_H_
