// Where functions of time stand: which series a row is of, and in which window of its group.
// Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_SERIES_GROUPS_H_
#define TWIN_QUERY_EXECUTE_SERIES_GROUPS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "query/execute/aggregate.h"
#include "query/execute/evaluate.h"
#include "query/plan/plan.h"

namespace twin::query {

// Of one aggregate of the kind kTimeAggregate. A series is that of its twins, in a window of its
// own where that depends on the row; over a subquery, of the keys that do not depend on its time.
class SeriesGroups {
 public:
  // `options` are those of all groups; what the keys say of them is added.
  SeriesGroups(const Plan& plan, const PlanStep& aggregate_step, const BoundAggregate& aggregate,
               AggregateOptions* options);

  // Appends what Aggregator::Add wants behind the value: times, numbers of series, windows.
  // keys[i] is the step's key i of the batch.
  absl::Status AddArguments(const std::vector<Vector>& keys, const EvaluateContext& context,
                            Batch* batch, std::vector<Vector>* arguments) const;

  // A group is a bucket of time.
  bool has_buckets() const { return !buckets_.empty(); }

 private:
  Vector Times(const Batch& batch) const;
  Vector Numbers(const std::vector<Vector>& keys, const Batch& batch) const;

  const PlanStep& step_;
  const BoundAggregate& aggregate_;
  const PlanStep* history_ = nullptr;  // nullptr: over a subquery
  int64_t from_ = 0;
  int64_t to_ = 0;
  std::vector<size_t> buckets_;     // keys that are TIME_BUCKETs of the samples' times
  std::vector<size_t> other_keys_;  // that do not depend on samples
};

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_SERIES_GROUPS_H_
