#include "server/base/check.h"

#include <gmock/gmock.h>

#include <string>

namespace twin {
namespace {

TEST(Check, ThatHoldsEvaluatesNoMessage) {
  int evaluated = 0;
  TWIN_CHECK(1 + 1 == 2) << ++evaluated;
  EXPECT_EQ(evaluated, 0);
}

TEST(Check, EvaluatesItsConditionOnce) {
  int evaluated = 0;
  TWIN_CHECK(++evaluated > 0);
  EXPECT_EQ(evaluated, 1);
}

// As a macro of several statements would not.
TEST(Check, StandsInAnIfWithoutBraces) {
  bool reached_else = false;
  if (std::string("a").empty())
    TWIN_CHECK(true);
  else
    reached_else = true;
  EXPECT_TRUE(reached_else);
}

TEST(CheckDeathTest, SaysWhereAndWhatAndAborts) {
  const int begin = 3;
  EXPECT_EXIT(TWIN_CHECK(begin < 2) << "begin is " << begin, ::testing::KilledBySignal(SIGABRT),
              "^server/base/check_test.cc:[0-9]+: check failed: begin < 2: begin is 3\n");
  EXPECT_DEATH(TWIN_CHECK(begin < 2), "check failed: begin < 2\n");
}

}  // namespace
}  // namespace twin
