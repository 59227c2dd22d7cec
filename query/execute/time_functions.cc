// TIME_BUCKET and DATE_PART.
#include <algorithm>
#include <limits>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "query/ast/error.h"
#include "query/execute/functions.h"
#include "query/execute/history_window.h"
#include "query/execute/kernels.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"

namespace twin::query {
namespace {

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

absl::Status OutOfTime(const BoundExpr& expr) {
  return ErrorAt(expr.span, "the time is outside of the years 1678 to 2261",
                 absl::StatusCode::kOutOfRange);
}

// A zone of the IANA database; none: UTC.
absl::Status FindZone(const BoundExpr& expr, const Item& item, absl::TimeZone* zone) {
  if (item.kind != Value::Kind::kString || !absl::LoadTimeZone(std::string(item.text), zone)) {
    return ErrorAt(expr.span, absl::StrCat("unknown time zone '", item.text,
                                           "': a name like 'Europe/Berlin' is meant"));
  }
  return absl::OkStatus();
}

// The start of the step of `step` ns that holds `ns`; whole weeks start on Mondays.
bool BucketStart(int64_t ns, int64_t step, int64_t* start) {
  const int64_t origin = step % kNsPerWeek == 0 ? kMondayNs : 0;
  int64_t shifted;
  int64_t floor;
  return !__builtin_sub_overflow(ns, origin, &shifted) &&
         !__builtin_mul_overflow(FloorDivide(shifted, step), step, &floor) &&
         !__builtin_add_overflow(floor, origin, start);
}

void BucketColumn(const int64_t* times, size_t rows, int64_t step, int64_t* out, bool* good) {
  const int64_t origin = step % kNsPerWeek == 0 ? kMondayNs : 0;
  // Rows of a batch often share their bucket, and a comparison is much cheaper than a division.
  int64_t start = 0;
  int64_t end = 0;
  for (size_t i = 0; i < rows; ++i) {
    if (times[i] < start || times[i] >= end) {
      if (!BucketStart(times[i], step, &start) || __builtin_add_overflow(start, step, &end)) {
        *good = false;
        start = end = origin;
      }
    }
    out[i] = start;
  }
}

enum class CivilUnit { kNone, kSecond, kMinute, kHour, kDay, kWeek, kMonth, kQuarter, kYear };

CivilUnit FindUnit(absl::string_view name) {
  static constexpr struct {
    absl::string_view name;
    CivilUnit unit;
  } kUnits[] = {{"second", CivilUnit::kSecond},   {"minute", CivilUnit::kMinute},
                {"hour", CivilUnit::kHour},       {"day", CivilUnit::kDay},
                {"week", CivilUnit::kWeek},       {"month", CivilUnit::kMonth},
                {"quarter", CivilUnit::kQuarter}, {"year", CivilUnit::kYear}};
  const std::string lower = absl::AsciiStrToLower(name);
  for (const auto& unit : kUnits) {
    if (unit.name == lower) return unit.unit;
  }
  return CivilUnit::kNone;
}

absl::CivilDay MondayOf(absl::CivilDay day) {
  return absl::PrevWeekday(day + 1, absl::Weekday::monday);
}

int FirstMonthOfQuarter(int month) { return (month - 1) / 3 * 3 + 1; }

// A civil unit's start and end around a time.
struct Bucket {
  absl::Time start = absl::InfiniteFuture();
  absl::Time end = absl::InfinitePast();
};

Bucket CivilBucket(absl::Time time, CivilUnit unit, const absl::TimeZone& zone) {
  const absl::CivilSecond second = absl::ToCivilSecond(time, zone);
  const auto at = [&zone](auto civil) { return absl::FromCivil(absl::CivilSecond(civil), zone); };
  switch (unit) {
    case CivilUnit::kNone:
      break;
    case CivilUnit::kSecond:
    case CivilUnit::kMinute:
    case CivilUnit::kHour: {
      // By the offset that holds at `time`: the two hours of which one is repeated stay apart.
      const absl::Duration offset = absl::Seconds(zone.At(time).offset);
      const absl::Duration step = unit == CivilUnit::kSecond   ? absl::Seconds(1)
                                  : unit == CivilUnit::kMinute ? absl::Minutes(1)
                                                               : absl::Hours(1);
      const absl::Duration local = time - absl::UnixEpoch() + offset;
      const absl::Time start = absl::UnixEpoch() + absl::Floor(local, step) - offset;
      // The offset may change in between.
      absl::TimeZone::CivilTransition transition;
      absl::Time end = start + step;
      if (zone.NextTransition(time, &transition)) {
        end = std::min(end, absl::FromCivil(transition.to, zone));
      }
      return {start, std::max(end, time + absl::Nanoseconds(1))};
    }
    case CivilUnit::kDay:
      return {at(absl::CivilDay(second)), at(absl::CivilDay(second) + 1)};
    case CivilUnit::kWeek: {
      const absl::CivilDay monday = MondayOf(absl::CivilDay(second));
      return {at(monday), at(monday + 7)};
    }
    case CivilUnit::kMonth:
      return {at(absl::CivilMonth(second)), at(absl::CivilMonth(second) + 1)};
    case CivilUnit::kQuarter: {
      const absl::CivilMonth month(second.year(), FirstMonthOfQuarter(second.month()));
      return {at(month), at(month + 3)};
    }
    case CivilUnit::kYear:
      return {at(absl::CivilYear(second)), at(absl::CivilYear(second) + 1)};
  }
  return {};
}

// Steps of a duration in local time: midnight is midnight on both sides of a change of the clocks.
Bucket LocalStep(absl::Time time, int64_t step, const absl::TimeZone& zone, bool* good) {
  const absl::CivilSecond epoch(1970, 1, 1);
  const absl::TimeZone::CivilInfo civil = zone.At(time);
  const int64_t local =
      (civil.cs - epoch) * kNsPerSecond + absl::ToInt64Nanoseconds(civil.subsecond);
  int64_t start = 0, end = 0;
  *good &= BucketStart(local, step, &start) && !__builtin_add_overflow(start, step, &end);
  const auto at = [&](int64_t ns) {
    const int64_t second = FloorDivide(ns, kNsPerSecond);
    return absl::FromCivil(epoch + second, zone) + absl::Nanoseconds(ns - second * kNsPerSecond);
  };
  return {at(start), at(end)};
}

bool ToNs(absl::Time time, int64_t* ns) {
  *ns = absl::ToUnixNanos(time);
  return absl::FromUnixNanos(*ns) == time;
}

// What DATE_PART may ask for.
enum class Part {
  kNone,
  kYear,
  kQuarter,
  kMonth,
  kWeek,
  kDay,
  kDayOfYear,
  kDayOfWeek,
  kIsoDayOfWeek,
  kHour,
  kMinute,
  kSecond,
  kMillisecond,
  kMicrosecond,
  kNanosecond,
  kEpoch
};

Part FindPart(absl::string_view name) {
  static constexpr struct {
    absl::string_view name;
    Part part;
  } kParts[] = {{"year", Part::kYear},
                {"quarter", Part::kQuarter},
                {"month", Part::kMonth},
                {"week", Part::kWeek},
                {"day", Part::kDay},
                {"doy", Part::kDayOfYear},
                {"dayofyear", Part::kDayOfYear},
                {"dow", Part::kDayOfWeek},
                {"dayofweek", Part::kDayOfWeek},
                {"weekday", Part::kDayOfWeek},
                {"isodow", Part::kIsoDayOfWeek},
                {"hour", Part::kHour},
                {"minute", Part::kMinute},
                {"second", Part::kSecond},
                {"millisecond", Part::kMillisecond},
                {"microsecond", Part::kMicrosecond},
                {"nanosecond", Part::kNanosecond},
                {"epoch", Part::kEpoch}};
  const std::string lower = absl::AsciiStrToLower(name);
  for (const auto& part : kParts) {
    if (part.name == lower) return part.part;
  }
  return Part::kNone;
}

// ISO 8601: the week belongs to the year that has its Thursday.
int64_t IsoWeek(absl::CivilDay day) { return (absl::GetYearDay(MondayOf(day) + 3) - 1) / 7 + 1; }

int64_t IsoDayOfWeek(absl::CivilDay day) { return day - MondayOf(day) + 1; }

int64_t PartOf(Part part, const absl::TimeZone::CivilInfo& civil) {
  const absl::CivilDay day(civil.cs);
  switch (part) {
    case Part::kYear:
      return civil.cs.year();
    case Part::kQuarter:
      return (civil.cs.month() - 1) / 3 + 1;
    case Part::kMonth:
      return civil.cs.month();
    case Part::kWeek:
      return IsoWeek(day);
    case Part::kDay:
      return civil.cs.day();
    case Part::kDayOfYear:
      return absl::GetYearDay(day);
    case Part::kDayOfWeek:
      return IsoDayOfWeek(day) % 7;
    case Part::kIsoDayOfWeek:
      return IsoDayOfWeek(day);
    case Part::kHour:
      return civil.cs.hour();
    case Part::kMinute:
      return civil.cs.minute();
    case Part::kSecond:
      return civil.cs.second();
    case Part::kMillisecond:
      return absl::ToInt64Milliseconds(civil.subsecond);
    case Part::kMicrosecond:
      return absl::ToInt64Microseconds(civil.subsecond);
    case Part::kNanosecond:
      return absl::ToInt64Nanoseconds(civil.subsecond);
    default:
      return 0;
  }
}

// The zone and name of a row, looked up again where they differ from the last row's.
class ZoneOfRow {
 public:
  ZoneOfRow(const BoundExpr& expr, const Operand* operand) : expr_(expr), operand_(operand) {}
  absl::Status Find(size_t row) {
    if (operand_ == nullptr) return absl::OkStatus();
    const Item item = operand_->ItemOfRow(row);
    if (found_ && item.text == name_) return absl::OkStatus();
    TWIN_RETURN_IF_ERROR(FindZone(expr_, item, &zone_));
    name_ = item.text;
    found_ = true;
    return absl::OkStatus();
  }
  const absl::TimeZone& zone() const { return zone_; }

 private:
  const BoundExpr& expr_;
  const Operand* operand_;
  absl::TimeZone zone_ = absl::UTCTimeZone();
  absl::string_view name_;
  bool found_ = false;
};

enum class Edge { kStart, kEnd };

absl::Status BucketRows(const BoundExpr& expr, Operands operands, size_t rows, Edge edge,
                        Vector* out) {
  ZoneOfRow zone(expr, operands.size() > 2 ? &operands[2] : nullptr);
  absl::string_view unit_name;
  absl::string_view zone_name;
  CivilUnit unit = CivilUnit::kNone;
  int64_t text_length = 0;  // where the text is no unit
  int64_t bucket_step = 0;
  Bucket bucket;
  bool good = true;
  for (size_t i = 0; i < rows; ++i) {
    if (out->IsNull(i)) continue;
    const Item step = operands[0].ItemOfRow(i);
    const Item time_item = operands[1].ItemOfRow(i);
    if (time_item.kind != Value::Kind::kTime) {
      out->SetNull(i);
      continue;
    }
    TWIN_RETURN_IF_ERROR(zone.Find(i));
    const absl::Time time = absl::FromUnixNanos(time_item.integer);
    if (step.kind == Value::Kind::kString) {
      const absl::string_view name =
          operands.size() > 2 ? operands[2].ItemOfRow(i).text : absl::string_view();
      if (step.text != unit_name || name != zone_name) {
        unit = FindUnit(step.text);
        text_length = unit == CivilUnit::kNone ? ParseDuration(step.text).value_or(0) : 0;
        unit_name = step.text;
        zone_name = name;
        bucket = Bucket();
        bucket_step = 0;
      }
      if (unit == CivilUnit::kNone && text_length <= 0) {
        return ErrorAt(
            expr.span,
            absl::StrCat("unknown unit '", step.text,
                         "' of TIME_BUCKET; there are second, minute, hour, day, week, month, "
                         "quarter and year, and lengths of time such as 10m"));
      }
    }
    const int64_t length = step.kind == Value::Kind::kString ? text_length
                           : step.kind == Value::Kind::kInt  ? step.integer
                                                             : 0;
    if (step.kind == Value::Kind::kString && unit != CivilUnit::kNone) {
      if (time < bucket.start || time >= bucket.end) {
        bucket = CivilBucket(time, unit, zone.zone());
      }
    } else if (length > 0) {
      // Only in UTC are times between a bucket's start and its end always in it.
      if (operands.size() > 2 || length != bucket_step || time < bucket.start ||
          time >= bucket.end) {
        bucket = LocalStep(time, length, zone.zone(), &good);
        bucket_step = length;
      }
    } else {
      out->SetNull(i);
      continue;
    }
    good &= ToNs(edge == Edge::kStart ? bucket.start : bucket.end, &out->ints[i]);
  }
  return good ? absl::OkStatus() : OutOfTime(expr);
}

}  // namespace

absl::Status TimeBucket(const BoundExpr& expr, Operands operands, size_t rows, Vector* out) {
  if (!ResetStrict({&operands[0], &operands[1], &operands.back()}, TypeKind::kTime, rows, out)) {
    return absl::OkStatus();
  }
  const Operand& step = operands[0];
  const Operand& times = operands[1];
  const bool plain = operands.size() == 2 && step.constant() &&
                     step.vector().kind == TypeKind::kDuration && step.vector().ints[0] > 0 &&
                     times.vector().kind == TypeKind::kTime && !times.constant();
  if (!plain || !out->nulls.empty()) {
    return BucketRows(expr, operands, rows, Edge::kStart, out);
  }
  bool good = true;
  BucketColumn(times.vector().ints.data(), rows, step.vector().ints[0], out->ints.data(), &good);
  return good ? absl::OkStatus() : OutOfTime(expr);
}

absl::Status TimeBucketEnds(const BoundExpr& expr, const EvaluateContext& context, Batch* batch,
                            Vector* ends) {
  std::vector<Operand> operands;
  const Frame frame{context, batch, nullptr, batch->rows};
  TWIN_RETURN_IF_ERROR(EvalOperands(expr, frame, 0, &operands));
  if (!ResetStrict({&operands[0], &operands[1], &operands.back()}, TypeKind::kTime, batch->rows,
                   ends)) {
    return absl::OkStatus();
  }
  return BucketRows(expr, absl::MakeSpan(operands), batch->rows, Edge::kEnd, ends);
}

absl::Status DatePart(const BoundExpr& expr, Operands operands, size_t rows, Vector* out) {
  if (!ResetStrict({&operands[0], &operands[1], &operands.back()}, expr.type.kind, rows, out)) {
    return absl::OkStatus();
  }
  ZoneOfRow zone(expr, operands.size() > 2 ? &operands[2] : nullptr);
  Part part = Part::kNone;
  absl::string_view part_name;
  for (size_t i = 0; i < rows; ++i) {
    if (out->IsNull(i)) continue;
    const Item name = operands[0].ItemOfRow(i);
    const Item time = operands[1].ItemOfRow(i);
    if (time.kind != Value::Kind::kTime) {
      out->SetNull(i);
      continue;
    }
    if (part == Part::kNone || name.text != part_name) {
      part = FindPart(name.text);
      part_name = name.text;
    }
    if (part == Part::kNone) {
      return ErrorAt(expr.span,
                     absl::StrCat("unknown part '", name.text,
                                  "' of DATE_PART; there are year, quarter, month, week, day, doy, "
                                  "dow, isodow, hour, minute, second, millisecond, microsecond, "
                                  "nanosecond and epoch"));
    }
    TWIN_RETURN_IF_ERROR(zone.Find(i));
    Item result;
    result.kind = Value::Kind::kInt;
    if (part == Part::kEpoch) {
      // Seconds: whole ones where the result is an integer.
      if (out->kind == TypeKind::kInt) {
        result.integer = FloorDivide(time.integer, kNsPerSecond);
      } else {
        result.kind = Value::Kind::kDouble;
        result.number = static_cast<double>(time.integer) / kNsPerSecond;
      }
    } else {
      result.integer = PartOf(part, zone.zone().At(absl::FromUnixNanos(time.integer)));
    }
    SetItem(result, i, out);
  }
  return absl::OkStatus();
}

}  // namespace twin::query
