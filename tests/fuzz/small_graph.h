// A few models and the text of a graph, for the fuzz targets of the write path.
#ifndef TWIN_TESTS_FUZZ_SMALL_GRAPH_H_
#define TWIN_TESTS_FUZZ_SMALL_GRAPH_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/check.h"
#include "server/graph/catalog.h"
#include "server/graph/graph.h"

namespace twin::testing {

// Every type of column, a component, telemetry, and relationships with and without properties.
inline std::vector<std::pair<std::string, std::string>> SmallModels() {
  return {{"dtmi:t:Pack;1", R"({
    "@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
    "@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
      {"@type":"Property","name":"name","schema":"string","comment":"index: equality"},
      {"@type":"Property","name":"on","schema":"boolean"},
      {"@type":"Property","name":"volt","schema":"double"},
      {"@type":"Property","name":"ampere","schema":"float"},
      {"@type":"Property","name":"count","schema":"integer"},
      {"@type":"Property","name":"total","schema":"long"},
      {"@type":"Property","name":"made","schema":"dateTime"},
      {"@type":"Property","name":"mode","schema":{"@type":"Enum","valueSchema":"string",
        "enumValues":[{"name":"on","enumValue":"on"},{"name":"off","enumValue":"off"}]}},
      {"@type":"Property","name":"soh","schema":{"@type":"Object","fields":[
        {"name":"value","schema":"double"},{"name":"at","schema":"dateTime"}]}},
      {"@type":"Property","name":"tags","schema":{"@type":"Array","elementSchema":"string"}},
      {"@type":"Property","name":"limits","schema":{"@type":"Map",
        "mapKey":{"name":"key","schema":"string"},"mapValue":{"name":"value","schema":"double"}}},
      {"@type":"Telemetry","name":"current","schema":"double"},
      {"@type":"Component","name":"bms","schema":"dtmi:t:Bms;1"},
      {"@type":"Relationship","name":"hasCell","target":"dtmi:t:Cell;1","maxMultiplicity":2,
       "properties":[{"@type":"Property","name":"position","schema":"integer"}]},
      {"@type":"Relationship","name":"near"}]})"},
          {"dtmi:t:Bms;1", R"({
    "@context":"dtmi:dtdl:context;4","@id":"dtmi:t:Bms;1","@type":"Interface","contents":[
      {"@type":"Property","name":"firmware","schema":"string"}]})"},
          {"dtmi:t:Cell;1", R"({
    "@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
    "@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
      {"@type":["Property","Required"],"name":"serial","schema":"string"},
      {"@type":"Property","name":"volt","schema":"double"}]})"},
          {"dtmi:t:Cell;2", R"({
    "@context":"dtmi:dtdl:context;4","@id":"dtmi:t:Cell;2","@type":"Interface",
    "extends":"dtmi:t:Cell;1","contents":[
      {"@type":"Property","name":"grade","schema":"string"}]})"}};
}

// Made once: parsing models would take most of each run.
inline std::shared_ptr<const graph::Catalog> SmallCatalog() {
  static const auto* const catalog = [] {
    std::vector<graph::ModelState> states;
    for (auto& [id, text] : SmallModels()) {
      graph::ModelState state;
      state.id = id;
      state.text = std::move(text);
      state.table = TableId(static_cast<uint32_t>(states.size()));
      states.push_back(std::move(state));
    }
    auto made = graph::Catalog::Create(std::move(states), nullptr);
    TWIN_CHECK(made.ok()) << made.status();
    return new std::shared_ptr<const graph::Catalog>(*std::move(made));
  }();
  return *catalog;
}

inline std::string TextOf(const graph::GraphView& view, RelationshipNumber number) {
  const graph::Relationship found = view.Get(number);
  const auto& columns = view.catalog().relationship_type(found.type).columns;
  std::string text =
      absl::StrCat(" [", found.id, "->", view.IdOf(found.target), " v", found.version.value);
  for (uint32_t i = 0; i < columns.size(); ++i) {
    absl::StrAppend(&text, " ", view.GetValue(number, ColumnId(i)).DebugString());
  }
  return text + "]";
}

// Everything that a view shows; reads each relationship from both of its ends.
inline std::string TextOf(const graph::GraphView& view) {
  std::string all = absl::StrCat("at ", view.sequence().value, "\n");
  for (uint32_t number = 0; number < view.next_twin().value; ++number) {
    const TwinNumber twin(number);
    if (!view.Exists(twin)) continue;
    const graph::TableSchema& table = view.TableOf(twin);
    absl::StrAppend(&all, view.IdOf(twin), ": ", table.model_id, " v", view.VersionOf(twin).value);
    for (const graph::ColumnSchema& column : table.columns) {
      const graph::Cell cell = view.Get(twin, table.IdOf(column));
      if (cell.value.is_null()) continue;
      absl::StrAppend(&all, " ", column.path, "=", cell.value.DebugString(), "@",
                      cell.update_time.ns, "/", cell.source_time.ns);
    }
    for (RelationshipNumber each = view.FirstOutgoing(twin); !(each == kNoRelationship);
         each = view.NextOutgoing(each)) {
      absl::StrAppend(&all, TextOf(view, each));
    }
    for (RelationshipNumber each = view.FirstIncoming(twin); !(each == kNoRelationship);
         each = view.NextIncoming(each)) {
      absl::StrAppend(&all, " <-", view.IdOf(view.Get(each).source));
    }
    absl::StrAppend(&all, "\n");
  }
  return all;
}

}  // namespace twin::testing

#endif  // TWIN_TESTS_FUZZ_SMALL_GRAPH_H_
