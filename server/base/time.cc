#include "server/base/time.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace twin {

std::string FormatTime(Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixNanos(time.ns),
                          absl::UTCTimeZone());
}

absl::StatusOr<Time> ParseTime(absl::string_view text) {
  absl::Time time;
  std::string error;
  // %Ez takes "Z" and "+02:00"; %E4Y would refuse nothing that %Y takes here.
  if (text.size() > 64 || !absl::ParseTime("%Y-%m-%dT%H:%M:%E*S%Ez", text, &time, &error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text.substr(0, 64),
                     "' is not a point in time like 2026-03-01T08:30:00Z or "
                     "2026-03-01T10:30:00.5+02:00"));
  }
  static const absl::Time first = absl::FromCivil(absl::CivilSecond(1678), absl::UTCTimeZone());
  static const absl::Time end = absl::FromCivil(absl::CivilSecond(2262), absl::UTCTimeZone());
  if (time < first || time >= end) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is outside of the years 1678 to 2261"));
  }
  return Time{absl::ToUnixNanos(time)};
}

}  // namespace twin
