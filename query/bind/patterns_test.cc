// MATCH, JOIN and EXISTS, and what they say of models.
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

TEST(Patterns, Relationships) {
  const Case cases[] = {
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[r:leadsTo|watches]->(b)<-[:near]-(c) WHERE r.width > 1)",
       R"(from twins
match (a:Hall|Room|Sensor)-[r:leadsTo|watches]->(b:Hall|Room|Room;2)<-[:near]-(c:Hall|Room)
where r.width > 1
select a: twin
)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[]-(b)-[:watches]-())",
       R"(from twins
match (a)-[]-(b:4 models)-[:watches]-(:4 models)
select a: twin
)"},
      {R"(SELECT LENGTH(p), NODES(p)[0].code AS c FROM DIGITALTWINS MATCH p = (a)-[*1..3]-(b), (b)-[:hasBms]->(a))",
       R"(from twins
match p = (a:Bms)-[*1..3]-(b:BatteryPack), (b:BatteryPack)-[:hasBms]->(a:Bms)
select LENGTH(p): int
select NODES(p)[0].code as c: value
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Patterns, Hops) {
  const Case cases[] = {
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[:leadsTo*3]->(b)-[:leadsTo*..4]->(c)-[:leadsTo*2..]->(d))",
       R"(from twins
match (a:Hall|Room)-[:leadsTo*3..3]->(b:Hall|Room)-[:leadsTo*1..4]->(c:Hall|Room)-[:leadsTo*2..32+]->(d:Hall|Room|Room;2)
select a: twin
)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a:Sensor)-[:watches|leadsTo*2..3]->(b))",
       R"(from twins
match (a:Sensor)-[:leadsTo|watches*2..3]->(b:Hall|Room|Room;2) if IS_OF_MODEL(a, 'Sensor')
select a: twin
)"},
      {R"(SELECT p FROM DIGITALTWINS MATCH (p:BatteryPack)-[:hasModule|hasCell*1..2]->(c) WHERE c.cellCount > 3 OR c.voltage > 3)",
       R"(from twins
match (p:BatteryPack)-[:hasCell|hasModule*1..2]->(c:BatteryCell|BatteryModule) if IS_OF_MODEL(p, 'BatteryPack')
where (c.cellCount > 3) OR (c.voltage > 3)
select p: twin
)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[:leadsTo*0..2]->(b:Hall))",
       R"(from twins
match (a:Hall|Room)-[:leadsTo*0..2]->(b:Hall) if IS_OF_MODEL(b, 'Hall')
select a: twin
)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[r:leadsTo*1]->(b))",
       R"(from twins
match (a:Hall|Room)-[r:leadsTo]->(b:Hall|Room|Room;2)
select a: twin
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Patterns, Labels) {
  const Case cases[] = {
      {R"(SELECT a FROM DIGITALTWINS MATCH (a:'dtmi:example:Room;1')-[]->(b:'dtmi:example:Room;2'), (c:'dtmi:example:Room'))",
       R"(from twins
match (a:Hall|Room|Room;2)-[]->(b:Room;2), (c:Hall|Room|Room;2) if IS_OF_MODEL(a, 'dtmi:example:Room;1'); IS_OF_MODEL(b, 'dtmi:example:Room;2'); IS_OF_MODEL(c, 'dtmi:example:Room')
select a: twin
)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a:Hall)-[r:leadsTo]->(b) WHERE b.stage = 'left')",
       R"(from twins
match (a:Hall)-[r:leadsTo]->(b:Hall|Room|Room;2) if IS_OF_MODEL(a, 'Hall')
where b.stage = 'left'
select a: twin
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Patterns, ConditionsNarrow) {
  const Case cases[] = {
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[:hasCell]->(b) WHERE IS_OF_MODEL(a, 'BatteryPack') OR IS_OF_MODEL(a, 'Vehicle'))",
       R"(from twins
match (a:BatteryPack)-[:hasCell]->(b:BatteryCell)
where IS_OF_MODEL(a, 'BatteryPack') OR IS_OF_MODEL(a, 'Vehicle')
select a: twin
)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[:hasCell]->(b) WHERE a.$metadata.$model = 'dtmi:twingraph:battery:BatteryModule;1')",
       R"(from twins
match (a:BatteryModule)-[:hasCell]->(b:BatteryCell)
where a.$metadata.$model = 'dtmi:twingraph:battery:BatteryModule;1'
select a: twin
)"},
      {R"(SELECT a FROM DIGITALTWINS a WHERE IS_OF_MODEL('dtmi:example:Room;1', exact) AND NOT IS_OF_MODEL(a, 'Hall'))",
       R"(from twins (a:Room)
where IS_OF_MODEL(a, 'dtmi:example:Room;1'); NOT IS_OF_MODEL(a, 'Hall')
select a: twin
)"},
      {R"(SELECT a.code FROM DIGITALTWINS a WHERE IS_OF_MODEL(a, 'Room') AND IS_OF_MODEL(a, 'Sensor'))",
       R"(from twins (a:none)
where IS_OF_MODEL(a, 'Room'); IS_OF_MODEL(a, 'Sensor')
select a.code as code: value
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Patterns, OptionalOnesDoNotNarrowWhatIsThere) {
  const Case cases[] = {
      {R"(SELECT a.$dtId, b.$dtId FROM DIGITALTWINS a OPTIONAL MATCH (a)-[:hasCell]->(b))",
       R"(from twins
match (a)
optional match (a)-[:hasCell]->(b:BatteryCell)
select a.$dtId: string
select b.$dtId: string
)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[]->(b) OPTIONAL MATCH (b:Hall)-[:near]->(c:Hall))",
       R"(from twins
match (a)-[]->(b)
optional match (b)-[:near]->(c:Hall) if IS_OF_MODEL(b, 'Hall'); IS_OF_MODEL(c, 'Hall')
select a: twin
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Patterns, Joins) {
  const Case cases[] = {
      {R"(SELECT t, s FROM DIGITALTWINS s JOIN t RELATED s.hasPack r JOIN m RELATED t.hasModule WHERE r.$relationshipId = 'x')",
       R"(from twins
match (s:Vehicle)-[r:hasPack]->(t:BatteryPack)
match (t:BatteryPack)-[:hasModule]->(m:BatteryModule)
where r.$relationshipId = 'x'
select t: twin
select s: twin
)"},
      {R"(SELECT a FROM DIGITALTWINS b MATCH (a)-[:hasPack]->(c))",
       R"(from twins
match (b)
match (a:Vehicle)-[:hasPack]->(c:BatteryPack)
select a: twin
)"},
      {R"(SELECT a FROM DIGITALTWINS a MATCH (a)-[:hasPack]->(b))",
       R"(from twins
match (a:Vehicle)-[:hasPack]->(b:BatteryPack)
select a: twin
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

TEST(Patterns, Exists) {
  const Case cases[] = {
      {R"(SELECT p.$dtId FROM DIGITALTWINS p WHERE NOT EXISTS ((p)-[:hasModule]->(m) WHERE m.cellCount > p.cellCount) AND IS_OF_MODEL(p, 'BatteryPack'))",
       R"(from twins (p:BatteryPack)
where NOT EXISTS ((p)-[:hasModule]->(m) WHERE (m.cellCount > p.cellCount)); IS_OF_MODEL(p, 'BatteryPack')
select p.$dtId as $dtId: string
)"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE EXISTS ((x)-[r:leadsTo]->(y:Hall) WHERE EXISTS ((y)-[:leadsTo]->(x)) AND r.width > seats))",
       R"(from twins (x)
where EXISTS ((x)-[r:leadsTo]->(y) WHERE IS_OF_MODEL(y, 'Hall') AND EXISTS ((y)-[:leadsTo]->(x)) AND (r.width > x.seats))
select x: twin
)"},
  };
  for (const Case& c : cases) EXPECT_EQ(BoundText(c.query), c.bound) << c.query;
}

}  // namespace
}  // namespace twin::query
