// The clock as an interface, so that tests can set the time.
#ifndef TWIN_SERVER_BASE_CLOCK_H_
#define TWIN_SERVER_BASE_CLOCK_H_

#include <atomic>

#include "server/base/time.h"

namespace twin {

// Thread-safe. May go back, as the system's clock does.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time Now() const = 0;
};

// The system's clock. Lives as long as the process.
const Clock& SystemClock();

// A clock that stands where it was set.
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

#endif  // TWIN_SERVER_BASE_CLOCK_H_
