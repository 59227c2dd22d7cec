#include "server/events/token.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace twin::events {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::twin::testing::StatusIs;

TEST(TokenTest, ATokenIsItsSequence) {
  for (const uint64_t value :
       {uint64_t{0}, uint64_t{1}, uint64_t{127}, uint64_t{128}, uint64_t{1} << 40, UINT64_MAX}) {
    const std::string token = TokenOf(Sequence(value));
    // It can stand in a URL, and is no time.
    EXPECT_THAT(token, MatchesRegex("[-_A-Za-z0-9]+"));
    const auto parsed = ParseToken(token);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->value, value);
  }
}

TEST(TokenTest, WhatIsNoneIsRefused) {
  const std::string token = TokenOf(Sequence(42));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(ParseToken(other).ok()) << other;
  }
  for (const std::string& text :
       {std::string(), token.substr(1), token + "A", std::string("no token"), std::string("AQ"),
        std::string(1'000'000, 'A')}) {
    EXPECT_THAT(ParseToken(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("give it back as it came")));
  }
}

}  // namespace
}  // namespace twin::events
