#include <atomic>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "query/execute/execute.h"
#include "server/base/sync.h"
#include "server/base/thread_name.h"
#include "server/base/thread_priority.h"

namespace twin::query {
namespace {

// Each Run is one job that threads help with; the caller does its share, so that a Run ends even
// if all threads are busy with others.
class ThreadedPool : public TaskPool {
 public:
  ThreadedPool(int threads, PoolThreads kind) {
    for (int i = 1; i < threads; ++i) {
      threads_.emplace_back([this, kind] {
        NameThread(kind == PoolThreads::kGiveWay ? "feature-query" : "query");
        if (kind == PoolThreads::kGiveWay) GiveWayToOthers();
        Work();
      });
    }
  }
  ~ThreadedPool() override {
    {
      MutexLock lock(&mutex_);
      stop_ = true;
    }
    wake_.SignalAll();
    for (std::thread& thread : threads_) thread.join();
  }

  int threads() const override { return static_cast<int>(threads_.size()) + 1; }

  void Run(int count, absl::FunctionRef<void(int task)> task) override {
    auto job = std::make_shared<Job>(count, task);
    {
      MutexLock lock(&mutex_);
      jobs_.push_back(job);
    }
    if (count > 1) wake_.SignalAll();
    Help(job.get());
    // The others are about to end, as a rule: sooner than it takes to sleep and be woken.
    for (int i = 0; i < kSpins && job->running.load() > 0; ++i) Pause();
    MutexLock lock(&mutex_);
    while (job->running > 0) done_.Wait(&mutex_);
    for (auto i = jobs_.begin(); i != jobs_.end(); ++i) {
      if (*i != job) continue;
      jobs_.erase(i);
      break;
    }
  }

 private:
  struct Job {
    Job(int count_in, absl::FunctionRef<void(int)> task_in) : count(count_in), task(task_in) {}
    const int count;
    const absl::FunctionRef<void(int)> task;
    std::atomic<int> next{0};
    std::atomic<int> running{0};  // threads of the pool that are at it; changed under mutex_
  };

  static constexpr int kSpins = 1000;  // some ten microseconds
  static void Pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  static void Help(Job* job) {
    for (int i = job->next++; i < job->count; i = job->next++) job->task(i);
  }

  std::shared_ptr<Job> Open() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const std::shared_ptr<Job>& job : jobs_) {
      if (job->next.load() < job->count) return job;
    }
    return nullptr;
  }

  void Work() {
    MutexLock lock(&mutex_);
    for (;;) {
      std::shared_ptr<Job> job = Open();
      if (job == nullptr) {
        if (stop_) return;
        wake_.Wait(&mutex_);
        continue;
      }
      ++job->running;
      mutex_.Unlock();
      Help(job.get());
      mutex_.Lock();
      if (--job->running == 0) done_.SignalAll();
    }
  }

  Mutex mutex_;
  CondVar wake_;
  CondVar done_;
  std::deque<std::shared_ptr<Job>> jobs_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<TaskPool> NewTaskPool(int threads, PoolThreads kind) {
  return std::make_unique<ThreadedPool>(threads, kind);
}

}  // namespace twin::query
