#include "clients/twinsim/vehicle_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "tests/support/status_matchers.h"

namespace twin::twinsim {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::twin::testing::StatusIs;

constexpr int64_t kBegin = 1'773'000'000;  // a day in March 2026

// What a vehicle sent, and how it was charged.
class Diary : public LifeSink {
 public:
  void OnReading(const Reading& reading, bool late) override {
    if (keep_all) readings.push_back(reading);
    late_count += late ? 1 : 0;
    out_of_order += reading.time < last.time ? 1 : 0;
    ++count;
    last = reading;
  }
  void OnMode(int64_t time, LifeMode mode) override { modes.emplace_back(time, mode); }

  bool keep_all = false;
  std::vector<Reading> readings;
  std::vector<std::pair<int64_t, LifeMode>> modes;
  Reading last;
  int64_t count = 0, late_count = 0, out_of_order = 0;
};

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

VehicleLife LifeOf(int64_t number, std::vector<Fault> faults = {}, int64_t rate = 10) {
  return {MakeVehicle(1, number), {.seed = 1, .rate = rate, .faults = std::move(faults)}, kBegin};
}

// How a vehicle's time goes, and between which states of charge it is charged.
class Log : public Diary {
 public:
  explicit Log(const VehicleLife* life) : life_(*life) {}
  void OnMode(int64_t time, LifeMode mode) override {
    seconds[mode_] += static_cast<double>(time - since_);
    since_ = time;
    if (mode == LifeMode::kCharging) begins.push_back(life_.soc_shown());
    if (mode_ == LifeMode::kCharging) ends.push_back(life_.soc_shown());
    mode_ = mode;
  }

  std::map<LifeMode, double> seconds;
  std::vector<double> begins, ends;

 private:
  const VehicleLife& life_;
  LifeMode mode_ = LifeMode::kOff;
  int64_t since_ = kBegin;
};

TEST(VehicleLifeTest, IsUsedAsFieldStudiesTell) {
  std::vector<double> km_per_day, begins, ends, rises, speeds;
  int64_t late = 0, out_of_order = 0;
  for (int64_t number = 1; number <= 50; ++number) {
    VehicleLife life = LifeOf(number, {}, 60);
    Log log(&life);
    constexpr int kDays = 14;
    for (int day = 1; day <= kDays; ++day) {
      const double before = life.odometer_km();
      life.Advance(kBegin + day * kSecondsPerDay, &log);
      if (life.odometer_km() > before + 1) km_per_day.push_back(life.odometer_km() - before);
    }
    const double driving = log.seconds[LifeMode::kDriving];
    EXPECT_THAT((driving + log.seconds[LifeMode::kCharging]) / (kDays * 86400.0),
                AllOf(Ge(0.05), Le(0.40)))
        << number;
    speeds.push_back((life.odometer_km() - life.vehicle().odometer_km) / (driving / 3600));
    for (size_t i = 0; i < log.ends.size(); ++i) {
      begins.push_back(log.begins[i]);
      ends.push_back(log.ends[i]);
      rises.push_back(ends.back() - begins.back());
    }
    late += log.late_count;
    out_of_order += log.out_of_order;
  }
  EXPECT_NEAR(Median(km_per_day), 137, 14);
  EXPECT_NEAR(Median(speeds), 26, 4);
  EXPECT_NEAR(Median(begins), 38, 5);
  EXPECT_NEAR(Median(ends), 96, 2);
  EXPECT_NEAR(Median(rises), 50, 8);
  EXPECT_GT(late, 100);
  EXPECT_GT(out_of_order, 10);
}

TEST(VehicleLifeTest, ReadingsArePlausible) {
  for (const int64_t number : {1, 2, 3, 4, 9, 17}) {
    VehicleLife life = LifeOf(number);
    const PackDesign& design = life.vehicle().type->pack;
    Diary diary;
    diary.keep_all = true;
    life.Advance(kBegin + 3 * kSecondsPerDay, &diary);
    ASSERT_GT(diary.readings.size(), 500u);
    int charging = 0;
    for (const Reading& reading : diary.readings) {
      EXPECT_EQ(reading.cell_volts.size(), static_cast<size_t>(design.cells()));
      EXPECT_EQ(reading.probe_celsius.size(), static_cast<size_t>(design.probes()));
      EXPECT_LT(design.probes(), design.cells());
      EXPECT_GE(reading.cell_voltage_min, design.cell_voltage_min - 0.01);
      EXPECT_LE(reading.cell_voltage_max, design.cell_voltage_max + 0.01);
      EXPECT_THAT(reading.soc, AllOf(Ge(0), Le(100)));
      EXPECT_THAT(reading.temp_max, AllOf(Ge(-10), Le(50)));
      const double sum = std::accumulate(reading.cell_volts.begin(), reading.cell_volts.end(), 0.0);
      EXPECT_NEAR(reading.voltage, sum, 0.1);
      EXPECT_NEAR(reading.cell_volts[static_cast<size_t>(reading.cell_min_index) - 1],
                  reading.cell_voltage_min, 1e-12);
      charging += reading.current > 0 ? 1 : 0;
    }
    EXPECT_GT(charging, 0) << "it was charged, and braked";
    // kWh per 100 km, as such cars take.
    const double km = life.odometer_km() - life.vehicle().odometer_km;
    const double kwh = diary.last.consumed_kwh - diary.readings.front().consumed_kwh;
    EXPECT_THAT(kwh / km, AllOf(Ge(0.10), Le(0.34))) << number;
  }
}

TEST(VehicleLifeTest, TheSameSeedLivesTheSameLife) {
  Diary a, b, c;
  a.keep_all = b.keep_all = c.keep_all = true;
  VehicleLife one = LifeOf(3);
  one.Advance(kBegin + kSecondsPerDay, &a);
  VehicleLife two = LifeOf(3);
  for (int64_t to = kBegin; to < kBegin + kSecondsPerDay;) two.Advance(to += 3600, &b);
  VehicleLife other(MakeVehicle(2, 3), {.seed = 2}, kBegin);
  other.Advance(kBegin + kSecondsPerDay, &c);
  ASSERT_EQ(a.readings.size(), b.readings.size());
  for (size_t i = 0; i < a.readings.size(); ++i) {
    EXPECT_EQ(a.readings[i].time, b.readings[i].time);
    EXPECT_EQ(a.readings[i].cell_volts, b.readings[i].cell_volts);
  }
  EXPECT_NE(a.last.odometer, c.last.odometer);
}

TEST(VehicleLifeTest, IsTakenUpWhereItWas) {
  VehicleLife life = LifeOf(1);
  Diary diary;
  life.Advance(kBegin + 2 * kSecondsPerDay, &diary);
  const Reading& last = diary.last;
  VehicleLife again = LifeOf(1);
  again.Resume({.time = last.time,
                .mode = LifeMode::kCharging,
                .odometer_km = last.odometer,
                .soc_percent = std::round(last.soc * 10) / 10,
                .current_a = last.current,
                .celsius = last.temp_avg,
                .cycles = last.cycles,
                .charged_kwh = last.charged_kwh,
                .consumed_kwh = last.consumed_kwh,
                .charged_ah = last.charged_ah,
                .consumed_ah = last.consumed_ah,
                .cell_volts = last.cell_volts});
  EXPECT_EQ(again.now(), last.time);
  EXPECT_EQ(again.mode(), LifeMode::kCharging);
  EXPECT_EQ(again.odometer_km(), last.odometer);
  EXPECT_NEAR(again.soc_shown(), last.soc, 0.6);
  const double before = again.odometer_km();
  again.Advance(last.time + 2 * kSecondsPerDay, &diary);
  EXPECT_GT(again.odometer_km(), before + 5);
}

// The state of the worst cell against the others, at the end.
struct Worst {
  double below_median = 0;  // V, the most that any reading shows
  double celsius_max = 0;
  double alarm = 0;
};

Worst LiveWith(const char* fault, int64_t days) {
  const absl::StatusOr<Fault> parsed = ParseFault(fault);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  VehicleLife life = LifeOf(1, {*parsed});
  Diary diary;
  diary.keep_all = true;
  life.Advance(kBegin + days * kSecondsPerDay, &diary);
  Worst worst;
  for (const Reading& reading : diary.readings) {
    worst.below_median =
        std::max(worst.below_median, Median(reading.cell_volts) - reading.cell_volts[6]);
    worst.celsius_max = std::max(worst.celsius_max, reading.temp_max);
    worst.alarm = std::max(worst.alarm, reading.alarm_level);
  }
  return worst;
}

TEST(VehicleLifeTest, FaultsShow) {
  const Worst healthy = LiveWith("drift@veh-000001/7+8760h", 3);
  EXPECT_LT(healthy.below_median, 0.04);
  EXPECT_LT(healthy.alarm, 2);
  EXPECT_GT(LiveWith("drift@veh-000001/7", 12).below_median, 0.06);
  EXPECT_GT(LiveWith("loose@veh-000001/7", 3).below_median, 0.06);
  EXPECT_GT(LiveWith("short@veh-000001/7", 2).below_median, 0.1);
  const Worst thermal = LiveWith("thermal@veh-000001/7", 2);
  EXPECT_GT(thermal.below_median, 2.5);
  EXPECT_GT(thermal.celsius_max, 200);
  EXPECT_EQ(thermal.alarm, 3);
}

TEST(VehicleLifeTest, AThermalEventIsSentSecondBySecondAndWhatWasBeforeItAfterwards) {
  VehicleLife life = LifeOf(1, {*ParseFault("thermal@veh-000001/7+30h")});
  Diary diary;
  diary.keep_all = true;
  life.Advance(kBegin + 3 * kSecondsPerDay, &diary);
  const auto alarm = std::find_if(diary.readings.begin(), diary.readings.end(),
                                  [](const Reading& reading) { return reading.alarm_level == 3; });
  ASSERT_NE(alarm, diary.readings.end());
  int before = 0;
  for (auto it = alarm + 1; it != diary.readings.end(); ++it) before += it->time < alarm->time;
  EXPECT_GE(before, 30);
  EXPECT_EQ(life.mode(), LifeMode::kBroken);
}

TEST(VehicleLifeTest, AStuckSensorShowsOneValue) {
  VehicleLife life = LifeOf(1, {*ParseFault("stuck@veh-000001/7+26h")});
  Diary diary;
  diary.keep_all = true;
  life.Advance(kBegin + 3 * kSecondsPerDay, &diary);
  std::map<double, int> shown;
  for (const Reading& reading : diary.readings) {
    if (reading.time > kBegin + 27 * 3600) ++shown[reading.cell_volts[6]];
  }
  EXPECT_EQ(shown.size(), 1u);
}

TEST(FaultTest, WhatIsWrongIsSaid) {
  const absl::StatusOr<Fault> fault = ParseFault("short@veh-000012/40+90m");
  ASSERT_TRUE(fault.ok());
  EXPECT_EQ(fault->kind, FaultKind::kShort);
  EXPECT_EQ(fault->vehicle, "veh-000012");
  EXPECT_EQ(fault->cell, 40);
  EXPECT_EQ(fault->delay, 5400);
  EXPECT_THAT(ParseFault("rust@veh-1"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("drift, loose, short")));
  EXPECT_THAT(ParseFault("drift@"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("vehicle is missing")));
  EXPECT_THAT(ParseFault("drift@v/0"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("counted from 1")));
  EXPECT_THAT(ParseFault("drift@v+soon"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("90s or 2h")));
}

}  // namespace
}  // namespace twin::twinsim
