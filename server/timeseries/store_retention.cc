// How a Store drops what is over.
#include <algorithm>
#include <set>
#include <utility>

#include "server/timeseries/store_impl.h"

namespace twin::timeseries {

std::vector<uint8_t> Store::Impl::RulesOf(const PartitionFile& file) const {
  if (rules.size() == 1) return {0};
  const uint32_t number = file.info().number;
  {
    MutexLock lock(&file_rules_mutex_);
    const auto known = file_rules_.find(number);
    if (known != file_rules_.end()) return known->second;
  }
  std::vector<GroupId> groups;
  for (const PartitionFileEntry& entry : file.entries()) {
    if (groups.empty() || groups.back().value != entry.group) groups.push_back({entry.group});
  }
  std::vector<uint8_t> found;
  if (rules.OfEach(groups, &found)) {
    MutexLock lock(&file_rules_mutex_);
    file_rules_.emplace(number, found);
  }
  return found;
}

Retention Store::Impl::RetentionOf(const PartitionFile& file) const {
  const std::vector<Retention> all = rules.All();
  const std::vector<uint8_t> of_file = RulesOf(file);
  Retention longest = all[of_file.front()];
  for (const uint8_t rule : of_file) longest = Longest(longest, all[rule]);
  return longest;
}

Store::Impl::RulesOfDays Store::Impl::WithoutRollups(absl::Span<const PartitionFilePtr> files,
                                                     int64_t now) const {
  std::set<uint32_t> rolled_up;
  for (const PartitionFilePtr& file : files) {
    if (file->info().step > 0) rolled_up.insert(file->info().of);
  }
  const std::vector<Retention> all = rules.All();
  RulesOfDays found;
  for (const PartitionFilePtr& file : files) {
    const PartitionFileInfo& info = file->info();
    if (info.step > 0 || rolled_up.count(info.number) > 0) continue;
    for (const uint8_t rule : RulesOf(*file)) {
      if (info.day >= OldestDayKept(all[rule].rollups, now)) found.emplace(info.day, rule);
    }
  }
  return found;
}

std::vector<PartitionFilePtr> Store::Impl::ExpiredFiles(int64_t now, uint64_t arrived) const {
  // Most days are kept by every rule, and are not looked into.
  int64_t oldest = INT64_MIN;
  for (const Retention& rule : rules.All()) {
    oldest = std::max(oldest, OldestDayKept(rule.samples, now));
    oldest = std::max(oldest, OldestDayKept(rule.rollups, now));
  }
  std::vector<PartitionFilePtr> files = LiveFiles();
  std::erase_if(files, [&](const PartitionFilePtr& file) { return file->info().day >= oldest; });
  RulesOfDays without_rollups = WithoutRollups(files, now);
  {
    MutexLock lock(&mutex_);
    without_rollups.insert(unwritten_days_.begin(), unwritten_days_.end());
  }
  // Samples stay until all that is known of their day is in roll-ups: what they replace, and what
  // replaces them, is found by a merge of the files.
  const auto waits = [&](const PartitionFile& file) {
    const std::vector<uint8_t> of_file = RulesOf(file);
    return std::any_of(of_file.begin(), of_file.end(), [&](uint8_t rule) {
      return without_rollups.count({file.info().day, rule}) > 0;
    });
  };
  std::erase_if(files, [&](const PartitionFilePtr& file) {
    if (file->last_sequence() > arrived) return true;
    const Retention rule = RetentionOf(*file);
    if (file->info().step > 0) return file->info().day >= OldestDayKept(rule.rollups, now);
    return file->info().day >= OldestDayKept(rule.samples, now) || waits(*file);
  });
  return files;
}

void Store::Impl::DropExpired(int64_t now, uint64_t arrived) {
  const std::vector<Retention> all = rules.All();
  const uint64_t sequence_max = std::min(arrived, head.last_sequence());
  std::vector<Head::Dropping> droppings;
  std::vector<DropFloor> floors;
  int64_t before = INT64_MIN;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto rule = static_cast<uint8_t>(i);
    Head::Dropping dropping{.day = OldestDayKept(all[i].samples, now),
                            .sequence_max = sequence_max,
                            .includes = [this, rule](GroupId id) { return rules.Of(id) == rule; }};
    if (dropping.day == INT64_MIN) continue;
    before = std::max(before, dropping.day * kNsPerDay);
    // What would be in a roll-up goes into a file first.
    const int64_t rolled_up = OldestDayKept(all[i].rollups, now);
    if (rolled_up < dropping.day) {
      const std::vector<int64_t> in_memory = head.SealBefore(dropping);
      MutexLock lock(&mutex_);
      for (const int64_t day : in_memory) unwritten_days_.emplace(day, rule);
      dropping.day = rolled_up;
      if (dropping.day == INT64_MIN) continue;
    }
    const int64_t day = dropping.day;
    droppings.push_back(std::move(dropping));
    floors.push_back({.rule = rule, .time = day * kNsPerDay, .sequence = sequence_max});
  }
  dropped_before.store(before);
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
