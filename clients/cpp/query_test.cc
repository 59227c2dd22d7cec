// Queries of a Client against a fake service.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "clients/cpp/client.h"
#include "tests/support/status_matchers.h"
#include "twingraph/v1/query_service.grpc.pb.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::milliseconds;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

// Answers with `messages` messages after some failures; the text "forever" never ends.
class FakeQueries : public v1::QueryService::Service {
 public:
  int failures = 0;         // calls that fail
  int messages_before = 0;  // of those
  std::atomic<int> calls = 0;
  std::atomic<bool> was_cancelled = false;

  grpc::Status Query(grpc::ServerContext* context, const v1::QueryRequest* request,
                     grpc::ServerWriter<v1::QueryResponse>* stream) override {
    const bool fails = ++calls <= failures;
    v1::QueryResponse response;
    response.set_rows("{}\n");
    for (int i = 0; i < (fails ? messages_before : 3); ++i) stream->Write(response);
    if (fails) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "stopping", "details");
    if (request->text() == "wrong") return Wrong();
    while (request->text() == "forever" && !context->IsCancelled()) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    was_cancelled = context->IsCancelled();
    return grpc::Status::OK;
  }

 private:
  static grpc::Status Wrong() {
    google::rpc::ErrorInfo info;
    for (const char* name : {"line", "column", "offset", "length"}) {
      (*info.mutable_metadata())[name] = std::to_string(std::string(name).size());
    }
    google::rpc::Status details;
    details.add_details()->PackFrom(info);
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "4:6 no", details.SerializeAsString());
  }
};

class QueryTest : public ::testing::Test {
 protected:
  QueryTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&queries_);
    server_ = builder.BuildAndStart();
    options_.address = "127.0.0.1:" + std::to_string(port);
    options_.retry.backoff_min = milliseconds(2);
    options_.retry.backoff_max = milliseconds(8);
  }
  absl::Status Run(const std::string& text, int messages_max = 1000) {
    v1::QueryRequest request;
    request.set_text(text);
    received_ = 0;
    return (*Connect(options_))->Query(request, [&](const v1::QueryResponse&) {
      return ++received_ < messages_max ? absl::OkStatus() : absl::DataLossError("full");
    });
  }

  FakeQueries queries_;
  std::unique_ptr<grpc::Server> server_;
  ClientOptions options_;
  int received_ = 0;
};

TEST_F(QueryTest, IsRepeatedBeforeTheFirstMessage) {
  queries_.failures = 2;
  EXPECT_THAT(Run(""), IsOk());
  EXPECT_EQ(received_, 3);
  EXPECT_EQ(queries_.calls, 3);
}

TEST_F(QueryTest, IsNotRepeatedLater) {
  queries_.failures = 1;
  queries_.messages_before = 1;
  EXPECT_THAT(Run(""), StatusIs(absl::StatusCode::kUnavailable, "stopping"));
  EXPECT_EQ(queries_.calls, 1);
}

TEST_F(QueryTest, FailsWithWhatTheReceiverFailsWith) {
  EXPECT_THAT(Run("forever", 2), StatusIs(absl::StatusCode::kDataLoss, "full"));
  server_->Shutdown();  // waits for the call
  EXPECT_TRUE(queries_.was_cancelled);
}

TEST_F(QueryTest, HasTheDeadline) {
  options_.deadline = milliseconds(50);
  EXPECT_THAT(Run("forever"), StatusIs(absl::StatusCode::kDeadlineExceeded, ::testing::_));
}

TEST_F(QueryTest, AFlagCancels) {
  std::atomic<bool> cancelled = false;
  options_.cancelled = &cancelled;
  std::thread later([&] {
    std::this_thread::sleep_for(milliseconds(50));
    cancelled = true;
  });
  EXPECT_THAT(Run("forever"), StatusIs(absl::StatusCode::kCancelled, "interrupted"));
  later.join();
}

TEST_F(QueryTest, KnowsThePlaceOfAnError) {
  const absl::Status status = Run("wrong");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "4:6 no"));
  const std::optional<TextPlace> place = PlaceOf(status);
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->line, 4u);
  EXPECT_EQ(place->column, 6u);
  EXPECT_EQ(place->offset, 6u);
  EXPECT_EQ(place->length, 6u);
  EXPECT_FALSE(PlaceOf(absl::InvalidArgumentError("1:2 x")).has_value());
}

}  // namespace
}  // namespace twin::client
