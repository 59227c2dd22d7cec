#include "query/bind/select.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/bind/aggregates.h"
#include "query/bind/coerce.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

// Not by the alias of a column that is one.
bool IsWrittenConstant(const Expr& expr, const BoundExpr& bound) {
  return bound.kind == BoundKind::kConstant && !IsNull(bound) && expr.kind != ExprKind::kPath;
}

}  // namespace

absl::Status SelectBinder::Bind(bool named) {
  TWIN_RETURN_IF_ERROR(BindSource());
  TWIN_RETURN_IF_ERROR(BindRows());
  TWIN_RETURN_IF_ERROR(BindOutputs(named));
  TWIN_RETURN_IF_ERROR(BindGroups());
  TWIN_RETURN_IF_ERROR(BindTail());
  TWIN_RETURN_IF_ERROR(CheckSeries(bound_));
  bound_.grouped = !bound_.groups.empty() || !bound_.aggregates.empty();
  if (!bound_.grouped && !bound_.having.empty()) {
    return ErrorAt(select_.having->span,
                   "HAVING is about groups: it needs GROUP BY or an aggregate; a condition on rows "
                   "belongs in WHERE");
  }
  if (bound_.grouped) {
    if (select_.star) {
      return ErrorAt(select_.span, "SELECT * does not go with groups; name the columns");
    }
    TWIN_RETURN_IF_ERROR(RewriteGrouped(&bound_, &scope_));
  }
  return CheckDistinct();
}

absl::Status SelectBinder::BindRows() {
  if (select_.where == nullptr) return absl::OkStatus();
  binder_.Enter({.name = "WHERE"});
  return binder_.BindConjuncts(*select_.where, &bound_.where);
}

absl::Status SelectBinder::BindGroups() {
  binder_.Enter({.name = "GROUP BY", .aliases = true});
  for (const ExprPtr& expr : select_.group_by) {
    TWIN_ASSIGN_OR_RETURN(BoundPtr key, binder_.Bind(*expr));
    if (ExpressionBinder::HasAggregate(bound_, *key)) {
      return ErrorAt(expr->span, "GROUP BY takes values of rows, not aggregates");
    }
    if (IsWrittenConstant(*expr, *key)) {
      return ErrorAt(expr->span, "GROUP BY takes expressions, not positions or constants");
    }
    const bool twice = std::any_of(bound_.groups.begin(), bound_.groups.end(),
                                   [&key](const BoundPtr& other) { return Same(*key, *other); });
    if (!twice) bound_.groups.push_back(std::move(key));
  }
  return absl::OkStatus();
}

absl::Status SelectBinder::BindTail() {
  if (select_.having != nullptr) {
    binder_.Enter({.name = "HAVING", .aggregates = true, .aliases = true});
    TWIN_RETURN_IF_ERROR(binder_.BindConjuncts(*select_.having, &bound_.having));
    for (const BoundPtr& condition : bound_.having) {
      if (!ExpressionBinder::HasWindow(bound_, *condition)) continue;
      return ErrorAt(condition->span, "a condition on OVER belongs in QUALIFY");
    }
  }
  if (select_.qualify != nullptr) {
    binder_.Enter({.name = "QUALIFY", .aggregates = true, .windows = true, .aliases = true});
    TWIN_RETURN_IF_ERROR(binder_.BindConjuncts(*select_.qualify, &bound_.qualify));
  }
  TWIN_RETURN_IF_ERROR(BindOrder());
  TWIN_RETURN_IF_ERROR(BindCount(select_.top, "TOP", &bound_.top));
  TWIN_RETURN_IF_ERROR(BindCount(select_.limit, "LIMIT", &bound_.limit));
  return BindCount(select_.offset, "OFFSET", &bound_.offset);
}

absl::Status SelectBinder::BindCount(const ExprPtr& expr, absl::string_view what, BoundPtr* bound) {
  if (expr == nullptr) return absl::OkStatus();
  binder_.Enter({.name = what, .rows = false});
  TWIN_ASSIGN_OR_RETURN(*bound, binder_.Bind(*expr));
  const bool count = (*bound)->type.kind == TypeKind::kInt &&
                     ((*bound)->kind == BoundKind::kParameter ||
                      ((*bound)->kind == BoundKind::kConstant && (*bound)->value.as_int() >= 0));
  const bool unknown = (*bound)->kind == BoundKind::kParameter && !env_.options->check_names;
  if (count || unknown) return absl::OkStatus();
  return ErrorAt((*bound)->span,
                 absl::StrCat(what, " takes a number of rows: 0 or more, or a parameter"));
}

absl::Status SelectBinder::BindOrder() {
  binder_.Enter({.name = "ORDER BY", .aggregates = true, .windows = true, .aliases = true});
  for (const SortKey& key : select_.order_by) {
    TWIN_ASSIGN_OR_RETURN(BoundPtr bound, binder_.Bind(*key.expr));
    if (IsWrittenConstant(*key.expr, *bound)) {
      return ErrorAt(key.expr->span, "ORDER BY takes expressions, not positions or constants");
    }
    bound_.order.push_back({std::move(bound), key.descending, key.nulls == SortKey::Nulls::kFirst});
  }
  return absl::OkStatus();
}

// DISTINCT leaves one row of several, and so the columns alone to order by.
absl::Status SelectBinder::CheckDistinct() const {
  if (!bound_.distinct) return absl::OkStatus();
  for (const BoundSortKey& key : bound_.order) {
    const bool selected =
        std::any_of(bound_.outputs.begin(), bound_.outputs.end(),
                    [&key](const BoundOutput& output) { return Same(*output.expr, *key.expr); });
    if (!selected) {
      return ErrorAt(
          key.expr->span,
          "with DISTINCT, ORDER BY takes columns of the SELECT list; add this one to it");
    }
  }
  return absl::OkStatus();
}

}  // namespace twin::query::binding
