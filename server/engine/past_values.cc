#include "server/engine/past_values.h"

#include <algorithm>
#include <utility>

#include "server/engine/reader_values.h"

namespace twin::engine {
namespace {

using query::TypeKind;
using query::Vector;
using timeseries::ColumnValues;
using timeseries::SeriesKey;
using timeseries::WantedAs;

void SetSample(const ColumnValues& values, size_t at, size_t row, Vector* out) {
  if (!values.missing.empty() && values.missing[at] != 0) return out->SetNull(row);
  switch (out->kind) {
    case TypeKind::kDouble:
      return SetValue(Value::Double(values.doubles[at]), row, out);
    case TypeKind::kBool:
      return SetValue(Value::Bool(values.ints[at] != 0), row, out);
    case TypeKind::kInt:
      return SetValue(Value::Int(values.ints[at]), row, out);
    case TypeKind::kTime:
      return SetValue(Value::OfTime(Time{values.ints[at]}), row, out);
    default:
      return SetValue(DecodeDocument(values.values[at]), row, out);
  }
}

}  // namespace

PastValues::PastValues(const PastSources& sources, const PastTwins* twins, Time at)
    : view_(*sources.view),
      catalog_(*sources.catalog),
      history_(sources.history),
      twins_(*twins),
      at_(at) {
  if (history_ != nullptr) samples_ = history_->Pin(view_.sequence());
}

// A value that has not changed since is the one that it was. Of what is recorded the history
// knows the others.
PastColumn PastValues::Read(TableId table, ColumnId column, absl::Span<const uint32_t> rows) const {
  const query::Column& schema = catalog_.model(table).columns[column.value];
  const bool is_recorded = samples_ != nullptr && (schema.telemetry || schema.historized);
  PastColumn held;
  held.recorded.resize(rows.size());
  ReadLast(table, column, rows, &held);
  std::vector<uint32_t> changed;  // since then; or removed at some time
  for (uint32_t i = 0; i < rows.size(); ++i) {
    if (held.values.IsNull(i)) {
      if (is_recorded && !schema.telemetry) changed.push_back(i);
    } else if (held.times[i] > at_.ns) {
      changed.push_back(i);
    }
  }
  if (changed.empty()) return held;
  if (is_recorded) {
    ReadHistory(table, schema, rows, changed, &held);
  } else {
    for (const uint32_t row : changed) held.values.SetNull(row);
    held.unknown = std::move(changed);
  }
  return held;
}

// The present values, or those at the end.
void PastValues::ReadLast(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                          PastColumn* held) const {
  const TypeKind kind = catalog_.model(table).columns[column.value].type;
  const uint32_t present = view_.Rows(table);
  held->times.resize(rows.size());
  if (std::all_of(rows.begin(), rows.end(), [&](uint32_t row) { return row < present; })) {
    ReadInto(kind, rows.size(), &held->values, [&](const graph::ColumnBatch& batch) {
      view_.ReadColumn(table, column, rows, batch);
    });
    std::vector<uint8_t> nulls;
    view_.ReadTimes(table, column, rows, /*source=*/true, &nulls, held->times.data());
    return;
  }
  held->values.Reset(kind, rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const graph::Cell cell = twins_.CellAt(table, column, rows[i]);
    SetValue(cell.value, i, &held->values);
    held->times[i] = cell.source_time.ns;
  }
}

void PastValues::ReadHistory(TableId table, const query::Column& schema,
                             absl::Span<const uint32_t> rows, const std::vector<uint32_t>& changed,
                             PastColumn* held) const {
  timeseries::PathId path;
  const bool has_path = history_->FindPath(schema.path, &path);
  std::vector<SeriesKey> keys;
  if (has_path) {
    keys.reserve(changed.size());
    for (const uint32_t i : changed) keys.push_back({twins_.TwinAt(table, rows[i]), path});
  }
  const WantedAs as = WantedFor(schema.type);
  std::vector<int64_t> times;
  ColumnValues values;
  const absl::Status status = samples_->LastOfEach(keys, as, at_.ns, &times, &values);
  if (!status.ok()) {
    const MutexLock lock(&error_mutex_);
    error_.Update(status);
  }
  for (size_t k = 0; k < changed.size(); ++k) {
    const uint32_t i = changed[k];
    const bool was_null = held->values.IsNull(i);
    if (!status.ok() || !has_path || times[k] == timeseries::Snapshot::kNoSample) {
      held->values.SetNull(i);
      // Nothing before the first change, unless that was dropped.
      const bool may_be_gone = view_.past_begin().ns > INT64_MIN &&
                               twins_.BeginAt(table, rows[i]).ns < history_->dropped_before();
      if (!was_null && may_be_gone) held->unknown.push_back(i);
      continue;
    }
    SetSample(values, k, i, &held->values);
    held->times[i] = times[k];
    held->recorded[i] = 1;
  }
}

absl::Status PastValues::error() const {
  const MutexLock lock(&error_mutex_);
  return error_;
}

}  // namespace twin::engine
