// Every call of the services is counted, each once, by its name.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "server/api/server_fixture.h"
#include "twingraph/v1/history_service.pb.h"
#include "twingraph/v1/predictor_service.pb.h"
#include "twingraph/v1/query_service.pb.h"
#include "twingraph/v1/telemetry_service.pb.h"

namespace twin::api {
namespace {

using ::google::protobuf::MethodDescriptor;
using ::google::protobuf::ServiceDescriptor;
using ::twin::testing::IsOk;

std::vector<const MethodDescriptor*> Methods() {
  std::vector<const MethodDescriptor*> methods;
  for (const google::protobuf::Descriptor* message :
       {pb::StatusRequest::descriptor(), pb::SubscribeRequest::descriptor(),
        pb::ImportHistoryRequest::descriptor(), pb::ListModelsRequest::descriptor(),
        pb::ListPredictorsRequest::descriptor(), pb::QueryRequest::descriptor(),
        pb::IngestRequest::descriptor(), pb::GetTwinRequest::descriptor()}) {
    const google::protobuf::FileDescriptor* const file = message->file();
    for (int i = 0; i < file->service_count(); ++i) {
      const ServiceDescriptor* const service = file->service(i);
      for (int j = 0; j < service->method_count(); ++j) methods.push_back(service->method(j));
    }
  }
  return methods;
}

std::string NameOf(const MethodDescriptor& method) {
  return absl::StrCat(method.service()->full_name(), "/", method.name());
}

// Streams that last as long as their clients like.
bool IsLeftOut(const MethodDescriptor& method) {
  if (method.client_streaming() && method.server_streaming()) return true;
  return method.name() == "Subscribe" || method.name() == "WatchQuery";
}

class Caller {
 public:
  explicit Caller(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {}
  ~Caller() {
    queue_.Shutdown();
    Wait();
  }

  // Sends an empty message and takes what comes; one that answers for ever is cancelled.
  grpc::Status Call(const std::string& method, bool endless) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const auto stream = stub_.PrepareCall(&context, "/" + method, &queue_);
    stream->StartCall(nullptr);
    Wait();
    const grpc::Slice empty;
    stream->WriteLast(grpc::ByteBuffer(&empty, 1), grpc::WriteOptions(), nullptr);
    Wait();
    if (endless) context.TryCancel();
    grpc::ByteBuffer response;
    do {
      stream->Read(&response, nullptr);
    } while (Wait());
    grpc::Status status;
    stream->Finish(&status, nullptr);
    Wait();
    return status;
  }

 private:
  // Whether what was begun has gone well.
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::CompletionQueue queue_;
  grpc::GenericStub stub_;
};

pb::StatusResponse StatusOf(RunningServer* server) {
  pb::StatusResponse status;
  EXPECT_THAT(server->Call(&pb::AdminService::Stub::Status, server->admin_.get(),
                           pb::StatusRequest(), &status),
              IsOk());
  return status;
}

TEST(RpcMetricsTest, EveryMethodIsCounted) {
  RunningServer server;
  Caller caller(grpc::CreateChannel(absl::StrCat("127.0.0.1:", server.server_->port()),
                                    grpc::InsecureChannelCredentials()));
  std::set<std::string> services;
  std::set<std::string> expected;
  std::set<std::string> failed;
  for (const MethodDescriptor* method : Methods()) {
    services.insert(method->service()->name());
    const grpc::Status status = caller.Call(NameOf(*method), IsLeftOut(*method));
    EXPECT_NE(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << NameOf(*method);
    if (IsLeftOut(*method)) continue;
    expected.insert(NameOf(*method));
    if (!status.ok()) failed.insert(NameOf(*method));
  }
  EXPECT_EQ(services.size(), 8u);
  EXPECT_TRUE(failed.count("twingraph.v1.TwinService/GetTwin") > 0);

  std::set<std::string> counted;
  const pb::StatusResponse status = StatusOf(&server);
  for (const pb::StatusResponse::Rpc& rpc : status.rpcs()) {
    EXPECT_EQ(rpc.finished(), 1u) << rpc.method();
    EXPECT_EQ(rpc.failed(), failed.count(rpc.method())) << rpc.method();
    uint64_t latencies = 0;
    for (const uint64_t count : rpc.latency().counts()) latencies += count;
    EXPECT_EQ(latencies, 1u) << rpc.method();
    counted.insert(rpc.method());
  }
  EXPECT_EQ(counted, expected);
}

}  // namespace
}  // namespace twin::api
