// What the aggregates share. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_AGGREGATE_INTERNAL_H_
#define TWIN_QUERY_EXECUTE_AGGREGATE_INTERNAL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "query/execute/aggregate.h"
#include "query/execute/compare.h"
#include "query/execute/vector.h"

namespace twin::query {

// An aggregate whose AddAll is Add.
class GroupedAggregator : public Aggregator {
 public:
  absl::Status AddAll(uint32_t group, size_t rows, absl::Span<const Vector> arguments) override {
    one_group_.assign(rows, group);
    return Add(one_group_, rows, arguments);
  }

 private:
  std::vector<uint32_t> one_group_;
};

// A vector's numbers as doubles (TRUE is 1), converted only where they are none.
class DoubleColumn {
 public:
  DoubleColumn(const Vector& vector, size_t rows);
  const double* values() const { return values_; }
  // One byte a row, 1: NULL; nullptr: no row is.
  const uint8_t* nulls() const { return nulls_; }
  bool IsNull(size_t row) const { return nulls_ != nullptr && nulls_[row] != 0; }

 private:
  const double* values_ = nullptr;
  const uint8_t* nulls_ = nullptr;
  std::vector<double> own_values_;
  std::vector<uint8_t> own_nulls_;
};

// `vector` if it is of that kind or kNull, else its rows converted into `storage`.
const Vector& AsKind(TypeKind kind, const Vector& vector, Vector* storage);

// Calls f(row) for each row that is not NULL.
template <typename F>
void ForFilled(const Vector& vector, size_t rows, F f) {
  if (vector.kind == TypeKind::kNull) return;
  for (size_t i = 0; i < rows; ++i) {
    if (!vector.nulls.empty() && vector.nulls[i] != 0) continue;
    if (vector.kind == TypeKind::kValue && vector.values[i].is_null()) continue;
    f(i);
  }
}

// Writes `value` as `out`'s kind: a double, or an int, time or duration, rounded. OUT_OF_RANGE.
absl::Status SetNumber(double value, size_t row, const Span& span, Vector* out);

// aggregate_sum.cc: COUNT, SUM, AVG, VARIANCE, STDDEV.
std::unique_ptr<Aggregator> NewCount();
std::unique_ptr<Aggregator> NewSum(const BoundAggregate& aggregate);
std::unique_ptr<Aggregator> NewVariance(const BoundAggregate& aggregate);
// aggregate_cell.cc: MIN, MAX, FIRST, LAST.
std::unique_ptr<Aggregator> NewCell(const BoundAggregate& aggregate);
// aggregate_values.cc: MEDIAN, PERCENTILE, MAD, COLLECT.
std::unique_ptr<Aggregator> NewQuantile(const BoundAggregate& aggregate);
std::unique_ptr<Aggregator> NewCollect();
// aggregate_distinct.cc: hands each value of a group on to `inner` once.
std::unique_ptr<Aggregator> NewDistinct(std::unique_ptr<Aggregator> inner);
// aggregate_time.cc
std::unique_ptr<Aggregator> NewTimeAggregate(const BoundAggregate& aggregate,
                                             const AggregateOptions& options);

// Order statistics; they reorder `values`, of which there is one or more.
double Percentile(absl::Span<double> values, double fraction);  // interpolated linearly
double Mad(absl::Span<double> values);  // median of the distances from the median

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_AGGREGATE_INTERNAL_H_
