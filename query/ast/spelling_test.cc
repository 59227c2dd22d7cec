#include "query/ast/spelling.h"

#include <gtest/gtest.h>

#include <string>

namespace twin::query {
namespace {

constexpr absl::string_view kWords[] = {"WHERE",      "ORDER", "temperature",
                                        "STARTSWITH", "MAX",   "MAD"};

TEST(Spelling, FindsWhatIsMeant) {
  EXPECT_EQ(ClosestWord("WHRE", kWords), "WHERE");
  EXPECT_EQ(ClosestWord("wehre", kWords), "WHERE");
  EXPECT_EQ(ClosestWord("temprature", kWords), "temperature");
  EXPECT_EQ(ClosestWord("temperatuer", kWords), "temperature");
  EXPECT_EQ(ClosestWord("Temperature", kWords), "temperature");
  EXPECT_EQ(ClosestWord("STARTS_WITH", kWords), "STARTSWITH");
  EXPECT_EQ(ClosestWord("MA", kWords), "MAX");  // the first of those as close
}

TEST(Spelling, FindsNothingFarAway) {
  EXPECT_EQ(ClosestWord("", kWords), "");
  EXPECT_EQ(ClosestWord("x", kWords), "");
  EXPECT_EQ(ClosestWord("voltage", kWords), "");
  EXPECT_EQ(ClosestWord("WORE", kWords), "");
  EXPECT_EQ(ClosestWord("tmprtr", kWords), "");
  EXPECT_EQ(ClosestWord(std::string(1000, 'x'), kWords), "");
}

TEST(Spelling, EndsAMessage) {
  EXPECT_EQ(DidYouMean("WHRE", kWords), "; did you mean 'WHERE'?");
  EXPECT_EQ(DidYouMean("voltage", kWords), "");
}

}  // namespace
}  // namespace twin::query
