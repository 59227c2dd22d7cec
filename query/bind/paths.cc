// What a dotted path names.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/ast/error.h"
#include "query/bind/coerce.h"
#include "query/bind/expressions.h"
#include "query/bind/history.h"
#include "query/bind/properties.h"

namespace twin::query::binding {

absl::StatusOr<BoundPtr> ExpressionBinder::BindPathExpr(const Expr& expr) {
  const std::string& name = expr.path[0].text;
  if (!clause_.rows) {
    return ErrorAt(expr.span, absl::StrCat(clause_.name, " is the same for all rows: '", name,
                                           "' cannot be used in it"));
  }
  const SelectAlias* const alias = FindAlias(name);
  if (alias != nullptr && expr.path.size() == 1) {
    BoundPtr clone = Clone(*alias->expr);
    clone->span = expr.span;
    return clone;
  }
  SlotId slot = scope_->Find(name);
  if (slot == kNoSlot && alias != nullptr && alias->expr->kind == BoundKind::kSlot) {
    slot = alias->expr->slot;  // SELECT c AS cell … ORDER BY cell.voltage
  }
  if (slot != kNoSlot) return BindBelow(slot, expr, 1);
  const int history = scope_->FindHistory(name);
  if (history >= 0) return BindHistoryPath(history, expr);
  if (!scope_->subquery.empty() && name == scope_->subquery && expr.path.size() > 1) {
    const SlotId column = scope_->Find(expr.path[1].text);
    if (column != kNoSlot) return BindBelow(column, expr, 2);
  }
  if (scope_->collection != kNoSlot) {
    absl::StatusOr<BoundPtr> property = BindBelow(scope_->collection, expr, 0);
    const Slot& base = scope_->slot(scope_->collection);
    const bool alias_meant = !property.ok() && expr.path.size() > 1 && name[0] != '$' &&
                             FindColumns(env_, base, name).columns.empty() &&
                             PathsBelow(env_, base, name).empty();
    return alias_meant ? UnknownName(expr) : std::move(property);
  }
  const SlotId joined = FindJoined(name);
  if (joined != kNoSlot) return BindBelow(joined, expr, 1);
  return UnknownName(expr);
}

// The names of `expr` from `first` on, below a slot.
absl::StatusOr<BoundPtr> ExpressionBinder::BindBelow(SlotId slot, const Expr& expr, size_t first) {
  const Slot& base = scope_->slot(slot);
  const absl::Span<const Name> path = absl::MakeConstSpan(expr.path).subspan(first);
  if (path.empty()) return SlotAt(slot, base.type, expr.span);
  if (base.kind == SlotKind::kTwin || base.kind == SlotKind::kRelationship) {
    return BindProperty(env_, base, slot, path, expr.span);
  }
  if (base.type.kind == TypeKind::kValue) {
    return MembersOf(SlotAt(slot, base.type, expr.span), path, expr.span);
  }
  if (base.type.kind == TypeKind::kNull) return NullAt(expr.span);
  return ErrorAt(path[0].span, absl::StrCat("'", base.name, "' is ", Describe(base.type),
                                            " and has no '", path[0].text, "'",
                                            base.type.kind == TypeKind::kPath
                                                ? "; NODES(…) and RELATIONSHIPS(…) are its parts"
                                                : ""));
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindHistoryPath(int history, const Expr& expr) {
  return BindHistoryColumn(select_, select_.histories[history],
                           absl::MakeConstSpan(expr.path).subspan(1), expr.span);
}

const SelectAlias* ExpressionBinder::FindAlias(absl::string_view name) const {
  if (!clause_.aliases) return nullptr;
  // What an aggregate takes is a row's; an alias of an aggregate is none there.
  const auto found = std::find_if(aliases_.begin(), aliases_.end(), [&](const SelectAlias& alias) {
    return alias.name == name && (inside_ == nullptr || !alias.aggregate);
  });
  return found == aliases_.end() ? nullptr : &*found;
}

// ADT takes the type's name for the relationship of a JOIN that gives it no alias.
SlotId ExpressionBinder::FindJoined(absl::string_view name) {
  for (const auto& [joined, match] : scope_->joined) {
    if (joined != name) continue;
    BoundEdge& edge = select_.matches[match].paths[0].edges[0];
    if (edge.slot != kNoSlot) continue;
    Slot slot;
    slot.kind = SlotKind::kRelationship;
    slot.type.kind = TypeKind::kRelationship;
    slot.nullable = false;
    slot.any_type = edge.any_type;
    slot.types = edge.types;
    slot.name = joined;
    edge.slot = scope_->Add(std::move(slot));
    scope_->names.emplace_back(joined, edge.slot);
    return edge.slot;
  }
  return kNoSlot;
}

absl::StatusOr<BoundPtr> ExpressionBinder::UnknownName(const Expr& expr) {
  const Name& name = expr.path[0];
  std::vector<absl::string_view> known = scope_->Names();
  if (clause_.aliases) {
    for (const SelectAlias& alias : aliases_) known.push_back(alias.name);
  }
  const bool property = absl::StartsWith(name.text, "$") || expr.path.size() == 1;
  const std::string suggestion = Suggestion(name.text, known, "in scope");
  if (!scope_->subquery.empty()) {
    return ErrorAt(name.span, absl::StrCat("unknown column '", name.text, "'", suggestion));
  }
  return ErrorAt(name.span, absl::StrCat("unknown alias '", name.text, "'", suggestion,
                                         property && !known.empty() &&
                                                 !absl::StrContains(suggestion, "did you mean")
                                             ? absl::StrCat("; a property needs its twin's alias, "
                                                            "as in ",
                                                            known.front(), ".", name.text)
                                             : ""));
}

}  // namespace twin::query::binding
