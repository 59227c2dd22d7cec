#include "server/engine/series_reader.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/engine/reader_values.h"

namespace twin::engine {
namespace {

using query::SeriesRequest;
using query::SeriesRows;
using query::TypeKind;
using query::Vector;
using timeseries::ColumnValues;
using timeseries::ReadRequest;
using timeseries::ReadRows;

Vector ToVector(ColumnValues from, TypeKind kind) {
  Vector to;
  const size_t rows = std::max({from.ints.size(), from.doubles.size(), from.values.size()});
  if (kind == TypeKind::kDouble || kind == TypeKind::kInt || kind == TypeKind::kTime) {
    to.kind = kind;
    to.rows = rows;
    to.nulls = std::move(from.missing);
    if (kind == TypeKind::kDouble) {
      to.doubles = std::move(from.doubles);
      if (from.exact != timeseries::kNoDecimals) {
        to.decimals =
            from.exact == timeseries::kAnyDecimals ? int8_t{0} : static_cast<int8_t>(from.exact);
      }
    } else {
      to.ints = std::move(from.ints);
    }
    return to;
  }
  to.Reset(kind, rows);
  for (size_t row = 0; row < rows; ++row) {
    if (!from.missing.empty() && from.missing[row] != 0) {
      to.SetNull(row);
    } else if (kind == TypeKind::kBool) {
      to.bools[row] = from.ints[row] != 0 ? 1 : 0;
    } else {
      absl::string_view bytes = from.values[row];
      Value value;
      TWIN_CHECK(Value::Decode(&bytes, &value).ok());
      SetValue(value, row, &to);
    }
  }
  return to;
}

class HistoryReader final : public query::SeriesReader {
 public:
  HistoryReader(const SnapshotReader* graph, const timeseries::Store* history)
      : graph_(*graph), history_(*history), snapshot_(history->Pin(graph->sequence())) {}

  absl::Status Read(
      absl::Span<const SeriesRequest> requests,
      absl::FunctionRef<absl::Status(size_t request, SeriesRows rows)> visit) const override {
    std::vector<ReadRequest> reads;
    std::vector<std::vector<Target>> targets(requests.size());
    reads.reserve(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      reads.push_back(ToRead(requests[i], &targets[i]));
    }
    return snapshot_->Read(reads, [&](size_t i, ReadRows rows) -> absl::Status {
      return visit(i, ToRows(requests[i], reads[i], targets[i], std::move(rows)));
    });
  }

  void FindRecorded(absl::Span<const uint32_t> twins, absl::string_view path, int64_t from,
                    int64_t to, uint8_t* recorded) const override {
    timeseries::PathId id;
    if (history_.FindPath(path, &id)) history_.FindSeries(id, twins, recorded);
    FindPresent(twins, path, from, to, recorded);
  }

  // What cannot be summed up is read, in the order of requests.
  absl::Status Summarize(
      absl::Span<const query::SummaryRequest> requests,
      absl::FunctionRef<absl::Status(size_t request, query::SeriesSummary summary)> visit,
      query::SummaryCounts* counts) const override {
    for (size_t begin = 0; begin < requests.size();) {
      const size_t count = std::min(requests.size() - begin, AtOnce(requests[begin]));
      TWIN_RETURN_IF_ERROR(SummarizeSome(begin, requests.subspan(begin, count), visit, counts));
      begin += count;
    }
    return absl::OkStatus();
  }

  // Runs of twins of the same tables at once; requests that the history cannot answer together, one
  // by one.
  absl::Status SummarizeEach(
      const query::SummariesRequest& request,
      absl::FunctionRef<absl::Status(query::SeriesSummaries summaries)> visit,
      query::SummaryCounts* counts) const override {
    const size_t requests = request.columns.at(0).twins.size();
    std::vector<std::vector<graph::TwinPlace>> places;
    for (const auto& column : request.columns) places.push_back(PlacesOf(column.twins));
    for (size_t begin = 0; begin < requests;) {
      const auto is_like_first = [&](size_t i) {
        return std::all_of(places.begin(), places.end(),
                           [&](const std::vector<graph::TwinPlace>& of) {
                             return of[i].table == of[begin].table;
                           });
      };
      size_t end = begin + 1;
      while (end < requests && is_like_first(end)) ++end;
      TWIN_RETURN_IF_ERROR(
          SummarizeRun({.request = request, .visit = visit, .counts = counts}, places, begin, end));
      begin = end;
    }
    return absl::OkStatus();
  }

 private:
  struct Target {
    TypeKind kind = TypeKind::kNull;
    int series = -1;  // in the ReadRequest; none: it has never been recorded
    bool is_property = false;
    ColumnId column;
  };

  static constexpr TableId kNoTable = TableId(UINT32_MAX);  // of twins that have ended

  std::vector<graph::TwinPlace> PlacesOf(absl::Span<const uint32_t> twins) const {
    std::vector<graph::TwinPlace> places;
    places.reserve(twins.size());
    for (const uint32_t number : twins) {
      const TwinNumber twin(number);
      places.push_back(graph_.view().Exists(twin) ? graph_.view().PlaceOf(twin)
                                                  : graph::TwinPlace{kNoTable, 0});
    }
    return places;
  }

  // A call of SummarizeEach.
  struct EachCall {
    const query::SummariesRequest& request;
    absl::FunctionRef<absl::Status(query::SeriesSummaries summaries)> visit;
    query::SummaryCounts* counts;
  };

  SeriesRequest RequestOf(const query::SummariesRequest& request, size_t i) const {
    SeriesRequest one = request.of_each.rows;
    for (const auto& column : request.columns) {
      one.columns.push_back({TwinNumber(column.twins[i]), column.path});
    }
    return one;
  }

  // Requests [begin, end), whose twins are of the same tables.
  absl::Status SummarizeRun(const EachCall& call,
                            const std::vector<std::vector<graph::TwinPlace>>& places, size_t begin,
                            size_t end) const {
    for (const std::vector<graph::TwinPlace>& of : places) {
      if (of[begin].table == kNoTable) return SummarizeSingly(call, begin, end);
    }
    std::vector<Target> targets;
    const ReadRequest read = ToRead(RequestOf(call.request, begin), &targets);
    if (read.series.size() < targets.size()) return SummarizeSingly(call, begin, end);
    std::vector<uint8_t> recorded(end - begin, 1);
    for (size_t c = 0; c < targets.size(); ++c) {
      if (!targets[c].is_property) continue;
      const auto of = absl::MakeSpan(places[c]).subspan(begin, end - begin);
      const auto twins = call.request.columns[c].twins.subspan(begin, end - begin);
      TWIN_RETURN_IF_ERROR(FindUnrecorded(read, targets[c], twins, of, &recorded));
    }
    for (size_t i = begin; i < end;) {
      const uint8_t is_recorded = recorded[i - begin];
      size_t same = i + 1;
      while (same < end && recorded[same - begin] == is_recorded) ++same;
      TWIN_RETURN_IF_ERROR(is_recorded != 0 ? SummarizeTogether(call, read, targets, i, same)
                                            : SummarizeSingly(call, i, same));
      i = same;
    }
    return absl::OkStatus();
  }

  // Takes out those whose present value is in the window and not among the samples.
  absl::Status FindUnrecorded(const ReadRequest& read, const Target& target,
                              absl::Span<const uint32_t> twins,
                              absl::Span<const graph::TwinPlace> places,
                              std::vector<uint8_t>* recorded) const {
    std::vector<uint32_t> rows;
    rows.reserve(places.size());
    for (const graph::TwinPlace& place : places) rows.push_back(place.row);
    Vector times;
    graph_.ReadUpdateTimes(places[0].table, target.column, rows, /*arrival=*/false, &times);
    std::vector<uint32_t> indices;
    std::vector<ReadRequest::Series> series;
    std::vector<int64_t> at;
    for (uint32_t i = 0; i < rows.size(); ++i) {
      if (times.IsNull(i) || times.ints[i] < read.from || times.ints[i] >= read.to) continue;
      indices.push_back(i);
      series.push_back(read.series[static_cast<size_t>(target.series)]);
      series.back().key.twin = TwinNumber(twins[i]);
      at.push_back(times.ints[i]);
    }
    if (indices.empty()) return absl::OkStatus();
    std::vector<bool> have;
    TWIN_RETURN_IF_ERROR(snapshot_->HaveSamplesAt(series, at, &have));
    for (size_t i = 0; i < have.size(); ++i) {
      if (!have[i]) (*recorded)[indices[i]] = 0;
    }
    return absl::OkStatus();
  }

  absl::Status SummarizeTogether(const EachCall& call, const ReadRequest& read,
                                 const std::vector<Target>& targets, size_t begin,
                                 size_t end) const {
    timeseries::SummariesRequest asked;
    const query::SummaryRequest& each = call.request.of_each;
    for (size_t c = 0; c < targets.size(); ++c) {
      asked.columns.push_back({.twins = call.request.columns[c].twins.subspan(begin, end - begin),
                               .path = read.series[c].key.path,
                               .as = read.series[c].as});
    }
    asked.of_each = {.series = {},
                     .from = read.from,
                     .to = read.to,
                     .step = each.step,
                     .sums = each.sums,
                     .extremes = each.extremes,
                     .ends = each.ends};
    size_t single_begin = begin, single_end = begin;  // that have to be asked by themselves
    const auto ask_singles = [&]() -> absl::Status {
      const size_t from = single_begin;
      single_begin = single_end;
      return from == single_end ? absl::OkStatus() : SummarizeSingly(call, from, single_end);
    };
    timeseries::SummaryCounts by;
    TWIN_RETURN_IF_ERROR(snapshot_->SummarizeEach(
        asked,
        [&](timeseries::SummaryRows rows) -> absl::Status {
          if (absl::Status status = ask_singles(); !status.ok()) return status;
          query::SeriesSummaries summaries;
          summaries.requests = std::move(rows.requests);
          for (uint32_t& index : summaries.requests) index += static_cast<uint32_t>(begin);
          summaries.summary = ToSummary(asked.of_each, targets, std::move(rows));
          return call.visit(std::move(summaries));
        },
        [&](size_t i) -> absl::Status {
          if (single_end != begin + i) {
            if (absl::Status status = ask_singles(); !status.ok()) return status;
            single_begin = begin + i;
          }
          single_end = begin + i + 1;
          return absl::OkStatus();
        },
        &by));
    AddCounts(by, call.counts);
    return ask_singles();
  }

  absl::Status SummarizeSingly(const EachCall& call, size_t begin, size_t end) const {
    std::vector<query::SummaryRequest> requests;
    requests.reserve(end - begin);
    for (size_t i = begin; i < end; ++i) {
      requests.push_back(call.request.of_each);
      requests.back().rows = RequestOf(call.request, i);
    }
    return Summarize(
        requests,
        [&](size_t i, query::SeriesSummary summary) {
          query::SeriesSummaries one;
          one.requests.assign(summary.times.size(), static_cast<uint32_t>(begin + i));
          one.summary = std::move(summary);
          return call.visit(std::move(one));
        },
        call.counts);
  }

  // Twins of one table, and which they are of a call.
  struct OfTable {
    TableId table;
    const query::Column* column = nullptr;  // the path's; nullptr: none of its values counts
    std::vector<uint32_t> rows, indices;
  };

  // FindRecorded, of present values of properties and of twins that have ended.
  void FindPresent(absl::Span<const uint32_t> twins, absl::string_view path, int64_t from,
                   int64_t to, uint8_t* recorded) const {
    const auto& models = graph_.catalog().models();
    const bool may_be_present =
        std::any_of(models.begin(), models.end(), [&](const query::Model& model) {
          const query::Column* const found = model.Find(path);
          return found != nullptr && !found->telemetry;
        });
    if (!may_be_present) return;
    OfTable of;
    bool is_first = true;
    for (uint32_t i = 0; i < twins.size(); ++i) {
      if (recorded[i] != 0) continue;
      const TwinNumber twin(twins[i]);
      if (!graph_.view().Exists(twin)) {
        recorded[i] = 1;
        continue;
      }
      const graph::TwinPlace place = graph_.view().PlaceOf(twin);
      if (is_first || !(place.table == of.table)) {
        FindPresentOf(of, from, to, recorded);
        is_first = false;
        of = OfTable();
        of.table = place.table;
        of.column = graph_.catalog().model(place.table).Find(path);
        if (of.column != nullptr && of.column->telemetry) of.column = nullptr;
      }
      if (of.column == nullptr) continue;
      of.rows.push_back(place.row);
      of.indices.push_back(i);
    }
    FindPresentOf(of, from, to, recorded);
  }

  void FindPresentOf(const OfTable& of, int64_t from, int64_t to, uint8_t* recorded) const {
    if (of.rows.empty()) return;
    const query::Model& model = graph_.catalog().model(of.table);
    Vector times;
    graph_.ReadUpdateTimes(of.table,
                           ColumnId(static_cast<uint32_t>(of.column - model.columns.data())),
                           of.rows, /*arrival=*/false, &times);
    for (size_t i = 0; i < of.rows.size(); ++i) {
      if (times.IsNull(i) || times.ints[i] < from || times.ints[i] > to) continue;
      recorded[of.indices[i]] = 1;
    }
  }

  using VisitSummary =
      absl::FunctionRef<absl::Status(size_t request, query::SeriesSummary summary)>;

  // So many that their steps do not take much memory.
  static size_t AtOnce(const query::SummaryRequest& request) {
    constexpr uint64_t kStepsAtOnce = 1 << 20;
    constexpr size_t kWindowsAtOnce = 1024;
    if (request.step == 0) return kWindowsAtOnce;
    const uint64_t steps =
        (static_cast<uint64_t>(request.rows.to) - static_cast<uint64_t>(request.rows.from)) /
        static_cast<uint64_t>(request.step);
    return std::max<size_t>(1, kStepsAtOnce / (steps + 1));
  }

  absl::Status SummarizeSome(size_t first, absl::Span<const query::SummaryRequest> requests,
                             VisitSummary visit, query::SummaryCounts* counts) const {
    std::vector<timeseries::SummaryRequest> asked;
    std::vector<std::vector<Target>> targets(requests.size());
    Currents currents;
    asked.reserve(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      ReadRequest read = ToRead(requests[i].rows, &targets[i]);
      AddCurrents(i, requests[i].rows, read, targets[i], &currents);
      asked.push_back({.series = std::move(read.series),
                       .from = read.from,
                       .to = read.to,
                       .step = requests[i].step,
                       .sums = requests[i].sums,
                       .extremes = requests[i].extremes,
                       .ends = requests[i].ends});
    }
    TWIN_ASSIGN_OR_RETURN(std::vector<bool> possible, AreRecorded(currents, requests.size()));
    for (size_t i = 0; i < requests.size(); ++i) {
      if (!possible[i]) asked[i].series.clear();
    }
    std::vector<timeseries::SummaryRows> summaries(requests.size());
    timeseries::SummaryCounts by;
    TWIN_RETURN_IF_ERROR(snapshot_->Summarize(
        asked,
        [&](size_t i, timeseries::SummaryRows rows) {
          possible[i] = possible[i] && rows.possible;
          summaries[i] = std::move(rows);
          return absl::OkStatus();
        },
        &by));
    AddCounts(by, counts);
    for (size_t i = 0; i < requests.size();) {
      if (possible[i]) {
        TWIN_RETURN_IF_ERROR(
            visit(first + i, ToSummary(asked[i], targets[i], std::move(summaries[i]))));
        i += 1;
        continue;
      }
      const size_t begin = i;
      while (i < requests.size() && !possible[i]) ++i;
      TWIN_RETURN_IF_ERROR(
          SummarizeByRows(first + begin, requests.subspan(begin, i - begin), visit, counts));
    }
    return absl::OkStatus();
  }

  // Single samples, and roll-ups where those are kept no longer.
  absl::Status SummarizeByRows(size_t first, absl::Span<const query::SummaryRequest> requests,
                               VisitSummary visit, query::SummaryCounts* counts) const {
    std::vector<SeriesRequest> reads;
    std::vector<timeseries::SummaryRequest> asked;
    std::vector<std::vector<Target>> targets(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      reads.push_back(requests[i].rows);
      ReadRequest read = ToRead(requests[i].rows, &targets[i]);
      asked.push_back({.series = std::move(read.series),
                       .from = read.from,
                       .to = read.to,
                       .step = requests[i].step,
                       .sums = requests[i].sums,
                       .only_expired = true});
    }
    std::vector<timeseries::SummaryRows> expired(requests.size());
    timeseries::SummaryCounts by;
    TWIN_RETURN_IF_ERROR(snapshot_->Summarize(
        asked,
        [&](size_t i, timeseries::SummaryRows rows) {
          expired[i] = std::move(rows);
          return absl::OkStatus();
        },
        &by));
    AddCounts(by, counts);
    return Read(reads, [&](size_t i, SeriesRows rows) {
      counts->rows += rows.times.size();
      query::SeriesSummary summary = query::SummaryOfRows(std::move(rows));
      if (!expired[i].times.empty()) {
        AddExpired(ToSummary(asked[i], targets[i], std::move(expired[i])), &summary);
      }
      return visit(first + i, std::move(summary));
    });
  }

  static void AddCounts(const timeseries::SummaryCounts& by, query::SummaryCounts* counts) {
    counts->blocks += by.blocks;
    counts->rollup_rows += by.rollup_rows;
    counts->expired_rows += by.expired_rows;
    counts->cut_rows += by.cut_rows;
    counts->rows += by.rows;
    counts->skipped_blocks += by.skipped_blocks;
  }

  // Puts them among single samples, in the order of time. Sums of doubles become doubles.
  static void AddExpired(query::SeriesSummary expired, query::SeriesSummary* summary) {
    using query::SeriesSummary;
    std::vector<int64_t> times = std::move(expired.times);
    times.insert(times.end(), summary->times.begin(), summary->times.end());
    std::vector<int64_t> rows = std::move(expired.rows);
    rows.insert(rows.end(), summary->rows.begin(), summary->rows.end());
    std::vector<uint32_t> order(times.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return times[a] < times[b]; });
    summary->times.clear();
    summary->rows.clear();
    for (const uint32_t row : order) {
      summary->times.push_back(times[row]);
      summary->rows.push_back(rows[row]);
    }
    for (size_t c = 0; c < summary->columns.size(); ++c) {
      SeriesSummary::Column& from = expired.columns[c];
      SeriesSummary::Column& to = summary->columns[c];
      if (to.mins.kind == TypeKind::kDouble) {
        to.sums = to.mins;
        to.sums.decimals = -1;
      }
      for (Vector SeriesSummary::Column::*const part :
           {&SeriesSummary::Column::counts, &SeriesSummary::Column::sums,
            &SeriesSummary::Column::mins, &SeriesSummary::Column::maxs,
            &SeriesSummary::Column::firsts, &SeriesSummary::Column::lasts}) {
        (from.*part).Append(to.*part);
        to.*part = (from.*part).Take(order);
      }
    }
  }

  // Present values of properties in the windows of requests.
  struct Currents {
    std::vector<size_t> requests;
    std::vector<ReadRequest::Series> series;
    std::vector<int64_t> times;
    std::vector<size_t> unknown;  // requests whose property has never been recorded
  };

  void AddCurrents(size_t request, const SeriesRequest& rows, const ReadRequest& read,
                   const std::vector<Target>& targets, Currents* currents) const {
    for (size_t c = 0; c < targets.size(); ++c) {
      if (!targets[c].is_property) continue;
      const graph::Cell cell = graph_.CellOf(rows.columns[c].twin, targets[c].column);
      const int64_t time = cell.source_time.ns;
      if (cell.value.is_null() || time < read.from || time >= read.to) continue;
      if (targets[c].series < 0) {
        currents->unknown.push_back(request);
        continue;
      }
      currents->requests.push_back(request);
      currents->series.push_back(read.series[static_cast<size_t>(targets[c].series)]);
      currents->times.push_back(time);
    }
  }

  // Of each request whether its present values are all among the samples.
  absl::StatusOr<std::vector<bool>> AreRecorded(const Currents& currents, size_t requests) const {
    std::vector<bool> all(requests, true);
    std::vector<bool> have;
    TWIN_RETURN_IF_ERROR(snapshot_->HaveSamplesAt(currents.series, currents.times, &have));
    for (size_t i = 0; i < have.size(); ++i) {
      if (!have[i]) all[currents.requests[i]] = false;
    }
    for (const size_t request : currents.unknown) all[request] = false;
    return all;
  }

  static Vector SummaryVector(timeseries::SummaryColumn::Values values, TypeKind kind,
                              const std::vector<int64_t>& counts) {
    Vector vector;
    vector.kind = kind;
    vector.rows = counts.size();
    vector.doubles = std::move(values.doubles);
    vector.ints = std::move(values.ints);
    for (size_t row = 0; row < counts.size(); ++row) {
      if (counts[row] == 0) vector.SetNull(row);
    }
    return vector;
  }

  // Of no rows: nothing of the columns either.
  static query::SeriesSummary ToSummary(const timeseries::SummaryRequest& asked,
                                        const std::vector<Target>& targets,
                                        timeseries::SummaryRows rows) {
    query::SeriesSummary summary;
    if (rows.times.empty()) return summary;
    summary.times = std::move(rows.times);
    summary.rows = std::move(rows.rows);
    for (const Target& target : targets) {
      query::SeriesSummary::Column& column = summary.columns.emplace_back();
      column.counts.Reset(TypeKind::kInt, summary.times.size());
      column.sums.Reset(TypeKind::kInt, summary.times.size());
      column.sums.decimals = 0;
      if (target.series < 0) {
        if (rows.only_expired) column.sums.ResetToNull(target.kind, summary.times.size());
        for (Vector* const values : {&column.mins, &column.maxs, &column.firsts, &column.lasts}) {
          values->ResetToNull(target.kind, summary.times.size());
        }
        continue;
      }
      timeseries::SummaryColumn& from = rows.columns[static_cast<size_t>(target.series)];
      if (asked.extremes) {
        column.mins = SummaryVector(std::move(from.min), target.kind, from.counts);
        column.maxs = SummaryVector(std::move(from.max), target.kind, from.counts);
      }
      if (asked.ends) {
        column.firsts = SummaryVector(std::move(from.first), target.kind, from.counts);
        column.lasts = SummaryVector(std::move(from.last), target.kind, from.counts);
      }
      column.counts.ints = std::move(from.counts);
      if (!from.sums.empty()) column.sums.ints = std::move(from.sums);
      column.sums.decimals = static_cast<int8_t>(from.decimals);
      if (rows.only_expired && target.kind == TypeKind::kDouble) {
        column.sums = column.mins;  // in place of none
        if (!from.real_sums.empty()) column.sums.doubles = std::move(from.real_sums);
      }
    }
    return summary;
  }

  ReadRequest ToRead(const SeriesRequest& request, std::vector<Target>* targets) const {
    ReadRequest read;
    read.from = request.from_excluded && request.from < INT64_MAX ? request.from + 1 : request.from;
    read.to = request.to_included && request.to < INT64_MAX ? request.to + 1 : request.to;
    read.missing_rows = request.ends_of == 0;
    read.ends_of = request.ends_of;
    read.before_from = read.from;
    if (request.before_max > 0) {
      read.before_from = request.from < INT64_MIN + request.before_max
                             ? INT64_MIN
                             : request.from - request.before_max;
    }
    for (const SeriesRequest::Column& column : request.columns) {
      const bool is_bounded = request.bounds.column == static_cast<int>(targets->size());
      Target& target = targets->emplace_back();
      const query::Model& model = graph_.catalog().model(graph_.TableOf(column.twin));
      const query::Column* const found = model.Find(column.path);
      if (found == nullptr) continue;
      target.kind = found->type;
      target.is_property = !found->telemetry;
      target.column = ColumnId(static_cast<uint32_t>(found - model.columns.data()));
      timeseries::PathId path;
      if (!history_.FindPath(column.path, &path)) continue;
      target.series = static_cast<int>(read.series.size());
      if (is_bounded) {
        read.bounds = {.series = target.series,
                       .min = request.bounds.min,
                       .max = request.bounds.max,
                       .keeps_ends = request.bounds.keeps_ends};
      }
      read.series.push_back({{column.twin, path}, WantedFor(found->type)});
    }
    return read;
  }

  SeriesRows ToRows(const SeriesRequest& request, const ReadRequest& read,
                    const std::vector<Target>& targets, ReadRows rows) const {
    SeriesRows result;
    AddCounts(rows.counts, &result.counts);
    result.times = std::move(rows.times);
    result.columns.resize(targets.size());
    for (size_t c = 0; c < targets.size(); ++c) {
      Vector& column = result.columns[c];
      if (targets[c].series >= 0) {
        column = ToVector(std::move(rows.columns[static_cast<size_t>(targets[c].series)]),
                          targets[c].kind);
      } else {
        column.Reset(targets[c].kind, result.times.size());
        for (size_t row = 0; row < result.times.size(); ++row) column.SetNull(row);
      }
    }
    for (size_t c = 0; c < targets.size(); ++c) {
      if (targets[c].is_property) AddCurrent(request.columns[c].twin, read, targets[c], c, &result);
    }
    return result;
  }

  void AddCurrent(TwinNumber twin, const ReadRequest& read, const Target& target, size_t column,
                  SeriesRows* rows) const {
    const graph::Cell cell = graph_.CellOf(twin, target.column);
    if (cell.value.is_null()) return;
    const int64_t time = cell.source_time.ns;
    if (time >= read.to || time < std::min(read.from, read.before_from)) return;
    const auto at = std::lower_bound(rows->times.begin(), rows->times.end(), time);
    const auto row = static_cast<size_t>(at - rows->times.begin());
    if (at == rows->times.end() || *at != time) {
      // One from before the window counts only where there is no later one before it.
      if (time < read.from) {
        for (size_t i = row; i < rows->times.size() && rows->times[i] < read.from; ++i) {
          if (!rows->columns[column].IsNull(i)) return;
        }
      }
      InsertRow(row, time, rows);
    } else if (!rows->columns[column].IsNull(row)) {
      return;  // it has been recorded
    }
    SetValue(cell.value, row, &rows->columns[column]);
    rows->columns[column].decimals = -1;
  }

  static void InsertRow(size_t row, int64_t time, SeriesRows* rows) {
    const auto count = static_cast<uint32_t>(rows->times.size());
    rows->times.insert(rows->times.begin() + static_cast<std::ptrdiff_t>(row), time);
    std::vector<uint32_t> to;
    to.reserve(count);
    for (uint32_t i = 0; i < count; ++i) to.push_back(i < row ? i : i + 1);
    for (Vector& column : rows->columns) {
      Vector wider;
      wider.Reset(column.kind, count + 1);
      wider.blocks = column.blocks;
      wider.Scatter(column, to);
      wider.decimals = column.decimals;
      wider.SetNull(row);
      column = std::move(wider);
    }
  }

  const SnapshotReader& graph_;
  const timeseries::Store& history_;
  const std::shared_ptr<const timeseries::Snapshot> snapshot_;
};

}  // namespace

std::unique_ptr<query::SeriesReader> NewSeriesReader(const SnapshotReader* graph,
                                                     const timeseries::Store* history) {
  return std::make_unique<HistoryReader>(graph, history);
}

}  // namespace twin::engine
