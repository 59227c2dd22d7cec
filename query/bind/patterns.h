// Patterns: MATCH, JOIN and EXISTS. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_PATTERNS_H_
#define TWIN_QUERY_BIND_PATTERNS_H_

#include <vector>

#include "absl/status/status.h"
#include "query/ast/ast.h"
#include "query/bind/environment.h"
#include "query/bind/of_model.h"
#include "query/bind/scope.h"

namespace twin::query::binding {

// One MATCH, JOIN or EXISTS at work: where its parts go, and which slots it brought.
struct Pattern {
  std::vector<BoundPath>* paths = nullptr;
  std::vector<BoundPtr>* conditions = nullptr;
  bool optional = false;  // its rows do not restrict slots that it did not bring; EXISTS alike
  std::vector<SlotId> added;
};

// Declares the names of the paths and binds their relationships and labels.
absl::Status BindPaths(const Environment& env, const std::vector<PathPattern>& paths, Scope* scope,
                       Pattern* pattern);

// JOIN target RELATED source.name [alias]: a path of one relationship.
absl::Status BindJoin(const Environment& env, const JoinClause& join, Scope* scope,
                      Pattern* pattern);

// Restricts the tables of twins and the types of relationships to what labels, facts and the
// models' relationships leave possible, until nothing changes any more. Only named relationships
// say anything. In tql it is an error if a pattern can match nothing.
absl::Status NarrowSlots(const Environment& env, const std::vector<Pattern*>& patterns,
                         const std::vector<TableFact>& facts, std::vector<Slot>* slots);

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_PATTERNS_H_
