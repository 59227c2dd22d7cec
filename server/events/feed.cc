#include "server/events/feed.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/base/status_macros.h"
#include "server/base/thread_name.h"
#include "server/events/catchup.h"

namespace twin::events {
namespace {

constexpr std::chrono::milliseconds kTick{20};
constexpr std::chrono::milliseconds kMatcherWait{200};
constexpr int64_t kIntervalMsMax = 3'600'000;
constexpr int64_t kProgressMsMin = 100;
constexpr size_t kNoticesMax = 100;  // that wait for a subscriber; then the oldest goes
// How long a subscription that is behind reads before another one has its turn.
constexpr std::chrono::milliseconds kTurn{10};

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

absl::Status Stopping() {
  return absl::UnavailableError("the server is stopping; go on with the resume token");
}

}  // namespace

// --- Subscription ---

Subscription::Subscription(Feed* feed, SubscribeOptions options, Sequence next, Sink* sink)
    : feed_(*feed),
      options_(std::move(options)),
      sink_(*sink),
      outbox_({.interval_ns = options_.interval_ms * kNsPerMs,
               .progress_interval_ns = options_.progress_interval_ms * kNsPerMs,
               .latest_keys_max = static_cast<size_t>(feed->options().latest_keys_max),
               .message_bytes = feed->options().message_bytes},
              Sequence(next.value - 1)) {}

Subscription::~Subscription() = default;

void Subscription::Start() { feed_.Enqueue(shared_from_this()); }

void Subscription::Sent() {
  {
    const MutexLock lock(&mutex_);
    is_sending_ = false;
    const bool has_work = has_more_ || !end_.ok() || !pending_.empty() || !notices_.empty() ||
                          left_.value != UINT64_MAX;
    if (!has_work) return;  // the matcher, or the timer, comes
  }
  feed_.Enqueue(shared_from_this());
}

void Subscription::Cancel(const absl::Status& status) {
  TWIN_CHECK(!status.ok());
  {
    const MutexLock lock(&mutex_);
    if (end_.ok()) end_ = status;
  }
  feed_.Enqueue(shared_from_this());
}

// --- Feed ---

Feed::Feed(const Options& options, const Sources& sources, Host* host)
    : options_(options), sources_(sources), host_(*host) {
  {
    const MutexLock lock(&mutex_);
    next_ = Sequence(sources_.log->applied().value + 1);
  }
  threads_.emplace_back([this] { RunMatcher(); });
  threads_.emplace_back([this] { RunTimer(); });
  for (int32_t i = 0; i < std::max(options_.threads, 1); ++i) {
    threads_.emplace_back([this] { RunDelivery(); });
  }
}

Feed::~Feed() {
  Stop();
  {
    const MutexLock lock(&mutex_);
    changed_.SignalAll();
  }
  {
    const MutexLock lock(&queue_mutex_);
    queue_stopping_ = true;
    queued_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void Feed::EndAll() {
  std::vector<std::shared_ptr<Subscription>> all;
  {
    const MutexLock lock(&mutex_);
    all = all_;
  }
  for (const std::shared_ptr<Subscription>& each : all) each->Cancel(Stopping());
}

void Feed::Stop() {
  {
    const MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  EndAll();
  sources_.log->Wake();
}

absl::StatusOr<std::unique_ptr<Filter>> Feed::MakeFilter(const FilterSpec& spec) {
  std::shared_ptr<const graph::Catalog> catalog;
  {
    const MutexLock lock(&sources_.graph->mutex);
    catalog = sources_.graph->graph.head().shared_catalog();
  }
  return Filter::Create(spec, &host_, *catalog);
}

absl::StatusOr<std::shared_ptr<Subscription>> Feed::Subscribe(SubscribeOptions options,
                                                              Sink* sink) {
  using Start = SubscribeOptions::Start;
  if (options.interval_ms != 0 &&
      (options.interval_ms < options_.interval_ms_min || options.interval_ms > kIntervalMsMax)) {
    return absl::InvalidArgumentError(
        absl::StrCat("interval_ms is ", options.interval_ms, "; it is between ",
                     options_.interval_ms_min, " (event_interval_ms_min) and ", kIntervalMsMax));
  }
  if (options.progress_interval_ms == 0) {
    options.progress_interval_ms = options_.progress_interval_ms;
  }
  options.progress_interval_ms = std::max(options.progress_interval_ms, kProgressMsMin);
  TWIN_ASSIGN_OR_RETURN(std::unique_ptr<Filter> filter, MakeFilter(options.filter));
  Sequence next(sources_.log->applied().value + 1);
  std::unique_ptr<HeldState> state;
  if (options.start == Start::kAfter) {
    TWIN_RETURN_IF_ERROR(sources_.log->CheckPlace(options.after));
    next = Sequence(options.after.value + 1);
  } else if (options.start == Start::kTime) {
    TWIN_ASSIGN_OR_RETURN(next, sources_.log->FindTime(options.time));
  } else if (options.start == Start::kState) {
    state = host_.Hold();
    TWIN_ASSIGN_OR_RETURN(const std::shared_ptr<const graph::GraphView> view, state->Get());
    next = Sequence(view->sequence().value + 1);
  }
  // So that a late one hears of it at once.
  if (options.start == Start::kTime) {
    TWIN_RETURN_IF_ERROR(sources_.log->CheckPlace(Sequence(next.value - 1)));
  }
  std::shared_ptr<Subscription> subscription(
      new Subscription(this, std::move(options), next, sink));
  subscription->catchup_ = std::make_unique<Catchup>(sources_, options_, std::move(filter), next);
  if (state != nullptr) subscription->catchup_->BeginWith(std::move(state));
  const MutexLock lock(&mutex_);
  if (stopping_) return Stopping();
  if (all_.size() >= static_cast<size_t>(options_.subscriptions_max)) {
    return absl::ResourceExhaustedError(absl::StrCat("there are event_subscriptions_max (",
                                                     options_.subscriptions_max,
                                                     ") subscriptions already"));
  }
  all_.push_back(subscription);
  changed_.SignalAll();
  return subscription;
}

// --- Notices ---

namespace {

EventPtr EventOf(const Notice& notice) {
  const auto event = std::make_shared<Event>();
  event->type = EventType::kServerNotice;
  event->time = SystemClock().Now();
  event->notice = std::make_shared<const Notice>(notice);
  return event;
}

}  // namespace

void Feed::Tell(const std::shared_ptr<Subscription>& subscription, const EventPtr& notice) {
  const std::vector<EventType>& types = subscription->options_.filter.types;
  if (std::find(types.begin(), types.end(), EventType::kServerNotice) == types.end()) return;
  {
    const MutexLock lock(&subscription->mutex_);
    if (subscription->notices_.size() >= kNoticesMax) {
      subscription->notices_.erase(subscription->notices_.begin());
    }
    subscription->notices_.push_back(notice);
  }
  Enqueue(subscription);
}

void Feed::Notify(const Notice& notice) {
  std::vector<std::shared_ptr<Subscription>> all;
  {
    const MutexLock lock(&mutex_);
    all = all_;
  }
  const EventPtr event = EventOf(notice);
  for (const std::shared_ptr<Subscription>& each : all) Tell(each, event);
}

bool Feed::TakeNotices(Subscription* subscription, Message* message) {
  if (subscription->outbox_.is_in_part()) return false;
  const MutexLock lock(&subscription->mutex_);
  message->events.swap(subscription->notices_);
  message->is_notice = !message->events.empty();
  return message->is_notice;
}

FeedStatus Feed::status() const {
  FeedStatus status;
  status.delivered = delivered_.load(std::memory_order_relaxed);
  status.oldest = sources_.log->oldest();
  status.ring_bytes = sources_.log->ring_bytes();
  const MutexLock lock(&mutex_);
  status.subscriptions = all_.size();
  status.live = live_.size();
  status.fell_behind = fell_behind_;
  return status;
}

// --- Matcher ---

void Feed::RunMatcher() {
  NameThread("match");
  Expander expander(sources_, options_);
  std::unique_ptr<Interest> interest;
  std::unique_ptr<ChangeLog::Reader> reader;
  LiveList live;  // of `interest`
  uint64_t version = 0;
  while (true) {
    Sequence next;
    {
      const MutexLock lock(&mutex_);
      while (live_.empty() && !stopping_) {
        live.clear();
        changed_.Wait(&mutex_);
      }
      if (stopping_) return;
      next = next_;
    }
    if (reader == nullptr || !(reader->next() == next)) {
      reader = std::make_unique<ChangeLog::Reader>(sources_.log, next);
    }
    absl::StatusOr<RecordPtr> record = reader->Next();
    if (!record.ok()) {
      // Each finds out by itself what is wrong.
      const MutexLock lock(&mutex_);
      for (const std::shared_ptr<Live>& each : live_) {
        const MutexLock lock_subscription(&each->subscription->mutex_);
        each->subscription->left_ = next_;
      }
      Leave([](const Live&) { return true; });
      reader = nullptr;
      continue;
    }
    if (*record == nullptr) {
      sources_.log->WaitBeyond(Sequence(next.value - 1), kMatcherWait);
      continue;
    }
    {
      const MutexLock lock(&mutex_);
      if (!(next_ == next)) continue;  // all left, and others came
      if (version != live_version_) {
        const bool narrower = left_version_ > version;
        version = live_version_;
        live = live_;
        std::vector<Filter*> filters;
        filters.reserve(live.size());
        for (const std::shared_ptr<Live>& each : live) filters.push_back(each->filter.get());
        interest = std::make_unique<Interest>(std::move(filters));
        expander.SetInterest(interest.get(), narrower);
      }
      // Who joins from here on takes the next one.
      next_ = Sequence((*record)->last().value + 1);
    }
    Match(*record, live, &expander);
  }
}

void Feed::Match(const RecordPtr& record, const LiveList& live, Expander* expander) {
  std::vector<Delivery> deliveries;
  if (const absl::Status status = expander->Expand(record, &deliveries); !status.ok()) {
    for (const std::shared_ptr<Live>& each : live) each->subscription->Cancel(status);
    return;
  }
  std::vector<const Live*> behind;
  std::vector<std::shared_ptr<Subscription>> given;
  for (Delivery& delivery : deliveries) {
    const Live* const each = live[delivery.filter].get();
    if (Take(each->subscription.get(), record, std::move(delivery.events))) {
      given.push_back(each->subscription);
    } else {
      behind.push_back(each);
    }
  }
  {
    const MutexLock lock(&mutex_);
    // Unless all have left, and others joined elsewhere.
    if (next_ == Sequence(record->last().value + 1)) matched_ = record->last();
    // By now a subscription may have caught up and joined anew: that one stays.
    for (const Live* left : behind) {
      Leave([&](const Live& each) { return &each == left; });
      ++fell_behind_;
    }
  }
  Enqueue(given);
  for (const Live* left : behind) {
    Tell(left->subscription,
         EventOf({.reason = "SUBSCRIBER_BEHIND",
                  .message = absl::StrCat("more than event_pending_bytes_max (",
                                          options_.pending_bytes_max,
                                          ") waits for this stream at sequence ",
                                          record->first.value, "; it reads the journal now"),
                  .subject = {}}));
  }
}

bool Feed::Take(Subscription* subscription, const RecordPtr& record, std::vector<EventPtr> events) {
  size_t bytes = 0;
  for (const EventPtr& event : events) bytes += event->Bytes();
  // Texts of these are those of the record, which lives as long as any of them.
  if (record->is_graph) bytes += record->bytes.size();
  const MutexLock lock(&subscription->mutex_);
  // It read these itself, or has left.
  if (record->first < subscription->joined_ || subscription->left_ <= record->first) return true;
  if (subscription->pending_bytes_ > 0 &&
      subscription->pending_bytes_ + bytes > subscription->feed_.options_.pending_bytes_max) {
    subscription->left_ = record->first;
    return false;
  }
  subscription->pending_bytes_ += bytes;
  subscription->pending_.insert(subscription->pending_.end(),
                                std::make_move_iterator(events.begin()),
                                std::make_move_iterator(events.end()));
  return true;
}

void Feed::Leave(absl::FunctionRef<bool(const Live&)> which) {
  if (std::erase_if(live_, [&](const auto& each) { return which(*each); }) == 0) return;
  left_version_ = ++live_version_;
}

// --- Delivery ---

bool Feed::TakePlace(Subscription* subscription) {
  const MutexLock lock(&subscription->mutex_);
  if (subscription->is_queued_ || subscription->is_sending_ || subscription->has_ended_) {
    return false;
  }
  subscription->is_queued_ = true;
  return !subscription->is_running_;  // else it is taken up again afterwards
}

void Feed::Enqueue(const std::shared_ptr<Subscription>& subscription) {
  if (!TakePlace(subscription.get())) return;
  const MutexLock lock(&queue_mutex_);
  queue_.push_back(subscription);
  queued_.Signal();
}

void Feed::Enqueue(absl::Span<const std::shared_ptr<Subscription>> subscriptions) {
  std::vector<std::shared_ptr<Subscription>> taken;
  for (const std::shared_ptr<Subscription>& each : subscriptions) {
    if (TakePlace(each.get())) taken.push_back(each);
  }
  if (taken.empty()) return;
  const MutexLock lock(&queue_mutex_);
  queue_.insert(queue_.end(), std::make_move_iterator(taken.begin()),
                std::make_move_iterator(taken.end()));
  if (taken.size() == 1) {
    queued_.Signal();
  } else {
    queued_.SignalAll();
  }
}

void Feed::Run(std::shared_ptr<Subscription> subscription) {
  const bool more = Work(subscription.get());
  bool again = false;
  {
    const MutexLock lock(&subscription->mutex_);
    subscription->is_running_ = false;
    // While a message is on its way there is nothing to do.
    again = !subscription->has_ended_ && !subscription->is_sending_ &&
            (more || subscription->is_queued_);
    subscription->is_queued_ = again;
  }
  if (!again) return;
  const MutexLock lock(&queue_mutex_);
  queue_.push_back(std::move(subscription));
  queued_.Signal();
}

void Feed::RunDelivery() {
  NameThread("deliver");
  while (true) {
    std::shared_ptr<Subscription> subscription;
    {
      const MutexLock lock(&queue_mutex_);
      while (queue_.empty() && !queue_stopping_) queued_.Wait(&queue_mutex_);
      if (queue_.empty()) return;
      subscription = std::move(queue_.front());
      queue_.pop_front();
    }
    {
      const MutexLock lock(&subscription->mutex_);
      subscription->is_queued_ = false;
      subscription->is_running_ = true;
    }
    Run(std::move(subscription));
  }
}

void Feed::RunTimer() {
  NameThread("feed-timer");
  while (true) {
    std::vector<std::shared_ptr<Subscription>> due;
    {
      const MutexLock lock(&mutex_);
      while (all_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (stopping_) return;
      changed_.WaitFor(&mutex_, kTick);
      const int64_t now = NowNs();
      for (const std::shared_ptr<Subscription>& each : all_) {
        if (each->wake_ns_.load(std::memory_order_relaxed) <= now) due.push_back(each);
      }
    }
    for (const std::shared_ptr<Subscription>& each : due) Enqueue(each);
  }
}

void Feed::Remove(const Subscription* subscription) {
  const MutexLock lock(&mutex_);
  Leave([&](const Live& each) { return each.subscription.get() == subscription; });
  std::erase_if(all_, [&](const auto& each) { return each.get() == subscription; });
}

bool Feed::Work(Subscription* subscription) {
  absl::Status end;
  {
    const MutexLock lock(&subscription->mutex_);
    if (subscription->is_sending_ || subscription->has_ended_) return false;
    end = subscription->end_;
  }
  Message message;
  bool is_message = false;
  if (end.ok()) {
    is_message = TakeNotices(subscription, &message);
    if (!is_message) end = Fill(subscription);
    if (!is_message && end.ok()) {
      const bool has_state =
          subscription->catchup_ != nullptr && subscription->catchup_->has_state();
      is_message = subscription->outbox_.Take(has_state, NowNs(), &message);
      subscription->wake_ns_.store(subscription->outbox_.wake_ns(), std::memory_order_relaxed);
    }
  }
  if (!end.ok()) {
    {
      const MutexLock lock(&subscription->mutex_);
      subscription->has_ended_ = true;
    }
    Remove(subscription);
    subscription->sink_.End(end);
    return false;
  }
  if (is_message) {
    delivered_.fetch_add(message.events.size(), std::memory_order_relaxed);
    {
      const MutexLock lock(&subscription->mutex_);
      subscription->is_sending_ = true;
      subscription->has_more_ = subscription->catchup_ != nullptr || !subscription->outbox_.empty();
    }
    subscription->sink_.Send(std::move(message));
    return false;  // Sent goes on
  }
  return subscription->catchup_ != nullptr;
}

absl::Status Feed::Fill(Subscription* subscription) {
  Outbox& outbox = subscription->outbox_;
  if (!outbox.empty()) return absl::OkStatus();
  Catchup* const catchup = subscription->catchup_.get();
  if (catchup != nullptr && catchup->has_state()) {
    std::vector<EventPtr> events;
    TWIN_RETURN_IF_ERROR(catchup->ReadState(&events));
    outbox.SetState(std::move(events), /*is_last=*/!catchup->has_state());
    return absl::OkStatus();
  }
  if (catchup != nullptr) {
    TWIN_RETURN_IF_ERROR(FillBehind(subscription));
  } else {
    FillLive(subscription);
  }
  outbox.ReleaseLatest(NowNs());
  return absl::OkStatus();
}

absl::Status Feed::FillBehind(Subscription* subscription) {
  Catchup& catchup = *subscription->catchup_;
  const auto end_of_turn = std::chrono::steady_clock::now() + kTurn;
  size_t bytes = 0;
  while (bytes < options_.message_bytes && std::chrono::steady_clock::now() < end_of_turn) {
    Sequence end;
    {
      const MutexLock lock(&subscription->mutex_);
      end = subscription->joined_;
    }
    std::vector<EventPtr> events;
    TWIN_ASSIGN_OR_RETURN(const bool more, catchup.ReadRecord(end, end_of_turn, &events));
    for (const EventPtr& event : events) bytes += event->Bytes();
    subscription->outbox_.Add(std::move(events), Sequence(catchup.next().value - 1));
    if (more) continue;
    if (end.value == UINT64_MAX) {
      TWIN_RETURN_IF_ERROR(Join(subscription));
      continue;
    }
    if (catchup.next() < end) break;  // applied, and not yet told: a moment
    subscription->catchup_ = nullptr;
    break;
  }
  return absl::OkStatus();
}

Sequence Feed::PlaceToJoin(Sequence own) const {
  const MutexLock lock(&mutex_);
  return live_.empty() ? own : next_;
}

// Where the matcher stands elsewhere: reads up to there, all but the last bit without its lock.
absl::StatusOr<std::unique_ptr<Catchup>> Feed::FollowToMatcher(const Subscription& subscription,
                                                               Sequence own) {
  const Sequence place = PlaceToJoin(own);
  if (subscription.options_.filter.under.empty() || place == own) return nullptr;
  TWIN_ASSIGN_OR_RETURN(std::unique_ptr<Filter> filter, MakeFilter(subscription.options_.filter));
  auto follower = std::make_unique<Catchup>(sources_, options_, std::move(filter), place);
  TWIN_RETURN_IF_ERROR(follower->Follow(place));
  TWIN_RETURN_IF_ERROR(follower->Follow(PlaceToJoin(place)));
  return follower;
}

// Has the matcher ask its filter, from the record on that it takes next; unless that has become
// another one, then it is to be tried again.
absl::Status Feed::Join(Subscription* subscription) {
  auto live = std::make_shared<Live>();
  live->subscription = subscription->shared_from_this();
  const bool has_root = !subscription->options_.filter.under.empty();
  const Sequence own = subscription->catchup_->next();
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<Catchup> follower,
                        FollowToMatcher(*subscription, own));
  if (!has_root) {
    TWIN_ASSIGN_OR_RETURN(live->filter, MakeFilter(subscription->options_.filter));
  }
  const MutexLock lock(&mutex_);
  if (stopping_) return Stopping();
  if (live_.empty()) {
    next_ = own;
    matched_ = Sequence(own.value - 1);
  }
  if (has_root) {
    Catchup* at_place = next_ == own ? subscription->catchup_.get() : follower.get();
    if (at_place == nullptr) return absl::OkStatus();
    TWIN_RETURN_IF_ERROR(at_place->Follow(next_));
    if (!(at_place->next() == next_)) return absl::OkStatus();
    live->filter = at_place->TakeFilter();
  }
  {
    const MutexLock lock_subscription(&subscription->mutex_);
    subscription->joined_ = std::max(next_, own);
    subscription->left_ = Sequence(UINT64_MAX);
  }
  live_.push_back(std::move(live));
  ++live_version_;
  changed_.SignalAll();
  return absl::OkStatus();
}

void Feed::FillLive(Subscription* subscription) {
  Sequence matched;
  {
    const MutexLock lock(&mutex_);
    matched = matched_;
  }
  std::vector<EventPtr> events;
  Sequence left;
  {
    const MutexLock lock(&subscription->mutex_);
    events.swap(subscription->pending_);
    subscription->pending_bytes_ = 0;
    left = subscription->left_;
  }
  Sequence through = std::max(matched, subscription->outbox_.through());
  if (!events.empty()) through = std::max(through, events.back()->sequence);
  if (left.value != UINT64_MAX) {
    // It has everything before the record that it left at.
    through = Sequence(left.value - 1);
    {
      const MutexLock lock(&subscription->mutex_);
      subscription->joined_ = Sequence(UINT64_MAX);
    }
    absl::StatusOr<std::unique_ptr<Filter>> filter = MakeFilter(subscription->options_.filter);
    if (filter.ok()) {
      subscription->catchup_ =
          std::make_unique<Catchup>(sources_, options_, *std::move(filter), left);
    } else {
      subscription->Cancel(filter.status());
    }
  }
  subscription->outbox_.Add(std::move(events), through);
}

}  // namespace twin::events
