// What a cell's chemistry decides: its voltage at rest, and how its resistance depends on
// temperature.
#ifndef TWIN_CLIENTS_TWINSIM_CELL_CURVES_H_
#define TWIN_CLIENTS_TWINSIM_CELL_CURVES_H_

#include <array>

#include "clients/twinsim/vehicle_types.h"

namespace twin::twinsim {

// Immutable, thread-safe. States of charge are shares, 0 to 1.
class CellCurves {
 public:
  // Of the pack's chemistry ("NMC", "LFP"), ending at its highest voltage.
  explicit CellCurves(const PackDesign& pack);

  // Voltage at rest, rising everywhere; beyond 0 and 1 it goes on in a steep line, as an abused
  // cell does. Cost: a few nanoseconds.
  double RestVoltage(double soc) const;
  // V per unit of state of charge.
  double Slope(double soc) const;
  // The state of charge with that voltage at rest, within [0, 1].
  double ChargeAt(double rest_voltage) const;

  // Resistance at that temperature, as a multiple of that at 25 °C.
  static double ResistanceFactor(double celsius);

 private:
  static constexpr int kSteps = 200;

  std::array<double, kSteps + 1> volts_{};  // at soc = i / kSteps
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_CELL_CURVES_H_
