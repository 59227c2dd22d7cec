#include "server/timeseries/partitions.h"

#include <algorithm>

#include "server/base/check.h"

namespace twin::timeseries {

void MemoryPartition::Find(GroupId group, int64_t from, int64_t to,
                           std::vector<RowSourcePtr>* sources) const {
  const auto found = blocks_.find(group.value);
  if (found == blocks_.end()) return;
  for (const RowSourcePtr& block : found->second) {
    if (block->range().first_time < to && block->range().last_time >= from) {
      sources->push_back(block);
    }
  }
}

void PartitionSet::Find(uint64_t pinned, GroupId group, int64_t from, int64_t to,
                        std::vector<RowSourcePtr>* sources) const {
  for (const PartitionEntry& entry : entries) {
    if (entry.IsSeenBy(pinned)) entry.partition->Find(group, from, to, sources);
  }
}

void PartitionSet::FindRollups(uint64_t pinned, GroupId group, int64_t from, int64_t to,
                               std::vector<RollupBlock>* blocks) const {
  const size_t first = blocks->size();
  for (const PartitionEntry& entry : entries) {
    if (entry.IsSeenBy(pinned)) entry.partition->FindRollups(group, from, to, blocks);
  }
  if (blocks->size() == first) return;
  const std::vector<uint32_t> seen = NumbersSeenBy(pinned);
  for (size_t i = first; i < blocks->size(); ++i) {
    RollupBlock& block = (*blocks)[i];
    block.is_expired = !std::binary_search(seen.begin(), seen.end(), block.of);
  }
}

std::vector<uint32_t> PartitionSet::NumbersSeenBy(uint64_t pinned) const {
  std::vector<uint32_t> seen;
  for (const PartitionEntry& entry : entries) {
    if (entry.IsSeenBy(pinned)) seen.push_back(entry.partition->number());
  }
  std::sort(seen.begin(), seen.end());
  return seen;
}

bool PartitionSet::HasExpired(uint64_t pinned) const {
  const std::vector<uint32_t> seen = NumbersSeenBy(pinned);
  return std::any_of(entries.begin(), entries.end(), [&](const PartitionEntry& entry) {
    const uint32_t of = entry.partition->rolls_up();
    return of > 0 && entry.IsSeenBy(pinned) && !std::binary_search(seen.begin(), seen.end(), of);
  });
}

bool PartitionSet::Hides(uint8_t rule, int64_t last_time, uint64_t last_sequence) const {
  for (const DropFloor& floor : floors) {
    if (floor.Hides(rule, last_time, last_sequence)) return true;
  }
  return false;
}

void PartitionSet::AddFloor(const DropFloor& floor) {
  std::erase_if(floors, [&](const DropFloor& other) {
    return other.rule == floor.rule && other.time <= floor.time && other.sequence <= floor.sequence;
  });
  floors.push_back(floor);
}

std::shared_ptr<const PartitionSet> Partitions::Get() const {
  MutexLock lock(&mutex_);
  return set_;
}

std::shared_ptr<const PartitionSet> Partitions::Pin() {
  MutexLock lock(&mutex_);
  pinned_.insert(set_->generation);
  return set_;
}

void Partitions::Unpin(uint64_t generation) {
  MutexLock lock(&mutex_);
  const auto found = pinned_.find(generation);
  TWIN_CHECK(found != pinned_.end()) << generation;
  pinned_.erase(found);
}

std::vector<std::shared_ptr<const Partition>> Partitions::Sweep() {
  std::vector<std::shared_ptr<const Partition>> gone;
  MutexLock lock(&mutex_);
  const uint64_t oldest = pinned_.empty() ? set_->generation : *pinned_.begin();
  auto next = std::make_shared<PartitionSet>(*set_);
  std::vector<PartitionEntry> kept;
  for (PartitionEntry& entry : next->entries) {
    if (entry.removed <= oldest) {
      gone.push_back(std::move(entry.partition));
    } else {
      kept.push_back(std::move(entry));
    }
  }
  if (gone.empty()) return gone;
  next->entries = std::move(kept);
  set_ = std::move(next);
  return gone;
}

}  // namespace twin::timeseries
