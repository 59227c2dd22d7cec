// How a pack loses capacity: with time, by the root of it, and with charge that went through; both
// the faster the warmer (Arrhenius).
#ifndef TWIN_CLIENTS_TWINSIM_AGEING_H_
#define TWIN_CLIENTS_TWINSIM_AGEING_H_

#include "clients/twinsim/vehicle.h"

namespace twin::twinsim {

// Thread-compatible. Rates are the vehicle's own: chosen so that on kFleetDay it is as worn as it
// says it is.
class Ageing {
 public:
  explicit Ageing(const Vehicle& vehicle);

  // Puts it at an age: years since the cells were made, and full equivalent cycles, both as if at
  // the temperature that the rates stand for.
  void Set(double years, double cycles);

  // A while at a temperature and a state of charge (a share), with so many ampere hours through it,
  // both directions counted.
  void Pass(double seconds, double celsius, double soc, double throughput_ah);

  // Shares of the capacity that is lost: all of it, and what time and use have done.
  double fade() const { return calendar_fade() + cycle_fade(); }
  double calendar_fade() const;
  double cycle_fade() const;
  // Resistance as a multiple of the new cell's.
  double resistance_growth() const { return 1 + 2.2 * fade(); }

  // How much faster than at 25 °C.
  static double Arrhenius(double activation_joule_per_mole, double celsius);

 private:
  double capacity_ah_;
  double calendar_per_root_year_ = 0;
  double fade_per_cycle_ = 0;
  double years_ = 0;
  double cycles_ = 0;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_AGEING_H_
