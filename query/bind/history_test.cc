// HISTORY and functions of time.
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

TEST(History, Columns) {
  const Case cases[] = {
      {R"(SELECT h.time, h.voltage, h.soh.value FROM DIGITALTWINS c HISTORY h OF c.(voltage, soh.value) LAST 10m)",
       R"(from twins (c)
history h of h.voltage: double volt h.soh.value: double percent last 10m
select h.time as time: time
select h.voltage as voltage: double volt
select h.soh.value as value: double percent
)"},
      {R"(SELECT h.c.voltage, h.p.voltage, h.current FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c) HISTORY h OF c.(voltage), p.(voltage, current) SINCE '2026-03-01')",
       R"(from twins
match (p:BatteryModule|BatteryPack)-[:hasCell]->(c:BatteryCell)
history h of h.c.voltage: double volt h.p.voltage: double volt h.current: double ampere since '2026-03-01T00:00:00Z'
select h.c.voltage: double volt
select h.p.voltage: double volt
select h.current as current: double ampere
)"},
      {R"(SELECT a.$dtId, g.temperature FROM DIGITALTWINS a OPTIONAL HISTORY h OF a.(voltage) LAST 1h HISTORY g OF a.(temperature) LAST 2h WHERE g.time = h.time)",
       R"(from twins (a)
history optional h of h.voltage: double volt last 1h
history g of g.temperature: double degreeCelsius last 2h
where g.time = h.time
select a.$dtId as $dtId: string
select g.temperature as temperature: double degreeCelsius
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(History, Windows) {
  const Case cases[] = {
      {R"(SELECT h.power FROM DIGITALTWINS MATCH (s)-[:atConnector]->(k) HISTORY h OF k.(power) FROM s.startTime TO s.startTime + 1h EVERY 1m FILL LINEAR MAX GAP 10m)",
       R"(from twins
match (s:ChargingSession)-[:atConnector]->(k:Connector)
history h of h.power: double kilowatt from s.startTime to s.startTime + 1h every 1m fill linear max gap 10m
select h.power as power: double kilowatt
)"},
      {R"(SELECT h.power FROM DIGITALTWINS k AS OF '2026-03-01T12:00:00+02:00' HISTORY h OF k.(power) FROM '2026-02-01' TO @s)",
       R"(from twins (k)
as of '2026-03-01T10:00:00Z'
history h of h.power: double kilowatt from '2026-02-01T00:00:00Z' to CAST(@s AS time)
select h.power as power: double kilowatt
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(History, Aggregates) {
  const Case cases[] = {
      {R"(SELECT m.$dtId, TIME_BUCKET(1m, h.time) AS minute, AVG(h.voltage), MAX(c.voltage) AS now FROM DIGITALTWINS MATCH (m)-[:hasCell]->(c) HISTORY h OF c.(voltage) LAST 10m GROUP BY m.$dtId, minute ORDER BY minute)",
       R"(from twins
match (m:BatteryModule|BatteryPack)-[:hasCell]->(c:BatteryCell)
history h of h.voltage: double volt last 10m
group by m.$dtId; TIME_BUCKET(1m, h.time)
aggregate AVG(h.voltage): double volt of h
aggregate MAX(c.voltage): double volt
select m.$dtId as $dtId: string
select TIME_BUCKET(1m, h.time) as minute: time
select AVG(h.voltage): double volt
select MAX(c.voltage) as now: double volt
order by TIME_BUCKET(1m, h.time)
)"},
      {R"(SELECT AVG(h.voltage) AS a, AVG(g.voltage) AS b FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c) HISTORY h OF c.(voltage) LAST 1h HISTORY g OF p.(voltage) LAST 1h)",
       R"(from twins
match (p:BatteryModule|BatteryPack)-[:hasCell]->(c:BatteryCell)
history h of h.voltage: double volt last 1h
history g of g.voltage: double volt last 1h
group by ()
aggregate AVG(h.voltage): double volt of h
aggregate AVG(g.voltage): double volt of g
select AVG(h.voltage) as a: double volt
select AVG(g.voltage) as b: double volt
)"},
      {R"(SELECT AVG(h.voltage - g.voltage) AS a FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c) HISTORY h OF c.(voltage) LAST 1h EVERY 1m HISTORY g OF p.(voltage) LAST 1h EVERY 1m)",
       R"(from twins
match (p:BatteryModule|BatteryPack)-[:hasCell]->(c:BatteryCell)
history h of h.voltage: double volt last 1h every 1m
history g of g.voltage: double volt last 1h every 1m
group by ()
aggregate AVG(h.voltage - g.voltage): double volt of h, g
select AVG(h.voltage - g.voltage) as a: double volt
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(History, FunctionsOfTime) {
  const Case cases[] = {
      {R"(SELECT c.$dtId, RATE(h.voltage) AS r, DELTA(h.temperature) AS d, TIME_AVG(h.voltage) AS a, TIME_WHERE(h.voltage > 4 AND c.chemistry = 'LFP') AS w FROM DIGITALTWINS c HISTORY h OF c.(voltage, temperature) LAST 1h GROUP BY c.$dtId)",
       R"(from twins (c)
history h of h.voltage: double volt h.temperature: double degreeCelsius last 1h
group by c.$dtId
aggregate RATE(h.voltage): double of h along h.time by c
aggregate DELTA(h.temperature): double of h along h.time by c
aggregate TIME_AVG(h.voltage): double volt of h along h.time by c
aggregate TIME_WHERE((h.voltage > 4) AND (c.chemistry = 'LFP')): double of h along h.time by c
select c.$dtId as $dtId: string
select RATE(h.voltage) as r: double
select DELTA(h.temperature) as d: double
select TIME_AVG(h.voltage) as a: double volt
select TIME_WHERE((h.voltage > 4) AND (c.chemistry = 'LFP')) as w: double
)"},
      {R"(SELECT INTEGRAL(h.power) AS e FROM DIGITALTWINS k HISTORY h OF k.(power) LAST 1h WHERE k.$dtId = @s)",
       R"(from twins (k)
history h of h.power: double kilowatt last 1h
where k.$dtId = @s
group by ()
aggregate INTEGRAL(h.power): double of h along h.time by k
select INTEGRAL(h.power) as e: double
)"},
      {R"(SELECT TIME_AVG(h.c.voltage - h.p.voltage) AS d FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c) HISTORY h OF c.(voltage), p.(voltage) LAST 1h)",
       R"(from twins
match (p:BatteryModule|BatteryPack)-[:hasCell]->(c:BatteryCell)
history h of h.c.voltage: double volt h.p.voltage: double volt last 1h
group by ()
aggregate TIME_AVG(h.c.voltage - h.p.voltage): double volt of h along h.time by p, c
select TIME_AVG(h.c.voltage - h.p.voltage) as d: double volt
)"},
      {R"(WITH spread AS (SELECT p.$dtId AS pack, h.time AS time, MAX(h.voltage) - MIN(h.voltage) AS s FROM DIGITALTWINS MATCH (p:BatteryPack)-[:hasModule|hasCell*1..2]->(c:'dtmi:twingraph:battery:BatteryCell') HISTORY h OF c.(voltage) LAST 1d GROUP BY p.$dtId, h.time) SELECT pack, TIME_WHERE(s > 0.1) AS seconds FROM spread GROUP BY pack ORDER BY seconds DESC LIMIT 10)",
       R"(with spread
from twins
match (p:BatteryPack)-[:hasCell|hasModule*1..2]->(c:BatteryCell) if IS_OF_MODEL(p, 'BatteryPack'); IS_OF_MODEL(c, 'dtmi:twingraph:battery:BatteryCell')
history h of h.voltage: double volt last 1d
group by p.$dtId; h.time
aggregate MAX(h.voltage): double volt of h
aggregate MIN(h.voltage): double volt of h
select p.$dtId as pack: string
select h.time as time: time
select MAX(h.voltage) - MIN(h.voltage) as s: double volt
then
from spread(pack: string, time: time, s: double volt)
group by pack
aggregate TIME_WHERE(s > 0.1): double along time
select pack: string
select TIME_WHERE(s > 0.1) as seconds: double
order by TIME_WHERE(s > 0.1) DESC
limit 10
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

}  // namespace
}  // namespace twin::query
