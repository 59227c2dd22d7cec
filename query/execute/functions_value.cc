// Tests of types, arrays, lengths and paths.
#include <algorithm>

#include "query/execute/functions.h"
#include "query/execute/kernels.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

bool IsPrimitive(const Item& item) {
  return item.kind != Value::Kind::kArray && item.kind != Value::Kind::kMap;
}

// `present`: the item is there, be it as a null that a map or array holds.
bool TestItem(Function function, const Item& item, bool present) {
  switch (function) {
    case Function::kIsDefined:
      return present;
    case Function::kIsNull:
      return present && item.is_null();
    case Function::kIsPrimitive:
      return present && IsPrimitive(item);
    case Function::kIsNumber:
      return item.is_number();
    case Function::kIsString:
      return item.kind == Value::Kind::kString || item.kind == Value::Kind::kTime;
    case Function::kIsBool:
      return item.kind == Value::Kind::kBool;
    default:
      return item.kind == Value::Kind::kMap;
  }
}

int64_t CodePoints(absl::string_view text) {
  int64_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return count;
}

// Twins, or relationships, of all paths one after the other.
std::vector<uint32_t> PathNumbers(const Operand& paths, size_t rows, size_t first) {
  std::vector<uint32_t> numbers;
  for (size_t i = 0; i < rows; ++i) {
    if (paths.IsNull(i)) continue;
    const PathValue& path = paths.vector().paths[paths.At(i)];
    for (size_t j = first; j < path.size(); j += 2) numbers.push_back(path[j]);
  }
  return numbers;
}

constexpr struct {
  const char* name;
  Field field;
} kRelationshipFields[] = {{"$sourceId", Field::kSourceId},
                           {"$relationshipId", Field::kId},
                           {"$targetId", Field::kTargetId},
                           {"$relationshipName", Field::kName}};

}  // namespace

absl::Status EvalTypeTest(const BoundExpr& expr, const Frame& frame, Vector* out) {
  const BoundExpr& operand = *expr.operands[0];
  out->Reset(TypeKind::kBool, frame.rows);
  Operand value;
  TWIN_RETURN_IF_ERROR(Eval(operand, frame, &value));
  // A member that is there and null differs from one that is not there.
  Operand map;
  const bool member = operand.kind == BoundKind::kMember;
  if (member) TWIN_RETURN_IF_ERROR(Eval(*operand.operands[0], frame, &map));
  const bool null_constant = operand.kind == BoundKind::kConstant && value.null();
  const TypeKind kind = value.vector().kind;
  const bool other =
      kind == TypeKind::kTwin || kind == TypeKind::kRelationship || kind == TypeKind::kPath;
  for (size_t i = 0; i < frame.rows; ++i) {
    Item item = value.ItemOfRow(i);
    bool present = !value.IsNull(i) || null_constant;
    if (member && !present) {
      const Item parent = map.ItemOfRow(i);
      present = parent.kind == Value::Kind::kMap && parent.value->Find(operand.text) != nullptr;
    }
    if (other) {
      const bool is =
          present && (expr.function == Function::kIsDefined ||
                      (expr.function == Function::kIsObject && kind != TypeKind::kPath));
      out->bools[i] = is ? 1 : 0;
    } else {
      out->bools[i] = TestItem(expr.function, item, present) ? 1 : 0;
    }
  }
  return absl::OkStatus();
}

absl::Status ArrayContains(Operands operands, size_t rows, Vector* out) {
  if (!ResetStrict({&operands[0], &operands[1]}, TypeKind::kBool, rows, out)) {
    return absl::OkStatus();
  }
  for (size_t i = 0; i < rows; ++i) {
    const Item array = operands[0].ItemOfRow(i);
    const Item wanted = operands[1].ItemOfRow(i);
    if (array.kind != Value::Kind::kArray || wanted.is_null()) {
      out->SetNull(i);
      continue;
    }
    const ValueArray& elements = array.value->as_array();
    const bool found = IsPrimitive(wanted) &&
                       std::any_of(elements.begin(), elements.end(), [&](const Value& element) {
                         return OrderItems(ItemOf(element), wanted) == 0;
                       });
    out->bools[i] = found ? 1 : 0;
  }
  return absl::OkStatus();
}

absl::Status Length(Operands operands, size_t rows, Vector* out) {
  const Operand& operand = operands[0];
  if (!ResetStrict({&operand}, TypeKind::kInt, rows, out)) return absl::OkStatus();
  for (size_t i = 0; i < rows; ++i) {
    if (out->IsNull(i)) continue;
    if (operand.vector().kind == TypeKind::kPath) {
      out->ints[i] = static_cast<int64_t>(operand.vector().paths[operand.At(i)].size() / 2);
      continue;
    }
    const Item item = operand.ItemOfRow(i);
    if (item.kind == Value::Kind::kString) {
      out->ints[i] = CodePoints(item.text);
    } else if (item.kind == Value::Kind::kArray) {
      out->ints[i] = static_cast<int64_t>(item.value->as_array().size());
    } else if (item.kind == Value::Kind::kMap) {
      out->ints[i] = static_cast<int64_t>(item.value->as_map().size());
    } else {
      out->SetNull(i);
    }
  }
  return absl::OkStatus();
}

absl::Status PathFunction(const BoundExpr& expr, const Frame& frame, Operands operands,
                          Vector* out) {
  const Operand& paths = operands[0];
  const size_t rows = frame.rows;
  if (paths.vector().kind != TypeKind::kPath) {
    out->Reset(TypeKind::kNull, rows);
    return absl::OkStatus();
  }
  if (!ResetStrict({&paths}, TypeKind::kValue, rows, out)) return absl::OkStatus();
  const bool nodes = expr.function == Function::kNodes;
  const size_t first = nodes ? 0 : 1;
  const std::vector<uint32_t> numbers = PathNumbers(paths, rows, first);
  std::vector<Value> values(numbers.size());
  if (nodes && !numbers.empty()) {
    Vector ids;
    frame.context.graph->ReadField(numbers, Field::kId, &ids);
    for (size_t i = 0; i < values.size(); ++i) values[i] = ids.Get(i);
  } else if (!numbers.empty()) {
    for (Value& value : values) value = Value::Map({});
    for (const auto& [name, field] : kRelationshipFields) {
      Vector column;
      frame.context.graph->ReadRelationshipField(numbers, field, &column);
      for (size_t i = 0; i < values.size(); ++i) {
        values[i].as_map().emplace_back(name, column.Get(i));
      }
    }
  }
  size_t next = 0;
  for (size_t i = 0; i < rows; ++i) {
    if (out->IsNull(i)) continue;
    ValueArray items;
    const size_t count = (paths.vector().paths[paths.At(i)].size() + 1 - first) / 2;
    for (size_t j = 0; j < count; ++j) items.push_back(std::move(values[next++]));
    out->values[i] = Value::Array(std::move(items));
  }
  return absl::OkStatus();
}

}  // namespace twin::query
