// What BindOptions change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "query/bind/bind.h"
#include "query/bind/print.h"
#include "query/bind/test_models.h"
#include "query/parse/parse.h"
#include "tests/support/status_matchers.h"

namespace twin::query {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::twin::testing::IsOk;

std::string Repeated(absl::string_view piece, absl::string_view separator, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) absl::StrAppend(&text, i == 0 ? "" : separator, piece);
  return text;
}

TEST(Options, HopsAtMost) {
  BindOptions options = TestOptions();
  options.hops_max = 4;
  EXPECT_THAT(BoundText("SELECT a FROM DIGITALTWINS MATCH (a)-[*2..]->(b)", options),
              HasSubstr("*2..4+"));
  EXPECT_THAT(BoundText("SELECT a FROM DIGITALTWINS MATCH (a)-[*1..4]->(b)", options),
              HasSubstr("*1..4]"));
  EXPECT_THAT(ErrorText("SELECT a FROM DIGITALTWINS MATCH (a)-[*1..5]->(b)", options),
              StartsWith("1:37 a relationship may be followed over at most 4 hops (hops_max)"));
}

TEST(Options, PartsOfPatternsAtMost) {
  BindOptions options = TestOptions();
  options.pattern_parts_max = 3;
  EXPECT_THAT(BoundText("SELECT a FROM DIGITALTWINS MATCH (a)-[]->()-[]->()", options),
              HasSubstr("a"));
  const auto expected = HasSubstr(
      "the patterns of a query have at most 3 twins and named relationships (pattern_parts_max)");
  EXPECT_THAT(ErrorText("SELECT a FROM DIGITALTWINS MATCH (a)-[]->()-[]->()-[]->()", options),
              expected);
  EXPECT_THAT(ErrorText("SELECT a FROM DIGITALTWINS MATCH (a)-[r]->()-[]->()", options), expected);
  EXPECT_THAT(
      ErrorText("SELECT a FROM DIGITALTWINS a WHERE EXISTS ((a)-[]->()-[]->()-[]->())", options),
      expected);
}

TEST(Options, AdtLimitsOfTheService) {
  BindOptions limited = TestOptions(Dialect::kAdt);
  limited.adt_limits = true;
  const BindOptions unlimited = TestOptions(Dialect::kAdt);
  const auto where = [](absl::string_view condition) {
    return absl::StrCat("SELECT * FROM DIGITALTWINS x WHERE ", condition);
  };
  const auto joins = [](int count) {
    std::string text = "SELECT x0 FROM DIGITALTWINS x0";
    for (int i = 0; i < count; ++i) {
      absl::StrAppend(&text, " JOIN x", i + 1, " RELATED x", i, ".near");
    }
    return text + " WHERE x0.$dtId = 'a'";
  };
  const struct {
    std::string within;
    std::string beyond;
    const char* error;
  } cases[] = {
      {where(Repeated("seats = 1", " OR ", 51)), where(Repeated("seats = 1", " AND ", 52)),
       "ADT takes at most 50 AND and OR"},
      {where(absl::StrCat("seats IN [", Repeated("1", ", ", 100), "]")),
       where(absl::StrCat("seats IN [", Repeated("1", ", ", 101), "]")),
       "ADT takes at most 100 values in a list"},
      {joins(5), joins(6), "6 JOINs: ADT takes at most 5"},
      {where("code = 'a'"), where(absl::StrCat("code = '", Repeated("a", "", 8000), "'")),
       "ADT takes queries of at most 8000 characters"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ErrorText(c.within, limited), "no error") << c.within;
    EXPECT_THAT(ErrorText(c.beyond, limited), HasSubstr(c.error));
    EXPECT_EQ(ErrorText(c.beyond, unlimited), "no error") << c.beyond;
  }
}

TEST(Options, UncheckedNamesMayBeAnything) {
  BindOptions options = TestOptions();
  options.check_names = false;
  for (const char* query : {
           "SELECT x.a.b, x.c + 1 AS d FROM DIGITALTWINS x WHERE x.e = 'f' AND x.g > 3 AND x.h",
           "SELECT AVG(h.volts) FROM DIGITALTWINS MATCH (c:NoModel)-[r:noName]->(d) HISTORY h OF "
           "c.(volts) LAST 1h WHERE r.x < @none GROUP BY c.no.thing LIMIT @more",
           "SELECT SUM(x.a), RATE(h.b) FROM DIGITALTWINS x HISTORY h OF x.(b) LAST @d GROUP BY "
           "x.$dtId",
           "SELECT x FROM DIGITALTWINS x WHERE IS_OF_MODEL(x, 'dtmi:no:Model;1') AND x.a > 3 "
           "'volt' AND x.t > '2026-01-01T00:00:00Z'",
           "SELECT x FROM DIGITALTWINS x WHERE x.$metadata.a.lastUpdateTime > "
           "'2026-01-01T00:00:00Z' OR x.$metadata.a.b.sourceTime < NOW()",
       }) {
    EXPECT_EQ(ErrorText(query, options), "no error") << query;
  }
  // What is wrong in any case is found all the same.
  EXPECT_THAT(ErrorText("SELECT y.a FROM DIGITALTWINS MATCH (x)", options),
              StartsWith("1:8 unknown alias 'y'"));
  EXPECT_THAT(ErrorText("SELECT x.a, COUNT() FROM DIGITALTWINS x", options),
              HasSubstr("add it to GROUP BY"));
}

TEST(Options, WithoutModelsThereIsNothingToCheck) {
  const auto statement = Parse("SELECT x.a FROM DIGITALTWINS MATCH (x:A)-[:b]->(y) WHERE y.c > 3");
  ASSERT_THAT(statement, IsOk());
  const auto bound = Bind(**statement, Catalog::OfModels(nullptr));
  ASSERT_THAT(bound, IsOk());
  EXPECT_EQ(ToString(**bound),
            "from twins\nmatch (x)-[:]->(y) if IS_OF_MODEL(x, 'A')\nwhere y.c > 3\n"
            "select x.a as a: value\n");
}

TEST(Options, ParametersHaveTypes) {
  BindOptions options = TestOptions();
  EXPECT_THAT(BoundText("SELECT x FROM DIGITALTWINS x WHERE x.temperature > @n", options),
              HasSubstr("x.temperature > CAST(@n AS double)"));
  EXPECT_THAT(ErrorText("SELECT x FROM DIGITALTWINS x WHERE x.temperature > @s", options),
              HasSubstr("a number does not compare with a string"));
  options.parameters.clear();
  EXPECT_EQ(ErrorText("SELECT x FROM DIGITALTWINS x LIMIT @n", options),
            "1:36 the request sends no parameter 'n'\n@n");
}

}  // namespace
}  // namespace twin::query
