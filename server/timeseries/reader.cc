#include "server/timeseries/reader.h"

#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"
#include "server/timeseries/conversion.h"
#include "server/timeseries/group.h"

namespace twin::timeseries {
namespace {

// What a call keeps decoded between its requests.
constexpr size_t kKeptBytesMax = 64 << 20;

ColumnValues Empty(WantedAs as) {
  ColumnValues values;
  values.kind = KindOf(as);
  values.exact = kAnyDecimals;
  return values;
}

// Whether all samples of a column can be had as what is wanted; false: maybe not.
bool AllFit(const ColumnForm& form, const ColumnStatistics& statistics, WantedAs as) {
  if (as == WantedAs::kValue) return true;
  switch (form.kind) {
    case ColumnKind::kDouble:
      return as == WantedAs::kDouble;
    case ColumnKind::kScaled:
    case ColumnKind::kInt:
      if (as == WantedAs::kInt) return form.decimals == 0;
      return form.decimals > 0 || (IsExact(statistics.min_int) && IsExact(statistics.max_int));
    case ColumnKind::kValue:
      return false;
  }
  return false;
}

// Takes away rows in which no column has a value.
void DropEmptyRows(ReadRows* rows) {
  const auto whole = [](const ColumnValues& column) { return column.missing.empty(); };
  if (std::any_of(rows->columns.begin(), rows->columns.end(), whole)) return;
  std::vector<uint32_t> kept;
  kept.reserve(rows->times.size());
  for (uint32_t i = 0; i < rows->times.size(); ++i) {
    const auto has = [i](const ColumnValues& column) { return column.missing[i] == 0; };
    if (std::any_of(rows->columns.begin(), rows->columns.end(), has)) kept.push_back(i);
  }
  if (kept.size() == rows->times.size()) return;
  std::vector<int64_t> times;
  times.reserve(kept.size());
  for (const uint32_t row : kept) times.push_back(rows->times[row]);
  rows->times = std::move(times);
  for (ColumnValues& column : rows->columns) {
    ColumnValues some;
    some.kind = column.kind;
    some.exact = kAnyDecimals;
    if (!kept.empty()) AppendConverted(column, kept, 0, 0, &some);
    column = std::move(some);
  }
}

// Puts a column of its own times on a longer axis that has them all.
void SpreadOver(const std::vector<int64_t>& from, const std::vector<int64_t>& to,
                ColumnValues* column) {
  if (from.size() == to.size()) return;
  ColumnValues spread;
  spread.kind = column->kind;
  spread.exact = kAnyDecimals;
  size_t at = 0;
  for (const int64_t time : to) {
    if (at < from.size() && from[at] == time) {
      AppendConverted(*column, {}, at, at + 1, &spread);
      at += 1;
    } else {
      AppendMissing(1, &spread);
    }
  }
  *column = std::move(spread);
}

void Append(ReadRows&& more, ReadRows* rows) {
  if (rows->times.empty()) {
    *rows = std::move(more);
    return;
  }
  rows->times.insert(rows->times.end(), more.times.begin(), more.times.end());
  for (size_t i = 0; i < rows->columns.size(); ++i) {
    AppendConverted(more.columns[i], {}, 0, more.times.size(), &rows->columns[i]);
  }
}

}  // namespace

Reader::Window Reader::WindowOf(const Places& places, int64_t from, int64_t to) {
  Window window{.groups = {}, .from = from, .to = to};
  window.groups.reserve(places.size());
  for (const Place& place : places) window.groups.push_back(place.group.value);
  std::sort(window.groups.begin(), window.groups.end());
  window.groups.erase(std::unique(window.groups.begin(), window.groups.end()), window.groups.end());
  return window;
}

Reader::Opened& Reader::Open(const Places& places, int64_t from, int64_t to) {
  // Neighbours are mostly of one group.
  if (last_ != nullptr && places.size() == 1 && last_->first.from == from &&
      last_->first.to == to && last_->first.groups.size() == 1 &&
      last_->first.groups[0] == places[0].group.value) {
    return last_->second;
  }
  const auto [found, added] = opened_.try_emplace(WindowOf(places, from, to));
  last_ = &*found;
  Opened& opened = found->second;
  if (!added) return opened;
  std::vector<RowSourcePtr> sources;
  for (const uint32_t group : found->first.groups) {
    sources.clear();
    view_.Find(GroupId{group}, from, to, &sources);
    opened.sources.reserve(opened.sources.size() + sources.size());
    for (RowSourcePtr& source : sources) {
      bytes_ += source->range().rows * 12;
      opened.sources.push_back(
          std::make_shared<VisibleRows>(std::move(source), GroupId{group}, view_.sequence_max()));
    }
  }
  std::sort(opened.sources.begin(), opened.sources.end(),
            [](const VisibleRowsPtr& a, const VisibleRowsPtr& b) {
              return a->range().last_time > b->range().last_time;
            });
  return opened;
}

absl::StatusOr<const Axis*> Reader::AxisOf(const Places& places, int64_t from, int64_t to) {
  Opened& opened = Open(places, from, to);
  if (opened.axis == nullptr) {
    auto axis = std::make_unique<Axis>();
    TWIN_RETURN_IF_ERROR(Axis::Create(opened.sources, from, to, axis.get()));
    bytes_ += axis->bytes();
    opened.axis = std::move(axis);
  }
  return opened.axis.get();
}

absl::Status Reader::ReadWindow(const ReadRequest& request, const std::vector<Places>& places,
                                ReadRows* rows) {
  std::vector<const Axis*> axes(places.size());
  bool same = true;
  for (size_t i = 0; i < places.size(); ++i) {
    TWIN_ASSIGN_OR_RETURN(axes[i], AxisOf(places[i], request.from, request.to));
    same &= axes[i] == axes[0];
  }
  if (same) {
    if (!axes.empty()) rows->times = axes[0]->times();
  } else {
    std::vector<const Axis*> each = axes;
    std::sort(each.begin(), each.end());
    each.erase(std::unique(each.begin(), each.end()), each.end());
    for (const Axis* axis : each) {
      std::vector<int64_t> both;
      both.reserve(rows->times.size() + axis->times().size());
      std::set_union(rows->times.begin(), rows->times.end(), axis->times().begin(),
                     axis->times().end(), std::back_inserter(both));
      rows->times = std::move(both);
    }
  }
  rows->columns.reserve(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    rows->columns.push_back(Empty(request.series[i].as));
    TWIN_RETURN_IF_ERROR(axes[i]->Read(places[i], &rows->columns.back()));
    SpreadOver(axes[i]->times(), rows->times, &rows->columns.back());
  }
  if (!request.missing_rows) DropEmptyRows(rows);
  return absl::OkStatus();
}

absl::Status Reader::FindLast(const Places& places, WantedAs as, int64_t from, int64_t to,
                              LastSample* sample) {
  if (places.empty()) return absl::OkStatus();
  for (const VisibleRowsPtr& source : Open(places, from, to).sources) {
    if (sample->found && source->range().last_time < sample->time) break;
    const Place* const place = PlaceIn(places, source->group());
    if (place == nullptr) continue;
    TWIN_RETURN_IF_ERROR(source->LoadSequences());
    const std::vector<int64_t>& times = source->times();
    auto row =
        static_cast<size_t>(std::lower_bound(times.begin(), times.end(), to) - times.begin());
    const auto worse = [&](size_t r) {
      return sample->found &&
             (times[r] < sample->time ||
              (times[r] == sample->time && source->sequence(r) <= sample->sequence));
    };
    if (row == 0 || times[row - 1] < from || worse(row - 1)) continue;
    TWIN_RETURN_IF_ERROR(source->ReadColumn(place->column, &column_));
    for (; row-- > 0 && times[row] >= from && !worse(row);) {
      if (IsMissing(column_, source->at(row))) continue;
      sample->found = true;
      sample->time = times[row];
      sample->sequence = source->sequence(row);
      sample->value = Empty(as);
      AppendConverted(column_, {}, source->at(row), source->at(row) + 1, &sample->value);
      break;
    }
  }
  return absl::OkStatus();
}

absl::Status Reader::FindFittingLast(const Places& places, WantedAs as, int64_t from, int64_t to,
                                     LastSample* sample) {
  TWIN_RETURN_IF_ERROR(FindLast(places, as, from, to, sample));
  // A sample that does not fit what is wanted stands all the same, as a missing one.
  if (sample->found && IsMissing(sample->value, 0)) sample->found = false;
  return absl::OkStatus();
}

absl::Status Reader::ReadBefore(const ReadRequest& request, const std::vector<Places>& places,
                                ReadRows* rows) {
  std::vector<LastSample> samples(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    TWIN_RETURN_IF_ERROR(FindFittingLast(places[i], request.series[i].as, request.before_from,
                                         request.from, &samples[i]));
    if (samples[i].found) rows->times.push_back(samples[i].time);
  }
  std::sort(rows->times.begin(), rows->times.end());
  rows->times.erase(std::unique(rows->times.begin(), rows->times.end()), rows->times.end());
  rows->columns.reserve(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    ColumnValues column = Empty(request.series[i].as);
    for (const int64_t time : rows->times) {
      if (samples[i].found && samples[i].time == time) {
        AppendConverted(samples[i].value, {}, 0, 1, &column);
      } else {
        AppendMissing(1, &column);
      }
    }
    rows->columns.push_back(std::move(column));
  }
  return absl::OkStatus();
}

absl::Status Reader::Read(const ReadRequest& request, ReadRows* rows) {
  *rows = ReadRows();
  Trim();
  std::vector<Places> places;
  places.reserve(request.series.size());
  for (const ReadRequest::Series& series : request.series) {
    places.push_back(view_.Find(series.key));
  }
  if (request.before_from < request.from) {
    TWIN_RETURN_IF_ERROR(ReadBefore(request, places, rows));
  }
  if (request.ends_of > 0) {
    TWIN_ASSIGN_OR_RETURN(const bool is_done, ReadEnds(request, places, rows));
    if (is_done) return absl::OkStatus();
  }
  bool is_done = false;
  if (request.bounds.series >= 0) {
    TWIN_ASSIGN_OR_RETURN(is_done, ReadWithin(request, places, rows));
  }
  if (!is_done) {
    ReadRows window;
    TWIN_RETURN_IF_ERROR(ReadWindow(request, places, &window));
    Append(std::move(window), rows);
  }
  TWIN_ASSIGN_OR_RETURN(rows->counts.cut_rows, CountExpired(places, request.from, request.to));
  return absl::OkStatus();
}

absl::StatusOr<bool> Reader::Last(SeriesKey key, WantedAs as, int64_t from, int64_t to,
                                  ReadRows* row) {
  *row = ReadRows();
  LastSample sample;
  TWIN_RETURN_IF_ERROR(FindFittingLast(view_.Find(key), as, from, to, &sample));
  if (!sample.found) return false;
  row->times.push_back(sample.time);
  row->columns.push_back(std::move(sample.value));
  return true;
}

absl::Status Reader::LastOfEach(absl::Span<const SeriesKey> keys, WantedAs as, int64_t to,
                                std::vector<int64_t>* times, ColumnValues* values) {
  times->clear();
  times->reserve(keys.size());
  *values = Empty(as);
  // Most series have a sample not long before; few need a look at all their blocks.
  const int64_t recent = to < INT64_MIN + kNsPerDay ? INT64_MIN : to - kNsPerDay;
  for (const SeriesKey& key : keys) {
    Trim();
    const Places places = view_.Find(key);
    LastSample sample;
    TWIN_RETURN_IF_ERROR(FindLast(places, as, recent, to, &sample));
    if (!sample.found && recent > INT64_MIN) {
      TWIN_RETURN_IF_ERROR(FindLast(places, as, INT64_MIN, recent, &sample));
    }
    times->push_back(sample.found ? sample.time : Snapshot::kNoSample);
    if (sample.found) {
      AppendConverted(sample.value, {}, 0, 1, values);
    } else {
      AppendMissing(1, values);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Reader::HasSampleAt(SeriesKey key, WantedAs as, int64_t time) {
  if (time == INT64_MAX) return false;
  Trim();
  const Places places = view_.Find(key);
  if (places.empty()) return false;
  for (const VisibleRowsPtr& source : Open(places, time, time + 1).sources) {
    const Place* const place = PlaceIn(places, source->group());
    if (place == nullptr) continue;
    TWIN_RETURN_IF_ERROR(source->Load());
    const std::vector<int64_t>& times = source->times();
    const auto found = std::equal_range(times.begin(), times.end(), time);
    if (found.first == found.second) continue;
    if (source->source().has_statistics()) {
      ColumnForm form;
      ColumnStatistics statistics;
      TWIN_RETURN_IF_ERROR(source->source().ReadStatistics(place->column, &form, &statistics));
      if (statistics.count == source->range().rows && AllFit(form, statistics, as)) return true;
    }
    TWIN_RETURN_IF_ERROR(source->ReadColumn(place->column, &column_));
    for (auto at = found.first; at != found.second; ++at) {
      const size_t row = source->at(static_cast<size_t>(at - times.begin()));
      if (IsMissing(column_, row)) continue;
      ColumnValues value = Empty(as);
      AppendConverted(column_, {}, row, row + 1, &value);
      if (!IsMissing(value, 0)) return true;
    }
  }
  return false;
}

void Reader::Trim() {
  if (bytes_ < kKeptBytesMax) return;
  last_ = nullptr;
  opened_.clear();
  summary_plans_.clear();
  last_plan_ = {};
  expired_.clear();
  rollup_axes_.clear();
  bytes_ = 0;
}

}  // namespace twin::timeseries
