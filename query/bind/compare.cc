// Which types compare with each other, and what brings them together.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/bind/coerce.h"
#include "query/bind/units.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

// A number with the unit that the text gives it: 113 'degreeFahrenheit'.
bool IsQuantity(const BoundExpr& expr) {
  return expr.kind == BoundKind::kConstant && expr.type.unit != nullptr;
}

absl::Status MatchUnits(const Environment& env, const Span& span, BoundPtr* a, BoundPtr* b) {
  if (IsNull(**a) || IsNull(**b)) return absl::OkStatus();
  const dtdl::Unit* const unit_a = (*a)->type.unit;
  const dtdl::Unit* const unit_b = (*b)->type.unit;
  if (unit_a == unit_b || env.adt()) return absl::OkStatus();
  if (unit_a == nullptr || unit_b == nullptr) {
    const BoundExpr& quantity = unit_a == nullptr ? **b : **a;
    const BoundExpr& other = unit_a == nullptr ? **a : **b;
    if (!IsQuantity(quantity) || other.kind == BoundKind::kConstant || env.lenient()) {
      return absl::OkStatus();
    }
    return ErrorAt(quantity.span,
                   absl::StrCat("nothing says which unit the other side is in, so that ",
                                quantity.type.unit->name,
                                " cannot be converted; write the number "
                                "alone"));
  }
  if (!ConversionOf(*unit_a, *unit_b).has_value()) {
    return ErrorAt(span, absl::StrCat(unit_a->name, " and ", unit_b->name,
                                      " do not compare: they are units of different things (",
                                      unit_a->kind, ", ", unit_b->kind, ")"));
  }
  if (IsQuantity(**a)) {
    *a = InUnit(std::move(*a), *unit_b);
  } else {
    *b = InUnit(std::move(*b), *unit_a);
  }
  return absl::OkStatus();
}

absl::Status MatchNumbers(const Environment& env, const Span& span, BoundPtr* a, BoundPtr* b) {
  TWIN_RETURN_IF_ERROR(MatchUnits(env, span, a, b));
  if ((*a)->type.kind != (*b)->type.kind) {
    *a = Cast(std::move(*a), TypeKind::kDouble);
    *b = Cast(std::move(*b), TypeKind::kDouble);
  }
  return absl::OkStatus();
}

// One side is a time and the other one may be the text of one. In the dialect adt times are texts:
// what is no time is compared as one.
absl::StatusOr<bool> MatchTimes(const Environment& env, BoundPtr* a, BoundPtr* b) {
  if (env.adt() && (IsTextOfNoTime(**a) || IsTextOfNoTime(**b))) {
    for (BoundPtr* side : {a, b}) *side = Cast(std::move(*side), TypeKind::kString);
    return true;
  }
  for (BoundPtr* side : {a, b}) {
    TWIN_ASSIGN_OR_RETURN(*side, AsTime(env, std::move(*side), "what a time compares with"));
  }
  return !IsNull(**a) && !IsNull(**b);
}

bool IsConstantInt(const BoundExpr& expr) {
  return expr.kind == BoundKind::kConstant && expr.type.kind == TypeKind::kInt;
}

// An integer that was made a double for a comparison is one again: of two kinds numbers compare
// by what they stand for. A double beside it that is a whole number in the text becomes an integer,
// which is faster.
void TakeCastBack(BoundPtr* a, BoundPtr* b) {
  if ((*a)->kind != BoundKind::kCast || (*a)->operands[0]->type.kind != TypeKind::kInt) return;
  if ((*a)->operands[0]->kind == BoundKind::kParameter) return;  // One number: a double is faster.
  if ((*b)->type.kind != TypeKind::kDouble) return;
  *a = std::move((*a)->operands[0]);
  if ((*b)->kind != BoundKind::kConstant) return;
  constexpr double kBeyondInts = 9223372036854775808.0;  // 2^63
  const double number = (*b)->value.as_double();
  if (number != std::floor(number) || std::abs(number) >= kBeyondInts) return;
  (*b)->value = Value::Int(static_cast<int64_t>(number));
  (*b)->type.kind = TypeKind::kInt;
}

bool IsEither(const BoundExpr& a, const BoundExpr& b, TypeKind kind) {
  return a.type.kind == kind || b.type.kind == kind;
}

}  // namespace

absl::StatusOr<bool> MakeComparable(const Environment& env, const Span& span, BoundPtr* a,
                                    BoundPtr* b) {
  const Type type_a = (*a)->type;
  const Type type_b = (*b)->type;
  if (IsNull(**a) || IsNull(**b)) return false;
  if (type_a.numeric() && type_b.numeric()) {
    TWIN_RETURN_IF_ERROR(MatchNumbers(env, span, a, b));
    return true;
  }
  if (type_a.kind == type_b.kind && type_a.kind != TypeKind::kPath) return true;
  const bool twins = IsEither(**a, **b, TypeKind::kTwin) ||
                     IsEither(**a, **b, TypeKind::kRelationship) ||
                     IsEither(**a, **b, TypeKind::kPath);
  if (!twins) {
    if (IsEither(**a, **b, TypeKind::kValue)) {  // row by row
      for (BoundPtr* side : {a, b}) {
        if ((*side)->type.kind == TypeKind::kDuration) {
          *side = Cast(std::move(*side), TypeKind::kValue);
        }
      }
      return true;
    }
    if (IsEither(**a, **b, TypeKind::kTime) && IsEither(**a, **b, TypeKind::kString)) {
      return MatchTimes(env, a, b);
    }
  }
  if (env.adt()) return false;
  if (IsEither(**a, **b, TypeKind::kDuration) && IsEither(**a, **b, TypeKind::kString)) {
    for (BoundPtr* side : {a, b}) {
      TWIN_ASSIGN_OR_RETURN(*side,
                            AsDuration(env, std::move(*side), "what a duration compares with"));
    }
    return true;
  }
  absl::string_view way_out;
  if (IsEither(**a, **b, TypeKind::kTwin) && IsEither(**a, **b, TypeKind::kString)) {
    way_out = "; compare its $dtId";
  } else if (IsEither(**a, **b, TypeKind::kDuration) && (type_a.numeric() || type_b.numeric())) {
    way_out = "; give the number a unit of time, as in 5m";
  } else if (IsEither(**a, **b, TypeKind::kDuration) && IsEither(**a, **b, TypeKind::kTime)) {
    way_out = "; compare how long ago it is, as in NOW() - x.time > 5m";
  }
  return ErrorAt(
      span, absl::StrCat(Describe(type_a), " does not compare with ", Describe(type_b), way_out));
}

absl::StatusOr<bool> MakeComparedExactly(const Environment& env, const Span& span, BoundPtr* a,
                                         BoundPtr* b) {
  // Constants become doubles at once.
  BoundPtr int_a = IsConstantInt(**a) ? Clone(**a) : nullptr;
  BoundPtr int_b = IsConstantInt(**b) ? Clone(**b) : nullptr;
  TWIN_ASSIGN_OR_RETURN(const bool comparable, MakeComparable(env, span, a, b));
  if (!comparable) return false;
  const auto keep = [](BoundPtr number, BoundPtr* side) {
    constexpr int64_t kExactMax = int64_t{1} << 53;
    if (number == nullptr || (*side)->type.kind != TypeKind::kDouble) return;
    const int64_t value = number->value.as_int();
    if (value < -kExactMax || value > kExactMax) *side = std::move(number);
  };
  keep(std::move(int_a), a);
  keep(std::move(int_b), b);
  TakeCastBack(a, b);
  TakeCastBack(b, a);
  return true;
}

absl::StatusOr<Type> Unify(const Environment& env, std::vector<BoundPtr*> exprs) {
  exprs.erase(std::remove_if(exprs.begin(), exprs.end(),
                             [](const BoundPtr* expr) { return IsNull(**expr); }),
              exprs.end());
  if (exprs.empty()) return Type();
  const auto all = [&exprs](auto&& is) {
    return std::all_of(exprs.begin(), exprs.end(), [&is](const BoundPtr* e) { return is(**e); });
  };
  const bool numeric = all([](const BoundExpr& e) { return e.type.numeric(); });
  if (numeric) {
    // Where one side is a mere number and the other has a unit, the unit is taken for both.
    const auto with_unit = std::find_if(exprs.begin(), exprs.end(), [](const BoundPtr* expr) {
      return (*expr)->type.unit != nullptr && (*expr)->kind != BoundKind::kConstant;
    });
    BoundPtr* const lead = with_unit == exprs.end() ? exprs.front() : *with_unit;
    const dtdl::Unit* unit = (*lead)->type.unit;
    for (BoundPtr* expr : exprs) {
      const dtdl::Unit* const other = (*expr)->type.unit;
      if (unit != nullptr && other != nullptr && !ConversionOf(*other, *unit).has_value()) {
        unit = nullptr;
      }
    }
    for (BoundPtr* expr : exprs) {
      if (unit != nullptr && (*expr)->type.unit != nullptr) *expr = InUnit(std::move(*expr), *unit);
    }
    const bool ints = all([](const BoundExpr& e) { return e.type.kind == TypeKind::kInt; });
    const TypeKind kind = ints ? TypeKind::kInt : TypeKind::kDouble;
    for (BoundPtr* expr : exprs) *expr = Cast(std::move(*expr), kind);
    return Type{kind, unit};
  }
  const TypeKind first = (*exprs.front())->type.kind;
  if (all([first](const BoundExpr& e) { return e.type.kind == first; })) return Type{first};
  const bool times =
      all([](const BoundExpr& e) { return e.type.kind == TypeKind::kTime || IsText(e); });
  if (times) {
    for (BoundPtr* expr : exprs) {
      TWIN_ASSIGN_OR_RETURN(*expr, AsTime(env, std::move(*expr), "this"));
    }
    return Type{TypeKind::kTime};
  }
  for (BoundPtr* expr : exprs) *expr = Cast(std::move(*expr), TypeKind::kValue);
  return Type{TypeKind::kValue};
}

}  // namespace twin::query::binding
