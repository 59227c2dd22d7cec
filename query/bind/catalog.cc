#include "query/bind/catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "models/dtdl/dtmi.h"
#include "query/bind/schemas.h"

namespace twin::query {
namespace {

Column ColumnOf(const dtdl::ValuePath& path) {
  Column column;
  column.path = path.path;
  column.type = binding::TypeOf(*path.schema);
  column.telemetry = path.content->kind == dtdl::Class::kTelemetry;
  // A model asks for an equality index with the comment "index: equality".
  column.indexed = column.type == TypeKind::kString &&
                   absl::StrContains(path.content->documentation.comment, "index: equality");
  column.unit = path.traits.unit;
  column.schema = path.schema;
  column.historized = path.traits.historized;
  return column;
}

RelationshipType TypeOf(const dtdl::Content& relationship, RelationshipTypeId id) {
  RelationshipType type;
  type.id = id;
  type.name = std::string(relationship.name);
  type.owner = std::string(relationship.owner->id);
  type.target = std::string(relationship.target);
  for (const dtdl::Content& property : relationship.properties) {
    Column column;
    column.path = std::string(property.name);
    column.type = binding::TypeOf(*property.schema);
    column.unit = property.traits.unit;
    column.schema = property.schema;
    column.historized = property.traits.historized;
    type.by_path.emplace(column.path, ColumnId(static_cast<uint32_t>(type.columns.size())));
    type.columns.push_back(std::move(column));
  }
  return type;
}

// "BatteryCell" of "dtmi:twingraph:battery:BatteryCell".
absl::string_view LastSegment(absl::string_view id) { return id.substr(id.rfind(':') + 1); }

}  // namespace

const Column* Model::Find(absl::string_view path) const {
  const auto it = by_path.find(path);
  return it == by_path.end() ? nullptr : &columns[it->second.value];
}

Catalog::Catalog(std::vector<Model> models, std::vector<RelationshipType> types,
                 const dtdl::ModelSet* set, std::shared_ptr<const void> keep)
    : models_(std::move(models)), types_(std::move(types)), set_(set), keep_(std::move(keep)) {
  for (const RelationshipType& type : types_) types_by_name_[type.name].push_back(type.id);
  for (const Model& model : models_) {
    if (model.interface == nullptr) continue;
    const absl::string_view family = dtdl::SplitVersion(model.id).id;
    std::vector<std::string>& families = families_[LastSegment(family)];
    if (std::find(families.begin(), families.end(), family) == families.end()) {
      families.emplace_back(family);
    }
  }
}

std::shared_ptr<const Catalog> Catalog::OfModels(std::shared_ptr<const dtdl::ModelSet> set) {
  std::vector<Model> models;
  std::vector<RelationshipType> types;
  if (set == nullptr) {
    return std::make_shared<Catalog>(std::move(models), std::move(types), nullptr, nullptr);
  }
  absl::flat_hash_map<const dtdl::Content*, RelationshipTypeId> known;  // by the declaration
  for (const dtdl::Interface* interface : set->interfaces()) {
    Model model;
    model.table = TableId(static_cast<uint32_t>(models.size()));
    model.id = std::string(interface->id);
    model.interface = interface;
    for (const dtdl::ValuePath& path : dtdl::ModelSet::FlattenPaths(*interface)) {
      model.by_path.emplace(path.path, ColumnId(static_cast<uint32_t>(model.columns.size())));
      model.columns.push_back(ColumnOf(path));
    }
    for (const dtdl::Content* content : interface->contents) {
      if (content->kind == dtdl::Class::kComponent) {
        model.components.emplace_back(content->name);
      }
      if (content->kind != dtdl::Class::kRelationship) continue;
      const RelationshipTypeId next(static_cast<uint32_t>(types.size()));
      const auto [it, inserted] = known.emplace(content->owner->Find(content->name), next);
      if (inserted) types.push_back(TypeOf(*content, next));
      model.relationships.push_back(it->second);
    }
    models.push_back(std::move(model));
  }
  const dtdl::ModelSet* const plain = set.get();
  return std::make_shared<Catalog>(std::move(models), std::move(types), plain, std::move(set));
}

std::vector<TableId> Catalog::TablesOfModel(absl::string_view id, bool exact) const {
  std::vector<TableId> tables;
  for (const Model& model : models_) {
    if (model.interface != nullptr && dtdl::ModelSet::IsOfModel(*model.interface, id, exact)) {
      tables.push_back(model.table);
    }
  }
  return tables;
}

std::vector<RelationshipTypeId> Catalog::TypesNamed(absl::string_view name) const {
  const auto it = types_by_name_.find(name);
  return it == types_by_name_.end() ? std::vector<RelationshipTypeId>() : it->second;
}

std::vector<std::string> Catalog::FamiliesNamed(absl::string_view name) const {
  const auto it = families_.find(name);
  return it == families_.end() ? std::vector<std::string>() : it->second;
}

}  // namespace twin::query
