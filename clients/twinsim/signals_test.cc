#include "clients/twinsim/signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "clients/twinsim/frames.h"

namespace twin::twinsim {
namespace {

namespace v1 = ::twingraph::v1;
using ::testing::Contains;
using ::testing::StartsWith;

Vehicle VehicleWith(absl::string_view protocol) {
  for (int64_t number = 1;; ++number) {
    Vehicle vehicle = MakeVehicle(1, number);
    if (vehicle.type->protocol == protocol) return vehicle;
  }
}

Reading ReadingOf(const Vehicle& vehicle) {
  Reading reading;
  reading.current = -12.34;
  reading.soc = 56.78;
  reading.cell_volts.assign(static_cast<size_t>(vehicle.type->pack.cells()), 3.65849);
  reading.probe_celsius.assign(static_cast<size_t>(vehicle.type->pack.probes()), 23.6);
  return reading;
}

// The value of the first column that leads to a path, as the server reads it.
double ValueOf(const v1::Layout& layout, const std::vector<int64_t>& raws,
               const std::string& path) {
  int index = 0;
  for (const v1::LayoutColumn& column : layout.columns()) {
    const std::string& leads = column.has_rule() ? column.rule().path() : column.targets(0).path();
    if (leads == path) {
      return static_cast<double>(raws[static_cast<size_t>(index)]) * column.scale() +
             column.offset();
    }
    index += column.has_rule() ? static_cast<int>(column.rule().count()) : 1;
  }
  ADD_FAILURE() << "no column " << path;
  return 0;
}

TEST(SignalTableTest, SensorsHaveSteps) {
  const Vehicle vehicle = VehicleWith("vss");
  const SignalTable table(*vehicle.type);
  std::vector<int64_t> raws;
  table.Quantise(ReadingOf(vehicle), &raws);
  ASSERT_EQ(raws.size(), table.values());
  const v1::Layout layout = table.LayoutOf(vehicle);
  EXPECT_NEAR(ValueOf(layout, raws, "voltage"), 0, 1e-9);  // of the pack
  EXPECT_NEAR(ValueOf(layout, raws, "current"), -12.3, 1e-9);
  EXPECT_NEAR(ValueOf(layout, raws, "soc"), 56.8, 1e-9);
  EXPECT_NEAR(ValueOf(layout, raws, "temperature"), 24, 1e-9);
  EXPECT_EQ(raws[raws.size() - static_cast<size_t>(vehicle.type->pack.probes()) - 1], 3658);
}

TEST(SignalTableTest, TheSourceCountsDischargingPositiveAndTheLayoutTurnsItRound) {
  const Vehicle vehicle = VehicleWith("gbt32960_2016");
  const SignalTable table(*vehicle.type);
  std::vector<int64_t> raws;
  table.Quantise(ReadingOf(vehicle), &raws);
  const v1::Layout layout = table.LayoutOf(vehicle);
  EXPECT_THAT(raws, Contains(123));
  EXPECT_NEAR(ValueOf(layout, raws, "current"), -12.3, 1e-9);
  EXPECT_NEAR(ValueOf(layout, raws, "soc"), 57, 1e-9) << "whole percents";
}

TEST(SignalTableTest, WhatIsMissingOrTooMuchIsAnInvalidCode) {
  const Vehicle vehicle = VehicleWith("vss");
  const SignalTable table(*vehicle.type);
  Reading reading = ReadingOf(vehicle);
  reading.probe_celsius[0] = 480;
  reading.cell_volts[0] = std::nan("");
  std::vector<int64_t> raws;
  table.Quantise(reading, &raws);
  const auto probes = static_cast<size_t>(vehicle.type->pack.probes());
  const auto cells = static_cast<size_t>(vehicle.type->pack.cells());
  EXPECT_EQ(raws[raws.size() - probes], 255);
  EXPECT_EQ(raws[raws.size() - probes - cells], 65535);
  for (size_t i = 0; i < raws.size(); ++i) EXPECT_TRUE(Holds(table.encodings()[i], raws[i])) << i;
}

TEST(SignalTableTest, CellsAndProbesAreRules) {
  const Vehicle vehicle = VehicleWith("vss");
  const v1::Layout layout = SignalTable(*vehicle.type).LayoutOf(vehicle);
  EXPECT_THAT(layout.id(), StartsWith(vehicle.id + "-fleet-"));
  const v1::LayoutColumn& cells = layout.columns(layout.columns_size() - 2);
  EXPECT_EQ(cells.rule().path(), "voltage");
  EXPECT_EQ(static_cast<int>(cells.rule().count()), vehicle.type->pack.cells());
  const v1::LayoutColumn& probes = layout.columns(layout.columns_size() - 1);
  EXPECT_EQ(probes.rule().shared_by(), "sensedBy");
  EXPECT_THAT(probes.invalid_codes(), Contains(254));
}

}  // namespace
}  // namespace twin::twinsim
