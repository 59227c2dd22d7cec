#include "server/api/work_pool.h"

#include <algorithm>
#include <utility>

#include "server/base/thread_name.h"

namespace twin::api {

WorkPool::WorkPool(const char* name, int threads, size_t waiting_max)
    : threads_max_(static_cast<size_t>(threads)), waiting_max_(waiting_max) {
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name] {
      NameThread(name);
      Run();
    });
  }
}

WorkPool::~WorkPool() {
  {
    const MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

bool WorkPool::Submit(absl::AnyInvocable<void()> work, const void* key) {
  const MutexLock lock(&mutex_);
  // What a free thread is about to take does not wait.
  if (queue_.size() >= waiting_max_ + (threads_max_ - busy_)) return false;
  queue_.push_back({std::move(work), key});
  changed_.Signal();
  return true;
}

bool WorkPool::Withdraw(const void* key) {
  Item item;  // destroyed without the lock
  const MutexLock lock(&mutex_);
  const auto found = std::find_if(queue_.begin(), queue_.end(),
                                  [key](const Item& each) { return each.key == key; });
  if (found == queue_.end()) return false;
  item = std::move(*found);
  queue_.erase(found);
  return true;
}

void WorkPool::Run() {
  while (true) {
    absl::AnyInvocable<void()> work;
    {
      const MutexLock lock(&mutex_);
      while (queue_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (queue_.empty()) return;
      work = std::move(queue_.front().work);
      queue_.pop_front();
      ++busy_;
    }
    work();
    const MutexLock lock(&mutex_);
    --busy_;
  }
}

}  // namespace twin::api
