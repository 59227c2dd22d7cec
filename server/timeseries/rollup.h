// Roll-ups: rows of a group, one for each step in which it has samples. Internal to
// server/timeseries. docs/formats/history.md has the columns.
#ifndef TWIN_SERVER_TIMESERIES_ROLLUP_H_
#define TWIN_SERVER_TIMESERIES_ROLLUP_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "server/timeseries/partitions.h"
#include "server/timeseries/row_buffer.h"

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

// A roll-up of rows in the order of (time, sequence), of at least one. Of several rows with one
// time the last value stands, as when they are read.
RowBuffer RollUp(const RowBuffer& rows, int64_t step);
// Whether a roll-up is worth its place: of the longest step always, of others if it is an eighth of
// the rows.
bool IsRollupWorthIt(const RowBuffer& rows, int64_t step);

// Adds the steps of from <= time < to that these blocks have of what is kept no longer: of each
// file those of its longest step, of blocks whose sequences are all up to `sequence_max`.
absl::Status CountRollupRows(const std::vector<RollupBlock>& blocks, uint64_t sequence_max,
                             int64_t from, int64_t to, uint64_t* rows);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_ROLLUP_H_
