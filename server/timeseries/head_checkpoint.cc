// What checkpoints take of a Head, and give back to it after a restart.
#include <algorithm>
#include <utility>
#include <vector>

#include "server/timeseries/head.h"

namespace twin::timeseries {

std::vector<GroupId> Head::TakeChanged() {
  change_ += 1;
  return std::exchange(changed_, {});
}

void Head::MarkChanged(GroupId id) {
  Group& group = groups_[id];
  if (group.changed_in == change_) return;
  group.changed_in = change_;
  changed_.push_back(id);
}

Head::Held Head::Hold(GroupId id, uint64_t sequence_max) {
  SealClosed(id, sequence_max);
  Held held;
  Group& group = groups_[id];
  std::vector<std::pair<RawChunkPtr, uint32_t>> late;
  RawChunkPtr raw;
  uint32_t rows = 0;
  {
    MutexLock lock(shard(id));
    raw = group.raw;
    rows = raw ? raw->size() : 0;
    if (group.parts != nullptr) {
      GroupParts& parts = *group.parts;
      for (auto run = parts.late.begin(); run != parts.late.end();) {
        const RawChunkPtr& last = run->second.raw;
        if (!last && run->second.pieces.empty()) {
          run = parts.late.erase(run);
          continue;
        }
        const uint64_t sequence = last ? last->sequence(last->size() - 1)
                                       : run->second.pieces.back()->range().last_sequence;
        if (sequence <= sequence_max) {
          SealLate(&group, &run->second);
          run = parts.late.erase(run);
          continue;
        }
        held.late.insert(held.late.end(), run->second.pieces.begin(), run->second.pieces.end());
        if (last) late.emplace_back(last, last->size());
        ++run;
      }
      held.sealed = parts.sealed;
      held.closed = parts.closed;
      held.open = parts.pieces;
    }
  }
  for (auto& [chunk, size] : late) {
    held.late.push_back(std::make_shared<const RawRows>(std::move(chunk), size));
  }
  if (rows > 0) held.open.push_back(std::make_shared<const RawRows>(std::move(raw), rows));
  return held;
}

void Head::Forget(GroupId id, const std::vector<MemoryBlockPtr>& blocks) {
  int64_t bytes = 0;
  {
    Group& group = groups_[id];
    MutexLock lock(shard(id));
    if (group.parts == nullptr) return;
    std::erase_if(group.parts->sealed, [&](const MemoryBlockPtr& block) {
      if (std::find(blocks.begin(), blocks.end(), block) == blocks.end()) return false;
      bytes += static_cast<int64_t>(block->memory_bytes());
      return true;
    });
    if (group.parts->sealed.empty()) group.parts->sealed.shrink_to_fit();
  }
  sealed_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

void Head::RestoreOpen(GroupId id, const MemoryBlockPtr& block) {
  Group& group = groups_[id];
  const RowRange& range = block->range();
  const bool was_open = IsOpen(group);
  open_bytes_.fetch_add(static_cast<int64_t>(block->memory_bytes()), std::memory_order_relaxed);
  {
    MutexLock lock(shard(id));
    group.mutable_parts()->pieces.push_back(block);
    group.last_time = std::max(group.last_time, range.last_time);
  }
  if (!was_open) {
    NoteDay(id, DayOf(range.first_time));
    NoteOpened(id, range.first_sequence);
  }
  last_sequence_ = std::max(last_sequence_, range.last_sequence);
}

void Head::RestoreSealed(GroupId id, const MemoryBlockPtr& block) {
  Group& group = groups_[id];
  const RowRange& range = block->range();
  sealed_bytes_.fetch_add(static_cast<int64_t>(block->memory_bytes()), std::memory_order_relaxed);
  {
    MutexLock lock(shard(id));
    group.mutable_parts()->sealed.push_back(block);
    group.last_time = std::max(group.last_time, range.last_time);
  }
  NoteDay(id, DayOf(range.first_time));
  last_sequence_ = std::max(last_sequence_, range.last_sequence);
  MarkChanged(id);
}

void Head::RestoreTime(GroupId id, int64_t time) {
  Group& group = groups_[id];
  if (time <= group.last_time) return;
  // Rows in order of the same day will not note it again.
  if (group.last_time == kNoTime || DayOf(group.last_time) != DayOf(time)) {
    NoteDay(id, DayOf(time));
  }
  group.last_time = time;
}

}  // namespace twin::timeseries
