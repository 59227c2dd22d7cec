// Waiting for a result that another thread gives. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_AWAITED_H_
#define TWIN_SERVER_ENGINE_AWAITED_H_

#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/base/sync.h"

namespace twin::engine {

// One thread calls Set, once, and another one Wait, once. It may go as soon as Wait has returned.
template <typename Result>
class Awaited {
 public:
  void Set(Result result) ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(&mutex_);
    result_ = std::move(result);
    is_set_.Signal();
  }
  Result Wait() ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(&mutex_);
    while (!result_.has_value()) is_set_.Wait(&mutex_);
    return *std::move(result_);
  }

 private:
  Mutex mutex_;
  CondVar is_set_;
  std::optional<Result> result_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_AWAITED_H_
