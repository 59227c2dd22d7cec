#include "server/timeseries/block_sums.h"

#include <algorithm>
#include <functional>

#include "server/base/status_macros.h"
#include "server/timeseries/row_source.h"

namespace twin::timeseries {
namespace {

constexpr size_t kItemBytes = 160;  // of the cache, about

}  // namespace

absl::StatusOr<BlockSumsPtr> MakeBlockSums(const RowSource& block, uint32_t columns) {
  auto made = std::make_shared<BlockSums>();
  std::vector<int64_t> times;
  TWIN_RETURN_IF_ERROR(block.ReadTimes(&times));
  made->ascends =
      std::adjacent_find(times.begin(), times.end(), std::greater_equal<>()) == times.end();
  made->sums.resize(columns);
  made->ends.resize(columns);
  for (uint32_t c = 0; c < columns; ++c) {
    ColumnForm form;
    ColumnStatistics s;
    TWIN_RETURN_IF_ERROR(block.ReadStatistics(c, &form, &s));
    BlockSums::Sum& sum = made->sums[c];
    sum.count = s.count;
    const bool is_number = form.kind == ColumnKind::kScaled || form.kind == ColumnKind::kInt;
    if (!is_number || s.sum_overflows || IsBeyondExact(s.min_int) || IsBeyondExact(s.max_int)) {
      continue;
    }
    sum.sum = s.sum_int;
    sum.kind = form.kind == ColumnKind::kInt ? BlockSums::kInt : form.decimals;
    made->ends[c] = {.min = s.min_int, .max = s.max_int, .first = s.first_int, .last = s.last_int};
  }
  return made;
}

BlockSumsPtr BlockSumsCache::Find(const Key& key) {
  MutexLock lock(&mutex_);
  const auto found = places_.find(key);
  if (found == places_.end()) return nullptr;
  items_.splice(items_.begin(), items_, found->second);
  return found->second->sums;
}

void BlockSumsCache::Add(const Key& key, BlockSumsPtr sums) {
  MutexLock lock(&mutex_);
  if (places_.count(key) > 0) return;
  bytes_ += sums->bytes() + kItemBytes;
  items_.push_front({key, std::move(sums)});
  places_[key] = items_.begin();
  while (bytes_ > kBytesMax) {
    bytes_ -= items_.back().sums->bytes() + kItemBytes;
    places_.erase(items_.back().key);
    items_.pop_back();
  }
}

}  // namespace twin::timeseries
