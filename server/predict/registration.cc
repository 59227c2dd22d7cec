#include "server/predict/registration.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/predict/document_value.h"
#include "server/predict/options.h"

namespace twin::predict {
namespace {

// Of a run's document, which takes 1 MiB.
constexpr size_t kRunTwinBytesMax = 512 << 10;

using StatusCounts = std::array<uint64_t, kEstimateStatuses>;

Value CountsValue(const StatusCounts& counts) {
  ValueArray values;
  for (const uint64_t count : counts) values.push_back(Value::Int(static_cast<int64_t>(count)));
  return Value::Array(std::move(values));
}

StatusCounts CountsOf(const ValueArray& values) {
  StatusCounts counts = {};
  for (size_t i = 0; i < std::min(counts.size(), values.size()); ++i) {
    if (values[i].kind() != Value::Kind::kInt) continue;
    counts[i] = static_cast<uint64_t>(values[i].as_int());
  }
  return counts;
}

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
}

absl::Status CheckRange(absl::string_view field, int64_t value, int64_t least, int64_t most) {
  if (value == 0 || (value >= least && value <= most)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value, " is not between ", least, " and ", most));
}

Value EncodeTexts(const std::map<std::string, std::string>& texts) {
  ValueMap map;
  for (const auto& [name, text] : texts) map.emplace_back(name, Value::String(text));
  return Value::Map(std::move(map));
}

std::map<std::string, std::string> DecodeTexts(const ValueMap& map) {
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : map) {
    if (value.kind() == Value::Kind::kString) texts.emplace(name, value.as_string());
  }
  return texts;
}

Value EncodeSpec(const Spec& spec) {
  return MapBuilder()
      .Add("name", spec.name)
      .Add("builtin", spec.builtin)
      .Add("address", spec.address)
      .Add("predictor", spec.predictor)
      .Add("options", EncodeTexts(spec.options))
      .Add("query", spec.query)
      .Add("paths", EncodeTexts(spec.paths))
      .AddInt("intervalMs", spec.interval_ms)
      .AddStrings("changePaths", spec.change_paths)
      .AddInt("changeDelayMs", spec.change_delay_ms)
      .AddInt("batchRows", spec.batch_rows)
      .AddInt("batchesInFlight", spec.batches_in_flight)
      .AddInt("deadlineMs", spec.deadline_ms)
      .AddBool("isShadow", spec.is_shadow)
      .Add("truthPath", spec.truth_path)
      .Build();
}

Spec DecodeSpec(const Value& value) {
  const MapReader map(value);
  Spec spec;
  spec.name = map.Text("name");
  spec.builtin = map.Text("builtin");
  spec.address = map.Text("address");
  spec.predictor = map.Text("predictor");
  spec.options = DecodeTexts(map.Members("options"));
  spec.query = map.Text("query");
  spec.paths = DecodeTexts(map.Members("paths"));
  spec.interval_ms = map.Int("intervalMs");
  spec.change_paths = map.Strings("changePaths");
  spec.change_delay_ms = map.Int("changeDelayMs");
  spec.batch_rows = map.Int("batchRows");
  spec.batches_in_flight = map.Int("batchesInFlight");
  spec.deadline_ms = map.Int("deadlineMs");
  spec.is_shadow = map.Bool("isShadow");
  spec.truth_path = map.Text("truthPath");
  return spec;
}

}  // namespace

absl::Status CheckSpec(const Spec& spec) {
  if (!IsName(spec.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("name: '", spec.name, "' is not 1 to 64 letters, digits, '-', '_' and '.'"));
  }
  if (spec.builtin.empty() == spec.address.empty()) {
    return absl::InvalidArgumentError("implementation: one of builtin and address must be given");
  }
  if (!spec.address.empty() && !spec.options.empty()) {
    return absl::InvalidArgumentError(
        "options: they are for built-in predictors; a service has its own settings");
  }
  if (spec.query.size() > kQueryBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("query: longer than ", kQueryBytesMax, " bytes"));
  }
  for (const auto& [name, text] : spec.options) {
    if (text.size() > kOptionBytesMax || name.size() > kOptionBytesMax) {
      return absl::InvalidArgumentError(absl::StrCat("options.", name.substr(0, 32),
                                                     ": longer than ", kOptionBytesMax, " bytes"));
    }
  }
  if (const size_t bytes = EncodeSpec(spec).EncodedSize(); bytes > kSpecBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a registration of ", bytes, " bytes; it may have ", kSpecBytesMax));
  }
  TWIN_RETURN_IF_ERROR(
      CheckRange("interval_ms", spec.interval_ms, kIntervalMsMin, int64_t{365} * 24 * 3600 * 1000));
  TWIN_RETURN_IF_ERROR(CheckRange("change_delay_ms", spec.change_delay_ms, 10, 3'600'000));
  TWIN_RETURN_IF_ERROR(CheckRange("batch_rows", spec.batch_rows, 1, kBatchRowsMax));
  TWIN_RETURN_IF_ERROR(
      CheckRange("batches_in_flight", spec.batches_in_flight, 1, kBatchesInFlightMax));
  TWIN_RETURN_IF_ERROR(CheckRange("deadline_ms", spec.deadline_ms, 1, kDeadlineMsMax));
  return absl::OkStatus();
}

std::string RunRecord::id() const { return absl::StrCat(predictor, "/", number); }

std::string QueryOf(const Registration& registration) {
  return registration.spec.query.empty() ? registration.description.default_query
                                         : registration.spec.query;
}

std::string PathOf(const Registration& registration, const Output& output) {
  const auto found = registration.spec.paths.find(output.name);
  return found == registration.spec.paths.end() ? output.path : found->second;
}

std::string FirstPathOf(const Registration& registration) {
  return PathOf(registration, registration.description.outputs[0]);
}

int64_t BatchRowsOf(const Registration& registration) {
  int64_t rows = kBatchRowsMax;
  if (registration.description.batch_rows_max > 0) {
    rows = std::min(rows, registration.description.batch_rows_max);
  }
  if (registration.spec.batch_rows > 0) rows = std::min(rows, registration.spec.batch_rows);
  return rows;
}

int64_t DeadlineMsOf(const Registration& registration) {
  if (registration.spec.deadline_ms > 0) return registration.spec.deadline_ms;
  const int64_t described = registration.description.deadline_ms;
  return described > 0 ? std::min(described, kDeadlineMsMax) : 10'000;
}

Value Encode(const Registration& registration) {
  const Coverage& coverage = registration.coverage;
  return MapBuilder()
      .Add("spec", EncodeSpec(registration.spec))
      .Add("description", Encode(registration.description))
      .AddBool("paused", registration.paused)
      .AddInt("registered", registration.registered.ns)
      .AddInt("runs", static_cast<int64_t>(registration.runs))
      .AddInt("truths", static_cast<int64_t>(coverage.truths))
      .AddInt("inside", static_cast<int64_t>(coverage.inside))
      .AddDouble("errorSquares", coverage.error_squares)
      .AddDouble("errorSum", coverage.error_sum)
      .Build();
}

absl::StatusOr<Registration> DecodeRegistration(const Value& value) {
  const MapReader map(value);
  const Value* const spec = map.Find("spec");
  const Value* const description = map.Find("description");
  if (spec == nullptr || description == nullptr) {
    return absl::DataLossError("a predictor's document cannot be read");
  }
  Registration registration;
  registration.spec = DecodeSpec(*spec);
  TWIN_ASSIGN_OR_RETURN(registration.description, DecodeDescription(*description));
  registration.paused = map.Bool("paused");
  registration.registered = Time{map.Int("registered")};
  registration.runs = static_cast<uint64_t>(map.Int("runs"));
  registration.coverage = {.truths = static_cast<uint64_t>(map.Int("truths")),
                           .inside = static_cast<uint64_t>(map.Int("inside")),
                           .error_squares = map.Double("errorSquares").value_or(0),
                           .error_sum = map.Double("errorSum").value_or(0)};
  return registration;
}

Value Encode(const RunRecord& run) {
  size_t twin_bytes = 0;
  for (const std::string& twin : run.twins) twin_bytes += twin.size() + 4;
  const bool is_long = twin_bytes > kRunTwinBytesMax;
  return MapBuilder()
      .Add("predictor", run.predictor)
      .AddInt("number", static_cast<int64_t>(run.number))
      .AddInt("trigger", static_cast<int64_t>(run.trigger))
      .AddInt("state", static_cast<int64_t>(run.state))
      .Add("message", run.message)
      .AddInt("start", run.start.ns)
      .AddInt("end", run.end.ns)
      .AddInt("asOf", run.as_of.ns)
      .AddInt("sequence", static_cast<int64_t>(run.sequence.value))
      .AddInt("rows", static_cast<int64_t>(run.rows))
      .AddInt("batches", static_cast<int64_t>(run.batches))
      .AddInt("retries", static_cast<int64_t>(run.retries))
      .Add("byStatus", CountsValue(run.by_status))
      .Add("keptByStatus", CountsValue(run.kept_by_status))
      .Add("modelVersion", run.model_version)
      .AddInt("queryNs", run.query_ns)
      .AddInt("predictNs", run.predict_ns)
      .AddInt("writeNs", run.write_ns)
      .AddStrings("twins", is_long ? std::vector<std::string>() : run.twins)
      .AddBool("twinsDropped", is_long || run.twins_dropped)
      .AddInt("recoveries", static_cast<int64_t>(run.recoveries))
      .Build();
}

RunRecord DecodeRun(const Value& value) {
  const MapReader map(value);
  RunRecord run;
  run.predictor = map.Text("predictor");
  run.number = static_cast<uint64_t>(map.Int("number"));
  run.trigger = static_cast<Trigger>(map.Int("trigger"));
  run.state = static_cast<RunState>(map.Int("state"));
  run.message = map.Text("message");
  run.start = Time{map.Int("start")};
  run.end = Time{map.Int("end")};
  run.as_of = Time{map.Int("asOf")};
  run.sequence = Sequence(static_cast<uint64_t>(map.Int("sequence")));
  run.rows = static_cast<uint64_t>(map.Int("rows"));
  run.batches = static_cast<uint64_t>(map.Int("batches"));
  run.retries = static_cast<uint64_t>(map.Int("retries"));
  run.by_status = CountsOf(map.Items("byStatus"));
  run.kept_by_status = CountsOf(map.Items("keptByStatus"));
  run.model_version = map.Text("modelVersion");
  run.query_ns = map.Int("queryNs");
  run.predict_ns = map.Int("predictNs");
  run.write_ns = map.Int("writeNs");
  run.twins = map.Strings("twins");
  run.twins_dropped = map.Bool("twinsDropped");
  run.recoveries = static_cast<uint64_t>(map.Int("recoveries"));
  return run;
}

}  // namespace twin::predict
