// Samples summed up: what aggregates need of many rows, without the rows.
#ifndef TWIN_SERVER_TIMESERIES_SUMMARIES_H_
#define TWIN_SERVER_TIMESERIES_SUMMARIES_H_

#include <cstdint>
#include <vector>

#include "server/timeseries/samples.h"

namespace twin::timeseries {

// Lengths of steps of which roll-ups are kept, longest first.
inline constexpr int64_t kRollupSteps[] = {int64_t{3600} * 1'000'000'000,
                                           int64_t{60} * 1'000'000'000};

// Of the samples of one series in some rows. An array is left empty that is not of the kind: of
// kDouble `doubles`, of kInt `ints`.
struct SummaryColumn {
  struct Values {
    std::vector<double> doubles;
    std::vector<int64_t> ints;
  };
  ColumnKind kind = ColumnKind::kDouble;  // kDouble or kInt
  std::vector<int64_t> counts;            // of samples; the rest means nothing where it is 0
  Values min, max, first, last;           // if asked for
  std::vector<int64_t> sums;              // if asked for: in units of 10^-decimals, exactly
  uint8_t decimals = 0;
  // Of kDouble instead, of only_expired: to within rounding; NaN where no sum is kept.
  std::vector<double> real_sums;
};

// In the order of time; a step may come several times, in parts that follow each other.
struct SummaryRows {
  // False: the samples cannot be summed up exactly, and have to be read.
  bool possible = true;
  bool only_expired = false;   // as asked for
  std::vector<int64_t> times;  // where the step begins; of no steps, a time within
  std::vector<int64_t> rows;   // times at which some series was recorded, be it as missing
  std::vector<SummaryColumn> columns;
  std::vector<uint32_t> requests;  // of SummarizeEach: which one each row is of
};

// What summing up had to look at, where it was possible.
struct SummaryCounts {
  uint64_t blocks = 0;        // whose statistics were enough
  uint64_t rollup_rows = 0;   // of roll-ups
  uint64_t rows = 0;          // that were read, since nothing else knew
  uint64_t expired_rows = 0;  // of the roll-ups: whose samples are kept no longer
  // Of roll-ups, left out: their samples are kept no longer, and the window has them only in part,
  // its steps are no multiples of theirs, or single samples were asked for.
  uint64_t cut_rows = 0;
  uint64_t skipped_blocks = 0;  // that statistics say to have nothing within the bounds

  void Add(const SummaryCounts& other) {
    blocks += other.blocks;
    rollup_rows += other.rollup_rows;
    rows += other.rows;
    expired_rows += other.expired_rows;
    cut_rows += other.cut_rows;
    skipped_blocks += other.skipped_blocks;
  }
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_SUMMARIES_H_
