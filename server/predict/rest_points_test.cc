#include "server/predict/rest_points.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace twin::predict {
namespace {

struct Samples {
  std::vector<double> time, current, soc;
  void Add(double t, double ampere, double percent) {
    time.push_back(t);
    current.push_back(ampere);
    soc.push_back(percent);
  }
  ChargeSamples view() const { return {time, current, soc}; }
};

constexpr RestOptions kOptions = {.rest_current = 1};

// A sample each minute.
void AddMinutes(Samples* samples, int minutes, double ampere, double soc, double soc_after) {
  const double begin = samples->time.empty() ? 0 : samples->time.back() + 60;
  for (int i = 0; i < minutes; ++i) {
    samples->Add(begin + 60.0 * i, ampere, soc + (soc_after - soc) * i / minutes);
  }
}

TEST(RestPoints, AreTheEndsOfRests) {
  Samples samples;
  AddMinutes(&samples, 20, 0, 20, 20);
  AddMinutes(&samples, 60, 50, 20, 70);
  AddMinutes(&samples, 20, 0.5, 70, 70);
  const std::vector<RestPoint> points = FindRestPoints(samples.view(), kOptions);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].soc, 20);
  EXPECT_EQ(points[1].soc, 70);
  EXPECT_EQ(points[0].stretch, points[1].stretch);
  // 59 minutes between charging samples, half a minute's step at each end.
  EXPECT_NEAR(points[1].charge_ah - points[0].charge_ah, 50.0 + 0.5 * 20 / 60, 0.05);
}

TEST(RestPoints, AStopOfAMinuteIsNoRest) {
  Samples samples;
  AddMinutes(&samples, 60, -50, 90, 40);
  AddMinutes(&samples, 3, 0, 40, 40);
  AddMinutes(&samples, 60, -50, 40, 10);
  EXPECT_TRUE(FindRestPoints(samples.view(), kOptions).empty());
}

TEST(RestPoints, AVehicleThatSaysNothingRests) {
  Samples samples;
  AddMinutes(&samples, 30, -40, 80, 60);
  samples.Add(samples.time.back() + 8 * 3600, -10, 60.5);  // the next morning
  AddMinutes(&samples, 5, -40, 60, 55);
  const std::vector<RestPoint> points = FindRestPoints(samples.view(), kOptions);
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].soc, 60.5);
}

TEST(RestPoints, ChargeThatFlowedUnseenDividesStretches) {
  Samples samples;
  AddMinutes(&samples, 20, 0, 30, 30);
  samples.Add(samples.time.back() + 8 * 3600, 0, 85);  // charged overnight, unreported
  const std::vector<RestPoint> points = FindRestPoints(samples.view(), kOptions);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_NE(points[0].stretch, points[1].stretch);
}

TEST(RestPoints, SamplesOutOfOrderAndWithoutNumberAreLeftOut) {
  Samples samples;
  AddMinutes(&samples, 20, 0, 50, 50);
  samples.Add(60, 400, 10);
  samples.Add(NAN, 400, 10);
  samples.Add(samples.time[19] + 60, INFINITY, 50);
  const std::vector<RestPoint> points = FindRestPoints(samples.view(), kOptions);
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].soc, 50);
  EXPECT_EQ(points[0].charge_ah, 0);
  EXPECT_TRUE(FindRestPoints({}, kOptions).empty());
}

}  // namespace
}  // namespace twin::predict
