#include "tests/sim/random_operations.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace twin::sim {

using EditKind = ingest::Edit::Kind;

std::string RandomOperations::TwinId() {
  if (OneIn(60)) return OneIn(2) ? "nobody" : "";
  return absl::StrCat("t", Pick(16));
}

std::string RandomOperations::ModelId() {
  if (OneIn(40)) return "dtmi:t:Pak;1";
  // The first ones are those whose twins can be connected.
  const uint32_t kind = Pick(10);
  if (kind < 4) return "dtmi:t:Pack;1";
  if (kind < 7) return OneIn(3) ? "dtmi:t:Cell;2" : "dtmi:t:Cell;1";
  return Models()[Pick(static_cast<uint32_t>(Models().size()))].id;
}

// Few different values, so that they are equal often.
Value RandomOperations::ValueOf(Kind kind) {
  if (OneIn(50)) return Value();
  if (OneIn(50)) return Value::Bool(true);
  switch (kind) {
    case Kind::kText:
      return Value::String(absl::StrCat("text", Pick(4)));
    case Kind::kWhole:
      return OneIn(40) ? Value::Double(3.5) : Value::Int(Pick(4));
    case Kind::kNumber:
      return OneIn(3) ? Value::Int(Pick(4)) : Value::Double(Pick(8) / 8.0);
    case Kind::kObject:
      break;
  }
  return Value();
}

// Null means "not given" of a property, and is wrong in an Object; so it is left out here.
ValueMap RandomOperations::ContentsOf(const Model& model) {
  ValueMap contents;
  for (const std::string& component : model.components) {
    if (!OneIn(40)) contents.emplace_back(component, Value::Map({}));
  }
  for (const Property& property : model.properties) {
    if (property.kind == Kind::kObject) continue;  // what a field brings with it
    if (OneIn(2) && !(property.required && !OneIn(20))) continue;
    Value value = ValueOf(property.kind);
    if (value.is_null()) continue;
    const std::vector<std::string> parts = absl::StrSplit(property.path, '.');
    ValueMap* members = &contents;
    if (parts.size() > 1) {
      auto it = std::find_if(contents.begin(), contents.end(),
                             [&](const ValueMember& member) { return member.first == parts[0]; });
      if (it == contents.end()) it = contents.emplace(it, parts[0], Value::Map({}));
      members = &it->second.as_map();
    }
    members->emplace_back(parts.back(), std::move(value));
  }
  if (OneIn(50)) contents.emplace_back("unknown", Value::Int(1));
  return contents;
}

std::optional<Time> RandomOperations::SourceTime(Time now) {
  if (!OneIn(4)) return std::nullopt;
  if (OneIn(20)) return Time{now.ns + 400 * kNsPerSecond};  // too far ahead
  return Time{now.ns - 5 * kNsPerSecond + Pick(8) * kNsPerSecond};
}

ingest::Condition RandomOperations::ConditionOf(uint64_t version) {
  ingest::Condition condition;
  if (OneIn(6)) condition.version = Sequence(OneIn(4) ? version + 1 : version);
  return condition;
}

ingest::PutTwin RandomOperations::Put(const State& state, Time now) {
  ingest::PutTwin put;
  put.id = TwinId();
  const auto it = state.twins.find(put.id);
  put.model_id = it == state.twins.end() || OneIn(4) ? ModelId() : it->second.model;
  const auto model = std::find_if(Models().begin(), Models().end(),
                                  [&](const Model& each) { return each.id == put.model_id; });
  put.contents = ContentsOf(model == Models().end() ? Models().front() : *model);
  put.condition = ConditionOf(it == state.twins.end() ? 0 : it->second.version);
  put.condition.create_only = OneIn(10);
  put.source_time = SourceTime(now);
  return put;
}

ingest::Edit RandomOperations::EditOf(const Model& model, const std::string& component) {
  ingest::Edit edit;
  edit.kind = static_cast<EditKind>(OneIn(3) ? 0 : Pick(5));
  const Property& property = model.properties[Pick(static_cast<uint32_t>(model.properties.size()))];
  edit.path = absl::StrSplit(property.path, '.');
  edit.value = ValueOf(property.kind);
  if (!component.empty()) {
    edit.path = {"firmware"};
    edit.value = ValueOf(Kind::kText);
  } else if (edit.path.size() > 1 &&
             (property.kind == Kind::kObject || OneIn(3))) {  // the whole Object or component
    edit.path.pop_back();
    const std::string field = std::vector<std::string>(absl::StrSplit(property.path, '.'))[1];
    if (property.kind == Kind::kObject) {
      edit.value = Value::Map({});
    } else if (!edit.value.is_null()) {
      edit.value = Value::Map({{field, edit.value}});
    }
  }
  if (OneIn(60)) edit.path.emplace_back("deeper");
  if (OneIn(60)) edit.path = {"unknown"};
  return edit;
}

ingest::PatchTwin RandomOperations::Patch(const State& state, Time now) {
  ingest::PatchTwin patch;
  patch.id = TwinId();
  const auto it = state.twins.find(patch.id);
  const Model& model = it == state.twins.end() ? Models().back() : ModelOf(it->second.model);
  patch.condition = ConditionOf(it == state.twins.end() ? 0 : it->second.version);
  if (OneIn(10)) {
    patch.model_id = ModelId();  // without times, so that one rule at most is broken
  } else {
    if (OneIn(6)) patch.component = OneIn(10) ? "soh" : "bms";
    patch.source_time = SourceTime(now);
  }
  for (uint32_t i = Pick(4); i > 0; --i) patch.edits.push_back(EditOf(model, patch.component));
  return patch;
}

RelationshipKey RandomOperations::ArrowId(const State& state) {
  if (!state.relationships.empty() && !OneIn(5)) {
    const uint32_t n = Pick(static_cast<uint32_t>(state.relationships.size()));
    return std::next(state.relationships.begin(), n)->first;
  }
  return {TwinId(), absl::StrCat("r", Pick(4))};
}

ingest::PutRelationship RandomOperations::PutArrow(const State& state) {
  ingest::PutRelationship put;
  put.source_id = TwinId();
  put.target_id = TwinId();
  put.relationship_id = OneIn(60) ? "" : absl::StrCat("r", Pick(4));
  static constexpr const char* kNames[] = {"hasCell", "hasCell", "near", "contains"};
  put.name = kNames[Pick(4)];
  const auto source = state.twins.find(put.source_id);
  if (source != state.twins.end() && !OneIn(10)) {
    const auto& kinds = ModelOf(source->second.model).relationships;
    if (!kinds.empty()) put.name = kinds[Pick(static_cast<uint32_t>(kinds.size()))].name;
  }
  if (put.name == "hasCell" && OneIn(2)) put.contents.emplace_back("position", Value::Int(Pick(4)));
  if (OneIn(40)) put.contents.emplace_back("weight", Value::Int(1));
  const auto it = state.relationships.find({put.source_id, put.relationship_id});
  put.condition = ConditionOf(it == state.relationships.end() ? 0 : it->second.version);
  put.condition.create_only = OneIn(10);
  return put;
}

ingest::PatchRelationship RandomOperations::PatchArrow(const State& state) {
  ingest::PatchRelationship patch;
  const RelationshipKey key = ArrowId(state);
  std::tie(patch.source_id, patch.relationship_id) = key;
  const auto it = state.relationships.find(key);
  patch.condition = ConditionOf(it == state.relationships.end() ? 0 : it->second.version);
  for (uint32_t i = Pick(3); i > 0; --i) {
    ingest::Edit edit;
    edit.kind = static_cast<EditKind>(Pick(5));
    edit.path = {OneIn(30) ? "unknown" : "position"};
    edit.value = OneIn(30) ? Value::String("three") : Value::Int(Pick(4));
    patch.edits.push_back(std::move(edit));
  }
  return patch;
}

ingest::DeleteRelationship RandomOperations::DeleteArrow(const State& state) {
  ingest::DeleteRelationship request;
  const RelationshipKey key = ArrowId(state);
  std::tie(request.source_id, request.relationship_id) = key;
  const auto it = state.relationships.find(key);
  request.condition = ConditionOf(it == state.relationships.end() ? 0 : it->second.version);
  return request;
}

ingest::Operation RandomOperations::OfModels(const State& state) {
  const Model& any = Models()[Pick(static_cast<uint32_t>(Models().size()))];
  if (OneIn(3)) return ingest::DecommissionModel{OneIn(20) ? "dtmi:t:No;1" : any.id, OneIn(3)};
  if (OneIn(2))
    return ingest::DeleteModel{OneIn(20) ? "dtmi:t:No;1" : any.id, /*forget_past=*/true};
  ingest::CreateModels create;
  for (const Model& model : Models()) {
    if (state.models.count(model.id) == 0 && !OneIn(4)) create.texts.push_back(model.text);
  }
  if (OneIn(6)) create.texts.push_back(any.text);
  if (OneIn(20)) create.texts.emplace_back("{");
  if (create.texts.empty()) create.texts.push_back(any.text);
  return create;
}

ingest::Operation RandomOperations::AnyOperation(const State& state, Time now) {
  const uint32_t kind = Pick(100);
  if (kind < 30) return Put(state, now);
  if (kind < 55) return Patch(state, now);
  if (kind < 78) return PutArrow(state);
  if (kind < 84) return PatchArrow(state);
  if (kind < 89) return DeleteArrow(state);
  if (kind < 90) return OfModels(state);
  const std::string id = TwinId();
  if (kind < 92) {
    ingest::DeleteTree tree{id, {}};
    if (OneIn(3)) tree.relationship_names = {"near"};
    return tree;
  }
  const auto it = state.twins.find(id);
  return ingest::DeleteTwin{id, ConditionOf(it == state.twins.end() ? 0 : it->second.version),
                            OneIn(3)};
}

ingest::WriteBatch RandomOperations::Batch(const State& state, Time now) {
  ingest::WriteBatch batch;
  batch.atomic = OneIn(2);
  batch.validate_only = OneIn(12);
  if (OneIn(5)) {
    // Some come again: as they were, or with other operations, which is refused.
    batch.request_id = absl::StrCat("request", OneIn(3) ? Pick(20) : Pick(20) + 20 * ++requests_);
    const auto former = former_.find(batch.request_id);
    if (former != former_.end() && OneIn(2)) return former->second;
  }
  if (OneIn(12)) {
    batch.operations.push_back(OfModels(state));
    return batch;
  }
  const uint32_t operations = OneIn(40) ? 0 : OneIn(2) ? 1 : 1 + Pick(6);
  for (uint32_t i = 0; i < operations; ++i) batch.operations.push_back(AnyOperation(state, now));
  if (!batch.request_id.empty()) former_.emplace(batch.request_id, batch);
  return batch;
}

}  // namespace twin::sim
