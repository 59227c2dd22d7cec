// Records of samples, applied. Rows of one table go to history and to the latest values together,
// so that memory works on many of them at once; what is not plain telemetry goes one by one.
#include <algorithm>
#include <cstring>

#include "server/base/status_macros.h"
#include "server/ingest/property_history.h"
#include "server/ingest/telemetry_state.h"

namespace twin::ingest {

using timeseries::ColumnKind;
using timeseries::ColumnRows;
using timeseries::GroupId;
using timeseries::RowsOfGroups;
using timeseries::SeriesKey;

absl::Status TelemetryState::ApplySamples(absl::string_view bytes, Sequence first, uint64_t count,
                                          Sequence applied, graph::Graph* graph) {
  SamplesRecord& record = samples_;
  TWIN_RETURN_IF_ERROR(DecodeRecord(bytes, &record));
  uint64_t all = 0;
  for (const SampleRun& run : record.runs) all += run.twins.size();
  if (all != count || count == 0) return Damaged("the number of its rows", first);
  const Sequence last(first.value + count - 1);
  if (last <= applied) return absl::OkStatus();
  uint64_t at = first.value;
  for (const SampleRun& run : record.runs) {
    TWIN_RETURN_IF_ERROR(ApplyRun(run, Sequence(at), record.time, graph));
    at += run.twins.size();
  }
  Remember(record.producer, record.number, record.time);
  graph->Advance(last, record.time);
  return absl::OkStatus();
}

absl::Status TelemetryState::ApplyRun(const SampleRun& run, Sequence first, Time time,
                                      graph::Graph* graph) {
  const graph::GraphView& head = graph->head();
  const size_t count = run.twins.size();
  twin_places_.resize(count);
  head.FindPlaces(run.twins, twin_places_.data());
  row_sequences_.resize(count);
  for (size_t row = 0; row < count; ++row) row_sequences_[row] = first.value + row;
  row_groups_.resize(count);
  for (size_t row = 0; row < count;) {
    if (twin_places_[row].row == graph::GraphView::kNoRow) {
      ++row;
      continue;
    }
    // Rows of twins that are gone are passed over.
    const TableId table = twin_places_[row].table;
    size_t end = row + 1;
    while (end < count && (twin_places_[end].row == graph::GraphView::kNoRow ||
                           twin_places_[end].table == table)) {
      ++end;
    }
    FindColumns(run, table, head);
    AppendRows(run, row, end);
    SortRows(row, end);
    bool all_numbers = true;
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (columns_[c].is_number) SetLatestNumbers(run, c, table, time, graph);
      all_numbers = all_numbers && (columns_[c].is_number || columns_[c].schema == nullptr);
    }
    for (; row < end; ++row) {
      if (twin_places_[row].row == graph::GraphView::kNoRow) continue;
      if (all_numbers && row_groups_[row] != RowsOfGroups::kNone) continue;
      TWIN_RETURN_IF_ERROR(ApplyRow(run, row, time, graph));
    }
  }
  return absl::OkStatus();
}

void TelemetryState::FindColumns(const SampleRun& run, TableId table,
                                 const graph::GraphView& head) {
  const graph::TableSchema& schema = head.catalog().table(table);
  columns_.assign(run.columns.size(), SampleColumnPlace());
  in_rows_.clear();
  for (size_t c = 0; c < run.columns.size(); ++c) {
    const SampleRun::Column& from = run.columns[c];
    SampleColumnPlace& place = columns_[c];
    place.schema = schema.FindColumn(from.path);
    if (place.schema == nullptr) continue;
    place.column = schema.IdOf(*place.schema);
    place.kind = HistoryKindOf(place.schema->type);
    if (history_ == nullptr) continue;
    place.path = history_->AddPath(from.path);
    const bool is_known = std::any_of(in_rows_.begin(), in_rows_.end(), [&](size_t other) {
      return columns_[other].path == place.path;
    });
    place.in_rows = place.schema->telemetry && from.kind == place.kind &&
                    place.kind != ColumnKind::kValue && !is_known;
    place.is_number = place.in_rows && place.kind == ColumnKind::kDouble && !place.schema->indexed;
    if (place.in_rows) in_rows_.push_back(c);
  }
  // The same columns in another order are the same rows.
  std::sort(in_rows_.begin(), in_rows_.end(),
            [&](size_t a, size_t b) { return columns_[a].path < columns_[b].path; });
}

// Rows without a group afterwards go column by column.
void TelemetryState::AppendRows(const SampleRun& run, size_t begin, size_t end) {
  const auto groups = absl::MakeSpan(row_groups_).subspan(begin, end - begin);
  std::fill(groups.begin(), groups.end(), RowsOfGroups::kNone);
  if (in_rows_.empty()) return;
  form_.paths.clear();
  form_.kinds.clear();
  row_columns_.clear();
  for (const size_t c : in_rows_) {
    const SampleRun::Column& from = run.columns[c];
    form_.paths.push_back(columns_[c].path);
    form_.kinds.push_back(columns_[c].kind);
    ColumnRows& to = row_columns_.emplace_back();
    to.kind = from.kind;
    if (from.kind == ColumnKind::kDouble) {
      to.doubles = from.doubles.data() + begin;
    } else {
      to.ints = from.ints.data() + begin;
    }
    const uint8_t* const missing = from.missing.data() + begin;
    if (std::memchr(missing, 1, end - begin) != nullptr) to.missing = missing;
  }
  groups_of_rows_.Select(form_);
  for (size_t row = begin; row < end; ++row) {
    if (twin_places_[row].row == graph::GraphView::kNoRow) continue;
    row_groups_[row] = row > begin && run.twins[row] == run.twins[row - 1]
                           ? row_groups_[row - 1]
                           : groups_of_rows_.Find(run.twins[row], history_);
  }
  RowsOfGroups rows;
  rows.groups = groups;
  rows.times = absl::MakeConstSpan(run.times).subspan(begin, end - begin);
  rows.sequences = absl::MakeConstSpan(row_sequences_).subspan(begin, end - begin);
  rows.columns = row_columns_;
  history_->AppendEach(rows);
}

// Rows with a group, by where their twins are in the table.
void TelemetryState::SortRows(size_t begin, size_t end) {
  sorted_rows_.clear();
  bool ascending = true;
  for (size_t row = begin; row < end; ++row) {
    if (row_groups_[row] == RowsOfGroups::kNone) continue;
    ascending = ascending && (sorted_rows_.empty() ||
                              twin_places_[sorted_rows_.back()].row <= twin_places_[row].row);
    sorted_rows_.push_back(static_cast<uint32_t>(row));
  }
  if (ascending) return;
  std::stable_sort(sorted_rows_.begin(), sorted_rows_.end(), [&](uint32_t a, uint32_t b) {
    return twin_places_[a].row < twin_places_[b].row;
  });
}

void TelemetryState::SetLatestNumbers(const SampleRun& run, size_t column, TableId table, Time time,
                                      graph::Graph* graph) {
  constexpr uint32_t kPageRows = graph::GraphView::kPageRows;
  const SampleRun::Column& from = run.columns[column];
  int64_t source = 0;
  const auto flush = [&] {
    if (latest_rows_.empty()) return;
    graph->SetLatest(table, columns_[column].column, latest_rows_, latest_numbers_, time,
                     Time{source});
    latest_rows_.clear();
    latest_numbers_.clear();
  };
  for (size_t i = 0; i < sorted_rows_.size();) {
    const uint32_t at = twin_places_[sorted_rows_[i]].row;
    size_t newest = SIZE_MAX;
    for (; i < sorted_rows_.size() && twin_places_[sorted_rows_[i]].row == at; ++i) {
      const size_t row = sorted_rows_[i];
      if (from.missing[row] != 0) continue;
      if (newest == SIZE_MAX || run.times[row] >= run.times[newest]) newest = row;
    }
    if (newest == SIZE_MAX) continue;
    // A run is of one page and of one time.
    if (!latest_rows_.empty() &&
        (latest_rows_.back() / kPageRows != at / kPageRows || run.times[newest] != source)) {
      flush();
    }
    source = run.times[newest];
    latest_rows_.push_back(at);
    latest_numbers_.push_back(from.doubles[newest]);
  }
  flush();
}

// What of a row is not done yet.
absl::Status TelemetryState::ApplyRow(const SampleRun& run, size_t row, Time time,
                                      graph::Graph* graph) {
  const bool kept = !(row_groups_[row] == RowsOfGroups::kNone);
  for (size_t c = 0; c < columns_.size(); ++c) {
    const SampleColumnPlace& place = columns_[c];
    if (place.schema == nullptr || (kept && place.is_number)) continue;
    if (kept && place.in_rows) {
      SetLatest(run, row, c, time, graph);
    } else {
      TWIN_RETURN_IF_ERROR(ApplySample(run, row, c, Sequence(row_sequences_[row]), time, graph));
    }
  }
  return absl::OkStatus();
}

void TelemetryState::SetLatest(const SampleRun& run, size_t row, size_t column, Time time,
                               graph::Graph* graph) const {
  const SampleRun::Column& from = run.columns[column];
  if (from.missing[row] != 0) return;
  Value value = from.kind == ColumnKind::kDouble ? Value::Double(from.doubles[row])
                                                 : Value::Int(from.ints[row]);
  if (!ToColumn(columns_[column].schema->type, &value)) return;
  graph->SetLatest(run.twins[row], columns_[column].column, value, time, Time{run.times[row]});
}

absl::Status TelemetryState::ApplySample(const SampleRun& run, size_t row, size_t column,
                                         Sequence sequence, Time time, graph::Graph* graph) {
  const SampleRun::Column& from = run.columns[column];
  const SampleColumnPlace& place = columns_[column];
  const TwinNumber twin = run.twins[row];
  const graph::GraphView& head = graph->head();
  const graph::ColumnSchema& schema = *place.schema;
  const SeriesKey key{twin, place.path};
  const bool is_missing = from.missing[row] != 0;
  Value value;
  if (is_missing) {
    if (history_ == nullptr || !schema.telemetry) return absl::OkStatus();
  } else {
    if (from.kind == ColumnKind::kDouble) {
      value = Value::Double(from.doubles[row]);
    } else if (from.kind == ColumnKind::kInt) {
      value = Value::Int(from.ints[row]);
    } else {
      absl::string_view encoded = from.values[row];
      TWIN_RETURN_IF_ERROR(Value::Decode(&encoded, &value));
    }
    if (!ToColumn(schema.type, &value)) {
      return Damaged("a value of the wrong type", sequence);
    }
  }
  if (history_ != nullptr && (schema.telemetry || schema.traits.historized)) {
    if (!is_missing && !schema.telemetry)
      KeepBaseline(twin, from.path, Time{run.times[row]}, sequence, head);
    AppendSample(history_, key, place.kind, value, run.times[row], sequence, is_missing);
  }
  if (!is_missing && graph->SetLatest(twin, place.column, value, time, Time{run.times[row]}) &&
      !schema.telemetry) {
    graph->Touch(twin, sequence, time);
  }
  return absl::OkStatus();
}

}  // namespace twin::ingest
