#include "server/predict/rest_points.h"

#include <algorithm>
#include <cmath>

namespace twin::predict {

// A point is the end of each rest: the last sample without current after rest_s of it, and both
// sides of a pause in the reports of that length (a vehicle that is off says nothing). The current
// between two samples is the mean of both.
std::vector<RestPoint> FindRestPoints(const ChargeSamples& samples, const RestOptions& options) {
  std::vector<RestPoint> points;
  bool has_last = false;
  double time = 0;
  double current = 0;
  double soc = 0;
  double rest_since = 0;  // of the last sample, if it is one without current
  double charge = 0;
  int stretch = 0;
  const auto is_none = [&](double ampere) { return std::abs(ampere) <= options.rest_current; };
  const auto add = [&] {
    if (points.empty() || points.back().time < time) {
      points.push_back({time, soc, charge, stretch});
    }
  };
  for (size_t i = 0; i < samples.time.size(); ++i) {
    const double t = samples.time[i];
    const double ampere = samples.current[i];
    const double percent = samples.soc[i];
    if (!std::isfinite(t) || !std::isfinite(ampere) || !std::isfinite(percent)) continue;
    if (has_last && t <= time) continue;
    if (!has_last) {
      rest_since = t;
    } else {
      const bool was_none = is_none(current);
      const bool was_resting = was_none && time - rest_since >= options.rest_s;
      const double seconds = t - time;
      if (seconds > options.gap_s) {
        const bool is_same = std::abs(percent - soc) <= options.soc_step_max;
        if (was_resting) add();
        if (!is_same) ++stretch;
        // Nothing was reported for as long as a rest takes: what it says now is rested.
        rest_since = seconds >= options.rest_s ? t - options.rest_s : t;
        time = t;
        current = ampere;
        soc = percent;
        if (seconds >= options.rest_s) add();
        continue;
      }
      if (was_resting && !is_none(ampere)) add();
      charge += (current + ampere) / 2 * seconds / 3600;
      if (!is_none(ampere) || !was_none) rest_since = t;
    }
    has_last = true;
    time = t;
    current = ampere;
    soc = percent;
  }
  if (has_last && is_none(current) && time - rest_since >= options.rest_s) add();
  return points;
}

}  // namespace twin::predict
