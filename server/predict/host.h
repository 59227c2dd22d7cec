// What predictors need of the engine and of the network. Implemented by server/engine and
// server/api.
#ifndef TWIN_SERVER_PREDICT_HOST_H_
#define TWIN_SERVER_PREDICT_HOST_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/ingest/operation.h"
#include "server/predict/description.h"
#include "server/predict/predictor.h"
#include "server/storage/documents.h"

namespace twin::predict {

// Rows of a feature query: a column each feature, in order.
struct FeatureRows {
  std::vector<std::string> twins;
  std::vector<FeatureColumn> columns;
};

struct FeatureQuery {
  std::string text;
  std::string model;  // DTMI: of whose twins, with those that extend it
  const std::vector<Feature>* features = nullptr;
  // Only rows of these, which adds `twin IN @twins`; nullptr: all.
  const std::vector<std::string>* twins = nullptr;
  Time now;  // what NOW() is
};

// What stands at an estimate's path now.
struct CurrentEstimate {
  bool twin_exists = false;
  bool has_value = false;
  std::string source;
  std::string status;
};

// A change of a watched path.
struct Change {
  std::string twin;
  std::string path;
  std::optional<double> value;  // of a number
  Time source_time;
};

// Changes come until it is destroyed, which waits for a call that runs.
class Watch {
 public:
  virtual ~Watch() = default;
};

// Thread-safe.
class Host {
 public:
  virtual ~Host() = default;

  virtual Time Now() const = 0;
  virtual storage::Documents& documents() = 0;

  // Whether the query is one for these features. INVALID_ARGUMENT: its text (the status has the
  // place, see query/ast/error.h), no column `twin`, a feature without a column or one of another
  // type or unit.
  virtual absl::Status CheckQuery(const std::string& text,
                                  const std::vector<Feature>& features) = 0;
  // Whether `path` is an estimate of that model, its value in that unit. INVALID_ARGUMENT,
  // NOT_FOUND.
  virtual absl::Status CheckEstimate(const std::string& model, const std::string& path,
                                     const std::string& unit) = 0;
  // Whether `path` is a number of that model in that unit (truth), or there at all.
  virtual absl::Status CheckNumber(const std::string& model, const std::string& path,
                                   const std::string& unit) = 0;
  virtual absl::Status CheckPath(const std::string& model, const std::string& path) = 0;

  // Runs it on one snapshot, which it returns the sequence of, and calls `emit` with rows as they
  // come. What `emit` or `interrupted` fail with ends it. RESOURCE_EXHAUSTED: a limit of queries.
  // An `emit` that waits asks `may_go_on` now and then: it fails when the snapshot was taken away.
  using MayGoOn = absl::FunctionRef<absl::Status()>;
  virtual absl::StatusOr<Sequence> ReadFeatures(
      const FeatureQuery& query, std::function<absl::Status()> interrupted,
      absl::FunctionRef<absl::Status(FeatureRows rows, MayGoOn may_go_on)> emit) = 0;

  virtual std::vector<CurrentEstimate> ReadEstimates(const std::vector<std::string>& twins,
                                                     const std::string& path) = 0;
  // Twins of that model whose estimate has this source and says of its value that it holds: OK or
  // OUT_OF_DOMAIN.
  virtual absl::StatusOr<std::vector<std::string>> FindEstimates(const std::string& model,
                                                                 const std::string& path,
                                                                 const std::string& source) = 0;

  // Waits until it is durable.
  virtual ingest::WriteResult Write(ingest::WriteBatch batch) = 0;
  // Calls `done` when it is durable, on a thread that must not be blocked.
  using WriteDone = absl::AnyInvocable<void(ingest::WriteResult)>;
  virtual void Write(ingest::WriteBatch batch, WriteDone done) = 0;

  // From now on calls `changed` with what changes at one of these paths, or below, of twins of that
  // model. Calls `lost` instead of the last one when changes may have been missed; then no more.
  virtual absl::StatusOr<std::unique_ptr<Watch>> WatchPaths(
      const std::string& model, const std::vector<std::string>& paths,
      std::function<void(std::vector<Change>)> changed, std::function<void()> lost) = 0;
};

// Predictors behind an address. Thread-safe.
class Connector {
 public:
  virtual ~Connector() = default;
  // The one of that name there; no call is made. INVALID_ARGUMENT: it is no address.
  virtual absl::StatusOr<std::shared_ptr<Predictor>> Connect(const std::string& address,
                                                             const std::string& predictor) = 0;
};

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_HOST_H_
