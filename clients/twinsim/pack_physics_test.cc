#include "clients/twinsim/pack_physics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "clients/twinsim/ageing.h"

namespace twin::twinsim {
namespace {

using ::testing::Each;
using ::testing::Ge;
using ::testing::Le;

// The first vehicle of a chemistry.
Vehicle VehicleOf(absl::string_view chemistry) {
  for (int64_t number = 1;; ++number) {
    Vehicle vehicle = MakeVehicle(1, number);
    if (vehicle.type->pack.chemistry == chemistry) return vehicle;
  }
}

class PackPhysicsTest : public ::testing::TestWithParam<const char*> {
 protected:
  const Vehicle vehicle_ = VehicleOf(GetParam());
  const double capacity_ = vehicle_.type->pack.cell_capacity_ah;
  PackPhysics pack_{vehicle_, 1};
};

INSTANTIATE_TEST_SUITE_P(Chemistries, PackPhysicsTest, ::testing::Values("NMC", "LFP"));

TEST_P(PackPhysicsTest, VoltageAtRestRisesWithChargeAndTellsIt) {
  const CellCurves& curves = pack_.curves();
  for (double soc = 0.01; soc <= 1; soc += 0.01) {
    EXPECT_GT(curves.RestVoltage(soc), curves.RestVoltage(soc - 0.01)) << soc;
    EXPECT_NEAR(curves.ChargeAt(curves.RestVoltage(soc)), soc, 1e-9);
    EXPECT_GT(curves.Slope(soc - 0.001), 0);
  }
  EXPECT_LE(curves.RestVoltage(1), vehicle_.type->pack.cell_voltage_max);
  EXPECT_GE(curves.RestVoltage(0), vehicle_.type->pack.cell_voltage_min - 0.01);
}

TEST_P(PackPhysicsTest, EnergyIsNeitherMadeNorLost) {
  pack_.SetCharge(0.5);
  const Surroundings around = {.ambient_celsius = 15};
  for (int i = 0; i < 720; ++i) {
    const double current = capacity_ * 0.9 * std::sin(i * 0.11) * (i % 7 == 0 ? 0.2 : 1);
    pack_.Step(current, 10, around);
  }
  const EnergyBalance& energy = pack_.energy();
  EXPECT_GT(energy.heat, 1e6);
  EXPECT_NEAR(energy.terminal, energy.chemical + energy.heat + energy.bled + energy.polarisation,
              1e-6 * energy.heat);
}

TEST_P(PackPhysicsTest, HeatWarmsThePackByItsHeatCapacity) {
  pack_.SetCharge(0.3);
  pack_.SetTemperature(25);
  for (int i = 0; i < 30; ++i) pack_.Step(capacity_, 10, {.ambient_celsius = 25});
  const double joule_per_kelvin = vehicle_.type->pack.mass_kg * 670;
  const double warmer = pack_.celsius_mean() - 25;
  EXPECT_GT(warmer, 0.3);
  EXPECT_NEAR(warmer, pack_.energy().heat / joule_per_kelvin, 0.05 * warmer);
}

TEST_P(PackPhysicsTest, AtRestVoltageIsThatOfTheCharge) {
  pack_.SetCharge(0.9);
  for (int i = 0; i < 60; ++i) pack_.Step(-capacity_ * 0.6, 10, {});
  const double loaded = pack_.voltage();
  for (int i = 0; i < 12; ++i) pack_.Step(0, 300, {});
  EXPECT_GT(pack_.voltage(), loaded);
  for (int i = 0; i < pack_.cells(); ++i) {
    const auto at = static_cast<size_t>(i);
    EXPECT_NEAR(pack_.volts()[at], pack_.curves().RestVoltage(pack_.charges()[at]), 1e-6);
  }
}

TEST_P(PackPhysicsTest, ChargeCountsAmpereHours) {
  pack_.SetCharge(0.2);
  const std::vector<double> before(pack_.charges().begin(), pack_.charges().end());
  for (int i = 0; i < 360; ++i) pack_.Step(capacity_ / 2, 10, {});  // an hour
  for (int i = 0; i < pack_.cells(); ++i) {
    const auto at = static_cast<size_t>(i);
    EXPECT_NEAR(pack_.charges()[at] - before[at], capacity_ / 2 / pack_.capacities_ah()[at], 1e-4);
  }
}

TEST_P(PackPhysicsTest, CurrentIsLimitedByTheCellThatReachesALimitFirst) {
  const PackDesign& design = vehicle_.type->pack;
  pack_.SetCharge(0.97);
  const double current =
      pack_.CurrentWithin(5 * capacity_, design.cell_voltage_min, design.cell_voltage_max);
  EXPECT_GT(current, 0);
  EXPECT_LT(current, 5 * capacity_);
  pack_.Step(current, 1, {});
  EXPECT_THAT(pack_.volts(), Each(Le(design.cell_voltage_max + 0.01)));
  pack_.SetCharge(0.03);
  const double back =
      pack_.CurrentWithin(-9 * capacity_, design.cell_voltage_min, design.cell_voltage_max);
  pack_.Step(back, 1, {});
  EXPECT_THAT(pack_.volts(), Each(Ge(design.cell_voltage_min - 0.02)));
}

TEST_P(PackPhysicsTest, CellsDiffer) {
  const auto [low, high] =
      std::minmax_element(pack_.capacities_ah().begin(), pack_.capacities_ah().end());
  EXPECT_GT(*high / *low, 1.004);
  EXPECT_LT(*high / *low, 1.05);
  pack_.SetAge(0.2, 1.4);
  const auto [worst, best] =
      std::minmax_element(pack_.capacities_ah().begin(), pack_.capacities_ah().end());
  EXPECT_GT(*best / *worst, *high / *low);
  const double mean =
      std::accumulate(pack_.capacities_ah().begin(), pack_.capacities_ah().end(), 0.0) /
      pack_.cells();
  EXPECT_NEAR(mean, capacity_ * 1.01 * 0.8, capacity_ * 0.01);
}

TEST_P(PackPhysicsTest, BalancingTakesFromTheHighestCells) {
  pack_.SetCharge(0.95, /*spread=*/false);
  pack_.ShiftCharge(3, 0.04);
  const double before = pack_.charges()[3] - pack_.charges()[4];
  for (int i = 0; i < 360; ++i) pack_.Step(0, 10, {.balancing = true});
  EXPECT_LT(pack_.charges()[3] - pack_.charges()[4], before - 0.0004);
}

TEST(AgeingTest, AsWornAsTheVehicleSaysAndFasterWhenWarm) {
  const Vehicle vehicle = MakeVehicle(1, 5);
  const Ageing now(vehicle);
  EXPECT_NEAR(100 * (1 - now.fade()), vehicle.soh_percent, 0.2);
  const auto year = [&](double celsius, double soc, double ah) {
    Ageing ageing(vehicle);
    ageing.Pass(365.25 * 86400, celsius, soc, ah);
    return ageing.fade() - now.fade();
  };
  EXPECT_GT(year(35, 0.5, 0), 1.5 * year(25, 0.5, 0));
  EXPECT_GT(year(25, 0.9, 0), year(25, 0.2, 0));
  EXPECT_GT(year(25, 0.5, 30'000), year(25, 0.5, 0));
  EXPECT_LT(year(25, 0.5, 30'000), 0.1);
  EXPECT_NEAR(Ageing::Arrhenius(50'000, 25), 1, 1e-12);
}

}  // namespace
}  // namespace twin::twinsim
