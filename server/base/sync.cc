#include "server/base/sync.h"

namespace twin {

void CondVar::Wait(Mutex* mutex) {
  std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
  condition_.wait(lock);
  lock.release();  // The caller holds it on.
}

bool CondVar::WaitFor(Mutex* mutex, std::chrono::nanoseconds time) {
  std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
  // Until a time of the system's clock: ThreadSanitizer of clang 14 does not know the call that
  // waiting for a steady one makes.
  const auto end = std::chrono::system_clock::now() + time;
  const bool woken = condition_.wait_until(lock, end) == std::cv_status::no_timeout;
  lock.release();
  return woken;
}

}  // namespace twin
