// The groups and what they hold in memory: rows go in here. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_HEAD_H_
#define TWIN_SERVER_TIMESERIES_HEAD_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "server/base/sync.h"
#include "server/timeseries/group.h"
#include "server/timeseries/narrow_rows.h"
#include "server/timeseries/partitions.h"
#include "server/timeseries/raw_chunk.h"
#include "server/timeseries/row_buffer.h"
#include "server/timeseries/samples.h"
#include "server/timeseries/series_index.h"

namespace twin::timeseries {

struct HeadOptions {
  uint32_t block_rows = 256;
  uint64_t open_bytes_max = UINT64_MAX;
};

// Calls are the writer's, except where stated.
class Head {
 public:
  explicit Head(const HeadOptions& options);

  // --- Groups ---
  GroupId AddGroup(const GroupSpec& spec);
  GroupId GroupOfSeries(SeriesKey key, ColumnKind kind);
  std::optional<GroupId> GroupOfRows(absl::Span<const SeriesKey> series,
                                     absl::Span<const ColumnKind> kinds);
  std::optional<GroupId> FindGroupOfRows(absl::Span<const SeriesKey> series,
                                         absl::Span<const ColumnKind> kinds) const;
  void LookAhead(absl::Span<const SeriesKey> series) const;
  GroupSpec Spec(GroupId id) const { return groups_[id].Spec(); }  // thread-safe
  uint32_t columns(GroupId id) const { return groups_[id].columns(); }
  uint32_t groups() const { return groups_.size(); }   // thread-safe
  const SeriesIndex& index() const { return index_; }  // thread-safe

  // --- Rows ---
  void Append(const Rows& rows);
  void AppendEach(const RowsOfGroups& rows);
  uint64_t last_sequence() const { return last_sequence_; }
  uint64_t samples() const { return samples_.load(std::memory_order_relaxed); }

  // Thread-safe: appends what the group has in memory of from <= time < to, with some row up to
  // `sequence_max`.
  void Find(GroupId id, int64_t from, int64_t to, uint64_t sequence_max,
            std::vector<RowSourcePtr>* sources) const;

  // --- Checkpoints ---
  // Groups that got rows since the last call.
  std::vector<GroupId> TakeChanged();
  void MarkChanged(GroupId id);
  // A group's rows in memory, for a checkpoint.
  struct Held {
    std::vector<MemoryBlockPtr> sealed;  // and late ones, which are sealed for it
    // With rows that are newer than the checkpoint.
    std::vector<RowSourcePtr> late;
    std::vector<RowSourcePtr> closed;
    std::vector<RowSourcePtr> open;
  };
  bool SealNextClosed();  // as the store's
  // Thread-safe. Seals closed and late rows whose sequences are all up to `sequence_max`.
  Held Hold(GroupId id, uint64_t sequence_max);
  // Thread-safe: these blocks are in a file now.
  void Forget(GroupId id, const std::vector<MemoryBlockPtr>& blocks);
  // A loaded store: blocks of the open block, in order, and sealed ones.
  void RestoreOpen(GroupId id, const MemoryBlockPtr& block);
  void RestoreSealed(GroupId id, const MemoryBlockPtr& block);
  // The group has rows up to this time in files.
  void RestoreTime(GroupId id, int64_t time);

  void RestoreSequence(uint64_t sequence) {
    last_sequence_ = sequence > last_sequence_ ? sequence : last_sequence_;
  }

  // What is dropped: blocks of days before `day` whose sequences are all up to `sequence_max`, of
  // groups that `includes` says.
  struct Dropping {
    int64_t day = 0;
    uint64_t sequence_max = UINT64_MAX;
    std::function<bool(GroupId group)> includes;
  };
  // Open blocks that a Dropping is about go with the next checkpoint, at most so many of them: a
  // series that went silent gets roll-ups like any other.
  static constexpr size_t kSealedAtOnce = 4096;
  static constexpr size_t kLookedAtAtOnce = 65'536;
  // The days of which such groups have rows in memory, or may have.
  std::vector<int64_t> SealBefore(const Dropping& dropping);
  // Adds the blocks to `dropped`; then takes them away.
  std::vector<GroupId> FindBefore(const Dropping& dropping, MemoryPartition* dropped);
  void DropBefore(const Dropping& dropping, const std::vector<GroupId>& groups);

  uint64_t open_bytes() const { return Positive(open_bytes_); }
  uint64_t sealed_bytes() const { return Positive(sealed_bytes_); }
  uint64_t late_bytes() const { return Positive(late_bytes_); }
  uint64_t group_bytes() const;
  int64_t oldest_day() const;  // kNoTime: there is none

 private:
  struct Opened {
    GroupId group;
    uint64_t sequence = 0;  // of the run's first row
  };
  static constexpr size_t kShards = 64;

  static uint64_t Positive(const std::atomic<int64_t>& bytes) {
    const int64_t value = bytes.load(std::memory_order_relaxed);
    return value < 0 ? 0 : static_cast<uint64_t>(value);
  }
  static bool HasRowsOf(const Group& group, absl::Span<const SeriesKey> series,
                        absl::Span<const ColumnKind> kinds);
  Mutex* shard(GroupId id) const { return &shards_[id.value % kShards]; }
  const RawForm* FormOf(const Group& group);
  const RawForm* FormFor(const Group& group, const Rows& rows, size_t begin, size_t end);

  // What adding a row to these groups looks at, asked for early.
  void Fetch(absl::Span<const GroupId> groups) const;
  // Rows [begin, end), which are of the group.
  void AppendSome(GroupId id, const Rows& rows, size_t begin, size_t end);
  // One row in order that has room. False: it is not that.
  bool AppendQuickly(Group* group, const Rows& rows, size_t row);
  void AppendInOrder(GroupId id, const Rows& rows, size_t begin, size_t end);
  void AppendLate(GroupId id, int64_t day, const Rows& rows, size_t begin, size_t end);
  // Rows [begin, end) that go into the raw chunk; gives it room. 0: it has to be emptied first.
  size_t StoreSome(Group* group, RawChunkPtr* raw, bool active, const Rows& rows, size_t begin,
                   size_t end);
  // Makes one piece of the raw rows and of the pieces from `first` on.
  void Join(GroupId id, size_t first);
  // What it makes it of.
  std::vector<RowSourcePtr> Pieces(GroupId id, size_t first) const;
  void FillBuffer(const std::vector<RowSourcePtr>& sources, uint32_t columns);
  void StaggerFirstBlock(GroupId id);
  void Compact(GroupId id);
  void Seal(GroupId id);
  // The open block's day is over.
  void Close(GroupId id);
  // Thread-safe: makes blocks of what is closed, if its sequences are all up to `sequence_max`.
  void SealClosed(GroupId id, uint64_t sequence_max);
  // Of late rows, under the group's lock.
  void JoinLate(uint32_t columns, size_t first, Run* run);
  void CompactLate(Group* group, Run* run);
  void SealLate(Group* group, Run* run);

  void NoteDay(GroupId id, int64_t day);
  bool HoldsRows(GroupId id, int64_t day) const;  // in memory
  void NoteOpened(GroupId id, uint64_t sequence);
  bool IsCurrent(const Opened& opened) const;
  bool IsClosed(GroupId id) const;  // it has closed rows
  void SealOldest();
  static bool IsOpen(const Group& group) {
    return group.raw || (group.parts != nullptr && !group.parts->pieces.empty());
  }

  const HeadOptions options_;
  const uint32_t raw_rows_;
  RawForms forms_;
  Groups groups_;  // their chunks name forms
  SeriesIndex index_;
  // Of a group's rows: held to change what others read, or to read what the writer changes.
  mutable std::array<Mutex, kShards> shards_;
  RowBuffer buffer_;
  NarrowCoder coder_;
  ColumnValues column_;
  uint64_t last_sequence_ = 0;
  uint32_t change_ = 1;  // the number of the next checkpoint
  std::vector<GroupId> changed_;
  std::deque<Opened> opened_;  // open blocks by age; some are sealed already
  size_t open_runs_ = 0;
  int64_t dropped_day_ = kNoTime;  // days before it
  Mutex closed_mutex_;             // before the shards'
  // Groups with closed rows; of some they are sealed already.
  std::deque<GroupId> closed_ ABSL_GUARDED_BY(closed_mutex_);
  mutable Mutex days_mutex_;
  std::map<int64_t, std::vector<GroupId>> days_ ABSL_GUARDED_BY(days_mutex_);
  std::atomic<uint64_t> samples_{0};
  std::atomic<uint64_t> spec_bytes_{0};
  std::atomic<int64_t> open_bytes_{0};
  std::atomic<int64_t> sealed_bytes_{0};
  std::atomic<int64_t> late_bytes_{0};
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_HEAD_H_
