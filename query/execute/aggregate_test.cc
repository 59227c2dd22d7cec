#include "query/execute/aggregate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_replace.h"
#include "query/execute/evaluate_testing.h"

namespace twin::query {
namespace {

using namespace twin::query::testing;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;
using enum TypeKind;
using F = Function;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kIntMax = std::numeric_limits<int64_t>::max();

std::unique_ptr<Aggregator> New(F function, TypeKind kind, bool distinct = false) {
  BoundAggregate aggregate;
  aggregate.function = function;
  aggregate.type.kind = kind;
  aggregate.distinct = distinct;
  aggregate.span = {4, 2, 1, 5};
  return NewAggregator(aggregate);
}

std::string Finish(Aggregator* aggregator) {
  Vector out;
  const absl::Status status = aggregator->Finish(&out);
  if (!status.ok()) return std::string(status.message());
  // Which sign a NaN has is the compiler's choice.
  return absl::StrReplaceAll(Text(out), {{"-nan", "nan"}});
}

// Rows in groups 0, 1, 0, 1 …, and group 2 that has none.
std::string InGroups(F function, TypeKind kind, const Vector& column, bool distinct = false) {
  const auto aggregator = New(function, kind, distinct);
  aggregator->Resize(3);
  std::vector<uint32_t> groups(column.rows);
  for (size_t i = 0; i < groups.size(); ++i) groups[i] = i % 2;
  std::vector<Vector> arguments = {column};
  const absl::Status status = aggregator->Add(groups, column.rows, arguments);
  return status.ok() ? Finish(aggregator.get()) : std::string(status.message());
}

// Runs of a group say what the same rows say one by one.
void CheckRun(F function, TypeKind kind, const Vector& column) {
  const auto by_rows = New(function, kind);
  const auto by_runs = New(function, kind);
  by_rows->Resize(2);
  by_runs->Resize(2);
  const std::vector<uint32_t> groups(column.rows, 1);
  ASSERT_TRUE(by_rows->Add(groups, column.rows, std::vector<Vector>{column}).ok());
  for (size_t begin = 0, count = 1; begin < column.rows; begin += count, count += 7) {
    count = std::min(count, column.rows - begin);
    NumberRun run{.kind = column.kind, .count = count};
    if (column.kind == kDouble) run.doubles = column.doubles.data() + begin;
    if (column.kind != kDouble) run.ints = column.ints.data() + begin;
    ASSERT_TRUE(by_runs->AddRun(1, run).ok());
  }
  EXPECT_EQ(Finish(by_runs.get()), Finish(by_rows.get()))
      << InfoOf(function).name << " of " << Text(column);
}

TEST(AggregateTest, OfRuns) {
  std::mt19937 random(1);
  constexpr double kInf = std::numeric_limits<double>::infinity();
  // The last are met by lanes only now and then.
  const std::vector<std::vector<double>> choices = {
      {3.6, 3.7, 3.65, -1, 2}, {0.0, -0.0}, {-0.0, 0.0, 1}, {kNan}, {kInf, -kInf, 1, kNan}, {5}};
  for (const std::vector<double>& choice : choices) {
    for (const size_t rows : {1, 15, 16, 17, 40, 200}) {
      std::vector<double> values(rows);
      for (double& value : values) value = choice[random() % choice.size()];
      if (rows == 200) values[120] = kNan;
      const Vector doubles = DoubleVector(values);
      for (const F function : {F::kMin, F::kMax, F::kFirst, F::kLast, F::kSum, F::kAvg, F::kMedian,
                               F::kMad, F::kStddev, F::kVariance}) {
        CheckRun(function, kDouble, doubles);
      }
      CheckRun(F::kCount, kInt, doubles);
      Vector ints;
      ints.Reset(kInt, rows);
      for (int64_t& value : ints.ints) value = static_cast<int64_t>(random() % 7) - 3;
      for (const F function : {F::kMin, F::kMax, F::kFirst, F::kLast, F::kSum, F::kCount}) {
        CheckRun(function, kInt, ints);
      }
      CheckRun(F::kAvg, kDouble, ints);
      CheckRun(F::kMax, kDouble, ints);
    }
  }
}

TEST(AggregateTest, OrderStatisticsOfManyEqualValues) {
  std::mt19937 random(2);
  for (const unsigned distinct : {1U, 2U, 5U, 40U, 1'000'000U}) {
    for (size_t rows = 1; rows < 400; rows = rows * 2 + 1) {
      std::vector<double> values(rows);
      for (double& value : values) value = static_cast<double>(random() % distinct) / 8 - 3;
      std::vector<double> sorted = values;
      std::sort(sorted.begin(), sorted.end());
      const double middle = (sorted[(rows - 1) / 2] + sorted[rows / 2]) / 2;
      const auto median = New(F::kMedian, kDouble);
      median->Resize(1);
      ASSERT_TRUE(median->AddAll(0, rows, std::vector<Vector>{DoubleVector(values)}).ok());
      Vector out;
      ASSERT_TRUE(median->Finish(&out).ok());
      EXPECT_DOUBLE_EQ(out.doubles[0], middle) << rows << " of " << distinct;
    }
  }
}

TEST(AggregateTest, OfDoublesInGroups) {
  Vector x = DoubleVector({1, 10, 2, 20, 4, 99});
  x.SetNull(5);
  EXPECT_EQ(InGroups(F::kCount, kInt, x), "3, 2, 0");
  EXPECT_EQ(InGroups(F::kSum, kDouble, x), "7, 30, null");
  EXPECT_EQ(InGroups(F::kAvg, kDouble, x), "2.3333333333333335, 15, null");
  EXPECT_EQ(InGroups(F::kMin, kDouble, x), "1, 10, null");
  EXPECT_EQ(InGroups(F::kMax, kDouble, x), "4, 20, null");
  EXPECT_EQ(InGroups(F::kMedian, kDouble, x), "2, 15, null");
  EXPECT_EQ(InGroups(F::kMad, kDouble, x), "1, 5, null");
  EXPECT_EQ(InGroups(F::kFirst, kDouble, x), "1, 10, null");
  EXPECT_EQ(InGroups(F::kLast, kDouble, x), "4, 20, null");
  EXPECT_EQ(InGroups(F::kCollect, kValue, x), "[1,2,4], [10,20], []");
  EXPECT_EQ(InGroups(F::kVariance, kDouble, x), "2.333333333333333, 50, null");
}

TEST(AggregateTest, OneValueHasNoVariance) {
  EXPECT_EQ(InGroups(F::kVariance, kDouble, DoubleVector({1, 2, 3})), "2, null, null");
  EXPECT_EQ(InGroups(F::kStddev, kDouble, DoubleVector({1, 2, 3})),
            "1.4142135623730951, null, null");
}

TEST(AggregateTest, CountOfRows) {
  const auto aggregator = New(F::kCount, kInt);
  aggregator->Resize(2);
  ASSERT_TRUE(aggregator->Add(std::vector<uint32_t>{1, 1, 0}, 3, {}).ok());
  ASSERT_TRUE(aggregator->AddAll(0, 5, {}).ok());
  EXPECT_EQ(Finish(aggregator.get()), "6, 2");
}

TEST(AggregateTest, SumsOfInts) {
  EXPECT_EQ(InGroups(F::kSum, kInt, IntVector({kIntMax, 1, 1, 2, -1})),
            "9223372036854775807, 3, null");
  EXPECT_EQ(InGroups(F::kSum, kInt, IntVector({kIntMax, 1, 1})), "1:5 the sum is beyond 64 bits");
  EXPECT_EQ(InGroups(F::kAvg, kDuration, IntVector({5, 1, 6, 2}, kDuration)), "6, 2, null");
  EXPECT_EQ(InGroups(F::kAvg, kDouble, IntVector({5, 1, 6, 2})), "5.5, 1.5, null");
}

TEST(AggregateTest, NanIsAboveAllNumbers) {
  const Vector x = DoubleVector({kNan, kNan, 1, kNan, kNan});
  EXPECT_EQ(InGroups(F::kMin, kDouble, x), "1, nan, null");
  EXPECT_EQ(InGroups(F::kMax, kDouble, x), "nan, nan, null");
  EXPECT_EQ(InGroups(F::kMedian, kDouble, DoubleVector({1, 0, kNan, 0, 2})), "2, 0, null");
}

TEST(AggregateTest, OfOtherTypes) {
  const Vector s = ColumnVector(kString, {Value::String("b"), Value(), Value::String("a"),
                                          Value::String(""), Value::String("c")});
  EXPECT_EQ(InGroups(F::kMin, kString, s), "\"a\", \"\", null");
  EXPECT_EQ(InGroups(F::kMax, kString, s), "\"c\", \"\", null");
  EXPECT_EQ(InGroups(F::kFirst, kString, s), "\"b\", \"\", null");
  EXPECT_EQ(InGroups(F::kLast, kString, s), "\"c\", \"\", null");
  EXPECT_EQ(InGroups(F::kCollect, kValue, s), "[\"b\",\"a\",\"c\"], [\"\"], []");
  const Vector v = ColumnVector(
      kValue, {Value::Int(3), Value::String("x"), Value::Double(2.5), Value::Bool(true)});
  EXPECT_EQ(InGroups(F::kMin, kValue, v), "2.5, true, null");
  EXPECT_EQ(InGroups(F::kMax, kBool, ColumnVector(kBool, {Value::Bool(false), Value::Bool(true)})),
            "false, true, null");
  EXPECT_EQ(InGroups(F::kMin, kTime, IntVector({7, 5}, kTime)),
            "\"1970-01-01T00:00:00.000000007Z\", \"1970-01-01T00:00:00.000000005Z\", null");
  EXPECT_EQ(InGroups(F::kLast, kTwin, NumberVector({7, 5, 8}, kTwin)), "8, 5, null");
  Vector absent;
  absent.Reset(kNull, 2);
  for (const F function : {F::kSum, F::kMin, F::kLast, F::kMedian, F::kVariance}) {
    EXPECT_EQ(InGroups(function, kDouble, absent), "null, null, null");
  }
}

TEST(AggregateTest, Percentiles) {
  const auto percentile = [](double fraction, const std::vector<double>& values) {
    const auto aggregator = New(F::kPercentile, kDouble);
    aggregator->Resize(1);
    const std::vector<Vector> arguments = {
        DoubleVector(values), DoubleVector(std::vector<double>(values.size(), fraction))};
    const absl::Status status = aggregator->AddAll(0, values.size(), arguments);
    return status.ok() ? Finish(aggregator.get()) : std::string(status.message());
  };
  const std::vector<double> values = {40, 10, 30, 20};
  EXPECT_EQ(percentile(0, values), "10");
  EXPECT_EQ(percentile(1, values), "40");
  EXPECT_EQ(percentile(0.5, values), "25");
  EXPECT_EQ(percentile(0.25, values), "17.5");
  EXPECT_EQ(percentile(0.9, {5}), "5");
  EXPECT_EQ(percentile(0.5, {}), "null");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(percentile(0.25, {infinity, infinity}), "inf");
  EXPECT_EQ(percentile(1.5, values), "1:5 PERCENTILE takes a fraction from 0 to 1, such as 0.95");
}

TEST(AggregateTest, Distinct) {
  const Vector x =
      ColumnVector(kValue, {Value::Int(1), Value::Int(1), Value::Double(1), Value::Int(2), Value(),
                            Value::Int(1), Value::String("1")});
  EXPECT_EQ(InGroups(F::kCount, kInt, x, true), "2, 2, 0");
  EXPECT_EQ(InGroups(F::kSum, kDouble, DoubleVector({1, 2, 1, 2, 3, -0.0, 3, 0.0}), true),
            "4, 2, null");
}

TEST(AggregateTest, FirstAndLastByTime) {
  for (const F function : {F::kFirst, F::kLast}) {
    const auto part = [function](const std::vector<int64_t>& times,
                                 const std::vector<double>& values) {
      auto aggregator = New(function, kDouble);
      aggregator->Resize(1);
      const std::vector<Vector> arguments = {DoubleVector(values), IntVector(times, kTime)};
      EXPECT_TRUE(aggregator->AddAll(0, times.size(), arguments).ok());
      return aggregator;
    };
    const auto a = part({30, 10, 20}, {3, 1, 2});
    const auto b = part({25, 5}, {2.5, 0.5});
    ASSERT_TRUE(a->Merge(*b, std::vector<uint32_t>{0}).ok());
    EXPECT_EQ(Finish(a.get()), function == F::kFirst ? "0.5" : "3");
  }
}

TEST(AggregateTest, VarianceOfLargeValuesThatAreAlike) {
  std::vector<double> values(1000);
  for (int i = 0; i < 1000; ++i) values[i] = 1e9 + i % 2;
  const Vector x = DoubleVector(values);
  const auto all = New(F::kVariance, kDouble);
  all->Resize(1);
  ASSERT_TRUE(all->AddAll(0, values.size(), {&x, 1}).ok());
  ASSERT_TRUE(all->AddAll(0, values.size(), {&x, 1}).ok());
  Vector out;
  ASSERT_TRUE(all->Finish(&out).ok());
  EXPECT_NEAR(out.doubles[0], 2000.0 / 1999 / 4, 1e-9);
}

// --- Against straightforward computations ---

struct Reference {
  std::map<uint32_t, std::vector<double>> groups;

  static double Percentile(std::vector<double> values, double fraction) {
    std::sort(values.begin(), values.end());
    const double position = fraction * static_cast<double>(values.size() - 1);
    const auto low = static_cast<size_t>(position);
    const double next = values[std::min(low + 1, values.size() - 1)];
    return values[low] + (position - static_cast<double>(low)) * (next - values[low]);
  }
  static double Of(F function, const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    const auto n = static_cast<double>(values.size());
    double squares = 0;
    for (const double value : values) squares += (value - sum / n) * (value - sum / n);
    switch (function) {
      case F::kSum:
        return sum;
      case F::kAvg:
        return sum / n;
      case F::kMin:
        return *std::min_element(values.begin(), values.end());
      case F::kMax:
        return *std::max_element(values.begin(), values.end());
      case F::kFirst:
        return values.front();
      case F::kLast:
        return values.back();
      case F::kVariance:
        return n < 2 ? kNan : squares / (n - 1);
      case F::kStddev:
        return n < 2 ? kNan : std::sqrt(squares / (n - 1));
      case F::kMedian:
        return Percentile(values, 0.5);
      default: {
        std::vector<double> distances;
        distances.reserve(values.size());
        for (const double value : values)
          distances.push_back(std::abs(value - Percentile(values, 0.5)));
        return Percentile(distances, 0.5);
      }
    }
  }
};

TEST(AggregateTest, RandomRowsInBatchesAndPartsAgreeWithTheReference) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const uint32_t group_count = random() % 5 + 1;
    for (const F function : {F::kSum, F::kAvg, F::kMin, F::kMax, F::kFirst, F::kLast, F::kVariance,
                             F::kStddev, F::kMedian, F::kMad}) {
      Reference reference;
      // Two parts with groups of their own numbers; the second comes later.
      std::unique_ptr<Aggregator> parts[2];
      for (uint32_t part = 0; part < 2; ++part) {
        parts[part] = New(function, kDouble);
        parts[part]->Resize(group_count);
        for (uint32_t batch = random() % 4; batch > 0; --batch) {
          const size_t rows = random() % 40;
          Vector x = DoubleVector(std::vector<double>(rows));
          std::vector<uint32_t> groups(rows);
          const bool one_group = random() % 3 == 0;
          for (size_t i = 0; i < rows; ++i) {
            x.doubles[i] = static_cast<double>(static_cast<int64_t>(random() % 2000) - 1000) / 8;
            groups[i] = one_group ? 0 : random() % group_count;
            if (random() % 5 == 0) {
              x.SetNull(i);
              x.doubles[i] = kNan;
              continue;
            }
            const uint32_t group = part == 0 ? groups[i] : group_count - 1 - groups[i];
            reference.groups[group].push_back(x.doubles[i]);
          }
          ASSERT_TRUE((one_group ? parts[part]->AddAll(0, rows, {&x, 1})
                                 : parts[part]->Add(groups, rows, {&x, 1}))
                          .ok());
        }
      }
      std::vector<uint32_t> reversed(group_count);
      for (uint32_t i = 0; i < group_count; ++i) reversed[i] = group_count - 1 - i;
      ASSERT_TRUE(parts[0]->Merge(*parts[1], reversed).ok());
      Vector out;
      ASSERT_TRUE(parts[0]->Finish(&out).ok());
      ASSERT_EQ(out.rows, group_count);
      for (uint32_t group = 0; group < group_count; ++group) {
        const std::vector<double>& values = reference.groups[group];
        const double expected = values.empty() ? kNan : Reference::Of(function, values);
        ASSERT_EQ(out.IsNull(group), std::isnan(expected)) << "seed " << seed;
        if (!std::isnan(expected)) {
          EXPECT_NEAR(out.doubles[group], expected, 1e-9 * (1 + std::abs(expected)))
              << InfoOf(function).name << " seed " << seed;
        }
      }
    }
  }
}

TEST(AggregateTest, RandomDistinctCountsInParts) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    std::set<std::pair<uint32_t, std::string>> expected;
    std::unique_ptr<Aggregator> parts[2];
    for (auto& part : parts) {
      part = New(F::kCount, kInt, true);
      part->Resize(3);
      for (int batch = 0; batch < 3; ++batch) {
        std::vector<Value> values;
        std::vector<uint32_t> groups;
        for (uint32_t i = random() % 60; i > 0; --i) {
          const std::string text(random() % 40, 'x');
          groups.push_back(random() % 3);
          values.push_back(Value::String(text));
          expected.insert({groups.back(), text});
        }
        const Vector x = ColumnVector(kString, values);
        ASSERT_TRUE(part->Add(groups, x.rows, {&x, 1}).ok());
      }
    }
    ASSERT_TRUE(parts[0]->Merge(*parts[1], std::vector<uint32_t>{0, 1, 2}).ok());
    Vector out;
    ASSERT_TRUE(parts[0]->Finish(&out).ok());
    for (uint32_t group = 0; group < 3; ++group) {
      EXPECT_EQ(out.ints[group],
                std::count_if(expected.begin(), expected.end(),
                              [group](const auto& pair) { return pair.first == group; }))
          << "seed " << seed;
    }
    EXPECT_GT(parts[0]->bytes(), 100U);
  }
}

TEST(AggregateTest, BytesGrowWithWhatIsKept) {
  const Vector x = DoubleVector(std::vector<double>(1000, 1.5));
  for (const F function : {F::kMedian, F::kCollect}) {
    const auto aggregator = New(function, function == F::kCollect ? kValue : kDouble);
    aggregator->Resize(1);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(aggregator->AddAll(0, x.rows, {&x, 1}).ok());
    EXPECT_GE(aggregator->bytes(), 10 * 1000 * (sizeof(double) + sizeof(uint32_t)));
  }
}

// --- OVER ---

BoundWindow WindowOf(F function, TypeKind kind, bool ordered) {
  BoundWindow window;
  window.function = function;
  window.type.kind = kind;
  window.span = {4, 2, 1, 5};
  if (ordered) window.order.emplace_back();
  return window;
}

std::string RunWindow(const BoundWindow& window, const std::vector<Vector>& arguments,
                      const std::vector<uint32_t>& order, const std::vector<bool>& peers) {
  Vector out;
  out.Reset(window.type.kind, 4);
  const absl::Status status = ComputeWindow(window, arguments, order, peers, &out);
  return status.ok() ? Text(out) : std::string(status.message());
}

TEST(WindowTest, RankLeavesNumbersOutAfterPeers) {
  EXPECT_EQ(RunWindow(WindowOf(F::kRank, kInt, true), {}, {2, 0, 3, 1}, {false, true, true, false}),
            "1, 4, 1, 1");
  EXPECT_EQ(
      RunWindow(WindowOf(F::kRank, kInt, false), {}, {0, 1, 2, 3}, {false, false, false, false}),
      "1, 1, 1, 1");
}

TEST(WindowTest, AggregatesOfThePartitionOrUpToThePeers) {
  Vector x = DoubleVector({1, 2, 4, 8});
  x.SetNull(1);
  const std::vector<uint32_t> order = {0, 1, 2, 3};
  const std::vector<bool> peers = {false, false, false, true};
  EXPECT_EQ(RunWindow(WindowOf(F::kSum, kDouble, false), {x}, order, peers), "13, 13, 13, 13");
  EXPECT_EQ(RunWindow(WindowOf(F::kSum, kDouble, true), {x}, order, peers), "1, 1, 13, 13");
  EXPECT_EQ(RunWindow(WindowOf(F::kCount, kInt, true), {}, order, peers), "1, 2, 4, 4");
  EXPECT_EQ(RunWindow(WindowOf(F::kMedian, kDouble, true), {x}, {3, 2, 1, 0},
                      {false, false, false, false}),
            "4, 6, 6, 8");
  EXPECT_THAT(RunWindow(WindowOf(F::kRate, kDouble, false), {x}, order, peers),
              HasSubstr("RATE cannot stand with OVER"));
}

TEST(WindowTest, RobustZ) {
  const Vector x = DoubleVector({1, 2, 3, 104});
  const std::vector<uint32_t> order = {0, 1, 2, 3};
  const std::vector<bool> peers(4, false);
  const BoundWindow window = WindowOf(F::kRobustZ, kDouble, false);
  EXPECT_EQ(RunWindow(window, {x}, order, peers), "-1.5, -0.5, 0.5, 101.5");  // MAD 1
  EXPECT_EQ(RunWindow(window, {x, DoubleVector({10, 10, 10, 10})}, order, peers),
            "-0.15, -0.05, 0.05, 10.15");
  EXPECT_EQ(RunWindow(window, {DoubleVector({5, 5, 5, 5})}, order, peers),
            "null, null, null, null");
  Vector gap = x;
  gap.SetNull(3);
  EXPECT_EQ(RunWindow(window, {gap}, order, peers), "-1, 0, 1, null");
  EXPECT_EQ(RunWindow(window, {x}, {}, {}), "0, 0, 0, 0") << "no row is written";
}

}  // namespace
}  // namespace twin::query
