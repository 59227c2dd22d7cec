// Objects are kept as columns of their fields, and yet may be there without any.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
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
using enum Edit::Kind;

constexpr absl::string_view kWithObjects = R"([
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:t:Box;1","@type":"Interface","contents":[
    {"@type":"Property","name":"obj","schema":{"@type":"Object","fields":[
      {"name":"x","schema":"double"},
      {"name":"in","schema":{"@type":"Object","fields":[{"name":"y","schema":"integer"}]}}]}},
    {"@type":"Property","name":"none","schema":{"@type":"Object"}},
    {"@type":"Property","name":"part","schema":{"@type":"Object","fields":[
      {"@type":["Field","Required"],"name":"a","schema":"double"},
      {"name":"b","schema":"double"}]}}]},
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:t:Box;2","@type":"Interface","extends":"dtmi:t:Box;1"},
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:t:Strict;1","@type":"Interface","contents":[
    {"@type":["Property","Required"],"name":"none","schema":{"@type":"Object"}},
    {"@type":"Property","name":"obj","schema":{"@type":"Object","fields":[
      {"name":"x","schema":"double"},
      {"@type":["Field","Required"],"name":"in","schema":{"@type":"Object","fields":[
        {"name":"y","schema":"integer"}]}}]}}]},
  {"@context":["dtmi:dtdl:context;4","dtmi:dtdl:extension:requirement;2"],
   "@id":"dtmi:t:Must;1","@type":"Interface","contents":[
    {"@type":["Property","Required"],"name":"obj","schema":{"@type":"Object","fields":[
      {"name":"x","schema":"double"},
      {"name":"in","schema":{"@type":"Object","fields":[{"name":"y","schema":"integer"}]}}]}}]},
  {"@context":"dtmi:dtdl:context;4","@id":"dtmi:t:Plain;1","@type":"Interface","contents":[
    {"@type":"Property","name":"x","schema":"double"}]}
])";

class ObjectsTest : public ::testing::Test {
 protected:
  ObjectsTest() {
    WriteBatch batch;
    batch.operations.emplace_back(CreateModels{{std::string(kWithObjects)}});
    TWIN_CHECK(bench_.Write(std::move(batch)).status.ok());
  }

  absl::Status Put(const std::string& model, ValueMap contents) {
    PutTwin put;
    put.id = "b";
    put.model_id = model;
    put.contents = std::move(contents);
    return bench_.One(std::move(put));
  }
  absl::Status Do(Edit::Kind kind, std::vector<std::string> path, Value value = Value()) {
    return bench_.One(PatchOf("b", {Step(kind, std::move(path), std::move(value))}));
  }
  // Columns that have values, of the one twin.
  std::string Values() {
    const std::string dump = bench_.DumpHead();
    EXPECT_EQ(bench_.DumpReplay(), dump);
    // at SEQUENCE, then ID: MODEL VERSION COLUMN=VALUE …
    const std::vector<std::string> words = absl::StrSplit(dump, absl::ByAnyChar(" \n"));
    return absl::StrJoin(words.begin() + 5, words.end() - 1, " ");
  }

  Bench bench_;
};

const Value kEmpty = Value::Map({});

TEST_F(ObjectsTest, AreThereWithoutFields) {
  ASSERT_THAT(Put("dtmi:t:Box;1", {{"obj", kEmpty}, {"none", kEmpty}}), IsOk());
  EXPECT_EQ(Values(), "none.={} obj.={}");
  EXPECT_THAT(Do(kAdd, {"obj", "x"}, Value::Double(2)), IsOk());
  EXPECT_EQ(Values(), "obj.x=2 none.={} obj.={}");
  EXPECT_THAT(Do(kRemove, {"obj", "x"}), IsOk());
  EXPECT_THAT(Do(kRemove, {"none"}), IsOk());
  EXPECT_EQ(Values(), "obj.={}");
  EXPECT_THAT(Do(kAdd, {"obj", "in", "y"}, Value::Int(1)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("add the whole object first")));
  EXPECT_THAT(Do(kAdd, {"obj", "in"}, kEmpty), IsOk());
  EXPECT_THAT(Do(kAdd, {"obj", "in", "y"}, Value::Int(1)), IsOk());
  EXPECT_THAT(Do(kRemove, {"obj"}), IsOk());
  EXPECT_THAT(Do(kRemove, {"obj"}), StatusIs(StatusCode::kInvalidArgument, HasSubstr("not set")));
  EXPECT_THAT(Do(kAdd, {"obj", "x"}, Value::Double(2)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("add the whole object first")));
}

TEST_F(ObjectsTest, StayWhenTheirLastFieldGoes) {
  const Value inner = Value::Map({{"y", Value::Int(3)}});
  ASSERT_THAT(Put("dtmi:t:Box;1", {{"obj", Value::Map({{"in", inner}})}}), IsOk());
  EXPECT_EQ(Values(), "obj.in.y=3");
  EXPECT_THAT(Do(kRemove, {"obj", "in", "y"}), IsOk());
  EXPECT_EQ(Values(), "obj.in.={}");
  EXPECT_THAT(Do(kRemove, {"obj", "in"}), IsOk());
  EXPECT_EQ(Values(), "obj.={}");
  // What has fields stays there as it was said to be.
  EXPECT_THAT(Put("dtmi:t:Box;1", {{"obj", Value::Map({{"x", Value::Double(1)}})}}), IsOk());
  EXPECT_EQ(Values(), "obj.x=1 obj.={}");
  EXPECT_THAT(Put("dtmi:t:Box;1", {{"obj", kEmpty}}), IsOk());
  EXPECT_EQ(Values(), "obj.={}");
  EXPECT_THAT(Put("dtmi:t:Box;2", {{"obj", kEmpty}}), IsOk());
  EXPECT_EQ(Values(), "obj.={}");
  PatchTwin patch = PatchOf("b", {});
  patch.model_id = "dtmi:t:Plain;1";
  EXPECT_THAT(bench_.One(patch),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("obj: dtmi:t:Plain;1 has no")));
  patch.edits = {Step(kRemove, {"obj"})};
  EXPECT_THAT(bench_.One(patch), IsOk());
  EXPECT_EQ(Values(), "");
}

TEST_F(ObjectsTest, DemandTheirRequiredFields) {
  EXPECT_THAT(Put("dtmi:t:Box;1", {{"part", kEmpty}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("the field part.a is required")));
  ASSERT_THAT(Put("dtmi:t:Box;1", {}), IsOk());
  EXPECT_THAT(Do(kAdd, {"part"}, kEmpty),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("the field part.a is required")));
  EXPECT_THAT(Put("dtmi:t:Strict;1", {}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("the property none is required")));
  EXPECT_THAT(Put("dtmi:t:Strict;1", {{"none", kEmpty}, {"obj", kEmpty}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("the field obj.in is required")));
  EXPECT_THAT(Put("dtmi:t:Strict;1", {{"none", kEmpty}}), IsOk());
  EXPECT_THAT(Do(kAdd, {"obj"}, Value::Map({{"in", kEmpty}})), IsOk());
  EXPECT_THAT(Do(kRemove, {"obj", "in"}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("the field obj.in is required")));
}

TEST_F(ObjectsTest, AreWhatARequiredPropertyDemands) {
  EXPECT_THAT(Put("dtmi:t:Must;1", {}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("the property obj is required")));
  EXPECT_THAT(Put("dtmi:t:Must;1", {{"obj", kEmpty}}), IsOk());
  EXPECT_THAT(Put("dtmi:t:Must;1", {{"obj", Value::Map({{"x", Value::Double(1)}})}}), IsOk());
  EXPECT_THAT(Put("dtmi:t:Must;1", {{"obj", Value::Map({{"in", kEmpty}})}}), IsOk());
  EXPECT_THAT(Do(kRemove, {"obj", "in"}), IsOk());
  EXPECT_EQ(Values(), "obj.={}");
  EXPECT_THAT(Do(kRemove, {"obj"}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("the property obj is required")));
}

TEST_F(ObjectsTest, AreTestedAsAWhole) {
  const Value in = Value::Map({{"y", Value::Int(3)}});
  const Value whole = Value::Map({{"x", Value::Double(1)}, {"in", in}});
  ASSERT_THAT(Put("dtmi:t:Box;1", {{"obj", whole}, {"none", kEmpty}}), IsOk());
  EXPECT_THAT(Do(kTest, {"obj"}, whole), IsOk());
  EXPECT_THAT(Do(kTest, {"obj"}, Value::Map({{"in", in}, {"x", Value::Int(1)}})), IsOk());
  EXPECT_THAT(Do(kTest, {"obj", "in"}, in), IsOk());
  EXPECT_THAT(Do(kTest, {"none"}, kEmpty), IsOk());
  const auto fails = [](absl::string_view why) {
    return StatusIs(StatusCode::kFailedPrecondition, HasSubstr(std::string(why)));
  };
  EXPECT_THAT(Do(kTest, {"obj"}, Value::Map({{"x", Value::Double(2)}, {"in", in}})),
              fails("/obj: the test failed: obj.x is 1, not 2"));
  EXPECT_THAT(Do(kTest, {"obj"}, Value::Map({{"x", Value::Double(1)}})),
              fails("obj.in.y is 3, not null"));
  EXPECT_THAT(Do(kTest, {"obj"}, kEmpty), fails("/obj: the test failed"));
  EXPECT_THAT(Do(kTest, {"part"}, Value::Map({{"a", Value::Double(1)}})), fails("it is not set"));
  EXPECT_THAT(Do(kTest, {"obj"}, Value::Map({{"z", Value::Double(1)}})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("obj.z")));
  EXPECT_THAT(Do(kTest, {"obj"}, Value::Int(1)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("an object")));
  // An Object without fields is none that is not there.
  ASSERT_THAT(Do(kRemove, {"obj", "in", "y"}), IsOk());
  EXPECT_THAT(Do(kTest, {"obj"}, Value::Map({{"x", Value::Double(1)}, {"in", kEmpty}})), IsOk());
  EXPECT_THAT(Do(kTest, {"obj"}, Value::Map({{"x", Value::Double(1)}})), fails("obj.in is there"));
  ASSERT_THAT(Do(kRemove, {"obj", "in"}), IsOk());
  EXPECT_THAT(Do(kTest, {"obj"}, Value::Map({{"x", Value::Double(1)}, {"in", kEmpty}})),
              fails("obj.in is not set"));
}

// A dot at the end of a path is nothing that users write.
TEST_F(ObjectsTest, HaveNoPathOfTheirOwn) {
  ASSERT_THAT(Put("dtmi:t:Box;1", {{"obj", kEmpty}}), IsOk());
  EXPECT_THAT(Do(kAdd, {"obj", ""}, kEmpty),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no such property")));
  EXPECT_THAT(Do(kRemove, {"obj", ""}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("no such property")));
  EXPECT_EQ(Values(), "obj.={}");
}

}  // namespace
}  // namespace twin::ingest
