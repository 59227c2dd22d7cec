#include "server/ingest/creation_run.h"

#include <algorithm>

#include "server/ingest/change.h"
#include "server/ingest/telemetry_state.h"

namespace twin::ingest {
namespace {

using ChangeKind = Change::Kind;

constexpr uint8_t kWithSourceTime = 0x80;  // docs/formats/records.md

Time After(Time time, int64_t by) {
  return Time{static_cast<int64_t>(static_cast<uint64_t>(time.ns) + static_cast<uint64_t>(by))};
}

// How a column's values are written; none: not here.
std::optional<Value::Kind> KindIn(graph::ColumnType type) {
  switch (type) {
    case graph::ColumnType::kBool:
      return Value::Kind::kBool;
    case graph::ColumnType::kInt32:
    case graph::ColumnType::kInt64:
      return Value::Kind::kInt;
    case graph::ColumnType::kFloat:
    case graph::ColumnType::kDouble:
      return Value::Kind::kDouble;
    case graph::ColumnType::kTime:
      return Value::Kind::kTime;
    case graph::ColumnType::kString:
      return Value::Kind::kString;
    case graph::ColumnType::kDocument:
      return std::nullopt;
  }
  return std::nullopt;
}

bool Is(uint8_t byte, ChangeKind kind) {
  return (byte & ~kWithSourceTime) == static_cast<uint8_t>(kind);
}

}  // namespace

bool CreationRun::MayBegin(absl::string_view unit) {
  ByteReader reader(unit);
  if (reader.Varint() == 0) return false;
  const uint8_t kind = reader.Byte();
  return Is(kind, ChangeKind::kCreateTwin) || Is(kind, ChangeKind::kCreateRelationship);
}

bool CreationRun::Take(ByteReader* reader, Sequence sequence) {
  ByteReader unit = *reader;
  const uint64_t changes = unit.Varint();
  const uint8_t kind = unit.Byte();
  if (changes == 0) return false;
  const bool taken = Is(kind, ChangeKind::kCreateTwin)
                         ? TakeTwin(&unit, kind, changes, sequence)
                         : Is(kind, ChangeKind::kCreateRelationship) &&
                               TakeRelationship(&unit, kind, changes, sequence);
  if (!taken) return false;
  *reader = unit;
  last_ = sequence;
  return true;
}

bool CreationRun::TakeTwin(ByteReader* reader, uint8_t kind, size_t changes, Sequence sequence) {
  const int64_t number = reader->Signed();
  const bool is_timed = (kind & kWithSourceTime) != 0;
  const Time begin = is_timed ? After(time_, reader->Signed()) : time_;
  const TableId table(reader->Varint32());
  const absl::string_view id = reader->String();
  const graph::GraphView& head = graph_.head();
  if (!reader->ok() || id.empty() ||
      number != static_cast<int64_t>(head.next_twin().value + made_.twins.size())) {
    return false;
  }
  size_t of = 0;
  const auto is_alike = [&] {
    return made_.kinds[of].table == table && forms_[of].changes == changes &&
           TakeValues(of, reader);
  };
  while (of < forms_.size() && !is_alike()) ++of;
  if (of == forms_.size() && (!AddKind(table, changes, *reader) || !TakeValues(of, reader))) {
    return false;
  }
  made_.twins.push_back({static_cast<uint32_t>(of), id, sequence, begin});
  return true;
}

bool CreationRun::TakeValues(size_t kind, ByteReader* reader) {
  graph::Creations::Kind& alike = made_.kinds[kind];
  const Form& form = forms_[kind];
  ByteReader rest = *reader;
  for (size_t i = 0; i < form.columns.size(); ++i) {
    const Form::Column& column = form.columns[i];
    if (rest.Bytes(column.head.size()) != column.head ||
        !TakeValue(column.kind, &rest, &alike.columns[i])) {
      for (graph::Creations::Column& each : alike.columns) {
        each.bits.resize(std::min(each.bits.size(), alike.twins));
        each.texts.resize(std::min(each.texts.size(), alike.twins));
      }
      return false;
    }
  }
  *reader = rest;
  ++alike.twins;
  return true;
}

bool CreationRun::TakeValue(Value::Kind kind, ByteReader* reader,
                            graph::Creations::Column* column) {
  switch (kind) {
    case Value::Kind::kBool:
      column->bits.push_back(reader->Byte() != 0 ? 1 : 0);
      break;
    case Value::Kind::kInt:
      column->bits.push_back(static_cast<uint64_t>(reader->Signed()));
      break;
    case Value::Kind::kString:
      column->texts.push_back(reader->String());
      break;
    default:
      column->bits.push_back(reader->Fixed<uint64_t>());
  }
  return reader->ok();
}

bool CreationRun::AddKind(TableId table, size_t changes, ByteReader reader) {
  const graph::Catalog& catalog = graph_.head().catalog();
  if (forms_.size() == kKindsMax || table.value >= catalog.tables().size() ||
      catalog.table(table).interface == nullptr ||
      changes > catalog.table(table).columns.size() + 1) {
    return false;
  }
  const std::vector<graph::ColumnSchema>& columns = catalog.table(table).columns;
  graph::Creations::Kind alike;
  alike.table = table;
  Form form;
  form.changes = changes;
  std::vector<bool> seen(columns.size());
  int64_t source = 0;
  for (size_t i = 0; i + 1 < changes; ++i) {
    const absl::string_view begin = reader.rest();
    const bool is_set = reader.Byte() == static_cast<uint8_t>(ChangeKind::kSetValue) &&
                        reader.Signed() == 0 && reader.Varint32() == table.value;
    const uint32_t column = reader.Varint32();
    const int64_t since = reader.Signed();
    const bool is_first = reader.Byte() == static_cast<uint8_t>(Value::Kind::kNull);
    const auto kind = static_cast<Value::Kind>(reader.Byte());
    if (!reader.ok() || !is_set || !is_first || (i > 0 && since != source) ||
        column >= columns.size() || seen[column] || KindIn(columns[column].type) != kind) {
      return false;
    }
    seen[column] = true;
    source = since;
    form.columns.push_back(
        {std::string(begin.substr(0, begin.size() - reader.rest().size())), kind});
    graph::Creations::Column& values = alike.columns.emplace_back();
    values.id = ColumnId(column);
    if (!TakeValue(kind, &reader, &values)) return false;
    values.bits.clear();
    values.texts.clear();
  }
  alike.source = After(time_, source);
  made_.kinds.push_back(std::move(alike));
  forms_.push_back(std::move(form));
  return true;
}

bool CreationRun::TakeRelationship(ByteReader* reader, uint8_t kind, size_t changes,
                                   Sequence sequence) {
  const graph::GraphView& head = graph_.head();
  const int64_t number = reader->Signed();
  const bool is_timed = (kind & kWithSourceTime) != 0;
  const Time begin = is_timed ? After(time_, reader->Signed()) : time_;
  const uint32_t type = reader->Varint32();
  const TwinNumber source(reader->Varint32());
  const TwinNumber target(reader->Varint32());
  const absl::string_view id = reader->String();
  const size_t twins = head.next_twin().value + made_.twins.size();
  if (!reader->ok() || type >= head.catalog().relationship_types() || source.value >= twins ||
      target.value >= twins ||
      number != static_cast<int64_t>(head.next_relationship().value + made_.relationships.size())) {
    return false;
  }
  if (changes > 1 &&
      !TakeValuesOf(head.catalog().relationship_type(RelationshipTypeId(type)), changes - 1,
                    is_timed ? std::optional<Time>(begin) : std::nullopt, reader)) {
    return false;
  }
  for (const TwinNumber twin : {source, target}) {
    if (twin < head.next_twin()) head.FetchTwin(twin);
  }
  made_.relationships.push_back({RelationshipTypeId(type), source, target, id, sequence, begin});
  return true;
}

// Of the relationship that is about to be added; each as of its begin.
bool CreationRun::TakeValuesOf(const graph::RelationshipType& type, size_t count,
                               std::optional<Time> begin, ByteReader* reader) {
  std::vector<graph::Creations::RelationshipValue>& values = made_.relationship_values;
  const size_t first = values.size();
  const auto take = [&] {
    constexpr auto kSet = static_cast<uint8_t>(ChangeKind::kSetRelationshipValue);
    const uint8_t kind = reader->Byte();
    const bool is_of_it = reader->Signed() == 0;
    const bool is_of_begin = begin.has_value() ? kind == (kSet | kWithSourceTime) &&
                                                     After(time_, reader->Signed()) == *begin
                                               : kind == kSet;
    const ColumnId column(reader->Varint32());
    const bool is_first = reader->Byte() == static_cast<uint8_t>(Value::Kind::kNull);
    const auto of = static_cast<Value::Kind>(reader->Byte());
    if (!reader->ok() || !is_of_it || !is_of_begin || !is_first ||
        column.value >= type.columns.size() || KindIn(type.columns[column.value].type) != of) {
      return false;
    }
    for (size_t i = first; i < values.size(); ++i) {
      if (values[i].column == column) return false;
    }
    values.push_back({static_cast<uint32_t>(made_.relationships.size()), column, Value(), {}});
    return TakeValue(of, reader, &values.back());
  };
  while (values.size() < first + count) {
    if (take()) continue;
    values.resize(first);
    return false;
  }
  return true;
}

bool CreationRun::TakeValue(Value::Kind kind, ByteReader* reader,
                            graph::Creations::RelationshipValue* value) {
  switch (kind) {
    case Value::Kind::kBool:
      value->value = Value::Bool(reader->Byte() != 0);
      break;
    case Value::Kind::kInt:
      value->value = Value::Int(reader->Signed());
      break;
    case Value::Kind::kTime:
      value->value = Value::OfTime(Time{reader->Fixed<int64_t>()});
      break;
    case Value::Kind::kString:
      value->text = reader->String();
      break;
    default:
      value->value = Value::Double(reader->Fixed<double>());
  }
  return reader->ok();
}

absl::Status CreationRun::Apply() {
  if (made_.twins.empty() && made_.relationships.empty()) return absl::OkStatus();
  const graph::GraphView& head = graph_.head();
  for (const graph::Creations::Relationship& each : made_.relationships) {
    for (const TwinNumber twin : {each.source, each.target}) {
      if (twin < head.next_twin() && !head.Exists(twin)) {
        return absl::DataLossError(
            "a journal record is damaged: a relationship does not fit the state before it");
      }
    }
  }
  graph_.Create(made_, time_);
  graph_.Advance(last_, time_);
  if (telemetry_ != nullptr) {
    if (!(graph_.head().last_end_of_twins() == Time{INT64_MIN})) {
      for (const graph::Creations::Twin& each : made_.twins) {
        telemetry_->TwinCreated(each.id, each.begin, graph_.head());
      }
    }
    for (const graph::Creations::Relationship& each : made_.relationships) {
      telemetry_->TopologyChanged(each.source, each.target, each.begin);
    }
  }
  made_.twins.clear();
  made_.relationships.clear();
  made_.relationship_values.clear();
  for (graph::Creations::Kind& kind : made_.kinds) {
    kind.twins = 0;
    for (graph::Creations::Column& column : kind.columns) {
      column.bits.clear();
      column.texts.clear();
    }
  }
  if (made_.kinds.size() == kKindsMax) {
    made_.kinds.clear();
    forms_.clear();
  }
  return absl::OkStatus();
}

}  // namespace twin::ingest
