// What a reader of samples does that has nothing better: each row is a summary.
#include <algorithm>
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

void SeriesReader::FindRecorded(absl::Span<const uint32_t> twins, absl::string_view /*path*/,
                                int64_t /*from*/, int64_t /*to*/, uint8_t* recorded) const {
  std::fill_n(recorded, twins.size(), uint8_t{1});
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

absl::Status SeriesReader::SummarizeEach(
    const SummariesRequest& request,
    absl::FunctionRef<absl::Status(SeriesSummaries summaries)> visit, SummaryCounts* counts) const {
  std::vector<SummaryRequest> requests(request.columns.at(0).twins.size(), request.of_each);
  for (const SummariesRequest::Column& column : request.columns) {
    for (size_t i = 0; i < requests.size(); ++i) {
      requests[i].rows.columns.push_back({TwinNumber(column.twins[i]), column.path});
    }
  }
  return Summarize(
      requests,
      [&](size_t i, SeriesSummary summary) {
        SeriesSummaries one;
        one.requests.assign(summary.times.size(), static_cast<uint32_t>(i));
        one.summary = std::move(summary);
        return visit(std::move(one));
      },
      counts);
}

}  // namespace twin::query
