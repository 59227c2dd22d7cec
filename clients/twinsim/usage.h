// What people do with a vehicle: how far it goes on a day and in which trips, when and how far it
// is charged, where it stands. Drawn from (seed, vehicle, day), so that any day can be asked for
// alone.
//
// The figures are those of a field study of 300 vehicles: 137 km a day and 26 km/h in the median,
// charged from 38 to 96 %, by 50 points; a day in five or so the vehicle stands.
#ifndef TWIN_CLIENTS_TWINSIM_USAGE_H_
#define TWIN_CLIENTS_TWINSIM_USAGE_H_

#include <cstdint>
#include <vector>

#include "clients/twinsim/vehicle.h"

namespace twin::twinsim {

// Times are seconds since 1970 UTC.
inline constexpr int64_t kSecondsPerDay = 86'400;

struct Trip {
  int64_t start = 0;
  double km = 0;
  double kmh_mean = 0;  // with stops
};

struct Charge {
  double below_percent = 0;  // it begins at the end of a trip, when the charge shown is below
  double to_percent = 0;     // and ends
  double power_kw_max = 0;   // of the charge point
};

// Immutable, thread-safe.
class Usage {
 public:
  Usage(const Vehicle& vehicle, uint64_t seed);

  // The trips that begin on that local day (days since 1970), in order.
  std::vector<Trip> TripsOf(int64_t day) const;
  // The n-th charge since a simulation took up its life.
  Charge ChargeAt(int64_t number) const;
  // Outside air, by the place's climate, season and time of day.
  double AmbientAt(int64_t time) const;

  int64_t LocalDay(int64_t time) const;
  double km_per_day() const { return km_per_day_; }

 private:
  uint64_t seed_;
  int64_t number_;
  double km_per_day_ = 0;  // on a day with trips, in the median
  double kmh_ = 0;
  double power_kw_max_ = 0;
  double ac_kw_ = 0;
  int charge_limit_percent_ = 100;
  int utc_offset_hours_ = 0;
  double celsius_year_ = 0;  // mean
  double celsius_season_ = 0;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_USAGE_H_
