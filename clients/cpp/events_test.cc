// EventClient alone, against servers of the test's own.
#include "clients/cpp/events.h"

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/support/status_matchers.h"
#include "twingraph/v1/event_service.grpc.pb.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

using ConsumerEnd = grpc::ServerReaderWriter<v1::StreamEventsResponse, v1::StreamEventsRequest>;

// Each connection plays the next of some scripts.
class FakeEvents : public v1::EventService::Service {
 public:
  std::vector<std::function<grpc::Status(ConsumerEnd*)>> consumers;
  std::vector<std::function<grpc::Status(const v1::SubscribeRequest&,
                                         grpc::ServerWriter<v1::SubscribeResponse>*)>>
      subscribers;
  std::atomic<size_t> calls = 0;

  grpc::Status StreamEvents(grpc::ServerContext*, ConsumerEnd* stream) override {
    const size_t call = calls++;
    if (call >= consumers.size()) return {grpc::StatusCode::NOT_FOUND, "the script has ended"};
    return consumers[call](stream);
  }
  grpc::Status Subscribe(grpc::ServerContext*, const v1::SubscribeRequest* request,
                         grpc::ServerWriter<v1::SubscribeResponse>* stream) override {
    const size_t call = calls++;
    if (call >= subscribers.size()) return {grpc::StatusCode::NOT_FOUND, "the script has ended"};
    return subscribers[call](*request, stream);
  }
};

class EventClientTest : public ::testing::Test {
 protected:
  EventClientTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&events_);
    server_ = builder.BuildAndStart();
    ClientOptions options;
    options.address = absl::StrCat("127.0.0.1:", port);
    options.retry.backoff_min = milliseconds(1);
    options.retry.backoff_max = milliseconds(5);
    options.cancelled = &cancelled_;
    client_ = *Connect(options);
  }

  // Takes messages until the call ends.
  absl::Status Consume(const ConsumeOptions& options = {.subscription = "s"}) {
    return EventClient(client_.get())
        .Consume(options, [&](const v1::StreamEventsResponse& message) {
          for (const v1::Event& event : message.events()) {
            taken_.push_back(absl::StrCat(event.sequence(), ".", event.index()));
          }
          return on_message_ ? on_message_() : absl::OkStatus();
        });
  }

  FakeEvents events_;
  std::unique_ptr<grpc::Server> server_;
  std::atomic<bool> cancelled_ = false;
  std::unique_ptr<Client> client_;
  std::function<absl::Status()> on_message_;
  std::vector<std::string> taken_;
};

v1::StreamEventsResponse MessageOf(uint64_t delivery, const std::vector<uint64_t>& sequences,
                                   uint64_t acknowledged = 0) {
  v1::StreamEventsResponse message;
  message.set_delivery(delivery);
  message.set_acknowledged_delivery(acknowledged);
  for (const uint64_t sequence : sequences) message.add_events()->set_sequence(sequence);
  return message;
}

// Reads until that delivery is acknowledged; the credit that was given meanwhile.
uint32_t ReadUntil(ConsumerEnd* stream, uint64_t delivery) {
  uint32_t credit = 0;
  v1::StreamEventsRequest request;
  do {
    if (!stream->Read(&request)) return credit;
    credit += request.credit_events();
  } while (request.acknowledged_delivery() < delivery);
  return credit;
}

const grpc::Status kLost(grpc::StatusCode::UNAVAILABLE, "stopping");
const grpc::Status kGone(grpc::StatusCode::NOT_FOUND, "deleted");

TEST_F(EventClientTest, WhatWasHandledAndNotStoredIsNotGivenAgain) {
  events_.consumers = {
      [](ConsumerEnd* stream) {
        v1::StreamEventsRequest first;
        EXPECT_TRUE(stream->Read(&first));
        EXPECT_EQ(first.subscription(), "s");
        EXPECT_FALSE(first.consumer().empty());
        EXPECT_EQ(first.credit_events(), 1000);
        stream->Write(MessageOf(1, {1, 2}));
        stream->Write(MessageOf(2, {3}));
        EXPECT_EQ(ReadUntil(stream, 2), 3);
        stream->Write(MessageOf(0, {}, 1));  // the first one is stored, the second is not
        return grpc::Status::CANCELLED;      // dropped by a server that stops
      },
      [](ConsumerEnd* stream) {
        v1::StreamEventsRequest first;
        EXPECT_TRUE(stream->Read(&first));
        EXPECT_EQ(first.credit_events(), 1000);
        stream->Write(MessageOf(1, {3, 4}));
        EXPECT_EQ(ReadUntil(stream, 1), 2);
        stream->Write(MessageOf(2, {3}));  // the server says that it is another time
        ReadUntil(stream, 2);
        return kGone;
      }};
  EXPECT_THAT(Consume(), StatusIs(absl::StatusCode::kNotFound, "deleted"));
  EXPECT_THAT(taken_, ElementsAre("1.0", "2.0", "3.0", "4.0", "3.0"));
}

TEST_F(EventClientTest, AfterASeekEverythingIsNew) {
  events_.consumers = {[](ConsumerEnd* stream) {
                         stream->Write(MessageOf(1, {7}));
                         ReadUntil(stream, 1);
                         return grpc::Status(grpc::StatusCode::ABORTED, "seek");
                       },
                       [](ConsumerEnd* stream) {
                         stream->Write(MessageOf(1, {7}));
                         ReadUntil(stream, 1);
                         return kGone;
                       }};
  EXPECT_THAT(Consume(), StatusIs(absl::StatusCode::kNotFound, "deleted"));
  EXPECT_THAT(taken_, ElementsAre("7.0", "7.0"));
}

// The seek came while there was no connection.
TEST_F(EventClientTest, AfterASeekThatItDidNotSeeEverythingIsNew) {
  const auto message_of = [](int64_t seek_ns) {
    v1::StreamEventsResponse message = MessageOf(1, {7});
    message.set_seek_time_unix_nano(seek_ns);
    return message;
  };
  const auto lost_after = [&](int64_t seek_ns) {
    return [=](ConsumerEnd* stream) {
      stream->Write(message_of(seek_ns));
      ReadUntil(stream, 1);
      return kLost;
    };
  };
  events_.consumers = {lost_after(100), lost_after(100), lost_after(200)};
  EXPECT_THAT(Consume(), StatusIs(absl::StatusCode::kNotFound, "the script has ended"));
  EXPECT_THAT(taken_, ElementsAre("7.0", "7.0"));
}

TEST_F(EventClientTest, WhatReceiveRefusesIsNotAcknowledged) {
  uint64_t acknowledged = 0;
  events_.consumers = {[&](ConsumerEnd* stream) {
    stream->Write(MessageOf(1, {1}));
    stream->Write(MessageOf(2, {2}));
    stream->Write(MessageOf(3, {3}));
    v1::StreamEventsRequest request;
    while (stream->Read(&request)) {
      acknowledged = std::max(acknowledged, request.acknowledged_delivery());
    }
    return grpc::Status::OK;
  }};
  on_message_ = [&] {
    return taken_.size() == 2 ? absl::DataLossError("the disk") : absl::OkStatus();
  };
  EXPECT_THAT(Consume(), StatusIs(absl::StatusCode::kDataLoss, "the disk"));
  EXPECT_THAT(taken_, ElementsAre("1.0", "2.0"));
  EXPECT_EQ(acknowledged, 1);
}

TEST_F(EventClientTest, NoMoreCreditIsGivenThanEventsAreWanted) {
  events_.consumers = {[&](ConsumerEnd* stream) {
    v1::StreamEventsRequest request;
    EXPECT_TRUE(stream->Read(&request));
    EXPECT_EQ(request.credit_events(), 3);
    stream->Write(MessageOf(1, {1, 2}));
    EXPECT_EQ(ReadUntil(stream, 1), 0);
    stream->Write(MessageOf(2, {3}));
    EXPECT_EQ(ReadUntil(stream, 2), 0);
    EXPECT_FALSE(stream->Read(&request));  // it has closed
    return grpc::Status::OK;
  }};
  EXPECT_THAT(Consume({.subscription = "s", .events_max = 3}), IsOk());
  EXPECT_THAT(taken_, ElementsAre("1.0", "2.0", "3.0"));
}

// A server sends a transaction as a whole and counts below 0: no event comes until that is paid.
TEST_F(EventClientTest, WhatCameBeyondTheCreditIsPaidBack) {
  events_.consumers = {[&](ConsumerEnd* stream) {
    v1::StreamEventsRequest request;
    EXPECT_TRUE(stream->Read(&request));
    EXPECT_EQ(request.credit_events(), 2);
    stream->Write(MessageOf(1, {1, 2, 3, 4, 5}));
    EXPECT_EQ(ReadUntil(stream, 1), 5);  // 2 - 5 + 5: two are wanted again
    stream->Write(MessageOf(2, {6}));
    EXPECT_EQ(ReadUntil(stream, 2), 1);
    return kGone;
  }};
  EXPECT_THAT(Consume({.subscription = "s", .credit_events = 2}),
              StatusIs(absl::StatusCode::kNotFound, "deleted"));
}

TEST_F(EventClientTest, RepetitionsDoNotUseUpTheCreditOfWhatIsWanted) {
  events_.consumers = {[&](ConsumerEnd* stream) {
                         stream->Write(MessageOf(1, {1, 2}));
                         ReadUntil(stream, 1);
                         return kLost;  // the acknowledgement is not stored
                       },
                       [&](ConsumerEnd* stream) {
                         v1::StreamEventsRequest request;
                         EXPECT_TRUE(stream->Read(&request));
                         int64_t credit = request.credit_events();
                         EXPECT_EQ(credit, 1);  // one is wanted
                         stream->Write(MessageOf(1, {1, 2}));
                         credit -= 2;
                         credit += ReadUntil(stream, 1);
                         EXPECT_EQ(credit, 1);
                         if (credit < 1) return kGone;  // else it would wait for ever
                         stream->Write(MessageOf(2, {3}));
                         ReadUntil(stream, 2);
                         EXPECT_FALSE(stream->Read(&request));
                         return grpc::Status::OK;
                       }};
  EXPECT_THAT(Consume({.subscription = "s", .events_max = 3}), IsOk());
  EXPECT_THAT(taken_, ElementsAre("1.0", "2.0", "3.0"));
}

// Over a new connection it would wait for events that nobody wants.
TEST_F(EventClientTest, ALostConnectionBehindTheLastEventEndsIt) {
  const auto lost_after = [](uint64_t stored) {
    return [=](ConsumerEnd* stream) {
      stream->Write(MessageOf(1, {1}));
      stream->Write(MessageOf(2, {2}));
      ReadUntil(stream, 2);
      stream->Write(MessageOf(0, {}, stored));
      return kLost;
    };
  };
  const ConsumeOptions two = {.subscription = "s", .events_max = 2};
  events_.consumers = {lost_after(1), lost_after(2)};
  EXPECT_THAT(Consume(two), StatusIs(absl::StatusCode::kUnavailable, "stopping"));
  EXPECT_THAT(Consume(two), IsOk());
  EXPECT_EQ(events_.calls, 2);
  EXPECT_THAT(taken_, ElementsAre("1.0", "2.0", "1.0", "2.0"));
}

TEST_F(EventClientTest, AnInterruptionClosesTheStreamAndDoesNotTearIt) {
  bool has_closed = false;
  events_.consumers = {[&](ConsumerEnd* stream) {
    stream->Write(MessageOf(1, {1}));
    ReadUntil(stream, 1);
    cancelled_ = true;
    v1::StreamEventsRequest request;
    while (stream->Read(&request)) {
    }
    has_closed = true;
    return grpc::Status::OK;
  }};
  EXPECT_THAT(Consume(), StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  server_->Shutdown();
  server_->Wait();
  EXPECT_TRUE(has_closed);
}

TEST_F(EventClientTest, WhoHasNeverStoodGivesUpAfterSomeTries) {
  events_.consumers.assign(100, [](ConsumerEnd*) { return kLost; });
  EXPECT_THAT(Consume(), StatusIs(absl::StatusCode::kUnavailable, "stopping"));
  EXPECT_EQ(events_.calls, RetryOptions().tries_max);
}

TEST_F(EventClientTest, ASubscriberResumesBehindWhatItHasHad) {
  using Writer = grpc::ServerWriter<v1::SubscribeResponse>;
  const auto message_of = [](const std::vector<uint64_t>& sequences, const std::string& token) {
    v1::SubscribeResponse message;
    for (const uint64_t sequence : sequences) message.add_events()->set_sequence(sequence);
    message.set_resume_token(token);
    message.set_more(token.empty());
    return message;
  };
  events_.subscribers = {[&](const v1::SubscribeRequest& request, Writer* stream) {
                           EXPECT_TRUE(request.resume_token().empty());
                           stream->Write(message_of({1, 2}, "two"));
                           stream->Write(message_of({3}, ""));  // a part, and then it is lost
                           return kLost;
                         },
                         [&](const v1::SubscribeRequest& request, Writer* stream) {
                           EXPECT_EQ(request.resume_token(), "two");
                           stream->Write(message_of({3, 4}, "four"));
                           return grpc::Status::CANCELLED;  // dropped by a server that stops
                         },
                         [&](const v1::SubscribeRequest& request, Writer* /*stream*/) {
                           EXPECT_EQ(request.resume_token(), "four");
                           google::rpc::ErrorInfo info;
                           (*info.mutable_metadata())["resume_token"] = "seven";
                           google::rpc::Status details;
                           details.add_details()->PackFrom(info);
                           return grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "too late",
                                               details.SerializeAsString());
                         }};
  int lost = 0;
  EventOptions options;
  options.on_lost = [&](const absl::Status&) { ++lost; };
  std::vector<uint64_t> taken;
  const absl::Status status =
      EventClient(client_.get()).Subscribe({}, options, [&](const v1::SubscribeResponse& message) {
        for (const v1::Event& event : message.events()) taken.push_back(event.sequence());
        return absl::OkStatus();
      });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kOutOfRange, "too late"));
  EXPECT_EQ(OldestTokenOf(status), "seven");
  EXPECT_EQ(OldestTokenOf(absl::OutOfRangeError("of another kind")), "");
  EXPECT_THAT(taken, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(lost, 2);
}

}  // namespace
}  // namespace twin::client
