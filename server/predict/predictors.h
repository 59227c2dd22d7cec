// All predictors of a server: who is registered, when each runs, what its runs came to.
//
// A timer thread sleeps until something is due; runs wait for a thread of a small pool, at most one
// run of a predictor at a time; predictors inside the server compute on another small pool. What
// nobody asks for costs nothing.
#ifndef TWIN_SERVER_PREDICT_PREDICTORS_H_
#define TWIN_SERVER_PREDICT_PREDICTORS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/predict/forecasts.h"
#include "server/predict/host.h"
#include "server/predict/options.h"
#include "server/predict/registration.h"

namespace twin::predict {

// What all predictors came to; counts are since the start.
struct Figures {
  uint64_t registered = 0;   // now
  uint64_t running = 0;      // of them: that have a run at work
  uint64_t runs = 0;         // that ended
  uint64_t runs_failed = 0;  // of those, wholly or partly
  uint64_t predictions = 0;  // estimates with a value, one a twin and output
  uint64_t failures = 0;     // calls of predictors, tries included
};

// Thread-safe.
class Predictors {
 public:
  // Reads what is registered; nothing is due before Start. `host` and `connector` outlive it.
  // DATA_LOSS: a document cannot be read.
  static absl::StatusOr<std::unique_ptr<Predictors>> Open(const Options& options, Host* host,
                                                          Connector* connector);
  ~Predictors();

  // Goes on with runs that a former process left, and begins what is due from now on. Once.
  void Start();

  // Errors as in proto/twingraph/v1/predictor_service.proto, here and below.
  struct RegisterOptions {
    bool replace = false;
    bool validate_only = false;
  };
  absl::StatusOr<Info> Register(Spec spec, const RegisterOptions& options);
  std::vector<Info> List() const;  // by name
  absl::StatusOr<Info> Get(const std::string& name) const;
  absl::StatusOr<Info> Pause(const std::string& name);
  absl::StatusOr<Info> Resume(const std::string& name);
  absl::Status Delete(const std::string& name, bool mark_stale);

  struct RunOptions {
    std::vector<std::string> twins = {};  // none: all that the query yields
    std::optional<Time> now = {};         // what NOW() is; none: the clock's
    bool no_wait = false;                 // `done` is told when it is accepted
  };
  // Calls `done` once, at the end of the run, on a thread of its own, or at once with an error.
  // CANCELLED: the server is stopping, or the predictor was deleted.
  using RunDone = absl::AnyInvocable<void(absl::StatusOr<RunRecord>)>;
  void RunNow(const std::string& name, RunOptions options, RunDone done);

  // The latest first; `name` empty: of all.
  absl::StatusOr<std::vector<RunRecord>> ListRuns(const std::string& name, size_t limit) const;
  // Of a twin, the latest first, at most `limit` of each predictor and path; empty: of all.
  absl::StatusOr<std::vector<Forecast>> ListForecasts(const std::string& twin,
                                                      const std::string& path,
                                                      const std::string& name, size_t limit) const;

  Figures figures() const;

  // Ends runs, to be recovered, and starts no more. Idempotent.
  void Stop();

 private:
  class Impl;
  explicit Predictors(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_PREDICTORS_H_
