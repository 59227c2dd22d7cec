#include "server/base/clock.h"

#include <chrono>

namespace twin {
namespace {

class RealClock final : public Clock {
 public:
  Time Now() const override {
    return Time{std::chrono::duration_cast<std::chrono::nanoseconds>(
                    std::chrono::system_clock::now().time_since_epoch())
                    .count()};
  }
};

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

}  // namespace twin
