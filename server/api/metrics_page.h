// A server's status as metrics for Prometheus. docs/operations.md lists them. Internal to
// server/api.
#ifndef TWIN_SERVER_API_METRICS_PAGE_H_
#define TWIN_SERVER_API_METRICS_PAGE_H_

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "twingraph/v1/admin_service.pb.h"

namespace twin::api {

using MetricFamilies = std::vector<prometheus::MetricFamily>;

// The families of a status, "twind_…". Their number does not depend on the graph.
MetricFamilies MetricsOf(const twingraph::v1::StatusResponse& status);

// A metric with one label, for whoever makes a family.
prometheus::ClientMetric LabelledMetric(const std::string& label, const std::string& value);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_METRICS_PAGE_H_
