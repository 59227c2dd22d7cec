// What is refused, why, and the piece of the text that is meant.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/bind/bind.h"
#include "query/bind/test_models.h"

namespace twin::query {
namespace {

struct Case {
  const char* query;
  const char* error;  // the message, and the piece of the query
};

TEST(Errors, Names) {
  const Case cases[] = {
      {R"(SELECT c.temprature FROM DIGITALTWINS MATCH (c:Hall))",
       R"(1:8 unknown property 'temprature' of Hall; did you mean 'temperature'?
c.temprature)"},
      {R"(SELECT x.stages FROM DIGITALTWINS x WHERE IS_OF_MODEL(x, 'Lock'))",
       R"(1:8 unknown property 'stages' of Lock; there are: maker
x.stages)"},
      {R"(SELECT x.code.more FROM DIGITALTWINS x WHERE IS_OF_MODEL(x, 'Lock'))",
       R"(1:8 unknown property 'code.more' of Lock; there are: maker
x.code.more)"},
      {R"(SELECT c.$dtid FROM DIGITALTWINS c)",
       R"(1:10 a twin has no '$dtid'; did you mean '$dtId'?
$dtid)"},
      {R"(SELECT cc.temperature FROM DIGITALTWINS c)",
       R"(1:8 unknown alias 'cc'; did you mean 'c'?
cc)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[]->(b) WHERE seats > 3)",
       R"(1:52 unknown alias 'seats'; in scope: a, b; a property needs its twin's alias, as in a.seats
seats)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[r:leadsTo]->(b) WHERE r.with > 3)",
       R"(1:61 unknown property 'with' of leadsTo; did you mean 'width'?
r.with)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[r:leadsTo]->(b) WHERE r.$dtId = 'a')",
       R"(1:63 a relationship has no '$dtId'; it has: $relationshipId, $relationshipName, $sourceId, $targetId, $validFrom, $validTo, $etag
$dtId)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[:hasPak]->(b))",
       R"(1:40 unknown relationship 'hasPak'; did you mean 'hasPack'?
hasPak)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a:Romm))",
       R"(1:37 unknown model 'Romm'; did you mean 'Room'?
Romm)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a:'dtmi:example:Room;3'))",
       R"(1:37 unknown model 'dtmi:example:Room;3'; did you mean 'dtmi:example:Room;1'?
'dtmi:example:Room;3')"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a:Thing))",
       R"(1:37 several models are called 'Thing': dtmi:one:Thing, dtmi:two:Thing; write the whole DTMI
Thing)"},
      {R"(SELECT a FROM DIGITALTWINS a WHERE a.seats = @m)",
       R"(1:46 the request sends no parameter 'm'; it sends: n, s, twins
@m)"},
      {R"(WITH q AS (SELECT x.code AS k FROM DIGITALTWINS x) SELECT kk FROM q)",
       R"(1:59 unknown column 'kk'; did you mean 'k'?
kk)"},
      {R"(SELECT LAST_UPDATE(x.lock) AS t FROM DIGITALTWINS x)",
       R"(1:20 LAST_UPDATE takes a property of a twin, such as LAST_UPDATE(x.temperature)
x.lock)"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorText(c.query), c.error) << c.query;
}

TEST(Errors, Patterns) {
  const Case cases[] = {
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[a]->(b))",
       R"(1:39 'a' is already the name of something else; choose another one
a)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[r]->(b)-[]->(r))",
       R"(1:52 'r' is no twin: it names a relationship already
r)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[r*1..3]->(b))",
       R"(1:39 'r' names one relationship, but *1..3 follows several; name the whole path: MATCH p = …
r)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[*1..33]->(b))",
       R"(1:37 a relationship may be followed over at most 32 hops (hops_max)
-[*1..33]->)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (c:Hall)-[:hasModule]->(a))",
       R"(1:42 no such relationship is possible between these twins: hasModule goes from BatteryPack to BatteryModule
-[:hasModule]->)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)<-[:near]-(b)-[:watches]->(c))",
       R"(1:50 no such relationship is possible between these twins: watches goes from Sensor to Room
-[:watches]->)"},
      {R"(SELECT a FROM DIGITALTWINS OPTIONAL MATCH (a)-[:near]->(b))",
       R"(1:28 OPTIONAL MATCH goes on from what is there already; begin with MATCH, or with an alias: FROM DIGITALTWINS x
OPTIONAL MATCH (a)-[:near]->(b))"},
      {R"(SELECT s FROM DIGITALTWINS s JOIN t RELATED q.hasPack)",
       R"(1:45 JOIN goes on from a twin that is already there, not from 'q'; in scope: s
q)"},
      {R"(SELECT r FROM RELATIONSHIPS r MATCH (a)-[]->(b))",
       R"(1:15 FROM RELATIONSHIPS stands alone; for JOIN, MATCH and HISTORY write FROM DIGITALTWINS
RELATIONSHIPS r)"},
      {R"(SELECT a FROM DIGITALTWINS a WHERE IS_OF_MODEL(a, 'Room', exactly))",
       R"(1:59 after the model IS_OF_MODEL takes the word exact, or nothing
exactly)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[]->(b) WHERE IS_OF_MODEL('dtmi:example:Room;1'))",
       R"(1:52 IS_OF_MODEL needs the alias of a twin first; in scope: a, b
IS_OF_MODEL('dtmi:example:Room;1'))"},
      {R"(SELECT * FROM DIGITALTWINS MATCH ()-[]->())",
       R"(1:1 SELECT * shows what has an alias, and nothing here has one
SELECT * FROM DIGITALTWINS MATCH ()-[]->())"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorText(c.query), c.error) << c.query;
}

TEST(Errors, Types) {
  const Case cases[] = {
      {R"(SELECT x.lock.maker + 'a' AS s FROM DIGITALTWINS x)",
       R"(1:8 + adds numbers; CONCAT(…) puts strings together
x.lock.maker)"},
      {R"(SELECT -x.open AS o FROM DIGITALTWINS x)",
       R"(1:9 the operand of - must be a number, not a boolean
x.open)"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.lock.maker > 3)",
       R"(1:36 a string does not compare with a number
x.lock.maker > 3)"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x = 'room-1')",
       R"(1:36 a twin does not compare with a string; compare its $dtId
x = 'room-1')"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.since > 'soon')",
       R"(1:46 'soon' is no time: write a date with a time of day and an offset, such as '2026-03-01T08:30:00Z', or a date alone for its midnight UTC
'soon')"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.since > '2026-03-01T00:00')",
       R"(1:46 '2026-03-01T00:00' is no time: write a date with a time of day and an offset, such as '2026-03-01T08:30:00Z', or a date alone for its midnight UTC
'2026-03-01T00:00')"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE NOW() - x.since < 5)",
       R"(1:36 a duration does not compare with a number; give the number a unit of time, as in 5m
NOW() - x.since < 5)"},
      {R"(SELECT NOW() + NOW() AS t FROM DIGITALTWINS x)",
       R"(1:8 a time + a time means nothing; a time less a time is a duration, a time and a duration are a time
NOW() + NOW())"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.seats)",
       R"(1:36 WHERE must be a condition, not a number
x.seats)"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE NOT x.since)",
       R"(1:40 the operand of NOT must be a condition, not a time
x.since)"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.seats IN x.seats)",
       R"(1:47 IN takes a list, not a number
x.seats)"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.seats LIKE 'a%')",
       R"(1:36 the left side of LIKE must be a string, not a number
x.seats)"},
      {R"(SELECT SQRT(x.lock.maker) AS s FROM DIGITALTWINS x)",
       R"(1:13 the first argument of SQRT must be a number, not a string
x.lock.maker)"},
      {R"(SELECT LENGTH(x.seats) AS s FROM DIGITALTWINS x)",
       R"(1:15 LENGTH takes a string, a list or a path, not a number
x.seats)"},
      {R"(SELECT TIME_BUCKET('moon', x.since) AS t FROM DIGITALTWINS x)",
       R"(1:20 unknown calendar unit 'moon'; there are: second, minute, hour, day, week, month, quarter, year
'moon')"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[]->(b) WHERE a < b)",
       R"(1:52 two of them can only be the same or not: a twin is not less than another
a < b)"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorText(c.query), c.error) << c.query;
}

TEST(Errors, Units) {
  const Case cases[] = {
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.temperature > 3 'volt')",
       R"(1:36 degreeCelsius and volt do not compare: they are units of different things (TemperatureUnit, VoltageUnit)
x.temperature > 3 'volt')"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.temperature > 3 'celsius')",
       R"(1:52 unknown unit 'celsius'; did you mean 'degreeCelsius'?
3 'celsius')"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.seats > 3 'volt')",
       R"(1:46 nothing says which unit the other side is in, so that volt cannot be converted; write the number alone
3 'volt')"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE ABS(x.temperature - 20) > 9 'degreeFahrenheit')",
       R"(1:62 nothing says which unit the other side is in, so that degreeFahrenheit cannot be converted; write the number alone
9 'degreeFahrenheit')"},
      {R"(SELECT c FROM DIGITALTWINS c WHERE c.voltage > c.current)",
       R"(1:36 volt and ampere do not compare: they are units of different things (VoltageUnit, CurrentUnit)
c.voltage > c.current)"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorText(c.query), c.error) << c.query;
}

TEST(Errors, Groups) {
  const Case cases[] = {
      {R"(SELECT x.code, COUNT() FROM DIGITALTWINS x)",
       R"(1:8 'x.code' has many values in a group; add it to GROUP BY or wrap it in an aggregate, such as MAX(x.code)
x.code)"},
      {R"(SELECT x, MAX(x.seats) FROM DIGITALTWINS x GROUP BY x.code)",
       R"(1:8 'x' has many values in a group; add it to GROUP BY or wrap it in an aggregate, such as FIRST(x)
x)"},
      {R"(SELECT * FROM DIGITALTWINS x GROUP BY x.code)",
       R"(1:1 SELECT * does not go with groups; name the columns
SELECT * FROM DIGITALTWINS x GROUP BY x.code)"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE AVG(x.seats) > 3)",
       R"(1:36 AVG cannot stand in WHERE, which looks at single rows; a condition on groups belongs in HAVING
AVG(x.seats))"},
      {R"(SELECT AVG(MAX(x.seats)) FROM DIGITALTWINS x)",
       R"(1:12 MAX within AVG: an aggregate takes values of rows; compute the inner one first: WITH name AS (SELECT …)
MAX(x.seats))"},
      {R"(SELECT COUNT() AS n FROM DIGITALTWINS x GROUP BY n)",
       R"(1:50 GROUP BY takes values of rows, not aggregates
n)"},
      {R"(SELECT x FROM DIGITALTWINS x HAVING x.seats > 3)",
       R"(1:37 HAVING is about groups: it needs GROUP BY or an aggregate; a condition on rows belongs in WHERE
x.seats > 3)"},
      {R"(SELECT x.code FROM DIGITALTWINS x GROUP BY 1)",
       R"(1:44 GROUP BY takes expressions, not positions or constants
1)"},
      {R"(SELECT PERCENTILE(x.seats, 95) AS p FROM DIGITALTWINS x)",
       R"(1:28 PERCENTILE takes a fraction from 0 to 1 that is the same for all rows, such as 0.95
95)"},
      {R"(SELECT SUM(DISTINCT x.seats) AS s FROM DIGITALTWINS x)",
       R"(1:8 DISTINCT goes with COUNT alone
SUM(DISTINCT x.seats))"},
      {R"(SELECT MAX(x) AS s FROM DIGITALTWINS x)",
       R"(1:12 MAX takes values that have an order, not a twin
x)"},
      {R"(SELECT COUNT() AS n FROM DIGITALTWINS x HAVING EXISTS ((x)-[]->()))",
       R"(1:48 EXISTS looks at rows, and here are groups already; put it into WHERE
EXISTS ((x)-[]->()))"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorText(c.query), c.error) << c.query;
}

TEST(Errors, Windows) {
  const Case cases[] = {
      {R"(SELECT RANK() OVER (PARTITION BY x.code) AS r FROM DIGITALTWINS x)",
       R"(1:15 RANK needs an order: OVER (PARTITION BY … ORDER BY …)
OVER (PARTITION BY x.code))"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE RANK() OVER (ORDER BY x.seats) < 3)",
       R"(1:36 RANK OVER cannot stand in WHERE; a condition on it belongs in QUALIFY
RANK() OVER (ORDER BY x.seats))"},
      {R"(SELECT x.code, RANK() OVER (ORDER BY x.code) AS r FROM DIGITALTWINS x GROUP BY x.code HAVING r < 3)",
       R"(1:94 a condition on OVER belongs in QUALIFY
r < 3)"},
      {R"(SELECT RANK() OVER (ORDER BY RANK() OVER (ORDER BY x.seats)) AS r FROM DIGITALTWINS x)",
       R"(1:30 RANK OVER cannot stand in another OVER; compute it first: WITH name AS (SELECT …)
RANK() OVER (ORDER BY x.seats))"},
      {R"(SELECT AVG(RANK() OVER (ORDER BY x.seats)) AS r FROM DIGITALTWINS x)",
       R"(1:12 a function with OVER cannot stand within AVG
RANK() OVER (ORDER BY x.seats))"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorText(c.query), c.error) << c.query;
}

TEST(Errors, History) {
  const Case cases[] = {
      {R"(SELECT h.voltag FROM DIGITALTWINS a HISTORY h OF a.(voltage) LAST 1h)",
       R"(1:8 the history 'h' has no column 'voltag'; did you mean 'h.voltage'?
h.voltag)"},
      {R"(SELECT h FROM DIGITALTWINS a HISTORY h OF a.(voltage) LAST 1h)",
       R"(1:8 'h' is a history, and no value; name one of its columns: h.time, h.voltage
h)"},
      {R"(SELECT h.voltage FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c) HISTORY h OF c.(voltage), p.(voltage) LAST 1h)",
       R"(1:8 'h.voltage' may mean h.c.voltage or h.p.voltage
h.voltage)"},
      {R"(SELECT a FROM DIGITALTWINS a HISTORY h OF a.(soh) LAST 1h)",
       R"(1:46 'soh' consists of several values; name the ones to read: soh.asOf, soh.hi, soh.level, soh.lo, soh.method, soh.modelVersion, soh.source, soh.status, soh.value
soh)"},
      {R"(SELECT a FROM DIGITALTWINS a HISTORY h OF a.(vin) LAST 1h)",
       R"(1:46 'vin' has no history: it is no telemetry, and its model does not make it Historized
vin)"},
      {R"(SELECT a FROM DIGITALTWINS a HISTORY h OF b.(voltage) LAST 1h)",
       R"(1:43 unknown alias 'b'; in scope: a
b)"},
      {R"(SELECT a FROM DIGITALTWINS a HISTORY a OF a.(voltage) LAST 1h)",
       R"(1:38 'a' is already the name of something else; choose another one
a)"},
      {R"(SELECT a FROM DIGITALTWINS a HISTORY h OF a.(voltage) LAST 0s)",
       R"(1:60 the length of LAST must be longer than 0
0s)"},
      {R"(SELECT a FROM DIGITALTWINS a HISTORY h OF a.(voltage) LAST 3)",
       R"(1:60 the length of LAST must be a duration such as 10m, not a number
3)"},
      {R"(SELECT a FROM DIGITALTWINS a HISTORY h OF a.(voltage) SINCE 'noon')",
       R"(1:61 'noon' is no time: write a date with a time of day and an offset, such as '2026-03-01T08:30:00Z', or a date alone for its midnight UTC
'noon')"},
      {R"(SELECT TIME_AVG(c.voltage) FROM DIGITALTWINS c)",
       R"(1:8 TIME_AVG works on the samples of a HISTORY clause, as in HISTORY h OF x.(temperature) LAST 1h and TIME_AVG(h.temperature)
TIME_AVG(c.voltage))"},
      {R"(SELECT RATE(h.voltage) FROM DIGITALTWINS MATCH (p)-[:hasCell]->(c) HISTORY h OF c.(voltage) LAST 1h GROUP BY p.$dtId)",
       R"(1:8 RATE follows one series, and here a group may have several; add c.$dtId to GROUP BY
RATE(h.voltage))"},
      {R"(SELECT AVG(h.voltage - g.voltage) AS a FROM DIGITALTWINS c HISTORY h OF c.(voltage) LAST 1h HISTORY g OF c.(voltage) LAST 2h)",
       R"(1:8 AVG reads the samples of one HISTORY clause, here of h and g; put their paths into one clause, or give both the same EVERY
AVG(h.voltage - g.voltage))"},
      {R"(WITH q AS (SELECT x.seats AS n FROM DIGITALTWINS x) SELECT TIME_AVG(n) AS a FROM q)",
       R"(1:60 TIME_AVG over q needs its column 'time' with the time of each row
TIME_AVG(n))"},
      {R"(SELECT x FROM DIGITALTWINS x AS OF x.since)",
       R"(1:36 AS OF is the same for all rows: 'x' cannot be used in it
x.since)"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorText(c.query), c.error) << c.query;
}

TEST(Errors, Columns) {
  const Case cases[] = {
      {R"(SELECT x.seats AS n, x.code AS n FROM DIGITALTWINS x)",
       R"(1:32 two columns are called 'n'; give one of them another name: AS …
n)"},
      {R"(SELECT x.seats, x.seats FROM DIGITALTWINS x)",
       R"(1:17 two columns are called 'x.seats'; give one of them another name: AS …
x.seats)"},
      {R"(SELECT DISTINCT x.code FROM DIGITALTWINS x ORDER BY x.seats)",
       R"(1:53 with DISTINCT, ORDER BY takes columns of the SELECT list; add this one to it
x.seats)"},
      {R"(SELECT x FROM DIGITALTWINS x ORDER BY 1)",
       R"(1:39 ORDER BY takes expressions, not positions or constants
1)"},
      {R"(SELECT x FROM DIGITALTWINS x LIMIT @s)",
       R"(1:36 LIMIT takes a number of rows: 0 or more, or a parameter
@s)"},
      {R"(WITH q AS (SELECT * FROM DIGITALTWINS) SELECT * FROM q)",
       R"(1:12 a column needs a name in WITH: SELECT x FROM DIGITALTWINS x
SELECT * FROM DIGITALTWINS)"},
      {R"(WITH q AS (SELECT x FROM DIGITALTWINS x) SELECT * FROM q MATCH (x)-[]->())",
       R"(1:56 'q' has rows of its own: MATCH, JOIN, HISTORY and AS OF belong into its WITH
q)"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorText(c.query), c.error) << c.query;
}

}  // namespace
}  // namespace twin::query
