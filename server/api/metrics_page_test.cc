#include "server/api/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <sstream>

#include "server/api/rpc_metrics.h"

namespace twin::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Page(const twingraph::v1::StatusResponse& status) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, MetricsOf(status));
  return out.str();
}

TEST(MetricsPageTest, SaysWhatTheStatusSays) {
  twingraph::v1::StatusResponse status;
  status.set_twins(42);
  status.mutable_history()->set_samples(7);
  status.mutable_ingest()->set_rejects(3);
  status.mutable_memory()->set_columns_bytes(1000);
  status.mutable_events()->set_delivered(5);
  status.mutable_predictors()->set_registered(2);
  status.mutable_predictors()->set_predictions(9);
  status.mutable_predictors()->set_failures(1);
  const std::string page = Page(status);
  EXPECT_THAT(page, HasSubstr("# TYPE twind_twins gauge\ntwind_twins 42\n"));
  EXPECT_THAT(page, HasSubstr("twind_ingest_values_total 7\n"));
  EXPECT_THAT(page, HasSubstr("twind_ingest_rejects_total 3\n"));
  EXPECT_THAT(page, HasSubstr("twind_memory_bytes{part=\"columns\"} 1000\n"));
  EXPECT_THAT(page, HasSubstr("twind_events_delivered_total 5\n"));
  EXPECT_THAT(page, HasSubstr("twind_writes_accepted 1\n"));
  EXPECT_THAT(page, HasSubstr("twind_predictors_registered 2\n"));
  EXPECT_THAT(page, HasSubstr("twind_predictor_failures_total 1\n"));
  EXPECT_THAT(page,
              HasSubstr("# TYPE battery_predictions_total counter\nbattery_predictions_total 9\n"));
  status.set_writing("the disk is full");
  EXPECT_THAT(Page(status), HasSubstr("twind_writes_accepted 0\n"));
}

TEST(MetricsPageTest, LatenciesAreCumulative) {
  Metrics metrics;
  MethodMetrics* const method = metrics.rpcs.Of("TwinService/GetTwin");
  EXPECT_EQ(metrics.rpcs.Of("TwinService/GetTwin"), method);
  metrics.rpcs.Of("TwinService/CreateTwin");  // nobody calls it
  method->Add(std::chrono::microseconds(5), true);
  method->Add(std::chrono::milliseconds(1), false);
  method->Add(std::chrono::minutes(10), true);
  twingraph::v1::StatusResponse status;
  metrics.rpcs.Fill(&status);
  ASSERT_EQ(status.rpcs_size(), 1);
  const std::string page = Page(status);
  const std::string name = "method=\"twingraph.v1.TwinService/GetTwin\"";
  EXPECT_THAT(page, HasSubstr("twind_rpc_seconds_count{" + name + "} 3\n"));
  EXPECT_THAT(page, HasSubstr("twind_rpc_seconds_bucket{" + name + ",le=\"0.000524288\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("twind_rpc_seconds_bucket{" + name + ",le=\"0.001048576\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("twind_rpc_seconds_bucket{" + name + ",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("twind_rpc_failed_total{" + name + "} 1\n"));
  EXPECT_THAT(page, Not(HasSubstr("CreateTwin")));
}

TEST(MetricsPageTest, ClassesOfLatencyHoldWhatTheySay) {
  for (const int64_t nanos : {int64_t{1}, int64_t{8192}, int64_t{8193}, int64_t{1'000'000},
                              int64_t{1} << 37, (int64_t{1} << 37) + 1}) {
    LatencyHistogram histogram;
    histogram.Add(std::chrono::nanoseconds(nanos));
    twingraph::v1::Latency latency;
    histogram.Fill(&latency);
    const auto index = static_cast<size_t>(latency.counts_size() - 1);
    const double seconds = static_cast<double>(nanos) / 1e9;
    if (index + 1 < LatencyHistogram::kClasses) {
      EXPECT_LE(seconds, LatencyHistogram::BoundSeconds(index)) << nanos;
    }
    if (index > 0) {
      EXPECT_GT(seconds, LatencyHistogram::BoundSeconds(index - 1)) << nanos;
    }
  }
}

}  // namespace
}  // namespace twin::api
