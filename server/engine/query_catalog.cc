#include "server/engine/query_catalog.h"

#include <utility>
#include <vector>

namespace twin::engine {
namespace {

query::TypeKind TypeOf(graph::ColumnType type) {
  switch (type) {
    case graph::ColumnType::kBool:
      return query::TypeKind::kBool;
    case graph::ColumnType::kInt32:
    case graph::ColumnType::kInt64:
      return query::TypeKind::kInt;
    case graph::ColumnType::kFloat:
    case graph::ColumnType::kDouble:
      return query::TypeKind::kDouble;
    case graph::ColumnType::kTime:
      return query::TypeKind::kTime;
    case graph::ColumnType::kString:
      return query::TypeKind::kString;
    case graph::ColumnType::kDocument:
      return query::TypeKind::kValue;
  }
  return query::TypeKind::kNull;
}

query::Column ColumnOf(const graph::ColumnSchema& schema) {
  query::Column column;
  column.path = schema.path;
  column.type = TypeOf(schema.type);
  column.telemetry = schema.telemetry;
  column.indexed = schema.indexed;
  column.unit = schema.traits.unit;
  column.schema = schema.schema;
  column.historized = schema.traits.historized;
  column.is_object = schema.is_object;
  return column;
}

// A model or a relationship type: whatever has columns and finds them by path.
template <typename T>
void AddColumns(const std::vector<graph::ColumnSchema>& schemas, T* to) {
  for (const graph::ColumnSchema& schema : schemas) {
    const ColumnId id(static_cast<uint32_t>(to->columns.size()));
    if (!schema.is_object) to->by_path.emplace(schema.path, id);
    to->columns.push_back(ColumnOf(schema));
  }
}

query::Model ModelOf(const graph::TableSchema& table) {
  query::Model model;
  model.table = table.id;
  model.id = table.model_id;
  model.interface = table.interface;
  AddColumns(table.columns, &model);
  for (const graph::RelationshipType* type : table.relationships) {
    model.relationships.push_back(type->id);
  }
  if (table.interface == nullptr) return model;
  for (const dtdl::Content* content : table.interface->contents) {
    if (content->kind == dtdl::Class::kComponent) {
      model.components.emplace_back(content->name);
    }
  }
  return model;
}

query::RelationshipType TypeOf(const graph::RelationshipType& from) {
  query::RelationshipType type;
  type.id = from.id;
  type.name = from.name;
  type.owner = from.owner;
  if (from.content != nullptr) type.target = std::string(from.content->target);
  AddColumns(from.columns, &type);
  return type;
}

}  // namespace

std::shared_ptr<const query::Catalog> ToQueryCatalog(
    std::shared_ptr<const graph::Catalog> catalog) {
  std::vector<query::Model> models;
  models.reserve(catalog->tables().size());
  for (const std::unique_ptr<graph::TableSchema>& table : catalog->tables()) {
    models.push_back(ModelOf(*table));
  }
  std::vector<query::RelationshipType> types;
  types.reserve(catalog->relationship_types());
  for (uint32_t i = 0; i < catalog->relationship_types(); ++i) {
    types.push_back(TypeOf(catalog->relationship_type(RelationshipTypeId(i))));
  }
  const dtdl::ModelSet* set = catalog->models();
  return std::make_shared<const query::Catalog>(std::move(models), std::move(types), set,
                                                std::move(catalog));
}

}  // namespace twin::engine
