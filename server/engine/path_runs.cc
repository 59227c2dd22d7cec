#include "server/engine/path_runs.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/status_macros.h"

namespace twin::engine {
namespace {

using query::Hop;
using query::RowRuns;

// Fewer relationships than these are followed in less time than it takes to think about it.
constexpr uint32_t kRelationshipsAtOnce = 4096;
constexpr size_t kEntriesMax = 256;
constexpr uint32_t kRowsPerChunk = 1024;
// Ends of one chunk of rows; where there are more, an expansion in batches needs less memory.
constexpr size_t kChunkEndsMax = size_t{4} << 20;
// Runs below this length on average are not worth it, once there are as many as to tell.
constexpr uint64_t kRunRowsMin = 4;
constexpr size_t kRunsToTell = 1024;
// Ends of all rows: more take longer than a statement should wait for what may serve others alone.
constexpr uint64_t kEndsMax = uint64_t{64} << 20;
static_assert(kEndsMax + kChunkEndsMax < UINT32_MAX, "offsets and counts of runs");
// Asks for which runs that were given up are not tried again, after changes.
constexpr uint32_t kSkippedMax = 1023;

// Makes the runs of a table, a chunk of its rows at a time.
class Maker {
 public:
  Maker(const graph::GraphView& view, const Expander& expander, absl::Span<const Hop> hops)
      : view_(view), expander_(expander), hops_(hops), runs_(std::make_shared<RowRuns>()) {}

  // nullptr: not worth it, or more than it may be. The error of `interrupted`, asked before each
  // chunk.
  absl::StatusOr<std::shared_ptr<const RowRuns>> Make(
      TableId from, uint64_t bytes_max, absl::FunctionRef<absl::Status()> interrupted) {
    const uint32_t rows = view_.Rows(from);
    if ((uint64_t{rows} + 1) * sizeof(uint32_t) > bytes_max) return nullptr;
    runs_->offsets.reserve(size_t{rows} + 1);
    for (uint32_t first = 0; first < rows; first += std::min(kRowsPerChunk, rows - first)) {
      TWIN_RETURN_IF_ERROR(interrupted());
      std::vector<uint32_t> twins, twin_rows;
      view_.ListRows(from, first, kRowsPerChunk, &twins, &twin_rows);
      if (!Follow(std::move(twins))) return nullptr;
      for (size_t i = 0, end = 0; i < twin_rows.size(); ++i) {
        StartRow(twin_rows[i]);
        for (; end < starts_.size() && starts_[end] == i; ++end) Add(places_[end]);
      }
      ends_ += starts_.size();
      if (runs_->runs.size() > kRunsToTell && runs_->runs.size() * kRunRowsMin > ends_) {
        return nullptr;
      }
      if (ends_ > kEndsMax || runs_->bytes() > bytes_max) return nullptr;
    }
    StartRow(rows);
    if (runs_->bytes() > bytes_max) return nullptr;
    runs_->runs.shrink_to_fit();
    return runs_;
  }

 private:
  // Fills in places_ and starts_: item i is an end that twins[starts_[i]] leads to.
  bool Follow(std::vector<uint32_t> twins) {
    starts_.resize(twins.size());
    std::iota(starts_.begin(), starts_.end(), 0U);
    query::Expansion found;
    for (const Hop& hop : hops_) {
      std::vector<uint32_t> ends, starts;
      for (size_t first = 0; first < twins.size();) {
        first = expander_.Expand(twins, first, {hop.direction, hop.types, hop.any_type},
                                 kChunkEndsMax, &found);
        if (ends.size() + found.targets.size() > kChunkEndsMax) return false;
        ends.insert(ends.end(), found.targets.begin(), found.targets.end());
        for (const uint32_t source : found.sources) starts.push_back(starts_[source]);
      }
      twins = std::move(ends);
      starts_ = std::move(starts);
    }
    places_.resize(twins.size());
    view_.PlacesOf(twins, places_.data());
    return true;
  }

  // Runs that come now are of that row.
  void StartRow(uint32_t row) {
    runs_->offsets.resize(size_t{row} + 1, static_cast<uint32_t>(runs_->runs.size()));
  }

  void Add(const graph::TwinPlace& place) {
    std::vector<RowRuns::Run>& runs = runs_->runs;
    if (runs.size() > runs_->offsets.back()) {
      RowRuns::Run& last = runs.back();
      if (last.table == place.table.value && last.row + last.count == place.row) {
        ++last.count;
        return;
      }
    }
    runs.push_back({place.table.value, place.row, 1});
  }

  const graph::GraphView& view_;
  const Expander& expander_;
  const absl::Span<const Hop> hops_;
  const std::shared_ptr<RowRuns> runs_;
  std::vector<uint32_t> starts_;
  std::vector<graph::TwinPlace> places_;
  uint64_t ends_ = 0;
};

}  // namespace

PathRunsCache::Key PathRunsCache::ShapeOf(TableId from, absl::Span<const Hop> hops) {
  Key shape = {from.value};
  for (const Hop& hop : hops) {
    shape.push_back(static_cast<uint64_t>(hop.direction));
    shape.push_back(hop.any_type ? UINT64_MAX : hop.types.size());
    if (hop.any_type) continue;
    for (const RelationshipTypeId type : hop.types) shape.push_back(type.value);
  }
  return shape;
}

PathRunsCache::Key PathRunsCache::KeyOf(const graph::GraphView& view, TableId from,
                                        absl::Span<const Hop> hops) {
  Key key = {from.value, view.rows_epoch()};
  for (const Hop& hop : hops) {
    key.push_back(static_cast<uint64_t>(hop.direction));
    const uint32_t all = hop.any_type ? view.catalog().relationship_types() : 0;
    key.push_back(hop.any_type ? UINT64_MAX : hop.types.size());
    for (uint32_t i = 0; i < all; ++i) key.push_back(view.topology(RelationshipTypeId(i)));
    if (hop.any_type) continue;
    for (const RelationshipTypeId type : hop.types) {
      key.push_back(type.value);
      key.push_back(view.topology(type));
    }
  }
  return key;
}

void PathRunsCache::MakeRoom(uint64_t bytes) {
  while (bytes_ + bytes > bytes_max_ || entries_.size() >= kEntriesMax) {
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (it->second.making) continue;
      if (oldest == entries_.end() || it->second.used < oldest->second.used) oldest = it;
    }
    if (oldest == entries_.end()) return;
    if (oldest->second.runs != nullptr) bytes_ -= oldest->second.runs->bytes();
    entries_.erase(oldest);
  }
}

bool PathRunsCache::SkipsGivenUp(const Key& shape) {
  const auto found = given_up_.find(shape);
  if (found == given_up_.end() || found->second.left == 0) return false;
  --found->second.left;
  return true;
}

void PathRunsCache::NoteOutcome(const Key& shape, bool made) {
  if (made) {
    given_up_.erase(shape);
    return;
  }
  if (given_up_.size() >= kEntriesMax) given_up_.clear();
  GivenUp& given_up = given_up_[shape];
  given_up.skipped = std::min(kSkippedMax, given_up.skipped * 2 + 1);
  given_up.left = given_up.skipped;
}

std::shared_ptr<const RowRuns> PathRunsCache::Get(const graph::GraphView& view,
                                                  const Expander& expander, TableId from,
                                                  absl::Span<const Hop> hops,
                                                  absl::FunctionRef<absl::Status()> interrupted) {
  if (bytes_max_ == 0) return nullptr;
  const Key key = KeyOf(view, from, hops);
  const Key shape = ShapeOf(from, hops);
  {
    const MutexLock lock(&mutex_);
    if (!entries_.contains(key)) MakeRoom(0);
    Entry& entry = entries_[key];
    entry.used = ++ticks_;
    if (entry.made || entry.making) return entry.runs;
    const bool again = std::exchange(entry.asked, true);
    if (!again && view.relationships() > kRelationshipsAtOnce) return nullptr;
    if (SkipsGivenUp(shape)) return nullptr;
    entry.making = true;
  }
  absl::StatusOr<std::shared_ptr<const RowRuns>> runs =
      Maker(view, expander, hops).Make(from, bytes_max_, interrupted);
  const MutexLock lock(&mutex_);
  if (runs.ok() && *runs != nullptr) {
    MakeRoom((*runs)->bytes());
    bytes_ += (*runs)->bytes();
  }
  Entry& entry = entries_[key];
  entry.making = false;
  if (!runs.ok()) return nullptr;  // the next one that asks makes them
  entry.made = true;
  entry.runs = *std::move(runs);
  NoteOutcome(shape, entry.runs != nullptr);
  return entry.runs;
}

uint64_t PathRunsCache::bytes() const {
  const MutexLock lock(&mutex_);
  return bytes_;
}

}  // namespace twin::engine
