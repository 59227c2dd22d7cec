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

}  // namespace

absl::Status LastValues::Load(timeseries::SeriesKey key, graph::ColumnType type, Sequence first,
                              Series* series) {
  const Sequence before(first.value - 1);
  if (snapshot_ == nullptr || !(snapshot_->sequence() == before)) snapshot_ = history_.Pin(before);
  series->is_loaded = true;
  timeseries::ReadRows row;
  TWIN_ASSIGN_OR_RETURN(
      const bool found,
      snapshot_->Last(key, WantedAs(type), std::numeric_limits<int64_t>::max(), &row));
  if (!found || row.times.empty()) return absl::OkStatus();
  TWIN_ASSIGN_OR_RETURN(series->value, ValueOf(row.columns[0]));
  series->time = row.times[0];
  if (!series->value.is_null()) ingest::ToColumn(type, &series->value);
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
                              Sequence first, Series* series, PathChange* change) {
  if (!series->is_recorded) {
    change->has_old = false;
    return absl::OkStatus();
  }
  if (!series->is_loaded) TWIN_RETURN_IF_ERROR(Load({twin, path}, type, first, series));
  change->late = change->source_time.ns < series->time;
  if (change->late) return absl::OkStatus();
  change->old_value = std::move(series->value);
  series->value = change->new_value;
  series->time = change->source_time.ns;
  return absl::OkStatus();
}

}  // namespace twin::events
