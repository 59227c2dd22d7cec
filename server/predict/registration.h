// What is registered and what became of it: plain data, and its documents.
#ifndef TWIN_SERVER_PREDICT_REGISTRATION_H_
#define TWIN_SERVER_PREDICT_REGISTRATION_H_

#include <array>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/predict/description.h"
#include "server/predict/predictor.h"

namespace twin::predict {

// As a client gives it; proto/twingraph/v1/predictor_service.proto says what it means.
struct Spec {
  std::string name;
  std::string builtin;  // or
  std::string address;
  std::string predictor;
  std::map<std::string, std::string> options;
  std::string query;                         // empty: the description's
  std::map<std::string, std::string> paths;  // by output
  int64_t interval_ms = 0;
  std::vector<std::string> change_paths;
  int64_t change_delay_ms = 0;
  int64_t batch_rows = 0;
  int64_t batches_in_flight = 0;
  int64_t deadline_ms = 0;
  bool is_shadow = false;
  std::string truth_path;
};

// INVALID_ARGUMENT, naming the field.
absl::Status CheckSpec(const Spec& spec);

struct Coverage {
  uint64_t truths = 0;
  uint64_t inside = 0;  // of those, inside the interval
  double error_squares = 0;
  double error_sum = 0;
};

enum class Trigger : uint8_t { kOnDemand, kInterval, kChange, kRecovery };
enum class RunState : uint8_t { kRunning, kDone, kFailed, kPartly };

struct RunRecord {
  std::string predictor;
  uint64_t number = 0;
  Trigger trigger = Trigger::kOnDemand;
  RunState state = RunState::kRunning;
  std::string message;
  Time start, end;
  Time as_of;
  Sequence sequence;  // that the features were read at
  uint64_t rows = 0, batches = 0, retries = 0;
  std::array<uint64_t, kEstimateStatuses> by_status = {};  // rows of the first output
  // Of those, the ones that have a forecast: a recovery does the others again.
  std::array<uint64_t, kEstimateStatuses> kept_by_status = {};
  std::string model_version;
  int64_t query_ns = 0, predict_ns = 0, write_ns = 0;
  std::vector<std::string> twins;  // asked for; none: all
  bool twins_dropped = false;      // they were too many to be kept
  uint64_t recoveries = 0;         // how often a process went on with it

  std::string id() const;  // "NAME/NUMBER"
};

// A registration as it is kept.
struct Registration {
  Spec spec;
  Description description;
  bool paused = false;
  Time registered;
  uint64_t runs = 0;  // number of the last one
  Coverage coverage;
};

enum class Health : uint8_t { kUnknown, kHealthy, kFailing, kBroken };

struct Info {
  Registration registration;
  std::optional<RunRecord> last_run;
  Time next_run;  // 0 ns: none is due
  Health health = Health::kUnknown;
  std::string trouble;
};

// The registration's, with all defaults filled in.
std::string QueryOf(const Registration& registration);
std::string PathOf(const Registration& registration, const Output& output);
std::string FirstPathOf(const Registration& registration);  // of the first output
int64_t BatchRowsOf(const Registration& registration);
int64_t DeadlineMsOf(const Registration& registration);

// Documents. DATA_LOSS: no such value.
Value Encode(const Registration& registration);
absl::StatusOr<Registration> DecodeRegistration(const Value& value);
Value Encode(const RunRecord& run);
RunRecord DecodeRun(const Value& value);

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_REGISTRATION_H_
