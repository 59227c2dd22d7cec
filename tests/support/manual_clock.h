// A clock that stands where it was set.
#ifndef TWIN_TESTS_SUPPORT_MANUAL_CLOCK_H_
#define TWIN_TESTS_SUPPORT_MANUAL_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "server/base/clock.h"
#include "server/base/time.h"

namespace twin {

// Thread-safe.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Time now) : ns_(now.ns) {}
  Time Now() const override { return Time{ns_.load()}; }
  void Set(Time now) { ns_ = now.ns; }
  void AdvanceMs(int64_t ms) { ns_ += ms * kNsPerMs; }

 private:
  std::atomic<int64_t> ns_;
};

}  // namespace twin

#endif  // TWIN_TESTS_SUPPORT_MANUAL_CLOCK_H_
