#include "server/api/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "server/api/admin_service.h"
#include "server/api/call.h"
#include "server/api/event_service.h"
#include "server/api/history_service.h"
#include "server/api/listen.h"
#include "server/api/model_service.h"
#include "server/api/predictor_client.h"
#include "server/api/predictor_service.h"
#include "server/api/queries.h"
#include "server/api/query_service.h"
#include "server/api/rpc_metrics.h"
#include "server/api/telemetry_service.h"
#include "server/api/twin_service.h"
#include "server/api/work_pool.h"
#include "server/base/status_macros.h"
#include "server/engine/predict_host.h"
#include "server/predict/predictors.h"

namespace twin::api {
class Server::Impl {
 public:
  Impl(const ServerOptions& options, engine::Engine* engine)
      : queries_(options.queries),
        pool_("work", options.work_threads),
        services_{engine,
                  &pool_,
                  options.version,
                  options.data_dir,
                  options.deadline_default_ms,
                  options.deadline_ms_max,
                  options.stream_idle_ms_max,
                  options.import_models_bytes_max,
                  options.import_line_bytes_max,
                  &queries_,
                  nullptr,
                  &metrics_},
        feature_tasks_(query::NewTaskPool(engine::FeatureThreads(queries_.tasks->threads()),
                                          query::PoolThreads::kGiveWay)),
        predict_host_(engine::NewPredictHost(engine, feature_tasks_.get())),
        models_(services_),
        twins_(services_),
        telemetry_(services_),
        history_(services_),
        query_(services_),
        events_(services_),
        predictor_service_(services_),
        admin_(services_) {}

  absl::Status Start(const ServerOptions& options) {
    TWIN_RETURN_IF_ERROR(CheckAddress("--listen", options.listen, options.insecure));
    TWIN_ASSIGN_OR_RETURN(predictors_, predict::Predictors::Open(options.predictors,
                                                                 predict_host_.get(), &connector_));
    services_.predictors = predictors_.get();
    // Debian's Abseil was built to look for deadlocks, under one lock for all of gRPC's.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&models_);
    builder.RegisterService(&twins_);
    builder.RegisterService(&telemetry_);
    builder.RegisterService(&history_);
    builder.RegisterService(&query_);
    builder.RegisterService(&events_);
    builder.RegisterService(&predictor_service_);
    builder.RegisterService(&admin_);
    builder.SetMaxReceiveMessageSize(options.message_bytes_max);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.streams_per_connection_max);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 64 << 10);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 9'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", options.listen, "; is another server there?"));
    }
    // Not before: gRPC makes its threads, for all calls, from the one that needs them first, and
    // they inherit its priority.
    predictors_->Start();
    return absl::OkStatus();
  }

  ~Impl() { Stop(0); }

  void Stop(int64_t grace_ms) {
    if (server_ == nullptr) return;
    server_->GetHealthCheckService()->SetServingStatus(false);
    predictors_->Stop();  // calls that wait for a run end
    events_.Stop();       // subscriptions have no end of their own
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(grace_ms));
    server_->Wait();
    server_.reset();
  }

  int port() const { return port_; }
  void FillStatus(twingraph::v1::StatusResponse* response) const { admin_.FillStatus(response); }
  std::shared_ptr<grpc::Channel> InProcessChannel() {
    return server_->InProcessChannel(grpc::ChannelArguments());
  }

 private:
  Metrics metrics_;
  Queries queries_;
  WorkPool pool_;
  Services services_;
  PredictorConnector connector_;
  const std::unique_ptr<query::TaskPool> feature_tasks_;
  const std::unique_ptr<predict::Host> predict_host_;
  std::unique_ptr<predict::Predictors> predictors_;
  ModelService models_;
  TwinService twins_;
  TelemetryService telemetry_;
  HistoryService history_;
  QueryService query_;
  EventService events_;
  PredictorService predictor_service_;
  AdminService admin_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      engine::Engine* engine) {
  auto impl = std::make_unique<Impl>(options, engine);
  if (const absl::Status status = impl->Start(options); !status.ok()) return status;
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

int Server::port() const { return impl_->port(); }
void Server::FillStatus(twingraph::v1::StatusResponse* response) const {
  impl_->FillStatus(response);
}
std::shared_ptr<grpc::Channel> Server::InProcessChannel() { return impl_->InProcessChannel(); }
void Server::Stop(int64_t grace_ms) { impl_->Stop(grace_ms); }

}  // namespace twin::api
