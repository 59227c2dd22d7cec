// Aggregates over samples in the order of time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "query/execute/aggregate.h"
#include "query/execute/evaluate_testing.h"

namespace twin::query {
namespace {

using namespace twin::query::testing;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;
using enum TypeKind;
using F = Function;

constexpr double kNull1 = std::numeric_limits<double>::quiet_NaN();  // stands for NULL

std::unique_ptr<Aggregator> New(F function, const AggregateOptions& options) {
  BoundAggregate aggregate;
  aggregate.function = function;
  aggregate.type.kind = kDouble;
  aggregate.span = {4, 2, 1, 5};
  auto aggregator = NewAggregator(aggregate, options);
  aggregator->Resize(1);
  return aggregator;
}

struct Sample {
  int64_t second;
  double value;
  int64_t series = 0;
};

std::vector<Vector> Arguments(const std::vector<Sample>& samples) {
  std::vector<Vector> out = {DoubleVector(std::vector<double>(samples.size())),
                             IntVector(std::vector<int64_t>(samples.size()), kTime),
                             IntVector(std::vector<int64_t>(samples.size()))};
  for (size_t i = 0; i < samples.size(); ++i) {
    out[0].doubles[i] = samples[i].value;
    if (std::isnan(samples[i].value)) out[0].SetNull(i);
    out[1].ints[i] = samples[i].second * kNsPerSecond;
    out[2].ints[i] = samples[i].series;
  }
  return out;
}

AggregateOptions Window(int64_t from, int64_t to, int64_t max_gap = 300) {
  return {max_gap * kNsPerSecond, from * kNsPerSecond, to * kNsPerSecond};
}

std::string Answer(F function, const AggregateOptions& options,
                   const std::vector<Sample>& samples) {
  const auto aggregator = New(function, options);
  const absl::Status status = aggregator->AddAll(0, samples.size(), Arguments(samples));
  if (!status.ok()) return std::string(status.message());
  Vector out;
  EXPECT_TRUE(aggregator->Finish(&out).ok());
  return Text(out);
}

TEST(TimeAggregateTest, WithoutAWindowFromTheFirstSampleToTheLast) {
  const std::vector<Sample> samples = {{0, 1}, {10, 3}, {40, 5}};
  const AggregateOptions options;
  EXPECT_EQ(Answer(F::kTimeAvg, options, samples), "2.5");   // (10·1 + 30·3) / 40
  EXPECT_EQ(Answer(F::kIntegral, options, samples), "140");  // 10·2 + 30·4
  EXPECT_EQ(Answer(F::kRate, options, samples), "0.1");
  EXPECT_EQ(Answer(F::kDelta, options, samples), "4");
  EXPECT_EQ(Answer(F::kTimeWhere, options, {{0, 1}, {10, 0}, {40, 1}, {45, 1}}), "15");
  EXPECT_EQ(Answer(F::kSlope, options, {{0, 1}, {10, 21}, {40, 81}}), "2");
}

TEST(TimeAggregateTest, NothingOneSampleAndNulls) {
  const AggregateOptions options;
  const F all[] = {F::kTimeAvg, F::kTimeWhere, F::kRate, F::kDelta, F::kIntegral, F::kSlope};
  for (const F function : all) {
    EXPECT_EQ(Answer(function, options, {}), "null");
    EXPECT_EQ(Answer(function, options, {{5, kNull1}}), "null");
  }
  EXPECT_EQ(Answer(F::kTimeAvg, options, {{5, 7}}), "7");
  EXPECT_EQ(Answer(F::kTimeWhere, options, {{5, 1}}), "0");
  EXPECT_EQ(Answer(F::kRate, options, {{5, 7}}), "null");
  EXPECT_EQ(Answer(F::kDelta, options, {{5, 7}}), "0");
  EXPECT_EQ(Answer(F::kIntegral, options, {{5, 7}}), "0");
  EXPECT_EQ(Answer(F::kSlope, options, {{5, 7}}), "null");
  // A row without a value does not end what held before it.
  EXPECT_EQ(Answer(F::kTimeAvg, options, {{0, 1}, {5, kNull1}, {10, 3}, {20, 3}}), "2");
}

TEST(TimeAggregateTest, TheWindowBeginsWithTheSampleBeforeItAndEndsWithTheLastInIt) {
  const std::vector<Sample> samples = {{90, 1}, {110, 3}, {140, 5}};
  EXPECT_EQ(Answer(F::kTimeAvg, Window(100, 200), samples), "4");     // 10·1 + 30·3 + 60·5
  EXPECT_EQ(Answer(F::kIntegral, Window(100, 200), samples), "140");  // 10·2 + 30·4
  EXPECT_EQ(Answer(F::kDelta, Window(100, 200), samples), "4");
  EXPECT_EQ(Answer(F::kRate, Window(100, 200), samples), "0.1");
  EXPECT_EQ(Answer(F::kTimeWhere, Window(100, 200), {{90, 1}, {110, 0}, {140, 1}}), "70");
  // Only the last one before it counts.
  EXPECT_EQ(Answer(F::kTimeAvg, Window(100, 200), {{50, 9}, {90, 1}, {150, 3}}), "2");
  EXPECT_EQ(Answer(F::kDelta, Window(100, 200), {{50, 9}, {100, 1}, {150, 3}}), "2");
}

TEST(TimeAggregateTest, ValuesHoldNoLongerThanTheMaximalGap) {
  EXPECT_EQ(Answer(F::kTimeAvg, Window(0, 1000, 10), {{0, 1}, {100, 4}}),
            "2.5");  // ten seconds each
  EXPECT_EQ(Answer(F::kTimeWhere, Window(0, 1000, 10), {{5, 1}, {100, 1}, {103, 0}}), "13");
  EXPECT_EQ(Answer(F::kIntegral, Window(0, 1000, 10), {{0, 1}, {10, 3}, {30, 3}, {31, 3}}), "23");
  // The sample before the window may hold into it, or no more.
  EXPECT_EQ(Answer(F::kTimeWhere, Window(100, 200, 20), {{95, 1}}), "15");
  EXPECT_EQ(Answer(F::kTimeWhere, Window(100, 200, 20), {{70, 1}}), "null");
  EXPECT_EQ(Answer(F::kIntegral, Window(100, 200, 20), {{95, 1}, {116, 1}}), "0");
  EXPECT_EQ(Answer(F::kIntegral, Window(100, 200, 20), {{95, 1}, {115, 1}}), "15");
}

TEST(TimeAggregateTest, SeveralSeriesAreTakenOneByOne) {
  const std::vector<Sample> samples = {{0, 1, 7}, {10, 3, 7}, {20, 3, 7}, {0, 1, 8}, {100, 1, 8}};
  EXPECT_EQ(Answer(F::kTimeAvg, {}, samples), "1.5");  // (2 + 1) / 2, however long each is
  EXPECT_EQ(Answer(F::kTimeWhere, {}, {{0, 1, 7}, {10, 0, 7}, {0, 1, 8}, {30, 1, 8}}), "40");
  for (const F function : {F::kRate, F::kDelta, F::kIntegral, F::kSlope}) {
    EXPECT_THAT(Answer(function, {}, samples), HasSubstr("GROUP BY"));
  }
  // Twice the same series, since two matches led to it.
  EXPECT_EQ(Answer(F::kDelta, {}, {{0, 1}, {10, 3}, {0, 1}, {10, 3}}), "2");
}

TEST(TimeAggregateTest, GroupsAndWindowsOfTheirOwn) {
  const auto aggregator = New(F::kTimeWhere, {});
  aggregator->Resize(3);
  std::vector<Vector> arguments = Arguments({{0, 1}, {0, 1}, {60, 0}});
  arguments.push_back(IntVector({0, 0, 0}, kTime));
  arguments.push_back(
      IntVector({60 * kNsPerSecond, 100 * kNsPerSecond, 100 * kNsPerSecond}, kTime));
  ASSERT_TRUE(aggregator->Add(std::vector<uint32_t>{0, 1, 1}, 3, arguments).ok());
  Vector out;
  ASSERT_TRUE(aggregator->Finish(&out).ok());
  EXPECT_EQ(Text(out), "60, 60, null");
}

// By the second, straight from the definition.
double Slow(F function, const std::vector<Sample>& all, int64_t from, int64_t to, int64_t gap) {
  std::vector<Sample> samples;
  std::vector<int64_t> recorded;
  for (const Sample& sample : all) {
    if (std::isnan(sample.value)) continue;
    if (sample.second <= from) {
      samples.clear();
      recorded.clear();
      if (from - sample.second > gap) continue;
    }
    samples.push_back({std::max(sample.second, from), sample.value});
    recorded.push_back(sample.second);
  }
  if (samples.empty()) return kNull1;
  double held = 0;
  double weighted = 0;
  for (int64_t second = from; second < to; ++second) {
    for (size_t i = 0; i < samples.size(); ++i) {
      const int64_t end = i + 1 < samples.size() ? samples[i + 1].second : to;
      if (second >= samples[i].second && second < end && second < recorded[i] + gap) {
        held += 1;
        weighted += samples[i].value;
      }
    }
  }
  double integral = 0;
  double mean_time = 0;
  double mean = 0;
  const auto n = static_cast<double>(samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    mean_time += static_cast<double>(samples[i].second) / n;
    mean += samples[i].value / n;
    if (i > 0 && recorded[i] - recorded[i - 1] <= gap) {
      integral += (samples[i].value + samples[i - 1].value) / 2 *
                  static_cast<double>(samples[i].second - samples[i - 1].second);
    }
  }
  double products = 0;
  double squares = 0;
  for (const Sample& sample : samples) {
    const double time = static_cast<double>(sample.second) - mean_time;
    products += time * (sample.value - mean);
    squares += time * time;
  }
  const double span = static_cast<double>(samples.back().second - samples[0].second);
  switch (function) {
    case F::kTimeAvg:
      return held > 0 ? weighted / held : mean;
    case F::kTimeWhere:
      return weighted;
    case F::kRate:
      return span > 0 ? (samples.back().value - samples[0].value) / span : kNull1;
    case F::kDelta:
      return samples.back().value - samples[0].value;
    case F::kIntegral:
      return integral;
    default:
      return squares > 0 ? products / squares : kNull1;
  }
}

TEST(TimeAggregateTest, RandomSeriesInOneAndInPartsAgreeWithTheDefinition) {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    std::mt19937 random(seed);
    const int64_t from = 100;
    const int64_t to = 160;
    const int64_t gap = random() % 25 + 1;
    std::vector<Sample> samples;
    for (int64_t second = 80 + random() % 30; second < to; second += random() % 15 + 1) {
      samples.push_back({second, random() % 6 == 0 ? kNull1 : static_cast<double>(random() % 9)});
    }
    const size_t cut = random() % (samples.size() + 1);
    const std::vector<Sample> early(samples.begin(), samples.begin() + static_cast<ptrdiff_t>(cut));
    const std::vector<Sample> late(samples.begin() + static_cast<ptrdiff_t>(cut), samples.end());
    for (const F function :
         {F::kTimeAvg, F::kTimeWhere, F::kRate, F::kDelta, F::kIntegral, F::kSlope}) {
      const double expected = Slow(function, samples, from, to, gap);
      const auto whole = New(function, Window(from, to, gap));
      ASSERT_TRUE(whole->AddAll(0, samples.size(), Arguments(samples)).ok());
      const auto parts = New(function, Window(from, to, gap));
      const auto rest = New(function, Window(from, to, gap));
      ASSERT_TRUE(parts->AddAll(0, early.size(), Arguments(early)).ok());
      ASSERT_TRUE(rest->AddAll(0, late.size(), Arguments(late)).ok());
      ASSERT_TRUE(parts->Merge(*rest, std::vector<uint32_t>{0}).ok());
      for (Aggregator* aggregator : {whole.get(), parts.get()}) {
        Vector out;
        ASSERT_TRUE(aggregator->Finish(&out).ok());
        ASSERT_EQ(out.IsNull(0), std::isnan(expected)) << InfoOf(function).name << " seed " << seed
                                                       << " parts " << (aggregator != whole.get());
        if (std::isnan(expected)) continue;
        EXPECT_NEAR(out.doubles[0], expected, 1e-9) << InfoOf(function).name << " seed " << seed
                                                    << " parts " << (aggregator != whole.get());
      }
    }
  }
}

}  // namespace
}  // namespace twin::query
