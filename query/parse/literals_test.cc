#include "query/parse/literals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace twin::query {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::IsOkAndHolds;
using ::twin::testing::StatusIs;

constexpr Span kSpan = {.offset = 3, .length = 4, .line = 1, .column = 4};
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(Literals, Strings) {
  EXPECT_THAT(ReadString("''", kSpan), IsOkAndHolds(""));
  EXPECT_THAT(ReadString("'Zoë 電池'", kSpan), IsOkAndHolds("Zoë 電池"));
  EXPECT_THAT(ReadString(R"('D\'Souza')", kSpan), IsOkAndHolds("D'Souza"));
  EXPECT_THAT(ReadString(R"("a\"b'c")", kSpan), IsOkAndHolds("a\"b'c"));
  EXPECT_THAT(ReadString(R"('a\\b\/\b\f\n\r\t')", kSpan), IsOkAndHolds("a\\b/\b\f\n\r\t"));
  EXPECT_THAT(ReadString(R"('\u0041\u00e9\u96FB\ud83d\udd0b')", kSpan), IsOkAndHolds("Aé電🔋"));
}

TEST(Literals, StringsThatAreRefused) {
  EXPECT_THAT(ReadString(R"('\q')", kSpan), StatusIs(kInvalid, HasSubstr("1:4 a backslash")));
  for (const absl::string_view bad : {R"('\u12')", R"('\u12g4')", R"('\ud83d')", R"('\ud83dx')",
                                      R"('\ud83d\u0041')", R"('\udd0b')", R"('\u')"}) {
    EXPECT_THAT(ReadString(bad, kSpan), StatusIs(kInvalid, HasSubstr("hexadecimal"))) << bad;
  }
}

TEST(Literals, Durations) {
  EXPECT_THAT(ReadDuration("500ms", kSpan), IsOkAndHolds(500'000'000));
  EXPECT_THAT(ReadDuration("30s", kSpan), IsOkAndHolds(30'000'000'000));
  EXPECT_THAT(ReadDuration("1.5m", kSpan), IsOkAndHolds(90'000'000'000));
  EXPECT_THAT(ReadDuration("1h", kSpan), IsOkAndHolds(3'600'000'000'000));
  EXPECT_THAT(ReadDuration("7d", kSpan), IsOkAndHolds(604'800'000'000'000));
  EXPECT_THAT(ReadDuration("2w", kSpan), IsOkAndHolds(1'209'600'000'000'000));
  EXPECT_THAT(ReadDuration("0s", kSpan), IsOkAndHolds(0));
  EXPECT_THAT(ReadDuration("99999w", kSpan), StatusIs(kInvalid, HasSubstr("292 years")));
  EXPECT_THAT(ReadDuration(std::string(400, '9') + "s", kSpan),
              StatusIs(kInvalid, HasSubstr("292 years")));
}

TEST(Literals, Numbers) {
  Expr expr;
  ASSERT_THAT(ReadNumber("42", kSpan, &expr), IsOk());
  EXPECT_EQ(expr.kind, ExprKind::kInteger);
  EXPECT_EQ(expr.integer, 42);
  ASSERT_THAT(ReadNumber("9223372036854775807", kSpan, &expr), IsOk());
  EXPECT_EQ(expr.integer, INT64_MAX);
  ASSERT_THAT(ReadNumber("18446744073709551615", kSpan, &expr), IsOk());
  EXPECT_EQ(expr.kind, ExprKind::kDouble);
  EXPECT_EQ(expr.number, 0x1p64);
  ASSERT_THAT(ReadNumber("1.5E+2", kSpan, &expr), IsOk());
  EXPECT_EQ(expr.number, 150);
  EXPECT_THAT(ReadNumber("1e999", kSpan, &expr), StatusIs(kInvalid, HasSubstr("no double")));
}

}  // namespace
}  // namespace twin::query
