#include "clients/twinctl/excerpt.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

// The excerpt of the part of `text` between « and ».
std::string Show(std::string text, int columns = 0) {
  const size_t begin = text.find("«");
  text.erase(begin, 2);
  const size_t end = text.find("»");
  text.erase(end, 2);
  const Excerpt excerpt = MakeExcerpt(text, begin, end, columns);
  return absl::StrCat(excerpt.line, "\n", excerpt.mark);
}

TEST(ExcerptTest, MarksThePlace) {
  EXPECT_EQ(Show("one\n two «three» four\nfive"), " two three four\n     ^~~~~");
  EXPECT_EQ(Show("«{»}"), "{}\n^");
  EXPECT_EQ(Show("{«»}"), "{}\n ^");
  EXPECT_EQ(Show("a «b\nc» d"), "a b\n  ^");
}

TEST(ExcerptTest, MarksTheEndOfALine) {
  EXPECT_EQ(Show("ab«\n»cd"), "ab\n  ^");
  EXPECT_EQ(Show("ab«\r\n»cd"), "ab\n  ^");
  EXPECT_EQ(Show("«ab»\r\ncd"), "ab\n^~");
  EXPECT_EQ(Show("ab«»"), "ab\n  ^");
  EXPECT_EQ(Show("ab\n«»"), "\n^");
  EXPECT_EQ(Show("«»"), "\n^");
}

TEST(ExcerptTest, AlignsTabsAndWideCharacters) {
  EXPECT_EQ(Show("\t\"a\":\t«1»"), "    \"a\":    1\n            ^");
  EXPECT_EQ(Show("電池 «電池» x"), "電池 電池 x\n     ^~~~");
  EXPECT_EQ(Show("e\u0301 «x»"), "e\u0301 x\n  ^");
}

TEST(ExcerptTest, LetsNoControlCharacterThrough) {
  EXPECT_EQ(Show("a\x1b[0m «b»\x07"), "a\uFFFD[0m b\uFFFD\n      ^");
  EXPECT_EQ(Show("\xff«\xff»"), "\uFFFD\uFFFD\n ^");
}

TEST(ExcerptTest, CutsLongLinesAroundThePlace) {
  const std::string x(1000, 'x'), y(1000, 'y');
  EXPECT_EQ(Show(absl::StrCat("«here»", y), 40), "here" + y.substr(0, 35) + "…\n^~~~");
  EXPECT_EQ(Show(absl::StrCat(x, "«here»"), 40),
            "…" + x.substr(0, 35) + "here\n" + std::string(36, ' ') + "^~~~");
  EXPECT_EQ(Show(absl::StrCat(x, "«here»", y), 40),
            "…xxxxxxxxxxxxxhere" + y.substr(0, 21) + "…\n              ^~~~");
  EXPECT_EQ(Show(absl::StrCat(x, "«", y, "»z"), 40),
            "…xxxxxxxxxxxxx" + y.substr(0, 25) + "…\n              ^" + std::string(24, '~'));
  EXPECT_EQ(Show(absl::StrCat("«", y, "»z"), 40), y.substr(0, 39) + "…\n^" + std::string(38, '~'));
}

TEST(ExcerptTest, EveryPlaceOfEveryLineFits) {
  const std::string text =
      "\tab電池\"e\u0301🔋xyz, 0123456789 0123456789 0123456789 電池電池電池\r\nz";
  for (size_t begin = 0; begin <= text.size(); ++begin) {
    for (size_t end = begin; end <= text.size() + 1; ++end) {
      const Excerpt excerpt = MakeExcerpt(text, begin, end, 40);
      EXPECT_LE(ColumnsOf(excerpt.line), 40);
      EXPECT_LE(ColumnsOf(excerpt.mark), 41);
      EXPECT_EQ(excerpt.mark.find_first_not_of(" ^~"), std::string::npos);
    }
  }
}

TEST(ExcerptTest, DoesNotReadTheWholeText) {
  std::string text;
  text.resize(10'000'000, 'x');
  for (size_t i = 0; i < 1000; ++i) MakeExcerpt(text, i * 10'000, text.size(), 80);
}

}  // namespace
}  // namespace twin::twinctl
