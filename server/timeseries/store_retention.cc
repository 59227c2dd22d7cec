// How a Store drops what is over.
#include <algorithm>
#include <utility>

#include "server/timeseries/store_impl.h"

namespace twin::timeseries {

Retention Store::Impl::RetentionOf(const PartitionFile& file) const {
  const std::vector<Retention> all = rules.All();
  Retention longest;
  uint32_t last_group = UINT32_MAX;
  std::vector<bool> seen(all.size(), false);
  bool any = false;
  for (const PartitionFileEntry& entry : file.entries()) {
    if (entry.group == last_group) continue;
    last_group = entry.group;
    const uint8_t rule = rules.Of(GroupId{entry.group});
    if (seen[rule]) continue;
    seen[rule] = true;
    longest = any ? Longest(longest, all[rule]) : all[rule];
    any = true;
    if (all.size() == 1) break;
  }
  return longest;
}

std::vector<PartitionFilePtr> Store::Impl::ExpiredFiles(int64_t now, uint64_t arrived) const {
  std::vector<PartitionFilePtr> expired;
  // Most days are kept by every rule, and are not looked into.
  int64_t oldest = INT64_MIN;
  for (const Retention& rule : rules.All()) {
    oldest = std::max(oldest, OldestDayKept(rule.samples, now));
    oldest = std::max(oldest, OldestDayKept(rule.rollups, now));
  }
  for (PartitionFilePtr& file : LiveFiles()) {
    if (file->info().day >= oldest || file->last_sequence() > arrived) continue;
    const Retention rule = RetentionOf(*file);
    const int64_t kept_ns = file->info().step > 0 ? rule.rollups : rule.samples;
    if (file->info().day < OldestDayKept(kept_ns, now)) expired.push_back(std::move(file));
  }
  return expired;
}

void Store::Impl::DropExpired(int64_t now, uint64_t arrived) {
  const std::vector<Retention> all = rules.All();
  const uint64_t sequence_max = std::min(arrived, head.last_sequence());
  std::vector<Head::Dropping> droppings;
  std::vector<DropFloor> floors;
  for (size_t i = 0; i < all.size(); ++i) {
    const int64_t day = OldestDayKept(all[i].samples, now);
    if (day == INT64_MIN) continue;
    const auto rule = static_cast<uint8_t>(i);
    droppings.push_back({.day = day,
                         .sequence_max = sequence_max,
                         .includes = [this, rule](GroupId id) { return rules.Of(id) == rule; }});
    floors.push_back({.rule = rule, .time = day * kNsPerDay, .sequence = sequence_max});
  }
  const std::vector<PartitionFilePtr> files = ExpiredFiles(now, sequence_max);
  if (droppings.empty() && files.empty()) return;
  auto dropped = std::make_shared<MemoryPartition>();
  std::vector<std::vector<GroupId>> groups;
  groups.reserve(droppings.size());
  for (const Head::Dropping& dropping : droppings) {
    groups.push_back(head.FindBefore(dropping, dropped.get()));
  }
  partitions.Edit([&](PartitionSet* set) {
    for (const DropFloor& floor : floors) set->AddFloor(floor);
    for (PartitionEntry& entry : set->entries) {
      if (std::find(files.begin(), files.end(), entry.partition) == files.end()) continue;
      entry.removed = std::min(entry.removed, set->generation);
    }
    if (!dropped->empty()) {
      set->entries.push_back({.partition = dropped, .added = 0, .removed = set->generation});
    }
  });
  for (size_t i = 0; i < droppings.size(); ++i) head.DropBefore(droppings[i], groups[i]);
  {
    MutexLock lock(&mutex_);
    removed_.insert(removed_.end(), files.begin(), files.end());
  }
  RemoveFiles();
}

}  // namespace twin::timeseries
