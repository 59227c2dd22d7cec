#include "server/base/time.h"

#include <chrono>
#include <cmath>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

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

struct UnitOfTime {
  absl::string_view name;
  double seconds;
};
constexpr UnitOfTime kUnits[] = {{"ms", 1e-3}, {"s", 1},     {"m", 60},
                                 {"h", 3600},  {"d", 86400}, {"w", 7 * 86400}};
constexpr UnitOfTime kDesignatorsOfDays[] = {{"W", 7 * 86400}, {"D", 86400}};
constexpr UnitOfTime kDesignatorsOfTime[] = {{"H", 3600}, {"M", 60}, {"S", 1}};

std::optional<double> ConsumeCount(absl::string_view* text) {
  if (text->empty() || !absl::ascii_isdigit(static_cast<unsigned char>(text->front()))) {
    return std::nullopt;
  }
  const absl::string_view digits = text->substr(0, text->find_first_not_of("0123456789."));
  double count = 0;
  if (digits.back() == '.' || !absl::SimpleAtod(digits, &count)) return std::nullopt;
  text->remove_prefix(digits.size());
  return count;
}

// Counts before these designators, in their order, each at most once. False: there is none.
bool ConsumeParts(absl::Span<const UnitOfTime> designators, absl::string_view* text,
                  double* seconds) {
  bool any = false;
  for (const UnitOfTime& designator : designators) {
    absl::string_view rest = *text;
    const std::optional<double> count = ConsumeCount(&rest);
    if (!count.has_value()) break;
    if (!absl::ConsumePrefix(&rest, designator.name)) continue;
    *seconds += *count * designator.seconds;
    *text = rest;
    any = true;
  }
  return any;
}

std::optional<double> ParseSeconds(absl::string_view text) {
  double seconds = 0;
  if (absl::ConsumePrefix(&text, "P")) {
    bool any = ConsumeParts(kDesignatorsOfDays, &text, &seconds);
    if (absl::ConsumePrefix(&text, "T")) any = ConsumeParts(kDesignatorsOfTime, &text, &seconds);
    if (!any || !text.empty()) return std::nullopt;
    return seconds;
  }
  const std::optional<double> count = ConsumeCount(&text);
  if (!count.has_value()) return std::nullopt;
  for (const UnitOfTime& unit : kUnits) {
    if (text == unit.name) return *count * unit.seconds;
  }
  return std::nullopt;
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

absl::StatusOr<int64_t> ParseDuration(absl::string_view text) {
  const std::optional<double> seconds = ParseSeconds(text);
  if (!seconds.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text.substr(0, 64), "' is no length of time like 10m, 1.5h or PT1H30M"));
  }
  const double nanoseconds = std::round(*seconds * 1e9);
  if (nanoseconds >= 0x1p63) return absl::OutOfRangeError("a duration of more than 292 years");
  return static_cast<int64_t>(nanoseconds);
}

}  // namespace twin
