#include "tests/sim/unit.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/ingest/limits.h"

namespace twin::sim {
namespace {

using Code = absl::StatusCode;
using EditKind = ingest::Edit::Kind;
using Values = std::map<std::string, Value>;

// In the form that is stored; nullopt: it does not fit.
std::optional<Value> Fit(Kind kind, const Value& value) {
  switch (kind) {
    case Kind::kText:
      if (value.kind() == Value::Kind::kString) return value;
      return std::nullopt;
    case Kind::kWhole:
      if (value.kind() == Value::Kind::kInt) return value;
      return std::nullopt;
    case Kind::kNumber:
      if (value.kind() == Value::Kind::kDouble) return value;
      if (value.kind() != Value::Kind::kInt) return std::nullopt;
      return Value::Double(static_cast<double>(value.as_int()));
    case Kind::kObject:
      break;  // set by what holds it
  }
  return std::nullopt;
}

bool Flatten(const Model& model, const std::string& prefix, const ValueMap& contents,
             Values* values) {
  if (contents.empty() && model.Find(prefix) != nullptr) values->emplace(prefix, Value::Map({}));
  for (const auto& [name, value] : contents) {
    const std::string path = prefix + name;
    if (const Property* property = model.Find(path)) {
      const std::optional<Value> fit = Fit(property->kind, value);
      if (!fit.has_value()) return false;
      values->emplace(path, *fit);
    } else if (!model.HasBelow(path) || value.kind() != Value::Kind::kMap ||
               !Flatten(model, path + ".", value.as_map(), values)) {
      return false;
    }
  }
  return true;
}

bool HasComponents(const Model& model, const ValueMap& contents) {
  return std::all_of(model.components.begin(), model.components.end(), [&](const auto& name) {
    return std::any_of(contents.begin(), contents.end(),
                       [&](const ValueMember& member) { return member.first == name; });
  });
}

bool AnyFrom(const Twin& twin, const std::string& prefix) {
  return std::any_of(twin.values.begin(), twin.values.end(),
                     [&](const auto& each) { return absl::StartsWith(each.first, prefix); });
}

// An Object that is there with its fields stays there.
bool IsAround(const Property& object, const Values& values) {
  return object.kind == Kind::kObject &&
         std::any_of(values.begin(), values.end(),
                     [&](const auto& each) { return absl::StartsWith(each.first, object.path); });
}

Code Check(const ingest::Condition& condition, uint64_t version) {
  if (condition.create_only) return Code::kAlreadyExists;
  if (condition.version.has_value() && condition.version->value != version) return Code::kAborted;
  return Code::kOk;
}

// No twin and no relationship has the empty id.
Code Missing(const std::string& id) {
  return id.empty() ? Code::kInvalidArgument : Code::kNotFound;
}

bool IsContainment(const ingest::DeleteTree& request, const std::string& name) {
  const std::vector<std::string>& names = request.relationship_names;
  if (names.empty()) return name == "contains" || absl::StartsWith(name, "has");
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<Value> PositionIn(const ValueMap& contents) {
  if (contents.empty()) return std::nullopt;
  return contents.front().second;
}

bool FitsRelationship(const RelationshipKind& kind, const ValueMap& contents) {
  return std::all_of(contents.begin(), contents.end(), [&](const ValueMember& member) {
    return kind.has_position && member.first == "position" &&
           member.second.kind() == Value::Kind::kInt;
  });
}

}  // namespace

OperationAnswer Unit::Apply(const ingest::Operation& operation) {
  OperationAnswer answer;
  answer.version = sequence_;
  answer.code = std::visit([&](const auto& each) { return Do(each, &answer); }, operation);
  return answer;
}

Code Unit::End() {
  for (const auto& [source, name] : connected_) {
    size_t count = 0;
    size_t max = 0;
    for (const auto& [key, each] : state_.relationships) {
      if (key.first != source || each.kind.name != name) continue;
      ++count;
      max = each.kind.max;
    }
    if (max > 0 && count > max) return Code::kFailedPrecondition;
  }
  for (const std::string& id : written_) {
    const auto it = state_.twins.find(id);
    if (it == state_.twins.end()) continue;
    for (const Property& property : ModelOf(it->second.model).properties) {
      if (property.required && it->second.values.count(property.path) == 0) {
        return Code::kInvalidArgument;
      }
    }
  }
  state_.sequence = sequence_;
  state_.time = time_;
  return Code::kOk;
}

// --- Twins ---

Code Unit::CheckModel(const std::string& id, bool is_new) const {
  const auto it = state_.models.find(id);
  if (it == state_.models.end()) return Code::kInvalidArgument;
  return is_new && it->second ? Code::kFailedPrecondition : Code::kOk;
}

bool Unit::IsTooLate(Time source) const {
  return source.ns > time_.ns + ingest::Limits().clock_skew_ms_max * kNsPerMs;
}

// Relationships that the new model declares anew end, and begin again under the same id.
Code Unit::Move(const std::string& id, const Model& to, std::optional<Time> source) {
  Twin& twin = state_.twins[id];
  if (source.has_value() && IsTooLate(*source)) return Code::kInvalidArgument;
  if (source.has_value() && *source < twin.begin) return Code::kFailedPrecondition;
  twin.begin = source.value_or(std::max(time_, twin.begin));
  std::vector<Relationship*> outgoing;
  for (auto& [key, each] : state_.relationships) {
    if (key.first == id) outgoing.push_back(&each);
    if (each.target == id && !each.kind.target.empty() && !to.IsOf(each.kind.target)) {
      return Code::kFailedPrecondition;
    }
  }
  std::sort(outgoing.begin(), outgoing.end(),
            [](const Relationship* a, const Relationship* b) { return a->number < b->number; });
  for (Relationship* each : outgoing) {
    const RelationshipKind* same = to.FindRelationship(each->kind.name);
    if (same == nullptr) return Code::kFailedPrecondition;
    if (same->owner == each->kind.owner) continue;
    const Model& target = ModelOf(each->target == id ? to.id : state_.twins[each->target].model);
    if (!same->target.empty() && !target.IsOf(same->target)) return Code::kFailedPrecondition;
    if (each->position.has_value() && !same->has_position) return Code::kFailedPrecondition;
    each->kind = *same;
    each->number = ++state_.relationships_made;
    each->version = sequence_;
    connected_.emplace(id, same->name);
  }
  return Code::kOk;
}

Code Unit::Set(const std::string& path, const Value& value, std::optional<Time> source,
               Twin* twin) {
  const auto it = twin->values.find(path);
  Time at = source.value_or(time_);
  if (source.has_value()) {
    if (IsTooLate(at)) return Code::kInvalidArgument;
    if (it != twin->values.end() && at < it->second.source) return Code::kFailedPrecondition;
  } else if (it != twin->values.end()) {
    at = std::max(at, it->second.source);
  }
  twin->version = sequence_;
  twin->update = time_;
  if (value.is_null()) {
    twin->values.erase(path);
  } else {
    twin->values[path] = {value, time_, at};
  }
  return Code::kOk;
}

Code Unit::Clear(const std::string& path, std::optional<Time> source, Twin* twin) {
  return twin->values.count(path) == 0 ? Code::kOk : Set(path, Value(), source, twin);
}

Code Unit::Do(const ingest::PutTwin& put, OperationAnswer* answer) {
  if (put.id.empty()) return Code::kInvalidArgument;
  const auto it = state_.twins.find(put.id);
  const bool is_new = it == state_.twins.end();
  if (is_new && put.condition.version.has_value()) return Code::kNotFound;
  if (!is_new) {
    const Code code = Check(put.condition, it->second.version);
    if (code != Code::kOk) return code;
  }
  const bool moves = !is_new && it->second.model != put.model_id;
  Code code = CheckModel(put.model_id, is_new || moves);
  if (code != Code::kOk) return code;
  const Model& model = ModelOf(put.model_id);
  Values values;
  if (!Flatten(model, "", put.contents, &values) || !HasComponents(model, put.contents)) {
    return Code::kInvalidArgument;
  }
  if (moves) code = Move(put.id, model, put.source_time);
  const auto ended = state_.ended.find(put.id);
  const Time earliest = ended == state_.ended.end() ? Time{INT64_MIN} : ended->second;
  if (is_new && put.source_time.has_value()) {
    if (IsTooLate(*put.source_time)) return Code::kInvalidArgument;
    if (*put.source_time < earliest) return Code::kFailedPrecondition;
  }
  if (code != Code::kOk) return code;
  Twin& twin = state_.twins[put.id];
  if (moves) {
    const Model& from = ModelOf(twin.model);
    for (const Property& property : from.properties) {
      const Property* same = model.Find(property.path);
      if (same == nullptr || same->kind != property.kind) twin.values.erase(property.path);
    }
  }
  std::optional<Time> source = put.source_time;
  if (is_new) {
    twin.begin = put.source_time.value_or(std::max(time_, earliest));
    source = twin.begin;
  }
  twin.model = put.model_id;
  twin.version = sequence_;
  twin.update = time_;
  written_.insert(put.id);
  for (const auto& [path, value] : values) {
    code = Set(path, value, source, &twin);
    if (code != Code::kOk) return code;
  }
  for (const Property& property : model.properties) {
    if (values.count(property.path) > 0 || IsAround(property, values)) continue;
    code = Clear(property.path, put.source_time, &twin);
    if (code != Code::kOk) return code;
  }
  answer->created = is_new;
  answer->changed = 1;
  return Code::kOk;
}

// Values that the new model does not know are given up only by a step that removes them.
Code Unit::Migrate(const ingest::PatchTwin& patch, Twin* twin) {
  Code code = CheckModel(patch.model_id, true);
  if (code != Code::kOk) return code;
  const Model& to = ModelOf(patch.model_id);
  for (const Property& property : ModelOf(twin->model).properties) {
    if (twin->values.count(property.path) == 0) continue;
    const bool removed = std::any_of(patch.edits.begin(), patch.edits.end(), [&](const auto& edit) {
      const std::string path = absl::StrJoin(edit.path, ".");
      return edit.kind == EditKind::kRemove &&
             (property.path == path || absl::StartsWith(property.path, path + "."));
    });
    const Property* same = to.Find(property.path);
    if (removed) {
      code = Clear(property.path, patch.source_time, twin);
      if (code != Code::kOk) return code;
    } else if (same == nullptr || same->kind != property.kind) {
      return Code::kFailedPrecondition;
    }
  }
  code = Move(patch.id, to, patch.source_time);
  twin->model = patch.model_id;
  return code;
}

Code Unit::Do(const ingest::PatchTwin& patch, OperationAnswer* answer) {
  const auto it = state_.twins.find(patch.id);
  if (it == state_.twins.end()) return Missing(patch.id);
  Twin& twin = it->second;
  Code code = Check(patch.condition, twin.version);
  if (code != Code::kOk) return code;
  const std::vector<std::string>& components = ModelOf(twin.model).components;
  if (!patch.component.empty() &&
      std::find(components.begin(), components.end(), patch.component) == components.end()) {
    return Code::kNotFound;
  }
  written_.insert(patch.id);
  bool changed = false;
  if (!patch.model_id.empty() && twin.model != patch.model_id) {
    code = Migrate(patch, &twin);
    if (code != Code::kOk) return code;
    changed = true;
  }
  for (const ingest::Edit& edit : patch.edits) {
    if (edit.kind == EditKind::kRemove && !patch.model_id.empty() &&
        !AnyFrom(twin, absl::StrJoin(edit.path, "."))) {
      continue;  // done before the move
    }
    code = Edit(edit, patch, &twin);
    if (code != Code::kOk) return code;
    changed = changed || edit.kind != EditKind::kTest;
  }
  if (changed) {
    twin.version = sequence_;
    twin.update = time_;
  }
  answer->version = twin.version;
  answer->changed = changed ? 1 : 0;
  return Code::kOk;
}

Code Unit::Edit(const ingest::Edit& edit, const ingest::PatchTwin& patch, Twin* twin) {
  if (edit.path.empty()) return Code::kInvalidArgument;
  const Model& model = ModelOf(twin->model);
  std::string path = absl::StrJoin(edit.path, ".");
  if (!patch.component.empty()) path = absl::StrCat(patch.component, ".", path);
  const std::optional<Time> source = edit.source_time ? edit.source_time : patch.source_time;
  const Property* property = model.Find(path);
  if (property == nullptr && !model.HasBelow(path)) return Code::kInvalidArgument;
  if (property == nullptr && edit.kind == EditKind::kTest) return TestGroup(edit, path, *twin);
  const bool there =
      property != nullptr ? twin->values.count(path) > 0 : AnyFrom(*twin, path + ".");
  const bool may_create = edit.kind == EditKind::kSet || edit.kind == EditKind::kAdd;
  if (!there && edit.kind == EditKind::kTest) return Code::kFailedPrecondition;
  if (!there && !may_create) return Code::kInvalidArgument;
  if (property == nullptr) return EditGroup(edit, path, source, twin);
  const size_t dot = path.rfind('.');
  if (edit.kind == EditKind::kRemove) {
    const Code code = Set(path, Value(), source, twin);
    if (code != Code::kOk || dot == std::string::npos) return code;
    const std::string object = path.substr(0, dot + 1);
    const bool is_last = model.Find(object) != nullptr && !AnyFrom(*twin, object);
    return is_last ? Set(object, Value::Map({}), source, twin) : code;
  }
  if (edit.kind == EditKind::kAdd && edit.path.size() > 1 && !there) {
    const std::string parent = path.substr(0, dot);
    const bool is_component = std::find(model.components.begin(), model.components.end(), parent) !=
                              model.components.end();
    if (!is_component && !AnyFrom(*twin, parent + ".")) return Code::kInvalidArgument;
  }
  const std::optional<Value> fit = Fit(property->kind, edit.value);
  if (!fit.has_value()) return Code::kInvalidArgument;
  if (edit.kind != EditKind::kTest) return Set(path, *fit, source, twin);
  return twin->values[path].value == *fit ? Code::kOk : Code::kFailedPrecondition;
}

Code Unit::TestGroup(const ingest::Edit& edit, const std::string& path, const Twin& twin) {
  const Model& model = ModelOf(twin.model);
  const auto& components = model.components;
  const bool is_component =
      std::find(components.begin(), components.end(), path) != components.end();
  if (!is_component && !AnyFrom(twin, path + ".")) return Code::kFailedPrecondition;
  Twin wanted;
  Values values;
  if (edit.value.kind() != Value::Kind::kMap ||
      !Flatten(model, path + ".", edit.value.as_map(), &values)) {
    return Code::kInvalidArgument;
  }
  for (const auto& [name, value] : values) wanted.values[name].value = value;
  for (const Property& property : model.properties) {
    if (!absl::StartsWith(property.path, path + ".")) continue;
    if (absl::EndsWith(property.path, ".")) {  // an Object, however it came to be there
      if (AnyFrom(twin, property.path) != AnyFrom(wanted, property.path)) {
        return Code::kFailedPrecondition;
      }
      continue;
    }
    const auto is = twin.values.find(property.path);
    const auto it = wanted.values.find(property.path);
    const bool is_there = is != twin.values.end();
    if (is_there != (it != wanted.values.end()) ||
        (is_there && !(is->second.value == it->second.value))) {
      return Code::kFailedPrecondition;
    }
  }
  return Code::kOk;
}

Code Unit::EditGroup(const ingest::Edit& edit, const std::string& path, std::optional<Time> source,
                     Twin* twin) {
  const Model& model = ModelOf(twin->model);
  Values values;
  if (edit.kind == EditKind::kRemove) {
    const auto& components = model.components;
    if (std::find(components.begin(), components.end(), path) != components.end()) {
      return Code::kInvalidArgument;
    }
  } else if (edit.value.kind() != Value::Kind::kMap ||
             !Flatten(model, path + ".", edit.value.as_map(), &values)) {
    return Code::kInvalidArgument;
  }
  for (const Property& property : model.properties) {
    if (!absl::StartsWith(property.path, path + ".")) continue;
    const auto it = values.find(property.path);
    if (it == values.end() && IsAround(property, values)) continue;
    const Code code = it != values.end() ? Set(property.path, it->second, source, twin)
                                         : Clear(property.path, source, twin);
    if (code != Code::kOk) return code;
  }
  return Code::kOk;
}

void Unit::DeleteOne(const std::string& id, OperationAnswer* answer) {
  for (auto it = state_.relationships.begin(); it != state_.relationships.end();) {
    const bool touches = it->first.first == id || it->second.target == id;
    answer->changed += touches ? 1 : 0;
    it = touches ? state_.relationships.erase(it) : std::next(it);
  }
  const auto twin = state_.twins.find(id);
  state_.ended[id] = std::max(time_, twin->second.begin);
  state_.twins.erase(twin);
  ++answer->changed;
}

Code Unit::Do(const ingest::DeleteTwin& request, OperationAnswer* answer) {
  const auto it = state_.twins.find(request.id);
  if (it == state_.twins.end()) return Missing(request.id);
  const Code code = Check(request.condition, it->second.version);
  if (code != Code::kOk) return code;
  const bool connected =
      std::any_of(state_.relationships.begin(), state_.relationships.end(), [&](const auto& each) {
        return each.first.first == request.id || each.second.target == request.id;
      });
  if (connected && !request.delete_relationships) return Code::kFailedPrecondition;
  DeleteOne(request.id, answer);
  return Code::kOk;
}

Code Unit::Do(const ingest::DeleteTree& request, OperationAnswer* answer) {
  if (state_.twins.count(request.id) == 0) return Missing(request.id);
  std::set<std::string> tree = {request.id};
  for (size_t before = 0; before < tree.size();) {
    before = tree.size();
    for (const auto& [key, each] : state_.relationships) {
      if (tree.count(key.first) > 0 && IsContainment(request, each.kind.name)) {
        tree.insert(each.target);
      }
    }
  }
  for (const std::string& id : tree) DeleteOne(id, answer);
  return Code::kOk;
}

// --- Relationships ---

Code Unit::Do(const ingest::PutRelationship& put, OperationAnswer* answer) {
  if (put.relationship_id.empty()) return Code::kInvalidArgument;
  const auto source = state_.twins.find(put.source_id);
  const auto target = state_.twins.find(put.target_id);
  if (source == state_.twins.end()) return Missing(put.source_id);
  if (target == state_.twins.end()) return Missing(put.target_id);
  const RelationshipKind* kind = ModelOf(source->second.model).FindRelationship(put.name);
  if (kind == nullptr) return Code::kInvalidArgument;
  if (!kind->target.empty() && !ModelOf(target->second.model).IsOf(kind->target)) {
    return Code::kFailedPrecondition;
  }
  if (!FitsRelationship(*kind, put.contents)) return Code::kInvalidArgument;
  const RelationshipKey key(put.source_id, put.relationship_id);
  const auto it = state_.relationships.find(key);
  answer->created = it == state_.relationships.end();
  bool is_new = true;
  if (!answer->created) {
    const Code code = Check(put.condition, it->second.version);
    if (code != Code::kOk) return code;
    is_new = it->second.kind.name != put.name || it->second.kind.owner != kind->owner ||
             it->second.target != put.target_id;
  } else if (put.condition.version.has_value()) {
    return Code::kNotFound;
  }
  Relationship& relationship = state_.relationships[key];
  if (is_new) {
    relationship.number = ++state_.relationships_made;
    connected_.emplace(put.source_id, put.name);
  }
  relationship.kind = *kind;
  relationship.target = put.target_id;
  relationship.position = PositionIn(put.contents);
  relationship.version = sequence_;
  answer->changed = 1;
  return Code::kOk;
}

Code Unit::EditPosition(const ingest::Edit& edit, Relationship* relationship) {
  if (!relationship->kind.has_position || edit.path != std::vector<std::string>{"position"}) {
    return Code::kInvalidArgument;
  }
  const bool there = relationship->position.has_value();
  const bool may_create = edit.kind == EditKind::kSet || edit.kind == EditKind::kAdd;
  if (!there && edit.kind == EditKind::kTest) return Code::kFailedPrecondition;
  if (!there && !may_create) return Code::kInvalidArgument;
  if (edit.kind == EditKind::kTest) {
    return *relationship->position == edit.value ? Code::kOk : Code::kFailedPrecondition;
  }
  if (edit.kind == EditKind::kRemove) {
    relationship->position.reset();
  } else if (edit.value.kind() == Value::Kind::kInt) {
    relationship->position = edit.value;
  } else {
    return Code::kInvalidArgument;
  }
  relationship->version = sequence_;
  return Code::kOk;
}

Code Unit::Do(const ingest::PatchRelationship& patch, OperationAnswer* answer) {
  const auto it = state_.relationships.find({patch.source_id, patch.relationship_id});
  if (it == state_.relationships.end()) {
    return Missing(state_.twins.count(patch.source_id) == 0 ? patch.source_id
                                                            : patch.relationship_id);
  }
  Code code = Check(patch.condition, it->second.version);
  for (const ingest::Edit& edit : patch.edits) {
    if (code == Code::kOk) code = EditPosition(edit, &it->second);
  }
  answer->version = it->second.version;
  answer->changed =
      std::any_of(patch.edits.begin(), patch.edits.end(),
                  [](const ingest::Edit& edit) { return edit.kind != EditKind::kTest; })
          ? 1
          : 0;
  return code;
}

Code Unit::Do(const ingest::DeleteRelationship& request, OperationAnswer* answer) {
  const auto it = state_.relationships.find({request.source_id, request.relationship_id});
  if (it == state_.relationships.end()) {
    return Missing(state_.twins.count(request.source_id) == 0 ? request.source_id
                                                              : request.relationship_id);
  }
  const Code code = Check(request.condition, it->second.version);
  if (code != Code::kOk) return code;
  state_.relationships.erase(it);
  answer->changed = 1;
  return Code::kOk;
}

// --- Models ---

Code Unit::Do(const ingest::CreateModels& request, OperationAnswer* answer) {
  std::set<std::string> ids;
  for (const std::string& text : request.texts) {
    const auto it = std::find_if(Models().begin(), Models().end(),
                                 [&](const Model& model) { return model.text == text; });
    if (it == Models().end()) return Code::kInvalidArgument;
    ids.insert(it->id);
  }
  for (const std::string& id : ids) {
    if (state_.models.count(id) > 0) return Code::kAlreadyExists;
  }
  if (ids.size() < request.texts.size()) return Code::kInvalidArgument;
  for (const std::string& id : ids) state_.models[id] = false;
  for (const std::string& id : ids) {
    for (const std::string& needed : ModelOf(id).needs) {
      if (state_.models.count(needed) == 0) return Code::kInvalidArgument;
    }
  }
  answer->created = true;
  answer->changed = ids.size();
  return Code::kOk;
}

Code Unit::Do(const ingest::DecommissionModel& request, OperationAnswer* answer) {
  const auto it = state_.models.find(request.id);
  if (it == state_.models.end()) return Code::kNotFound;
  answer->changed = it->second == request.decommissioned ? 0 : 1;
  it->second = request.decommissioned;
  return Code::kOk;
}

Code Unit::Do(const ingest::DeleteModel& request, OperationAnswer* answer) {
  const auto it = state_.models.find(request.id);
  if (it == state_.models.end()) return Code::kNotFound;
  for (const auto& [id, twin] : state_.twins) {
    if (twin.model == request.id) return Code::kFailedPrecondition;
  }
  for (const auto& [id, decommissioned] : state_.models) {
    const std::vector<std::string>& needs = ModelOf(id).needs;
    if (std::find(needs.begin(), needs.end(), request.id) != needs.end()) {
      return Code::kFailedPrecondition;
    }
  }
  state_.models.erase(it);
  answer->changed = 1;
  return Code::kOk;
}

}  // namespace twin::sim
