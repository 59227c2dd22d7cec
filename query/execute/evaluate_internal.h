// What the files of the evaluation share. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_EVALUATE_INTERNAL_H_
#define TWIN_QUERY_EXECUTE_EVALUATE_INTERNAL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "query/ast/error.h"
#include "query/bind/bound.h"
#include "query/execute/compare.h"
#include "query/execute/evaluate.h"
#include "query/execute/vector.h"

namespace twin::query {

inline absl::Status IntegerOverflow(const BoundExpr& expr) {
  return ErrorAt(expr.span, "the integer is beyond 64 bits", absl::StatusCode::kOutOfRange);
}

// The rows that an expression is computed for: those of a batch that `selection` names, or all.
// Only what reads slots looks at the selection; all that is computed has `rows` rows.
struct Frame {
  const EvaluateContext& context;
  Batch* batch;
  const uint32_t* selection;  // nullptr: all rows of the batch
  size_t rows;

  absl::Span<const uint32_t> selected() const { return {selection, rows}; }
};

// The frame of those rows of `frame` that `rows` names; `storage` holds its selection.
Frame Narrow(const Frame& frame, absl::Span<const uint32_t> rows, std::vector<uint32_t>* storage);

// The value of an operand for all rows of a frame: a slot's vector as it stands, a vector computed
// for this, or one row for all of them.
class Operand {
 public:
  const Vector& vector() const { return view_ != nullptr ? *view_ : own_; }
  bool constant() const { return constant_; }
  size_t At(size_t row) const { return constant_ ? 0 : row; }
  bool IsNull(size_t row) const { return vector().IsNull(At(row)); }
  Item ItemOfRow(size_t row) const { return ItemAt(vector(), At(row)); }
  // Every row is NULL, as far as one can tell without looking at them.
  bool null() const {
    return vector().kind == TypeKind::kNull || (constant_ && vector().IsNull(0));
  }

  // To be computed into: one row if `constant`.
  Vector* Own(bool constant = false) {
    view_ = nullptr;
    constant_ = constant;
    return &own_;
  }
  void View(const Vector* vector) {
    view_ = vector;
    constant_ = false;
  }
  // As a vector of `rows` rows.
  void MoveTo(size_t rows, Vector* out);

 private:
  const Vector* view_ = nullptr;
  bool constant_ = false;
  Vector own_;
};

// evaluate.cc: any expression.
absl::Status Eval(const BoundExpr& expr, const Frame& frame, Operand* out);
// As a vector of frame.rows rows.
absl::Status EvalVector(const BoundExpr& expr, const Frame& frame, Vector* out);
// All operands of `expr` from `first` on.
absl::Status EvalOperands(const BoundExpr& expr, const Frame& frame, size_t first,
                          std::vector<Operand>* operands);
// Whether it is the same for all rows, so that it is computed once.
bool IsConstant(const BoundExpr& expr);
// Whether its evaluation may end in an error for some row.
bool MayFail(const BoundExpr& expr);
// Adds the slots that it reads to `slots`; false: it may read others too (EXISTS).
bool AddSlots(const BoundExpr& expr, std::vector<SlotId>* slots);

// evaluate_property.cc: what is read from the graph. `out` has frame.rows rows.
absl::Status EvalProperty(const BoundExpr& expr, const Frame& frame, Vector* out);
absl::Status EvalDocument(const BoundExpr& expr, const Frame& frame, Vector* out);
absl::Status EvalUpdateTime(const BoundExpr& expr, const Frame& frame, Vector* out);
absl::Status EvalField(SlotId slot, Field field, const Frame& frame, Vector* out);
absl::Status EvalOfModel(const BoundExpr& expr, const Frame& frame, Vector* out);

// evaluate_logic.cc
absl::Status EvalNot(const BoundExpr& expr, const Frame& frame, Operand* out);
absl::Status EvalAndOr(const BoundExpr& expr, const Frame& frame, Operand* out);
absl::Status EvalIsNull(const BoundExpr& expr, const Frame& frame, Operand* out);
absl::Status EvalCase(const BoundExpr& expr, const Frame& frame, Operand* out);
absl::Status EvalCoalesce(const BoundExpr& expr, const Frame& frame, Operand* out);
absl::Status EvalExists(const BoundExpr& expr, const Frame& frame, Operand* out);

// evaluate_match.cc
absl::Status EvalIn(const BoundExpr& expr, const Frame& frame, Operand* out);
absl::Status EvalLike(const BoundExpr& expr, const Frame& frame, Operand* out);

// evaluate_value.cc
absl::Status EvalIndex(const BoundExpr& expr, const Frame& frame, Operand* out);
absl::Status EvalMember(const BoundExpr& expr, const Frame& frame, Operand* out);
absl::Status EvalList(const BoundExpr& expr, const Frame& frame, Operand* out);
absl::Status EvalAnyAll(const BoundExpr& expr, const Frame& frame, Operand* out);
absl::Status EvalOfPart(const BoundExpr& expr, const Frame& frame, Operand* out);

// evaluate_cast.cc
absl::Status EvalCast(const BoundExpr& expr, const Frame& frame, Operand* out);
// The vector's rows as `kind`; NULL where that cannot be. Twins and relationships become their ids
// where the frame's graph knows them. Nothing happens where it is of that kind, or kNull.
absl::Status CastTo(TypeKind kind, const Frame& frame, Vector* vector);
absl::Status CastTo(TypeKind kind, const Frame& frame, Operand* operand);
// Writes the item as the vector's kind; NULL where that cannot be.
void SetItem(const Item& item, size_t row, Vector* out);
// ISO 8601 as twin::ParseTime takes it, or a date alone: its midnight in UTC.
absl::StatusOr<Time> ParseTimeOrDate(absl::string_view text);
// As CONCAT writes it.
void AppendText(const Item& item, std::string* text);

// functions.cc
absl::Status EvalFunction(const BoundExpr& expr, const Frame& frame, Operand* out);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_EVALUATE_INTERNAL_H_
