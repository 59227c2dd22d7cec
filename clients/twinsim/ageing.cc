#include "clients/twinsim/ageing.h"

#include <algorithm>
#include <cmath>

namespace twin::twinsim {
namespace {

constexpr double kSecondsPerYear = 365.25 * 86400;
// Activation energies of field and laboratory studies of calendar and cycle ageing.
constexpr double kCalendarJoulePerMole = 50'000;
constexpr double kCycleJoulePerMole = 30'000;
constexpr double kGasConstant = 8.314;
// Of what a pack has lost on kFleetDay, the part that time took.
constexpr double kCalendarShare = 0.4;

}  // namespace

Ageing::Ageing(const Vehicle& vehicle) : capacity_ah_(vehicle.type->pack.cell_capacity_ah) {
  const double years =
      std::max(static_cast<double>((kFleetDay - vehicle.cells_made).count()) / 365.25, 0.1);
  const double lost = 1 - vehicle.soh_percent / 100;
  const double cycles = std::max(vehicle.cycles, 1.0);
  calendar_per_root_year_ = kCalendarShare * lost / std::sqrt(years);
  fade_per_cycle_ = (1 - kCalendarShare) * lost / cycles;
  Set(years, cycles);
}

void Ageing::Set(double years, double cycles) {
  years_ = years;
  cycles_ = cycles;
}

void Ageing::Pass(double seconds, double celsius, double soc, double throughput_ah) {
  // A full cell ages about twice as fast as an empty one.
  const double stress = 0.65 + 0.7 * std::clamp(soc, 0.0, 1.0);
  years_ += seconds / kSecondsPerYear * stress * Arrhenius(kCalendarJoulePerMole, celsius);
  cycles_ += throughput_ah / (2 * capacity_ah_) * Arrhenius(kCycleJoulePerMole, celsius);
}

double Ageing::calendar_fade() const { return calendar_per_root_year_ * std::sqrt(years_); }
double Ageing::cycle_fade() const { return fade_per_cycle_ * cycles_; }

double Ageing::Arrhenius(double activation_joule_per_mole, double celsius) {
  return std::exp(activation_joule_per_mole / kGasConstant * (1 / 298.15 - 1 / (celsius + 273.15)));
}

}  // namespace twin::twinsim
