#include "query/bind/of_model.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/ast/error.h"
#include "query/bind/coerce.h"
#include "query/bind/models.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

bool IsName(const Expr& expr) { return expr.kind == ExprKind::kPath && expr.path.size() == 1; }

absl::StatusOr<SlotId> TwinNamed(const Scope& scope, const Name& name) {
  const SlotId slot = scope.Find(name.text);
  if (slot != kNoSlot && scope.slot(slot).kind == SlotKind::kTwin) return slot;
  return ErrorAt(name.span,
                 absl::StrCat(slot == kNoSlot ? "unknown alias '" : "no twin: '", name.text,
                              "'; in scope: ", absl::StrJoin(scope.Names(), ", ")));
}

absl::StatusOr<BoundPtr> OfModelAt(const Environment& env, SlotId slot, absl::string_view model,
                                   bool exact, const Span& model_span, const Span& span) {
  TWIN_ASSIGN_OR_RETURN(std::vector<TableId> tables, TablesNamed(env, model, exact, model_span));
  BoundPtr expr = Make(BoundKind::kOfModel, TypeKind::kBool, span);
  expr->slot = slot;
  expr->text = std::string(model);
  expr->tables = std::move(tables);
  return expr;
}

std::vector<TableId> Both(const std::vector<TableId>& a, const std::vector<TableId>& b) {
  std::vector<TableId> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

std::vector<TableId> Either(const std::vector<TableId>& a, const std::vector<TableId>& b) {
  std::vector<TableId> either;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(either));
  return either;
}

// Tables of which the twin in `slot` must be where `expr` is TRUE; nullopt: of any.
class Restriction {
 public:
  Restriction(const Environment& env, const Scope& scope, SlotId slot)
      : env_(env), scope_(scope), slot_(slot) {}

  std::optional<std::vector<TableId>> Of(const Expr& expr) const {
    switch (expr.kind) {
      case ExprKind::kAnd:
        return OfAnd(expr);
      case ExprKind::kOr:
        return OfOr(expr);
      case ExprKind::kCall:
        return OfCall(expr);
      case ExprKind::kEqual:
        return OfEqual(*expr.operands[0], *expr.operands[1]);
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<std::vector<TableId>> OfAnd(const Expr& expr) const {
    std::optional<std::vector<TableId>> all;
    for (const ExprPtr& operand : expr.operands) {
      std::optional<std::vector<TableId>> one = Of(*operand);
      if (!one.has_value()) continue;
      all = all.has_value() ? Both(*all, *one) : std::move(one);
    }
    return all;
  }

  std::optional<std::vector<TableId>> OfOr(const Expr& expr) const {
    std::vector<TableId> any;
    for (const ExprPtr& operand : expr.operands) {
      const std::optional<std::vector<TableId>> one = Of(*operand);
      if (!one.has_value()) return std::nullopt;
      any = Either(any, *one);
    }
    return any;
  }

  std::optional<std::vector<TableId>> OfCall(const Expr& expr) const {
    if (expr.text != "IS_OF_MODEL") return std::nullopt;
    const absl::StatusOr<BoundPtr> call = BindOfModel(env_, scope_, expr);
    if (!call.ok() || (*call)->kind != BoundKind::kOfModel || (*call)->slot != slot_) {
      return std::nullopt;
    }
    return (*call)->tables;
  }

  // x.$metadata.$model = 'dtmi:…;1'
  std::optional<std::vector<TableId>> OfEqual(const Expr& path, const Expr& text) const {
    if (path.kind != ExprKind::kPath || text.kind != ExprKind::kString) return std::nullopt;
    const size_t names = path.path.size();
    if (names < 2 || names > 3 || path.path[names - 2].text != "$metadata" ||
        path.path[names - 1].text != "$model") {
      return std::nullopt;
    }
    const SlotId slot = names == 3 ? scope_.Find(path.path[0].text) : scope_.collection;
    if (slot != slot_) return std::nullopt;
    return env_.catalog->TablesOfModel(text.text, /*exact=*/true);
  }

  const Environment& env_;
  const Scope& scope_;
  const SlotId slot_;
};

}  // namespace

absl::StatusOr<BoundPtr> OfModel(const Environment& env, SlotId slot, const Name& model,
                                 bool exact) {
  return OfModelAt(env, slot, model.text, exact, model.span, model.span);
}

namespace {

// Of the arguments from `next` on.
absl::StatusOr<BoundPtr> OfModelOf(const Environment& env, const Scope& scope, SlotId slot,
                                   size_t next, const Expr& call) {
  const std::vector<ExprPtr>& arguments = call.operands;
  if (next == arguments.size() || arguments[next]->kind != ExprKind::kString) {
    return ErrorAt(next < arguments.size() ? arguments[next]->span : call.span,
                   "IS_OF_MODEL takes a twin's alias and its model in quotes: "
                   "IS_OF_MODEL(x, 'dtmi:example:Room;1'), with exact as a third argument for "
                   "that version alone");
  }
  const Expr& model = *arguments[next++];
  bool exact = false;
  if (next < arguments.size()) {
    exact =
        IsName(*arguments[next]) && absl::EqualsIgnoreCase(arguments[next]->path[0].text, "exact");
    if (!exact || next + 1 < arguments.size()) {
      return ErrorAt(arguments[next]->span,
                     "after the model IS_OF_MODEL takes the word exact, or nothing");
    }
  }
  if (slot == kNoSlot || scope.slot(slot).kind != SlotKind::kTwin) {
    return ErrorAt(call.span, absl::StrCat("IS_OF_MODEL needs the alias of a twin first; in "
                                           "scope: ",
                                           absl::StrJoin(scope.Names(), ", ")));
  }
  return OfModelAt(env, slot, model.text, exact, model.span, call.span);
}

}  // namespace

absl::StatusOr<BoundPtr> BindOfModel(const Environment& env, const Scope& scope, const Expr& call) {
  const bool has_name = !call.operands.empty() && IsName(*call.operands[0]);
  SlotId slot = scope.collection;
  if (has_name) {
    TWIN_ASSIGN_OR_RETURN(slot, TwinNamed(scope, call.operands[0]->path[0]));
  }
  return OfModelOf(env, scope, slot, has_name ? 1 : 0, call);
}

absl::StatusOr<BoundPtr> BindOfModel(const Environment& env, const Scope& scope, SlotId slot,
                                     const Expr& call) {
  return OfModelOf(env, scope, slot, 1, call);
}

std::optional<std::vector<RelationshipTypeId>> TypesOf(const Environment& env, const Scope& scope,
                                                       SlotId slot, const Expr& condition) {
  if (env.lenient()) return std::nullopt;
  if (condition.kind == ExprKind::kAnd) {
    for (const ExprPtr& operand : condition.operands) {
      auto types = TypesOf(env, scope, slot, *operand);
      if (types.has_value()) return types;
    }
    return std::nullopt;
  }
  const bool in = condition.kind == ExprKind::kIn && !condition.negated &&
                  condition.operands[1]->kind == ExprKind::kList;
  if (!in && condition.kind != ExprKind::kEqual) return std::nullopt;
  const Expr& path = *condition.operands[0];
  if (path.kind != ExprKind::kPath || path.path.back().text != "$relationshipName" ||
      path.path.size() > 2 || (path.path.size() == 2 && scope.Find(path.path[0].text) != slot)) {
    return std::nullopt;
  }
  std::vector<const Expr*> names;
  if (in) {
    for (const ExprPtr& item : condition.operands[1]->operands) names.push_back(item.get());
  } else {
    names.push_back(condition.operands[1].get());
  }
  std::vector<RelationshipTypeId> types;
  for (const Expr* name : names) {
    if (name->kind != ExprKind::kString) return std::nullopt;
    const std::vector<RelationshipTypeId> more = env.catalog->TypesNamed(name->text);
    types.insert(types.end(), more.begin(), more.end());
  }
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  return types;
}

std::vector<TableFact> FactsOf(const Environment& env, const Scope& scope, const Expr& condition) {
  std::vector<TableFact> facts;
  if (env.lenient()) return facts;
  std::vector<SlotId> twins;
  for (const auto& [name, slot] : scope.names) twins.push_back(slot);
  if (scope.collection != kNoSlot) twins.push_back(scope.collection);
  std::sort(twins.begin(), twins.end());
  twins.erase(std::unique(twins.begin(), twins.end()), twins.end());
  for (const SlotId slot : twins) {
    if (scope.slot(slot).kind != SlotKind::kTwin) continue;
    std::optional<std::vector<TableId>> tables = Restriction(env, scope, slot).Of(condition);
    if (tables.has_value()) facts.push_back({slot, *std::move(tables)});
  }
  return facts;
}

}  // namespace twin::query::binding
