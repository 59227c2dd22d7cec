// For tests: an engine with a few packs of cells, changes of every kind, and subscribers that keep
// what they are told.
#ifndef TWIN_TESTS_SUPPORT_EVENT_WORLD_H_
#define TWIN_TESTS_SUPPORT_EVENT_WORLD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "server/base/sync.h"
#include "server/engine/engine.h"
#include "server/events/feed.h"
#include "server/ingest/operation.h"
#include "server/ingest/telemetry.h"

namespace twin::engine {

inline constexpr int64_t kSecond = 1'000'000'000;
inline constexpr int64_t kStart = int64_t{1'700'000'000} * kSecond;

std::string Text(const Value& value);
// "12.0 twin.updated pack (dtmi:t:Pack;1); status: \"a\" -> \"b\"".
std::string Text(const events::Event& event);
std::vector<std::string> Texts(const std::vector<events::EventPtr>& events);

// Takes messages, and asks for the next one unless it is told not to. Thread-safe.
class TestSink : public events::Sink {
 public:
  ~TestSink() override { Close(); }

  absl::Status Subscribe(Engine* engine, events::SubscribeOptions options);
  void Send(events::Message message) override ABSL_LOCKS_EXCLUDED(mutex_);
  void End(const absl::Status& status) override ABSL_LOCKS_EXCLUDED(mutex_);

  void Pause() ABSL_LOCKS_EXCLUDED(mutex_);
  void Resume() ABSL_LOCKS_EXCLUDED(mutex_);
  // Everything up to that sequence.
  std::vector<events::EventPtr> WaitFor(Sequence sequence) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status WaitForEnd() ABSL_LOCKS_EXCLUDED(mutex_);
  int messages() ABSL_LOCKS_EXCLUDED(mutex_);
  // How many events there were at each token.
  std::vector<size_t> ends() ABSL_LOCKS_EXCLUDED(mutex_);
  void Close();

 private:
  std::shared_ptr<events::Subscription> subscription_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<events::EventPtr> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<size_t> ends_ ABSL_GUARDED_BY(mutex_);
  Sequence through_ ABSL_GUARDED_BY(mutex_);
  int messages_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool owes_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);
};

// A new folder for a test.
std::string OwnFolder();

// Ends the process where something fails that has to succeed.
class EventWorld {
 public:
  // `root`: a folder that is its own, and goes with it.
  explicit EventWorld(std::string root);
  ~EventWorld();
  EventWorld(const EventWorld&) = delete;
  EventWorld& operator=(const EventWorld&) = delete;

  // A pack of two modules of two cells each, and a layout of their voltages.
  void Start();
  void Open();
  void Restart(bool checkpoint);

  static void Twin(const std::string& id, const std::string& model, ingest::WriteBatch* batch);
  static void Relate(const std::string& source, const std::string& name, const std::string& target,
                     int position, ingest::WriteBatch* batch);
  static void Unrelate(const std::string& source, const std::string& target,
                       ingest::WriteBatch* batch);
  static void Set(const std::string& id, const std::string& path, Value value,
                  ingest::WriteBatch* batch);
  Sequence Write(ingest::WriteBatch batch);
  Sequence Set(const std::string& id, const std::string& path, Value value);
  // Samples of a twin, so many seconds after kStart.
  Sequence Publish(const std::string& id, ValueMap contents, int64_t second);
  static ingest::Layout VoltageLayout();
  // `rows`: of each frame its second and five raw values.
  Sequence SendFrames(const std::vector<std::pair<int64_t, std::vector<int16_t>>>& rows);
  // Changes of every kind; twins come and go, modules move between packs, samples are late.
  void WriteRandomly(int count, uint64_t seed);

  Sequence applied() const { return engine_->status().sequence; }
  static events::SubscribeOptions After(Sequence sequence);
  std::vector<events::EventPtr> ReadAll(events::SubscribeOptions options);

 protected:
  std::string root_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  int64_t next_second_ = 1000;

 private:
  int extras_ = 0;
  bool is_mounted_ = true;
  std::vector<std::string> living_;  // of the extras
};

}  // namespace twin::engine

#endif  // TWIN_TESTS_SUPPORT_EVENT_WORLD_H_
