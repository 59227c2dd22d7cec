#include "server/graph/model_names.h"

#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "models/dtdl/diagnostics.h"
#include "models/dtdl/dtmi.h"

namespace twin::graph {

std::string ClosestModel(const Catalog& catalog, absl::string_view id) {
  const bool is_dtmi = absl::StartsWith(id, "dtmi:");
  // Versions aside; of what is no DTMI, the last name of each.
  const auto name_of = [&](absl::string_view dtmi) {
    const absl::string_view whole = dtdl::SplitVersion(dtmi).id;
    return is_dtmi ? whole : whole.substr(whole.rfind(':') + 1);
  };
  std::vector<absl::string_view> names;
  for (const ModelState& state : catalog.states()) {
    if (!state.deleted) names.push_back(name_of(state.id));
  }
  const std::string closest = dtdl::ClosestWord(dtdl::SplitVersion(id).id, names);
  std::string newest;
  int64_t version = -1;
  for (const ModelState& state : catalog.states()) {
    if (closest.empty() || state.deleted || name_of(state.id) != closest) continue;
    if (dtdl::SplitVersion(state.id).version <= version) continue;
    version = dtdl::SplitVersion(state.id).version;
    newest = state.id;
  }
  return newest;
}

absl::Status NoModel(const Catalog& catalog, absl::string_view id) {
  const std::string closest = ClosestModel(catalog, id);
  return absl::NotFoundError(
      absl::StrCat("there is no model ", id,
                   closest.empty() ? "" : absl::StrCat("; did you mean '", closest, "'?")));
}

}  // namespace twin::graph
