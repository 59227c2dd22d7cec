#include "clients/twinctl/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/models.h"
#include "tests/support/status_matchers.h"

namespace twin::twinctl {
namespace {

using dtdl::Compatibility;
using ::testing::HasSubstr;
using ::twin::testing::StatusIs;

// Interfaces of these ids, each with a Property of that schema.
std::shared_ptr<const dtdl::ModelSet> Models(
    const std::vector<std::pair<std::string, std::string>>& ids_and_schemas) {
  std::vector<InputText> texts;
  texts.reserve(ids_and_schemas.size());
  for (const auto& [id, schema] : ids_and_schemas) {
    texts.push_back(
        {"x", absl::StrCat(R"({"@context": "dtmi:dtdl:context;3", "@type": "Interface", "@id": ")",
                           id, R"(", "contents": [{"@type": "Property", "name": "p", "schema": ")",
                           schema, "\"}]}")});
  }
  const dtdl::ParseResult result = ParseTexts(texts, {});
  EXPECT_EQ(result.verdict, dtdl::Verdict::kValid);
  return result.models;
}

std::string Pair(const absl::StatusOr<dtdl::SetDiff>& diff) {
  EXPECT_THAT(diff, ::twin::testing::IsOk());
  if (!diff.ok() || diff->models.size() != 1) return "";
  return absl::StrCat(diff->models[0].old_id, " ", diff->models[0].new_id);
}

TEST(CompareModelsTest, SelectsModels) {
  const auto v1 =
      Models({{"dtmi:a;1", "integer"}, {"dtmi:a;2", "integer"}, {"dtmi:b;1", "integer"}});
  const auto v2 = Models({{"dtmi:a;2", "string"}, {"dtmi:a;3", "string"}, {"dtmi:c;1", "integer"}});
  const auto select = [&](const std::string& old_id, const std::string& new_id) {
    return CompareModels(*v1, *v2, {.old_id = old_id, .new_id = new_id});
  };
  EXPECT_EQ(Pair(select("dtmi:a", "")), "dtmi:a;2 dtmi:a;2");
  EXPECT_EQ(Pair(select("dtmi:a;1", "")), "dtmi:a;1 dtmi:a;3");
  EXPECT_EQ(Pair(select("", "dtmi:a;3")), "dtmi:a;2 dtmi:a;3");
  EXPECT_EQ(Pair(select("dtmi:a;2", "dtmi:a;3")), "dtmi:a;2 dtmi:a;3");
  EXPECT_EQ(Pair(select("dtmi:b;1", "dtmi:c;1")), "dtmi:b;1 dtmi:c;1");
  EXPECT_THAT(select("dtmi:a;9", ""),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("OLD has no model 'dtmi:a;9'")));
  EXPECT_THAT(select("", "dtmi:cc;1"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("did you mean 'dtmi:c;1'?")));
  EXPECT_THAT(
      select("dtmi:b", ""),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("NEW has no model 'dtmi:b' in any version")));
}

TEST(CompareModelsTest, TwoSingleModelsAreComparedWhateverTheirIds) {
  EXPECT_EQ(Pair(CompareModels(*Models({{"dtmi:a;1", "integer"}}),
                               *Models({{"dtmi:b;1", "integer"}}), {})),
            "dtmi:a;1 dtmi:b;1");
  const auto same =
      CompareModels(*Models({{"dtmi:a;1", "integer"}}), *Models({{"dtmi:a;1", "integer"}}), {});
  ASSERT_THAT(same, ::twin::testing::IsOk());
  EXPECT_EQ(CompatibilityOf(*same), "none");
}

dtdl::SetDiff Example() {
  dtdl::SetDiff diff;
  diff.models = {{.old_id = "dtmi:a;1",
                  .new_id = "dtmi:a;2",
                  .changes = {{Compatibility::kAdditive, "", "extends 'x' now", ""},
                              {Compatibility::kBreaking, "soh.value",
                               "type changed from integer to string", "convert 'soh.value'"},
                              {Compatibility::kDocumentation, "soh", "description changed", ""}}},
                 {.old_id = "dtmi:b;1", .new_id = "dtmi:b;2", .changes = {}}};
  diff.added = {"dtmi:c;1"};
  diff.removed = {"dtmi:d;1"};
  return diff;
}

std::string Printed(const dtdl::SetDiff& diff, int columns = 0) {
  std::ostringstream out, err;
  PrintComparison(diff, {.out = out, .err = err, .out_columns = columns});
  EXPECT_EQ(err.str(), "");
  return out.str();
}

TEST(PrintComparisonTest, MarksEachChange) {
  EXPECT_EQ(
      Printed(Example()),
      "dtmi:a;1 → dtmi:a;2: breaking\n"
      "  + additive       (interface)  extends 'x' now\n"
      "  ! breaking       soh.value    type changed from integer to string\n"
      "                                twins: convert 'soh.value'\n"
      "  ~ documentation  soh          description changed\n"
      "dtmi:b;1 → dtmi:b;2: no change but the id\n"
      "dtmi:d;1: removed\n"
      "dtmi:c;1: added\n"
      "breaking: 1 breaking, 1 additive, 1 documentation changes in 2 models; 1 model removed; "
      "1 model added\n");
  EXPECT_EQ(Printed({}), "no difference\n");
}

TEST(PrintComparisonTest, WrapsToTheTerminal) {
  EXPECT_THAT(Printed(Example(), 64),
              HasSubstr("  ! breaking       soh.value    type changed from integer to\n"
                        "                                string\n"));
}

TEST(ComparisonDataTest, HasEverything) {
  const Data both = ComparisonData(Example());
  const Json& data = both.document;
  EXPECT_EQ(data["compatibility"], "breaking");
  EXPECT_EQ(data["added"], Json::array({"dtmi:c;1"}));
  EXPECT_EQ(data["removed"], Json::array({"dtmi:d;1"}));
  EXPECT_EQ(data["models"][0]["changes"][1],
            Json::parse(R"({"compatibility": "breaking", "path": "soh.value",
      "what": "type changed from integer to string", "migration": "convert 'soh.value'"})"));
  EXPECT_EQ(ComparisonData({}).document["compatibility"], "none");
  const Json& rows = both.rows;
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[4]["what"], "model removed");
  EXPECT_EQ(rows[5]["compatibility"], "additive");
  for (const Json& row : rows) {
    for (const Column& column : both.columns) EXPECT_TRUE(row.contains(column.key));
  }
}

}  // namespace
}  // namespace twin::twinctl
