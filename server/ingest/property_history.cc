#include "server/ingest/property_history.h"

#include <algorithm>
#include <optional>

namespace twin::ingest {
namespace {

using timeseries::ColumnKind;
using timeseries::ColumnRows;
using timeseries::PathId;
using timeseries::SeriesKey;

constexpr PathId kNoPath{UINT32_MAX};

int64_t AsInt(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kBool:
      return value.as_bool() ? 1 : 0;
    case Value::Kind::kTime:
      return value.as_time().ns;
    default:
      return value.as_int();
  }
}

bool IsKept(const graph::ColumnSchema& schema) {
  return !schema.telemetry && schema.traits.historized;
}

bool IsInObject(const graph::ColumnSchema& schema) {
  return schema.content != nullptr && schema.schema != schema.content->schema;
}

}  // namespace

ColumnKind HistoryKindOf(graph::ColumnType type) {
  switch (type) {
    case graph::ColumnType::kFloat:
    case graph::ColumnType::kDouble:
      return ColumnKind::kDouble;
    case graph::ColumnType::kBool:
    case graph::ColumnType::kInt32:
    case graph::ColumnType::kInt64:
    case graph::ColumnType::kTime:
      return ColumnKind::kInt;
    case graph::ColumnType::kString:
    case graph::ColumnType::kDocument:
      return ColumnKind::kValue;
  }
  return ColumnKind::kValue;
}

// Groups of a kind other than what is asked for are groups of their own.
void AppendSample(timeseries::Store* history, SeriesKey key, ColumnKind kind, const Value& value,
                  int64_t time, Sequence sequence, bool missing) {
  ColumnRows column;
  const auto is_missing = static_cast<uint8_t>(missing ? 1 : 0);
  if (missing) column.missing = &is_missing;
  column.kind = kind;
  double number = 0;
  int64_t integer = 0;
  std::string bytes;
  absl::string_view view;
  switch (kind) {
    case ColumnKind::kDouble:
      if (!missing) number = value.as_double();
      column.doubles = &number;
      break;
    case ColumnKind::kInt:
      if (!missing) integer = AsInt(value);
      column.ints = &integer;
      break;
    default:
      value.AppendTo(&bytes);
      view = bytes;
      column.values = &view;
  }
  const uint64_t at = sequence.value;
  timeseries::Rows rows;
  rows.group = history->GroupOfSeries(key, kind);
  rows.times = absl::MakeConstSpan(&time, 1);
  rows.sequences = absl::MakeConstSpan(&at, 1);
  rows.columns = absl::MakeConstSpan(&column, 1);
  history->Append(rows);
}

PathId PropertyHistory::PathOf(const graph::GraphView& head, const graph::TableSchema& table,
                               ColumnId column, timeseries::Store* history) {
  if (catalog_ != head.shared_catalog()) {
    catalog_ = head.shared_catalog();
    paths_.clear();
    paths_.resize(catalog_->tables().size());
  }
  std::vector<PathId>& paths = paths_[table.id.value];
  if (paths.empty()) paths.assign(table.columns.size(), kNoPath);
  PathId& path = paths[column.value];
  if (path == kNoPath) path = history->AddPath(table.columns[column.value].path);
  return path;
}

void PropertyHistory::BeforeSet(absl::Span<const Change> changes, Sequence sequence,
                                const graph::GraphView& head, timeseries::Store* history) {
  const graph::TableSchema& table = head.TableOf(TwinNumber(changes[0].number));
  kept_.clear();
  for (const Change& change : changes) {
    const graph::ColumnSchema& schema = table.columns[change.column];
    if (!IsKept(schema)) continue;
    kept_.push_back({&schema, PathOf(head, table, ColumnId(change.column), history), &change});
  }
  const absl::Span<const Kept> kept = kept_;
  for (size_t begin = 0; begin < kept.size();) {
    const graph::ColumnSchema& first = *kept[begin].schema;
    size_t end = begin + 1;
    while (IsInObject(first) && end < kept.size() && kept[end].schema->content == first.content) {
      ++end;
    }
    const absl::Span<const Kept> object = kept.subspan(begin, end - begin);
    if (object.size() < 2 || !KeepTogether(object, sequence, head, history)) {
      for (const Kept& each : object) KeepOne(each, sequence, head, history);
    }
    begin = end;
  }
}

void PropertyHistory::KeepOne(const Kept& kept, Sequence sequence, const graph::GraphView& head,
                              timeseries::Store* history) {
  const Change& change = *kept.change;
  const SeriesKey key{TwinNumber(change.number), kept.path};
  if (!history->Has(key)) {
    const graph::Cell before = head.Get(key.twin, ColumnId(change.column));
    if (before.value.is_null())
      return;  // a first value needs none: the graph has it, with its time
    // What is set at the same source time takes its place.
    if (!(before.source_time == change.source_time)) {
      AppendSample(history, key, ColumnKind::kValue, before.value, before.source_time.ns, sequence);
    }
  }
  AppendSample(history, key, ColumnKind::kValue, change.new_value, change.source_time.ns, sequence);
}

bool PropertyHistory::KeepTogether(absl::Span<const Kept> kept, Sequence sequence,
                                   const graph::GraphView& head, timeseries::Store* history) {
  const TwinNumber twin(kept[0].change->number);
  series_.clear();
  kinds_.clear();
  values_.clear();
  for (const Kept& each : kept) {
    if (each.change->new_value.is_null()) return false;  // which a number's column cannot say
    series_.push_back({twin, each.path});
    kinds_.push_back(HistoryKindOf(each.schema->type));
  }
  std::optional<timeseries::GroupId> group = history->FindGroupOfRows(series_, kinds_);
  if (!group.has_value()) {
    // What was there is a row, too, if it came together and is in no history yet.
    before_.clear();
    Time time;
    for (size_t i = 0; i < kept.size(); ++i) {
      if (history->Has(series_[i])) continue;
      graph::Cell before = head.Get(twin, ColumnId(kept[i].change->column));
      if (before.value.is_null()) return false;
      if (!before_.empty() && !(before.source_time == time)) return false;
      time = before.source_time;
      before_.push_back(std::move(before.value));
    }
    if (!before_.empty() && before_.size() < kept.size()) return false;
    group = history->GroupOfRows(series_, kinds_);
    if (!group.has_value()) return false;
    if (!before_.empty() && !(time == kept[0].change->source_time)) {
      for (const Value& value : before_) values_.push_back(&value);
      AppendRow(*group, time.ns, sequence, history);
      values_.clear();
    }
  }
  for (const Kept& each : kept) values_.push_back(&each.change->new_value);
  AppendRow(*group, kept[0].change->source_time.ns, sequence, history);
  return true;
}

void PropertyHistory::AppendRow(timeseries::GroupId group, int64_t time, Sequence sequence,
                                timeseries::Store* history) {
  const size_t count = values_.size();
  columns_.assign(count, ColumnRows());
  doubles_.resize(count);
  ints_.resize(count);
  if (bytes_.size() < count) bytes_.resize(count);
  views_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    ColumnRows& column = columns_[i];
    column.kind = kinds_[i];
    switch (column.kind) {
      case ColumnKind::kDouble:
        doubles_[i] = values_[i]->as_double();
        column.doubles = &doubles_[i];
        break;
      case ColumnKind::kInt:
        ints_[i] = AsInt(*values_[i]);
        column.ints = &ints_[i];
        break;
      default:
        bytes_[i].clear();
        values_[i]->AppendTo(&bytes_[i]);
        views_[i] = bytes_[i];
        column.values = &views_[i];
    }
  }
  const uint64_t at = sequence.value;
  timeseries::Rows rows;
  rows.group = group;
  rows.times = absl::MakeConstSpan(&time, 1);
  rows.sequences = absl::MakeConstSpan(&at, 1);
  rows.columns = columns_;
  history->Append(rows);
}

void PropertyHistory::LookAhead(absl::Span<const Change> changes, const graph::GraphView& head,
                                timeseries::Store* history) {
  series_.clear();
  const size_t tables = head.catalog().tables().size();
  const dtdl::Content* last = nullptr;
  for (const Change& change : changes) {
    if (change.kind != Change::Kind::kSetValue || change.table >= tables) continue;
    const graph::TableSchema& table = head.catalog().table(TableId(change.table));
    if (change.column >= table.columns.size()) continue;
    const graph::ColumnSchema& schema = table.columns[change.column];
    if (!IsKept(schema)) continue;
    const TwinNumber twin(change.number);
    // The first of an Object's fields says where they are.
    if (!series_.empty() && series_.back().twin == twin && IsInObject(schema) &&
        schema.content == last) {
      continue;
    }
    last = schema.content;
    series_.push_back({twin, PathOf(head, table, ColumnId(change.column), history)});
  }
  history->LookAhead(series_);
}

}  // namespace twin::ingest
