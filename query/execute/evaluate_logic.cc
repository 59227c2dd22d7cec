// Logic of three values, and what evaluates an operand for some rows alone.
#include <numeric>

#include "absl/strings/str_cat.h"
#include "query/execute/evaluate_internal.h"
#include "query/execute/kernels.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

// Which rows of `value` are TRUE, which FALSE: the others are NULL.
void Truth(const Operand& value, size_t rows, std::vector<uint8_t>* is_true,
           std::vector<uint8_t>* is_false) {
  is_true->assign(rows, 0);
  is_false->assign(rows, 0);
  const Vector& vector = value.vector();
  if (vector.kind != TypeKind::kBool || value.constant()) {
    for (size_t i = 0; i < rows; ++i) {
      const Item item = value.ItemOfRow(i);
      if (item.kind != Value::Kind::kBool) continue;
      (*is_true)[i] = item.integer != 0 ? 1 : 0;
      (*is_false)[i] = item.integer == 0 ? 1 : 0;
    }
    return;
  }
  for (size_t i = 0; i < rows; ++i) {
    (*is_true)[i] = vector.bools[i];
    (*is_false)[i] = vector.bools[i] ^ 1;
  }
  for (size_t i = 0; i < vector.nulls.size(); ++i) {
    (*is_true)[i] &= vector.nulls[i] ^ 1;
    (*is_false)[i] &= vector.nulls[i] ^ 1;
  }
}

void SetTruth(const std::vector<uint8_t>& is_true, const std::vector<uint8_t>& is_false,
              Vector* out) {
  const size_t rows = is_true.size();
  out->Reset(TypeKind::kBool, rows);
  out->bools = is_true;
  uint8_t any_null = 0;
  for (size_t i = 0; i < rows; ++i) any_null |= (is_true[i] | is_false[i]) ^ 1;
  if (any_null == 0) return;
  out->nulls.resize(rows);
  for (size_t i = 0; i < rows; ++i) out->nulls[i] = (is_true[i] | is_false[i]) ^ 1;
}

// Evaluates `expr` for the rows of `frame` that `rows` names, as `out`'s kind, into these rows.
absl::Status EvalInto(const BoundExpr& expr, const Frame& frame, absl::Span<const uint32_t> rows,
                      Vector* out) {
  if (rows.empty()) return absl::OkStatus();
  std::vector<uint32_t> storage;
  const Frame narrow = rows.size() == frame.rows ? frame : Narrow(frame, rows, &storage);
  Vector values;
  TWIN_RETURN_IF_ERROR(EvalVector(expr, narrow, &values));
  TWIN_RETURN_IF_ERROR(CastTo(out->kind, frame, &values));
  if (rows.size() == out->rows && values.kind == out->kind) {
    *out = std::move(values);
  } else {
    out->Scatter(values, rows);
  }
  return absl::OkStatus();
}

std::vector<uint32_t> AllRows(size_t rows) {
  std::vector<uint32_t> all(rows);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace

absl::Status EvalNot(const BoundExpr& expr, const Frame& frame, Operand* out) {
  Operand value;
  TWIN_RETURN_IF_ERROR(Eval(*expr.operands[0], frame, &value));
  std::vector<uint8_t> is_true;
  std::vector<uint8_t> is_false;
  Truth(value, frame.rows, &is_true, &is_false);
  SetTruth(is_false, is_true, out->Own());
  return absl::OkStatus();
}

absl::Status EvalAndOr(const BoundExpr& expr, const Frame& frame, Operand* out) {
  const bool is_and = expr.kind == BoundKind::kAnd;
  // AND: a row is decided once an operand is FALSE, and TRUE if all are. OR: the other way round.
  std::vector<uint8_t> decided(frame.rows, 0);
  std::vector<uint8_t> unanimous(frame.rows, 1);
  std::vector<uint32_t> open = AllRows(frame.rows);
  std::vector<uint8_t> mask(frame.rows);
  std::vector<uint8_t> is_true;
  std::vector<uint8_t> is_false;
  const bool must = MayFail(expr);
  for (const BoundPtr& operand : expr.operands) {
    std::vector<uint32_t> storage;
    const bool all = open.size() == frame.rows;
    const Frame narrow = all ? frame : Narrow(frame, open, &storage);
    Operand value;
    TWIN_RETURN_IF_ERROR(Eval(*operand, narrow, &value));
    Truth(value, narrow.rows, &is_true, &is_false);
    const std::vector<uint8_t>& deciding = is_and ? is_false : is_true;
    const std::vector<uint8_t>& agreeing = is_and ? is_true : is_false;
    size_t left = 0;
    for (size_t i = 0; i < narrow.rows; ++i) {
      const size_t row = all ? i : open[i];
      decided[row] |= deciding[i];
      unanimous[row] &= agreeing[i];
    }
    for (size_t i = 0; i < frame.rows; ++i) {
      mask[i] = decided[i] ^ 1;
      left += mask[i];
    }
    if (left == 0) break;
    // What has been decided is left out where that is worth it, or where the rest could fail.
    if (left < open.size() && (must || left * 2 < open.size())) {
      open.clear();
      AppendSelected(mask.data(), frame.rows, &open);
    }
  }
  // A row that has been decided is not unanimous.
  for (size_t i = 0; i < frame.rows; ++i) unanimous[i] &= decided[i] ^ 1;
  SetTruth(is_and ? unanimous : decided, is_and ? decided : unanimous, out->Own());
  return absl::OkStatus();
}

absl::Status EvalIsNull(const BoundExpr& expr, const Frame& frame, Operand* out) {
  Operand value;
  TWIN_RETURN_IF_ERROR(Eval(*expr.operands[0], frame, &value));
  Vector* const to = out->Own();
  to->Reset(TypeKind::kBool, frame.rows);
  const uint8_t negated = expr.negated ? 1 : 0;
  const Vector& vector = value.vector();
  if (value.null()) {
    to->bools.assign(frame.rows, 1 ^ negated);
  } else if (vector.kind == TypeKind::kValue) {
    for (size_t i = 0; i < frame.rows; ++i) {
      to->bools[i] = (value.ItemOfRow(i).is_null() ? 1 : 0) ^ negated;
    }
  } else if (value.constant() || vector.nulls.empty()) {
    to->bools.assign(frame.rows, negated);
  } else {
    for (size_t i = 0; i < frame.rows; ++i) to->bools[i] = vector.nulls[i] ^ negated;
  }
  return absl::OkStatus();
}

absl::Status EvalCase(const BoundExpr& expr, const Frame& frame, Operand* out) {
  Vector* const to = out->Own();
  to->ResetToNull(expr.type.kind, frame.rows);
  std::vector<uint32_t> open = AllRows(frame.rows);
  std::vector<uint32_t> storage;
  for (size_t i = 0; i + 1 < expr.operands.size() && !open.empty(); i += 2) {
    const Frame narrow = open.size() == frame.rows ? frame : Narrow(frame, open, &storage);
    Operand condition;
    TWIN_RETURN_IF_ERROR(Eval(*expr.operands[i], narrow, &condition));
    std::vector<uint8_t> mask(narrow.rows, 1);
    MaskTrue(condition, narrow.rows, mask.data());
    std::vector<uint32_t> taken;
    std::vector<uint32_t> rest;
    for (size_t j = 0; j < open.size(); ++j) (mask[j] != 0 ? taken : rest).push_back(open[j]);
    TWIN_RETURN_IF_ERROR(EvalInto(*expr.operands[i + 1], frame, taken, to));
    open.swap(rest);
  }
  return EvalInto(*expr.operands.back(), frame, open, to);
}

absl::Status EvalCoalesce(const BoundExpr& expr, const Frame& frame, Operand* out) {
  Vector* const to = out->Own();
  to->ResetToNull(expr.type.kind, frame.rows);
  std::vector<uint32_t> open = AllRows(frame.rows);
  for (const BoundPtr& operand : expr.operands) {
    TWIN_RETURN_IF_ERROR(EvalInto(*operand, frame, open, to));
    std::vector<uint32_t> rest;
    for (const uint32_t row : open) {
      if (ItemAt(*to, row).is_null() && to->kind != TypeKind::kPath) rest.push_back(row);
    }
    open.swap(rest);
    if (open.empty()) break;
  }
  return absl::OkStatus();
}

absl::Status EvalExists(const BoundExpr& expr, const Frame& frame, Operand* out) {
  if (!frame.context.exists) return absl::InternalError("EXISTS outside of a plan");
  std::vector<uint8_t> found;
  if (frame.selection == nullptr) {
    TWIN_RETURN_IF_ERROR(frame.context.exists(*expr.exists, *frame.batch, &found));
  } else {
    const Batch taken = frame.batch->Take(frame.selected());
    TWIN_RETURN_IF_ERROR(frame.context.exists(*expr.exists, taken, &found));
  }
  if (found.size() != frame.rows) {
    return absl::InternalError(
        absl::StrCat("EXISTS answered ", found.size(), " of ", frame.rows, " rows"));
  }
  Vector* const to = out->Own();
  to->Reset(TypeKind::kBool, frame.rows);
  for (size_t i = 0; i < frame.rows; ++i) {
    to->bools[i] = (found[i] != 0 ? 1 : 0) ^ (expr.negated ? 1 : 0);
  }
  return absl::OkStatus();
}

}  // namespace twin::query
