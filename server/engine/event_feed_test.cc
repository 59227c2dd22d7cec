// The change feed over a whole engine: what is told of each change, and that resuming anywhere,
// after whatever happened meanwhile, leaves nothing out and repeats nothing.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "query/ast/error.h"
#include "server/base/check.h"
#include "server/engine/data_dir.h"
#include "server/engine/engine.h"
#include "server/events/feed.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using events::Event;
using events::EventPtr;
using events::EventType;
using events::SubscribeOptions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = int64_t{1'700'000'000} * kSecond;

constexpr absl::string_view kModels = R"([
  {"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:historization;1"],
   "@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
    {"@type":["Property","Historized"],"name":"status","schema":"string"},
    {"@type":"Property","name":"odometer","schema":"double"},
    {"@type":"Telemetry","name":"current","schema":"double"},
    {"@type":"Relationship","name":"hasModule","properties":[
      {"@type":"Property","name":"position","schema":"integer"}]}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Module;1","@type":"Interface","contents":[
    {"@type":"Property","name":"serial","schema":"string"},
    {"@type":"Relationship","name":"hasCell","properties":[
      {"@type":"Property","name":"position","schema":"integer"}]}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":"Property","name":"grade","schema":"integer"},
    {"@type":"Telemetry","name":"temperature","schema":"double"},
    {"@type":"Telemetry","name":"voltage","schema":"double"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:BigCell;1","@type":"Interface",
   "extends":"dtmi:t:Cell;1","contents":[]}])";

std::string Text(const Value& value) {
  return value.kind() == Value::Kind::kDouble ? absl::StrCat(value.as_double())
                                              : value.DebugString();
}

// "12.0 twin.updated pack status: \"a\" -> \"b\"". Without the index of latest values.
std::string Text(const Event& event) {
  std::string text =
      absl::StrCat(event.sequence.value, ".", event.index, " ", events::NameOf(event.type), " ");
  if (events::IsOfModel(event.type)) {
    absl::StrAppend(&text, event.model_id);
  } else if (events::IsOfRelationship(event.type)) {
    absl::StrAppend(&text, event.twin_id, " -", event.name, "-> ", event.target_id, " (",
                    event.relationship_id, ")");
  } else {
    absl::StrAppend(&text, event.twin_id, " (", event.model_id, ")");
  }
  if (!event.old_model.empty()) absl::StrAppend(&text, " was ", event.old_model);
  for (const events::PathChange& change : event.changes) {
    absl::StrAppend(&text, "; ", change.path, ": ", Text(change.old_value), " -> ",
                    Text(change.new_value), change.late ? " late" : "",
                    change.has_old ? "" : " (old not recorded)");
  }
  return text;
}
std::vector<std::string> Texts(const std::vector<EventPtr>& events) {
  std::vector<std::string> texts;
  texts.reserve(events.size());
  for (const EventPtr& event : events) texts.push_back(Text(*event));
  return texts;
}

// Takes messages, and asks for the next one unless it is told not to.
class TestSink : public events::Sink {
 public:
  ~TestSink() override { Close(); }

  absl::Status Subscribe(Engine* engine, SubscribeOptions options) {
    auto subscription = engine->feed().Subscribe(std::move(options), this);
    if (!subscription.ok()) return subscription.status();
    subscription_ = *std::move(subscription);
    subscription_->Start();
    return absl::OkStatus();
  }
  void Send(events::Message message) override {
    bool is_paused = false;
    {
      const MutexLock lock(&mutex_);
      ++messages_;
      // A transaction is whole when its token comes.
      is_whole_ = is_whole_ && (!message.more || !message.events.empty());
      for (const EventPtr& event : message.events) events_.push_back(event);
      if (!message.more) through_ = message.through;
      if (!message.more) ends_.push_back(events_.size());
      is_paused = is_paused_;
      owes_ = is_paused;
      changed_.SignalAll();
    }
    if (!is_paused) subscription_->Sent();
  }
  void End(const absl::Status& status) override {
    const MutexLock lock(&mutex_);
    ended_ = status;
    has_ended_ = true;
    changed_.SignalAll();
  }

  void Pause() {
    const MutexLock lock(&mutex_);
    is_paused_ = true;
  }
  void Resume() {
    bool owes = false;
    {
      const MutexLock lock(&mutex_);
      is_paused_ = false;
      owes = std::exchange(owes_, false);
    }
    if (owes) subscription_->Sent();
  }
  // Everything up to that sequence.
  std::vector<EventPtr> WaitFor(Sequence sequence) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const MutexLock lock(&mutex_);
    while (through_ < sequence && !has_ended_ && std::chrono::steady_clock::now() < end) {
      changed_.WaitFor(&mutex_, std::chrono::milliseconds(100));
    }
    TWIN_CHECK(!(through_ < sequence)) << through_.value << " " << ended_;
    return events_;
  }
  absl::Status WaitForEnd() {
    const MutexLock lock(&mutex_);
    while (!has_ended_) changed_.Wait(&mutex_);
    return ended_;
  }
  int messages() {
    const MutexLock lock(&mutex_);
    return messages_;
  }
  std::vector<size_t> ends() {
    const MutexLock lock(&mutex_);
    return ends_;
  }
  void Close() {
    if (subscription_ == nullptr) return;
    Resume();
    subscription_->Cancel(absl::CancelledError("closed"));
    (void)WaitForEnd();
    subscription_ = nullptr;
  }

 private:
  std::shared_ptr<events::Subscription> subscription_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<EventPtr> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<size_t> ends_ ABSL_GUARDED_BY(mutex_);
  Sequence through_ ABSL_GUARDED_BY(mutex_);
  int messages_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_whole_ ABSL_GUARDED_BY(mutex_) = true;
  bool is_paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool owes_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);
};

class EventFeedTest : public ::testing::Test {
 public:
  EventFeedTest() {
    std::string pattern = absl::StrCat(::testing::TempDir(), "/events-XXXXXX");
    TWIN_CHECK(mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    options_.data_dir = JoinPath(root_, "data");
    options_.segment_bytes = 1 << 20;
    options_.limits.batch_bytes_max = 512 << 10;
    options_.reserve_bytes = 1 << 16;
    options_.history_block_rows = 16;
    options_.events.progress_interval_ms = 100;
  }
  ~EventFeedTest() override {
    engine_.reset();
    (void)RemoveTree(PosixFileSystem(), root_);
  }

  // A pack of two modules of two cells each.
  void Start() {
    Open();
    ingest::WriteBatch models;
    models.operations.emplace_back(ingest::CreateModels{{std::string(kModels)}});
    Write(std::move(models));
    ingest::WriteBatch batch;
    Twin("pack", "dtmi:t:Pack;1", &batch);
    for (int m = 1; m <= 2; ++m) {
      const std::string module = absl::StrCat("module-", m);
      Twin(module, "dtmi:t:Module;1", &batch);
      Relate("pack", "hasModule", module, m, &batch);
      for (int c = 1; c <= 2; ++c) {
        const std::string cell = absl::StrCat("cell-", m, c);
        Twin(cell, c == 2 ? "dtmi:t:BigCell;1" : "dtmi:t:Cell;1", &batch);
        Relate(module, "hasCell", cell, c, &batch);
      }
    }
    Write(std::move(batch));
    TWIN_CHECK(engine_->Register(VoltageLayout()).status.ok());
  }
  void Open() {
    auto engine = Engine::Open(options_);
    TWIN_CHECK(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
  }
  void Restart(bool checkpoint) {
    if (checkpoint) {
      ASSERT_THAT(engine_->Stop(), IsOk());
    }
    engine_.reset();
    Open();
  }

  static void Twin(const std::string& id, const std::string& model, ingest::WriteBatch* batch) {
    ingest::PutTwin put;
    put.id = id;
    put.model_id = model;
    batch->operations.emplace_back(std::move(put));
  }
  static void Relate(const std::string& source, const std::string& name, const std::string& target,
                     int position, ingest::WriteBatch* batch) {
    ingest::PutRelationship put;
    put.source_id = source;
    put.relationship_id = absl::StrCat(source, "-", target);
    put.name = name;
    put.target_id = target;
    put.contents = {{"position", Value::Int(position)}};
    batch->operations.emplace_back(std::move(put));
  }
  static void Unrelate(const std::string& source, const std::string& target,
                       ingest::WriteBatch* batch) {
    batch->operations.emplace_back(
        ingest::DeleteRelationship{source, absl::StrCat(source, "-", target), {}});
  }
  static void Set(const std::string& id, const std::string& path, Value value,
                  ingest::WriteBatch* batch) {
    ingest::PatchTwin patch;
    patch.id = id;
    ingest::Edit& edit = patch.edits.emplace_back();
    edit.path = {path};
    edit.value = std::move(value);
    batch->operations.emplace_back(std::move(patch));
  }
  Sequence Write(ingest::WriteBatch batch) {
    const ingest::WriteResult result = engine_->Write(std::move(batch));
    TWIN_CHECK(result.status.ok()) << result.status;
    return result.sequence;
  }
  Sequence Set(const std::string& id, const std::string& path, Value value) {
    ingest::WriteBatch batch;
    Set(id, path, std::move(value), &batch);
    return Write(std::move(batch));
  }
  Sequence Publish(const std::string& id, ValueMap contents, int64_t second) {
    ingest::TelemetryBatch batch;
    ingest::Publication& publication = batch.publications.emplace_back();
    publication.twin_id = id;
    publication.contents = std::move(contents);
    publication.time = Time{kStart + second * kSecond};
    const ingest::TelemetryResult result = engine_->Write(std::move(batch));
    TWIN_CHECK(result.status.ok() && result.rejects.empty());
    return result.sequence;
  }

  static ingest::Layout VoltageLayout() {
    ingest::Layout layout;
    layout.id = "car";
    ingest::LayoutColumn& cells = layout.columns.emplace_back();
    cells.has_rule = true;
    cells.rule.twin_id = "pack";
    cells.rule.steps = {"hasModule", "hasCell"};
    cells.rule.path = "voltage";
    cells.rule.count = 4;
    cells.encoding = ingest::Encoding::kInt16;
    cells.scale = 0.001;
    cells.invalid_codes = {5000};
    ingest::LayoutColumn& current = layout.columns.emplace_back();
    current.targets = {{"pack", "current"}};
    current.encoding = ingest::Encoding::kInt16;
    return layout;
  }
  // `rows`: of each frame its second and five raw values.
  Sequence SendFrames(const std::vector<std::pair<int64_t, std::vector<int16_t>>>& rows) {
    std::vector<int64_t> times;
    times.reserve(rows.size());
    std::string packed;
    for (const auto& [second, values] : rows) times.push_back(kStart + second * kSecond);
    for (size_t c = 0; c < rows.front().second.size(); ++c) {
      for (const auto& row : rows) AppendFixed(&packed, row.second[c]);
    }
    ingest::TelemetryBatch batch;
    batch.frames.push_back({"car", times, packed, {}});
    const ingest::TelemetryResult result = engine_->Write(std::move(batch));
    TWIN_CHECK(result.status.ok() && result.rejects.empty());
    return result.sequence;
  }

  Sequence applied() { return engine_->status().sequence; }

  static SubscribeOptions After(Sequence sequence) {
    SubscribeOptions options;
    options.start = SubscribeOptions::Start::kAfter;
    options.after = sequence;
    return options;
  }
  std::vector<EventPtr> ReadAll(SubscribeOptions options) {
    TestSink sink;
    const absl::Status status = sink.Subscribe(engine_.get(), std::move(options));
    TWIN_CHECK(status.ok()) << status;
    return sink.WaitFor(applied());
  }

  // Changes of every kind; twins come and go, modules move between packs, samples are late.
  void WriteRandomly(int count, uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
    for (int i = 0; i < count; ++i) {
      const std::string cell = absl::StrCat("cell-", 1 + below(2), 1 + below(2));
      const int64_t second = next_second_ + below(40) - 10;
      next_second_ += below(3);
      ingest::WriteBatch batch;
      switch (below(9)) {
        case 0:
          Set("pack", "status", Value::String(absl::StrCat("s", below(3))));
          break;
        case 1:
          Publish(cell, {{"temperature", Value::Double(below(60))}}, second);
          break;
        case 2:
          Publish(cell,
                  {{"temperature", Value::Double(below(60))}, {"voltage", Value::Double(3.5)}},
                  second);
          break;
        case 3: {
          std::vector<std::pair<int64_t, std::vector<int16_t>>> rows;
          for (int row = below(3); row >= 0; --row) {
            std::vector<int16_t> values(5);
            for (int16_t& value : values) {
              value = static_cast<int16_t>(below(5) == 0 ? 5000 : 3000 + below(1000));
            }
            rows.push_back({second + row, values});
          }
          SendFrames(rows);
          break;
        }
        case 4: {
          const std::string id = absl::StrCat("extra-", extras_++);
          Twin(id, "dtmi:t:Cell;1", &batch);
          Set(id, "grade", Value::Int(below(5)), &batch);
          Relate("module-1", "hasCell", id, 10 + below(5), &batch);
          Write(std::move(batch));
          living_.push_back(id);
          break;
        }
        case 5: {
          if (living_.empty()) break;
          const std::string id =
              living_[static_cast<size_t>(below(static_cast<int>(living_.size())))];
          std::erase(living_, id);
          Unrelate("module-1", id, &batch);
          batch.operations.emplace_back(ingest::DeleteTwin{id, {}, false});
          Write(std::move(batch));
          break;
        }
        case 6: {
          if (is_mounted_) {
            Unrelate("pack", "module-2", &batch);
          } else {
            Relate("pack", "hasModule", "module-2", 2, &batch);
          }
          is_mounted_ = !is_mounted_;
          Set("module-2", "serial", Value::String(absl::StrCat(below(3))), &batch);
          Write(std::move(batch));
          break;
        }
        case 7: {
          batch.atomic = false;
          for (int k = 0; k < 3; ++k) Set(cell, "grade", Value::Int(below(4)), &batch);
          Write(std::move(batch));
          break;
        }
        case 8: {
          ingest::PatchRelationship patch;
          patch.source_id = "module-1";
          patch.relationship_id = "module-1-cell-11";
          ingest::Edit& edit = patch.edits.emplace_back();
          edit.path = {"position"};
          edit.value = Value::Int(1 + below(3));
          batch.operations.emplace_back(std::move(patch));
          Write(std::move(batch));
          break;
        }
      }
    }
  }

 protected:
  std::string root_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  int64_t next_second_ = 1000;
  int extras_ = 0;
  bool is_mounted_ = true;
  std::vector<std::string> living_;
  Mutex mutex_;
  std::vector<std::vector<std::string>> read_ ABSL_GUARDED_BY(mutex_);  // by each reader
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

// Filters against a plain evaluation of every event, for who keeps up and who comes later.
TEST_F(EventFeedTest, FiltersAreWhatAPlainEvaluationSays) {
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

TEST_F(EventFeedTest, ConditionsSeeBeforeAndAfter) {
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
  EXPECT_EQ(count("new.temperature > 45 AND grade = 2"), 4u);  // as it is when it is decided
  EXPECT_EQ(count("new.status = 'driving' AND old.status IS NULL"), 1u);
  EXPECT_EQ(count("new.temperature > 45 OR new.voltage > 45"), 7u);
  EXPECT_EQ(count("new.grade = 2 AND new.temperature < 100"), 7u);
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

TEST_F(EventFeedTest, ConditionsLearnOfModelsThatComeLater) {
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

TEST_F(EventFeedTest, UnderFollowsMovesAlsoInThePast) {
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

// Frames are told by all that a filter says, and by the values that are there.
TEST_F(EventFeedTest, FramesMatchAllThatAFilterSays) {
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

TEST_F(EventFeedTest, UnderKnowsARootThatIsGone) {
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

// Who falls behind and has caught up within the moment that the matcher needs to let it go.
TEST_F(EventFeedTest, FallingBehindOverAndOverRepeatsNothing) {
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
  for (int round = 0; round < 400; ++round) {
    Publish("cell-11", {{"temperature", Value::Double(round)}}, next_second_++);
  }
  const std::vector<std::string> expected = Texts(ReadAll(After(begin)));
  EXPECT_THAT(expected, SizeIs(400));
  for (const auto& sink : sinks) EXPECT_EQ(Texts(sink->WaitFor(applied())), expected);
  EXPECT_GT(engine_->feed().status().fell_behind, 0u);
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

// What waits counts with the records that it is of, of which it may be the smallest part.
TEST_F(EventFeedTest, RecordsCountAgainstWhatMayWait) {
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

TEST_F(EventFeedTest, AStartingStateListsATwinOnce) {
  Start();
  SubscribeOptions options;
  options.start = SubscribeOptions::Start::kState;
  options.filter.types = {EventType::kTwinState, EventType::kRelationshipState};
  options.filter.twins = {"module-1", "cell-11", "module-1", "cell-11"};
  TestSink sink;
  ASSERT_THAT(sink.Subscribe(engine_.get(), options), IsOk());
  EXPECT_THAT(sink.WaitFor(applied()), SizeIs(2 + 3));
}

TEST_F(EventFeedTest, ASlowSubscriberHoldsNobodyUp) {
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

TEST_F(EventFeedTest, ATransactionIsNeverDivided) {
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

TEST_F(EventFeedTest, LatestValuesComeOncePerInterval) {
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

// A starting state and the changes after it are the state at the end.
TEST_F(EventFeedTest, AStartingStateAndChangesAreTheStateAtTheEnd) {
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

TEST_F(EventFeedTest, StartsAreRefusedWhereTheyCannotBe) {
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

TEST_F(EventFeedTest, AnEventSaysThatItsContextIsOfLater) {
  Start();
  const Sequence before = Set("pack", "odometer", Value::Double(5));
  Set("pack", "status", Value::String("a"));
  const auto is_current = [&](const std::string& condition) {
    SubscribeOptions options = After(before);
    options.filter.condition = condition;
    const std::vector<EventPtr> events = ReadAll(options);
    TWIN_CHECK(events.size() == 1);
    return events[0]->is_context_current;
  };
  const std::string both = "new.status = 'a' AND new.odometer = 5";
  EXPECT_FALSE(is_current(both));
  Set("module-1", "serial", Value::String("x"));
  EXPECT_TRUE(is_current(both));
  EXPECT_TRUE(is_current("new.status = 'a' AND odometer = 5"));
  EXPECT_FALSE(is_current("new.status = 'a'"));
}

TEST_F(EventFeedTest, NoticesGoToThoseWhoNameThem) {
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

TEST_F(EventFeedTest, ATimeBeginsWithTheFirstChangeThen) {
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

TEST_F(EventFeedTest, ManySubscribersComeAndGoWhileOthersWrite) {
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

}  // namespace
}  // namespace twin::engine
