// What the writer refuses, how it says so, and that nothing of it is done.

#include <atomic>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/ingest/writer_fixture.h"
#include "tests/support/status_matchers.h"

namespace twin::ingest {
namespace {

using absl::StatusCode;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

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
      {"BeyondEveryInteger", Pack("x", {{"count", Value::Double(1e39)}}),
       StatusCode::kInvalidArgument,
       "expected an integer between -2147483648 and 2147483647, got 1e+39"},
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
      {"TestOfNothing", PatchOf("p", {Step(K::kTest, {"name"}, Value::String("x"))}),
       StatusCode::kFailedPrecondition, "the test failed: it is not set"},
      {"TestInNothing", PatchOf("c1", {Step(K::kTest, {"volt"}, Value::Int(1))}),
       StatusCode::kFailedPrecondition, "not set"},
      {"TestBeyondTheArray", PatchOf("p", {Step(K::kTest, {"tags", "7"}, Value::String("x"))}),
       StatusCode::kFailedPrecondition, "2 elements"},
      {"RemoveComponent", PatchOf("p", {Step(K::kRemove, {"bms"})}), StatusCode::kInvalidArgument,
       "a component is always there"},
      {"NoIdOfATwin", PatchOf("", {}), StatusCode::kInvalidArgument, "id of the twin is empty"},
      {"NoIdOfARelationship", DeleteRelationship{"p", "", {}}, StatusCode::kInvalidArgument,
       "id of the relationship is empty"},
      {"FailedTest", PatchOf("p", {Step(K::kTest, {"volt"}, Value::Int(1))}),
       StatusCode::kFailedPrecondition, "it is 400, not 1"},
      {"UnknownPath", PatchOf("p", {Step(K::kAdd, {"nam"}, Value::Int(1))}),
       StatusCode::kInvalidArgument, "did you mean 'name'"},
      {"UnknownFieldOfAPath", PatchOf("p", {Step(K::kSet, {"soh", "valu"}, Value::Int(1))}),
       StatusCode::kInvalidArgument,
       "/soh/valu: no such property of dtmi:t:Pack;1; did you mean 'value'"},
      {"BeyondTheArray", PatchOf("p", {Step(K::kAdd, {"tags", "7"}, Value::String("x"))}),
       StatusCode::kInvalidArgument, "2 elements"},
      {"RemoveRequired", PatchOf("c1", {Step(K::kRemove, {"serial"})}),
       StatusCode::kInvalidArgument, "serial is required"},
      {"CreateWithoutRequired", no_serial, StatusCode::kInvalidArgument, "serial is required"},
      {"MoveLosesValues", moved, StatusCode::kFailedPrecondition, "tags: dtmi:t:Cell;1 has no"},
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
      {"ModelIsNeeded", DeleteModel{"dtmi:t:Bms;1"}, StatusCode::kFailedPrecondition,
       "dtmi:t:Pack;1 needs the model"},
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

}  // namespace
}  // namespace twin::ingest
