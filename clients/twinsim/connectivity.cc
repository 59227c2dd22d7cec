#include "clients/twinsim/connectivity.h"

#include <cmath>

#include "clients/twinsim/random.h"

namespace twin::twinsim {
namespace {

constexpr int64_t kDaySeconds = 86'400;
constexpr double kDaysWithoutGap = 0.7;
constexpr double kGapsLost = 0.15;

// A number in [0, 1) of its own for each of the arguments.
double Draw(uint64_t seed, int64_t vehicle, int64_t day, uint64_t what) {
  return ShareOf(Mix(Mix(seed ^ 0xC0FFEE) + Mix(static_cast<uint64_t>(vehicle) * 4 + what) +
                     Mix(~static_cast<uint64_t>(day))));
}

}  // namespace

Link Connectivity::At(int64_t time) const {
  const int64_t day = time / kDaySeconds;
  // One that began yesterday may go on.
  for (const int64_t of_day : {day, day - 1}) {
    if (Draw(seed_, vehicle_, of_day, 0) < kDaysWithoutGap) continue;
    const int64_t begin =
        of_day * kDaySeconds + static_cast<int64_t>(Draw(seed_, vehicle_, of_day, 1) * kDaySeconds);
    // 3 minutes to 5 hours, the shorter the more often.
    const auto length = static_cast<int64_t>(180 * std::pow(100, Draw(seed_, vehicle_, of_day, 2)));
    if (time < begin || time >= begin + length) continue;
    return Draw(seed_, vehicle_, of_day, 3) < kGapsLost ? Link::kLost : Link::kWaits;
  }
  return Link::kUp;
}

}  // namespace twin::twinsim
