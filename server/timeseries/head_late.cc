// Rows of the head that come behind later ones: sorted by day, apart from the others.
#include <utility>
#include <vector>

#include "server/timeseries/head.h"

namespace twin::timeseries {

void Head::AppendLate(GroupId id, int64_t day, const Rows& rows, size_t begin, size_t end) {
  Group& group = groups_[id];
  bool is_new = false;
  {
    MutexLock lock(shard(id));
    GroupParts* const parts = group.mutable_parts();
    const auto [found, added] = parts->late.try_emplace(day);
    is_new = added;
    Run& run = found->second;
    while (begin < end) {
      const size_t before = BytesOf(run.raw);
      const size_t stored = StoreSome(&group, &run.raw, !run.pieces.empty(), rows, begin, end);
      late_bytes_.fetch_add(static_cast<int64_t>(BytesOf(run.raw)) - static_cast<int64_t>(before),
                            std::memory_order_relaxed);
      run.raw->Commit(stored);
      begin += stored;
      if (stored == 0 || run.raw->size() == raw_rows_) CompactLate(&group, &run);
    }
  }
  if (is_new) NoteDay(id, day);
}

void Head::CompactLate(Group* group, Run* run) {
  size_t rows = run->raw->size();
  size_t total = rows;
  size_t first = run->pieces.size();
  for (const MemoryBlockPtr& piece : run->pieces) total += piece->range().rows;
  for (; first > 0 && run->pieces[first - 1]->range().rows <= rows; --first) {
    rows += run->pieces[first - 1]->range().rows;
  }
  if (total >= options_.block_rows) {
    SealLate(group, run);
    return;
  }
  JoinLate(group->columns(), first, run);
}

void Head::JoinLate(uint32_t columns, size_t first, Run* run) {
  RowBuffer buffer(columns);
  int64_t bytes = -static_cast<int64_t>(BytesOf(run->raw));
  for (size_t i = first; i < run->pieces.size(); ++i) {
    buffer.AddOfMemory(*run->pieces[i]);
    bytes -= static_cast<int64_t>(run->pieces[i]->memory_bytes());
  }
  if (run->raw) buffer.AddOfMemory(RawRows(run->raw, run->raw->size()));
  buffer.Sort();
  const std::vector<MemoryBlockPtr> blocks = buffer.Encode();
  bytes += static_cast<int64_t>(BytesOf(blocks));
  run->pieces.resize(first);
  run->pieces.insert(run->pieces.end(), blocks.begin(), blocks.end());
  run->raw = RawChunkPtr();
  late_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void Head::SealLate(Group* group, Run* run) {
  if (run->pieces.size() != 1 || run->raw) JoinLate(group->columns(), 0, run);
  const auto bytes = static_cast<int64_t>(BytesOf(run->pieces));
  late_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  sealed_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  std::vector<MemoryBlockPtr>* const sealed = &group->mutable_parts()->sealed;
  sealed->insert(sealed->end(), run->pieces.begin(), run->pieces.end());
  run->pieces.clear();
}

}  // namespace twin::timeseries
