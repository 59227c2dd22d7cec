// Looking into bound expressions. Internal to query/plan and query/execute.
#ifndef TWIN_QUERY_PLAN_EXPR_UTIL_H_
#define TWIN_QUERY_PLAN_EXPR_UTIL_H_

#include <functional>
#include <vector>

#include "query/bind/bound.h"

namespace twin::query {

// A set of slots.
class SlotSet {
 public:
  void Add(SlotId slot);
  void AddAll(const SlotSet& other);
  void Remove(SlotId slot);
  bool Has(SlotId slot) const;
  bool ContainsAll(const SlotSet& other) const;
  bool Intersects(const SlotSet& other) const;
  bool empty() const;
  bool operator==(const SlotSet& other) const = default;
  std::vector<SlotId> ToVector() const;

 private:
  std::vector<bool> has_;  // the last item is true, if any
};

// Calls `visit` for the expression and all inside, those of EXISTS too.
void ForEachExpr(const BoundExpr& expr, const std::function<void(const BoundExpr&)>& visit);

// The slots of the row that the expression reads: not the elements and patterns that it binds
// itself.
SlotSet SlotsOf(const BoundExpr& expr);
SlotSet SlotsOf(const BoundExists& exists);

// The same on every row: constants, parameters, NOW() and what is computed of them.
bool IsRowless(const BoundExpr& expr);

// A property of the slot, kept everywhere as what it is and in the unit of the expression, compared
// with what is the same on every row, strings for equality alone: can be checked where the values
// stand.
bool ComparesStored(const BoundExpr& expr, SlotId slot);

BoundPtr SlotExpr(SlotId slot, Type type);

}  // namespace twin::query

#endif  // TWIN_QUERY_PLAN_EXPR_UTIL_H_
