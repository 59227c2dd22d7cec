// Times at which a battery has rested, so that its state of charge can be trusted, and the charge
// that flowed between them. Internal to server/predict.
#ifndef TWIN_SERVER_PREDICT_REST_POINTS_H_
#define TWIN_SERVER_PREDICT_REST_POINTS_H_

#include <vector>

#include "absl/types/span.h"

namespace twin::predict {

// Samples of one battery, oldest first; items of one index belong together.
struct ChargeSamples {
  absl::Span<const double> time;     // seconds
  absl::Span<const double> current;  // ampere, positive when charging
  absl::Span<const double> soc;      // percent
};

struct RestOptions {
  double rest_s = 600;        // so long without current, or without reports
  double rest_current = 0;    // ampere: less is none
  double gap_s = 300;         // without a report: the current is not known any more
  double soc_step_max = 1.5;  // percent: more of it across such a gap, and charge flowed unseen
};

struct RestPoint {
  double time = 0;
  double soc = 0;
  double charge_ah = 0;  // that flowed since the first sample
  int stretch = 0;       // between points of two stretches charge may have flowed unseen
};

// In time order. Samples that are not finite, or not later than the one before, are left out.
std::vector<RestPoint> FindRestPoints(const ChargeSamples& samples, const RestOptions& options);

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_REST_POINTS_H_
