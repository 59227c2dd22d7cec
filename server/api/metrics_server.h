// The HTTP page that Prometheus reads: http://ADDRESS/metrics.
#ifndef TWIN_SERVER_API_METRICS_SERVER_H_
#define TWIN_SERVER_API_METRICS_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/api/server.h"

namespace twin::api {

// Thread-safe. A scrape costs what AdminService.Status costs, and now and then the queries of
// FleetGauges; two are answered at once, others wait.
class MetricsServer {
 public:
  // INVALID_ARGUMENT: as of CheckAddress. UNAVAILABLE: it is taken.
  //   listen: host:port; port 0: any that is free
  //   server: must outlive this, and may be stopped only after it
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& listen,
                                                              bool insecure, Server* server);
  ~MetricsServer();

  int port() const;

 private:
  class Impl;
  explicit MetricsServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_METRICS_SERVER_H_
