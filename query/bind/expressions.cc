#include "query/bind/expressions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/ast/error.h"
#include "query/ast/functions.h"
#include "query/bind/coerce.h"
#include "query/bind/properties.h"
#include "query/bind/schemas.h"
#include "query/bind/units.h"
#include "server/base/status_macros.h"

namespace twin::query::binding {
namespace {

bool IsAlone(const Expr& expr, absl::string_view name) {
  return expr.kind == ExprKind::kPath && expr.path.size() == 1 && expr.path[0].text == name;
}

// e.w somewhere in the expression, or MODEL(e), or IS_OF_MODEL(e, …).
bool NamesMember(const Expr& expr, absl::string_view name) {
  if (expr.kind == ExprKind::kPath && expr.path.size() > 1 && expr.path[0].text == name)
    return true;
  if (expr.kind == ExprKind::kCall && (expr.text == "MODEL" || expr.text == "IS_OF_MODEL") &&
      !expr.operands.empty() && IsAlone(*expr.operands[0], name)) {
    return true;
  }
  return std::any_of(expr.operands.begin(), expr.operands.end(), [name](const ExprPtr& operand) {
    return operand != nullptr && NamesMember(*operand, name);
  });
}

// NODES(p) or RELATIONSHIPS(p)
bool IsPartsOfPath(const BoundExpr& list) {
  return list.kind == BoundKind::kFunction &&
         (list.function == Function::kNodes || list.function == Function::kRelationships) &&
         list.operands[0]->type.kind == TypeKind::kPath;
}

void MakePart(const BoundExpr& parts, Slot* slot) {
  const bool is_twin = parts.function == Function::kNodes;
  slot->kind = is_twin ? SlotKind::kTwin : SlotKind::kRelationship;
  slot->type.kind = is_twin ? TypeKind::kTwin : TypeKind::kRelationship;
}

}  // namespace

bool IsPartOfPath(const BoundExpr& expr) {
  return expr.kind == BoundKind::kIndex && IsPartsOfPath(*expr.operands[0]) &&
         expr.operands[1]->type.kind == TypeKind::kInt;
}

absl::StatusOr<BoundPtr> ExpressionBinder::Bind(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNull:
    case ExprKind::kBool:
    case ExprKind::kInteger:
    case ExprKind::kDouble:
    case ExprKind::kString:
    case ExprKind::kDuration:
      return BindConstant(expr);
    case ExprKind::kParameter:
      return BindParameter(expr);
    case ExprKind::kPath:
      return BindPathExpr(expr);
    case ExprKind::kMember: {
      TWIN_ASSIGN_OR_RETURN(BoundPtr base, Bind(*expr.operands[0]));
      if (base->kind == BoundKind::kSlot &&
          (base->type.kind == TypeKind::kTwin || base->type.kind == TypeKind::kRelationship)) {
        return BindProperty(env_, scope_->slot(base->slot), base->slot, expr.path, expr.span);
      }
      if (IsPartOfPath(*base)) return BindOfPart(std::move(base), expr);
      if (IsNull(*base)) return base;
      if (base->type.kind != TypeKind::kValue) {
        return Refuse(env_, expr.path[0].span,
                      absl::StrCat(Describe(base->type), " has no '", expr.path[0].text, "'"));
      }
      Schemas schemas = SchemasOf(env_, *scope_->slots, *base);
      return MembersOf(std::move(base), expr.path, expr.span, std::move(schemas));
    }
    case ExprKind::kIndex:
      return BindIndex(expr);
    case ExprKind::kList:
      return BindList(expr);
    case ExprKind::kNot:
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return BindLogical(expr);
    case ExprKind::kNegate:
      return BindNegate(expr);
    case ExprKind::kAdd:
    case ExprKind::kSubtract:
    case ExprKind::kMultiply:
    case ExprKind::kDivide:
    case ExprKind::kModulo:
      return BindArithmetic(expr);
    case ExprKind::kEqual:
    case ExprKind::kNotEqual:
    case ExprKind::kLess:
    case ExprKind::kLessEqual:
    case ExprKind::kGreater:
    case ExprKind::kGreaterEqual:
      return BindComparison(expr);
    case ExprKind::kIn:
      return BindIn(expr);
    case ExprKind::kBetween:
      return BindBetween(expr);
    case ExprKind::kLike:
      return BindLike(expr);
    case ExprKind::kIsNull:
      return BindIsNull(expr);
    case ExprKind::kCase:
      return BindCase(expr);
    case ExprKind::kQuantity:
      return BindQuantity(expr);
    case ExprKind::kCall:
      return BindCall(expr);
    case ExprKind::kAny:
    case ExprKind::kAll:
      return BindElements(expr);
    case ExprKind::kExists:
      return BindExists(expr);
  }
  return absl::InternalError("an expression of no kind");
}

absl::Status ExpressionBinder::BindConjuncts(const Expr& expr, std::vector<BoundPtr>* conjuncts) {
  if (expr.kind == ExprKind::kAnd) {
    for (const ExprPtr& operand : expr.operands) {
      TWIN_RETURN_IF_ERROR(BindConjuncts(*operand, conjuncts));
    }
    return absl::OkStatus();
  }
  TWIN_ASSIGN_OR_RETURN(BoundPtr bound, Bind(expr));
  // BETWEEN makes two.
  if (bound->kind == BoundKind::kAnd) {
    for (BoundPtr& operand : bound->operands) conjuncts->push_back(std::move(operand));
    return absl::OkStatus();
  }
  TWIN_ASSIGN_OR_RETURN(bound, AsCondition(env_, std::move(bound), clause_.name));
  conjuncts->push_back(std::move(bound));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<BoundPtr>> ExpressionBinder::BindAll(const std::vector<ExprPtr>& exprs) {
  std::vector<BoundPtr> bound;
  bound.reserve(exprs.size());
  for (const ExprPtr& expr : exprs) {
    TWIN_ASSIGN_OR_RETURN(BoundPtr one, Bind(*expr));
    bound.push_back(std::move(one));
  }
  return bound;
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindConstant(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kBool:
      return Constant(Value::Bool(expr.integer != 0), TypeKind::kBool, expr.span);
    case ExprKind::kInteger:
      return Constant(Value::Int(expr.integer), TypeKind::kInt, expr.span);
    case ExprKind::kDouble:
      return Constant(Value::Double(expr.number), TypeKind::kDouble, expr.span);
    case ExprKind::kString:
      return Constant(Value::String(expr.text), TypeKind::kString, expr.span);
    case ExprKind::kDuration:
      return Constant(Value::Int(expr.integer), TypeKind::kDuration, expr.span);
    default:
      return NullAt(expr.span);
  }
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindParameter(const Expr& expr) {
  const auto& parameters = env_.options->parameters;
  const auto found = parameters.find(expr.text);
  TypeKind kind = TypeKind::kValue;
  if (found != parameters.end()) {
    kind = found->second;
  } else if (env_.options->check_names) {
    std::vector<absl::string_view> sent;
    sent.reserve(parameters.size());
    for (const auto& [name, type] : parameters) sent.push_back(name);
    return ErrorAt(expr.span,
                   absl::StrCat("the request sends no parameter '", expr.text, "'",
                                sent.empty() ? "" : Suggestion(expr.text, sent, "it sends")));
  }
  BoundPtr parameter = Make(BoundKind::kParameter, kind, expr.span);
  parameter->text = expr.text;
  return parameter;
}

// 113 'degreeFahrenheit': a number that knows its unit, for whatever it meets.
absl::StatusOr<BoundPtr> ExpressionBinder::BindQuantity(const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(BoundPtr number, Bind(*expr.operands[0]));
  TWIN_ASSIGN_OR_RETURN(const dtdl::Unit* unit, UnitNamed(expr.text, expr.span));
  if (number->kind != BoundKind::kConstant || !number->type.numeric()) {
    return ErrorAt(expr.span,
                   absl::StrCat("a unit stands behind a number, as in 45 '", unit->name, "'"));
  }
  number = Cast(std::move(number), TypeKind::kDouble);
  number->type.unit = unit;
  number->span = expr.span;
  return number;
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindIndex(const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(BoundPtr list, Bind(*expr.operands[0]));
  TWIN_ASSIGN_OR_RETURN(BoundPtr index, Bind(*expr.operands[1]));
  if (IsNull(*list)) return list;
  if (list->type.kind != TypeKind::kValue) {
    return Refuse(
        env_, list->span,
        absl::StrCat("[…] takes an element of a list, and this is ", Describe(list->type)));
  }
  if (IsPartsOfPath(*list) && index->type.kind == TypeKind::kString) {
    return ErrorAt(index->span, absl::StrCat("the parts of a path are counted, from 0, as in ",
                                             InfoOf(list->function).name, "(p)[0]"));
  }
  // A map's member may be named by a string.
  if (index->type.kind != TypeKind::kString) {
    TWIN_ASSIGN_OR_RETURN(index, AsInt(env_, std::move(index), "the index of a list"));
  }
  BoundPtr element =
      Operation(BoundKind::kIndex, TypeKind::kValue, expr.span, std::move(list), std::move(index));
  element->type.kind = TypeOf(SchemasOf(env_, *scope_->slots, *element));
  return element;
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindList(const Expr& expr) {
  BoundPtr list = Make(BoundKind::kList, TypeKind::kValue, expr.span);
  TWIN_ASSIGN_OR_RETURN(list->operands, BindAll(expr.operands));
  return list;
}

// ANY(e IN list WHERE condition)
absl::StatusOr<BoundPtr> ExpressionBinder::BindElements(const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(BoundPtr list, Bind(*expr.operands[0]));
  if (IsNull(*list)) return list;
  if (list->type.kind != TypeKind::kValue) {
    return ErrorAt(list->span, absl::StrCat("this must be a list, not ", Describe(list->type)));
  }
  Slot element;
  element.name = expr.path[0].text;
  element.type.kind = TypeOf(ElementsOf(SchemasOf(env_, *scope_->slots, *list)));
  // Parts of a path whose members are asked for are twins and relationships, with all that they
  // have; else they are what the list holds.
  if (IsPartsOfPath(*list) && NamesMember(*expr.operands[1], element.name)) {
    MakePart(*list, &element);
  }
  const SlotId slot = scope_->Add(std::move(element));
  scope_->elements.emplace_back(expr.path[0].text, slot);
  absl::StatusOr<BoundPtr> condition = Bind(*expr.operands[1]);
  scope_->elements.pop_back();
  TWIN_RETURN_IF_ERROR(condition.status());
  TWIN_ASSIGN_OR_RETURN(BoundPtr checked,
                        AsCondition(env_, *std::move(condition), "what follows WHERE"));
  BoundPtr bound = Operation(expr.kind == ExprKind::kAny ? BoundKind::kAny : BoundKind::kAll,
                             TypeKind::kBool, expr.span, std::move(list), std::move(checked));
  bound->slot = slot;
  return bound;
}

// Of NODES(p)[i]: a slot of its own, the same one wherever the text names that part.
SlotId ExpressionBinder::SlotOfPart(const BoundExpr& part) {
  std::string name = ToString(part, *scope_->slots);
  const auto known = std::find_if(scope_->parts.begin(), scope_->parts.end(),
                                  [&](SlotId slot) { return scope_->slot(slot).name == name; });
  if (known != scope_->parts.end()) return *known;
  Slot made;
  made.name = std::move(name);
  MakePart(*part.operands[0], &made);
  scope_->parts.push_back(scope_->Add(std::move(made)));
  return scope_->parts.back();
}

BoundPtr ExpressionBinder::OfPart(BoundPtr part, SlotId slot, BoundPtr value) {
  if (IsNull(*value)) return value;
  const Type type = value->type;
  const Span span = value->span;
  BoundPtr bound =
      Operation(BoundKind::kOfPart, type.kind, span, std::move(part), std::move(value));
  bound->type = type;
  bound->slot = slot;
  return bound;
}

// NODES(p)[i].soh.value
absl::StatusOr<BoundPtr> ExpressionBinder::BindOfPart(BoundPtr part, const Expr& expr) {
  const SlotId slot = SlotOfPart(*part);
  TWIN_ASSIGN_OR_RETURN(BoundPtr value,
                        BindProperty(env_, scope_->slot(slot), slot, expr.path, expr.span));
  return OfPart(std::move(part), slot, std::move(value));
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindExists(const Expr& expr) {
  if (!clause_.rows) {
    return ErrorAt(expr.span, absl::StrCat("EXISTS cannot stand in ", clause_.name));
  }
  const Scope outer = *scope_;
  BoundPtr bound = Make(BoundKind::kExists, TypeKind::kBool, expr.span);
  bound->negated = expr.negated;
  bound->exists = std::make_unique<BoundExists>();
  Pattern pattern;
  pattern.paths = &bound->exists->paths;
  pattern.conditions = &bound->exists->conditions;
  pattern.optional = true;
  TWIN_RETURN_IF_ERROR(BindPaths(env_, expr.patterns, scope_, &pattern));
  std::vector<TableFact> facts;
  if (!expr.operands.empty()) facts = FactsOf(env_, *scope_, *expr.operands[0]);
  facts.erase(std::remove_if(facts.begin(), facts.end(),
                             [&pattern](const TableFact& fact) {
                               return std::find(pattern.added.begin(), pattern.added.end(),
                                                fact.slot) == pattern.added.end();
                             }),
              facts.end());
  TWIN_RETURN_IF_ERROR(NarrowSlots(env_, {&pattern}, facts, scope_->slots));
  for (const SlotId slot : pattern.added) (*scope_->slots)[slot].nullable = false;
  if (!expr.operands.empty()) {
    const Clause clause = clause_;
    clause_ = Clause{.name = "the WHERE of EXISTS"};
    const absl::Status status = BindConjuncts(*expr.operands[0], &bound->exists->conditions);
    clause_ = clause;
    TWIN_RETURN_IF_ERROR(status);
  }
  bound->exists->slots = pattern.added;
  scope_->names = outer.names;
  return bound;
}

}  // namespace twin::query::binding
