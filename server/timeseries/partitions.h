// What is not in the groups' memory: files, and what was dropped while snapshots still see it.
// Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_PARTITIONS_H_
#define TWIN_SERVER_TIMESERIES_PARTITIONS_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "server/base/sync.h"
#include "server/timeseries/row_source.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

// Rows of a roll-up: see rollup.h.
struct RollupBlock {
  RowSourcePtr rows;  // a time is where its step begins
  int64_t step = 0;
  uint32_t of = 0;          // the file whose samples these are
  bool is_expired = false;  // that file is gone: nothing else knows what was there
};

// Immutable blocks of one day, or of several. Thread-safe.
class Partition {
 public:
  virtual ~Partition() = default;
  virtual void FindRollups(GroupId /*group*/, int64_t /*from*/, int64_t /*to*/,
                           std::vector<RollupBlock>* /*blocks*/) const {}
  virtual uint32_t number() const { return 0; }    // of a file
  virtual uint32_t rolls_up() const { return 0; }  // a file of roll-ups: the file of the samples
  // Appends the group's blocks that have times of from <= time < to.
  virtual void Find(GroupId group, int64_t from, int64_t to,
                    std::vector<RowSourcePtr>* sources) const = 0;
};

// Blocks that left the groups' memory without going to a file.
class MemoryPartition final : public Partition {
 public:
  void Add(GroupId group, RowSourcePtr block) { blocks_[group.value].push_back(std::move(block)); }
  bool empty() const { return blocks_.empty(); }
  void Find(GroupId group, int64_t from, int64_t to,
            std::vector<RowSourcePtr>* sources) const override;

 private:
  absl::flat_hash_map<uint32_t, std::vector<RowSourcePtr>> blocks_;
};

// Rows of groups of one rule of retention that were dropped from memory: those before the time with
// sequences up to this.
struct DropFloor {
  uint8_t rule = 0;
  int64_t time = INT64_MIN;
  uint64_t sequence = 0;
  bool Hides(uint8_t of_rule, int64_t last_time, uint64_t last_sequence) const {
    return of_rule == rule && last_time < time && last_sequence <= sequence;
  }
};

struct PartitionEntry {
  std::shared_ptr<const Partition> partition;
  uint64_t added = 0;             // the generation
  uint64_t removed = UINT64_MAX;  // the first generation without it
  bool folded = false;            // holds no more than newer snapshots need

  bool IsSeenBy(uint64_t pinned) const { return removed > pinned && !(folded && added > pinned); }
};

// One state of the set. Immutable.
struct PartitionSet {
  uint64_t generation = 0;
  std::vector<DropFloor> floors;        // one of a rule, unless an earlier one reached further
  std::vector<PartitionEntry> entries;  // also those that only older snapshots see

  bool Hides(uint8_t rule, int64_t last_time, uint64_t last_sequence) const;
  void AddFloor(const DropFloor& floor);
  // Appends what a snapshot of `generation` sees.
  void Find(uint64_t pinned, GroupId group, int64_t from, int64_t to,
            std::vector<RowSourcePtr>* sources) const;
  void FindRollups(uint64_t pinned, GroupId group, int64_t from, int64_t to,
                   std::vector<RollupBlock>* blocks) const;
  // Whether there are roll-ups whose samples are kept no longer.
  bool HasExpired(uint64_t pinned) const;

 private:
  std::vector<uint32_t> NumbersSeenBy(uint64_t pinned) const;  // ascending
};

// The current set, and who reads which. Thread-safe.
class Partitions {
 public:
  std::shared_ptr<const PartitionSet> Get() const;

  // A snapshot begins, with the set as it is, and ends.
  std::shared_ptr<const PartitionSet> Pin();
  void Unpin(uint64_t generation);

  // Makes the next generation: `change` edits a copy.
  template <typename Change>
  void Edit(Change change) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    auto next = std::make_shared<PartitionSet>(*set_);
    next->generation += 1;
    change(next.get());
    set_ = std::move(next);
  }
  // Takes entries away that no snapshot sees any more, and returns them.
  std::vector<std::shared_ptr<const Partition>> Sweep();

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const PartitionSet> set_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<PartitionSet>();
  std::multiset<uint64_t> pinned_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_PARTITIONS_H_
