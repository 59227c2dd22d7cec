#include "models/dtdl/primitives.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <regex>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace twin::dtdl {
namespace {

using Predicate = bool (*)(absl::string_view);

void ExpectAll(Predicate is, std::initializer_list<absl::string_view> texts) {
  for (const absl::string_view text : texts) EXPECT_TRUE(is(text)) << '"' << text << '"';
}
void ExpectNone(Predicate is, std::initializer_list<absl::string_view> texts) {
  for (const absl::string_view text : texts) EXPECT_FALSE(is(text)) << '"' << text << '"';
}

TEST(Date, IsADayThatExists) {
  ExpectAll(IsDate, {"0001-01-01", "9999-12-31", "2026-03-31", "2024-02-29", "2000-02-29",
                     "2026-04-30", "2026-02-28"});
  ExpectNone(IsDate, {"",
                      "0000-01-01",
                      "2026-00-01",
                      "2026-13-01",
                      "2026-01-00",
                      "2026-01-32",
                      "2026-04-31",
                      "2026-02-29",
                      "1900-02-29",
                      "2100-02-29",
                      "2024-02-30",
                      "2026-3-31",
                      "26-03-31",
                      "02026-03-31",
                      "2026/03/31",
                      "2026-03-31Z",
                      " 2026-03-31",
                      "2026-03-31 ",
                      "20260331",
                      "2026-03",
                      "-2026-03-31",
                      "+2026-03-31",
                      "2026-03-31T00:00:00Z",
                      "2026-0３-31"});
}

// Every day of four centuries, counted in another way.
TEST(Date, AgreesWithTheCalendar) {
  const auto leap = [](int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); };
  int days = 0;
  for (int year = 1800; year < 2200; ++year) {
    int in_year = 0;
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= 31; ++day) {
        in_year += IsDate(absl::StrFormat("%04d-%02d-%02d", year, month, day)) ? 1 : 0;
      }
    }
    EXPECT_EQ(in_year, leap(year) ? 366 : 365) << year;
    days += in_year;
  }
  EXPECT_EQ(days, 146097);
}

TEST(Time, HasAnOffset) {
  ExpectAll(IsTime, {"00:00:00Z", "23:59:59Z", "12:00:00+01:00", "12:00:00-23:59", "12:00:00.5Z",
                     "12:00:00.123456789012345678901Z", "12:00:00+00:00", "12:00:00-00:00"});
  ExpectNone(IsTime, {"",
                      "12:00:00",
                      "12:00Z",
                      "24:00:00Z",
                      "23:60:00Z",
                      "23:59:60Z",
                      "12:00:00z",
                      "12:00:00.Z",
                      "12:00:00,5Z",
                      "1:00:00Z",
                      "12:0:00Z",
                      "12:00:00+1:00",
                      "12:00:00+0100",
                      "12:00:00+24:00",
                      "12:00:00+01:60",
                      "12:00:00+",
                      "12:00:00+01",
                      "12:00:00Z ",
                      " 12:00:00Z",
                      "T12:00:00Z",
                      "12:00:00+01:00:00",
                      "12:00:00ZZ",
                      "-12:00:00Z",
                      "12.5:00:00Z"});
}

TEST(DateTime, IsADateAndATime) {
  ExpectAll(IsDateTime, {"2026-03-31T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z",
                         "2024-02-29T23:59:59-11:30"});
  ExpectNone(IsDateTime,
             {"", "2026-03-31", "2026-03-31 12:00:00Z", "2026-03-31t12:00:00Z",
              "2026-03-31T12:00:00", "2026-03-31T12:00Z", "2026-02-29T12:00:00Z",
              "2026-03-31T24:00:00Z", "T12:00:00Z", "2026-03-31T", "2026-03-31T12:00:00ZZ",
              "2026-03-31T12:00:60Z", "0000-03-31T12:00:00Z", "2026-03-31TT12:00:00Z"});
}

TEST(Duration, IsIso8601) {
  ExpectAll(IsDuration, {"P1Y",    "P1M",           "P1D",
                         "P1W",    "PT1H",          "PT1M",
                         "PT1S",   "P1Y2M3D",       "P1Y2M3DT4H5M6S",
                         "PT0S",   "P0D",           "PT1.5S",
                         "P1.5D",  "PT1.5H",        "P0.5Y",
                         "P1W2D",  "P1WT1H",        "P1DT12H",
                         "PT36H",  "P99999999999Y", "PT1H30M",
                         "PT1H1S", "P1Y1D",         "P1YT1S",
                         "P01D",   "PT0.000001S",   "P1W2DT3H"});
  ExpectNone(IsDuration, {"",         "P",        "PT",      "P1",     "1D",    "P1DT",  "P1S",
                          "PT1D",     "PT1Y",     "P1H",     "-P1D",   "+P1D",  "p1d",   "P1d",
                          "P 1D",     "P1D ",     "P-1D",    "P1.D",   "P.5D",  "P1,5D", "P1.5D1H",
                          "P1.5DT1H", "P1M1Y",    "PT1S1M",  "PT1S1S", "P1D1D", "P1YT",  "P1W1W",
                          "P1Y1W",    "P1M1W",    "P1Y2M1W", "PT1H1H", "P1DT1", "T1H",   "PTT1H",
                          "P1.5Y1M",  "PT1.5M1S", "P1D2",    "PY",     "PTS",   "P1YM"});
}

TEST(Decimal, IsXsdDecimal) {
  ExpectAll(IsDecimal, {"0", "1", "-1", "+1", "10", "0.5", "-0.5", "+0.0", "1.", "0.", "1.50", "-0",
                        "123456789012345678901234567890.123456789012345678901234567890"});
  ExpectNone(IsDecimal,
             {"",    "+",  "-",  ".",   ".5",  "00",  "01",  "-01", "1e5", "1E5",  "1.5.2",
              "1,5", "1 ", " 1", "--1", "+-1", "0x1", "NaN", "INF", "1_0", "1.-5", "1.5e2"});
}

TEST(Base64, IsPadded) {
  ExpectAll(IsBase64, {"", "AAAA", "AAA=", "AA==", "abcd", "ab/+", "SGVsbG8=", "AAAABBBBCC=="});
  ExpectNone(IsBase64, {"A",        "AA",    "AAA",    "AAAAA", "A===",   "====",
                        "=",        "==",    "=AAA",   "A=AA",  "AA=A",   "AAA-",
                        "AAA_",     "AAA ",  "AA A",   "AAAA=", "AAAA==", "AA==AAAA",
                        "AAA=AAAA", "AAA\n", "AAAA\n", "ÄAA",   "AAA*"});
}

TEST(Uuid, HasFiveGroupsOfHexDigits) {
  ExpectAll(IsUuid,
            {"00000000-0000-0000-0000-000000000000", "123e4567-e89b-12d3-a456-426614174000",
             "123E4567-E89B-12D3-A456-426614174000", "FFFFFFFF-ffff-FFFF-ffff-FFFFFFFFFFFF"});
  ExpectNone(
      IsUuid,
      {"", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400",
       "123e4567-e89b-12d3-a456-4266141740000", "g23e4567-e89b-12d3-a456-426614174000",
       "{123e4567-e89b-12d3-a456-426614174000}", "123e4567-e89b-12d3-a456_426614174000",
       "123e4567-e89b-12d3a-456-426614174000", "123e4567 e89b 12d3 a456 426614174000",
       "urn:uuid:123e4567-e89b-12d3-a456-426614174000", "-23e4567-e89b-12d3-a456-426614174000"});
}

// --- Exhaustively, against regular expressions
// ----------------------------------------------------

// Calls `visit` with every text of up to `length` characters of `alphabet`.
template <typename Visit>
void ForEachText(absl::string_view alphabet, size_t length, Visit visit, std::string text = "") {
  visit(text);
  if (text.size() == length) return;
  for (const char c : alphabet) ForEachText(alphabet, length, visit, text + c);
}

TEST(Decimal, AgreesWithItsRegularExpression) {
  const std::regex decimal("[+-]?(0|[1-9][0-9]*)(\\.[0-9]*)?");
  ForEachText("+-01.e", 6, [&](const std::string& text) {
    EXPECT_EQ(IsDecimal(text), std::regex_match(text, decimal)) << text;
  });
}

TEST(Base64, AgreesWithItsRegularExpression) {
  const std::regex base64("([A/]{4})*([A/]{2}==|[A/]{3}=)?");
  ForEachText("A/=-", 8, [&](const std::string& text) {
    EXPECT_EQ(IsBase64(text), std::regex_match(text, base64)) << text;
  });
}

// The last number may have a fraction; without it the text is a duration of whole numbers.
TEST(Duration, AgreesWithItsRegularExpression) {
  const std::regex whole(
      "P(?!$)(([0-9]+Y)?([0-9]+M)?|([0-9]+W)?)([0-9]+D)?(T(?!$)([0-9]+H)?([0-9]+M)?([0-9]+S)?)?");
  const std::regex fraction("([0-9])\\.[0-9]+([A-Z])$");
  ForEachText("1.YMWDTHS", 5, [&](const std::string& text) {
    const std::string duration = "P" + text;
    const std::string without = std::regex_replace(duration, fraction, "$1$2");
    EXPECT_EQ(IsDuration(duration), std::regex_match(without, whole)) << duration;
  });
}

// --- Numbers -------------------------------------------------------------------------------------

struct IntegerType {
  Class schema;
  const char* least;
  const char* below;
  const char* greatest;
  const char* above;
};

TEST(Integers, FitTheirBits) {
  const IntegerType types[] = {
      {Class::kByte, "-128", "-129", "127", "128"},
      {Class::kShort, "-32768", "-32769", "32767", "32768"},
      {Class::kInteger, "-2147483648", "-2147483649", "2147483647", "2147483648"},
      {Class::kLong, "-9223372036854775808", "-9223372036854775809", "9223372036854775807",
       "9223372036854775808"},
      {Class::kUnsignedByte, "0", "-1", "255", "256"},
      {Class::kUnsignedShort, "0", "-1", "65535", "65536"},
      {Class::kUnsignedInteger, "0", "-1", "4294967295", "4294967296"},
      {Class::kUnsignedLong, "0", "-1", "18446744073709551615", "18446744073709551616"},
  };
  for (const IntegerType& type : types) {
    SCOPED_TRACE(ClassName(type.schema));
    EXPECT_TRUE(IsNumberOf(type.schema, type.least));
    EXPECT_FALSE(IsNumberOf(type.schema, type.below));
    EXPECT_TRUE(IsNumberOf(type.schema, type.greatest));
    EXPECT_FALSE(IsNumberOf(type.schema, type.above));
    EXPECT_TRUE(IsNumberOf(type.schema, "0"));
    // As written: neither point nor exponent, whatever they come to.
    for (const char* token : {"3.0", "0.0", "1e2", "1E2", "100e-2", "0e0", "1.5"}) {
      EXPECT_FALSE(IsNumberOf(type.schema, token)) << token;
    }
    for (const char* token :
         {"1e400", "99999999999999999999999999", "-99999999999999999999999999"}) {
      EXPECT_FALSE(IsNumberOf(type.schema, token)) << token;
    }
    // -0 is zero; but unsigned types take no sign.
    const bool is_signed = *type.least == '-';
    EXPECT_EQ(IsNumberOf(type.schema, "-0"), is_signed);
  }
}

TEST(Floats, AreFinite) {
  for (const Class schema : {Class::kFloat, Class::kDouble}) {
    SCOPED_TRACE(ClassName(schema));
    for (const char* token :
         {"0", "-0", "-0.0", "3", "3.0", "1e5", "-1.5E-3", "3.402823E+38", "-3.402823E+38", "1e-45",
          "1e-400", "0e400", "0.1000000000000000055511151231257827021181583404541015625"}) {
      EXPECT_TRUE(IsNumberOf(schema, token)) << token;
    }
    for (const char* token : {"1e400", "-1e400", "1.79769313486233E+308", "1e309"}) {
      EXPECT_FALSE(IsNumberOf(schema, token)) << token;
    }
  }
  EXPECT_FALSE(IsNumberOf(Class::kFloat, "3.402824E+38"));
  EXPECT_FALSE(IsNumberOf(Class::kFloat, "-3.402824E+38"));
  EXPECT_TRUE(IsNumberOf(Class::kDouble, "3.402824E+38"));
  EXPECT_TRUE(IsNumberOf(Class::kDouble, "1.79769313486231E+308"));
  EXPECT_FALSE(IsNumberOf(Class::kDouble, "1.79769313486233E+308"));
}

// What does not fit is only what is no number of the schema: strings and such are for values.h.
TEST(Numbers, AreOfNumericSchemasOnly) {
  for (const Class schema :
       {Class::kBoolean, Class::kString, Class::kDecimal, Class::kDate, Class::kDuration,
        Class::kUuid, Class::kBytes, Class::kObject, Class::kInterface, Class::kNone}) {
    EXPECT_FALSE(IsNumberOf(schema, "1")) << ClassName(schema);
  }
}

}  // namespace
}  // namespace twin::dtdl
