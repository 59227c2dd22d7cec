#include "query/execute/extremes.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "query/execute/compare.h"

namespace twin::query {
namespace {

// NaN may have any sign.
uint64_t BitsOf(double value) { return std::isnan(value) ? 1 : std::bit_cast<uint64_t>(value); }
int64_t BitsOf(int64_t value) { return value; }

int Order(double a, double b) { return OrderDoubles(a, b); }
int Order(int64_t a, int64_t b) { return a < b ? -1 : static_cast<int>(a > b); }

template <typename T>
Extremes<T> Expected(const T* values, size_t count) {
  Extremes<T> found = {values[0], values[0]};
  for (size_t i = 1; i < count; ++i) {
    if (Order(values[i], found.least) < 0) found.least = values[i];
    if (Order(values[i], found.greatest) > 0) found.greatest = values[i];
  }
  return found;
}

template <typename T>
void Check(const std::vector<T>& values) {
  for (size_t first = 0; first < values.size() && first < 3; ++first) {
    const T* const from = values.data() + first;
    const size_t count = values.size() - first;
    const Extremes<T> expected = Expected(from, count);
    for (const Extremes<T>& found : {ExtremesOf(from, count), NarrowExtremesOf(from, count)}) {
      ASSERT_EQ(BitsOf(found.least), BitsOf(expected.least)) << count << " from " << first;
      ASSERT_EQ(BitsOf(found.greatest), BitsOf(expected.greatest)) << count << " from " << first;
    }
    Extremes<T> in_two = ExtremesOf(from, (count + 1) / 2);
    if (count > 1) in_two.Take(ExtremesOf(from + (count + 1) / 2, count / 2));
    ASSERT_EQ(BitsOf(in_two.least), BitsOf(expected.least)) << count << " in two";
    ASSERT_EQ(BitsOf(in_two.greatest), BitsOf(expected.greatest)) << count << " in two";
  }
}

TEST(ExtremesTest, OfDoubles) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::vector<double>> choices = {
      {3.6, 3.7, 3.65, -1, 2}, {0.0, -0.0},  {-0.0, 0.0, 1},       {-0.0, 0.0, -1},
      {kNan, 1, 2, 3, 4, 5},   {kNan, kNan}, {kInf, -kInf, 1, -1}, {kInf, -kInf, 1, kNan}};
  std::mt19937 random(1);
  for (const std::vector<double>& choice : choices) {
    for (size_t count = 1; count < 150; ++count) {
      std::vector<double> values(count);
      for (double& value : values) value = choice[random() % choice.size()];
      Check(values);
    }
  }
}

// Each place is looked at.
TEST(ExtremesTest, OneThatDiffers) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const double one : {-1.0, 9.0, 0.0, -0.0, kNan}) {
    for (size_t count = 1; count < 70; ++count) {
      for (size_t at = 0; at < count; ++at) {
        std::vector<double> values(count, 4.0);
        values[at] = one;
        Check(values);
      }
    }
  }
}

TEST(ExtremesTest, OfInts) {
  std::mt19937_64 random(2);
  for (size_t count = 1; count < 150; ++count) {
    std::vector<int64_t> small(count), any(count);
    for (int64_t& value : small) value = static_cast<int64_t>(random() % 7) - 3;
    for (int64_t& value : any) value = static_cast<int64_t>(random());
    Check(small);
    Check(any);
  }
}

}  // namespace
}  // namespace twin::query
