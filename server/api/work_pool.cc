#include "server/api/work_pool.h"

#include <utility>

namespace twin::api {

WorkPool::WorkPool(int threads, size_t waiting_max) : waiting_max_(waiting_max) {
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

WorkPool::~WorkPool() {
  {
    const MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

bool WorkPool::Submit(absl::AnyInvocable<void()> work) {
  const MutexLock lock(&mutex_);
  if (queue_.size() >= waiting_max_) return false;
  queue_.push_back(std::move(work));
  changed_.Signal();
  return true;
}

void WorkPool::Run() {
  while (true) {
    absl::AnyInvocable<void()> work;
    {
      const MutexLock lock(&mutex_);
      while (queue_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace twin::api
