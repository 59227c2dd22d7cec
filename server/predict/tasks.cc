#include "server/predict/tasks.h"

#include <limits>
#include <utility>

#include "server/base/thread_name.h"
#include "server/base/thread_priority.h"

namespace twin::predict {
namespace {

class OnTasks : public Predictor {
 public:
  OnTasks(std::shared_ptr<LocalPredictor> predictor, Tasks* tasks)
      : predictor_(std::move(predictor)), tasks_(*tasks) {}

  absl::StatusOr<Description> Describe(int64_t /*timeout_ms*/,
                                       absl::FunctionRef<bool()> /*is_cancelled*/) override {
    return predictor_->description();
  }

  void Predict(std::shared_ptr<const Request> request, int64_t /*timeout_ms*/, Done done) override {
    auto shared = std::make_shared<Done>(std::move(done));
    const bool accepted =
        tasks_.Submit([predictor = predictor_, request = std::move(request), shared] {
          (*shared)(Answered(predictor.get(), *request));
        });
    if (!accepted) (*shared)(absl::CancelledError("the server is stopping"));
  }

 private:
  static absl::StatusOr<Answer> Answered(LocalPredictor* predictor, const Request& request) {
    const Description& description = predictor->description();
    Answer answer;
    answer.request_id = request.id;
    answer.model_version = description.version;
    const double none = std::numeric_limits<double>::quiet_NaN();
    for (const Output& output : description.outputs) {
      OutputColumns columns;
      columns.output = output.name;
      columns.values.assign(request.rows(), none);
      columns.lo.assign(request.rows(), none);
      columns.hi.assign(request.rows(), none);
      columns.statuses.assign(request.rows(), EstimateStatus::kInsufficientData);
      answer.outputs.push_back(std::move(columns));
    }
    const absl::Status status = predictor->Compute(request, &answer.outputs);
    if (!status.ok()) return status;
    return answer;
  }

  const std::shared_ptr<LocalPredictor> predictor_;
  Tasks& tasks_;
};

}  // namespace

bool Tasks::Submit(absl::AnyInvocable<void()> task) {
  const MutexLock lock(&mutex_);
  if (stopping_) return false;
  waiting_.push_back(std::move(task));
  if (idle_ < static_cast<int>(waiting_.size()) &&
      static_cast<int>(threads_.size()) < threads_max_) {
    threads_.emplace_back([this] { Work(); });
  } else {
    changed_.Signal();
  }
  return true;
}

void Tasks::Stop() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

void Tasks::Work() {
  NameThread(name_);
  if (kind_ == TaskThreads::kGiveWay) GiveWayToOthers();
  while (true) {
    absl::AnyInvocable<void()> task;
    {
      const MutexLock lock(&mutex_);
      ++idle_;
      while (waiting_.empty() && !stopping_) changed_.Wait(&mutex_);
      --idle_;
      if (waiting_.empty()) return;
      task = std::move(waiting_.front());
      waiting_.pop_front();
    }
    task();
  }
}

std::shared_ptr<Predictor> RunOn(std::shared_ptr<LocalPredictor> predictor, Tasks* tasks) {
  return std::make_shared<OnTasks>(std::move(predictor), tasks);
}

}  // namespace twin::predict
