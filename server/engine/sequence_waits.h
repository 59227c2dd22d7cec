// Calls that wait until a sequence can be read, without a thread each. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_SEQUENCE_WAITS_H_
#define TWIN_SERVER_ENGINE_SEQUENCE_WAITS_H_

#include <map>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/base/ids.h"
#include "server/base/sync.h"
#include "server/base/time.h"
#include "server/ingest/writer.h"

namespace twin::engine {

// One thread for all of them; it sleeps while there are none. Thread-safe. Cost: a look at the
// first each time the head advances, at all of them ten times a second.
class SequenceWaits {
 public:
  using Cancelled = absl::AnyInvocable<bool()>;
  using Done = absl::AnyInvocable<void(absl::Status)>;

  SequenceWaits(ingest::GuardedGraph* graph, size_t waits_max);
  ~SequenceWaits();

  // Engine::WhenReached says what.
  void Add(Sequence sequence, Time deadline, Cancelled cancelled, Done done);

  // Answers what waits with UNAVAILABLE, and what comes later. Idempotent.
  void Stop();

 private:
  struct Waiting {
    Time deadline;
    Cancelled cancelled;
    Done done;
    absl::Status status;
  };
  void Run();
  using Waits = std::multimap<uint64_t, Waiting>;  // by sequence
  // Takes out what has an answer.
  std::vector<Waiting> TakeAnswered() ABSL_EXCLUSIVE_LOCKS_REQUIRED(graph_.mutex);

  ingest::GuardedGraph& graph_;
  const size_t waits_max_;
  CondVar changed_;  // with graph_.mutex
  Waits waiting_ ABSL_GUARDED_BY(graph_.mutex);
  Time next_look_ ABSL_GUARDED_BY(graph_.mutex);  // at deadlines, and who was cancelled
  bool stopping_ ABSL_GUARDED_BY(graph_.mutex) = false;
  std::thread thread_;
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_SEQUENCE_WAITS_H_
