// GROUP BY, aggregates and windows.
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

TEST(Aggregates, Grouped) {
  const Case cases[] = {
      {R"(SELECT x.code, COUNT() AS n, AVG(x.temperature) FROM DIGITALTWINS x GROUP BY x.code HAVING n > 2 AND MAX(x.seats) < 9 ORDER BY n DESC)",
       R"(from twins (x)
group by x.code
aggregate COUNT(): int
aggregate AVG(x.temperature): double degreeCelsius
aggregate MAX(x.seats): double
having COUNT() > 2; MAX(x.seats) < 9
select x.code as code: value
select COUNT() as n: int
select AVG(x.temperature): double degreeCelsius
order by COUNT() DESC
)"},
      {R"(SELECT UPPER(x.lock.maker) AS m, COUNT(DISTINCT x.code) + 1 AS n FROM DIGITALTWINS x GROUP BY m)",
       R"(from twins (x)
group by UPPER(x.lock.maker)
aggregate COUNT(DISTINCT x.code): int
select UPPER(x.lock.maker) as m: string
select COUNT(DISTINCT x.code) + 1 as n: int
)"},
      {R"(SELECT SUM(x.seats) AS a, MIN(x.since) AS b, MAX(x.code) AS c, FIRST(x) AS d, COLLECT(x.code) AS e, PERCENTILE(x.seats, 0.5) AS f FROM DIGITALTWINS x WHERE IS_OF_MODEL(x, 'Room'))",
       R"(from twins (x:Hall|Room|Room;2)
where IS_OF_MODEL(x, 'Room')
group by ()
aggregate SUM(x.seats): int
aggregate MIN(x.since): time
aggregate MAX(x.code): string
aggregate FIRST(x): twin
aggregate COLLECT(x.code): value
aggregate PERCENTILE(CAST(x.seats AS double), 0.5): double
select SUM(x.seats) as a: int
select MIN(x.since) as b: time
select MAX(x.code) as c: string
select FIRST(x) as d: twin
select COLLECT(x.code) as e: value
select PERCENTILE(CAST(x.seats AS double), 0.5) as f: double
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Aggregates, UnitsOfAggregates) {
  const Case cases[] = {
      {R"(SELECT AVG(x.temperature) AS a, STDDEV(x.temperature) AS b, VARIANCE(x.temperature) AS c, MAD(y.voltage) AS d, MEDIAN(y.voltage) AS e FROM DIGITALTWINS MATCH (x), (y))",
       R"(from twins
match (x), (y)
group by ()
aggregate AVG(x.temperature): double degreeCelsius
aggregate STDDEV(x.temperature): double
aggregate VARIANCE(x.temperature): double
aggregate MAD(y.voltage): double volt
aggregate MEDIAN(y.voltage): double volt
select AVG(x.temperature) as a: double degreeCelsius
select STDDEV(x.temperature) as b: double
select VARIANCE(x.temperature) as c: double
select MAD(y.voltage) as d: double volt
select MEDIAN(y.voltage) as e: double volt
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Aggregates, AKeyDeterminesItsTwin) {
  const Case cases[] = {
      {R"(SELECT x.$dtId, x.code, x, COUNT() FROM DIGITALTWINS MATCH (x)-[:near]->() GROUP BY x.$dtId ORDER BY x.seats)",
       R"(from twins
match (x:Hall|Room)-[:near]->()
group by x.$dtId; x.code; x; x.seats
aggregate COUNT(): int
select x.$dtId as $dtId: string
select x.code as code: string
select x: twin
select COUNT() as COUNT: int
order by x.seats
)"},
      {R"(SELECT a.code, MAX(b.seats) AS m FROM DIGITALTWINS MATCH (a)-[:near]->(b) GROUP BY a)",
       R"(from twins
match (a:Hall|Room)-[:near]->(b)
group by a; a.code
aggregate MAX(b.seats): double
select a.code as code: string
select MAX(b.seats) as m: double
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Aggregates, OfSubqueries) {
  const Case cases[] = {
      {R"(WITH q AS (SELECT x.code AS k, COUNT() AS n FROM DIGITALTWINS x GROUP BY x.code) SELECT MAX(n) AS m FROM q)",
       R"(with q
from twins (x)
group by x.code
aggregate COUNT(): int
select x.code as k: value
select COUNT() as n: int
then
from q(k: value, n: int)
group by ()
aggregate MAX(n): int
select MAX(n) as m: int
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Aggregates, Windows) {
  const Case cases[] = {
      {R"(SELECT x.$dtId, ROBUST_Z(x.seats) OVER (PARTITION BY x.code) AS z FROM DIGITALTWINS x QUALIFY ABS(z) > 5 ORDER BY ABS(z) DESC)",
       R"(from twins (x)
window ROBUST_Z(x.seats, 0) OVER (PARTITION BY x.code): double
qualify ABS(ROBUST_Z(x.seats, 0) OVER (PARTITION BY x.code)) > 5
select x.$dtId as $dtId: string
select ROBUST_Z(x.seats, 0) OVER (PARTITION BY x.code) as z: double
order by ABS(ROBUST_Z(x.seats, 0) OVER (PARTITION BY x.code)) DESC
)"},
      {R"(SELECT ROBUST_Z(c.voltage) OVER () AS a, ROBUST_Z(c.initialResistance) OVER () AS b, ROBUST_Z(c.voltage, 5 'millivolt') OVER () AS c, ROBUST_Z(c.temperature, 1 'kelvin') OVER () AS d FROM DIGITALTWINS c)",
       R"(from twins (c)
window ROBUST_Z(c.voltage, 0.003) OVER (): double
window ROBUST_Z(c.initialResistance, 0) OVER (): double
window ROBUST_Z(c.voltage, 0.005) OVER (): double
window ROBUST_Z(c.temperature, 1) OVER (): double
select ROBUST_Z(c.voltage, 0.003) OVER () as a: double
select ROBUST_Z(c.initialResistance, 0) OVER () as b: double
select ROBUST_Z(c.voltage, 0.005) OVER () as c: double
select ROBUST_Z(c.temperature, 1) OVER () as d: double
)"},
      {R"(SELECT x FROM DIGITALTWINS x QUALIFY RANK() OVER (PARTITION BY x.code ORDER BY x.seats DESC) <= 3 ORDER BY RANK() OVER (PARTITION BY x.code ORDER BY x.seats DESC))",
       R"(from twins (x)
window RANK() OVER (PARTITION BY x.code ORDER BY x.seats DESC): int
qualify RANK() OVER (PARTITION BY x.code ORDER BY x.seats DESC) <= 3
select x: twin
order by RANK() OVER (PARTITION BY x.code ORDER BY x.seats DESC)
)"},
      {R"(SELECT x.code, SUM(COUNT()) OVER () AS whole, COUNT() AS n FROM DIGITALTWINS x GROUP BY x.code)",
       R"(from twins (x)
group by x.code
aggregate COUNT(): int
window SUM(COUNT()) OVER (): int
select x.code as code: value
select SUM(COUNT()) OVER () as whole: int
select COUNT() as n: int
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

}  // namespace
}  // namespace twin::query
