// TIME_BUCKET and DATE_PART.
#include <gtest/gtest.h>

#include "query/execute/evaluate.h"
#include "query/execute/evaluate_testing.h"

namespace twin::query {
namespace {

using namespace twin::query::testing;  // NOLINT(google-build-using-namespace)
using enum TypeKind;
using F = Function;

constexpr int64_t kMinute = 60 * kNsPerSecond;
constexpr int64_t kDay = 24 * 60 * kMinute;

std::string Answer(const BoundPtr& expr, const std::vector<absl::string_view>& times) {
  std::vector<int64_t> ns;
  for (const absl::string_view time : times) ns.push_back(At(time).ns);
  Batch batch = BatchOf({IntVector(ns, kTime)});
  Vector out;
  const EvaluateContext context;
  const absl::Status status = Evaluate(*expr, context, &batch, &out);
  return status.ok() ? Text(out) : std::string(status.message());
}

std::string Bucket(int64_t step, absl::string_view time) {
  return Answer(Call(F::kTimeBucket, kTime, Duration(step), SlotOf(0, kTime)), {time});
}
std::string Bucket(absl::string_view unit, absl::string_view zone, absl::string_view time) {
  return Answer(Call(F::kTimeBucket, kTime, Str(unit), SlotOf(0, kTime), Str(zone)), {time});
}

TEST(TimeBucketTest, StepsAlignTo1970) {
  EXPECT_EQ(Bucket(10 * kMinute, "2026-03-01T08:39:59.9Z"), "\"2026-03-01T08:30:00Z\"");
  EXPECT_EQ(Bucket(kDay, "1969-12-31T23:59:59Z"), "\"1969-12-31T00:00:00Z\"");
  EXPECT_EQ(Bucket(kDay, "1969-12-31T00:00:00Z"), "\"1969-12-31T00:00:00Z\"");
  EXPECT_EQ(Answer(Call(F::kTimeBucket, kTime, Duration(kMinute), SlotOf(0, kTime)),
                   {"2026-03-01T00:00:59Z", "2026-03-01T00:01:00Z", "2026-03-01T00:00:10Z"}),
            "\"2026-03-01T00:00:00Z\", \"2026-03-01T00:01:00Z\", \"2026-03-01T00:00:00Z\"");
}

TEST(TimeBucketTest, WeeksStartOnMonday) {
  EXPECT_EQ(Bucket(7 * kDay, "2026-03-01T00:00:00Z"), "\"2026-02-23T00:00:00Z\"");  // a Sunday
  EXPECT_EQ(Bucket(7 * kDay, "2026-03-02T00:00:00Z"), "\"2026-03-02T00:00:00Z\"");
  EXPECT_EQ(Bucket(7 * kDay, "1960-01-01T00:00:00Z"), "\"1959-12-28T00:00:00Z\"");
  EXPECT_EQ(Bucket("week", "UTC", "2026-03-01T12:00:00Z"), "\"2026-02-23T00:00:00Z\"");
}

TEST(TimeBucketTest, NullAndImpossibleSteps) {
  EXPECT_EQ(Bucket(0, "2026-03-01T00:00:00Z"), "null");
  EXPECT_EQ(Answer(Call(F::kTimeBucket, kTime, Duration(kDay), Null()), {"2026-03-01T00:00:00Z"}),
            "null");
  EXPECT_EQ(Bucket("fortnight", "UTC", "2026-03-01T00:00:00Z").substr(0, 29),
            "1:5 unknown unit 'fortnight' ");
  EXPECT_EQ(Bucket("day", "Europe/Nowhere", "2026-03-01T00:00:00Z").substr(0, 37),
            "1:5 unknown time zone 'Europe/Nowhere");
}

TEST(TimeBucketTest, CalendarUnitsInAZone) {
  const absl::string_view time = "2026-08-15T22:30:00Z";  // 00:30 on the 16th in Berlin
  EXPECT_EQ(Bucket("day", "Europe/Berlin", time), "\"2026-08-15T22:00:00Z\"");
  EXPECT_EQ(Bucket("month", "Europe/Berlin", time), "\"2026-07-31T22:00:00Z\"");
  EXPECT_EQ(Bucket("quarter", "Europe/Berlin", time), "\"2026-06-30T22:00:00Z\"");
  EXPECT_EQ(Bucket("YEAR", "Europe/Berlin", time), "\"2025-12-31T23:00:00Z\"");
  EXPECT_EQ(Bucket("hour", "Asia/Kolkata", "2026-01-01T00:10:00Z"), "\"2025-12-31T23:30:00Z\"");
  EXPECT_EQ(Bucket("minute", "Europe/Berlin", "2026-01-01T00:10:59Z"), "\"2026-01-01T00:10:00Z\"");
  EXPECT_EQ(Answer(Call(F::kTimeBucket, kTime, Str("month"), SlotOf(0, kTime)),
                   {"2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z"}),
            "\"2026-02-01T00:00:00Z\", \"2026-03-01T00:00:00Z\", \"2026-02-01T00:00:00Z\"");
}

TEST(TimeBucketTest, ChangesOfTheClocks) {
  // 2026-10-25 in Berlin: 02:00 to 03:00 comes twice, and the two hours stay apart.
  EXPECT_EQ(Bucket("hour", "Europe/Berlin", "2026-10-25T00:30:00Z"), "\"2026-10-25T00:00:00Z\"");
  EXPECT_EQ(Bucket("hour", "Europe/Berlin", "2026-10-25T01:30:00Z"), "\"2026-10-25T01:00:00Z\"");
  EXPECT_EQ(Bucket("day", "Europe/Berlin", "2026-10-25T22:59:00Z"), "\"2026-10-24T22:00:00Z\"");
  EXPECT_EQ(Bucket("day", "Europe/Berlin", "2026-10-25T23:00:00Z"), "\"2026-10-25T23:00:00Z\"");
  // Steps of a day in a zone start at its midnights.
  EXPECT_EQ(
      Answer(Call(F::kTimeBucket, kTime, Duration(kDay), SlotOf(0, kTime), Str("Europe/Berlin")),
             {"2026-10-25T12:00:00Z", "2026-10-26T12:00:00Z"}),
      "\"2026-10-24T22:00:00Z\", \"2026-10-25T23:00:00Z\"");
}

std::string Part(absl::string_view part, absl::string_view time, absl::string_view zone = "UTC") {
  return Answer(Call(F::kDatePart, kInt, Str(part), SlotOf(0, kTime), Str(zone)), {time});
}

TEST(DatePartTest, Parts) {
  const absl::string_view time = "2026-03-01T08:30:15.123456789Z";  // a Sunday
  const std::pair<absl::string_view, absl::string_view> expected[] = {{"year", "2026"},
                                                                      {"quarter", "1"},
                                                                      {"month", "3"},
                                                                      {"week", "9"},
                                                                      {"day", "1"},
                                                                      {"doy", "60"},
                                                                      {"dayofyear", "60"},
                                                                      {"dow", "0"},
                                                                      {"dayofweek", "0"},
                                                                      {"weekday", "0"},
                                                                      {"isodow", "7"},
                                                                      {"hour", "8"},
                                                                      {"minute", "30"},
                                                                      {"second", "15"},
                                                                      {"millisecond", "123"},
                                                                      {"microsecond", "123456"},
                                                                      {"nanosecond", "123456789"},
                                                                      {"EPOCH", "1772353815"}};
  for (const auto& [part, value] : expected) EXPECT_EQ(Part(part, time), value) << part;
  EXPECT_EQ(Answer(Call(F::kDatePart, kDouble, Str("epoch"), SlotOf(0, kTime)),
                   {"1970-01-01T00:00:01.5Z"}),
            "1.5");
  EXPECT_EQ(Part("century", time).substr(0, 27), "1:5 unknown part 'century' ");
}

TEST(DatePartTest, IsoWeeksAtTheTurnOfTheYear) {
  EXPECT_EQ(Part("week", "2026-01-01T00:00:00Z"), "1");
  EXPECT_EQ(Part("week", "2027-01-01T00:00:00Z"), "53");
  EXPECT_EQ(Part("week", "2024-12-30T00:00:00Z"), "1");
}

TEST(DatePartTest, InAZone) {
  EXPECT_EQ(Part("hour", "2026-08-15T22:30:00Z", "Europe/Berlin"), "0");
  EXPECT_EQ(Part("day", "2026-08-15T22:30:00Z", "Europe/Berlin"), "16");
}

}  // namespace
}  // namespace twin::query
