// Aggregates: states by group, fed by batches.
#ifndef TWIN_QUERY_EXECUTE_AGGREGATE_H_
#define TWIN_QUERY_EXECUTE_AGGREGATE_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "query/bind/bound.h"
#include "query/execute/vector.h"

namespace twin::query {

// Numbers that stand one behind the other, none of them NULL. `doubles` for kDouble, else `ints`;
// neither where only their count is asked for.
struct NumberRun {
  TypeKind kind = TypeKind::kDouble;
  size_t count = 0;
  const double* doubles = nullptr;
  const int64_t* ints = nullptr;
};

// The states of one aggregate for many groups. Thread-compatible.
class Aggregator {
 public:
  virtual ~Aggregator() = default;

  // Groups are 0 … groups - 1 from now on; new ones are empty.
  virtual void Resize(size_t groups) = 0;

  // Row i of the arguments goes to group groups[i]; `arguments` is empty for COUNT().
  // For functions of time the arguments are followed by the rows' times and, as kInt, the number
  // of the series that the row belongs to; within a series, rows come in the order of time, and
  // those at or before its last one are skipped: a series that two matches lead to counts once.
  // Times are those of recording, also where that was before the window. Two more, from and to as
  // kTime, may follow: the window of the row's series and group, where it differs from that of
  // AggregateOptions. FIRST and LAST may be followed by the rows' times, which
  // then count instead of the order of arrival.
  // OUT_OF_RANGE: an integer sum overflows.
  virtual absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                           absl::Span<const Vector> arguments) = 0;

  // All rows in one group: what an aggregate without GROUP BY does, and faster.
  virtual absl::Status AddAll(uint32_t group, size_t rows, absl::Span<const Vector> arguments) = 0;

  // The same as Add of so many rows of the group with these as argument. For aggregates of one
  // argument, and for COUNT().
  virtual absl::Status AddRun(uint32_t group, const NumberRun& run);

  // Of COUNT, SUM and AVG: rows that were summed up, row i to group groups[i]: counts (kInt) of
  // values and, but for COUNT, their sums: kInt, in units of 10^-decimals of that vector; or of AVG
  // and SUM of doubles, kDouble.
  virtual absl::Status AddSums(absl::Span<const uint32_t> groups, const Vector& counts,
                               const Vector& sums);

  // Adds the state of group i of `other`, of the same aggregate, to groups[i]. The rows of `other`
  // count as later (FIRST, LAST). Numbers of series mean the same in both.
  virtual absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) = 0;

  // Results by group, of the aggregate's type. May be called again after more rows.
  // VARIANCE and STDDEV are those of a sample (n - 1); one value has none, hence NULL. MEDIAN,
  // PERCENTILE and MAD are exact, interpolated linearly between two values. COLLECT of nothing is
  // an empty list, COUNT is 0, everything else NULL.
  virtual absl::Status Finish(Vector* out) = 0;

  virtual size_t bytes() const = 0;
};

struct AggregateOptions {
  // kTimeAggregate: a value holds to the next sample but at most so long.
  int64_t max_gap_ns = 300'000'000'000;
  // The window: the last sample before it counts from its start, the last one in it to its end.
  // Both 0: there is no window, a value holds from the first sample to the last.
  int64_t from_ns = 0;
  int64_t to_ns = 0;
  // A series goes through several groups: a value ends with the next one of the series, whatever
  // group that is in. Rows of a series stand one behind the other.
  bool splits_series = false;
  // With it: groups are windows one behind the other, and the last value before one counts from its
  // start, in groups that have rows.
  bool carries = false;
  // Rows come in no order, and the last value of a series does not hold to the window's end.
  bool unordered = false;
};

std::unique_ptr<Aggregator> NewAggregator(const BoundAggregate& aggregate,
                                          const AggregateOptions& options = {});

// Window functions and aggregates OVER: `order` names the rows of one partition, in its order;
// `peers` counts, for RANK, which of them are equal: peers[i] is true where row order[i] sorts as
// order[i - 1] does. Writes out's rows order[…]; `out` has been reset to all rows of window.type.
// Aggregates are those of the whole partition; with ORDER BY, of all rows up to the peers of each.
absl::Status ComputeWindow(const BoundWindow& window, absl::Span<const Vector> arguments,
                           absl::Span<const uint32_t> order, const std::vector<bool>& peers,
                           Vector* out);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_AGGREGATE_H_
