// What models say of the parts of arrays, maps and objects. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_SCHEMAS_H_
#define TWIN_QUERY_BIND_SCHEMAS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "query/bind/environment.h"

namespace twin::query::binding {

// Of a value with that schema.
TypeKind TypeOf(const dtdl::Schema& schema);

// What an expression may be of, one for each model that has it; empty: no model says so.
using Schemas = std::vector<const dtdl::Schema*>;
// Of a column of the slot; nullptr: no model says so.
const dtdl::Schema* SchemaOf(const Environment& env, const Slot& slot, const ColumnRef& column);
// Of a property, and of members and elements below it.
Schemas SchemasOf(const Environment& env, const std::vector<Slot>& slots, const BoundExpr& expr);
// Of the member or field of that name; empty where one of `schemas` has none.
Schemas MembersOf(const Schemas& schemas, absl::string_view name);
// Of the elements of arrays; empty where one of `schemas` is no array.
Schemas ElementsOf(const Schemas& schemas);
// That all of them have: int and double make double, other differences kValue, as does none.
TypeKind TypeOf(const Schemas& schemas);

// What is looked for in a list: a text among times is the text of one.
absl::StatusOr<BoundPtr> AsElement(const Environment& env, const std::vector<Slot>& slots,
                                   const BoundExpr& list, BoundPtr needle);

// `more` has been found beside `kind`.
TypeKind CommonKind(TypeKind kind, TypeKind more);

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_SCHEMAS_H_
