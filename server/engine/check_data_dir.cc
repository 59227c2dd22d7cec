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

}  // namespace

absl::Status CheckDataDir(const std::string& data_dir, std::vector<std::string>* report,
                          FileSystem* file_system) {
  FileSystem* fs = file_system != nullptr ? file_system : PosixFileSystem();
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock,
                        OpenDataDir(fs, data_dir, /*create=*/false));
  const ingest::Limits limits;
  graph::Graph graph;
  ingest::RequestIds request_ids;
  timeseries::StoreOptions history_options;
  history_options.folder = HistoryFolder(data_dir);
  history_options.file_system = fs;
  history_options.read_only = true;
  timeseries::Store history(history_options);
  ingest::TelemetryState telemetry;
  CheckpointMeta meta;
  absl::Status first;
  const auto note = [&](absl::string_view what, const absl::Status& status) {
    report->push_back(absl::StrCat(what, ": ", status.ok() ? "good" : status.message()));
    if (first.ok()) first = status;
  };

  // Each part is read even where another is damaged: the report shall be whole.
  storage::LmdbOptions store_options;
  store_options.folder = StoreFolder(data_dir);
  store_options.read_only = true;
  store_options.check_pages = true;
  bool has_state = true;
  if (fs->Exists(JoinPath(StoreFolder(data_dir), "data.mdb"))) {
    auto store = storage::LmdbStore::Open(store_options);
    absl::Status status = store.status();
    if (store.ok()) {
      Checkpoints checkpoints(store->get());
      const auto loaded = checkpoints.Load(&graph, &request_ids, limits,
                                           [&](const PartKey& key, absl::string_view bytes) {
                                             return LoadPart(key, bytes, &telemetry, &history);
                                           });
      status = loaded.status();
      if (loaded.ok()) meta = *loaded;
      if (status.ok()) status = telemetry.FinishLoad();
    }
    has_state = status.ok();
    note(absl::StrCat("store: checkpoint ", meta.number, " at sequence ", meta.sequence.value),
         status);
  } else {
    const absl::Status status = CheckStoreIsThere(fs, data_dir);
    has_state = status.ok();
    note(status.ok() ? "store: empty" : "store", status);
  }

  if (has_state) {
    uint64_t blocks = 0;
    absl::Status status = history.FinishLoad();
    if (status.ok()) status = history.Verify(&blocks);
    has_state = status.ok();
    const timeseries::StoreStatus files = history.status();
    note(absl::StrCat("history: ", files.files, " files, ", files.packed_files,
                      " of them re-packed, ", blocks, " blocks, ", files.file_rows, " rows"),
         status);
  }
  telemetry.SetHistory(&history);

  journal::FileJournalOptions journal_options;
  journal_options.folder = JournalFolder(data_dir);
  journal_options.file_system = fs;
  journal_options.read_only = true;
  journal_options.first_sequence = Sequence(meta.sequence.value + 1);
  auto journal = journal::FileJournal::Open(journal_options);
  if (!journal.ok()) {
    note("journal", journal.status());
    return first;
  }
  const journal::JournalStatus journal_status = (*journal)->status();
  absl::Status status;
  uint64_t records = 0;
  if (journal_status.oldest <= journal_status.durable) {
    const auto reader = (*journal)->ReadFrom(journal_status.oldest);
    status = reader.status();
    journal::Record record;
    while (status.ok()) {
      const absl::StatusOr<bool> more = (*reader)->Next(&record);
      status = more.status();
      if (!status.ok() || !*more) break;
      status = ingest::CheckRecord(record.bytes);
      ++records;
    }
  }
  note(absl::StrCat("journal: sequences ", journal_status.oldest.value, " to ",
                    journal_status.durable.value, " in ", journal_status.segments, " segments, ",
                    records, " records"),
       status);
  if (has_state && status.ok()) {
    const auto replayed =
        Replay(journal->get(), meta.sequence, &graph, &request_ids, &telemetry, limits);
    note(absl::StrCat("state: ", graph.head().twins(), " twins, ", graph.head().relationships(),
                      " relationships at sequence ", graph.head().sequence().value, "; ",
                      CountEnded<graph::EndedTwin>(graph.head(), graph.head().ended_twin_slots()),
                      " twins and ",
                      CountEnded<graph::EndedRelationship>(graph.head(),
                                                           graph.head().ended_relationship_slots()),
                      " relationships that have ended"),
         replayed.status());
  }
  return first;
}

}  // namespace twin::engine
