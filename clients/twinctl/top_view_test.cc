#include "clients/twinctl/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"

namespace twin::twinctl {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using twingraph::v1::Latency;
using twingraph::v1::StatusResponse;

constexpr int64_t kSecond = 1'000'000'000;

StatusResponse StatusAt(int64_t seconds) {
  StatusResponse status;
  status.set_version("1.2.3");
  status.set_start_time_unix_nano(1000 * kSecond);
  status.set_time_unix_nano((1000 + seconds) * kSecond);
  return status;
}

std::string Text(const TopView& view) {
  return absl::StrJoin(view.Lines("host:1", 0, 0, Style()), "\n");
}

TEST(TopViewTest, RatesAreThoseOfTheInterval) {
  StatusResponse before = StatusAt(100);
  before.mutable_history()->set_samples(1'000'000);
  before.mutable_ingest()->set_rows(500);
  before.set_cpu_seconds(10);
  StatusResponse now = StatusAt(102);
  now.mutable_history()->set_samples(1'300'000);
  now.mutable_ingest()->set_rows(2'500);
  now.mutable_events()->set_subscribers(1);
  now.mutable_events()->set_delivered(3);
  now.set_cpu_seconds(11);
  const std::string text = Text(TopView(before, now));
  EXPECT_THAT(text, HasSubstr("twind 1.2.3 at host:1, up 1m42s, writes accepted"));
  EXPECT_THAT(text, HasSubstr("150,000 values/s, 1,000 frames/s"));
  EXPECT_THAT(text, HasSubstr("1 subscriber, 0 behind, 1.5 delivered/s"));
  EXPECT_THAT(text, HasSubstr("50 % of a processor"));
  EXPECT_EQ(TopView(before, now).ToJson()["valuesPerSecond"], 150'000);
}

TEST(TopViewTest, CallsHaveLatenciesOfTheInterval) {
  StatusResponse before = StatusAt(100);
  auto* rpc = before.add_rpcs();
  rpc->set_method("twingraph.v1.TwinService/GetTwin");
  rpc->set_finished(100);
  rpc->mutable_latency()->add_counts(100);  // all within 8 us
  StatusResponse now = StatusAt(101);
  rpc = now.add_rpcs();
  rpc->set_method("twingraph.v1.TwinService/GetTwin");
  rpc->set_finished(200);
  rpc->set_failed(20);
  rpc->mutable_latency()->add_counts(100);
  for (int i = 0; i < 6; ++i) rpc->mutable_latency()->add_counts(0);
  rpc->mutable_latency()->add_counts(100);  // 524 us to 1 ms
  const std::string text = Text(TopView(before, now));
  EXPECT_THAT(text, HasSubstr("TwinService/GetTwin"));
  const Json call = TopView(before, now).ToJson()["calls"][0];
  EXPECT_EQ(call["perSecond"], 100);
  EXPECT_EQ(call["failedPerSecond"], 20);
  EXPECT_NEAR(call["p50Ms"], 0.786, 0.01);
  EXPECT_THAT(call["p99Ms"].get<double>(),
              ::testing::AllOf(::testing::Gt(0.9), ::testing::Lt(1.05)));
}

TEST(TopViewTest, NothingHasNoLatency) {
  EXPECT_LT(LatencyPercentileMs(Latency(), Latency(), 0.5), 0);
  EXPECT_TRUE(TopView(StatusAt(1), StatusAt(2)).ToJson()["batchP50Ms"].is_null());
}

TEST(TopViewTest, SubscriptionsAreListedWhereThereAreSome) {
  StatusResponse now = StatusAt(2);
  EXPECT_THAT(Text(TopView(StatusAt(1), now)), Not(HasSubstr("SUBSCRIPTION")));
  auto* lag = now.mutable_events()->add_lags();
  lag->set_name("billing\x1b[31m");
  lag->set_lag_sequences(1234);
  const std::string text = Text(TopView(StatusAt(1), now));
  EXPECT_THAT(text, HasSubstr("1,234"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(TopViewTest, PredictorsAreThereWhereThereAreSome) {
  StatusResponse now = StatusAt(2);
  EXPECT_THAT(Text(TopView(StatusAt(1), now)), Not(HasSubstr("predictor")));
  now.mutable_predictors()->set_registered(2);
  now.mutable_predictors()->set_running(1);
  now.mutable_predictors()->set_predictions(5'000);
  EXPECT_THAT(Text(TopView(StatusAt(1), now)),
              HasSubstr("2 predictors, 1 running, 5,000 estimates/s, 0 failed calls/s"));
  EXPECT_EQ(TopView(StatusAt(1), now).ToJson()["predictionsPerSecond"], 5'000);
}

TEST(TopViewTest, FitsTheTerminal) {
  StatusResponse now = StatusAt(2);
  now.set_writing(std::string(300, 'x'));
  for (int i = 0; i < 40; ++i) {
    auto* rpc = now.add_rpcs();
    rpc->set_method("twingraph.v1.TwinService/M" + std::to_string(i));
    rpc->set_finished(1);
  }
  const std::vector<std::string> lines = TopView(StatusAt(1), now).Lines("h:1", 60, 20, Style());
  EXPECT_THAT(lines, SizeIs(20));
  EXPECT_THAT(lines, Each(::testing::SizeIs(::testing::Le(60u))));
}

TEST(TopViewTest, ARestartIsNoNegativeRate) {
  StatusResponse before = StatusAt(100);
  before.mutable_history()->set_samples(1'000'000);
  StatusResponse now = StatusAt(101);
  now.mutable_history()->set_samples(5);
  EXPECT_EQ(TopView(before, now).ToJson()["valuesPerSecond"], 0);
}

}  // namespace
}  // namespace twin::twinctl
