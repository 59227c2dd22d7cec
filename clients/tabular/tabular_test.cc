#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/tabular/csv.h"
#include "clients/tabular/lines.h"
#include "clients/tabular/values.h"
#include "tests/support/status_matchers.h"

namespace twin::tabular {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::StatusIs;

class FileTest : public ::testing::Test {
 protected:
  ~FileTest() override { std::remove(path_.c_str()); }
  std::string Write(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
    return path_;
  }
  static std::string Gzip(const std::string& text) {
    std::string out(text.size() + 1000, '\0');
    z_stream stream = {};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
  }
  static std::vector<std::string> Lines(LineReader* reader) {
    std::vector<std::string> lines;
    while (reader->Next()) lines.emplace_back(reader->line());
    return lines;
  }

  const std::string path_ =
      absl::StrCat(::testing::TempDir(), "tabular_", getpid(), "_",
                   ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(FileTest, ReadsLines) {
  absl::StatusOr<LineReader> reader = LineReader::Open(Write("a\r\n\nlast"));
  ASSERT_TRUE(reader.ok());
  EXPECT_THAT(Lines(&*reader), ElementsAre("a", "", "last"));
  EXPECT_EQ(reader->number(), 3u);
  EXPECT_TRUE(reader->status().ok());
  EXPECT_THAT(LineReader::Open("/no/such").status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("cannot read '/no/such'")));
}

TEST_F(FileTest, ReadsCompressedLines) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) absl::StrAppend(&text, "line ", i, "\n");
  const std::string compressed = Gzip(text);
  absl::StatusOr<LineReader> reader = LineReader::Open(Write(compressed));
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(Lines(&*reader).size(), 100'000u);
  EXPECT_TRUE(reader->status().ok());
  EXPECT_EQ(reader->Share(), 1);

  reader = LineReader::Open(Write(compressed.substr(0, compressed.size() / 2)));
  ASSERT_TRUE(reader.ok());
  EXPECT_LT(Lines(&*reader).size(), 100'000u);
  EXPECT_THAT(reader->status(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("cut off")));
}

std::vector<std::string> Fields(const CsvReader& csv) {
  std::vector<std::string> fields;
  for (const CsvField& field : csv.fields()) {
    fields.push_back(absl::StrCat(field.quoted ? "q:" : "", field.text));
  }
  return fields;
}

TEST_F(FileTest, ReadsCsv) {
  absl::StatusOr<LineReader> lines =
      LineReader::Open(Write("\xEF\xBB\xBFt,v\n1,\n\n,\"a,\"\"b\"\"\nc\",\"\"\nlast"));
  ASSERT_TRUE(lines.ok());
  CsvReader csv(&*lines);
  ASSERT_TRUE(csv.Next());
  EXPECT_THAT(Fields(csv), ElementsAre("t", "v"));
  ASSERT_TRUE(csv.Next());
  EXPECT_THAT(Fields(csv), ElementsAre("1", ""));
  ASSERT_TRUE(csv.Next());
  EXPECT_THAT(Fields(csv), ElementsAre("", "q:a,\"b\"\nc", "q:"));
  EXPECT_EQ(csv.line(), 4u);
  ASSERT_TRUE(csv.Next());
  EXPECT_THAT(Fields(csv), ElementsAre("last"));
  EXPECT_EQ(csv.line(), 6u);
  EXPECT_FALSE(csv.Next());
  EXPECT_TRUE(csv.status().ok());
}

TEST_F(FileTest, NamesTheLineOfAnOpenQuote) {
  for (const char* wrong : {"a\n\"b\nc", "a\n\"b\"c"}) {
    absl::StatusOr<LineReader> lines = LineReader::Open(Write(wrong));
    ASSERT_TRUE(lines.ok());
    CsvReader csv(&*lines);
    ASSERT_TRUE(csv.Next());
    EXPECT_FALSE(csv.Next());
    EXPECT_THAT(csv.status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(":2: a quote")));
  }
}

TEST_F(FileTest, WritesFieldsThatReadBack) {
  std::string text;
  for (const char* field : {"plain", "a,b", "\"", "two\nlines", "two\r\nlines", "\r", ""}) {
    AppendCsvField(field, *field == '\0', &text);
    text += ',';
  }
  absl::StatusOr<LineReader> lines = LineReader::Open(Write(text));
  ASSERT_TRUE(lines.ok());
  CsvReader csv(&*lines);
  ASSERT_TRUE(csv.Next());
  EXPECT_THAT(Fields(csv), ElementsAre("plain", "q:a,b", "q:\"", "q:two\nlines", "q:two\r\nlines",
                                       "q:\r", "q:", ""));
}

TEST(DecimalTest, IsExact) {
  const auto decimal = [](const char* text) {
    return ParseDecimal(text).value_or(Decimal{-1, -1});
  };
  EXPECT_EQ(decimal("-12.50").mantissa, -1250);
  EXPECT_EQ(decimal("-12.50").digits, 2);
  EXPECT_EQ(ToDouble(decimal("3.688")), 3.688);
  EXPECT_EQ(ToDouble(*Multiply(decimal("3658"), *DecimalOf(0.001))), 3.658);
  EXPECT_EQ(ToDouble(*Add(decimal("25.5"), decimal("-40"))), -14.5);
  EXPECT_EQ(Shortened({1200, 2}).mantissa, 12);
  EXPECT_EQ(MantissaAt(decimal("1.5"), 3), 1500);
  EXPECT_EQ(MantissaAt(decimal("1.5"), 0), std::nullopt);
  EXPECT_EQ(ToDouble({123456789012345678, 18}), 0.123456789012345678);
  for (const char* wrong : {"", "-", ".", "1e5", "nan", "1.2.3", " 1", "1234567890123456789"}) {
    EXPECT_FALSE(ParseDecimal(wrong).has_value()) << wrong;
  }
}

std::string NumberText(double number) {
  std::string text;
  AppendNumber(number, &text);
  return text;
}

TEST(ValuesTest, AreShortest) {
  EXPECT_EQ(NumberText(3.658), "3.658");
  EXPECT_EQ(NumberText(42), "42");
  EXPECT_EQ(NumberText(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(FormatTime(1620177000000000000), "2021-05-05T01:10:00Z");
  EXPECT_EQ(FormatTime(1620177000250000001), "2021-05-05T01:10:00.250000001Z");
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59.999999999Z");
}

TEST(ValuesTest, TimesReadBack) {
  EXPECT_EQ(*ParseTime("2021-05-05T09:10:00.25+08:00"), 1620177000250000000);
  EXPECT_EQ(*ParseTime("1620177000000000000"), 1620177000000000000);
  EXPECT_EQ(*ParseTime(FormatTime(-123456789)), -123456789);
  for (const char* wrong : {"", "now", "2021-05-05", "9999-01-01T00:00:00Z", "-", "1.5"}) {
    EXPECT_THAT(ParseTime(wrong).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_))
        << wrong;
  }
}

}  // namespace
}  // namespace twin::tabular
