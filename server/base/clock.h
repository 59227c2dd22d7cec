// The clock as an interface, so that tests can set the time.
#ifndef TWIN_SERVER_BASE_CLOCK_H_
#define TWIN_SERVER_BASE_CLOCK_H_

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

}  // namespace twin

#endif  // TWIN_SERVER_BASE_CLOCK_H_
