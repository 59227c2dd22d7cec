#include "clients/cpp/client.h"

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/support/status_matchers.h"
#include "twingraph/v1/admin_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

// Fails the first calls as told, then answers.
class FakeTwins : public v1::TwinService::Service {
 public:
  int failures = 0;
  grpc::StatusCode code = grpc::StatusCode::UNAVAILABLE;
  std::string details = "details";  // a server that answers gives some
  std::atomic<int> calls = 0;
  std::vector<std::string> request_ids;

  grpc::Status GetTwin(grpc::ServerContext*, const v1::GetTwinRequest* request,
                       v1::GetTwinResponse* response) override {
    if (++calls <= failures) return grpc::Status(code, "the disk failed", details);
    response->mutable_twin()->set_id(request->id());
    return grpc::Status::OK;
  }
  grpc::Status CreateTwin(grpc::ServerContext*, const v1::CreateTwinRequest* request,
                          v1::CreateTwinResponse* response) override {
    request_ids.push_back(request->request_id());
    if (++calls <= failures) return grpc::Status(code, "the disk failed", details);
    response->set_etag("e");
    return grpc::Status::OK;
  }
  // Never answers by itself.
  grpc::Status ListTwins(grpc::ServerContext* context, const v1::ListTwinsRequest*,
                         v1::ListTwinsResponse*) override {
    while (!context->IsCancelled()) std::this_thread::sleep_for(milliseconds(5));
    return grpc::Status::CANCELLED;
  }
  // Ends early when the file begins with "bad".
  grpc::Status Import(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ImportProgress, v1::ImportRequest>* stream) override {
    v1::ImportRequest request;
    v1::ImportProgress progress;
    std::string file;
    if (!stream->Read(&request) || !request.has_options()) {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no options");
    }
    while (stream->Read(&request)) {
      file += request.data();
      if (file.substr(0, 3) == "bad") {
        return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "line 1: bad");
      }
      progress.set_bytes(file.size());
      stream->Write(progress);
    }
    progress.set_done(true);
    stream->Write(progress);
    return grpc::Status::OK;
  }
  grpc::Status Export(grpc::ServerContext*, const v1::ExportRequest*,
                      grpc::ServerWriter<v1::ExportResponse>* stream) override {
    v1::ExportResponse response;
    for (int i = 0; i < 1000; ++i) {
      response.set_data(std::to_string(i) + "\n");
      if (!stream->Write(response)) return grpc::Status::CANCELLED;
    }
    return grpc::Status::OK;
  }
};

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&twins_);
    server_ = builder.BuildAndStart();
    options_.address = "127.0.0.1:" + std::to_string(port_);
    options_.retry.backoff_min = milliseconds(2);
    options_.retry.backoff_max = milliseconds(8);
  }
  std::unique_ptr<Client> MakeClient() { return *Connect(options_); }
  absl::Status Get() { return MakeClient()->GetTwin(v1::GetTwinRequest()).status(); }
  absl::Status Create(const std::string& request_id) {
    v1::CreateTwinRequest request;
    request.set_request_id(request_id);
    return MakeClient()->CreateTwin(request).status();
  }

  FakeTwins twins_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  ClientOptions options_;
};

TEST_F(ClientTest, RepeatsReads) {
  twins_.failures = 3;
  EXPECT_THAT(Get(), IsOk());
  EXPECT_EQ(twins_.calls, 4);
}

TEST_F(ClientTest, GivesUpAfterFourTries) {
  twins_.failures = 100;
  const absl::Status status = Get();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, "the disk failed"));
  EXPECT_FALSE(IsUnreachable(status));
  EXPECT_EQ(twins_.calls, 4);
}

TEST_F(ClientTest, RepeatsWritesThatHaveARequestId) {
  twins_.failures = 2;
  EXPECT_THAT(Create("abc"), IsOk());
  EXPECT_EQ(twins_.request_ids, std::vector<std::string>(3, "abc"));
}

TEST_F(ClientTest, DoesNotRepeatOtherWrites) {
  twins_.failures = 1;
  EXPECT_THAT(Create(""), StatusIs(absl::StatusCode::kUnavailable, "the disk failed"));
  EXPECT_EQ(twins_.calls, 1);
}

// gRPC answers so what comes between the end of a server's service and the end of its connections.
TEST_F(ClientTest, RepeatsWhatAStoppingServerDropped) {
  twins_.failures = 2;
  twins_.code = grpc::StatusCode::CANCELLED;
  twins_.details = "";
  EXPECT_THAT(Get(), IsOk());
  EXPECT_EQ(twins_.calls, 3);
  twins_.calls = 0;
  EXPECT_THAT(Create("abc"), IsOk());
  EXPECT_EQ(twins_.calls, 3);
  twins_.calls = 0;
  EXPECT_THAT(Create(""), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("dropped the call")));
  EXPECT_EQ(twins_.calls, 1);
}

TEST_F(ClientTest, DoesNotRepeatWhatWasRefused) {
  twins_.failures = 1;
  for (const grpc::StatusCode code :
       {grpc::StatusCode::NOT_FOUND, grpc::StatusCode::ABORTED, grpc::StatusCode::INTERNAL,
        grpc::StatusCode::RESOURCE_EXHAUSTED, grpc::StatusCode::DATA_LOSS,
        grpc::StatusCode::CANCELLED}) {
    twins_.code = code;
    twins_.calls = 0;
    EXPECT_THAT(Get(), StatusIs(static_cast<absl::StatusCode>(code), "the disk failed"));
    EXPECT_EQ(twins_.calls, 1);
  }
}

TEST_F(ClientTest, TheDeadlineHoldsForAllTries) {
  options_.deadline = milliseconds(50);
  EXPECT_THAT(MakeClient()->ListTwins(v1::ListTwinsRequest()).status(),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("--timeout")));
  options_.deadline = milliseconds(100);
  options_.retry.backoff_min = milliseconds(1000);
  options_.retry.backoff_max = milliseconds(1000);
  twins_.failures = 100;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(Get(), StatusIs(absl::StatusCode::kUnavailable, "the disk failed"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(700));
  EXPECT_EQ(twins_.calls, 1);
}

TEST_F(ClientTest, AFlagCancels) {
  std::atomic<bool> cancelled = false;
  options_.cancelled = &cancelled;
  std::thread later([&] {
    std::this_thread::sleep_for(milliseconds(50));
    cancelled = true;
  });
  EXPECT_THAT(MakeClient()->ListTwins(v1::ListTwinsRequest()).status(),
              StatusIs(absl::StatusCode::kCancelled, "interrupted"));
  later.join();
  EXPECT_THAT(Get(), StatusIs(absl::StatusCode::kCancelled, "interrupted"));
}

TEST_F(ClientTest, SaysThatNoServerIsThere) {
  server_->Shutdown();
  const absl::Status status = Get();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                               HasSubstr(options_.address + ": Connection refused")));
  EXPECT_TRUE(IsUnreachable(status));
  EXPECT_EQ(twins_.calls, 0);
}

TEST_F(ClientTest, FindsAServerThatComesBack) {
  const std::unique_ptr<Client> client = MakeClient();
  server_->Shutdown();
  options_.retry.tries_max = 1;
  EXPECT_TRUE(IsUnreachable(Get()));
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options_.address, grpc::InsecureServerCredentials());
  builder.RegisterService(&twins_);
  server_ = builder.BuildAndStart();
  ASSERT_NE(server_, nullptr);
  EXPECT_THAT(client->GetTwin(v1::GetTwinRequest()).status(), IsOk());
}

TEST_F(ClientTest, ImportsPieceByPiece) {
  int pieces = 0;
  uint64_t bytes = 0;
  bool done = false;
  const absl::Status status = MakeClient()->Import(
      v1::ImportOptions(),
      [&](std::string* piece) -> absl::StatusOr<bool> {
        if (++pieces % 2 == 0) *piece = "line\n";  // else nothing came
        return pieces < 10;
      },
      [&](const v1::ImportProgress& progress) {
        bytes = progress.bytes();
        done = progress.done();
      });
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(bytes, 25u);
  EXPECT_TRUE(done);
}

TEST_F(ClientTest, AnImportEndsWhenReadingFails) {
  EXPECT_THAT(MakeClient()->Import(
                  v1::ImportOptions(),
                  [](std::string*) -> absl::StatusOr<bool> { return absl::NotFoundError("gone"); },
                  [](const v1::ImportProgress&) {}),
              StatusIs(absl::StatusCode::kNotFound, "gone"));
}

TEST_F(ClientTest, AnImportEndsWhenTheServerRefuses) {
  EXPECT_THAT(MakeClient()->Import(
                  v1::ImportOptions(),
                  [](std::string* piece) -> absl::StatusOr<bool> {
                    *piece = "bad";
                    return true;  // for ever
                  },
                  [](const v1::ImportProgress&) {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "line 1: bad"));
}

TEST_F(ClientTest, Exports) {
  std::string file;
  EXPECT_THAT(MakeClient()->Export(v1::ExportRequest(),
                                   [&](const v1::ExportResponse& part) {
                                     file += part.data();
                                     return absl::OkStatus();
                                   }),
              IsOk());
  EXPECT_EQ(file.size(), 10u * 2 + 90 * 3 + 900 * 4);
  EXPECT_THAT(
      MakeClient()->Export(v1::ExportRequest(),
                           [&](const v1::ExportResponse&) { return absl::DataLossError("full"); }),
      StatusIs(absl::StatusCode::kDataLoss, "full"));
}

TEST(AddressTest, GetsAPort) {
  for (const auto& [address, complete] :
       std::vector<std::pair<std::string, std::string>>{{"localhost", "localhost:7480"},
                                                        {"10.1.2.3:80", "10.1.2.3:80"},
                                                        {"[::1]", "[::1]:7480"},
                                                        {"[::1]:80", "[::1]:80"},
                                                        {"unix:/run/twind", "unix:/run/twind"}}) {
    EXPECT_EQ(*CompleteAddress(address), complete);
  }
}

TEST(AddressTest, RefusesOthers) {
  for (const std::string address :
       {"", ":", ":80", "a:", "a:0", "a:65536", "a:b", "::1", "a b", "http://a:80", "a\n:80"}) {
    EXPECT_THAT(CompleteAddress(address),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("127.0.0.1:7480")))
        << address;
    EXPECT_FALSE(Connect({.address = address}).ok());
  }
}

}  // namespace
}  // namespace twin::client
