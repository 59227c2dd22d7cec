#include "clients/twinsim/lives.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/twinsim/ageing.h"
#include "clients/twinsim/random.h"

namespace twin::twinsim {
namespace {

constexpr double kDaysPerMonth = 365.25 / 12;
constexpr double kDaysOfYear = 365.25;
// No vehicle of a fleet has these numbers' lives: they are drawn from seeds of their own.
constexpr uint64_t kSeedOfLives = 0x4C49564553;

double DayNumber(std::chrono::sys_days day) {
  return static_cast<double>(day.time_since_epoch().count());
}

// A pack on a day that need not be one of the simulation.
class AgedPack {
 public:
  explicit AgedPack(const Vehicle& vehicle)
      : vehicle_(vehicle),
        ageing_(vehicle),
        in_service_(DayNumber(vehicle.in_service)),
        days_(DayNumber(kFleetDay) - in_service_) {}

  //   use_ends: there is none after kFleetDay
  void Set(double day, bool use_ends) {
    const double use = (day - in_service_) / days_;
    day_ = day;
    cycles_ = vehicle_.cycles * std::max(use_ends ? std::min(use, 1.0) : use, 0.0);
    ageing_.Set((day - DayNumber(vehicle_.cells_made)) / kDaysOfYear, cycles_);
  }

  double soh() const { return 100 * (1 - ageing_.fade()); }
  double cycles() const { return cycles_; }
  HealthReport Report() const {
    const double off = vehicle_.bms_soh_percent - vehicle_.soh_percent;
    const double share = std::min(cycles_ / vehicle_.cycles, 1.0);
    return {.time = static_cast<int64_t>(day_ * 86'400),
            .cycles = Round(cycles_, 2),
            .bms_soh = std::clamp(std::round(soh() + off * share), 0.0, 100.0)};
  }

 private:
  const Vehicle& vehicle_;
  Ageing ageing_;
  const double in_service_;  // days since 1970
  const double days_;        // of service until kFleetDay
  double day_ = 0;
  double cycles_ = 0;
};

}  // namespace

std::vector<HealthReport> ReportsUntil(const Vehicle& vehicle, int64_t time) {
  std::vector<HealthReport> reports;
  AgedPack pack(vehicle);
  const double end = static_cast<double>(time) / 86'400;
  for (double day = DayNumber(vehicle.in_service); day < end; day += kDaysPerMonth) {
    pack.Set(day, /*use_ends=*/true);
    reports.push_back(pack.Report());
  }
  return reports;
}

WholeLife LifeUntil(const Vehicle& vehicle, double end_percent) {
  WholeLife life;
  AgedPack pack(vehicle);
  double soh_before = 100;
  double cycles_before = 0;
  for (double day = DayNumber(vehicle.in_service);; day += kDaysPerMonth) {
    pack.Set(day, /*use_ends=*/false);
    if (pack.soh() <= end_percent) {
      const double share = (soh_before - end_percent) / (soh_before - pack.soh());
      life.cycles = cycles_before + share * (pack.cycles() - cycles_before);
      return life;
    }
    soh_before = pack.soh();
    cycles_before = pack.cycles();
    life.reports.push_back(pack.Report());
  }
}

std::string LivesCsv(const LivesOptions& options) {
  std::string csv = "cell,cycle,capacity,life,vehicle_type\n";
  for (int64_t number = 1; number <= options.vehicles; ++number) {
    const Vehicle vehicle = MakeVehicle(options.seed ^ kSeedOfLives, number);
    const WholeLife life = LifeUntil(vehicle, options.end_percent);
    double last = -1;
    for (const HealthReport& report : life.reports) {
      if (report.cycles <= last) continue;  // hardly driven in that month
      last = report.cycles;
      absl::StrAppendFormat(&csv, "life-%04d,%.2f,%.0f,%.2f,%s\n", number, report.cycles,
                            report.bms_soh, life.cycles, vehicle.type->model);
    }
  }
  return csv;
}

std::string LivesCard(const LivesOptions& options) {
  return absl::StrFormat(
      R"({
  "card_version": 1,
  "kind": "lives",
  "training_data": "%d simulated lives of twinsim (seed %d): nothing of them was measured",
  "end_of_life": {"quantity": "capacity", "threshold": %g},
  "limits": [
    "The lives are those of twinsim's ageing model: capacity falls with the root of time and evenly with use, at rates drawn by chance.",
    "capacity is what a simulated BMS reports each month, in whole percents; life is when the true capacity reaches the end.",
    "It is good for vehicles that twinsim simulates, and says nothing of real ones."
  ],
  "made": {"command": "twinsim lives --vehicles %d --seed %d --end %g"}
}
)",
      options.vehicles, options.seed, options.end_percent, options.vehicles, options.seed,
      options.end_percent);
}

}  // namespace twin::twinsim
