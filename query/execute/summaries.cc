// Summaries of a reader that has none: each row is one.
#include <cmath>
#include <cstring>
#include <utility>

#include "query/execute/readers.h"

namespace twin::query {
namespace {

constexpr double kPowers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

}  // namespace

SeriesSummary SummaryOfRows(SeriesRows rows) {
  SeriesSummary summary;
  const size_t count = rows.times.size();
  summary.times = std::move(rows.times);
  summary.rows.assign(count, 1);
  for (Vector& values : rows.columns) {
    SeriesSummary::Column& column = summary.columns.emplace_back();
    column.counts.Reset(TypeKind::kInt, count);
    for (size_t row = 0; row < count; ++row) column.counts.ints[row] = values.IsNull(row) ? 0 : 1;
    if (values.kind == TypeKind::kDouble && values.decimals >= 0) {
      column.sums.Reset(TypeKind::kInt, count);
      column.sums.decimals = values.decimals;
      for (size_t row = 0; row < count; ++row) {
        column.sums.ints[row] =
            values.IsNull(row) ? 0 : std::llround(values.doubles[row] * kPowers[values.decimals]);
      }
    } else {
      column.sums = values;
      if (values.kind == TypeKind::kInt) column.sums.decimals = 0;
    }
    column.mins = column.maxs = column.firsts = values;
    column.lasts = std::move(values);
  }
  return summary;
}

absl::Status SeriesReader::Summarize(
    absl::Span<const SummaryRequest> requests,
    absl::FunctionRef<absl::Status(size_t request, SeriesSummary summary)> visit,
    SummaryCounts* counts) const {
  std::vector<SeriesRequest> reads;
  reads.reserve(requests.size());
  for (const SummaryRequest& request : requests) reads.push_back(request.rows);
  return Read(reads, [&](size_t i, SeriesRows rows) {
    counts->rows += rows.times.size();
    return visit(i, SummaryOfRows(std::move(rows)));
  });
}

}  // namespace twin::query
