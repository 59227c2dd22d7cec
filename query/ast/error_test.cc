#include "query/ast/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace twin::query {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::SizeIs;
using ::testing::StartsWith;

// The error of the piece of text, which must be there once.
absl::Status At(absl::string_view text, absl::string_view piece) {
  return ErrorAt({.offset = static_cast<uint32_t>(text.find(piece)),
                  .length = static_cast<uint32_t>(piece.size()),
                  .line = 1,
                  .column = 7},
                 "bad");
}

std::vector<std::string> Lines(absl::string_view text, absl::string_view piece) {
  return absl::StrSplit(WithCaret(At(text, piece), text), '\n');
}

TEST(Error, CarriesTheSpan) {
  const absl::Status status = ErrorAt({.offset = 70, .length = 2, .line = 3, .column = 8}, "bad",
                                      absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "3:8 bad");
  const std::optional<Span> span = SpanOf(status);
  ASSERT_TRUE(span.has_value());
  EXPECT_EQ(span->offset, 70U);
  EXPECT_EQ(span->length, 2U);
  EXPECT_EQ(span->line, 3U);
  EXPECT_EQ(span->column, 8U);
  EXPECT_FALSE(SpanOf(absl::InternalError("1:1 x")).has_value());
  EXPECT_FALSE(SpanOf(absl::OkStatus()).has_value());
}

TEST(Caret, MarksTheSpan) {
  EXPECT_THAT(Lines("SELECT abc FROM x", "abc"),
              ElementsAre("1:7 bad", "SELECT abc FROM x", "       ^^^"));
  EXPECT_THAT(Lines("SELECT", "SELECT"), ElementsAre("1:7 bad", "SELECT", "^^^^^^"));
}

TEST(Caret, WithoutASpanThereIsNone) {
  EXPECT_EQ(WithCaret(absl::InternalError("x"), "SELECT"), "x");
  EXPECT_EQ(WithCaret(ErrorAt({.offset = 99}, "far"), "SELECT"), "1:1 far");
}

TEST(Caret, ShowsTheLine) {
  EXPECT_THAT(Lines("a\nb c\nd", "c"), ElementsAre("1:7 bad", "b c", "  ^"));
  EXPECT_THAT(Lines("a\r\nb c\r\nd", "c\r\nd"), ElementsAre("1:7 bad", "b c ", "  ^^"));
}

TEST(Caret, StandsBehindTheEnd) {
  EXPECT_EQ(WithCaret(ErrorAt({.offset = 3, .line = 1, .column = 4}, "end"), "a b"),
            "1:4 end\na b\n   ^");
  EXPECT_EQ(WithCaret(ErrorAt({}, "empty"), ""), "1:1 empty\n\n^");
  EXPECT_EQ(WithCaret(ErrorAt({.offset = 2, .line = 2}, "end"), "a\n"), "2:1 end\n\n^");
}

TEST(Caret, CountsCells) {
  EXPECT_THAT(Lines("größe = x", "x"), ElementsAre("1:7 bad", "größe = x", "        ^"));
  EXPECT_THAT(Lines("'電池' = x", "x"), ElementsAre("1:7 bad", "'電池' = x", "         ^"));
  EXPECT_THAT(Lines("'電池' = x", "電池"), ElementsAre("1:7 bad", "'電池' = x", " ^^^^"));
  EXPECT_THAT(Lines("e\u0301 x", "x"), ElementsAre("1:7 bad", "e\u0301 x", "  ^"));
  EXPECT_THAT(Lines("\t\tx", "x"), ElementsAre("1:7 bad", "  x", "  ^"));
  EXPECT_THAT(Lines("\xFF\xC3 x", "x"), ElementsAre("1:7 bad", "\uFFFD\uFFFD x", "   ^"));
}

TEST(Caret, CutsLongLines) {
  const std::string text = absl::StrCat(std::string(300, 'a'), "X", std::string(300, 'b'));
  const std::vector<std::string> lines = Lines(text, "X");
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[1], StartsWith("…aaa"));
  EXPECT_THAT(lines[1], EndsWith("bbb…"));
  EXPECT_LT(lines[1].size(), 120U);
  // "…" is three bytes and one cell.
  EXPECT_EQ(lines[1].find('X') - 2, lines[2].find('^'));

  EXPECT_THAT(Lines(text, text.substr(0, 5))[1], StartsWith("aaa"));
  const std::vector<std::string> end = Lines(text, text.substr(300));
  EXPECT_EQ(std::count(end[2].begin(), end[2].end(), '^'), 60);
}

}  // namespace
}  // namespace twin::query
