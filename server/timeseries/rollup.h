// Roll-ups: rows of a group, one for each step in which it has samples. Internal to
// server/timeseries. docs/formats/history.md has the columns.
#ifndef TWIN_SERVER_TIMESERIES_ROLLUP_H_
#define TWIN_SERVER_TIMESERIES_ROLLUP_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/timeseries/partitions.h"
#include "server/timeseries/row_buffer.h"
#include "server/timeseries/row_source.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

// Columns of a roll-up: those of the rows, then so many of each column of the group.
enum class RollupOfRows : uint8_t { kRows, kFirstAt, kLastAt };
enum class RollupOfColumn : uint8_t { kCount, kSum, kMin, kMax, kFirst, kLast, kFirstAt, kLastAt };
inline constexpr uint32_t kRollupRowColumns = 3;
inline constexpr uint32_t kRollupColumns = 8;

inline uint32_t RollupColumn(uint32_t column, RollupOfColumn what) {
  return kRollupRowColumns + column * kRollupColumns + static_cast<uint32_t>(what);
}

// Of steps from 1970 on; 0: there are none.
inline int64_t StartOfStep(int64_t time, int64_t step) {
  return step == 0 ? 0 : time - ((time % step) + step) % step;
}

// Rows without the values that samples of the same series and time in other groups replaced: where
// samples are read those stand, and roll-ups of several groups are added up.
class Unreplaced {
 public:
  //   rows: in the order of (time, sequence); spec: of their group
  Unreplaced(RowBuffer rows, const GroupSpec& spec) : rows_(std::move(rows)), spec_(spec) {}

  // Rows of another group, `column` of which has `series`.
  absl::Status Take(const RowSource& other, uint32_t column, SeriesKey series);
  // After the last one. A value that is replaced for some of its column's series only stays.
  void Finish();

  const RowBuffer& rows() const { return rows_; }
  // 1: of a row nothing is left, other groups have its time; empty: there is no such row.
  const std::vector<uint8_t>& gone() const { return gone_; }

 private:
  RowBuffer rows_;
  const GroupSpec& spec_;
  absl::flat_hash_map<SeriesKey, std::vector<uint8_t>> replaced_;  // rows of those that have any
  std::vector<uint8_t> gone_;
};

// A roll-up of rows in the order of (time, sequence), of at least one. Of several rows with one
// time the last value stands, as when they are read.
//   gone: as of Unreplaced; what is so does not count as recorded
RowBuffer RollUp(const RowBuffer& rows, int64_t step, absl::Span<const uint8_t> gone = {});
// Whether a roll-up is worth its place: of the longest step always, of others if it is an eighth of
// the rows.
bool IsRollupWorthIt(const RowBuffer& rows, int64_t step);

// Adds the steps of from <= time < to that these blocks have of what is kept no longer: of each
// file those of its longest step, of blocks whose sequences are all up to `sequence_max`.
absl::Status CountRollupRows(const std::vector<RollupBlock>& blocks, uint64_t sequence_max,
                             int64_t from, int64_t to, uint64_t* rows);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_ROLLUP_H_
