// Capacity from a part of a charge: the charge between two voltages of the highest cell, over the
// charge that flowed between them when the pack was new. Needs no state of charge, hence suits
// packs whose management system states a wrong one; needs charges of about the current for which
// `new-share` was taken.
#include <algorithm>
#include <cmath>
#include <utility>

#include "server/base/status_macros.h"
#include "server/predict/builtin.h"

namespace twin::predict {
namespace {

constexpr double kGapSeconds = 120;

struct PartialOptions {
  double from_volt = 0;  // of a cell
  double to_volt = 0;
  double new_share = 0;      // of the rated capacity that flows between them when new
  double c_rate_min = 0.05;  // 1/h: what charges slower or faster is left alone
  double c_rate_max = 1;
  double sd_percent = 3;  // of one charge
  double systematic_percent = 1.5;
};

// Charges, in Ah, of each passage upwards through both voltages.
std::vector<double> MeasurePassages(absl::Span<const double> time, absl::Span<const double> current,
                                    absl::Span<const double> voltage, double rated,
                                    const PartialOptions& options) {
  std::vector<double> passages;
  bool is_inside = false;
  double charge = 0;
  for (size_t i = 1; i < time.size(); ++i) {
    const double seconds = time[i] - time[i - 1];
    const double c_rate = (current[i] + current[i - 1]) / 2 / rated;
    const double rise = voltage[i] - voltage[i - 1];
    const bool is_charging = seconds > 0 && seconds <= kGapSeconds &&
                             c_rate >= options.c_rate_min && c_rate <= options.c_rate_max;
    if (!is_charging) {
      is_inside = false;
      continue;
    }
    const double amount = c_rate * rated * seconds / 3600;
    if (is_inside) {
      if (voltage[i] < options.to_volt) {
        charge += amount;
      } else {
        const double part = rise > 0 ? (options.to_volt - voltage[i - 1]) / rise : 1;
        passages.push_back(charge + amount * std::clamp(part, 0.0, 1.0));
        is_inside = false;
      }
    } else if (voltage[i - 1] < options.from_volt && voltage[i] >= options.from_volt &&
               voltage[i] < options.to_volt) {
      is_inside = true;
      charge = amount * std::clamp((voltage[i] - options.from_volt) / rise, 0.0, 1.0);
    }
  }
  return passages;
}

class PartialCharge : public LocalPredictor {
 public:
  explicit PartialCharge(const PartialOptions& options) : options_(options) {
    description_.name = "partial-charge";
    description_.version = "1";
    description_.description =
        "Capacity of a pack from the charge between two cell voltages, against that of a new one.";
    description_.method = "partialCharge";
    description_.target_model = "dtmi:twingraph:battery:BatteryPack;1";
    const auto sequence = [](const char* name, const char* unit, const char* text) {
      return Feature{.name = name,
                     .type = FeatureType::kSequence,
                     .unit = unit,
                     .description = text,
                     .required = true};
    };
    description_.features = {{.name = "ratedCapacity",
                              .unit = "ampereHour",
                              .description = "the 100 percent of state of health",
                              .required = true,
                              .min = 0.1,
                              .max = 10'000},
                             sequence("time", "second", "of the samples"),
                             sequence("current", "ampere", "positive when charging"),
                             sequence("cellVoltageMax", "volt", "of the highest cell")};
    description_.outputs = {
        {.name = "soh", .path = "soh", .unit = "percent"},
        {.name = "capacity", .path = "remainingCapacity", .unit = "ampereHour"}};
    description_.default_query =
        "SELECT p.$dtId AS twin, p.ratedCapacity AS ratedCapacity,\n"
        "  COLLECT(CASE WHEN h.current IS NOT NULL AND h.cellVoltageMax IS NOT NULL THEN h.time "
        "END) "
        "AS time,\n"
        "  COLLECT(CASE WHEN h.cellVoltageMax IS NOT NULL THEN h.current END) AS current,\n"
        "  COLLECT(CASE WHEN h.current IS NOT NULL THEN h.cellVoltageMax END) AS cellVoltageMax\n"
        "FROM DIGITALTWINS MATCH (p:BatteryPack)\n"
        "OPTIONAL HISTORY h OF p.(current, cellVoltageMax) LAST 30d\n"
        "GROUP BY p.$dtId, p.ratedCapacity";
    description_.deadline_ms = 60'000;
    description_.training_data = "none: it is arithmetic on what the options say of a new pack";
  }

  const Description& description() const override { return description_; }

  absl::Status Compute(const Request& request, std::vector<OutputColumns>* outputs) override {
    for (size_t row = 0; row < request.rows(); ++row) {
      const auto sequence = [&](size_t column) {
        const FeatureColumn& values = request.columns[column];
        return absl::MakeConstSpan(values.doubles)
            .subspan(values.offsets[row], values.offsets[row + 1] - values.offsets[row]);
      };
      const double rated = request.columns[0].doubles[row];
      if (sequence(2).size() != sequence(1).size() || sequence(3).size() != sequence(1).size()) {
        for (OutputColumns& output : *outputs) output.statuses[row] = EstimateStatus::kError;
        continue;
      }
      Fill(MeasurePassages(sequence(1), sequence(2), sequence(3), rated, options_), rated, row,
           outputs);
    }
    return absl::OkStatus();
  }

 private:
  void Fill(std::vector<double> passages, double rated, size_t row,
            std::vector<OutputColumns>* outputs) const {
    if (passages.empty()) return;  // INSUFFICIENT_DATA, as it came
    // One that was cut short or disturbed does not pull the median.
    std::sort(passages.begin(), passages.end());
    const size_t middle = passages.size() / 2;
    const double median =
        passages.size() % 2 == 1 ? passages[middle] : (passages[middle - 1] + passages[middle]) / 2;
    const double soh = 100 * median / (options_.new_share * rated);
    const double sd =
        soh / 100 *
        std::hypot(options_.sd_percent / std::sqrt(static_cast<double>(passages.size())),
                   options_.systematic_percent);
    const double scales[] = {1, rated / 100};
    for (size_t i = 0; i < outputs->size(); ++i) {
      OutputColumns& output = (*outputs)[i];
      output.values[row] = soh * scales[i];
      output.lo[row] = std::max(0.0, soh - kNormal90 * sd) * scales[i];
      output.hi[row] = (soh + kNormal90 * sd) * scales[i];
      output.statuses[row] =
          soh >= 20 && soh <= 120 ? EstimateStatus::kOk : EstimateStatus::kOutOfDomain;
    }
  }

  const PartialOptions options_;
  Description description_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<LocalPredictor>> MakePartialCharge(const BuiltinOptions& options) {
  PartialOptions read;
  OptionReader reader(options);
  TWIN_RETURN_IF_ERROR(reader.Number("from-volt", 0.5, 6, &read.from_volt));
  TWIN_RETURN_IF_ERROR(reader.Number("to-volt", 0.5, 6, &read.to_volt));
  TWIN_RETURN_IF_ERROR(reader.Number("new-share", 0.05, 1, &read.new_share));
  TWIN_RETURN_IF_ERROR(reader.Number("c-rate-min", 0.001, 20, &read.c_rate_min));
  TWIN_RETURN_IF_ERROR(reader.Number("c-rate-max", 0.001, 20, &read.c_rate_max));
  TWIN_RETURN_IF_ERROR(reader.Number("sd-percent", 0.1, 50, &read.sd_percent));
  TWIN_RETURN_IF_ERROR(reader.Number("systematic-percent", 0, 50, &read.systematic_percent));
  TWIN_RETURN_IF_ERROR(reader.End("partial-charge"));
  if (read.new_share == 0 || read.from_volt >= read.to_volt) {
    return absl::InvalidArgumentError(
        "options: partial-charge needs from-volt, to-volt (greater) and new-share: the share of "
        "the rated "
        "capacity that a new pack takes between these cell voltages");
  }
  return std::make_shared<PartialCharge>(read);
}

}  // namespace twin::predict
