#include "server/events/last_values.h"

#include <limits>
#include <string>

#include "server/base/status_macros.h"
#include "server/ingest/telemetry_state.h"

namespace twin::events {
namespace {

timeseries::WantedAs WantedAs(graph::ColumnType type) {
  switch (type) {
    case graph::ColumnType::kFloat:
    case graph::ColumnType::kDouble:
      return timeseries::WantedAs::kDouble;
    case graph::ColumnType::kBool:
    case graph::ColumnType::kInt32:
    case graph::ColumnType::kInt64:
    case graph::ColumnType::kTime:
      return timeseries::WantedAs::kInt;
    case graph::ColumnType::kString:
    case graph::ColumnType::kDocument:
      return timeseries::WantedAs::kValue;
  }
  return timeseries::WantedAs::kValue;
}

absl::StatusOr<Value> ValueOf(const timeseries::ColumnValues& column) {
  if (!column.missing.empty() && column.missing[0] != 0) return Value();
  switch (column.kind) {
    case timeseries::ColumnKind::kDouble:
      return Value::Double(column.doubles[0]);
    case timeseries::ColumnKind::kInt:
      return Value::Int(column.ints[0]);
    default: {
      Value value;
      absl::string_view bytes = column.values[0];
      TWIN_RETURN_IF_ERROR(Value::Decode(&bytes, &value));
      return value;
    }
  }
}

absl::Status ReadSeries(const timeseries::Snapshot& snapshot, timeseries::SeriesKey key,
                        graph::ColumnType type, int64_t time, LastValues::Series* series) {
  return ReadLast(snapshot, key, type, time, &series->time, &series->value).status();
}

}  // namespace

absl::StatusOr<bool> ReadLast(const timeseries::Snapshot& snapshot, timeseries::SeriesKey key,
                              graph::ColumnType type, int64_t time, int64_t* sample_time,
                              Value* value) {
  timeseries::ReadRows row;
  TWIN_ASSIGN_OR_RETURN(const bool found, snapshot.Last(key, WantedAs(type), time, &row));
  if (!found || row.times.empty()) return false;
  TWIN_ASSIGN_OR_RETURN(*value, ValueOf(row.columns[0]));
  *sample_time = row.times[0];
  if (!value->is_null()) ingest::ToColumn(type, value);
  return true;
}

Sequence LastValues::LostBefore(TwinNumber twin, absl::string_view path, Sequence first) const {
  Sequence lost(0);
  const MutexLock lock(&graph_.mutex);
  const graph::GraphView& head = graph_.graph.head();
  for (const graph::EndedTwin& life : head.MovesOf(twin)) {
    const bool has_path = head.catalog().table(life.table).FindColumn(path) != nullptr;
    if (!has_path && life.version < first) lost = std::max(lost, life.version);
  }
  return lost;
}

absl::Status LastValues::Load(timeseries::SeriesKey key, absl::string_view path,
                              graph::ColumnType type, Sequence first, Series* series) {
  const Sequence before(first.value - 1);
  if (snapshot_ == nullptr || !(snapshot_->sequence() == before)) snapshot_ = history_.Pin(before);
  series->is_loaded = true;
  TWIN_RETURN_IF_ERROR(
      ReadSeries(*snapshot_, key, type, std::numeric_limits<int64_t>::max(), series));
  const Sequence lost = LostBefore(key.twin, path, first);
  if (lost.value == 0 || series->time == std::numeric_limits<int64_t>::min()) {
    return absl::OkStatus();
  }
  Series then;
  TWIN_RETURN_IF_ERROR(
      ReadSeries(*history_.Pin(lost), key, type, std::numeric_limits<int64_t>::max(), &then));
  if (series->time > then.time) return absl::OkStatus();
  series->was_lost = true;
  series->time = std::numeric_limits<int64_t>::min();
  series->value = Value();
  return absl::OkStatus();
}

absl::Status LastValues::LoadBaseline(timeseries::SeriesKey key, graph::ColumnType type,
                                      Sequence sequence, Time sample, Series* series) {
  const std::shared_ptr<const timeseries::Snapshot> snapshot = history_.Pin(sequence);
  Series last;
  TWIN_RETURN_IF_ERROR(
      ReadSeries(*snapshot, key, type, std::numeric_limits<int64_t>::max(), &last));
  if (last.time <= sample.ns) {
    // Not the sample itself.
    last = Series();
    TWIN_RETURN_IF_ERROR(ReadSeries(*snapshot, key, type, sample.ns - 1, &last));
  }
  series->time = last.time;
  series->value = std::move(last.value);
  return absl::OkStatus();
}

void LastValues::Set(TwinNumber twin, timeseries::PathId path, const Value& value,
                     Time source_time) {
  const auto found = series_.find(timeseries::SeriesKey{twin, path});
  if (found == series_.end() || !found->second.is_loaded) return;
  found->second.value = value;
  found->second.time = source_time.ns;
}

absl::Status LastValues::Next(TwinNumber twin, timeseries::PathId path, graph::ColumnType type,
                              Sequence first, Sequence sequence, Series* series,
                              PathChange* change) {
  if (!series->is_recorded) {
    change->has_old = false;
    return absl::OkStatus();
  }
  if (!series->is_loaded) {
    TWIN_RETURN_IF_ERROR(Load({twin, path}, change->path, type, first, series));
    if (series->is_property && series->time == INT64_MIN && !series->was_lost) {
      TWIN_RETURN_IF_ERROR(LoadBaseline({twin, path}, type, sequence, change->source_time, series));
    }
  }
  change->late = change->source_time.ns < series->time;
  if (change->late) return absl::OkStatus();
  change->old_value = std::move(series->value);
  series->value = change->new_value;
  series->time = change->source_time.ns;
  return absl::OkStatus();
}

}  // namespace twin::events
