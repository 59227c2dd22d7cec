#include "clients/twinsim/pack_physics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "clients/twinsim/random.h"

namespace twin::twinsim {
namespace {

constexpr double kPolarisationShare = 0.6;   // R1 as a share of R0
constexpr double kPolarisationSeconds = 45;  // R1·C1
constexpr double kSecondsPerHour = 3600;
// Cells are two thirds of a pack's mass, with 1,000 J/(kg·K).
constexpr double kCellMassShare = 0.67;
constexpr double kJoulePerKgKelvin = 1000;
// Of a whole pack of 400 kg: it comes to the ambient temperature in a night, to the coolant's in
// half an hour; regions equalise in between.
constexpr double kAmbientWattPerKgKelvin = 0.035;
constexpr double kCoolantWattPerKgKelvin = 0.55;
constexpr double kNeighbourWattPerKelvin = 12;
constexpr double kBleedAmpere = 0.12;
constexpr double kBleedAboveVolt = 0.004;
constexpr double kSelfDischargePerSecond = 0.015 / (30 * 86400);  // 1.5 points a month

// CellCurves::ResistanceFactor() by table, in steps of 1 °C.
double ResistanceFactorAt(double celsius) {
  constexpr int kLowest = -40;
  constexpr size_t kEntries = 161;
  static const std::array<double, kEntries> table = [] {
    std::array<double, kEntries> factors{};
    for (size_t i = 0; i < kEntries; ++i) {
      factors[i] = CellCurves::ResistanceFactor(static_cast<double>(i) + kLowest);
    }
    return factors;
  }();
  const double at = std::clamp(celsius - kLowest, 0.0, static_cast<double>(kEntries) - 1.001);
  const auto i = static_cast<size_t>(at);
  return table[i] + (table[i + 1] - table[i]) * (at - static_cast<double>(i));
}

// A fault's numbers end up somewhere near what the sensor can show.
constexpr double kCelsiusMax = 900;

}  // namespace

PackPhysics::PackPhysics(const Vehicle& vehicle, uint64_t seed)
    : curves_(vehicle.type->pack),
      heat_capacity_(vehicle.type->pack.mass_kg * kCellMassShare * kJoulePerKgKelvin /
                     vehicle.type->pack.probes()),
      conductance_(vehicle.type->pack.mass_kg * kAmbientWattPerKgKelvin /
                   vehicle.type->pack.probes()) {
  const PackDesign& pack = vehicle.type->pack;
  const auto cells = static_cast<size_t>(pack.cells());
  Random random(seed ^ 0x5EEDCE11, static_cast<uint64_t>(vehicle.number));
  for (size_t i = 0; i < cells; ++i) {
    const auto in_group = static_cast<int>(i) % pack.cells_per_group;
    const int group = static_cast<int>(i) / pack.cells_per_group;
    region_of_.push_back(group * pack.probes_per_group +
                         in_group * pack.probes_per_group / pack.cells_per_group);
    capacity_new_ah_.push_back(pack.cell_capacity_ah * (1.01 + 0.012 * random.Bell()));
    resistance_new_ohm_.push_back(vehicle.cell_resistances_milliohm[i] / 1000);
    ageing_rate_.push_back(1 + 0.22 * random.Bell());
    offset_.push_back(0.006 * random.Bell());
  }
  soc_.resize(cells);
  u1_.resize(cells);
  volts_.resize(cells);
  celsius_.resize(static_cast<size_t>(pack.probes()));
  watt_.resize(celsius_.size());
  factor_.resize(celsius_.size());
  SetAge(0, 1);
  SetTemperature(20);
  SetCharge(vehicle.soc_percent / 100);
}

void PackPhysics::SetAge(double fade, double resistance_growth) {
  capacity_ah_.resize(capacity_new_ah_.size());
  resistance_ohm_.resize(capacity_new_ah_.size());
  for (size_t i = 0; i < capacity_ah_.size(); ++i) {
    capacity_ah_[i] = capacity_new_ah_[i] * std::max(1 - fade * ageing_rate_[i], 0.1);
    resistance_ohm_[i] = resistance_new_ohm_[i] * (1 + (resistance_growth - 1) * ageing_rate_[i]);
  }
}

void PackPhysics::SetCharge(double soc, bool spread) {
  for (size_t i = 0; i < soc_.size(); ++i) {
    soc_[i] = std::clamp(soc + (spread ? offset_[i] : 0), 0.0, 1.0);
    u1_[i] = 0;
    volts_[i] = curves_.RestVoltage(soc_[i]);
  }
  Summarise();
}

void PackPhysics::SetTemperature(double celsius) {
  std::fill(celsius_.begin(), celsius_.end(), celsius);
  std::fill(factor_.begin(), factor_.end(), CellCurves::ResistanceFactor(celsius));
}

void PackPhysics::ShiftCharge(int cell, double by) {
  double& soc = soc_[static_cast<size_t>(cell)];
  soc = std::clamp(soc + by, 0.0, 1.0);
  volts_[static_cast<size_t>(cell)] = curves_.RestVoltage(soc);
  Summarise();
}

double PackPhysics::resistance_ohm(int cell) const {
  const auto i = static_cast<size_t>(cell);
  return resistance_ohm_[i] * factor_[static_cast<size_t>(region_of_[i])];
}

double PackPhysics::celsius_mean() const {
  return std::accumulate(celsius_.begin(), celsius_.end(), 0.0) /
         static_cast<double>(celsius_.size());
}

void PackPhysics::Step(double current_a, double seconds, const Surroundings& around) {
  const double decay = std::exp(-seconds / kPolarisationSeconds);
  // Mean of a decaying exponential over the step.
  const double mean = (1 - decay) * kPolarisationSeconds / seconds;
  const double lowest = around.balancing ? *std::min_element(volts_.begin(), volts_.end()) : 0;
  std::fill(watt_.begin(), watt_.end(), 0.0);
  int region = -1;
  double factor = 1;
  for (size_t i = 0; i < soc_.size(); ++i) {
    if (region_of_[i] != region) {
      region = region_of_[i];
      factor = factor_[static_cast<size_t>(region)];
    }
    const bool is_defect = static_cast<int>(i) == defect_.cell;
    const double capacity = capacity_ah_[i] * (is_defect ? defect_.capacity_factor : 1);
    const double coulomb = capacity * kSecondsPerHour;
    double drain = kSelfDischargePerSecond * coulomb + (is_defect ? defect_.leak_a : 0);
    if (around.balancing && volts_[i] > lowest + kBleedAboveVolt) drain += kBleedAmpere;

    const double soc_before = soc_[i];
    soc_[i] = std::max(soc_before + (current_a - drain) * seconds / coulomb, -0.1);
    const double rest = curves_.RestVoltage((soc_before + soc_[i]) / 2);

    const double r0 = resistance_ohm_[i] * factor;
    const double r1 = r0 * kPolarisationShare;
    const double settled = current_a * r1;
    const double u1_before = u1_[i];
    u1_[i] = settled + (u1_before - settled) * decay;
    const double u1_mean = settled + (u1_before - settled) * mean;
    // ∫U1² of the same exponential, for the heat of R1.
    const double difference = u1_before - settled;
    const double square_mean =
        settled * settled + 2 * settled * difference * mean +
        difference * difference * (1 - decay * decay) * kPolarisationSeconds / (2 * seconds);
    const double heat = current_a * current_a * r0 + square_mean / r1;
    watt_[static_cast<size_t>(region)] += heat;

    double volts = curves_.RestVoltage(soc_[i]) + current_a * r0 + u1_[i];
    if (is_defect) volts = (volts + current_a * defect_.extra_ohm) * defect_.voltage_factor;
    volts_[i] = volts;

    energy_.terminal += (rest + current_a * r0 + u1_mean) * current_a * seconds;
    energy_.chemical += rest * (current_a - drain) * seconds;
    energy_.bled += rest * drain * seconds;
    energy_.heat += heat * seconds;
    const double c1 = kPolarisationSeconds / r1;
    energy_.polarisation += c1 * (u1_[i] * u1_[i] - u1_before * u1_before) / 2;
  }
  current_a_ = current_a;
  StepHeat(seconds, around);
  Summarise();
}

// One step of each region, exact in its own relaxation; neighbours as they were.
void PackPhysics::StepHeat(double seconds, const Surroundings& around) {
  if (defect_.cell >= 0) {
    watt_[static_cast<size_t>(region_of(defect_.cell))] +=
        defect_.heat_watt +
        defect_.leak_a * std::max(volts_[static_cast<size_t>(defect_.cell)], 0.0);
  }
  const double coolant =
      around.cooling ? conductance_ * kCoolantWattPerKgKelvin / kAmbientWattPerKgKelvin : 0;
  const double inner = conductance_ + coolant + 2 * kNeighbourWattPerKelvin;
  const double inner_left = std::exp(-inner * seconds / heat_capacity_);
  double before = celsius_.front();
  for (size_t i = 0; i < celsius_.size(); ++i) {
    const double own = celsius_[i];
    const double left = i > 0 ? before : own;
    const double right = i + 1 < celsius_.size() ? celsius_[i + 1] : own;
    // Regions at the ends of the row lose more.
    const bool is_end = i == 0 || i + 1 == celsius_.size();
    const double ambient = conductance_ * (is_end ? 1.35 : 1);
    const double all = inner + ambient - conductance_;
    const double still = is_end ? std::exp(-all * seconds / heat_capacity_) : inner_left;
    const double settled =
        (watt_[i] + ambient * around.ambient_celsius + coolant * around.coolant_celsius +
         kNeighbourWattPerKelvin * (left + right)) /
        all;
    before = own;
    celsius_[i] = std::min(settled + (own - settled) * still, kCelsiusMax);
    // exp() is dear.
    if (std::abs(celsius_[i] - own) > 1e-4) factor_[i] = ResistanceFactorAt(celsius_[i]);
  }
}

double PackPhysics::CurrentWithin(double wanted_a, double voltage_min, double voltage_max) const {
  // Mostly nothing is near a limit.
  constexpr double kOhmMax = 0.004;
  const double change = std::abs(wanted_a - current_a_) * kOhmMax;
  if (cell_min_ - change > voltage_min && cell_max_ + change < voltage_max) return wanted_a;
  double least = wanted_a;
  for (int i = 0; i < cells(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (i == defect_.cell && defect_.voltage_factor != 1) continue;
    const double r0 = resistance_ohm(i) + (i == defect_.cell ? defect_.extra_ohm : 0);
    const double open = curves_.RestVoltage(soc_[at]) + u1_[at];
    if (wanted_a > 0) {
      least = std::clamp((voltage_max - open) / r0, 0.0, least);
    } else {
      least = std::clamp((voltage_min - open) / r0, least, 0.0);
    }
  }
  return least;
}

void PackPhysics::Summarise() {
  const auto [low, high] = std::minmax_element(volts_.begin(), volts_.end());
  cell_min_ = *low;
  cell_max_ = *high;
  voltage_ = std::accumulate(volts_.begin(), volts_.end(), 0.0);
  soc_mean_ = std::accumulate(soc_.begin(), soc_.end(), 0.0) / static_cast<double>(soc_.size());
}

}  // namespace twin::twinsim
