#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/engine/checkpoint.h"
#include "server/engine/data_dir.h"
#include "server/engine/engine.h"
#include "server/ingest/change.h"
#include "server/journal/file_journal.h"
#include "server/storage/lmdb_store.h"

namespace twin::engine {
namespace {

template <typename Ended>
uint64_t CountEnded(const graph::GraphView& view, uint32_t slots) {
  uint64_t count = 0;
  Ended ended;
  for (uint32_t slot = 0; slot < slots; ++slot) count += view.GetEnded(slot, &ended) ? 1 : 0;
  return count;
}

std::string SequencesText(const journal::JournalStatus& status) {
  if (status.durable < status.oldest) return "no sequences";
  return absl::StrCat("sequences ", status.oldest.value, " to ", status.durable.value);
}

// Reads one part after the other, also where another is damaged: the report shall be whole.
class Check {
 public:
  Check(const std::string& data_dir, FileSystem* fs, std::vector<std::string>* report)
      : data_dir_(data_dir), fs_(fs), report_(report), history_(HistoryOptions()) {}

  // The first finding.
  absl::Status Run() {
    CheckStore();
    if (has_state_) CheckHistory();
    telemetry_.SetHistory(&history_);
    CheckJournal();
    return first_;
  }

 private:
  timeseries::StoreOptions HistoryOptions() const {
    timeseries::StoreOptions options;
    options.folder = HistoryFolder(data_dir_);
    options.file_system = fs_;
    options.read_only = true;
    return options;
  }

  void Note(absl::string_view what, const absl::Status& status) {
    report_->push_back(absl::StrCat(what, ": ", status.ok() ? "good" : status.message()));
    if (first_.ok()) first_ = status;
  }

  absl::Status LoadCheckpoint() {
    storage::LmdbOptions options;
    options.folder = StoreFolder(data_dir_);
    options.read_only = true;
    options.check_pages = true;
    TWIN_ASSIGN_OR_RETURN(const auto store, storage::LmdbStore::Open(options));
    Checkpoints checkpoints(store.get());
    TWIN_ASSIGN_OR_RETURN(meta_,
                          checkpoints.Load(&graph_, &request_ids_, limits_,
                                           [this](const PartKey& key, absl::string_view bytes) {
                                             return LoadPart(key, bytes, &telemetry_, &history_);
                                           }));
    return telemetry_.FinishLoad();
  }

  void CheckStore() {
    if (!fs_->Exists(JoinPath(StoreFolder(data_dir_), "data.mdb"))) {
      const absl::Status status = CheckStoreIsThere(fs_, data_dir_);
      has_state_ = status.ok();
      Note(status.ok() ? "store: empty" : "store", status);
      return;
    }
    const absl::Status status = LoadCheckpoint();
    has_state_ = status.ok();
    Note(absl::StrCat("store: checkpoint ", meta_.number, " at sequence ", meta_.sequence.value),
         status);
  }

  void CheckHistory() {
    uint64_t blocks = 0;
    absl::Status status = history_.FinishLoad();
    if (status.ok()) status = history_.Verify(&blocks);
    has_state_ = status.ok();
    const timeseries::StoreStatus files = history_.status();
    Note(absl::StrCat("history: ", files.files, " files, ", files.packed_files,
                      " of them re-packed, ", blocks, " blocks, ", files.file_rows, " rows"),
         status);
  }

  void CheckJournal() {
    journal::FileJournalOptions options;
    options.folder = JournalFolder(data_dir_);
    options.file_system = fs_;
    options.read_only = true;
    options.first_sequence = Sequence(meta_.sequence.value + 1);
    const auto journal = journal::FileJournal::Open(options);
    if (!journal.ok()) {
      Note("journal", journal.status());
      return;
    }
    const journal::JournalStatus found = (*journal)->status();
    uint64_t records = 0;
    const absl::Status status = ReadRecords(journal->get(), found, &records);
    Note(absl::StrCat("journal: ", SequencesText(found), " in ", found.segments,
                      found.segments == 1 ? " segment, " : " segments, ", records,
                      records == 1 ? " record" : " records"),
         status);
    if (has_state_ && status.ok()) CheckState(journal->get());
  }

  static absl::Status ReadRecords(journal::Journal* journal, const journal::JournalStatus& found,
                                  uint64_t* records) {
    if (found.durable < found.oldest) return absl::OkStatus();
    TWIN_ASSIGN_OR_RETURN(const auto reader, journal->ReadFrom(found.oldest));
    journal::Record record;
    for (;;) {
      TWIN_ASSIGN_OR_RETURN(const bool more, reader->Next(&record));
      if (!more) return absl::OkStatus();
      TWIN_RETURN_IF_ERROR(ingest::CheckRecord(record.bytes));
      ++*records;
    }
  }

  void CheckState(journal::Journal* journal) {
    const auto replayed =
        Replay(journal, meta_.sequence, &graph_, &request_ids_, &telemetry_, limits_);
    const graph::GraphView& head = graph_.head();
    Note(absl::StrCat("state: ", head.twins(), " twins, ", head.relationships(),
                      " relationships at sequence ", head.sequence().value, "; ",
                      CountEnded<graph::EndedTwin>(head, head.ended_twin_slots()), " twins and ",
                      CountEnded<graph::EndedRelationship>(head, head.ended_relationship_slots()),
                      " relationships that have ended"),
         replayed.status());
    const absl::Status reach = CheckReach(fs_, data_dir_, head.sequence());
    if (!reach.ok()) Note("backup", reach);
  }

  const std::string& data_dir_;
  FileSystem* const fs_;
  std::vector<std::string>* const report_;
  const ingest::Limits limits_;
  graph::Graph graph_;
  ingest::RequestIds request_ids_;
  timeseries::Store history_;
  ingest::TelemetryState telemetry_;
  CheckpointMeta meta_;
  bool has_state_ = true;
  absl::Status first_;
};

}  // namespace

absl::Status CheckDataDir(const std::string& data_dir, std::vector<std::string>* report,
                          FileSystem* file_system) {
  FileSystem* const fs = file_system != nullptr ? file_system : PosixFileSystem();
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock,
                        OpenDataDir(fs, data_dir, /*create=*/false));
  return Check(data_dir, fs, report).Run();
}

}  // namespace twin::engine
