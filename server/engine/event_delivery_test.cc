// How the change feed hands on: starts, slow subscribers, latest values, notices.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/base/sync.h"
#include "server/events/later_changes.h"
#include "tests/support/event_world.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using events::EventPtr;
using events::EventType;
using events::SubscribeOptions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

class EventDeliveryTest : public ::testing::Test, protected EventWorld {
 protected:
  EventDeliveryTest() : EventWorld(OwnFolder()) {}

  Mutex mutex_;
  std::vector<std::vector<std::string>> read_ ABSL_GUARDED_BY(mutex_);  // by each reader
};

TEST_F(EventDeliveryTest, ASlowSubscriberHoldsNobodyUp) {
  options_.events.pending_bytes_max = 4096;
  options_.events.message_bytes = 2048;
  options_.events.ring_bytes = 8192;
  Start();
  TestSink slow;
  TestSink quick;
  slow.Pause();
  ASSERT_THAT(slow.Subscribe(engine_.get(), {}), IsOk());
  ASSERT_THAT(quick.Subscribe(engine_.get(), {}), IsOk());
  quick.WaitFor(applied());
  WriteRandomly(300, 5);
  const std::vector<std::string> all = Texts(quick.WaitFor(applied()));
  EXPECT_LE(slow.messages(), 2);
  slow.Resume();
  EXPECT_EQ(Texts(slow.WaitFor(applied())), all);
}

// Who falls behind and has caught up within the moment that the matcher needs to let it go.
TEST_F(EventDeliveryTest, FallingBehindOverAndOverRepeatsNothing) {
  options_.events.pending_bytes_max = 1;
  options_.events.threads = 4;
  Start();
  const Sequence begin = applied();
  std::vector<std::unique_ptr<TestSink>> sinks;
  for (int i = 0; i < 100; ++i) {
    sinks.push_back(std::make_unique<TestSink>());
    ASSERT_THAT(sinks.back()->Subscribe(engine_.get(), {}), IsOk());
    sinks.back()->WaitFor(begin);
  }
  sinks[0]->Pause();
  for (int round = 0; round < 400; ++round) {
    Publish("cell-11", {{"temperature", Value::Double(round)}}, next_second_++);
  }
  while (engine_->feed().status().fell_behind == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  sinks[0]->Resume();
  const std::vector<std::string> expected = Texts(ReadAll(After(begin)));
  EXPECT_THAT(expected, SizeIs(400));
  for (const auto& sink : sinks) EXPECT_EQ(Texts(sink->WaitFor(applied())), expected);
}

// What waits counts with the records that it is of, of which it may be the smallest part.
TEST_F(EventDeliveryTest, RecordsCountAgainstWhatMayWait) {
  options_.events.pending_bytes_max = 64 << 10;
  Start();
  TestSink slow;
  SubscribeOptions options;
  options.filter.twins = {"cell-11"};
  ASSERT_THAT(slow.Subscribe(engine_.get(), options), IsOk());
  const auto wait = [](const auto& is_so) {
    while (!is_so()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  wait([&] { return engine_->feed().status().live == 1; });
  slow.Pause();
  for (int i = 0; i < 4; ++i) {
    ingest::WriteBatch batch;
    Set("cell-11", "grade", Value::Int(i), &batch);
    Set("pack", "status", Value::String(std::string(40'000, static_cast<char>('a' + i))), &batch);
    Write(std::move(batch));
  }
  wait([&] { return engine_->feed().status().fell_behind == 1; });
  slow.Resume();
  EXPECT_THAT(slow.WaitFor(applied()), SizeIs(4));
}

TEST_F(EventDeliveryTest, ATransactionIsNeverDivided) {
  options_.events.message_bytes = 500;
  Start();
  const Sequence begin = applied();
  for (int round = 0; round < 3; ++round) {
    ingest::WriteBatch batch;
    for (int i = 0; i < 20; ++i) Twin(absl::StrCat("t", round, "-", i), "dtmi:t:Cell;1", &batch);
    Write(std::move(batch));
  }
  TestSink sink;
  ASSERT_THAT(sink.Subscribe(engine_.get(), After(begin)), IsOk());
  const std::vector<EventPtr> events = sink.WaitFor(applied());
  EXPECT_EQ(events.size(), 60u);
  EXPECT_GT(sink.messages(), 6);
  for (const size_t end : sink.ends()) EXPECT_EQ(end % 20, 0u);
}

TEST_F(EventDeliveryTest, LatestValuesComeOncePerInterval) {
  Start();
  const Sequence begin = applied();
  for (int i = 0; i < 10; ++i) {
    Publish("cell-11", {{"temperature", Value::Double(i)}}, next_second_++);
    Publish("cell-12", {{"voltage", Value::Double(3 + i)}}, next_second_++);
  }
  Publish("cell-11", {{"voltage", Value::Double(3.5)}}, next_second_++);
  SubscribeOptions options = After(begin);
  options.interval_ms = 200;
  std::vector<std::string> texts;
  for (const std::string& text : Texts(ReadAll(std::move(options)))) {
    texts.push_back(text.substr(text.find(' ') + 1));
  }
  EXPECT_THAT(texts, ElementsAre("telemetry cell-12 (dtmi:t:BigCell;1); voltage: null -> 12",
                                 "telemetry cell-11 (dtmi:t:Cell;1); temperature: null -> 9; "
                                 "voltage: null -> 3.5"));
  SubscribeOptions wrong;
  wrong.interval_ms = 1;
  TestSink sink;
  EXPECT_THAT(sink.Subscribe(engine_.get(), wrong),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("event_interval_ms_min")));
}

TEST_F(EventDeliveryTest, AStartingStateListsATwinOnce) {
  Start();
  SubscribeOptions options;
  options.start = SubscribeOptions::Start::kState;
  options.filter.types = {EventType::kTwinState, EventType::kRelationshipState};
  options.filter.twins = {"module-1", "cell-11", "module-1", "cell-11"};
  TestSink sink;
  ASSERT_THAT(sink.Subscribe(engine_.get(), options), IsOk());
  EXPECT_THAT(sink.WaitFor(applied()), SizeIs(2 + 3));
}

// A starting state and the changes after it are the state at the end.
TEST_F(EventDeliveryTest, AStartingStateAndChangesAreTheStateAtTheEnd) {
  Start();
  WriteRandomly(60, 21);
  TestSink sink;
  SubscribeOptions options;
  options.start = SubscribeOptions::Start::kState;
  ASSERT_THAT(sink.Subscribe(engine_.get(), options), IsOk());
  WriteRandomly(60, 22);
  std::map<std::string, Value> state;
  for (const EventPtr& event : sink.WaitFor(applied())) {
    const std::string name = events::IsOfRelationship(event->type)
                                 ? absl::StrCat(event->twin_id, "/", event->relationship_id)
                                 : std::string(event->twin_id);
    if (event->type == EventType::kTwinDeleted || event->type == EventType::kRelationshipDeleted) {
      std::erase_if(state,
                    [&](const auto& each) { return absl::StartsWith(each.first, name + "|"); });
      continue;
    }
    state[name + "|"] = Value();
    for (const events::PathChange& change : event->changes) {
      if (!change.late) state[absl::StrCat(name, "|", change.path)] = change.new_value;
    }
  }
  std::map<std::string, Value> expected;
  const auto view = engine_->Pin();
  for (uint32_t i = 0; i < view->next_twin().value; ++i) {
    const TwinNumber twin(i);
    if (!view->Exists(twin)) continue;
    const std::string name(view->IdOf(twin));
    expected[name + "|"] = Value();
    for (const graph::ColumnSchema& column : view->TableOf(twin).columns) {
      Value value = view->GetValue(twin, view->TableOf(twin).IdOf(column));
      if (!value.is_null()) expected[absl::StrCat(name, "|", column.path)] = std::move(value);
    }
  }
  for (uint32_t i = 0; i < view->next_relationship().value; ++i) {
    const RelationshipNumber number(i);
    if (!view->Exists(number)) continue;
    const graph::Relationship found = view->Get(number);
    const std::string name = absl::StrCat(view->IdOf(found.source), "/", found.id);
    expected[name + "|"] = Value();
    expected[name + "|position"] = view->GetValue(number, ColumnId(0));
  }
  EXPECT_EQ(state.size(), expected.size());
  for (const auto& [name, value] : expected) {
    EXPECT_EQ(state[name].DebugString(), value.DebugString()) << name;
  }
}

TEST_F(EventDeliveryTest, StartsAreRefusedWhereTheyCannotBe) {
  options_.event_retention_bytes = 1;
  options_.events.ring_bytes = 1;
  Start();
  TestSink sink;
  EXPECT_THAT(sink.Subscribe(engine_.get(), After(Sequence(1000))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another server")));
  for (int i = 0; i < 400; ++i) {
    Set("pack", "status", Value::String(std::string(8000, static_cast<char>('a' + i % 26))));
  }
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  ASSERT_GT(engine_->feed().BeforeOldest().value, 1u);
  EXPECT_THAT(sink.Subscribe(engine_.get(), After(Sequence(1))),
              StatusIs(absl::StatusCode::kOutOfRange,
                       HasSubstr(absl::StrCat(engine_->feed().BeforeOldest().value + 1))));
  const size_t kept = applied().value - engine_->feed().BeforeOldest().value;
  EXPECT_THAT(ReadAll(After(engine_->feed().BeforeOldest())), SizeIs(kept));
  SubscribeOptions options;
  options.filter.models = {"dtmi:t:Nothing;1"};
  EXPECT_THAT(sink.Subscribe(engine_.get(), options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("dtmi:t:Nothing;1")));
}

TEST_F(EventDeliveryTest, ATimeBeginsWithTheFirstChangeThen) {
  Start();
  Set("pack", "status", Value::String("a"));
  const Time before = SystemClock().Now();
  const Sequence second = Set("pack", "status", Value::String("b"));
  SubscribeOptions options;
  options.start = SubscribeOptions::Start::kTime;
  options.time = before;
  const std::vector<EventPtr> events = ReadAll(options);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0]->sequence, second);
  options.time = Time{SystemClock().Now().ns + 1000 * kSecond};
  EXPECT_THAT(ReadAll(options), IsEmpty());
  options.time = Time{0};
  EXPECT_GT(ReadAll(options).size(), 5u);
}

TEST_F(EventDeliveryTest, NoticesGoToThoseWhoNameThem) {
  Start();
  const auto take = [](TestSink* sink) {
    std::vector<EventPtr> events;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (events.empty() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      events = sink->WaitFor(Sequence(0));
    }
    return events;
  };
  TestSink all;
  ASSERT_THAT(all.Subscribe(engine_.get(), {}), IsOk());
  SubscribeOptions options;
  options.filter.types = {EventType::kServerNotice};
  TestSink notices;
  ASSERT_THAT(notices.Subscribe(engine_.get(), options), IsOk());
  engine_->feed().Notify({.reason = "A_REASON", .message = "so", .subject = "subscriptions/s"});
  const std::vector<EventPtr> told = take(&notices);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0]->type, EventType::kServerNotice);
  EXPECT_EQ(told[0]->notice->reason, "A_REASON");
  const Sequence last = Set("pack", "status", Value::String("a"));
  EXPECT_THAT(all.WaitFor(last), SizeIs(1));      // the change
  EXPECT_THAT(notices.WaitFor(last), SizeIs(1));  // the notice
}

TEST_F(EventDeliveryTest, ManySubscribersComeAndGoWhileOthersWrite) {
  options_.events.pending_bytes_max = 2048;
  options_.events.ring_bytes = 16'384;
  Start();
  const Sequence begin = applied();
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  threads.reserve(3);
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(static_cast<uint64_t>(t));
      // Reads all of it in pieces, and goes on where it stopped.
      Sequence at = begin;
      std::vector<std::string> texts;
      while (true) {
        const bool is_last = done;
        TestSink sink;
        TWIN_CHECK(sink.Subscribe(engine_.get(), After(at)).ok());
        const Sequence target =
            is_last ? applied() : std::min(applied(), Sequence(at.value + random() % 20));
        std::vector<EventPtr> events = sink.WaitFor(target);
        sink.Close();
        for (const EventPtr& event : events) {
          if (target < event->sequence) continue;
          texts.push_back(Text(*event));
        }
        at = std::max(at, target);
        if (is_last) break;
      }
      const MutexLock lock(&mutex_);
      read_.push_back(std::move(texts));
    });
  }
  WriteRandomly(300, 9);
  done = true;
  for (std::thread& thread : threads) thread.join();
  const std::vector<std::string> expected = Texts(ReadAll(After(begin)));
  const MutexLock lock(&mutex_);
  for (const std::vector<std::string>& texts : read_) EXPECT_EQ(texts, expected);
}

// What twins far back were stands far ahead: that is read a turn at a time.
TEST_F(EventDeliveryTest, WhoIsFarBehindReadsTheSame) {
  options_.events.ring_bytes = 4096;
  Start();
  const Sequence begin = applied();
  TestSink live;
  ASSERT_THAT(live.Subscribe(engine_.get(), {}), IsOk());
  live.WaitFor(begin);
  WriteRandomly(100, 21);
  ingest::WriteBatch batch;
  for (const char* const id : {"deleted", "moved"}) {
    Twin(id, "dtmi:t:Cell;1", &batch);
    Set(id, "grade", Value::Int(1), &batch);
    Relate("module-1", "hasCell", id, 20, &batch);
  }
  Write(std::move(batch));
  for (const char* const id : {"deleted", "moved"}) {
    Publish(id, {{"temperature", Value::Double(20)}}, next_second_++);
    Set(id, "grade", Value::Int(2));
  }
  for (int round = 0; round < 100; ++round) {
    ingest::WriteBatch many;
    many.atomic = false;
    for (int i = 0; i < 60; ++i) Set("cell-11", "grade", Value::Int(round * 60 + i), &many);
    Write(std::move(many));
  }
  ingest::WriteBatch end;
  Unrelate("module-1", "deleted", &end);
  end.operations.emplace_back(ingest::DeleteTwin{"deleted", {}, false});
  ingest::PatchTwin move;
  move.id = "moved";
  move.model_id = "dtmi:t:BigCell;1";
  end.operations.emplace_back(std::move(move));
  Write(std::move(end));
  const std::vector<std::string> expected = Texts(live.WaitFor(applied()));
  EXPECT_GT(expected.size(), 6000u);
  EXPECT_EQ(Texts(ReadAll(After(begin))), expected);

  // A turn that is over at once still gets on.
  events::LaterChanges later(engine_->feed().sources());
  const auto over = events::LaterChanges::SteadyTime::min();
  int turns = 1;
  for (; turns < 10'000; ++turns) {
    const absl::StatusOr<bool> is_read = later.Read(Sequence(begin.value + 1), applied(), over);
    ASSERT_THAT(is_read, IsOk());
    if (*is_read) break;
  }
  EXPECT_GT(turns, 100);
  TwinNumber gone = kNoTwin;
  for (const EventPtr& event : live.WaitFor(applied())) {
    if (event->twin_id == "deleted") gone = event->twin;
  }
  ASSERT_NE(later.Find(gone), nullptr);
  EXPECT_EQ(later.Find(gone)->id, "deleted");
}

TEST_F(EventDeliveryTest, FormerValuesAreReadAheadInTheRingOnly) {
  options_.events.ring_bytes = 50'000;
  Start();
  const Sequence begin = applied();
  for (int round = 0; round < 200; ++round) {
    ingest::WriteBatch many;
    many.atomic = false;
    for (int i = 0; i < 60; ++i) Set("cell-11", "grade", Value::Int(round * 60 + i), &many);
    Write(std::move(many));
  }
  const events::Sources sources = engine_->feed().sources();
  const Sequence recent = sources.log->oldest_recent();
  ASSERT_LT(begin.value + 1, recent.value);
  const TwinNumber cell = engine_->OpenReader()->view().FindTwin("cell-11");
  events::LaterChanges later(sources);
  later.NotePaths({"grade"});
  ASSERT_THAT(later.Read(Sequence(begin.value + 1), applied()), IsOk());
  const Value* const first = later.ValueBefore(cell, "grade", Sequence(recent.value - 1));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(later.ValueBefore(cell, "grade", begin), first);
  EXPECT_EQ(later.ValueBefore(cell, "grade", applied()), nullptr);
  // More than a thousand were kept: so those that are passed go.
  const Sequence middle((recent.value + applied().value) / 2);
  const Value next = *later.ValueBefore(cell, "grade", middle);
  EXPECT_NE(next, *first);
  later.Pass(middle);
  EXPECT_EQ(*later.ValueBefore(cell, "grade", begin), next);
}

}  // namespace
}  // namespace twin::engine
