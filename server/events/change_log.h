// The changes in the order of the journal: recent ones in memory, older ones from the journal.
//
//   writer ──Take──▶ ring of recent records (ring_bytes) ──▶ readers
//                    journal (until retention)           ──▶ readers behind the ring
//
// A ring entry is a journal record, by reference: a frame is one entry whatever it holds, and
// nothing is decoded unless somebody wants it.
#ifndef TWIN_SERVER_EVENTS_CHANGE_LOG_H_
#define TWIN_SERVER_EVENTS_CHANGE_LOG_H_

#include <chrono>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "server/base/sync.h"
#include "server/ingest/applied.h"
#include "server/journal/journal.h"

namespace twin::events {

using RecordPtr = std::shared_ptr<const ingest::AppliedRecord>;

// Thread-safe.
class ChangeLog : public ingest::AppliedSink {
 public:
  // `applied`: the last sequence of the state. The journal outlives it.
  ChangeLog(journal::Journal* journal, Sequence applied, uint64_t ring_bytes);

  // Of the writer. Cost: a lock and a move for each record.
  void Take(std::vector<ingest::AppliedRecord> records) override ABSL_LOCKS_EXCLUDED(mutex_);

  Sequence applied() const ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t ring_bytes() const ABSL_LOCKS_EXCLUDED(mutex_);
  // The first sequence that can be read; applied() + 1 while there is none.
  Sequence oldest() const;
  // The first sequence of the ring; applied() + 1 while it is empty.
  Sequence oldest_recent() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits until something beyond `sequence` is applied, for `time` or until Wake; may end sooner.
  void WaitBeyond(Sequence sequence, std::chrono::nanoseconds time) ABSL_LOCKS_EXCLUDED(mutex_);
  void Wake() ABSL_LOCKS_EXCLUDED(mutex_);

  // Reads records in order, from the one that holds `next` on. Thread-compatible; outlived by the
  // log.
  class Reader {
   public:
    Reader(ChangeLog* log, Sequence next) : log_(*log), next_(next) {}

    // nullptr: no more is applied now. OUT_OF_RANGE: retention has passed it; the message names the
    // oldest. DATA_LOSS: the journal is damaged.
    absl::StatusOr<RecordPtr> Next();
    // The sequence to go on with.
    Sequence next() const { return next_; }

   private:
    ChangeLog& log_;
    Sequence next_;
    std::deque<RecordPtr> ahead_;  // from next_ on, of the ring
    std::unique_ptr<journal::Reader> behind_;
  };

  // Whether one can go on behind `after`. INVALID_ARGUMENT: it is another server's. OUT_OF_RANGE:
  // the changes since are gone.
  absl::Status CheckPlace(Sequence after);

  // The first sequence whose server time is `time` or later; applied() + 1 if there is none.
  // OUT_OF_RANGE: changes of that time are gone. Cost: a few reads of the journal.
  absl::StatusOr<Sequence> FindTime(Time time);

 private:
  friend class Reader;
  // The one that holds `sequence` and some that follow it; none: it is not in the ring. False: it
  // is not applied.
  bool FindRecent(Sequence sequence, std::deque<RecordPtr>* found) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  journal::Journal& journal_;
  const uint64_t ring_bytes_;
  mutable Mutex mutex_;
  CondVar taken_;
  std::deque<RecordPtr> ring_ ABSL_GUARDED_BY(mutex_);
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  Sequence applied_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_CHANGE_LOG_H_
