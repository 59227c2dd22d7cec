// Conditions of subscriptions, over changes and over what they leave alone.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "query/ast/error.h"
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

class EventConditionTest : public ::testing::Test, protected EventWorld {
 protected:
  EventConditionTest() : EventWorld(OwnFolder()) {}
};

TEST_F(EventConditionTest, ConditionsSeeBeforeAndAfter) {
  Start();
  const Sequence begin = applied();
  Set("pack", "status", Value::String("driving"));
  for (const double value : {40.0, 46.0, 47.0, 44.0, 50.0}) {
    Publish("cell-11", {{"temperature", Value::Double(value)}}, next_second_++);
    Publish("cell-12", {{"voltage", Value::Double(value)}}, next_second_++);
  }
  Publish("cell-11", {{"temperature", Value::Double(60)}}, 3);  // late: crosses nothing
  Set("cell-11", "grade", Value::Int(2));
  const auto count = [&](const std::string& condition) {
    SubscribeOptions options = After(begin);
    options.filter.condition = condition;
    return ReadAll(std::move(options)).size();
  };
  EXPECT_EQ(count("new.temperature > 45"), 4u);
  EXPECT_EQ(count("new.temperature > 45 AND old.temperature <= 45"), 2u);
  EXPECT_EQ(count("new.temperature > 45 AND $dtId = 'cell-11'"), 4u);
  EXPECT_EQ(count("new.temperature > 45 AND twin.$dtId = 'cell-12'"), 0u);
  EXPECT_EQ(count("new.temperature > 45 AND grade = 2"), 0u);  // it was none
  EXPECT_EQ(count("new.grade = 2 AND temperature = 50"), 1u);  // the late sample is not what it has
  EXPECT_EQ(count("new.status = 'driving' AND old.status IS NULL"), 1u);
  EXPECT_EQ(count("new.temperature > 45 OR new.voltage > 45"), 7u);
  EXPECT_EQ(count("new.grade = 2 AND new.temperature < 100"), 1u);
  EXPECT_EQ(count("IS_OF_MODEL(twin, 'dtmi:t:BigCell;1') AND new.voltage < 45"), 2u);
  const auto refused = [&](const std::string& condition) {
    TestSink sink;
    SubscribeOptions options;
    options.filter.condition = condition;
    return sink.Subscribe(engine_.get(), options);
  };
  const absl::Status unknown = refused("new.voltage > 1 AND\n  new.temprature > 45");
  EXPECT_THAT(unknown, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("temperature")));
  ASSERT_TRUE(query::SpanOf(unknown).has_value());
  EXPECT_EQ(query::SpanOf(unknown)->line, 2u);
  EXPECT_EQ(query::SpanOf(unknown)->column, 3u);
  EXPECT_THAT(std::string(unknown.message()), ::testing::StartsWith("2:3 "));
  EXPECT_THAT(refused("new.voltage >"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1:")));
  EXPECT_THAT(refused("new.voltage > 1 LIMIT 3"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("WHERE")));
  EXPECT_THAT(refused("new.voltage > @x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("parameters")));
  EXPECT_THAT(refused("EXISTS ((twin)-[:hasCell]->(c))"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("EXISTS")));
}

TEST_F(EventConditionTest, ConditionsLearnOfModelsThatComeLater) {
  Open();
  TestSink sink;
  SubscribeOptions options;
  options.filter.condition = "new.grade > 2";
  EXPECT_THAT(sink.Subscribe(engine_.get(), options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("models")));
  engine_.reset();
  Start();
  ASSERT_THAT(sink.Subscribe(engine_.get(), options), IsOk());
  sink.WaitFor(applied());
  ingest::WriteBatch models;
  models.operations.emplace_back(ingest::CreateModels{
      {R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Later;1","@type":"Interface",
           "contents":[{"@type":"Property","name":"grade","schema":"integer"}]})"}});
  Write(std::move(models));
  ingest::WriteBatch batch;
  Twin("later", "dtmi:t:Later;1", &batch);
  Set("later", "grade", Value::Int(3), &batch);
  Write(std::move(batch));
  EXPECT_THAT(sink.WaitFor(applied()), SizeIs(1));
}

// What conditions read of a twin that the change leaves alone.
TEST_F(EventConditionTest, WhatAChangeLeavesAloneIsAsItWasThen) {
  Start();
  Publish("cell-11", {{"voltage", Value::Double(3.5)}}, 1);
  Set("cell-11", "grade", Value::Int(1));
  Set("pack", "odometer", Value::Double(5));
  const Sequence before = applied();
  Set("pack", "status", Value::String("a"));
  Publish("cell-11", {{"temperature", Value::Double(50)}}, 2);
  // Everything goes on.
  Set("pack", "odometer", Value::Double(6));
  Set("pack", "odometer", Value::Double(7));
  Set("cell-11", "grade", Value::Int(2));
  Publish("cell-11", {{"voltage", Value::Double(4)}}, 3);
  const auto is_exact_match = [&](const std::string& condition) {
    SubscribeOptions options = After(before);
    options.filter.condition = condition;
    const std::vector<EventPtr> events = ReadAll(options);
    return events.size() == 1 && !events[0]->is_context_current;
  };
  EXPECT_TRUE(is_exact_match("new.status = 'a' AND new.odometer = 5"));
  EXPECT_TRUE(is_exact_match("new.status = 'a' AND old.odometer = new.odometer"));
  EXPECT_TRUE(is_exact_match("new.status = 'a' AND odometer = 5"));
  EXPECT_FALSE(is_exact_match("new.status = 'a' AND odometer = 7"));
  EXPECT_TRUE(is_exact_match("new.temperature > 45 AND new.voltage = 3.5"));
  EXPECT_TRUE(is_exact_match("new.temperature > 45 AND grade = 1 AND $dtId = 'cell-11'"));
}

TEST_F(EventConditionTest, TwinsThatAreGoneOrHaveMovedAreReadAsTheyWere) {
  Start();
  ingest::WriteBatch batch;
  for (const char* const id : {"gone", "moved"}) {
    Twin(id, "dtmi:t:Cell;1", &batch);
    Set(id, "grade", Value::Int(3), &batch);
  }
  Write(std::move(batch));
  const Sequence before = applied();
  Publish("gone", {{"temperature", Value::Double(50)}}, 1);
  Publish("moved", {{"temperature", Value::Double(50)}}, 1);
  Set("gone", "grade", Value::Int(4));
  ingest::WriteBatch later;
  later.operations.emplace_back(ingest::DeleteTwin{"gone", {}, false});
  ingest::PatchTwin move;
  move.id = "moved";
  move.model_id = "dtmi:t:Module;1";  // which has no grade
  move.edits.push_back({ingest::Edit::Kind::kRemove, {"grade"}, Value(), std::nullopt});
  later.operations.emplace_back(std::move(move));
  Write(std::move(later));
  const auto ids = [&](const std::string& condition) {
    SubscribeOptions options = After(before);
    options.filter.condition = condition;
    std::vector<std::string> found;
    for (const EventPtr& event : ReadAll(options)) {
      EXPECT_FALSE(event->is_context_current) << condition;
      found.emplace_back(event->twin_id);
    }
    return found;
  };
  EXPECT_THAT(ids("new.temperature > 45 AND grade = 3"), ElementsAre("gone", "moved"));
  EXPECT_THAT(ids("new.temperature > 45 AND IS_OF_MODEL(twin, 'dtmi:t:Cell;1')"),
              ElementsAre("gone", "moved"));
  EXPECT_THAT(ids("new.temperature > 45 AND $metadata.$model = 'dtmi:t:Module;1'"), IsEmpty());
}

TEST_F(EventConditionTest, BehindTheRingAnEventSaysWhatWasReadLater) {
  options_.events.ring_bytes = 1;
  Start();
  Publish("cell-11", {{"voltage", Value::Double(3.5)}}, 1);
  Set("cell-11", "grade", Value::Int(1));
  const Sequence before = applied();
  Publish("cell-11", {{"temperature", Value::Double(50)}}, 2);
  const auto context = [&](const std::string& condition) -> std::string {
    SubscribeOptions options = After(before);
    options.filter.condition = condition;
    const std::vector<EventPtr> events = ReadAll(options);
    if (events.empty()) return "no match";
    return events[0]->is_context_current ? "current" : "exact";
  };
  const std::string property = "new.temperature > 45 AND grade = ";
  Set("pack", "odometer", Value::Double(6));  // of another twin
  EXPECT_EQ(context(property + "1"), "exact");
  Set("cell-11", "grade", Value::Int(2));
  EXPECT_EQ(context(property + "2"), "current");
  EXPECT_EQ(context(property + "1"), "no match");
  Publish("cell-11", {{"voltage", Value::Double(4)}}, 3);
  EXPECT_EQ(context("new.temperature > 45 AND new.voltage = 3.5"), "exact");  // from the history
}

// Conditions over what changes and what does not, for who keeps up and who reads later, beside what
// all events say one after the other.
TEST_F(EventConditionTest, EqualAPlainEvaluationOfAllChanges) {
  using Values = std::map<std::string, Value, std::less<>>;
  struct Case {
    std::string condition;
    std::vector<std::string> paths;  // that it names with new. or old.
    std::function<bool(const Values& before, const Values& now)> is_true;
  };
  const auto at = [](const Values& values, absl::string_view path, double or_else) {
    const auto found = values.find(path);
    if (found == values.end() || found->second.is_null()) return or_else;
    return found->second.kind() == Value::Kind::kInt ? static_cast<double>(found->second.as_int())
                                                     : found->second.as_double();
  };
  const std::vector<Case> cases = {
      {"new.temperature > 20 AND new.grade >= 1",
       {"temperature", "grade"},
       [&](const Values& /*before*/, const Values& now) {
         return at(now, "temperature", 0) > 20 && at(now, "grade", 0) >= 1;
       }},
      {"new.voltage < 3.7 AND grade = 2",
       {"voltage"},
       [&](const Values& /*before*/, const Values& now) {
         return at(now, "voltage", 9) < 3.7 && at(now, "grade", 0) == 2;
       }},
      {"new.grade <= 2 AND old.temperature > 10 AND new.voltage > 3.2",
       {"grade", "temperature", "voltage"},
       [&](const Values& before, const Values& now) {
         return at(now, "grade", 9) <= 2 && at(before, "temperature", 0) > 10 &&
                at(now, "voltage", 0) > 3.2;
       }}};
  Start();
  const Sequence begin = applied();
  std::vector<std::unique_ptr<TestSink>> live;
  for (const Case& each : cases) {
    SubscribeOptions options;
    options.filter.condition = each.condition;
    live.push_back(std::make_unique<TestSink>());
    ASSERT_THAT(live.back()->Subscribe(engine_.get(), options), IsOk());
    live.back()->WaitFor(begin);
  }
  const auto seed = static_cast<uint64_t>(std::random_device{}());
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  WriteRandomly(400, seed);
  std::map<std::string, Values> twins;
  std::vector<std::vector<std::string>> expected(cases.size());
  for (const EventPtr& event : ReadAll(After(begin))) {
    if (events::IsOfRelationship(event->type)) continue;
    Values& kept = twins[std::string(event->twin_id)];
    if (event->type == EventType::kTwinDeleted) {
      kept.clear();
      continue;
    }
    // What the event says, late samples too; what stays is what is not late.
    Values before = kept;
    Values now = kept;
    std::vector<std::string> changed;
    for (const events::PathChange& change : event->changes) {
      const std::string path(change.path);
      before[path] = change.old_value;
      now[path] = change.new_value;
      if (!change.late) kept[path] = change.new_value;
      changed.push_back(path);
    }
    for (size_t i = 0; i < cases.size(); ++i) {
      const bool is_asked =
          std::any_of(cases[i].paths.begin(), cases[i].paths.end(), [&](const std::string& path) {
            return std::find(changed.begin(), changed.end(), path) != changed.end();
          });
      if (is_asked && cases[i].is_true(before, now)) expected[i].push_back(Text(*event));
    }
  }
  for (size_t i = 0; i < cases.size(); ++i) {
    SubscribeOptions later = After(begin);
    later.filter.condition = cases[i].condition;
    const std::vector<EventPtr> read = ReadAll(later);
    EXPECT_EQ(Texts(read), expected[i]) << cases[i].condition;
    EXPECT_EQ(Texts(live[i]->WaitFor(applied())), expected[i]) << cases[i].condition;
    EXPECT_THAT(expected[i], ::testing::Not(IsEmpty()));
    for (const EventPtr& event : read) EXPECT_FALSE(event->is_context_current);
  }
}

}  // namespace
}  // namespace twin::engine
