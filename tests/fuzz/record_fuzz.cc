// Journal records from anywhere: what decodes encodes to the same again, and applying it to a small
// graph either fails or leaves a graph that can be read.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/base/check.h"
#include "server/graph/graph.h"
#include "server/ingest/change.h"
#include "tests/fuzz/small_graph.h"

namespace twin::ingest {
namespace {

constexpr Time kThen{1'700'000'000'000'000'000};

// Two packs, two cells, one relationship of each type; the head is at sequence 1.
void Fill(graph::Graph* graph) {
  graph->SetCatalog(testing::SmallCatalog());
  const graph::Catalog& catalog = graph->head().catalog();
  const TableId pack = catalog.FindTable("dtmi:t:Pack;1")->id;
  const TableId cell = catalog.FindTable("dtmi:t:Cell;1")->id;
  uint32_t number = 0;
  for (const absl::string_view id : {"p1", "p2", "c1", "c2"}) {
    graph->CreateTwin(TwinNumber(number++), id, id[0] == 'p' ? pack : cell, Sequence(1), kThen);
  }
  const graph::TableSchema& table = catalog.table(pack);
  graph->SetValue(TwinNumber(0), table.IdOf(*table.FindColumn("name")), Value::String("one"), kThen,
                  kThen);
  const auto type = [&](absl::string_view name) {
    return catalog.FindType("dtmi:t:Pack;1", name)->id;
  };
  graph->CreateRelationship(RelationshipNumber(0), type("hasCell"), TwinNumber(0), TwinNumber(2),
                            "r", Sequence(1));
  graph->SetValue(RelationshipNumber(0), ColumnId(0), Value::Int(7));
  graph->CreateRelationship(RelationshipNumber(1), type("near"), TwinNumber(0), TwinNumber(1), "n",
                            Sequence(1));
  graph->Advance(Sequence(1), kThen);
}

void CheckRoundTrip(const GraphRecord& record) {
  std::string once;
  EncodeRecord(record, &once);
  GraphRecord again;
  const absl::Status status = DecodeRecord(once, &again);
  TWIN_CHECK(status.ok()) << status;
  std::string twice;
  EncodeRecord(again, &twice);
  TWIN_CHECK(once == twice);
}

void Apply(const GraphRecord& record) {
  graph::Graph graph;
  Fill(&graph);
  const auto pinned = graph.Pin();
  const std::string before = testing::TextOf(*pinned);
  uint64_t sequence = 2;
  for (const Unit& unit : record.units) {
    // After an error the graph is of no use any more, but the snapshot is.
    if (!ApplyUnit(unit, Sequence(sequence), record.time, &graph).ok()) break;
    TWIN_CHECK(graph.head().sequence().value == sequence);
    testing::TextOf(graph.head());
    ++sequence;
  }
  TWIN_CHECK(testing::TextOf(*pinned) == before);
}

}  // namespace
}  // namespace twin::ingest

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace twin::ingest;  // NOLINT
  GraphRecord record;
  if (!DecodeRecord({reinterpret_cast<const char*>(data), size}, &record).ok()) return 0;
  CheckRoundTrip(record);
  Apply(record);
  return 0;
}
