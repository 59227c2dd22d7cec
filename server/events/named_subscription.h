// One named subscription: its place, and while it has consumers what it takes from the feed for
// them. Internal to server/events.
#ifndef TWIN_SERVER_EVENTS_NAMED_SUBSCRIPTION_H_
#define TWIN_SERVER_EVENTS_NAMED_SUBSCRIPTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/sync.h"
#include "server/events/feed.h"
#include "server/events/named_subscriptions.h"
#include "server/events/shared_delivery.h"

namespace twin::events {

using ConsumerPtr = std::shared_ptr<Consumer>;

// Thread-safe.
class NamedSubscription : public std::enable_shared_from_this<NamedSubscription> {
 public:
  NamedSubscription(NamedSubscriptions* owner, NamedSpec spec, const SlotCursors& cursors)
      : owner_(*owner), spec_(std::move(spec)), cursors_(cursors), sought_(spec_.sought) {}

  // As it was created or loaded.
  const NamedSpec& spec() const { return spec_; }
  Time sought() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Place, consumers and what waits.
  NamedInfo info() const ABSL_LOCKS_EXCLUDED(mutex_);

  // The server time of a change, if RememberTime was told.
  std::optional<Time> TimeOf(Sequence sequence) const ABSL_LOCKS_EXCLUDED(mutex_);
  void RememberTime(Sequence sequence, Time time) const ABSL_LOCKS_EXCLUDED(mutex_);

  absl::StatusOr<ConsumerPtr> Join(const std::string& consumer, ConsumerSink* sink)
      ABSL_LOCKS_EXCLUDED(activation_mutex_, mutex_);

  // Ends all consumers. With cursors it goes on there; `is_deleted`: it takes none any more.
  void EndAll(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  void Restart(const SlotCursors& cursors, Time sought, const absl::Status& status)
      ABSL_LOCKS_EXCLUDED(activation_mutex_, mutex_);
  void SetDeleted(const absl::Status& status) ABSL_LOCKS_EXCLUDED(activation_mutex_, mutex_);
  void AcknowledgeThrough(Sequence sequence) ABSL_LOCKS_EXCLUDED(mutex_);

  // --- Storing ---
  struct ToStore {
    std::string cursors;
    std::vector<std::pair<ConsumerPtr, uint64_t>> acknowledged;
  };
  // What is to be stored; then Stored or SetDirty. None: it is deleted.
  std::optional<ToStore> TakeDirty() ABSL_LOCKS_EXCLUDED(mutex_);
  void Stored(const ToStore& stored) ABSL_LOCKS_EXCLUDED(mutex_);
  void SetDirty() ABSL_LOCKS_EXCLUDED(mutex_);

  // Now and then: consumers that acknowledge nothing, and what idle ones are told.
  void Tick() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class Consumer;
  class Run;
  using RunPtr = std::shared_ptr<Run>;

  // --- Of the feed ---
  void Take(Run* run, const Message& message) ABSL_LOCKS_EXCLUDED(mutex_);
  void RunEnded(const Run* run, const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<RunPtr> Begin(Sequence after) ABSL_LOCKS_EXCLUDED(mutex_);

  // --- Of consumers ---
  void Sent(Consumer* consumer) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Update(Consumer* consumer, int64_t credit, uint64_t acknowledged)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Close(Consumer* consumer) ABSL_LOCKS_EXCLUDED(mutex_);
  void Cancel(Consumer* consumer, const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  bool IsFull() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const SlotCursors& Cursors() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static bool IsActive(const Consumer& consumer) {
    return !consumer.is_closing_ && consumer.end_.ok();
  }
  void LeaveWith(Consumer* consumer, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndConsumers(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StopRun() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StopIfAlone() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MarkDirty() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MakeMessage(Consumer* consumer, int64_t now_ns, ConsumerMessage* message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Sends what can be sent, and ends who is to be ended: all calls of sinks are made here.
  void Pump() ABSL_LOCKS_EXCLUDED(mutex_);

  NamedSubscriptions& owner_;
  const NamedSpec spec_;
  Mutex activation_mutex_;  // before mutex_: one run begins at a time

  mutable Mutex mutex_;
  bool is_deleted_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_dirty_ ABSL_GUARDED_BY(mutex_) = false;
  SlotCursors cursors_ ABSL_GUARDED_BY(mutex_);  // while nothing runs
  Time sought_ ABSL_GUARDED_BY(mutex_);
  RunPtr run_ ABSL_GUARDED_BY(mutex_);                                // nullptr: no consumer
  std::unique_ptr<SharedDelivery> delivery_ ABSL_GUARDED_BY(mutex_);  // of the run
  bool owes_sent_ ABSL_GUARDED_BY(mutex_) = false;  // the run waits until there is room
  std::vector<RunPtr> stopped_ ABSL_GUARDED_BY(mutex_);
  std::vector<ConsumerPtr> consumers_ ABSL_GUARDED_BY(mutex_);  // whose sinks have no End yet
  mutable Sequence timed_ ABSL_GUARDED_BY(mutex_);
  mutable Time time_ ABSL_GUARDED_BY(mutex_);  // of timed_
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_NAMED_SUBSCRIPTION_H_
