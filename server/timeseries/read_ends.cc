// Samples of which not all are needed: the first and the last ones of steps, from roll-ups and
// statistics of blocks, and from rows where those do not know them; those within bounds, without
// the blocks whose statistics say that they have none.
#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/timeseries/conversion.h"
#include "server/timeseries/group.h"
#include "server/timeseries/reader.h"
#include "server/timeseries/rollup.h"

namespace twin::timeseries {

// Samples of one series, at times of their own.
struct Reader::Ends {
  std::vector<int64_t> times;
  ColumnValues values;

  // False: it is none, or does not fit what is wanted.
  bool Add(const ColumnValues& from, size_t row, int64_t time) {
    if (IsMissing(from, row)) return false;
    times.push_back(time);
    AppendConverted(from, {}, row, row + 1, &values);
    return !IsMissing(values, times.size() - 1);
  }
  // In the order of time, each once: of several that which was added last.
  void Sort() {
    const auto goes_back = [](int64_t a, int64_t b) { return a >= b; };
    if (std::adjacent_find(times.begin(), times.end(), goes_back) == times.end()) return;
    std::vector<uint32_t> order(times.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [this](uint32_t a, uint32_t b) { return times[a] < times[b]; });
    std::vector<uint32_t> kept;
    std::vector<int64_t> sorted;
    for (const uint32_t row : order) {
      if (!sorted.empty() && sorted.back() == times[row]) {
        kept.back() = row;
        continue;
      }
      kept.push_back(row);
      sorted.push_back(times[row]);
    }
    times = std::move(sorted);
    ColumnValues ordered = Like();
    AppendConverted(values, kept, 0, 0, &ordered);
    values = std::move(ordered);
  }
  // On a longer axis that has all its times.
  void SpreadOver(const std::vector<int64_t>& axis) {
    if (axis.size() == times.size()) return;
    ColumnValues spread = Like();
    size_t at = 0;
    for (const int64_t time : axis) {
      if (at < times.size() && times[at] == time) {
        AppendConverted(values, {}, at, at + 1, &spread);
        at += 1;
      } else {
        AppendMissing(1, &spread);
      }
    }
    values = std::move(spread);
  }

 private:
  ColumnValues Like() const {
    ColumnValues like;
    like.kind = values.kind;
    like.exact = kAnyDecimals;
    return like;
  }
};

// Answers one request.
class Reader::EndsReader {
 public:
  EndsReader(Reader* reader, const ReadRequest& request, const std::vector<Places>& places)
      : reader_(*reader), request_(request), places_(places), ends_(places.size()) {
    for (size_t c = 0; c < places.size(); ++c) {
      ends_[c].values.kind = KindOf(request.series[c].as);
      ends_[c].values.exact = kAnyDecimals;
    }
  }

  // False: some of it cannot be told without its rows.
  absl::StatusOr<bool> Run(const SummaryPlan& plan, ReadRows* rows) {
    counts_.cut_rows = plan.cut_rows;
    for (const SummaryPart& part : plan.parts) TWIN_RETURN_IF_ERROR(AddExpired(part));
    // Of what stands at one time, samples that there are stand before those of roll-ups.
    AddSamples(*rows);
    int64_t from = 0, to = 0;  // of rows that follow each other
    for (const SummaryPart& part : plan.parts) {
      if (!part.expired.empty()) continue;
      bool is_read = part.block == nullptr && part.rollup == nullptr;
      Interval interval{part.from, part.to};
      if (part.block != nullptr) {
        TWIN_ASSIGN_OR_RETURN(const bool is_known, AddBlock(*part.block));
        is_read = !is_known;
        interval = {part.block->range().first_time, part.block->range().last_time + 1};
      } else if (part.rollup != nullptr) {
        TWIN_ASSIGN_OR_RETURN(const bool is_known, AddRollup(part));
        if (!is_known) return false;
      }
      if (is_read) {
        if (from == to) from = interval.from;
        to = interval.to;
        continue;
      }
      TWIN_RETURN_IF_ERROR(AddRead(from, to));
      from = to = 0;
    }
    TWIN_RETURN_IF_ERROR(AddRead(from, to));
    *rows = TakeRows();
    return true;
  }

  // Rows within the bounds, and others. False: too few blocks are left out.
  absl::StatusOr<bool> RunWithin(std::vector<VisibleRowsPtr> sources, uint64_t sequence_max,
                                 ReadRows* rows) {
    std::sort(sources.begin(), sources.end(), [](const VisibleRowsPtr& a, const VisibleRowsPtr& b) {
      return a->range().first_time < b->range().first_time;
    });
    constexpr uint64_t kWorthIt = 4;  // a part of the rows
    std::vector<bool> skips(sources.size());
    uint64_t rows_of_all = 0, skipped_rows = 0;
    int64_t last_before = INT64_MIN;
    for (size_t i = 0; i < sources.size(); ++i) {
      const RowRange& range = sources[i]->range();
      rows_of_all += range.rows;
      const bool overlaps =
          (i > 0 && range.first_time <= last_before) ||
          (i + 1 < sources.size() && sources[i + 1]->range().first_time <= range.last_time);
      last_before = std::max(last_before, range.last_time);
      if (overlaps) continue;
      TWIN_ASSIGN_OR_RETURN(const bool can_be_skipped, IsOutside(*sources[i], sequence_max));
      skips[i] = can_be_skipped;
      if (can_be_skipped) skipped_rows += range.rows;
    }
    if (skipped_rows == 0 || skipped_rows * kWorthIt < rows_of_all) return false;
    AddSamples(*rows);
    int64_t from = 0, to = 0;  // of blocks that follow each other
    for (size_t i = 0; i < sources.size(); ++i) {
      const RowRange& range = sources[i]->range();
      if (!skips[i]) {
        const bool begins = from == to;
        if (begins) from = range.first_time;
        to = begins ? range.last_time + 1 : std::max(to, range.last_time + 1);
        continue;
      }
      TWIN_RETURN_IF_ERROR(AddRead(from, to));
      from = to = 0;
      counts_.skipped_blocks += 1;
      if (!request_.bounds.keeps_ends) continue;
      TWIN_ASSIGN_OR_RETURN(const bool is_known, AddBlock(*sources[i]));
      TWIN_CHECK(is_known);
    }
    TWIN_RETURN_IF_ERROR(AddRead(from, to));
    counts_.blocks = counts_.rows = 0;
    *rows = TakeRows();
    return true;
  }

 private:
  // Whether the statistics of a block, all of whose rows are at times of their own, say that no row
  // is within the bounds.
  absl::StatusOr<bool> IsOutside(const VisibleRows& block, uint64_t sequence_max) const {
    const ReadRequest::Bounds& bounds = request_.bounds;
    const RowRange& range = block.range();
    if (!block.source().has_statistics()) return false;
    const Place* const place = PlaceIn(places_[static_cast<size_t>(bounds.series)], block.group());
    if (place == nullptr) return !bounds.keeps_ends;
    ColumnForm form;
    ColumnStatistics s;
    TWIN_RETURN_IF_ERROR(block.source().ReadStatistics(place->column, &form, &s));
    // Its ends are those of the statistics, if the snapshot and the window have all of it.
    const bool has_ends =
        range.last_sequence <= sequence_max && IsWithin(range.first_time) &&
        IsWithin(range.last_time) &&
        NameEnds(form, s, range.rows, request_.series[static_cast<size_t>(bounds.series)].as);
    if (bounds.keeps_ends && !has_ends) return false;
    if (s.count == 0) return true;
    double min = s.min_double, max = s.max_double;
    switch (form.kind) {
      case ColumnKind::kDouble:
        if (s.has_nan) return false;  // which is above all numbers
        break;
      case ColumnKind::kScaled:
      case ColumnKind::kInt:
        if (!IsExact(s.min_int) || !IsExact(s.max_int)) return false;
        min = ScaledToDouble(s.min_int, form.decimals);
        max = ScaledToDouble(s.max_int, form.decimals);
        break;
      case ColumnKind::kValue:
        return false;
    }
    return max < bounds.min || min > bounds.max;
  }

  // Whether the first and the last row of a block have the first and the last value that these
  // statistics name, which are as wanted, down to the sign of zero.
  static bool NameEnds(const ColumnForm& form, const ColumnStatistics& s, uint32_t rows,
                       WantedAs as) {
    if (s.count < rows) return false;
    switch (form.kind) {
      case ColumnKind::kDouble:
        return as == WantedAs::kDouble && !s.has_nan && s.first_double != 0 && s.last_double != 0;
      case ColumnKind::kScaled:
      case ColumnKind::kInt:
        return as == WantedAs::kDouble ? IsExact(s.first_int) && IsExact(s.last_int)
                                       : as == WantedAs::kInt && form.decimals == 0;
      case ColumnKind::kValue:
        return false;
    }
    return false;
  }
  bool IsWithin(int64_t time) const { return time >= request_.from && time < request_.to; }

  // The first and the last samples of steps. False: some are no numbers, or not such ones.
  absl::StatusOr<bool> AddRow(const RowSourcePtr& rollup, uint32_t column, size_t first,
                              size_t last, bool is_expired, Ends* ends) {
    TWIN_ASSIGN_OR_RETURN(const RollupAxis* const axis, reader_.AxisOfRollup(rollup));
    const auto read = [&](RollupOfColumn what, ColumnValues* values) {
      return rollup->ReadColumn(RollupColumn(column, what), values);
    };
    TWIN_RETURN_IF_ERROR(read(RollupOfColumn::kCount, &count_));
    TWIN_RETURN_IF_ERROR(read(RollupOfColumn::kFirst, &first_));
    TWIN_RETURN_IF_ERROR(read(RollupOfColumn::kLast, &last_));
    TWIN_RETURN_IF_ERROR(read(RollupOfColumn::kFirstAt, &first_at_));
    TWIN_RETURN_IF_ERROR(read(RollupOfColumn::kLastAt, &last_at_));
    const int64_t from = is_expired ? std::min(request_.from, request_.before_from) : request_.from;
    for (size_t row = first; row < last; ++row) {
      if (count_.ints[row] == 0) continue;
      const int64_t begin = axis->times[row];
      const int64_t last_time = begin + axis->last_at.ints[row] - last_at_.ints[row];
      if (last_time < from) continue;
      if (IsMissing(first_, row)) return false;
      const int64_t first_time = begin + axis->first_at.ints[row] + first_at_.ints[row];
      const auto add = [&](const ColumnValues& values, int64_t time) {
        return time < from || time >= request_.to || ends->Add(values, row, time);
      };
      // Of one that does not fit, another one in its place may.
      if (!add(first_, first_time)) return false;
      if (last_time > first_time && !add(last_, last_time)) return false;
    }
    return true;
  }

  absl::StatusOr<bool> AddRollup(const SummaryPart& part) {
    counts_.rollup_rows += part.last_row - part.first_row;
    for (size_t c = 0; c < places_.size(); ++c) {
      const Place* const place = PlaceIn(places_[c], part.group);
      if (place == nullptr) continue;
      TWIN_ASSIGN_OR_RETURN(const bool is_known,
                            AddRow(part.rollup, place->column, part.first_row, part.last_row,
                                   /*is_expired=*/false, &ends_[c]));
      if (!is_known) return false;
    }
    return true;
  }

  // What is no number is not known any more.
  absl::Status AddExpired(const SummaryPart& part) {
    counts_.rollup_rows += part.expired.size();
    counts_.expired_rows += part.expired.size();
    for (const ExpiredRow& row : part.expired) {
      for (size_t c = 0; c < places_.size(); ++c) {
        const Place* const place = PlaceIn(places_[c], row.group);
        if (place == nullptr) continue;
        TWIN_ASSIGN_OR_RETURN(const bool is_known,
                              AddRow(row.rollup, place->column, row.row, row.row + 1,
                                     /*is_expired=*/true, &ends_[c]));
        if (!is_known) counts_.cut_rows += 1;
      }
    }
    return absl::OkStatus();
  }

  // By statistics. False: they do not know all of it.
  absl::StatusOr<bool> AddBlock(const VisibleRows& block) {
    const RowRange& range = block.range();
    std::vector<ColumnForm> forms(places_.size());
    std::vector<ColumnStatistics> statistics(places_.size());
    for (size_t c = 0; c < places_.size(); ++c) {
      const Place* const place = PlaceIn(places_[c], block.group());
      if (place == nullptr) continue;
      ColumnStatistics& s = statistics[c];
      TWIN_RETURN_IF_ERROR(block.source().ReadStatistics(place->column, &forms[c], &s));
      if (s.count > 0 && !NameEnds(forms[c], s, range.rows, request_.series[c].as)) return false;
    }
    counts_.blocks += 1;
    for (size_t c = 0; c < places_.size(); ++c) {
      const ColumnStatistics& s = statistics[c];
      if (s.count == 0) continue;
      ColumnValues both;
      both.kind = forms[c].kind;
      both.decimals = forms[c].decimals;
      if (both.kind == ColumnKind::kDouble) {
        both.doubles = {s.first_double, s.last_double};
      } else {
        both.ints = {s.first_int, s.last_int};
      }
      if (IsWithin(range.first_time)) ends_[c].Add(both, 0, range.first_time);
      if (range.rows > 1 && IsWithin(range.last_time)) ends_[c].Add(both, 1, range.last_time);
    }
    return true;
  }

  absl::Status AddRead(int64_t from, int64_t to) {
    const ReadRequest read{.series = request_.series,
                           .from = std::max(from, request_.from),
                           .to = std::min(to, request_.to)};
    if (read.from >= read.to) return absl::OkStatus();
    ReadRows rows;
    TWIN_RETURN_IF_ERROR(reader_.ReadWindow(read, places_, &rows));
    counts_.rows += rows.times.size();
    AddSamples(rows);
    return absl::OkStatus();
  }

  void AddSamples(const ReadRows& rows) {
    for (size_t c = 0; c < rows.columns.size(); ++c) {
      const ColumnValues& column = rows.columns[c];
      if (column.missing.empty()) {
        ends_[c].times.insert(ends_[c].times.end(), rows.times.begin(), rows.times.end());
        AppendConverted(column, {}, 0, rows.times.size(), &ends_[c].values);
        continue;
      }
      for (size_t row = 0; row < rows.times.size(); ++row) {
        ends_[c].Add(column, row, rows.times[row]);
      }
    }
  }

  ReadRows TakeRows() {
    ReadRows rows;
    for (Ends& ends : ends_) {
      ends.Sort();
      if (rows.times == ends.times) continue;
      std::vector<int64_t> both;
      std::set_union(rows.times.begin(), rows.times.end(), ends.times.begin(), ends.times.end(),
                     std::back_inserter(both));
      rows.times = std::move(both);
    }
    for (Ends& ends : ends_) {
      ends.SpreadOver(rows.times);
      rows.columns.push_back(std::move(ends.values));
    }
    rows.counts = counts_;
    return rows;
  }

  Reader& reader_;
  const ReadRequest& request_;
  const std::vector<Places>& places_;
  std::vector<Ends> ends_;  // by series
  SummaryCounts counts_;
  ColumnValues count_, first_, last_, first_at_, last_at_;  // of AddRow: their memory is used again
};

absl::StatusOr<bool> Reader::ReadEnds(const ReadRequest& request, const std::vector<Places>& places,
                                      ReadRows* rows) {
  const int64_t step = request.ends_of;
  const bool has_texts =
      std::any_of(request.series.begin(), request.series.end(),
                  [](const ReadRequest::Series& series) { return series.as == WantedAs::kValue; });
  const bool is_far = request.from < INT64_MIN + step || request.to > INT64_MAX - step;
  if (has_texts || is_far || request.from >= request.to) return false;
  SummaryRequest asked;
  asked.series = request.series;
  // The value at a step that the window begins with is the last one of the step before.
  const bool looks_back = request.before_from < request.from && view_.has_expired();
  asked.from = StartOfStep(looks_back ? request.from - 1 : request.from, step);
  asked.to = StartOfStep(request.to - 1, step) + step;
  asked.step = step;
  TWIN_ASSIGN_OR_RETURN(const SummaryPlan* const plan, PlanOf(places, asked));
  return EndsReader(this, request, places).Run(*plan, rows);
}

absl::StatusOr<bool> Reader::ReadWithin(const ReadRequest& request,
                                        const std::vector<Places>& places, ReadRows* rows) {
  Places all;
  for (const Places& of : places) all.insert(all.end(), of.begin(), of.end());
  return EndsReader(this, request, places)
      .RunWithin(Open(all, request.from, request.to).sources, view_.sequence_max(), rows);
}

absl::StatusOr<const Reader::RollupAxis*> Reader::AxisOfRollup(const RowSourcePtr& rollup) {
  const auto [found, added] = rollup_axes_.try_emplace(rollup.get());
  if (!added) return &found->second;
  RollupAxis axis;
  axis.source = rollup;
  const auto read = [&](RollupOfRows what, ColumnValues* values) {
    return rollup->ReadColumn(static_cast<uint32_t>(what), values);
  };
  absl::Status status = rollup->ReadTimes(&axis.times);
  if (status.ok()) status = read(RollupOfRows::kFirstAt, &axis.first_at);
  if (status.ok()) status = read(RollupOfRows::kLastAt, &axis.last_at);
  if (!status.ok()) {
    rollup_axes_.erase(found);
    return status;
  }
  bytes_ += axis.times.size() * 24 + sizeof(axis);
  found->second = std::move(axis);
  return &found->second;
}

absl::StatusOr<uint64_t> Reader::CountExpired(const std::vector<Places>& places, int64_t from,
                                              int64_t to) {
  if (!view_.has_expired()) return 0;
  Places all;
  for (const Places& of : places) all.insert(all.end(), of.begin(), of.end());
  const auto [found, added] = expired_.try_emplace(WindowOf(all, from, to), 0);
  if (!added) return found->second;
  for (const uint32_t group : found->first.groups) {
    std::vector<RollupBlock> blocks;
    view_.FindRollups(GroupId{group}, from, to, &blocks);
    TWIN_RETURN_IF_ERROR(CountRollupRows(blocks, view_.sequence_max(), from, to, &found->second));
  }
  return found->second;
}

}  // namespace twin::timeseries
