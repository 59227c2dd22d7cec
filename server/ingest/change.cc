#include "server/ingest/change.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/coding.h"
#include "server/base/status_macros.h"
#include "server/ingest/change_coding.h"
#include "server/ingest/check_value.h"
#include "server/ingest/rows_change.h"

namespace twin::ingest {

namespace {

constexpr uint8_t kRecordKindGraph = 1;

using Kind = Change::Kind;

// Modulo 2^64: differences of times may be larger than an int64.
int64_t Plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t Minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
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

}  // namespace

absl::Status DamagedChange(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("a journal record is damaged: ", what));
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

bool IsOfModel(Kind kind) {
  return kind == Kind::kCreateModel || kind == Kind::kSetDecommissioned ||
         kind == Kind::kDeleteModel;
}

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
                      TwinNumber target, absl::string_view id, Time begin,
                      absl::Span<const ColumnValue> values, Time time, std::string* bytes) {
  Packed head =
      CreationHead(1 + values.size(), Kind::kCreateRelationship, relationship.value, begin, time);
  head.Varint(type.value);
  head.Varint(source.value);
  head.Varint(target.value);
  head.Varint(id.size());
  Append(head, bytes);
  const size_t at = bytes->size();
  bytes->append(id.data(), id.size());
  const bool is_timed = !(begin == time);
  for (const ColumnValue& each : values) {
    Packed packed;
    packed.Byte(static_cast<uint8_t>(static_cast<uint8_t>(Kind::kSetRelationshipValue) |
                                     (is_timed ? kTimed : 0)));
    packed.Signed(0);  // of the same relationship
    if (is_timed) packed.Signed(Minus(begin.ns, time.ns));
    packed.Varint(each.column.value);
    packed.Byte(static_cast<uint8_t>(Value::Kind::kNull));
    Append(packed, bytes);
    each.value.AppendTo(bytes);
  }
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

}  // namespace twin::ingest
