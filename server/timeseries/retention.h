// How long what is kept of which groups. Internal to server/timeseries but for Retention.
#ifndef TWIN_SERVER_TIMESERIES_RETENTION_H_
#define TWIN_SERVER_TIMESERIES_RETENTION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "server/base/sync.h"
#include "server/timeseries/samples.h"

namespace twin::timeseries {

// Nanoseconds from the end of a day (UTC) until something happens to what was measured on it; 0: it
// never does.
struct Retention {
  int64_t raw = 0;      // then it is re-packed
  int64_t samples = 0;  // then its samples are dropped
  int64_t rollups = 0;  // then its roll-ups are
  friend bool operator==(const Retention&, const Retention&) = default;
};

// Each as long as the longer one says.
Retention Longest(const Retention& a, const Retention& b);

// The least day (since 1970) that is kept at `now`, if days are kept for so long after their end.
int64_t OldestDayKept(int64_t kept_ns, int64_t now);

// Which rule each group has. Thread-safe.
class RetentionRules {
 public:
  // The rule, 0, of groups that have no other.
  explicit RetentionRules(const Retention& common) : rules_{common} {}

  // Gives a rule to the groups below `groups` that were given none yet. No more than 255 rules:
  // what would be one more becomes the longest of all.
  void Assign(uint32_t groups, absl::FunctionRef<Retention(GroupId group)> rule_of);
  uint8_t Of(GroupId group) const;
  // Those that groups have, ascending, each once. False: some groups were given none yet.
  bool OfEach(absl::Span<const GroupId> groups, std::vector<uint8_t>* found) const;
  size_t size() const;
  std::vector<Retention> All() const;  // by number

 private:
  uint8_t NumberOf(const Retention& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::vector<Retention> rules_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint8_t> of_group_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_RETENTION_H_
