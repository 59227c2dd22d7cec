// The models a server knows, and the tables that follow from them: which columns a twin of a model
// has, which relationship types start there. Immutable; a change of models makes a new Catalog.
// Thread-safe, since nothing changes.
#ifndef TWIN_SERVER_GRAPH_CATALOG_H_
#define TWIN_SERVER_GRAPH_CATALOG_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "models/dtdl/model.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"

namespace twin::graph {

// How a column stores its values.
enum class ColumnType : uint8_t {
  kBool,      // 1 byte
  kInt32,     // byte, short, integer and their unsigned forms up to 31 bits; integer Enums
  kInt64,     // long, unsignedInteger; unsignedLong up to 2^63 - 1
  kFloat,     // float
  kDouble,    // double
  kTime,      // dateTime: nanoseconds since 1970 UTC
  kString,    // string, date, time, duration, uuid, decimal, bytes; string Enums: a string code
  kDocument,  // arrays, maps, geometries: an encoded Value, kept as a string code
};

// The longest string or encoded document that a column can store.
inline constexpr int64_t kStoredStringBytesMax = (4 << 20) - 64;

struct ColumnSchema {
  std::string path;  // "soh.value"
  ColumnType type = ColumnType::kDouble;
  bool telemetry = false;  // else a Property
  bool indexed = false;    // equality index
  const dtdl::Content* content = nullptr;
  const dtdl::Schema* schema = nullptr;
  dtdl::ValueTraits traits;
  // That an Object is there which has no fields, its path with a dot behind it ("soh."): a document
  // {} or nothing. An Object with a field is there all the same.
  bool is_object = false;

  // As users name it: "soh" of an Object.
  absl::string_view name() const {
    return absl::string_view(path).substr(0, path.size() - (is_object ? 1 : 0));
  }
};

// A name as one interface declares it: `hasCell` of a pack and of a module are two types. Twins of
// derived models share the type of the model that declares it.
struct RelationshipType {
  RelationshipTypeId id;
  std::string name;
  std::string owner;  // DTMI of the declaring interface
  const dtdl::Content* content = nullptr;
  std::vector<ColumnSchema> columns;  // its properties
};

struct ModelState {
  std::string id;    // DTMI
  std::string text;  // as uploaded: one interface's JSON
  Time upload_time;
  bool decommissioned = false;
  TableId table;
  bool deleted = false;  // its table number is never given again; nothing else is known of it
};

// The table of one model's twins.
struct TableSchema {
  TableId id;
  const dtdl::Interface* interface = nullptr;  // nullptr: the model was deleted
  std::string model_id;
  bool decommissioned = false;
  Time upload_time;
  // In the order of ModelSet::FlattenPaths; then those of the Objects that it divided into columns.
  std::vector<ColumnSchema> columns;
  std::vector<const RelationshipType*> relationships;  // that may start here, by name
  std::vector<ColumnId> required;  // that a twin must have, or an Object that it has
  std::vector<ColumnId> texts;     // strings and documents: what may be large

  // nullptr: no such path. Cost: a hash probe.
  const ColumnSchema* FindColumn(absl::string_view path) const;
  const ColumnSchema* FindObject(absl::string_view name) const;  // "soh"
  // The one of the same path and kind as another table's.
  const ColumnSchema* FindSame(const ColumnSchema& column) const;
  std::vector<absl::string_view> Paths() const;  // of values: none of Objects
  ColumnId IdOf(const ColumnSchema& column) const {
    return ColumnId(static_cast<uint32_t>(&column - columns.data()));
  }
  const RelationshipType* FindRelationship(absl::string_view name) const;

  absl::flat_hash_map<std::string, ColumnId> by_path;
  absl::flat_hash_map<std::string, ColumnId> objects;  // by name
};

// The value as one of a column of another type, where it is exactly the same number: integers in
// longer ones and in doubles, floats in doubles. Null: there is no such value.
Value WidenedTo(ColumnType to, ColumnType from, const Value& value);

class Catalog {
 public:
  // Parses and lays out all models. `states` are in the order of their tables, with the deleted
  // ones in their places: state i has the table i. Relationship types keep the numbers they have in
  // `before` (nullptr: none yet), new ones follow.
  // INVALID_ARGUMENT: a model does not conform; the message lists every finding, one a line.
  static absl::StatusOr<std::shared_ptr<const Catalog>> Create(std::vector<ModelState> states,
                                                               const Catalog* before);
  static std::shared_ptr<const Catalog> Empty();
  // No models, but relationship types with these (owner, name): what a stored state begins from.
  static std::shared_ptr<const Catalog> WithTypes(
      const std::vector<std::pair<std::string, std::string>>& types);

  const std::vector<ModelState>& states() const { return states_; }
  const dtdl::ModelSet* models() const { return models_.get(); }  // nullptr while there is none

  // nullptr: no such model, or deleted.
  const TableSchema* FindTable(absl::string_view model_id) const;
  const TableSchema& table(TableId id) const { return *tables_[id.value]; }
  absl::Span<const std::unique_ptr<TableSchema>> tables() const { return tables_; }
  const RelationshipType& relationship_type(RelationshipTypeId id) const {
    return *relationship_types_[id.value];
  }
  size_t relationship_types() const { return relationship_types_.size(); }

  // Every type of that name: what `-[:hasCell]->` means.
  std::vector<RelationshipTypeId> TypesNamed(absl::string_view name) const;

 private:
  std::vector<ModelState> states_;
  std::shared_ptr<const dtdl::ModelSet> models_;
  std::vector<std::unique_ptr<TableSchema>> tables_;
  absl::flat_hash_map<std::string, TableId> by_model_;
  std::vector<std::unique_ptr<RelationshipType>> relationship_types_;
};

}  // namespace twin::graph

#endif  // TWIN_SERVER_GRAPH_CATALOG_H_
