// The history: samples of all series groups, in memory while they are new, in immutable partition
// files when they are old.
//
//   Append ─▶ open block ─(full)─▶ sealed block in memory ─(checkpoint)─▶ file
//      │         └─(another day)─▶ closed ─(SealNextClosed, checkpoint)─▶ sealed block
//      └─ not later than the last row ─▶ late block of its day ─(checkpoint)─▶ file
//   files of a day that has ended ─(MergeDay)─▶ one file ─(checkpoint)─▶ in their place
//   files of an old day ─(PackDay)─▶ one re-packed file ─(checkpoint)─▶ in their place
//
// Groups that are kept for different times have files of their own, which are dropped whole.
//
// A day (UTC) is a partition. What is not in a file yet is in the journal, and the open blocks are
// part of every checkpoint: the state is the last checkpoint and the journal from there. Reads
// merge open, sealed and late blocks by (time, sequence): of several samples of a series at one
// time the one with the greatest sequence stands, and a missing value replaces nothing.
#ifndef TWIN_SERVER_TIMESERIES_STORE_H_
#define TWIN_SERVER_TIMESERIES_STORE_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/file.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/timeseries/block.h"
#include "server/timeseries/retention.h"
#include "server/timeseries/samples.h"
#include "server/timeseries/summaries.h"

namespace twin::timeseries {

struct StoreOptions {
  std::string folder;                 // of the partition files
  FileSystem* file_system = nullptr;  // nullptr: the system's
  bool read_only = false;             // loads and reads; nothing is written or removed
  uint32_t block_rows = 256;          // an open block is sealed when it has so many
  uint64_t open_block_bytes_max = 0;  // beyond, the oldest are sealed early; 0: 25 % of memory
  Retention retention = {};           // of groups that AssignRetention gives no other
};

// What a series is wanted as. kDouble: of kScaled and kInt columns too; kInt: of kInt columns, and
// of kScaled ones without decimals. What does not fit is converted as far as it can be without
// loss and otherwise missing.
enum class WantedAs : uint8_t { kDouble, kInt, kValue };

// Samples of several series on one time axis.
struct ReadRequest {
  struct Series {
    SeriesKey key;
    WantedAs as = WantedAs::kDouble;
  };
  std::vector<Series> series;
  int64_t from = 0;  // from <= time …
  int64_t to = 0;    // … < to
  // Also the last sample of each series before `from`, but not before this, in rows of their own in
  // front; `from` or later: none.
  int64_t before_from = INT64_MAX;
  // Also rows of the window in which no series has a value: times at which it was missing.
  bool missing_rows = false;
  // > 0: of each step of so many nanoseconds from 1970 on the first and the last sample of a series
  // are enough. Roll-ups give them where they can, also for times whose samples are kept no longer;
  // what else there is of a step may or may not be given, some of it from before the window.
  int64_t ends_of = 0;
  // Rows in which one of the series has no value of min <= value <= max are not needed: whole
  // blocks of such may be left out, with `keeps_ends` all of one but its first and last row.
  struct Bounds {
    int series = -1;  // none
    double min = -std::numeric_limits<double>::infinity();
    double max = std::numeric_limits<double>::infinity();
    bool keeps_ends = false;  // of requests of one series
  };
  Bounds bounds = {};
};

// Times ascending, each once; a row has a value in one column at least, unless asked otherwise.
struct ReadRows {
  std::vector<int64_t> times;
  std::vector<ColumnValues> columns;  // as asked for: kDouble, kInt or kValue
  // Of `ends_of` and `bounds`; of others cut_rows alone.
  SummaryCounts counts;
};

// What one checkpoint writes of the history, beside the graph's pages: opaque to the engine.
struct CheckpointKey {
  uint32_t kind = 0;    // 1 paths, 2 groups, 3 open blocks, 4 files
  uint32_t number = 0;  // of the page, group or file
};

struct StoreMemory {
  uint64_t open = 0, sealed = 0, late = 0, groups = 0;  // bytes
};

struct StoreStatus {
  uint64_t groups = 0, series = 0;
  uint64_t samples = 0;  // appended since the store was opened
  StoreMemory memory;
  uint64_t files = 0, file_bytes = 0, file_rows = 0;
  uint64_t packed_files = 0, packed_bytes = 0, packed_rows = 0;  // of those: re-packed ones
  uint64_t rollup_files = 0, rollup_bytes = 0, rollup_rows = 0;  // beside those
  int64_t oldest_time = 0;                                       // of a partition; 0: there is none
};

class Snapshot;

// One writer appends; any thread reads, through snapshots.
class Store {
 public:
  explicit Store(const StoreOptions& options);
  ~Store();

  // --- The writer's ---
  PathId AddPath(absl::string_view path);   // the one it has, or a new one: 0, 1, 2 …
  GroupId AddGroup(const GroupSpec& spec);  // 0, 1, 2 …
  // The group of one column that holds single samples of a series; made where there is none.
  GroupId GroupOfSeries(SeriesKey key, ColumnKind kind);
  // The group of rows that have a value of each of these series, of these kinds; made where there
  // is none. Nothing: its first series is in kRowGroupsMax groups already.
  std::optional<GroupId> GroupOfRows(absl::Span<const SeriesKey> series,
                                     absl::Span<const ColumnKind> kinds);
  // The same where there is one.
  std::optional<GroupId> FindGroupOfRows(absl::Span<const SeriesKey> series,
                                         absl::Span<const ColumnKind> kinds) const;
  // A hint: rows of groups that these series are in are about to be appended.
  void LookAhead(absl::Span<const SeriesKey> series) const;
  // Rows of any time. A column's kind may differ from the group's if its values fit that.
  void Append(const Rows& rows);
  // The same of each group, a row after the other, but what they touch is fetched side by side.
  void AppendEach(const RowsOfGroups& rows);

  // --- Reads: thread-safe ---
  bool FindPath(absl::string_view path, PathId* id) const;
  GroupSpec group(GroupId id) const;  // a copy: kept packed
  bool Has(SeriesKey key) const;
  // Sets have[i] to 1 where twins[i] has such a series, and leaves the others. Cost: about 1 ns a
  // twin where neighbours have numbers near each other.
  void FindSeries(PathId path, absl::Span<const uint32_t> twins, uint8_t* have) const;
  // What was appended with sequences up to `sequence`, while the snapshot lives.
  std::shared_ptr<const Snapshot> Pin(Sequence sequence) const;
  StoreStatus status() const;
  // Samples from before this time, in nanoseconds since 1970, may have been dropped.
  int64_t dropped_before() const;

  // --- Checkpoints: one at a time ---
  // Under the writer's lock: what has to be written so that earlier checkpoints, overwritten by
  // this, are the state.
  struct Checkpoint;
  std::shared_ptr<Checkpoint> PinForCheckpoint(bool everything);
  // Any thread: writes and syncs new files, then visits keys and bytes; no bytes: the key is gone.
  absl::Status WriteCheckpoint(
      Checkpoint* checkpoint,
      absl::FunctionRef<absl::Status(CheckpointKey key, absl::string_view bytes)> visit);
  // Any thread. The checkpoint is durable: reads go to the files, what they replace goes when
  // nobody reads it. Without this call the next checkpoint writes its part again.
  void CheckpointDone(std::shared_ptr<Checkpoint> checkpoint);

  // A new store takes what WriteCheckpoint visited, in any order, then FinishLoad, which opens the
  // files and removes those that no key names. DATA_LOSS: a file is missing, cut short or damaged.
  absl::Status Load(CheckpointKey key, absl::string_view bytes);
  absl::Status FinishLoad();

  // --- Retention: the writer's ---
  // Says how long groups are kept that it was not said of before.
  void AssignRetention(absl::FunctionRef<Retention(const GroupSpec& group)> rule_of);
  // Drops days whose time is over at `now`, as far as all of a file, or of a block in memory, came
  // with sequences up to `arrived`, but no file of samples whose roll-ups are kept longer and are
  // not made yet. Snapshots that there are go on seeing them. What is durable changes with the next
  // checkpoint; then files are removed.
  void DropExpired(int64_t now, Sequence arrived);
  // Any thread: whether files would be.
  bool HasExpired(int64_t now, Sequence arrived) const;

  // --- Upkeep of files: one at a time, on any thread ---
  // Days since 1970 that ended an hour before `now` or earlier and have files to be merged, oldest
  // first: that are not merged yet, or have many late rows beside, or some whose time is over and
  // that are in no roll-up.
  std::vector<int64_t> DaysToMerge(int64_t now) const;
  // Days that have files to be re-packed, oldest first: those that are old enough at `now`, by the
  // retention of their groups; or all that have ended. Also packed ones without roll-ups.
  enum class PackWhich : uint8_t { kOldEnough, kEnded };
  std::vector<int64_t> DaysToPack(int64_t now, PackWhich which) const;
  // Writes and syncs one file in place of all those of the day: of groups that are kept equally
  // long one each, and beside it files of their roll-ups. In re-packed ones columns that measure
  // the same thing are coded together. The next checkpoint names it instead of them; they are
  // removed when nobody reads them any more. Nothing happens if the day has no files (any more).
  // `pace` is called with the bytes written so far, and may wait; CANCELLED: it said false.
  // DATA_LOSS: a block is damaged. After an error everything is as it was.
  absl::Status MergeDay(int64_t day, absl::FunctionRef<bool(uint64_t bytes)> pace);
  absl::Status PackDay(int64_t day, absl::FunctionRef<bool(uint64_t bytes)> pace);

  // Thread-safe: makes blocks of one group's open block whose day is over. At midnight that is so
  // of many groups at once, so the writer leaves it to others. False: there is none.
  bool SealNextClosed();

  // Files that belong to the last checkpoint, for a backup, as paths.
  std::vector<std::string> Files() const;

  // Reads every block of the files of a loaded store and checks every checksum.
  absl::Status Verify(uint64_t* blocks) const;

 private:
  friend class Snapshot;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Samples of several series, summed up.
struct SummaryRequest {
  std::vector<ReadRequest::Series> series;  // as kDouble or kInt
  int64_t from = 0;                         // from <= time …
  int64_t to = 0;                           // … < to
  int64_t step = 0;                         // by steps of 1970 on; 0: the window as one
  bool sums = false;
  bool extremes = true;  // else min and max are left out
  bool ends = true;      // else first and last are
  // Only of samples that are kept no longer, which is always possible: beside what Read gives.
  // `times` are where the hour or minute begins.
  bool only_expired = false;
};

// One question about many: request i is about the series of item i of each column's twins.
struct SummariesRequest {
  struct Column {
    absl::Span<const uint32_t> twins;
    PathId path;
    WantedAs as = WantedAs::kDouble;  // or kInt
  };
  std::vector<Column> columns;
  SummaryRequest of_each;  // without series, and not only_expired
};

// Thread-safe. Lives no longer than its Store.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual Sequence sequence() const = 0;
  // Calls `visit` once for each request, in order. Requests of series of the same group and window
  // decode its blocks once. DATA_LOSS: a block is damaged; the message names its file.
  virtual absl::Status Read(
      absl::Span<const ReadRequest> requests,
      absl::FunctionRef<absl::Status(size_t request, ReadRows rows)> visit) const = 0;
  // The same, summed up: exactly what comes of the rows that Read gives, with `missing_rows`. By
  // statistics of blocks that lie within a step, and by roll-ups, where no sample of another block
  // lies among theirs and the snapshot sees all of them; else by reading.
  virtual absl::Status Summarize(
      absl::Span<const SummaryRequest> requests,
      absl::FunctionRef<absl::Status(size_t request, SummaryRows rows)> visit,
      SummaryCounts* counts) const = 0;
  // The same of many, in the order of requests: those that are alike in where their samples are,
  // and of which statistics and few rows say all, come together by `visit`, with
  // SummaryRows::requests; each other one has to be asked by itself, and comes by `other`.
  virtual absl::Status SummarizeEach(const SummariesRequest& request,
                                     absl::FunctionRef<absl::Status(SummaryRows rows)> visit,
                                     absl::FunctionRef<absl::Status(size_t request)> other,
                                     SummaryCounts* counts) const = 0;
  // The last sample at or before `time`; false: there is none.
  virtual absl::StatusOr<bool> Last(SeriesKey key, WantedAs as, int64_t time,
                                    ReadRows* row) const = 0;
  // The same of many series: item i of both is that of keys[i]. times[i]: kNoSample where there is
  // none. Missing in `values`: that, and a sample that does not fit what is wanted.
  // Cost: about 1 µs a series where neighbours are of one group.
  static constexpr int64_t kNoSample = INT64_MIN;
  virtual absl::Status LastOfEach(absl::Span<const SeriesKey> keys, WantedAs as, int64_t time,
                                  std::vector<int64_t>* times, ColumnValues* values) const = 0;
  // Item i: whether series[i] has a sample of exactly times[i] that fits what is wanted.
  virtual absl::Status HaveSamplesAt(absl::Span<const ReadRequest::Series> series,
                                     absl::Span<const int64_t> times,
                                     std::vector<bool>* have) const = 0;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_STORE_H_
