#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "clients/cpp/telemetry.h"
#include "tests/support/status_matchers.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

// Keeps what it gets by producer and number; loses connections and answers as it is told.
class FakeTelemetry : public v1::TelemetryService::Service {
 public:
  grpc::Status Ingest(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::IngestResponse, v1::IngestRequest>* stream) override {
    v1::IngestRequest request;
    if (!stream->Read(&request) || !request.has_open()) {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no open");
    }
    ++connections;
    if (refusal.load() != grpc::StatusCode::OK) {
      return grpc::Status(refusal, "taken over", "details");
    }
    const std::string producer = request.open().producer_id();
    v1::IngestResponse opened;
    {
      const std::lock_guard lock(mutex);
      opened.mutable_opened()->set_last_batch_number(last[producer]);
    }
    stream->Write(opened);
    int left = connections == 1 ? batches_of_first_connection.load() : -1;
    uint64_t rows = 0;
    while (stream->Read(&request)) {
      if (request.has_layout()) {
        v1::IngestResponse response;
        response.mutable_layout()->set_id(request.layout().id());
        stream->Write(response);
        continue;
      }
      v1::IngestResponse response;
      {
        const std::lock_guard lock(mutex);
        received.push_back(request.batch_number());
        uint64_t& durable = last[producer];
        if (request.batch_number() > durable) {
          durable = request.batch_number();
          kept.push_back(durable);
          rows += static_cast<uint64_t>(request.samples().times_unix_nano_size());
        }
        v1::IngestAcknowledgement& ack = *response.mutable_acknowledgement();
        ack.set_batch_number(durable);
        ack.set_rows(rows);
        for (const std::string& twin : request.samples().twin_ids()) {
          if (twin != "wrong") continue;
          ack.set_rejects_total(1);
          v1::Reject& reject = *ack.add_rejects();
          reject.set_batch_number(durable);
          reject.set_message("there is no twin 'wrong'");
        }
      }
      if (left > 0 && --left == 0) {  // it is durable, and nobody hears of it
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going away", "details");
      }
      if (hold) continue;
      stream->Write(response);
      rows = 0;
    }
    return grpc::Status::OK;
  }

  std::atomic<int> connections = 0;
  std::atomic<grpc::StatusCode> refusal = grpc::StatusCode::OK;
  std::atomic<int> batches_of_first_connection = -1;  // that it takes before it breaks
  std::atomic<bool> hold = false;                     // acknowledges nothing
  std::mutex mutex;
  std::map<std::string, uint64_t> last;
  std::vector<uint64_t> received;
  std::vector<uint64_t> kept;
};

class IngestStreamTest : public ::testing::Test {
 protected:
  IngestStreamTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&telemetry_);
    server_ = builder.BuildAndStart();
    absl::StatusOr<std::unique_ptr<Client>> client =
        Connect({.address = "127.0.0.1:" + std::to_string(port),
                 .retry = {.backoff_min = milliseconds(1), .backoff_max = milliseconds(5)},
                 .cancelled = &cancelled_});
    client_ = *std::move(client);
  }

  std::unique_ptr<IngestStream> Open(IngestOptions options = {.producer_id = "p"}) {
    absl::StatusOr<std::unique_ptr<IngestStream>> stream =
        IngestStream::Open(client_.get(), std::move(options));
    EXPECT_THAT(stream.status(), IsOk());
    return stream.ok() ? *std::move(stream) : nullptr;
  }
  static v1::SampleBatch Samples(const std::string& twin = "a") {
    v1::SampleBatch samples;
    samples.add_twin_ids(twin);
    samples.add_times_unix_nano(1);
    return samples;
  }

  std::atomic<bool> cancelled_ = false;
  FakeTelemetry telemetry_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(IngestStreamTest, NumbersBatchesAndCountsWhatIsAcknowledged) {
  int acknowledgements = 0;
  std::string layout_id;
  auto stream = Open({.producer_id = "p",
                      .on_acknowledgement = [&](const auto&) { ++acknowledgements; },
                      .on_layout = [&](const auto& layout) { layout_id = layout.id(); }});
  v1::Layout layout;
  layout.set_id("l");
  EXPECT_THAT(stream->Send(std::move(layout)), IsOk());
  EXPECT_THAT(stream->Send(Samples()), IsOk());
  EXPECT_THAT(stream->Send(Samples("wrong")), IsOk());
  EXPECT_THAT(stream->Send(v1::FrameBatches()), IsOk());
  EXPECT_EQ(stream->next_batch_number(), 4u);
  EXPECT_THAT(stream->Close(), IsOk());
  EXPECT_THAT(telemetry_.kept, ElementsAre(1, 2, 3));
  EXPECT_EQ(acknowledgements, 3);
  EXPECT_EQ(layout_id, "l");
  const IngestTotals totals = stream->totals();
  EXPECT_EQ(totals.batches, 3u);
  EXPECT_EQ(totals.rows, 2u);
  EXPECT_EQ(totals.rejects_total, 1u);
  ASSERT_EQ(totals.rejects.size(), 1u);
  EXPECT_EQ(totals.rejects[0].message(), "there is no twin 'wrong'");
  EXPECT_THAT(stream->Send(Samples()),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::_));
}

TEST_F(IngestStreamTest, GoesOnBehindTheLastDurableBatch) {
  telemetry_.last["p"] = 7;
  auto stream = Open();
  EXPECT_EQ(stream->next_batch_number(), 8u);
  EXPECT_THAT(stream->Send(Samples()), IsOk());
  EXPECT_THAT(stream->Close(), IsOk());
  EXPECT_THAT(telemetry_.kept, ElementsAre(8));
}

TEST_F(IngestStreamTest, NumbersMayLeap) {
  auto stream = Open();
  EXPECT_THAT(stream->Send(Samples()), IsOk());
  stream->set_next_batch_number(100);
  EXPECT_THAT(stream->Send(Samples()), IsOk());
  stream->set_next_batch_number(7);
  EXPECT_THAT(stream->Send(Samples()), IsOk());
  EXPECT_THAT(stream->Close(), IsOk());
  EXPECT_THAT(telemetry_.kept, ElementsAre(1, 100, 101));
}

TEST_F(IngestStreamTest, DoesNotSendWhatIsDurable) {
  telemetry_.last["p"] = 2;
  auto stream = Open({.producer_id = "p", .first_batch_number = 1});
  for (int i = 0; i < 4; ++i) EXPECT_THAT(stream->Send(Samples()), IsOk());
  EXPECT_THAT(stream->Close(), IsOk());
  EXPECT_THAT(telemetry_.received, ElementsAre(3, 4));
  EXPECT_EQ(stream->totals().skipped, 2u);
  EXPECT_EQ(stream->totals().batches, 4u);
}

TEST_F(IngestStreamTest, SendsAgainWhatWasNotAcknowledged) {
  telemetry_.batches_of_first_connection = 3;
  auto stream = Open();
  for (int i = 0; i < 10; ++i) EXPECT_THAT(stream->Send(Samples()), IsOk());
  EXPECT_THAT(stream->Close(), IsOk());
  EXPECT_THAT(telemetry_.kept, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  EXPECT_EQ(telemetry_.connections, 2);
  EXPECT_EQ(stream->totals().batches, 10u);
  EXPECT_EQ(stream->totals().reconnects, 1u);
}

TEST_F(IngestStreamTest, BoundsWhatIsInFlight) {
  telemetry_.hold = true;
  auto stream = Open({.producer_id = "p", .batches_in_flight_max = 2});
  EXPECT_THAT(stream->Send(Samples()), IsOk());
  EXPECT_THAT(stream->Send(Samples()), IsOk());
  // The third waits until the flag ends it; without the bound it would be taken.
  absl::Status third;
  std::thread sender([&] { third = stream->Send(Samples()); });
  cancelled_ = true;
  sender.join();
  EXPECT_THAT(third, StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  EXPECT_EQ(stream->next_batch_number(), 3u);
}

TEST_F(IngestStreamTest, EndsWhenAnotherStreamTakesOver) {
  telemetry_.refusal = grpc::StatusCode::ABORTED;
  EXPECT_THAT(IngestStream::Open(client_.get(), {.producer_id = "p"}).status(),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("taken over")));
  EXPECT_EQ(telemetry_.connections, 1);
}

TEST_F(IngestStreamTest, GivesUpWithoutAServer) {
  telemetry_.batches_of_first_connection = 1;
  auto stream = Open({.producer_id = "p", .reconnect_time_max = milliseconds(20)});
  telemetry_.refusal = grpc::StatusCode::UNAVAILABLE;
  EXPECT_THAT(stream->Send(Samples()), IsOk());
  EXPECT_THAT(stream->Flush(), StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
  EXPECT_THAT(stream->Send(Samples()), StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
}

TEST_F(IngestStreamTest, AServerThatIsNotThereIsUnreachable) {
  server_->Shutdown();
  const absl::Status status = IngestStream::Open(client_.get(), {.producer_id = "p"}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
  EXPECT_TRUE(IsUnreachable(status)) << status;
}

TEST_F(IngestStreamTest, MayBeLeftWithoutWaiting) {
  telemetry_.hold = true;
  auto stream = Open();
  EXPECT_THAT(stream->Send(Samples()), IsOk());
  stream.reset();  // ends
}

}  // namespace
}  // namespace twin::client
