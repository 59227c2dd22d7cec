// The change feed over a whole engine: what is told of each change, and that resuming anywhere,
// after whatever happened meanwhile, leaves nothing out and repeats nothing.
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/event_world.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using events::EventPtr;
using events::EventType;
using events::SubscribeOptions;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::twin::testing::IsOk;

class EventFeedTest : public ::testing::Test, protected EventWorld {
 protected:
  EventFeedTest() : EventWorld(OwnFolder()) {}
};

TEST_F(EventFeedTest, EachChangeIsToldOnceWithItsValues) {
  Start();
  TestSink sink;
  ASSERT_THAT(sink.Subscribe(engine_.get(), {}), IsOk());
  const uint64_t s = applied().value;
  sink.WaitFor(Sequence(s));
  Set("pack", "status", Value::String("a"));
  Set("pack", "status", Value::String("a"));  // changes nothing
  Set("pack", "status", Value::String("b"));
  ingest::WriteBatch batch;
  Twin("extra", "dtmi:t:Cell;1", &batch);
  Set("extra", "grade", Value::Int(4), &batch);
  Relate("module-1", "hasCell", "extra", 7, &batch);
  Write(std::move(batch));
  ingest::WriteBatch gone;
  Unrelate("module-1", "extra", &gone);
  gone.operations.emplace_back(ingest::DeleteTwin{"extra", {}, false});
  Write(std::move(gone));
  const auto at = [s](uint64_t more) { return absl::StrCat(s + more); };
  const std::vector<std::string> expected = {
      at(1) + ".0 twin.updated pack (dtmi:t:Pack;1); status: null -> \"a\"",
      at(3) + ".0 twin.updated pack (dtmi:t:Pack;1); status: \"a\" -> \"b\"",
      at(4) + ".0 twin.created extra (dtmi:t:Cell;1); grade: null -> 4",
      at(4) +
          ".1 relationship.created module-1 -hasCell-> extra (module-1-extra); position: null "
          "-> 7",
      // Between them the layout was resolved anew for the relationship, which is no event.
      at(6) + ".0 relationship.deleted module-1 -hasCell-> extra (module-1-extra)",
      at(6) + ".1 twin.deleted extra (dtmi:t:Cell;1)"};
  EXPECT_EQ(Texts(sink.WaitFor(Sequence(s + 6))), expected);
  EXPECT_EQ(Texts(ReadAll(After(Sequence(s)))), expected);
}

TEST_F(EventFeedTest, SamplesKnowTheOneBefore) {
  Start();
  TestSink sink;
  SubscribeOptions options;
  options.filter.types = {EventType::kTelemetry};
  ASSERT_THAT(sink.Subscribe(engine_.get(), options), IsOk());
  const uint64_t s = applied().value;
  sink.WaitFor(Sequence(s));
  SendFrames({{0, {3601, 3602, 3603, 3604, 12}}, {10, {3611, 5000, 3613, 3614, 13}}});
  Publish("cell-11", {{"voltage", Value::Double(3.7)}}, 20);
  const Sequence last = SendFrames({{15, {3650, 3651, 3652, 3653, 14}}});
  std::vector<std::string> texts = Texts(sink.WaitFor(last));
  const auto of = [&](absl::string_view id) {
    std::vector<std::string> found;
    for (const std::string& text : texts) {
      if (absl::StrContains(text, absl::StrCat(" ", id, " ("))) {
        found.push_back(text.substr(text.find("); ") + 3));
      }
    }
    return found;
  };
  EXPECT_THAT(of("cell-11"), ElementsAre("voltage: null -> 3.601", "voltage: 3.601 -> 3.611",
                                         "voltage: 3.611 -> 3.7", "voltage: null -> 3.65 late"));
  // A missing value leaves the last one alone.
  EXPECT_THAT(of("cell-12"), ElementsAre("voltage: null -> 3.602", "voltage: 3.602 -> 3.651"));
  EXPECT_THAT(of("pack"),
              ElementsAre("current: null -> 12", "current: 12 -> 13", "current: 13 -> 14"));
  for (int round = 0; round < 3; ++round) {
    SubscribeOptions again = After(Sequence(s));
    again.filter = options.filter;
    EXPECT_EQ(Texts(ReadAll(std::move(again))), texts) << round;
    sink.Close();
    Restart(/*checkpoint=*/round == 1);
  }
}

// The contract of resuming: from wherever it stopped, a subscriber gets exactly the rest.
TEST_F(EventFeedTest, ResumingAtEverySequenceMissesAndRepeatsNothing) {
  options_.events.ring_bytes = 4096;  // some of it in memory, the rest in the journal
  Start();
  const Sequence begin = applied();
  TestSink live;
  ASSERT_THAT(live.Subscribe(engine_.get(), {}), IsOk());
  live.WaitFor(begin);
  WriteRandomly(120, 7);
  const std::vector<EventPtr> all = live.WaitFor(applied());
  live.Close();
  ASSERT_GT(all.size(), 100u);
  for (int round = 0; round < 4; ++round) {
    for (uint64_t after = begin.value; after <= applied().value; ++after) {
      std::vector<std::string> expected;
      for (const EventPtr& event : all) {
        if (event->sequence.value > after) expected.push_back(Text(*event));
      }
      ASSERT_EQ(Texts(ReadAll(After(Sequence(after)))), expected) << after << ", round " << round;
    }
    if (round == 2) {
      ASSERT_THAT(engine_->Compact(), IsOk());  // ids of deleted twins are forgotten
    } else {
      Restart(/*checkpoint=*/round == 1);
    }
  }
}

// Frames of an earlier time mean an earlier version of the layout, which names twins of then.
TEST_F(EventFeedTest, FramesMayNameTwinsThatAreGone) {
  Start();
  const Sequence begin = applied();
  TestSink live;
  SubscribeOptions options;
  options.filter.types = {EventType::kTelemetry};
  ASSERT_THAT(live.Subscribe(engine_.get(), options), IsOk());
  live.WaitFor(begin);
  SendFrames({{0, {3601, 3602, 3603, 3604, 12}}});
  ingest::WriteBatch gone;
  Unrelate("module-1", "cell-11", &gone);
  gone.operations.emplace_back(ingest::DeleteTwin{"cell-11", {}, false});
  Write(std::move(gone));
  const Sequence deleted = applied();
  SendFrames({{10, {3611, 3612, 3613, 3614, 13}}});
  Set("pack", "odometer", Value::Double(7));
  SendFrames({{20, {3621, 3622, 3623, 3624, 14}}});
  const std::vector<EventPtr> all = live.WaitFor(applied());
  EXPECT_THAT(all, SizeIs(13));
  for (int round = 0; round < 2; ++round) {
    for (const Sequence after : {begin, deleted, Sequence(deleted.value + 1)}) {
      SubscribeOptions later = After(after);
      later.filter = options.filter;
      std::vector<std::string> expected;
      for (const EventPtr& event : all) {
        if (after < event->sequence) expected.push_back(Text(*event));
      }
      EXPECT_EQ(Texts(ReadAll(std::move(later))), expected) << after.value;
    }
    live.Close();
    Restart(/*checkpoint=*/true);
  }
}

// What a twin was is looked up as of the change, not as of now.
TEST_F(EventFeedTest, TwinsHaveTheModelThatTheyHadThen) {
  Start();
  const Sequence begin = applied();
  TestSink live;
  SubscribeOptions options;
  options.filter.types = {EventType::kTelemetry};
  options.filter.models = {"dtmi:t:BigCell;1"};
  ASSERT_THAT(live.Subscribe(engine_.get(), options), IsOk());
  live.WaitFor(begin);
  const auto move = [&](const std::string& model) {
    ingest::WriteBatch batch;
    ingest::PatchTwin patch;
    patch.id = "cell-11";
    patch.model_id = model;
    batch.operations.emplace_back(std::move(patch));
    Write(std::move(batch));
  };
  const auto publish = [&] {
    Publish("cell-11", {{"temperature", Value::Double(20)}}, next_second_++);
  };
  publish();
  SendFrames({{0, {3601, 3602, 3603, 3604, 12}}});
  move("dtmi:t:BigCell;1");
  publish();
  SendFrames({{10, {3611, 3612, 3613, 3614, 13}}});
  move("dtmi:t:Cell;1");
  publish();
  move("dtmi:t:BigCell;1");
  publish();
  ingest::WriteBatch gone;
  Unrelate("module-1", "cell-11", &gone);
  gone.operations.emplace_back(ingest::DeleteTwin{"cell-11", {}, false});
  Write(std::move(gone));
  const std::vector<std::string> all = Texts(live.WaitFor(applied()));
  EXPECT_THAT(all, SizeIs(2 + 1 + 3 + 1));
  SubscribeOptions later = After(begin);
  later.filter = options.filter;
  EXPECT_EQ(Texts(ReadAll(std::move(later))), all);
}

// Samples that set a property are changes of it only where they change it.
TEST_F(EventFeedTest, SamplesThatChangeNoPropertyAreNoEvents) {
  Start();
  const Sequence begin = applied();
  for (const absl::string_view status : {"a", "a", "b", "b", "b", "a"}) {
    Publish("pack", {{"status", Value::String(std::string(status))}}, next_second_++);
  }
  std::vector<std::string> texts;
  for (const EventPtr& event : ReadAll(After(begin))) {
    for (const events::PathChange& change : event->changes) {
      texts.push_back(absl::StrCat(Text(change.old_value), " -> ", Text(change.new_value)));
    }
  }
  EXPECT_THAT(texts, ElementsAre("null -> \"a\"", "\"a\" -> \"b\"", "\"b\" -> \"a\""));
}

// History of a property may begin with a sample: what the graph had before is its old value.
TEST_F(EventFeedTest, TheFirstSampleOfAPropertyHasAnOldValue) {
  Start();
  const Sequence begin = applied();
  Set("pack", "status", Value::String("a"));
  const int64_t later = SystemClock().Now().ns / kSecond - kStart / kSecond + 10;
  Publish("pack", {{"status", Value::String("b")}}, later);
  Publish("pack", {{"status", Value::String("c")}}, later + 1);
  const auto read = [&] {
    std::vector<std::string> texts;
    for (const EventPtr& event : ReadAll(After(begin))) {
      for (const events::PathChange& change : event->changes) {
        texts.push_back(absl::StrCat(Text(change.old_value), " -> ", Text(change.new_value)));
      }
    }
    return texts;
  };
  const auto expected = ElementsAre("null -> \"a\"", "\"a\" -> \"b\"", "\"b\" -> \"c\"");
  EXPECT_THAT(read(), expected);
  Restart(/*checkpoint=*/true);
  EXPECT_THAT(read(), expected);
}

// What the new model has no place for is removed, and its event says so, like that of any removal.
TEST_F(EventFeedTest, AReplacementByAnotherModelTellsWhatItDropped) {
  Start();
  ingest::WriteBatch models;
  models.operations.emplace_back(ingest::CreateModels{
      {R"({"@id": "dtmi:t:One;1", "@type": "Interface", "@context": "dtmi:dtdl:context;4", "contents": [
            {"@type": "Property", "name": "a", "schema": "integer"},
            {"@type": "Property", "name": "b", "schema": "integer"},
            {"@type": "Property", "name": "kept", "schema": "integer"}]})",
       R"({"@id": "dtmi:t:Two;1", "@type": "Interface", "@context": "dtmi:dtdl:context;4", "contents": [
            {"@type": "Property", "name": "a", "schema": "string"},
            {"@type": "Property", "name": "kept", "schema": "integer"}]})"}});
  Write(std::move(models));
  const auto put = [](absl::string_view model, const ValueMap& contents,
                      ingest::WriteBatch* batch) {
    ingest::PutTwin twin;
    twin.id = "t";
    twin.model_id = absl::StrCat("dtmi:t:", model, ";1");
    twin.contents = contents;
    batch->operations.emplace_back(std::move(twin));
  };
  const auto write = [&](auto... puts) {
    ingest::WriteBatch batch;
    (put(puts.first, puts.second, &batch), ...);
    Write(std::move(batch));
  };
  using Put = std::pair<absl::string_view, ValueMap>;
  const auto of = [](int64_t a) { return Value::Int(a); };
  const Sequence begin = applied();
  write(Put("One", {{"a", of(1)}, {"b", of(2)}, {"kept", of(3)}}));
  write(Put("Two", {{"kept", of(3)}}));
  write(Put("One", {{"a", of(4)}, {"b", of(5)}, {"kept", of(3)}}));
  // Written twice at once: a path is named once, and not at all where it is what it was.
  write(Put("Two", {{"a", Value::String("x")}, {"kept", of(6)}}),
        Put("One", {{"a", of(7)}, {"b", of(5)}, {"kept", of(8)}}));
  const auto read = [&] {
    std::vector<std::string> texts;
    for (const EventPtr& event : ReadAll(After(begin))) {
      std::vector<std::string> changes;
      for (const events::PathChange& change : event->changes) {
        changes.push_back(
            absl::StrCat(change.path, " ", Text(change.old_value), ">", Text(change.new_value)));
      }
      texts.push_back(absl::StrJoin(changes, ", "));
    }
    return texts;
  };
  const auto expected = ElementsAre("a null>1, b null>2, kept null>3", "a 1>null, b 2>null",
                                    "a null>4, b null>5", "a 4>7, kept 3>8");
  EXPECT_THAT(read(), expected);
  Restart(/*checkpoint=*/false);
  EXPECT_THAT(read(), expected);
}

// A model without a path has no latest value of it: when the twin is back, an older sample is none
// that came late.
TEST_F(EventFeedTest, AMoveThatLosesAPathBeginsItAnew) {
  Start();
  ingest::WriteBatch models;
  models.operations.emplace_back(ingest::CreateModels{
      {R"({"@id": "dtmi:t:One;1", "@type": "Interface", "@context": "dtmi:dtdl:context;4", "contents": [
            {"@type": "Telemetry", "name": "t", "schema": "double"},
            {"@type": "Telemetry", "name": "kept", "schema": "double"}]})",
       R"({"@id": "dtmi:t:Two;1", "@type": "Interface", "@context": "dtmi:dtdl:context;4", "contents": [
            {"@type": "Telemetry", "name": "kept", "schema": "double"}]})"}});
  Write(std::move(models));
  const auto move = [&](const std::string& model) {
    ingest::WriteBatch batch;
    Twin("t", model, &batch);
    Write(std::move(batch));
  };
  const Sequence begin = applied();
  TestSink sink;
  SubscribeOptions options;
  options.filter.types = {EventType::kTelemetry};
  ASSERT_THAT(sink.Subscribe(engine_.get(), options), IsOk());
  const auto publish = [&](double value, int64_t second) {
    Publish("t", {{"t", Value::Double(value)}, {"kept", Value::Double(value)}}, second);
  };
  const int64_t at = next_second_;
  move("dtmi:t:One;1");
  publish(1, at + 10);
  move("dtmi:t:Two;1");
  move("dtmi:t:One;1");
  publish(2, at + 5);
  publish(3, at + 7);
  publish(4, at + 6);
  move("dtmi:t:Two;1");
  move("dtmi:t:One;1");
  publish(5, at + 20);
  publish(6, at + 19);
  const auto texts = [](const std::vector<EventPtr>& events) {
    std::vector<std::string> lines;
    for (const EventPtr& event : events) {
      std::string line;
      for (const events::PathChange& change : event->changes) {
        absl::StrAppend(&line, line.empty() ? "" : ", ", change.path, " ", Text(change.old_value),
                        ">", Text(change.new_value), change.late ? " late" : "");
      }
      lines.push_back(line);
    }
    return lines;
  };
  const auto expected = ElementsAre("t null>1, kept null>1", "t null>2, kept null>2 late",
                                    "t 2>3, kept null>3 late", "t null>4 late, kept null>4 late",
                                    "t null>5, kept 1>5", "t null>6 late, kept null>6 late");
  EXPECT_THAT(texts(sink.WaitFor(applied())), expected);
  const auto again = [&] {
    SubscribeOptions later = After(begin);
    later.filter = options.filter;
    return texts(ReadAll(std::move(later)));
  };
  EXPECT_THAT(again(), expected);
  for (const bool checkpoint : {false, true}) {
    Restart(checkpoint);
    EXPECT_THAT(again(), expected);
  }
}

TEST_F(EventFeedTest, AnObjectWithoutFieldsIsAChange) {
  Start();
  ingest::WriteBatch models;
  models.operations.emplace_back(ingest::CreateModels{
      {R"({"@id": "dtmi:t:Box;1", "@type": "Interface", "@context": "dtmi:dtdl:context;4", "contents": [
            {"@type": "Property", "name": "obj", "schema": {"@type": "Object", "fields": [
              {"name": "x", "schema": "integer"}]}}]})"}});
  Write(std::move(models));
  const Sequence begin = applied();
  ingest::WriteBatch batch;
  Twin("box", "dtmi:t:Box;1", &batch);
  Write(std::move(batch));
  const auto edit = [&](ingest::Edit::Kind kind, std::vector<std::string> path, Value value) {
    ingest::PatchTwin patch;
    patch.id = "box";
    patch.edits.push_back({kind, std::move(path), std::move(value), std::nullopt});
    ingest::WriteBatch one;
    one.operations.emplace_back(std::move(patch));
    Write(std::move(one));
  };
  edit(ingest::Edit::Kind::kAdd, {"obj"}, Value::Map({}));
  edit(ingest::Edit::Kind::kAdd, {"obj", "x"}, Value::Int(1));
  edit(ingest::Edit::Kind::kRemove, {"obj"}, Value());
  const auto at = [&](uint64_t more) { return absl::StrCat(begin.value + more); };
  EXPECT_THAT(Texts(ReadAll(After(begin))),
              ElementsAre(at(1) + ".0 twin.created box (dtmi:t:Box;1)",
                          at(2) + ".0 twin.updated box (dtmi:t:Box;1); obj: null -> {}",
                          at(3) + ".0 twin.updated box (dtmi:t:Box;1); obj.x: null -> 1",
                          at(4) + ".0 twin.updated box (dtmi:t:Box;1); obj.x: 1 -> null; "
                                  "obj: {} -> null"));
}

// While nobody listens changes are passed over, and what is known of twins with them.
TEST_F(EventFeedTest, WhatHappenedWhileNobodyListenedIsKnown) {
  Start();
  for (const absl::string_view model : {"dtmi:t:Cell;1", "dtmi:t:BigCell;1", "dtmi:t:Cell;1"}) {
    ingest::WriteBatch batch;
    ingest::PatchTwin patch;
    patch.id = "cell-11";
    patch.model_id = std::string(model);
    batch.operations.emplace_back(std::move(patch));
    Write(std::move(batch));
    TestSink sink;
    ASSERT_THAT(sink.Subscribe(engine_.get(), {}), IsOk());
    while (engine_->feed().status().live != 1) std::this_thread::yield();
    Publish("cell-11", {{"temperature", Value::Double(20)}}, next_second_++);
    const std::vector<EventPtr> events = sink.WaitFor(applied());
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0]->model_id, model);
  }
}

}  // namespace
}  // namespace twin::engine
