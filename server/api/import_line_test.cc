#include "server/api/import_line.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "server/api/convert.h"
#include "server/api/json.h"
#include "tests/support/status_matchers.h"

namespace twin::api {
namespace {

using ::twin::testing::IsOk;

std::string Text(const ingest::PutTwin& put) {
  std::string text =
      absl::StrCat(put.id, "|", put.model_id, "|", Value::Map(put.contents).DebugString(10'000));
  for (const auto& [name, time] : put.source_times) absl::StrAppend(&text, "|", name, time.ns);
  return text;
}

std::string Text(const ingest::PutRelationship& put) {
  return absl::StrJoin({put.source_id, put.relationship_id, put.target_id, put.name,
                        Value::Map(put.contents).DebugString(10'000)},
                       "|");
}

TEST(ReadPlainLine, TakesATwinApart) {
  ingest::PutTwin put;
  ASSERT_TRUE(ReadPlainLine(
      R"({"$dtId":"t1","$metadata":{"$model":"dtmi:a:B;1","v":{"sourceTime":"2026-03-01T08:30:00Z"},)"
      R"("w":{"lastUpdateTime":1}},"v":1.5,"$etag":"x","c":{"d":[1,"e"]},"n":null})",
      &put));
  EXPECT_EQ(Text(put),
            R"(t1|dtmi:a:B;1|{"v":1.5,"c":{"d":[1,"e"]},"n":null}|v1772353800000000000)");
}

TEST(ReadPlainLine, TakesAPropertySectionForOne) {
  ingest::PutTwin put;
  ASSERT_TRUE(ReadPlainLine(R"({"$dtId":"t","$metadata":{"$model":"m"},"Section":"Twins"})", &put));
  EXPECT_EQ(Text(put), R"(t|m|{"Section":"Twins"})");
}

TEST(ReadPlainLine, TakesARelationshipApart) {
  ingest::PutRelationship put;
  ASSERT_TRUE(ReadPlainLine(
      R"({"$relationshipId":"r","$sourceId":"a","$targetId":"b","$relationshipName":"has","p":1})",
      &put));
  EXPECT_EQ(Text(put), R"(a|r|b|has|{"p":1})");
}

TEST(ReadPlainLine, LeavesTheRestAlone) {
  for (const char* line : {
           R"({"Section":"Relationships"})",
           R"({"$dtId":"t","$metadata":{}})",
           R"({"$dtId":"t","$metadata":{"$model":1}})",
           R"({"$dtId":"t","$metadata":"m"})",
           R"({"$dtId":1,"$metadata":{"$model":"m"}})",
           R"({"$metadata":{"$model":"m"}})",
           R"({"$dtId":"t"})",
           R"({"$dtId":"t","$metadata":{"$model":"m","v":{"sourceTime":"soon"}}})",
           R"({"$dtId":"t","$metadata":{"$model":"m"},"c":{"$metadata":{}}})",
           R"({"$dtId":"t","$metadata":{"$model":"m"},"v":1,"v":2})",
           R"({"$dtId":"t","$metadata":{"$model":"m"}} x)",
           R"(["$dtId"])",
       }) {
    ingest::PutTwin put;
    EXPECT_FALSE(ReadPlainLine(line, &put)) << line;
  }
  for (const char* line : {
           R"({"Section":"Twins"})",
           R"({"$relationshipId":"r","$sourceId":"a","$targetId":"b"})",
           R"({"$relationshipId":"r","$dtId":"a","$targetId":"b","$relationshipName":"has"})",
           R"({"$relationshipId":1,"$sourceId":"a","$targetId":"b","$relationshipName":"has"})",
       }) {
    ingest::PutRelationship put;
    EXPECT_FALSE(ReadPlainLine(line, &put)) << line;
  }
}

// Members in any order, some missing, some twice, some of other kinds. An escaped letter keeps the
// line from being plain, and changes nothing.
TEST(ReadPlainLine, IsAsTheOtherWay) {
  std::mt19937 random(1);
  const auto pick = [&](uint32_t count) { return static_cast<uint32_t>(random()) % count; };
  const std::vector<std::string> members = {
      R"("$dtId":"t-1")",
      R"("$relationshipId":"r")",
      R"("$sourceId":"s")",
      R"("$targetId":"t")",
      R"("$relationshipName":"has")",
      R"("$metadata":{"$model":"m"})",
      R"("$metadata":{"v":{"sourceTime":"2026-03-01T08:30:00Z"},"$model":"m"})",
      R"("$metadata":{"v":{"sourceTime":5},"$model":"m"})",
      R"("$metadata":[])",
      R"("v":1.25)",
      R"("w":"text")",
      R"("o":{"a":1,"b":{"c":[2]}})",
      R"("o2":{"$metadata":{},"$x":1,"y":2})",
      R"("$etag":"e")",
      R"("$dtId":7)",
      R"("Section":"Twins")",
      R"("n":null)"};
  int twins = 0;
  int relationships = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::vector<std::string> some;
    const bool is_twin = pick(2) == 0;
    if (pick(10) != 0) {
      some = is_twin ? std::vector<std::string>{members[0], members[5 + pick(3)]}
                     : std::vector<std::string>(members.begin() + 1, members.begin() + 5);
    }
    for (uint32_t k = pick(4); k > 0; --k) some.push_back(members[pick(members.size())]);
    std::shuffle(some.begin(), some.end(), random);
    const std::string line = absl::StrCat("{", absl::StrJoin(some, ","), "}");
    ingest::PutTwin twin;
    ingest::PutRelationship relationship;
    const bool read_twin = ReadPlainLine(line, &twin);
    const bool read_relationship = ReadPlainLine(line, &relationship);
    if (!read_twin && !read_relationship) continue;
    const auto json =
        ParseJson(absl::StrCat(line.substr(0, line.size() - 1), R"(,"$\u0065scaped":1})"));
    ASSERT_THAT(json.status(), IsOk()) << line;
    if (read_twin) {
      const auto expected = TwinFromJson(*json);
      ASSERT_THAT(expected.status(), IsOk()) << line;
      ASSERT_EQ(Text(twin), Text(*expected)) << line;
      ++twins;
    }
    if (read_relationship) {
      const auto expected = RelationshipFromJson(*json);
      ASSERT_THAT(expected.status(), IsOk()) << line;
      ASSERT_EQ(Text(relationship), Text(*expected)) << line;
      ++relationships;
    }
  }
  EXPECT_GT(twins, 5'000);
  EXPECT_GT(relationships, 5'000);
}

}  // namespace
}  // namespace twin::api
