#include "server/ingest/writer.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/ingest/dry_run.h"
#include "server/ingest/writer_fixture.h"
#include "tests/support/status_matchers.h"

namespace twin::ingest {
namespace {

using absl::StatusCode;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

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
            "p: dtmi:t:Pack;1 v5 bms.firmware=\"1.2\" soh.value=0.8 volt=400 "
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

TEST(Writer, AModelIsDecommissionedOnce) {
  Bench bench;
  bench.Models();
  const auto decommission = [&](bool decommissioned) {
    WriteBatch batch;
    batch.operations.emplace_back(DecommissionModel{"dtmi:t:Pack;1", decommissioned});
    const WriteResult result = bench.Write(std::move(batch));
    EXPECT_THAT(result.status, IsOk());
    return result.results.at(0).changed;
  };
  EXPECT_EQ(decommission(false), 0u);
  EXPECT_EQ(decommission(true), 1u);
  EXPECT_EQ(decommission(true), 0u);
  EXPECT_THAT(bench.One(Pack("p")), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("")));
  EXPECT_EQ(decommission(false), 1u);
  EXPECT_THAT(bench.One(Pack("p")), IsOk());
}

TEST(Writer, ARequestIdHasALimit) {
  Limits limits;
  limits.request_id_length_max = 3;
  Bench bench(/*hold=*/false, limits);
  WriteBatch batch;
  batch.operations.emplace_back(CreateModels{{std::string(kModels)}});
  batch.request_id = "four";
  EXPECT_THAT(bench.Write(batch).status,
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("request_id_length_max is 3")));
  batch.request_id = "yes";
  EXPECT_THAT(bench.Write(batch).status, IsOk());
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

TEST(Writer, ARequestIdIsOfOneRequest) {
  Bench bench;
  bench.Models();
  const auto request = [](Operation operation, bool atomic = true) {
    WriteBatch batch;
    batch.request_id = "k";
    batch.atomic = atomic;
    batch.operations.push_back(std::move(operation));
    return batch;
  };
  PatchTwin patch = PatchOf("c", {Step(Edit::Kind::kSet, {"volt"}, Value::Double(1))});
  ASSERT_THAT(bench.One(CellTwin("c")), IsOk());
  ASSERT_THAT(bench.Write(request(patch)).status, IsOk());
  const auto is_refused =
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("request_id: another request"));
  EXPECT_THAT(bench.Write(request(DeleteTwin{"c", {}})).status, is_refused);
  EXPECT_THAT(bench.Write(request(patch, /*atomic=*/false)).status, is_refused);
  patch.edits[0].value = Value::Double(2);
  EXPECT_THAT(bench.Write(request(patch)).status, is_refused);
  WriteBatch anew = request(patch);
  anew.made_anew = true;
  EXPECT_THAT(bench.Write(anew).status, IsOk());
  WriteBatch question;
  question.request_id = "k";
  EXPECT_EQ(bench.Write(question).sequence, Sequence(3));
  EXPECT_EQ(bench.DumpHead(), "at 3\nc: dtmi:t:Cell;1 v3 serial=\"c\" volt=1\n");

  // What a restart knows of it, from a checkpoint or a record.
  std::string bytes;
  {
    const MutexLock lock(&bench.graph_.mutex);
    bytes = bench.graph_.request_ids.Encode();
  }
  RequestIds loaded;
  ASSERT_THAT(loaded.Decode(bytes, Limits()), IsOk());
  patch.edits[0].value = Value::Double(1);
  ASSERT_NE(loaded.Find("k"), nullptr);
  EXPECT_EQ(loaded.Find("k")->digest, DigestOf(request(patch)));
  EXPECT_EQ(loaded.Encode(), bytes);
  RequestIds of_before;
  of_before.Add("k", WriteResult(), Limits());
  ASSERT_NE(of_before.Find("k"), nullptr);
  EXPECT_EQ(of_before.Find("k")->digest, 0u);
}

TEST(Writer, ADryRunGivesNoEtag) {
  Bench bench;
  bench.Models();
  WriteBatch batch;
  batch.operations = {CellTwin("c"), CellTwin("d")};
  batch.validate_only = true;
  for (const bool atomic : {true, false}) {
    batch.atomic = atomic;
    const WriteResult dry = bench.Write(batch);
    ASSERT_EQ(dry.results.size(), 2u);
    for (const OperationResult& each : dry.results) {
      EXPECT_THAT(each.status, IsOk());
      EXPECT_EQ(each.version, Sequence());
      EXPECT_TRUE(each.created);
    }
  }
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

constexpr absl::string_view kVersions = R"([
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:t:Pack;2","@type":"Interface","contents":[
    {"@type":"Property","name":"count","schema":"long"},
    {"@type":"Property","name":"volt","schema":"integer"},
    {"@type":"Component","name":"bms","schema":"dtmi:t:Bms;1"},
    {"@type":"Relationship","name":"hasCell","target":"dtmi:t:Cell;1","maxMultiplicity":1,
     "properties":[{"@type":"Property","name":"position","schema":"double"}]}]},
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:t:Pack;3","@type":"Interface","contents":[
    {"@type":"Component","name":"bms","schema":"dtmi:t:Bms;1"},
    {"@type":"Relationship","name":"hasCell","target":"dtmi:t:Cell;2",
     "properties":[{"@type":["Property","Required"],"name":"slot","schema":"integer"}]}]},
  {"@context":"dtmi:dtdl:context;4","@id":"dtmi:t:Narrow;1","@type":"Interface","contents":[
    {"@type":"Property","name":"x","schema":"float"},
    {"@type":"Property","name":"y","schema":"integer"},
    {"@type":"Property","name":"z","schema":"long"}]},
  {"@context":"dtmi:dtdl:context;4","@id":"dtmi:t:Narrow;2","@type":"Interface","contents":[
    {"@type":"Property","name":"x","schema":"double"},
    {"@type":"Property","name":"y","schema":"float"},
    {"@type":"Property","name":"z","schema":"double"}]}
])";

PatchTwin MoveTo(const std::string& id, const std::string& model, std::vector<Edit> edits = {}) {
  PatchTwin patch = PatchOf(id, std::move(edits));
  patch.model_id = model;
  return patch;
}

TEST(Writer, RelationshipsMoveWithTheirTwinByName) {
  Bench bench;
  bench.Models();
  ASSERT_THAT(bench.One(CreateModels{{std::string(kVersions)}}), IsOk());
  for (const char* id : {"c1", "c2"}) ASSERT_THAT(bench.One(CellTwin(id)), IsOk());
  ASSERT_THAT(bench.One(Pack("p", {{"count", Value::Int(7)}})), IsOk());
  for (const char* end : {"1", "2"}) {
    PutRelationship put = Has("p", absl::StrCat("r", end), absl::StrCat("c", end));
    put.contents.emplace_back("position", Value::Int(1));
    ASSERT_THAT(bench.One(put), IsOk());
  }
  // Multiplicity, targets and properties are those of the new version.
  EXPECT_THAT(bench.One(MoveTo("p", "dtmi:t:Pack;2")),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("allows 1")));
  ASSERT_THAT(bench.One(DeleteRelationship{"p", "r2", {}}), IsOk());
  ASSERT_THAT(bench.One(MoveTo("p", "dtmi:t:Pack;2")), IsOk());
  EXPECT_THAT(bench.DumpHead(), HasSubstr("p: dtmi:t:Pack;2 v9 count=7 [r1->c1 v9]"));
  EXPECT_EQ(bench.DumpReplay(), bench.DumpHead());
  {
    const MutexLock lock(&bench.graph_.mutex);
    const graph::GraphView& head = bench.graph_.graph.head();
    const RelationshipNumber moved = head.FindRelationship(head.FindTwin("p"), "r1");
    EXPECT_EQ(head.catalog().relationship_type(head.Get(moved).type).owner, "dtmi:t:Pack;2");
    EXPECT_EQ(head.GetValue(moved, ColumnId(0)), Value::Double(1));
  }
  PutTwin again = Pack("p");
  again.model_id = "dtmi:t:Pack;3";
  EXPECT_THAT(bench.One(again),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("of dtmi:t:Cell;2, not of dtmi:t:Cell;1; move")));
  ASSERT_THAT(bench.One(MoveTo("c1", "dtmi:t:Cell;2")), IsOk());
  EXPECT_THAT(bench.One(again),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("position dtmi:t:Pack;3 does")));
  PatchRelationship bare{"p", "r1", {Step(Edit::Kind::kRemove, {"position"})}, {}};
  ASSERT_THAT(bench.One(bare), IsOk());
  EXPECT_THAT(bench.One(again),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("slot is required")));
  again = Pack("p", {{"count", Value::Int(8)}});
  again.model_id = "dtmi:t:Pack;1";
  EXPECT_THAT(bench.One(again), IsOk());
  EXPECT_THAT(bench.DumpHead(), HasSubstr("p: dtmi:t:Pack;1"));
  again = CellTwin("p");
  EXPECT_THAT(bench.One(again), StatusIs(StatusCode::kFailedPrecondition,
                                         HasSubstr("hasCell), which dtmi:t:Cell;1 does not")));
  EXPECT_EQ(bench.DumpReplay(), bench.DumpHead());
}

TEST(Writer, NumbersMoveToAWiderType) {
  Bench bench;
  bench.Models();
  ASSERT_THAT(bench.One(CreateModels{{std::string(kVersions)}}), IsOk());
  PutTwin put;
  put.id = "n";
  put.model_id = "dtmi:t:Narrow;1";
  put.contents = {
      {"x", Value::Double(0.5)}, {"y", Value::Int(16777217)}, {"z", Value::Int(1LL << 53)}};
  ASSERT_THAT(bench.One(put), IsOk());
  const PatchTwin move = MoveTo("n", "dtmi:t:Narrow;2");
  EXPECT_THAT(bench.One(move), StatusIs(StatusCode::kFailedPrecondition,
                                        HasSubstr("y: dtmi:t:Narrow;2 has another type for it")));
  ASSERT_THAT(bench.One(PatchOf("n", {Step(Edit::Kind::kSet, {"y"}, Value::Int(16777216))})),
              IsOk());
  ASSERT_THAT(bench.One(move), IsOk());
  {
    const MutexLock lock(&bench.graph_.mutex);
    const graph::GraphView& head = bench.graph_.graph.head();
    const TwinNumber twin = head.FindTwin("n");
    EXPECT_EQ(head.GetValue(twin, ColumnId(0)), Value::Double(0.5));
    EXPECT_EQ(head.GetValue(twin, ColumnId(1)), Value::Double(16777216));
    EXPECT_EQ(head.GetValue(twin, ColumnId(2)), Value::Double(9007199254740992.0));
    EXPECT_EQ(head.Get(twin, ColumnId(0)).source_time, Time{1'000'000});
  }
  EXPECT_EQ(bench.DumpReplay(), bench.DumpHead());
  EXPECT_THAT(bench.One(MoveTo("n", "dtmi:t:Narrow;1")),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("has another type for it, which 0.5 is not of")));
}

TEST(Writer, NothingMovesToAnotherUnit) {
  Bench bench;
  bench.Models();
  const auto thermometer = [](int version, absl::string_view unit) {
    return absl::StrCat(
        R"({"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:quantitativeTypes;1"],)",
        R"("@id":"dtmi:t:Thermometer;)", version, R"(","@type":"Interface","contents":[{"@type":)",
        R"(["Property","Temperature"],"name":"t","schema":"double","unit":")", unit, R"("}]})");
  };
  ASSERT_THAT(bench.One(CreateModels{{thermometer(1, "degreeCelsius"), thermometer(2, "kelvin"),
                                      thermometer(3, "degreeCelsius")}}),
              IsOk());
  PutTwin put;
  put.id = "t";
  put.model_id = "dtmi:t:Thermometer;1";
  put.contents = {{"t", Value::Double(25)}};
  ASSERT_THAT(bench.One(put), IsOk());
  put.id = "empty";
  put.contents = {};
  ASSERT_THAT(bench.One(put), IsOk());
  EXPECT_THAT(bench.One(MoveTo("t", "dtmi:t:Thermometer;2")),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("t: it is in degreeCelsius in dtmi:t:Thermometer;1 and in kelvin "
                                 "in dtmi:t:Thermometer;2")));
  EXPECT_THAT(bench.One(MoveTo("empty", "dtmi:t:Thermometer;2")), IsOk());
  EXPECT_THAT(bench.One(MoveTo("t", "dtmi:t:Thermometer;3")), IsOk());
}

}  // namespace
}  // namespace twin::ingest
