// The parts of a Store. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_STORE_IMPL_H_
#define TWIN_SERVER_TIMESERIES_STORE_IMPL_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/file.h"
#include "server/base/sync.h"
#include "server/timeseries/checkpoint.h"
#include "server/timeseries/head.h"
#include "server/timeseries/partition_file.h"
#include "server/timeseries/partitions.h"
#include "server/timeseries/retention.h"
#include "server/timeseries/rollup.h"
#include "server/timeseries/store.h"

namespace twin::timeseries {

// Files of a day that were written anew, and those that they stand for.
struct RewrittenDay {
  int64_t day = 0;
  std::vector<PartitionFilePtr> made;
  std::vector<PartitionFilePtr> from;
};

struct BlockInFile {
  const PartitionFile* file = nullptr;
  const PartitionFileEntry* entry = nullptr;
};

// Of one day, by rule of retention and group, in the order of files and in them.
using BlocksOfRules = std::map<uint8_t, std::map<uint32_t, std::vector<BlockInFile>>>;

struct Store::Checkpoint {
  bool everything = false;
  uint64_t sequence = 0;  // the last one that belongs to it
  std::vector<GroupId> changed;
  uint32_t groups_from = 0, groups = 0;  // specs to write
  uint32_t paths_from = 0;
  std::vector<std::string> paths;         // from there on
  std::vector<PartitionFilePtr> live;     // of `everything`
  std::vector<PartitionFilePtr> removed;  // keys that go
  std::vector<RewrittenDay> rewritten;
  std::vector<PartitionFilePtr> written;                 // by WriteCheckpoint
  std::map<GroupId, std::vector<MemoryBlockPtr>> filed;  // what is in those
};

class Store::Impl {
 public:
  explicit Impl(const StoreOptions& options);

  PathId AddPath(absl::string_view path);
  bool FindPath(absl::string_view path, PathId* id) const;

  std::shared_ptr<Checkpoint> PinForCheckpoint(bool everything);
  absl::Status WriteCheckpoint(
      Checkpoint* checkpoint,
      absl::FunctionRef<absl::Status(CheckpointKey key, absl::string_view bytes)> visit);
  void CheckpointDone(const Checkpoint& checkpoint);
  absl::Status Load(CheckpointKey key, absl::string_view bytes);
  absl::Status FinishLoad();
  void DropExpired(int64_t now, uint64_t arrived);
  std::vector<PartitionFilePtr> ExpiredFiles(int64_t now, uint64_t arrived) const;
  std::vector<int64_t> DaysToMerge(int64_t now) const;  // ascending
  std::vector<int64_t> DaysToPack(int64_t now, PackWhich which) const;
  absl::Status RewriteDay(int64_t day, bool packed, absl::FunctionRef<bool(uint64_t bytes)> pace);
  // Files that are not removed.
  std::vector<PartitionFilePtr> LiveFiles() const;

  Head head;
  Partitions partitions;
  RetentionRules rules;
  // All samples, until it was looked what has expired.
  std::atomic<int64_t> dropped_before{INT64_MAX};

 private:
  using Visit = absl::FunctionRef<absl::Status(CheckpointKey key, absl::string_view bytes)>;
  using Loaded = std::map<uint32_t, std::string>;  // bytes by number

  absl::Status WriteFiles(Checkpoint* checkpoint);
  absl::Status WriteFile(int64_t day, std::vector<BlockOfGroup> blocks, Checkpoint* checkpoint);
  static absl::Status VisitFiles(const Checkpoint& checkpoint, Visit visit);
  absl::Status VisitSpecs(const Checkpoint& checkpoint, Visit visit) const;
  absl::Status VisitOpen(const Checkpoint& checkpoint, Visit visit);
  std::vector<RewrittenDay> RewrittenDaysToName() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  using FilesOfDays = std::map<int64_t, std::vector<PartitionFilePtr>>;
  FilesOfDays FilesToRewrite() const;  // of days that are not being rewritten
  // The rules of a file's groups, ascending, each once.
  std::vector<uint8_t> RulesOf(const PartitionFile& file) const;
  // As long as the group of it that is kept the longest.
  Retention RetentionOf(const PartitionFile& file) const;
  // Days and rules that have samples, among these files, of which roll-ups would be kept at `now`
  // and were not made.
  using RulesOfDays = std::set<std::pair<int64_t, uint8_t>>;
  RulesOfDays WithoutRollups(absl::Span<const PartitionFilePtr> files, int64_t now) const;
  // Whether some of the day's are only kept until their roll-ups are made.
  bool AwaitsRollups(const RulesOfDays& without_rollups, int64_t day, int64_t now) const;
  absl::Status WriteDay(int64_t day, bool packed, absl::FunctionRef<bool(uint64_t bytes)> pace,
                        RewrittenDay* rewritten);
  class DayWriter;
  absl::Status WriteGroup(GroupId group, const BlocksOfRules& day, DayWriter* writer) const;
  absl::StatusOr<Unreplaced> WithoutReplaced(GroupId group, RowBuffer rows, const GroupSpec& spec,
                                             const BlocksOfRules& day) const;
  std::vector<uint32_t> FamiliesOf(GroupId group) const;
  absl::Status LoadSpecs();
  absl::Status LoadFiles();
  absl::Status LoadOpen();
  absl::Status RemoveOrphans();
  void RemoveFiles();

  const std::string folder_;
  const bool read_only_;
  FileSystem* const file_system_;

  mutable Mutex paths_mutex_;
  absl::flat_hash_map<std::string, uint32_t> path_ids_ ABSL_GUARDED_BY(paths_mutex_);
  std::vector<std::string> paths_ ABSL_GUARDED_BY(paths_mutex_);

  // Before the groups' and the partitions' locks.
  mutable Mutex mutex_;
  uint32_t next_file_ ABSL_GUARDED_BY(mutex_) = 1;
  std::vector<GroupId> unfinished_ ABSL_GUARDED_BY(mutex_);  // changed since the last checkpoint
  uint32_t durable_groups_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t durable_paths_ ABSL_GUARDED_BY(mutex_) = 0;
  // Dropped: first named by the last checkpoint, then by none, but snapshots may read them.
  std::vector<PartitionFilePtr> removed_ ABSL_GUARDED_BY(mutex_);
  std::vector<PartitionFilePtr> unnamed_ ABSL_GUARDED_BY(mutex_);
  // Of expired ones: some of their samples are in memory, until the next checkpoint is done.
  RulesOfDays unwritten_days_ ABSL_GUARDED_BY(mutex_);
  // Not named by a checkpoint yet.
  std::vector<RewrittenDay> rewritten_ ABSL_GUARDED_BY(mutex_);
  // By number, of files whose groups were all given a rule.
  mutable Mutex file_rules_mutex_;  // last, with that of the rules
  mutable absl::flat_hash_map<uint32_t, std::vector<uint8_t>> file_rules_
      ABSL_GUARDED_BY(file_rules_mutex_);
  // What Load was given, until FinishLoad.
  std::map<uint32_t, Loaded> loaded_;
};

std::shared_ptr<const Snapshot> MakeSnapshot(const Head* head, Partitions* partitions,
                                             const RetentionRules* rules, Sequence sequence);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_STORE_IMPL_H_
