#include "server/engine/sequence_waits.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/clock.h"
#include "server/base/thread_name.h"

namespace twin::engine {
namespace {

constexpr uint64_t kAheadMax = 100'000'000;
constexpr int64_t kLookNs = 100 * kNsPerMs;

}  // namespace

SequenceWaits::SequenceWaits(ingest::GuardedGraph* graph, size_t waits_max)
    : graph_(*graph), waits_max_(waits_max), thread_([this] { Run(); }) {}

SequenceWaits::~SequenceWaits() { Stop(); }

void SequenceWaits::Add(Sequence sequence, Time deadline, Cancelled cancelled, Done done) {
  absl::Status status;
  {
    const MutexLock lock(&graph_.mutex);
    const Sequence now = graph_.graph.head().sequence();
    if (sequence.value > now.value + kAheadMax) {
      status = absl::InvalidArgumentError(
          absl::StrCat("min_sequence ", sequence.value,
                       " is no sequence of this server, which is at ", now.value));
    } else if (now < sequence && stopping_) {
      status = absl::UnavailableError("the server is stopping");
    } else if (now < sequence && waiting_.size() >= waits_max_) {
      status = absl::ResourceExhaustedError(
          absl::StrCat("more than reads_waiting_max (", waits_max_,
                       ") reads wait for their min_sequence; try again later"));
    } else if (now < sequence) {
      waiting_.emplace(sequence.value,
                       Waiting{deadline, std::move(cancelled), std::move(done), absl::OkStatus()});
      if (waiting_.size() == 1 || deadline < next_look_) {
        next_look_ = std::min(deadline, Time{SystemClock().Now().ns + kLookNs});
        changed_.Signal();
        graph_.advanced.SignalAll();  // where the thread may wait for longer
      }
      return;
    }
  }
  done(status);
}

void SequenceWaits::Stop() {
  {
    const MutexLock lock(&graph_.mutex);
    stopping_ = true;
    changed_.SignalAll();
    graph_.advanced.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

std::vector<SequenceWaits::Waiting> SequenceWaits::TakeAnswered() {
  std::vector<Waiting> answered;
  const auto take = [&](Waits* waits, Waits::iterator at, absl::Status status) {
    answered.push_back(std::move(at->second));
    answered.back().status = std::move(status);
    return waits->erase(at);
  };
  const uint64_t head = graph_.graph.head().sequence().value;
  while (!waiting_.empty() && waiting_.begin()->first <= head) {
    take(&waiting_, waiting_.begin(), absl::OkStatus());
  }
  const Time now = SystemClock().Now();
  if (now < next_look_ && !stopping_) return answered;
  next_look_ = Time{now.ns + kLookNs};
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const Time deadline = at->second.deadline;
    if (stopping_) {
      at = take(&waiting_, at, absl::UnavailableError("the server is stopping"));
    } else if (deadline <= now) {
      at = take(&waiting_, at,
                absl::DeadlineExceededError(absl::StrCat(
                    "sequence ", at->first, " was not reached; the server is at ", head)));
    } else if (at->second.cancelled()) {
      at = take(&waiting_, at, absl::CancelledError("the call was cancelled"));
    } else {
      next_look_ = std::min(next_look_, deadline);
      ++at;
    }
  }
  return answered;
}

void SequenceWaits::Run() {
  NameThread("waits");
  while (true) {
    std::vector<Waiting> answered;
    {
      const MutexLock lock(&graph_.mutex);
      while (!stopping_ && waiting_.empty()) changed_.Wait(&graph_.mutex);
      answered = TakeAnswered();
      if (answered.empty() && stopping_) return;
      if (answered.empty()) {
        const int64_t wait = next_look_.ns - SystemClock().Now().ns;
        graph_.advanced.WaitFor(&graph_.mutex,
                                std::chrono::nanoseconds(std::max<int64_t>(wait, 0)));
      }
    }
    for (Waiting& each : answered) each.done(std::move(each.status));
  }
}

}  // namespace twin::engine
