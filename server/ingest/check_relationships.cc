// A Checker's operations on relationships.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/dtdl/values.h"
#include "server/base/status_macros.h"
#include "server/ingest/check_value.h"
#include "server/ingest/checker.h"
#include "server/ingest/edit_value.h"

namespace twin::ingest {
namespace {

absl::StatusOr<const graph::RelationshipType*> TypeOf(const graph::TableSchema& source,
                                                      absl::string_view name) {
  const graph::RelationshipType* const type = source.FindRelationship(name);
  if (type != nullptr) return type;
  std::vector<absl::string_view> known;
  for (const graph::RelationshipType* each : source.relationships) known.push_back(each->name);
  return absl::InvalidArgumentError(
      absl::StrCat(source.model_id, " declares no relationship ", name, Suggestion(name, known),
                   known.empty() ? "" : absl::StrCat("; it has ", absl::StrJoin(known, ", "))));
}

}  // namespace

absl::Status Checker::CheckRoomForRelationship(TwinNumber source, TwinNumber target) const {
  const auto limit = static_cast<uint64_t>(limits_.relationships_per_twin_max);
  if (pending_.HasDegree(source, target, limit)) {
    return absl::ResourceExhaustedError(absl::StrCat("relationships_per_twin_max is ", limit,
                                                     ", and one of its twins has as many"));
  }
  if (static_cast<int64_t>(pending_.relationships()) >= limits_.relationships_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("relationships_max is ", limits_.relationships_max));
  }
  if (pending_.next_relationship() == kNoRelationship.value) {
    return absl::ResourceExhaustedError(
        "all numbers of relationships are used; export, and import anew");
  }
  return CheckRoomForStrings();
}

absl::Status Checker::Put(const PutRelationship& put, OperationResult* result) {
  TWIN_RETURN_IF_ERROR(CheckId(put.relationship_id, "relationship id", limits_));
  TWIN_ASSIGN_OR_RETURN(const TwinNumber source, TwinOf(put.source_id));
  pending_.FetchRelationship(source, put.relationship_id);
  TWIN_ASSIGN_OR_RETURN(const TwinNumber target, TwinOf(put.target_id));
  TWIN_ASSIGN_OR_RETURN(const graph::RelationshipType* const type,
                        TypeOf(pending_.SchemaOf(source), put.name));
  TWIN_RETURN_IF_ERROR(dtdl::CheckTarget(*type->content, *pending_.SchemaOf(target).interface));
  std::vector<ColumnValue>& values = values_;
  values.clear();
  TWIN_RETURN_IF_ERROR(FlattenRelationship(*type, put.contents, limits_, &values));

  RelationshipNumber number = pending_.FindRelationship(source, put.relationship_id);
  if (number == kNoRelationship && put.condition.version.has_value()) {
    return absl::NotFoundError("there is no such relationship that could match");
  }
  bool is_new = true;
  const bool was = !(number == kNoRelationship);
  TWIN_ASSIGN_OR_RETURN(
      const Time source_time,
      SourceTimeOf(put.source_time, was ? pending_.ChangedOf(number)
                                        : pending_.EndOfFormer(source, put.relationship_id)));
  if (was) {
    const PendingRelationship before = pending_.GetRelationship(number);
    TWIN_RETURN_IF_ERROR(CheckCondition(put.condition, before.version, "the relationship"));
    is_new = !(before.type == type->id) || !(before.target == target);
    result->created = false;
    TWIN_RETURN_IF_ERROR(CheckRoomForPast());
    if (is_new) {
      pending_.DeleteRelationship(number, source_time);
    } else {
      pending_.TouchRelationship(number);
    }
  } else {
    result->created = true;
  }
  if (is_new) {
    TWIN_RETURN_IF_ERROR(CheckRoomForRelationship(source, target));
    if (type->content->max_multiplicity > 0) counted_.emplace_back(source, type->id);
    if (is_alone_ && !was && IsWhole(*type, values) &&
        pending_.CreateAlone(type->id, source, target, put.relationship_id, values, source_time)) {
      result->changed = 1;
      return absl::OkStatus();
    }
    number =
        pending_.CreateRelationship(type->id, source, target, put.relationship_id, source_time);
  }
  std::vector<bool> given(type->columns.size());
  for (ColumnValue& value : values) {
    given[value.column.value] = true;
    if (IsKeptAsString(value.value)) TWIN_RETURN_IF_ERROR(CheckRoomForStrings());
    pending_.SetValue(number, value.column, std::move(value.value), source_time);
  }
  for (uint32_t i = 0; i < type->columns.size(); ++i) {
    if (given[i]) continue;
    if (type->columns[i].traits.required) {
      return absl::InvalidArgumentError(
          absl::StrCat("the property ", type->columns[i].path, " is required"));
    }
    if (!is_new && !pending_.GetValue(number, ColumnId(i)).is_null()) {
      pending_.SetValue(number, ColumnId(i), Value(), source_time);
    }
  }
  result->changed = 1;
  return absl::OkStatus();
}

absl::Status Checker::Patch(const PatchRelationship& patch, OperationResult* result) {
  TWIN_ASSIGN_OR_RETURN(const TwinNumber source, TwinOf(patch.source_id));
  TWIN_ASSIGN_OR_RETURN(const RelationshipNumber number,
                        RelationshipOf(source, patch.source_id, patch.relationship_id));
  const PendingRelationship before = pending_.GetRelationship(number);
  TWIN_RETURN_IF_ERROR(CheckCondition(patch.condition, before.version, "the relationship"));
  if (static_cast<int64_t>(patch.edits.size()) > limits_.patch_operations_max) {
    return absl::InvalidArgumentError(absl::StrCat("a patch of ", patch.edits.size(),
                                                   " steps; patch_operations_max is ",
                                                   limits_.patch_operations_max));
  }
  TWIN_RETURN_IF_ERROR(CheckRoomForPast());
  TWIN_ASSIGN_OR_RETURN(const Time source_time,
                        SourceTimeOf(patch.source_time, pending_.ChangedOf(number)));
  const graph::RelationshipType& type = pending_.catalog().relationship_type(before.type);
  bool changed = false;
  for (const Edit& edit : patch.edits) {
    const std::string pointer = PointerOf(edit.path);
    uint32_t i = 0;
    while (i < type.columns.size() && (edit.path.empty() || type.columns[i].path != edit.path[0])) {
      ++i;
    }
    if (i == type.columns.size()) {
      std::vector<absl::string_view> known;
      for (const graph::ColumnSchema& column : type.columns) known.push_back(column.path);
      return absl::InvalidArgumentError(
          absl::StrCat(pointer, ": no such property of the relationship ", type.name,
                       Suggestion(edit.path.empty() ? "" : edit.path[0], known)));
    }
    // A property is edited as one value: a map of one member, then taken out again.
    ValueMap whole;
    const Value now = pending_.GetValue(number, ColumnId(i));
    if (!now.is_null()) whole.emplace_back(type.columns[i].path, now);
    Value document = Value::Map(std::move(whole));
    TWIN_RETURN_IF_ERROR(EditValue(edit, edit.path, pointer, &document));
    if (edit.kind == Edit::Kind::kTest) continue;
    changed = true;
    const Value* edited = document.Find(type.columns[i].path);
    if (edited == nullptr) {
      if (type.columns[i].traits.required) {
        return absl::InvalidArgumentError(absl::StrCat(pointer, ": it is required"));
      }
      pending_.SetValue(number, ColumnId(i), Value(), source_time);
      continue;
    }
    TWIN_ASSIGN_OR_RETURN(Value checked, CheckValue(type.columns[i], *edited, pointer, limits_));
    if (IsKeptAsString(checked)) TWIN_RETURN_IF_ERROR(CheckRoomForStrings());
    pending_.SetValue(number, ColumnId(i), std::move(checked), source_time);
  }
  result->version = pending_.GetRelationship(number).version;
  result->changed = changed ? 1 : 0;
  return absl::OkStatus();
}

absl::Status Checker::Delete(const DeleteRelationship& request, OperationResult* result) {
  TWIN_ASSIGN_OR_RETURN(const TwinNumber source, TwinOf(request.source_id));
  TWIN_ASSIGN_OR_RETURN(const RelationshipNumber number,
                        RelationshipOf(source, request.source_id, request.relationship_id));
  TWIN_RETURN_IF_ERROR(CheckCondition(request.condition, pending_.GetRelationship(number).version,
                                      "the relationship"));
  TWIN_RETURN_IF_ERROR(CheckRoomForPast());
  TWIN_ASSIGN_OR_RETURN(const Time end,
                        SourceTimeOf(request.source_time, pending_.ChangedOf(number)));
  pending_.DeleteRelationship(number, end);
  result->changed = 1;
  return absl::OkStatus();
}

}  // namespace twin::ingest
