// Objects that columns are made of: whether they are there, and what they must have.
#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/ingest/check_value.h"
#include "server/ingest/checker.h"

namespace twin::ingest {

bool Checker::AnyBelow(TwinNumber twin, const graph::TableSchema& table,
                       const std::string& prefix) const {
  return std::any_of(table.columns.begin(), table.columns.end(), [&](const auto& column) {
    return absl::StartsWith(column.path, prefix) && pending_.Has(twin, table.IdOf(column));
  });
}

// Whether an Object around that one, whose path has a dot behind it, is there.
bool Checker::IsObjectAbove(TwinNumber twin, const graph::TableSchema& table,
                            absl::string_view object) const {
  const size_t dot = object.substr(0, object.size() - 1).rfind('.');
  if (dot == absl::string_view::npos) return false;
  const graph::ColumnSchema* const above = table.FindObject(object.substr(0, dot));
  return above != nullptr &&
         (AnyBelow(twin, table, above->path) || IsObjectAbove(twin, table, above->path));
}

absl::Status Checker::CheckRequired(TwinNumber twin) const {
  const graph::TableSchema& table = pending_.SchemaOf(twin);
  for (const ColumnId id : table.required) {
    if (pending_.Has(twin, id)) continue;
    const graph::ColumnSchema& column = table.columns[id.value];
    if (column.is_object) {
      TWIN_RETURN_IF_ERROR(CheckRequiredObject(twin, table, column));
      continue;
    }
    // A column of its own, or one of those that an Object was divided into.
    const bool in_object = column.schema != column.content->schema;
    if (!in_object && column.content->traits.required) {
      return absl::InvalidArgumentError(
          absl::StrCat("twin ", pending_.IdOf(twin), ": the property ", column.path,
                       " is required by ", column.content->owner->id));
    }
    if (in_object) {
      const std::string object = column.path.substr(0, column.path.rfind('.') + 1);
      const bool there = AnyBelow(twin, table, object);
      if (there && column.traits.required) {
        return absl::InvalidArgumentError(absl::StrCat("twin ", pending_.IdOf(twin), ": the field ",
                                                       column.path, " is required"));
      }
      if (!there && column.content->traits.required && !IsObjectAbove(twin, table, object)) {
        return absl::InvalidArgumentError(
            absl::StrCat("twin ", pending_.IdOf(twin), ": the property ", column.content->name,
                         " is required by ", column.content->owner->id));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckRequiredObject(TwinNumber twin, const graph::TableSchema& table,
                                          const graph::ColumnSchema& object) const {
  if (AnyBelow(twin, table, object.path)) return absl::OkStatus();
  const absl::string_view name = object.name();
  if (object.schema == object.content->schema) {
    return absl::InvalidArgumentError(absl::StrCat("twin ", pending_.IdOf(twin), ": the property ",
                                                   name, " is required by ",
                                                   object.content->owner->id));
  }
  const std::string parent(name.substr(0, name.rfind('.') + 1));
  if (!AnyBelow(twin, table, parent)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("twin ", pending_.IdOf(twin), ": the field ", name, " is required"));
}

// That the Object or Component at that path is there and equal, its Objects without fields too.
absl::Status Checker::TestGroup(const Edit& edit, absl::string_view pointer,
                                const graph::TableSchema& table, const std::string& path,
                                TwinNumber twin) const {
  const std::string prefix = absl::StrCat(path, ".");
  const dtdl::Content* const content = table.interface->Find(path);
  const bool is_component = content != nullptr && content->kind == dtdl::Class::kComponent;
  if (!is_component && !AnyBelow(twin, table, prefix)) {
    return absl::FailedPreconditionError(absl::StrCat(pointer, ": the test failed: it is not set"));
  }
  std::vector<ColumnValue> expected;
  TWIN_RETURN_IF_ERROR(FlattenGroup(table, path, edit.value, limits_, &expected));
  const auto is_expected_below = [&](const std::string& object) {
    return std::any_of(expected.begin(), expected.end(), [&](const ColumnValue& each) {
      return absl::StartsWith(table.columns[each.column.value].path, object);
    });
  };
  for (const graph::ColumnSchema& column : table.columns) {
    if (!absl::StartsWith(column.path, prefix) || column.telemetry) continue;
    const ColumnId id = table.IdOf(column);
    if (column.is_object) {
      const bool is_there = AnyBelow(twin, table, column.path);
      if (is_there == is_expected_below(column.path)) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          pointer, ": the test failed: ", column.name(), " is ", is_there ? "there" : "not set"));
    }
    const auto it = std::find_if(expected.begin(), expected.end(),
                                 [&](const ColumnValue& each) { return each.column == id; });
    const Value wanted = it == expected.end() ? Value() : it->value;
    const Value value = pending_.Get(twin, id).value;
    if (value == wanted) continue;
    return absl::FailedPreconditionError(absl::StrCat(pointer, ": the test failed: ", column.path,
                                                      " is ", value.DebugString(), ", not ",
                                                      wanted.DebugString()));
  }
  return absl::OkStatus();
}

absl::Status Checker::KeepObjectAround(TwinNumber twin, const graph::TableSchema& table,
                                       absl::string_view path,
                                       const std::optional<Time>& source_time) {
  const size_t dot = path.rfind('.');
  if (dot == absl::string_view::npos) return absl::OkStatus();
  const graph::ColumnSchema* const object = table.FindObject(path.substr(0, dot));
  if (object == nullptr || AnyBelow(twin, table, object->path)) return absl::OkStatus();
  return SetTwinValue(twin, table.IdOf(*object), Value::Map({}), source_time);
}

}  // namespace twin::ingest
