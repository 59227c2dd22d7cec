#include "clients/cpp/retry.h"

#include <algorithm>

#include "clients/cpp/random.h"

namespace twin::client {

RetryOptions OfStandingStream(RetryOptions options) {
  constexpr std::chrono::milliseconds kWaitMax{1000};
  options.backoff_max = std::min(options.backoff_max, kWaitMax);
  return options;
}

std::chrono::milliseconds Backoff::Next() {
  const std::chrono::milliseconds whole = std::min(next_, options_.backoff_max);
  next_ = std::min(2 * whole, options_.backoff_max);
  const auto quarter = static_cast<uint64_t>(whole.count() / 4);
  return whole - std::chrono::milliseconds(RandomBits() % (quarter + 1));
}

}  // namespace twin::client
