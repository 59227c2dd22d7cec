// GROUP BY: what stands behind it reads groups.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/ast/error.h"
#include "query/bind/aggregates.h"
#include "query/bind/coerce.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

// Whether the key is the same for one twin or relationship alone: x, or a twin's x.$dtId.
bool Determines(const BoundExpr& key, const std::vector<Slot>& slots, SlotId slot) {
  if (key.slot != slot) return false;
  if (key.kind == BoundKind::kSlot) return true;
  return key.kind == BoundKind::kField && key.field == Field::kId &&
         slots[slot].kind == SlotKind::kTwin;
}

class GroupRewriter {
 public:
  GroupRewriter(BoundSelect* select, Scope* scope)
      : select_(*select), scope_(scope), keys_(select->groups.size()) {
    for (const BoundPtr& key : select_.groups) AddSlot(*key);
    for (const BoundAggregate& aggregate : select_.aggregates) ready_.push_back(aggregate.slot);
    for (const BoundWindow& window : select_.windows) ready_.push_back(window.slot);
  }

  absl::Status Rewrite(BoundPtr* expr) {
    for (size_t i = 0; i < select_.groups.size(); ++i) {
      if (!Same(**expr, *select_.groups[i])) continue;
      *expr = SlotAt(select_.group_slots[i], (*expr)->type, (*expr)->span);
      return absl::OkStatus();
    }
    switch ((*expr)->kind) {
      case BoundKind::kSlot:
      case BoundKind::kProperty:
      case BoundKind::kDocument:
      case BoundKind::kField:
      case BoundKind::kUpdateTime:
      case BoundKind::kOfModel:
        return RewriteLeaf(expr);
      case BoundKind::kExists:
        return ErrorAt((*expr)->span,
                       "EXISTS looks at rows, and here are groups already; put it into WHERE");
      case BoundKind::kAny:
      case BoundKind::kAll:
      case BoundKind::kOfPart:
        ready_.push_back((*expr)->slot);
        break;
      default:
        break;
    }
    return RewriteAll(&(*expr)->operands);
  }

  absl::Status RewriteAll(std::vector<BoundPtr>* exprs) {
    for (BoundPtr& expr : *exprs) TWIN_RETURN_IF_ERROR(Rewrite(&expr));
    return absl::OkStatus();
  }

  absl::Status RewriteKeys(std::vector<BoundSortKey>* keys) {
    for (BoundSortKey& key : *keys) TWIN_RETURN_IF_ERROR(Rewrite(&key.expr));
    return absl::OkStatus();
  }

 private:
  void AddSlot(const BoundExpr& key) {
    const SlotId slot = AddValueSlot(key.type, &key, scope_);
    select_.slots[slot].name = ToString(key, select_.slots);
    select_.group_slots.push_back(slot);
  }

  absl::Status RewriteLeaf(BoundPtr* expr) {
    const SlotId slot = (*expr)->slot;
    if (std::find(ready_.begin(), ready_.end(), slot) != ready_.end()) return absl::OkStatus();
    const bool determined =
        std::any_of(select_.groups.begin(), select_.groups.begin() + keys_,
                    [&](const BoundPtr& key) { return Determines(*key, select_.slots, slot); });
    const std::string text = ToString(**expr, select_.slots);
    if (!determined) {
      const bool whole = (*expr)->kind == BoundKind::kSlot && (*expr)->type.kind != TypeKind::kPath;
      return ErrorAt((*expr)->span,
                     absl::StrCat("'", text,
                                  "' has many values in a group; add it to GROUP BY or "
                                  "wrap it in an aggregate, such as ",
                                  whole ? "FIRST(" : "MAX(", text, ")"));
    }
    // The same for all rows of a group: one more key does not change the groups.
    const Span span = (*expr)->span;
    const Type type = (*expr)->type;
    select_.groups.push_back(std::move(*expr));
    AddSlot(*select_.groups.back());
    *expr = SlotAt(select_.group_slots.back(), type, span);
    return absl::OkStatus();
  }

  BoundSelect& select_;
  Scope* scope_;
  const size_t keys_;          // those that are written; implied ones follow
  std::vector<SlotId> ready_;  // of aggregates, windows, elements
};

bool IsOneValue(const BoundExpr& expr) {
  return expr.kind == BoundKind::kConstant || expr.kind == BoundKind::kParameter;
}

// WHERE x.$dtId = '…'
bool Fixes(const BoundExpr& condition, const std::vector<Slot>& slots, SlotId slot) {
  if (condition.kind != BoundKind::kEqual) return false;
  const BoundExpr& a = *condition.operands[0];
  const BoundExpr& b = *condition.operands[1];
  return (Determines(a, slots, slot) && IsOneValue(b)) ||
         (Determines(b, slots, slot) && IsOneValue(a));
}

}  // namespace

absl::Status RewriteGrouped(BoundSelect* select, Scope* scope) {
  GroupRewriter rewriter(select, scope);
  TWIN_RETURN_IF_ERROR(rewriter.RewriteAll(&select->having));
  for (BoundWindow& window : select->windows) {
    TWIN_RETURN_IF_ERROR(rewriter.RewriteAll(&window.arguments));
    TWIN_RETURN_IF_ERROR(rewriter.RewriteAll(&window.partition));
    TWIN_RETURN_IF_ERROR(rewriter.RewriteKeys(&window.order));
  }
  TWIN_RETURN_IF_ERROR(rewriter.RewriteAll(&select->qualify));
  for (BoundOutput& output : select->outputs) TWIN_RETURN_IF_ERROR(rewriter.Rewrite(&output.expr));
  return rewriter.RewriteKeys(&select->order);
}

absl::Status CheckSeries(const BoundSelect& select) {
  for (const BoundAggregate& aggregate : select.aggregates) {
    switch (aggregate.function) {
      case Function::kRate:
      case Function::kDelta:
      case Function::kIntegral:
      case Function::kSlope:
        break;
      default:
        continue;
    }
    std::vector<std::string> missing;
    for (const SlotId twin : aggregate.series) {
      const auto determines = [&](const BoundPtr& key) {
        return Determines(*key, select.slots, twin);
      };
      const auto fixes = [&](const BoundPtr& condition) {
        return Fixes(*condition, select.slots, twin);
      };
      if (std::none_of(select.groups.begin(), select.groups.end(), determines) &&
          std::none_of(select.where.begin(), select.where.end(), fixes)) {
        missing.push_back(absl::StrCat(select.slots[twin].name, ".$dtId"));
      }
    }
    if (missing.empty()) continue;
    return ErrorAt(aggregate.span,
                   absl::StrCat(InfoOf(aggregate.function).name,
                                " follows one series, and here a group may have several; add ",
                                absl::StrJoin(missing, ", "), " to GROUP BY"));
  }
  return absl::OkStatus();
}

}  // namespace twin::query::binding
