// Clone, Same and columns that disagree: what printed statements do not show.
#include "query/bind/bound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/bind/test_models.h"
#include "query/parse/parse.h"

namespace twin::query {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

std::shared_ptr<const BoundStatement> BindText(absl::string_view query) {
  const auto statement = Parse(query);
  EXPECT_TRUE(statement.ok()) << statement.status();
  auto bound = Bind(**statement, TestCatalog(), TestOptions());
  EXPECT_TRUE(bound.ok()) << bound.status();
  return *bound;
}

// Of every kind of expression, side by side.
constexpr absl::string_view kAll =
    "SELECT x.code AS a, x.lock AS b, x.$dtId AS c, LAST_UPDATE(x.code) AS d, NOT x.open AS e, "
    "-x.seats AS f, x.seats + 1 AS g, x.seats IN [1, 2] AS h, x.lock.maker LIKE 'a%' AS i, "
    "x.code IS NULL AS j, CASE WHEN x.open THEN 1 ELSE 2.5 END AS k, x.tags['a'] AS l, "
    "x.tags.color AS m, [1, 'a'] AS n, ABS(x.seats) AS o, IS_OF_MODEL(x, 'Room') AS p, "
    "ANY(e IN x.tags WHERE e = 'a') AS q, EXISTS ((x)-[:near*1..2]->(y) WHERE y.open) AS r, "
    "@n AS s, NOW() AS t, x AS u, ARRIVAL(x.code) AS v, x.temperature AS w FROM DIGITALTWINS x";

TEST(Bound, AClonePrintsAndComparesAsItsOriginal) {
  const auto bound = BindText(kAll);
  for (const BoundOutput& output : bound->select.outputs) {
    const BoundPtr clone = Clone(*output.expr);
    EXPECT_TRUE(Same(*clone, *output.expr)) << output.name;
    EXPECT_EQ(ToString(*clone, bound->select.slots), ToString(*output.expr, bound->select.slots));
  }
}

TEST(Bound, DifferentExpressionsAreNotTheSame) {
  const auto bound = BindText(kAll);
  for (const BoundOutput& a : bound->select.outputs) {
    for (const BoundOutput& b : bound->select.outputs) {
      EXPECT_EQ(Same(*a.expr, *b.expr), &a == &b) << a.name << ' ' << b.name;
    }
  }
}

TEST(Bound, PlacesInTheTextDoNotMatter) {
  const auto bound = BindText("SELECT x.seats + 1 AS a,   x.seats+1 AS b FROM DIGITALTWINS x");
  const std::vector<BoundOutput>& outputs = bound->select.outputs;
  EXPECT_NE(outputs[0].expr->span.column, outputs[1].expr->span.column);
  EXPECT_TRUE(Same(*outputs[0].expr, *outputs[1].expr));
}

// "Hall;1" and factor and offset of each column.
std::vector<std::pair<std::string, std::pair<double, double>>> Conversions(const BoundExpr& expr) {
  std::vector<std::pair<std::string, std::pair<double, double>>> conversions;
  for (const ColumnRef& column : expr.columns) {
    const std::string& id = TestCatalog()->model(TableId(column.table)).id;
    conversions.push_back({id.substr(id.rfind(':') + 1), {column.factor, column.offset}});
  }
  return conversions;
}

TEST(Bound, ModelsThatMeasureInOtherUnitsAreConverted) {
  const auto bound = BindText(
      "SELECT x.temperature FROM DIGITALTWINS x WHERE IS_OF_MODEL(x, 'Room') OR "
      "IS_OF_MODEL(x, 'Sensor')");
  const BoundExpr& temperature = *bound->select.outputs[0].expr;
  EXPECT_EQ(temperature.type.unit->name, "degreeCelsius");
  EXPECT_THAT(Conversions(temperature),
              ElementsAre(Pair("Hall;1", Pair(1, 0)), Pair("Room;1", Pair(1, 0)),
                          Pair("Sensor;1", Pair(::testing::DoubleNear(5.0 / 9, 1e-12),
                                                ::testing::DoubleNear(-160.0 / 9, 1e-9)))));
}

TEST(Bound, InTheDialectAdtNumbersAreAsTheyAreStored) {
  const auto statement = Parse("SELECT temperature FROM DIGITALTWINS", {.dialect = Dialect::kAdt});
  ASSERT_TRUE(statement.ok()) << statement.status();
  const auto bound = Bind(**statement, TestCatalog(), TestOptions(Dialect::kAdt));
  ASSERT_TRUE(bound.ok()) << bound.status();
  const BoundExpr& temperature = *(*bound)->select.outputs[0].expr;
  EXPECT_EQ(temperature.type.unit, nullptr);
  for (const auto& [model, conversion] : Conversions(temperature)) {
    EXPECT_THAT(conversion, Pair(1, 0)) << model;
  }
}

TEST(Bound, ColumnsKeepTheTypeOfTheirTable) {
  const auto bound = BindText("SELECT x.seats FROM DIGITALTWINS x");
  const BoundExpr& seats = *bound->select.outputs[0].expr;
  EXPECT_EQ(seats.type.kind, TypeKind::kDouble);
  ASSERT_THAT(seats.columns, SizeIs(3));
  EXPECT_EQ(seats.columns[0].type, TypeKind::kInt);     // Hall
  EXPECT_EQ(seats.columns[2].type, TypeKind::kDouble);  // Sensor
}

}  // namespace
}  // namespace twin::query
