// When which sequences had come, so that samples that come after their time was over are not
// dropped at once. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_ARRIVALS_H_
#define TWIN_SERVER_ENGINE_ARRIVALS_H_

#include <cstdint>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/base/sync.h"
#include "server/storage/documents.h"

namespace twin::engine {

// About 24 notes of the last `grace_ns`, and an older one; kept in the store. Thread-safe.
class Arrivals {
 public:
  // `grace_ns`: how long what came is kept in any case; 0: for no time, and nothing is noted. Both
  // pointers outlive it.
  Arrivals(int64_t grace_ns, const Clock* clock, storage::Documents* documents)
      : grace_ns_(grace_ns), clock_(*clock), documents_(*documents) {}

  // What was noted before the last stop. Errors: those of the store.
  absl::Status Load() ABSL_LOCKS_EXCLUDED(mutex_);

  // `applied` has come by now; a note of it is written if the last one is old enough. After a leap
  // of the clock the notes are dropped, and the grace begins anew.
  void Note(Sequence applied) ABSL_LOCKS_EXCLUDED(mutex_);

  // What had come before the grace; 0: nothing is known to.
  Sequence BeforeGrace() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Arrival {
    int64_t time = 0;       // nanoseconds since 1970 UTC
    uint64_t sequence = 0;  // had come by then
  };
  bool IsDoubtful(const Arrival& last, int64_t now) const;

  const int64_t grace_ns_;
  const Clock& clock_;
  storage::Documents& documents_;
  mutable Mutex mutex_;
  std::deque<Arrival> arrivals_ ABSL_GUARDED_BY(mutex_);  // ascending
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_ARRIVALS_H_
