// A few threads for calls that take long or wait: gRPC's own must not be blocked.
#ifndef TWIN_SERVER_API_WORK_POOL_H_
#define TWIN_SERVER_API_WORK_POOL_H_

#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "server/base/sync.h"

namespace twin::api {

// Thread-safe.
class WorkPool {
 public:
  // `name`: of the threads, at most 15 characters.
  WorkPool(const char* name, int threads, size_t waiting_max = 1000);
  ~WorkPool();  // runs what was submitted

  // False: too many wait for a thread already (work_waiting_max).
  // `key` is for Withdraw.
  bool Submit(absl::AnyInvocable<void()> work, const void* key = nullptr)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes work back that no thread has begun. False: there is none of that key.
  bool Withdraw(const void* key) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Item {
    absl::AnyInvocable<void()> work;
    const void* key = nullptr;
  };
  void Run();

  const size_t threads_max_;
  const size_t waiting_max_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Item> queue_ ABSL_GUARDED_BY(mutex_);
  size_t busy_ ABSL_GUARDED_BY(mutex_) = 0;  // threads
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_WORK_POOL_H_
