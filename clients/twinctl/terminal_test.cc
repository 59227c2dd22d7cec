#include "clients/twinctl/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace twin::twinctl {
namespace {

using ::testing::ElementsAre;

TEST(ColumnsTest, CountsWhatATerminalShows) {
  EXPECT_EQ(ColumnsOf(""), 0);
  EXPECT_EQ(ColumnsOf("abc"), 3);
  EXPECT_EQ(ColumnsOf("Größe"), 5);
  EXPECT_EQ(ColumnsOf("電池"), 4);
  EXPECT_EQ(ColumnsOf("🔋"), 2);
  EXPECT_EQ(ColumnsOf("e\u0301"), 1);  // an accent that combines
  EXPECT_EQ(ColumnsOf("\x1b"), 1);
  EXPECT_EQ(ColumnsOf("\xff\xff"), 2);
}

TEST(TakeCodePointTest, TakesABadByteAlone) {
  for (absl::string_view bad : {"\x80", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80",
                                "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80"}) {
    const size_t size = bad.size();
    EXPECT_EQ(TakeCodePoint(&bad), 0xFFFDu);
    EXPECT_EQ(bad.size(), size - 1);
  }
  absl::string_view good = "\xF4\x8F\xBF\xBFz";
  EXPECT_EQ(TakeCodePoint(&good), 0x10FFFFu);
  EXPECT_EQ(good, "z");
}

TEST(PrintableTest, LetsNothingThroughThatATerminalWouldObey) {
  EXPECT_EQ(Printable("a\tb\nc"), "a b c");
  EXPECT_EQ(Printable("\x1b[31mred"), "\uFFFD[31mred");
  EXPECT_EQ(Printable("a\x7f\xc2\x9b"), "a\uFFFD\uFFFD");
  EXPECT_EQ(Printable("\u202Eabc\u2066"), "\uFFFDabc\uFFFD");
  EXPECT_EQ(Printable("\xff"), "\uFFFD");
  EXPECT_EQ(Printable("電池 Größe"), "電池 Größe");
}

TEST(WrapTextTest, BreaksAtSpaces) {
  EXPECT_THAT(WrapText("", 5), ElementsAre(""));
  EXPECT_THAT(WrapText("one two three", 0), ElementsAre("one two three"));
  EXPECT_THAT(WrapText("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(WrapText("one two three", 8), ElementsAre("one two", "three"));
  EXPECT_THAT(WrapText("one\ntwo", 80), ElementsAre("one", "two"));
}

TEST(WrapTextTest, BreaksAWordThatIsTooLong) {
  EXPECT_THAT(WrapText("abcdefgh", 3), ElementsAre("abc", "def", "gh"));
  EXPECT_THAT(WrapText("a bcdefg", 3), ElementsAre("a", "bcd", "efg"));
  EXPECT_THAT(WrapText("電池電池", 3), ElementsAre("電", "池", "電", "池"));
  EXPECT_THAT(WrapText("電", 1), ElementsAre("電"));
}

TEST(StyleTest, PaintsOnlyWhereThereIsColour) {
  EXPECT_EQ(Style(false).Paint(Tone::kError, "x"), "x");
  EXPECT_EQ(Style(true).Paint(Tone::kError, "x"), "\x1b[1;31mx\x1b[0m");
  EXPECT_EQ(Style(true).Paint(Tone::kError, ""), "");
}

TEST(EnvironmentTest, NoColorAndDumbTerminalsRefuseColour) {
  setenv("TERM", "xterm", 1);
  setenv("NO_COLOR", "", 1);
  EXPECT_FALSE(EnvironmentRefusesColor());
  setenv("NO_COLOR", "1", 1);
  EXPECT_TRUE(EnvironmentRefusesColor());
  unsetenv("NO_COLOR");
  EXPECT_FALSE(EnvironmentRefusesColor());
  setenv("TERM", "dumb", 1);
  EXPECT_TRUE(EnvironmentRefusesColor());
}

TEST(TerminalTest, AFileIsNone) {
  EXPECT_FALSE(ProbeTerminal(-1).present);
  EXPECT_EQ(ProbeTerminal(-1).columns, 0);
}

}  // namespace
}  // namespace twin::twinctl
