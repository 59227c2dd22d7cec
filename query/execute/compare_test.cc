#include "query/execute/compare.h"

#include <gtest/gtest.h>

#include <limits>

#include "query/execute/evaluate.h"
#include "query/execute/evaluate_testing.h"

namespace twin::query {
namespace {

using namespace twin::query::testing;  // NOLINT(google-build-using-namespace)
using enum TypeKind;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kIntMax = std::numeric_limits<int64_t>::max();

// In ascending order; those in one row are equal.
std::vector<std::vector<Value>> InOrder() {
  const auto map = [](Value a, Value b) { return Value::Map({{"a", a}, {"b", b}}); };
  return {
      {Value::Bool(false)},
      {Value::Bool(true)},
      {Value::Double(-std::numeric_limits<double>::infinity())},
      {Value::Int(std::numeric_limits<int64_t>::min()), Value::Double(-9223372036854775808.0)},
      {Value::Int(-1), Value::Double(-1)},
      {Value::Int(0), Value::Double(-0.0), Value::Double(0.0)},
      {Value::Double(0.5)},
      {Value::Int(9007199254740992), Value::Double(9007199254740992)},
      {Value::Int(9007199254740993)},
      {Value::Int(kIntMax)},
      {Value::Double(9223372036854775808.0)},
      {Value::Double(kNan), Value::Double(-kNan)},
      {Value::String("")},
      {Value::String("a")},
      {Value::String("ab")},
      {Value::OfTime(Time{-1})},
      {Value::OfTime(Time{1})},
      {Value::Array({})},
      {Value::Array({Value::Int(1)}), Value::Array({Value::Double(1)})},
      {Value::Array({Value::Int(1), Value::Int(0)})},
      {Value::Map({})},
      {map(Value::Int(1), Value::Int(2)), Value::Map({{"b", Value::Int(2)}, {"a", Value::Int(1)}})},
      {map(Value::Int(1), Value::Int(3))},
      {Value()}};
}

TEST(CompareTest, OneOrderOfAllValues) {
  Vector vector;
  std::vector<size_t> ranks;
  std::vector<Value> values;
  for (size_t rank = 0; const std::vector<Value>& row : InOrder()) {
    for (const Value& value : row) {
      values.push_back(value);
      ranks.push_back(rank);
    }
    ++rank;
  }
  vector = ColumnVector(kValue, values);
  std::vector<uint64_t> hashes(values.size(), 17);
  Hash(vector, &hashes);
  for (size_t i = 0; i < values.size(); ++i) {
    for (size_t j = 0; j < values.size(); ++j) {
      const int expected = ranks[i] < ranks[j] ? -1 : ranks[i] > ranks[j] ? 1 : 0;
      EXPECT_EQ(Compare(vector, i, vector, j), expected)
          << values[i].DebugString() << " " << values[j].DebugString();
      EXPECT_EQ(Equal(vector, i, vector, j), expected == 0);
      EXPECT_EQ(hashes[i] == hashes[j], expected == 0)
          << values[i].DebugString() << " " << values[j].DebugString();
    }
  }
}

TEST(CompareTest, VectorsOfDifferentTypesAgreeWithValues) {
  const Vector ints = IntVector({1, 2, kIntMax});
  const Vector doubles = DoubleVector({1, 2.5, kNan});
  const Vector values = ColumnVector(kValue, {Value::Int(1), Value::Double(2), Value()});
  EXPECT_EQ(Compare(ints, 0, doubles, 0), 0);
  EXPECT_EQ(Compare(ints, 1, doubles, 1), -1);
  EXPECT_EQ(Compare(doubles, 2, ints, 2), 1);
  EXPECT_EQ(Compare(values, 1, ints, 1), 0);
  EXPECT_EQ(Compare(values, 2, ints, 1), 1);
  Vector absent;
  absent.Reset(kNull, 1);
  EXPECT_EQ(Compare(values, 2, absent, 0), 0);
  std::vector<uint64_t> a(3, 0);
  std::vector<uint64_t> b(3, 0);
  std::vector<uint64_t> c(3, 0);
  Hash(ints, &a);
  Hash(doubles, &b);
  Hash(values, &c);
  EXPECT_EQ(a[0], b[0]);
  EXPECT_EQ(a[0], c[0]);
  EXPECT_EQ(a[1], c[1]);
  EXPECT_NE(a[1], b[1]);
}

TEST(CompareTest, HashesOfSeveralColumnsDependOnTheirOrder) {
  std::vector<uint64_t> ab(1, 0);
  std::vector<uint64_t> ba(1, 0);
  const Vector a = IntVector({1});
  const Vector b = IntVector({2});
  Hash(a, &ab);
  Hash(b, &ab);
  Hash(b, &ba);
  Hash(a, &ba);
  EXPECT_NE(ab[0], ba[0]);
}

}  // namespace
}  // namespace twin::query
