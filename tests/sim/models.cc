#include "tests/sim/models.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace twin::sim {
namespace {

constexpr absl::string_view kPack = R"({"@context":"dtmi:dtdl:context;4",
  "@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
    {"@type":"Property","name":"name","schema":"string","comment":"index: equality"},
    {"@type":"Property","name":"volt","schema":"double"},
    {"@type":"Property","name":"count","schema":"integer"},
    {"@type":"Property","name":"soh","schema":{"@type":"Object","fields":[
      {"name":"value","schema":"double"},{"name":"low","schema":"double"}]}},
    {"@type":"Component","name":"bms","schema":"dtmi:t:Bms;1"},
    {"@type":"Relationship","name":"hasCell","target":"dtmi:t:Cell;1","maxMultiplicity":2,
     "properties":[{"@type":"Property","name":"position","schema":"integer"}]},
    {"@type":"Relationship","name":"near"}]})";

constexpr absl::string_view kBms = R"({"@context":"dtmi:dtdl:context;4",
  "@id":"dtmi:t:Bms;1","@type":"Interface","contents":[
    {"@type":"Property","name":"firmware","schema":"string"}]})";

constexpr absl::string_view kCell = R"({
  "@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
  "@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":["Property","Required"],"name":"serial","schema":"string"},
    {"@type":"Property","name":"volt","schema":"double"},
    {"@type":"Relationship","name":"near"}]})";

constexpr absl::string_view kCell2 = R"({"@context":"dtmi:dtdl:context;4",
  "@id":"dtmi:t:Cell;2","@type":"Interface","extends":"dtmi:t:Cell;1","contents":[
    {"@type":"Property","name":"grade","schema":"string"}]})";

constexpr absl::string_view kNote = R"({"@context":"dtmi:dtdl:context;4",
  "@id":"dtmi:t:Note;1","@type":"Interface","contents":[
    {"@type":"Property","name":"name","schema":"string","comment":"index: equality"},
    {"@type":"Property","name":"count","schema":"integer"},
    {"@type":"Relationship","name":"contains"}]})";

constexpr absl::string_view kNote2 = R"({"@context":"dtmi:dtdl:context;4",
  "@id":"dtmi:t:Note;2","@type":"Interface","extends":"dtmi:t:Note;1","contents":[
    {"@type":"Property","name":"volt","schema":"double"}]})";

std::vector<Model> MakeModels() {
  const RelationshipKind has_cell = {"hasCell", "dtmi:t:Pack;1", "dtmi:t:Cell;1", 2, true};
  const RelationshipKind pack_near = {"near", "dtmi:t:Pack;1", "", 0, false};
  const RelationshipKind cell_near = {"near", "dtmi:t:Cell;1", "", 0, false};
  const RelationshipKind contains = {"contains", "dtmi:t:Note;1", "", 0, false};
  return {
      {"dtmi:t:Bms;1", std::string(kBms), {{"firmware"}}, {}, {}, {"dtmi:t:Bms;1"}, {}},
      {"dtmi:t:Cell;1",
       std::string(kCell),
       {{"serial", Kind::kText, true}, {"volt", Kind::kNumber}},
       {},
       {cell_near},
       {"dtmi:t:Cell;1"},
       {}},
      {"dtmi:t:Cell;2",
       std::string(kCell2),
       {{"serial", Kind::kText, true}, {"volt", Kind::kNumber}, {"grade"}},
       {},
       {cell_near},
       {"dtmi:t:Cell;2", "dtmi:t:Cell;1"},
       {"dtmi:t:Cell;1"}},
      {"dtmi:t:Pack;1",
       std::string(kPack),
       {{"name"},
        {"volt", Kind::kNumber},
        {"count", Kind::kWhole},
        {"soh.value", Kind::kNumber},
        {"soh.low", Kind::kNumber},
        {"bms.firmware"},
        {"soh.", Kind::kObject}},
       {"bms"},
       {has_cell, pack_near},
       {"dtmi:t:Pack;1"},
       {"dtmi:t:Bms;1"}},
      {"dtmi:t:Note;1",
       std::string(kNote),
       {{"name"}, {"count", Kind::kWhole}},
       {},
       {contains},
       {"dtmi:t:Note;1"},
       {}},
      {"dtmi:t:Note;2",
       std::string(kNote2),
       {{"name"}, {"count", Kind::kWhole}, {"volt", Kind::kNumber}},
       {},
       {contains},
       {"dtmi:t:Note;2", "dtmi:t:Note;1"},
       {"dtmi:t:Note;1"}},
  };
}

}  // namespace

const Property* Model::Find(absl::string_view path) const {
  const auto it = std::find_if(properties.begin(), properties.end(),
                               [&](const Property& each) { return each.path == path; });
  return it == properties.end() ? nullptr : &*it;
}

const RelationshipKind* Model::FindRelationship(absl::string_view name) const {
  const auto it = std::find_if(relationships.begin(), relationships.end(),
                               [&](const RelationshipKind& each) { return each.name == name; });
  return it == relationships.end() ? nullptr : &*it;
}

bool Model::IsOf(absl::string_view base) const {
  return std::find(bases.begin(), bases.end(), base) != bases.end();
}

bool Model::HasBelow(absl::string_view path) const {
  return std::any_of(properties.begin(), properties.end(), [&](const Property& each) {
    return absl::StartsWith(each.path, absl::StrCat(path, "."));
  });
}

const std::vector<Model>& Models() {
  static const auto* const models = new std::vector<Model>(MakeModels());
  return *models;
}

const Model& ModelOf(absl::string_view id) {
  for (const Model& model : Models()) {
    if (model.id == id) return model;
  }
  TWIN_CHECK(false) << id;
  return Models().front();
}

}  // namespace twin::sim
