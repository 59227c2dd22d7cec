// Named subscriptions over a whole engine: what a consumer gets, keeps and loses; limits; restarts.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/base/sync.h"
#include "server/engine/engine.h"
#include "server/events/feed.h"
#include "server/events/named_subscriptions.h"
#include "server/storage/documents.h"
#include "tests/support/engine_folder.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using events::ConsumerMessage;
using events::NamedInfo;
using events::Place;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr absl::string_view kModels = R"([
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
    {"@type":"Property","name":"n","schema":"integer"},
    {"@type":"Property","name":"text","schema":"string"}]}])";

// A consumer that says "twin n" of each event it gets.
class TestConsumer : public events::ConsumerSink {
 public:
  ~TestConsumer() override { Cancel(); }

  absl::Status Consume(Engine* engine, const std::string& name, int64_t credit,
                       const std::string& consumer = "one") {
    auto consuming = engine->subscriptions().Consume(name, consumer, this);
    if (!consuming.ok()) return consuming.status();
    consumer_ = *std::move(consuming);
    return consumer_->Update(credit, 0);
  }
  void Send(ConsumerMessage message) override {
    bool is_paused = false;
    {
      const MutexLock lock(&mutex_);
      for (const events::EventPtr& event : message.events) {
        texts_.push_back(
            absl::StrCat(event->twin_id, " ", event->changes.front().new_value.DebugString()));
      }
      last_ = std::max(last_, message.delivery);
      stored_ = message.acknowledged;
      sought_ = message.sought;
      redelivered_ = redelivered_ || message.redelivered;
      is_paused = is_paused_;
      changed_.SignalAll();
    }
    if (!is_paused) consumer_->Sent();
  }
  void End(const absl::Status& status) override {
    const MutexLock lock(&mutex_);
    end_ = status;
    has_ended_ = true;
    changed_.SignalAll();
  }

  // It reads no more.
  void Pause() {
    const MutexLock lock(&mutex_);
    is_paused_ = true;
  }
  std::vector<std::string> WaitFor(size_t events) {
    Wait([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return texts_.size() >= events; });
    const MutexLock lock(&mutex_);
    return texts_;
  }
  // All that came so far.
  absl::Status Acknowledge(int64_t credit = 0) {
    uint64_t last = 0;
    {
      const MutexLock lock(&mutex_);
      last = last_;
    }
    return consumer_->Update(credit, last);
  }
  void WaitForStored() {
    Wait([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stored_ == last_; });
  }
  absl::Status WaitForEnd() {
    Wait([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return has_ended_; });
    const MutexLock lock(&mutex_);
    return end_;
  }
  // When the subscription was last moved, as the last message says.
  Time sought() {
    const MutexLock lock(&mutex_);
    return sought_;
  }
  bool redelivered() {
    const MutexLock lock(&mutex_);
    return redelivered_;
  }
  void Close() { consumer_->Close(); }
  void Cancel() {
    if (consumer_ == nullptr) return;
    consumer_->Cancel(absl::CancelledError("lost"));
    bool owes = false;
    {
      const MutexLock lock(&mutex_);
      owes = std::exchange(is_paused_, false);
    }
    if (owes) consumer_->Sent();
    (void)WaitForEnd();
    consumer_ = nullptr;
  }

 private:
  template <typename Condition>
  void Wait(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const MutexLock lock(&mutex_);
    while (!condition() && std::chrono::steady_clock::now() < end) {
      changed_.WaitFor(&mutex_, std::chrono::milliseconds(100));
    }
    TWIN_CHECK(condition()) << texts_.size() << " events; " << end_;
  }

  std::shared_ptr<events::Consumer> consumer_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> texts_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t stored_ ABSL_GUARDED_BY(mutex_) = 0;
  Time sought_ ABSL_GUARDED_BY(mutex_);
  bool redelivered_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);
};

// Takes notices.
class NoticeSink : public events::Sink {
 public:
  ~NoticeSink() override {
    subscription_->Cancel(absl::CancelledError("closed"));
    const MutexLock lock(&mutex_);
    while (!has_ended_) changed_.Wait(&mutex_);
  }
  absl::Status Subscribe(Engine* engine) {
    events::SubscribeOptions options;
    options.filter.types = {events::EventType::kServerNotice};
    auto subscription = engine->feed().Subscribe(options, this);
    if (!subscription.ok()) return subscription.status();
    subscription_ = *std::move(subscription);
    subscription_->Start();
    return absl::OkStatus();
  }
  void Send(events::Message message) override {
    {
      const MutexLock lock(&mutex_);
      for (const events::EventPtr& event : message.events) {
        told_.push_back(absl::StrCat(event->notice->reason, " ", event->notice->subject));
      }
      changed_.SignalAll();
    }
    subscription_->Sent();
  }
  void End(const absl::Status& /*status*/) override {
    const MutexLock lock(&mutex_);
    has_ended_ = true;
    changed_.SignalAll();
  }
  std::vector<std::string> WaitFor(size_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const MutexLock lock(&mutex_);
    while (told_.size() < count && std::chrono::steady_clock::now() < end) {
      changed_.WaitFor(&mutex_, std::chrono::milliseconds(100));
    }
    return told_;
  }

 private:
  std::shared_ptr<events::Subscription> subscription_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> told_ ABSL_GUARDED_BY(mutex_);
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
};

class NamedSubscriptionTest : public ::testing::Test {
 public:
  NamedSubscriptionTest() { options_.events.progress_interval_ms = 100; }

  void Open() {
    engine_.reset();
    engine_ = OpenEngine(options_);
  }
  void Start(int twins = 4) {
    Open();
    ingest::WriteBatch models;
    models.operations.emplace_back(ingest::CreateModels{{std::string(kModels)}});
    Write(std::move(models));
    ingest::WriteBatch batch;
    for (int i = 0; i < twins; ++i) {
      ingest::PutTwin put;
      put.id = absl::StrCat("t", i);
      put.model_id = "dtmi:t:Pack;1";
      batch.operations.emplace_back(std::move(put));
    }
    Write(std::move(batch));
  }
  Sequence Write(ingest::WriteBatch batch) {
    const ingest::WriteResult result = engine_->Write(std::move(batch));
    TWIN_CHECK(result.status.ok()) << result.status;
    return result.sequence;
  }
  static void Add(const std::string& twin, const std::string& path, Value value,
                  ingest::WriteBatch* batch) {
    ingest::PatchTwin patch;
    patch.id = twin;
    ingest::Edit& edit = patch.edits.emplace_back();
    edit.path = {path};
    edit.value = std::move(value);
    batch->operations.emplace_back(std::move(patch));
  }
  Sequence Set(const std::string& twin, int n) {
    ingest::WriteBatch batch;
    Add(twin, "n", Value::Int(n), &batch);
    return Write(std::move(batch));
  }
  absl::StatusOr<NamedInfo> Create(const std::string& name, const Place& place = {}) {
    events::NamedSpec spec;
    spec.name = name;
    spec.filter.paths = {"n"};
    return engine_->subscriptions().Create(std::move(spec), place);
  }
  static Place After(Sequence sequence) { return {Place::Kind::kAfter, sequence, {}}; }
  NamedInfo Info(const std::string& name) {
    auto info = engine_->subscriptions().Get(name);
    TWIN_CHECK(info.ok()) << info.status();
    return *std::move(info);
  }

  const EngineFolder folder_;
  EngineOptions options_ = folder_.options();
  std::unique_ptr<Engine> engine_;
};

TEST_F(NamedSubscriptionTest, GoesOnAfterRestartsBehindWhatWasAcknowledged) {
  Start();
  ASSERT_THAT(Create("s"), IsOk());
  Set("t0", 1);
  Set("t1", 2);
  {
    TestConsumer consumer;
    ASSERT_THAT(consumer.Consume(engine_.get(), "s", 100), IsOk());
    EXPECT_THAT(consumer.WaitFor(2), ElementsAre("t0 1", "t1 2"));
    ASSERT_THAT(consumer.Acknowledge(), IsOk());
    consumer.WaitForStored();
    Set("t0", 3);
    consumer.WaitFor(3);  // and not acknowledged
  }
  Set("t2", 4);
  for (const bool checkpoint : {false, true}) {
    if (checkpoint) {
      ASSERT_THAT(engine_->Stop(), IsOk());
    }
    Open();
    EXPECT_EQ(Info("s").lag_sequences, 2);
    TestConsumer consumer;
    ASSERT_THAT(consumer.Consume(engine_.get(), "s", 100), IsOk());
    EXPECT_THAT(consumer.WaitFor(2), ElementsAre("t0 3", "t2 4"));
  }
  TestConsumer consumer;
  ASSERT_THAT(consumer.Consume(engine_.get(), "s", 100), IsOk());
  consumer.WaitFor(2);
  ASSERT_THAT(consumer.Acknowledge(), IsOk());
  consumer.Close();
  EXPECT_THAT(consumer.WaitForEnd(), IsOk());  // stored, then
  Open();
  EXPECT_EQ(Info("s").lag_sequences, 0);
  EXPECT_EQ(Info("s").spec.filter.paths, std::vector<std::string>{"n"});
}

TEST_F(NamedSubscriptionTest, ConsumersShareTheTwinsAndTakeOverWhatALostOneHad) {
  Start(40);
  ASSERT_THAT(Create("s"), IsOk());
  TestConsumer one;
  TestConsumer two;
  ASSERT_THAT(one.Consume(engine_.get(), "s", 1000, "one"), IsOk());
  ASSERT_THAT(two.Consume(engine_.get(), "s", 1000, "two"), IsOk());
  const NamedInfo info = Info("s");
  ASSERT_THAT(info.consumers, SizeIs(2));
  EXPECT_EQ(info.consumers[0].slots, 32);
  EXPECT_EQ(info.consumers[1].slots, 32);
  for (int i = 0; i < 40; ++i) Set(absl::StrCat("t", i), i);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::vector<std::string> of_one;
  while (of_one.size() + two.WaitFor(0).size() < 40 && std::chrono::steady_clock::now() < end) {
    of_one = one.WaitFor(0);
  }
  const std::vector<std::string> of_two = two.WaitFor(40 - of_one.size());
  EXPECT_GT(of_one.size(), 5);
  EXPECT_GT(of_two.size(), 5);
  ASSERT_THAT(two.Acknowledge(), IsOk());
  one.Cancel();
  const std::vector<std::string> all = two.WaitFor(40);
  EXPECT_TRUE(two.redelivered());
  EXPECT_EQ(
      std::vector<std::string>(all.begin() + static_cast<std::ptrdiff_t>(of_two.size()), all.end()),
      of_one);
  ASSERT_THAT(two.Acknowledge(), IsOk());
  two.WaitForStored();
  EXPECT_EQ(Info("s").lag_sequences, 0);
  EXPECT_EQ(Info("s").waiting, 0);
}

TEST_F(NamedSubscriptionTest, WhoReadsOrAcknowledgesNothingHoldsUpNobodyElse) {
  options_.events.unacknowledged_max = 10;
  options_.events.acknowledge_ms_max = 1'000;
  Start();
  ASSERT_THAT(Create("stuck"), IsOk());
  ASSERT_THAT(Create("other"), IsOk());
  TestConsumer stuck;
  stuck.Pause();
  ASSERT_THAT(stuck.Consume(engine_.get(), "stuck", 100), IsOk());
  TestConsumer other;
  ASSERT_THAT(other.Consume(engine_.get(), "other", 100'000), IsOk());
  for (int i = 0; i < 500; ++i) {
    Set("t0", i);
    if (i % 5 == 4) {
      other.WaitFor(static_cast<size_t>(i) + 1);
      ASSERT_THAT(other.Acknowledge(), IsOk());
    }
  }
  TestConsumer next;
  ASSERT_THAT(next.Consume(engine_.get(), "stuck", 100'000, "next"), IsOk());
  // The limit ends who acknowledges nothing, and the other one gets all of it.
  stuck.Cancel();
  while (next.WaitFor(0).size() < 500) {
    ASSERT_THAT(next.Acknowledge(), IsOk());
  }
  EXPECT_EQ(next.WaitFor(500).back(), "t0 499");
}

TEST_F(NamedSubscriptionTest, AConsumerThatAcknowledgesTooLateIsLost) {
  options_.events.acknowledge_ms_max = 200;
  Start();
  ASSERT_THAT(Create("s"), IsOk());
  Set("t0", 1);
  TestConsumer consumer;
  ASSERT_THAT(consumer.Consume(engine_.get(), "s", 10), IsOk());
  EXPECT_THAT(consumer.WaitForEnd(), StatusIs(absl::StatusCode::kDeadlineExceeded,
                                              HasSubstr("event_acknowledge_ms_max (200)")));
  EXPECT_THAT(Info("s").consumers, IsEmpty());
  TestConsumer again;
  ASSERT_THAT(again.Consume(engine_.get(), "s", 10), IsOk());
  EXPECT_THAT(again.WaitFor(1), ElementsAre("t0 1"));
}

TEST_F(NamedSubscriptionTest, TooLateIsOutOfRangeAndSeekIsTheWayOut) {
  options_.event_retention_bytes = 1;
  options_.events.ring_bytes = 1;
  Start();
  ASSERT_THAT(Create("s"), IsOk());
  NoticeSink notices;
  ASSERT_THAT(notices.Subscribe(engine_.get()), IsOk());
  for (int i = 0; i < 400; ++i) {
    ingest::WriteBatch batch;
    Add("t0", "text", Value::String(std::string(8000, static_cast<char>('a' + i % 26))), &batch);
    Write(std::move(batch));
  }
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  EXPECT_TRUE(Info("s").expired);
  EXPECT_THAT(notices.WaitFor(2),
              ::testing::IsSupersetOf({"OLDEST_CHANGED ", "SUBSCRIPTION_EXPIRED subscriptions/s"}));
  TestConsumer consumer;
  EXPECT_THAT(consumer.Consume(engine_.get(), "s", 10),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("subscription s")));
  EXPECT_THAT(Create("late", After(Sequence(2))), StatusIs(absl::StatusCode::kOutOfRange, _));
  ASSERT_THAT(engine_->subscriptions().Seek("s", Place{Place::Kind::kOldest, {}, {}}), IsOk());
  EXPECT_FALSE(Info("s").expired);
  ASSERT_THAT(consumer.Consume(engine_.get(), "s", 10), IsOk());
  Set("t0", 1);
  EXPECT_THAT(consumer.WaitFor(1), ElementsAre("t0 1"));
}

TEST_F(NamedSubscriptionTest, ASeekGoesBackAndEndsItsConsumers) {
  Start();
  ASSERT_THAT(Create("s"), IsOk());
  const Sequence before(Set("t0", 1).value - 1);
  Set("t0", 2);
  TestConsumer consumer;
  ASSERT_THAT(consumer.Consume(engine_.get(), "s", 10), IsOk());
  consumer.WaitFor(2);
  ASSERT_THAT(consumer.Acknowledge(), IsOk());
  consumer.WaitForStored();
  EXPECT_EQ(consumer.sought(), Info("s").spec.created);
  ASSERT_THAT(engine_->subscriptions().Seek("s", After(before)), IsOk());
  EXPECT_THAT(consumer.WaitForEnd(), StatusIs(absl::StatusCode::kAborted, HasSubstr("seek")));
  Open();
  TestConsumer again;
  ASSERT_THAT(again.Consume(engine_.get(), "s", 10), IsOk());
  EXPECT_THAT(again.WaitFor(2), ElementsAre("t0 1", "t0 2"));
  EXPECT_LT(consumer.sought(), again.sought());
  EXPECT_THAT(engine_->subscriptions().Seek("s", After(Sequence(9999))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another server")));
}

TEST_F(NamedSubscriptionTest, WhatIsAcknowledgedByTokenIsLeftOut) {
  Start();
  ASSERT_THAT(Create("s"), IsOk());
  Set("t0", 1);
  const Sequence second = Set("t0", 2);
  Set("t0", 3);
  ASSERT_THAT(engine_->subscriptions().Acknowledge("s", second), IsOk());
  EXPECT_THAT(engine_->subscriptions().Acknowledge("s", Sequence(9999)),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  Open();
  EXPECT_EQ(Info("s").acknowledged, second);
  TestConsumer consumer;
  ASSERT_THAT(consumer.Consume(engine_.get(), "s", 10), IsOk());
  EXPECT_THAT(consumer.WaitFor(1), ElementsAre("t0 3"));
}

TEST_F(NamedSubscriptionTest, ADeletedOneIsGoneForGood) {
  Start();
  ASSERT_THAT(Create("s"), IsOk());
  TestConsumer consumer;
  ASSERT_THAT(consumer.Consume(engine_.get(), "s", 10), IsOk());
  ASSERT_THAT(engine_->subscriptions().Delete("s"), IsOk());
  EXPECT_THAT(consumer.WaitForEnd(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("deleted")));
  Open();
  EXPECT_THAT(engine_->subscriptions().Get("s").status(), StatusIs(absl::StatusCode::kNotFound, _));
  EXPECT_THAT(engine_->subscriptions().Delete("s"), StatusIs(absl::StatusCode::kNotFound, _));
}

TEST_F(NamedSubscriptionTest, AFilterThatFitsTheModelsNoMoreSaysSo) {
  Start(/*twins=*/0);
  ASSERT_THAT(Create("s"), IsOk());
  ingest::WriteBatch batch;
  batch.operations = {ingest::DeleteModel{"dtmi:t:Pack;1"}};
  Write(std::move(batch));
  TestConsumer consumer;
  EXPECT_THAT(consumer.Consume(engine_.get(), "s", 10),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("subscription s: its filter does not fit the models any more: "
                                 "filter: no model has the path 'n'")));
  ingest::WriteBatch again;
  again.operations.emplace_back(ingest::CreateModels{{std::string(kModels)}});
  Write(std::move(again));
  EXPECT_THAT(consumer.Consume(engine_.get(), "s", 10), IsOk());
}

TEST_F(NamedSubscriptionTest, LimitsHaveNames) {
  options_.events.named_subscriptions_max = 2;
  options_.events.consumers_max = 1;
  options_.events.credit_max = 50;
  Start();
  ASSERT_THAT(Create("a"), IsOk());
  EXPECT_THAT(Create("a").status(), StatusIs(absl::StatusCode::kAlreadyExists, _));
  ASSERT_THAT(Create("b"), IsOk());
  EXPECT_THAT(Create("c").status(), StatusIs(absl::StatusCode::kResourceExhausted,
                                             HasSubstr("event_named_subscriptions_max (2)")));
  for (const char* name : {"", "a b", "a/b"}) {
    EXPECT_THAT(Create(name).status(), StatusIs(absl::StatusCode::kInvalidArgument, _));
  }
  EXPECT_THAT(Create(std::string(129, 'x')).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, _));
  events::NamedSpec spec;
  spec.name = "d";
  spec.filter.condition = "new.nothing > 1";
  EXPECT_THAT(engine_->subscriptions().Create(spec, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nothing")));
  TestConsumer one;
  ASSERT_THAT(one.Consume(engine_.get(), "a", 50, "one"), IsOk());
  TestConsumer two;
  EXPECT_THAT(two.Consume(engine_.get(), "a", 1, "two"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("event_consumers_max (1)")));
  EXPECT_THAT(one.Acknowledge(/*credit=*/1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("event_credit_max (50)")));
  // The same name takes its own place.
  TestConsumer again;
  ASSERT_THAT(again.Consume(engine_.get(), "a", 1, "one"), IsOk());
  EXPECT_THAT(one.WaitForEnd(), StatusIs(absl::StatusCode::kFailedPrecondition, _));
}

TEST_F(NamedSubscriptionTest, DamagedDocumentsAreDataLoss) {
  Start();
  ASSERT_THAT(Create("s"), IsOk());
  ASSERT_THAT(engine_->documents().Put("subscription-cursors", "s", "\1"), IsOk());
  ASSERT_THAT(engine_->Stop(), IsOk());
  engine_.reset();
  EXPECT_THAT(Engine::Open(options_).status(), StatusIs(absl::StatusCode::kDataLoss, _));
}

}  // namespace
}  // namespace twin::engine
