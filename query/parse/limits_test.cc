// What a hostile text may not do: exhaust the stack, the memory, or the time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/parse/parse.h"
#include "tests/support/status_matchers.h"

namespace twin::query {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr absl::StatusCode kExhausted = absl::StatusCode::kResourceExhausted;
constexpr absl::string_view kHead = "SELECT x FROM DIGITALTWINS WHERE ";

std::string Repeat(absl::string_view text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) absl::StrAppend(&repeated, text);
  return repeated;
}

// `head`, `times` times, then `middle`, then `tail` as often.
std::string Nested(absl::string_view head, absl::string_view middle, absl::string_view tail,
                   int times) {
  return absl::StrCat(kHead, Repeat(head, times), middle, Repeat(tail, times));
}

absl::StatusOr<std::shared_ptr<const Statement>> ParseLong(absl::string_view text) {
  return Parse(text, {.limits = {.text_bytes_max = 64 << 20}});
}

struct Nesting {
  absl::string_view name, head, middle, tail;
};
class NestingTest : public ::testing::TestWithParam<Nesting> {};

TEST_P(NestingTest, IsRefusedBeforeTheStackEnds) {
  const Nesting& n = GetParam();
  EXPECT_THAT(Parse(Nested(n.head, n.middle, n.tail, 90)), IsOk());
  EXPECT_THAT(Parse(Nested(n.head, n.middle, n.tail, 205)),
              StatusIs(kExhausted, HasSubstr("depth_max = 200")));
  EXPECT_THAT(ParseLong(Nested(n.head, n.middle, n.tail, 50'000)),
              StatusIs(kExhausted, HasSubstr("depth_max = 200")));
  // The same without its end, which is an error besides.
  EXPECT_FALSE(ParseLong(Nested(n.head, "", "", 50'000)).ok());
}

INSTANTIATE_TEST_SUITE_P(
    All, NestingTest,
    ::testing::Values(Nesting{"Parentheses", "(", "1", ")"}, Nesting{"Not", "NOT ", "a = 1", ""},
                      Nesting{"NotInParentheses", "NOT (", "a", ")"},
                      Nesting{"Minus", "- ", "a", ""}, Nesting{"Plus", "+", "1", ""},
                      Nesting{"List", "[ ", "1", " ]"}, Nesting{"TightList", "[", "1", "]"},
                      Nesting{"Index", "x[", "1", "]"}, Nesting{"Indexed", "x.y[", "1", "].z"},
                      Nesting{"Call", "ABS(", "1", ")"},
                      Nesting{"Case", "CASE WHEN a THEN ", "1", " END"},
                      Nesting{"Condition", "CASE WHEN ", "a", " THEN 1 END"},
                      Nesting{"Else", "CASE WHEN a THEN b ELSE ", "1", " END"},
                      Nesting{"Quantified", "ANY(e IN x WHERE ", "e", ")"},
                      Nesting{"QuantifiedOver", "ANY(e IN ", "x", " WHERE e)"},
                      Nesting{"Exists", "EXISTS ((a) WHERE ", "b", ")"},
                      Nesting{"Over", "SUM(x) OVER (PARTITION BY ", "x", ")"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Limits, DepthCountsParentheses) {
  EXPECT_THAT(Parse(Nested("(", "1", ")", 200)), IsOk());
  EXPECT_THAT(Parse(Nested("(", "1", ")", 201)), StatusIs(kExhausted, _));
  EXPECT_THAT(Parse(Nested("NOT ", "a", "", 200)), IsOk());
  EXPECT_THAT(Parse(Nested("NOT ", "a", "", 201)), StatusIs(kExhausted, _));
}

TEST(Limits, QueriesNest) {
  const auto nested = [](int times) {
    return absl::StrCat(Repeat("SELECT * FROM (", times), "SELECT * FROM DIGITALTWINS",
                        Repeat(")", times));
  };
  EXPECT_THAT(Parse(nested(100)), IsOk());
  EXPECT_THAT(ParseLong(nested(50'000)), StatusIs(kExhausted, HasSubstr("depth_max")));
}

TEST(Limits, SimpleCaseCopiesItsOperandWithinBounds) {
  // Each level copies the one below five times.
  std::string text = "a";
  for (int i = 0; i < 12; ++i) {
    text = absl::StrCat("CASE (", text, ")", Repeat(" WHEN 1 THEN 2", 5), " END");
  }
  EXPECT_THAT(Parse(absl::StrCat(kHead, text)), StatusIs(kExhausted, HasSubstr("nodes_max")));
}

TEST(Limits, LongConditionsAreFlat) {
  for (const absl::string_view word : {" AND a = 1", " OR a = 1"}) {
    const auto statement = ParseLong(absl::StrCat(kHead, "a = 1", Repeat(word, 20'000)));
    ASSERT_THAT(statement, IsOk());
    EXPECT_EQ((*statement)->select.where->operands.size(), 20'001U);
  }
}

TEST(Limits, LongChainsAreAsDeepAsTheyAreLong) {
  for (const absl::string_view link : {" + a", " - 1", " * b", "[0]", " - a * b"}) {
    const auto statement = ParseLong(absl::StrCat(kHead, "a", Repeat(link, 990), " > 0"));
    ASSERT_THAT(statement, IsOk());
    EXPECT_GT(ToString(**statement).size(), 990U);
    for (const int links : {1100, 100'000}) {
      EXPECT_THAT(ParseLong(absl::StrCat(kHead, "a", Repeat(link, links), " > 0")),
                  StatusIs(kExhausted, HasSubstr("tree_depth_max = 1000")));
    }
  }
  // Chains within chains add up.
  EXPECT_THAT(ParseLong(Nested("(", "a", absl::StrCat(Repeat(" + a", 100), ")"), 20)),
              StatusIs(kExhausted, HasSubstr("tree_depth_max")));
}

TEST(Limits, TextIsBounded) {
  const std::string text = absl::StrCat(kHead, "a = '", std::string(64 * 1024, 'x'), "'");
  EXPECT_THAT(Parse(text), StatusIs(kExhausted, HasSubstr("text_bytes_max = 65536")));
}

TEST(Limits, ManyItemsAreQuick) {
  // Linear in the length, whatever repeats: generous bounds, for loaded machines and sanitizers.
  for (const absl::string_view item :
       {"a, ", "'",     "\"",    "[[",    "[[a",    "[[a]] ",          "--", "/*",
        "/* ", "(a)-[", "CASE ", "case ", "match ", "optional match ", "1 ", "1.",
        "\\",  "é",     ".",     "@a ",   "- ",     "DISTINCT ",       "a.b"}) {
    const std::string items = Repeat(item, 20'000 / static_cast<int>(item.size()));
    const std::clock_t begin = std::clock();  // of this process: machines are busy
    EXPECT_FALSE(Parse(absl::StrCat("SELECT ", items)).ok()) << item;
    (void)Parse(absl::StrCat("SELECT x FROM DIGITALTWINS ", items));
    EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 10) << item;
  }
}

TEST(Limits, TheErrorHasItsPlace) {
  const auto statement = Parse(Nested("(", "1", ")", 201));
  EXPECT_THAT(statement, StatusIs(kExhausted, AllOf(StartsWith("1:"), HasSubstr("nested"))));
  EXPECT_TRUE(SpanOf(statement.status()).has_value());
}

}  // namespace
}  // namespace twin::query
