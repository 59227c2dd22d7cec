// What a predictor says of itself: which features it wants, which estimates it gives. Plain data.
#ifndef TWIN_SERVER_PREDICT_DESCRIPTION_H_
#define TWIN_SERVER_PREDICT_DESCRIPTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/base/value.h"

namespace twin::predict {

enum class FeatureType : uint8_t {
  kDouble,  // booleans as 0 and 1, times as seconds since 1970 UTC, durations as seconds
  kString,
  kSequence,  // numbers in a row, any count
};

// A column of the feature query.
struct Feature {
  std::string name;
  FeatureType type = FeatureType::kDouble;
  std::string unit = {};  // as DTDL spells it; empty: a plain number
  std::string description = {};
  bool required = false;           // without it a row is INSUFFICIENT_DATA and not sent
  std::optional<double> min = {};  // outside of them a row is OUT_OF_DOMAIN and not sent
  std::optional<double> max = {};
};

struct Output {
  std::string name;
  std::string path;    // of an estimate in the target model: "soh"
  std::string unit;    // of value, lo and hi
  double level = 0.9;  // share of true values within lo … hi
};

struct Validity {
  std::vector<std::string> chemistries;
  std::optional<double> temperature_min, temperature_max;  // degrees Celsius
  std::optional<double> soc_min, soc_max;                  // percent
  std::optional<double> cycles_min, staleness_max_hours;
};

struct EndOfLife {
  std::string quantity;
  double threshold = 0;  // percent of the rated value
};

struct HeldOutMetrics {
  uint32_t cells = 0, points = 0;
  double rmse = 0, mae = 0;  // in the unit of the first output
  std::optional<double> mape, coverage;
};

struct Description {
  std::string name;
  std::string version;
  std::string description;
  std::string method;
  std::string target_model;  // DTMI
  std::vector<Feature> features;
  std::string stated_hash;  // what a service says it is; empty: it says nothing
  std::vector<Output> outputs;
  std::string default_query;
  int64_t batch_rows_max = 10'000;
  int64_t deadline_ms = 10'000;
  Validity validity;
  std::optional<EndOfLife> end_of_life;
  std::string training_data;
  std::optional<HeldOutMetrics> held_out;
};

inline constexpr size_t kFeaturesMax = 1'000;
inline constexpr size_t kOutputsMax = 16;
inline constexpr size_t kDescriptionBytesMax = 256 << 10;  // of all its texts, about

// As proto/twingraph/v1/predictor.proto defines it: 16 hexadecimal digits.
std::string FeatureSchemaHash(absl::Span<const Feature> features);

// FAILED_PRECONDITION: a service estimates something else than what was registered: another
// model's, or outputs with other names, paths or units.
absl::Status CheckSameOutputs(const Description& registered, const Description& now);

// INVALID_ARGUMENT: it lacks something, says it twice or says too much. FAILED_PRECONDITION: the
// hash that it states is not that of its features.
absl::Status CheckDescription(const Description& description);

// For documents. DATA_LOSS: no such value.
Value Encode(const Description& description);
absl::StatusOr<Description> DecodeDescription(const Value& value);

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_DESCRIPTION_H_
