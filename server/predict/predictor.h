// What computes estimates: the interface of predictors inside the server and of those behind gRPC.
#ifndef TWIN_SERVER_PREDICT_PREDICTOR_H_
#define TWIN_SERVER_PREDICT_PREDICTOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/time.h"
#include "server/predict/description.h"

namespace twin::predict {

enum class EstimateStatus : uint8_t { kOk, kOutOfDomain, kInsufficientData, kStale, kError };
inline constexpr int kEstimateStatuses = 5;
absl::string_view NameOf(EstimateStatus status);  // "OUT_OF_DOMAIN", as the ontology spells it

// Values of one feature. By its type one of the lists; item i belongs to row i.
struct FeatureColumn {
  std::vector<uint8_t> nulls;  // 1: no value, and the item means nothing. Empty: every row has one
  std::vector<double> doubles;
  std::vector<std::string> strings;
  // kSequence: row i has doubles[offsets[i]] … doubles[offsets[i + 1] - 1]; one more than rows.
  std::vector<uint32_t> offsets;

  bool IsNull(size_t row) const { return !nulls.empty() && nulls[row] != 0; }
};

// A batch of rows.
struct Request {
  std::string id;  // the same when it is sent again
  std::string predictor;
  std::string schema_hash;
  Time as_of;                          // up to when data went into the features
  std::vector<std::string> twins;      // a row each, without repetition
  std::vector<FeatureColumn> columns;  // by the description's features

  size_t rows() const { return twins.size(); }
};

// Of one output; each list has an item a row, `valid_until` may be empty.
struct OutputColumns {
  std::string output;
  std::vector<double> values;  // in the unit of the output, as lo and hi; NaN: none
  std::vector<double> lo;
  std::vector<double> hi;
  std::vector<EstimateStatus> statuses;
  double level = 0;                     // 0: as described
  std::string method;                   // empty: as described
  std::vector<int64_t> valid_until_ns;  // 0: no end
};

struct Answer {
  std::string request_id;
  std::string model_version;
  std::vector<OutputColumns> outputs;
};

// Thread-safe.
class Predictor {
 public:
  virtual ~Predictor() = default;

  // Who it is. UNAVAILABLE, DEADLINE_EXCEEDED: nobody answers. May take up to `timeout_ms`, but not
  // much longer than until `is_cancelled`, which it asks now and then; then CANCELLED.
  virtual absl::StatusOr<Description> Describe(int64_t timeout_ms,
                                               absl::FunctionRef<bool()> is_cancelled) = 0;

  // Calls `done` once, on any thread, after at most about `timeout_ms`. UNAVAILABLE,
  // DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED: to be tried again; any other error is final.
  // Nothing of the answer is to be trusted, see check_answer.h.
  using Done = absl::AnyInvocable<void(absl::StatusOr<Answer>)>;
  virtual void Predict(std::shared_ptr<const Request> request, int64_t timeout_ms, Done done) = 0;
};

// A predictor that computes here, on whatever thread asks. Thread-safe.
class LocalPredictor {
 public:
  virtual ~LocalPredictor() = default;
  virtual const Description& description() const = 0;
  // Fills an item a row of each output's columns; they come with their names, all rows without
  // value and INSUFFICIENT_DATA. An error fails the batch.
  virtual absl::Status Compute(const Request& request, std::vector<OutputColumns>* outputs) = 0;
};

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_PREDICTOR_H_
