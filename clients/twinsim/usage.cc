#include "clients/twinsim/usage.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "clients/twinsim/fleet.h"
#include "clients/twinsim/random.h"

namespace twin::twinsim {
namespace {

// Streams of random numbers that have nothing to do with each other.
enum Purpose : uint64_t { kOfVehicle = 1, kOfDay = 2, kOfCharge = 3, kOfWeather = 4 };

Random RandomFor(uint64_t seed, int64_t number, Purpose purpose, int64_t index) {
  return {Mix(seed) ^ Mix(static_cast<uint64_t>(number) * 8 + purpose),
          static_cast<uint64_t>(index)};
}

// Around 0 with standard deviation 1, within ±4.
double Normal(Random* random) {
  double sum = 0;
  for (int i = 0; i < 4; ++i) sum += random->Bell();
  return sum / 4 * 6;  // one Bell() has a deviation of 1/3
}

struct Climate {
  int utc_offset_hours;
  double celsius_year;
  double celsius_season;
};
// Of the depots, in their order.
constexpr Climate kClimates[] = {
    {1, 10.5, 9.5}, {1, 6.5, 11}, {8, 17, 12}, {0, 10, 6.5}, {-7, 10.5, 12.5}};

constexpr double kDayWithoutTrips = 0.12;
constexpr double kKmPerDayMin = 30;
constexpr double kKmPerDayMax = 195;

}  // namespace

Usage::Usage(const Vehicle& vehicle, uint64_t seed)
    : seed_(seed),
      number_(vehicle.number),
      power_kw_max_(vehicle.type->pack.power_kw_max),
      charge_limit_percent_(vehicle.charge_limit_percent) {
  Random random = RandomFor(seed_, number_, kOfVehicle, 0);
  km_per_day_ = std::clamp(137 * std::exp(0.42 * Normal(&random)), kKmPerDayMin, kKmPerDayMax);
  // Who goes farther goes faster.
  kmh_ = 26 * std::pow(km_per_day_ / 137, 0.35) * std::exp(0.1 * random.Bell());
  ac_kw_ = random.Integer(0, 2) == 0 ? 7.4 : 11;
  const Climate& climate = kClimates[DepotIndexOf(number_) % std::size(kClimates)];
  utc_offset_hours_ = climate.utc_offset_hours;
  celsius_year_ = climate.celsius_year;
  celsius_season_ = climate.celsius_season;
}

int64_t Usage::LocalDay(int64_t time) const {
  const int64_t local = time + utc_offset_hours_ * 3600;
  return local >= 0 ? local / kSecondsPerDay : (local + 1) / kSecondsPerDay - 1;
}

std::vector<Trip> Usage::TripsOf(int64_t day) const {
  Random random = RandomFor(seed_, number_, kOfDay, day);
  std::vector<Trip> trips;
  if (random.Real(0, 1) < kDayWithoutTrips) return trips;
  const double km =
      std::clamp(km_per_day_ * std::exp(0.22 * Normal(&random)), 5.0, kKmPerDayMax * 1.15);
  const int count = std::clamp(static_cast<int>(std::lround(km / 24)), 2, 9);
  std::vector<double> shares;
  double all = 0;
  for (int i = 0; i < count; ++i) {
    shares.push_back(random.Real(0.5, 1.5));
    all += shares.back();
  }
  // From the morning on, evenly through the day.
  const double begin = random.Real(5.8, 8.5) * 3600;
  const double end = std::max(random.Real(18.5, 22) * 3600, begin + 1.6 * km / kmh_ * 3600);
  const int64_t midnight = day * kSecondsPerDay - utc_offset_hours_ * 3600;
  double at = begin;
  for (int i = 0; i < count; ++i) {
    const double share = shares[static_cast<size_t>(i)] / all;
    trips.push_back({.start = midnight + static_cast<int64_t>(at + random.Real(0, 600)),
                     .km = km * share,
                     .kmh_mean = kmh_ * std::exp(0.15 * random.Bell())});
    at += (end - begin) * share;
  }
  return trips;
}

Charge Usage::ChargeAt(int64_t number) const {
  Random random = RandomFor(seed_, number_, kOfCharge, number);
  Charge charge;
  charge.below_percent = std::clamp(44 + 15 * Normal(&random), 12.0, 84.0);
  // Who has a limit set keeps to it.
  charge.to_percent = charge_limit_percent_ < 100 ? charge_limit_percent_
                                                  : std::min(97.3 + 2.2 * Normal(&random), 100.0);
  charge.power_kw_max =
      random.Real(0, 1) < 0.4 ? std::min(random.Integer(5, 15) * 10.0, power_kw_max_) : ac_kw_;
  return charge;
}

double Usage::AmbientAt(int64_t time) const {
  constexpr double kWarmestDay = 200;  // of the year
  const int64_t day = LocalDay(time);
  // The same for all of a place. Asked for in every step, so without an engine.
  const double weather =
      12 * (ShareOf(Mix(Mix(seed_ + kOfWeather) ^
                        Mix(DepotIndexOf(number_) * 100'000 + static_cast<uint64_t>(day)))) -
            0.5);
  const double of_year = static_cast<double>(day % 365) - kWarmestDay;
  const double hour =
      static_cast<double>(time + utc_offset_hours_ * 3600 - day * kSecondsPerDay) / 3600;
  return celsius_year_ + weather +
         celsius_season_ * std::cos(2 * std::numbers::pi * of_year / 365.25) +
         4.5 * std::cos(2 * std::numbers::pi * (hour - 15) / 24);
}

}  // namespace twin::twinsim
