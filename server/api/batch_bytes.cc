#include "server/api/batch_bytes.h"

#include <bit>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "server/api/convert.h"
#include "server/base/coding.h"
#include "server/ingest/check_value.h"

namespace twin::api {
namespace {

using ingest::PatchColumns;

// A field's number and wire type, as they are written.
constexpr uint8_t Varint(int field) { return static_cast<uint8_t>(field << 3); }
constexpr uint8_t Fixed(int field) { return static_cast<uint8_t>(field << 3 | 1); }
constexpr uint8_t Bytes(int field) { return static_cast<uint8_t>(field << 3 | 2); }

// The numbers of twin_service.proto and types.proto.
static_assert(pb::BatchWriteRequest::kBatchNumberFieldNumber == 5);
static_assert(pb::WriteOperation::kCreateRelationshipFieldNumber == 4);
static_assert(pb::Relationship::kContentsFieldNumber == 6);

// Takes the field off the front, if it is the next one.
bool Take(uint8_t field, ByteReader* reader) {
  if (reader->done() || static_cast<uint8_t>(reader->rest().front()) != field) return false;
  reader->Byte();
  return true;
}

// Text that needs no look at what UTF-8 is.
bool IsAscii(absl::string_view text) {
  uint64_t all = 0;
  for (; text.size() >= sizeof(all); text.remove_prefix(sizeof(all))) {
    uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof(word));
    all |= word;
  }
  for (const char each : text) all |= static_cast<uint8_t>(each);
  return (all & 0x8080808080808080) == 0;
}

// A string field; empty where it is not the next one. What is not ASCII fails the reader.
absl::string_view TakeText(uint8_t field, ByteReader* reader) {
  if (!Take(field, reader)) return {};
  const absl::string_view text = reader->String();
  if (!IsAscii(text)) reader->Fail();
  return text;
}

struct PlainValue {
  Value::Kind kind = Value::Kind::kNull;
  uint64_t bits = 0;
  absl::string_view text;
};

// The bytes of a Value. False: it is none, null, or has values inside.
bool ReadValue(absl::string_view bytes, PlainValue* value) {
  ByteReader reader(bytes);
  switch (reader.Byte()) {
    case Varint(pb::Value::kBoolValueFieldNumber):
      value->kind = Value::Kind::kBool;
      value->bits = reader.Varint() != 0 ? 1 : 0;
      break;
    case Varint(pb::Value::kIntValueFieldNumber):
      value->kind = Value::Kind::kInt;
      value->bits = static_cast<uint64_t>(reader.Signed());
      break;
    case Fixed(pb::Value::kDoubleValueFieldNumber):
      value->kind = Value::Kind::kDouble;
      value->bits = reader.Fixed<uint64_t>();
      break;
    case Bytes(pb::Value::kStringValueFieldNumber):
      value->kind = Value::Kind::kString;
      value->text = reader.String();
      if (!IsAscii(value->text)) return false;
      break;
    case Fixed(pb::Value::kTimeUnixNanoFieldNumber):
      value->kind = Value::Kind::kTime;
      value->bits = reader.Fixed<uint64_t>();
      break;
    default:
      return false;
  }
  return reader.ok() && reader.done();
}

Value ValueOf(const PlainValue& plain) {
  switch (plain.kind) {
    case Value::Kind::kBool:
      return Value::Bool(plain.bits != 0);
    case Value::Kind::kInt:
      return Value::Int(static_cast<int64_t>(plain.bits));
    case Value::Kind::kDouble:
      return Value::Double(std::bit_cast<double>(plain.bits));
    case Value::Kind::kTime:
      return Value::OfTime(Time{static_cast<int64_t>(plain.bits)});
    default:
      return Value::String(plain.text);
  }
}

// --- Patches ---

struct PlainPatch {
  struct Edit {
    absl::string_view path;
    PlainValue value;
  };
  absl::string_view id;
  size_t edits = 0;
  Edit edit[PatchColumns::kColumnsMax];
};

bool ReadPatch(absl::string_view operation, PlainPatch* patch) {
  ByteReader of_operation(operation);
  if (!Take(Bytes(pb::WriteOperation::kUpdateTwinFieldNumber), &of_operation)) return false;
  ByteReader update(of_operation.String());
  if (!of_operation.ok() || !of_operation.done()) return false;
  patch->id = TakeText(Bytes(pb::UpdateTwinRequest::kIdFieldNumber), &update);
  patch->edits = 0;
  while (Take(Bytes(pb::UpdateTwinRequest::kEditsFieldNumber), &update)) {
    if (patch->edits == PatchColumns::kColumnsMax) return false;
    PlainPatch::Edit& edit = patch->edit[patch->edits++];
    ByteReader step(update.String());
    edit.path = TakeText(Bytes(pb::Edit::kPathFieldNumber), &step);
    if (!Take(Bytes(pb::Edit::kValueFieldNumber), &step)) return false;
    if (!ReadValue(step.String(), &edit.value) || !step.ok() || !step.done() ||
        !PatchColumns::Takes(edit.value.kind)) {
      return false;
    }
  }
  return update.ok() && update.done() && patch->edits > 0;
}

constexpr size_t kPatchesMin = 8;  // of fewer, ToBatch makes no columns

std::optional<PatchColumns> ReadPatches(const std::vector<absl::string_view>& operations) {
  PlainPatch first;
  if (operations.size() < kPatchesMin || !ReadPatch(operations[0], &first)) return std::nullopt;
  std::vector<PatchColumns::Column> columns(first.edits);
  for (size_t i = 0; i < first.edits; ++i) {
    auto path = ParsePointer(std::string(first.edit[i].path));
    if (!path.ok()) return std::nullopt;
    columns[i] = {*std::move(path), first.edit[i].value.kind};
  }
  PatchColumns patches(std::move(columns));
  patches.Reserve(operations.size(), operations.size() * (first.id.size() + 1));
  PlainPatch patch;
  uint64_t bits[PatchColumns::kColumnsMax];
  for (const absl::string_view operation : operations) {
    if (!ReadPatch(operation, &patch) || patch.edits != first.edits) return std::nullopt;
    for (size_t i = 0; i < first.edits; ++i) {
      if (patch.edit[i].path != first.edit[i].path ||
          patch.edit[i].value.kind != first.edit[i].value.kind) {
        return std::nullopt;
      }
      bits[i] = patch.edit[i].value.bits;
    }
    patches.Add(patch.id, bits);
  }
  return patches;
}

// --- Creations ---

// Names of the contents that were read last: the next ones' mostly are the same.
using Names = std::vector<absl::string_view>;

bool AreDifferent(const Names& names) {
  constexpr size_t kFewMax = 32;  // of which each is compared with each
  if (names.size() > kFewMax) return false;
  for (size_t i = 1; i < names.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (names[i] == names[j]) return false;
    }
  }
  return true;
}

bool ReadContents(absl::string_view bytes, Names* names, ValueMap* contents) {
  ByteReader reader(bytes);
  size_t count = 0;
  bool as_last = true;
  contents->reserve(names->size());
  for (; Take(Bytes(pb::ValueMap::kMembersFieldNumber), &reader); ++count) {
    ByteReader member(reader.String());
    const absl::string_view name = TakeText(Bytes(pb::Member::kNameFieldNumber), &member);
    PlainValue value;
    if (!Take(Bytes(pb::Member::kValueFieldNumber), &member) ||
        !ReadValue(member.String(), &value) || !member.ok() || !member.done()) {
      return false;
    }
    Value content = ValueOf(value);
    ingest::TakeByValue(&content);
    contents->emplace_back(std::string(name), std::move(content));
    if (count < names->size() && (*names)[count] == name) continue;
    as_last = false;
    names->resize(count);
    names->push_back(name);
  }
  if (!reader.ok() || !reader.done()) return false;
  if (as_last && count == names->size()) return true;
  names->resize(count);
  return AreDifferent(*names);
}

bool ReadTwin(absl::string_view bytes, Names* names, ingest::PutTwin* put) {
  ByteReader request(bytes);
  if (!Take(Bytes(pb::CreateTwinRequest::kTwinFieldNumber), &request)) return false;
  ByteReader twin(request.String());
  put->id = std::string(TakeText(Bytes(pb::Twin::kIdFieldNumber), &twin));
  put->model_id = std::string(TakeText(Bytes(pb::Twin::kModelIdFieldNumber), &twin));
  if (Take(Bytes(pb::Twin::kContentsFieldNumber), &twin) &&
      !ReadContents(twin.String(), names, &put->contents)) {
    return false;
  }
  if (Take(Varint(pb::CreateTwinRequest::kCreateOnlyFieldNumber), &request)) {
    put->condition.create_only = request.Varint() != 0;
  }
  if (Take(Fixed(pb::CreateTwinRequest::kSourceTimeUnixNanoFieldNumber), &request)) {
    put->source_time = Time{request.Fixed<int64_t>()};
  }
  return twin.ok() && twin.done() && request.ok() && request.done();
}

bool ReadRelationship(absl::string_view bytes, Names* names, ingest::PutRelationship* put) {
  ByteReader request(bytes);
  if (!Take(Bytes(pb::CreateRelationshipRequest::kRelationshipFieldNumber), &request)) return false;
  ByteReader made(request.String());
  put->source_id = std::string(TakeText(Bytes(pb::Relationship::kSourceIdFieldNumber), &made));
  put->relationship_id = std::string(TakeText(Bytes(pb::Relationship::kIdFieldNumber), &made));
  put->name = std::string(TakeText(Bytes(pb::Relationship::kNameFieldNumber), &made));
  put->target_id = std::string(TakeText(Bytes(pb::Relationship::kTargetIdFieldNumber), &made));
  if (Take(Bytes(pb::Relationship::kContentsFieldNumber), &made) &&
      !ReadContents(made.String(), names, &put->contents)) {
    return false;
  }
  if (Take(Varint(pb::CreateRelationshipRequest::kCreateOnlyFieldNumber), &request)) {
    put->condition.create_only = request.Varint() != 0;
  }
  if (Take(Fixed(pb::CreateRelationshipRequest::kSourceTimeUnixNanoFieldNumber), &request)) {
    put->source_time = Time{request.Fixed<int64_t>()};
  }
  return made.ok() && made.done() && request.ok() && request.done();
}

bool ReadCreation(absl::string_view operation, Names* of_twins, Names* of_relationships,
                  std::vector<ingest::Operation>* operations) {
  ByteReader reader(operation);
  if (Take(Bytes(pb::WriteOperation::kCreateTwinFieldNumber), &reader)) {
    auto& put = operations->emplace_back(std::in_place_type<ingest::PutTwin>);
    return ReadTwin(reader.String(), of_twins, &std::get<ingest::PutTwin>(put)) && reader.done();
  }
  if (!Take(Bytes(pb::WriteOperation::kCreateRelationshipFieldNumber), &reader)) return false;
  auto& put = operations->emplace_back(std::in_place_type<ingest::PutRelationship>);
  return ReadRelationship(reader.String(), of_relationships,
                          &std::get<ingest::PutRelationship>(put)) &&
         reader.done();
}

bool ReadCreations(const std::vector<absl::string_view>& messages,
                   std::vector<ingest::Operation>* operations) {
  Names of_twins;
  Names of_relationships;
  operations->reserve(messages.size());
  for (const absl::string_view message : messages) {
    if (!ReadCreation(message, &of_twins, &of_relationships, operations)) return false;
  }
  return true;
}

}  // namespace

std::optional<BatchOfBytes> ReadBatch(absl::string_view bytes) {
  BatchOfBytes read;
  ingest::WriteBatch& batch = read.batch;
  ByteReader reader(bytes);
  std::vector<absl::string_view> operations;
  while (Take(Bytes(pb::BatchWriteRequest::kOperationsFieldNumber), &reader)) {
    operations.push_back(reader.String());
  }
  if (Take(Varint(pb::BatchWriteRequest::kEachForItselfFieldNumber), &reader)) {
    batch.atomic = reader.Varint() == 0;
  }
  if (Take(Varint(pb::BatchWriteRequest::kValidateOnlyFieldNumber), &reader)) {
    batch.validate_only = reader.Varint() != 0;
  }
  batch.request_id =
      std::string(TakeText(Bytes(pb::BatchWriteRequest::kRequestIdFieldNumber), &reader));
  if (Take(Varint(pb::BatchWriteRequest::kBatchNumberFieldNumber), &reader)) {
    read.batch_number = reader.Varint();
  }
  if (!reader.ok() || !reader.done() || operations.empty()) return std::nullopt;
  batch.patches = ReadPatches(operations);
  if (!batch.patches.has_value() && !ReadCreations(operations, &batch.operations)) {
    return std::nullopt;
  }
  return read;
}

}  // namespace twin::api
