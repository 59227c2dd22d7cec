// The server's parts put together: opening a data directory, recovery, the write path, reads,
// checkpoints, backup. What server/api serves; knows nothing of gRPC.
#ifndef TWIN_SERVER_ENGINE_ENGINE_H_
#define TWIN_SERVER_ENGINE_ENGINE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/file.h"
#include "server/base/time.h"
#include "server/engine/graph_reader.h"
#include "server/engine/snapshot_registry.h"
#include "server/events/options.h"
#include "server/graph/graph.h"
#include "server/ingest/dry_run.h"
#include "server/ingest/limits.h"
#include "server/ingest/operation.h"
#include "server/ingest/telemetry.h"
#include "server/ingest/telemetry_state.h"
#include "server/timeseries/store.h"

namespace twin::events {
class Feed;
class NamedSubscriptions;
}  // namespace twin::events

namespace twin::storage {
class Documents;
}

namespace twin::engine {

struct EngineOptions {
  std::string data_dir;
  ingest::Limits limits;
  uint64_t segment_bytes = 64u << 20;
  uint64_t checkpoint_journal_bytes = 1u << 30;  // a checkpoint starts after so much journal
  uint64_t checkpoint_bytes_per_second = 64u << 20;
  int64_t event_retention_seconds = 24 * 3600;  // the journal keeps at least this, or
  uint64_t event_retention_bytes = 8ull << 30;  // this, whichever is less
  uint64_t reserve_bytes = 16u << 20;           // on disk, so that a checkpoint can free space
  uint64_t adjacency_bytes_max = 256u << 20;    // of arrays that queries follow, see adjacency.h
  uint64_t snapshot_retained_bytes_max = 0;     // 0: 10 % of the machine's memory
  int64_t reads_waiting_max = 10'000;           // calls of WhenReached
  uint32_t history_block_rows = 256;            // of a group, until they are sealed
  uint64_t open_block_bytes_max = 0;  // of rows that are not sealed; 0: 25 % of the memory
  // From the end of the day (by source time) that samples and their roll-ups are of; 0: for ever.
  int64_t history_retention_seconds = 0;
  int64_t history_rollup_retention_seconds = 0;
  std::vector<std::string> history_retention_of;  // of models: texts as of KeptFor::Parse
  // What comes when its time is over already is kept for so long all the same.
  int64_t history_retention_grace_seconds = 24 * 3600;
  // Files of days that ended so long ago are re-packed in the background; 0: none are.
  int64_t history_repack_after_seconds = int64_t{30} * 24 * 3600;
  int64_t history_repack_cpu_percent = 25;  // of one processor, that this takes at most
  events::Options events;
  bool checkpoint_on_stop = true;
  // Called on a thread of the engine's when writes are refused from now on, with the reason, and
  // when they are accepted again: OK. Must not block.
  std::function<void(const absl::Status&)> writing_changed;
  const Clock* clock = nullptr;       // nullptr: the system's
  FileSystem* file_system = nullptr;  // nullptr: the system's
};

struct EngineStatus {
  Sequence sequence;  // applied and durable
  Time time;
  uint64_t models = 0, twins = 0, relationships = 0;
  uint64_t deleted_twins = 0;  // whose numbers and ids wait for Compact
  graph::GraphMemory memory;
  uint64_t journal_bytes = 0, journal_segments = 0, journal_syncs = 0;
  Sequence journal_oldest;
  uint64_t store_bytes = 0;
  Sequence checkpoint_sequence;
  Time checkpoint_time;
  bool checkpoint_running = false;
  // Not OK: why writes are refused. RESOURCE_EXHAUSTED: there was no room for the last one.
  absl::Status writing;
  uint64_t snapshots = 0;
  uint64_t snapshots_expired = 0;  // taken away, for snapshot_retained_bytes_max
  Time start_time;
  double recovery_seconds = 0;
  timeseries::StoreStatus history;
  uint64_t history_days_to_pack = 0;  // that are old enough
  uint64_t history_days_packed = 0;   // since the start
  uint64_t history_days_to_merge = 0;
  uint64_t history_days_merged = 0;  // since the start
  absl::Status history_packing;      // not OK: why the last re-packing failed
  uint64_t layouts = 0;
  uint64_t recovered_records = 0;  // replayed from the journal at start
  events::FeedStatus events;
};

// Thread-safe.
class Engine {
 public:
  // Opens or creates the data directory: lock, format version, last checkpoint, journal from there.
  // FAILED_PRECONDITION: another process holds it, or its format is not ours (the message says what
  // to run). DATA_LOSS: something acknowledged cannot be read; nothing is changed, see
  // `twinctl check DIR`.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const EngineOptions& options);

  // Stops, without a checkpoint, if Stop was not called.
  ~Engine();

  // Checks, numbers, appends, applies; then calls `done`, on a thread of the engine's, which must
  // not block. A batch is acknowledged when it is durable, and a read that starts later sees it.
  using WriteDone = absl::AnyInvocable<void(ingest::WriteResult)>;
  void Write(ingest::WriteBatch batch, WriteDone done);

  // The same, waiting.
  ingest::WriteResult Write(ingest::WriteBatch batch);

  // Frames and samples, on the same way. A batch's result tells what of it was rejected.
  using TelemetryDone = absl::AnyInvocable<void(ingest::TelemetryResult)>;
  void Write(ingest::TelemetryBatch batch, TelemetryDone done);
  ingest::TelemetryResult Write(ingest::TelemetryBatch batch);  // waiting

  // Registers a layout of frames, or a new version of it.
  using LayoutDone = absl::AnyInvocable<void(ingest::LayoutResult)>;
  void Register(ingest::Layout layout, bool validate_only, LayoutDone done);
  ingest::LayoutResult Register(ingest::Layout layout, bool validate_only = false);  // waiting
  // Calls `reader` on layouts, producers and the graph, under the writer's lock.
  void ReadTelemetry(
      absl::FunctionRef<void(const ingest::TelemetryState&, const graph::GraphView&)> reader) const;

  // Calls `reader` on the head, under the writer's lock: for point reads of microseconds.
  void Read(absl::FunctionRef<void(const graph::GraphView&)> reader) const;

  // A snapshot of the last applied state, for work of a second or so.
  std::shared_ptr<const graph::GraphView> Pin() const;

  // The same for longer, which may be taken away: see HeldSnapshot.
  std::shared_ptr<HeldSnapshot> Hold(SnapshotUse use);
  // One that is held already, for another use.
  std::shared_ptr<HeldSnapshot> Hold(SnapshotUse use, std::shared_ptr<const graph::GraphView> view);
  // Takes one away if snapshots keep too much, as a thread of the engine's does twice a second.
  void EnforceSnapshots();

  // What queries read: the last applied state, or the one of a `view` that Pin gave. Readers of one
  // engine share what they build; none outlives it.
  std::unique_ptr<SnapshotReader> OpenReader() const;
  std::unique_ptr<SnapshotReader> OpenReader(std::shared_ptr<const graph::GraphView> view) const;

  // Recorded samples as that reader's snapshot sees them. It outlives them.
  std::unique_ptr<query::SeriesReader> OpenSeries(const SnapshotReader& reader) const;

  // What batches would do, one after the other, beginning at that snapshot.
  std::unique_ptr<ingest::DryRun> BeginDryRun(const graph::GraphView& snapshot) const;

  // What changes, to those who subscribe. Lives until Stop; subscriptions have ended by then.
  events::Feed& feed();

  // Durable subscriptions. Lives until Stop.
  events::NamedSubscriptions& subscriptions();

  // Small records of the server's own, in the store and in its backups. Lives until Stop.
  storage::Documents& documents();

  // Calls `done` once when reads see that sequence: at once, or on a thread of the engine's, which
  // must not be blocked. With DEADLINE_EXCEEDED; CANCELLED: `cancelled`, which is asked ten times a
  // second and must be quick, said so; INVALID_ARGUMENT: far ahead of anything ever given out;
  // RESOURCE_EXHAUSTED: reads_waiting_max wait already; UNAVAILABLE: the engine is stopping.
  void WhenReached(Sequence sequence, Time deadline, absl::AnyInvocable<bool()> cancelled,
                   absl::AnyInvocable<void(absl::Status)> done);

  // The same, waiting.
  absl::Status WaitFor(
      Sequence sequence, Time deadline,
      absl::AnyInvocable<bool()> cancelled = [] { return false; });

  // Writes a checkpoint now and waits for it.
  absl::Status Checkpoint();

  // A copy of a consistent state into a new folder, while serving. Starting on it is the restore.
  // INVALID_ARGUMENT: not absolute, with control characters, or in the folder of the data.
  // ALREADY_EXISTS: it is there. FAILED_PRECONDITION: FOLDER.partial is, and no backup left it.
  absl::Status Backup(const std::string& folder);

  // Reclaims ids and rows of deleted twins and orders rows by containment. Returns how many twins'
  // ids were forgotten. Cost: linear in the graph; reads and writes wait meanwhile.
  absl::StatusOr<uint64_t> Compact();

  // Re-packs the history's files of all days that have ended, at once. Returns how many days.
  // Cost: linear in what is in those files; nothing waits for it.
  absl::StatusOr<uint64_t> PackHistory();

  EngineStatus status() const;
  const ingest::Limits& limits() const;

  // Refuses new writes, finishes what runs, checkpoints, closes.
  absl::Status Stop();

 private:
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  GraphReaderCache* reader_cache() const;
  const timeseries::Store* history() const;
  std::unique_ptr<Impl> impl_;
};

// What Open refuses before it touches a file. INVALID_ARGUMENT: options that cannot be, alone or
// together.
absl::Status CheckOptions(const EngineOptions& options);

// Reads every file of a data directory that no server has open, and checks every checksum and
// reference. Appends a line to `report` for each part. DATA_LOSS if anything is damaged;
// FAILED_PRECONDITION: a server has it open; NOT_FOUND: it is no data directory.
absl::Status CheckDataDir(const std::string& data_dir, std::vector<std::string>* report,
                          FileSystem* file_system = nullptr);

// Of a folder that a client names. INVALID_ARGUMENT: it is not absolute, or has control characters.
absl::Status CheckFolderName(const std::string& folder);

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_ENGINE_H_
