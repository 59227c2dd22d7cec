#include "tests/support/event_world.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/file.h"
#include "server/engine/data_dir.h"

namespace twin::engine {
namespace {

using events::Event;
using events::EventPtr;

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

}  // namespace

std::string Text(const Value& value) {
  return value.kind() == Value::Kind::kDouble ? absl::StrCat(value.as_double())
                                              : value.DebugString();
}

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

// --- TestSink ---

absl::Status TestSink::Subscribe(Engine* engine, events::SubscribeOptions options) {
  auto subscription = engine->feed().Subscribe(std::move(options), this);
  if (!subscription.ok()) return subscription.status();
  subscription_ = *std::move(subscription);
  subscription_->Start();
  return absl::OkStatus();
}

void TestSink::Send(events::Message message) {
  bool is_paused = false;
  {
    const MutexLock lock(&mutex_);
    ++messages_;
    for (const EventPtr& event : message.events) events_.push_back(event);
    if (!message.more) through_ = message.through;
    if (!message.more) ends_.push_back(events_.size());
    is_paused = is_paused_;
    owes_ = is_paused;
    changed_.SignalAll();
  }
  if (!is_paused) subscription_->Sent();
}

void TestSink::End(const absl::Status& status) {
  const MutexLock lock(&mutex_);
  ended_ = status;
  has_ended_ = true;
  changed_.SignalAll();
}

void TestSink::Pause() {
  const MutexLock lock(&mutex_);
  is_paused_ = true;
}

void TestSink::Resume() {
  bool owes = false;
  {
    const MutexLock lock(&mutex_);
    is_paused_ = false;
    owes = std::exchange(owes_, false);
  }
  if (owes) subscription_->Sent();
}

std::vector<EventPtr> TestSink::WaitFor(Sequence sequence) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const MutexLock lock(&mutex_);
  while (through_ < sequence && !has_ended_ && std::chrono::steady_clock::now() < end) {
    changed_.WaitFor(&mutex_, std::chrono::milliseconds(100));
  }
  TWIN_CHECK(!(through_ < sequence)) << through_.value << " " << ended_;
  return events_;
}

absl::Status TestSink::WaitForEnd() {
  const MutexLock lock(&mutex_);
  while (!has_ended_) changed_.Wait(&mutex_);
  return ended_;
}

int TestSink::messages() {
  const MutexLock lock(&mutex_);
  return messages_;
}

std::vector<size_t> TestSink::ends() {
  const MutexLock lock(&mutex_);
  return ends_;
}

void TestSink::Close() {
  if (subscription_ == nullptr) return;
  Resume();
  subscription_->Cancel(absl::CancelledError("closed"));
  (void)WaitForEnd();
  subscription_ = nullptr;
}

// --- EventWorld ---

std::string OwnFolder() {
  const char* const base = std::getenv("TEST_TMPDIR");
  std::string pattern = absl::StrCat(base != nullptr ? base : "/tmp", "/events-XXXXXX");
  TWIN_CHECK(mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

EventWorld::EventWorld(std::string root) : root_(std::move(root)) {
  options_.data_dir = JoinPath(root_, "data");
  options_.segment_bytes = 1 << 20;
  options_.limits.batch_bytes_max = 512 << 10;
  options_.reserve_bytes = 1 << 16;
  options_.history_block_rows = 16;
  options_.events.progress_interval_ms = 100;
}

EventWorld::~EventWorld() {
  engine_.reset();
  (void)RemoveTree(PosixFileSystem(), root_);
}

void EventWorld::Start() {
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

void EventWorld::Open() {
  auto engine = Engine::Open(options_);
  TWIN_CHECK(engine.ok()) << engine.status();
  engine_ = *std::move(engine);
}

void EventWorld::Restart(bool checkpoint) {
  if (checkpoint) {
    TWIN_CHECK(engine_->Stop().ok());
  }
  engine_.reset();
  Open();
}

void EventWorld::Twin(const std::string& id, const std::string& model, ingest::WriteBatch* batch) {
  ingest::PutTwin put;
  put.id = id;
  put.model_id = model;
  batch->operations.emplace_back(std::move(put));
}

void EventWorld::Relate(const std::string& source, const std::string& name,
                        const std::string& target, int position, ingest::WriteBatch* batch) {
  ingest::PutRelationship put;
  put.source_id = source;
  put.relationship_id = absl::StrCat(source, "-", target);
  put.name = name;
  put.target_id = target;
  put.contents = {{"position", Value::Int(position)}};
  batch->operations.emplace_back(std::move(put));
}

void EventWorld::Unrelate(const std::string& source, const std::string& target,
                          ingest::WriteBatch* batch) {
  batch->operations.emplace_back(
      ingest::DeleteRelationship{source, absl::StrCat(source, "-", target), {}});
}

void EventWorld::Set(const std::string& id, const std::string& path, Value value,
                     ingest::WriteBatch* batch) {
  ingest::PatchTwin patch;
  patch.id = id;
  ingest::Edit& edit = patch.edits.emplace_back();
  edit.path = {path};
  edit.value = std::move(value);
  batch->operations.emplace_back(std::move(patch));
}

Sequence EventWorld::Write(ingest::WriteBatch batch) {
  const ingest::WriteResult result = engine_->Write(std::move(batch));
  TWIN_CHECK(result.status.ok()) << result.status;
  return result.sequence;
}

Sequence EventWorld::Set(const std::string& id, const std::string& path, Value value) {
  ingest::WriteBatch batch;
  Set(id, path, std::move(value), &batch);
  return Write(std::move(batch));
}

Sequence EventWorld::Publish(const std::string& id, ValueMap contents, int64_t second) {
  ingest::TelemetryBatch batch;
  ingest::Publication& publication = batch.publications.emplace_back();
  publication.twin_id = id;
  publication.contents = std::move(contents);
  publication.time = Time{kStart + second * kSecond};
  const ingest::TelemetryResult result = engine_->Write(std::move(batch));
  TWIN_CHECK(result.status.ok() && result.rejects.empty());
  return result.sequence;
}

ingest::Layout EventWorld::VoltageLayout() {
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

Sequence EventWorld::SendFrames(const std::vector<std::pair<int64_t, std::vector<int16_t>>>& rows) {
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

events::SubscribeOptions EventWorld::After(Sequence sequence) {
  events::SubscribeOptions options;
  options.start = events::SubscribeOptions::Start::kAfter;
  options.after = sequence;
  return options;
}

std::vector<EventPtr> EventWorld::ReadAll(events::SubscribeOptions options) {
  TestSink sink;
  const absl::Status status = sink.Subscribe(engine_.get(), std::move(options));
  TWIN_CHECK(status.ok()) << status;
  return sink.WaitFor(applied());
}

void EventWorld::WriteRandomly(int count, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  for (int i = 0; i < count; ++i) {
    std::string cell = absl::StrCat("cell-", 1 + below(2), 1 + below(2));
    if (!living_.empty() && below(4) == 0) cell = living_.back();
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
        Publish(cell, {{"temperature", Value::Double(below(60))}, {"voltage", Value::Double(3.5)}},
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

}  // namespace twin::engine
