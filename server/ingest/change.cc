#include "server/ingest/change.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/coding.h"
#include "server/base/status_macros.h"
#include "server/ingest/check_value.h"
#include "server/ingest/creation_run.h"
#include "server/ingest/rows_change.h"
#include "server/ingest/telemetry_state.h"

namespace twin::ingest {
namespace {

constexpr uint8_t kRecordKindGraph = 1;

using Kind = Change::Kind;

absl::Status DamagedChange(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("a journal record is damaged: ", what));
}

// Modulo 2^64: differences of times may be larger than an int64.
int64_t Plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t Minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

bool IsOfModel(Kind kind) {
  return kind == Kind::kCreateModel || kind == Kind::kSetDecommissioned ||
         kind == Kind::kDeleteModel;
}

// Set in the byte of the kind where a source time follows the number; else it is the server's time.
constexpr uint8_t kTimed = 0x80;

bool MayBeTimed(Kind kind) {
  return kind == Kind::kCreateTwin || kind == Kind::kMoveTwin || kind == Kind::kDeleteTwin ||
         kind == Kind::kCreateRelationship || kind == Kind::kSetRelationshipValue ||
         kind == Kind::kDeleteRelationship;
}

// Numbers, one behind the other, in a buffer that is known to be large enough.
class Packed {
 public:
  void Byte(uint8_t byte) { *end_++ = static_cast<char>(byte); }
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) Byte(static_cast<uint8_t>(value | 0x80));
    Byte(static_cast<uint8_t>(value));
  }
  void Signed(int64_t value) { Varint(ZigZag(value)); }
  // As Value::AppendTo.
  void Double(double value) {
    Byte(static_cast<uint8_t>(Value::Kind::kDouble));
    std::memcpy(end_, &value, sizeof(value));
    end_ += sizeof(value);
  }
  absl::string_view bytes() const { return {buffer_, static_cast<size_t>(end_ - buffer_)}; }

 private:
  char buffer_[64];
  char* end_ = buffer_;
};

bool IsDoubleOrNull(const Value& value) {
  return value.kind() == Value::Kind::kDouble || value.is_null();
}

// As EncodeChange, of what most records are full of: a number that takes the place of another.
void EncodeSetDouble(const Change& change, Time time, uint32_t* last, std::string* bytes) {
  Packed packed;
  packed.Byte(static_cast<uint8_t>(Kind::kSetValue));
  packed.Signed(static_cast<int64_t>(change.number) - static_cast<int64_t>(*last));
  *last = change.number;
  packed.Varint(change.table);
  packed.Varint(change.column);
  packed.Signed(Minus(change.source_time.ns, time.ns));
  for (const Value* value : {&change.old_value, &change.new_value}) {
    if (value->is_null()) {
      packed.Byte(static_cast<uint8_t>(Value::Kind::kNull));
    } else {
      packed.Double(value->as_double());
    }
  }
  bytes->append(packed.bytes().data(), packed.bytes().size());
}

void EncodeChange(const Change& change, Time time, uint32_t* last, std::string* bytes) {
  if (change.kind == Kind::kSetValue && IsDoubleOrNull(change.old_value) &&
      IsDoubleOrNull(change.new_value)) {
    EncodeSetDouble(change, time, last, bytes);
    return;
  }
  const bool is_timed = MayBeTimed(change.kind) && !(change.source_time == time);
  AppendFixed(bytes,
              static_cast<uint8_t>(static_cast<uint8_t>(change.kind) | (is_timed ? kTimed : 0)));
  if (!IsOfModel(change.kind)) {
    AppendSigned(bytes, static_cast<int64_t>(change.number) - static_cast<int64_t>(*last));
    *last = change.number;
  }
  if (is_timed) AppendSigned(bytes, Minus(change.source_time.ns, time.ns));
  switch (change.kind) {
    case Kind::kCreateTwin:
      AppendVarint(bytes, change.table);
      AppendString(bytes, change.text);
      break;
    case Kind::kSetValue:
      AppendVarint(bytes, change.table);
      AppendVarint(bytes, change.column);
      AppendSigned(bytes, Minus(change.source_time.ns, time.ns));
      change.old_value.AppendTo(bytes);
      change.new_value.AppendTo(bytes);
      break;
    case Kind::kMoveTwin:
      AppendVarint(bytes, change.table);
      AppendVarint(bytes, change.before);
      break;
    case Kind::kDeleteTwin:
      AppendVarint(bytes, change.table);
      AppendString(bytes, change.text);
      break;
    case Kind::kTouchTwin:
    case Kind::kTouchRelationship:
      break;
    case Kind::kCreateRelationship:
    case Kind::kDeleteRelationship:
      AppendVarint(bytes, change.table);
      AppendVarint(bytes, change.source);
      AppendVarint(bytes, change.target);
      AppendString(bytes, change.text);
      break;
    case Kind::kSetRelationshipValue:
      AppendVarint(bytes, change.column);
      change.old_value.AppendTo(bytes);
      change.new_value.AppendTo(bytes);
      break;
    case Kind::kCreateModel:
      AppendString(bytes, change.text);
      AppendString(bytes, change.model);
      break;
    case Kind::kSetDecommissioned:
      AppendString(bytes, change.text);
      AppendFixed(bytes, static_cast<uint8_t>(change.flag ? 1 : 0));
      break;
    case Kind::kDeleteModel:
      AppendString(bytes, change.text);
      break;
  }
}

absl::Status DecodeValue(ByteReader* reader, Value* value) {
  absl::string_view rest = reader->rest();
  const size_t before = rest.size();
  TWIN_RETURN_IF_ERROR(Value::Decode(&rest, value));
  reader->Bytes(before - rest.size());
  return absl::OkStatus();
}

absl::Status DecodeChange(ByteReader* reader, Time time, uint32_t* last, Change* change) {
  const uint8_t kind = reader->Byte();
  change->kind = static_cast<Kind>(kind & ~kTimed);
  if (!IsOfModel(change->kind)) {
    change->number = static_cast<uint32_t>(*last + static_cast<uint64_t>(reader->Signed()));
    *last = change->number;
  }
  change->source_time = time;
  if ((kind & kTimed) != 0) {
    if (!MayBeTimed(change->kind)) return DamagedChange(absl::StrCat("no change of kind ", kind));
    change->source_time = Time{Plus(time.ns, reader->Signed())};
  }
  switch (change->kind) {
    case Kind::kCreateTwin:
      change->table = reader->Varint32();
      change->text = reader->String();
      break;
    case Kind::kSetValue:
      change->table = reader->Varint32();
      change->column = reader->Varint32();
      change->source_time = Time{Plus(time.ns, reader->Signed())};
      TWIN_RETURN_IF_ERROR(DecodeValue(reader, &change->old_value));
      TWIN_RETURN_IF_ERROR(DecodeValue(reader, &change->new_value));
      break;
    case Kind::kMoveTwin:
      change->table = reader->Varint32();
      change->before = reader->Varint32();
      break;
    case Kind::kTouchTwin:
    case Kind::kTouchRelationship:
      break;
    case Kind::kCreateRelationship:
    case Kind::kDeleteRelationship:
      change->table = reader->Varint32();
      change->source = reader->Varint32();
      change->target = reader->Varint32();
      change->text = reader->String();
      break;
    case Kind::kSetRelationshipValue:
      change->column = reader->Varint32();
      TWIN_RETURN_IF_ERROR(DecodeValue(reader, &change->old_value));
      TWIN_RETURN_IF_ERROR(DecodeValue(reader, &change->new_value));
      break;
    case Kind::kCreateModel:
      change->text = reader->String();
      change->model = reader->String();
      break;
    case Kind::kSetDecommissioned:
      change->text = reader->String();
      change->flag = reader->Byte() != 0;
      break;
    case Kind::kDeleteTwin:
      change->table = reader->Varint32();
      change->text = reader->String();
      break;
    case Kind::kDeleteModel:
      change->text = reader->String();
      break;
    default:
      return DamagedChange(absl::StrCat("no change of kind ", static_cast<int>(change->kind)));
  }
  return reader->ok() ? absl::OkStatus() : DamagedChange("a change is cut short");
}

// Whether a stored value has the form that the column takes.
bool Fits(graph::ColumnType type, const Value& value) {
  switch (type) {
    case graph::ColumnType::kBool:
      return value.kind() == Value::Kind::kBool;
    case graph::ColumnType::kInt32:
    case graph::ColumnType::kInt64:
      return value.kind() == Value::Kind::kInt;
    case graph::ColumnType::kFloat:
    case graph::ColumnType::kDouble:
      return value.kind() == Value::Kind::kDouble;
    case graph::ColumnType::kTime:
      return value.kind() == Value::Kind::kTime;
    case graph::ColumnType::kString:
      return value.kind() == Value::Kind::kString;
    case graph::ColumnType::kDocument:
      return true;
  }
  return false;
}

// That the change can be applied: what a whole journal guarantees and a damaged one may not.
bool IsSound(const Change& change, const graph::GraphView& head) {
  const graph::Catalog& catalog = head.catalog();
  const TwinNumber twin(change.number);
  const RelationshipNumber relationship(change.number);
  const auto is_table = [&](uint32_t id) {
    return id < catalog.tables().size() && catalog.table(TableId(id)).interface != nullptr;
  };
  switch (change.kind) {
    case Kind::kCreateTwin:
      return twin == head.next_twin() && is_table(change.table) && !change.text.empty();
    case Kind::kSetValue: {
      if (!head.Exists(twin)) return false;
      const graph::TableSchema& table = head.TableOf(twin);
      return change.table == table.id.value && change.column < table.columns.size() &&
             (change.new_value.is_null() ||
              Fits(table.columns[change.column].type, change.new_value));
    }
    case Kind::kMoveTwin:
      return head.Exists(twin) && is_table(change.table);
    case Kind::kDeleteTwin:
      return head.Exists(twin) && head.OutDegree(twin) == 0 && head.InDegree(twin) == 0;
    case Kind::kTouchTwin:
      return head.Exists(twin);
    case Kind::kCreateRelationship:
      return relationship == head.next_relationship() &&
             change.table < catalog.relationship_types() &&
             head.Exists(TwinNumber(change.source)) && head.Exists(TwinNumber(change.target));
    case Kind::kSetRelationshipValue: {
      if (!head.Exists(relationship)) return false;
      const graph::RelationshipType& type = catalog.relationship_type(head.Get(relationship).type);
      return change.column < type.columns.size() &&
             (change.new_value.is_null() ||
              Fits(type.columns[change.column].type, change.new_value));
    }
    case Kind::kDeleteRelationship:
    case Kind::kTouchRelationship:
      return head.Exists(relationship);
    default:
      return true;
  }
}

}  // namespace

void EncodeResults(const std::vector<OperationResult>& results, std::string* bytes) {
  AppendVarint(bytes, results.size());
  for (const OperationResult& result : results) {
    AppendVarint(bytes, static_cast<uint64_t>(result.status.code()));
    if (!result.status.ok()) AppendString(bytes, result.status.message());
    AppendVarint(bytes, result.version.value);
    AppendVarint(bytes, (result.changed << 1) | (result.created ? 1 : 0));
  }
}

namespace {

void DecodeResultsFrom(ByteReader* reader, std::vector<OperationResult>* results) {
  results->resize(reader->Varint(reader->rest().size()));
  for (OperationResult& result : *results) {
    const auto code = static_cast<absl::StatusCode>(reader->Varint(16));
    if (code != absl::StatusCode::kOk) result.status = absl::Status(code, reader->String());
    result.version = Sequence(reader->Varint());
    const uint64_t changed = reader->Varint();
    result.created = (changed & 1) != 0;
    result.changed = changed >> 1;
  }
}

}  // namespace

bool DecodeResults(absl::string_view bytes, std::vector<OperationResult>* results) {
  ByteReader reader(bytes);
  DecodeResultsFrom(&reader, results);
  return reader.ok() && reader.done();
}

void EncodeUnit(const Unit& unit, Time time, std::string* bytes) {
  AppendVarint(bytes, unit.changes.size());
  uint32_t last = 0;
  for (const Change& change : unit.changes) EncodeChange(change, time, &last, bytes);
}

namespace {

void Append(const Packed& packed, std::string* bytes) {
  bytes->append(packed.bytes().data(), packed.bytes().size());
}

// Up to what follows the number, and the source time, if there is one.
Packed CreationHead(size_t changes, Kind kind, uint32_t number, Time begin, Time time) {
  const bool is_timed = !(begin == time);
  Packed packed;
  packed.Varint(changes);
  packed.Byte(static_cast<uint8_t>(static_cast<uint8_t>(kind) | (is_timed ? kTimed : 0)));
  packed.Signed(number);
  if (is_timed) packed.Signed(Minus(begin.ns, time.ns));
  return packed;
}

}  // namespace

size_t EncodeCreation(TwinNumber twin, TableId table, absl::string_view id, Time begin,
                      absl::Span<const ColumnValue> values, Time source, Time time,
                      std::string* bytes) {
  Packed head = CreationHead(1 + values.size(), Kind::kCreateTwin, twin.value, begin, time);
  head.Varint(table.value);
  head.Varint(id.size());
  Append(head, bytes);
  const size_t at = bytes->size();
  bytes->append(id.data(), id.size());
  for (const ColumnValue& each : values) {
    Packed packed;
    packed.Byte(static_cast<uint8_t>(Kind::kSetValue));
    packed.Signed(0);  // of the same twin
    packed.Varint(table.value);
    packed.Varint(each.column.value);
    packed.Signed(Minus(source.ns, time.ns));
    packed.Byte(static_cast<uint8_t>(Value::Kind::kNull));
    if (each.value.kind() == Value::Kind::kDouble) {
      packed.Double(each.value.as_double());
      Append(packed, bytes);
    } else {
      Append(packed, bytes);
      each.value.AppendTo(bytes);
    }
  }
  return at;
}

size_t EncodeCreation(RelationshipNumber relationship, RelationshipTypeId type, TwinNumber source,
                      TwinNumber target, absl::string_view id, Time begin, Time time,
                      std::string* bytes) {
  Packed head = CreationHead(1, Kind::kCreateRelationship, relationship.value, begin, time);
  head.Varint(type.value);
  head.Varint(source.value);
  head.Varint(target.value);
  head.Varint(id.size());
  Append(head, bytes);
  const size_t at = bytes->size();
  bytes->append(id.data(), id.size());
  return at;
}

void EncodeRecord(const RecordHeader& header, absl::string_view units, std::string* bytes) {
  AppendFixed(bytes, kRecordKindGraph);
  AppendFixed(bytes, header.time.ns);
  AppendString(bytes, header.request_id);
  if (!header.request_id.empty()) EncodeResults(header.results, bytes);
  AppendVarint(bytes, header.units);
  bytes->append(units.data(), units.size());
}

absl::Status DecodeHeader(absl::string_view* bytes, RecordHeader* header) {
  ByteReader reader(*bytes);
  const uint8_t kind = reader.Byte();
  if (reader.ok() && kind != kRecordKindGraph) {
    return absl::FailedPreconditionError(
        absl::StrCat("a journal record of kind ", kind, ", which this version does not know"));
  }
  header->time = Time{reader.Fixed<int64_t>()};
  header->request_id = std::string(reader.String());
  header->results.clear();
  if (!header->request_id.empty()) DecodeResultsFrom(&reader, &header->results);
  header->units =
      static_cast<uint32_t>(reader.Varint(std::min<uint64_t>(reader.rest().size(), UINT32_MAX)));
  *bytes = reader.rest();
  return reader.ok() ? absl::OkStatus() : DamagedChange("cut short");
}

namespace {

bool IsOfRows(absl::string_view changes) {
  return !changes.empty() && static_cast<uint8_t>(changes.front()) == kRowsChangeKind;
}

absl::Status DecodeUnit(ByteReader* reader, Time time, Unit* unit) {
  unit->changes.clear();
  if (ByteReader rows = *reader; rows.Varint() == 1 && IsOfRows(rows.rest())) {
    rows.Byte();
    RowsView view;
    TWIN_RETURN_IF_ERROR(view.Decode(&rows));
    view.AppendTo(time, &unit->changes);
    *reader = rows;
    return absl::OkStatus();
  }
  unit->changes.resize(reader->Varint(reader->rest().size()));
  uint32_t last = 0;
  for (Change& change : unit->changes) {
    TWIN_RETURN_IF_ERROR(DecodeChange(reader, time, &last, &change));
  }
  return reader->ok() ? absl::OkStatus() : DamagedChange("cut short");
}

}  // namespace

void EncodeRecord(const GraphRecord& record, std::string* bytes) {
  std::string units;
  for (const Unit& unit : record.units) EncodeUnit(unit, record.time, &units);
  EncodeRecord(
      {record.time, record.request_id, record.results, static_cast<uint32_t>(record.units.size())},
      units, bytes);
}

absl::Status DecodeRecord(absl::string_view bytes, GraphRecord* record) {
  RecordHeader header;
  TWIN_RETURN_IF_ERROR(DecodeHeader(&bytes, &header));
  record->time = header.time;
  TWIN_RETURN_IF_ERROR(DecodeUnits(bytes, header, &record->units));
  record->request_id = std::move(header.request_id);
  record->results = std::move(header.results);
  return absl::OkStatus();
}

absl::Status DecodeUnits(absl::string_view units, const RecordHeader& header,
                         std::vector<Unit>* decoded) {
  decoded->resize(header.units);
  ByteReader reader(units);
  for (Unit& unit : *decoded) TWIN_RETURN_IF_ERROR(DecodeUnit(&reader, header.time, &unit));
  return reader.done() ? absl::OkStatus() : DamagedChange("there is more of it than it says");
}

absl::StatusOr<std::shared_ptr<const graph::Catalog>> ChangeCatalog(const graph::Catalog& before,
                                                                    const Unit& unit, Time time) {
  std::vector<graph::ModelState> states = before.states();
  const auto find = [&](absl::string_view id) -> graph::ModelState* {
    for (graph::ModelState& state : states) {
      if (state.id == id && !state.deleted) return &state;
    }
    return nullptr;
  };
  for (const Change& change : unit.changes) {
    if (change.kind == Kind::kCreateModel) {
      graph::ModelState state;
      state.id = std::string(change.text);
      state.text = std::string(change.model);
      state.upload_time = time;
      state.table = TableId(static_cast<uint32_t>(states.size()));
      states.push_back(std::move(state));
      continue;
    }
    graph::ModelState* state = find(change.text);
    if (state == nullptr) return DamagedChange(absl::StrCat("no model ", change.text));
    if (change.kind == Kind::kSetDecommissioned) {
      state->decommissioned = change.flag;
    } else {
      state->deleted = true;
      state->text.clear();
    }
  }
  return graph::Catalog::Create(std::move(states), &before);
}

namespace {

void NoteTopology(RelationshipNumber relationship, Time time, const graph::GraphView& head,
                  TelemetryState* telemetry) {
  if (telemetry == nullptr) return;
  const graph::Link link = head.LinkOf(relationship);
  telemetry->TopologyChanged(link.source, link.target, time);
}

absl::Status ApplyChange(const Change& change, Sequence sequence, Time time, graph::Graph* graph,
                         TelemetryState* telemetry) {
  const graph::GraphView& head = graph->head();
  if (!IsSound(change, head)) {
    return DamagedChange(absl::StrCat("a change of kind ", static_cast<int>(change.kind), " of ",
                                      change.number, " at sequence ", sequence.value,
                                      " does not fit the state before it"));
  }
  const TwinNumber twin(change.number);
  const RelationshipNumber relationship(change.number);
  switch (change.kind) {
    case Kind::kCreateTwin:
      graph->CreateTwin(twin, change.text, TableId(change.table), sequence, time,
                        change.source_time);
      if (telemetry != nullptr) telemetry->TwinCreated(change.text, change.source_time, head);
      break;
    case Kind::kSetValue:
      graph->SetValue(twin, ColumnId(change.column), change.new_value, time, change.source_time);
      if (!(head.VersionOf(twin) == sequence)) graph->Touch(twin, sequence, time);
      break;
    case Kind::kMoveTwin:
      graph->MoveTwin(twin, TableId(change.table), sequence, time, change.source_time);
      break;
    case Kind::kDeleteTwin:
      graph->DeleteTwin(twin, change.source_time);
      break;
    case Kind::kTouchTwin:
      graph->Touch(twin, sequence, time);
      break;
    case Kind::kCreateRelationship:
      graph->CreateRelationship(relationship, RelationshipTypeId(change.table),
                                TwinNumber(change.source), TwinNumber(change.target), change.text,
                                sequence, change.source_time);
      NoteTopology(relationship, change.source_time, head, telemetry);
      break;
    case Kind::kSetRelationshipValue:
      graph->SetValue(relationship, ColumnId(change.column), change.new_value, change.source_time);
      NoteTopology(relationship, change.source_time, head, telemetry);
      graph->Touch(relationship, sequence);
      break;
    case Kind::kTouchRelationship:
      graph->Touch(relationship, sequence);
      break;
    case Kind::kDeleteRelationship:
      NoteTopology(relationship, change.source_time, head, telemetry);
      graph->DeleteRelationship(relationship, change.source_time);
      break;
    default:
      return DamagedChange("a change of models among others");
  }
  return absl::OkStatus();
}

// How many changes, from the first on, set properties of one twin at one source time, in the order
// of its columns.
size_t SetTogether(absl::Span<const Change> changes) {
  size_t count = 0;
  while (count < changes.size() && changes[count].kind == Kind::kSetValue &&
         changes[count].number == changes[0].number &&
         changes[count].source_time == changes[0].source_time &&
         (count == 0 || changes[count].column > changes[count - 1].column)) {
    ++count;
  }
  return count;
}

// Before those are set, which fit the state.
void KeepHistory(absl::Span<const Change> together, TableId table, Sequence sequence,
                 const graph::GraphView& head, TelemetryState* telemetry) {
  if (telemetry == nullptr) return;
  const std::vector<graph::ColumnSchema>& columns = head.catalog().table(table).columns;
  const bool any = std::any_of(together.begin(), together.end(), [&](const Change& change) {
    return columns[change.column].traits.historized;
  });
  if (any) telemetry->BeforeSet(together, sequence, head);
}

// Of changes that fit the state: the same as ApplyChange of each, but for the twin's version.
void ApplyTogether(absl::Span<const Change> together, graph::TwinPlace place, Sequence sequence,
                   Time time, graph::Graph* graph, TelemetryState* telemetry) {
  KeepHistory(together, place.table, sequence, graph->head(), telemetry);
  for (const Change& change : together) {
    graph->SetValue(TwinNumber(change.number), place, ColumnId(change.column), change.new_value,
                    time, change.source_time);
  }
}

// The twin that was created last. Its first values, which follow, need no look at what it is.
struct NewTwin {
  bool is_there = false;
  uint32_t number = 0;
  graph::TwinPlace place;

  bool Takes(absl::Span<const Change> together, const graph::GraphView& head) const {
    if (!is_there || together[0].number != number) return false;
    const graph::TableSchema& table = head.catalog().table(place.table);
    return std::all_of(together.begin(), together.end(), [&](const Change& change) {
      return change.table == place.table.value && change.column < table.columns.size() &&
             !change.new_value.is_null() &&
             Fits(table.columns[change.column].type, change.new_value);
    });
  }
  void After(const Change& change, const graph::GraphView& head) {
    is_there = change.kind == Kind::kCreateTwin;
    if (!is_there) return;
    number = change.number;
    place = head.PlaceOf(TwinNumber(number));
  }
};

// Of one unit.
absl::Status ApplyChanges(absl::Span<const Change> changes, Sequence sequence, Time time,
                          graph::Graph* graph, TelemetryState* telemetry) {
  const graph::GraphView& head = graph->head();
  NewTwin made;
  while (!changes.empty()) {
    const size_t set = SetTogether(changes);
    const absl::Span<const Change> together = changes.subspan(0, std::max<size_t>(set, 1));
    changes.remove_prefix(together.size());
    if (set > 0 && made.Takes(together, head)) {
      ApplyTogether(together, made.place, sequence, time, graph, telemetry);
      continue;
    }
    if (set > 0 && std::all_of(together.begin(), together.end(),
                               [&](const Change& change) { return IsSound(change, head); })) {
      KeepHistory(together, head.PlaceOf(TwinNumber(together[0].number)).table, sequence, head,
                  telemetry);
    }
    for (const Change& change : together) {
      TWIN_RETURN_IF_ERROR(ApplyChange(change, sequence, time, graph, telemetry));
    }
    made.After(together.back(), head);
  }
  return absl::OkStatus();
}

// Of changes of one unit, all of kSetValue, that fit the state: the same, as `places` says where.
void ApplySets(absl::Span<const Change> changes, const graph::TwinPlace* places, Sequence sequence,
               Time time, graph::Graph* graph, TelemetryState* telemetry) {
  while (!changes.empty()) {
    const TwinNumber twin(changes[0].number);
    const size_t set = SetTogether(changes);
    ApplyTogether(changes.subspan(0, set), *places, sequence, time, graph, telemetry);
    changes.remove_prefix(set);
    places += set;
    if (changes.empty() || changes[0].number != twin.value) graph->Touch(twin, sequence, time);
  }
}

// Changes that are about to be applied: some of a unit, or those of several.
struct Steps {
  static constexpr size_t kAtOnce = 64;
  struct Part {  // of a unit
    Sequence sequence;
    size_t end = 0;
    bool is_last = false;
  };
  std::vector<Change> changes;  // of a former use beyond `count`, with what they allocated
  std::vector<graph::TwinPlace> places;
  size_t count = 0;
  std::vector<Part> parts;

  void Add(Sequence sequence, bool is_last) {
    if (parts.empty() || !(parts.back().sequence == sequence)) parts.push_back({sequence});
    parts.back().end = ++count;
    parts.back().is_last = is_last;
  }
  // What is set together is applied together.
  bool IsFullBefore(const Change& next) const {
    return count >= kAtOnce && next.number != changes[count - 1].number;
  }
  absl::Span<const Change> all() const { return absl::MakeConstSpan(changes).subspan(0, count); }
  bool FindPlaces(const graph::GraphView& head, TelemetryState* telemetry);
  absl::Status Apply(Time time, graph::Graph* graph, TelemetryState* telemetry);
};

// What the changes look at is on its way from memory afterwards. True: all of them set values of
// twins, and fit the state; then `places` are those of the twins, which none of them moves.
bool Steps::FindPlaces(const graph::GraphView& head, TelemetryState* telemetry) {
  bool all_set = true;
  for (const Change& change : all()) {
    if (change.kind != Kind::kSetValue) {
      all_set = false;
    } else if (change.number < head.next_twin().value) {
      head.FetchTwin(TwinNumber(change.number));
    }
  }
  places.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const Change& change = changes[i];
    if (change.kind != Kind::kSetValue) continue;
    if (!head.FindPlace(TwinNumber(change.number), &places[i]) ||
        places[i].table.value != change.table) {
      all_set = false;
      continue;
    }
    const graph::TableSchema& table = head.catalog().table(places[i].table);
    if (change.column >= table.columns.size()) {
      all_set = false;
      continue;
    }
    all_set = all_set && (change.new_value.is_null() ||
                          Fits(table.columns[change.column].type, change.new_value));
    head.FetchCell(places[i], ColumnId(change.column));
  }
  if (telemetry != nullptr) telemetry->LookAhead(all(), head);
  return all_set;
}

absl::Status Steps::Apply(Time time, graph::Graph* graph, TelemetryState* telemetry) {
  const bool all_set = FindPlaces(graph->head(), telemetry);
  size_t begin = 0;
  for (const Part& part : parts) {
    const absl::Span<const Change> some = all().subspan(begin, part.end - begin);
    if (all_set) {
      ApplySets(some, &places[begin], part.sequence, time, graph, telemetry);
    } else {
      TWIN_RETURN_IF_ERROR(ApplyChanges(some, part.sequence, time, graph, telemetry));
    }
    if (part.is_last) graph->Advance(part.sequence, time);
    begin = part.end;
  }
  count = 0;
  parts.clear();
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyUnit(const Unit& unit, Sequence sequence, Time time, graph::Graph* graph,
                       TelemetryState* telemetry) {
  if (!unit.changes.empty() && IsOfModel(unit.changes.front().kind)) {
    TWIN_ASSIGN_OR_RETURN(std::shared_ptr<const graph::Catalog> catalog,
                          ChangeCatalog(graph->head().catalog(), unit, time));
    graph->SetCatalog(std::move(catalog));
  } else {
    TWIN_RETURN_IF_ERROR(ApplyChanges(unit.changes, sequence, time, graph, telemetry));
  }
  graph->Advance(sequence, time);
  return absl::OkStatus();
}

namespace {

// Takes a unit that is a change of rows off the front of the reader.
absl::Status ApplyRows(ByteReader* reader, bool is_applied, Sequence sequence, Time time,
                       graph::Graph* graph, TelemetryState* telemetry) {
  ByteReader whole = *reader;
  reader->Varint();
  reader->Byte();
  RowsView rows;
  TWIN_RETURN_IF_ERROR(rows.Decode(reader));
  if (is_applied) return absl::OkStatus();
  if (telemetry != nullptr && rows.IsHistorized(graph->head().catalog())) {
    Unit unit;
    TWIN_RETURN_IF_ERROR(DecodeUnit(&whole, time, &unit));
    return ApplyUnit(unit, sequence, time, graph, telemetry);
  }
  TWIN_RETURN_IF_ERROR(rows.Apply(sequence, time, graph));
  graph->Advance(sequence, time);
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyUnits(absl::string_view units, const RecordHeader& header, Sequence first,
                        Sequence applied, graph::Graph* graph, TelemetryState* telemetry) {
  Steps steps;
  const auto apply = [&] { return steps.Apply(header.time, graph, telemetry); };
  CreationRun run(header.time, graph, telemetry);
  const bool may_run = header.units >= CreationRun::kUnitsMin;
  ByteReader reader(units);
  for (uint32_t i = 0; i < header.units; ++i) {
    const Sequence sequence(first.value + i);
    const bool is_applied = sequence <= applied;
    if (may_run && !is_applied && CreationRun::MayBegin(reader.rest())) {
      TWIN_RETURN_IF_ERROR(apply());
      if (run.is_full()) TWIN_RETURN_IF_ERROR(run.Apply());
      if (run.Take(&reader, sequence)) continue;
    }
    TWIN_RETURN_IF_ERROR(run.Apply());
    ByteReader whole = reader;
    const uint64_t changes = reader.Varint(reader.rest().size());
    if (!reader.ok() || (changes > 0 && reader.done())) return DamagedChange("cut short");
    if (changes == 1 && IsOfRows(reader.rest())) {
      TWIN_RETURN_IF_ERROR(apply());
      reader = whole;
      TWIN_RETURN_IF_ERROR(ApplyRows(&reader, is_applied, sequence, header.time, graph, telemetry));
      continue;
    }
    if (changes == 0 || IsOfModel(static_cast<Kind>(reader.rest().front()))) {
      TWIN_RETURN_IF_ERROR(apply());
      Unit unit;
      TWIN_RETURN_IF_ERROR(DecodeUnit(&whole, header.time, &unit));
      reader = whole;
      if (is_applied) continue;
      TWIN_RETURN_IF_ERROR(ApplyUnit(unit, sequence, header.time, graph, telemetry));
      continue;
    }
    uint32_t last = 0;
    for (uint64_t k = 0; k < changes; ++k) {
      // Most records have few.
      if (steps.count == steps.changes.size()) steps.changes.emplace_back();
      TWIN_RETURN_IF_ERROR(DecodeChange(&reader, header.time, &last, &steps.changes[steps.count]));
      if (is_applied) continue;
      if (steps.IsFullBefore(steps.changes[steps.count])) {
        const size_t next = steps.count;
        TWIN_RETURN_IF_ERROR(apply());
        std::swap(steps.changes.front(), steps.changes[next]);
      }
      steps.Add(sequence, /*is_last=*/k + 1 == changes);
    }
  }
  TWIN_RETURN_IF_ERROR(apply());
  TWIN_RETURN_IF_ERROR(run.Apply());
  return reader.done() ? absl::OkStatus() : DamagedChange("there is more of it than it says");
}

}  // namespace twin::ingest
