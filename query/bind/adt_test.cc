// The dialect adt: what other rules make of the same words.
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

TEST(Adt, WhatNoModelHasIsNull) {
  const Case cases[] = {
      {R"(SELECT nothing, x.nothing.more FROM DIGITALTWINS x WHERE x.nothing = 1 OR IS_DEFINED(x.nothing) AND NOT x.$nothing > 3)",
       R"(from twins (x)
where NULL OR (IS_DEFINED(NULL) AND (NOT NULL))
select NULL as nothing: null
select NULL as more: null
)"},
      {R"(SELECT a FROM DIGITALTWINS MATCH (a)-[:nothing]->(b) WHERE a.$dtId = 'x' AND IS_OF_MODEL(b, 'dtmi:no:Model;1'))",
       R"(from twins
match (a:none)-[:]->(b:none)
where a.$dtId = 'x'; IS_OF_MODEL(b, 'dtmi:no:Model;1')
select a: twin
)"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(BoundText(c.query, TestOptions(Dialect::kAdt)), c.bound) << c.query;
}

TEST(Adt, WhatDoesNotCompareIsNull) {
  const Case cases[] = {
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.seats = '5' OR x.open IN [TRUE, 'yes'] OR STARTSWITH(x.seats, 'a'))",
       R"(from twins (x)
where NULL OR (x.open IN [TRUE, NULL]) OR NULL
select x: twin
)"},
      {R"(SELECT x FROM DIGITALTWINS x WHERE x.since > '2026-01-01' AND x.since < 'soon')",
       R"(from twins (x)
where x.since > '2026-01-01T00:00:00Z'; CAST(x.since AS string) < 'soon'
select x: twin
)"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(BoundText(c.query, TestOptions(Dialect::kAdt)), c.bound) << c.query;
}

TEST(Adt, TheLowerBoundOfHopsIsLeftOut) {
  const Case cases[] = {
      {R"(SELECT b FROM DIGITALTWINS MATCH (a)-[:leadsTo*1..3]->(b)-[:leadsTo*2]->(c)-[:leadsTo*..4]->(d) WHERE a.$dtId = 'x')",
       R"(from twins
match (a:Hall|Room)-[:leadsTo*2..3]->(b:Hall|Room)-[:leadsTo*2..2]->(c:Hall|Room)-[:leadsTo*1..4]->(d:Hall|Room|Room;2)
where a.$dtId = 'x'
select b: twin
)"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(BoundText(c.query, TestOptions(Dialect::kAdt)), c.bound) << c.query;
}

TEST(Adt, AJoinedRelationshipHasTheNameOfItsType) {
  const Case cases[] = {
      {R"(SELECT s FROM DIGITALTWINS r JOIN s RELATED r.leadsTo WHERE r.$dtId = 'x' AND leadsTo.width > 3)",
       R"(from twins
match (r:Hall|Room)-[leadsTo:leadsTo]->(s:Hall|Room|Room;2)
where r.$dtId = 'x'; leadsTo.width > 3
select s: twin
)"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(BoundText(c.query, TestOptions(Dialect::kAdt)), c.bound) << c.query;
}

TEST(Adt, TheSameColumnTwiceIsOne) {
  const Case cases[] = {
      {R"(SELECT x.seats, x.seats FROM DIGITALTWINS x)",
       R"(from twins (x)
select x.seats: double
)"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(BoundText(c.query, TestOptions(Dialect::kAdt)), c.bound) << c.query;
}

}  // namespace
}  // namespace twin::query
