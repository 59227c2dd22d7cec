// The gRPC server: all services over one engine.
#ifndef TWIN_SERVER_API_SERVER_H_
#define TWIN_SERVER_API_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/api/query_limits.h"
#include "server/engine/engine.h"
#include "server/predict/options.h"

namespace grpc {
class Channel;
}
namespace twingraph::v1 {
class StatusResponse;
}

namespace twin::api {

struct ServerOptions {
  std::string listen = "127.0.0.1:7480";  // host:port; port 0: any that is free
  bool insecure = false;                  // allows an address other than loopback, without TLS
  int message_bytes_max = 64 << 20;       // that a client may send
  int streams_per_connection_max = 1000;
  int work_threads = 4;  // for long calls: import, export, backup
  int64_t deadline_default_ms = 30'000;
  int64_t deadline_ms_max = 600'000;
  int64_t stream_idle_ms_max = 60'000;         // of an import or export whose client does nothing
  int64_t import_models_bytes_max = 64 << 20;  // texts of one section, before they are created
  int64_t import_line_bytes_max = 8 << 20;
  QueryLimits queries;
  predict::Options predictors;
  std::string version;
  std::string data_dir;
};

// Thread-safe.
class Server {
 public:
  // INVALID_ARGUMENT: as of CheckAddress. UNAVAILABLE: the address is taken.
  // DATA_LOSS: what is kept of predictors cannot be read.
  // The engine must outlive the server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       engine::Engine* engine);
  ~Server();

  int port() const;

  // What AdminService.Status answers.
  void FillStatus(twingraph::v1::StatusResponse* response) const;
  // A way to call the services without a network, until Stop.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // Accepts no more, lets what runs finish for `grace_ms`, then ends it.
  void Stop(int64_t grace_ms);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_SERVER_H_
