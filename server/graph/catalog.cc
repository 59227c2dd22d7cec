#include "server/graph/catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "models/dtdl/parse.h"
#include "server/base/check.h"

namespace twin::graph {
namespace {

ColumnType TypeOf(const dtdl::Schema& schema) {
  switch (schema.kind) {
    case dtdl::Class::kBoolean:
      return ColumnType::kBool;
    case dtdl::Class::kByte:
    case dtdl::Class::kShort:
    case dtdl::Class::kInteger:
    case dtdl::Class::kUnsignedByte:
    case dtdl::Class::kUnsignedShort:
      return ColumnType::kInt32;
    case dtdl::Class::kLong:
    case dtdl::Class::kUnsignedInteger:
    case dtdl::Class::kUnsignedLong:
      return ColumnType::kInt64;
    case dtdl::Class::kFloat:
      return ColumnType::kFloat;
    case dtdl::Class::kDouble:
      return ColumnType::kDouble;
    case dtdl::Class::kDateTime:
      return ColumnType::kTime;
    case dtdl::Class::kEnum:
      return schema.string_enum ? ColumnType::kString : ColumnType::kInt32;
    case dtdl::Class::kArray:
    case dtdl::Class::kMap:
    case dtdl::Class::kObject:  // one that contains itself
      return ColumnType::kDocument;
    default:
      return ColumnType::kString;
  }
}

// A model asks for an equality index with the comment "index: equality".
bool WantsIndex(const dtdl::Content& content, ColumnType type) {
  return type == ColumnType::kString &&
         absl::StrContains(content.documentation.comment, "index: equality");
}

ColumnSchema ColumnOf(const dtdl::ValuePath& path) {
  ColumnSchema column;
  column.path = path.path;
  column.type = TypeOf(*path.schema);
  column.telemetry = path.content->kind == dtdl::Class::kTelemetry;
  column.indexed = WantsIndex(*path.content, column.type);
  column.content = path.content;
  column.schema = path.schema;
  column.traits = path.traits;
  return column;
}

ColumnSchema ColumnOfObject(const dtdl::ValuePath& object) {
  ColumnSchema column;
  column.path = absl::StrCat(object.path, ".");
  column.type = ColumnType::kDocument;
  column.content = object.content;
  column.schema = object.schema;
  column.traits.required = object.traits.required;
  column.traits.historized = object.traits.historized;
  column.is_object = true;
  return column;
}

// By the property, or by the Object that the property was divided into columns from.
bool IsRequired(const ColumnSchema& column) {
  return !column.telemetry && (column.content->traits.required || column.traits.required);
}

void AddColumns(TableSchema* table) {
  std::vector<dtdl::ValuePath> objects;
  for (const dtdl::ValuePath& path : dtdl::ModelSet::FlattenPaths(*table->interface, &objects)) {
    const ColumnId id(static_cast<uint32_t>(table->columns.size()));
    const ColumnSchema& column = table->columns.emplace_back(ColumnOf(path));
    table->by_path.emplace(path.path, id);
    if (IsRequired(column)) table->required.push_back(id);
    if (column.type == ColumnType::kString || column.type == ColumnType::kDocument) {
      table->texts.push_back(id);
    }
  }
  for (const dtdl::ValuePath& object : objects) {
    if (object.content->kind == dtdl::Class::kTelemetry) continue;
    const ColumnId id(static_cast<uint32_t>(table->columns.size()));
    const ColumnSchema& column = table->columns.emplace_back(ColumnOfObject(object));
    table->objects.emplace(object.path, id);
    // A required property demands one of its fields' columns, which stand in `required`.
    const bool is_property = object.schema == object.content->schema;
    if (column.traits.required && (!is_property || object.schema->fields.empty())) {
      table->required.push_back(id);
    }
  }
}

std::vector<ColumnSchema> RelationshipColumns(const dtdl::Content& relationship) {
  std::vector<ColumnSchema> columns;
  columns.reserve(relationship.properties.size());
  for (const dtdl::Content& property : relationship.properties) {
    ColumnSchema column;
    column.path = std::string(property.name);
    column.type = property.schema->kind == dtdl::Class::kObject ? ColumnType::kDocument
                                                                : TypeOf(*property.schema);
    column.content = &property;
    column.schema = property.schema;
    column.traits = property.traits;
    columns.push_back(std::move(column));
  }
  return columns;
}

std::string FindingsText(const dtdl::ParseResult& result,
                         const std::vector<dtdl::Source>& sources) {
  std::string text;
  for (const dtdl::Diagnostic& diagnostic : result.diagnostics) {
    if (diagnostic.severity != dtdl::Severity::kError) continue;
    absl::StrAppend(&text, text.empty() ? "" : "\n", sources[diagnostic.document].name, ":",
                    diagnostic.line, ":", diagnostic.column, ": ", dtdl::FullMessage(diagnostic),
                    " [", diagnostic.code, "]");
  }
  for (const std::string& id : result.unresolved) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", "no model defines ", id,
                    "; create it in the same request or before");
  }
  return text;
}

}  // namespace

const ColumnSchema* TableSchema::FindColumn(absl::string_view path) const {
  const auto it = by_path.find(path);
  return it == by_path.end() ? nullptr : &columns[it->second.value];
}

const ColumnSchema* TableSchema::FindObject(absl::string_view name) const {
  const auto it = objects.find(name);
  return it == objects.end() ? nullptr : &columns[it->second.value];
}

const ColumnSchema* TableSchema::FindSame(const ColumnSchema& column) const {
  return column.is_object ? FindObject(column.name()) : FindColumn(column.path);
}

std::vector<absl::string_view> TableSchema::Paths() const {
  std::vector<absl::string_view> paths;
  paths.reserve(by_path.size());
  for (const ColumnSchema& column : columns) {
    if (!column.is_object) paths.push_back(column.path);
  }
  return paths;
}

Value WidenedTo(ColumnType to, ColumnType from, const Value& value) {
  const auto to_double = [&](int64_t exact_max) {
    const int64_t whole = value.as_int();
    if (whole < -exact_max || whole > exact_max) return Value();
    return Value::Double(static_cast<double>(whole));
  };
  if (value.is_null() || to == from) return value;
  if (from == ColumnType::kInt32 || from == ColumnType::kInt64) {
    if (to == ColumnType::kInt64) return value;
    if (to == ColumnType::kDouble) return to_double(int64_t{1} << 53);
    if (to == ColumnType::kFloat && from == ColumnType::kInt32) return to_double(int64_t{1} << 24);
  }
  if (from == ColumnType::kFloat && to == ColumnType::kDouble) return value;
  return Value();
}

const RelationshipType* TableSchema::FindRelationship(absl::string_view name) const {
  const auto it = std::find_if(relationships.begin(), relationships.end(),
                               [&](const RelationshipType* type) { return type->name == name; });
  return it == relationships.end() ? nullptr : *it;
}

std::shared_ptr<const Catalog> Catalog::Empty() { return std::make_shared<Catalog>(); }

std::shared_ptr<const Catalog> Catalog::WithTypes(
    const std::vector<std::pair<std::string, std::string>>& types) {
  auto catalog = std::make_shared<Catalog>();
  for (const auto& [owner, name] : types) {
    auto type = std::make_unique<RelationshipType>();
    type->id = RelationshipTypeId(static_cast<uint32_t>(catalog->relationship_types_.size()));
    type->owner = owner;
    type->name = name;
    catalog->relationship_types_.push_back(std::move(type));
  }
  return catalog;
}

absl::StatusOr<std::shared_ptr<const Catalog>> Catalog::Create(std::vector<ModelState> states,
                                                               const Catalog* before) {
  auto catalog = std::make_shared<Catalog>();
  catalog->states_ = std::move(states);
  std::vector<dtdl::Source> sources;
  sources.reserve(catalog->states_.size());
  for (const ModelState& state : catalog->states_) {
    if (!state.deleted) sources.push_back({state.id, state.text});
  }
  if (!sources.empty()) {
    const dtdl::ParseResult result = dtdl::Parse(sources);
    if (result.verdict != dtdl::Verdict::kValid) {
      return absl::InvalidArgumentError(FindingsText(result, sources));
    }
    catalog->models_ = result.models;
  }

  // Types that were there keep their numbers, also those of models that are gone.
  if (before != nullptr) {
    for (const std::unique_ptr<RelationshipType>& type : before->relationship_types_) {
      auto kept = std::make_unique<RelationshipType>();
      kept->id = type->id;
      kept->name = type->name;
      kept->owner = type->owner;
      catalog->relationship_types_.push_back(std::move(kept));
    }
  }
  absl::flat_hash_map<std::pair<absl::string_view, absl::string_view>, RelationshipType*> types;
  for (const std::unique_ptr<RelationshipType>& type : catalog->relationship_types_) {
    if (!type->owner.empty()) types[{type->owner, type->name}] = type.get();
  }

  for (const ModelState& state : catalog->states_) {
    auto table = std::make_unique<TableSchema>();
    TWIN_CHECK(state.table.value == catalog->tables_.size()) << state.id;
    table->id = state.table;
    table->model_id = state.id;
    table->decommissioned = state.decommissioned;
    table->upload_time = state.upload_time;
    if (!state.deleted) {
      table->interface = catalog->models_->Find(state.id);
      if (table->interface == nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("the text of ", state.id, " does not define it"));
      }
      AddColumns(table.get());
      for (const dtdl::Content* content : table->interface->contents) {
        if (content->kind != dtdl::Class::kRelationship) continue;
        RelationshipType*& type = types[{content->owner->id, content->name}];
        if (type == nullptr) {
          auto made = std::make_unique<RelationshipType>();
          made->id = RelationshipTypeId(static_cast<uint32_t>(catalog->relationship_types_.size()));
          made->name = std::string(content->name);
          made->owner = std::string(content->owner->id);
          type = made.get();
          catalog->relationship_types_.push_back(std::move(made));
        }
        if (type->content == nullptr) {
          type->content = content;
          type->columns = RelationshipColumns(*content);
        }
        table->relationships.push_back(type);
      }
      catalog->by_model_.emplace(state.id, table->id);
    }
    catalog->tables_.push_back(std::move(table));
  }
  // A type that no model declares any more is never taken up again: its columns are another's.
  for (const std::unique_ptr<RelationshipType>& type : catalog->relationship_types_) {
    if (type->content == nullptr) type->owner.clear();
  }
  return catalog;
}

const TableSchema* Catalog::FindTable(absl::string_view model_id) const {
  const auto it = by_model_.find(model_id);
  return it == by_model_.end() ? nullptr : tables_[it->second.value].get();
}

std::vector<RelationshipTypeId> Catalog::TypesNamed(absl::string_view name) const {
  std::vector<RelationshipTypeId> ids;
  for (const std::unique_ptr<RelationshipType>& type : relationship_types_) {
    if (type->name == name) ids.push_back(type->id);
  }
  return ids;
}

}  // namespace twin::graph
