#include "clients/twinsim/lives.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

namespace twin::twinsim {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

int64_t SecondsOf(std::chrono::sys_days day) {
  return std::chrono::duration_cast<std::chrono::seconds>(day.time_since_epoch()).count();
}

TEST(Lives, ReportsLeadToWhatTheVehicleSaysOfItself) {
  for (int64_t number = 1; number <= 40; ++number) {
    const Vehicle vehicle = MakeVehicle(1, number);
    const std::vector<HealthReport> reports =
        ReportsUntil(vehicle, SecondsOf(kFleetDay + std::chrono::days(1)));
    ASSERT_FALSE(reports.empty());
    EXPECT_EQ(reports.front().time, SecondsOf(vehicle.in_service));
    EXPECT_EQ(reports.front().cycles, 0);
    EXPECT_GE(reports.front().bms_soh, 95);
    const HealthReport& last = reports.back();
    EXPECT_LE(last.cycles, vehicle.cycles + 0.01);
    EXPECT_GT(last.cycles, vehicle.cycles * 0.4);
    EXPECT_NEAR(last.bms_soh, vehicle.bms_soh_percent, 2);
    for (size_t i = 1; i < reports.size(); ++i) {
      EXPECT_GT(reports[i].time, reports[i - 1].time);
      EXPECT_GE(reports[i].cycles, reports[i - 1].cycles);
      EXPECT_EQ(reports[i].bms_soh, std::round(reports[i].bms_soh));
    }
  }
}

TEST(Lives, AfterTheDayOfTheFleetItStands) {
  const Vehicle vehicle = MakeVehicle(1, 7);
  const std::vector<HealthReport> reports =
      ReportsUntil(vehicle, SecondsOf(kFleetDay + std::chrono::days(300)));
  EXPECT_NEAR(reports.back().cycles, vehicle.cycles, 0.01);
  EXPECT_LE(reports.back().bms_soh, vehicle.bms_soh_percent);
}

TEST(Lives, ALifeEndsWhereItsCapacityDoes) {
  for (int64_t number = 1; number <= 40; ++number) {
    const Vehicle vehicle = MakeVehicle(3, number);
    const WholeLife life = LifeUntil(vehicle, 70);
    EXPECT_GT(life.cycles, life.reports.back().cycles - 0.01);
    EXPECT_GT(life.cycles, vehicle.cycles * (vehicle.soh_percent > 70 ? 1 : 0));
    // A percent or two of what the BMS is off.
    EXPECT_NEAR(life.reports.back().bms_soh, 70, 2.5);
    EXPECT_LT(LifeUntil(vehicle, 80).cycles, life.cycles);
  }
}

TEST(Lives, TheLibraryHasALineAMonthAndItsCardSaysWhatItIs) {
  const LivesOptions options{.seed = 2, .vehicles = 6, .end_percent = 80};
  const std::string csv = LivesCsv(options);
  EXPECT_THAT(csv, StartsWith("cell,cycle,capacity,life,vehicle_type\nlife-0001,0.00,"));
  EXPECT_THAT(csv, HasSubstr("\nlife-0006,"));
  EXPECT_EQ(csv, LivesCsv(options));
  EXPECT_NE(csv, LivesCsv({.seed = 3, .vehicles = 6, .end_percent = 80}));
  EXPECT_THAT(LivesCard(options), HasSubstr("nothing of them was measured"));
  EXPECT_THAT(LivesCard(options), HasSubstr("\"threshold\": 80"));
}

}  // namespace
}  // namespace twin::twinsim
