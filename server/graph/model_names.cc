#include "server/graph/model_names.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "models/dtdl/diagnostics.h"
#include "models/dtdl/dtmi.h"
#include "server/base/spelling.h"

namespace twin::graph {

namespace {

constexpr size_t kComparedBytes = 128;

absl::string_view LastName(absl::string_view id) {
  const absl::string_view whole = dtdl::SplitVersion(id).id;
  return whole.substr(whole.rfind(':') + 1);  // npos: all of it
}

// Of the last names: the one that is spelled most like `name`; else the shortest one that is a
// longer word of it: PouchCell for Cell.
std::string ClosestLastName(const std::vector<absl::string_view>& names, absl::string_view name) {
  constexpr size_t kWordMin = 3;
  std::string closest = dtdl::ClosestWord(name, names);
  if (!closest.empty() || name.size() < kWordMin) return closest;
  const std::string word = absl::AsciiStrToLower(name);
  for (const absl::string_view each : names) {
    if (!absl::StrContains(absl::AsciiStrToLower(each), word)) continue;
    if (closest.empty() || each.size() < closest.size()) closest = std::string(each);
  }
  return closest;
}

}  // namespace

std::string ClosestModel(const Catalog& catalog, absl::string_view id) {
  std::vector<absl::string_view> wholes;
  std::vector<absl::string_view> names;
  for (const ModelState& state : catalog.states()) {
    if (state.deleted) continue;
    wholes.push_back(dtdl::SplitVersion(state.id).id);
    names.push_back(LastName(state.id));
  }
  const absl::string_view whole = dtdl::SplitVersion(id).id;
  const std::string name = ClosestLastName(names, LastName(id));
  std::erase_if(wholes, [&](absl::string_view each) { return LastName(each) != name; });
  // Versions aside; of those with that name the one in the closest namespace.
  absl::string_view closest;
  size_t distance = 0;
  for (const absl::string_view each : wholes) {
    const size_t edits =
        EditDistance(whole.substr(0, kComparedBytes), each.substr(0, kComparedBytes));
    if (!closest.empty() && edits >= distance) continue;
    closest = each;
    distance = edits;
  }
  std::string newest;
  int64_t version = -1;
  for (const ModelState& state : catalog.states()) {
    if (closest.empty() || state.deleted || dtdl::SplitVersion(state.id).id != closest) continue;
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
