// Subscribe over real streams: bytes that subscribers share are what each of them alone would get.
#include <grpcpp/generic/generic_stub.h>

#include "gmock/gmock.h"
#include "server/api/query_fixture.h"
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

class EventServiceTest : public QueryFixture {
 protected:
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
