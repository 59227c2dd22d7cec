// The change feed: subscriptions over one ordered log of changes.
//
//                        ┌─ matcher: each record once, against all live filters ─▶ pending of few
//   writer ─▶ ChangeLog ─┤
//                        └─ a subscription that is behind reads for itself, until it has caught up
//
//   pending ─▶ delivery threads ─▶ Sink (a gRPC stream), one message at a time
//
// A subscription is a place and a filter. What was matched for it and not sent is bounded: beyond
// event_pending_bytes_max it is behind, and reads the log. So nobody waits for a slow one.
#ifndef TWIN_SERVER_EVENTS_FEED_H_
#define TWIN_SERVER_EVENTS_FEED_H_

#include <atomic>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/base/sync.h"
#include "server/events/change_log.h"
#include "server/events/condition.h"
#include "server/events/event.h"
#include "server/events/expander.h"
#include "server/events/filter.h"
#include "server/events/options.h"
#include "server/events/outbox.h"

namespace twin::events {

struct SubscribeOptions {
  FilterSpec filter;
  enum class Start : uint8_t { kNow, kAfter, kTime, kState };
  Start start = Start::kNow;
  Sequence after;                    // kAfter: everything up to here has been seen
  Time time;                         // kTime: from the first change of that server time or later
  int64_t interval_ms = 0;           // 0: every change; else latest values
  int64_t progress_interval_ms = 0;  // 0: the option's
};

// Where messages go. Called by one thread at a time.
class Sink {
 public:
  virtual ~Sink() = default;
  // Once, and then not again until Subscription::Sent.
  virtual void Send(Message message) = 0;
  // The last call.
  virtual void End(const absl::Status& status) = 0;
};

class Feed;
class Catchup;

// Thread-safe.
class Subscription : public std::enable_shared_from_this<Subscription> {
 public:
  ~Subscription();
  // From now on the sink is called.
  void Start();
  // The last message has gone, or never will: then Cancel as well.
  void Sent() ABSL_LOCKS_EXCLUDED(mutex_);
  // Sink::End follows, once no message is on its way. The first one counts.
  void Cancel(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class Feed;
  // Everything before `next` was sent, or is not wanted.
  Subscription(Feed* feed, SubscribeOptions options, Sequence next, Sink* sink);

  Feed& feed_;
  const SubscribeOptions options_;
  Sink& sink_;

  // Of the thread that works for it; there is one at most.
  std::unique_ptr<Catchup> catchup_;  // nullptr: it is live
  Outbox outbox_;

  std::atomic<int64_t> wake_ns_{INT64_MAX};  // it is looked at again
  Mutex mutex_;
  bool is_queued_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_running_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_sending_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_more_ ABSL_GUARDED_BY(mutex_) = true;  // to be worked for when nothing is on its way
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);  // not OK: to be ended
  std::vector<EventPtr> pending_ ABSL_GUARDED_BY(mutex_);
  std::vector<EventPtr> notices_ ABSL_GUARDED_BY(mutex_);
  size_t pending_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  Sequence joined_ ABSL_GUARDED_BY(mutex_){UINT64_MAX};  // the matcher's matches from here on …
  Sequence left_ ABSL_GUARDED_BY(mutex_){UINT64_MAX};    // … to here
};

// Thread-safe.
class Feed {
 public:
  // All of them outlive it.
  Feed(const Options& options, const Sources& sources, Host* host);
  ~Feed();

  // INVALID_ARGUMENT: the filter, or a token of another server. OUT_OF_RANGE: the changes are gone.
  // RESOURCE_EXHAUSTED: event_subscriptions_max. UNAVAILABLE: it is stopping. `sink` lives until
  // its End.
  absl::StatusOr<std::shared_ptr<Subscription>> Subscribe(SubscribeOptions options, Sink* sink)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // INVALID_ARGUMENT: Subscribe would refuse that filter.
  absl::Status Check(const FilterSpec& filter) { return MakeFilter(filter).status(); }

  // Ends all subscriptions with UNAVAILABLE.
  void EndAll() ABSL_LOCKS_EXCLUDED(mutex_);
  // The same, and refuses new ones. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // Tells all whose filter names notices.
  void Notify(const Notice& notice) ABSL_LOCKS_EXCLUDED(mutex_);

  // The place from which everything that is kept can be read.
  Sequence BeforeOldest() const { return Sequence(sources_.log->oldest().value - 1); }
  FeedStatus status() const ABSL_LOCKS_EXCLUDED(mutex_);
  const Sources& sources() const { return sources_; }
  const Options& options() const { return options_; }

 private:
  friend class Subscription;
  // A filter that the matcher asks.
  struct Live {
    std::shared_ptr<Subscription> subscription;
    std::unique_ptr<Filter> filter;
  };
  using LiveList = std::vector<std::shared_ptr<Live>>;

  absl::StatusOr<std::unique_ptr<Filter>> MakeFilter(const FilterSpec& spec);
  void RunMatcher();
  void RunDelivery();
  void RunTimer();

  // --- Matcher ---
  void Match(const RecordPtr& record, const LiveList& live, Expander* expander);
  // False: it takes no more and is behind.
  static bool Take(Subscription* subscription, const RecordPtr& record,
                   std::vector<EventPtr> events);
  // The matcher asks these no more.
  void Leave(absl::FunctionRef<bool(const Live&)> which) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // --- Delivery ---
  // Nothing happens where it is queued already, or a message is on its way: Sent goes on.
  void Enqueue(const std::shared_ptr<Subscription>& subscription) ABSL_LOCKS_EXCLUDED(queue_mutex_);
  void Enqueue(absl::Span<const std::shared_ptr<Subscription>> subscriptions)
      ABSL_LOCKS_EXCLUDED(queue_mutex_);
  // Whether it is to be put into the queue by the caller.
  static bool TakePlace(Subscription* subscription);
  void Run(std::shared_ptr<Subscription> subscription);
  // What there is to do for it now. True: there is more.
  bool Work(Subscription* subscription);
  absl::Status Fill(Subscription* subscription);
  absl::Status FillBehind(Subscription* subscription);
  void FillLive(Subscription* subscription);
  void Tell(const std::shared_ptr<Subscription>& subscription, const EventPtr& notice);
  static bool TakeNotices(Subscription* subscription, Message* message);
  // Where the matcher's matches would begin: `own`, if it is free to begin there.
  Sequence PlaceToJoin(Sequence own) const ABSL_LOCKS_EXCLUDED(mutex_);
  // nullptr: it is at `own`, or there is no root to know about.
  absl::StatusOr<std::unique_ptr<Catchup>> FollowToMatcher(const Subscription& subscription,
                                                           Sequence own)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Join(Subscription* subscription) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(const Subscription* subscription) ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  const Sources sources_;
  Host& host_;

  mutable Mutex mutex_;  // before Subscription::mutex_, GuardedGraph::mutex and queue_mutex_
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<Subscription>> all_ ABSL_GUARDED_BY(mutex_);
  LiveList live_ ABSL_GUARDED_BY(mutex_);
  uint64_t live_version_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t left_version_ ABSL_GUARDED_BY(mutex_) = 0;  // of the last that left
  Sequence next_ ABSL_GUARDED_BY(mutex_);              // that the matcher takes
  Sequence matched_ ABSL_GUARDED_BY(mutex_);           // all up to here was given
  uint64_t fell_behind_ ABSL_GUARDED_BY(mutex_) = 0;
  std::atomic<uint64_t> delivered_{0};

  Mutex queue_mutex_;
  CondVar queued_;
  std::deque<std::shared_ptr<Subscription>> queue_ ABSL_GUARDED_BY(queue_mutex_);
  bool queue_stopping_ ABSL_GUARDED_BY(queue_mutex_) = false;

  std::vector<std::thread> threads_;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_FEED_H_
