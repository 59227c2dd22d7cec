// Journal records from anywhere: what decodes encodes to the same again, and applying it to a small
// graph either fails or leaves a graph that can be read.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/base/check.h"
#include "server/graph/graph.h"
#include "server/ingest/change.h"
#include "server/ingest/telemetry_record.h"
#include "server/ingest/telemetry_state.h"
#include "server/timeseries/store.h"
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
    return catalog.FindTable("dtmi:t:Pack;1")->FindRelationship(name)->id;
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

// A layout of two columns for the twins of Fill.
void RegisterLayout(TelemetryState* state, graph::Graph* graph) {
  LayoutRecord record;
  record.layout.id = "l";
  record.layout.columns.resize(2);
  record.version.version = 1;
  for (uint32_t i = 0; i < 2; ++i) {
    ColumnForm form;
    form.encoding = i == 0 ? Encoding::kInt16 : Encoding::kDouble;
    form.kind = i == 0 ? timeseries::ColumnKind::kScaled : timeseries::ColumnKind::kDouble;
    form.decimals = i == 0 ? 3 : 0;
    record.version.columns.Add(form, {{TwinNumber(i), "volt"}});
  }
  std::string bytes;
  EncodeRecord(record, &bytes);
  const absl::Status status = state->Apply(bytes, Sequence(2), 1, Sequence(1), graph);
  TWIN_CHECK(status.ok()) << status;
}

// How many sequences the record says that it has; 0: it cannot be decoded.
uint64_t CountOf(absl::string_view bytes) {
  if (!CheckRecord(bytes).ok()) return 0;
  uint64_t count = 0;
  FramesRecord frames;
  SamplesRecord samples;
  if (KindOf(bytes) == static_cast<uint8_t>(RecordKind::kLayout)) return 1;
  if (DecodeRecord(bytes, &frames).ok()) {
    for (const FrameRun& run : frames.runs) count += run.times.size();
  } else if (DecodeRecord(bytes, &samples).ok()) {
    for (const SampleRun& run : samples.runs) count += run.twins.size();
  }
  return count;
}

void ApplyTelemetry(absl::string_view bytes) {
  const uint64_t count = CountOf(bytes);
  if (count == 0) return;
  graph::Graph graph;
  Fill(&graph);
  timeseries::Store history{timeseries::StoreOptions()};
  TelemetryState state(&history);
  RegisterLayout(&state, &graph);
  const auto pinned = graph.Pin();
  const std::string before = testing::TextOf(*pinned);
  if (state.Apply(bytes, Sequence(3), count, Sequence(2), &graph).ok()) {
    TWIN_CHECK(graph.head().sequence().value == 2 + count);
    testing::TextOf(graph.head());
  }
  TWIN_CHECK(testing::TextOf(*pinned) == before);
}

}  // namespace
}  // namespace twin::ingest

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace twin::ingest;  // NOLINT
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (KindOf(bytes) != static_cast<uint8_t>(RecordKind::kGraph)) {
    ApplyTelemetry(bytes);
    return 0;
  }
  GraphRecord record;
  if (!DecodeRecord(bytes, &record).ok()) return 0;
  CheckRoundTrip(record);
  Apply(record);
  return 0;
}
