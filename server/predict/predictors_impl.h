// Internal to server/predict: what predictors.cc (the registry) and scheduling.cc (timer, runs,
// changes) share.
#ifndef TWIN_SERVER_PREDICT_PREDICTORS_IMPL_H_
#define TWIN_SERVER_PREDICT_PREDICTORS_IMPL_H_

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "server/base/sync.h"
#include "server/predict/breaker.h"
#include "server/predict/predictors.h"
#include "server/predict/run.h"
#include "server/predict/tasks.h"

namespace twin::predict {

inline constexpr char kPredictorCollection[] = "predictors";

class Predictors::Impl {
 public:
  Impl(const Options& options, Host* host, Connector* connector);
  ~Impl();

  absl::Status Open() ABSL_LOCKS_EXCLUDED(register_mutex_, mutex_);
  void Start() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Info> Register(Spec spec, const RegisterOptions& options)
      ABSL_LOCKS_EXCLUDED(register_mutex_, mutex_);
  std::vector<Info> List() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Info> Get(const std::string& name) const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Info> SetPaused(const std::string& name, bool paused)
      ABSL_LOCKS_EXCLUDED(register_mutex_, mutex_);
  absl::Status Delete(const std::string& name, bool mark_stale)
      ABSL_LOCKS_EXCLUDED(register_mutex_, mutex_);
  void RunNow(const std::string& name, RunOptions options, RunDone done)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<RunRecord>> ListRuns(const std::string& name, size_t limit) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<Forecast>> ListForecasts(const std::string& twin,
                                                      const std::string& path,
                                                      const std::string& name, size_t limit) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  Figures figures() const ABSL_LOCKS_EXCLUDED(mutex_);
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // A run that is to be.
  struct Ask {
    RunRecord record;  // trigger, twins, as_of (0 ns: when it begins); of a recovery all
    RunDone done;
  };
  struct Last {
    double value = 0, lo = 0, hi = 0;
    Time as_of;
  };
  // Until when (ns) the estimate at (path, twin) holds.
  using Expiry = std::pair<int64_t, std::pair<std::string, std::string>>;
  // All but `stopping`, `predictor` and `writing` is guarded by mutex_.
  struct Entry {
    explicit Entry(const Options& options)
        : breaker(options.breaker_failures, options.breaker_open_ms) {}

    Registration registration;
    std::shared_ptr<Predictor> predictor;  // nullptr: it cannot be made, see trouble
    std::atomic<bool> stopping{false};
    Mutex writing;  // of its estimates; before mutex_

    Breaker breaker;
    Health health = Health::kUnknown;
    std::string trouble;
    std::optional<RunRecord> last_run;
    bool is_running = false;
    std::deque<Ask> asks;
    Time next_interval;             // 0: none
    std::set<std::string> changed;  // twins that wait for a run
    bool changed_all = false;       // too many of them, or some may have been missed
    Time change_due;                // 0: nothing has changed
    std::shared_ptr<Watch> change_watch;
    std::shared_ptr<Watch> truth_watch;
    Time watch_due;                    // when watches are to begin again; 0: they run
    bool has_missed_changes = false;   // while they did not
    bool is_truth_chore_due = false;   // one is enough
    bool is_expiry_chore_due = false;  // likewise
    std::vector<Change> truths;        // that wait for the chore
    absl::flat_hash_map<std::string, Last> last_by_twin;  // where there is a truth path
    // Until when estimates hold, by (path, twin), and in their order.
    std::map<std::pair<std::string, std::string>, int64_t> valid_until;
    std::set<Expiry> expiries;
    Time expiry_retry;  // not before: marking failed
  };
  using EntryPtr = std::shared_ptr<Entry>;

  // --- Registry ---
  absl::StatusOr<std::shared_ptr<Predictor>> Make(const Spec& spec);
  absl::Status Check(const Registration& registration, bool replace) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status CheckPaths(const Registration& registration);
  absl::Status MarkStale(const Registration& registration);
  absl::Status CheckTwins(const std::string& name, const std::vector<std::string>& twins)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Keep(const Registration& registration);
  bool is_stopping() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<EntryPtr> Find(const std::string& name) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Info InfoOf(const Entry& entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndRuns(const EntryPtr& entry) ABSL_LOCKS_EXCLUDED(mutex_);
  void Reinstate(const EntryPtr& stopped) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status LoadRuns() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status LoadForecasts() ABSL_LOCKS_EXCLUDED(mutex_);

  // --- Scheduling ---
  void RunTimer() ABSL_LOCKS_EXCLUDED(mutex_);
  // What is due is begun; the time of the next, or 0.
  Time BeginDue(Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes `*done` where the end of the run is to be waited for.
  absl::StatusOr<RunRecord> Accept(const std::string& name, RunOptions options, RunDone* done)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Plan(const EntryPtr& entry, Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void BeginNext(const EntryPtr& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Execute(const EntryPtr& entry, Ask ask) ABSL_LOCKS_EXCLUDED(mutex_);
  RunParts PartsOf(const EntryPtr& entry) ABSL_LOCKS_EXCLUDED(mutex_);
  void Made(const EntryPtr& entry, const ForecastBlock& block) ABSL_LOCKS_EXCLUDED(mutex_);
  // What is needed of the last forecast of each twin: blocks come from the oldest on.
  static void Remember(Entry* entry, const ForecastBlock& block);
  void Expire(const EntryPtr& entry, Time now) ABSL_LOCKS_EXCLUDED(mutex_);
  void StartWatches(const EntryPtr& entry) ABSL_LOCKS_EXCLUDED(mutex_);
  void StopWatches(const EntryPtr& entry) ABSL_LOCKS_EXCLUDED(mutex_);
  void Changed(const EntryPtr& entry, const std::vector<Change>& changes, bool lost)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Truths wait for a chore, which takes all that there are by then.
  void AddTruths(const EntryPtr& entry, std::vector<Change> changes) ABSL_LOCKS_EXCLUDED(mutex_);
  void TakeTruths(const EntryPtr& entry) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status KeepCoverage(const EntryPtr& entry, const Coverage& found)
      ABSL_LOCKS_EXCLUDED(register_mutex_, mutex_);
  // The forecast that each is compared with; none: nothing was said by then.
  absl::StatusOr<std::vector<std::optional<Last>>> ForecastsFor(const EntryPtr& entry,
                                                                const std::vector<Change>& truths)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  Host& host_;
  Connector& connector_;
  Forecasts forecasts_;

  Mutex register_mutex_;  // one registration, pause or deletion at a time; before mutex_
  mutable Mutex mutex_;   // calls nothing but the clock
  CondVar changed_;       // the timer is to look again
  CondVar run_ended_;
  std::map<std::string, EntryPtr> entries_ ABSL_GUARDED_BY(mutex_);
  Figures figures_ ABSL_GUARDED_BY(mutex_);  // what is counted of them
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  Tasks computing_;  // of predictors inside the server
  // Truths, expiries, watches: what the timer and the feed must not wait for.
  Tasks chores_{"predict-chores", 1, TaskThreads::kEqual};
  Tasks runs_;  // these mostly wait, and have locks in hand that the feed and writes wait for
  std::thread timer_;
};

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_PREDICTORS_IMPL_H_
