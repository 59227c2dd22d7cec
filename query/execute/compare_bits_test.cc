#include "query/execute/compare_bits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "query/execute/compare.h"
#include "server/base/float.h"

namespace twin::query {
namespace {

using Stored = ColumnPage::Stored;
using Words = std::array<uint64_t, 4>;

constexpr BoundKind kOps[] = {BoundKind::kEqual,   BoundKind::kNotEqual,
                              BoundKind::kLess,    BoundKind::kLessEqual,
                              BoundKind::kGreater, BoundKind::kGreaterEqual};

bool Passes(BoundKind op, int order) {
  switch (op) {
    case BoundKind::kEqual:
      return order == 0;
    case BoundKind::kNotEqual:
      return order != 0;
    case BoundKind::kLess:
      return order < 0;
    case BoundKind::kLessEqual:
      return order <= 0;
    case BoundKind::kGreater:
      return order > 0;
    default:
      return order >= 0;
  }
}

int Order(int64_t a, int64_t b) { return a < b ? -1 : static_cast<int>(a > b); }
int Order(double a, double b) { return OrderDoubles(a, b); }

template <typename C, typename T>
C NumberOf(T stored) {
  if constexpr (std::is_same_v<T, float>) {
    return FromFloat(stored);
  } else {
    return static_cast<C>(stored);
  }
}

// Both ways say what one comparison after the other does, and touch no other bits.
template <typename T, typename C>
void Check(Stored stored, const std::vector<T>& values, absl::Span<const BoundKind> ops,
           C constant) {
  ColumnPage page{.stored = stored, .values = reinterpret_cast<const char*>(values.data())};
  StoredComparison comparison;
  if constexpr (std::is_same_v<C, double>) {
    comparison.number = constant;
  } else {
    comparison.integer = constant;
  }
  Words any, all;
  std::mt19937_64 random(values.size());
  for (uint64_t& word : any) {
    word = random();
    word |= random();
  }
  all.fill(UINT64_MAX);  // no row is left out
  for (const BoundKind op : ops) {
    comparison.op = op;
    for (const Words& before : {any, all}) {
      Words expected = before;
      for (size_t i = 0; i < values.size(); ++i) {
        if (Passes(op, Order(NumberOf<C>(values[i]), constant))) continue;
        expected[i / 64] &= ~(uint64_t{1} << (i % 64));
      }
      Words wide = before, narrow = before;
      KeepPassing(comparison, page, values.size(), wide.data());
      KeepPassingNarrow(comparison, page, values.size(), narrow.data());
      // Beyond the last row of a word bits are of no account.
      if (values.size() % 64 != 0) {
        const uint64_t rows = (uint64_t{1} << (values.size() % 64)) - 1;
        for (Words* words : {&expected, &wide, &narrow}) (*words)[values.size() / 64] &= rows;
      }
      ASSERT_EQ(wide, expected) << static_cast<int>(op) << " of " << constant;
      ASSERT_EQ(narrow, expected) << static_cast<int>(op) << " of " << constant;
    }
  }
}

template <typename T>
std::vector<T> AnyOf(const std::vector<T>& choice, size_t rows) {
  std::mt19937 random(static_cast<unsigned>(rows));
  std::vector<T> values(rows);
  for (T& value : values) value = choice[random() % choice.size()];
  return values;
}

constexpr size_t kRows[] = {8, 64, 72, 128, 256};

TEST(CompareBitsTest, Integers) {
  constexpr int32_t kMin32 = INT32_MIN, kMax32 = INT32_MAX;
  const std::vector<int64_t> constants = {
      0, 1, -1, 7, kMin32, kMax32, int64_t{kMin32} - 1, int64_t{kMax32} + 1, INT64_MIN, INT64_MAX};
  for (const size_t rows : kRows) {
    for (const int64_t constant : constants) {
      Check(Stored::kInt32, AnyOf<int32_t>({0, 1, -1, 7, 8, kMin32, kMax32}, rows), kOps, constant);
      Check(Stored::kInt64, AnyOf(constants, rows), kOps, constant);
      Check(Stored::kBool, AnyOf<uint8_t>({0, 1}, rows), kOps, constant);
    }
  }
}

TEST(CompareBitsTest, Codes) {
  constexpr BoundKind kEquality[] = {BoundKind::kEqual, BoundKind::kNotEqual};
  const std::vector<uint32_t> codes = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
  for (const size_t rows : kRows) {
    for (const uint32_t code : codes) {
      Check(Stored::kCode, AnyOf(codes, rows), kEquality, int64_t{code});
    }
    Check(Stored::kCode, AnyOf(codes, rows), kEquality, int64_t{-1});
  }
}

TEST(CompareBitsTest, Doubles) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const size_t rows : kRows) {
    for (const double constant : {0.0, -0.0, 1.5, -3.25, 1e300, kInf, -kInf, 0.1}) {
      Check(Stored::kDouble,
            AnyOf<double>({0.0, -0.0, 1.5, -3.25, 1e300, kInf, -kInf, kNan, 0.1}, rows), kOps,
            constant);
      Check(Stored::kFloat,
            AnyOf<float>({0.0F, -0.0F, 1.5F, -3.25F, 0.1F, static_cast<float>(kInf),
                          static_cast<float>(kNan)},
                         rows),
            kOps, constant);
    }
  }
}

TEST(CompareBitsTest, FloatsAreTheDecimalsThatTheyStandFor) {
  std::mt19937_64 random(7);
  using Limits = std::numeric_limits<float>;
  std::vector<float> values = {0.1F,          0.3F,           -0.1F,         16777216.0F,
                               Limits::max(), -Limits::max(), Limits::min(), -Limits::denorm_min()};
  for (int i = 0; i < 60; ++i) {
    const float value = static_cast<float>(static_cast<int>(random() % 2000) - 1000) / 100;
    values.push_back(value);
    values.push_back(std::nextafter(value, 1e9F));
  }
  values.resize(values.size() / 8 * 8);
  std::vector<double> constants = {0.1,   -0.1, 16777217,          1e39,
                                   -1e39, 0,    kGreatestOfFloats, -kGreatestOfFloats};
  for (const float value : values) {
    const double number = FromFloat(value);
    constants.insert(constants.end(), {number, double{value}, std::nextafter(number, 1e300),
                                       std::nextafter(number, -1e300)});
  }
  for (const double constant : constants) Check(Stored::kFloat, values, kOps, constant);
}

}  // namespace
}  // namespace twin::query
