#include "query/bind/coerce.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/bind/units.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"

namespace twin::query::binding {
namespace {

absl::StatusOr<BoundPtr> Expected(const Environment& env, const BoundExpr& expr,
                                  absl::string_view what, absl::string_view wanted) {
  return Refuse(env, expr.span,
                absl::StrCat(what, " must be ", wanted, ", not ", Describe(expr.type)));
}

// As ParseTime says it.
constexpr absl::string_view kOutsideOfYears = "is outside of the years 1678 to 2261";

// "2026-03-01": ten characters, nothing but digits and two dashes.
bool IsDate(absl::string_view text) {
  if (text.size() != 10) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 4 || i == 7;
    if (dash ? text[i] != '-' : (text[i] < '0' || text[i] > '9')) return false;
  }
  return true;
}

absl::StatusOr<Time> TimeOf(absl::string_view text) {
  return ParseTime(IsDate(text) ? absl::StrCat(text, "T00:00:00Z") : std::string(text));
}

}  // namespace

BoundPtr Make(BoundKind kind, TypeKind type, const Span& span) {
  auto expr = std::make_unique<BoundExpr>();
  expr->kind = kind;
  expr->type.kind = type;
  expr->span = span;
  return expr;
}

BoundPtr Operation(BoundKind kind, TypeKind type, const Span& span, BoundPtr a, BoundPtr b) {
  BoundPtr expr = Make(kind, type, span);
  expr->operands.push_back(std::move(a));
  expr->operands.push_back(std::move(b));
  return expr;
}

BoundPtr Constant(Value value, TypeKind type, const Span& span) {
  BoundPtr expr = Make(BoundKind::kConstant, type, span);
  expr->value = std::move(value);
  return expr;
}

BoundPtr NullAt(const Span& span) { return Make(BoundKind::kConstant, TypeKind::kNull, span); }

BoundPtr SlotAt(SlotId slot, const Type& type, const Span& span) {
  BoundPtr expr = Make(BoundKind::kSlot, type.kind, span);
  expr->slot = slot;
  expr->type = type;
  return expr;
}

bool IsNull(const BoundExpr& expr) { return expr.type.kind == TypeKind::kNull; }

bool IsText(const BoundExpr& expr) {
  return expr.kind == BoundKind::kConstant && expr.type.kind == TypeKind::kString;
}

bool IsTextOfNoTime(const BoundExpr& expr) {
  return IsText(expr) && !TimeOf(expr.value.as_string()).ok();
}

absl::string_view Describe(const Type& type) {
  switch (type.kind) {
    case TypeKind::kNull:
      return "NULL";
    case TypeKind::kBool:
      return "a boolean";
    case TypeKind::kInt:
    case TypeKind::kDouble:
      return "a number";
    case TypeKind::kString:
      return "a string";
    case TypeKind::kTime:
      return "a time";
    case TypeKind::kDuration:
      return "a duration";
    case TypeKind::kValue:
      return "a list or document";
    case TypeKind::kTwin:
      return "a twin";
    case TypeKind::kRelationship:
      return "a relationship";
    case TypeKind::kPath:
      return "a path";
  }
  return "";
}

BoundPtr Cast(BoundPtr expr, TypeKind kind) {
  if (expr->type.kind == kind || IsNull(*expr)) return expr;
  if (expr->kind == BoundKind::kConstant && expr->type.kind == TypeKind::kInt &&
      kind == TypeKind::kDouble) {
    expr->value = Value::Double(static_cast<double>(expr->value.as_int()));
    expr->type.kind = kind;
    return expr;
  }
  BoundPtr cast = Make(BoundKind::kCast, kind, expr->span);
  if (cast->type.numeric()) cast->type.unit = expr->type.unit;
  cast->operands.push_back(std::move(expr));
  return cast;
}

absl::StatusOr<BoundPtr> AsCondition(const Environment& env, BoundPtr expr,
                                     absl::string_view what) {
  switch (expr->type.kind) {
    case TypeKind::kBool:
    case TypeKind::kNull:
      return expr;
    case TypeKind::kValue:
      return Cast(std::move(expr), TypeKind::kBool);
    default:
      return Expected(env, *expr, what, "a condition");
  }
}

absl::StatusOr<BoundPtr> AsNumber(const Environment& env, BoundPtr expr, absl::string_view what) {
  if (expr->type.numeric() || IsNull(*expr)) return expr;
  if (expr->type.kind == TypeKind::kValue) return Cast(std::move(expr), TypeKind::kDouble);
  return Expected(env, *expr, what, "a number");
}

absl::StatusOr<BoundPtr> AsDouble(const Environment& env, BoundPtr expr, absl::string_view what) {
  TWIN_ASSIGN_OR_RETURN(BoundPtr number, AsNumber(env, std::move(expr), what));
  return Cast(std::move(number), TypeKind::kDouble);
}

absl::StatusOr<BoundPtr> AsInt(const Environment& env, BoundPtr expr, absl::string_view what) {
  if (expr->type.kind == TypeKind::kInt || IsNull(*expr)) return expr;
  if (expr->type.kind == TypeKind::kValue) return Cast(std::move(expr), TypeKind::kInt);
  return Expected(env, *expr, what, "a whole number");
}

absl::StatusOr<BoundPtr> AsString(const Environment& env, BoundPtr expr, absl::string_view what) {
  if (expr->type.kind == TypeKind::kString || IsNull(*expr)) return expr;
  const bool is_text = expr->type.kind == TypeKind::kTime && env.adt();  // It is one there.
  if (expr->type.kind == TypeKind::kValue || is_text) {
    return Cast(std::move(expr), TypeKind::kString);
  }
  return Expected(env, *expr, what, "a string");
}

absl::StatusOr<BoundPtr> AsDuration(const Environment& env, BoundPtr expr, absl::string_view what) {
  if (expr->type.kind == TypeKind::kDuration || IsNull(*expr)) return expr;
  if (IsText(*expr)) {
    const absl::StatusOr<int64_t> length = ParseDuration(expr->value.as_string());
    if (!length.ok()) return Refuse(env, expr->span, length.status().message());
    return Constant(Value::Int(*length), TypeKind::kDuration, expr->span);
  }
  if (expr->type.kind == TypeKind::kValue || expr->type.kind == TypeKind::kString) {
    return Cast(std::move(expr), TypeKind::kDuration);
  }
  return Expected(env, *expr, what, "a duration such as 10m");
}

absl::StatusOr<BoundPtr> AsTime(const Environment& env, BoundPtr expr, absl::string_view what) {
  if (IsText(*expr)) {
    const absl::StatusOr<Time> time = TimeOf(expr->value.as_string());
    if (!time.ok()) {
      if (absl::StrContains(time.status().message(), kOutsideOfYears)) {
        return Refuse(env, expr->span,
                      absl::StrCat("'", expr->value.as_string(), "' ", kOutsideOfYears));
      }
      return Refuse(
          env, expr->span,
          absl::StrCat("'", expr->value.as_string(),
                       "' is no time: write a date with a time of day and an offset, such "
                       "as '2026-03-01T08:30:00Z', or a date alone for its midnight UTC"));
    }
    return Constant(Value::OfTime(*time), TypeKind::kTime, expr->span);
  }
  switch (expr->type.kind) {
    case TypeKind::kTime:
    case TypeKind::kNull:
      return expr;
    case TypeKind::kString:
    case TypeKind::kValue:
      return Cast(std::move(expr), TypeKind::kTime);
    default:
      return Expected(env, *expr, what, "a time");
  }
}

}  // namespace twin::query::binding
