// Limits of the service Azure Digital Twins. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_ADT_H_
#define TWIN_QUERY_BIND_ADT_H_

#include "absl/status/status.h"
#include "query/ast/ast.h"

namespace twin::query::binding {

// BindOptions::adt_limits: the limits that are documented, beyond what query/parse refuses in the
// dialect adt.
absl::Status CheckAdtLimits(const Select& select);

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_ADT_H_
