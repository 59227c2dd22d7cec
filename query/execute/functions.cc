#include "query/execute/functions.h"

#include "absl/strings/str_cat.h"
#include "query/execute/kernels.h"
#include "server/base/status_macros.h"

namespace twin::query {

absl::Status EvalFunction(const BoundExpr& expr, const Frame& frame, Operand* out) {
  switch (expr.function) {
    case Function::kCoalesce:
      return EvalCoalesce(expr, frame, out);
    case Function::kNow: {
      Vector* const now = out->Own(/*constant=*/true);
      now->Reset(TypeKind::kTime, 1);
      now->ints[0] = frame.context.now.ns;
      return absl::OkStatus();
    }
    case Function::kModel:
      return EvalField(expr.operands[0]->slot, Field::kModel, frame, out->Own());
    case Function::kIsDefined:
    case Function::kIsNull:
    case Function::kIsPrimitive:
    case Function::kIsNumber:
    case Function::kIsString:
    case Function::kIsBool:
    case Function::kIsObject:
      return EvalTypeTest(expr, frame, out->Own());
    default:
      break;
  }
  std::vector<Operand> storage;
  TWIN_RETURN_IF_ERROR(EvalOperands(expr, frame, 0, &storage));
  const Operands operands = absl::MakeSpan(storage);
  Vector* const to = out->Own();
  switch (expr.function) {
    case Function::kAbs:
    case Function::kRound:
    case Function::kFloor:
    case Function::kCeil:
    case Function::kSqrt:
    case Function::kExp:
    case Function::kLn:
    case Function::kPower:
      return NumberFunction(expr, operands, frame.rows, to);
    case Function::kLeast:
    case Function::kGreatest:
      return ExtremeFunction(expr, frame, operands, to);
    case Function::kLower:
    case Function::kUpper:
    case Function::kSubstring:
    case Function::kConcat:
    case Function::kStartsWith:
    case Function::kEndsWith:
    case Function::kContains:
      return TextFunction(expr, frame, operands, to);
    case Function::kLength:
      return Length(operands, frame.rows, to);
    case Function::kArrayContains:
      return ArrayContains(operands, frame.rows, to);
    case Function::kNodes:
    case Function::kRelationships:
      return PathFunction(expr, frame, operands, to);
    case Function::kTimeBucket:
      return TimeBucket(expr, operands, frame.rows, to);
    case Function::kDatePart:
      return DatePart(expr, operands, frame.rows, to);
    default:
      // LAST_UPDATE, ARRIVAL and IS_OF_MODEL are bound as kinds of their own.
      return absl::InternalError(
          absl::StrCat(InfoOf(expr.function).name, " is no function of a row"));
  }
}

}  // namespace twin::query
