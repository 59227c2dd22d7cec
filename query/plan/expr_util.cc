#include "query/plan/expr_util.h"

#include <algorithm>
#include <memory>

namespace twin::query {

void SlotSet::Add(SlotId slot) {
  if (slot < 0) return;
  if (has_.size() <= static_cast<size_t>(slot)) has_.resize(slot + 1);
  has_[slot] = true;
}

void SlotSet::AddAll(const SlotSet& other) {
  for (const SlotId slot : other.ToVector()) Add(slot);
}

void SlotSet::Remove(SlotId slot) {
  if (!Has(slot)) return;
  has_[slot] = false;
  while (!has_.empty() && !has_.back()) has_.pop_back();
}

bool SlotSet::Has(SlotId slot) const {
  return slot >= 0 && static_cast<size_t>(slot) < has_.size() && has_[slot];
}

bool SlotSet::ContainsAll(const SlotSet& other) const {
  const std::vector<SlotId> slots = other.ToVector();
  return std::all_of(slots.begin(), slots.end(), [this](SlotId slot) { return Has(slot); });
}

bool SlotSet::Intersects(const SlotSet& other) const {
  const std::vector<SlotId> slots = other.ToVector();
  return std::any_of(slots.begin(), slots.end(), [this](SlotId slot) { return Has(slot); });
}

bool SlotSet::empty() const { return has_.empty(); }

std::vector<SlotId> SlotSet::ToVector() const {
  std::vector<SlotId> slots;
  for (size_t i = 0; i < has_.size(); ++i) {
    if (has_[i]) slots.push_back(static_cast<SlotId>(i));
  }
  return slots;
}

void ForEachExpr(const BoundExpr& expr, const std::function<void(const BoundExpr&)>& visit) {
  visit(expr);
  for (const BoundPtr& operand : expr.operands) ForEachExpr(*operand, visit);
  if (expr.exists == nullptr) return;
  for (const BoundPtr& condition : expr.exists->conditions) ForEachExpr(*condition, visit);
}

namespace {

void Collect(const BoundExpr& expr, SlotSet* slots) {
  SlotSet inside;
  for (const BoundPtr& operand : expr.operands) Collect(*operand, &inside);
  if (expr.kind == BoundKind::kAny || expr.kind == BoundKind::kAll ||
      expr.kind == BoundKind::kOfPart) {
    inside.Remove(expr.slot);
  } else {
    inside.Add(expr.slot);
  }
  if (expr.exists != nullptr) inside.AddAll(SlotsOf(*expr.exists));
  slots->AddAll(inside);
}

}  // namespace

SlotSet SlotsOf(const BoundExpr& expr) {
  SlotSet slots;
  Collect(expr, &slots);
  return slots;
}

SlotSet SlotsOf(const BoundExists& exists) {
  SlotSet slots;
  for (const BoundPath& path : exists.paths) {
    for (const SlotId node : path.nodes) slots.Add(node);
  }
  for (const BoundPtr& condition : exists.conditions) Collect(*condition, &slots);
  for (const SlotId slot : exists.slots) slots.Remove(slot);
  return slots;
}

bool IsRowless(const BoundExpr& expr) { return expr.exists == nullptr && SlotsOf(expr).empty(); }

namespace {

// A property of the slot that is kept everywhere as what it is, in the unit of the expression.
bool IsStored(const BoundExpr& expr, SlotId slot) {
  if (expr.kind == BoundKind::kCast && expr.type.kind == TypeKind::kDouble) {
    return expr.operands[0]->type.numeric() && IsStored(*expr.operands[0], slot);
  }
  if (expr.kind != BoundKind::kProperty || expr.slot != slot) return false;
  return std::all_of(expr.columns.begin(), expr.columns.end(), [&expr](const ColumnRef& ref) {
    return ref.type == expr.type.kind && ref.factor == 1 && ref.offset == 0 &&
           ref.type != TypeKind::kValue;
  });
}

}  // namespace

bool ComparesStored(const BoundExpr& expr, SlotId slot) {
  if (!IsComparison(expr.kind)) return false;
  const BoundExpr& a = *expr.operands[0];
  const BoundExpr& b = *expr.operands[1];
  const bool equality = expr.kind == BoundKind::kEqual || expr.kind == BoundKind::kNotEqual;
  if (a.type.kind == TypeKind::kString && !equality) return false;
  return (IsStored(a, slot) && IsRowless(b)) || (IsStored(b, slot) && IsRowless(a));
}

BoundPtr SlotExpr(SlotId slot, Type type) {
  BoundPtr expr = std::make_unique<BoundExpr>();
  expr->kind = BoundKind::kSlot;
  expr->slot = slot;
  expr->type = type;
  return expr;
}

}  // namespace twin::query
