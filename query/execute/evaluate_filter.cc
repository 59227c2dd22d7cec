// Filter: conjuncts one after the other, over masks of the rows that are left.
#include <algorithm>

#include "query/execute/evaluate_internal.h"
#include "query/execute/kernels.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

bool IsColumn(const BoundExpr& expr) {
  return expr.kind == BoundKind::kSlot || expr.kind == BoundKind::kProperty ||
         (expr.kind == BoundKind::kCast && IsColumn(*expr.operands[0]));
}

// `column op constant`, whichever way round it was written.
struct Simple {
  const BoundExpr* column = nullptr;
  const BoundExpr* constant = nullptr;
  BoundKind op = BoundKind::kEqual;
};

Simple AsSimple(const BoundExpr& expr) {
  if (!IsComparison(expr.kind)) return {};
  const BoundExpr& a = *expr.operands[0];
  const BoundExpr& b = *expr.operands[1];
  if (IsColumn(a) && IsConstant(b)) return {&a, &b, expr.kind};
  if (IsColumn(b) && IsConstant(a)) return {&b, &a, Mirrored(expr.kind)};
  return {};
}

bool SameColumn(const BoundExpr& a, const BoundExpr& b) {
  if (a.kind != b.kind || !(a.type == b.type) || a.slot != b.slot || a.text != b.text) return false;
  if (a.kind == BoundKind::kCast) return SameColumn(*a.operands[0], *b.operands[0]);
  return std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    [](const ColumnRef& x, const ColumnRef& y) {
                      return x.table == y.table && x.column == y.column && x.factor == y.factor &&
                             x.offset == y.offset;
                    });
}

void FlattenAnd(const BoundExpr& expr, std::vector<const BoundExpr*>* conjuncts) {
  if (expr.kind != BoundKind::kAnd) {
    conjuncts->push_back(&expr);
    return;
  }
  for (const BoundPtr& operand : expr.operands) FlattenAnd(*operand, conjuncts);
}

class FilterRun {
 public:
  FilterRun(const EvaluateContext& context, Batch* batch)
      : frame_{context, batch, nullptr, batch->rows}, mask_(batch->rows, 1), left_(batch->rows) {}

  absl::Status Apply(const BoundExpr& conjunct) {
    const Simple simple = AsSimple(conjunct);
    if (simple.column == nullptr) {
      NarrowIfWorth(MayFail(conjunct), kWorthEvaluating);
      Operand value;
      TWIN_RETURN_IF_ERROR(Eval(conjunct, frame_, &value));
      MaskTrue(value, frame_.rows, mask_.data());
    } else {
      TWIN_RETURN_IF_ERROR(ApplySimple(simple));
    }
    left_ = CountSelected(mask_.data(), frame_.rows);
    return absl::OkStatus();
  }

  bool done() const { return left_ == 0; }

  void Finish(std::vector<uint32_t>* rows) {
    AppendSelected(mask_.data(), frame_.rows, rows);
    if (frame_.selection == nullptr) return;
    for (uint32_t& row : *rows) row = frame_.selection[row];
  }

 private:
  absl::Status ApplySimple(const Simple& simple) {
    // Both sides of a range look at the same column: it is read once.
    if (column_expr_ == nullptr || !SameColumn(*column_expr_, *simple.column)) {
      const bool ready = simple.column->kind == BoundKind::kSlot;
      NarrowIfWorth(MayFail(*simple.constant), ready ? kWorthComparing : kWorthEvaluating);
      column_ = Operand();
      column_expr_ = simple.column;
      TWIN_RETURN_IF_ERROR(Eval(*simple.column, frame_, &column_));
    }
    Operand constant;
    TWIN_RETURN_IF_ERROR(Eval(*simple.constant, frame_, &constant));
    if (MaskComparison(simple.op, column_, constant, frame_.rows, mask_.data())) {
      return absl::OkStatus();
    }
    Operand value;
    Comparison(simple.op, column_, constant, frame_.rows, value.Own());
    MaskTrue(value, frame_.rows, mask_.data());
    return absl::OkStatus();
  }

  // Goes on with the rows that are left alone where they are less than a share of all, or must be.
  static constexpr size_t kWorthEvaluating = 2;
  static constexpr size_t kWorthComparing = 8;  // a comparison costs less than taking the rows
  void NarrowIfWorth(bool must, size_t share) {
    if (left_ == frame_.rows || (left_ * share >= frame_.rows && !must)) return;
    std::vector<uint32_t> rows;
    AppendSelected(mask_.data(), frame_.rows, &rows);
    std::vector<uint32_t> selection;
    const Frame narrow = Narrow(frame_, rows, &selection);
    selection_.swap(selection);
    frame_.selection = narrow.selection;
    frame_.rows = narrow.rows;
    mask_.assign(frame_.rows, 1);
    column_expr_ = nullptr;
  }

  Frame frame_;
  std::vector<uint32_t> selection_;
  std::vector<uint8_t> mask_;  // 1: all conjuncts so far are TRUE; by row of the frame
  size_t left_;
  const BoundExpr* column_expr_ = nullptr;  // what column_ holds for the frame
  Operand column_;
};

}  // namespace

absl::Status Filter(absl::Span<const BoundPtr> conditions, const EvaluateContext& context,
                    Batch* batch, std::vector<uint32_t>* rows) {
  rows->clear();
  std::vector<const BoundExpr*> conjuncts;
  for (const BoundPtr& condition : conditions) FlattenAnd(*condition, &conjuncts);
  FilterRun run(context, batch);
  for (const BoundExpr* conjunct : conjuncts) {
    if (run.done()) return absl::OkStatus();
    TWIN_RETURN_IF_ERROR(run.Apply(*conjunct));
  }
  run.Finish(rows);
  return absl::OkStatus();
}

}  // namespace twin::query
