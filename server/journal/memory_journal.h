// A journal in memory: for tests of what stands above, and a second implementation that the
// conformance suite holds to the same contract.
#ifndef TWIN_SERVER_JOURNAL_MEMORY_JOURNAL_H_
#define TWIN_SERVER_JOURNAL_MEMORY_JOURNAL_H_

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/sync.h"
#include "server/journal/journal.h"

namespace twin::journal {

// Thread-safe. With `hold`, records are durable only when Release says so; else at once, and Append
// calls back before it returns.
class MemoryJournal final : public Journal {
 public:
  explicit MemoryJournal(bool hold = false) : hold_(hold) {}

  absl::StatusOr<Epoch> Claim() override;
  void Append(Epoch epoch, Record record, Done done) override;
  absl::StatusOr<std::unique_ptr<Reader>> ReadFrom(Sequence sequence) override;
  absl::Status Trim(Sequence below) override;
  JournalStatus status() const override;

  // Makes all that waits durable, or fails it all: with RESOURCE_EXHAUSTED until the next Append of
  // the refused sequence, with anything else for ever.
  void Release(const absl::Status& status = absl::OkStatus());
  size_t waiting() const;

 private:
  class MemoryReader;

  const bool hold_;
  mutable Mutex mutex_;
  std::deque<Record> records_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<Record, Done>> waiting_ ABSL_GUARDED_BY(mutex_);
  Epoch epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  Sequence next_to_append_ ABSL_GUARDED_BY(mutex_){1};
  Sequence next_to_sync_ ABSL_GUARDED_BY(mutex_){1};
  absl::Status writing_ ABSL_GUARDED_BY(mutex_);
  absl::Status refused_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace twin::journal

#endif  // TWIN_SERVER_JOURNAL_MEMORY_JOURNAL_H_
