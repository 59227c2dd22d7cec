// Functions OVER siblings.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/ast/functions.h"
#include "query/bind/aggregates.h"
#include "query/bind/coerce.h"
#include "query/bind/expressions.h"
#include "query/bind/units.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

// Below this a spread of voltages is noise of the sensors.
constexpr double kVoltageFloorMillivolts = 3;

bool SameKeys(const std::vector<BoundSortKey>& a, const std::vector<BoundSortKey>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const BoundSortKey& x, const BoundSortKey& y) {
                      return x.descending == y.descending && x.nulls_first == y.nulls_first &&
                             Same(*x.expr, *y.expr);
                    });
}

bool SameWindow(const BoundWindow& a, const BoundWindow& b) {
  return a.function == b.function && SameAll(a.arguments, b.arguments) &&
         SameAll(a.partition, b.partition) && SameKeys(a.order, b.order);
}

}  // namespace

absl::Status ExpressionBinder::CheckWindow(const FunctionInfo& info, const Expr& expr) const {
  if (inside_ != nullptr) {
    return ErrorAt(expr.span,
                   absl::StrCat("a function with OVER cannot stand within ", inside_->name));
  }
  if (!clause_.windows) {
    const bool conditional = clause_.name == "WHERE" || clause_.name == "HAVING";
    return ErrorAt(expr.span,
                   absl::StrCat(info.name, " OVER cannot stand in ", clause_.name,
                                conditional ? "; a condition on it belongs in QUALIFY"
                                            : "; compute it first: WITH name AS (SELECT …)"));
  }
  if (expr.over == nullptr) {
    return ErrorAt(expr.span,
                   absl::StrCat(info.name, " needs OVER (PARTITION BY …",
                                info.function == Function::kRank ? " ORDER BY …)" : ")"));
  }
  if (info.kind != FunctionKind::kWindow && info.kind != FunctionKind::kAggregate) {
    return ErrorAt(expr.span, absl::StrCat(info.name, " does not go with OVER"));
  }
  if (expr.distinct) return ErrorAt(expr.span, "DISTINCT does not go with OVER");
  if (info.function == Function::kRank && expr.over->order.empty()) {
    return ErrorAt(expr.over->span, "RANK needs an order: OVER (PARTITION BY … ORDER BY …)");
  }
  return absl::OkStatus();
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindWindow(const FunctionInfo& info, const Expr& expr) {
  TWIN_RETURN_IF_ERROR(CheckWindow(info, expr));
  BoundWindow window;
  window.function = info.function;
  window.span = expr.span;
  const Clause clause = clause_;
  clause_.windows = false;
  clause_.name = "another OVER";
  const absl::Status status = [&]() -> absl::Status {
    TWIN_ASSIGN_OR_RETURN(window.arguments, BindAll(expr.operands));
    TWIN_ASSIGN_OR_RETURN(window.partition, BindAll(expr.over->partition));
    for (const SortKey& key : expr.over->order) {
      TWIN_ASSIGN_OR_RETURN(BoundPtr bound, Bind(*key.expr));
      window.order.push_back(
          {std::move(bound), key.descending, key.nulls == SortKey::Nulls::kFirst});
    }
    return absl::OkStatus();
  }();
  clause_ = clause;
  TWIN_RETURN_IF_ERROR(status);
  if (info.function == Function::kRank) {
    window.type.kind = TypeKind::kInt;
  } else if (info.function == Function::kRobustZ) {
    TWIN_RETURN_IF_ERROR(SetFloor(&window));
  } else {
    TWIN_ASSIGN_OR_RETURN(window.type, TypeOfAggregate(env_, info, &window.arguments));
  }
  for (const BoundWindow& other : select_.windows) {
    if (SameWindow(other, window)) return SlotAt(other.slot, other.type, expr.span);
  }
  const BoundExpr* const source = window.arguments.empty() ? nullptr : window.arguments[0].get();
  window.slot = AddValueSlot(window.type, source, scope_);
  (*scope_->slots)[window.slot].name = TextOf(window, *scope_->slots);
  BoundPtr bound = SlotAt(window.slot, window.type, expr.span);
  select_.windows.push_back(std::move(window));
  return bound;
}

// ROBUST_Z(x, floor): the floor in the unit of x; where it is left out, one that fits it.
absl::Status ExpressionBinder::SetFloor(BoundWindow* window) {
  window->type.kind = TypeKind::kDouble;
  BoundPtr& value = window->arguments[0];
  TWIN_ASSIGN_OR_RETURN(value, AsDouble(env_, std::move(value), "the argument of ROBUST_Z"));
  if (window->arguments.size() > 1) {
    BoundPtr& floor = window->arguments[1];
    TWIN_ASSIGN_OR_RETURN(floor, AsDouble(env_, std::move(floor), "the floor of ROBUST_Z"));
    const dtdl::Unit* const unit = value->type.unit;
    if (floor->type.unit == nullptr || unit == nullptr) return absl::OkStatus();
    const auto conversion = ConversionOf(*floor->type.unit, *unit);
    if (!conversion.has_value()) return MakeComparable(env_, floor->span, &value, &floor).status();
    // A spread has no zero of its own: 1 kelvin is 1 degree Celsius.
    BoundPtr factor = Constant(Value::Double(conversion->factor), TypeKind::kDouble, floor->span);
    if (floor->kind == BoundKind::kConstant) {
      floor->value = Value::Double(floor->value.as_double() * conversion->factor);
    } else if (conversion->factor != 1) {
      const Span span = floor->span;
      floor = Operation(BoundKind::kMultiply, TypeKind::kDouble, span, std::move(floor),
                        std::move(factor));
    }
    return absl::OkStatus();
  }
  double floor = 0;
  const dtdl::Unit* const unit = value->type.unit;
  const dtdl::Unit* const millivolt = dtdl::FindUnit("millivolt");
  if (unit != nullptr && ConversionOf(*millivolt, *unit).has_value()) {
    floor = *dtdl::ConvertUnit(kVoltageFloorMillivolts, millivolt->name, unit->name);
  }
  window->arguments.push_back(Constant(Value::Double(floor), TypeKind::kDouble, window->span));
  return absl::OkStatus();
}

}  // namespace twin::query::binding
