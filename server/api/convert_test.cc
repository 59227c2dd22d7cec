#include "server/api/convert.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace twin::api {
namespace {

namespace pb = ::twingraph::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

// Updates of two properties of as many twins.
pb::BatchWriteRequest Updates(int count) {
  pb::BatchWriteRequest request;
  for (int i = 0; i < count; ++i) {
    pb::UpdateTwinRequest* update = request.add_operations()->mutable_update_twin();
    update->set_id(absl::StrCat("t", i));
    pb::Edit* volt = update->add_edits();
    volt->set_path("/soh/value");
    volt->mutable_value()->set_double_value(i + 0.5);
    pb::Edit* count_of = update->add_edits();
    count_of->set_path("/a~1b");
    count_of->mutable_value()->set_int_value(-i);
  }
  return request;
}

TEST(ToBatch, MakesColumnsOfAlikePatches) {
  pb::BatchWriteRequest request = Updates(100);
  request.set_each_for_itself(true);
  request.set_request_id("r");
  const auto batch = ToBatch(request);
  ASSERT_THAT(batch.status(), IsOk());
  EXPECT_FALSE(batch->atomic);
  EXPECT_EQ(batch->request_id, "r");
  EXPECT_EQ(batch->size(), 100u);
  EXPECT_TRUE(batch->operations.empty());
  ASSERT_TRUE(batch->patches.has_value());
  EXPECT_THAT(batch->patches->columns()[0].path, ElementsAre("soh", "value"));
  EXPECT_THAT(batch->patches->columns()[1].path, ElementsAre("a/b"));
  for (size_t row : {0, 7, 99}) {
    EXPECT_EQ(batch->patches->Id(row), absl::StrCat("t", row));
    EXPECT_EQ(batch->patches->Get(row, 0), Value::Double(static_cast<double>(row) + 0.5));
    EXPECT_EQ(batch->patches->Get(row, 1), Value::Int(-static_cast<int64_t>(row)));
  }
}

TEST(ParsePointer, TakesTheEscapesOfRfc6901) {
  EXPECT_THAT(*ParsePointer("/a~1b/~0/c~01"), ElementsAre("a/b", "~", "c~1"));
  for (const char* pointer : {"/~2", "/~", "/a~", "/~0~", "/a/~x/b"}) {
    EXPECT_THAT(ParsePointer(pointer).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("~0 means '~'")))
        << pointer;
  }
}

TEST(CountOf, TakesTheMostForMore) {
  EXPECT_EQ(*CountOf("page_size", 0, 100, 10'000), 100);
  EXPECT_EQ(*CountOf("page_size", 10'000, 100, 10'000), 10'000);
  EXPECT_EQ(*CountOf("page_size", 10'001, 100, 10'000), 10'000);
  EXPECT_THAT(CountOf("page_size", -1, 100, 10'000).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 to 10000")));
}

// What one of them says that columns do not hold is not lost.
TEST(ToBatch, LeavesOthersAsTheyAre) {
  const auto changed = [](auto change) {
    pb::BatchWriteRequest request = Updates(20);
    change(request.mutable_operations(13));
    const auto batch = ToBatch(request);
    EXPECT_THAT(batch.status(), IsOk());
    EXPECT_FALSE(batch->patches.has_value());
    EXPECT_EQ(batch->operations.size(), 20u);
    return batch->operations[13];
  };
  const auto patched = [&](auto change) {
    return std::get<ingest::PatchTwin>(
        changed([&](pb::WriteOperation* operation) { change(operation->mutable_update_twin()); }));
  };
  using Update = pb::UpdateTwinRequest;
  EXPECT_EQ(patched([](Update* update) { update->set_model_id("dtmi:m;1"); }).model_id, "dtmi:m;1");
  EXPECT_EQ(patched([](Update* update) { update->set_if_match("W/\"5\""); }).condition.version,
            Sequence(5));
  EXPECT_EQ(patched([](Update* update) { update->set_source_time_unix_nano(9); }).source_time,
            Time{9});
  EXPECT_EQ(patched([](Update* update) { update->mutable_edits(1)->set_source_time_unix_nano(8); })
                .edits[1]
                .source_time,
            Time{8});
  EXPECT_EQ(patched([](Update* update) { update->mutable_edits(1)->set_kind(pb::Edit::REMOVE); })
                .edits[1]
                .kind,
            ingest::Edit::Kind::kRemove);
  EXPECT_EQ(patched([](Update* update) {
              update->mutable_edits(0)->mutable_value()->set_string_value("x");
            })
                .edits[0]
                .value,
            Value::String("x"));
  EXPECT_EQ(
      patched([](Update* update) { update->mutable_edits(0)->mutable_value()->set_int_value(4); })
          .edits[0]
          .value,
      Value::Int(4));
  EXPECT_THAT(
      patched([](Update* update) { update->mutable_edits(0)->set_path("/b"); }).edits[0].path,
      ElementsAre("b"));
  EXPECT_EQ(patched([](Update* update) { update->mutable_edits()->RemoveLast(); }).edits.size(),
            1u);
  EXPECT_EQ(patched([](Update* update) { update->clear_edits(); }).edits.size(), 0u);
  const ingest::Operation deleted = changed(
      [](pb::WriteOperation* operation) { operation->mutable_delete_twin()->set_id("gone"); });
  EXPECT_EQ(std::get<ingest::DeleteTwin>(deleted).id, "gone");
}

TEST(ToBatch, NamesTheOperationThatIsWrong) {
  pb::BatchWriteRequest request = Updates(20);
  for (pb::WriteOperation& operation : *request.mutable_operations()) {
    operation.mutable_update_twin()->mutable_edits(0)->set_path("volt");
  }
  EXPECT_THAT(ToBatch(request).status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                                  HasSubstr("operation 0: path \"volt\"")));
  request = Updates(20);
  request.mutable_operations(19)->clear_operation();
  EXPECT_THAT(ToBatch(request).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("operation 19: it is empty")));
}

TEST(ToBatch, MakesNoColumnsOfFewPatches) {
  EXPECT_FALSE(ToBatch(Updates(7))->patches.has_value());
  EXPECT_TRUE(ToBatch(Updates(8))->patches.has_value());
  EXPECT_EQ(ToBatch(Updates(0))->size(), 0u);
}

absl::StatusOr<ingest::PatchTwin> PatchOf(const std::string& json_patch) {
  pb::UpdateTwinRequest request;
  request.set_id("t");
  request.set_json_patch(json_patch);
  return ToOperation(request);
}

TEST(ToOperation, TakesSourceTimesOfWhatAPatchEdits) {
  const std::string time =
      R"({"op":"replace","path":"/$metadata/volt/sourceTime","value":"1970-01-01T00:00:01Z"})";
  const auto patch = PatchOf(absl::StrCat("[", time, R"(,{"op":"add","path":"/volt","value":1}])"));
  ASSERT_THAT(patch.status(), IsOk());
  ASSERT_EQ(patch->edits.size(), 1u);
  EXPECT_EQ(patch->edits[0].source_time, Time{1'000'000'000});
  for (const std::string& others :
       {std::string(), std::string(R"(,{"op":"add","path":"/made","value":1})"),
        std::string(R"(,{"op":"test","path":"/volt","value":1})")}) {
    EXPECT_THAT(PatchOf(absl::StrCat("[", time, others, "]")).status(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("goes with an edit of /volt in the same patch")));
  }
}

}  // namespace
}  // namespace twin::api
