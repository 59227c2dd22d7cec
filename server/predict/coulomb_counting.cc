// Capacity by counting charge between two rests: ΔAh / ΔSoC. Needs nothing but current, state of
// charge and the rated capacity, and is as good as the state of charge that the battery management
// system states at rest.
//
// Each span between rests with |ΔSoC| of 40 points or more is one measurement of the capacity. Its
// error comes from both states of charge (soc-sd, points) and from the current sensor's offset
// (current-offset, ampere). Spans are averaged by the inverse of their variance; what they all
// share (systematic-percent) does not become smaller by averaging. Without such a span:
// INSUFFICIENT_DATA.
#include <algorithm>
#include <cmath>
#include <utility>

#include "server/base/status_macros.h"
#include "server/predict/builtin.h"
#include "server/predict/rest_points.h"

namespace twin::predict {
namespace {

constexpr double kSpanSecondsMax = 72 * 3600;

struct CoulombOptions {
  double delta_soc_min = 40;      // points
  double soc_sd = 2;              // points, of one state of charge at rest
  double current_offset = 0.2;    // ampere, sd
  double systematic_percent = 1;  // of the capacity, sd
  double rest_minutes = 10;
  double rest_c_rate = 0.02;  // 1/h: less current is rest
};

struct Measured {
  double capacity = 0;  // Ah
  double sd = 0;
};

// The capacity by each span, as long as possible and not overlapping.
std::vector<Measured> MeasureSpans(const std::vector<RestPoint>& points,
                                   const CoulombOptions& options) {
  std::vector<Measured> spans;
  for (size_t i = 0; i < points.size(); ++i) {
    size_t best = i;
    double best_delta = 0;
    for (size_t j = i + 1; j < points.size(); ++j) {
      if (points[j].stretch != points[i].stretch) break;
      if (points[j].time - points[i].time > kSpanSecondsMax) break;
      const double delta = std::abs(points[j].soc - points[i].soc);
      if (delta > best_delta) {
        best = j;
        best_delta = delta;
      } else if (best_delta >= options.delta_soc_min) {
        break;  // it comes back
      }
    }
    if (best_delta < options.delta_soc_min) continue;
    const double share = (points[best].soc - points[i].soc) / 100;
    const double charge = points[best].charge_ah - points[i].charge_ah;
    const double capacity = charge / share;
    const double hours = (points[best].time - points[i].time) / 3600;
    if (capacity > 0) {
      const double by_soc = capacity * std::sqrt(2) * options.soc_sd / best_delta;
      const double by_offset = options.current_offset * hours / std::abs(share);
      spans.push_back({capacity, std::hypot(by_soc, by_offset)});
    }
    i = best - 1;  // the next one begins where this one ends
  }
  return spans;
}

Measured Combine(const std::vector<Measured>& spans, double systematic_percent) {
  double weights = 0;
  double sum = 0;
  for (const Measured& span : spans) {
    const double weight = 1 / (span.sd * span.sd);
    weights += weight;
    sum += weight * span.capacity;
  }
  Measured mean{sum / weights, std::sqrt(1 / weights)};
  // What the spans themselves say of their errors, where they say more.
  if (spans.size() >= 3) {
    double squares = 0;
    for (const Measured& span : spans) {
      squares += std::pow((span.capacity - mean.capacity) / span.sd, 2);
    }
    const double reduced = squares / static_cast<double>(spans.size() - 1);
    mean.sd *= std::sqrt(std::max(1.0, reduced));
  }
  mean.sd = std::hypot(mean.sd, mean.capacity * systematic_percent / 100);
  return mean;
}

class CoulombCounting : public LocalPredictor {
 public:
  explicit CoulombCounting(const CoulombOptions& options) : options_(options) {
    description_.name = "coulomb-counting";
    description_.version = "1";
    description_.description =
        "Capacity of a pack from the charge that flowed between rests, over what the state of "
        "charge changed.";
    description_.method = "coulombCounting";
    description_.target_model = "dtmi:twingraph:battery:BatteryPack;1";
    description_.features = {
        {.name = "ratedCapacity",
         .unit = "ampereHour",
         .description = "the 100 percent of state of health",
         .required = true,
         .min = 0.1,
         .max = 10'000},
        {.name = "time",
         .type = FeatureType::kSequence,
         .unit = "second",
         .description = "of the samples",
         .required = true},
        {.name = "current",
         .type = FeatureType::kSequence,
         .unit = "ampere",
         .description = "positive when charging",
         .required = true},
        {.name = "soc",
         .type = FeatureType::kSequence,
         .unit = "percent",
         .description = "as the battery management system states it",
         .required = true},
    };
    description_.outputs = {
        {.name = "soh", .path = "soh", .unit = "percent"},
        {.name = "capacity", .path = "remainingCapacity", .unit = "ampereHour"}};
    description_.default_query =
        "SELECT p.$dtId AS twin, p.ratedCapacity AS ratedCapacity,\n"
        "  COLLECT(CASE WHEN h.current IS NOT NULL AND h.soc IS NOT NULL THEN h.time END) AS "
        "time,\n"
        "  COLLECT(CASE WHEN h.soc IS NOT NULL THEN h.current END) AS current,\n"
        "  COLLECT(CASE WHEN h.current IS NOT NULL THEN h.soc END) AS soc\n"
        "FROM DIGITALTWINS MATCH (p:BatteryPack) OPTIONAL HISTORY h OF p.(current, soc) LAST 30d\n"
        "GROUP BY p.$dtId, p.ratedCapacity";
    description_.deadline_ms = 60'000;
    description_.training_data = "none: it is arithmetic";
  }

  const Description& description() const override { return description_; }

  absl::Status Compute(const Request& request, std::vector<OutputColumns>* outputs) override {
    for (size_t row = 0; row < request.rows(); ++row) Estimate(request, row, outputs);
    return absl::OkStatus();
  }

 private:
  static absl::Span<const double> Sequence(const FeatureColumn& column, size_t row) {
    return absl::MakeConstSpan(column.doubles)
        .subspan(column.offsets[row], column.offsets[row + 1] - column.offsets[row]);
  }

  static void Set(OutputColumns* output, size_t row, const Measured& measured) {
    output->values[row] = measured.capacity;
    output->lo[row] = std::max(0.0, measured.capacity - kNormal90 * measured.sd);
    output->hi[row] = measured.capacity + kNormal90 * measured.sd;
  }

  void Estimate(const Request& request, size_t row, std::vector<OutputColumns>* outputs) const {
    const double rated = request.columns[0].doubles[row];
    const ChargeSamples samples{.time = Sequence(request.columns[1], row),
                                .current = Sequence(request.columns[2], row),
                                .soc = Sequence(request.columns[3], row)};
    if (samples.current.size() != samples.time.size() ||
        samples.soc.size() != samples.time.size()) {
      for (OutputColumns& output : *outputs) output.statuses[row] = EstimateStatus::kError;
      return;
    }
    RestOptions rest;
    rest.rest_s = options_.rest_minutes * 60;
    rest.rest_current = options_.rest_c_rate * rated;
    const std::vector<Measured> spans = MeasureSpans(FindRestPoints(samples, rest), options_);
    if (spans.empty()) return;  // INSUFFICIENT_DATA, as it came
    const Measured capacity = Combine(spans, options_.systematic_percent);
    const Measured soh{100 * capacity.capacity / rated, 100 * capacity.sd / rated};
    Set(&(*outputs)[0], row, soh);
    Set(&(*outputs)[1], row, capacity);
    // Neither can be: the rated capacity or a sign is wrong.
    const EstimateStatus status = soh.capacity >= 20 && soh.capacity <= 120
                                      ? EstimateStatus::kOk
                                      : EstimateStatus::kOutOfDomain;
    for (OutputColumns& output : *outputs) output.statuses[row] = status;
  }

  const CoulombOptions options_;
  Description description_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<LocalPredictor>> MakeCoulombCounting(const BuiltinOptions& options) {
  CoulombOptions read;
  OptionReader reader(options);
  TWIN_RETURN_IF_ERROR(reader.Number("delta-soc-min", 10, 100, &read.delta_soc_min));
  TWIN_RETURN_IF_ERROR(reader.Number("soc-sd", 0.1, 20, &read.soc_sd));
  TWIN_RETURN_IF_ERROR(reader.Number("current-offset", 0, 100, &read.current_offset));
  TWIN_RETURN_IF_ERROR(reader.Number("systematic-percent", 0, 20, &read.systematic_percent));
  TWIN_RETURN_IF_ERROR(reader.Number("rest-minutes", 1, 600, &read.rest_minutes));
  TWIN_RETURN_IF_ERROR(reader.Number("rest-c-rate", 0.001, 0.2, &read.rest_c_rate));
  TWIN_RETURN_IF_ERROR(reader.End("coulomb-counting"));
  return std::make_shared<CoulombCounting>(read);
}

}  // namespace twin::predict
