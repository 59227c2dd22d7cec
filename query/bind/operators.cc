// Operators and their types.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/bind/coerce.h"
#include "query/bind/expressions.h"
#include "query/bind/properties.h"
#include "query/bind/schemas.h"
#include "query/bind/units.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"

namespace twin::query::binding {
namespace {

BoundKind KindOf(ExprKind kind) {
  switch (kind) {
    case ExprKind::kNot:
      return BoundKind::kNot;
    case ExprKind::kAnd:
      return BoundKind::kAnd;
    case ExprKind::kOr:
      return BoundKind::kOr;
    case ExprKind::kAdd:
      return BoundKind::kAdd;
    case ExprKind::kSubtract:
      return BoundKind::kSubtract;
    case ExprKind::kMultiply:
      return BoundKind::kMultiply;
    case ExprKind::kDivide:
      return BoundKind::kDivide;
    case ExprKind::kModulo:
      return BoundKind::kModulo;
    case ExprKind::kEqual:
      return BoundKind::kEqual;
    case ExprKind::kNotEqual:
      return BoundKind::kNotEqual;
    case ExprKind::kLess:
      return BoundKind::kLess;
    case ExprKind::kLessEqual:
      return BoundKind::kLessEqual;
    case ExprKind::kGreater:
      return BoundKind::kGreater;
    default:
      return BoundKind::kGreaterEqual;
  }
}

absl::string_view SymbolOf(BoundKind kind) {
  switch (kind) {
    case BoundKind::kAdd:
      return "+";
    case BoundKind::kSubtract:
      return "-";
    case BoundKind::kMultiply:
      return "*";
    case BoundKind::kDivide:
      return "/";
    default:
      return "%";
  }
}

// Times and durations. kNull: there is no such operation.
TypeKind TemporalResult(BoundKind kind, TypeKind a, TypeKind b) {
  using enum TypeKind;
  const bool number_a = a == kInt || a == kDouble;
  const bool number_b = b == kInt || b == kDouble;
  switch (kind) {
    case BoundKind::kAdd:
      if (a == kDuration && b == kDuration) return kDuration;
      return (a == kTime && b == kDuration) || (a == kDuration && b == kTime) ? kTime : kNull;
    case BoundKind::kSubtract:
      if (a == kTime && b == kTime) return kDuration;
      if (b != kDuration) return kNull;
      return a == kTime || a == kDuration ? a : kNull;
    case BoundKind::kMultiply:
      return (a == kDuration && number_b) || (number_a && b == kDuration) ? kDuration : kNull;
    case BoundKind::kDivide:
      if (a != kDuration) return kNull;
      return b == kDuration ? kDouble : number_b ? kDuration : kNull;
    case BoundKind::kModulo:
      return a == kDuration && b == kDuration ? kDuration : kNull;
    default:
      return kNull;
  }
}

bool IsTemporal(const BoundExpr& expr) {
  return expr.type.kind == TypeKind::kTime || expr.type.kind == TypeKind::kDuration;
}

// Added to a time, or a constant or parameter that reads as one.
bool IsLength(const Environment& env, BoundKind kind, const BoundExpr& text,
              const BoundExpr& other) {
  if (IsText(text)) return ParseDuration(text.value.as_string()).ok();
  if (text.kind == BoundKind::kParameter && env.options->lengths.count(text.text) != 0) return true;
  return kind == BoundKind::kAdd && other.type.kind == TypeKind::kTime;
}

// The text of a time, or of a length of time, beside either.
absl::Status ReadTimes(const Environment& env, BoundKind kind, BoundPtr* a, BoundPtr* b) {
  for (const auto& [text, other] : {std::pair(a, b), std::pair(b, a)}) {
    if ((*text)->type.kind != TypeKind::kString || !IsTemporal(**other)) continue;
    const auto as = IsLength(env, kind, **text, **other) ? AsDuration : AsTime;
    TWIN_ASSIGN_OR_RETURN(*text, as(env, std::move(*text), "this"));
  }
  return absl::OkStatus();
}

const dtdl::Unit* UnitOf(BoundKind kind, const Type& a, const Type& b) {
  switch (kind) {
    case BoundKind::kAdd:
    case BoundKind::kModulo:
      return a.unit != nullptr ? a.unit : b.unit;
    case BoundKind::kSubtract:
      // A number alone may be a value as well: temperature - 20 is then a difference, too.
      return UnitOfDifference(a.unit != nullptr ? a.unit : b.unit);
    case BoundKind::kMultiply:
      return a.unit == nullptr ? b.unit : b.unit == nullptr ? a.unit : nullptr;
    case BoundKind::kDivide:
      return b.unit == nullptr ? a.unit : nullptr;
    default:
      return nullptr;
  }
}

absl::StatusOr<BoundPtr> BindNumbers(const Environment& env, BoundKind kind, const Span& span,
                                     BoundPtr a, BoundPtr b) {
  const std::string what = absl::StrCat("an operand of ", SymbolOf(kind));
  for (BoundPtr* side : {&a, &b}) {
    const TypeKind type = (*side)->type.kind;
    if (kind == BoundKind::kAdd && type == TypeKind::kString) {
      return Refuse(env, (*side)->span, "+ adds numbers; CONCAT(…) puts strings together");
    }
    TWIN_ASSIGN_OR_RETURN(*side, AsNumber(env, std::move(*side), what));
  }
  if (IsNull(*a) || IsNull(*b)) return NullAt(span);
  if (kind == BoundKind::kAdd || kind == BoundKind::kSubtract || kind == BoundKind::kModulo) {
    TWIN_RETURN_IF_ERROR(MakeComparable(env, span, &a, &b).status());
  }
  const bool ints = a->type.kind == TypeKind::kInt && b->type.kind == TypeKind::kInt;
  if (!ints || kind == BoundKind::kDivide) {
    a = Cast(std::move(a), TypeKind::kDouble);
    b = Cast(std::move(b), TypeKind::kDouble);
  }
  const Type type{a->type.kind, UnitOf(kind, a->type, b->type)};
  BoundPtr bound = Operation(kind, type.kind, span, std::move(a), std::move(b));
  bound->type = type;
  return bound;
}

}  // namespace

absl::StatusOr<BoundPtr> ExpressionBinder::BindLogical(const Expr& expr) {
  BoundPtr bound = Make(KindOf(expr.kind), TypeKind::kBool, expr.span);
  const absl::string_view word = expr.kind == ExprKind::kNot   ? "the operand of NOT"
                                 : expr.kind == ExprKind::kAnd ? "an operand of AND"
                                                               : "an operand of OR";
  for (const ExprPtr& operand : expr.operands) {
    TWIN_ASSIGN_OR_RETURN(BoundPtr one, Bind(*operand));
    TWIN_ASSIGN_OR_RETURN(one, AsCondition(env_, std::move(one), word));
    bound->operands.push_back(std::move(one));
  }
  return bound;
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindNegate(const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(BoundPtr operand, Bind(*expr.operands[0]));
  if (operand->type.kind != TypeKind::kDuration) {
    TWIN_ASSIGN_OR_RETURN(operand, AsNumber(env_, std::move(operand), "the operand of -"));
  }
  if (IsNull(*operand)) return operand;
  if (operand->kind == BoundKind::kConstant) {
    operand->span = expr.span;
    if (operand->type.kind == TypeKind::kDouble) {
      operand->value = Value::Double(-operand->value.as_double());
      return operand;
    }
    if (operand->value.as_int() != std::numeric_limits<int64_t>::min()) {
      operand->value = Value::Int(-operand->value.as_int());
      return operand;
    }
  }
  BoundPtr bound = Make(BoundKind::kNegate, operand->type.kind, expr.span);
  bound->type = operand->type;
  bound->operands.push_back(std::move(operand));
  return bound;
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindArithmetic(const Expr& expr) {
  const BoundKind kind = KindOf(expr.kind);
  TWIN_ASSIGN_OR_RETURN(BoundPtr a, Bind(*expr.operands[0]));
  TWIN_ASSIGN_OR_RETURN(BoundPtr b, Bind(*expr.operands[1]));
  TWIN_RETURN_IF_ERROR(ReadTimes(env_, kind, &a, &b));
  if (!IsTemporal(*a) && !IsTemporal(*b)) {
    return BindNumbers(env_, kind, expr.span, std::move(a), std::move(b));
  }
  if (IsNull(*a) || IsNull(*b)) return NullAt(expr.span);
  for (BoundPtr* side : {&a, &b}) {
    if ((*side)->type.kind == TypeKind::kValue) *side = Cast(std::move(*side), TypeKind::kDouble);
  }
  const TypeKind result = TemporalResult(kind, a->type.kind, b->type.kind);
  if (result == TypeKind::kNull) {
    const bool number = a->type.numeric() || b->type.numeric();
    return ErrorAt(expr.span, absl::StrCat(Describe(a->type), " ", SymbolOf(kind), " ",
                                           Describe(b->type), " means nothing",
                                           number ? "; give the number a unit of time, as in 5m"
                                                  : "; a time less a time is a duration, a time "
                                                    "and a duration are a time"));
  }
  return Operation(kind, result, expr.span, std::move(a), std::move(b));
}

namespace {

absl::Status CheckOrder(const Environment& env, const std::vector<Slot>& slots, const Expr& expr,
                        const BoundExpr& a, const BoundExpr& b) {
  const bool is_order = expr.kind != ExprKind::kEqual && expr.kind != ExprKind::kNotEqual;
  if (!is_order || env.adt()) return absl::OkStatus();
  for (const BoundExpr* side : {&a, &b}) {
    if (IsModelDuration(env, slots, *side)) return ErrorAt(side->span, NoOrderOf(*side));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BoundPtr> ExpressionBinder::BindComparison(const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(BoundPtr a, Bind(*expr.operands[0]));
  TWIN_ASSIGN_OR_RETURN(BoundPtr b, Bind(*expr.operands[1]));
  TWIN_ASSIGN_OR_RETURN(const bool comparable, MakeComparedExactly(env_, expr.span, &a, &b));
  if (!comparable) return NullAt(expr.span);
  TWIN_RETURN_IF_ERROR(CheckOrder(env_, *scope_->slots, expr, *a, *b));
  const bool identity = a->type.kind == TypeKind::kTwin || a->type.kind == TypeKind::kRelationship;
  if (identity && expr.kind != ExprKind::kEqual && expr.kind != ExprKind::kNotEqual) {
    return ErrorAt(expr.span, absl::StrCat("two of them can only be the same or not: ",
                                           Describe(a->type), " is not less than another"));
  }
  return Operation(KindOf(expr.kind), TypeKind::kBool, expr.span, std::move(a), std::move(b));
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindIn(const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(BoundPtr needle, Bind(*expr.operands[0]));
  BoundPtr bound = Make(BoundKind::kIn, TypeKind::kBool, expr.span);
  bound->negated = expr.negated;
  if (expr.operands[1]->kind != ExprKind::kList) {
    TWIN_ASSIGN_OR_RETURN(BoundPtr list, Bind(*expr.operands[1]));
    if (!IsNull(*list) && list->type.kind != TypeKind::kValue) {
      return ErrorAt(list->span, absl::StrCat("IN takes a list, not ", Describe(list->type)));
    }
    if (IsNull(*list)) return NullAt(expr.span);
    TWIN_ASSIGN_OR_RETURN(needle, AsElement(env_, *scope_->slots, *list, std::move(needle)));
    if (needle->type.kind == TypeKind::kDuration)
      needle = Cast(std::move(needle), TypeKind::kValue);
    bound->operands.push_back(std::move(needle));
    bound->operands.push_back(std::move(list));
    return bound;
  }
  TWIN_ASSIGN_OR_RETURN(std::vector<BoundPtr> items, BindAll(expr.operands[1]->operands));
  const bool as_text = env_.adt() && needle->type.kind == TypeKind::kTime &&
                       std::any_of(items.begin(), items.end(),
                                   [](const BoundPtr& item) { return IsTextOfNoTime(*item); });
  if (as_text) needle = Cast(std::move(needle), TypeKind::kString);
  for (BoundPtr& item : items) {
    TWIN_ASSIGN_OR_RETURN(const bool comparable,
                          MakeComparedExactly(env_, item->span, &needle, &item));
    if (!comparable) item = NullAt(item->span);
  }
  if (IsNull(*needle) && !items.empty()) return NullAt(expr.span);
  // A double among them makes all of them doubles.
  for (BoundPtr& item : items) {
    if (needle->type.kind == TypeKind::kDouble && item->type.kind == TypeKind::kInt) {
      item = Cast(std::move(item), TypeKind::kDouble);
    }
  }
  if (items.size() == 1 && items[0]->type.kind == TypeKind::kValue) {
    // One such operand of kIn would be the list itself.
    const BoundKind kind = expr.negated ? BoundKind::kNotEqual : BoundKind::kEqual;
    return Operation(kind, TypeKind::kBool, expr.span, std::move(needle), std::move(items[0]));
  }
  bound->operands.push_back(std::move(needle));
  for (BoundPtr& item : items) bound->operands.push_back(std::move(item));
  return bound;
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindBetween(const Expr& expr) {
  BoundPtr both = Make(BoundKind::kAnd, TypeKind::kBool, expr.span);
  TWIN_ASSIGN_OR_RETURN(BoundPtr value, Bind(*expr.operands[0]));
  for (const BoundKind kind : {BoundKind::kGreaterEqual, BoundKind::kLessEqual}) {
    BoundPtr left = Clone(*value);
    const Expr& bound_expr = *expr.operands[kind == BoundKind::kGreaterEqual ? 1 : 2];
    TWIN_ASSIGN_OR_RETURN(BoundPtr right, Bind(bound_expr));
    TWIN_ASSIGN_OR_RETURN(const bool comparable,
                          MakeComparedExactly(env_, expr.span, &left, &right));
    TWIN_RETURN_IF_ERROR(CheckOrder(env_, *scope_->slots, expr, *left, *right));
    both->operands.push_back(
        comparable ? Operation(kind, TypeKind::kBool, expr.span, std::move(left), std::move(right))
                   : NullAt(expr.span));
  }
  if (!expr.negated) return both;
  BoundPtr outside = Make(BoundKind::kNot, TypeKind::kBool, expr.span);
  outside->operands.push_back(std::move(both));
  return outside;
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindLike(const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(BoundPtr text, Bind(*expr.operands[0]));
  TWIN_ASSIGN_OR_RETURN(BoundPtr pattern, Bind(*expr.operands[1]));
  TWIN_ASSIGN_OR_RETURN(text, AsString(env_, std::move(text), "the left side of LIKE"));
  TWIN_ASSIGN_OR_RETURN(pattern, AsString(env_, std::move(pattern), "the pattern of LIKE"));
  if (IsNull(*text) || IsNull(*pattern)) return NullAt(expr.span);
  BoundPtr bound =
      Operation(BoundKind::kLike, TypeKind::kBool, expr.span, std::move(text), std::move(pattern));
  bound->negated = expr.negated;
  return bound;
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindIsNull(const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(BoundPtr operand, Bind(*expr.operands[0]));
  BoundPtr bound = Make(BoundKind::kIsNull, TypeKind::kBool, expr.span);
  bound->negated = expr.negated;
  bound->operands.push_back(std::move(operand));
  return bound;
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindCase(const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(std::vector<BoundPtr> operands, BindAll(expr.operands));
  if (operands.size() % 2 == 0) operands.push_back(NullAt(expr.span));
  std::vector<BoundPtr*> results = {&operands.back()};
  for (size_t i = 0; i + 1 < operands.size(); i += 2) {
    TWIN_ASSIGN_OR_RETURN(operands[i],
                          AsCondition(env_, std::move(operands[i]), "what follows WHEN"));
    results.push_back(&operands[i + 1]);
  }
  TWIN_ASSIGN_OR_RETURN(const Type type, Unify(env_, std::move(results)));
  BoundPtr bound = Make(BoundKind::kCase, type.kind, expr.span);
  bound->type = type;
  bound->operands = std::move(operands);
  return bound;
}

}  // namespace twin::query::binding
