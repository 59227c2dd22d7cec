// Types and units of expressions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/bind/bind.h"
#include "query/bind/test_models.h"

namespace twin::query {
namespace {

struct Case {
  const char* query;
  const char* bound;  // as print.h shows it
};

TEST(Operators, Numbers) {
  const Case cases[] = {
      {R"(SELECT x.seats + 1 AS a, x.seats / 2 AS b, x.seats % 2 AS c, -x.seats AS d, x.seats * 0.5 AS e, -3 AS f FROM DIGITALTWINS x WHERE IS_OF_MODEL(x, 'Room'))",
       R"(from twins (x:Hall|Room|Room;2)
where IS_OF_MODEL(x, 'Room')
select x.seats + 1 as a: int
select CAST(x.seats AS double) / 2 as b: double
select x.seats % 2 as c: int
select -x.seats as d: int
select CAST(x.seats AS double) * 0.5 as e: double
select -3 as f: int
)"},
      {R"(SELECT x.code + 1 AS a, x.cellVoltages[0] * 2 AS b FROM DIGITALTWINS x)",
       R"(from twins (x)
select CAST(x.code AS double) + 1 as a: double
select x.cellVoltages[0] * 2 as b: double
)"},
      {R"(SELECT ABS(x.seats) AS a, ROUND(x.temperature, 1) AS b, SQRT(x.seats) AS c, POWER(2, 3) AS d FROM DIGITALTWINS x WHERE IS_OF_MODEL(x, 'Room'))",
       R"(from twins (x:Hall|Room|Room;2)
where IS_OF_MODEL(x, 'Room')
select ABS(x.seats) as a: int
select ROUND(x.temperature, 1) as b: double degreeCelsius
select SQRT(CAST(x.seats AS double)) as c: double
select POWER(2, 3) as d: double
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Operators, Times) {
  const Case cases[] = {
      {R"(SELECT x.since - '2026-01-01' AS age, x.since + 1h AS later, 10m * 3 AS d, 1h / 10m AS q, 2 * 1ms AS e, 1h / 2 AS f FROM DIGITALTWINS x WHERE x.since BETWEEN '2026-01-01' AND @s AND NOW() - x.since < 7d)",
       R"(from twins (x)
where x.since >= '2026-01-01T00:00:00Z'; x.since <= CAST(@s AS time); (NOW() - x.since) < 1w
select x.since - '2026-01-01T00:00:00Z' as age: duration
select x.since + 1h as later: time
select 10m * 3 as d: duration
select 1h / 10m as q: double
select 2 * 1ms as e: duration
select 1h / 2 as f: duration
)"},
      {R"(SELECT TIME_BUCKET(1m, x.since) AS a, TIME_BUCKET('month', x.since, 'Europe/Berlin') AS b, DATE_PART('hour', x.since) AS c FROM DIGITALTWINS x)",
       R"(from twins (x)
select TIME_BUCKET(1m, x.since) as a: time
select TIME_BUCKET('month', x.since, 'Europe/Berlin') as b: time
select DATE_PART('hour', x.since) as c: int
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Operators, Units) {
  const Case cases[] = {
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.temperature > 212 'degreeFahrenheit' AND x.temperature IN [1, 310.15 'kelvin'])",
       R"(from twins (x)
where x.temperature > 100; x.temperature IN [1, 37]
select x: twin
)"},
      {R"(SELECT c.voltage + 5 'millivolt' AS a, c.voltage - c.nominalVoltage AS b, c.tempMax - c.tempMin AS c, c.ratedEnergy / 2 AS d FROM DIGITALTWINS c)",
       R"(from twins (c)
select c.voltage + 0.005 as a: double volt
select c.voltage - c.nominalVoltage as b: double volt
select c.tempMax - c.tempMin as c: double
select c.ratedEnergy / 2 as d: double kilowattHour
)"},
      {R"(SELECT LEAST(x.temperature, 100 'degreeFahrenheit') AS l FROM DIGITALTWINS x)",
       R"(from twins (x)
select LEAST(x.temperature, 37.77777777777778) as l: double degreeCelsius
)"},
      {R"(SELECT c FROM DIGITALTWINS c WHERE c.initialResistance > c.insulationResistance)",
       R"(from twins (c)
where c.initialResistance > (c.insulationResistance * 1e+06)
select c: twin
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Operators, Comparisons) {
  const Case cases[] = {
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.seats > 1 OR NOT x.open AND x.since != @s)",
       R"(from twins (x)
where (x.seats > 1) OR ((NOT x.open) AND (x.since != CAST(@s AS time)))
select x: twin
)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[r:near]->(b), (b)-[s:near]->(c) WHERE a = c AND r != s)",
       R"(from twins
match (a:Hall|Room)-[r:near]->(b:Hall|Room), (b:Hall|Room)-[s:near]->(c)
where a = c; r != s
select a: twin
)"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.seats IN [1, 2] AND x.seats NOT IN [2.5, 3] AND x.$dtId IN @twins AND x.code IN [x.code])",
       R"(from twins (x)
where x.seats IN [1, 2]; x.seats NOT IN [2.5, 3]; x.$dtId IN @twins; x.code = x.code
select x: twin
)"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.lock.maker LIKE 'a%' AND x.code IS NOT NULL AND x.seats NOT BETWEEN 1 AND 2)",
       R"(from twins (x)
where x.lock.maker LIKE 'a%'; x.code IS NOT NULL; NOT ((x.seats >= 1) AND (x.seats <= 2))
select x: twin
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Operators, Choices) {
  const Case cases[] = {
      {R"(SELECT CASE WHEN x.open THEN 1 WHEN x.seats > 3 THEN 2.5 END AS a, CASE x.seats WHEN 1 THEN 'one' ELSE 2 END AS b, COALESCE(x.temperature, 0) AS c, GREATEST(x.since, '2026-01-01') AS d FROM DIGITALTWINS x)",
       R"(from twins (x)
select CASE WHEN x.open THEN 1 WHEN x.seats > 3 THEN 2.5 ELSE NULL END as a: double
select CASE WHEN x.seats = 1 THEN CAST('one' AS value) ELSE CAST(2 AS value) END as b: value
select COALESCE(x.temperature, 0) as c: double degreeCelsius
select GREATEST(x.since, '2026-01-01T00:00:00Z') as d: time
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Operators, Texts) {
  const Case cases[] = {
      {R"(SELECT CONCAT(x.lock.maker, '-', x.seats) AS a, UPPER(x.lock.maker) AS b, LENGTH(x.tags) AS c, SUBSTRING(x.lock.maker, 0, 3) AS d FROM DIGITALTWINS x WHERE STARTSWITH(x.lock.maker, 'it\'s'))",
       R"(from twins (x)
where STARTSWITH(x.lock.maker, 'it\'s')
select CONCAT(x.lock.maker, '-', CAST(x.seats AS string)) as a: string
select UPPER(x.lock.maker) as b: string
select LENGTH(x.tags) as c: int
select SUBSTRING(x.lock.maker, 0, 3) as d: string
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Operators, TestsOfTypes) {
  const Case cases[] = {
      {R"(SELECT IS_NUMBER(x.seats) AS a, IS_STRING(x.seats) AS b, IS_OBJECT(x.lock) AS c, IS_PRIMITIVE(x.code) AS d, IS_OBJECT(x) AS e, IS_BOOL(x.open) AS f, IS_STRING(x.since) AS g, IS_DEFINED(x.code) AS h FROM DIGITALTWINS x)",
       R"(from twins (x)
select x.seats IS NOT NULL as a: bool
select FALSE as b: bool
select x.lock IS NOT NULL as c: bool
select IS_PRIMITIVE(x.code) as d: bool
select x IS NOT NULL as e: bool
select x.open IS NOT NULL as f: bool
select x.since IS NOT NULL as g: bool
select IS_DEFINED(x.code) as h: bool
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Operators, Lists) {
  const Case cases[] = {
      {R"(SELECT x FROM DIGITALTWINS x WHERE ANY(e IN x.tags WHERE e = 'a' OR x.open) AND ALL(e IN [1, 2] WHERE e > 0) AND ARRAY_CONTAINS(x.cellVoltages, 3) AND x.cellVoltages[0] > 3)",
       R"(from twins (x)
where ANY(e IN x.tags WHERE (e = 'a') OR x.open); ALL(e IN [1, 2] WHERE e > 0); ARRAY_CONTAINS(x.cellVoltages, 3); x.cellVoltages[0] > 3
select x: twin
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

}  // namespace
}  // namespace twin::query
