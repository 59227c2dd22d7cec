#include "query/execute/like.h"

#include <gtest/gtest.h>

#include <random>

namespace twin::query {
namespace {

bool Matches(absl::string_view pattern, absl::string_view text) {
  return LikePattern(pattern).Matches(text);
}

TEST(LikeTest, Cases) {
  const struct {
    absl::string_view pattern;
    std::vector<absl::string_view> matches;
    std::vector<absl::string_view> others;
  } cases[] = {
      {"", {""}, {"a"}},
      {"%", {"", "a", "abc"}, {}},
      {"%%", {"", "a"}, {}},
      {"abc", {"abc"}, {"", "ab", "abcd", "xabc", "ABC"}},
      {"ab%", {"ab", "abc"}, {"a", "xab"}},
      {"%bc", {"bc", "abc"}, {"bcd", "c"}},
      {"%b%", {"b", "abc"}, {"ac", ""}},
      {"a%c", {"ac", "abc", "acc"}, {"a", "c", "acb"}},
      {"a%a", {"aa", "aba"}, {"a"}},
      {"_", {"a", "ä", "€", "😀"}, {"", "ab", "ää"}},
      {"a_c", {"abc", "aäc"}, {"ac", "abbc"}},
      {"%_", {"a", "äb"}, {""}},
      {"_%", {"a", "äb"}, {""}},
      {"_%_", {"ab", "äbä"}, {"a", "ä", ""}},
      {"%a_c%", {"xabcx", "abc", "aäc"}, {"xacx"}},
      {"a%b_d%e", {"abcde", "axxbädxe"}, {"abde", "abcdx"}},
      {"%ab%ab", {"abab", "abxab"}, {"ab", "aab"}},
      {R"(100\%)", {"100%"}, {"1000", R"(100\%)"}},
      {R"(a\_b%)", {"a_b", "a_bc"}, {"axb"}},
      {R"(a\\b)", {R"(a\b)"}, {R"(a\\b)"}},
      {R"(a\)", {R"(a\)"}, {"a"}},
      {R"(%\%)", {"%", "a%"}, {"a"}},
  };
  for (const auto& test : cases) {
    for (const absl::string_view text : test.matches) {
      EXPECT_TRUE(Matches(test.pattern, text)) << test.pattern << " on " << text;
    }
    for (const absl::string_view text : test.others) {
      EXPECT_FALSE(Matches(test.pattern, text)) << test.pattern << " on " << text;
    }
  }
}

// The definition, by trying everything.
bool Slow(absl::string_view pattern, absl::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    for (size_t i = 0; i <= text.size(); ++i) {
      if (Slow(pattern.substr(1), text.substr(i))) return true;
    }
    return false;
  }
  if (text.empty()) return false;
  return (pattern[0] == '_' || pattern[0] == text[0]) && Slow(pattern.substr(1), text.substr(1));
}

TEST(LikeTest, RandomPatternsAgreeWithTheDefinition) {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    std::string pattern;
    std::string text;
    for (uint32_t i = random() % 7; i > 0; --i) pattern.push_back("ab%_"[random() % 4]);
    for (uint32_t i = random() % 9; i > 0; --i) text.push_back("ab"[random() % 2]);
    EXPECT_EQ(Matches(pattern, text), Slow(pattern, text)) << pattern << " on " << text;
  }
}

TEST(LikeTest, ManyPercentsOnALongTextAreNoTrap) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a%";
  EXPECT_FALSE(Matches(pattern + "b", std::string(100'000, 'a')));
}

TEST(LikeTest, TextsThatAreNoUtf8) {
  EXPECT_TRUE(Matches("_%", "\xff\xfe"));
  EXPECT_TRUE(Matches("%_", "\x80\x80\x80"));
  EXPECT_FALSE(Matches("a_b", "a"));
}

}  // namespace
}  // namespace twin::query
