// Scalar functions and their types.
#include "query/ast/functions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/ast/error.h"
#include "query/bind/coerce.h"
#include "query/bind/expressions.h"
#include "query/bind/of_model.h"
#include "query/bind/schemas.h"
#include "query/bind/units.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"

namespace twin::query::binding {
namespace {

absl::Status CheckCount(const FunctionInfo& info, const Expr& call) {
  const int count = static_cast<int>(call.operands.size());
  if (count >= info.arguments_min && (info.arguments_max < 0 || count <= info.arguments_max)) {
    return absl::OkStatus();
  }
  const int least = info.arguments_min;
  const int most = info.arguments_max;
  const std::string wanted = most < 0        ? absl::StrCat("at least ", least)
                             : least == most ? absl::StrCat(least)
                                             : absl::StrCat(least, " to ", most);
  return ErrorAt(call.span,
                 absl::StrCat(info.name, " takes ", wanted,
                              wanted == "1" ? " argument, not " : " arguments, not ", count));
}

absl::Status UnknownFunction(const Environment& env, const Expr& call) {
  std::vector<absl::string_view> known;
  for (const FunctionInfo& info : Functions()) {
    if (!env.adt() || info.adt) known.push_back(info.name);
  }
  return ErrorAt(call.span, absl::StrCat("unknown function ", call.text,
                                         Suggestion(call.text, known, "there are")));
}

std::string Argument(const FunctionInfo& info, size_t index) {
  static constexpr absl::string_view kOrdinals[] = {"the first", "the second", "the third"};
  return absl::StrCat(index < 3 ? kOrdinals[index] : "each", " argument of ", info.name);
}

// The literal's value in lower case if it is one of the words.
absl::Status CheckWord(const BoundExpr& expr, absl::string_view what,
                       const std::vector<absl::string_view>& words) {
  if (!IsText(expr)) return absl::OkStatus();
  const std::string word = absl::AsciiStrToLower(expr.value.as_string());
  if (std::find(words.begin(), words.end(), word) != words.end()) return absl::OkStatus();
  return ErrorAt(expr.span, absl::StrCat("unknown ", what, " '", expr.value.as_string(), "'",
                                         Suggestion(word, words, "there are")));
}

// Whether values of that type pass IS_NUMBER and its like; a kValue shows it row by row.
bool Passes(Function function, const BoundExpr& expr) {
  const TypeKind kind = expr.type.kind;
  const bool text = kind == TypeKind::kString || kind == TypeKind::kTime;
  switch (function) {
    case Function::kIsNumber:
      return expr.type.numeric();
    case Function::kIsString:
      return text;
    case Function::kIsBool:
      return kind == TypeKind::kBool;
    case Function::kIsPrimitive:
      return expr.type.numeric() || text || kind == TypeKind::kBool;
    default:  // kIsObject
      return kind == TypeKind::kTwin || kind == TypeKind::kRelationship ||
             expr.kind == BoundKind::kDocument;
  }
}

// IS_NUMBER(x) and its like: what the type says already is folded.
BoundPtr BindTypeTest(Function function, BoundPtr operand, const Span& span) {
  const bool document = operand->kind == BoundKind::kDocument;
  if (operand->type.kind == TypeKind::kValue && !document) {
    BoundPtr call = Make(BoundKind::kFunction, TypeKind::kBool, span);
    call->function = function;
    call->operands.push_back(std::move(operand));
    return call;
  }
  if (!Passes(function, *operand)) return Constant(Value::Bool(false), TypeKind::kBool, span);
  BoundPtr defined = Make(BoundKind::kIsNull, TypeKind::kBool, span);
  defined->negated = true;
  defined->operands.push_back(std::move(operand));
  return defined;
}

// Converts the arguments of one function and finds its result's type.
class Signature {
 public:
  Signature(const Environment& env, const FunctionInfo& info, std::vector<BoundPtr>* arguments)
      : env_(env), info_(info), arguments_(*arguments) {}

  absl::StatusOr<Type> Check() {
    switch (info_.function) {
      case Function::kAbs:
      case Function::kFloor:
      case Function::kCeil:
      case Function::kRound:
        return Rounding();
      case Function::kSqrt:
      case Function::kExp:
      case Function::kLn:
      case Function::kPower:
        return All(&AsDouble, TypeKind::kDouble);
      case Function::kLeast:
      case Function::kGreatest:
        return Extreme();
      case Function::kCoalesce:
        return Unify(env_, Pointers());
      case Function::kLower:
      case Function::kUpper:
        return All(&AsString, TypeKind::kString);
      case Function::kStartsWith:
      case Function::kEndsWith:
      case Function::kContains:
        return All(&AsString, TypeKind::kBool);
      case Function::kLength:
        return Length();
      case Function::kSubstring:
        return Substring();
      case Function::kConcat:
        for (BoundPtr& argument : arguments_) {
          argument = Cast(std::move(argument), TypeKind::kString);
        }
        return Type{TypeKind::kString};
      case Function::kTimeBucket:
        return TimeBucket();
      case Function::kDatePart:
        return DatePart();
      case Function::kArrayContains:
        return ArrayContains();
      case Function::kNodes:
      case Function::kRelationships:
        return Path();
      default:  // kIsDefined, kIsNull
        return Type{TypeKind::kBool};
    }
  }

 private:
  using Converter = absl::StatusOr<BoundPtr> (*)(const Environment&, BoundPtr, absl::string_view);

  absl::Status Convert(size_t index, Converter converter) {
    TWIN_ASSIGN_OR_RETURN(arguments_[index],
                          converter(env_, std::move(arguments_[index]), Argument(info_, index)));
    return absl::OkStatus();
  }

  absl::StatusOr<Type> All(Converter converter, TypeKind result) {
    for (size_t i = 0; i < arguments_.size(); ++i) TWIN_RETURN_IF_ERROR(Convert(i, converter));
    return Type{result};
  }

  std::vector<BoundPtr*> Pointers() {
    std::vector<BoundPtr*> pointers;
    for (BoundPtr& argument : arguments_) pointers.push_back(&argument);
    return pointers;
  }

  absl::StatusOr<Type> Rounding() {
    const bool duration =
        info_.function == Function::kAbs && arguments_[0]->type.kind == TypeKind::kDuration;
    if (!duration) TWIN_RETURN_IF_ERROR(Convert(0, &AsNumber));
    if (arguments_.size() > 1) TWIN_RETURN_IF_ERROR(Convert(1, &AsInt));
    return arguments_[0]->type;
  }

  absl::StatusOr<Type> Extreme() {
    for (size_t i = 1; i < arguments_.size(); ++i) {
      TWIN_RETURN_IF_ERROR(
          MakeComparable(env_, arguments_[i]->span, &arguments_[0], &arguments_[i]).status());
    }
    return Unify(env_, Pointers());
  }

  absl::StatusOr<Type> Length() {
    const TypeKind kind = arguments_[0]->type.kind;
    if (kind == TypeKind::kString || kind == TypeKind::kValue || kind == TypeKind::kPath ||
        kind == TypeKind::kNull) {
      return Type{TypeKind::kInt};
    }
    return ErrorAt(arguments_[0]->span,
                   absl::StrCat("LENGTH takes a string, a list or a path, not ",
                                Describe(arguments_[0]->type)));
  }

  absl::StatusOr<Type> Substring() {
    TWIN_RETURN_IF_ERROR(Convert(0, &AsString));
    for (size_t i = 1; i < arguments_.size(); ++i) TWIN_RETURN_IF_ERROR(Convert(i, &AsInt));
    return Type{TypeKind::kString};
  }

  // TIME_BUCKET(10m, t), TIME_BUCKET('month', t[, zone])
  absl::StatusOr<Type> TimeBucket() {
    const bool is_length =
        IsText(*arguments_[0]) && ParseDuration(arguments_[0]->value.as_string()).ok();
    if (arguments_[0]->type.kind == TypeKind::kString && !is_length) {
      TWIN_RETURN_IF_ERROR(
          CheckWord(*arguments_[0], "calendar unit",
                    {"second", "minute", "hour", "day", "week", "month", "quarter", "year"}));
    } else {
      TWIN_RETURN_IF_ERROR(Convert(0, &AsDuration));
      if (arguments_[0]->kind == BoundKind::kConstant && !IsNull(*arguments_[0]) &&
          arguments_[0]->value.as_int() <= 0) {
        return ErrorAt(arguments_[0]->span, "a bucket must be longer than 0");
      }
    }
    return Zoned(TypeKind::kTime);
  }

  absl::StatusOr<Type> DatePart() {
    TWIN_RETURN_IF_ERROR(Convert(0, &AsString));
    TWIN_RETURN_IF_ERROR(CheckWord(
        *arguments_[0], "part of a date",
        {"year", "quarter", "month", "week", "day", "weekday", "dayofweek", "dayofyear", "hour",
         "minute", "second", "millisecond", "microsecond", "nanosecond", "epoch"}));
    return Zoned(TypeKind::kInt);
  }

  absl::StatusOr<Type> Zoned(TypeKind result) {
    TWIN_RETURN_IF_ERROR(Convert(1, &AsTime));
    if (arguments_.size() > 2) TWIN_RETURN_IF_ERROR(Convert(2, &AsString));
    return Type{result};
  }

  absl::StatusOr<Type> ArrayContains() {
    const TypeKind kind = arguments_[0]->type.kind;
    if (kind != TypeKind::kValue && kind != TypeKind::kNull) {
      TWIN_ASSIGN_OR_RETURN(arguments_[0],
                            Refuse(env_, arguments_[0]->span,
                                   absl::StrCat("ARRAY_CONTAINS looks into a list, not into ",
                                                Describe(arguments_[0]->type))));
    }
    return Type{TypeKind::kBool};
  }

  absl::StatusOr<Type> Path() {
    if (arguments_[0]->type.kind != TypeKind::kPath) {
      return ErrorAt(arguments_[0]->span,
                     absl::StrCat(info_.name, " takes the path of a pattern: MATCH p = …, ",
                                  info_.name, "(p)"));
    }
    return Type{TypeKind::kValue};
  }

  const Environment& env_;
  const FunctionInfo& info_;
  std::vector<BoundPtr>& arguments_;
};

// NULL as soon as one argument is: all functions but these.
bool TakesNull(Function function) {
  switch (function) {
    case Function::kLeast:
    case Function::kGreatest:
    case Function::kCoalesce:
    case Function::kConcat:
    case Function::kIsDefined:
    case Function::kIsNull:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<BoundPtr> ExpressionBinder::BindCall(const Expr& expr) {
  const FunctionInfo* const info = FindFunction(expr.text);
  if (info == nullptr || (env_.adt() && !info->adt)) return UnknownFunction(env_, expr);
  if (info->function != Function::kIsOfModel) TWIN_RETURN_IF_ERROR(CheckCount(*info, expr));
  if (expr.over != nullptr || info->kind == FunctionKind::kWindow) return BindWindow(*info, expr);
  if (expr.distinct && info->function != Function::kCount) {
    return ErrorAt(expr.span, "DISTINCT goes with COUNT alone");
  }
  switch (info->kind) {
    case FunctionKind::kAggregate:
    case FunctionKind::kTimeAggregate:
      return BindAggregate(*info, expr);
    default:
      break;
  }
  switch (info->function) {
    case Function::kNow:
      return Make(BoundKind::kNow, TypeKind::kTime, expr.span);
    case Function::kLastUpdate:
    case Function::kArrival:
      return BindUpdateTime(*info, expr);
    case Function::kModel:
      return BindModel(expr);
    case Function::kIsOfModel:
      return BindIsOfModel(expr);
    default:
      return BindScalar(*info, expr);
  }
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindScalar(const FunctionInfo& info, const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(std::vector<BoundPtr> arguments, BindAll(expr.operands));
  switch (info.function) {
    case Function::kIsPrimitive:
      if (expr.operands[0]->kind == ExprKind::kNull) {
        return Constant(Value::Bool(true), TypeKind::kBool, expr.span);
      }
      return BindTypeTest(info.function, std::move(arguments[0]), expr.span);
    case Function::kIsNumber:
    case Function::kIsString:
    case Function::kIsBool:
    case Function::kIsObject:
      return BindTypeTest(info.function, std::move(arguments[0]), expr.span);
    default:
      break;
  }
  if (env_.adt() && info.function == Function::kArrayContains &&
      arguments[0]->kind == BoundKind::kProperty &&
      scope_->slot(arguments[0]->slot).kind == SlotKind::kRelationship) {
    return ErrorAt(arguments[0]->span,
                   "ARRAY_CONTAINS does not look into properties of relationships");
  }
  if (info.function == Function::kArrayContains) {
    TWIN_ASSIGN_OR_RETURN(arguments[1],
                          AsElement(env_, *scope_->slots, *arguments[0], std::move(arguments[1])));
  }
  TWIN_ASSIGN_OR_RETURN(const Type type, Signature(env_, info, &arguments).Check());
  const bool null = std::any_of(arguments.begin(), arguments.end(),
                                [](const BoundPtr& argument) { return IsNull(*argument); });
  if (null && !TakesNull(info.function)) return NullAt(expr.span);
  BoundPtr call = Make(BoundKind::kFunction, type.kind, expr.span);
  call->type = type;
  call->function = info.function;
  call->operands = std::move(arguments);
  return call;
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindUpdateTime(const FunctionInfo& info,
                                                          const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(BoundPtr bound, Bind(*expr.operands[0]));
  if (IsNull(*bound)) return bound;
  BoundExpr& property = bound->kind == BoundKind::kOfPart ? *bound->operands[1] : *bound;
  if (property.kind != BoundKind::kProperty) {
    return ErrorAt(bound->span, absl::StrCat(info.name, " takes a property of a twin, such as ",
                                             info.name, "(x.temperature)"));
  }
  property.kind = BoundKind::kUpdateTime;
  property.type = Type{TypeKind::kTime};
  property.arrival = info.function == Function::kArrival;
  property.span = expr.span;
  bound->type = property.type;
  bound->span = expr.span;
  return bound;
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindIsOfModel(const Expr& expr) {
  if (!expr.operands.empty() && expr.operands[0]->kind == ExprKind::kIndex) {
    TWIN_ASSIGN_OR_RETURN(BoundPtr part, Bind(*expr.operands[0]));
    if (IsPartOfPath(*part)) {
      const SlotId slot = SlotOfPart(*part);
      TWIN_ASSIGN_OR_RETURN(BoundPtr of_model, BindOfModel(env_, *scope_, slot, expr));
      return OfPart(std::move(part), slot, std::move(of_model));
    }
  }
  return BindOfModel(env_, *scope_, expr);
}

absl::StatusOr<BoundPtr> ExpressionBinder::BindModel(const Expr& expr) {
  TWIN_ASSIGN_OR_RETURN(BoundPtr twin, Bind(*expr.operands[0]));
  if (IsPartOfPath(*twin) && twin->operands[0]->function == Function::kNodes) {
    const SlotId slot = SlotOfPart(*twin);
    BoundPtr model = SlotAt(slot, Type{TypeKind::kString}, expr.span);
    model->kind = BoundKind::kField;
    model->field = Field::kModel;
    return OfPart(std::move(twin), slot, std::move(model));
  }
  if (twin->kind != BoundKind::kSlot || twin->type.kind != TypeKind::kTwin) {
    return ErrorAt(twin->span, absl::StrCat("MODEL takes a twin's alias; in scope: ",
                                            absl::StrJoin(scope_->Names(), ", ")));
  }
  twin->kind = BoundKind::kField;
  twin->field = Field::kModel;
  twin->type = Type{TypeKind::kString};
  twin->span = expr.span;
  return twin;
}

}  // namespace twin::query::binding
