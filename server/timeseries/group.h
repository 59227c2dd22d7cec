// A series group: what it holds in memory. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_GROUP_H_
#define TWIN_SERVER_TIMESERIES_GROUP_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "server/timeseries/raw_chunk.h"
#include "server/timeseries/row_source.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

inline constexpr int64_t kNsPerDay = int64_t{86'400} * 1'000'000'000;
inline constexpr int64_t kNoTime = INT64_MIN;

// The partition of a time: days since 1970 (UTC), also before.
inline int64_t DayOf(int64_t time) { return time / kNsPerDay - (time % kNsPerDay < 0 ? 1 : 0); }

// The columns of a group of several, packed: 10 bytes a column of one series, with the vectors'
// ends.
class PackedSpec {
 public:
  explicit PackedSpec(const GroupSpec& spec);

  uint32_t columns() const { return columns_; }
  ColumnKind kind(uint32_t column) const { return static_cast<ColumnKind>(forms_[column] >> 4); }
  uint8_t decimals(uint32_t column) const { return forms_[column] & 15; }
  absl::Span<const SeriesKey> series(uint32_t column) const;
  size_t bytes() const;
  void Fetch() const {  // a hint: it is about to be read
    __builtin_prefetch(forms_.get());
    __builtin_prefetch(series_.get());
  }

 private:
  uint32_t columns_ = 0;
  std::unique_ptr<uint8_t[]> forms_;     // kind × 16 + decimals
  std::unique_ptr<SeriesKey[]> series_;  // of all columns
  std::unique_ptr<uint32_t[]> ends_;     // of each column; nullptr: each has one
};

// Late rows that are being collected: small blocks, and behind them what is not encoded yet.
struct Run {
  std::vector<MemoryBlockPtr> pieces;
  RawChunkPtr raw;
};

// What few groups have, or those that have much.
struct GroupParts {
  std::vector<RowSourcePtr> pieces;    // of the open block, in order, but its newest rows
  std::vector<RowSourcePtr> closed;    // of a day before, in order: no block was made of it yet
  const RawForm* form = nullptr;       // of the newest; nullptr: that of the group's kinds
  std::vector<MemoryBlockPtr> sealed;  // blocks that are in no file yet
  std::map<int64_t, Run> late;         // by day, in the order of arrival
};

// 48 bytes. The writer changes it, under the lock of the group's shard; others read under that
// lock. What the pointers lead to is immutable below the sizes that were read.
struct Group {
  std::unique_ptr<const PackedSpec> spec;  // nullptr: one column of one series
  SeriesKey key;                           // of that
  std::unique_ptr<GroupParts> parts;       // may be nullptr
  RawChunkPtr raw;                         // the newest rows of the open block
  int64_t last_time = kNoTime;             // of the rows in order; the writer's
  uint32_t changed_in = 0;                 // the checkpoint that has to look at it
  ColumnKind kind = ColumnKind::kDouble;
  uint8_t decimals = 0;
  // The writer's: so many rows make a piece of `raw`; sixteenths that the block is shorter by.
  uint8_t raw_rows = 0;
  uint8_t shorter = 0;

  uint32_t columns() const { return spec == nullptr ? 1 : spec->columns(); }
  ColumnKind kind_of(uint32_t column) const { return spec == nullptr ? kind : spec->kind(column); }
  uint8_t decimals_of(uint32_t column) const {
    return spec == nullptr ? decimals : spec->decimals(column);
  }
  GroupParts* mutable_parts() {
    if (parts == nullptr) parts = std::make_unique<GroupParts>();
    return parts.get();
  }
  GroupSpec Spec() const;
};

// The groups by number: places do not move. Thread-safe to read while the writer adds.
class Groups {
 public:
  Groups();
  ~Groups();

  uint32_t size() const { return size_.load(std::memory_order_acquire); }
  Group& operator[](GroupId id) {
    return pages_[id.value / kPage].load(std::memory_order_acquire)->groups[id.value % kPage];
  }
  const Group& operator[](GroupId id) const { return (*const_cast<Groups*>(this))[id]; }
  GroupId Add(Group group);
  size_t bytes() const;

 private:
  static constexpr uint32_t kPage = 4096;
  static constexpr uint32_t kPages = 1 << 14;
  struct Page {
    Group groups[kPage];
  };
  std::unique_ptr<std::atomic<Page*>[]> pages_;
  std::atomic<uint32_t> size_{0};
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_GROUP_H_
