// The cells of one pack as equivalent circuits, and their heat:
//
//        R0        R1
//   ┌──/\/\/──┬──/\/\/──┬── terminal       V = rest voltage(soc) + I·R0 + U1,  I > 0 when charging
//   │         └───||────┘
//  (~) rest        C1                      heat = I²·R0 + U1²/R1, to the region of the nearest
//  probe
//   │
//   └─────────────────────
#ifndef TWIN_CLIENTS_TWINSIM_PACK_PHYSICS_H_
#define TWIN_CLIENTS_TWINSIM_PACK_PHYSICS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "clients/twinsim/cell_curves.h"
#include "clients/twinsim/vehicle.h"

namespace twin::twinsim {

// What surrounds a pack during a step.
struct Surroundings {
  double ambient_celsius = 20;
  double coolant_celsius = 20;
  bool cooling = false;    // coolant flows
  bool balancing = false;  // cells above the lowest are bled
};

// Where the energy of all steps went, in joule. Terminal = chemical + heat + what the R-C pairs
// hold.
struct EnergyBalance {
  double terminal = 0;      // taken in at the terminals
  double chemical = 0;      // stored, at rest voltage
  double heat = 0;          // of R0 and R1
  double bled = 0;          // of `chemical`, lost by balancing and leaks
  double polarisation = 0;  // held by the R-C pairs
};

// Thread-compatible. Cells and probes count from 0 here.
class PackPhysics {
 public:
  // Rest at vehicle.soc_percent and 20 °C. Scatter between cells is drawn from (seed, number).
  PackPhysics(const Vehicle& vehicle, uint64_t seed);

  // Capacity lost and growth of resistance of the pack; cells differ from it each in its way.
  void SetAge(double fade, double resistance_growth);
  // All cells at rest.
  //   spread: whether each keeps its distance from the mean
  void SetCharge(double soc, bool spread = true);
  void SetTemperature(double celsius);

  // current_a > 0: charging.
  void Step(double current_a, double seconds, const Surroundings& around);
  // The current with which no cell leaves its voltage limits, as near to `wanted_a` as it goes.
  double CurrentWithin(double wanted_a, double voltage_min, double voltage_max) const;

  int cells() const { return static_cast<int>(soc_.size()); }
  int probes() const { return static_cast<int>(celsius_.size()); }
  absl::Span<const double> volts() const { return volts_; }      // after the last step
  absl::Span<const double> charges() const { return soc_; }      // shares
  absl::Span<const double> celsius() const { return celsius_; }  // of the regions
  absl::Span<const double> capacities_ah() const { return capacity_ah_; }
  const CellCurves& curves() const { return curves_; }
  int region_of(int cell) const { return region_of_[static_cast<size_t>(cell)]; }
  double resistance_ohm(int cell) const;  // R0 now
  double voltage() const { return voltage_; }
  double soc() const { return soc_mean_; }
  double celsius_mean() const;
  const EnergyBalance& energy() const { return energy_; }

  // What goes wrong with one cell; zero: nothing.
  struct Defect {
    int cell = -1;         // -1: none
    double leak_a = 0;     // runs through it, always
    double extra_ohm = 0;  // in its connection, outside of it
    double capacity_factor = 1;
    double heat_watt = 0;       // of its own
    double voltage_factor = 1;  // of what its terminals show
  };
  void SetDefect(const Defect& defect) { defect_ = defect; }
  // One cell's charge, as a difference to what it is; for a state that was read back.
  void ShiftCharge(int cell, double by);

 private:
  void StepHeat(double seconds, const Surroundings& around);
  void Summarise();

  const CellCurves curves_;
  const double heat_capacity_;  // of a region, J/K
  const double conductance_;    // of a region to ambient, W/K
  std::vector<int> region_of_;  // by cell
  // By cell. What is new at birth, what age made of it, and the state.
  std::vector<double> capacity_new_ah_, resistance_new_ohm_, ageing_rate_, offset_;
  std::vector<double> capacity_ah_, resistance_ohm_;
  std::vector<double> soc_, u1_, volts_;
  std::vector<double> celsius_, watt_,
      factor_;            // by region; factor_: of resistance, by temperature
  double current_a_ = 0;  // of the last step
  double voltage_ = 0, cell_min_ = 0, cell_max_ = 0;
  double soc_mean_ = 0;
  Defect defect_;
  EnergyBalance energy_;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_PACK_PHYSICS_H_
