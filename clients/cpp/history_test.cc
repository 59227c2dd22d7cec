#include "clients/cpp/history.h"

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "clients/cpp/telemetry.h"
#include "tests/support/status_matchers.h"
#include "twingraph/v1/history_service.grpc.pb.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

class FakeHistory : public v1::HistoryService::Service {
 public:
  grpc::Status Export(grpc::ServerContext*, const v1::ExportHistoryRequest* request,
                      grpc::ServerWriter<v1::ExportHistoryResponse>* stream) override {
    if (request->twin_ids(0) == "x") return {grpc::StatusCode::NOT_FOUND, "no twin 'x'"};
    v1::ExportHistoryResponse response;
    for (int i = 0; i < 1000; ++i) {
      response.mutable_samples()->clear_times_unix_nano();
      response.mutable_samples()->add_times_unix_nano(i);
      if (!stream->Write(response)) return grpc::Status::CANCELLED;
    }
    return grpc::Status::OK;
  }
  grpc::Status Import(grpc::ServerContext*, grpc::ServerReader<v1::ImportHistoryRequest>* stream,
                      v1::ImportHistoryResponse* response) override {
    v1::ImportHistoryRequest request;
    uint64_t rows = 0;
    while (stream->Read(&request)) {
      if (request.samples().twin_ids_size() > 0) return {grpc::StatusCode::NOT_FOUND, "no twin"};
      rows += static_cast<uint64_t>(request.samples().times_unix_nano_size());
    }
    response->set_rows(rows);
    return grpc::Status::OK;
  }
};

class FakeTelemetry : public v1::TelemetryService::Service {
 public:
  grpc::Status Publish(grpc::ServerContext*, const v1::PublishRequest*,
                       v1::PublishResponse* response) override {
    if (++calls == 1) return {grpc::StatusCode::UNAVAILABLE, "the disk failed", "details"};
    response->mutable_position()->set_sequence(7);
    return grpc::Status::OK;
  }
  int calls = 0;
};

class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    builder.RegisterService(&telemetry_);
    server_ = builder.BuildAndStart();
    client_ = *Connect({.address = "127.0.0.1:" + std::to_string(port)});
  }

  FakeHistory service_;
  FakeTelemetry telemetry_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(HistoryTest, ExportsMessageByMessage) {
  v1::ExportHistoryRequest request;
  request.add_twin_ids("a");
  int64_t messages = 0;
  EXPECT_THAT(HistoryClient(client_.get())
                  .Export(request,
                          [&](const v1::ExportHistoryResponse& message) {
                            EXPECT_EQ(message.samples().times_unix_nano(0), messages++);
                            return absl::OkStatus();
                          }),
              IsOk());
  EXPECT_EQ(messages, 1000);
  EXPECT_THAT(HistoryClient(client_.get())
                  .Export(request, [](const auto&) { return absl::OutOfRangeError("enough"); }),
              StatusIs(absl::StatusCode::kOutOfRange, "enough"));
  request.set_twin_ids(0, "x");
  EXPECT_THAT(
      HistoryClient(client_.get()).Export(request, [](const auto&) { return absl::OkStatus(); }),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("'x'")));
}

TEST_F(HistoryTest, ImportsWhatIsHandedToIt) {
  int left = 3;
  const absl::StatusOr<v1::ImportHistoryResponse> done =
      HistoryClient(client_.get()).Import([&](v1::SampleBatch* samples) -> absl::StatusOr<bool> {
        EXPECT_EQ(samples->times_unix_nano_size(), 0);
        samples->add_times_unix_nano(1);
        samples->add_times_unix_nano(2);
        return left-- > 0;
      });
  ASSERT_THAT(done.status(), IsOk());
  EXPECT_EQ(done->rows(), 6u);
}

TEST_F(HistoryTest, AnImportFailsWithItsSourceOrTheServer) {
  EXPECT_THAT(
      HistoryClient(client_.get())
          .Import([](auto*) -> absl::StatusOr<bool> { return absl::DataLossError("cut off"); })
          .status(),
      StatusIs(absl::StatusCode::kDataLoss, "cut off"));
  EXPECT_THAT(HistoryClient(client_.get())
                  .Import([](v1::SampleBatch* samples) -> absl::StatusOr<bool> {
                    samples->add_twin_ids("x");
                    return true;
                  })
                  .status(),
              StatusIs(absl::StatusCode::kNotFound, "no twin"));
}

TEST_F(HistoryTest, PublishIsRepeatedOnlyWithATimeOfItsOwn) {
  TelemetryClient client(client_.get());
  v1::PublishRequest request;
  EXPECT_THAT(client.Publish(request).status(),
              StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
  telemetry_.calls = 0;
  request.set_source_time_unix_nano(1);
  const absl::StatusOr<v1::PublishResponse> response = client.Publish(request);
  ASSERT_THAT(response.status(), IsOk());
  EXPECT_EQ(response->position().sequence(), 7u);
}

}  // namespace
}  // namespace twin::client
