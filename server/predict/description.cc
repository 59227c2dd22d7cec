#include "server/predict/description.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/status_macros.h"
#include "server/predict/document_value.h"

namespace twin::predict {
namespace {

absl::string_view TypeName(FeatureType type) {
  switch (type) {
    case FeatureType::kDouble:
      return "DOUBLE";
    case FeatureType::kString:
      return "STRING";
    case FeatureType::kSequence:
      return "SEQUENCE";
  }
  return "";
}

template <typename Item>
absl::Status CheckNames(absl::string_view what, const std::vector<Item>& items) {
  std::vector<absl::string_view> names;
  for (const Item& item : items) {
    if (item.name.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("one of the predictor's ", what, " has no name"));
    }
    names.push_back(item.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("two of the predictor's ", what, " have the name '", *twice, "'"));
}

}  // namespace

absl::StatusOr<Value> FromBytes(absl::string_view bytes) {
  Value value;
  TWIN_RETURN_IF_ERROR(Value::Decode(&bytes, &value));
  if (!bytes.empty() || value.kind() != Value::Kind::kMap) {
    return absl::DataLossError("a document of predictors cannot be read");
  }
  return value;
}

std::string FeatureSchemaHash(absl::Span<const Feature> features) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const Feature& feature : features) {
    const std::string line =
        absl::StrCat(feature.name, "\t", TypeName(feature.type), "\t", feature.unit, "\n");
    for (const char c : line) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return absl::StrFormat("%016x", hash);
}

absl::Status CheckSameOutputs(const Description& registered, const Description& now) {
  const auto is_same = [](const Output& a, const Output& b) {
    return a.name == b.name && a.path == b.path && a.unit == b.unit;
  };
  if (registered.target_model == now.target_model &&
      std::equal(registered.outputs.begin(), registered.outputs.end(), now.outputs.begin(),
                 now.outputs.end(), is_same)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      "the service estimates something else now (another model, or outputs of other names, paths "
      "or units); register it again with --replace");
}

absl::Status CheckDescription(const Description& description) {
  const auto missing = [](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("the predictor's description has no ", what));
  };
  if (description.name.empty()) return missing("name");
  if (description.version.empty()) return missing("version");
  if (description.target_model.empty()) return missing("target_model");
  if (description.features.empty()) return missing("features");
  if (description.outputs.empty()) return missing("outputs");
  if (description.features.size() > kFeaturesMax || description.outputs.size() > kOutputsMax) {
    return absl::InvalidArgumentError(absl::StrCat("the predictor has more than ", kFeaturesMax,
                                                   " features or ", kOutputsMax, " outputs"));
  }
  if (const size_t bytes = Encode(description).EncodedSize(); bytes > kDescriptionBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("the predictor's description takes ", bytes,
                                                   " bytes; it may take ", kDescriptionBytesMax));
  }
  TWIN_RETURN_IF_ERROR(CheckNames("features", description.features));
  TWIN_RETURN_IF_ERROR(CheckNames("outputs", description.outputs));
  for (const Output& output : description.outputs) {
    if (!(output.level > 0 && output.level < 1)) {
      return absl::InvalidArgumentError(absl::StrCat("output '", output.name, "': its level ",
                                                     output.level, " is not between 0 and 1"));
    }
  }
  const std::string hash = FeatureSchemaHash(description.features);
  if (!description.stated_hash.empty() && description.stated_hash != hash) {
    return absl::FailedPreconditionError(
        absl::StrCat("the predictor states the feature schema hash ", description.stated_hash,
                     ", but its features have ", hash, "; see Feature in predictor.proto"));
  }
  return absl::OkStatus();
}

Value Encode(const Description& description) {
  ValueArray features;
  for (const Feature& feature : description.features) {
    features.push_back(MapBuilder()
                           .Add("name", feature.name)
                           .AddInt("type", static_cast<int64_t>(feature.type))
                           .Add("unit", feature.unit)
                           .Add("description", feature.description)
                           .AddBool("required", feature.required)
                           .AddDouble("min", feature.min)
                           .AddDouble("max", feature.max)
                           .Build());
  }
  ValueArray outputs;
  for (const Output& output : description.outputs) {
    outputs.push_back(MapBuilder()
                          .Add("name", output.name)
                          .Add("path", output.path)
                          .Add("unit", output.unit)
                          .AddDouble("level", output.level)
                          .Build());
  }
  MapBuilder builder;
  builder.Add("name", description.name)
      .Add("version", description.version)
      .Add("description", description.description)
      .Add("method", description.method)
      .Add("targetModel", description.target_model)
      .Add("features", Value::Array(std::move(features)))
      .Add("outputs", Value::Array(std::move(outputs)))
      .Add("defaultQuery", description.default_query)
      .AddInt("batchRowsMax", description.batch_rows_max)
      .AddInt("deadlineMs", description.deadline_ms)
      .Add("trainingData", description.training_data);
  const Validity& validity = description.validity;
  builder.AddStrings("chemistries", validity.chemistries)
      .AddDouble("temperatureMin", validity.temperature_min)
      .AddDouble("temperatureMax", validity.temperature_max)
      .AddDouble("socMin", validity.soc_min)
      .AddDouble("socMax", validity.soc_max)
      .AddDouble("cyclesMin", validity.cycles_min)
      .AddDouble("stalenessMaxHours", validity.staleness_max_hours);
  if (description.end_of_life.has_value()) {
    builder.Add("eolQuantity", description.end_of_life->quantity)
        .AddDouble("eolThreshold", description.end_of_life->threshold);
  }
  if (description.held_out.has_value()) {
    const HeldOutMetrics& metrics = *description.held_out;
    builder.Add("heldOut", MapBuilder()
                               .AddInt("cells", metrics.cells)
                               .AddInt("points", metrics.points)
                               .AddDouble("rmse", metrics.rmse)
                               .AddDouble("mae", metrics.mae)
                               .AddDouble("mape", metrics.mape)
                               .AddDouble("coverage", metrics.coverage)
                               .Build());
  }
  return builder.Build();
}

absl::StatusOr<Description> DecodeDescription(const Value& value) {
  const MapReader map(value);
  Description description;
  description.name = map.Text("name");
  description.version = map.Text("version");
  description.description = map.Text("description");
  description.method = map.Text("method");
  description.target_model = map.Text("targetModel");
  for (const Value& item : map.Items("features")) {
    const MapReader feature(item);
    description.features.push_back({.name = feature.Text("name"),
                                    .type = static_cast<FeatureType>(feature.Int("type")),
                                    .unit = feature.Text("unit"),
                                    .description = feature.Text("description"),
                                    .required = feature.Bool("required"),
                                    .min = feature.Double("min"),
                                    .max = feature.Double("max")});
  }
  for (const Value& item : map.Items("outputs")) {
    const MapReader output(item);
    description.outputs.push_back({.name = output.Text("name"),
                                   .path = output.Text("path"),
                                   .unit = output.Text("unit"),
                                   .level = output.Double("level").value_or(0)});
  }
  description.default_query = map.Text("defaultQuery");
  description.batch_rows_max = map.Int("batchRowsMax");
  description.deadline_ms = map.Int("deadlineMs");
  description.training_data = map.Text("trainingData");
  Validity& validity = description.validity;
  validity.chemistries = map.Strings("chemistries");
  validity.temperature_min = map.Double("temperatureMin");
  validity.temperature_max = map.Double("temperatureMax");
  validity.soc_min = map.Double("socMin");
  validity.soc_max = map.Double("socMax");
  validity.cycles_min = map.Double("cyclesMin");
  validity.staleness_max_hours = map.Double("stalenessMaxHours");
  if (map.Find("eolQuantity") != nullptr) {
    description.end_of_life = EndOfLife{.quantity = map.Text("eolQuantity"),
                                        .threshold = map.Double("eolThreshold").value_or(0)};
  }
  if (const Value* const found = map.Find("heldOut"); found != nullptr) {
    const MapReader metrics(*found);
    description.held_out = HeldOutMetrics{.cells = static_cast<uint32_t>(metrics.Int("cells")),
                                          .points = static_cast<uint32_t>(metrics.Int("points")),
                                          .rmse = metrics.Double("rmse").value_or(0),
                                          .mae = metrics.Double("mae").value_or(0),
                                          .mape = metrics.Double("mape"),
                                          .coverage = metrics.Double("coverage")};
  }
  if (const absl::Status status = CheckDescription(description); !status.ok()) {
    return absl::DataLossError(
        absl::StrCat("a predictor's description cannot be read: ", status.message()));
  }
  return description;
}

}  // namespace twin::predict
