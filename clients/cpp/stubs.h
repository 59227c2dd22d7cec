// What a Client holds. Internal to this module.
#ifndef TWIN_CLIENTS_CPP_STUBS_H_
#define TWIN_CLIENTS_CPP_STUBS_H_

#include <memory>
#include <utility>

#include "clients/cpp/call.h"
#include "clients/cpp/client.h"
#include "twingraph/v1/admin_service.grpc.pb.h"
#include "twingraph/v1/event_service.grpc.pb.h"
#include "twingraph/v1/history_service.grpc.pb.h"
#include "twingraph/v1/model_service.grpc.pb.h"
#include "twingraph/v1/predictor_service.grpc.pb.h"
#include "twingraph/v1/query_service.grpc.pb.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::client {

struct Client::Stubs {
  Stubs(ClientOptions options, const std::shared_ptr<grpc::Channel>& channel)
      : caller(std::move(options), channel),
        models(twingraph::v1::ModelService::NewStub(channel)),
        twins(twingraph::v1::TwinService::NewStub(channel)),
        queries(twingraph::v1::QueryService::NewStub(channel)),
        events(twingraph::v1::EventService::NewStub(channel)),
        admin(twingraph::v1::AdminService::NewStub(channel)),
        telemetry(twingraph::v1::TelemetryService::NewStub(channel)),
        history(twingraph::v1::HistoryService::NewStub(channel)),
        predictors(twingraph::v1::PredictorService::NewStub(channel)) {}

  const Caller caller;
  const std::unique_ptr<twingraph::v1::ModelService::Stub> models;
  const std::unique_ptr<twingraph::v1::TwinService::Stub> twins;
  const std::unique_ptr<twingraph::v1::QueryService::Stub> queries;
  const std::unique_ptr<twingraph::v1::EventService::Stub> events;
  const std::unique_ptr<twingraph::v1::AdminService::Stub> admin;
  const std::unique_ptr<twingraph::v1::TelemetryService::Stub> telemetry;
  const std::unique_ptr<twingraph::v1::HistoryService::Stub> history;
  const std::unique_ptr<twingraph::v1::PredictorService::Stub> predictors;
};

}  // namespace twin::client

#endif  // TWIN_CLIENTS_CPP_STUBS_H_
