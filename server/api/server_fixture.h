// For tests: a server on a folder of its own, and calls of it.
#ifndef TWIN_SERVER_API_SERVER_FIXTURE_H_
#define TWIN_SERVER_API_SERVER_FIXTURE_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/api/server.h"
#include "server/base/check.h"
#include "server/engine/engine.h"
#include "tests/support/engine_folder.h"
#include "tests/support/status_matchers.h"
#include "twingraph/v1/admin_service.grpc.pb.h"
#include "twingraph/v1/event_service.grpc.pb.h"
#include "twingraph/v1/model_service.grpc.pb.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::api {

namespace pb = ::twingraph::v1;

inline constexpr absl::string_view kServedModels = R"([
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Pack;1","@type":"Interface",
   "displayName":"Pack","contents":[
    {"@type":"Property","name":"name","schema":"string"},
    {"@type":"Property","name":"volt","schema":"double"},
    {"@type":"Property","name":"made","schema":"dateTime"},
    {"@type":"Property","name":"limits","schema":{"@type":"Map","mapKey":{"name":"k",
      "schema":"string"},"mapValue":{"name":"v","schema":"integer"}}},
    {"@type":"Component","name":"bms","schema":"dtmi:t:Bms;1"},
    {"@type":"Relationship","name":"hasCell","target":"dtmi:t:Cell;1","properties":[
      {"@type":"Property","name":"position","schema":"integer"}]}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Bms;1","@type":"Interface","contents":[
    {"@type":"Property","name":"firmware","schema":"string"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":"Property","name":"volt","schema":"double"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Cell;2","@type":"Interface",
   "extends":"dtmi:t:Cell;1"}])";

// The status that a call ended with, without its details.
inline absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

// A server on a folder of its own.
class RunningServer {
 public:
  explicit RunningServer(ServerOptions options = {}) {
    engine::EngineOptions engine_options = folder_.options();
    engine_options.segment_bytes = 4 << 20;
    engine_options.limits.batch_bytes_max = 2 << 20;
    engine_ = engine::OpenEngine(engine_options);
    options.listen = "127.0.0.1:0";
    options.version = "test";
    auto server = Server::Start(options, engine_.get());
    TWIN_CHECK(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                             grpc::InsecureChannelCredentials());
    models_ = pb::ModelService::NewStub(channel);
    twins_ = pb::TwinService::NewStub(channel);
    admin_ = pb::AdminService::NewStub(channel);
    events_ = pb::EventService::NewStub(channel);
    telemetry_ = pb::TelemetryService::NewStub(channel);
  }

  absl::Status CreateModels(absl::string_view texts) {
    pb::CreateModelsRequest request;
    request.add_texts(std::string(texts));
    pb::CreateModelsResponse response;
    return Call(&pb::ModelService::Stub::CreateModels, models_.get(), request, &response);
  }
  absl::Status CreateTwin(const std::string& id, const std::string& model,
                          const std::string& contents) {
    pb::CreateTwinRequest request;
    request.mutable_twin()->set_id(id);
    request.mutable_twin()->set_model_id(model);
    request.mutable_twin()->set_contents_json(contents);
    pb::CreateTwinResponse response;
    return Call(&pb::TwinService::Stub::CreateTwin, twins_.get(), request, &response);
  }
  absl::Status Relate(const std::string& source, const std::string& id, const std::string& target) {
    pb::CreateRelationshipRequest request;
    request.mutable_relationship()->set_source_id(source);
    request.mutable_relationship()->set_id(id);
    request.mutable_relationship()->set_name("hasCell");
    request.mutable_relationship()->set_target_id(target);
    request.mutable_relationship()->set_contents_json(R"({"position":3})");
    pb::CreateRelationshipResponse response;
    return Call(&pb::TwinService::Stub::CreateRelationship, twins_.get(), request, &response);
  }
  std::string GetJson(const std::string& id) {
    pb::GetTwinRequest request;
    request.set_id(id);
    request.set_format(pb::JSON);
    pb::GetTwinResponse response;
    const absl::Status status =
        Call(&pb::TwinService::Stub::GetTwin, twins_.get(), request, &response);
    return status.ok() ? response.twin().contents_json() : status.ToString();
  }
  void Fill() {
    EXPECT_THAT(CreateModels(kServedModels), testing::IsOk());
    EXPECT_THAT(
        CreateTwin("p", "dtmi:t:Pack;1", R"({"bms":{"firmware":"1"},"volt":400,"limits":{"a":1}})"),
        testing::IsOk());
    for (const char* id : {"c1", "c2", "c3"}) {
      EXPECT_THAT(CreateTwin(id, "dtmi:t:Cell;1", R"({"volt":3.7})"), testing::IsOk());
    }
    EXPECT_THAT(Relate("p", "r1", "c1"), testing::IsOk());
    EXPECT_THAT(Relate("p", "r2", "c2"), testing::IsOk());
  }
  std::string Export(const pb::ExportRequest& request = {}) {
    grpc::ClientContext context;
    const auto reader = twins_->Export(&context, request);
    pb::ExportResponse response;
    std::string data;
    while (reader->Read(&response)) data += response.data();
    TWIN_CHECK(reader->Finish().ok());
    return data;
  }
  absl::Status Import(const std::string& data, const pb::ImportOptions& options,
                      pb::ImportProgress* last, std::vector<std::string>* errors,
                      size_t message_bytes = 777) {
    grpc::ClientContext context;
    const auto stream = twins_->Import(&context);
    pb::ImportRequest request;
    *request.mutable_options() = options;
    stream->Write(request);
    std::thread writer([&] {
      // Pieces that end anywhere.
      for (size_t at = 0; at < data.size(); at += message_bytes) {
        request.set_data(data.substr(at, message_bytes));
        if (!stream->Write(request)) break;
      }
      stream->WritesDone();
    });
    while (stream->Read(last)) {
      for (const auto& error : last->new_errors()) {
        errors->push_back(absl::StrCat(error.line(), ": ", error.message()));
      }
    }
    writer.join();
    return ToAbsl(stream->Finish());
  }

  template <typename Method, typename Stub, typename Request, typename Response>
  absl::Status Call(Method method, Stub* stub, const Request& request, Response* response) {
    grpc::ClientContext context;
    const grpc::Status status = (stub->*method)(&context, request, response);
    details_ = status.error_details();
    return ToAbsl(status);
  }

  engine::EngineFolder folder_;
  std::string details_;  // of the last error
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<pb::ModelService::Stub> models_;
  std::unique_ptr<pb::TwinService::Stub> twins_;
  std::unique_ptr<pb::AdminService::Stub> admin_;
  std::unique_ptr<pb::EventService::Stub> events_;
  std::unique_ptr<pb::TelemetryService::Stub> telemetry_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_SERVER_FIXTURE_H_
