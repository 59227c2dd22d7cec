#include "server/base/float.h"

#include <gtest/gtest.h>

#include <charconv>
#include <limits>
#include <random>
#include <string>

namespace twin {
namespace {

// The shortest text of a number.
template <typename T>
std::string Shortest(T number) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof(text), number).ptr};
}

TEST(FloatTest, StandsForItsShortestDecimal) {
  EXPECT_EQ(FromFloat(0.1F), 0.1);
  EXPECT_EQ(FromFloat(-3.71F), -3.71);
  EXPECT_EQ(FromFloat(16777216.0F), 16777216.0);
  EXPECT_EQ(FromFloat(1e20F), 1e20);
  EXPECT_EQ(FromFloat(1e-30F), 1e-30);
  EXPECT_EQ(FromFloat(std::numeric_limits<float>::max()), 3.4028235e38);
  EXPECT_EQ(FromFloat(std::numeric_limits<float>::denorm_min()), 1e-45);
  EXPECT_TRUE(std::signbit(FromFloat(-0.0F)));
  EXPECT_EQ(AsFloat(1.0 / 3), 0.33333334);
}

TEST(FloatTest, LeavesWhatIsNoNumber) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(std::isnan(FromFloat(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_EQ(FromFloat(kInfinity), std::numeric_limits<double>::infinity());
  EXPECT_EQ(FromFloat(-kInfinity), -std::numeric_limits<double>::infinity());
}

// The decimal 7.038531e-26 is this float; as a double it would become its neighbour.
TEST(FloatTest, IsTheFloatAgain) {
  const auto stored = 7.038531e-26F;
  EXPECT_EQ(FromFloat(stored), static_cast<double>(stored));
  EXPECT_EQ(static_cast<float>(FromFloat(stored)), stored);
}

TEST(FloatTest, AsTextSaysAndInOrder) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 300'000; ++i) {
    // All bits, and the magnitudes of sensors.
    auto bits = static_cast<uint32_t>(random());
    if (i % 2 == 0) bits = (bits & 0x807fffff) | ((110 + random() % 45) << 23);
    if (i % 16 == 0) bits &= 0xff800000;  // powers of two
    const auto stored = std::bit_cast<float>(bits);
    if (!std::isfinite(stored)) continue;
    const double number = FromFloat(stored);
    ASSERT_EQ(number, FromFloatSlowly(stored)) << bits;
    ASSERT_EQ(static_cast<float>(number), stored) << bits;
    if (number != static_cast<double>(stored)) {
      ASSERT_EQ(Shortest(number), Shortest(stored)) << bits;
    }
    const float above = std::nextafter(stored, std::numeric_limits<float>::infinity());
    ASSERT_LT(number, FromFloat(above)) << bits;
  }
}

}  // namespace
}  // namespace twin
