// Requests from anywhere: whatever they ask, the server answers, and replaying its journal gives
// the state that it has.
//
// The first byte of an input says what the others are: 0 requests of the wire, each after its
// length (2 bytes); 1 lines of an import.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "server/api/convert.h"
#include "server/api/json.h"
#include "server/base/check.h"
#include "server/ingest/change.h"
#include "server/ingest/writer.h"
#include "server/journal/memory_journal.h"
#include "tests/fuzz/small_graph.h"
#include "tests/support/manual_clock.h"

namespace twin::ingest {
namespace {

constexpr Time kNow{1'700'000'000'000'000'000};

// A writer over a journal in memory; it knows the small models.
class Server {
 public:
  Server() : clock_(kNow) {
    {
      const MutexLock lock(&graph_.mutex);
      graph_.graph.SetCatalog(testing::SmallCatalog());
    }
    WriterOptions options;
    options.clock = &clock_;
    options.limits.string_bytes_max = 256;
    options.limits.twins_max = 8;
    options.limits.relationships_per_twin_max = 4;
    writer_ = std::make_unique<Writer>(options, &graph_, &journal_, *journal_.Claim());
  }

  void Write(WriteBatch batch) {
    const size_t operations = batch.operations.size();
    ++submitted_;
    clock_.AdvanceMs(1);
    writer_->Submit(std::move(batch), [this, operations](const WriteResult& result) {
      ++answered_;
      // A request id that came before is answered as it was then.
      TWIN_CHECK(!result.status.ok() || !result.results.empty() || operations == 0);
      TWIN_CHECK(result.status.ok() || result.results.empty());
      TWIN_CHECK(result.status.code() != absl::StatusCode::kInternal) << result.status;
    });
  }

  void Stop() {
    writer_->Stop();
    TWIN_CHECK(answered_ == submitted_) << answered_ << " of " << submitted_;
    TWIN_CHECK(writer_->writing().ok()) << writer_->writing();
  }

  std::string HeadText() {
    const MutexLock lock(&graph_.mutex);
    return testing::TextOf(graph_.graph.head());
  }

  std::string ReplayText() {
    graph::Graph graph;
    graph.SetCatalog(testing::SmallCatalog());
    auto reader = journal_.ReadFrom(Sequence(1));
    TWIN_CHECK(reader.ok()) << reader.status();
    journal::Record record;
    while (*(*reader)->Next(&record)) Replay(record, &graph);
    return testing::TextOf(graph.head());
  }

  // What a client reads back can be written again.
  void CheckViews() {
    const MutexLock lock(&graph_.mutex);
    const graph::GraphView& head = graph_.graph.head();
    for (uint32_t number = 0; number < head.next_twin().value; ++number) {
      if (!head.Exists(TwinNumber(number))) continue;
      for (const auto format : {api::pb::VALUES, api::pb::JSON}) {
        api::pb::Twin message;
        api::FillTwin(head, TwinNumber(number), {.format = format, .with_times = true}, &message);
        TWIN_CHECK(api::ContentsOf(message.contents(), message.contents_json()).ok())
            << message.ShortDebugString();
      }
    }
  }

 private:
  static void Replay(const journal::Record& record, graph::Graph* graph) {
    GraphRecord decoded;
    absl::Status status = DecodeRecord(record.bytes, &decoded);
    TWIN_CHECK(status.ok()) << status;
    TWIN_CHECK(decoded.units.size() == record.count);
    uint64_t sequence = record.first.value;
    for (const Unit& unit : decoded.units) {
      status = ApplyUnit(unit, Sequence(sequence++), decoded.time, graph);
      TWIN_CHECK(status.ok()) << status;
    }
  }

  ManualClock clock_;
  journal::MemoryJournal journal_;
  GuardedGraph graph_;
  int submitted_ = 0;
  int answered_ = 0;  // the writer's thread's until Stop
  std::unique_ptr<Writer> writer_;
};

Operation PackOf(const std::string& id) {
  PutTwin put;
  put.id = id;
  put.model_id = "dtmi:t:Pack;1";
  put.contents.emplace_back("bms", Value::Map({}));
  put.contents.emplace_back("tags", Value::Array({Value::String("a"), Value::String("b")}));
  put.contents.emplace_back("limits", Value::Map({{"low", Value::Double(1)}}));
  return put;
}

Operation CellOf(const std::string& id) {
  PutTwin put;
  put.id = id;
  put.model_id = "dtmi:t:Cell;1";
  put.contents.emplace_back("serial", Value::String(id));
  return put;
}

// So that short requests find something to change.
void WriteFirst(Server* server) {
  WriteBatch batch;
  batch.operations = {PackOf("p"), CellOf("c"), CellOf("d")};
  PutRelationship put;
  put.source_id = std::string("p");
  put.relationship_id = std::string("r");
  put.name = std::string("hasCell");
  put.target_id = std::string("c");
  batch.operations.emplace_back(std::move(put));
  server->Write(std::move(batch));
}

void WriteRequests(absl::string_view input, Server* server) {
  while (input.size() >= 2) {
    uint16_t size = 0;
    std::memcpy(&size, input.data(), sizeof(size));
    input.remove_prefix(2);
    const absl::string_view bytes = input.substr(0, size);
    input.remove_prefix(bytes.size());
    api::pb::BatchWriteRequest request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) continue;
    auto batch = api::ToBatch(request);
    if (batch.ok()) server->Write(*std::move(batch));
  }
}

void WriteLines(absl::string_view input, Server* server) {
  WriteBatch batch;
  batch.atomic = false;
  for (const absl::string_view line : absl::StrSplit(input, '\n')) {
    const auto json = api::ParseJson(line);
    if (!json.ok()) continue;
    std::string text;
    api::AppendJson(*json, &text);
    const auto again = api::ParseJson(text);
    TWIN_CHECK(again.ok()) << text << ' ' << again.status();
    // 1.0 is written as 1: as text nothing changes any more.
    std::string text_again;
    api::AppendJson(*again, &text_again);
    TWIN_CHECK(text_again == text) << text << ' ' << text_again;
    if (auto put = api::TwinFromJson(*json); put.ok()) {
      batch.operations.emplace_back(*std::move(put));
    }
    if (auto put = api::RelationshipFromJson(*json); put.ok()) {
      batch.operations.emplace_back(*std::move(put));
    }
  }
  server->Write(std::move(batch));
}

}  // namespace
}  // namespace twin::ingest

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace twin::ingest;  // NOLINT
  if (size == 0) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  Server server;
  WriteFirst(&server);
  if (data[0] % 2 == 0) {
    WriteRequests(input, &server);
  } else {
    WriteLines(input, &server);
  }
  server.Stop();
  TWIN_CHECK(server.ReplayText() == server.HeadText());
  server.CheckViews();
  return 0;
}
