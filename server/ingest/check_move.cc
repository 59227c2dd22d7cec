// Moving a twin to another model, mostly a later version of its own.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/dtdl/values.h"
#include "server/base/status_macros.h"
#include "server/ingest/checker.h"

namespace twin::ingest {
namespace {

// A number that stays what it is would be another quantity: as a value, and in what is recorded.
absl::Status CheckUnit(const graph::TableSchema& from, const graph::ColumnSchema& column,
                       const graph::TableSchema& to) {
  const graph::ColumnSchema* same = to.FindSame(column);
  if (same == nullptr || same->traits.unit == nullptr || column.traits.unit == nullptr ||
      same->traits.unit->name == column.traits.unit->name) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(column.path, ": it is in ", column.traits.unit->name, " in ", from.model_id,
                   " and in ", same->traits.unit->name, " in ", to.model_id,
                   "; give what is in another unit another name, or create the twin anew"));
}

}  // namespace

// Values that the new model does not know are given up only by a step that removes them.
absl::Status Checker::MoveByPatch(const PatchTwin& patch, TwinNumber twin) {
  TWIN_ASSIGN_OR_RETURN(const graph::TableSchema* table, ModelForTwins(patch.model_id, true));
  const graph::TableSchema& from = pending_.SchemaOf(twin);
  const auto is_removed = [&](const std::string& of) {
    return std::any_of(patch.edits.begin(), patch.edits.end(), [&](const Edit& edit) {
      const std::string path = absl::StrJoin(edit.path, ".");
      return edit.kind == Edit::Kind::kRemove &&
             (of == path || absl::StartsWith(of, absl::StrCat(path, ".")));
    });
  };
  for (const graph::ColumnSchema& column : from.columns) {
    if (!pending_.Has(twin, from.IdOf(column))) continue;
    TWIN_RETURN_IF_ERROR(CheckUnit(from, column, *table));
    if (column.telemetry) continue;
    if (is_removed(column.path)) {
      TWIN_RETURN_IF_ERROR(ClearTwinValue(twin, from.IdOf(column), patch.source_time));
      continue;
    }
    const graph::ColumnSchema* same = table->FindSame(column);
    const graph::Cell cell = pending_.Get(twin, from.IdOf(column));
    if (same == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat(column.name(), ": ", table->model_id,
                       " has no such property; patch the twin: replace /$metadata/$model, and "
                       "remove the property"));
    }
    const Value carried = graph::WidenedTo(same->type, column.type, cell.value);
    if (carried.is_null()) {
      return absl::FailedPreconditionError(
          absl::StrCat(column.path, ": ", table->model_id, " has another type for it, which ",
                       cell.value.DebugString(60),
                       " is not of; patch the twin: replace /$metadata/$model, remove the value, "
                       "and add one of that type"));
    }
    if (column.is_object) continue;
    // The same type is not yet the same schema: ranges and enums may differ.
    TWIN_RETURN_IF_ERROR(CheckValue(*same, carried, column.path, limits_).status());
  }
  return MoveTwin(twin, *table, patch.source_time);
}

absl::Status Checker::MoveTwin(TwinNumber twin, const graph::TableSchema& to,
                               const std::optional<Time>& source_time) {
  TWIN_RETURN_IF_ERROR(CheckRoomForPast());
  TWIN_ASSIGN_OR_RETURN(const Time at, SourceTimeOf(source_time, pending_.BeginOf(twin)));
  pending_.MoveTwin(twin, to.id, at);
  for (const RelationshipNumber each : pending_.Outgoing(twin)) {
    TWIN_RETURN_IF_ERROR(MoveRelationship(each, to, at));
  }
  for (const RelationshipNumber each : pending_.Incoming(twin)) {
    const PendingRelationship found = pending_.GetRelationship(each);
    const absl::Status fits =
        dtdl::CheckTarget(*pending_.catalog().relationship_type(found.type).content, *to.interface);
    if (!fits.ok()) {
      return absl::FailedPreconditionError(absl::StrCat("the relationship ", found.id, " of ",
                                                        pending_.IdOf(found.source),
                                                        " leads to it: ", fits.message()));
    }
  }
  return absl::OkStatus();
}

// Where the model declares the relationship anew, under the same name, it goes on as one of that
// type: it ends, and begins again with the same id.
absl::Status Checker::MoveRelationship(RelationshipNumber relationship,
                                       const graph::TableSchema& to, Time at) {
  const PendingRelationship found = pending_.GetRelationship(relationship);
  const graph::RelationshipType& type = pending_.catalog().relationship_type(found.type);
  const graph::RelationshipType* same = to.FindRelationship(type.name);
  if (same != nullptr && same->id == type.id) return absl::OkStatus();
  const auto refused = [&](absl::string_view why) {
    return absl::FailedPreconditionError(
        absl::StrCat("it has the relationship ", found.id, " (", type.name, "), ", why));
  };
  if (same == nullptr) {
    return refused(absl::StrCat("which ", to.model_id, " does not declare; delete it first"));
  }
  const absl::Status fits =
      dtdl::CheckTarget(*same->content, *pending_.SchemaOf(found.target).interface);
  if (!fits.ok()) return refused(absl::StrCat("and ", fits.message(), "; move its target first"));
  std::vector<ColumnValue> values;
  for (uint32_t i = 0; i < type.columns.size(); ++i) {
    const Value value = pending_.GetValue(relationship, ColumnId(i));
    if (value.is_null()) continue;
    uint32_t column = 0;
    while (column < same->columns.size() && same->columns[column].path != type.columns[i].path) {
      ++column;
    }
    if (column == same->columns.size()) {
      return refused(absl::StrCat("whose property ", type.columns[i].path, " ", to.model_id,
                                  " does not declare; remove it first"));
    }
    absl::StatusOr<Value> checked =
        CheckValue(same->columns[column], value, type.columns[i].path, limits_);
    if (!checked.ok()) return refused(checked.status().message());
    values.push_back({ColumnId(column), *std::move(checked)});
  }
  for (uint32_t i = 0; i < same->columns.size(); ++i) {
    const bool given = std::any_of(values.begin(), values.end(), [&](const ColumnValue& value) {
      return value.column == ColumnId(i);
    });
    if (!given && same->columns[i].traits.required) {
      return refused(
          absl::StrCat("whose property ", same->columns[i].path, " is required; set it first"));
    }
  }
  TWIN_RETURN_IF_ERROR(CheckRoomForStrings());
  const std::string id(found.id);
  const Time begin = std::max(at, pending_.ChangedOf(relationship));
  pending_.DeleteRelationship(relationship, begin);
  const RelationshipNumber number =
      pending_.CreateRelationship(same->id, found.source, found.target, id, begin);
  for (ColumnValue& value : values) {
    pending_.SetValue(number, value.column, std::move(value.value), begin);
  }
  if (same->content->max_multiplicity > 0) counted_.emplace_back(found.source, same->id);
  return absl::OkStatus();
}

}  // namespace twin::ingest
