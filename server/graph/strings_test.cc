#include "server/graph/strings.h"

#include <cstdint>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace twin::graph {
namespace {

TEST(UseCounts, CountsBeyondAByteAndBack) {
  UseCounts uses;
  uses.Resize(2);
  EXPECT_FALSE(uses.Used(0));
  for (int i = 0; i < 70'000; ++i) uses.Add(0);
  for (int i = 0; i < 69'999; ++i) {
    uses.Remove(0);
    ASSERT_TRUE(uses.Used(0)) << i;
  }
  uses.Remove(0);
  EXPECT_FALSE(uses.Used(0));
  EXPECT_FALSE(uses.Used(1));
}

TEST(UseCounts, AgreesWithPlainCountsAroundTheEndsOfBytes) {
  constexpr uint32_t kNumbers = 8;
  UseCounts uses;
  uses.Resize(kNumbers);
  std::vector<uint64_t> counts(kNumbers);
  std::mt19937 random(7);
  for (int step = 0; step < 200'000; ++step) {
    const auto number = static_cast<uint32_t>(random() % kNumbers);
    // Up to about 600 and down to 0, in turns of 1,000 steps of all of them.
    const bool more = random() % 10 < (step / 5'000 % 2 == 0 ? 9u : 1u);
    if (more) {
      uses.Add(number);
      ++counts[number];
    } else if (counts[number] > 0) {
      uses.Remove(number);
      --counts[number];
    }
    ASSERT_EQ(uses.Used(number), counts[number] > 0) << step;
  }
}

TEST(UseCountsDeathTest, RemovingWhatIsNotUsedIsADefect) {
  UseCounts uses;
  uses.Resize(1);
  EXPECT_DEATH(uses.Remove(0), "0 is not used");
}

TEST(StringPool, AStringWithManyUsesGoesWithTheLastOfThem) {
  const Pins pins;
  StringPool pool(&pins);
  const uint32_t code = pool.Intern("a maker of cells");
  for (int i = 1; i < 1'000; ++i) ASSERT_EQ(pool.Intern("a maker of cells"), code);
  for (int i = 1; i < 1'000; ++i) pool.Release(code);
  pool.Collect();
  EXPECT_EQ(pool.Find("a maker of cells"), code);
  pool.Release(code);
  pool.Collect();
  EXPECT_EQ(pool.Find("a maker of cells"), kNoString);
  EXPECT_EQ(pool.Intern("another"), code);
}

}  // namespace
}  // namespace twin::graph
