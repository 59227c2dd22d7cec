// Subscribe over real streams: bytes that subscribers share are what each of them alone would get.
#include <grpcpp/generic/generic_stub.h>

#include "absl/base/thread_annotations.h"
#include "gmock/gmock.h"
#include "server/api/event_convert.h"
#include "server/api/query_fixture.h"
#include "server/base/sync.h"
#include "tests/support/status_matchers.h"
#include "twingraph/v1/event_service.grpc.pb.h"

namespace twin::api {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;

std::vector<std::string> TextsOf(const std::vector<pb::Event>& events) {
  std::vector<std::string> texts;
  for (const pb::Event& event : events) texts.push_back(event.DebugString());
  return texts;
}

events::EventPtr EventOf(absl::string_view twin) {
  auto event = std::make_shared<events::Event>();
  event->sequence = Sequence(7);
  event->type = events::EventType::kTwinDeleted;
  event->twin_id = twin;
  return event;
}

// Whom the one event of a message is about.
std::string SubjectIn(const grpc::ByteBuffer& bytes) {
  grpc::Slice slice;
  EXPECT_TRUE(bytes.DumpToSingleSlice(&slice).ok());
  pb::SubscribeResponse message;
  EXPECT_TRUE(message.ParseFromArray(slice.begin(), static_cast<int>(slice.size())));
  EXPECT_EQ(message.events_size(), 1);
  return message.events_size() == 1 ? message.events(0).subject() : "";
}

TEST(EventBytes, AreKeptWhereOthersHaveTheEvent) {
  events::Message message;
  message.events = {EventOf("alone")};
  EXPECT_EQ(SubjectIn(ToBytes(message, {})), "alone");
  EXPECT_EQ(message.events[0]->encoded.Get(), nullptr);

  constexpr absl::string_view kTwin = "one-that-several-subscribers-have";
  const events::EventPtr shared = EventOf(kTwin);
  message.events = {shared};
  EXPECT_EQ(SubjectIn(ToBytes(message, {.old_values = false, .tokens = false})), kTwin);
  EXPECT_EQ(SubjectIn(ToBytes(message, {.old_values = true, .tokens = true})), kTwin);
  EXPECT_EQ(shared->encoded.Get(), nullptr);
  EXPECT_EQ(SubjectIn(ToBytes(message, {})), kTwin);
  const std::string* const kept = shared->encoded.Get();
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->capacity(), kept->size());
  EXPECT_EQ(SubjectIn(ToBytes(message, {})), kTwin);
  EXPECT_EQ(shared->encoded.Get(), kept);

  // What is kept is what is sent.
  message.events = {EventOf("another")};
  message.events[0]->encoded.Keep(*kept);
  EXPECT_EQ(SubjectIn(ToBytes(message, {})), kTwin);
}

class EventServiceTest : public QueryFixture {
 protected:
  // A subscriber inside the server, which holds on to what it is sent.
  class Holder : public events::Sink {
   public:
    explicit Holder(events::Feed* feed) {
      auto subscription = feed->Subscribe({}, this);
      TWIN_CHECK(subscription.ok()) << subscription.status();
      subscription_ = *std::move(subscription);
      subscription_->Start();
    }
    ~Holder() override {
      subscription_->Cancel(absl::CancelledError("enough"));
      const MutexLock lock(&mutex_);
      while (!has_ended_) changed_.Wait(&mutex_);
    }
    void Send(events::Message message) override {
      {
        const MutexLock lock(&mutex_);
        events_.insert(events_.end(), message.events.begin(), message.events.end());
      }
      subscription_->Sent();
    }
    void End(const absl::Status& /*status*/) override {
      const MutexLock lock(&mutex_);
      has_ended_ = true;
      changed_.SignalAll();
    }
    bool HasEncoded() {
      const MutexLock lock(&mutex_);
      return std::any_of(events_.begin(), events_.end(), [](const events::EventPtr& event) {
        return event->encoded.Get() != nullptr;
      });
    }

   private:
    std::shared_ptr<events::Subscription> subscription_;
    Mutex mutex_;
    CondVar changed_;
    std::vector<events::EventPtr> events_ ABSL_GUARDED_BY(mutex_);
    bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
  };

  // A subscription that stands.
  class Stream {
   public:
    Stream(pb::EventService::Stub* stub, const pb::SubscribeRequest& request)
        : reader_(stub->Subscribe(&context_, request)) {
      reader_->WaitForInitialMetadata();
    }
    ~Stream() {
      context_.TryCancel();
      while (reader_->Read(&last_)) {
      }
      reader_->Finish();
    }
    std::vector<pb::Event> Take(size_t count) {
      std::vector<pb::Event> events;
      while (events.size() < count && reader_->Read(&last_)) {
        events.insert(events.end(), last_.events().begin(), last_.events().end());
      }
      return events;
    }
    std::string TakeToken() {
      EXPECT_TRUE(reader_->Read(&last_));
      return last_.resume_token();
    }
    const pb::SubscribeResponse& last() const { return last_; }

   private:
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientReader<pb::SubscribeResponse>> reader_;
    pb::SubscribeResponse last_;
  };

  void SetUp() override {
    Start(10);
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                   grpc::InsecureChannelCredentials());
    events_ = pb::EventService::NewStub(channel_);
  }

  std::unique_ptr<Stream> Subscribe(const pb::SubscribeRequest& request) {
    return std::make_unique<Stream>(events_.get(), request);
  }

  // One transaction.
  void SetRanks(int cells, int rank) {
    pb::BatchWriteRequest batch;
    for (int i = 0; i < cells; ++i) {
      pb::UpdateTwinRequest* const update = batch.add_operations()->mutable_update_twin();
      update->set_id(absl::StrCat("cell-", i));
      pb::Edit* const edit = update->add_edits();
      edit->set_path("/rank");
      edit->mutable_value()->set_int_value(rank);
    }
    pb::BatchWriteResponse response;
    grpc::ClientContext context;
    ASSERT_THAT(ToAbsl(twins_->BatchWrite(&context, batch, &response)), IsOk());
    sequence_ = response.position().sequence();
  }

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<pb::EventService::Stub> events_;
};

TEST_F(EventServiceTest, WhatSubscribersShareIsWhatOneAloneGets) {
  pb::SubscribeRequest request;
  request.mutable_filter()->add_paths("rank");
  request.set_progress_interval_ms(100);
  const std::string begin = Subscribe(request)->TakeToken();
  std::vector<std::unique_ptr<Stream>> usual;
  for (int i = 0; i < 4; ++i) usual.push_back(Subscribe(request));
  pb::SubscribeRequest other = request;
  other.set_without_old_values(true);
  const auto without_old_values = Subscribe(other);
  other = request;
  other.set_event_tokens(true);
  const auto with_tokens = Subscribe(other);
  size_t count = 0;
  for (int i = 0; i < 60; ++i) {
    const int cells = 1 + i % 3;
    SetRanks(cells, 1'000 + i);
    count += static_cast<size_t>(cells);
  }

  // Later, and by itself: nobody shares these.
  request.set_resume_token(begin);
  const auto alone = Subscribe(request);
  const std::vector<pb::Event> events = alone->Take(count);
  ASSERT_EQ(events.size(), count);
  EXPECT_EQ(events.back().sequence(), sequence_);
  EXPECT_EQ(events.back().changes(0).new_value().int_value(), 1'059);
  const std::vector<std::string> expected = TextsOf(events);
  for (const auto& each : usual) {
    EXPECT_THAT(TextsOf(each->Take(count)), ElementsAreArray(expected));
    EXPECT_EQ(each->last().resume_token(), alone->last().resume_token());
    EXPECT_EQ(each->last().position().sequence(), sequence_);
    EXPECT_FALSE(each->last().more());
  }
  std::vector<pb::Event> bare = events;
  for (pb::Event& event : bare) event.mutable_changes(0)->clear_old_value();
  EXPECT_THAT(TextsOf(without_old_values->Take(count)), ElementsAreArray(TextsOf(bare)));

  // Tokens stand behind transactions.
  std::vector<pb::Event> marked = with_tokens->Take(count);
  ASSERT_EQ(marked.size(), count);
  for (size_t i = 0; i < count; ++i) {
    const bool is_last = i + 1 == count || marked[i + 1].sequence() != marked[i].sequence();
    EXPECT_EQ(marked[i].resume_token().empty(), !is_last) << i;
  }
  request.set_resume_token(marked[count / 2].resume_token().empty()
                               ? marked[count / 2 + 1].resume_token()
                               : marked[count / 2].resume_token());
  for (pb::Event& event : marked) event.clear_resume_token();
  EXPECT_THAT(TextsOf(marked), ElementsAreArray(expected));
  const std::vector<pb::Event> rest = Subscribe(request)->Take(1);
  ASSERT_FALSE(rest.empty());
  EXPECT_GT(rest[0].sequence(), events[count / 2].sequence());
  EXPECT_EQ(rest[0].index(), 0u);
}

TEST_F(EventServiceTest, SubscribersShareEventsWithTheirBytes) {
  pb::SubscribeRequest request;
  request.mutable_filter()->add_paths("rank");
  const auto stream = Subscribe(request);
  Holder holder(&engine_->feed());
  // Until both are live: before, each reads the changes for itself.
  for (int rank = 0; !holder.HasEncoded(); ++rank) {
    SetRanks(1, 1'000 + rank);
    EXPECT_EQ(stream->Take(1).size(), 1u);
  }
}

TEST_F(EventServiceTest, BytesThatAreNoRequestAreRefused) {
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, "/twingraph.v1.EventService/Subscribe", &queue);
  const auto wait = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  call->StartCall(nullptr);
  ASSERT_TRUE(wait());
  const grpc::Slice slice(std::string("\xff\xff\xff"));
  call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
  ASSERT_TRUE(wait());
  grpc::Status status;
  call->Finish(&status, nullptr);
  ASSERT_TRUE(wait());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("SubscribeRequest"));
}

}  // namespace
}  // namespace twin::api
