// HISTORY: columns and windows. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_HISTORY_H_
#define TWIN_QUERY_BIND_HISTORY_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "query/ast/ast.h"
#include "query/bind/environment.h"
#include "query/bind/expressions.h"
#include "query/bind/scope.h"

namespace twin::query::binding {

// Binds all HISTORY clauses of a select, in order, and declares their names. `binder` binds their
// windows, which see the row without any history.
absl::Status BindHistories(const Environment& env, const std::vector<const HistoryClause*>& clauses,
                           ExpressionBinder* binder, Scope* scope, BoundSelect* select);

// h.time, h.voltage, h.soh.value, h.c.voltage: `path` is what follows h.
absl::StatusOr<BoundPtr> BindHistoryColumn(const BoundSelect& select, const BoundHistory& history,
                                           absl::Span<const Name> path, const Span& span);

// The HISTORY clauses whose columns the expression reads, ascending.
std::vector<int> HistoriesOf(const BoundSelect& select, const BoundExpr& expr);

// Twins whose samples the expression reads, ascending; all twins of a history of which it only
// reads the time.
std::vector<SlotId> SeriesOf(const BoundHistory& history, const BoundExpr& expr);

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_HISTORY_H_
