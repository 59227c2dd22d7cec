// What a path below a twin or a relationship names. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_PROPERTIES_H_
#define TWIN_QUERY_BIND_PROPERTIES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "query/bind/environment.h"
#include "query/bind/schemas.h"

namespace twin::query::binding {

// Columns of that path in all tables (relationship types) that a slot can be of, brought to one
// type and unit: int and double make double, other differences kValue, units become the first's.
// Empty `columns`: none has it.
struct MergedColumns {
  std::vector<ColumnRef> columns;
  Type type;
  bool recorded = false;  // one of them keeps its history
};
MergedColumns FindColumns(const Environment& env, const Slot& slot, absl::string_view path);

// The expression of `path` below the slot: a property, a document, a member of a map, or a system
// field. What no model has is NULL in the dialect adt, and else an error with the nearest name.
absl::StatusOr<BoundPtr> BindProperty(const Environment& env, const Slot& slot, SlotId id,
                                      absl::Span<const Name> path, const Span& span);

// Paths that begin with `prefix`, a dot and more: what the document at `prefix` consists of.
std::vector<std::string> PathsBelow(const Environment& env, const Slot& slot,
                                    absl::string_view prefix);

// "unknown property 'x' of BatteryCell; did you mean …", at `span`.
absl::Status UnknownProperty(const Environment& env, const Slot& slot, absl::string_view path,
                             const Span& span);

// A property whose schema is a duration: kept as a text, whose order is another one (PT90M is more
// than PT1H).
bool IsModelDuration(const Environment& env, const std::vector<Slot>& slots, const BoundExpr& expr);
std::string NoOrderOf(const BoundExpr& duration);

// expr . name . name …, of the types that `schemas`, those of expr, say.
BoundPtr MembersOf(BoundPtr expr, absl::Span<const Name> names, const Span& span,
                   Schemas schemas = {});

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_PROPERTIES_H_
