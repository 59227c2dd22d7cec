#include "clients/twinctl/assignments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/twinctl/twin_json.h"
#include "tests/support/status_matchers.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::IsOkAndHolds;
using ::twin::testing::StatusIs;

TEST(PointerTest, IsMadeOfNames) {
  EXPECT_THAT(ToPointer("soh"), IsOkAndHolds("/soh"));
  EXPECT_THAT(ToPointer("soh.value"), IsOkAndHolds("/soh/value"));
  EXPECT_THAT(ToPointer("a/b.c~d"), IsOkAndHolds("/a~1b/c~0d"));
  EXPECT_THAT(ToPointer("/tags/a.b"), IsOkAndHolds("/tags/a.b"));
  for (const char* path : {"", ".", "a.", ".a", "a..b"}) {
    EXPECT_THAT(ToPointer(path),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no path")));
  }
}

TEST(AssignmentTest, TakesJsonOrAString) {
  const auto value = [](const std::string& text) {
    const absl::StatusOr<Assignment> assignment = ParseAssignment("a=" + text);
    EXPECT_THAT(assignment, IsOk());
    return DumpJson(assignment->value);
  };
  for (const std::string json :
       {"7", "-0.5", "true", "null", "\"7\"", "[1,2]", R"({"a":{"b":1}})", "9007199254740993"}) {
    EXPECT_EQ(value(json), json);
  }
  for (const std::string text :
       {"", "A7", "7 h", "True", "2024-05-05T15:00:00Z", "a=b", "[1", "電"}) {
    EXPECT_EQ(value(text), DumpJson(Json(text)));
  }
  EXPECT_THAT(ParseAssignment("a"), StatusIs(absl::StatusCode::kInvalidArgument,
                                             "--set a: there is no '='; write path=value"));
}

std::string Assigned(const std::string& json, const std::vector<std::string>& assignments) {
  Json object = Json::parse(json);
  const absl::Status status = Assign(assignments, &object);
  return status.ok() ? DumpJson(object) : std::string(status.message());
}

TEST(AssignmentTest, MakesWhatIsMissingOnTheWay) {
  EXPECT_EQ(Assigned("{}", {"a=1", "b.c.d=x", "b.e=[]"}), R"({"a":1,"b":{"c":{"d":"x"},"e":[]}})");
  EXPECT_EQ(Assigned(R"({"a":{"b":1,"c":2}})", {"a.b=3"}), R"({"a":{"b":3,"c":2}})");
  EXPECT_EQ(Assigned("{}", {"/a~1b/0=1"}), R"({"a/b":{"0":1}})");
  EXPECT_EQ(Assigned(R"({"a":1})", {"a.b=3"}), "--set /a/b: what stands before 'b' is no object");
}

TEST(AssignmentTest, TakesNumbersByTheirValue) {
  EXPECT_EQ(Assigned("{}", {"a=3.0", "b=[2e1,{\"c\":-7.0}]", "d=0.5", "e=9007199254740992.0"}),
            R"({"a":3,"b":[20,{"c":-7}],"d":0.5,"e":9007199254740992})");
  EXPECT_EQ(Assigned("{}", {"a=-0.0", "b=1e300", "c=\"3.0\""}),
            R"({"a":-0.0,"b":1e+300,"c":"3.0"})");
  // What a file says stays as it is written.
  EXPECT_EQ(Assigned(R"({"a":3.0})", {"b=3.0"}), R"({"a":3.0,"b":3})");
}

TEST(AssignmentTest, SaysHowAStringIsWrittenThatLooksLikeANumber) {
  const auto hint = [](absl::string_view message, const std::vector<std::string>& sets) {
    return std::string(WithStringHint(absl::InvalidArgumentError(message), sets).message());
  };
  const std::string of_patch = "twin p: /serial: expected a string, got 123";
  EXPECT_EQ(hint(of_patch, {"name=x", "serial=123"}),
            of_patch + "\na string that looks like JSON is quoted twice: --set 'serial=\"123\"'");
  EXPECT_EQ(hint(of_patch, {"name=7"}), of_patch);
  const std::string of_create = "twin p: soh.note: expected a string, got true";
  EXPECT_EQ(
      hint(of_create, {"soh.note=true"}),
      of_create + "\na string that looks like JSON is quoted twice: --set 'soh.note=\"true\"'");
  EXPECT_EQ(hint(of_create, {"soh.note=[1]"}), of_create);
  const absl::Status other = absl::NotFoundError(of_create);
  EXPECT_EQ(WithStringHint(other, {"soh.note=true"}), other);
}

TEST(PatchTest, IsTextOrEdits) {
  const absl::StatusOr<Patch> edits =
      ReadPatch({.patch = "", .sets = {"soh.value=0.5"}, .removals = {"note"}});
  ASSERT_THAT(edits, IsOk());
  EXPECT_EQ(edits->json, "");
  ASSERT_EQ(edits->edits.size(), 2u);
  EXPECT_EQ(edits->edits[0].kind(), v1::Edit::SET);
  EXPECT_EQ(edits->edits[0].path(), "/soh/value");
  EXPECT_EQ(edits->edits[0].value().double_value(), 0.5);
  EXPECT_EQ(edits->edits[1].kind(), v1::Edit::REMOVE);
  EXPECT_EQ(edits->edits[1].path(), "/note");
  // The text goes to the server as it is.
  const std::string text = R"([ {"op": "remove", "path": "/a"} ])";
  EXPECT_EQ(ReadPatch({.patch = text, .sets = {}, .removals = {}})->json, text);
}

TEST(PatchTest, RefusesWhatIsNone) {
  for (const PatchArguments& arguments :
       std::vector<PatchArguments>{{.patch = "", .sets = {}, .removals = {}},
                                   {.patch = "[]", .sets = {"a=1"}, .removals = {}},
                                   {.patch = "[]", .sets = {}, .removals = {"a"}},
                                   {.patch = "{}", .sets = {}, .removals = {}},
                                   {.patch = "[", .sets = {}, .removals = {}},
                                   {.patch = "", .sets = {"a"}, .removals = {}},
                                   {.patch = "", .sets = {}, .removals = {"a..b"}}}) {
    EXPECT_THAT(ReadPatch(arguments), StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_));
  }
}

}  // namespace
}  // namespace twin::twinctl
