// Statements in their bound form: sources, columns and their names, subqueries.
#include "query/bind/bind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/bind/test_models.h"

namespace twin::query {
namespace {

struct Case {
  const char* query;
  const char* bound;  // as print.h shows it
};

TEST(Bind, Collections) {
  const Case cases[] = {
      {R"(SELECT * FROM DIGITALTWINS)",
       R"(from twins ()
select row #0 as *: twin
)"},
      {R"(SELECT $dtId, code FROM DIGITALTWINS)",
       R"(from twins ()
select $dtId: string
select code: value
)"},
      {R"(SELECT * FROM DIGITALTWINS x WHERE seats > 3 AND x.seats < 9)",
       R"(from twins (x)
where x.seats > 3; x.seats < 9
select row x: twin
)"},
      {R"(SELECT r.width FROM RELATIONSHIPS r WHERE r.$relationshipName = 'leadsTo' AND width > 3)",
       R"(from relationships [r]
where r.$relationshipName = 'leadsTo'; r.width > 3
select r.width as width: double
)"},
      {R"(SELECT r.$sourceId, r.$validFrom FROM RELATIONSHIPS r HISTORY ALL WHERE r.$targetId = 'module-9')",
       R"(from relationships [r] history all
where r.$targetId = 'module-9'
select r.$sourceId as $sourceId: string
select r.$validFrom as $validFrom: time
)"},
      {R"(SELECT c FROM DIGITALTWINS c AS OF '2026-03-01' WHERE c.voltage > 3 LIMIT @n OFFSET 5)",
       R"(from twins (c)
as of '2026-03-01T00:00:00Z'
where c.voltage > 3
select c: twin
limit @n
offset 5
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Bind, PathsBelowATwin) {
  const Case cases[] = {
      {R"(SELECT x.tags.color, x.lock, x.lock.maker, x.tags['odd key'] AS k FROM DIGITALTWINS x WHERE IS_OF_MODEL(x, 'Room'))",
       R"(from twins (x:Hall|Room|Room;2)
where IS_OF_MODEL(x, 'Room')
select x.tags.color as color: string
select x.lock as lock: value
select x.lock.maker as maker: string
select x.tags['odd key'] as k: string
)"},
      {R"(SELECT x.$dtId, x.$etag, x.$metadata.$model AS m, x.$metadata.$lastUpdateTime AS t, MODEL(x) FROM DIGITALTWINS x)",
       R"(from twins (x)
select x.$dtId as $dtId: string
select x.$etag as $etag: string
select x.$metadata.$model as m: string
select x.$metadata.$lastUpdateTime as t: time
select x.$metadata.$model as MODEL(x): string
)"},
      {R"(SELECT LAST_UPDATE(x.code) AS a, x.$metadata.code.sourceTime AS b, ARRIVAL(x.code) AS c, x.$metadata.code.lastUpdateTime AS d FROM DIGITALTWINS x)",
       R"(from twins (x)
select LAST_UPDATE(x.code) as a: time
select LAST_UPDATE(x.code) as b: time
select ARRIVAL(x.code) as c: time
select ARRIVAL(x.code) as d: time
)"},
      {R"(SELECT x.temperature, x.code, x.seats FROM DIGITALTWINS x)",
       R"(from twins (x)
select x.temperature as temperature: double degreeCelsius
select x.code as code: value
select x.seats as seats: double
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Bind, NamesOfColumns) {
  const Case cases[] = {
      {R"(SELECT a.$dtId, b.$dtId, b.open FROM DIGITALTWINS MATCH (a)-[:near]->(b))",
       R"(from twins
match (a:Hall|Room)-[:near]->(b)
select a.$dtId: string
select b.$dtId: string
select b.open as open: bool
)"},
      {R"(SELECT x.seats + 1, COUNT() OVER (PARTITION BY x.code) FROM DIGITALTWINS x)",
       R"(from twins (x)
window COUNT() OVER (PARTITION BY x.code): int
select x.seats + 1: double
select COUNT() OVER (PARTITION BY x.code): int
)"},
      {R"(SELECT COUNT() FROM DIGITALTWINS)",
       R"(from twins ()
group by ()
aggregate COUNT(): int
select COUNT() as COUNT: int
)"},
      {R"(SELECT * FROM DIGITALTWINS MATCH q = (a)-[r:hasCell]->(b) HISTORY h OF b.(voltage, soh.value) LAST 1h)",
       R"(from twins
match q = (a:BatteryModule|BatteryPack)-[r:hasCell]->(b:BatteryCell)
history h of h.voltage: double volt h.soh.value: double percent last 1h
select q: path
select a: twin
select r: relationship
select b: twin
select h.time: time
select h.voltage: double volt
select h.soh.value: double percent
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Bind, AliasesOfTheSelectList) {
  const Case cases[] = {
      {R"(SELECT x.seats + 1 AS n FROM DIGITALTWINS x ORDER BY n DESC NULLS FIRST, x.code)",
       R"(from twins (x)
select x.seats + 1 as n: double
order by x.seats + 1 DESC NULLS FIRST, x.code
)"},
      {R"(SELECT x AS room FROM DIGITALTWINS x ORDER BY room.seats)",
       R"(from twins (x)
select x as room: twin
order by x.seats
)"},
      {R"(SELECT x.code AS x FROM DIGITALTWINS x ORDER BY x)",
       R"(from twins (x)
select x.code as x: value
order by x.code
)"},
      {R"(SELECT DISTINCT x.code AS k FROM DIGITALTWINS x ORDER BY k)",
       R"(from twins (x)
select x.code as k: value
distinct
order by x.code
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Bind, Subqueries) {
  const Case cases[] = {
      {R"(WITH q AS (SELECT c, c.voltage AS v FROM DIGITALTWINS MATCH (c:'dtmi:twingraph:battery:BatteryCell;1')) SELECT q.c.soh.value, v FROM q WHERE c.voltage > 3.6 AND q.v < 4)",
       R"(with q
from twins
match (c:BatteryCell) if IS_OF_MODEL(c, 'dtmi:twingraph:battery:BatteryCell;1')
select c: twin
select c.voltage as v: double volt
then
from q(c: twin, v: double volt)
where c.voltage > 3.6; v < 4
select c.soh.value as value: double percent
select v: double volt
)"},
      {R"(WITH q AS (SELECT * FROM DIGITALTWINS c), p AS (SELECT c.code AS k FROM q) SELECT * FROM p x WHERE x.k = 'a')",
       R"(with q
from twins (c)
select c: twin
with p
from q(c: twin)
select c.code as k: value
then
from p(k: value)
where k = 'a'
select k: value
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Bind, Notices) {
  const Case cases[] = {
      {R"(SELECT a FROM DIGITALTWINS MATCH (a:BatteryCell)-[]-(b:BatteryCell))",
       R"(-- 'BatteryCell' is taken as dtmi:twingraph:battery:BatteryCell, not as dtmi:example:BatteryCell
from twins
match (a:BatteryCell)-[]-(b:BatteryCell) if IS_OF_MODEL(a, 'BatteryCell'); IS_OF_MODEL(b, 'BatteryCell')
select a: twin
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

}  // namespace
}  // namespace twin::query
