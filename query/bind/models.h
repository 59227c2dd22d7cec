// Names of models and relationships. Internal to query/bind.
#ifndef TWIN_QUERY_BIND_MODELS_H_
#define TWIN_QUERY_BIND_MODELS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/bind/environment.h"

namespace twin::query::binding {

// Tables of the model that `name` means, ascending: a DTMI with or without its version, or in tql
// the last segment of one. Descendants and later versions count too unless `exact`.
// Several families have that segment: the shipped ontology's is taken, with a notice; otherwise an
// error that lists them. No such model: none in the dialect adt, else an error with the nearest.
absl::StatusOr<std::vector<TableId>> TablesNamed(const Environment& env, absl::string_view name,
                                                 bool exact, const Span& span);

// The types that a pattern's or JOIN's name means, ascending. No such name: as above.
absl::StatusOr<std::vector<RelationshipTypeId>> TypesNamed(const Environment& env,
                                                           const Name& name);

}  // namespace twin::query::binding

#endif  // TWIN_QUERY_BIND_MODELS_H_
