#include "query/parse/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"

namespace twin::query {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// The tree, or the error.
std::string Tree(absl::string_view text, Dialect dialect = Dialect::kTql) {
  const auto statement = Parse(text, {.dialect = dialect});
  return statement.ok() ? ToString(**statement) : std::string(statement.status().message());
}

// ---- Expressions: the printed condition of SELECT x FROM DIGITALTWINS WHERE …

struct Case {
  absl::string_view text, tree;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.text; }

class ExpressionTest : public ::testing::TestWithParam<Case> {};

TEST_P(ExpressionTest, IsRead) {
  const auto statement =
      Parse(absl::StrCat("SELECT x FROM DIGITALTWINS WHERE ", GetParam().text, " "));
  ASSERT_THAT(statement, IsOk());
  EXPECT_EQ(ToString(*(*statement)->select.where), GetParam().tree);
}

INSTANTIATE_TEST_SUITE_P(
    Precedence, ExpressionTest,
    ::testing::Values(Case{"a OR b AND c", "(or a (and b c))"},
                      Case{"a AND b OR c", "(or (and a b) c)"},
                      Case{"(a OR b) AND c", "(and (or a b) c)"}, Case{"a OR b OR c", "(or a b c)"},
                      Case{"NOT a AND b", "(and (not a) b)"}, Case{"NOT a = b", "(not (= a b))"},
                      Case{"NOT NOT a", "(not (not a))"}, Case{"a = b + c", "(= a (+ b c))"},
                      Case{"a + b * c", "(+ a (* b c))"}, Case{"(a + b) * c", "(* (+ a b) c)"},
                      Case{"a - b - c", "(- (- a b) c)"},
                      Case{"a / b % c * d", "(* (% (/ a b) c) d)"},
                      Case{"-a * b", "(* (negate a) b)"}, Case{"a - -b", "(- a (negate b))"},
                      Case{"a<-5", "(< a -5)"}, Case{"a = (b = c)", "(= a (= b c))"},
                      Case{"a BETWEEN b + 1 AND c AND d", "(and (between a (+ b 1) c) d)"}));

INSTANTIATE_TEST_SUITE_P(
    Operators, ExpressionTest,
    ::testing::Values(
        Case{"a = 1", "(= a 1)"}, Case{"a != 1", "(!= a 1)"}, Case{"a <> 1", "(!= a 1)"},
        Case{"a < 1", "(< a 1)"}, Case{"a <= 1", "(<= a 1)"}, Case{"a > 1", "(> a 1)"},
        Case{"a >= 1", "(>= a 1)"}, Case{"a IN [1, 'x']", "(in a (list 1 'x'))"},
        Case{"a IN []", "(in a (list))"}, Case{"a IN @ids", "(in a @ids)"},
        Case{"a NIN [1]", "(not-in a (list 1))"}, Case{"a not in [1]", "(not-in a (list 1))"},
        Case{"a NOT BETWEEN 1 AND 2", "(not-between a 1 2)"}, Case{"a LIKE 'x%'", "(like a 'x%')"},
        Case{"a NOT LIKE 'x%'", "(not-like a 'x%')"}, Case{"a IS NULL", "(is-null a)"},
        Case{"a IS NOT NULL", "(is-not-null a)"},
        Case{"ANY(e IN a.b WHERE e > 1)", "(any e a.b (> e 1))"},
        Case{"all(e IN [1] WHERE e.x)", "(all e (list 1) e.x)"},
        Case{"EXISTS ((a)-[:x]->(b) WHERE b.y)", "(exists (a)-[:x]->(b) b.y)"},
        Case{"NOT EXISTS (p = (a), ())", "(not-exists (path p (a)) ())"},
        Case{"NOT NOT EXISTS ((a))", "(not (not-exists (a)))"}));

INSTANTIATE_TEST_SUITE_P(
    Literals, ExpressionTest,
    ::testing::Values(Case{"true AND False OR NULL", "(or (and true false) null)"},
                      Case{"'it\\'s'", "'it\\'s'"}, Case{"\"it's\"", "'it\\'s'"},
                      Case{"1.5e2", "150.0"}, Case{"5.9e24", "5.9e+24"}, Case{"-12.5", "-12.5"},
                      Case{"- -5", "5"}, Case{"-9223372036854775808", "-9223372036854775808"},
                      Case{"9223372036854775808", "9223372036854775808.0"}, Case{"10m", "10m"},
                      Case{"-1.5h", "-90m"}, Case{"1500ms", "1500ms"}, Case{"14d", "2w"},
                      Case{"a > 113 'degreeFahrenheit'", "(> a (quantity 'degreeFahrenheit' 113))"},
                      Case{"a > -40.5 'degreeCelsius'", "(> a (quantity 'degreeCelsius' -40.5))"}));

INSTANTIATE_TEST_SUITE_P(
    Paths, ExpressionTest,
    ::testing::Values(
        Case{"T.a.b", "T.a.b"}, Case{"T . a", "T.a"}, Case{"$metadata.$model", "$metadata.$model"},
        Case{"[[1st floor]].[[x]]", "[[1st floor]].x"}, Case{"[[ a]b ]]", "[[ a]b ]]"},
        Case{"x[0]", "(at x 0)"}, Case{"x[i + 1].y.z", "(member z (member y (at x (+ i 1))))"},
        Case{"(a).b", "a.b"}, Case{"MODEL(x).y", "(member y (MODEL x))"}, Case{"größe", "größe"}));

// Words are names wherever ADT takes them for names.
INSTANTIATE_TEST_SUITE_P(
    Words, ExpressionTest,
    ::testing::Values(Case{"T.order = T.select", "(= T.order T.select)"},
                      Case{"match = 1 AND limit < history", "(and (= match 1) (< limit history))"},
                      Case{"case = 1", "(= case 1)"},
                      Case{"case.end IN [1]", "(in case.end (list 1))"},
                      Case{"any = exists", "(= any exists)"},
                      Case{"distinct IS NULL", "(is-null distinct)"},
                      Case{"between BETWEEN like AND is", "(between between like is)"},
                      Case{"like LIKE 'x'", "(like like 'x')"},
                      Case{"IS_NUMBER(Contains)", "(IS_NUMBER Contains)"},
                      Case{"count = 1 AND max > min", "(and (= count 1) (> max min))"},
                      Case{"CASE WHEN when THEN then ELSE else END", "(case when then else)"}));

INSTANTIATE_TEST_SUITE_P(
    Calls, ExpressionTest,
    ::testing::Values(
        Case{"now()", "(NOW)"}, Case{"Count(*) > Count()", "(> (COUNT *) (COUNT))"},
        Case{"COUNT(DISTINCT a.b)", "(COUNT distinct a.b)"},
        Case{"COUNT(DISTINCT -a.b)", "(COUNT distinct (negate a.b))"},
        Case{"(DISTINCT - a.b)", "(- DISTINCT a.b)"}, Case{"SUM(distinct)", "(SUM distinct)"},
        Case{"first(a) + last(b) + max(c)", "(+ (+ (FIRST a) (LAST b)) (MAX c))"},
        Case{"relationships(p)", "(RELATIONSHIPS p)"},
        Case{"IS_OF_MODEL(T, 'dtmi:a;1', exact)", "(IS_OF_MODEL T 'dtmi:a;1' exact)"},
        Case{"TIME_WHERE(a > 1 AND b)", "(TIME_WHERE (and (> a 1) b))"},
        Case{"TIME_BUCKET('month', t, 'Europe/Berlin')", "(TIME_BUCKET 'month' t 'Europe/Berlin')"},
        Case{"AVG(x) OVER ()", "(over (AVG x))"},
        Case{"RANK() OVER (PARTITION BY a, b ORDER BY c DESC NULLS FIRST, d ASC)",
             "(over (RANK) (partition-by a b) (order-by (nulls-first (desc c)) d))"}));

INSTANTIATE_TEST_SUITE_P(
    Case, ExpressionTest,
    ::testing::Values(Case{"CASE WHEN a THEN 1 WHEN b THEN 2 END", "(case a 1 b 2)"},
                      Case{"case when a then 1 else 2 end", "(case a 1 2)"},
                      Case{"CASE T.x WHEN 1 THEN 'a' WHEN 2 THEN 'b' ELSE 'c' END",
                           "(case (= T.x 1) 'a' (= T.x 2) 'b' 'c')"},
                      Case{"CASE first(x) WHEN 1 THEN 2 END", "(case (= (FIRST x) 1) 2)"},
                      Case{"CASE last.x + 1 WHEN 1 THEN 2 END", "(case (= (+ last.x 1) 1) 2)"},
                      Case{"CASE CASE WHEN a THEN b END WHEN 1 THEN 2 END",
                           "(case (= (case a b) 1) 2)"}));

// ---- Whole statements

TEST(Statement, Short) {
  EXPECT_EQ(Tree("SELECT * FROM DIGITALTWINS"), "(select\n  *\n  (from twins))");
  EXPECT_EQ(Tree("select T from digitaltwins T;"), "(select\n  T\n  (from twins T))");
  EXPECT_EQ(Tree("SELECT TOP(5) FROM Relationships"),
            "(select (top 5)\n  *\n  (from relationships))");
}

TEST(Statement, CommentsAreSkipped) {
  EXPECT_EQ(Tree("-- a\nSELECT x -- b\n/* c ' */ FROM /***/ DIGITALTWINS--"),
            "(select\n  x\n  (from twins))");
}

TEST(Statement, EveryClause) {
  EXPECT_EQ(Tree(R"(
      PROFILE
      WITH spread AS (SELECT p.$dtId AS pack, MAX(h.v) - MIN(h.v) AS s FROM DIGITALTWINS
                      MATCH (p:BatteryPack)-[:hasModule|hasCell*1..2]->(c:'dtmi:a:b;1')
                      HISTORY h OF c.(v) LAST 1d GROUP BY p.$dtId, h.time),
           b AS (SELECT * FROM spread s)
      SELECT DISTINCT TOP(@n) pack, TIME_WHERE(s > 0.1) AS seconds
      FROM b x
      WHERE s > 0 GROUP BY pack HAVING COUNT() > 1 QUALIFY RANK() OVER (ORDER BY s) < 3
      ORDER BY seconds DESC, pack LIMIT 10 OFFSET @o)"),
            R"((profile)
(with spread
  (select
    (as p.$dtId pack) (as (- (MAX h.v) (MIN h.v)) s)
    (from twins)
    (match (p:BatteryPack)-[:hasModule|hasCell*1..2]->(c:[[dtmi:a:b;1]]))
    (history h (of c v) (last 1d))
    (group-by p.$dtId h.time)))
(with b
  (select
    *
    (from spread s)))
(select distinct (top @n)
  pack (as (TIME_WHERE (> s 0.1)) seconds)
  (from b x)
  (where (> s 0))
  (group-by pack)
  (having (> (COUNT) 1))
  (qualify (< (over (RANK) (order-by s)) 3))
  (order-by (desc seconds) pack)
  (limit 10)
  (offset @o)))");
}

TEST(Statement, Sources) {
  EXPECT_EQ(Tree("SELECT T, C FROM DIGITALTWINS T JOIN C RELATED T.contains r JOIN D RELATED C.x "
                 "MATCH p = (D)-[q:a|[[b c]]*2..]->()<-[*..3]-(e)-[*4]-(f)-[*]-(g), (h) "
                 "OPTIONAL MATCH (g)-[]->(i) "
                 "HISTORY h1 OF C.(voltage, soh.value), D.(x) FROM s.a TO NOW() - 1h EVERY 1m "
                 "FILL NULL MAX GAP 5m "
                 "OPTIONAL HISTORY h2 OF C.(last) SINCE '2026-01-01' FILL LINEAR"),
            R"((select
  T C
  (from twins T)
  (join C T.contains r)
  (join D C.x)
  (match (path p (D)-[q:a|[[b c]]*2..]->()<-[*..3]-(e)-[*4..4]-(f)-[*..]-(g)) (h))
  (optional-match (g)-[]->(i))
  (history h1 (of C voltage soh.value) (of D x) (from s.a (- (NOW) 1h)) (every 1m) (fill null) (max-gap 5m))
  (optional-history h2 (of C last) (since '2026-01-01') (fill linear))))");
}

TEST(Statement, Relationships) {
  EXPECT_EQ(Tree("EXPLAIN SELECT r FROM RELATIONSHIPS r HISTORY ALL AS OF @t WHERE r.x"),
            "(explain)\n(select\n  r\n  (from relationships r (history all) (as-of @t))\n"
            "  (where r.x))");
}

TEST(Statement, SubqueryInFrom) {
  EXPECT_EQ(Tree("SELECT a FROM (SELECT b AS a FROM DIGITALTWINS) t"),
            "(with [subquery 1]\n  (select\n    (as b a)\n    (from twins)))\n"
            "(select\n  a\n  (from [subquery 1] t))");
}

// A clause's word may also be an alias.
TEST(Statement, AliasesThatAreWords) {
  EXPECT_EQ(Tree("SELECT limit FROM DIGITALTWINS limit LIMIT 1"),
            "(select\n  limit\n  (from twins limit)\n  (limit 1))");
  EXPECT_EQ(Tree("SELECT * FROM DIGITALTWINS match MATCH (match)-[limit:from]->(history)"),
            "(select\n  *\n  (from twins match)\n  (match (match)-[limit:from]->(history)))");
  EXPECT_EQ(Tree("SELECT * FROM DIGITALTWINS history HISTORY last OF history.(first) LAST 1h"),
            "(select\n  *\n  (from twins history)\n  (history last (of history first) (last 1h)))");
  EXPECT_EQ(Tree("SELECT * FROM DIGITALTWINS optional OPTIONAL MATCH (a)"),
            "(select\n  *\n  (from twins optional)\n  (optional-match (a)))");
  EXPECT_EQ(Tree("SELECT * FROM DIGITALTWINS OPTIONAL MATCH (a)"),
            "(select\n  *\n  (from twins)\n  (optional-match (a)))");
  EXPECT_EQ(Tree("SELECT distinct, case.x FROM DIGITALTWINS case JOIN join RELATED case.in when "
                 "WHERE join.x = when.y"),
            "(select\n  distinct case.x\n  (from twins case)\n  (join join case.in when)\n"
            "  (where (= join.x when.y)))");
}

TEST(Statement, Distinct) {
  EXPECT_EQ(Tree("SELECT distinct FROM DIGITALTWINS"), "(select\n  distinct\n  (from twins))");
  EXPECT_EQ(Tree("SELECT DISTINCT distinct FROM DIGITALTWINS"),
            "(select distinct\n  distinct\n  (from twins))");
  EXPECT_EQ(Tree("SELECT DISTINCT * FROM DIGITALTWINS"), "(select distinct\n  *\n  (from twins))");
  EXPECT_EQ(Tree("SELECT DISTINCT last FROM DIGITALTWINS"),
            "(select distinct\n  last\n  (from twins))");
  EXPECT_EQ(Tree("SELECT distinct LIKE 'x' FROM DIGITALTWINS"),
            "(select\n  (like distinct 'x')\n  (from twins))");
}

// ---- Places

TEST(Spans, CountCharacters) {
  const std::string text = "SELECT T.größe\n  AS 電 FROM DIGITALTWINS T WHERE\n\tT.x = 'ß' AND T.y";
  const auto statement = Parse(text);
  ASSERT_THAT(statement, IsOk());
  const Select& select = (*statement)->select;
  EXPECT_EQ(select.items[0].text, "T.größe");
  const Name& alias = select.items[0].alias;
  EXPECT_EQ(text.substr(alias.span.offset, alias.span.length), "電");
  EXPECT_EQ(alias.span.line, 2U);
  EXPECT_EQ(alias.span.column, 6U);
  const Expr& last = *select.where->operands[1];
  EXPECT_EQ(text.substr(last.span.offset, last.span.length), "T.y");
  EXPECT_EQ(last.span.line, 3U);
  EXPECT_EQ(last.span.column, 16U);
}

TEST(Spans, OfOperators) {
  const std::string text =
      "SELECT x FROM DIGITALTWINS WHERE NOT a + b * c[0].d >= -1 OR EXISTS ((e))";
  const auto statement = Parse(text);
  ASSERT_THAT(statement, IsOk());
  const auto slice = [&text](const Expr& e) { return text.substr(e.span.offset, e.span.length); };
  const Expr& where = *(*statement)->select.where;
  EXPECT_EQ(slice(where), text.substr(33));
  const Expr& negation = *where.operands[0];
  EXPECT_EQ(slice(negation), "NOT a + b * c[0].d >= -1");
  const Expr& comparison = *negation.operands[0];
  EXPECT_EQ(slice(comparison), "a + b * c[0].d >= -1");
  EXPECT_EQ(slice(*comparison.operands[0]->operands[1]), "b * c[0].d");
  EXPECT_EQ(slice(*comparison.operands[1]), "-1");
  EXPECT_EQ(slice(*where.operands[1]), "EXISTS ((e))");
}

TEST(Parse, RefusesWhatIsNoUtf8) {
  EXPECT_THAT(Parse("SELECT é\xFF FROM DIGITALTWINS"), StatusIs(kInvalid, StartsWith("1:9 ")));
  EXPECT_THAT(Parse(absl::string_view("SELECT x\0 FROM DIGITALTWINS", 27)),
              StatusIs(kInvalid, StartsWith("1:9 ")));
}

TEST(Parse, IsThreadSafe) {
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 100; ++i) {
        const std::string text =
            absl::StrCat("SELECT T FROM DIGITALTWINS T JOIN C RELATED T.c r WHERE T.x = ", i);
        ASSERT_THAT(Parse(text), IsOk());
        ASSERT_THAT(Parse(absl::StrCat(text, " )")),
                    StatusIs(kInvalid, HasSubstr("closes nothing")));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// ---- The dialect adt beyond the corpus

TEST(Adt, RefusesTql) {
  for (const absl::string_view text : {
           "EXPLAIN SELECT * FROM DIGITALTWINS",
           "WITH a AS (SELECT * FROM DIGITALTWINS) SELECT * FROM a",
           "SELECT DISTINCT x FROM DIGITALTWINS",
           "SELECT TOP(@n) x FROM DIGITALTWINS",
           "SELECT x FROM DIGITALTWINS AS OF '2026-01-01'",
           "SELECT x FROM RELATIONSHIPS HISTORY ALL",
           "SELECT T.x FROM DIGITALTWINS T HISTORY h OF T.(x) LAST 1h",
           "SELECT a FROM DIGITALTWINS MATCH (a), (b) WHERE a.$dtId = 'x'",
           "SELECT a FROM DIGITALTWINS MATCH p = (a) WHERE a.$dtId = 'x'",
           "SELECT a FROM DIGITALTWINS MATCH (a:Room) WHERE a.$dtId = 'x'",
           "SELECT a FROM DIGITALTWINS OPTIONAL MATCH (a) WHERE a.$dtId = 'x'",
           "SELECT a FROM DIGITALTWINS MATCH (a)-[r*2]->(b) WHERE a.$dtId = 'x'",
           "SELECT a FROM DIGITALTWINS MATCH (a)-[*1..11]->(b) WHERE a.$dtId = 'x'",
           "SELECT T FROM DIGITALTWINS JOIN T RELATED S.x",
           "SELECT COUNT(*) FROM DIGITALTWINS",
           "SELECT COUNT(x) FROM DIGITALTWINS",
           "SELECT COUNT(), x FROM DIGITALTWINS",
           "SELECT x -- comment\nFROM DIGITALTWINS",
           "SELECT x FROM DIGITALTWINS WHERE x = 10m",
           "SELECT x FROM DIGITALTWINS WHERE x = @p",
           "SELECT x FROM DIGITALTWINS WHERE x = \"y\"",
           "SELECT x FROM DIGITALTWINS WHERE x NOT IN [1]",
           "SELECT x FROM DIGITALTWINS WHERE x IN []",
           "SELECT x FROM DIGITALTWINS WHERE x IN [y]",
           "SELECT x FROM DIGITALTWINS WHERE x[0] = 1",
           "SELECT x FROM DIGITALTWINS WHERE -x = 1",
           "SELECT x FROM DIGITALTWINS WHERE x > 1 'volt'",
           "SELECT x FROM DIGITALTWINS WHERE ABS(x) = 1",
           "SELECT x FROM DIGITALTWINS WHERE COUNT() = 1",
           "SELECT x FROM DIGITALTWINS WHERE CONTAINS(x, y)",
           "SELECT x FROM DIGITALTWINS WHERE CONTAINS('x', 'y')",
           "SELECT x FROM DIGITALTWINS WHERE CASE WHEN x THEN y END",
           "SELECT x FROM DIGITALTWINS WHERE EXISTS ((a))",
           "SELECT count FROM DIGITALTWINS",
           "SELECT x AS devices FROM DIGITALTWINS",
           "SELECT x FROM DIGITALTWINS T GROUP BY x",
           "SELECT x FROM DIGITALTWINS T ORDER BY x",
           "SELECT x FROM DIGITALTWINS T OFFSET 1",
       }) {
    EXPECT_THAT(Parse(text, {.dialect = Dialect::kAdt}), StatusIs(kInvalid, StartsWith("1:")))
        << text;
  }
}

TEST(Adt, TakesItsOwnWords) {
  for (const absl::string_view text : {
           "SELECT limit, match.case FROM DIGITALTWINS match WHERE distinct = 1 AND any = exists",
           "SELECT x AS [[count]], y.count FROM DIGITALTWINS WHERE [[Order]] = 1",
           "SELECT a FROM DIGITALTWINS MATCH (a)-[r*1]->(b) WHERE b.$dtId != 'x'",
           "SELECT a FROM DIGITALTWINS MATCH (a)-[:order|in]->(b) WHERE b.$dtId != 'x'",
       }) {
    EXPECT_THAT(Parse(text, {.dialect = Dialect::kAdt}), IsOk()) << text;
  }
}

}  // namespace
}  // namespace twin::query
