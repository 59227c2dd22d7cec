#include "server/engine/engine.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/base/sync.h"
#include "server/base/thread_name.h"
#include "server/engine/arrivals.h"
#include "server/engine/awaited.h"
#include "server/engine/checkpoint.h"
#include "server/engine/data_dir.h"
#include "server/engine/event_host.h"
#include "server/engine/history_upkeep.h"
#include "server/engine/kept_for.h"
#include "server/engine/sequence_waits.h"
#include "server/events/feed.h"
#include "server/events/named_subscriptions.h"
#include "server/ingest/change.h"
#include "server/ingest/writer.h"
#include "server/journal/file_journal.h"
#include "server/storage/documents.h"
#include "server/storage/lmdb_store.h"

namespace twin::engine {

namespace {

uint64_t MemoryBytes() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

timeseries::Retention CommonRetention(const EngineOptions& options) {
  return {.raw = options.history_repack_after_seconds * kNsPerSecond,
          .samples = options.history_retention_seconds * kNsPerSecond,
          .rollups = options.history_rollup_retention_seconds * kNsPerSecond};
}

absl::Status CheckKeptSeconds(const EngineOptions& options) {
  for (const auto& [name, seconds] :
       {std::pair("history-retention-seconds", options.history_retention_seconds),
        std::pair("history-rollup-retention-seconds", options.history_rollup_retention_seconds),
        std::pair("history-retention-grace-seconds", options.history_retention_grace_seconds),
        std::pair("history-repack-after-seconds", options.history_repack_after_seconds)}) {
    if (seconds < 0 || seconds > kKeptSecondsMax) {
      return absl::InvalidArgumentError(absl::StrCat("--", name, " is ", seconds,
                                                     "; allowed: 0 to ", kKeptSecondsMax,
                                                     ", which are 200 years"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckOptions(const EngineOptions& options) {
  const uint64_t room = uint64_t{64} << 10;
  const auto batch = static_cast<uint64_t>(options.limits.batch_bytes_max);
  if (options.segment_bytes < batch + room) {
    return absl::InvalidArgumentError(absl::StrCat("--segment-bytes is ", options.segment_bytes,
                                                   "; allowed: at least ", batch + room,
                                                   ", which is --batch-bytes-max and 64 KiB"));
  }
  TWIN_RETURN_IF_ERROR(CheckKeptSeconds(options));
  return KeptFor::Parse(CommonRetention(options), options.history_retention_of).status();
}

class Engine::Impl {
 public:
  explicit Impl(const EngineOptions& options)
      : options_(options),
        fs_(options.file_system != nullptr ? options.file_system : PosixFileSystem()),
        clock_(options.clock != nullptr ? *options.clock : SystemClock()),
        reader_cache_(options.adjacency_bytes_max),
        retained_bytes_max_(options.snapshot_retained_bytes_max > 0
                                ? options.snapshot_retained_bytes_max
                                : MemoryBytes() / 10) {}

  GraphReaderCache* reader_cache() { return &reader_cache_; }

  absl::Status Open() {
    const Time start = SystemClock().Now();
    TWIN_RETURN_IF_ERROR(CheckOptions(options_));
    TWIN_ASSIGN_OR_RETURN(kept_for_,
                          KeptFor::Parse(CommonRetention(options_), options_.history_retention_of));
    TWIN_RETURN_IF_ERROR(OpenStores());
    TWIN_RETURN_IF_ERROR(Recover());
    TWIN_RETURN_IF_ERROR(StartParts());
    start_time_ = SystemClock().Now();
    recovery_seconds_ = static_cast<double>(start_time_.ns - start.ns) / 1e9;
    return absl::OkStatus();
  }

  ~Impl() { StopThreads(); }

  void Write(ingest::WriteBatch batch, WriteDone done) {
    writer_->Submit(std::move(batch), std::move(done));
  }

  void Write(ingest::TelemetryBatch batch, TelemetryDone done) {
    writer_->Submit(std::move(batch), std::move(done));
  }

  void Register(ingest::Layout layout, bool validate_only, LayoutDone done) {
    writer_->Register(std::move(layout), validate_only, std::move(done));
  }

  void ReadTelemetry(absl::FunctionRef<void(const ingest::TelemetryState&, const graph::GraphView&)>
                         reader) const {
    const MutexLock lock(&graph_.mutex);
    reader(graph_.telemetry, graph_.graph.head());
  }

  const timeseries::Store* history() const { return history_.get(); }

  events::Feed& feed() { return *feed_; }

  events::NamedSubscriptions& subscriptions() { return *subscriptions_; }

  storage::Documents& documents() { return *documents_; }

  void Read(absl::FunctionRef<void(const graph::GraphView&)> reader) const {
    const MutexLock lock(&graph_.mutex);
    reader(graph_.graph.head());
  }

  std::shared_ptr<const graph::GraphView> Pin() {
    const MutexLock lock(&graph_.mutex);
    return graph_.graph.Pin();
  }

  std::shared_ptr<HeldSnapshot> Hold(SnapshotUse use,
                                     std::shared_ptr<const graph::GraphView> view) {
    return snapshots_.Hold(use, std::move(view));
  }

  void EnforceSnapshots() {
    graph::GraphMemory memory;
    {
      const MutexLock lock(&graph_.mutex);
      memory = graph_.graph.memory();
    }
    snapshots_.Enforce(memory.retained, retained_bytes_max_);
  }

  void WhenReached(Sequence sequence, Time deadline, absl::AnyInvocable<bool()> cancelled,
                   absl::AnyInvocable<void(absl::Status)> done) {
    waits_->Add(sequence, deadline, std::move(cancelled), std::move(done));
  }

  std::unique_ptr<ingest::DryRun> BeginDryRun(const graph::GraphView& snapshot) const {
    return std::make_unique<ingest::DryRun>(options_.limits, &snapshot,
                                            std::max(clock_.Now(), snapshot.time()));
  }

  // Thread-safe; one at a time. `paced`: in the background, as slowly as the options say.
  absl::Status Checkpoint(bool paced) {
    const MutexLock one(&checkpoint_mutex_);
    return CheckpointLocked(paced);
  }

  absl::Status Backup(std::string folder) {
    while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
    TWIN_RETURN_IF_ERROR(CheckFolderName(folder));
    if (absl::StartsWith(Resolved(folder), JoinPath(Resolved(options_.data_dir), ""))) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the folder ", folder, " is in the data folder of this server; name another"));
    }
    if (fs_->Exists(folder)) {
      return absl::AlreadyExistsError(
          absl::StrCat(folder, " is there already; name a folder that is not"));
    }
    // No checkpoint meanwhile: it would trim the journal that belongs to the copied store.
    const MutexLock one(&checkpoint_mutex_);
    const std::string partial = absl::StrCat(folder, ".partial");
    TWIN_RETURN_IF_ERROR(BeginPartial(fs_, partial));
    absl::Status status = CopyAll(partial);
    if (status.ok()) status = EndPartial(fs_, partial, folder);
    // A disk that it filled has room again.
    if (!status.ok()) (void)RemoveTree(fs_, partial);
    return status;
  }

  absl::StatusOr<uint64_t> Compact() {
    Awaited<uint64_t> reclaimed;
    const bool accepted = writer_->RunAlone([&] {
      const MutexLock lock(&graph_.mutex);
      const uint64_t before = graph_.graph.deleted_twins();
      graph_.graph.Reorder(ContainmentOrder(graph_.graph.head()));
      reclaimed.Set(before - graph_.graph.deleted_twins());
    });
    if (!accepted) return absl::UnavailableError("the server is stopping");
    return reclaimed.Wait();
  }

  // What is sealed goes to files first.
  absl::StatusOr<uint64_t> PackHistory() {
    TWIN_RETURN_IF_ERROR(Checkpoint(/*paced=*/false));
    return upkeep_->PackEnded();
  }

  const ingest::Limits& limits() const { return options_.limits; }
  EngineStatus status() {
    EngineStatus status;
    {
      const MutexLock lock(&graph_.mutex);
      const graph::GraphView& head = graph_.graph.head();
      status.sequence = head.sequence();
      status.time = head.time();
      status.twins = head.twins();
      status.relationships = head.relationships();
      status.deleted_twins = graph_.graph.deleted_twins();
      status.memory = graph_.graph.memory();
      status.layouts = graph_.telemetry.layouts();
      for (const graph::ModelState& state : head.catalog().states()) {
        status.models += state.deleted ? 0 : 1;
      }
    }
    status.history = history_->status();
    const int64_t now = clock_.Now().ns;
    status.history_days_to_pack =
        history_->DaysToPack(now, timeseries::Store::PackWhich::kOldEnough).size();
    status.history_days_to_merge = history_->DaysToMerge(now).size();
    const journal::JournalStatus journal = journal_->status();
    status.journal_bytes = journal.bytes;
    status.journal_segments = journal.segments;
    status.journal_syncs = journal.groups;
    status.journal_oldest = journal.oldest;
    status.writing = writing();
    status.snapshots = status.memory.snapshots;
    status.snapshots_expired = snapshots_.expired();
    status.store_bytes = store_->Bytes().value_or(0);
    status.start_time = start_time_;
    status.recovery_seconds = recovery_seconds_;
    status.recovered_records = recovered_.records;
    status.events = feed_->status();
    const HistoryUpkeep::Status upkeep = upkeep_->status();
    status.history_days_packed = upkeep.days_packed;
    status.history_days_merged = upkeep.days_merged;
    status.history_packing = upkeep.packing;
    const MutexLock lock(&status_mutex_);
    status.checkpoint_sequence = checkpoint_sequence_;
    status.checkpoint_time = checkpoint_time_;
    status.checkpoint_running = checkpoint_running_;
    return status;
  }

  absl::Status writing() const {
    absl::Status status = writer_->writing();
    return status.ok() ? journal_->status().refused : status;
  }

  absl::Status Stop() {
    StopThreads();
    absl::Status status;
    if (options_.checkpoint_on_stop && writer_->writing().ok()) status = Checkpoint(false);
    feed_.reset();  // it reads the journal, and ends what named subscriptions take from it
    subscriptions_.reset();
    journal_.reset();
    documents_.reset();
    store_.reset();
    lock_.reset();
    return status;
  }

 private:
  struct CheckpointContents {
    graph::CheckpointPages pages;
    std::string request_ids;
    ingest::TelemetryState::Pinned telemetry;
    std::shared_ptr<timeseries::Store::Checkpoint> history;
  };

  absl::Status OpenStores() {
    TWIN_ASSIGN_OR_RETURN(lock_, OpenDataDir(fs_, options_.data_dir, /*create=*/true));
    TWIN_RETURN_IF_ERROR(CheckStoreIsThere(fs_, options_.data_dir));
    storage::LmdbOptions store_options;
    store_options.folder = StoreFolder(options_.data_dir);
    store_options.check_pages = true;
    TWIN_ASSIGN_OR_RETURN(store_, storage::LmdbStore::Open(store_options));
    documents_ = std::make_unique<storage::Documents>(store_.get());
    checkpoints_ = std::make_unique<Checkpoints>(store_.get());
    history_ = std::make_unique<timeseries::Store>(HistoryOptions());
    arrivals_ = std::make_unique<Arrivals>(options_.history_retention_grace_seconds * kNsPerSecond,
                                           &clock_, documents_.get());
    return absl::OkStatus();
  }

  // The last checkpoint, and what the journal has since.
  absl::Status Recover() {
    const MutexLock lock(&graph_.mutex);
    TWIN_ASSIGN_OR_RETURN(
        const CheckpointMeta meta,
        checkpoints_->Load(&graph_.graph, &graph_.request_ids, options_.limits,
                           [telemetry = &graph_.telemetry, history = history_.get()](
                               const PartKey& key, absl::string_view bytes) {
                             return LoadPart(key, bytes, telemetry, history);
                           }));
    graph_.telemetry.SetHistory(history_.get());
    TWIN_RETURN_IF_ERROR(history_->FinishLoad());
    TWIN_RETURN_IF_ERROR(graph_.telemetry.FinishLoad());
    if (meta.number > 0 && !fs_->Exists(JournalFolder(options_.data_dir))) {
      return absl::DataLossError(
          absl::StrCat(JournalFolder(options_.data_dir), " is missing; start on a backup"));
    }
    TWIN_RETURN_IF_ERROR(OpenJournal(meta.sequence));
    TWIN_ASSIGN_OR_RETURN(recovered_,
                          Replay(journal_.get(), meta.sequence, &graph_.graph, &graph_.request_ids,
                                 &graph_.telemetry, options_.limits));
    TWIN_RETURN_IF_ERROR(CheckReach(fs_, options_.data_dir, graph_.graph.head().sequence()));
    // Before files are merged: each is of groups that are kept equally long.
    AssignRetention();
    return absl::OkStatus();
  }

  absl::Status StartParts() {
    TWIN_ASSIGN_OR_RETURN(const journal::Epoch epoch, journal_->Claim());
    TWIN_RETURN_IF_ERROR(KeepReserve());
    TWIN_RETURN_IF_ERROR(arrivals_->Load());
    changes_ =
        std::make_unique<events::ChangeLog>(journal_.get(), Applied(), options_.events.ring_bytes);
    writer_ = std::make_unique<ingest::Writer>(WriterOptions(), &graph_, journal_.get(), epoch);
    event_host_ =
        std::make_unique<EventHost>([this] { return NewGraphReader(Pin(), &reader_cache_); },
                                    [this] { return Hold(SnapshotUse::kExport, Pin()); });
    feed_ = std::make_unique<events::Feed>(options_.events,
                                           events::Sources{&graph_, history_.get(), changes_.get()},
                                           event_host_.get());
    subscriptions_ = std::make_unique<events::NamedSubscriptions>(options_.events, feed_.get(),
                                                                  changes_.get(), documents_.get());
    TWIN_RETURN_IF_ERROR(subscriptions_->Load());
    waits_ = std::make_unique<SequenceWaits>(
        &graph_, static_cast<size_t>(std::max<int64_t>(options_.reads_waiting_max, 0)));
    checkpoint_thread_ = std::thread([this] { RunCheckpoints(); });
    keeper_thread_ = std::thread([this] { RunKeeper(); });
    upkeep_ = std::make_unique<HistoryUpkeep>(HistoryUpkeep::Parts{
        .history = history_.get(),
        .arrivals = arrivals_.get(),
        .clock = &clock_,
        .cpu_percent = options_.history_repack_cpu_percent,
        .applied = [this] { return Applied(); },
        .checkpoint = [this](bool paced) { return Checkpoint(paced); },
    });
    return absl::OkStatus();
  }

  ingest::WriterOptions WriterOptions() {
    ingest::WriterOptions options;
    options.limits = options_.limits;
    options.clock = &clock_;
    options.expiry = {
        .kept_ns =
            [this](const graph::TableSchema& model) { return kept_for_->OfModel(model).samples; },
        .grace_ns = options_.history_retention_grace_seconds * kNsPerSecond};
    options.applied = changes_.get();
    return options;
  }

  Sequence Applied() const {
    const MutexLock lock(&graph_.mutex);
    return graph_.graph.head().sequence();
  }

  // FORMAT comes last: without it nothing starts on the folder.
  absl::Status CopyAll(const std::string& to) ABSL_EXCLUSIVE_LOCKS_REQUIRED(checkpoint_mutex_) {
    TWIN_RETURN_IF_ERROR(fs_->CreateFolder(StoreFolder(to)));
    TWIN_RETURN_IF_ERROR(store_->CopyTo(StoreFolder(to)));
    // Not before: cursors of subscriptions are written at any time, and name what the journal has.
    const Sequence through = Applied();
    TWIN_RETURN_IF_ERROR(CopyHistory(HistoryFolder(to)));
    TWIN_RETURN_IF_ERROR(CopyJournal(journal_.get(), checkpoints_->current().sequence, through,
                                     JournalOptions(JournalFolder(to))));
    TWIN_RETURN_IF_ERROR(WriteReach(fs_, to, through));
    return CreateDataDir(fs_, to);
  }

  timeseries::StoreOptions HistoryOptions() const {
    timeseries::StoreOptions options;
    options.folder = HistoryFolder(options_.data_dir);
    options.file_system = fs_;
    options.block_rows = options_.history_block_rows;
    options.open_block_bytes_max =
        options_.open_block_bytes_max > 0 ? options_.open_block_bytes_max : MemoryBytes() / 4;
    options.retention = CommonRetention(options_);
    return options;
  }

  // Files of the history never change, and none goes while no checkpoint is written.
  absl::Status CopyHistory(const std::string& to) ABSL_EXCLUSIVE_LOCKS_REQUIRED(checkpoint_mutex_) {
    TWIN_RETURN_IF_ERROR(fs_->CreateFolder(to));
    for (const std::string& path : history_->Files()) {
      TWIN_RETURN_IF_ERROR(
          CopyFile(fs_, path, JoinPath(to, path.substr(FolderOf(path).size() + 1))));
    }
    return fs_->SyncFolder(to);
  }

  journal::FileJournalOptions JournalOptions(const std::string& folder) const {
    journal::FileJournalOptions options;
    options.folder = folder;
    options.file_system = fs_;
    options.clock = &clock_;
    options.segment_bytes = options_.segment_bytes;
    options.record_bytes_max = static_cast<uint64_t>(options_.limits.batch_bytes_max) + (1u << 20);
    return options;
  }

  absl::Status OpenJournal(Sequence checkpoint) {
    journal::FileJournalOptions options = JournalOptions(JournalFolder(options_.data_dir));
    options.first_sequence = Sequence(checkpoint.value + 1);
    options.retention_seconds = options_.event_retention_seconds;
    options.retention_bytes = options_.event_retention_bytes;
    TWIN_ASSIGN_OR_RETURN(journal_, journal::FileJournal::Open(options));
    const MutexLock lock(&status_mutex_);
    checkpoint_sequence_ = checkpoint;
    return absl::OkStatus();
  }

  void StopThreads() {
    if (subscriptions_ != nullptr) subscriptions_->Stop();
    if (feed_ != nullptr) feed_->Stop();
    if (writer_ != nullptr) writer_->Stop();
    if (waits_ != nullptr) waits_->Stop();
    {
      const MutexLock lock(&status_mutex_);
      stopping_ = true;
      wake_.SignalAll();
    }
    if (checkpoint_thread_.joinable()) checkpoint_thread_.join();
    if (keeper_thread_.joinable()) keeper_thread_.join();
    if (upkeep_ != nullptr) upkeep_->Stop();  // a checkpoint that it waits for hurries by now
  }

  void RunKeeper() {
    NameThread("keeper");
    bool accepted = true;
    while (true) {
      {
        const MutexLock lock(&status_mutex_);
        if (!stopping_) wake_.WaitFor(&status_mutex_, std::chrono::milliseconds(500));
        if (stopping_) return;
      }
      if (snapshots_.held() > 0) EnforceSnapshots();
      const absl::Status status = writing();
      if (status.ok() != accepted && options_.writing_changed) options_.writing_changed(status);
      accepted = status.ok();
    }
  }

  void RunCheckpoints() {
    NameThread("checkpoint");
    uint64_t in_checkpoint = 0;
    while (true) {
      {
        const MutexLock lock(&status_mutex_);
        if (!stopping_) wake_.WaitFor(&status_mutex_, std::chrono::milliseconds(500));
        if (stopping_) return;
      }
      // What a crash left to replay counts as well.
      const uint64_t bytes = recovered_.bytes + writer_->bytes_written();
      if (bytes - in_checkpoint < options_.checkpoint_journal_bytes) continue;
      if (Checkpoint(/*paced=*/true).ok()) {
        in_checkpoint = bytes;
      } else {
        // A disk that is full now is likely to be so in half a second.
        const MutexLock lock(&status_mutex_);
        if (!stopping_) wake_.WaitFor(&status_mutex_, std::chrono::seconds(30));
      }
    }
  }

  // Of groups that it was not said of yet.
  void AssignRetention() ABSL_EXCLUSIVE_LOCKS_REQUIRED(graph_.mutex) {
    if (!kept_for_->is_by_model()) return;
    history_->AssignRetention([this](const timeseries::GroupSpec& group)
                                  ABSL_EXCLUSIVE_LOCKS_REQUIRED(graph_.mutex) {
                                    return kept_for_->OfGroup(group, graph_.graph.head());
                                  });
  }

  absl::Status CheckpointLocked(bool paced) ABSL_EXCLUSIVE_LOCKS_REQUIRED(checkpoint_mutex_) {
    CheckpointContents contents = TakeContents();
    // Until it stands, the next one cannot rely on what this one took as written.
    parts_failed_ = true;
    SetRunning(true);
    const uint64_t before = checkpoints_->current().number;
    const absl::Status status = WriteContents(contents, paced);
    SetRunning(false);
    if (checkpoints_->current().number != before) {
      {
        const MutexLock lock(&graph_.mutex);
        graph_.graph.CheckpointDone(contents.pages);
      }
      history_->CheckpointDone(std::move(contents.history));
      parts_failed_ = false;
    }
    TWIN_RETURN_IF_ERROR(status);
    const Sequence through = contents.pages.view->sequence();
    {
      const MutexLock lock(&status_mutex_);
      checkpoint_sequence_ = through;
      checkpoint_time_ = SystemClock().Now();
    }
    TWIN_RETURN_IF_ERROR(journal_->Trim(Sequence(through.value + 1)));
    return KeepReserve();
  }

  // What is expired is dropped first.
  CheckpointContents TakeContents() ABSL_EXCLUSIVE_LOCKS_REQUIRED(checkpoint_mutex_) {
    CheckpointContents contents;
    const Sequence arrived = arrivals_->BeforeGrace();
    const MutexLock lock(&graph_.mutex);
    const int64_t now = clock_.Now().ns;
    // Twins and relationships are known for as long as samples of some model are.
    const int64_t kept_ns = kept_for_->longest().samples;
    if (kept_ns > 0) graph_.graph.DropPast(Time{now - kept_ns});
    contents.pages = graph_.graph.PinForCheckpoint(/*everything=*/false);
    contents.request_ids = graph_.request_ids.Encode();
    contents.telemetry = graph_.telemetry.PinForCheckpoint(/*everything=*/parts_failed_);
    AssignRetention();
    history_->DropExpired(now, arrived);
    contents.history = history_->PinForCheckpoint(/*everything=*/parts_failed_);
    return contents;
  }

  absl::Status WriteContents(const CheckpointContents& contents, bool paced)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(checkpoint_mutex_) {
    const auto visit_parts = [&](TakePart put) -> absl::Status {
      TWIN_RETURN_IF_ERROR(
          contents.telemetry.Visit([&](uint32_t kind, uint32_t number, absl::string_view bytes) {
            return put({PartKey::kTelemetry, kind, number}, bytes);
          }));
      return history_->WriteCheckpoint(
          contents.history.get(), [&](timeseries::CheckpointKey key, absl::string_view bytes) {
            return put({PartKey::kHistory, key.kind, key.number}, bytes);
          });
    };
    const Time begin = SystemClock().Now();
    uint64_t written = 0;
    const auto pace = [&](uint64_t bytes) {
      written += bytes;
      if (paced) WaitForPace(begin, written);
    };
    absl::Status status =
        checkpoints_->Write(contents.pages, contents.request_ids, visit_parts, pace);
    if (!absl::IsResourceExhausted(status)) return status;
    // The reserve is there for this: a checkpoint lets the journal be trimmed.
    (void)fs_->Remove(ReservePath(options_.data_dir));
    return checkpoints_->Write(contents.pages, contents.request_ids, visit_parts, pace);
  }

  // Until `written` bytes since `begin` are no more than the options allow, or it is stopping.
  void WaitForPace(Time begin, uint64_t written) {
    const auto due_ns = static_cast<int64_t>(
        static_cast<double>(written) * 1e9 /
        static_cast<double>(std::max<uint64_t>(options_.checkpoint_bytes_per_second, 1)));
    const MutexLock lock(&status_mutex_);
    while (!stopping_) {
      const int64_t left = begin.ns + due_ns - SystemClock().Now().ns;
      if (left <= 0) return;
      wake_.WaitFor(&status_mutex_, std::chrono::nanoseconds(left));
    }
  }

  void SetRunning(bool running) {
    const MutexLock lock(&status_mutex_);
    checkpoint_running_ = running;
  }

  // A full disk is no reason not to run: writes say so soon enough.
  absl::Status KeepReserve() {
    const std::string path = ReservePath(options_.data_dir);
    if (options_.reserve_bytes == 0 || fs_->Exists(path)) return absl::OkStatus();
    const absl::Status status = WriteZeros(fs_, path, options_.reserve_bytes);
    if (!status.ok()) (void)fs_->Remove(path);
    return absl::IsResourceExhausted(status) ? absl::OkStatus() : status;
  }

  const EngineOptions options_;
  FileSystem* const fs_;
  const Clock& clock_;
  GraphReaderCache reader_cache_;
  const uint64_t retained_bytes_max_;
  std::optional<KeptFor> kept_for_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<timeseries::Store> history_;
  mutable ingest::GuardedGraph graph_;
  std::unique_ptr<storage::LmdbStore> store_;
  std::unique_ptr<storage::Documents> documents_;
  std::unique_ptr<Checkpoints> checkpoints_;
  std::unique_ptr<Arrivals> arrivals_;
  std::unique_ptr<journal::FileJournal> journal_;
  std::unique_ptr<events::ChangeLog> changes_;
  std::unique_ptr<ingest::Writer> writer_;
  std::unique_ptr<SequenceWaits> waits_;
  SnapshotRegistry snapshots_;
  std::unique_ptr<EventHost> event_host_;
  std::unique_ptr<events::NamedSubscriptions> subscriptions_;  // outlives the feed's sinks
  std::unique_ptr<events::Feed> feed_;
  Time start_time_;
  double recovery_seconds_ = 0;
  Replayed recovered_;

  Mutex checkpoint_mutex_;  // before graph_.mutex and status_mutex_
  bool parts_failed_ ABSL_GUARDED_BY(checkpoint_mutex_) = true;  // or there was none yet
  Mutex status_mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(status_mutex_) = false;
  bool checkpoint_running_ ABSL_GUARDED_BY(status_mutex_) = false;
  Sequence checkpoint_sequence_ ABSL_GUARDED_BY(status_mutex_);
  Time checkpoint_time_ ABSL_GUARDED_BY(status_mutex_);
  std::thread checkpoint_thread_;
  std::thread keeper_thread_;
  std::unique_ptr<HistoryUpkeep> upkeep_;
};

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  TWIN_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

void Engine::Write(ingest::WriteBatch batch, WriteDone done) {
  impl_->Write(std::move(batch), std::move(done));
}

ingest::WriteResult Engine::Write(ingest::WriteBatch batch) {
  Awaited<ingest::WriteResult> result;
  impl_->Write(std::move(batch), [&](ingest::WriteResult got) { result.Set(std::move(got)); });
  return result.Wait();
}

void Engine::Write(ingest::TelemetryBatch batch, TelemetryDone done) {
  impl_->Write(std::move(batch), std::move(done));
}

ingest::TelemetryResult Engine::Write(ingest::TelemetryBatch batch) {
  Awaited<ingest::TelemetryResult> result;
  impl_->Write(std::move(batch), [&](ingest::TelemetryResult got) { result.Set(std::move(got)); });
  return result.Wait();
}

void Engine::Register(ingest::Layout layout, bool validate_only, LayoutDone done) {
  impl_->Register(std::move(layout), validate_only, std::move(done));
}

ingest::LayoutResult Engine::Register(ingest::Layout layout, bool validate_only) {
  Awaited<ingest::LayoutResult> result;
  impl_->Register(std::move(layout), validate_only,
                  [&](ingest::LayoutResult got) { result.Set(std::move(got)); });
  return result.Wait();
}

void Engine::ReadTelemetry(
    absl::FunctionRef<void(const ingest::TelemetryState&, const graph::GraphView&)> reader) const {
  impl_->ReadTelemetry(reader);
}

const timeseries::Store* Engine::history() const { return impl_->history(); }

void Engine::Read(absl::FunctionRef<void(const graph::GraphView&)> reader) const {
  impl_->Read(reader);
}
std::shared_ptr<const graph::GraphView> Engine::Pin() const { return impl_->Pin(); }
events::Feed& Engine::feed() { return impl_->feed(); }
events::NamedSubscriptions& Engine::subscriptions() { return impl_->subscriptions(); }
storage::Documents& Engine::documents() { return impl_->documents(); }
GraphReaderCache* Engine::reader_cache() const { return impl_->reader_cache(); }
std::shared_ptr<HeldSnapshot> Engine::Hold(SnapshotUse use) { return impl_->Hold(use, Pin()); }
std::shared_ptr<HeldSnapshot> Engine::Hold(SnapshotUse use,
                                           std::shared_ptr<const graph::GraphView> view) {
  return impl_->Hold(use, std::move(view));
}
void Engine::EnforceSnapshots() { impl_->EnforceSnapshots(); }
std::unique_ptr<ingest::DryRun> Engine::BeginDryRun(const graph::GraphView& snapshot) const {
  return impl_->BeginDryRun(snapshot);
}

void Engine::WhenReached(Sequence sequence, Time deadline, absl::AnyInvocable<bool()> cancelled,
                         absl::AnyInvocable<void(absl::Status)> done) {
  impl_->WhenReached(sequence, deadline, std::move(cancelled), std::move(done));
}

absl::Status Engine::WaitFor(Sequence sequence, Time deadline,
                             absl::AnyInvocable<bool()> cancelled) {
  Awaited<absl::Status> status;
  impl_->WhenReached(sequence, deadline, std::move(cancelled),
                     [&](absl::Status got) { status.Set(std::move(got)); });
  return status.Wait();
}

absl::Status Engine::Checkpoint() { return impl_->Checkpoint(/*paced=*/false); }
const ingest::Limits& Engine::limits() const { return impl_->limits(); }

absl::Status Engine::Backup(const std::string& folder) { return impl_->Backup(folder); }
absl::StatusOr<uint64_t> Engine::Compact() { return impl_->Compact(); }
absl::StatusOr<uint64_t> Engine::PackHistory() { return impl_->PackHistory(); }
EngineStatus Engine::status() const { return impl_->status(); }
absl::Status Engine::Stop() { return impl_->Stop(); }

}  // namespace twin::engine
