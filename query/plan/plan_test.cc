#include "query/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "query/bind/bind.h"
#include "query/parse/parse.h"
#include "tests/support/battery_models.h"
#include "tests/support/status_matchers.h"

namespace twin::query {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::twin::testing::IsOk;

// A fleet of 900 vehicles and 1,000 packs; 12 modules a pack, 12 cells a module.
class FleetStatistics : public Statistics {
 public:
  explicit FleetStatistics(const Catalog& catalog) : catalog_(catalog) {}

  uint64_t Twins(TableId table) const override {
    static const auto* const twins =
        new std::map<std::string, uint64_t>{{"Fleet", 10},           {"Vehicle", 900},
                                            {"BatteryPack", 1000},   {"BatteryModule", 12000},
                                            {"BatteryCell", 144000}, {"TemperatureProbe", 24000}};
    const std::string& id = catalog_.model(table).id;
    for (const auto& [name, count] : *twins) {
      if (id == "dtmi:twingraph:battery:" + name + ";1") return count;
    }
    return 0;
  }

  uint64_t Relationships(RelationshipTypeId type) const override {
    static const auto* const counts = new std::map<std::string, uint64_t>{
        {"contains", 1000},  {"hasPack", 1000},   {"hasModule", 12000},
        {"hasCell", 144000}, {"hasProbe", 24000}, {"sensedBy", 144000}};
    const RelationshipType& of = catalog_.relationship_type(type);
    if (of.owner == "dtmi:twingraph:battery:BatteryPack;1" && of.name != "hasModule") return 0;
    const auto found = counts->find(of.name);
    return found == counts->end() ? 0 : found->second;
  }

 private:
  const Catalog& catalog_;
};

class PlanTest : public ::testing::Test {
 protected:
  std::string PlanOf(const std::string& text, bool rewrites = true) {
    const auto statement = Parse(text);
    EXPECT_THAT(statement.status(), IsOk()) << text;
    if (!statement.ok()) return "";
    BindOptions options;
    options.parameters["vin"] = TypeKind::kString;
    const auto bound = Bind(**statement, catalog_, options);
    EXPECT_THAT(bound.status(), IsOk()) << text;
    if (!bound.ok()) return "";
    return ToString(*MakePlan((*bound)->select, *catalog_, statistics_, {.rewrites = rewrites}),
                    *catalog_, /*estimates=*/false);
  }

  const std::shared_ptr<const Catalog> catalog_ = Catalog::OfModels(testing::BatteryModels());
  const FleetStatistics statistics_{*catalog_};
};

// Each is planned once: by the plan of the one around it, not by all plans around that as well.
TEST_F(PlanTest, ExistsWithinExists) {
  const auto steps = [this](int depth) {
    std::string condition = "TRUE";
    for (int i = 0; i < depth; ++i) {
      condition = absl::StrCat("EXISTS ((v)-[:hasPack]->(p", i, ") WHERE ", condition, ")");
    }
    const std::string plan =
        PlanOf("SELECT v.$dtId FROM DIGITALTWINS MATCH (v:Vehicle) WHERE " + condition);
    std::vector<absl::string_view> expansions = absl::StrSplit(plan, "expand ");
    return expansions.size() - 1;
  };
  EXPECT_EQ(steps(1), 1u);
  EXPECT_EQ(steps(2), 2u);
  EXPECT_EQ(steps(12), 12u);
}

TEST_F(PlanTest, StartsAtTheTwinThatIsNamed) {
  EXPECT_EQ(PlanOf("SELECT c.$dtId FROM DIGITALTWINS MATCH "
                   "(c:BatteryCell)<-[:hasCell]-(m)<-[:hasModule]-(p)<-[:hasPack]-(v) "
                   "WHERE v.$dtId = 'veh-1' AND c.seriesIndex < 3"),
            R"(project $dtId = c.$dtId
  filter c.seriesIndex < 3
    expand (m)-[:hasCell]->(c)
      expand (p)-[:hasModule]->(m)
        expand (v)-[:hasPack]->(p)
          find v by $dtId: 'veh-1'
)");
}

TEST_F(PlanTest, UsesTheIndexOfAProperty) {
  EXPECT_THAT(PlanOf("SELECT v FROM DIGITALTWINS MATCH (v:Vehicle) WHERE v.vin = @vin"),
              HasSubstr("find v by v.vin: @vin"));
  EXPECT_THAT(PlanOf("SELECT v FROM DIGITALTWINS MATCH (v:Vehicle) WHERE v.vin IN ['a', 'b']"),
              HasSubstr("find v by v.vin: 'a', 'b'"));
  EXPECT_THAT(PlanOf("SELECT v FROM DIGITALTWINS MATCH (v:Vehicle) WHERE v.brand = 'a'"),
              HasSubstr("scan v: Vehicle"));
}

TEST_F(PlanTest, ChecksNumbersInTheScan) {
  const std::string plan = PlanOf(
      "SELECT COUNT() FROM DIGITALTWINS MATCH (c:BatteryCell) "
      "WHERE c.voltage > 4.1 AND c.temperature < 10 AND c.lot LIKE 'A%'");
  EXPECT_THAT(plan, HasSubstr("scan c: BatteryCell where c.voltage > 4.1 AND c.temperature < 10"));
  EXPECT_THAT(plan, HasSubstr("filter c.lot LIKE 'A%'"));
}

TEST_F(PlanTest, StartsWhereThereAreFewest) {
  EXPECT_THAT(PlanOf("SELECT COUNT() FROM DIGITALTWINS MATCH "
                     "(c:BatteryCell)<-[:hasCell]-(m)<-[:hasModule]-(p)<-[:hasPack]-(v:Vehicle)"),
              HasSubstr("scan v: Vehicle"));
}

TEST_F(PlanTest, WindowsOfATwinOfTheScanNeedNoOtherRows) {
  const auto plan_of = [&](const std::string& partition) {
    return PlanOf("SELECT c.$dtId, ROBUST_Z(c.voltage) OVER (PARTITION BY " + partition +
                  ") AS z FROM DIGITALTWINS MATCH (p:BatteryPack)-[:hasModule]->(m)"
                  "-[:hasCell]->(c) ORDER BY z LIMIT 5");
  };
  EXPECT_THAT(plan_of("p.$dtId"), HasSubstr("window within each p"));
  EXPECT_THAT(plan_of("p.chemistry, p.$dtId"), HasSubstr("window within each p"));
  EXPECT_THAT(plan_of("p.chemistry"), Not(HasSubstr("within")));
  EXPECT_THAT(plan_of("m.$dtId"), Not(HasSubstr("within")));
}

TEST_F(PlanTest, IsAsWrittenWithoutRewrites) {
  EXPECT_EQ(PlanOf("SELECT c.$dtId FROM DIGITALTWINS MATCH (c:BatteryCell)<-[:hasCell]-(m) "
                   "WHERE m.$dtId = 'mod-1'",
                   /*rewrites=*/false),
            R"(project $dtId = c.$dtId
  filter m.$dtId = 'mod-1' AND IS_OF_MODEL(c, 'BatteryCell')
    expand (c)<-[:hasCell]-(m)
      scan c: BatteryCell
)");
}

TEST_F(PlanTest, LimitsWhatItSorts) {
  EXPECT_THAT(PlanOf("SELECT TOP(3) v.vin FROM DIGITALTWINS MATCH (v:Vehicle) ORDER BY v.vin"),
              HasSubstr("top by v.vin"));
  EXPECT_THAT(PlanOf("SELECT v.vin FROM DIGITALTWINS MATCH (v:Vehicle) ORDER BY v.vin"),
              HasSubstr("sort by v.vin"));
}

TEST_F(PlanTest, WalksEachTwinOnceWhereOnlyEndsCount) {
  const std::string pattern =
      " FROM DIGITALTWINS MATCH (a:Alert)-[:causedBy*1..5]->(b) WHERE a.$dtId = 'x'";
  EXPECT_THAT(PlanOf("SELECT DISTINCT b.$dtId" + pattern), HasSubstr("each end once"));
  EXPECT_THAT(PlanOf("SELECT COUNT(DISTINCT b.$dtId)" + pattern), HasSubstr("each end once"));
  EXPECT_THAT(PlanOf("SELECT b.$dtId" + pattern), Not(HasSubstr("each end once")));
}

TEST_F(PlanTest, SumsSamplesUpWhereNoSingleOneIsNeeded) {
  const auto history = [this](const std::string& items, const std::string& window,
                              const std::string& rest) {
    return PlanOf("SELECT " + items + " FROM DIGITALTWINS MATCH (c:BatteryCell) HISTORY h OF " +
                  "c.(voltage, temperature) " + window + " " + rest);
  };
  const std::string by_cell = "GROUP BY c.$dtId";
  EXPECT_THAT(history("c.$dtId, AVG(h.voltage), COUNT()", "LAST 1d", by_cell),
              HasSubstr("history h summed up by block statistics\n"));
  EXPECT_THAT(history("TIME_BUCKET(1h, h.time) AS t, MIN(h.voltage), LAST(h.temperature)",
                      "LAST 30d", "GROUP BY t"),
              HasSubstr("summed up by block statistics, roll-up 1h, 1m"));
  EXPECT_THAT(
      history("TIME_BUCKET('month', h.time) AS t, SUM(h.voltage)", "LAST 90d", "GROUP BY t"),
      HasSubstr("roll-up 1h, 1m"));
  EXPECT_THAT(history("TIME_BUCKET(10m, h.time) AS t, COUNT(h.voltage)", "LAST 1d", "GROUP BY t"),
              HasSubstr("statistics, roll-up 1m"));
  EXPECT_THAT(history("TIME_BUCKET(10s, h.time) AS t, COUNT(h.voltage)", "LAST 1d", "GROUP BY t"),
              HasSubstr("by block statistics\n"));
  EXPECT_THAT(history("c.$dtId, h.time, h.voltage", "LAST 1d EVERY 5m", ""),
              HasSubstr("history h every by roll-up 1m\n"));
  EXPECT_THAT(history("c.$dtId, AVG(h.voltage)", "LAST 1d EVERY 2h FILL LINEAR", by_cell),
              HasSubstr("history h every by roll-up 1h, 1m\n"));
  EXPECT_THAT(history("c.$dtId, h.time, h.voltage", "LAST 1d EVERY 90s", ""),
              Not(HasSubstr("roll-up")));
  EXPECT_THAT(history("h.time, h.voltage", "LAST 1d", "WHERE 4 < h.voltage AND h.temperature > 1"),
              HasSubstr("history h skipping blocks by voltage\n"));
  EXPECT_THAT(PlanOf("SELECT c.$dtId, TIME_WHERE(h.voltage BETWEEN 3 AND 4) FROM DIGITALTWINS "
                     "MATCH (c:BatteryCell) HISTORY h OF c.(voltage) LAST 1d GROUP BY c.$dtId"),
              HasSubstr("history h skipping blocks by voltage\n"));
  EXPECT_THAT(history("h.time, h.voltage", "LAST 1d", "WHERE h.voltage > 4 OR h.temperature > 1"),
              Not(HasSubstr("skipping")));
  EXPECT_THAT(history("h.time, h.voltage", "LAST 1d EVERY 1m", "WHERE h.voltage > 4"),
              Not(HasSubstr("skipping")));
  const auto reads_samples = Not(HasSubstr("summed up"));
  EXPECT_THAT(history("c.$dtId, MEDIAN(h.voltage)", "LAST 1d", by_cell), reads_samples);
  EXPECT_THAT(history("c.$dtId, TIME_AVG(h.voltage)", "LAST 1d", by_cell), reads_samples);
  EXPECT_THAT(history("c.$dtId, SUM(h.voltage * 2)", "LAST 1d", by_cell), reads_samples);
  EXPECT_THAT(history("c.$dtId, COUNT(DISTINCT h.voltage)", "LAST 1d", by_cell), reads_samples);
  EXPECT_THAT(history("c.$dtId, AVG(h.voltage)", "LAST 1d EVERY 1m", by_cell), reads_samples);
  EXPECT_THAT(history("h.time, AVG(h.voltage)", "LAST 1d", "GROUP BY h.time"), reads_samples);
  EXPECT_THAT(history("c.$dtId, AVG(h.voltage)", "LAST 1d", "WHERE h.temperature > 20 " + by_cell),
              reads_samples);
  EXPECT_THAT(history("TIME_BUCKET('day', h.time, 'Europe/Berlin') AS t, AVG(h.voltage)", "LAST 9d",
                      "GROUP BY t"),
              reads_samples);
}

TEST_F(PlanTest, JoinsUnconnectedPatternsByWhatIsEqual) {
  EXPECT_THAT(PlanOf("SELECT COUNT() FROM DIGITALTWINS MATCH (v:Vehicle), (p:BatteryPack) "
                     "WHERE v.vin = p.serialNumber"),
              HasSubstr("join on v.vin = p.serialNumber"));
}

}  // namespace
}  // namespace twin::query
