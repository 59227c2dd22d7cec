// Which columns of which groups hold a series. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_SERIES_INDEX_H_
#define TWIN_SERVER_TIMESERIES_SERIES_INDEX_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
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

// Of many twins and a path, where the series of twins[index] is.
struct FoundPlace {
  uint32_t index = 0;
  Place place;
};

// Thread-safe. In parts, so that no insertion moves many entries.
//
//   path, twin / 1024 ─▶ Range ─▶ 16 × (bits of the 64 twins that have a series │ their places)
class SeriesIndex {
 public:
  void Add(SeriesKey key, Place place);
  Places Find(SeriesKey key) const;  // in the order in which they were added
  // The same for the one thread that adds.
  Places FindAsWriter(SeriesKey key) const ABSL_NO_THREAD_SAFETY_ANALYSIS;
  bool Has(SeriesKey key) const;
  // A hint of the one thread that adds: it is about to look for the series.
  void Fetch(SeriesKey key) const ABSL_NO_THREAD_SAFETY_ANALYSIS;
  // Appends the places of all of them, by index. Cost: about 1 ns a twin where neighbours have
  // numbers near each other.
  void FindEach(PathId path, absl::Span<const uint32_t> twins,
                std::vector<FoundPlace>* found) const;
  size_t size() const;   // series
  size_t bytes() const;  // about

 private:
  static constexpr size_t kParts = 64;
  static constexpr uint32_t kSeveral = UINT32_MAX;
  static constexpr uint32_t kTwinsOfWord = 64;
  static constexpr uint32_t kTwinsOfRange = 1024;
  struct Word {
    uint64_t has = 0;  // bit i: its twin i
    // Of each bit that is set, ascending; room for the next power of two of them. kSeveral as the
    // group: the column is an index of `several`.
    std::unique_ptr<Place[]> places;

    bool Has(uint32_t twin) const { return (has >> twin % kTwinsOfWord & 1) != 0; }
    Place& At(uint32_t twin) const;  // which it has
  };
  struct Range {
    std::array<Word, kTwinsOfRange / kTwinsOfWord> words;
    Word& Of(uint32_t twin) { return words[twin % kTwinsOfRange / kTwinsOfWord]; }
  };
  struct Part {
    mutable Mutex mutex;
    // The twin of a key is that of the range's first one / kTwinsOfRange.
    absl::flat_hash_map<SeriesKey, std::unique_ptr<Range>> ranges ABSL_GUARDED_BY(mutex);
    std::vector<std::vector<Place>> several ABSL_GUARDED_BY(mutex);
    size_t size ABSL_GUARDED_BY(mutex) = 0;         // series
    size_t place_bytes ABSL_GUARDED_BY(mutex) = 0;  // of all words
  };
  static SeriesKey RangeOf(PathId path, uint32_t twin) {
    return {TwinNumber(twin / kTwinsOfRange), path};
  }
  static size_t PartOf(SeriesKey range) {
    return (range.twin.value + range.path.value * 7) % kParts;
  }

  std::array<Part, kParts> parts_;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_SERIES_INDEX_H_
