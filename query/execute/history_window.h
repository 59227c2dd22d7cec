// The time that a HISTORY clause looks at. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_HISTORY_WINDOW_H_
#define TWIN_QUERY_EXECUTE_HISTORY_WINDOW_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "query/execute/run_context.h"

namespace twin::query {

// Steps and buckets begin at 1970-01-01 UTC, whole weeks on Mondays.
inline constexpr int64_t kNsPerDay = 86'400 * kNsPerSecond;
inline constexpr int64_t kNsPerWeek = 7 * kNsPerDay;
inline constexpr int64_t kMondayNs = 4 * kNsPerDay;  // 1970-01-05, the first one

// Nanoseconds. LAST d: (from, to]; SINCE t: [from, to]; FROM … TO …: [from, to).
struct HistoryWindow {
  int64_t from = 0;
  int64_t to = 0;
  bool from_excluded = false;
  bool to_included = false;
  int64_t every = 0;  // 0: as recorded
  int64_t max_gap = 0;

  bool operator==(const HistoryWindow& other) const = default;
};

// How many rows EVERY makes of a window, or one more. `every` is set.
inline uint64_t StepsAtMost(const HistoryWindow& window) {
  if (window.to < window.from) return 0;
  // The difference may be more than a signed number holds.
  const uint64_t length = static_cast<uint64_t>(window.to) - static_cast<uint64_t>(window.from);
  return length / static_cast<uint64_t>(window.every) + 1;
}

// INVALID_ARGUMENT: a length is not positive, or a bound is NULL.
absl::StatusOr<HistoryWindow> WindowOf(const BoundHistory& history, const Value& from,
                                       const Value& to, const EvaluateContext& context, Time end);

// The window of all rows; from and to are 0 where it depends on the row.
absl::StatusOr<HistoryWindow> ConstantWindow(const BoundHistory& history, const Plan& plan,
                                             RunContext* run);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_HISTORY_WINDOW_H_
