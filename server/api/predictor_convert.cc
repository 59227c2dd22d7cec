#include "server/api/predictor_convert.h"

#include <optional>
#include <string>
#include <vector>

#include "server/api/convert.h"

namespace twin::api {
namespace {

// An optional field of a message that is there or not.
#define TWIN_OPTIONAL(message, field) \
  ((message).has_##field() ? std::optional<double>((message).field()) : std::nullopt)

template <typename Set>
void SetOptional(const std::optional<double>& value, Set set) {
  if (value.has_value()) set(*value);
}

void FeatureToProto(const predict::Feature& from, pb::PredictorDescription::Feature* to) {
  to->set_name(from.name);
  to->set_type(static_cast<pb::PredictorDescription::Feature::Type>(from.type));
  to->set_unit(from.unit);
  to->set_description(from.description);
  to->set_required(from.required);
  SetOptional(from.min, [to](double value) { to->set_min(value); });
  SetOptional(from.max, [to](double value) { to->set_max(value); });
}

void ValidityToProto(const predict::Validity& from, pb::PredictorDescription::Validity* to) {
  for (const std::string& chemistry : from.chemistries) to->add_chemistries(chemistry);
  SetOptional(from.temperature_min, [to](double value) { to->set_temperature_min(value); });
  SetOptional(from.temperature_max, [to](double value) { to->set_temperature_max(value); });
  SetOptional(from.soc_min, [to](double value) { to->set_soc_min(value); });
  SetOptional(from.soc_max, [to](double value) { to->set_soc_max(value); });
  SetOptional(from.cycles_min, [to](double value) { to->set_cycles_min(value); });
  SetOptional(from.staleness_max_hours, [to](double value) { to->set_staleness_max_hours(value); });
}

predict::FeatureType TypeFromProto(pb::PredictorDescription::Feature::Type type) {
  switch (type) {
    case pb::PredictorDescription::Feature::STRING:
      return predict::FeatureType::kString;
    case pb::PredictorDescription::Feature::SEQUENCE:
      return predict::FeatureType::kSequence;
    default:
      return predict::FeatureType::kDouble;
  }
}

predict::EstimateStatus StatusFromProto(int status) {
  const bool is_known = status >= 0 && status < predict::kEstimateStatuses;
  return is_known ? static_cast<predict::EstimateStatus>(status) : predict::EstimateStatus::kError;
}

void ColumnToProto(const predict::FeatureColumn& from, size_t rows, predict::FeatureType type,
                   pb::FeatureColumn* to) {
  if (!from.nulls.empty()) {
    std::string bits((rows + 7) / 8, '\0');
    for (size_t row = 0; row < rows; ++row) {
      if (from.nulls[row] != 0) {
        bits[row >> 3] = static_cast<char>(bits[row >> 3] | (1 << (row & 7)));
      }
    }
    to->set_nulls(std::move(bits));
  }
  to->mutable_doubles()->Add(from.doubles.begin(), from.doubles.end());
  for (const std::string& text : from.strings) to->add_strings(text);
  if (type == predict::FeatureType::kSequence) {
    to->mutable_offsets()->Add(from.offsets.begin(), from.offsets.end());
  }
}

void SpecToProto(const predict::Spec& from, pb::PredictorSpec* to) {
  to->set_name(from.name);
  if (from.address.empty()) {
    to->set_builtin(from.builtin);
  } else {
    to->set_address(from.address);
  }
  to->set_predictor(from.predictor);
  to->mutable_options()->insert(from.options.begin(), from.options.end());
  to->set_query(from.query);
  to->mutable_paths()->insert(from.paths.begin(), from.paths.end());
  to->set_interval_ms(static_cast<uint64_t>(from.interval_ms));
  for (const std::string& path : from.change_paths) to->add_change_paths(path);
  to->set_change_delay_ms(static_cast<uint32_t>(from.change_delay_ms));
  to->set_batch_rows(static_cast<uint32_t>(from.batch_rows));
  to->set_batches_in_flight(static_cast<uint32_t>(from.batches_in_flight));
  to->set_deadline_ms(static_cast<uint32_t>(from.deadline_ms));
  to->set_role(from.is_shadow ? pb::PredictorSpec::SHADOW : pb::PredictorSpec::CHAMPION);
  to->set_truth_path(from.truth_path);
}

}  // namespace

predict::Spec FromProto(const pb::PredictorSpec& message) {
  predict::Spec spec;
  spec.name = message.name();
  spec.builtin = message.builtin();
  spec.address = message.address();
  spec.predictor = message.predictor();
  spec.options.insert(message.options().begin(), message.options().end());
  spec.query = message.query();
  spec.paths.insert(message.paths().begin(), message.paths().end());
  // What does not fit is refused as too long.
  spec.interval_ms =
      message.interval_ms() > INT64_MAX ? INT64_MAX : static_cast<int64_t>(message.interval_ms());
  spec.change_paths.assign(message.change_paths().begin(), message.change_paths().end());
  spec.change_delay_ms = message.change_delay_ms();
  spec.batch_rows = message.batch_rows();
  spec.batches_in_flight = message.batches_in_flight();
  spec.deadline_ms = message.deadline_ms();
  spec.is_shadow = message.role() == pb::PredictorSpec::SHADOW;
  spec.truth_path = message.truth_path();
  return spec;
}

void ToProto(const predict::Info& info, pb::PredictorInfo* message) {
  const predict::Registration& registration = info.registration;
  SpecToProto(registration.spec, message->mutable_spec());
  if (registration.spec.query.empty()) {
    message->mutable_spec()->set_query(predict::QueryOf(registration));
  }
  for (const predict::Output& output : registration.description.outputs) {
    (*message->mutable_spec()->mutable_paths())[output.name] =
        predict::PathOf(registration, output);
  }
  ToProto(registration.description, message->mutable_description());
  message->set_paused(registration.paused);
  message->set_register_time_unix_nano(registration.registered.ns);
  if (info.last_run.has_value()) ToProto(*info.last_run, message->mutable_last_run());
  message->set_next_run_unix_nano(info.next_run.ns);
  message->set_health(static_cast<pb::PredictorInfo::Health>(info.health));
  message->set_trouble(info.trouble);
  pb::PredictorInfo::Coverage* const coverage = message->mutable_coverage();
  coverage->set_truths(registration.coverage.truths);
  coverage->set_inside(registration.coverage.inside);
  coverage->set_error_sum_of_squares(registration.coverage.error_squares);
  coverage->set_error_sum(registration.coverage.error_sum);
}

void ToProto(const predict::RunRecord& run, pb::PredictorRun* message) {
  if (run.number != 0) message->set_id(run.id());
  message->set_predictor(run.predictor);
  message->set_trigger(static_cast<pb::PredictorRun::Trigger>(run.trigger));
  message->set_state(static_cast<pb::PredictorRun::State>(run.state));
  message->set_message(run.message);
  message->set_start_time_unix_nano(run.start.ns);
  message->set_end_time_unix_nano(run.end.ns);
  message->set_as_of_unix_nano(run.as_of.ns);
  FillPosition(run.sequence, message->mutable_position());
  message->set_rows(run.rows);
  message->set_batches(run.batches);
  message->set_retries(run.retries);
  message->set_ok(run.by_status[0]);
  message->set_out_of_domain(run.by_status[1]);
  message->set_insufficient_data(run.by_status[2]);
  message->set_stale(run.by_status[3]);
  message->set_errors(run.by_status[4]);
  message->set_model_version(run.model_version);
  message->set_query_nanos(run.query_ns);
  message->set_predict_nanos(run.predict_ns);
  message->set_write_nanos(run.write_ns);
}

void ToProto(const predict::Forecast& forecast, pb::Forecast* message) {
  message->set_predictor(forecast.predictor);
  message->set_path(forecast.path);
  message->set_time_unix_nano(forecast.made.ns);
  message->set_as_of_unix_nano(forecast.as_of.ns);
  message->set_value(forecast.value);
  message->set_lo(forecast.lo);
  message->set_hi(forecast.hi);
  message->set_level(forecast.level);
  message->set_status(static_cast<pb::OutputColumns::Status>(forecast.status));
  message->set_method(forecast.method);
  message->set_model_version(forecast.model_version);
  message->set_shadow(forecast.is_shadow);
}

predict::Description FromProto(const pb::PredictorDescription& message) {
  predict::Description description;
  description.name = message.name();
  description.version = message.version();
  description.description = message.description();
  description.method = message.method();
  description.target_model = message.target_model();
  for (const pb::PredictorDescription::Feature& feature : message.features()) {
    description.features.push_back({.name = feature.name(),
                                    .type = TypeFromProto(feature.type()),
                                    .unit = feature.unit(),
                                    .description = feature.description(),
                                    .required = feature.required(),
                                    .min = TWIN_OPTIONAL(feature, min),
                                    .max = TWIN_OPTIONAL(feature, max)});
  }
  description.stated_hash = message.feature_schema_hash();
  for (const pb::PredictorDescription::Output& output : message.outputs()) {
    description.outputs.push_back({.name = output.name(),
                                   .path = output.path(),
                                   .unit = output.unit(),
                                   .level = output.level()});
  }
  description.default_query = message.default_query();
  if (message.batch_rows_max() > 0) description.batch_rows_max = message.batch_rows_max();
  if (message.deadline_ms() > 0) description.deadline_ms = message.deadline_ms();
  const pb::PredictorDescription::Validity& validity = message.validity();
  description.validity = {
      .chemistries = {validity.chemistries().begin(), validity.chemistries().end()},
      .temperature_min = TWIN_OPTIONAL(validity, temperature_min),
      .temperature_max = TWIN_OPTIONAL(validity, temperature_max),
      .soc_min = TWIN_OPTIONAL(validity, soc_min),
      .soc_max = TWIN_OPTIONAL(validity, soc_max),
      .cycles_min = TWIN_OPTIONAL(validity, cycles_min),
      .staleness_max_hours = TWIN_OPTIONAL(validity, staleness_max_hours)};
  if (message.has_end_of_life()) {
    description.end_of_life = predict::EndOfLife{.quantity = message.end_of_life().quantity(),
                                                 .threshold = message.end_of_life().threshold()};
  }
  description.training_data = message.training_data();
  if (message.has_held_out_metrics()) {
    const pb::PredictorDescription::HeldOutMetrics& metrics = message.held_out_metrics();
    description.held_out = predict::HeldOutMetrics{.cells = metrics.cells(),
                                                   .points = metrics.points(),
                                                   .rmse = metrics.rmse(),
                                                   .mae = metrics.mae(),
                                                   .mape = TWIN_OPTIONAL(metrics, mape),
                                                   .coverage = TWIN_OPTIONAL(metrics, coverage)};
  }
  return description;
}

void ToProto(const predict::Description& description, pb::PredictorDescription* message) {
  message->set_name(description.name);
  message->set_version(description.version);
  message->set_description(description.description);
  message->set_method(description.method);
  message->set_target_model(description.target_model);
  for (const predict::Feature& feature : description.features) {
    FeatureToProto(feature, message->add_features());
  }
  message->set_feature_schema_hash(predict::FeatureSchemaHash(description.features));
  for (const predict::Output& output : description.outputs) {
    pb::PredictorDescription::Output* const to = message->add_outputs();
    to->set_name(output.name);
    to->set_path(output.path);
    to->set_unit(output.unit);
    to->set_level(output.level);
  }
  message->set_default_query(description.default_query);
  message->set_batch_rows_max(static_cast<uint32_t>(description.batch_rows_max));
  message->set_deadline_ms(static_cast<uint32_t>(description.deadline_ms));
  ValidityToProto(description.validity, message->mutable_validity());
  if (description.end_of_life.has_value()) {
    message->mutable_end_of_life()->set_quantity(description.end_of_life->quantity);
    message->mutable_end_of_life()->set_threshold(description.end_of_life->threshold);
  }
  message->set_training_data(description.training_data);
  if (description.held_out.has_value()) {
    pb::PredictorDescription::HeldOutMetrics* const to = message->mutable_held_out_metrics();
    to->set_cells(description.held_out->cells);
    to->set_points(description.held_out->points);
    to->set_rmse(description.held_out->rmse);
    to->set_mae(description.held_out->mae);
    SetOptional(description.held_out->mape, [to](double value) { to->set_mape(value); });
    SetOptional(description.held_out->coverage, [to](double value) { to->set_coverage(value); });
  }
}

void ToProto(const predict::Request& request, const predict::Description& description,
             pb::PredictRequest* message) {
  message->set_request_id(request.id);
  message->set_predictor(request.predictor);
  message->set_feature_schema_hash(request.schema_hash);
  message->set_as_of_unix_nano(request.as_of.ns);
  message->mutable_twin_ids()->Reserve(static_cast<int>(request.rows()));
  for (const std::string& twin : request.twins) message->add_twin_ids(twin);
  for (size_t i = 0; i < request.columns.size(); ++i) {
    ColumnToProto(request.columns[i], request.rows(), description.features[i].type,
                  message->add_columns());
  }
}

predict::Answer FromProto(const pb::PredictResponse& message) {
  predict::Answer answer;
  answer.request_id = message.request_id();
  answer.model_version = message.model_version();
  for (const pb::OutputColumns& from : message.outputs()) {
    predict::OutputColumns to;
    to.output = from.output();
    to.values.assign(from.values().begin(), from.values().end());
    to.lo.assign(from.lo().begin(), from.lo().end());
    to.hi.assign(from.hi().begin(), from.hi().end());
    to.statuses.reserve(static_cast<size_t>(from.statuses_size()));
    for (const int status : from.statuses()) to.statuses.push_back(StatusFromProto(status));
    to.level = from.level();
    to.method = from.method();
    to.valid_until_ns.assign(from.valid_until_unix_nano().begin(),
                             from.valid_until_unix_nano().end());
    answer.outputs.push_back(std::move(to));
  }
  return answer;
}

#undef TWIN_OPTIONAL

}  // namespace twin::api
