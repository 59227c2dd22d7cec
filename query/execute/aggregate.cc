#include "query/execute/aggregate.h"

#include <algorithm>

#include "query/ast/error.h"
#include "query/execute/aggregate_internal.h"
#include "query/execute/evaluate_internal.h"
#include "query/execute/kernels.h"

namespace twin::query {
namespace {

std::unique_ptr<Aggregator> NewPlain(const BoundAggregate& aggregate,
                                     const AggregateOptions& options) {
  switch (aggregate.function) {
    case Function::kSum:
    case Function::kAvg:
      return NewSum(aggregate);
    case Function::kMin:
    case Function::kMax:
    case Function::kFirst:
    case Function::kLast:
      return NewCell(aggregate);
    case Function::kMedian:
    case Function::kPercentile:
    case Function::kMad:
      return NewQuantile(aggregate);
    case Function::kStddev:
    case Function::kVariance:
      return NewVariance(aggregate);
    case Function::kCollect:
      return NewCollect();
    case Function::kTimeAvg:
    case Function::kRate:
    case Function::kDelta:
    case Function::kIntegral:
    case Function::kSlope:
    case Function::kTimeWhere:
      return NewTimeAggregate(aggregate, options);
    default:
      return NewCount();
  }
}

}  // namespace

absl::Status Aggregator::AddRun(uint32_t group, const NumberRun& run) {
  std::vector<Vector> arguments(1);
  arguments[0].Reset(run.kind, run.count);
  if (run.kind == TypeKind::kDouble) {
    std::copy_n(run.doubles, run.count, arguments[0].doubles.begin());
  } else {
    std::copy_n(run.ints, run.count, arguments[0].ints.begin());
  }
  return Add(std::vector<uint32_t>(run.count, group), run.count, arguments);
}

absl::Status Aggregator::AddSums(absl::Span<const uint32_t> /*groups*/, const Vector& /*counts*/,
                                 const Vector& /*sums*/) {
  return absl::InternalError("an aggregate that cannot be summed up");
}

DoubleColumn::DoubleColumn(const Vector& vector, size_t rows) {
  if (vector.kind == TypeKind::kDouble) {
    values_ = vector.doubles.data();
    if (!vector.nulls.empty()) nulls_ = vector.nulls.data();
    return;
  }
  own_values_.assign(rows, 0);
  own_nulls_.assign(rows, 1);
  for (size_t i = 0; i < rows; ++i) {
    const Item item = ItemAt(vector, i);
    if (item.kind == Value::Kind::kArray || item.kind == Value::Kind::kMap ||
        item.kind == Value::Kind::kString || item.is_null()) {
      continue;
    }
    own_values_[i] = item.as_double();
    own_nulls_[i] = 0;
  }
  values_ = own_values_.data();
  nulls_ = own_nulls_.data();
}

const Vector& AsKind(TypeKind kind, const Vector& vector, Vector* storage) {
  if (vector.kind == kind || vector.kind == TypeKind::kNull) return vector;
  storage->Reset(kind, vector.rows);
  for (size_t i = 0; i < vector.rows; ++i) SetItem(ItemAt(vector, i), i, storage);
  return *storage;
}

absl::Status SetNumber(double value, size_t row, const Span& span, Vector* out) {
  if (out->kind == TypeKind::kDouble) {
    out->doubles[row] = value;
    return absl::OkStatus();
  }
  int64_t integer;
  if (!RoundToInt(value, &integer)) {
    return ErrorAt(span, "the integer is beyond 64 bits", absl::StatusCode::kOutOfRange);
  }
  out->ints[row] = integer;
  return absl::OkStatus();
}

std::unique_ptr<Aggregator> NewAggregator(const BoundAggregate& aggregate,
                                          const AggregateOptions& options) {
  std::unique_ptr<Aggregator> plain = NewPlain(aggregate, options);
  const bool time = InfoOf(aggregate.function).kind == FunctionKind::kTimeAggregate;
  return aggregate.distinct && !time ? NewDistinct(std::move(plain)) : std::move(plain);
}

}  // namespace twin::query
