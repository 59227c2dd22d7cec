#include "server/base/time.h"

#include <chrono>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace twin {
namespace {

constexpr int kFirstYear = 1678;
constexpr int kEndYear = 2262;

// Times as most are written: "2026-03-01T08:30:00Z". None: of another form, or there is none such.
std::optional<Time> ParsePlainTime(absl::string_view text) {
  constexpr absl::string_view kForm = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != kForm.size()) return std::nullopt;
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool fits = kForm[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == kForm[i];
    if (!fits) return std::nullopt;
  }
  const auto two = [&](size_t at) { return (text[at] - '0') * 10 + text[at + 1] - '0'; };
  const int year = two(0) * 100 + two(2);
  const std::chrono::year_month_day day(std::chrono::year(year),
                                        std::chrono::month(static_cast<unsigned>(two(5))),
                                        std::chrono::day(static_cast<unsigned>(two(8))));
  const int hour = two(11);
  const int minute = two(14);
  const int second = two(17);
  if (!day.ok() || year < kFirstYear || year >= kEndYear || hour > 23 || minute > 59 ||
      second > 59) {
    return std::nullopt;
  }
  const int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  return Time{(((days * 24 + hour) * 60 + minute) * 60 + second) * kNsPerSecond};
}

}  // namespace

std::string FormatTime(Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixNanos(time.ns),
                          absl::UTCTimeZone());
}

absl::StatusOr<Time> ParseTime(absl::string_view text) {
  if (const std::optional<Time> plain = ParsePlainTime(text)) return *plain;
  absl::Time time;
  std::string error;
  // %Ez takes "Z" and "+02:00"; %E4Y would refuse nothing that %Y takes here.
  if (text.size() > 64 || !absl::ParseTime("%Y-%m-%dT%H:%M:%E*S%Ez", text, &time, &error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text.substr(0, 64),
                     "' is not a point in time like 2026-03-01T08:30:00Z or "
                     "2026-03-01T10:30:00.5+02:00"));
  }
  static const absl::Time first =
      absl::FromCivil(absl::CivilSecond(kFirstYear), absl::UTCTimeZone());
  static const absl::Time end = absl::FromCivil(absl::CivilSecond(kEndYear), absl::UTCTimeZone());
  if (time < first || time >= end) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is outside of the years 1678 to 2261"));
  }
  return Time{absl::ToUnixNanos(time)};
}

}  // namespace twin
