// The folder that a server keeps its data in: names, format, lock, journal replay. Internal to
// server/engine.
//
//   DIR/FORMAT    "twingraph 2\n"
//   DIR/LOCK      locked while a process uses DIR
//   DIR/RESERVE   zeros: room for a checkpoint when the disk is full
//   DIR/SEQUENCE  of a backup: "817\n", the sequence that its state reaches
//   DIR/journal/  docs/formats/journal.md
//   DIR/store/    docs/formats/store.md
#ifndef TWIN_SERVER_ENGINE_DATA_DIR_H_
#define TWIN_SERVER_ENGINE_DATA_DIR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/file.h"
#include "server/graph/graph.h"
#include "server/ingest/limits.h"
#include "server/ingest/request_ids.h"
#include "server/ingest/telemetry_state.h"
#include "server/journal/file_journal.h"
#include "server/journal/journal.h"

namespace twin::engine {

std::string JournalFolder(const std::string& data_dir);
std::string StoreFolder(const std::string& data_dir);
std::string HistoryFolder(const std::string& data_dir);
std::string ReservePath(const std::string& data_dir);

// Makes a new data directory, without a lock; or makes one of a folder that has all but FORMAT.
absl::Status CreateDataDir(FileSystem* fs, const std::string& data_dir);

// Locks a data directory and checks its format; `create`: makes it where it is missing or empty.
// FAILED_PRECONDITION: another process has it, or the format is not ours. NOT_FOUND: it is none.
absl::StatusOr<std::unique_ptr<FileLock>> OpenDataDir(FileSystem* fs, const std::string& data_dir,
                                                      bool create);

// DATA_LOSS: the journal has segments, and the store, which comes before them, is gone. What it had
// beside the graph (subscriptions, predictors, forecasts) is in no journal.
absl::Status CheckStoreIsThere(FileSystem* fs, const std::string& data_dir);

struct Replayed {
  uint64_t records = 0;
  uint64_t bytes = 0;
};

// Applies what the journal has after `checkpoint`. DATA_LOSS: it does not
// reach back to the checkpoint, or ends before it, or is damaged.
absl::StatusOr<Replayed> Replay(journal::Journal* journal, Sequence checkpoint, graph::Graph* graph,
                                ingest::RequestIds* request_ids, ingest::TelemetryState* telemetry,
                                const ingest::Limits& limits);

// Writes the records after `checkpoint` up to `through` as a journal of its own: `options` say
// where and how.
absl::Status CopyJournal(journal::Journal* journal, Sequence checkpoint, Sequence through,
                         journal::FileJournalOptions options);

// Says in a backup up to which sequence it is whole.
absl::Status WriteReach(FileSystem* fs, const std::string& data_dir, Sequence through);

// DATA_LOSS: the data directory was made as a backup up to a later sequence than `found`, so that
// files of it are gone or cut short. OK where it was made otherwise.
absl::Status CheckReach(FileSystem* fs, const std::string& data_dir, Sequence found);

// Twins in the order in which their rows should be: each followed by what it contains.
std::vector<TwinNumber> ContainmentOrder(const graph::GraphView& view);

// A synced copy in a folder that is there.
absl::Status CopyFile(FileSystem* fs, const std::string& from, const std::string& to);
absl::Status WriteZeros(FileSystem* fs, const std::string& path, uint64_t bytes);
// A folder of files and of folders of files; OK where there is none. Links in it, or in its place,
// are unlinked, never followed. FAILED_PRECONDITION: folders stand in folders deeper than ours do.
absl::Status RemoveTree(FileSystem* fs, const std::string& folder);

// Where a path leads to, links resolved as far as there are any.
std::string Resolved(const std::string& path);

// The place of a backup that is being made: DIR.partial/BACKUP says that it is one. Makes it;
// empties it first where an interrupted backup left it. FAILED_PRECONDITION: something else is
// there, which is not touched.
absl::Status BeginPartial(FileSystem* fs, const std::string& partial);
absl::Status EndPartial(FileSystem* fs, const std::string& partial, const std::string& folder);

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_DATA_DIR_H_
