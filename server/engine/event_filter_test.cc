// What filters of the change feed take, but for conditions.
#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/events/catchup.h"
#include "server/events/expander.h"
#include "tests/support/event_world.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using events::EventPtr;
using events::EventType;
using events::SubscribeOptions;
using ::testing::ElementsAre;
using ::twin::testing::IsOk;

class EventFilterTest : public ::testing::Test, protected EventWorld {
 protected:
  EventFilterTest() : EventWorld(OwnFolder()) {}
};

// Filters against a plain evaluation of every event, for who keeps up and who comes later.
TEST_F(EventFilterTest, FiltersAreWhatAPlainEvaluationSays) {
  Start();
  const Sequence begin = applied();
  std::mt19937_64 random(3);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  const std::vector<std::string> models = {"dtmi:t:Pack;1", "dtmi:t:Module;1", "dtmi:t:Cell;1",
                                           "dtmi:t:BigCell;1"};
  const std::vector<std::string> twins = {"pack", "module-1", "cell-11", "cell-12", "cell-22"};
  const std::vector<std::string> paths = {"status",  "temperature", "voltage",
                                          "current", "grade",       "hasCell"};
  constexpr size_t kFilters = 60;
  std::vector<events::FilterSpec> specs(kFilters);
  std::vector<std::unique_ptr<TestSink>> sinks;
  for (events::FilterSpec& spec : specs) {
    for (size_t i = below(3); i > 0; --i) {
      spec.types.push_back(static_cast<EventType>(below(10)));
    }
    for (size_t i = below(3); i > 0; --i) spec.models.push_back(models[below(models.size())]);
    if (below(3) == 0) spec.twins.push_back(twins[below(twins.size())]);
    for (size_t i = below(3); i > 0; --i) spec.paths.push_back(paths[below(paths.size())]);
    SubscribeOptions options;
    options.filter = spec;
    sinks.push_back(std::make_unique<TestSink>());
    ASSERT_THAT(sinks.back()->Subscribe(engine_.get(), options), IsOk());
    sinks.back()->WaitFor(begin);
  }
  WriteRandomly(150, 11);
  const std::vector<EventPtr> all = ReadAll(After(begin));
  const auto is_of = [](absl::string_view model, absl::string_view asked) {
    return model == asked || (model == "dtmi:t:BigCell;1" && asked == "dtmi:t:Cell;1");
  };
  size_t matches = 0;
  for (size_t i = 0; i < kFilters; ++i) {
    const events::FilterSpec& spec = specs[i];
    std::vector<std::string> expected;
    for (const EventPtr& event : all) {
      const bool is_relationship = events::IsOfRelationship(event->type);
      const auto any = [](const auto& list, const auto& test) {
        return list.empty() || std::any_of(list.begin(), list.end(), test);
      };
      if (!any(spec.types, [&](EventType type) { return type == event->type; }) ||
          !any(spec.models, [&](const auto& model) { return is_of(event->model_id, model); }) ||
          !any(spec.twins,
               [&](const auto& id) {
                 return id == event->twin_id || (is_relationship && id == event->target_id);
               }) ||
          !any(spec.paths, [&](const auto& path) {
            return (is_relationship && path == event->name) ||
                   std::any_of(event->changes.begin(), event->changes.end(),
                               [&](const auto& change) { return change.path == path; });
          })) {
        continue;
      }
      expected.push_back(Text(*event));
    }
    matches += expected.size();
    EXPECT_EQ(Texts(sinks[i]->WaitFor(applied())), expected) << i;
    SubscribeOptions later = After(begin);
    later.filter = spec;
    EXPECT_EQ(Texts(ReadAll(std::move(later))), expected) << i;
  }
  EXPECT_GT(matches, 500u);
}

// Frames are told by all that a filter says, and by the values that are there.
TEST_F(EventFilterTest, FramesMatchAllThatAFilterSays) {
  Start();
  const Sequence begin = applied();
  SendFrames({{0, {3601, 3602, 3603, 3604, 12}}, {10, {5000, 3612, 3613, 3614, 13}}});
  ingest::Layout layout;
  layout.id = "both";
  layout.columns.resize(2);
  layout.columns[0].targets = {{"cell-11", "temperature"}};
  layout.columns[1].targets = {{"cell-11", "voltage"}};
  for (ingest::LayoutColumn& column : layout.columns) {
    column.encoding = ingest::Encoding::kInt16;
    column.invalid_codes = {5000};
  }
  ASSERT_THAT(engine_->Register(std::move(layout)).status, IsOk());
  for (const std::vector<int16_t>& values : {std::vector<int16_t>{20, 5000}, {5000, 3}, {21, 4}}) {
    std::string packed;
    for (const int16_t value : values) AppendFixed(&packed, value);
    const int64_t time = kStart + next_second_++ * kSecond;
    ingest::TelemetryBatch batch;
    batch.frames.push_back({"both", absl::MakeConstSpan(&time, 1), packed, {}});
    ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  }
  const auto count = [&](const std::vector<std::string>& twins, const std::string& under,
                         const std::vector<std::string>& paths, const std::string& condition) {
    SubscribeOptions options = After(begin);
    options.filter.twins = twins;
    options.filter.under = under;
    options.filter.paths = paths;
    options.filter.condition = condition;
    return ReadAll(std::move(options)).size();
  };
  EXPECT_EQ(count({}, "", {}, ""), 5u + 4u + 3u);
  EXPECT_EQ(count({}, "pack", {}, ""), 5u + 4u + 3u);
  EXPECT_EQ(count({"cell-11"}, "pack", {}, ""), 1u + 3u);
  EXPECT_EQ(count({"cell-11"}, "module-2", {}, ""), 0u);
  EXPECT_EQ(count({}, "", {"temperature"}, ""), 2u);
  EXPECT_EQ(count({}, "", {"temperature"}, "new.voltage > 0"), 1u);
  EXPECT_EQ(count({}, "", {"temperature"}, "new.voltage IS NULL OR new.voltage > 0"), 1u);
  EXPECT_EQ(count({}, "", {"voltage"}, "new.voltage > 0"), 4u + 3u + 2u);
}

TEST_F(EventFilterTest, UnderFollowsMovesAlsoInThePast) {
  Start();
  const Sequence begin = applied();
  TestSink live;
  SubscribeOptions options;
  options.filter.under = "pack";
  options.filter.paths = {"grade"};
  ASSERT_THAT(live.Subscribe(engine_.get(), options), IsOk());
  live.WaitFor(begin);
  Set("cell-21", "grade", Value::Int(1));
  ingest::WriteBatch unmount;
  Set("cell-22", "grade", Value::Int(1), &unmount);  // it was there before
  Unrelate("pack", "module-2", &unmount);
  Write(std::move(unmount));
  Set("cell-21", "grade", Value::Int(2));
  Set("cell-11", "grade", Value::Int(1));
  ingest::WriteBatch mount;
  Twin("cell-23", "dtmi:t:Cell;1", &mount);
  Relate("module-2", "hasCell", "cell-23", 3, &mount);
  Write(std::move(mount));
  ingest::WriteBatch back;
  Relate("pack", "hasModule", "module-2", 2, &back);
  Write(std::move(back));
  Set("cell-21", "grade", Value::Int(3));
  Set("cell-23", "grade", Value::Int(3));
  ingest::WriteBatch away;
  Unrelate("pack", "module-2", &away);
  Write(std::move(away));
  Set("cell-23", "grade", Value::Int(4));
  const auto texts = [](const std::vector<EventPtr>& events) {
    std::vector<std::string> found;
    found.reserve(events.size());
    for (const EventPtr& event : events) {
      found.push_back(absl::StrCat(event->twin_id, "=", event->changes[0].new_value.DebugString()));
    }
    return found;
  };
  const auto expected =
      ElementsAre("cell-21=1", "cell-22=1", "cell-11=1", "cell-21=3", "cell-23=3");
  EXPECT_THAT(texts(live.WaitFor(applied())), expected);
  live.Close();
  for (int round = 0; round < 2; ++round) {
    SubscribeOptions later = After(begin);
    later.filter = options.filter;
    EXPECT_THAT(texts(ReadAll(std::move(later))), expected);
    Restart(/*checkpoint=*/false);
  }
}

TEST_F(EventFilterTest, UnderKnowsARootThatIsGone) {
  Start();
  const Sequence begin = applied();
  Set("cell-21", "grade", Value::Int(1));
  const auto remove = [&] {
    ingest::WriteBatch batch;
    Unrelate("pack", "module-2", &batch);
    Unrelate("module-2", "cell-21", &batch);
    Unrelate("module-2", "cell-22", &batch);
    batch.operations.emplace_back(ingest::DeleteTwin{"module-2", {}, false});
    Write(std::move(batch));
  };
  remove();
  Set("cell-21", "grade", Value::Int(2));
  const auto read = [&] {
    SubscribeOptions options = After(begin);
    options.filter.under = "module-2";
    options.filter.types = {EventType::kTwinCreated, EventType::kTwinUpdated,
                            EventType::kTwinDeleted};
    std::vector<std::string> texts;
    for (const std::string& text : Texts(ReadAll(std::move(options)))) {
      texts.push_back(text.substr(text.find(' ') + 1));
    }
    return texts;
  };
  const std::string first = "twin.updated cell-21 (dtmi:t:Cell;1); grade: null -> 1";
  const std::string deleted = "twin.deleted module-2 (dtmi:t:Module;1)";
  EXPECT_THAT(read(), ElementsAre(first, deleted));
  ingest::WriteBatch again;
  Twin("module-2", "dtmi:t:Module;1", &again);
  Relate("module-2", "hasCell", "cell-21", 1, &again);
  Relate("pack", "hasModule", "module-2", 2, &again);
  Write(std::move(again));
  Set("cell-21", "grade", Value::Int(3));
  const std::string created = "twin.created module-2 (dtmi:t:Module;1)";
  const std::string third = "twin.updated cell-21 (dtmi:t:Cell;1); grade: 2 -> 3";
  EXPECT_THAT(read(), ElementsAre(first, deleted, created, third));
}

// The matcher may look at a change when what it reads along has changed again.
TEST_F(EventFilterTest, WhatComesUnderARootIsWhatWasBelowItThen) {
  Start();
  ingest::WriteBatch apart;
  Twin("module-3", "dtmi:t:Module;1", &apart);
  Twin("cell-31", "dtmi:t:Cell;1", &apart);
  Relate("module-3", "hasCell", "cell-31", 1, &apart);
  Write(std::move(apart));
  const Sequence next(applied().value + 1);
  const events::Sources& sources = engine_->feed().sources();
  std::shared_ptr<const graph::Catalog> catalog;
  engine_->Read([&](const graph::GraphView& head) { catalog = head.shared_catalog(); });
  events::FilterSpec spec;
  spec.under = "pack";
  spec.paths = {"grade"};
  auto filter = events::Filter::Create(spec, nullptr, *catalog);
  ASSERT_THAT(filter, IsOk());
  ASSERT_THAT(events::UnderLoader(sources, next, 1000, filter->get()).Load(), IsOk());

  ingest::WriteBatch mount;
  Relate("pack", "hasModule", "module-3", 3, &mount);
  Write(std::move(mount));
  Set("cell-31", "grade", Value::Int(1));
  ingest::WriteBatch away;
  Unrelate("module-3", "cell-31", &away);
  Write(std::move(away));
  Set("cell-31", "grade", Value::Int(2));

  events::Interest interest({filter->get()});
  events::Expander expander(sources, options_.events);
  expander.SetInterest(&interest, /*narrower=*/false);
  events::ChangeLog::Reader reader(sources.log, next);
  std::vector<std::string> texts;
  while (reader.next() <= applied()) {
    auto record = reader.Next();
    ASSERT_THAT(record, IsOk());
    std::vector<events::Delivery> deliveries;
    ASSERT_THAT(expander.Expand(*record, &deliveries), IsOk());
    for (const events::Delivery& delivery : deliveries) {
      for (const EventPtr& event : delivery.events) {
        texts.push_back(absl::StrCat(event->twin_id, "=", Text(event->changes[0].new_value)));
      }
    }
  }
  EXPECT_THAT(texts, ElementsAre("cell-31=1"));
}

}  // namespace
}  // namespace twin::engine
