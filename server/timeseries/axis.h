// One time axis over the rows of some groups in a window: how blocks that follow each other are put
// together, and blocks that overlap are merged. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_AXIS_H_
#define TWIN_SERVER_TIMESERIES_AXIS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/timeseries/block.h"
#include "server/timeseries/series_index.h"
#include "server/timeseries/visible_rows.h"

namespace twin::timeseries {

// Thread-compatible.
class Axis {
 public:
  // Of from <= time < to.
  static absl::Status Create(absl::Span<const VisibleRowsPtr> sources, int64_t from, int64_t to,
                             Axis* axis);

  // Ascending, each once.
  const std::vector<int64_t>& times() const { return times_; }
  // The values of a series, which is in these columns: one for each time, as what `values->kind`
  // says. Of several samples of a time that with the greatest sequence.
  absl::Status Read(absl::Span<const Place> places, ColumnValues* values) const;
  size_t bytes() const;

 private:
  struct Piece {
    VisibleRowsPtr source;
    size_t begin = 0, end = 0;  // of visible rows
    int64_t first() const { return source->times()[begin]; }
    int64_t last() const { return source->times()[end - 1]; }
  };
  struct Row {
    uint32_t piece = 0;
    uint32_t row = 0;  // visible
  };
  // Pieces [begin, end) overlap: of times [starts_begin, …) each has rows [starts_[i],
  // starts_[i + 1]) of `merged_`, by sequence. A single piece that ascends has none.
  struct Part {
    size_t begin = 0, end = 0;
    size_t starts_begin = 0, starts_end = 0;
    bool merges = false;
  };
  absl::Status Merge(Part* part);
  absl::Status ReadMerged(const Part& part, absl::Span<const Place> places,
                          ColumnValues* values) const;

  std::vector<int64_t> times_;
  std::vector<Piece> pieces_;
  std::vector<Part> parts_;
  std::vector<Row> merged_;
  std::vector<uint32_t> starts_;
};

// The place in the group of a source; nullptr: it has none there.
const Place* PlaceIn(absl::Span<const Place> places, GroupId group);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_AXIS_H_
