// A few threads for work that waits its turn. They start when there is something to do and cost
// nothing when there is not. Internal to server/predict.
#ifndef TWIN_SERVER_PREDICT_TASKS_H_
#define TWIN_SERVER_PREDICT_TASKS_H_

#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "server/base/sync.h"
#include "server/predict/predictor.h"

namespace twin::predict {

enum class TaskThreads {
  kEqual,
  // To all others: what is measured goes before what is estimated. For what computes and holds no
  // lock that ingest or delivery may wait for.
  kGiveWay,
};

// Thread-safe. Who submits bounds how much waits.
class Tasks {
 public:
  // `name`: of the threads, at most 15 characters; it outlives this.
  Tasks(const char* name, int threads_max, TaskThreads kind)
      : name_(name), threads_max_(threads_max), kind_(kind) {}
  ~Tasks() { Stop(); }

  // False: it is stopping, and the task is dropped.
  bool Submit(absl::AnyInvocable<void()> task) ABSL_LOCKS_EXCLUDED(mutex_);
  // Finishes what was submitted, and refuses more. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Work() ABSL_LOCKS_EXCLUDED(mutex_);

  const char* const name_;
  const int threads_max_;
  const TaskThreads kind_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<absl::AnyInvocable<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

// The predictor as others see it: a batch is a task. `tasks` outlives it.
std::shared_ptr<Predictor> RunOn(std::shared_ptr<LocalPredictor> predictor, Tasks* tasks);

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_TASKS_H_
