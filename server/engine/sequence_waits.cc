#include "server/engine/sequence_waits.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/clock.h"

namespace twin::engine {
namespace {

constexpr uint64_t kAheadMax = 100'000'000;
constexpr int64_t kCancelPollNs = 100 * kNsPerMs;

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
      waiting_.push_back({sequence, deadline, std::move(cancelled), std::move(done), {}});
      changed_.Signal();
      graph_.advanced.SignalAll();  // the thread may wait there, with a later deadline
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
  const Sequence head = graph_.graph.head().sequence();
  const Time now = SystemClock().Now();
  size_t kept = 0;
  for (Waiting& each : waiting_) {
    bool has_answer = true;
    if (each.sequence <= head) {
      each.status = absl::OkStatus();
    } else if (stopping_) {
      each.status = absl::UnavailableError("the server is stopping");
    } else if (each.deadline <= now) {
      each.status = absl::DeadlineExceededError(absl::StrCat(
          "sequence ", each.sequence.value, " was not reached; the server is at ", head.value));
    } else if (each.cancelled()) {
      each.status = absl::CancelledError("the call was cancelled");
    } else {
      has_answer = false;
    }
    if (has_answer) {
      answered.push_back(std::move(each));
    } else {
      if (&waiting_[kept] != &each) waiting_[kept] = std::move(each);
      ++kept;
    }
  }
  waiting_.resize(kept);
  return answered;
}

void SequenceWaits::Run() {
  while (true) {
    std::vector<Waiting> answered;
    {
      const MutexLock lock(&graph_.mutex);
      while (!stopping_ && waiting_.empty()) changed_.Wait(&graph_.mutex);
      answered = TakeAnswered();
      if (answered.empty() && stopping_) return;
      if (answered.empty()) {
        int64_t wait = kCancelPollNs;
        const Time now = SystemClock().Now();
        for (const Waiting& each : waiting_) wait = std::min(wait, each.deadline.ns - now.ns);
        graph_.advanced.WaitFor(&graph_.mutex,
                                std::chrono::nanoseconds(std::max<int64_t>(wait, 0)));
      }
    }
    for (Waiting& each : answered) each.done(std::move(each.status));
  }
}

}  // namespace twin::engine
