#include "server/api/convert.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "models/dtdl/model.h"
#include "server/api/json.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"
#include "server/ingest/check_value.h"

namespace twin::api {

// "~1" is '/', "~0" is '~'.
absl::StatusOr<std::vector<std::string>> ParsePointer(const std::string& pointer) {
  if (pointer.empty() || pointer[0] != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("path \"", pointer, "\": it begins with '/', as in /soh/value"));
  }
  std::vector<std::string> parts = absl::StrSplit(absl::string_view(pointer).substr(1), '/');
  for (std::string& part : parts) {
    if (absl::StrContains(part, '~')) {
      for (size_t at = part.find('~'); at != std::string::npos; at = part.find('~', at + 1)) {
        if (at + 1 < part.size() && (part[at + 1] == '0' || part[at + 1] == '1')) continue;
        return absl::InvalidArgumentError(absl::StrCat(
            "path \"", pointer, "\": after '~' stands 0 or 1; ~0 means '~', and ~1 means '/'"));
      }
      part = absl::StrReplaceAll(part, {{"~1", "/"}, {"~0", "~"}});
    }
  }
  return parts;
}

namespace {

absl::Status FromProto(const pb::Value& message, int depth, Value* value);

// A name that is there twice; without data where there is none.
absl::string_view FindTwice(const ValueMap& members) {
  constexpr size_t kFewMax = 16;  // of which each is compared with each
  if (members.size() <= kFewMax) {
    for (size_t i = 1; i < members.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (members[i].first == members[j].first) return members[i].first;
      }
    }
    return {};
  }
  std::vector<absl::string_view> names;
  names.reserve(members.size());
  for (const ValueMember& member : members) names.push_back(member.first);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? absl::string_view() : *twice;
}

absl::Status MembersFrom(const pb::ValueMap& message, int depth, ValueMap* members) {
  members->reserve(static_cast<size_t>(message.members_size()));
  for (const pb::Member& member : message.members()) {
    auto& [name, value] = members->emplace_back(member.name(), Value());
    TWIN_RETURN_IF_ERROR(FromProto(member.value(), depth + 1, &value));
  }
  const absl::string_view twice = FindTwice(*members);
  if (twice.data() == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(twice, ": the name is there twice"));
}

absl::Status FromProto(const pb::Value& message, int depth, Value* value) {
  if (depth > kValueDepthMax) {
    return absl::InvalidArgumentError(absl::StrCat("values nest deeper than ", kValueDepthMax));
  }
  switch (message.kind_case()) {
    case pb::Value::KIND_NOT_SET:
      *value = Value();
      break;
    case pb::Value::kBoolValue:
      *value = Value::Bool(message.bool_value());
      break;
    case pb::Value::kIntValue:
      *value = Value::Int(message.int_value());
      break;
    case pb::Value::kDoubleValue:
      *value = Value::Double(message.double_value());
      break;
    case pb::Value::kStringValue:
      *value = Value::String(message.string_value());
      break;
    case pb::Value::kTimeUnixNano:
      *value = Value::OfTime(Time{message.time_unix_nano()});
      break;
    case pb::Value::kArrayValue: {
      ValueArray items;
      items.reserve(static_cast<size_t>(message.array_value().values_size()));
      for (const pb::Value& each : message.array_value().values()) {
        TWIN_RETURN_IF_ERROR(FromProto(each, depth + 1, &items.emplace_back()));
      }
      *value = Value::Array(std::move(items));
      break;
    }
    case pb::Value::kMapValue: {
      ValueMap members;
      TWIN_RETURN_IF_ERROR(MembersFrom(message.map_value(), depth, &members));
      *value = Value::Map(std::move(members));
      break;
    }
  }
  return absl::OkStatus();
}

// "$metadata" and the like are about contents and not among them.
void DropReserved(ValueMap* members) {
  members->erase(
      std::remove_if(members->begin(), members->end(),
                     [](const ValueMember& member) { return absl::StartsWith(member.first, "$"); }),
      members->end());
  for (auto& [name, value] : *members) {
    if (value.kind() == Value::Kind::kMap && value.Find("$metadata") != nullptr) {
      DropReserved(&value.as_map());
    }
  }
}

absl::StatusOr<ingest::Condition> ConditionOf(bool create_only, const std::string& if_match) {
  ingest::Condition condition;
  condition.create_only = create_only;
  TWIN_ASSIGN_OR_RETURN(condition.version, ParseEtag(if_match));
  return condition;
}

struct Patch {
  std::vector<ingest::Edit> edits;
  std::string model_id;
};

absl::StatusOr<Patch> EditsOf(const google::protobuf::RepeatedPtrField<pb::Edit>& messages) {
  Patch patch;
  patch.edits.reserve(static_cast<size_t>(messages.size()));
  for (const pb::Edit& message : messages) {
    ingest::Edit& edit = patch.edits.emplace_back();
    if (message.kind() < pb::Edit::SET || message.kind() > pb::Edit::TEST) {
      return absl::InvalidArgumentError(absl::StrCat("edits.kind: no kind ", message.kind()));
    }
    edit.kind = static_cast<ingest::Edit::Kind>(message.kind());
    TWIN_ASSIGN_OR_RETURN(edit.path, ParsePointer(message.path()));
    TWIN_RETURN_IF_ERROR(FromProto(message.value(), 0, &edit.value));
    if (edit.kind != ingest::Edit::Kind::kTest) ingest::TakeByValue(&edit.value);
    if (message.has_source_time_unix_nano()) {
      edit.source_time = Time{message.source_time_unix_nano()};
    }
  }
  return patch;
}

// RFC 6902 without move and copy, which twins' properties have no use for.
absl::StatusOr<Patch> EditsOfJson(const std::string& json_patch) {
  TWIN_ASSIGN_OR_RETURN(const Value json, ParseJson(json_patch));
  if (json.kind() != Value::Kind::kArray) {
    return absl::InvalidArgumentError(
        "json_patch: expected an array, as in [{\"op\":\"replace\",\"path\":\"/a\",\"value\":1}]");
  }
  Patch patch;
  std::vector<std::pair<std::string, Time>> source_times;
  for (size_t i = 0; i < json.as_array().size(); ++i) {
    const Value& step = json.as_array()[i];
    const Value* op = step.Find("op");
    const Value* path = step.Find("path");
    const Value* value = step.Find("value");
    const std::string at = absl::StrCat("json_patch/", i);
    if (op == nullptr || op->kind() != Value::Kind::kString || path == nullptr ||
        path->kind() != Value::Kind::kString) {
      return absl::InvalidArgumentError(absl::StrCat(at, ": it needs an \"op\" and a \"path\""));
    }
    ingest::Edit edit;
    if (op->as_string() == "add") {
      edit.kind = ingest::Edit::Kind::kAdd;
    } else if (op->as_string() == "replace") {
      edit.kind = ingest::Edit::Kind::kReplace;
    } else if (op->as_string() == "remove") {
      edit.kind = ingest::Edit::Kind::kRemove;
    } else if (op->as_string() == "test") {
      edit.kind = ingest::Edit::Kind::kTest;
    } else {
      return absl::InvalidArgumentError(absl::StrCat(at, ": no operation \"", op->as_string(),
                                                     "\"; there are add, replace, remove, test"));
    }
    if (edit.kind != ingest::Edit::Kind::kRemove) {
      if (value == nullptr) {
        return absl::InvalidArgumentError(absl::StrCat(at, ": \"value\" is missing"));
      }
      edit.value = *value;
    }
    TWIN_ASSIGN_OR_RETURN(edit.path, ParsePointer(path->as_string()));
    if (edit.path[0] == "$metadata") {
      if (edit.path.size() == 2 && edit.path[1] == "$model" && value != nullptr &&
          value->kind() == Value::Kind::kString) {
        patch.model_id = value->as_string();
      } else if (edit.path.size() == 3 && edit.path[2] == "sourceTime" && value != nullptr) {
        TWIN_ASSIGN_OR_RETURN(const Time time, SourceTimeOf(*value));
        source_times.emplace_back(edit.path[1], time);
      } else {
        return absl::InvalidArgumentError(absl::StrCat(
            at, ": of $metadata only /$metadata/$model and /$metadata/NAME/sourceTime can change"));
      }
      continue;
    }
    patch.edits.push_back(std::move(edit));
  }
  for (const auto& [name, time] : source_times) {
    bool is_used = false;
    for (ingest::Edit& edit : patch.edits) {
      if (edit.path[0] != name || edit.kind == ingest::Edit::Kind::kTest) continue;
      edit.source_time = time;
      is_used = true;
    }
    if (!is_used) {
      return absl::InvalidArgumentError(absl::StrCat("json_patch: /$metadata/", name,
                                                     "/sourceTime goes with an edit of /", name,
                                                     " in the same patch"));
    }
  }
  return patch;
}

absl::StatusOr<Patch> PatchOf(const google::protobuf::RepeatedPtrField<pb::Edit>& edits,
                              const std::string& json_patch) {
  if (json_patch.empty()) return EditsOf(edits);
  if (!edits.empty()) {
    return absl::InvalidArgumentError("json_patch: give edits or json_patch, not both");
  }
  return EditsOfJson(json_patch);
}

// Puts a value at a path such as "soh.value", making maps on the way. Paths come in an order in
// which those with a common beginning are neighbours.
void PutAt(absl::string_view path, Value value, ValueMap* members) {
  const size_t dot = path.find('.');
  if (dot == absl::string_view::npos) {
    // What says that an Object is there has nothing behind its dot.
    if (!path.empty()) members->emplace_back(std::string(path), std::move(value));
    return;
  }
  const absl::string_view name = path.substr(0, dot);
  auto it = std::find_if(members->begin(), members->end(),
                         [&](const ValueMember& member) { return member.first == name; });
  if (it == members->end()) {
    members->emplace_back(std::string(name), Value::Map({}));
    it = members->end() - 1;
  }
  PutAt(path.substr(dot + 1), std::move(value), &it->second.as_map());
}

void AddComponents(const dtdl::Interface& interface, ValueMap* members) {
  for (const dtdl::Content* content : interface.contents) {
    if (content->kind != dtdl::Class::kComponent) continue;
    ValueMap inner;
    AddComponents(*content->component, &inner);
    members->emplace_back(std::string(content->name), Value::Map(std::move(inner)));
  }
}

absl::StatusOr<std::string> TextAt(const Value& json, absl::string_view name) {
  const Value* value = json.Find(name);
  if (value == nullptr || value->kind() != Value::Kind::kString) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": it is missing, or is no string"));
  }
  return value->as_string();
}

}  // namespace

absl::StatusOr<Time> SourceTimeOf(const Value& value) {
  if (value.kind() != Value::Kind::kString) {
    return absl::InvalidArgumentError("sourceTime: expected a time such as 2026-03-01T08:30:00Z");
  }
  return ParseTime(value.as_string());
}

absl::StatusOr<int> CountOf(absl::string_view field, int64_t asked, int standard, int max) {
  if (asked < 0) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": it is ", asked, "; ask for 1 to ", max,
                                                   ", or 0, which is ", standard));
  }
  return asked == 0 ? standard : static_cast<int>(std::min<int64_t>(asked, max));
}

absl::StatusOr<Value> FromProto(const pb::Value& message) {
  Value value;
  TWIN_RETURN_IF_ERROR(FromProto(message, 0, &value));
  return value;
}

void ToProto(const Value& value, pb::Value* message) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      break;
    case Value::Kind::kBool:
      message->set_bool_value(value.as_bool());
      break;
    case Value::Kind::kInt:
      message->set_int_value(value.as_int());
      break;
    case Value::Kind::kDouble:
      message->set_double_value(value.as_double());
      break;
    case Value::Kind::kString:
      message->set_string_value(value.as_string());
      break;
    case Value::Kind::kTime:
      message->set_time_unix_nano(value.as_time().ns);
      break;
    case Value::Kind::kArray:
      message->mutable_array_value();
      for (const Value& item : value.as_array()) {
        ToProto(item, message->mutable_array_value()->add_values());
      }
      break;
    case Value::Kind::kMap:
      ToProto(value.as_map(), message->mutable_map_value());
      break;
  }
}

void ToProto(const ValueMap& members, pb::ValueMap* message) {
  for (const auto& [name, value] : members) {
    pb::Member* member = message->add_members();
    member->set_name(name);
    ToProto(value, member->mutable_value());
  }
}

absl::StatusOr<ValueMap> ContentsOf(const pb::ValueMap& contents, const std::string& contents_json,
                                    bool with_reserved) {
  if (contents_json.empty()) {
    ValueMap members;
    TWIN_RETURN_IF_ERROR(MembersFrom(contents, 0, &members));
    for (ValueMember& member : members) ingest::TakeByValue(&member.second);
    return members;
  }
  if (contents.members_size() > 0) {
    return absl::InvalidArgumentError("contents_json: give contents or contents_json, not both");
  }
  TWIN_ASSIGN_OR_RETURN(Value json, ParseJson(contents_json));
  if (json.kind() != Value::Kind::kMap) {
    return absl::InvalidArgumentError("contents_json: expected an object");
  }
  if (!with_reserved) DropReserved(&json.as_map());
  return std::move(json.as_map());
}

std::string EtagOf(Sequence version) {
  if (version == Sequence()) return "";
  return absl::StrCat("W/\"", absl::Hex(version.value), "\"");
}

absl::StatusOr<std::optional<Sequence>> ParseEtag(const std::string& etag) {
  if (etag.empty() || etag == "*") return std::optional<Sequence>();
  absl::string_view text = etag;
  uint64_t version = 0;
  if (!absl::ConsumePrefix(&text, "W/\"") || !absl::ConsumeSuffix(&text, "\"") ||
      !absl::SimpleHexAtoi(text, &version)) {
    return absl::InvalidArgumentError(
        absl::StrCat("if_match: ", etag, " is no etag; give one back as it came, or \"*\""));
  }
  return std::optional<Sequence>(Sequence(version));
}

// --- Operations ---

namespace {

// When what the request asks for happened, where it says so.
template <typename Request>
std::optional<Time> RequestTime(const Request& request) {
  if (!request.has_source_time_unix_nano()) return std::nullopt;
  return Time{request.source_time_unix_nano()};
}

}  // namespace

absl::StatusOr<ingest::PutTwin> ToOperation(const pb::CreateTwinRequest& request) {
  ingest::PutTwin put;
  put.id = request.twin().id();
  put.model_id = request.twin().model_id();
  TWIN_ASSIGN_OR_RETURN(put.contents,
                        ContentsOf(request.twin().contents(), request.twin().contents_json()));
  TWIN_ASSIGN_OR_RETURN(put.condition, ConditionOf(request.create_only(), request.if_match()));
  put.source_time = RequestTime(request);
  return put;
}

absl::StatusOr<ingest::PatchTwin> ToOperation(const pb::UpdateTwinRequest& request) {
  ingest::PatchTwin patch;
  patch.id = request.id();
  TWIN_ASSIGN_OR_RETURN(Patch steps, PatchOf(request.edits(), request.json_patch()));
  patch.edits = std::move(steps.edits);
  patch.model_id = request.model_id().empty() ? steps.model_id : request.model_id();
  TWIN_ASSIGN_OR_RETURN(patch.condition, ConditionOf(false, request.if_match()));
  patch.source_time = RequestTime(request);
  return patch;
}

absl::StatusOr<ingest::PatchTwin> ToOperation(const pb::UpdateComponentRequest& request) {
  ingest::PatchTwin patch;
  patch.id = request.id();
  patch.component = request.component();
  if (patch.component.empty()) return absl::InvalidArgumentError("component: it is missing");
  TWIN_ASSIGN_OR_RETURN(Patch steps, PatchOf(request.edits(), request.json_patch()));
  patch.edits = std::move(steps.edits);
  TWIN_ASSIGN_OR_RETURN(patch.condition, ConditionOf(false, request.if_match()));
  patch.source_time = RequestTime(request);
  return patch;
}

absl::StatusOr<ingest::Operation> ToOperation(const pb::DeleteTwinRequest& request) {
  if (request.tree()) {
    if (!request.if_match().empty()) {
      return absl::InvalidArgumentError("if_match: a tree is deleted without one");
    }
    ingest::DeleteTree tree;
    tree.id = request.id();
    tree.relationship_names.assign(request.containment().begin(), request.containment().end());
    tree.source_time = RequestTime(request);
    return ingest::Operation(std::move(tree));
  }
  ingest::DeleteTwin one;
  one.id = request.id();
  one.delete_relationships = request.delete_relationships();
  TWIN_ASSIGN_OR_RETURN(one.condition, ConditionOf(false, request.if_match()));
  one.source_time = RequestTime(request);
  return ingest::Operation(std::move(one));
}

absl::StatusOr<ingest::PutRelationship> ToOperation(const pb::CreateRelationshipRequest& request) {
  ingest::PutRelationship put;
  put.source_id = request.relationship().source_id();
  put.relationship_id = request.relationship().id();
  put.name = request.relationship().name();
  put.target_id = request.relationship().target_id();
  TWIN_ASSIGN_OR_RETURN(put.contents, ContentsOf(request.relationship().contents(),
                                                 request.relationship().contents_json()));
  TWIN_ASSIGN_OR_RETURN(put.condition, ConditionOf(request.create_only(), request.if_match()));
  put.source_time = RequestTime(request);
  return put;
}

absl::StatusOr<ingest::PatchRelationship> ToOperation(
    const pb::UpdateRelationshipRequest& request) {
  ingest::PatchRelationship patch;
  patch.source_id = request.source_id();
  patch.relationship_id = request.id();
  TWIN_ASSIGN_OR_RETURN(Patch steps, PatchOf(request.edits(), request.json_patch()));
  patch.edits = std::move(steps.edits);
  TWIN_ASSIGN_OR_RETURN(patch.condition, ConditionOf(false, request.if_match()));
  patch.source_time = RequestTime(request);
  return patch;
}

absl::StatusOr<ingest::DeleteRelationship> ToOperation(
    const pb::DeleteRelationshipRequest& request) {
  ingest::DeleteRelationship one;
  one.source_id = request.source_id();
  one.relationship_id = request.id();
  TWIN_ASSIGN_OR_RETURN(one.condition, ConditionOf(false, request.if_match()));
  one.source_time = RequestTime(request);
  return one;
}

namespace {

// A patch that says nothing but what PatchColumns holds. `values` is what they are.
bool IsPlain(const pb::WriteOperation& message, std::vector<Value>* values) {
  if (message.operation_case() != pb::WriteOperation::kUpdateTwin) return false;
  const pb::UpdateTwinRequest& update = message.update_twin();
  const auto edits = static_cast<size_t>(update.edits_size());
  if (edits == 0 || edits > ingest::PatchColumns::kColumnsMax || !update.json_patch().empty() ||
      update.validate_only() || !update.request_id().empty() || !update.model_id().empty() ||
      !update.if_match().empty() || update.has_source_time_unix_nano()) {
    return false;
  }
  values->resize(edits);
  for (size_t i = 0; i < edits; ++i) {
    const pb::Edit& edit = update.edits(static_cast<int>(i));
    if (edit.kind() != pb::Edit::SET || edit.has_source_time_unix_nano() ||
        !FromProto(edit.value(), 0, &(*values)[i]).ok() ||
        !ingest::PatchColumns::Takes((*values)[i].kind())) {
      return false;
    }
  }
  return true;
}

bool HaveSamePaths(const pb::UpdateTwinRequest& a, const pb::UpdateTwinRequest& b) {
  if (a.edits_size() != b.edits_size()) return false;
  for (int i = 0; i < a.edits_size(); ++i) {
    if (a.edits(i).path() != b.edits(i).path()) return false;
  }
  return true;
}

constexpr int kPatchColumnsMin = 8;  // operations; of fewer, columns are no gain

// Nothing: they are not all alike, or something is wrong with one of them.
std::optional<ingest::PatchColumns> AlikePatches(const pb::BatchWriteRequest& request) {
  std::vector<Value> values;
  if (request.operations_size() < kPatchColumnsMin || !IsPlain(request.operations(0), &values)) {
    return std::nullopt;
  }
  const pb::UpdateTwinRequest& first = request.operations(0).update_twin();
  std::vector<ingest::PatchColumns::Column> columns(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    auto path = ParsePointer(first.edits(static_cast<int>(i)).path());
    if (!path.ok()) return std::nullopt;
    columns[i] = {*std::move(path), values[i].kind()};
  }
  ingest::PatchColumns patches(std::move(columns));
  const auto rows = static_cast<size_t>(request.operations_size());
  patches.Reserve(rows, rows * (first.id().size() + 1));
  for (const pb::WriteOperation& message : request.operations()) {
    if (!IsPlain(message, &values) || !HaveSamePaths(first, message.update_twin()) ||
        !patches.Add(message.update_twin().id(), values)) {
      return std::nullopt;
    }
  }
  return patches;
}

}  // namespace

absl::StatusOr<ingest::WriteBatch> ToBatch(const pb::BatchWriteRequest& request) {
  ingest::WriteBatch batch;
  batch.atomic = !request.each_for_itself();
  batch.validate_only = request.validate_only();
  batch.request_id = request.request_id();
  batch.patches = AlikePatches(request);
  if (batch.patches.has_value()) return batch;
  batch.operations.reserve(static_cast<size_t>(request.operations_size()));
  const auto add = [&](const auto& message) -> absl::Status {
    if (message.validate_only() || !message.request_id().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(message.validate_only() ? "validate_only" : "request_id",
                       ": it is a matter of the batch, not of one of its operations"));
    }
    auto operation = ToOperation(message);
    if (!operation.ok()) return std::move(operation).status();
    batch.operations.emplace_back(*std::move(operation));
    return absl::OkStatus();
  };
  for (const pb::WriteOperation& message : request.operations()) {
    absl::Status status;
    switch (message.operation_case()) {
      case pb::WriteOperation::kCreateTwin:
        status = add(message.create_twin());
        break;
      case pb::WriteOperation::kUpdateTwin:
        status = add(message.update_twin());
        break;
      case pb::WriteOperation::kDeleteTwin:
        status = add(message.delete_twin());
        break;
      case pb::WriteOperation::kCreateRelationship:
        status = add(message.create_relationship());
        break;
      case pb::WriteOperation::kUpdateRelationship:
        status = add(message.update_relationship());
        break;
      case pb::WriteOperation::kDeleteRelationship:
        status = add(message.delete_relationship());
        break;
      case pb::WriteOperation::OPERATION_NOT_SET:
        status = absl::InvalidArgumentError("it is empty");
        break;
    }
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("operation ", batch.operations.size(), ": ",
                                                      status.message()));
    }
  }
  return batch;
}

absl::StatusOr<ingest::PutTwin> TwinFromJson(Value json) {
  if (json.kind() != Value::Kind::kMap) return absl::InvalidArgumentError("expected an object");
  ingest::PutTwin put;
  TWIN_ASSIGN_OR_RETURN(put.id, TextAt(json, "$dtId"));
  const Value* metadata = json.Find("$metadata");
  if (metadata == nullptr) return absl::InvalidArgumentError("$metadata: it is missing");
  TWIN_ASSIGN_OR_RETURN(put.model_id, TextAt(*metadata, "$model"));
  if (metadata->kind() == Value::Kind::kMap) {
    for (const auto& [name, about] : metadata->as_map()) {
      const Value* source = about.Find("sourceTime");
      if (source == nullptr) continue;
      TWIN_ASSIGN_OR_RETURN(const Time time, SourceTimeOf(*source));
      put.source_times.emplace_back(name, time);
    }
  }
  put.contents = std::move(json.as_map());
  DropReserved(&put.contents);
  return put;
}

absl::StatusOr<ingest::PutRelationship> RelationshipFromJson(Value json) {
  if (json.kind() != Value::Kind::kMap) return absl::InvalidArgumentError("expected an object");
  ingest::PutRelationship put;
  TWIN_ASSIGN_OR_RETURN(put.relationship_id, TextAt(json, "$relationshipId"));
  // Azure's import jobs say $dtId for the source.
  TWIN_ASSIGN_OR_RETURN(put.source_id,
                        TextAt(json, json.Find("$sourceId") != nullptr ? "$sourceId" : "$dtId"));
  TWIN_ASSIGN_OR_RETURN(put.target_id, TextAt(json, "$targetId"));
  TWIN_ASSIGN_OR_RETURN(put.name, TextAt(json, "$relationshipName"));
  put.contents = std::move(json.as_map());
  DropReserved(&put.contents);
  return put;
}

// --- Views ---

ValueMap ContentsOf(const graph::GraphView& view, TwinNumber twin, bool with_telemetry) {
  const graph::TableSchema& table = view.TableOf(twin);
  // Each column is somewhere else in memory: on its way at once, not one after the other.
  const graph::TwinPlace place = view.PlaceOf(twin);
  for (const graph::ColumnSchema& column : table.columns) {
    if (!column.telemetry || with_telemetry) view.FetchValue(place, table.IdOf(column));
  }
  ValueMap contents;
  AddComponents(*table.interface, &contents);
  for (const graph::ColumnSchema& column : table.columns) {
    if (column.telemetry && !with_telemetry) continue;
    Value value = view.GetValue(twin, table.IdOf(column));
    if (!value.is_null()) PutAt(column.path, std::move(value), &contents);
  }
  return contents;
}

void FillTwin(const graph::GraphView& view, TwinNumber twin, const TwinOptions& options,
              pb::Twin* message) {
  const graph::TableSchema& table = view.TableOf(twin);
  const absl::string_view id = view.IdOf(twin);
  message->set_id(id.data(), id.size());
  message->set_model_id(table.model_id);
  message->set_etag(EtagOf(view.VersionOf(twin)));
  message->set_update_time_unix_nano(view.UpdateTimeOf(twin).ns);
  if (options.format == pb::VALUES) {
    ToProto(ContentsOf(view, twin, options.with_telemetry), message->mutable_contents());
  } else if (options.format == pb::JSON) {
    AppendJson(Value::Map(ContentsOf(view, twin, options.with_telemetry)),
               message->mutable_contents_json());
  }
  if (!options.with_times) return;
  for (const graph::ColumnSchema& column : table.columns) {
    if (column.telemetry && !options.with_telemetry) continue;
    const graph::Cell cell = view.Get(twin, table.IdOf(column));
    if (cell.value.is_null()) continue;
    pb::PropertyTime* time = message->add_property_times();
    const absl::string_view path = column.name();
    time->set_path(path.data(), path.size());
    time->set_update_time_unix_nano(cell.update_time.ns);
    time->set_source_time_unix_nano(cell.source_time.ns);
  }
}

ValueMap ContentsOf(const graph::GraphView& view, RelationshipNumber relationship) {
  const graph::RelationshipType& type =
      view.catalog().relationship_type(view.Get(relationship).type);
  ValueMap contents;
  for (uint32_t i = 0; i < type.columns.size(); ++i) {
    Value value = view.GetValue(relationship, ColumnId(i));
    if (!value.is_null()) contents.emplace_back(type.columns[i].path, std::move(value));
  }
  return contents;
}

void FillRelationship(const graph::GraphView& view, RelationshipNumber relationship,
                      pb::ContentsFormat format, pb::Relationship* message) {
  const graph::Relationship found = view.Get(relationship);
  const absl::string_view source = view.IdOf(found.source);
  const absl::string_view target = view.IdOf(found.target);
  message->set_source_id(source.data(), source.size());
  message->set_id(found.id.data(), found.id.size());
  message->set_name(view.catalog().relationship_type(found.type).name);
  message->set_target_id(target.data(), target.size());
  message->set_etag(EtagOf(found.version));
  if (format == pb::VALUES) {
    ToProto(ContentsOf(view, relationship), message->mutable_contents());
  } else if (format == pb::JSON) {
    AppendJson(Value::Map(ContentsOf(view, relationship)), message->mutable_contents_json());
  }
}

void FillPosition(const graph::GraphView& view, pb::Position* message) {
  FillPosition(view.sequence(), message);
}

void FillPosition(Sequence sequence, pb::Position* message) {
  message->set_partition(0);
  message->set_sequence(sequence.value);
}

}  // namespace twin::api
