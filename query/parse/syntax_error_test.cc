// Every message once: what a person reads who has made the mistake.
#include "query/parse/syntax_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/parse/parse.h"
#include "tests/support/status_matchers.h"

namespace twin::query {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::twin::testing::StatusIs;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

struct Mistake {
  absl::string_view text, message;
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.text; }

class MistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(MistakeTest, IsExplained) {
  const auto statement = Parse(GetParam().text);
  EXPECT_THAT(statement, StatusIs(kInvalid, std::string(GetParam().message)));
  EXPECT_TRUE(SpanOf(statement.status()).has_value());
}

INSTANTIATE_TEST_SUITE_P(
    Shape, MistakeTest,
    ::testing::Values(
        Mistake{"", "1:1 the query is empty; it begins with SELECT"},
        Mistake{"-- nothing", "1:11 the query is empty; it begins with SELECT"},
        Mistake{"SELCT * FROM DIGITALTWINS",
                "1:1 a query begins with SELECT, found 'SELCT'; did you mean 'SELECT'?"},
        Mistake{"MATCH (a) RETURN a", "1:1 a query begins with SELECT, found 'MATCH'"},
        Mistake{"UPDATE DIGITALTWINS SET x = 1", "1:1 queries only read: there is no UPDATE"},
        Mistake{"SELECT FROM DIGITALTWINS",
                "1:1 SELECT needs a list: *, or expressions separated by commas"},
        Mistake{
            "SELECT a, FROM DIGITALTWINS",
            "1:11 found 'FROM', expected an expression; the comma before it is one too many, or "
            "something is missing behind it"},
        Mistake{"SELECT a b FROM DIGITALTWINS",
                "1:10 found 'b', expected an operator, ',', AS or FROM; an alias is written AS b"},
        Mistake{"SELECT *", "1:9 found the end of the query, expected FROM"},
        Mistake{"SELECT * FORM DIGITALTWINS", "1:10 found 'FORM'; did you mean 'FROM'?"},
        // Words of the language that are names there.
        Mistake{"SELECT * FROM DIGITALTWINS EXISTS x",
                "1:35 found 'x', expected AS, JOIN, MATCH, HISTORY, WHERE, GROUP BY, HAVING, "
                "QUALIFY, ORDER BY, LIMIT, OFFSET or the end of the query"},
        Mistake{"SELECT * FROM DIGITALTWINS EXIST x",
                "1:28 found 'EXIST', which is taken for a name; did you mean 'EXISTS'?"},
        Mistake{"SELECT a DIGITALTWINS", "1:10 FROM is missing before DIGITALTWINS"},
        Mistake{"SELECT TOP 5 FROM DIGITALTWINS",
                "1:12 found '5', expected '(': TOP is written TOP(5)"},
        Mistake{"SELECT TOP(-1) FROM DIGITALTWINS",
                "1:12 TOP takes a whole number or a parameter, found '-'"},
        Mistake{"SELECT DISTINT x FROM DIGITALTWINS",
                "1:8 found 'DISTINT', which is taken for a name; did you mean 'DISTINCT'?"},
        Mistake{"SELECT * FROM DIGITALTWINS; SELECT 1",
                "1:29 found 'SELECT', expected the end of the query"}));

INSTANTIATE_TEST_SUITE_P(
    Sources, MistakeTest,
    ::testing::Values(
        Mistake{"SELECT * FROM DIGITIALTWINS",
                "1:15 unknown collection 'DIGITIALTWINS'; did you mean 'DIGITALTWINS'?"},
        Mistake{"SELECT * FROM DEVICES",
                "1:15 unknown collection 'DEVICES'; there are DIGITALTWINS, RELATIONSHIPS and the "
                "names that WITH gives"},
        Mistake{"WITH spread AS (SELECT * FROM DIGITALTWINS) SELECT * FROM spraed",
                "1:59 unknown collection 'spraed'; did you mean 'spread'?"},
        Mistake{"WITH a AS (SELECT * FROM DIGITALTWINS) SELECT * FROM a AS OF '2026-03-01'",
                "1:62 AS OF stands in the query that the name is for"},
        Mistake{"SELECT p FROM DIGITALTWINS MATCH (p:Pack) AS OF NOW() - 10m",
                "1:43 AS OF stands right behind FROM: FROM DIGITALTWINS AS OF time MATCH …"},
        Mistake{"SELECT p FROM DIGITALTWINS AS OF NOW() - 10 m MATCH (p:Pack)",
                "1:42 a duration is written in one word: 10m"},
        Mistake{"SELECT * FROM DIGITALTWINS T WHERE T.x > 10 m",
                "1:42 a duration is written in one word: 10m"},
        Mistake{"SELECT * FROM DIGITALTWINS AS T",
                "1:28 an alias of FROM stands without AS: DIGITALTWINS T"},
        Mistake{"SELECT * FROM DIGITALTWINS T LEFT JOIN C RELATED T.x",
                "1:30 JOIN has no LEFT, RIGHT, INNER or OUTER; what may be missing is written "
                "OPTIONAL MATCH (s)-[:relationship]->(t)"},
        Mistake{"SELECT * FROM DIGITALTWINS T left outer JOIN C RELATED T.x",
                "1:30 JOIN has no LEFT, RIGHT, INNER or OUTER; what may be missing is written "
                "OPTIONAL MATCH (s)-[:relationship]->(t)"},
        Mistake{"SELECT * FROM DIGITALTWINS T JOIN C ON T.x = C.y",
                "1:37 found 'ON', expected RELATED: a join is written JOIN t RELATED "
                "s.relationship"},
        Mistake{
            "SELECT * FROM DIGITALTWINS T JOIN C RELATED x WHERE a",
            "1:47 found 'WHERE', expected '.' and a relationship's name: a join is written JOIN "
            "t RELATED s.relationship"},
        Mistake{"SELECT a FROM DIGITALTWINS MATCH (a)<-[]->(b)",
                "1:37 a relationship has one direction: -[ ]-> or <-[ ]-; -[ ]- is either"},
        Mistake{"SELECT a FROM DIGITALTWINS MATCH (a)--(b)",
                "1:37 '--' begins a comment; a relationship is written -[ ]-, -[ ]-> or <-[ ]-"},
        Mistake{"SELECT a FROM DIGITALTWINS MATCH (a)->(b)",
                "1:38 found '>', expected '[': a relationship is written -[ ]-, -[ ]-> or <-[ ]-"},
        Mistake{"SELECT a FROM DIGITALTWINS MATCH a-[:x]->(b)",
                "1:34 a twin of a pattern stands in parentheses: (a)"},
        Mistake{"SELECT a FROM DIGITALTWINS a WHERE EXISTS (a)-[:x]->(b)",
                "1:45 a pattern stands in "
                "parentheses: EXISTS ((a)-[:relationship]->(b) WHERE …)"},
        Mistake{"SELECT a FROM DIGITALTWINS a WHERE EXISTS (MATCH (a)-[:x]->(b))",
                "1:50 a pattern stands in "
                "parentheses: EXISTS ((a)-[:relationship]->(b) WHERE …)"},
        Mistake{"SELECT a FROM DIGITALTWINS a WHERE EXISTS (SELECT b)",
                "1:44 a pattern stands in "
                "parentheses: EXISTS ((a)-[:relationship]->(b) WHERE …)"},
        Mistake{"SELECT a FROM DIGITALTWINS a WHERE EXISTS { (a)-[:x]->(b) }",
                "1:43 a pattern stands in "
                "parentheses: EXISTS ((a)-[:relationship]->(b) WHERE …)"},
        Mistake{"SELECT a FROM DIGITALTWINS MATCH (a-[]-(b)",
                "1:36 found '-', expected ':' or ')'"},
        Mistake{"SELECT a FROM DIGITALTWINS MATCH (a)-[x->(b)",
                "1:40 found '-', expected ':', ']' or '*'"},
        Mistake{"SELECT a FROM DIGITALTWINS MATCH (a)-[*3..1]->(b)",
                "1:39 from 3 to 1 hops there are none"},
        Mistake{"SELECT a FROM DIGITALTWINS MATCH (a) RETURN a",
                "1:38 there is no RETURN: a query begins with SELECT and what it gives"},
        Mistake{"SELECT a FROM DIGITALTWINS a HISTORY h OF a.x LAST 1h",
                "1:45 the paths of a HISTORY stand in parentheses: a.(x)"},
        Mistake{"SELECT a FROM DIGITALTWINS a HISTORY a.(x) LAST 1h",
                "1:39 found '.', expected OF: a history has a name, HISTORY h OF x.(path, …)"},
        Mistake{"SELECT a FROM DIGITALTWINS a HISTORY h OF a.(x)",
                "1:48 found the end of the query, expected ',', FROM, LAST or SINCE"}));

INSTANTIATE_TEST_SUITE_P(
    Clauses, MistakeTest,
    ::testing::Values(
        Mistake{"SELECT * FROM DIGITALTWINS WHRE x = 1",
                "1:28 found 'WHRE', which is taken for a name; did you mean 'WHERE'?"},
        Mistake{"SELECT * FROM DIGITALTWINS T WHRE x = 1",
                "1:30 found 'WHRE'; did you mean 'WHERE'?"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE",
                "1:33 WHERE needs a condition, found the end of the query"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE ORDER BY x",
                "1:34 WHERE needs a condition, found 'ORDER'"},
        Mistake{"SELECT * FROM DIGITALTWINS LIMIT 5 ORDER BY x",
                "1:36 ORDER BY stands before LIMIT"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE x WHERE y",
                "1:36 WHERE stands here a second time; conditions are joined by AND"},
        Mistake{"SELECT * FROM DIGITALTWINS T ORDER x", "1:36 found 'x', expected BY"},
        Mistake{"SELECT * FROM DIGITALTWINS T LIMIT x",
                "1:36 LIMIT takes a whole number or a parameter, found 'x'"},
        Mistake{
            "SELECT * FROM DIGITALTWINS WHERE x = 1 y = 2",
            "1:40 found 'y', expected AND, OR, GROUP BY, HAVING, QUALIFY, ORDER BY, LIMIT, OFFSET "
            "or the end of the query"}));

INSTANTIATE_TEST_SUITE_P(
    Brackets, MistakeTest,
    ::testing::Values(
        Mistake{"SELECT * FROM DIGITALTWINS WHERE (x = 1",
                "1:34 '(' is not closed before the end of the query"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE (x = 1 ORDER BY y",
                "1:34 '(' is not closed before ORDER"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE x IN ['a',",
                "1:39 '[' is not closed before the end of the query"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE x = 1)", "1:39 ')' closes nothing"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE x = 'abc",
                "1:38 the string that begins here is not closed; in it ' is written \\'"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE [[x = 1",
                "1:34 '[[' begins a name, which no ']]' ends; a list of lists is written [ [ ] ]"},
        Mistake{"SELECT * /* FROM DIGITALTWINS",
                "1:10 the comment that begins here is not closed"}));

INSTANTIATE_TEST_SUITE_P(
    Expressions, MistakeTest,
    ::testing::Values(
        Mistake{"SELECT * FROM DIGITALTWINS WHERE x == 1", "1:36 there is no '=='; write ="},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE x && y", "1:36 there is no '&&'; write AND"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE !x", "1:34 there is no '!'; write NOT"},
        Mistake{
            "SELECT * FROM DIGITALTWINS WHERE a = b = c",
            "1:40 found '=', expected AND, OR, GROUP BY, HAVING, QUALIFY, ORDER BY, LIMIT, OFFSET "
            "or the end of the query; comparisons are joined by AND"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE x =",
                "1:37 found the end of the query, expected an expression"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE x IS 5", "1:39 found '5', expected NOT or NULL"},
        Mistake{"SELECT order FROM DIGITALTWINS",
                "1:8 'order' is a reserved word; as a name it is written [[order]]"},
        Mistake{"SELECT all.x FROM DIGITALTWINS",
                "1:8 'all' is a reserved word; as a name it is written [[all]]"},
        Mistake{"SELECT x AS group FROM DIGITALTWINS",
                "1:13 'group' is a reserved word; as a name it is written [[group]]"},
        Mistake{
            "SELECT * FROM DIGITALTWINS WHERE tags.1st = 'a'",
            "1:39 '1st' is no number and no name; durations end in ms, s, m, h, d or w; as a name "
            "it is written [[1st]]"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE x = 'D''Souza'",
                "1:41 found a second string; ' in a string is written \\'"},
        Mistake{
            "SELECT * FROM DIGITALTWINS WHERE x = “a”",
            "1:38 found '“a”', which has a character that no name has; strings stand in ' or \", "
            "and [[ ]] escapes names"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE `x` = 1",
                "1:34 names are escaped by [[ ]], not by `"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE x = @1", "1:38 a parameter is written @name"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE x = #1",
                "1:38 found '#', which has no meaning here; expected an expression"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE IS_OF_MODEL(dtmi:a:Room;1)",
                "1:46 a model id is a string: 'dtmi:example:Room;1'"},
        Mistake{"SELECT * FROM DIGITALTWINS WHERE CASE WHEN x ELSE 1 END",
                "1:46 found 'ELSE', expected an operator or THEN"},
        Mistake{
            "SELECT * FROM DIGITALTWINS WHERE EXISTS (SELECT 1)",
            "1:42 a pattern stands in parentheses: EXISTS ((a)-[:relationship]->(b) WHERE …)"}));

INSTANTIATE_TEST_SUITE_P(
    Functions, MistakeTest,
    ::testing::Values(
        Mistake{"SELECT IS_PRIMATIVE(x) FROM DIGITALTWINS",
                "1:8 unknown function 'IS_PRIMATIVE'; did you mean 'IS_PRIMITIVE'?"},
        Mistake{"SELECT foo(x) FROM DIGITALTWINS", "1:8 unknown function 'foo'"},
        Mistake{"SELECT STARTSWITH(x) FROM DIGITALTWINS",
                "1:8 STARTSWITH takes 2 arguments, found 1"},
        Mistake{"SELECT ABS() FROM DIGITALTWINS", "1:8 ABS takes 1 argument, found 0"},
        Mistake{"SELECT NOW(1) FROM DIGITALTWINS", "1:8 NOW takes no argument, found 1"},
        Mistake{"SELECT ROUND(1, 2, 3) FROM DIGITALTWINS",
                "1:8 ROUND takes 1 to 2 arguments, found 3"},
        Mistake{"SELECT COALESCE() FROM DIGITALTWINS",
                "1:8 COALESCE takes 1 argument or more, found 0"},
        Mistake{"SELECT SUM(*) FROM DIGITALTWINS", "1:12 SUM(*): only COUNT takes *"},
        Mistake{"SELECT ABS(DISTINCT x) FROM DIGITALTWINS",
                "1:12 ABS takes no DISTINCT: it is no aggregate"},
        Mistake{"SELECT ABS(x) OVER () FROM DIGITALTWINS",
                "1:15 OVER stands after aggregates, RANK and ROBUST_Z; ABS is none"},
        Mistake{"SELECT RANK() FROM DIGITALTWINS",
                "1:8 RANK needs OVER (PARTITION BY … ORDER BY …)"}));

TEST(SyntaxError, TellsOfAdtOnlyWhatAdtHas) {
  const auto error = [](Dialect dialect) {
    return std::string(
        Parse("SELECT * FROM DIGITALTWINS T 5", {.dialect = dialect}).status().message());
  };
  EXPECT_EQ(error(Dialect::kAdt),
            "1:30 found '5', expected JOIN, MATCH, WHERE or the end of the query");
  EXPECT_THAT(error(Dialect::kTql), HasSubstr("HISTORY"));
  EXPECT_THAT(error(Dialect::kTql), Not(HasSubstr("LEFT_PAREN")));
}

TEST(SyntaxError, LongTokensAreCut) {
  const auto statement = Parse(absl::StrCat("SELECT a ", std::string(1000, 'x')));
  EXPECT_LT(statement.status().message().size(), 250U);
}

TEST(SyntaxError, Words) {
  for (const absl::string_view word : {"a", "größe", "電池", "Ünï", "_", "𝒳"}) {
    EXPECT_TRUE(IsWord(word)) << word;
  }
  for (const absl::string_view word :
       {"“a”", "‘a’", "a\u00a0b", "«a»", "a\u200b", "\ufeffa", "—"}) {
    EXPECT_FALSE(IsWord(word)) << word;
  }
}

}  // namespace
}  // namespace twin::query
