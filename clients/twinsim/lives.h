// Lives of packs by the ageing model (ageing.h) alone, months at a time: what was reported of a
// pack before its life was simulated in detail, and whole lives, from which predictors of remaining
// life learn. Nothing of it was measured.
#ifndef TWIN_CLIENTS_TWINSIM_LIVES_H_
#define TWIN_CLIENTS_TWINSIM_LIVES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "clients/twinsim/vehicle.h"

namespace twin::twinsim {

// What a BMS says of its pack in one month: whole percents, off by what it is off on kFleetDay
// times the share of use until then.
struct HealthReport {
  int64_t time = 0;   // seconds since 1970
  double cycles = 0;  // full equivalent ones
  double bms_soh = 0;
};

// Each month from the first day of service until then. Use is even until kFleetDay; afterwards the
// pack stands, as in VehicleLife, which takes its life up later.
std::vector<HealthReport> ReportsUntil(const Vehicle& vehicle, int64_t time);

struct WholeLife {
  std::vector<HealthReport> reports;  // each month, with even use, until it has ended
  double cycles = 0;                  // until the end
};

//   end_percent: of the rated capacity that is left at the end, truly
WholeLife LifeUntil(const Vehicle& vehicle, double end_percent);

struct LivesOptions {
  uint64_t seed = 1;
  int64_t vehicles = 60;
  double end_percent = 70;
};

// The library that the built-in predictor trajectory-similarity reads (docs/predictors.md), and its
// card. The same options give the same bytes.
std::string LivesCsv(const LivesOptions& options);
std::string LivesCard(const LivesOptions& options);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_LIVES_H_
