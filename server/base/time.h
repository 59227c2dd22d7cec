// Points in time: nanoseconds since 1970-01-01 UTC, without leap seconds.
#ifndef TWIN_SERVER_BASE_TIME_H_
#define TWIN_SERVER_BASE_TIME_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace twin {

struct Time {
  int64_t ns = 0;

  constexpr bool operator==(Time other) const { return ns == other.ns; }
  constexpr bool operator<(Time other) const { return ns < other.ns; }
  constexpr bool operator>(Time other) const { return ns > other.ns; }
  constexpr bool operator<=(Time other) const { return ns <= other.ns; }
  constexpr bool operator>=(Time other) const { return ns >= other.ns; }
};

inline constexpr int64_t kNsPerSecond = 1'000'000'000;
inline constexpr int64_t kNsPerMs = 1'000'000;

// ISO 8601 in UTC, with as many digits of the second's fraction as it has:
// "2026-03-01T08:30:00.25Z".
std::string FormatTime(Time time);

// ISO 8601 with a date, a time of day and an offset ("Z", "+02:00"); any number of digits after the
// second, cut to nanoseconds. INVALID_ARGUMENT: anything else, or outside of 1678 to 2261.
absl::StatusOr<Time> ParseTime(absl::string_view text);

// A length of time in nanoseconds, of a count and a unit (500ms, 1.5h; s, m, d, w) or of ISO 8601
// without years and months, whose lengths differ (PT1H30M, P2DT0.5S, P1W). INVALID_ARGUMENT:
// anything else. OUT_OF_RANGE: more than 292 years.
absl::StatusOr<int64_t> ParseDuration(absl::string_view text);

}  // namespace twin

#endif  // TWIN_SERVER_BASE_TIME_H_
