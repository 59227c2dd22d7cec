// Figures of a fleet, for whoever watches one: queries whose answers are metrics, "battery_…".
// Internal to server/api.
#ifndef TWIN_SERVER_API_FLEET_GAUGES_H_
#define TWIN_SERVER_API_FLEET_GAUGES_H_

#include <chrono>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "server/api/metrics_page.h"
#include "server/base/sync.h"
#include "twingraph/v1/query_service.grpc.pb.h"

namespace twin::api {

// Thread-safe. A gauge that nobody reports (no estimate yet, no battery ontology) is left out.
//
// Cost: a handful of aggregates over vehicles and packs, not over cells, at most once in
// kInterval however often they are asked for; each ends after kDeadline, unanswered.
class FleetGauges {
 public:
  static constexpr std::chrono::seconds kInterval{10};
  static constexpr std::chrono::milliseconds kDeadline{1000};

  explicit FleetGauges(const std::shared_ptr<grpc::Channel>& channel);

  MetricFamilies Collect() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  MetricFamilies Ask() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::unique_ptr<twingraph::v1::QueryService::Stub> queries_;
  Mutex mutex_;
  MetricFamilies last_ ABSL_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point due_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_FLEET_GAUGES_H_
