// The background work on the history's files. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_HISTORY_UPKEEP_H_
#define TWIN_SERVER_ENGINE_HISTORY_UPKEEP_H_

#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/base/sync.h"
#include "server/engine/arrivals.h"
#include "server/timeseries/store.h"

namespace twin::engine {

// Seals blocks of days that are over, merges files of days that have ended, re-packs those of old
// ones and has expired ones dropped, on a thread of its own. What it does to files is true with the
// checkpoint that follows, which it asks for.
// Thread-safe, but for Stop and the destructor: those are one thread's.
class HistoryUpkeep {
 public:
  struct Parts {  // all of them outlive it
    timeseries::Store* history = nullptr;
    Arrivals* arrivals = nullptr;
    const Clock* clock = nullptr;
    int64_t cpu_percent = 100;  // of one processor, that the thread takes at most; over 0
    std::function<Sequence()> applied;
    // Must return soon once Stop is about to be called. `paced`: as slowly as the options say.
    std::function<absl::Status(bool paced)> checkpoint;
  };
  struct Status {
    uint64_t days_packed = 0;  // since the start
    uint64_t days_merged = 0;  // since the start
    absl::Status packing;      // not OK: why the last re-packing failed
  };

  explicit HistoryUpkeep(Parts parts);
  ~HistoryUpkeep() { Stop(); }

  // Re-packs all days that have ended, as fast as it can. Returns how many. Errors: the first one
  // of the days that cannot be re-packed; CANCELLED: it was stopped.
  absl::StatusOr<uint64_t> PackEnded() ABSL_LOCKS_EXCLUDED(rewrite_mutex_, mutex_);

  Status status() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(rewrite_mutex_, mutex_);

 private:
  enum class Rewrite : uint8_t { kMerge, kPack };

  void Run();
  void SealClosed() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<uint64_t> MergeDays(int64_t cpu_percent);
  absl::StatusOr<uint64_t> PackDays(timeseries::Store::PackWhich which, int64_t cpu_percent);
  absl::StatusOr<uint64_t> RewriteDays(absl::FunctionRef<std::vector<int64_t>()> find,
                                       Rewrite rewrite, int64_t cpu_percent)
      ABSL_LOCKS_EXCLUDED(rewrite_mutex_, mutex_);
  absl::Status NameRewritten(bool paced) ABSL_EXCLUSIVE_LOCKS_REQUIRED(rewrite_mutex_);
  // False: it is stopping.
  bool Rest(int64_t ns) ABSL_LOCKS_EXCLUDED(mutex_);
  // After work since `begun`, which becomes now: so long that it takes no more of a processor.
  bool RestFrom(int64_t* begun, int64_t cpu_percent) ABSL_LOCKS_EXCLUDED(mutex_);

  const Parts parts_;
  Mutex rewrite_mutex_;                                         // before the checkpoint's
  bool has_rewritten_ ABSL_GUARDED_BY(rewrite_mutex_) = false;  // days that no checkpoint names yet
  mutable Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Status status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_HISTORY_UPKEEP_H_
