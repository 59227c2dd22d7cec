// Which days the head has rows of, and how it gives up the oldest.
#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "server/timeseries/head.h"

namespace twin::timeseries {

void Head::NoteDay(GroupId id, int64_t day) {
  MutexLock lock(&days_mutex_);
  days_[day].push_back(id);
}

bool Head::HoldsRows(GroupId id, int64_t day) const {
  const Group& group = groups_[id];
  if (IsOpen(group) && DayOf(group.last_time) == day) return true;
  MutexLock lock(shard(id));
  if (group.parts == nullptr) return false;
  const GroupParts& parts = *group.parts;
  const auto is_of_day = [day](const auto& rows) { return DayOf(rows->range().first_time) == day; };
  return parts.late.count(day) > 0 ||
         std::any_of(parts.closed.begin(), parts.closed.end(), is_of_day) ||
         std::any_of(parts.sealed.begin(), parts.sealed.end(), is_of_day);
}

std::vector<int64_t> Head::SealBefore(const Dropping& dropping) {
  std::vector<GroupId> ids;
  std::vector<int64_t> days;
  {
    MutexLock lock(&days_mutex_);
    size_t looked_at = 0;
    for (auto at = days_.begin(); at != days_.end() && at->first < dropping.day;) {
      bool holds_rows = false;
      // What is not open any more is written by the next checkpoint anyway.
      std::erase_if(at->second, [&](GroupId id) {
        if (!dropping.includes(id)) return false;
        looked_at += 1;
        if (looked_at <= kLookedAtAtOnce && !HoldsRows(id, at->first)) return true;
        holds_rows = true;
        if (looked_at > kLookedAtAtOnce || ids.size() >= kSealedAtOnce) return false;
        ids.push_back(id);
        return true;
      });
      if (holds_rows) days.push_back(at->first);
      at = at->second.empty() ? days_.erase(at) : std::next(at);
    }
  }
  for (const GroupId id : ids) {
    const Group& group = groups_[id];
    if (!IsOpen(group) || DayOf(group.last_time) >= dropping.day) continue;
    Seal(id);
    MarkChanged(id);
  }
  // A group that opens on such a day again is to be noted again.
  dropped_day_ = std::max(dropped_day_, dropping.day);
  return days;
}

std::vector<GroupId> Head::FindBefore(const Dropping& dropping, MemoryPartition* dropped) {
  std::vector<GroupId> ids;
  {
    MutexLock lock(&days_mutex_);
    for (auto at = days_.begin(); at != days_.end() && at->first < dropping.day; ++at) {
      std::copy_if(at->second.begin(), at->second.end(), std::back_inserter(ids),
                   dropping.includes);
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  const int64_t end = dropping.day * kNsPerDay;
  for (const GroupId id : ids) {
    const Group& group = groups_[id];
    if (IsOpen(group) && DayOf(group.last_time) < dropping.day) Seal(id);
    SealClosed(id, UINT64_MAX);
    std::vector<RowSourcePtr> sources;
    Find(id, INT64_MIN, end, UINT64_MAX, &sources);
    for (RowSourcePtr& source : sources) {
      const RowRange& range = source->range();
      if (range.last_time < end && range.last_sequence <= dropping.sequence_max) {
        dropped->Add(id, std::move(source));
      }
    }
  }
  return ids;
}

void Head::DropBefore(const Dropping& dropping, const std::vector<GroupId>& groups) {
  const int64_t end = dropping.day * kNsPerDay;
  const auto drops = [&](const MemoryBlockPtr& block) {
    return block->range().last_time < end && block->range().last_sequence <= dropping.sequence_max;
  };
  dropped_day_ = std::max(dropped_day_, dropping.day);
  std::set<GroupId> gone;  // of which nothing is left
  for (const GroupId id : groups) {
    Group& group = groups_[id];
    int64_t sealed = 0;
    int64_t late = 0;
    MarkChanged(id);
    gone.insert(id);
    MutexLock lock(shard(id));
    if (group.parts == nullptr) continue;
    std::erase_if(group.parts->sealed, [&](const MemoryBlockPtr& block) {
      if (!drops(block)) {
        if (block->range().last_time < end) gone.erase(id);
        return false;
      }
      sealed += static_cast<int64_t>(block->memory_bytes());
      return true;
    });
    std::map<int64_t, Run>& runs = group.parts->late;
    for (auto run = runs.begin(); run != runs.end() && run->first < dropping.day;) {
      const RawChunkPtr& raw = run->second.raw;
      if (!std::all_of(run->second.pieces.begin(), run->second.pieces.end(), drops) ||
          (raw && raw->size() > 0 && raw->sequence(raw->size() - 1) > dropping.sequence_max)) {
        gone.erase(id);
        ++run;
        continue;
      }
      late += static_cast<int64_t>(BytesOf(run->second.pieces) + BytesOf(raw));
      run = runs.erase(run);
    }
    sealed_bytes_.fetch_sub(sealed, std::memory_order_relaxed);
    late_bytes_.fetch_sub(late, std::memory_order_relaxed);
  }
  MutexLock lock(&days_mutex_);
  for (auto day = days_.begin(); day != days_.end() && day->first < dropping.day;) {
    std::erase_if(day->second, [&](GroupId id) { return gone.count(id) > 0; });
    day = day->second.empty() ? days_.erase(day) : std::next(day);
  }
}

int64_t Head::oldest_day() const {
  MutexLock lock(&days_mutex_);
  return days_.empty() ? kNoTime : days_.begin()->first;
}

}  // namespace twin::timeseries
