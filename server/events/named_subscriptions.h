// Named subscriptions: a filter and a place that survive restarts, worked off by consumers that
// share the twins.
//
//   Feed ─▶ NamedSubscription (shared_delivery.h) ─▶ consumers ─▶ acknowledgements
//                                                                   │ 10 times a second at most
//   documents "subscriptions": filter; "subscription-cursors" ◀─────┘ then they are confirmed
//
// A subscription without consumers costs nothing but its documents. With the first one it takes
// from the feed from its place on, until what it holds in memory reaches unacknowledged_max; then
// it is one that reads slowly, and nobody else waits.
#ifndef TWIN_SERVER_EVENTS_NAMED_SUBSCRIPTIONS_H_
#define TWIN_SERVER_EVENTS_NAMED_SUBSCRIPTIONS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/sync.h"
#include "server/base/time.h"
#include "server/events/feed.h"
#include "server/events/filter.h"
#include "server/events/options.h"
#include "server/events/shared_delivery.h"
#include "server/storage/documents.h"

namespace twin::events {

// Where a subscription begins, or goes on.
struct Place {
  enum class Kind : uint8_t { kNow, kAfter, kTime, kOldest };
  Kind kind = Kind::kNow;
  Sequence after;  // kAfter: everything up to here has been seen
  Time time;       // kTime: from the first change of that server time or later
};

struct NamedSpec {
  std::string name;
  FilterSpec filter;
  Time created;
  Time sought;  // when it was last moved by a seek; created: never
};

struct ConsumerInfo {
  std::string name;
  Time connected;
  int slots = 0;
  uint64_t unacknowledged = 0;
  int64_t credit = 0;
};

struct NamedInfo {
  NamedSpec spec;
  Sequence acknowledged;  // everything up to here is, by whichever consumer
  uint64_t lag_sequences = 0;
  int64_t lag_ns = 0;    // the age of the first change behind it
  bool expired = false;  // which is gone
  std::vector<ConsumerInfo> consumers;
  uint64_t waiting = 0;  // events in memory
};

// Where a consumer's messages go. Called by one thread at a time.
class ConsumerSink {
 public:
  virtual ~ConsumerSink() = default;
  // Once, and then not again until Consumer::Sent.
  virtual void Send(ConsumerMessage message) = 0;
  // The last call. OK: the consumer had closed, and what it acknowledged is stored.
  virtual void End(const absl::Status& status) = 0;
};

class NamedSubscription;

// Thread-safe.
class Consumer : public std::enable_shared_from_this<Consumer> {
 public:
  // The last message has gone, or never will: then Cancel as well.
  void Sent();
  // The first call starts it. INVALID_ARGUMENT: more than credit_max, or a delivery that was not
  // sent.
  absl::Status Update(int64_t credit, uint64_t acknowledged);
  // Takes no more; the sink's End follows once its acknowledgements are stored.
  void Close();
  // Lost: the sink's End follows, once no message is on its way. The first one counts.
  void Cancel(const absl::Status& status);

 private:
  friend class NamedSubscription;
  Consumer(std::shared_ptr<NamedSubscription> subscription, uint64_t id, std::string name,
           ConsumerSink* sink);

  const std::shared_ptr<NamedSubscription> subscription_;
  const uint64_t id_;
  const std::string name_;
  const Time connected_;
  ConsumerSink& sink_;
  // The rest is the subscription's, under its mutex.
  bool is_started_ = false;  // by the first Update; nothing is sent before
  bool is_sending_ = false;
  bool has_ended_ = false;
  bool is_closing_ = false;
  absl::Status end_;           // not OK: to be ended
  uint64_t acknowledged_ = 0;  // delivery
  uint64_t stored_ = 0;        // of them
  uint64_t told_ = 0;          // of them
  int64_t told_ns_ = 0;
};

// Thread-safe.
class NamedSubscriptions {
 public:
  // All of them outlive it.
  NamedSubscriptions(const Options& options, Feed* feed, ChangeLog* log,
                     storage::Documents* documents);
  ~NamedSubscriptions();
  // Before any other call: what is stored. DATA_LOSS: it is damaged.
  absl::Status Load();

  // Calls that change something are done when it is stored: they take a sync. Errors: those of
  // proto/twingraph/v1/event_service.proto.
  absl::StatusOr<NamedInfo> Create(NamedSpec spec, const Place& start);
  absl::StatusOr<NamedInfo> Get(absl::string_view name) const;
  // In order, those behind `after`; at most `count`. Cost: a read of the journal for each that
  // lags, once.
  std::vector<NamedInfo> List(absl::string_view after, size_t count) const;
  // Those that lag most, at most `count`.
  std::vector<NamedInfo> Lagging(size_t count) const;
  absl::Status Delete(absl::string_view name);
  absl::StatusOr<NamedInfo> Seek(absl::string_view name, const Place& to);
  absl::StatusOr<NamedInfo> Acknowledge(absl::string_view name, Sequence through);
  // A consumer without credit; `sink` lives until its End.
  absl::StatusOr<std::shared_ptr<Consumer>> Consume(absl::string_view name,
                                                    const std::string& consumer,
                                                    ConsumerSink* sink);

  // Stores what was acknowledged, and ends all consumers with UNAVAILABLE.
  void EndAll();
  // The same, and refuses new ones. Idempotent.
  void Stop();

  size_t size() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class Consumer;
  friend class NamedSubscription;
  using Pointer = std::shared_ptr<NamedSubscription>;

  absl::StatusOr<Pointer> Find(absl::string_view name) const ABSL_LOCKS_EXCLUDED(mutex_);
  // The sequence behind which that place is.
  absl::StatusOr<Sequence> Resolve(const Place& place) const;
  NamedInfo InfoOf(const NamedSubscription& subscription) const;
  // The age of the first change behind its place. Cost: a read of the journal, once for each place.
  void FillAge(const NamedSubscription& subscription, NamedInfo* info) const;
  // Its cursors have changed.
  void SetDirty(const Pointer& subscription) ABSL_LOCKS_EXCLUDED(mutex_);
  void RunCommits();
  // Tells of what is gone since the last time.
  void TellOfOldest() ABSL_LOCKS_EXCLUDED(mutex_);
  // Not OK: it is tried again.
  absl::Status CommitDirty() ABSL_LOCKS_EXCLUDED(change_mutex_, mutex_);
  std::vector<Pointer> All() const ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  Feed& feed_;
  ChangeLog& log_;
  storage::Documents& documents_;

  Mutex change_mutex_;  // before all others: held while documents are written
  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Pointer, std::less<>> all_ ABSL_GUARDED_BY(mutex_);
  std::vector<Pointer> dirty_ ABSL_GUARDED_BY(mutex_);
  // Of the thread.
  Sequence oldest_;
  std::set<std::string> expired_;  // told
  std::thread thread_;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_NAMED_SUBSCRIPTIONS_H_
