// The one writer: check → number → append → apply. Batches go in from any thread; one thread checks
// them in order, hands their records to the journal, and applies what the journal made durable.
//
//   Submit ─▶ queue ─▶ check against head + pending ─▶ Journal::Append ──(synced)──▶ apply ─▶ done
//
// Several records are in flight while the journal syncs: a batch collects while the former syncs.
#ifndef TWIN_SERVER_INGEST_WRITER_H_
#define TWIN_SERVER_INGEST_WRITER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/sync.h"
#include "server/graph/graph.h"
#include "server/ingest/answers.h"
#include "server/ingest/applied.h"
#include "server/ingest/change.h"
#include "server/ingest/checker.h"
#include "server/ingest/expiry.h"
#include "server/ingest/layout.h"
#include "server/ingest/limits.h"
#include "server/ingest/operation.h"
#include "server/ingest/pending.h"
#include "server/ingest/request_ids.h"
#include "server/ingest/telemetry.h"
#include "server/ingest/telemetry_checker.h"
#include "server/ingest/telemetry_record.h"
#include "server/ingest/telemetry_state.h"
#include "server/journal/journal.h"

namespace twin::ingest {

// The state and its lock. The writer's thread alone changes the graph, and holds the mutex while it
// does; everybody else holds it to read the head or to pin. It is held for microseconds.
struct GuardedGraph {
  mutable Mutex mutex;
  CondVar advanced;  // the head's sequence rose
  graph::Graph graph ABSL_GUARDED_BY(mutex);
  RequestIds request_ids ABSL_GUARDED_BY(mutex);
  TelemetryState telemetry ABSL_GUARDED_BY(mutex);
};

struct WriterOptions {
  Limits limits;
  ExpiryOptions expiry = {};
  const Clock* clock = nullptr;
  int records_in_flight_max = 1024;
  uint64_t bytes_in_flight_max = 64u << 20;
  // What is pending should fit the processor's caches; two batches of the greatest size go on.
  uint64_t operations_in_flight_max = 12'288;
  AppliedSink* applied = nullptr;  // nullptr: nobody wants to know. Outlives the writer
};

// Thread-safe.
class Writer {
 public:
  // The journal must be open and behind `graph` by nothing. Both outlive the writer.
  Writer(const WriterOptions& options, GuardedGraph* graph, journal::Journal* journal,
         journal::Epoch epoch);
  // Finishes and answers what was submitted.
  ~Writer();

  // Calls `done` once, on a thread of the writer's, which must not be blocked, in the order in
  // which batches are finished; without OK nothing of the batch was done, except: UNAVAILABLE from
  // a failing disk leaves open whether it was, as after a crash. RESOURCE_EXHAUSTED:
  // write_queue_bytes_max is waiting already, or the disk is full.
  using Done = absl::AnyInvocable<void(WriteResult)>;
  void Submit(WriteBatch batch, Done done) ABSL_LOCKS_EXCLUDED(mutex_);

  // Frames and samples: as Submit. The result's status is that of the batch as a whole.
  using TelemetryDone = absl::AnyInvocable<void(TelemetryResult)>;
  void Submit(TelemetryBatch batch, TelemetryDone done) ABSL_LOCKS_EXCLUDED(mutex_);

  // A layout, or a new version of the one that has its id; the same again changes nothing.
  using LayoutDone = absl::AnyInvocable<void(LayoutResult)>;
  void Register(Layout layout, bool validate_only, LayoutDone done) ABSL_LOCKS_EXCLUDED(mutex_);

  // Runs on the writer's thread when nothing is in flight. False: it is stopping; nothing is run.
  bool RunAlone(absl::AnyInvocable<void()> task) ABSL_LOCKS_EXCLUDED(mutex_);

  // Refuses everything new, finishes the rest. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // Of records handed to the journal since it was made.
  uint64_t bytes_written() const { return bytes_written_.load(std::memory_order_relaxed); }

  // Not OK: why nothing is written any more.
  absl::Status writing() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Waiting {
    WriteBatch batch;
    Done done;
    uint64_t bytes = 0;
    uint64_t digest = 0;  // of a batch with a request id; 0: it is not compared
    absl::AnyInvocable<void()> task;
    std::unique_ptr<TelemetryBatch> telemetry;
    TelemetryDone telemetry_done;
  };
  struct InFlight {
    uint64_t number = 0;
    Sequence first;
    RecordHeader header;
    std::string units;      // encoded
    std::string telemetry;  // instead: a whole record of telemetry, of so many sequences
    uint64_t sequences = 0;
    std::string producer;  // of it; empty: none
    uint64_t batch_number = 0;
    bool sets_properties = false;
    std::shared_ptr<TelemetryResult> telemetry_result;
    WriteResult result;
    Done done;
    uint64_t bytes = 0;
    uint64_t operations = 0;
    absl::Status status;
    bool is_complete = false;
    bool is_record = true;  // else an answer that takes its place among those of records
  };
  struct LayoutChange {
    bool IsOfClient() const { return valid_from.ns == INT64_MIN; }

    Layout layout;
    bool validate_only = false;
    // The earliest time there is stands for "of a client": from now on, or from the beginning if it
    // is the first.
    Time valid_from = Time{INT64_MIN};
    LayoutResult result;
    std::shared_ptr<InFlight> in_flight;  // nullptr: there is nothing to write
  };

  void Run();
  // Takes it, or says why not and leaves it.
  bool Enqueue(Waiting* waiting, absl::Status* refused) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status MayWrite() ABSL_LOCKS_EXCLUDED(mutex_);
  void Process(Waiting waiting);
  absl::Status FindDone(const Waiting& waiting, bool* is_known, WriteResult* result);
  absl::Status EncodeInto(journal::Record* record, size_t operations, InFlight* in_flight);
  void ProcessTelemetry(const TelemetryBatch& batch, TelemetryDone done);
  LayoutResult ProcessLayout(Layout layout, bool validate_only);
  absl::StatusOr<ResolvedLayout> Resolve(const LayoutChange& change, const LayoutVersion* last);
  void ChangeLayout(LayoutChange* change);
  void AppendLayout(const LayoutRecord& record, LayoutChange* change);
  void ResolveStale();
  void Append(std::shared_ptr<InFlight> in_flight, journal::Record record);
  void AnswerNow(Done done, WriteResult result);
  // Behind the answers of what is in flight.
  void AnswerInTurn(const std::string& producer, std::shared_ptr<TelemetryResult> result,
                    TelemetryDone done) ABSL_LOCKS_EXCLUDED(mutex_);
  void Finish(const std::vector<std::shared_ptr<InFlight>>& complete);
  static void MarkFollowed(const std::vector<std::shared_ptr<InFlight>>& complete);
  void Publish(const std::vector<std::shared_ptr<InFlight>>& complete);
  // Waits for all that is in flight, and applies it.
  void Drain();
  absl::Status CheckForm(const WriteBatch& batch) const;
  void LookAhead(const WriteBatch& batch, size_t at);
  absl::Status Check(const WriteBatch& batch, size_t at, OperationResult* result);
  absl::Status CheckBatch(const WriteBatch& batch, InFlight* record);
  void CheckEach(const WriteBatch& batch, InFlight* record);
  bool MayStart() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool is_queue_empty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return queue_.empty() && operations_.empty();
  }
  Waiting TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);  // of a queue that is not empty
  std::vector<std::shared_ptr<InFlight>> TakeComplete() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const graph::GraphView* Head() ABSL_LOCKS_EXCLUDED(graph_.mutex);
  TelemetryState* Telemetry() ABSL_LOCKS_EXCLUDED(graph_.mutex);

  const WriterOptions options_;
  const Clock& clock_;
  GuardedGraph& graph_;
  journal::Journal& journal_;
  const journal::Epoch epoch_;

  // The writer thread's.
  PendingState pending_;
  Checker checker_;
  TelemetryState& telemetry_;  // it alone changes it, as the head
  TelemetryChecker telemetry_checker_;
  // The greatest batch number of each producer that is in flight.
  absl::flat_hash_map<std::string, uint64_t> producers_in_flight_;
  absl::flat_hash_set<std::string> request_ids_in_flight_;
  int property_frames_in_flight_ = 0;  // records of telemetry that set properties
  Time last_time_;
  uint64_t next_record_ = 1;
  size_t unit_bytes_ = 0;  // that an operation of the last batch of many took
  Answers answers_;

  mutable Mutex mutex_;
  CondVar changed_;
  // Telemetry and tasks wait in one queue, batches of operations in another. They take turns, so
  // that neither waits for all of the other: after a batch telemetry has as much time as that took.
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  std::deque<Waiting> operations_ ABSL_GUARDED_BY(mutex_);
  bool is_operations_turn_ ABSL_GUARDED_BY(mutex_) = false;  // what was taken last
  // The writer thread's: time at work since then, and what telemetry may still have.
  std::chrono::steady_clock::duration worked_{};
  std::chrono::steady_clock::duration telemetry_time_{};
  uint64_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::shared_ptr<InFlight>> in_flight_ ABSL_GUARDED_BY(mutex_);
  uint64_t bytes_in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t operations_in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool failing_ ABSL_GUARDED_BY(mutex_) = false;  // until what was in flight has been refused
  absl::Status writing_ ABSL_GUARDED_BY(mutex_);

  std::atomic<uint64_t> bytes_written_{0};
  std::thread thread_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_WRITER_H_
