#include "server/api/metrics_server.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/fleet_gauges.h"
#include "server/api/listen.h"
#include "server/api/metrics_page.h"
#include "server/base/status_macros.h"

namespace twin::api {
class MetricsServer::Impl {
 public:
  Impl(const std::string& listen, Server* server);
  int port() const { return exposer_.GetListeningPorts().front(); }

 private:
  class Collector;

  std::shared_ptr<prometheus::Collectable> collector_;
  prometheus::Exposer exposer_;
};

class MetricsServer::Impl::Collector final : public prometheus::Collectable {
 public:
  explicit Collector(Server* server) : server_(*server), gauges_(server->InProcessChannel()) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    twingraph::v1::StatusResponse status;
    server_.FillStatus(&status);
    MetricFamilies families = MetricsOf(status);
    for (prometheus::MetricFamily& family : gauges_.Collect()) {
      families.push_back(std::move(family));
    }
    return families;
  }

 private:
  Server& server_;
  mutable FleetGauges gauges_;
};

MetricsServer::Impl::Impl(const std::string& listen, Server* server)
    : collector_(std::make_shared<Collector>(server)), exposer_(listen) {
  exposer_.RegisterCollectable(collector_);
}

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetricsServer::~MetricsServer() = default;

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& listen,
                                                                    bool insecure, Server* server) {
  TWIN_RETURN_IF_ERROR(CheckAddress("--metrics-listen", listen, insecure));
  // The library throws.
  try {
    return std::unique_ptr<MetricsServer>(
        new MetricsServer(std::make_unique<Impl>(listen, server)));
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("cannot listen for metrics on ", listen,
                                               "; is another server there? (", error.what(), ")"));
  }
}

int MetricsServer::port() const { return impl_->port(); }

}  // namespace twin::api
