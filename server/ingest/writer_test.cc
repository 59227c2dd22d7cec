#include "server/ingest/writer.h"

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/ingest/change.h"
#include "server/ingest/dry_run.h"
#include "server/journal/memory_journal.h"
#include "tests/support/status_matchers.h"

namespace twin::ingest {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr absl::string_view kModels = R"([
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
std::string Dump(const graph::GraphView& view) {
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

  WriteResult Write(WriteBatch batch) {
    WriteResult result;
    Mutex mutex;
    CondVar done;
    bool is_done = false;
    writer_->Submit(std::move(batch), [&](WriteResult got) {
      const MutexLock lock(&mutex);
      result = std::move(got);
      is_done = true;
      done.Signal();
    });
    const MutexLock lock(&mutex);
    while (!is_done) done.Wait(&mutex);
    return result;
  }
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

PutTwin Pack(const std::string& id, ValueMap contents = {}) {
  PutTwin put;
  put.id = id;
  put.model_id = "dtmi:t:Pack;1";
  put.contents = std::move(contents);
  put.contents.emplace_back("bms", Value::Map({}));
  return put;
}

PutTwin CellTwin(const std::string& id) {
  PutTwin put;
  put.id = id;
  put.model_id = "dtmi:t:Cell;1";
  put.contents.emplace_back("serial", Value::String(id));
  return put;
}

PutRelationship Has(const std::string& source, const std::string& id, const std::string& target) {
  PutRelationship put;
  put.source_id = source;
  put.relationship_id = id;
  put.name = "hasCell";
  put.target_id = target;
  return put;
}

Edit Step(Edit::Kind kind, std::vector<std::string> path, Value value = Value()) {
  Edit edit;
  edit.kind = kind;
  edit.path = std::move(path);
  edit.value = std::move(value);
  return edit;
}

PatchTwin PatchOf(const std::string& id, std::vector<Edit> edits) {
  PatchTwin patch;
  patch.id = id;
  patch.edits = std::move(edits);
  return patch;
}

TEST(Writer, CreatesReadsPatchesDeletes) {
  Bench bench;
  ASSERT_THAT(bench.Models().status, IsOk());
  ASSERT_THAT(bench.One(Pack("p", {{"volt", Value::Int(400)}})), IsOk());
  ASSERT_THAT(bench.One(CellTwin("c")), IsOk());
  ASSERT_THAT(bench.One(Has("p", "r", "c")), IsOk());
  ASSERT_THAT(
      bench.One(PatchOf(
          "p", {Step(Edit::Kind::kAdd, {"soh"}, Value::Map({{"value", Value::Double(0.9)}})),
                Step(Edit::Kind::kReplace, {"soh", "value"}, Value::Double(0.8)),
                Step(Edit::Kind::kAdd, {"bms", "firmware"}, Value::String("1.2"))})),
      IsOk());
  EXPECT_EQ(bench.DumpHead(),
            "at 5\nc: dtmi:t:Cell;1 v3 serial=\"c\"\n"
            "p: dtmi:t:Pack;1 v5 bms.firmware=\"1.2\" soh.value=0.80000000000000004 volt=400 "
            "[r->c v4]\n");
  EXPECT_THAT(bench.One(DeleteTwin{"c", {}, false}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("1 incoming")));
  EXPECT_THAT(bench.One(DeleteTree{"p", {}}), IsOk());
  EXPECT_EQ(bench.DumpHead(), "at 6\n");
  EXPECT_EQ(bench.DumpReplay(), bench.DumpHead());
}

// Changes are applied some at a time, across the ends of units; replay goes unit by unit.
TEST(Writer, LongAndShortUnitsAreAppliedAsTheyAreReplayed) {
  Bench bench;
  ASSERT_THAT(bench.Models().status, IsOk());
  constexpr int kPacks = 100;
  const auto id = [](int i) { return absl::StrCat("p", i % kPacks); };
  WriteBatch whole;
  for (int i = 0; i < kPacks; ++i) {
    whole.operations.emplace_back(Pack(id(i), {{"volt", Value::Int(i)}, {"count", Value::Int(i)}}));
  }
  ASSERT_THAT(bench.Write(std::move(whole)).status, IsOk());
  WriteBatch each;
  each.atomic = false;
  for (int i = 0; i < 2 * kPacks; ++i) {
    std::vector<Edit> edits;
    for (int k = 0; k < i % 4; ++k) {  // none: a unit without changes
      edits.push_back(Step(Edit::Kind::kSet,
                           {k == 2   ? "count"
                            : k == 1 ? "name"
                                     : "volt"},
                           k == 1 ? Value::String(absl::StrCat("n", i)) : Value::Int(1000 + i)));
    }
    each.operations.emplace_back(PatchOf(i % 7 == 0 ? "nobody" : id(i), std::move(edits)));
    if (i % 50 == 0) each.operations.emplace_back(CellTwin(absl::StrCat("c", i)));
  }
  const WriteResult result = bench.Write(std::move(each));
  ASSERT_THAT(result.status, IsOk());
  EXPECT_THAT(result.results[0].status, StatusIs(StatusCode::kNotFound, HasSubstr("nobody")));
  EXPECT_THAT(bench.DumpHead(), HasSubstr("p99: dtmi:t:Pack;1 v"));
  EXPECT_THAT(bench.DumpHead(), HasSubstr("volt=1199"));
  EXPECT_EQ(bench.DumpReplay(), bench.DumpHead());
}

// What a step led to the last time is tried first: of another model, component or path it is
// something else.
TEST(Writer, TheSameStepOfAnotherTwinIsThatOfItsModel) {
  Bench bench;
  ASSERT_THAT(bench.Models().status, IsOk());
  ASSERT_THAT(bench.One(Pack("p")), IsOk());
  ASSERT_THAT(bench.One(CellTwin("c")), IsOk());
  const auto set = [&](const std::string& id, const std::string& component,
                       std::vector<std::string> path, Value value) {
    PatchTwin patch = PatchOf(id, {Step(Edit::Kind::kSet, std::move(path), std::move(value))});
    patch.component = component;
    return bench.One(std::move(patch));
  };
  EXPECT_THAT(set("p", "", {"volt"}, Value::Int(1)), IsOk());
  EXPECT_THAT(set("c", "", {"volt"}, Value::Int(2)), IsOk());
  EXPECT_THAT(set("p", "", {"volt"}, Value::Int(3)), IsOk());
  EXPECT_THAT(set("p", "bms", {"firmware"}, Value::String("f")), IsOk());
  EXPECT_THAT(set("p", "", {"firmware"}, Value::String("f")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("/firmware: no such property")));
  EXPECT_THAT(set("p", "", {"soh", "value"}, Value::Int(4)), IsOk());
  EXPECT_THAT(set("c", "", {"soh", "value"}, Value::Int(4)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("/soh/value: no such property")));
  EXPECT_THAT(set("p", "", {"soh", "value"}, Value::String("x")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("/soh/value: expected a number")));
  EXPECT_THAT(set("p", "", {"current"}, Value::Int(4)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("/current: is Telemetry")));
  EXPECT_THAT(set("p", "", {"tags", "0"}, Value::String("x")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("tags is not set")));
  // A table that was there before, of a catalog that is new.
  WriteBatch models;
  models.operations.emplace_back(CreateModels{{R"({"@context":"dtmi:dtdl:context;4",
      "@id":"dtmi:t:More;1","@type":"Interface"})"}});
  ASSERT_THAT(bench.Write(std::move(models)).status, IsOk());
  EXPECT_THAT(set("p", "", {"volt"}, Value::Int(5)), IsOk());
  EXPECT_THAT(bench.DumpHead(), HasSubstr("c: dtmi:t:Cell;1 v5 serial=\"c\" volt=2"));
  EXPECT_THAT(bench.DumpHead(), HasSubstr("bms.firmware=\"f\" soh.value=4 volt=5"));
  EXPECT_EQ(bench.DumpReplay(), bench.DumpHead());
}

// What Limited and Precise leave out, wherever a number stands.
TEST(Writer, KeepsNumbersWithinTheirBounds) {
  Bench bench;
  WriteBatch models;
  models.operations.emplace_back(CreateModels{{R"({
    "@context": ["dtmi:dtdl:context;4", "dtmi:iotoperations:context;4"],
    "@id": "dtmi:t:Meter;1", "@type": "Interface", "contents": [
      {"@type": ["Property", "Limited"], "name": "level", "schema": "integer", "minimum": 1, "maximum": 5},
      {"@type": ["Property", "Limited"], "name": "price", "schema": "decimal", "maximum": 5.5},
      {"@type": ["Property", "Precise"], "name": "volt", "schema": "double", "decimalPlaces": 2},
      {"@type": ["Property", "Precise"], "name": "amp", "schema": "float", "decimalPlaces": 2},
      {"@type": "Property", "name": "shares", "schema": {"@type": "Map",
        "mapKey": {"name": "of", "schema": "string"},
        "mapValue": {"@type": ["MapValue", "Precise"], "name": "share", "schema": "double", "decimalPlaces": 1}}}]})"}});
  ASSERT_THAT(bench.Write(std::move(models)).status, IsOk());
  PutTwin meter;
  meter.id = "m";
  meter.model_id = "dtmi:t:Meter;1";
  ASSERT_THAT(bench.One(meter), IsOk());
  const auto set = [&](const std::string& name, Value value) {
    return bench.One(PatchOf("m", {Step(Edit::Kind::kAdd, {name}, std::move(value))}));
  };
  EXPECT_THAT(set("level", Value::Int(5)), IsOk());
  EXPECT_THAT(set("level", Value::Int(6)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("6 is above the maximum 5")));
  EXPECT_THAT(set("price", Value::String("5.500")), IsOk());
  EXPECT_THAT(set("price", Value::String("5.501")),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("above the maximum 5.5")));
  EXPECT_THAT(set("volt", Value::Double(1.23)), IsOk());
  EXPECT_THAT(set("volt", Value::Double(1.234)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("more than 2 decimal places")));
  EXPECT_THAT(set("amp", Value::Double(1.23)), IsOk());  // as a float it is 1.2300000190734863
  EXPECT_THAT(set("amp", Value::Double(1.234)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("more than 2 decimal places")));
  EXPECT_THAT(set("shares", Value::Map({{"a", Value::Double(0.5)}})), IsOk());
  EXPECT_THAT(set("shares", Value::Map({{"a", Value::Double(0.25)}})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("shares/a: 0.25")));
}

struct BadCase {
  std::string name;
  Operation operation;
  StatusCode code;
  std::string message;
};
void PrintTo(const BadCase& bad, std::ostream* out) { *out << bad.name; }

class BadRequests : public ::testing::TestWithParam<BadCase> {};

std::vector<BadCase> BadCases() {
  using K = Edit::Kind;
  PutTwin unknown_model = Pack("x");
  unknown_model.model_id = "dtmi:t:Pak;1";
  PutTwin no_component;
  no_component.id = "x";
  no_component.model_id = "dtmi:t:Pack;1";
  PutTwin create_only = Pack("p");
  create_only.condition.create_only = true;
  PatchTwin stale = PatchOf("p", {Step(K::kAdd, {"volt"}, Value::Int(1))});
  stale.condition.version = Sequence(1);
  PatchTwin late = stale;
  late.condition = {};
  late.source_time = Time{5};
  PatchTwin early = late;
  early.source_time = Time{1'000'000 + 301 * kNsPerSecond};
  PatchTwin moved = PatchOf("p", {});
  moved.model_id = "dtmi:t:Cell;1";
  PutTwin no_serial = CellTwin("x");
  no_serial.contents.clear();
  PutRelationship wrong_name = Has("p", "x", "c1");
  wrong_name.name = "hasCel";
  PutRelationship wrong_property = Has("p", "r1", "c1");
  wrong_property.contents.emplace_back("positon", Value::Int(1));
  const std::string long_text(70000, 'x');
  const std::string long_id(129, 'x');
  return {
      {"UnknownModel", unknown_model, StatusCode::kInvalidArgument, "did you mean"},
      {"UnknownProperty", Pack("x", {{"vlot", Value::Int(1)}}), StatusCode::kInvalidArgument,
       "did you mean 'volt'"},
      {"MissingComponent", no_component, StatusCode::kInvalidArgument, "bms: the component"},
      {"WrongType", Pack("x", {{"count", Value::Double(3.5)}}), StatusCode::kInvalidArgument,
       "count: expected an integer, got 3.5"},
      {"OutOfRange", Pack("x", {{"count", Value::Int(3000000000)}}), StatusCode::kInvalidArgument,
       "between"},
      {"UnknownEnumValue", Pack("x", {{"mode", Value::String("of")}}), StatusCode::kInvalidArgument,
       "one of \"on\", \"off\""},
      {"UnknownField", Pack("x", {{"soh", Value::Map({{"valeu", Value::Int(1)}})}}),
       StatusCode::kInvalidArgument, "did you mean 'value'"},
      {"NotADateTime", Pack("x", {{"soh", Value::Map({{"at", Value::String("today")}})}}),
       StatusCode::kInvalidArgument, "dateTime"},
      {"NestedWrongType", Pack("x", {{"tags", Value::Array({Value::Int(1)})}}),
       StatusCode::kInvalidArgument, "tags/0"},
      {"Telemetry", Pack("x", {{"current", Value::Int(1)}}), StatusCode::kInvalidArgument,
       "Telemetry"},
      {"LongString", Pack("x", {{"name", Value::String(long_text)}}), StatusCode::kInvalidArgument,
       "string_bytes_max"},
      {"LongId", Pack(long_id), StatusCode::kInvalidArgument, "twin_id_length_max"},
      {"EmptyId", Pack(""), StatusCode::kInvalidArgument, "empty"},
      {"CreateOnly", create_only, StatusCode::kAlreadyExists, "exists"},
      {"StaleEtag", stale, StatusCode::kAborted, "etag"},
      {"LateSourceTime", late, StatusCode::kFailedPrecondition, "before"},
      {"EarlySourceTime", early, StatusCode::kInvalidArgument, "clock_skew_ms_max"},
      {"NoTwin", PatchOf("nobody", {}), StatusCode::kNotFound, "no twin nobody"},
      {"ReplaceUnset", PatchOf("p", {Step(K::kReplace, {"name"}, Value::String("x"))}),
       StatusCode::kInvalidArgument, "add it"},
      {"RemoveUnset", PatchOf("p", {Step(K::kRemove, {"name"})}), StatusCode::kInvalidArgument,
       "cannot be removed"},
      {"AddBelowUnset", PatchOf("p", {Step(K::kAdd, {"soh", "value"}, Value::Int(1))}),
       StatusCode::kInvalidArgument, "whole object first"},
      {"FailedTest", PatchOf("p", {Step(K::kTest, {"volt"}, Value::Int(1))}),
       StatusCode::kFailedPrecondition, "it is 400, not 1"},
      {"UnknownPath", PatchOf("p", {Step(K::kAdd, {"nam"}, Value::Int(1))}),
       StatusCode::kInvalidArgument, "did you mean 'name'"},
      {"BeyondTheArray", PatchOf("p", {Step(K::kAdd, {"tags", "7"}, Value::String("x"))}),
       StatusCode::kInvalidArgument, "2 elements"},
      {"RemoveRequired", PatchOf("c1", {Step(K::kRemove, {"serial"})}),
       StatusCode::kInvalidArgument, "serial is required"},
      {"CreateWithoutRequired", no_serial, StatusCode::kInvalidArgument, "serial is required"},
      {"MoveLosesValues", moved, StatusCode::kFailedPrecondition, "hasCell"},
      {"UnknownRelationship", wrong_name, StatusCode::kInvalidArgument, "did you mean 'hasCell'"},
      {"UnknownRelationshipProperty", wrong_property, StatusCode::kInvalidArgument,
       "did you mean 'position'"},
      {"WrongTarget", Has("p", "x", "p"), StatusCode::kFailedPrecondition, "dtmi:t:Cell;1"},
      {"NoTarget", Has("p", "x", "c9"), StatusCode::kNotFound, "c9"},
      {"TooMany", Has("p", "r3", "c3"), StatusCode::kFailedPrecondition, "allows 2"},
      {"NoRelationship", DeleteRelationship{"p", "r9", {}}, StatusCode::kNotFound, "r9"},
      {"ModelExists", CreateModels{{std::string(kModels)}}, StatusCode::kAlreadyExists,
       "dtmi:t:Pack;1"},
      {"BadModel", CreateModels{{R"({"@id":"dtmi:t:X;1","@type":"Interface"})"}},
       StatusCode::kInvalidArgument, "dtmi:t:X;1:1:"},
      {"NoJson", CreateModels{{"{"}}, StatusCode::kInvalidArgument, "1:"},
      {"ModelInUse", DeleteModel{"dtmi:t:Pack;1"}, StatusCode::kFailedPrecondition, "1 twin"},
      {"ModelIsNeeded", DeleteModel{"dtmi:t:Bms;1"}, StatusCode::kFailedPrecondition, "need it"},
      {"UnknownModelDeleted", DeleteModel{"dtmi:t:No;1"}, StatusCode::kNotFound, "dtmi:t:No;1"},
  };
}

INSTANTIATE_TEST_SUITE_P(Cases, BadRequests, ::testing::ValuesIn(BadCases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(BadRequests, AreToldWhatIsWrongAndChangeNothing) {
  Bench bench;
  ASSERT_THAT(bench.Models().status, IsOk());
  PutTwin pack = Pack("p", {{"volt", Value::Int(400)},
                            {"tags", Value::Array({Value::String("a"), Value::String("b")})}});
  ASSERT_THAT(bench.One(pack), IsOk());
  for (const char* id : {"c1", "c2", "c3"}) ASSERT_THAT(bench.One(CellTwin(id)), IsOk());
  ASSERT_THAT(bench.One(Has("p", "r1", "c1")), IsOk());
  ASSERT_THAT(bench.One(Has("p", "r2", "c2")), IsOk());
  const std::string before = bench.DumpHead();
  EXPECT_THAT(bench.One(GetParam().operation),
              StatusIs(GetParam().code, HasSubstr(GetParam().message)));
  EXPECT_EQ(bench.DumpHead(), before);
  EXPECT_THAT(bench.One(PatchOf("p", {Step(Edit::Kind::kReplace, {"volt"}, Value::Int(1))})),
              IsOk());
  EXPECT_EQ(bench.DumpReplay(), bench.DumpHead());
}

TEST(Writer, ABatchIsAllOrNothing) {
  Bench bench;
  bench.Models();
  const std::string before = bench.DumpHead();
  WriteBatch batch;
  batch.operations = {CellTwin("c1"), Pack("p"), Has("p", "r", "c1"), CellTwin("c1"),
                      Has("p", "r", "nobody")};
  const WriteResult result = bench.Write(batch);
  EXPECT_THAT(result.status, StatusIs(StatusCode::kNotFound, HasSubstr("operation 4: ")));
  EXPECT_EQ(result.failed_operation, 4);
  EXPECT_EQ(bench.DumpHead(), before);

  batch.atomic = false;
  const WriteResult each = bench.Write(batch);
  ASSERT_THAT(each.status, IsOk());
  EXPECT_THAT(each.results[4].status, StatusIs(StatusCode::kNotFound, HasSubstr("nobody")));
  EXPECT_TRUE(each.results[0].created);
  EXPECT_FALSE(each.results[3].created);
  EXPECT_EQ(each.sequence.value, 5u);
  EXPECT_EQ(bench.DumpReplay(), bench.DumpHead());
}

TEST(Writer, MultiplicityHoldsAfterTheBatch) {
  Bench bench;
  bench.Models();
  WriteBatch batch;
  batch.operations = {Pack("p"),     CellTwin("a"),       CellTwin("b"),
                      CellTwin("c"), Has("p", "r1", "a"), Has("p", "r2", "b")};
  ASSERT_THAT(bench.Write(batch).status, IsOk());
  WriteBatch replace;
  replace.operations = {Has("p", "r3", "c"), DeleteRelationship{"p", "r1", {}}};
  EXPECT_THAT(bench.Write(replace).status, IsOk());
}

TEST(Writer, ADryRunChangesNothing) {
  Bench bench;
  bench.Models();
  const std::string before = bench.DumpHead();
  for (const bool atomic : {true, false}) {
    WriteBatch batch;
    batch.atomic = atomic;
    batch.validate_only = true;
    batch.operations = {CellTwin("a"), Pack("p"), Has("p", "r", "a")};
    const WriteResult result = bench.Write(batch);
    EXPECT_THAT(result.status, IsOk());
    EXPECT_THAT(result.results[2].status, IsOk());
    EXPECT_EQ(bench.DumpHead(), before);
  }
  EXPECT_THAT(bench.One(CellTwin("a")), IsOk());
  EXPECT_EQ(bench.DumpReplay(), bench.DumpHead());
}

TEST(Writer, APatchOfARelationshipWithoutAStepChangesNothing) {
  Bench bench;
  bench.Models();
  ASSERT_THAT(bench.One(Pack("p")), IsOk());
  PutRelationship near;
  near.source_id = near.target_id = "p";
  near.relationship_id = near.name = "near";
  ASSERT_THAT(bench.One(near), IsOk());
  WriteBatch batch;
  batch.operations.emplace_back(PatchRelationship{"p", "near", {}, {}});
  const WriteResult result = bench.Write(batch);
  ASSERT_THAT(result.status, IsOk());
  EXPECT_EQ(result.results[0].changed, 0u);
  EXPECT_EQ(result.results[0].version, Sequence(3));
}

TEST(Writer, AnEmptyBatchWithAKnownRequestIdIsARepetition) {
  Bench bench;
  WriteBatch batch;
  batch.operations.emplace_back(CreateModels{{std::string(kModels)}});
  batch.request_id = "once";
  const WriteResult first = bench.Write(batch);
  ASSERT_THAT(bench.One(Pack("p")), IsOk());
  batch.operations.clear();
  const WriteResult again = bench.Write(batch);
  EXPECT_THAT(again.status, IsOk());
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_EQ(again.results.size(), 1u);
  batch.request_id = "new";
  EXPECT_EQ(bench.Write(batch).sequence, Sequence(2));
}

TEST(Writer, RefusesWhatNoArenaHasRoomFor) {
  Limits limits;
  limits.strings_bytes_max = 100;
  limits.ids_bytes_max = 40;
  Bench bench(false, limits);
  bench.Models();
  for (int i = 0; i < 4; ++i) ASSERT_THAT(bench.One(Pack(absl::StrCat("pack-0000", i))), IsOk());
  EXPECT_THAT(bench.One(Pack("pack-00004")),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("ids_bytes_max (40")));
  EXPECT_THAT(bench.One(Pack("pack-00000", {{"name", Value::String(std::string(120, 'x'))}})),
              IsOk());
  EXPECT_THAT(bench.One(Pack("pack-00000", {{"name", Value::String("y")}})),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("strings_bytes_max (100")));
  PutRelationship near;
  near.source_id = near.target_id = "pack-00000";
  near.relationship_id = near.name = "near";
  EXPECT_THAT(bench.One(near),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("strings_bytes")));
  EXPECT_THAT(bench.One(Pack("pack-00000", {{"volt", Value::Double(1)}})), IsOk());
}

TEST(Writer, ASourceTimeOf1970StaysWhatItIs) {
  Bench bench;
  bench.Models();
  PutTwin put = Pack("p", {{"volt", Value::Double(1)}});
  put.source_time = Time{0};
  ASSERT_THAT(bench.One(put), IsOk());
  const MutexLock lock(&bench.graph_.mutex);
  const graph::GraphView& head = bench.graph_.graph.head();
  const TwinNumber twin = head.FindTwin("p");
  const graph::TableSchema& table = head.TableOf(twin);
  const graph::Cell cell = head.Get(twin, table.IdOf(*table.FindColumn("volt")));
  EXPECT_EQ(cell.source_time, Time{0});
  EXPECT_FALSE(cell.update_time == Time{0});
}

// A whole import that changes nothing: each batch sees those before it, models too.
TEST(DryRun, SeesWhatItWouldHaveDone) {
  Bench bench;
  std::shared_ptr<const graph::GraphView> snapshot;
  {
    const MutexLock lock(&bench.graph_.mutex);
    snapshot = bench.graph_.graph.Pin();
  }
  Limits limits;
  limits.dry_run_operations_max = 7;
  DryRun dry(limits, snapshot.get(), Time{5'000'000});
  WriteBatch batch;
  batch.operations.emplace_back(CreateModels{{std::string(kModels)}});
  EXPECT_THAT(dry.Check(batch).status, IsOk());
  EXPECT_THAT(dry.Check(batch).status, StatusIs(StatusCode::kAlreadyExists, HasSubstr("Pack;1")));
  batch.operations.clear();
  batch.atomic = false;
  PutTwin cell;
  cell.id = "c";
  cell.model_id = "dtmi:t:Cell;1";
  cell.contents.emplace_back("serial", Value::String("s"));
  batch.operations = {Pack("p"), cell};
  WriteResult result = dry.Check(batch);
  ASSERT_THAT(result.status, IsOk());
  EXPECT_THAT(result.results[0].status, IsOk());
  EXPECT_THAT(result.results[1].status, IsOk());
  PutRelationship has;
  has.source_id = "p";
  has.relationship_id = "r";
  has.name = "hasCell";
  has.target_id = "c";
  PutRelationship wrong = has;
  wrong.target_id = "nobody";
  batch.operations = {has, wrong};
  result = dry.Check(batch);
  EXPECT_THAT(result.results[0].status, IsOk());
  EXPECT_TRUE(result.results[0].created);
  EXPECT_THAT(result.results[1].status, StatusIs(StatusCode::kNotFound, HasSubstr("nobody")));
  EXPECT_EQ(result.sequence, Sequence(4));
  EXPECT_THAT(dry.Check(batch).status,
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("dry_run_operations_max")));
  EXPECT_EQ(bench.DumpHead(), "at 0\n");
}

TEST(Writer, ChecksSeeWhatIsNotYetDurable) {
  Bench bench(/*hold=*/true);
  std::thread releaser([&] {
    bench.WaitForWaiting(1);
    bench.journal_.Release();
  });
  bench.Models();
  releaser.join();
  std::vector<absl::Status> statuses(4, absl::UnknownError("not called"));
  const Operation operations[] = {CellTwin("c"), Pack("p"), Has("p", "r", "c"),
                                  DeleteTwin{"c", {}, true}};
  for (size_t i = 0; i < 4; ++i) {
    WriteBatch batch;
    batch.operations.push_back(operations[i]);
    bench.writer_->Submit(std::move(batch),
                          [&statuses, i](const WriteResult& got) { statuses[i] = got.status; });
  }
  bench.WaitForWaiting(4);
  EXPECT_EQ(bench.DumpHead(), "at 1\n");
  bench.journal_.Release();
  bench.writer_->Stop();
  for (const absl::Status& status : statuses) EXPECT_THAT(status, IsOk());
  EXPECT_EQ(bench.DumpHead(), "at 5\np: dtmi:t:Pack;1 v3\n");
}

TEST(Writer, WhatFollowsAChangeOfModelsSeesIt) {
  Bench bench(/*hold=*/true);
  std::atomic<bool> stopped{false};
  std::thread releaser([&] {
    while (!stopped) {
      bench.journal_.Release();
      std::this_thread::yield();
    }
  });
  bench.Models();
  for (int i = 0; i < 50; ++i) {
    std::vector<absl::Status> statuses(3, absl::UnknownError("not called"));
    PutTwin put = CellTwin("c");
    put.model_id = "dtmi:t:Cell;2";
    const Operation operations[] = {
        DeleteModel{"dtmi:t:Cell;2"}, put,
        CreateModels{{R"({"@context":"dtmi:dtdl:context;4","@id":"dtmi:t:Cell;2",
                          "@type":"Interface","extends":"dtmi:t:Cell;1"})"}}};
    for (size_t j = 0; j < 3; ++j) {
      WriteBatch batch;
      batch.operations.push_back(operations[j]);
      bench.writer_->Submit(std::move(batch),
                            [&statuses, j](const WriteResult& got) { statuses[j] = got.status; });
    }
    ASSERT_THAT(bench.One(Pack("p")), IsOk());  // after all of them
    EXPECT_THAT(statuses[0], IsOk());
    EXPECT_THAT(statuses[1], StatusIs(StatusCode::kInvalidArgument, HasSubstr("no model")));
    EXPECT_THAT(statuses[2], IsOk());
  }
  stopped = true;
  releaser.join();
}

TEST(Writer, ExactlyOneWinsPerEtag) {
  Bench bench(/*hold=*/true);
  std::thread releaser([&] {
    for (int i = 0; i < 2; ++i) {
      bench.WaitForWaiting(1);
      bench.journal_.Release();
    }
  });
  bench.Models();
  ASSERT_THAT(bench.One(Pack("p")), IsOk());
  releaser.join();
  std::atomic<int> won{0};
  std::atomic<int> lost{0};
  std::vector<std::thread> clients;
  clients.reserve(16);
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&, i] {
      for (int j = 0; j < 4; ++j) {
        PatchTwin patch = PatchOf("p", {Step(Edit::Kind::kAdd, {"count"}, Value::Int(i))});
        patch.condition.version = Sequence(2);
        WriteBatch batch;
        batch.operations.emplace_back(std::move(patch));
        bench.writer_->Submit(std::move(batch), [&](const WriteResult& got) {
          ++(got.status.ok() ? won : lost);
          EXPECT_TRUE(got.status.ok() || got.status.code() == StatusCode::kAborted);
        });
      }
    });
  }
  for (std::thread& client : clients) client.join();
  bench.WaitForWaiting(1);
  bench.journal_.Release();
  bench.writer_->Stop();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 63);
}

TEST(Writer, ARequestIdIsDoneOnce) {
  Bench bench;
  bench.Models();
  WriteBatch batch;
  batch.request_id = "request-1";
  batch.operations.emplace_back(CellTwin("c"));
  const WriteResult first = bench.Write(batch);
  const WriteResult again = bench.Write(batch);
  ASSERT_THAT(again.status, IsOk());
  EXPECT_EQ(first.sequence, again.sequence);
  EXPECT_TRUE(again.results[0].created);
  EXPECT_THAT(bench.DumpHead(), HasSubstr("at 2\n"));
}

TEST(Writer, FindsRelationshipsOfATwinThatHadMany) {
  Bench bench;
  bench.Models();
  WriteBatch batch;
  batch.operations.emplace_back(Pack("p"));
  const auto near = [](int i) {
    PutRelationship put = Has("p", absl::StrCat("n", i), "p");
    put.name = "near";
    return put;
  };
  for (int i = 0; i < 70; ++i) batch.operations.emplace_back(near(i));
  ASSERT_THAT(bench.Write(batch).status, IsOk());
  batch.operations.clear();
  for (int i = 0; i < 30; ++i) {
    batch.operations.emplace_back(DeleteRelationship{"p", absl::StrCat("n", i), {}});
  }
  ASSERT_THAT(bench.Write(batch).status, IsOk());
  batch.operations.clear();
  for (int i = 0; i < 40; ++i) batch.operations.emplace_back(near(100 + i));
  ASSERT_THAT(bench.Write(batch).status, IsOk());
  batch.operations.clear();
  for (int i = 0; i < 40; ++i) {
    batch.operations.emplace_back(DeleteRelationship{"p", absl::StrCat("n", 100 + i), {}});
  }
  EXPECT_THAT(bench.Write(batch).status, IsOk());
}

TEST(Writer, RefusesADocumentThatNoColumnCanStore) {
  Limits limits;
  limits.twin_bytes_max = 100 << 20;
  limits.string_bytes_max = 100 << 20;
  Bench bench(false, limits);
  bench.Models();
  EXPECT_THAT(bench.One(Pack("p", {{"name", Value::String(std::string(5 << 20, 'x'))}})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("twin_bytes_max")));
}

TEST(Writer, AFullDiskRefusesAndGoesOnLater) {
  Bench bench(/*hold=*/true);
  std::thread releaser([&] {
    bench.WaitForWaiting(1);
    bench.journal_.Release();
  });
  bench.Models();
  releaser.join();
  std::atomic<int> refused{0};
  for (int i = 0; i < 3; ++i) {
    WriteBatch batch;
    batch.operations.emplace_back(CellTwin(absl::StrCat("c", i)));
    bench.writer_->Submit(std::move(batch), [&](const WriteResult& got) {
      EXPECT_THAT(got.status, StatusIs(StatusCode::kResourceExhausted, HasSubstr("full")));
      ++refused;
    });
  }
  bench.WaitForWaiting(3);
  bench.journal_.Release(absl::ResourceExhaustedError("the disk is full"));
  while (refused < 3) std::this_thread::yield();
  EXPECT_EQ(bench.DumpHead(), "at 1\n");
  std::thread second([&] {
    bench.WaitForWaiting(1);
    bench.journal_.Release();
  });
  EXPECT_THAT(bench.One(CellTwin("c1")), IsOk());
  second.join();
  EXPECT_EQ(bench.DumpHead(), "at 2\nc1: dtmi:t:Cell;1 v2 serial=\"c1\"\n");
  EXPECT_EQ(bench.DumpReplay(), bench.DumpHead());
}

TEST(Writer, AFailingDiskEndsAllWriting) {
  Bench bench(/*hold=*/true);
  std::thread releaser([&] {
    bench.WaitForWaiting(1);
    bench.journal_.Release(absl::UnavailableError("sync failed"));
  });
  EXPECT_THAT(bench.Models().status, StatusIs(StatusCode::kUnavailable, HasSubstr("sync")));
  releaser.join();
  EXPECT_THAT(bench.One(CellTwin("c")), StatusIs(StatusCode::kUnavailable, HasSubstr("sync")));
  EXPECT_THAT(bench.writer_->writing(), StatusIs(StatusCode::kUnavailable, HasSubstr("sync")));
}

TEST(Writer, NamesItsLimits) {
  Limits limits;
  limits.batch_operations_max = 2;
  limits.patch_operations_max = 1;
  limits.twins_max = 2;
  limits.relationships_per_twin_max = 1;
  limits.twin_bytes_max = 1000;
  limits.models_max = 5;
  Bench bench(false, limits);
  ASSERT_THAT(bench.Models().status, IsOk());
  const auto refused = [&](WriteBatch batch, StatusCode code, absl::string_view name) {
    EXPECT_THAT(bench.Write(std::move(batch)).status, StatusIs(code, HasSubstr(std::string(name))));
  };
  WriteBatch batch;
  batch.operations = {CellTwin("a"), CellTwin("b"), CellTwin("c")};
  refused(batch, StatusCode::kInvalidArgument, "batch_operations_max");
  batch.operations = {Pack("p"), CellTwin("a")};
  EXPECT_THAT(bench.Write(batch).status, IsOk());
  batch.operations = {CellTwin("b")};
  refused(batch, StatusCode::kResourceExhausted, "twins_max");
  batch.operations = {Has("p", "r1", "a"), Has("p", "r2", "a")};
  refused(batch, StatusCode::kResourceExhausted, "relationships_per_twin_max");
  batch.operations = {PatchOf("p", {Step(Edit::Kind::kAdd, {"count"}, Value::Int(1)),
                                    Step(Edit::Kind::kAdd, {"count"}, Value::Int(1))})};
  refused(batch, StatusCode::kInvalidArgument, "patch_operations_max");
  batch.operations = {Pack("p", {{"name", Value::String(std::string(2000, 'x'))}})};
  refused(batch, StatusCode::kInvalidArgument, "twin_bytes_max");
  batch.operations = {CreateModels{{
      R"([{"@context":"dtmi:dtdl:context;4","@id":"dtmi:t:Y;1","@type":"Interface"},
          {"@context":"dtmi:dtdl:context;4","@id":"dtmi:t:Z;1","@type":"Interface"}])"}}};
  refused(batch, StatusCode::kResourceExhausted, "models_max");
}

TEST(Writer, MigratesToAnotherModel) {
  Bench bench;
  bench.Models();
  ASSERT_THAT(bench.One(CellTwin("c")), IsOk());
  PatchTwin patch = PatchOf("c", {Step(Edit::Kind::kAdd, {"grade"}, Value::String("A"))});
  patch.model_id = "dtmi:t:Cell;2";
  ASSERT_THAT(bench.One(patch), IsOk());
  EXPECT_EQ(bench.DumpHead(), "at 3\nc: dtmi:t:Cell;2 v3 grade=\"A\" serial=\"c\"\n");
  patch = PatchOf("c", {});
  patch.model_id = "dtmi:t:Cell;1";
  EXPECT_THAT(bench.One(patch), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("grade")));
  patch.edits = {Step(Edit::Kind::kRemove, {"grade"})};
  EXPECT_THAT(bench.One(patch), IsOk());
  EXPECT_EQ(bench.DumpReplay(), bench.DumpHead());
}

// Random operations, with records in flight at random, end as the same operations one by one.
class Pipelined : public ::testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, Pipelined, ::testing::Range(1u, 7u));

Operation AnyOperation(std::mt19937* random) {
  const auto pick = [&](uint32_t n) { return static_cast<uint32_t>((*random)() % n); };
  const std::string pack = absl::StrCat("p", pick(4));
  const std::string cell = absl::StrCat("c", pick(6));
  switch (pick(9)) {
    case 0:
      return Pack(pack, pick(2) == 0 ? ValueMap{} : ValueMap{{"volt", Value::Int(pick(9))}});
    case 1:
    case 2:
      return CellTwin(cell);
    case 3:
      return PatchOf(pack, {Step(Edit::Kind::kAdd, {"count"}, Value::Int(pick(100))),
                            Step(pick(2) == 0 ? Edit::Kind::kReplace : Edit::Kind::kAdd, {"volt"},
                                 Value::Int(pick(100)))});
    case 4:
    case 5:
      return Has(pack, absl::StrCat("r", pick(3)), cell);
    case 6:
      return DeleteRelationship{pack, absl::StrCat("r", pick(3)), {}};
    case 7: {
      PatchTwin patch = PatchOf(cell, {});
      patch.model_id = pick(2) == 0 ? "dtmi:t:Cell;2" : "dtmi:t:Cell;1";
      return patch;
    }
    default:
      return DeleteTwin{pick(2) == 0 ? pack : cell, {}, pick(2) == 0};
  }
}

TEST_P(Pipelined, EndsAsOneByOne) {
  std::mt19937 random(GetParam());
  Bench held(/*hold=*/true);
  Bench direct;
  direct.Models();
  std::thread releaser([&] {
    held.WaitForWaiting(1);
    held.journal_.Release();
  });
  held.Models();
  releaser.join();
  std::vector<std::string> held_results(1500);
  std::vector<std::string> direct_results;
  const auto text = [](const WriteResult& result) {
    std::string all = result.status.ToString();
    for (const OperationResult& each : result.results) {
      absl::StrAppend(&all, "; ", each.status.ToString(), " ", each.version.value, " ",
                      each.created ? "new" : "");
    }
    return all;
  };
  for (size_t i = 0; i < held_results.size(); ++i) {
    WriteBatch batch;
    const uint32_t count = random() % 3 == 0 ? 1 + random() % 4 : 1;
    for (uint32_t j = 0; j < count; ++j) batch.operations.push_back(AnyOperation(&random));
    batch.atomic = random() % 2 == 0;
    WriteBatch copy = batch;
    held.writer_->Submit(std::move(copy),
                         [&, i](const WriteResult& got) { held_results[i] = text(got); });
    direct_results.push_back(text(direct.Write(std::move(batch))));
    if (random() % 10 == 0) held.journal_.Release();
  }
  std::atomic<bool> stopped{false};
  std::thread last([&] {
    while (!stopped) {
      held.journal_.Release();
      std::this_thread::yield();
    }
  });
  held.writer_->Stop();
  stopped = true;
  last.join();
  for (size_t i = 0; i < held_results.size(); ++i) {
    ASSERT_EQ(held_results[i], direct_results[i]) << "seed " << GetParam() << " batch " << i;
  }
  EXPECT_EQ(held.DumpHead(), direct.DumpHead()) << "seed " << GetParam();
  EXPECT_EQ(held.DumpReplay(), held.DumpHead()) << "seed " << GetParam();
}

// --- Answers ---

// An acknowledgement speaks for all that came before it.
TEST(Answers, ABatchOfRejectsAloneIsToldAfterWhatCameBeforeIt) {
  Bench bench(/*hold=*/true);
  const auto released = [&](absl::FunctionRef<void()> write) {
    std::thread releaser([&] {
      bench.WaitForWaiting(1);
      bench.journal_.Release();
    });
    write();
    releaser.join();
  };
  released([&] { bench.Models(); });
  released([&] { ASSERT_THAT(bench.One(Pack("p")), IsOk()); });
  const std::vector<int64_t> times = {1'000'000};
  const std::vector<double> amperes = {3};
  Mutex mutex;
  std::vector<std::string> told;
  uint64_t number = 0;
  for (const char* twin : {"p", "nobody", "p"}) {
    TelemetryBatch telemetry;
    telemetry.producer = "x";
    telemetry.number = ++number;
    SampleBatch& samples = telemetry.samples.emplace_back();
    samples.twin_ids = {twin};
    samples.times = times;
    samples.columns.emplace_back();
    samples.columns[0].path = "current";
    samples.columns[0].doubles = amperes;
    bench.writer_->Submit(std::move(telemetry), [&, number](const TelemetryResult& result) {
      const MutexLock lock(&mutex);
      told.push_back(absl::StrCat(number, ": ", result.rows, result.more ? " and more" : ""));
    });
  }
  bench.WaitForWaiting(2);  // the third is checked: so is the second
  {
    const MutexLock lock(&mutex);
    EXPECT_THAT(told, IsEmpty());
  }
  bench.journal_.Release();
  bench.writer_->Stop();
  EXPECT_EQ(told.size(), 3u);
  EXPECT_THAT(told, ElementsAre(StartsWith("1: 1"), StartsWith("2: 0"), "3: 1"));
}

// --- Turns ---

TEST(Turns, ABatchDoesNotWaitForAllTelemetryThatCameBefore) {
  Bench bench;
  ASSERT_THAT(bench.Models().status, IsOk());
  ASSERT_THAT(bench.One(Pack("p")), IsOk());
  std::promise<void> release;
  std::future<void> released = release.get_future();
  ASSERT_TRUE(bench.writer_->RunAlone([&released] { released.wait(); }));
  constexpr int kMessages = 200;
  const std::vector<int64_t> times = {1'000'000};
  const std::vector<double> amperes = {3};
  std::atomic<int> kept{0};
  for (int i = 0; i < kMessages; ++i) {
    TelemetryBatch telemetry;
    SampleBatch& samples = telemetry.samples.emplace_back();
    samples.twin_ids = {"p"};
    samples.times = times;
    samples.columns.emplace_back();
    samples.columns[0].path = "current";
    samples.columns[0].doubles = amperes;
    bench.writer_->Submit(std::move(telemetry), [&kept](const TelemetryResult& result) {
      EXPECT_EQ(result.rows, 1u) << result.status;
      ++kept;
    });
  }
  WriteBatch batch;
  batch.operations.emplace_back(Pack("q"));
  std::promise<int> written;
  bench.writer_->Submit(std::move(batch), [&](const WriteResult& result) {
    EXPECT_THAT(result.status, IsOk());
    written.set_value(kept);
  });
  release.set_value();
  EXPECT_LT(written.get_future().get(), kMessages);
  bench.writer_->Stop();
  EXPECT_EQ(kept, kMessages);
}

}  // namespace
}  // namespace twin::ingest
