#include "query/bind/models.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/dtdl/dtmi.h"
#include "query/ast/error.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

// Models that ship with Twingraph, models/battery.
constexpr absl::string_view kOntology = "dtmi:twingraph:battery:";

absl::Status UnknownModel(const Environment& env, absl::string_view name, const Span& span) {
  const bool whole = absl::StartsWith(name, "dtmi:");
  std::vector<absl::string_view> known;
  for (const Model& model : env.catalog->models()) {
    if (model.interface == nullptr) continue;
    known.push_back(whole ? absl::string_view(model.id) : ShortName(model.id));
  }
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  return ErrorAt(span,
                 absl::StrCat("unknown model '", name, "'", Suggestion(name, known, "there are")));
}

// The family that a bare name means; empty: none has it.
absl::StatusOr<std::string> FamilyNamed(const Environment& env, absl::string_view name,
                                        const Span& span) {
  std::vector<std::string> families = env.catalog->FamiliesNamed(name);
  if (families.empty()) return std::string();
  if (families.size() == 1) return std::move(families.front());
  std::sort(families.begin(), families.end());
  const auto shipped = std::find(families.begin(), families.end(), absl::StrCat(kOntology, name));
  if (shipped == families.end()) {
    return ErrorAt(span, absl::StrCat("several models are called '", name, "': ",
                                      absl::StrJoin(families, ", "), "; write the whole DTMI"));
  }
  std::string family = *shipped;
  families.erase(shipped);
  std::string notice = absl::StrCat("'", name, "' is taken as ", family, ", not as ",
                                    absl::StrJoin(families, " or "));
  if (std::find(env.notices->begin(), env.notices->end(), notice) == env.notices->end()) {
    env.notices->push_back(std::move(notice));
  }
  return family;
}

// All versions of a family, and what extends one of them.
std::vector<TableId> TablesOfFamily(const Catalog& catalog, absl::string_view family, bool exact) {
  std::vector<TableId> tables;
  for (const Model& model : catalog.models()) {
    if (model.interface == nullptr || dtdl::SplitVersion(model.id).id != family) continue;
    const std::vector<TableId> more = catalog.TablesOfModel(model.id, exact);
    tables.insert(tables.end(), more.begin(), more.end());
  }
  std::sort(tables.begin(), tables.end());
  tables.erase(std::unique(tables.begin(), tables.end()), tables.end());
  return tables;
}

}  // namespace

absl::StatusOr<std::vector<TableId>> TablesNamed(const Environment& env, absl::string_view name,
                                                 bool exact, const Span& span) {
  if (env.lenient()) return std::vector<TableId>();
  std::vector<TableId> tables;
  if (env.adt() || absl::StrContains(name, ';')) {
    tables = env.catalog->TablesOfModel(name, exact);
  } else if (absl::StartsWith(name, "dtmi:")) {
    tables = TablesOfFamily(*env.catalog, name, exact);
  } else {
    TWIN_ASSIGN_OR_RETURN(const std::string family, FamilyNamed(env, name, span));
    if (!family.empty()) tables = TablesOfFamily(*env.catalog, family, exact);
  }
  if (tables.empty() && !env.adt()) return UnknownModel(env, name, span);
  return tables;
}

absl::StatusOr<std::vector<RelationshipTypeId>> TypesNamed(const Environment& env,
                                                           const Name& name) {
  std::vector<RelationshipTypeId> types = env.catalog->TypesNamed(name.text);
  if (!types.empty() || env.adt() || env.lenient()) return types;
  std::vector<absl::string_view> known;
  for (const RelationshipType& type : env.catalog->relationship_types()) known.push_back(type.name);
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  return ErrorAt(name.span, absl::StrCat("unknown relationship '", name.text, "'",
                                         Suggestion(name.text, known, "there are")));
}

}  // namespace twin::query::binding
