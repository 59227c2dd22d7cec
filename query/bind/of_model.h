// IS_OF_MODEL and what a WHERE says of models. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_OF_MODEL_H_
#define TWIN_QUERY_BIND_OF_MODEL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "query/ast/ast.h"
#include "query/bind/environment.h"
#include "query/bind/scope.h"

namespace twin::query::binding {

// IS_OF_MODEL([x,] 'dtmi' [, exact]).
absl::StatusOr<BoundPtr> BindOfModel(const Environment& env, const Scope& scope, const Expr& call);
// The same of the twin in `slot`, which the first argument is.
absl::StatusOr<BoundPtr> BindOfModel(const Environment& env, const Scope& scope, SlotId slot,
                                     const Expr& call);

// IS_OF_MODEL(slot, model), as a label of a pattern says it.
absl::StatusOr<BoundPtr> OfModel(const Environment& env, SlotId slot, const Name& model,
                                 bool exact);

// A twin of which is known that its table is one of these.
struct TableFact {
  SlotId slot = kNoSlot;
  std::vector<TableId> tables;  // ascending
};

// What must be true of a row's twins if `condition` is.
std::vector<TableFact> FactsOf(const Environment& env, const Scope& scope, const Expr& condition);

// The types of which a relationship must be if `condition` is TRUE, by its $relationshipName;
// nullopt: of any. `slot` is the collection's, with or without an alias.
std::optional<std::vector<RelationshipTypeId>> TypesOf(const Environment& env, const Scope& scope,
                                                       SlotId slot, const Expr& condition);

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_OF_MODEL_H_
