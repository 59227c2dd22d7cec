// Whose turn it is to write: what lets a store have one write transaction at a time.
#ifndef TWIN_SERVER_STORAGE_WRITE_TURN_H_
#define TWIN_SERVER_STORAGE_WRITE_TURN_H_

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "server/base/check.h"
#include "server/base/sync.h"

namespace twin::storage {

// Unlike a mutex it knows its holder, so that a thread that would wait for itself is told so.
// Thread-safe.
class WriteTurn {
 public:
  // Blocks while another thread has it. FAILED_PRECONDITION: this thread has it.
  absl::Status Take() ABSL_LOCKS_EXCLUDED(mutex_) {
    const std::thread::id self = std::this_thread::get_id();
    MutexLock lock(&mutex_);
    if (holder_ == self) {
      return absl::FailedPreconditionError("this thread has a write transaction already; end it");
    }
    while (holder_ != std::thread::id()) released_.Wait(&mutex_);
    holder_ = self;
    return absl::OkStatus();
  }

  void Release() ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      MutexLock lock(&mutex_);
      TWIN_CHECK(holder_ == std::this_thread::get_id())
          << "a write transaction ends on another thread than it began on";
      holder_ = std::thread::id();
    }
    released_.Signal();
  }

  bool mine() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    return holder_ == std::this_thread::get_id();
  }

 private:
  Mutex mutex_;
  CondVar released_;
  std::thread::id holder_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace twin::storage

#endif  // TWIN_SERVER_STORAGE_WRITE_TURN_H_
