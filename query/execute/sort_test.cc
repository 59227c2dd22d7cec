#include "query/execute/sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

#include "query/execute/evaluate_testing.h"

namespace twin::query {
namespace {

using namespace twin::query::testing;  // NOLINT(google-build-using-namespace)
using enum TypeKind;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
using Rows = std::vector<uint32_t>;

TEST(SortTest, NullsStandLastInBothDirections) {
  Vector key = DoubleVector({3, 0, kNan, -0.0, -1, 0});
  key.SetNull(1);
  EXPECT_EQ(SortRows(std::vector<SortColumn>{{&key}}, 6), (Rows{4, 3, 5, 0, 2, 1}));
  EXPECT_EQ(SortRows(std::vector<SortColumn>{{&key, true}}, 6), (Rows{2, 0, 3, 5, 4, 1}));
  EXPECT_EQ(SortRows(std::vector<SortColumn>{{&key, false, true}}, 6), (Rows{1, 4, 3, 5, 0, 2}));
  EXPECT_EQ(SortRows(std::vector<SortColumn>{{&key, true, true}}, 6), (Rows{1, 2, 0, 3, 5, 4}));
}

TEST(SortTest, RowsUpToABound) {
  Vector key = DoubleVector({3, 0, kNan, -0.0, -1, 0.5});
  key.SetNull(1);
  const Vector zero = DoubleVector({7, 0});
  EXPECT_EQ(RowsUpTo({&key}, zero, 1), (Rows{3, 4}));
  EXPECT_EQ(RowsUpTo({&key, true}, zero, 1), (Rows{0, 2, 3, 5}));
  EXPECT_EQ(RowsUpTo({&key, true, true}, zero, 1), (Rows{0, 1, 2, 3, 5}));
  Vector null = DoubleVector({1});
  null.SetNull(0);
  EXPECT_EQ(RowsUpTo({&key}, null, 0), (Rows{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(RowsUpTo({&key, false, true}, null, 0), (Rows{1}));
  // Of what differs only behind its first bytes, or has no order of numbers, none is left out.
  const Vector text = ColumnVector(
      kString, {Value::String("cell-0002-b"), Value::String("cell-0002-a"), Value::String("d")});
  EXPECT_EQ(RowsUpTo({&text}, text, 1), (Rows{0, 1}));
  const Vector on = ColumnVector(kBool, {Value::Bool(false), Value::Bool(true)});
  EXPECT_EQ(RowsUpTo({&on}, on, 0), (Rows{0, 1}));
}

TEST(SortTest, StringsBeyondTheirFirstBytes) {
  const Vector key = ColumnVector(
      kString, {Value::String("cell-0002-b"), Value::String("cell-0002-a"), Value::String("cell"),
                Value::String(""), Value::String(absl::string_view("cell\0", 5))});
  EXPECT_EQ(SortRows(std::vector<SortColumn>{{&key}}, 5), (Rows{3, 2, 4, 1, 0}));
  EXPECT_EQ(SortRows(std::vector<SortColumn>{{&key, true}}, 5), (Rows{0, 1, 4, 2, 3}));
}

TEST(SortTest, WithoutKeysOrRows) {
  EXPECT_EQ(SortRows({}, 3), (Rows{0, 1, 2}));
  EXPECT_EQ(SortRowsTop({}, 3, 2), (Rows{0, 1}));
  const Vector none = DoubleVector({});
  EXPECT_EQ(SortRows(std::vector<SortColumn>{{&none}}, 0), Rows());
  Vector absent;
  absent.Reset(kNull, 3);
  EXPECT_EQ(SortRows(std::vector<SortColumn>{{&absent, true}}, 3), (Rows{0, 1, 2}));
}

Vector RandomColumn(TypeKind kind, size_t rows, std::mt19937* random) {
  std::vector<Value> values(rows);
  for (Value& value : values) {
    const auto number = static_cast<int64_t>((*random)() % 7) - 3;
    if ((*random)() % 5 == 0) continue;
    switch (kind) {
      case kInt:
        value = Value::Int(number == 3 ? std::numeric_limits<int64_t>::min() : number);
        break;
      case kDouble:
        value = Value::Double(number == 3 ? kNan : static_cast<double>(number) / 2);
        break;
      case kString:
        value = Value::String(std::string(number + 3, 'x') + std::string(number + 3, 'y'));
        break;
      default:
        value = number < 0 ? Value::Int(number) : Value::String(std::to_string(number));
        break;
    }
  }
  return ColumnVector(kind, values);
}

TEST(SortTest, RandomRowsAgreeWithAStableSort) {
  constexpr TypeKind kKinds[] = {kInt, kDouble, kString, kValue};
  for (uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const size_t rows = random() % 60;
    std::vector<Vector> vectors;
    for (uint32_t i = random() % 3 + 1; i > 0; --i) {
      vectors.push_back(RandomColumn(kKinds[random() % 4], rows, &random));
    }
    std::vector<SortColumn> keys;
    for (const Vector& vector : vectors) {
      keys.push_back({&vector, random() % 2 == 0, random() % 2 == 0});
    }
    Rows expected(rows);
    std::iota(expected.begin(), expected.end(), 0);
    std::stable_sort(expected.begin(), expected.end(),
                     [&keys](uint32_t a, uint32_t b) { return CompareRows(keys, a, b) < 0; });
    EXPECT_EQ(SortRows(keys, rows), expected) << "seed " << seed;
    const size_t limit = random() % 20;
    expected.resize(std::min(limit, rows));
    EXPECT_EQ(SortRowsTop(keys, rows, limit), expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace twin::query
