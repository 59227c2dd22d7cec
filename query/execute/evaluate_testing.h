// For the tests of expressions: a graph in memory, bound expressions built by hand, and columns.
#ifndef TWIN_QUERY_EXECUTE_EVALUATE_TESTING_H_
#define TWIN_QUERY_EXECUTE_EVALUATE_TESTING_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/execute/compare.h"
#include "query/execute/evaluate.h"
#include "query/execute/readers.h"
#include "server/base/time.h"

namespace twin::query::testing {

// Tables of twins whose columns are values; twins are numbered in the order of AddTwin.
class FakeGraph : public GraphReader {
 public:
  explicit FakeGraph(std::vector<Model> models, std::vector<RelationshipType> types = {})
      : catalog_(std::move(models), std::move(types), nullptr, nullptr),
        rows_(catalog_.models().size(), 0) {}

  // `values` by column; null: absent.
  uint32_t AddTwin(uint32_t table, std::string id, std::vector<Value> values) {
    twins_.push_back({std::move(id), std::move(values), {table, rows_[table]++}});
    return static_cast<uint32_t>(twins_.size() - 1);
  }
  uint32_t AddRelationship(uint32_t type, std::string id, uint32_t source, uint32_t target,
                           std::vector<Value> values) {
    relationships_.push_back({std::move(id), type, source, target, std::move(values)});
    return static_cast<uint32_t>(relationships_.size() - 1);
  }

  mutable int reads = 0;         // calls of Read
  mutable size_t read_rows = 0;  // rows that they were asked for

  const Catalog& catalog() const override { return catalog_; }
  Sequence sequence() const override { return Sequence(1); }
  uint64_t Twins(TableId table) const override { return rows_[table.value]; }
  uint64_t Relationships(RelationshipTypeId) const override { return relationships_.size(); }
  uint32_t Rows(TableId table) const override { return rows_[table.value]; }
  void Scan(TableId, uint32_t, uint32_t, std::vector<uint32_t>*,
            std::vector<Place>*) const override {}
  TwinNumber Find(absl::string_view) const override { return kNoTwin; }
  std::vector<TwinNumber> FindEqual(TableId, ColumnId, absl::string_view) const override {
    return {};
  }
  void Places(absl::Span<const uint32_t> twins, std::vector<Place>* places) const override {
    places->clear();
    for (const uint32_t twin : twins) places->push_back(twins_[twin].place);
  }
  void Read(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
            Vector* out) const override {
    ++reads;
    read_rows += rows.size();
    out->Reset(catalog_.model(table).columns[column.value].type, rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      for (const Twin& twin : twins_) {
        if (twin.place.table == table.value && twin.place.row == rows[i]) {
          out->Set(i, twin.values[column.value]);
        }
      }
    }
  }
  void ReadUpdateTimes(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                       bool arrival, Vector* out) const override {
    Vector values;
    Read(table, column, rows, &values);
    out->Reset(TypeKind::kTime, rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      if (values.IsNull(i)) {
        out->SetNull(i);
      } else {
        out->ints[i] = arrival ? 2000 + rows[i] : 1000 + rows[i];
      }
    }
  }
  void ReadField(absl::Span<const uint32_t> twins, Field field, Vector* out) const override {
    out->Reset(TypeKind::kString, twins.size());
    for (size_t i = 0; i < twins.size(); ++i) {
      const Twin& twin = twins_[twins[i]];
      out->strings[i] =
          field == Field::kModel ? catalog_.model(TableId(twin.place.table)).id : twin.id;
    }
  }
  size_t Expand(absl::Span<const uint32_t> twins, size_t, Direction,
                absl::Span<const RelationshipTypeId>, bool, size_t, Expansion*) const override {
    return twins.size();
  }
  uint64_t CountExpand(absl::Span<const uint32_t>, Direction, absl::Span<const RelationshipTypeId>,
                       bool) const override {
    return 0;
  }
  uint32_t relationship_numbers() const override {
    return static_cast<uint32_t>(relationships_.size());
  }
  absl::Status ScanRelationships(uint32_t, uint32_t, absl::Span<const RelationshipTypeId>, bool,
                                 bool, std::vector<uint32_t>*) const override {
    return absl::OkStatus();
  }
  void RelationshipTypes(absl::Span<const uint32_t> relationships,
                         std::vector<uint32_t>* types) const override {
    types->clear();
    for (const uint32_t number : relationships) types->push_back(relationships_[number].type);
  }
  void ReadRelationship(RelationshipTypeId type, ColumnId column,
                        absl::Span<const uint32_t> relationships, Vector* out) const override {
    out->Reset(catalog_.relationship_type(type).columns[column.value].type, relationships.size());
    for (size_t i = 0; i < relationships.size(); ++i) {
      out->Set(i, relationships_[relationships[i]].values[column.value]);
    }
  }
  void ReadRelationshipField(absl::Span<const uint32_t> relationships, Field field,
                             Vector* out) const override {
    out->Reset(TypeKind::kString, relationships.size());
    for (size_t i = 0; i < relationships.size(); ++i) {
      const Relationship& relationship = relationships_[relationships[i]];
      switch (field) {
        case Field::kSourceId:
          out->strings[i] = twins_[relationship.source].id;
          break;
        case Field::kTargetId:
          out->strings[i] = twins_[relationship.target].id;
          break;
        case Field::kName:
          out->strings[i] = catalog_.relationship_type(RelationshipTypeId(relationship.type)).name;
          break;
        default:
          out->strings[i] = relationship.id;
          break;
      }
    }
  }
  absl::StatusOr<std::unique_ptr<GraphReader>> AsOf(Time) const override {
    return absl::OutOfRangeError("no history");
  }

 private:
  struct Twin {
    std::string id;
    std::vector<Value> values;
    Place place;
  };
  struct Relationship {
    std::string id;
    uint32_t type;
    uint32_t source;
    uint32_t target;
    std::vector<Value> values;
  };
  const Catalog catalog_;
  std::vector<uint32_t> rows_;  // by table
  std::vector<Twin> twins_;
  std::vector<Relationship> relationships_;
};

inline Column ColumnOf(std::string path, TypeKind type, bool telemetry = false) {
  Column column;
  column.path = std::move(path);
  column.type = type;
  column.telemetry = telemetry;
  return column;
}

// --- Expressions ---

inline BoundPtr Node(BoundKind kind, TypeKind type, std::vector<BoundPtr> operands = {}) {
  auto expr = std::make_unique<BoundExpr>();
  expr->kind = kind;
  expr->type.kind = type;
  expr->span = {4, 2, 1, 5};
  expr->operands = std::move(operands);
  return expr;
}
template <typename... Operands>
BoundPtr Op(BoundKind kind, TypeKind type, Operands... operands) {
  BoundPtr expr = Node(kind, type);
  (expr->operands.push_back(std::move(operands)), ...);
  return expr;
}
template <typename... Operands>
BoundPtr Call(Function function, TypeKind type, Operands... operands) {
  BoundPtr expr = Op(BoundKind::kFunction, type, std::move(operands)...);
  expr->function = function;
  return expr;
}
inline BoundPtr SlotOf(SlotId slot, TypeKind type) {
  BoundPtr expr = Node(BoundKind::kSlot, type);
  expr->slot = slot;
  return expr;
}
inline BoundPtr Const(Value value, TypeKind type) {
  BoundPtr expr = Node(BoundKind::kConstant, type);
  expr->value = std::move(value);
  return expr;
}
inline BoundPtr Int(int64_t value) { return Const(Value::Int(value), TypeKind::kInt); }
inline BoundPtr Double(double value) { return Const(Value::Double(value), TypeKind::kDouble); }
inline BoundPtr Str(absl::string_view value) {
  return Const(Value::String(value), TypeKind::kString);
}
inline BoundPtr Bool(bool value) { return Const(Value::Bool(value), TypeKind::kBool); }
inline BoundPtr Null() { return Const(Value(), TypeKind::kNull); }
inline BoundPtr Duration(int64_t ns) { return Const(Value::Int(ns), TypeKind::kDuration); }
inline Time At(absl::string_view text) { return *ParseTime(text); }

// --- Columns ---

inline Vector ColumnVector(TypeKind kind, const std::vector<Value>& values) {
  Vector out;
  out.Reset(kind, values.size());
  for (size_t i = 0; i < values.size(); ++i) out.Set(i, values[i]);
  return out;
}
inline Vector DoubleVector(const std::vector<double>& values) {
  Vector out;
  out.Reset(TypeKind::kDouble, values.size());
  out.doubles = values;
  return out;
}
inline Vector IntVector(const std::vector<int64_t>& values, TypeKind kind = TypeKind::kInt) {
  Vector out;
  out.Reset(kind, values.size());
  out.ints = values;
  return out;
}
inline Vector NumberVector(const std::vector<uint32_t>& values, TypeKind kind) {
  Vector out;
  out.Reset(kind, values.size());
  out.numbers = values;
  return out;
}
inline Batch BatchOf(std::vector<Vector> slots) {
  Batch batch;
  batch.rows = slots.empty() ? 0 : slots[0].rows;
  batch.slots = std::move(slots);
  return batch;
}
inline std::vector<Value> Values(const Vector& vector) {
  std::vector<Value> values;
  for (size_t i = 0; i < vector.rows; ++i) values.push_back(vector.Get(i));
  return values;
}
// "1, null, \"x\""
inline std::string Text(const Vector& vector) {
  std::string text;
  for (size_t i = 0; i < vector.rows; ++i) {
    if (i > 0) text += ", ";
    text += vector.Get(i).DebugString(1000);
  }
  return text;
}

}  // namespace twin::query::testing

#endif  // TWIN_QUERY_EXECUTE_EVALUATE_TESTING_H_
