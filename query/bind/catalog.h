// What names mean: models, their columns, relationship types. Built from a server's catalog or, for
// work without a server, from model files alone. Immutable, hence thread-safe.
#ifndef TWIN_QUERY_BIND_CATALOG_H_
#define TWIN_QUERY_BIND_CATALOG_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "models/dtdl/model.h"
#include "query/bind/types.h"
#include "server/base/ids.h"

namespace twin::query {

// A place of a model's table where twins keep a value, or of a relationship type's.
struct Column {
  std::string path;                   // "soh.value"
  TypeKind type = TypeKind::kDouble;  // kBool … kTime, or kValue for arrays and maps
  bool telemetry = false;
  bool indexed = false;  // GraphReader::FindEqual finds twins by it
  const dtdl::Unit* unit = nullptr;
  const dtdl::Schema* schema = nullptr;
  bool historized = false;
  bool is_object = false;  // that an Object is there, its path "soh.": {} where it has no fields

  // As users name it: "soh" of an Object.
  absl::string_view name() const {
    return absl::string_view(path).substr(0, path.size() - (is_object ? 1 : 0));
  }
};

struct Model {
  TableId table;
  std::string id;                              // DTMI
  const dtdl::Interface* interface = nullptr;  // nullptr: the model was deleted; no twin has it
  std::vector<Column> columns;                 // by ColumnId
  absl::flat_hash_map<std::string, ColumnId> by_path;
  std::vector<std::string> components;            // names
  std::vector<RelationshipTypeId> relationships;  // that may start here

  const Column* Find(absl::string_view path) const;  // nullptr: none
};

// A name as one interface declares it.
struct RelationshipType {
  RelationshipTypeId id;
  std::string name;
  std::string owner;            // DTMI
  std::string target;           // DTMI; empty: any
  std::vector<Column> columns;  // by ColumnId
  absl::flat_hash_map<std::string, ColumnId> by_path;
};

class Catalog {
 public:
  // `models` by TableId, `types` by RelationshipTypeId. `set` owns the interfaces they point to;
  // `keep` owns `set`. nullptr: there is no model.
  Catalog(std::vector<Model> models, std::vector<RelationshipType> types, const dtdl::ModelSet* set,
          std::shared_ptr<const void> keep);

  // Tables and types numbered in the order of the models: what files alone say.
  static std::shared_ptr<const Catalog> OfModels(std::shared_ptr<const dtdl::ModelSet> set);

  absl::Span<const Model> models() const { return models_; }
  const Model& model(TableId table) const { return models_[table.value]; }
  absl::Span<const RelationshipType> relationship_types() const { return types_; }
  const RelationshipType& relationship_type(RelationshipTypeId id) const {
    return types_[id.value];
  }
  const dtdl::ModelSet* set() const { return set_; }

  // Tables whose twins are of the model `id` (IS_OF_MODEL), ascending.
  std::vector<TableId> TablesOfModel(absl::string_view id, bool exact) const;
  // Every type of that name, ascending.
  std::vector<RelationshipTypeId> TypesNamed(absl::string_view name) const;
  // The DTMI, without version, of each family of models whose last segment is `name`.
  std::vector<std::string> FamiliesNamed(absl::string_view name) const;

 private:
  std::vector<Model> models_;
  std::vector<RelationshipType> types_;
  const dtdl::ModelSet* set_;
  std::shared_ptr<const void> keep_;
  absl::flat_hash_map<std::string, std::vector<RelationshipTypeId>> types_by_name_;
  absl::flat_hash_map<std::string, std::vector<std::string>> families_;
};

}  // namespace twin::query

#endif  // TWIN_QUERY_BIND_CATALOG_H_
