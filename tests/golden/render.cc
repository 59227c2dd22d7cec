#include "tests/golden/render.h"

#include <utility>

#include "server/base/value.h"
#include "tests/support/import_file.h"

namespace twin::testing {
namespace {

using query::Field;
using query::TypeKind;

Value IdOf(uint32_t number, bool is_twin, const query::GraphReader& graph) {
  query::Vector id;
  if (is_twin) {
    graph.ReadField({number}, Field::kId, &id);
  } else {
    graph.ReadRelationshipField({number}, Field::kId, &id);
  }
  return id.Get(0);
}

Value CellOf(const query::Vector& vector, size_t row, const query::GraphReader& graph) {
  if (vector.IsNull(row)) return Value();
  switch (vector.kind) {
    case TypeKind::kTwin:
      return Value::Map({{"$dtId", IdOf(vector.numbers[row], true, graph)}});
    case TypeKind::kRelationship:
      return Value::Map({{"$relationshipId", IdOf(vector.numbers[row], false, graph)}});
    case TypeKind::kPath: {
      ValueArray items;
      for (const uint32_t number : vector.paths[row]) {
        items.push_back(IdOf(number, items.size() % 2 == 0, graph));
      }
      return Value::Array(std::move(items));
    }
    case TypeKind::kDuration:
      return Value::Double(static_cast<double>(vector.ints[row]) / 1e9);
    default:
      return vector.Get(row);
  }
}

}  // namespace

std::string RowToJson(const std::vector<query::ResultColumn>& columns, const query::Batch& batch,
                      size_t row, const query::GraphReader& graph) {
  ValueMap members;
  for (size_t i = 0; i < columns.size(); ++i) {
    Value cell = CellOf(batch.slots[i], row, graph);
    if (columns[i].whole_row) return ValueToJson(cell);
    members.emplace_back(columns[i].name, std::move(cell));
  }
  return ValueToJson(Value::Map(std::move(members)));
}

}  // namespace twin::testing
