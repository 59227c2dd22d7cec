// The journal in files: segments written in place, one sync for all records that wait.
#ifndef TWIN_SERVER_JOURNAL_FILE_JOURNAL_H_
#define TWIN_SERVER_JOURNAL_FILE_JOURNAL_H_

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/file.h"
#include "server/base/sync.h"
#include "server/journal/journal.h"
#include "server/journal/recover.h"

namespace twin::journal {

struct FileJournalOptions {
  std::string folder;                 // created where it is missing
  FileSystem* file_system = nullptr;  // nullptr: the system's
  const Clock* clock = nullptr;       // nullptr: the system's
  Sequence first_sequence{1};         // of an empty journal
  bool read_only = false;             // changes nothing; Claim and Append are refused
  bool prepare_ahead = true;          // keeps a file ready for the next segment
  uint64_t segment_bytes = 64u << 20;
  uint64_t group_bytes_max = 8u << 20;    // soft: a larger record is a group of its own
  uint64_t record_bytes_max = 48u << 20;  // and what a segment holds
  int64_t retention_seconds = 24 * 3600;
  uint64_t retention_bytes = 8ull << 30;
};

// One thread collects records, writes and syncs a group, and calls back, while the next group
// collects; a caller with nothing else to do may take its place (AppendAndWait). Another prepares
// the next segment: zeros, written once, since a sync of blocks that were written before takes a
// third of the time. Files of trimmed segments are used again.
//
// From its first claim on there is always a segment, so that a journal without records says where
// it begins as well.
class FileJournal final : public Journal {
 public:
  static absl::StatusOr<std::unique_ptr<FileJournal>> Open(const FileJournalOptions& options);

  // Writes what was appended.
  ~FileJournal() override;

  absl::StatusOr<Epoch> Claim() override;
  void Append(Epoch epoch, Record record, Done done) override;
  void AppendAndWait(Epoch epoch, Record record, Done done) override;
  absl::StatusOr<std::unique_ptr<Reader>> ReadFrom(Sequence sequence) override;
  absl::Status Trim(Sequence below) override;
  JournalStatus status() const override;

  // Of the torn tail that opening cut off; 0 after a clean stop.
  uint64_t torn_bytes() const { return torn_bytes_; }

 private:
  class FileReader;
  struct Waiting {
    Record record;
    Done done;
  };

  FileJournal(const FileJournalOptions& options, Recovered recovered);
  absl::Status Enqueue(Epoch epoch, Record* record, Done* done)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<Waiting> TakeGroup() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Finish(std::vector<Waiting> group);
  void Run();
  void RunPreparer();
  absl::Status WriteGroup(const std::vector<Record>& records);
  absl::Status BeginSegment(uint64_t first_group, Sequence first);
  absl::Status RewriteTail() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::string> TakeSpare();
  absl::StatusOr<std::string> PrepareSpare();
  void Refuse(std::vector<Waiting> waiting, const absl::Status& status);

  const FileJournalOptions options_;
  FileSystem* const fs_;
  const Clock& clock_;
  const uint64_t torn_bytes_;

  mutable Mutex mutex_;
  CondVar appended_;
  CondVar prepared_;
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  // A thread writes a group: it alone uses the end of the last segment, group_bytes_ and wrote_.
  bool grouping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::shared_ptr<Segment>> segments_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> spares_ ABSL_GUARDED_BY(mutex_);
  uint64_t spares_made_ ABSL_GUARDED_BY(mutex_) = 0;
  bool preparing_ ABSL_GUARDED_BY(mutex_) = false;
  bool spare_awaited_ ABSL_GUARDED_BY(mutex_) = false;  // a group cannot be written without it
  bool spare_wanted_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Epoch epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  Sequence next_to_append_ ABSL_GUARDED_BY(mutex_);
  Sequence next_to_sync_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_group_ ABSL_GUARDED_BY(mutex_) = 1;
  uint64_t groups_written_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status writing_ ABSL_GUARDED_BY(mutex_);  // why nothing is written any more
  absl::Status refused_ ABSL_GUARDED_BY(mutex_);  // why what was in flight was refused
  absl::Status no_room_ ABSL_GUARDED_BY(mutex_);  // the same, until a group is written

  std::string group_bytes_;
  bool wrote_ = false;  // since it was opened
  std::thread writer_;
  std::thread preparer_;
};

}  // namespace twin::journal

#endif  // TWIN_SERVER_JOURNAL_FILE_JOURNAL_H_
