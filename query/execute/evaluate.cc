#include "query/execute/evaluate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/execute/evaluate_internal.h"
#include "query/execute/kernels.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

void SetConstant(TypeKind kind, const Value& value, Operand* out) {
  Vector* const vector = out->Own(/*constant=*/true);
  vector->Reset(kind, 1);
  SetItem(ItemOf(value), 0, vector);
}

absl::Status EvalParameter(const BoundExpr& expr, const Frame& frame, Operand* out) {
  const auto found = frame.context.parameters.find(expr.text);
  if (found == frame.context.parameters.end()) {
    return ErrorAt(expr.span, absl::StrCat("the parameter @", expr.text, " has no value"));
  }
  SetConstant(expr.type.kind, found->second, out);
  return absl::OkStatus();
}

absl::Status EvalSlot(const BoundExpr& expr, const Frame& frame, Operand* out) {
  const auto slot_id = static_cast<size_t>(expr.slot);
  if (expr.slot < 0 || slot_id >= frame.batch->slots.size() ||
      frame.batch->slots[slot_id].rows != frame.batch->rows) {
    return absl::InternalError(absl::StrCat("slot ", expr.slot, " is read before it is filled"));
  }
  const Vector& slot = frame.batch->slots[slot_id];
  if (frame.selection == nullptr) {
    out->View(&slot);
  } else {
    *out->Own() = slot.Take(frame.selected());
  }
  return expr.type.kind == TypeKind::kNull ? absl::OkStatus() : CastTo(expr.type.kind, frame, out);
}

absl::Status EvalBinary(const BoundExpr& expr, const Frame& frame, Operand* out) {
  Operand a;
  Operand b;
  TWIN_RETURN_IF_ERROR(Eval(*expr.operands[0], frame, &a));
  TWIN_RETURN_IF_ERROR(Eval(*expr.operands[1], frame, &b));
  switch (expr.kind) {
    case BoundKind::kAdd:
    case BoundKind::kSubtract:
    case BoundKind::kMultiply:
    case BoundKind::kDivide:
    case BoundKind::kModulo:
      return Arithmetic(expr, a, b, frame.rows, out->Own());
    default:
      Comparison(expr.kind, a, b, frame.rows, out->Own());
      return absl::OkStatus();
  }
}

absl::Status EvalKind(const BoundExpr& expr, const Frame& frame, Operand* out) {
  switch (expr.kind) {
    case BoundKind::kConstant:
      SetConstant(expr.type.kind, expr.value, out);
      return absl::OkStatus();
    case BoundKind::kParameter:
      return EvalParameter(expr, frame, out);
    case BoundKind::kNow:
      SetConstant(TypeKind::kTime, Value::OfTime(frame.context.now), out);
      return absl::OkStatus();
    case BoundKind::kSlot:
      return EvalSlot(expr, frame, out);
    case BoundKind::kProperty:
      return EvalProperty(expr, frame, out->Own());
    case BoundKind::kDocument:
      return EvalDocument(expr, frame, out->Own());
    case BoundKind::kField:
      return EvalField(expr.slot, expr.field, frame, out->Own());
    case BoundKind::kUpdateTime:
      return EvalUpdateTime(expr, frame, out->Own());
    case BoundKind::kOfModel:
      return EvalOfModel(expr, frame, out->Own());
    case BoundKind::kNot:
      return EvalNot(expr, frame, out);
    case BoundKind::kNegate: {
      Operand a;
      TWIN_RETURN_IF_ERROR(Eval(*expr.operands[0], frame, &a));
      return Negate(expr, a, frame.rows, out->Own());
    }
    case BoundKind::kAnd:
    case BoundKind::kOr:
      return EvalAndOr(expr, frame, out);
    case BoundKind::kAdd:
    case BoundKind::kSubtract:
    case BoundKind::kMultiply:
    case BoundKind::kDivide:
    case BoundKind::kModulo:
    case BoundKind::kEqual:
    case BoundKind::kNotEqual:
    case BoundKind::kLess:
    case BoundKind::kLessEqual:
    case BoundKind::kGreater:
    case BoundKind::kGreaterEqual:
      return EvalBinary(expr, frame, out);
    case BoundKind::kIn:
      return EvalIn(expr, frame, out);
    case BoundKind::kLike:
      return EvalLike(expr, frame, out);
    case BoundKind::kIsNull:
      return EvalIsNull(expr, frame, out);
    case BoundKind::kCase:
      return EvalCase(expr, frame, out);
    case BoundKind::kIndex:
      return EvalIndex(expr, frame, out);
    case BoundKind::kMember:
      return EvalMember(expr, frame, out);
    case BoundKind::kList:
      return EvalList(expr, frame, out);
    case BoundKind::kFunction:
      return EvalFunction(expr, frame, out);
    case BoundKind::kAny:
    case BoundKind::kAll:
      return EvalAnyAll(expr, frame, out);
    case BoundKind::kOfPart:
      return EvalOfPart(expr, frame, out);
    case BoundKind::kExists:
      return EvalExists(expr, frame, out);
    case BoundKind::kCast:
      return EvalCast(expr, frame, out);
  }
  return absl::InternalError("an expression of no kind");
}

bool IsInteger(TypeKind kind) {
  return kind == TypeKind::kInt || kind == TypeKind::kTime || kind == TypeKind::kDuration ||
         kind == TypeKind::kValue;
}

bool FunctionMayFail(Function function) {
  switch (function) {
    case Function::kAbs:
    case Function::kRound:
    case Function::kFloor:
    case Function::kCeil:
    case Function::kTimeBucket:
    case Function::kDatePart:
      return true;
    default:
      return false;
  }
}

}  // namespace

Frame Narrow(const Frame& frame, absl::Span<const uint32_t> rows, std::vector<uint32_t>* storage) {
  if (frame.selection == nullptr) {
    storage->assign(rows.begin(), rows.end());
  } else {
    storage->resize(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) (*storage)[i] = frame.selection[rows[i]];
  }
  // An empty selection still is one: data() of an empty vector may be nullptr.
  if (storage->capacity() == 0) storage->reserve(1);
  return {frame.context, frame.batch, storage->data(), rows.size()};
}

void Operand::MoveTo(size_t rows, Vector* out) {
  if (constant_ && rows != 1) {
    *out = vector().Take(std::vector<uint32_t>(rows, 0));
  } else if (view_ != nullptr) {
    *out = *view_;
  } else {
    *out = std::move(own_);
  }
}

absl::Status Eval(const BoundExpr& expr, const Frame& frame, Operand* out) {
  if (frame.rows == 0) {
    out->Own()->Reset(expr.type.kind, 0);
    return absl::OkStatus();
  }
  if (!expr.operands.empty() && frame.rows > 1 && IsConstant(expr)) {
    const Frame one{frame.context, frame.batch, nullptr, 1};
    Vector value;
    TWIN_RETURN_IF_ERROR(EvalVector(expr, one, &value));
    *out->Own(/*constant=*/true) = std::move(value);
    return absl::OkStatus();
  }
  return EvalKind(expr, frame, out);
}

absl::Status EvalVector(const BoundExpr& expr, const Frame& frame, Vector* out) {
  Operand operand;
  TWIN_RETURN_IF_ERROR(Eval(expr, frame, &operand));
  operand.MoveTo(frame.rows, out);
  return absl::OkStatus();
}

absl::Status EvalOperands(const BoundExpr& expr, const Frame& frame, size_t first,
                          std::vector<Operand>* operands) {
  operands->resize(expr.operands.size() - first);
  for (size_t i = 0; i < operands->size(); ++i) {
    TWIN_RETURN_IF_ERROR(Eval(*expr.operands[first + i], frame, &(*operands)[i]));
  }
  return absl::OkStatus();
}

bool IsConstant(const BoundExpr& expr) {
  switch (expr.kind) {
    case BoundKind::kConstant:
    case BoundKind::kParameter:
    case BoundKind::kNow:
      return true;
    case BoundKind::kSlot:
    case BoundKind::kProperty:
    case BoundKind::kDocument:
    case BoundKind::kField:
    case BoundKind::kUpdateTime:
    case BoundKind::kOfModel:
    case BoundKind::kExists:
      return false;
    default:
      return std::all_of(expr.operands.begin(), expr.operands.end(),
                         [](const BoundPtr& operand) { return IsConstant(*operand); });
  }
}

bool MayFail(const BoundExpr& expr) {
  switch (expr.kind) {
    case BoundKind::kNegate:
    case BoundKind::kAdd:
    case BoundKind::kSubtract:
    case BoundKind::kMultiply:
    case BoundKind::kDivide:
    case BoundKind::kModulo:
      if (IsInteger(expr.type.kind)) return true;
      break;
    case BoundKind::kFunction:
      if (FunctionMayFail(expr.function)) return true;
      break;
    case BoundKind::kExists:
      return true;
    default:
      break;
  }
  return std::any_of(expr.operands.begin(), expr.operands.end(),
                     [](const BoundPtr& operand) { return MayFail(*operand); });
}

bool AddSlots(const BoundExpr& expr, std::vector<SlotId>* slots) {
  if (expr.kind == BoundKind::kExists) return false;
  if (expr.slot != kNoSlot) slots->push_back(expr.slot);
  return std::all_of(expr.operands.begin(), expr.operands.end(),
                     [slots](const BoundPtr& operand) { return AddSlots(*operand, slots); });
}

absl::Status Evaluate(const BoundExpr& expr, const EvaluateContext& context, Batch* batch,
                      Vector* out) {
  return EvalVector(expr, Frame{context, batch, nullptr, batch->rows}, out);
}

absl::StatusOr<Value> EvaluateConstant(const BoundExpr& expr, const EvaluateContext& context) {
  Batch batch;
  batch.rows = 1;
  Vector out;
  TWIN_RETURN_IF_ERROR(Evaluate(expr, context, &batch, &out));
  return out.Get(0);
}

}  // namespace twin::query
