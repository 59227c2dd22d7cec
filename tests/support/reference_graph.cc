#include "tests/support/reference_graph.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "models/dtdl/parse.h"
#include "server/base/float.h"
#include "server/base/status_macros.h"

namespace twin::testing {
namespace {

// As a column of that schema holds it: 3 is 3.0 of a double, an ISO 8601 text is a dateTime.
Value Converted(const dtdl::Schema& schema, const Value& value) {
  switch (schema.kind) {
    case dtdl::Class::kFloat:
    case dtdl::Class::kDouble: {
      const bool is_int = value.kind() == Value::Kind::kInt;
      if (!is_int && value.kind() != Value::Kind::kDouble) return value;
      const double number = is_int ? static_cast<double>(value.as_int()) : value.as_double();
      return Value::Double(schema.kind == dtdl::Class::kFloat ? AsFloat(number) : number);
    }
    case dtdl::Class::kDateTime:
      if (value.kind() == Value::Kind::kString) {
        const absl::StatusOr<Time> time = ParseTime(value.as_string());
        if (time.ok()) return Value::OfTime(*time);
      }
      return value;
    case dtdl::Class::kArray: {
      ValueArray items;
      if (value.kind() != Value::Kind::kArray) return value;
      for (const Value& item : value.as_array()) items.push_back(Converted(*schema.element, item));
      return Value::Array(std::move(items));
    }
    case dtdl::Class::kMap:
    case dtdl::Class::kObject: {
      ValueMap members;
      if (value.kind() != Value::Kind::kMap) return value;
      for (const auto& [name, member] : value.as_map()) {
        const dtdl::Schema* inner = schema.element;
        if (schema.kind == dtdl::Class::kObject) inner = schema.FindField(name)->schema;
        members.emplace_back(name, Converted(*inner, member));
      }
      return Value::Map(std::move(members));
    }
    default:
      return value;
  }
}

bool Fits(query::TypeKind type, const Value& value) {
  switch (type) {
    case query::TypeKind::kBool:
      return value.kind() == Value::Kind::kBool;
    case query::TypeKind::kInt:
      return value.kind() == Value::Kind::kInt;
    case query::TypeKind::kDouble:
      return value.kind() == Value::Kind::kDouble;
    case query::TypeKind::kString:
      return value.kind() == Value::Kind::kString;
    case query::TypeKind::kTime:
      return value.kind() == Value::Kind::kTime;
    default:
      return true;
  }
}

using Found = std::vector<std::pair<std::string, Value>>;  // values by path of a column

// Divides what lies at and below `path` over the columns of a model or relationship type.
template <typename T>
absl::Status Flatten(const T& owner, const std::string& path, const Value& value, Found* found) {
  const auto it = owner.by_path.find(path);
  if (it != owner.by_path.end()) {
    const query::Column& column = owner.columns[it->second.value];
    Value stored = value.is_null() ? value : Converted(*column.schema, value);
    if (!stored.is_null() && !Fits(column.type, stored)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": no such type as ", value.DebugString()));
    }
    found->emplace_back(path, std::move(stored));
    return absl::OkStatus();
  }
  if (value.kind() != Value::Kind::kMap) {
    return absl::InvalidArgumentError(absl::StrCat("there is no property ", path));
  }
  for (const auto& [name, member] : value.as_map()) {
    TWIN_RETURN_IF_ERROR(
        Flatten(owner, path.empty() ? name : absl::StrCat(path, ".", name), member, found));
  }
  return absl::OkStatus();
}

// Values of the columns at and below a path.
template <typename T>
std::vector<std::string> PathsBelow(const T& owner, const std::string& path) {
  std::vector<std::string> paths;
  const std::string prefix = absl::StrCat(path, ".");
  for (const query::Column& column : owner.columns) {
    if (column.path == path || column.path.compare(0, prefix.size(), prefix) == 0) {
      paths.push_back(column.path);
    }
  }
  return paths;
}

}  // namespace

absl::Status ReferenceGraph::Do(const ingest::CreateModels& create) {
  texts_.insert(texts_.end(), create.texts.begin(), create.texts.end());
  std::vector<dtdl::Source> sources;
  sources.reserve(texts_.size());
  for (const std::string& text : texts_) sources.push_back({"models", text});
  const dtdl::ParseResult result = dtdl::Parse(sources);
  if (result.verdict != dtdl::Verdict::kValid) {
    std::vector<std::string> messages(result.unresolved.begin(), result.unresolved.end());
    for (const dtdl::Diagnostic& each : result.diagnostics) messages.push_back(FullMessage(each));
    return absl::InvalidArgumentError(absl::StrJoin(messages, "\n"));
  }
  catalog_ = query::Catalog::OfModels(result.models);
  return absl::OkStatus();
}

absl::Status ReferenceGraph::Apply(const ingest::Operation& operation) {
  const absl::Status status = std::visit([this](const auto& one) { return Do(one); }, operation);
  ++data_.sequence;
  return status;
}

const query::Model* ReferenceGraph::ModelOf(absl::string_view id) const {
  for (const query::Model& model : catalog_->models()) {
    if (model.id == id) return &model;
  }
  return nullptr;
}

TwinNumber ReferenceGraph::Find(absl::string_view id) const {
  for (uint32_t i = 0; i < data_.twins.size(); ++i) {
    if (data_.twins[i].id == id && data_.twins[i].life.At(std::nullopt)) return TwinNumber(i);
  }
  return kNoTwin;
}

absl::Status ReferenceGraph::Do(const ingest::PutTwin& put) {
  const query::Model* model = ModelOf(put.model_id);
  if (model == nullptr) return absl::NotFoundError(absl::StrCat("no model ", put.model_id));
  Found found;
  TWIN_RETURN_IF_ERROR(Flatten(*model, "", Value::Map(put.contents), &found));
  const Time time = put.source_time.value_or(now_);
  TwinNumber number = Find(put.id);
  if (number == kNoTwin) {
    number = TwinNumber(static_cast<uint32_t>(data_.twins.size()));
    data_.twins.push_back({put.id, put.model_id, {time, std::nullopt}, 0, now_, {}});
  }
  Twin& twin = data_.twins[number.value];
  if (twin.model != put.model_id) return absl::UnimplementedError("a twin changes its model");
  twin.version = data_.sequence + 1;
  twin.update_time = now_;
  for (auto& [path, history] : twin.values) {
    if (!model->Find(path)->telemetry) history[time.ns] = {Value(), now_};
  }
  for (const auto& [path, value] : found) twin.values[path][time.ns] = {value, now_};
  return absl::OkStatus();
}

absl::Status ReferenceGraph::Do(const ingest::PatchTwin& patch) {
  const TwinNumber number = Find(patch.id);
  if (number == kNoTwin) return absl::NotFoundError(absl::StrCat("no twin ", patch.id));
  Twin& twin = data_.twins[number.value];
  const query::Model& model = *ModelOf(twin.model);
  for (const ingest::Edit& edit : patch.edits) {
    std::string path = absl::StrJoin(edit.path, ".");
    if (!patch.component.empty()) path = absl::StrCat(patch.component, ".", path);
    const int64_t time = edit.source_time.value_or(patch.source_time.value_or(now_)).ns;
    for (const std::string& below : PathsBelow(model, path)) {
      if (twin.values.contains(below)) twin.values[below][time] = {Value(), now_};
    }
    if (edit.kind == ingest::Edit::Kind::kRemove) continue;
    Found found;
    TWIN_RETURN_IF_ERROR(Flatten(model, path, edit.value, &found));
    for (const auto& [each, value] : found) twin.values[each][time] = {value, now_};
  }
  twin.version = data_.sequence + 1;
  twin.update_time = now_;
  return absl::OkStatus();
}

absl::Status ReferenceGraph::Do(const ingest::DeleteTwin& request) {
  const TwinNumber number = Find(request.id);
  if (number == kNoTwin) return absl::NotFoundError(absl::StrCat("no twin ", request.id));
  for (Relationship& each : data_.relationships) {
    if (each.life.end.has_value() || (each.source != number.value && each.target != number.value)) {
      continue;
    }
    if (!request.delete_relationships) {
      return absl::FailedPreconditionError(absl::StrCat(request.id, " has relationships"));
    }
    each.life.end = request.source_time.value_or(now_);
  }
  data_.twins[number.value].life.end = request.source_time.value_or(now_);
  return absl::OkStatus();
}

absl::Status ReferenceGraph::SetRelationship(const ValueMap& contents, Time time,
                                             Relationship* relationship) const {
  const Twin& source = data_.twins[relationship->source];
  for (const RelationshipTypeId id : ModelOf(source.model)->relationships) {
    const query::RelationshipType& type = catalog_->relationship_type(id);
    if (type.name != relationship->name) continue;
    for (const auto& [name, value] : contents) {
      const auto it = type.by_path.find(name);
      if (it == type.by_path.end()) {
        return absl::InvalidArgumentError(absl::StrCat(type.name, " has no property ", name));
      }
      const query::Column& column = type.columns[it->second.value];
      relationship->values[name][time.ns] = {
          value.is_null() ? value : Converted(*column.schema, value), now_};
    }
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(source.model, " has no relationship ", relationship->name));
}

ReferenceGraph::Relationship* ReferenceGraph::FindRelationship(const std::string& source,
                                                               const std::string& id) {
  for (Relationship& each : data_.relationships) {
    if (each.id == id && data_.twins[each.source].id == source && !each.life.end.has_value()) {
      return &each;
    }
  }
  return nullptr;
}

absl::Status ReferenceGraph::Do(const ingest::PutRelationship& put) {
  if (FindRelationship(put.source_id, put.relationship_id) != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat(put.source_id, "/", put.relationship_id));
  }
  Relationship made;
  made.id = put.relationship_id;
  made.name = put.name;
  made.source = Find(put.source_id).value;
  made.target = Find(put.target_id).value;
  made.life.begin = put.source_time.value_or(now_);
  made.version = data_.sequence + 1;
  if (made.source == kNoTwin.value || made.target == kNoTwin.value) {
    return absl::NotFoundError(absl::StrCat("no twin ", put.source_id, " or ", put.target_id));
  }
  TWIN_RETURN_IF_ERROR(SetRelationship(put.contents, made.life.begin, &made));
  data_.relationships.push_back(std::move(made));
  return absl::OkStatus();
}

absl::Status ReferenceGraph::Do(const ingest::PatchRelationship& patch) {
  Relationship* found = FindRelationship(patch.source_id, patch.relationship_id);
  if (found == nullptr) return absl::NotFoundError(patch.relationship_id);
  found->version = data_.sequence + 1;
  ValueMap contents;
  for (const ingest::Edit& edit : patch.edits) contents.emplace_back(edit.path[0], edit.value);
  return SetRelationship(contents, patch.source_time.value_or(now_), found);
}

absl::Status ReferenceGraph::Do(const ingest::DeleteRelationship& request) {
  Relationship* found = FindRelationship(request.source_id, request.relationship_id);
  if (found == nullptr) return absl::NotFoundError(request.relationship_id);
  found->life.end = request.source_time.value_or(now_);
  return absl::OkStatus();
}

absl::Status ReferenceGraph::AddSample(const std::string& twin, const std::string& path, Time time,
                                       const Value& value) {
  const TwinNumber number = Find(twin);
  if (number == kNoTwin) return absl::NotFoundError(absl::StrCat("no twin ", twin));
  const query::Column* column = ModelOf(data_.twins[number.value].model)->Find(path);
  if (column == nullptr) return absl::NotFoundError(absl::StrCat(twin, " has no ", path));
  const Value stored = value.is_null() ? value : Converted(*column->schema, value);
  data_.twins[number.value].values[path][time.ns] = {stored, now_};
  ++data_.sequence;
  return absl::OkStatus();
}

std::unique_ptr<query::GraphReader> ReferenceGraph::NewReader() const {
  auto data = std::make_shared<Data>(data_);
  data->catalog = catalog_;
  data->history_begin = history_begin_;
  return NewReferenceReader(std::move(data), std::nullopt);
}

}  // namespace twin::testing
