// Which model a name that no model has may have meant.
#ifndef TWIN_SERVER_GRAPH_MODEL_NAMES_H_
#define TWIN_SERVER_GRAPH_MODEL_NAMES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/graph/catalog.h"

namespace twin::graph {

// The DTMI of the model that is meant by `id`, a DTMI or a last name: one whose last name is
// spelled alike, or is a longer word of it, in the namespace spelled most alike, in its newest
// version; empty: there is none. Cost: a comparison with each model.
std::string ClosestModel(const Catalog& catalog, absl::string_view id);

// NOT_FOUND: there is no model `id`; the message names the closest one.
absl::Status NoModel(const Catalog& catalog, absl::string_view id);

}  // namespace twin::graph

#endif  // TWIN_SERVER_GRAPH_MODEL_NAMES_H_
