// What the samples of a column come to in a stretch of time, from whatever says it: statistics,
// roll-ups, rows. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_FIGURES_H_
#define TWIN_SERVER_TIMESERIES_FIGURES_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "server/timeseries/block.h"
#include "server/timeseries/row_source.h"
#include "server/timeseries/samples.h"
#include "server/timeseries/store.h"
#include "server/timeseries/summaries.h"

namespace twin::timeseries {

// The columns of a roll-up that are about one column. first_at and last_at are there of what is
// expired.
struct RolledUp {
  ColumnValues count, sum, min, max, first, last, first_at, last_at;
};

// What one column comes to in one part.
struct Figures {
  int64_t count = 0;
  double min_double = 0, max_double = 0, first_double = 0, last_double = 0;
  int64_t min_int = 0, max_int = 0, first_int = 0, last_int = 0;
  int64_t sum = 0;
  uint8_t decimals = 0;
  // Of what is expired.
  double real_sum = 0;
  int64_t first_at = 0, last_at = 0;
};

// Appends a row to a column, but no sum.
void Append(const Figures& figures, const SummaryRequest& request, SummaryColumn* column);

// False: the statistics do not say exactly what the rows would.
bool FromStatistics(const ColumnForm& form, const ColumnStatistics& s, ColumnKind wanted, bool sums,
                    Figures* figures);
// Of a column in blocks that follow each other, whose sums they are. False: the same.
struct ColumnOfBlock {
  const BlockSums* sums = nullptr;
  uint32_t column = 0;
};
bool FromSums(absl::Span<const ColumnOfBlock> blocks, const SummaryRequest& request,
              ColumnKind wanted, Figures* figures);
bool FromRollup(const RolledUp& from, size_t row, ColumnKind wanted, bool sums, Figures* figures);
// What a roll-up says when there are no samples to ask: as doubles, what is no integer. A count of
// 0 if its values are not of that kind. OUT_OF_RANGE: there is no sum of integers.
absl::Status FromExpired(const RolledUp& from, size_t row, ColumnKind wanted, bool sums,
                         Figures* figures);
// Rows [begin, end) of what was read; false: their sum is not known exactly.
bool FromRows(const ColumnValues& values, size_t begin, size_t end, bool sums, Figures* figures);

// Two that say something about one column at overlapping times. False: the sum is not exact.
bool Join(const Figures& more, Figures* all);
// Takes what comes behind it in time. Their sum fits.
void Follow(const Figures& more, Figures* all);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_FIGURES_H_
