// For tests: a writer on a journal in memory, and what it is given.
#ifndef TWIN_SERVER_INGEST_WRITER_FIXTURE_H_
#define TWIN_SERVER_INGEST_WRITER_FIXTURE_H_

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/check.h"
#include "server/base/sync.h"
#include "server/ingest/change.h"
#include "server/ingest/writer.h"
#include "server/journal/memory_journal.h"
#include "tests/support/manual_clock.h"

namespace twin::ingest {

inline constexpr absl::string_view kModels = R"([
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
    {"@type":"Property","name":"name","schema":"string"},
    {"@type":"Property","name":"volt","schema":"double"},
    {"@type":"Property","name":"count","schema":"integer"},
    {"@type":"Property","name":"mode","schema":{"@type":"Enum","valueSchema":"string",
      "enumValues":[{"name":"on","enumValue":"on"},{"name":"off","enumValue":"off"}]}},
    {"@type":"Property","name":"soh","schema":{"@type":"Object","fields":[
      {"name":"value","schema":"double"},{"name":"at","schema":"dateTime"}]}},
    {"@type":"Property","name":"tags","schema":{"@type":"Array","elementSchema":"string"}},
    {"@type":"Telemetry","name":"current","schema":"double"},
    {"@type":"Component","name":"bms","schema":"dtmi:t:Bms;1"},
    {"@type":"Relationship","name":"hasCell","target":"dtmi:t:Cell;1","maxMultiplicity":2,
     "properties":[{"@type":"Property","name":"position","schema":"integer"}]},
    {"@type":"Relationship","name":"near"}]},
  {"@context":"dtmi:dtdl:context;4","@id":"dtmi:t:Bms;1","@type":"Interface","contents":[
    {"@type":"Property","name":"firmware","schema":"string"}]},
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":["Property","Required"],"name":"serial","schema":"string"},
    {"@type":"Property","name":"volt","schema":"double"}]},
  {"@context":"dtmi:dtdl:context;4","@id":"dtmi:t:Cell;2","@type":"Interface",
   "extends":"dtmi:t:Cell;1","contents":[
    {"@type":"Property","name":"grade","schema":"string"}]}
])";

// Everything that a view shows, as text.
inline std::string Dump(const graph::GraphView& view) {
  std::string all = absl::StrCat("at ", view.sequence().value, "\n");
  std::map<std::string, std::string> twins;
  for (uint32_t number = 0; number < view.next_twin().value; ++number) {
    const TwinNumber twin(number);
    if (!view.Exists(twin)) continue;
    const graph::TableSchema& table = view.TableOf(twin);
    std::string text = absl::StrCat(table.model_id, " v", view.VersionOf(twin).value);
    for (const graph::ColumnSchema& column : table.columns) {
      const Value value = view.GetValue(twin, table.IdOf(column));
      if (!value.is_null()) absl::StrAppend(&text, " ", column.path, "=", value.DebugString());
    }
    for (RelationshipNumber each = view.FirstOutgoing(twin); !(each == kNoRelationship);
         each = view.NextOutgoing(each)) {
      const graph::Relationship found = view.Get(each);
      absl::StrAppend(&text, " [", found.id, "->", view.IdOf(found.target), " v",
                      found.version.value, "]");
    }
    twins[std::string(view.IdOf(twin))] = text;
  }
  for (const auto& [id, text] : twins) absl::StrAppend(&all, id, ": ", text, "\n");
  return all;
}

inline WriteResult WriteAndWait(Writer* writer, WriteBatch batch) {
  WriteResult result;
  Mutex mutex;
  CondVar done;
  bool is_done = false;
  writer->Submit(std::move(batch), [&](WriteResult got) {
    const MutexLock lock(&mutex);
    result = std::move(got);
    is_done = true;
    done.Signal();
  });
  const MutexLock lock(&mutex);
  while (!is_done) done.Wait(&mutex);
  return result;
}

// A writer on a journal in memory.
class Bench {
 public:
  explicit Bench(bool hold = false, const Limits& limits = {})
      : clock_(Time{1'000'000}), journal_(hold) {
    WriterOptions options;
    options.limits = limits;
    options.clock = &clock_;
    writer_ = std::make_unique<Writer>(options, &graph_, &journal_, *journal_.Claim());
  }
  ~Bench() {
    writer_->Stop();  // with `hold`, the test has released everything
  }

  WriteResult Write(WriteBatch batch) { return WriteAndWait(writer_.get(), std::move(batch)); }
  absl::Status One(Operation operation) {
    WriteBatch batch;
    batch.operations.push_back(std::move(operation));
    return Write(std::move(batch)).status;
  }
  WriteResult Models() {
    WriteBatch batch;
    batch.operations.emplace_back(CreateModels{{std::string(kModels)}});
    return Write(std::move(batch));
  }
  std::string DumpHead() {
    const MutexLock lock(&graph_.mutex);
    return Dump(graph_.graph.head());
  }
  // The state that replaying the journal gives.
  std::string DumpReplay() {
    graph::Graph graph;
    auto reader = journal_.ReadFrom(Sequence(1));
    TWIN_CHECK(reader.ok());
    journal::Record record;
    while (*(*reader)->Next(&record)) {
      GraphRecord decoded;
      const absl::Status status = DecodeRecord(record.bytes, &decoded);
      TWIN_CHECK(status.ok()) << status;
      TWIN_CHECK(decoded.units.size() == record.count);
      uint64_t sequence = record.first.value;
      for (const Unit& unit : decoded.units) {
        const absl::Status applied = ApplyUnit(unit, Sequence(sequence++), decoded.time, &graph);
        TWIN_CHECK(applied.ok()) << applied;
      }
    }
    return Dump(graph.head());
  }
  void WaitForWaiting(size_t records) {
    while (journal_.waiting() < records) std::this_thread::yield();
  }
  Sequence VersionOf(absl::string_view id) {
    const MutexLock lock(&graph_.mutex);
    return graph_.graph.head().VersionOf(graph_.graph.head().FindTwin(id));
  }

  ManualClock clock_;
  journal::MemoryJournal journal_;
  GuardedGraph graph_;
  std::unique_ptr<Writer> writer_;
};

inline PutTwin Pack(const std::string& id, ValueMap contents = {}) {
  PutTwin put;
  put.id = id;
  put.model_id = "dtmi:t:Pack;1";
  put.contents = std::move(contents);
  put.contents.emplace_back("bms", Value::Map({}));
  return put;
}

inline PutTwin CellTwin(const std::string& id) {
  PutTwin put;
  put.id = id;
  put.model_id = "dtmi:t:Cell;1";
  put.contents.emplace_back("serial", Value::String(id));
  return put;
}

inline PutRelationship Has(const std::string& source, const std::string& id,
                           const std::string& target) {
  PutRelationship put;
  put.source_id = source;
  put.relationship_id = id;
  put.name = "hasCell";
  put.target_id = target;
  return put;
}

inline Edit Step(Edit::Kind kind, std::vector<std::string> path, Value value = Value()) {
  Edit edit;
  edit.kind = kind;
  edit.path = std::move(path);
  edit.value = std::move(value);
  return edit;
}

inline PatchTwin PatchOf(const std::string& id, std::vector<Edit> edits) {
  PatchTwin patch;
  patch.id = id;
  patch.edits = std::move(edits);
  return patch;
}

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_WRITER_FIXTURE_H_
