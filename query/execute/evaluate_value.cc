// Arrays and maps: elements, members, lists, ANY and ALL.
#include <algorithm>
#include <utility>

#include "query/execute/evaluate_internal.h"
#include "query/execute/kernels.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

constexpr size_t kElementsMax = 16 << 10;  // evaluated at once by ANY and ALL

const Value* ElementOf(const Item& container, const Item& index) {
  if (container.kind == Value::Kind::kArray && index.kind == Value::Kind::kInt) {
    const ValueArray& array = container.value->as_array();
    const auto at = static_cast<uint64_t>(index.integer);
    return at < array.size() ? &array[at] : nullptr;
  }
  if (container.kind == Value::Kind::kMap && index.kind == Value::Kind::kString) {
    return container.value->Find(index.text);
  }
  return nullptr;
}

// The rows of a batch that ANY or ALL looks at together, an element each.
class Elements {
 public:
  Elements(const BoundExpr& expr, const Frame& frame) : expr_(expr), frame_(frame) {
    all_slots_ = !AddSlots(*expr.operands[1], &slots_);
  }

  bool full() const { return rows_.size() >= kElementsMax; }

  // Whether the elements are twins or relationships of a path, and not values.
  bool are_parts() const {
    const TypeKind kind = KindOf();
    return kind == TypeKind::kTwin || kind == TypeKind::kRelationship;
  }

  // The twins or the relationships of a path.
  void Add(size_t row, const PathValue& path) {
    for (size_t i = KindOf() == TypeKind::kTwin ? 0 : 1; i < path.size(); i += 2) {
      parts_.push_back(path[i]);
      rows_.push_back(static_cast<uint32_t>(row));
    }
  }

  void Add(size_t row, const ValueArray& array) {
    for (const Value& value : array) {
      values_.push_back(&value);
      rows_.push_back(static_cast<uint32_t>(row));
    }
  }

  // Evaluates the condition for all, and folds: `deciding` and `unknown` by row of the frame.
  absl::Status Fold(bool any, std::vector<uint8_t>* deciding, std::vector<uint8_t>* unknown) {
    if (rows_.empty()) return absl::OkStatus();
    // Within one another, the work for one row grows with every level.
    if (frame_.context.interrupted != nullptr) {
      TWIN_RETURN_IF_ERROR((*frame_.context.interrupted)());
    }
    Batch batch = TakeRows();
    Vector& element = batch.slots[expr_.slot];
    const TypeKind kind = KindOf();
    element.Reset(kind == TypeKind::kNull ? TypeKind::kValue : kind, rows_.size());
    if (are_parts()) element.numbers = std::exchange(parts_, {});
    for (size_t i = 0; i < values_.size(); ++i) SetItem(ItemOf(*values_[i]), i, &element);
    Operand condition;
    const Frame elements{frame_.context, &batch, nullptr, rows_.size()};
    TWIN_RETURN_IF_ERROR(Eval(*expr_.operands[1], elements, &condition));
    for (size_t i = 0; i < rows_.size(); ++i) {
      const Item item = condition.ItemOfRow(i);
      if (item.kind != Value::Kind::kBool) {
        (*unknown)[rows_[i]] = 1;
      } else if ((item.integer != 0) == any) {
        (*deciding)[rows_[i]] = 1;
      }
    }
    values_.clear();
    rows_.clear();
    return absl::OkStatus();
  }

 private:
  TypeKind KindOf() const { return (*frame_.context.slots)[expr_.slot].type.kind; }

  Batch TakeRows() const {
    std::vector<uint32_t> rows = rows_;
    if (frame_.selection != nullptr) {
      for (uint32_t& row : rows) row = frame_.selection[row];
    }
    const Batch& from = *frame_.batch;
    Batch out;
    out.rows = rows.size();
    out.slots.resize(std::max(from.slots.size(), static_cast<size_t>(expr_.slot) + 1));
    for (size_t i = 0; i < from.slots.size(); ++i) {
      const auto slot = static_cast<SlotId>(i);
      const bool used = all_slots_ || std::find(slots_.begin(), slots_.end(), slot) != slots_.end();
      if (slot != expr_.slot && used && from.slots[i].rows == from.rows) {
        out.slots[i] = from.slots[i].Take(rows);
      }
    }
    return out;
  }

  const BoundExpr& expr_;
  const Frame& frame_;
  std::vector<SlotId> slots_;  // that the condition reads
  bool all_slots_;
  std::vector<const Value*> values_;
  std::vector<uint32_t> parts_;  // instead
  std::vector<uint32_t> rows_;   // of each, in the frame
};

}  // namespace

absl::Status EvalIndex(const BoundExpr& expr, const Frame& frame, Operand* out) {
  Operand container;
  Operand index;
  TWIN_RETURN_IF_ERROR(Eval(*expr.operands[0], frame, &container));
  TWIN_RETURN_IF_ERROR(Eval(*expr.operands[1], frame, &index));
  Vector* const to = out->Own();
  if (!ResetStrict({&container, &index}, expr.type.kind, frame.rows, to)) return absl::OkStatus();
  for (size_t i = 0; i < frame.rows; ++i) {
    const Value* const value = ElementOf(container.ItemOfRow(i), index.ItemOfRow(i));
    SetItem(value == nullptr ? Item() : ItemOf(*value), i, to);
  }
  return absl::OkStatus();
}

absl::Status EvalMember(const BoundExpr& expr, const Frame& frame, Operand* out) {
  Operand map;
  TWIN_RETURN_IF_ERROR(Eval(*expr.operands[0], frame, &map));
  Vector* const to = out->Own();
  if (!ResetStrict({&map}, expr.type.kind, frame.rows, to)) return absl::OkStatus();
  for (size_t i = 0; i < frame.rows; ++i) {
    const Item item = map.ItemOfRow(i);
    const Value* const value =
        item.kind == Value::Kind::kMap ? item.value->Find(expr.text) : nullptr;
    SetItem(value == nullptr ? Item() : ItemOf(*value), i, to);
  }
  return absl::OkStatus();
}

absl::Status EvalList(const BoundExpr& expr, const Frame& frame, Operand* out) {
  std::vector<Operand> operands;
  TWIN_RETURN_IF_ERROR(EvalOperands(expr, frame, 0, &operands));
  Vector* const to = out->Own();
  to->Reset(TypeKind::kValue, frame.rows);
  std::vector<ValueArray> lists(frame.rows);
  for (Operand& operand : operands) {
    TWIN_RETURN_IF_ERROR(CastTo(TypeKind::kValue, frame, &operand));
    for (size_t i = 0; i < frame.rows; ++i) lists[i].push_back(ToValue(operand.ItemOfRow(i)));
  }
  for (size_t i = 0; i < frame.rows; ++i) to->values[i] = Value::Array(std::move(lists[i]));
  return absl::OkStatus();
}

absl::Status EvalAnyAll(const BoundExpr& expr, const Frame& frame, Operand* out) {
  const bool any = expr.kind == BoundKind::kAny;
  Elements elements(expr, frame);
  const BoundExpr& listed = *expr.operands[0];
  Operand list;
  TWIN_RETURN_IF_ERROR(Eval(elements.are_parts() ? *listed.operands[0] : listed, frame, &list));
  Vector* const to = out->Own();
  if (!ResetStrict({&list}, TypeKind::kBool, frame.rows, to)) return absl::OkStatus();
  // ANY is decided by one TRUE, ALL by one FALSE.
  std::vector<uint8_t> deciding(frame.rows, 0);
  std::vector<uint8_t> unknown(frame.rows, 0);
  for (size_t i = 0; i < frame.rows; ++i) {
    if (elements.are_parts()) {
      if (!to->IsNull(i)) elements.Add(i, list.vector().paths[list.At(i)]);
      if (elements.full()) TWIN_RETURN_IF_ERROR(elements.Fold(any, &deciding, &unknown));
      continue;
    }
    const Item item = list.ItemOfRow(i);
    if (item.kind != Value::Kind::kArray) {
      unknown[i] = 1;
      continue;
    }
    elements.Add(i, item.value->as_array());
    if (elements.full()) TWIN_RETURN_IF_ERROR(elements.Fold(any, &deciding, &unknown));
  }
  TWIN_RETURN_IF_ERROR(elements.Fold(any, &deciding, &unknown));
  for (size_t i = 0; i < frame.rows; ++i) {
    to->bools[i] = deciding[i] ^ (any ? 0 : 1);
    if (deciding[i] == 0 && unknown[i] != 0) to->SetNull(i);
  }
  return absl::OkStatus();
}

absl::Status EvalOfPart(const BoundExpr& expr, const Frame& frame, Operand* out) {
  const BoundExpr& part = *expr.operands[0];
  const BoundExpr& parts = *part.operands[0];
  Operand paths;
  Operand index;
  TWIN_RETURN_IF_ERROR(Eval(*parts.operands[0], frame, &paths));
  TWIN_RETURN_IF_ERROR(Eval(*part.operands[1], frame, &index));
  const bool nodes = parts.function == Function::kNodes;
  Batch batch;
  batch.rows = frame.rows;
  batch.slots.resize(static_cast<size_t>(expr.slot) + 1);
  Vector& found = batch.slots[expr.slot];
  const TypeKind kind = nodes ? TypeKind::kTwin : TypeKind::kRelationship;
  if (!ResetStrict({&paths, &index}, kind, frame.rows, &found)) {
    found.ResetToNull(kind, frame.rows);
  }
  for (size_t i = 0; i < frame.rows; ++i) {
    if (found.IsNull(i)) continue;
    const PathValue& path = paths.vector().paths[paths.At(i)];  // twin, relationship, twin, …
    const auto at = static_cast<uint64_t>(index.vector().ints[index.At(i)]);
    const size_t count = (path.size() + (nodes ? 1 : 0)) / 2;
    if (at < count) {
      found.numbers[i] = path[2 * at + (nodes ? 0 : 1)];
    } else {
      found.SetNull(i);
    }
  }
  return EvalVector(*expr.operands[1], {frame.context, &batch, nullptr, frame.rows}, out->Own());
}

}  // namespace twin::query
