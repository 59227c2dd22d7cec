// Patches that only give columns other values are checked and applied a shorter way. Nobody can
// tell: the records are those of the long way, byte for byte or, of batches of alike patches,
// change for change; and replay gives the same state.
#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/ingest/change.h"
#include "server/ingest/writer.h"
#include "server/ingest/writer_fixture.h"
#include "server/journal/memory_journal.h"
#include "tests/support/manual_clock.h"
#include "tests/support/status_matchers.h"

namespace twin::ingest {
namespace {

using absl::StatusCode;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr Time kStart{1'700'000'000'000'000'000};

constexpr absl::string_view kPatchedModels = R"([
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
    {"@type":"Property","name":"volt","schema":"double"},
    {"@type":"Property","name":"temp","schema":"float"},
    {"@type":"Property","name":"count","schema":"integer"},
    {"@type":"Property","name":"on","schema":"boolean"},
    {"@type":"Property","name":"at","schema":"dateTime"},
    {"@type":"Property","name":"name","schema":"string"},
    {"@type":"Telemetry","name":"current","schema":"double"}]},
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":["Property","Required"],"name":"volt","schema":"double"}]}
])";

std::string DumpWithTimes(const graph::GraphView& view) {
  std::string all = absl::StrCat("at ", view.sequence().value, "\n");
  for (uint32_t number = 0; number < view.next_twin().value; ++number) {
    const TwinNumber twin(number);
    if (!view.Exists(twin)) continue;
    const graph::TableSchema& table = view.TableOf(twin);
    absl::StrAppend(&all, view.IdOf(twin), " v", view.VersionOf(twin).value, " ",
                    view.UpdateTimeOf(twin).ns);
    for (const graph::ColumnSchema& column : table.columns) {
      const graph::Cell cell = view.Get(twin, table.IdOf(column));
      if (cell.value.is_null()) continue;
      absl::StrAppend(&all, " ", column.path, "=", cell.value.DebugString(), "@",
                      cell.update_time.ns, "/", cell.source_time.ns);
    }
    all.push_back('\n');
  }
  return all;
}

class Server {
 public:
  Server() : clock_(kStart) {
    WriterOptions options;
    options.clock = &clock_;
    writer_ = std::make_unique<Writer>(options, &graph_, &journal_, *journal_.Claim());
    WriteBatch models;
    models.operations.emplace_back(CreateModels{{std::string(kPatchedModels)}});
    TWIN_CHECK(Write(std::move(models)).status.ok());
  }

  WriteResult Write(WriteBatch batch) { return WriteAndWait(writer_.get(), std::move(batch)); }
  void AdvanceMs(int64_t ms) { clock_.AdvanceMs(ms); }
  std::vector<journal::Record> Records() {
    std::vector<journal::Record> records;
    auto reader = journal_.ReadFrom(Sequence(1));
    TWIN_CHECK(reader.ok());
    journal::Record record;
    while (*(*reader)->Next(&record)) records.push_back(record);
    return records;
  }
  std::string DumpHead() {
    const MutexLock lock(&graph_.mutex);
    return DumpWithTimes(graph_.graph.head());
  }

 private:
  ManualClock clock_;
  journal::MemoryJournal journal_;
  GuardedGraph graph_;
  std::unique_ptr<Writer> writer_;
};

PutTwin Put(const std::string& id, absl::string_view model, ValueMap contents) {
  PutTwin put;
  put.id = id;
  put.model_id = std::string(model);
  put.contents = std::move(contents);
  return put;
}

Edit Set(const std::string& name, Value value) {
  Edit edit;
  edit.path = {name};
  edit.value = std::move(value);
  return edit;
}

PatchTwin Patch(const std::string& id, std::vector<Edit> edits) {
  PatchTwin patch;
  patch.id = id;
  patch.edits = std::move(edits);
  return patch;
}

// To add a top-level property is to set it, by another way through the checker.
WriteBatch TheLongWay(WriteBatch batch) {
  for (Operation& operation : batch.operations) {
    auto* patch = std::get_if<PatchTwin>(&operation);
    if (patch == nullptr) continue;
    for (Edit& edit : patch->edits) {
      if (edit.kind == Edit::Kind::kSet) edit.kind = Edit::Kind::kAdd;
    }
  }
  return batch;
}

std::string Text(const WriteResult& result) {
  std::string all = result.status.ToString();
  for (const OperationResult& each : result.results) {
    absl::StrAppend(&all, "; ", each.status.ToString(), " ", each.version.value, " ",
                    each.created ? "new " : "", each.changed);
  }
  return all;
}

class Patches : public ::testing::TestWithParam<uint32_t> {
 protected:
  uint32_t Pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  Edit AnyEdit() {
    switch (Pick(9)) {
      case 0:
        return Set("count", Value::Int(Pick(9)));
      case 1:
        return Set("on", Value::Bool(Pick(2) == 0));
      case 2:
        return Set("temp", Pick(4) == 0 ? Value::Int(Pick(9)) : Value::Double(Pick(9) + 0.1));
      case 3:
        return Set("at", Value::OfTime(Time{Pick(9)}));
      case 4:
        return Set("name", Value::String(Pick(2) == 0 ? "a" : "b"));
      case 5:
        return Pick(3) > 0 ? Set("volt", Value::Int(Pick(9))) : Set("count", Value::Double(0.5));
      case 6:
        return Pick(6) > 0 ? Set("volt", Value::Double(7)) : Set("current", Value::Double(1));
      default:
        return Set("volt", Value::Double(Pick(99) / 8.0));
    }
  }
  Operation AnyOperation() {
    const std::string id = absl::StrCat(Pick(3) == 0 ? "c" : "p", Pick(5));
    const bool is_cell = id[0] == 'c';
    if (Pick(12) == 0) return DeleteTwin{id, {}, false};
    if (Pick(8) == 0) {
      return Put(id, is_cell ? "dtmi:t:Cell;1" : "dtmi:t:Pack;1",
                 Pick(3) == 0 && !is_cell ? ValueMap{} : ValueMap{{"volt", Value::Int(1)}});
    }
    PatchTwin patch = Patch(id, {});
    for (uint32_t left = Pick(20) == 0 ? 12 : Pick(4); left > 0; --left) {
      patch.edits.push_back(is_cell && Pick(9) > 0 ? Set("volt", Value::Double(Pick(9)))
                                                   : AnyEdit());
    }
    if (Pick(9) == 0) {
      patch.edits.emplace_back().kind = Edit::Kind::kRemove;
      patch.edits.back().path = {"volt"};
    }
    // Some source times are later than what comes next, or earlier than what was.
    if (Pick(6) == 0) patch.source_time = Time{now_.ns + Pick(20) * kNsPerMs - 10 * kNsPerMs};
    if (Pick(6) == 0) patch.condition.version = versions_[id];
    if (Pick(40) == 0) patch.condition.version = Sequence(1);
    if (Pick(40) == 0) patch.condition.create_only = true;
    return patch;
  }

  std::mt19937 random_{GetParam()};
  Time now_ = kStart;
  std::map<std::string, Sequence> versions_;
};
INSTANTIATE_TEST_SUITE_P(Seeds, Patches, ::testing::Range(1u, 9u));

// A record of rows is one of many changes, written in another way.
std::string WrittenOut(absl::string_view bytes) {
  GraphRecord record;
  const absl::Status status = DecodeRecord(bytes, &record);
  TWIN_CHECK(status.ok()) << status;
  std::string written;
  EncodeRecord(record, &written);
  return written;
}

// The state that whole records give, as a restart applies them.
std::string Replayed(const std::vector<journal::Record>& records) {
  graph::Graph graph;
  for (const journal::Record& record : records) {
    absl::string_view units = record.bytes;
    RecordHeader header;
    TWIN_CHECK(DecodeHeader(&units, &header).ok());
    const absl::Status status =
        ApplyUnits(units, header, record.first, Sequence(0), &graph, nullptr);
    TWIN_CHECK(status.ok()) << status;
  }
  return DumpWithTimes(graph.head());
}

// Alike patches as columns; not all have a twin, and not all values are what its model takes.
TEST_P(Patches, AsColumnsAreRecordedAsOneByOne) {
  Server columns;
  Server rows;
  const auto both = [&](const WriteBatch& a, const WriteBatch& b) {
    const WriteResult result = columns.Write(a);
    ASSERT_EQ(Text(result), Text(rows.Write(b)));
  };
  WriteBatch made;
  for (int i = 0; i < 9; ++i) {
    made.operations.emplace_back(Put(absl::StrCat("p", i), "dtmi:t:Pack;1", {}));
    made.operations.emplace_back(
        Put(absl::StrCat("c", i), "dtmi:t:Cell;1", {{"volt", Value::Double(i)}}));
  }
  both(made, made);
  const std::vector<std::pair<std::string, Value::Kind>> known = {
      {"volt", Value::Kind::kDouble},   {"temp", Value::Kind::kDouble},
      {"count", Value::Kind::kInt},     {"on", Value::Kind::kBool},
      {"volt", Value::Kind::kInt},      {"name", Value::Kind::kInt},
      {"current", Value::Kind::kDouble}};
  for (int i = 0; i < 200; ++i) {
    std::vector<PatchColumns::Column> schema(1 + Pick(3));
    for (PatchColumns::Column& column : schema) {
      const auto& [name, kind] = known[Pick(20) == 0 ? Pick(7) : Pick(3)];
      column = {{name}, kind};
    }
    PatchColumns patches(schema);
    patches.Reserve(8, 16);
    for (uint32_t left = Pick(4) == 0 ? Pick(120) : 1 + Pick(6); left > 0; --left) {
      std::vector<Value> values;
      for (const PatchColumns::Column& column : schema) {
        values.push_back(column.kind == Value::Kind::kDouble ? Value::Double(Pick(99) / 8.0)
                         : column.kind == Value::Kind::kInt  ? Value::Int(Pick(9))
                                                             : Value::Bool(Pick(2) == 0));
      }
      const absl::string_view kinds = schema[0].path[0] == "volt" ? "pc" : "p";
      const char first = Pick(30) == 0 ? 'x' : kinds[Pick(static_cast<uint32_t>(kinds.size()))];
      ASSERT_TRUE(patches.Add(absl::StrCat(std::string(1, first), Pick(9)), values));
    }
    WriteBatch as_columns;
    WriteBatch one_by_one;
    as_columns.atomic = one_by_one.atomic = Pick(3) == 0;
    if (Pick(20) == 0) as_columns.request_id = one_by_one.request_id = absl::StrCat("r", Pick(2));
    for (size_t row = 0; row < patches.rows(); ++row) {
      one_by_one.operations.emplace_back(RowOf(patches, row));
    }
    as_columns.patches = std::move(patches);
    EXPECT_EQ(DigestOf(as_columns), DigestOf(one_by_one));
    as_columns.made_anew = one_by_one.made_anew = true;  // the long way is another request
    both(as_columns, TheLongWay(std::move(one_by_one)));
    const int64_t ms = Pick(3);
    columns.AdvanceMs(ms);
    rows.AdvanceMs(ms);
  }
  const std::vector<journal::Record> records = columns.Records();
  const std::vector<journal::Record> expected = rows.Records();
  ASSERT_GT(records.size(), 100u);
  ASSERT_EQ(records.size(), expected.size());
  int of_rows = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    ASSERT_EQ(WrittenOut(records[i].bytes), expected[i].bytes) << "record " << i;
    of_rows += records[i].bytes != expected[i].bytes ? 1 : 0;
  }
  EXPECT_GT(of_rows, 5);
  EXPECT_EQ(columns.DumpHead(), rows.DumpHead());
  EXPECT_EQ(columns.DumpHead(), Replayed(records));
}

TEST(PatchColumns, KeepsWhatItIsGiven) {
  PatchColumns patches({{{"a"}, Value::Kind::kDouble},
                        {{"b", "c"}, Value::Kind::kInt},
                        {{"d"}, Value::Kind::kBool}});
  EXPECT_TRUE(patches.Add("x", {Value::Double(-0.5), Value::Int(-7), Value::Bool(true)}));
  EXPECT_FALSE(patches.Add("y", {Value::Int(1), Value::Int(2), Value::Bool(true)}));
  EXPECT_FALSE(patches.Add("y", {Value::Double(1), Value::Int(2)}));
  EXPECT_TRUE(patches.Add("", {Value::Double(1), Value::Int(2), Value::Bool(false)}));
  EXPECT_TRUE(patches.Add("zz", {Value::Double(3), Value::Int(4), Value::Bool(false)}));
  ASSERT_EQ(patches.rows(), 3u);
  EXPECT_EQ(patches.Id(0), "x");
  EXPECT_EQ(patches.Id(1), "");
  EXPECT_EQ(patches.Id(2), "zz");
  const PatchTwin row = RowOf(patches, 0);
  EXPECT_EQ(row.id, "x");
  ASSERT_EQ(row.edits.size(), 3u);
  EXPECT_EQ(row.edits[1].path, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(row.edits[0].value, Value::Double(-0.5));
  EXPECT_EQ(row.edits[1].value, Value::Int(-7));
  EXPECT_EQ(row.edits[2].value, Value::Bool(true));
  EXPECT_EQ(patches.Get(2, 1), Value::Int(4));
}

TEST_P(Patches, AreRecordedAsTheLongWayRecordsThem) {
  Server shorter;
  Server longer;
  for (int i = 0; i < 400; ++i) {
    WriteBatch batch;
    batch.atomic = Pick(3) == 0;
    batch.validate_only = Pick(30) == 0;
    for (uint32_t left = Pick(5) == 0 ? 1 + Pick(100) : 1 + Pick(3); left > 0; --left) {
      batch.operations.push_back(AnyOperation());
    }
    const WriteBatch copy = batch;
    const WriteResult result = shorter.Write(batch);
    ASSERT_EQ(Text(result), Text(longer.Write(TheLongWay(copy)))) << "batch " << i;
    for (size_t k = 0; k < result.results.size(); ++k) {
      const auto* patch = std::get_if<PatchTwin>(&copy.operations[k]);
      if (patch != nullptr) versions_[patch->id] = result.results[k].version;
    }
    const int64_t ms = Pick(3);
    now_ = Time{now_.ns + ms * kNsPerMs};
    shorter.AdvanceMs(ms);
    longer.AdvanceMs(ms);
  }
  const std::vector<journal::Record> records = shorter.Records();
  const std::vector<journal::Record> expected = longer.Records();
  ASSERT_GT(records.size(), 100u);
  ASSERT_EQ(records.size(), expected.size());
  graph::Graph replayed;
  for (size_t i = 0; i < records.size(); ++i) {
    ASSERT_EQ(records[i].bytes, expected[i].bytes) << "record " << i;
    GraphRecord decoded;
    ASSERT_THAT(DecodeRecord(records[i].bytes, &decoded), IsOk());
    uint64_t sequence = records[i].first.value;
    for (const Unit& unit : decoded.units) {
      ASSERT_THAT(ApplyUnit(unit, Sequence(sequence++), decoded.time, &replayed), IsOk());
    }
  }
  EXPECT_EQ(shorter.DumpHead(), longer.DumpHead());
  EXPECT_EQ(shorter.DumpHead(), DumpWithTimes(replayed.head()));
}

TEST(Patch, KeepsALaterSourceTime) {
  Server server;
  WriteBatch batch;
  PutTwin put = Put("p", "dtmi:t:Pack;1", {{"volt", Value::Double(1)}, {"count", Value::Int(1)}});
  put.source_time = Time{kStart.ns + 5 * kNsPerMs};
  batch.operations.emplace_back(put);
  ASSERT_THAT(server.Write(std::move(batch)).status, IsOk());
  for (int step = 0; step < 2; ++step) {
    server.AdvanceMs(4);
    WriteBatch patches;
    patches.operations.emplace_back(Patch("p", {Set("volt", Value::Double(step))}));
    ASSERT_THAT(server.Write(std::move(patches)).status, IsOk());
    const int64_t update = kStart.ns + 4 * (step + 1) * kNsPerMs;
    EXPECT_THAT(server.DumpHead(),
                HasSubstr(absl::StrCat("volt=", step, "@", update, "/",
                                       std::max(update, kStart.ns + 5 * kNsPerMs))));
  }
}

// What a batch of the same operations at the same place found out is not believed of another one.
TEST(Patch, IsNotTakenForTheOneBeforeIt) {
  Server server;
  WriteBatch batch;
  batch.atomic = false;
  for (const char* id : {"p0", "p1"}) batch.operations.emplace_back(Put(id, "dtmi:t:Pack;1", {}));
  ASSERT_THAT(server.Write(std::move(batch)).status, IsOk());
  for (int i = 0; i < 100; ++i) {
    const std::string id = absl::StrCat("p", i % 2);
    const std::string name = i % 3 == 0 ? "volt" : "temp";
    WriteBatch patches;
    patches.operations.emplace_back(Patch(id, {Set(name, Value::Double(i))}));
    ASSERT_THAT(server.Write(std::move(patches)).status, IsOk());
    const std::string dump = server.DumpHead();
    EXPECT_THAT(dump.substr(dump.find(id), dump.find('\n', dump.find(id)) - dump.find(id)),
                HasSubstr(absl::StrCat(name, "=", i, "@")));
  }
  WriteBatch wrong;
  wrong.operations.emplace_back(Patch("p0", {Set("volt", Value::String("x"))}));
  EXPECT_THAT(server.Write(std::move(wrong)).status,
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("/volt: expected a number")));
}

}  // namespace
}  // namespace twin::ingest
