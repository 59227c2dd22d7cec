// Calling back those who wait for their batches. What they do then, filling and sending an answer,
// takes about as long as checking a batch, so it happens beside the writer's thread.
#ifndef TWIN_SERVER_INGEST_ANSWERS_H_
#define TWIN_SERVER_INGEST_ANSWERS_H_

#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "server/base/sync.h"
#include "server/ingest/operation.h"

namespace twin::ingest {

struct Answer {
  absl::AnyInvocable<void(WriteResult)> done;
  WriteResult result;
};

// Give is one thread's. Answers go out one after the other, in the order in which they were given.
class Answers {
 public:
  Answers();
  ~Answers();

  // All that was given has gone out; nothing is given any more. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // `here`: may take the time of the calling thread, which spares waking another one.
  void Give(std::vector<Answer> answers, bool here) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();

  Mutex mutex_;
  CondVar given_;
  std::vector<Answer> queue_ ABSL_GUARDED_BY(mutex_);
  bool is_busy_ ABSL_GUARDED_BY(mutex_) = false;  // the thread, with what it took
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_ANSWERS_H_
