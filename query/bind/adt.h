// What Azure Digital Twins refuses although it is well formed. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_ADT_H_
#define TWIN_QUERY_BIND_ADT_H_

#include "absl/status/status.h"
#include "query/ast/ast.h"

namespace twin::query::binding {

// `limits`: also the documented limits of its service (BindOptions::adt_limits).
absl::Status CheckAdt(const Select& select, bool limits);

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_ADT_H_
