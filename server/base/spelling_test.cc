#include "server/base/spelling.h"

#include <gtest/gtest.h>

#include <string>

namespace twin {
namespace {

TEST(Spelling, CountsEdits) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("volt", "volt"), 0u);
  EXPECT_EQ(EditDistance("Volt", "vOLT"), 0u);
  EXPECT_EQ(EditDistance("volt", "volts"), 1u);
  EXPECT_EQ(EditDistance("volt", "vlt"), 1u);
  EXPECT_EQ(EditDistance("volt", "bolt"), 1u);
  EXPECT_EQ(EditDistance("volt", "votl"), 1u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("ca", "abc"), 3u);  // a swapped pair is not edited again
}

TEST(Spelling, FindsTheFirstOfTheClosest) {
  constexpr absl::string_view kWords[] = {"MAD", "MAX", "MIN", "temperature"};
  EXPECT_EQ(ClosestWord("MAY", kWords, 1), "MAD");
  EXPECT_EQ(ClosestWord("max", kWords, 1), "MAX");
  EXPECT_EQ(ClosestWord("temprature", kWords, 1), "temperature");
  EXPECT_EQ(ClosestWord("temprture", kWords, 1), "");
  EXPECT_EQ(ClosestWord("temprture", kWords, 2), "temperature");
  EXPECT_EQ(ClosestWord("MAY", kWords, 0), "");
  EXPECT_EQ(ClosestWord("MIN", kWords, 0), "MIN");
  EXPECT_EQ(ClosestWord("MIN", {}, 3), "");
}

TEST(Spelling, DoesNotCompareLongWords) {
  const std::string longest(kSpelledBytesMax, 'x');
  const std::string longer = longest + "x";
  EXPECT_EQ(ClosestWord(longest, {longest}, 1), longest);
  EXPECT_EQ(ClosestWord(longer, {longest}, 1), "");
  EXPECT_EQ(ClosestWord(longest, {longer}, 1), "");
}

}  // namespace
}  // namespace twin
