#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/base/coding.h"
#include "server/base/crc32c.h"
#include "server/ingest/check_value.h"
#include "server/ingest/request_ids.h"

namespace twin::ingest {
namespace {

void AppendTime(const std::optional<Time>& time, std::string* bytes) {
  AppendFixed(bytes, static_cast<uint8_t>(time.has_value() ? 1 : 0));
  AppendFixed(bytes, time.value_or(Time{0}).ns);
}

void AppendCondition(const Condition& condition, std::string* bytes) {
  AppendFixed(bytes, static_cast<uint8_t>((condition.create_only ? 2 : 0) |
                                          (condition.version.has_value() ? 1 : 0)));
  AppendVarint(bytes, condition.version.value_or(Sequence(0)).value);
}

void AppendTexts(const std::vector<std::string>& texts, std::string* bytes) {
  AppendVarint(bytes, texts.size());
  for (const std::string& text : texts) AppendString(bytes, text);
}

void AppendContents(const ValueMap& contents, std::string* bytes) {
  AppendVarint(bytes, contents.size());
  for (const auto& [name, value] : contents) {
    AppendString(bytes, name);
    value.AppendTo(bytes);
  }
}

void AppendEdits(const std::vector<Edit>& edits, std::string* bytes) {
  AppendVarint(bytes, edits.size());
  for (const Edit& edit : edits) {
    AppendFixed(bytes, static_cast<uint8_t>(edit.kind));
    AppendTexts(edit.path, bytes);
    edit.value.AppendTo(bytes);
    AppendTime(edit.source_time, bytes);
  }
}

// All that an operation says, in one way only.
struct Appender {
  std::string* bytes;

  void operator()(const PutTwin& put) const {
    AppendTexts({put.id, put.model_id}, bytes);
    AppendContents(put.contents, bytes);
    AppendCondition(put.condition, bytes);
    AppendTime(put.source_time, bytes);
    AppendVarint(bytes, put.source_times.size());
    for (const auto& [path, time] : put.source_times) {
      AppendString(bytes, path);
      AppendTime(time, bytes);
    }
  }
  void operator()(const PatchTwin& patch) const {
    AppendTexts({patch.id, patch.component, patch.model_id}, bytes);
    AppendEdits(patch.edits, bytes);
    AppendCondition(patch.condition, bytes);
    AppendTime(patch.source_time, bytes);
  }
  void operator()(const DeleteTwin& request) const {
    AppendTexts({request.id, request.delete_relationships ? "1" : ""}, bytes);
    AppendCondition(request.condition, bytes);
    AppendTime(request.source_time, bytes);
  }
  void operator()(const DeleteTree& request) const {
    AppendString(bytes, request.id);
    AppendTexts(request.relationship_names, bytes);
    AppendTime(request.source_time, bytes);
  }
  void operator()(const PutRelationship& put) const {
    AppendTexts({put.source_id, put.relationship_id, put.name, put.target_id}, bytes);
    AppendContents(put.contents, bytes);
    AppendCondition(put.condition, bytes);
    AppendTime(put.source_time, bytes);
  }
  void operator()(const PatchRelationship& patch) const {
    AppendTexts({patch.source_id, patch.relationship_id}, bytes);
    AppendEdits(patch.edits, bytes);
    AppendCondition(patch.condition, bytes);
    AppendTime(patch.source_time, bytes);
  }
  void operator()(const DeleteRelationship& request) const {
    AppendTexts({request.source_id, request.relationship_id}, bytes);
    AppendCondition(request.condition, bytes);
    AppendTime(request.source_time, bytes);
  }
  void operator()(const CreateModels& create) const { AppendTexts(create.texts, bytes); }
  void operator()(const DecommissionModel& request) const {
    AppendTexts({request.id, request.decommissioned ? "1" : ""}, bytes);
  }
  void operator()(const DeleteModel& request) const {
    AppendTexts({request.id, request.forget_past ? "1" : ""}, bytes);
  }
};

// As the operations that the rows stand for.
void AppendColumns(const PatchColumns& patches, std::string* bytes) {
  std::vector<std::string> steps(patches.columns().size());
  for (size_t i = 0; i < steps.size(); ++i) {
    AppendFixed(&steps[i], static_cast<uint8_t>(Edit::Kind::kSet));
    AppendTexts(patches.columns()[i].path, &steps[i]);
  }
  const auto kind = static_cast<uint8_t>(Operation(PatchTwin()).index());
  for (size_t row = 0; row < patches.rows(); ++row) {
    AppendFixed(bytes, kind);
    AppendVarint(bytes, 3);
    AppendString(bytes, patches.Id(row));
    AppendString(bytes, "");
    AppendString(bytes, "");
    AppendVarint(bytes, steps.size());
    for (size_t i = 0; i < steps.size(); ++i) {
      bytes->append(steps[i]);
      Value value = patches.Get(row, i);
      TakeByValue(&value);
      value.AppendTo(bytes);
      AppendTime(std::nullopt, bytes);
    }
    AppendCondition({}, bytes);
    AppendTime(std::nullopt, bytes);
  }
}

}  // namespace

uint64_t DigestOf(const WriteBatch& batch) {
  std::string bytes;
  AppendFixed(&bytes, static_cast<uint8_t>(batch.atomic ? 1 : 0));
  if (batch.patches.has_value()) AppendColumns(*batch.patches, &bytes);
  for (const Operation& operation : batch.operations) {
    AppendFixed(&bytes, static_cast<uint8_t>(operation.index()));
    std::visit(Appender{&bytes}, operation);
  }
  return (uint64_t{Crc32c(bytes)} << 32) | static_cast<uint32_t>(bytes.size());
}

}  // namespace twin::ingest
