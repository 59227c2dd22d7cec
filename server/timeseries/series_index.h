// Which columns of which groups hold a series. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_SERIES_INDEX_H_
#define TWIN_SERVER_TIMESERIES_SERIES_INDEX_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "server/base/sync.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

// A column of a group.
struct Place {
  GroupId group;
  uint32_t column = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};
using Places = absl::InlinedVector<Place, 2>;

// Thread-safe. In parts, so that no insertion moves many entries.
class SeriesIndex {
 public:
  void Add(SeriesKey key, Place place);
  Places Find(SeriesKey key) const;  // in the order in which they were added
  // The same for the one thread that adds.
  Places FindAsWriter(SeriesKey key) const ABSL_NO_THREAD_SAFETY_ANALYSIS;
  bool Has(SeriesKey key) const;
  // A hint of the one thread that adds: it is about to look for the series.
  void Fetch(SeriesKey key) const ABSL_NO_THREAD_SAFETY_ANALYSIS {
    parts_[PartOf(key)].places.prefetch(key);
  }
  size_t size() const;   // series
  size_t bytes() const;  // about

 private:
  static constexpr size_t kParts = 64;
  static constexpr uint32_t kSeveral = UINT32_MAX;
  struct Part {
    mutable Mutex mutex;
    // kSeveral as the group: the column is an index of `several`.
    absl::flat_hash_map<SeriesKey, Place> places ABSL_GUARDED_BY(mutex);
    std::vector<std::vector<Place>> several ABSL_GUARDED_BY(mutex);
  };
  static size_t PartOf(SeriesKey key) { return (key.twin.value / 16 + key.path.value) % kParts; }

  std::array<Part, kParts> parts_;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_SERIES_INDEX_H_
