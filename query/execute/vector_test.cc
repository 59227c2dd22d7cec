#include "query/execute/vector.h"

#include <gtest/gtest.h>

#include "query/execute/evaluate_testing.h"

namespace twin::query {
namespace {

using namespace twin::query::testing;  // NOLINT(google-build-using-namespace)
using enum TypeKind;

// Three values of each kind, the second NULL.
std::vector<Vector> OfEachKind() {
  const Value n;
  std::vector<Vector> all = {
      ColumnVector(kBool, {Value::Bool(true), n, Value::Bool(false)}),
      ColumnVector(kInt, {Value::Int(1), n, Value::Int(-3)}),
      ColumnVector(kTime, {Value::OfTime(Time{1}), n, Value::OfTime(Time{3})}),
      ColumnVector(kDuration, {Value::Int(5), n, Value::Int(6)}),
      ColumnVector(kDouble, {Value::Double(0.5), n, Value::Double(-0.0)}),
      ColumnVector(kString, {Value::String("a"), n, Value::String("")}),
      ColumnVector(kValue, {Value::Array({n}), n, Value::Int(3)}),
      ColumnVector(kTwin, {Value::Int(1), n, Value::Int(2)}),
      ColumnVector(kRelationship, {Value::Int(1), n, Value::Int(2)}),
      ColumnVector(kPath, {Value::Array({Value::Int(1), Value::Int(2)}), n, Value::Array({})})};
  return all;
}

TEST(VectorTest, TakeKeepsRowsInTheOrderNamed) {
  for (const Vector& vector : OfEachKind()) {
    const Vector taken = vector.Take({2, 0, 0, 1});
    ASSERT_EQ(taken.rows, 4U);
    EXPECT_EQ(taken.Get(0), vector.Get(2));
    EXPECT_EQ(taken.Get(1), vector.Get(0));
    EXPECT_EQ(taken.Get(2), vector.Get(0));
    EXPECT_TRUE(taken.IsNull(3));
    EXPECT_TRUE(vector.Take({0, 2}).nulls.empty()) << "no NULL is left";
    EXPECT_EQ(vector.Take({}).rows, 0U);
    EXPECT_EQ(vector.Take({}).kind, vector.kind);
    EXPECT_GT(taken.bytes(), sizeof(Vector));
  }
}

TEST(VectorTest, DecimalsOfSeveralKindsStayThoseWhileTheirSumsAreExact) {
  const auto decimals = [](std::vector<Value> values, int8_t of) {
    Vector vector = ColumnVector(kDouble, std::move(values));
    vector.decimals = of;
    return vector;
  };
  const Vector fine = decimals({Value::Double(0.000001), Value()}, 6);
  for (const double value : {1.5e3, 1.1e9, 1.2e9, 3e9}) {
    for (const bool is_first : {false, true}) {
      Vector out = decimals({Value::Double(value)}, 0);
      Vector more = fine;
      if (is_first) std::swap(out, more);
      out.Append(more);
      EXPECT_EQ(out.decimals, value < 1'125'899'906.842624 ? 6 : -1) << value;  // 2^50 / 10^6
    }
  }
  Vector nothing = decimals({Value(), Value()}, 0);
  nothing.Append(fine);
  EXPECT_EQ(nothing.decimals, 6);
  nothing.Append(decimals({Value::Double(1)}, -1));
  EXPECT_EQ(nothing.decimals, -1);
}

TEST(VectorTest, AppendJoinsNulls) {
  for (const Vector& vector : OfEachKind()) {
    Vector absent;
    absent.Reset(kNull, 2);
    Vector out;
    out.Append(absent);
    out.Append(vector);
    out.Append(absent);
    out.Append(vector, {2});
    ASSERT_EQ(out.rows, 8U);
    ASSERT_EQ(out.kind, vector.kind);
    for (const size_t row : {0, 1, 3, 5, 6}) EXPECT_TRUE(out.IsNull(row)) << row;
    EXPECT_EQ(out.Get(2), vector.Get(0));
    EXPECT_EQ(out.Get(4), vector.Get(2));
    EXPECT_EQ(out.Get(7), vector.Get(2));
  }
}

TEST(VectorTest, ScatterPutsRowsWhereTheyBelong) {
  for (const Vector& vector : OfEachKind()) {
    Vector out;
    out.Reset(vector.kind, 4);
    out.nulls.assign(4, 1);
    out.Scatter(vector, {3, 2, 0});
    EXPECT_EQ(out.Get(3), vector.Get(0));
    EXPECT_TRUE(out.IsNull(2));
    EXPECT_EQ(out.Get(0), vector.Get(2));
    EXPECT_TRUE(out.IsNull(1));
    Vector absent;
    absent.Reset(kNull, 1);
    out.Scatter(absent, {3});
    EXPECT_TRUE(out.IsNull(3));
  }
}

TEST(VectorTest, ResetForgetsWhatWasThere) {
  Vector vector = ColumnVector(kString, {Value::String("x"), Value()});
  vector.Reset(kString, 2);
  EXPECT_FALSE(vector.IsNull(1));
  EXPECT_EQ(vector.strings[0], "");
  vector.Reset(kDouble, 3);
  EXPECT_EQ(vector.rows, 3U);
  EXPECT_EQ(vector.doubles.size(), 3U);
}

TEST(VectorTest, StringsOutliveWhereTheyCameFrom) {
  const std::string text(1000, 'x');
  Vector few;
  Vector many;
  {
    std::vector<Value> values(100, Value::String(text));
    const Vector vector = ColumnVector(kString, values);
    few = vector.Take({7});
    many.Append(vector);
    many.Append(vector, {1, 2});
    EXPECT_GT(vector.bytes(), 100 * text.size());
  }
  EXPECT_EQ(few.strings[0], text);
  EXPECT_EQ(many.strings[101], text);
  // A few strings are copied, so that they do not keep all of the block.
  EXPECT_LT(few.bytes(), 5 * text.size());
}

TEST(VectorTest, PlacesGoWithTheirTwins) {
  Vector twins = NumberVector({5, 6, 7}, kTwin);
  twins.places = {{0, 50}, {1, 60}, {0, 70}};
  const Vector taken = twins.Take({2, 1});
  ASSERT_EQ(taken.places.size(), 2U);
  EXPECT_EQ(taken.places[0].row, 70U);
  EXPECT_EQ(taken.places[1].table, 1U);
  Vector joined = taken;
  joined.Append(twins, {0});
  EXPECT_EQ(joined.places.at(2).row, 50U);
  joined.Append(NumberVector({9}, kTwin));
  EXPECT_TRUE(joined.places.empty()) << "not known of all";
}

TEST(StringBlockTest, PlacesDoNotMove) {
  StringBlock block;
  std::vector<absl::string_view> views(5000);
  for (int i = 0; i < 5000; ++i) views[i] = block.Add(std::string(i % 60, 'a' + i % 26));
  const absl::string_view large = block.Add(std::string(200'000, 'z'));
  for (int i = 0; i < 5000; ++i) {
    EXPECT_EQ(views[i], std::string(i % 60, 'a' + i % 26));
  }
  EXPECT_EQ(large, std::string(200'000, 'z'));
  EXPECT_GE(block.bytes(), 200'000U);
}

TEST(BatchTest, SlotsThatNobodyFilledStayEmpty) {
  Batch batch = BatchOf({IntVector({1, 2, 3}), Vector(), DoubleVector({1, 2, 3})});
  const Batch taken = batch.Take({2, 0});
  EXPECT_EQ(taken.rows, 2U);
  EXPECT_EQ(Text(taken.slots[0]), "3, 1");
  EXPECT_EQ(taken.slots[1].rows, 0U);
  Batch joined;
  joined.Append(taken);
  joined.Append(batch);
  joined.Append(Batch());
  EXPECT_EQ(joined.rows, 5U);
  EXPECT_EQ(Text(joined.slots[0]), "3, 1, 1, 2, 3");
  EXPECT_EQ(joined.slots[1].rows, 0U);
  Batch other = BatchOf({IntVector({7})});
  joined.Append(other);
  EXPECT_EQ(Text(joined.slots[2]), "3, 1, 1, 2, 3, null");
}

}  // namespace
}  // namespace twin::query
