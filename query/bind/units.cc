#include "query/bind/units.h"

#include <algorithm>
#include <utility>

#include "query/ast/error.h"
#include "query/bind/coerce.h"

namespace twin::query::binding {

std::optional<UnitConversion> ConversionOf(const dtdl::Unit& from, const dtdl::Unit& to) {
  if (from.kind != to.kind || from.scale != to.scale) return std::nullopt;
  if (&from == &to) return UnitConversion();
  return UnitConversion{.factor = from.factor / to.factor,
                        .offset = (from.offset - to.offset) / to.factor};
}

absl::StatusOr<const dtdl::Unit*> UnitNamed(absl::string_view name, const Span& span) {
  if (const dtdl::Unit* const unit = dtdl::FindUnit(name)) return unit;
  const absl::StatusOr<double> refused = dtdl::ConvertUnit(0, name, "metre");
  return ErrorAt(span, refused.status().message());
}

BoundPtr InUnit(BoundPtr expr, const dtdl::Unit& unit) {
  const dtdl::Unit& from = *expr->type.unit;
  if (&from == &unit) return expr;
  expr = Cast(std::move(expr), TypeKind::kDouble);
  if (expr->kind == BoundKind::kConstant) {
    if (!expr->value.is_null()) {
      expr->value =
          Value::Double(*dtdl::ConvertUnit(expr->value.as_double(), from.name, unit.name));
    }
    expr->type.unit = &unit;
    return expr;
  }
  const UnitConversion conversion = *ConversionOf(from, unit);
  const Span span = expr->span;
  if (conversion.factor != 1) {
    BoundPtr factor = Constant(Value::Double(conversion.factor), TypeKind::kDouble, span);
    expr = Operation(BoundKind::kMultiply, TypeKind::kDouble, span, std::move(expr),
                     std::move(factor));
  }
  if (conversion.offset != 0) {
    BoundPtr offset = Constant(Value::Double(conversion.offset), TypeKind::kDouble, span);
    expr = Operation(BoundKind::kAdd, TypeKind::kDouble, span, std::move(expr), std::move(offset));
  }
  expr->type.unit = &unit;
  return expr;
}

const dtdl::Unit* UnitOfDifference(const dtdl::Unit* unit) {
  if (unit == nullptr) return nullptr;
  const auto units = dtdl::AllUnits();
  const bool affine = std::any_of(units.begin(), units.end(), [unit](const dtdl::Unit& other) {
    return other.kind == unit->kind && other.offset != 0;
  });
  return affine ? nullptr : unit;
}

}  // namespace twin::query::binding
