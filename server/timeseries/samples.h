// Words of the time series: which series there are, what columns hold them, rows to be added.
#ifndef TWIN_SERVER_TIMESERIES_SAMPLES_H_
#define TWIN_SERVER_TIMESERIES_SAMPLES_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/ids.h"

namespace twin::timeseries {

// A path of contents, "soh.value", as the Store numbers it.
struct PathId {
  uint32_t value = 0;
  friend auto operator<=>(PathId, PathId) = default;
};

// The samples of one path of one twin. Twin numbers are stable and never given again.
struct SeriesKey {
  TwinNumber twin;
  PathId path;
  friend bool operator==(const SeriesKey&, const SeriesKey&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const SeriesKey& key) {
    return H::combine(std::move(hash), key.twin.value, key.path.value);
  }
};

// How a column keeps its values.
enum class ColumnKind : uint8_t {
  kScaled = 1,  // decimal readings: an integer / 10^decimals
  kDouble,      // any double, bit for bit
  kInt,         // integers, Booleans as 0 and 1, times in nanoseconds
  kValue,       // anything: the bytes of a Value (server/base/value.h)
};

inline constexpr int kDecimalsMax = 9;

// One measured quantity. Several twins may share it: parallel cells, cells near one probe.
struct ColumnSpec {
  ColumnKind kind = ColumnKind::kDouble;
  uint8_t decimals = 0;  // of kScaled, up to kDecimalsMax
  std::vector<SeriesKey> series;
};

// A series group: columns with one time axis, such as a version of a frame layout. Immutable.
struct GroupSpec {
  std::vector<ColumnSpec> columns;
};

// Groups of a series whose samples come with those of other series.
inline constexpr size_t kRowGroupsMax = 4;

struct GroupId {
  uint32_t value = 0;
  friend auto operator<=>(GroupId, GroupId) = default;
};

// Values of a column for a number of rows; of the arrays only the one of its kind is set.
struct ColumnRows {
  ColumnKind kind = ColumnKind::kDouble;
  uint8_t decimals = 0;
  const int32_t* scaled = nullptr;  // kScaled; beyond 32 bits: `ints`
  const int64_t* ints = nullptr;    // kInt
  const double* doubles = nullptr;
  const absl::string_view* values = nullptr;
  const uint8_t* missing = nullptr;  // 1: the row has no value; nullptr: all have one
  friend bool operator==(const ColumnRows&, const ColumnRows&) = default;
};

// So many columns that are alike, whose arrays lie one behind the other: `first` is the first one.
// Where `missing` is set, some of them may be complete all the same.
struct ColumnRun {
  ColumnRows first;
  uint32_t columns = 0;
  friend bool operator==(const ColumnRun&, const ColumnRun&) = default;
};

// Rows of one group, in the order of arrival.
struct Rows {
  GroupId group;
  absl::Span<const int64_t> times;        // source times, nanoseconds since 1970
  absl::Span<const uint64_t> sequences;   // never falling
  absl::Span<const ColumnRows> columns;   // all of the group's
  absl::Span<const ColumnRun> runs = {};  // a hint: the same as runs; none: nothing is known of it
};

// Rows of several groups in the order of arrival: row i is one of groups[i], or of none. All these
// groups have so many columns.
struct RowsOfGroups {
  static constexpr GroupId kNone{UINT32_MAX};
  absl::Span<const GroupId> groups;
  absl::Span<const int64_t> times;
  absl::Span<const uint64_t> sequences;
  absl::Span<const ColumnRows> columns;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_SAMPLES_H_
