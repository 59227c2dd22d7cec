// How the head makes blocks of what is full, old, or of a day that has ended.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "server/timeseries/head.h"

namespace twin::timeseries {

void Head::Seal(GroupId id) {
  Group& group = groups_[id];
  const std::vector<RowSourcePtr> joined = Pieces(id, 0);
  std::vector<MemoryBlockPtr> blocks;
  if (joined.size() == 1) {
    if (auto block = std::dynamic_pointer_cast<const MemoryBlock>(joined[0])) {
      blocks.push_back(std::move(block));
    }
  }
  if (blocks.empty()) {
    FillBuffer(joined, group.columns());
    blocks = buffer_.Encode();
  }
  group.shorter = 0;
  RawChunkPtr raw;
  {
    MutexLock lock(shard(id));
    GroupParts* const parts = group.mutable_parts();
    parts->pieces.clear();
    parts->form = nullptr;
    parts->sealed.insert(parts->sealed.end(), blocks.begin(), blocks.end());
    std::swap(group.raw, raw);
  }
  open_bytes_.fetch_sub(static_cast<int64_t>(BytesOf(joined)), std::memory_order_relaxed);
  sealed_bytes_.fetch_add(static_cast<int64_t>(BytesOf(blocks)), std::memory_order_relaxed);
  open_runs_ -= 1;
}

void Head::Close(GroupId id) {
  SealClosed(id, UINT64_MAX);  // of one more day
  Group& group = groups_[id];
  std::vector<RowSourcePtr> rows = Pieces(id, 0);
  group.shorter = 0;
  RawChunkPtr raw;
  {
    MutexLock lock(shard(id));
    GroupParts* const parts = group.mutable_parts();
    parts->closed = std::move(rows);
    parts->pieces.clear();
    parts->form = nullptr;
    std::swap(group.raw, raw);
  }
  open_runs_ -= 1;
  MutexLock lock(&closed_mutex_);
  while (!closed_.empty() && !IsClosed(closed_.front())) closed_.pop_front();
  closed_.push_back(id);
}

bool Head::IsClosed(GroupId id) const {
  const Group& group = groups_[id];
  MutexLock lock(shard(id));
  return group.parts != nullptr && !group.parts->closed.empty();
}

bool Head::SealNextClosed() {
  GroupId id;
  {
    MutexLock lock(&closed_mutex_);
    if (closed_.empty()) return false;
    id = closed_.front();
    closed_.pop_front();
  }
  SealClosed(id, UINT64_MAX);
  return true;
}

void Head::SealClosed(GroupId id, uint64_t sequence_max) {
  Group& group = groups_[id];
  std::vector<RowSourcePtr> rows;
  {
    MutexLock lock(shard(id));
    if (group.parts == nullptr || group.parts->closed.empty() ||
        group.parts->closed.back()->range().last_sequence > sequence_max) {
      return;
    }
    rows = group.parts->closed;
  }
  RowBuffer buffer(group.columns());
  for (const RowSourcePtr& source : rows) buffer.AddOfMemory(*source);
  const std::vector<MemoryBlockPtr> blocks = buffer.Encode();
  {
    MutexLock lock(shard(id));
    GroupParts& parts = *group.parts;
    if (parts.closed != rows) return;  // another thread was faster
    parts.sealed.insert(parts.sealed.end(), blocks.begin(), blocks.end());
    parts.closed = {};
  }
  open_bytes_.fetch_sub(static_cast<int64_t>(BytesOf(rows)), std::memory_order_relaxed);
  sealed_bytes_.fetch_add(static_cast<int64_t>(BytesOf(blocks)), std::memory_order_relaxed);
}

void Head::NoteOpened(GroupId id, uint64_t sequence) {
  open_runs_ += 1;
  opened_.push_back({.group = id, .sequence = sequence});
  const auto stale = [this](const Opened& opened) { return !IsCurrent(opened); };
  while (!opened_.empty() && stale(opened_.front())) opened_.pop_front();
  if (opened_.size() > 2 * open_runs_ + 1024) {
    opened_.erase(std::remove_if(opened_.begin(), opened_.end(), stale), opened_.end());
  }
}

bool Head::IsCurrent(const Opened& opened) const {
  const Group& group = groups_[opened.group];
  if (group.parts != nullptr && !group.parts->pieces.empty()) {
    return group.parts->pieces.front()->range().first_sequence == opened.sequence;
  }
  return group.raw && group.raw->sequence(0) == opened.sequence;
}

void Head::SealOldest() {
  while (open_bytes() > options_.open_bytes_max && SealNextClosed()) {
  }
  while (!opened_.empty() && open_bytes() > options_.open_bytes_max) {
    const Opened oldest = opened_.front();
    opened_.pop_front();
    if (IsCurrent(oldest)) Seal(oldest.group);
  }
}

}  // namespace twin::timeseries
