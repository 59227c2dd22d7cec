// Aggregates: what they take, what they make, and which HISTORY they read.
#include "query/bind/aggregates.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/ast/functions.h"
#include "query/bind/coerce.h"
#include "query/bind/expressions.h"
#include "query/bind/history.h"
#include "query/bind/properties.h"
#include "query/bind/units.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

absl::StatusOr<Type> TypeOfMeasure(const Environment& env, const FunctionInfo& info,
                                   BoundPtr* argument) {
  const std::string what = absl::StrCat("the argument of ", info.name);
  const TypeKind kind = (*argument)->type.kind;
  const dtdl::Unit* const unit = (*argument)->type.unit;
  switch (info.function) {
    case Function::kSum:
    case Function::kAvg: {
      if (kind == TypeKind::kDuration) return (*argument)->type;
      TWIN_ASSIGN_OR_RETURN(*argument, AsNumber(env, std::move(*argument), what));
      if (info.function == Function::kSum) return (*argument)->type;
      *argument = Cast(std::move(*argument), TypeKind::kDouble);
      return Type{TypeKind::kDouble, unit};
    }
    case Function::kMin:
    case Function::kMax:
      if (kind == TypeKind::kTwin || kind == TypeKind::kRelationship || kind == TypeKind::kPath) {
        return ErrorAt((*argument)->span,
                       absl::StrCat(info.name, " takes values that have an order, not ",
                                    Describe((*argument)->type)));
      }
      return (*argument)->type;
    default:
      break;
  }
  TWIN_ASSIGN_OR_RETURN(*argument, AsDouble(env, std::move(*argument), what));
  switch (info.function) {
    case Function::kMedian:
    case Function::kPercentile:
    case Function::kTimeAvg:
      return Type{TypeKind::kDouble, unit};
    case Function::kStddev:
    case Function::kMad:
    case Function::kDelta:
      return Type{TypeKind::kDouble, UnitOfDifference(unit)};
    default:  // VARIANCE, RATE, INTEGRAL, SLOPE: of another unit than any of the models'
      return Type{TypeKind::kDouble};
  }
}

// PERCENTILE's second argument.
absl::Status CheckFraction(const Environment& env, BoundPtr* fraction) {
  TWIN_ASSIGN_OR_RETURN(*fraction, AsDouble(env, std::move(*fraction), "PERCENTILE's fraction"));
  const bool constant = (*fraction)->kind == BoundKind::kConstant && !IsNull(**fraction);
  if (constant) {
    const double value = (*fraction)->value.as_double();
    if (value >= 0 && value <= 1) return absl::OkStatus();
  } else if ((*fraction)->kind == BoundKind::kParameter ||
             ((*fraction)->kind == BoundKind::kCast &&
              (*fraction)->operands[0]->kind == BoundKind::kParameter)) {
    return absl::OkStatus();
  }
  return ErrorAt((*fraction)->span,
                 "PERCENTILE takes a fraction from 0 to 1 that is the same for all rows, such as "
                 "0.95");
}

}  // namespace

absl::StatusOr<Type> TypeOfAggregate(const Environment& env, const FunctionInfo& info,
                                     std::vector<BoundPtr>* arguments) {
  if (info.function == Function::kCount) return Type{TypeKind::kInt};
  BoundPtr& first = arguments->front();
  switch (info.function) {
    case Function::kCollect:
      if (first->type.kind == TypeKind::kDuration) first = Cast(std::move(first), TypeKind::kValue);
      return Type{TypeKind::kValue};
    case Function::kFirst:
    case Function::kLast:
      return first->type;
    case Function::kTimeWhere: {
      TWIN_ASSIGN_OR_RETURN(first,
                            AsCondition(env, std::move(first), "the argument of TIME_WHERE"));
      return Type{TypeKind::kDouble};
    }
    case Function::kPercentile:
      TWIN_RETURN_IF_ERROR(CheckFraction(env, &(*arguments)[1]));
      break;
    default:
      break;
  }
  return TypeOfMeasure(env, info, &first);
}

SlotId AddValueSlot(const Type& type, const BoundExpr* source, Scope* scope) {
  Slot slot;
  slot.type = type;
  if (type.kind == TypeKind::kTwin || type.kind == TypeKind::kRelationship) {
    slot.kind = type.kind == TypeKind::kTwin ? SlotKind::kTwin : SlotKind::kRelationship;
    if (source != nullptr && source->kind == BoundKind::kSlot) {
      const Slot& same = scope->slot(source->slot);
      slot.tables = same.tables;
      slot.any_table = same.any_table;
      slot.types = same.types;
      slot.any_type = same.any_type;
    }
  } else if (type.kind == TypeKind::kPath) {
    slot.kind = SlotKind::kPath;
  }
  return scope->Add(std::move(slot));
}

absl::Status ExpressionBinder::CheckAggregate(const FunctionInfo& info, const Expr& expr) const {
  if (inside_ != nullptr) {
    return ErrorAt(expr.span, absl::StrCat(info.name, " within ", inside_->name,
                                           ": an aggregate takes values of rows; compute the inner "
                                           "one first: WITH name AS (SELECT …)"));
  }
  if (clause_.aggregates) return absl::OkStatus();
  const bool where = clause_.name == "WHERE";
  return ErrorAt(expr.span,
                 absl::StrCat(info.name, " cannot stand in ", clause_.name,
                              where ? ", which looks at single rows; a condition on groups belongs "
                                      "in HAVING"
                                    : ""));
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindAggregate(const FunctionInfo& info,
                                                         const Expr& expr) {
  TWIN_RETURN_IF_ERROR(CheckAggregate(info, expr));
  BoundAggregate aggregate;
  aggregate.function = info.function;
  aggregate.distinct = expr.distinct;
  aggregate.span = expr.span;
  inside_ = &info;
  absl::StatusOr<std::vector<BoundPtr>> arguments = BindAll(expr.operands);
  inside_ = nullptr;
  TWIN_RETURN_IF_ERROR(arguments.status());
  aggregate.arguments = *std::move(arguments);
  TWIN_ASSIGN_OR_RETURN(aggregate.type, TypeOfAggregate(env_, info, &aggregate.arguments));
  const bool is_extreme = info.function == Function::kMin || info.function == Function::kMax;
  if (is_extreme && !env_.adt() && IsModelDuration(env_, *scope_->slots, *aggregate.arguments[0])) {
    return ErrorAt(aggregate.arguments[0]->span, NoOrderOf(*aggregate.arguments[0]));
  }
  TWIN_RETURN_IF_ERROR(SetHistory(info, expr, &aggregate));
  for (const BoundAggregate& other : select_.aggregates) {
    if (other.function == aggregate.function && other.distinct == aggregate.distinct &&
        std::equal(other.arguments.begin(), other.arguments.end(), aggregate.arguments.begin(),
                   aggregate.arguments.end(),
                   [](const BoundPtr& a, const BoundPtr& b) { return Same(*a, *b); })) {
      return SlotAt(other.slot, other.type, expr.span);
    }
  }
  const BoundExpr* const source =
      aggregate.arguments.empty() ? nullptr : aggregate.arguments[0].get();
  aggregate.slot = AddValueSlot(aggregate.type, source, scope_);
  (*scope_->slots)[aggregate.slot].name = TextOf(aggregate, *scope_->slots);
  BoundPtr bound = SlotAt(aggregate.slot, aggregate.type, expr.span);
  select_.aggregates.push_back(std::move(aggregate));
  return bound;
}

// An aggregate reads the rows of the HISTORY clause that its arguments name.
absl::Status ExpressionBinder::SetHistory(const FunctionInfo& info, const Expr& expr,
                                          BoundAggregate* aggregate) {
  std::vector<int>& histories = aggregate->histories;
  for (const BoundPtr& argument : aggregate->arguments) {
    for (const int history : HistoriesOf(select_, *argument)) histories.push_back(history);
  }
  std::sort(histories.begin(), histories.end());
  histories.erase(std::unique(histories.begin(), histories.end()), histories.end());
  for (size_t i = 1; i < histories.size(); ++i) {
    const BoundHistory& a = select_.histories[histories[0]];
    const BoundHistory& b = select_.histories[histories[i]];
    const bool stepped = a.every != nullptr && b.every != nullptr && Same(*a.every, *b.every);
    if (!stepped || info.kind == FunctionKind::kTimeAggregate) {
      return ErrorAt(expr.span,
                     absl::StrCat(info.name, " reads the samples of one HISTORY clause, here of ",
                                  a.name, " and ", b.name, "; put their paths into one clause",
                                  stepped ? "" : ", or give both the same EVERY"));
    }
  }
  if (info.kind != FunctionKind::kTimeAggregate) return absl::OkStatus();
  if (!histories.empty()) {
    const BoundHistory& history = select_.histories[histories[0]];
    aggregate->time = history.time;
    aggregate->series = SeriesOf(history, *aggregate->arguments[0]);
    return absl::OkStatus();
  }
  const bool subquery = select_.source.collection == FromClause::Collection::kSubquery;
  const SlotId time = subquery ? scope_->Find("time") : kNoSlot;
  if (time != kNoSlot && scope_->slot(time).type.kind == TypeKind::kTime) {
    aggregate->time = time;
    return absl::OkStatus();
  }
  return ErrorAt(expr.span, subquery ? absl::StrCat(info.name, " over ", scope_->subquery,
                                                    " needs its column "
                                                    "'time' with the time of each row")
                                     : absl::StrCat(info.name,
                                                    " works on the samples of a HISTORY clause, as "
                                                    "in HISTORY h OF x.(temperature) LAST 1h and ",
                                                    info.name, "(h.temperature)"));
}

}  // namespace twin::query::binding
