#include "query/ast/functions.h"

#include <gtest/gtest.h>

namespace twin::query {
namespace {

TEST(Functions, AreFoundInAnyCase) {
  ASSERT_NE(FindFunction("Time_Bucket"), nullptr);
  EXPECT_EQ(FindFunction("Time_Bucket")->function, Function::kTimeBucket);
  EXPECT_EQ(FindFunction("nothing"), nullptr);
}

TEST(Functions, StandInTheOrderOfTheEnumeration) {
  for (const FunctionInfo& info : Functions()) {
    EXPECT_EQ(InfoOf(info.function).name, info.name);
    EXPECT_EQ(FindFunction(info.name), &info);
    EXPECT_GE(info.arguments_min, 0) << info.name;
    EXPECT_TRUE(info.arguments_max == -1 || info.arguments_max >= info.arguments_min) << info.name;
  }
  EXPECT_EQ(Functions().back().function, Function::kRobustZ);
}

}  // namespace
}  // namespace twin::query
