#include "server/events/named_subscription.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/base/status_macros.h"

namespace twin::events {
namespace {

int64_t SteadyNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// What it takes from the feed, from one place on. Lives until the feed has ended it.
class NamedSubscription::Run : public Sink, public std::enable_shared_from_this<Run> {
 public:
  explicit Run(std::shared_ptr<NamedSubscription> of) : of_(std::move(of)) {}

  absl::Status Begin(Feed* feed, Sequence after) {
    SubscribeOptions options;
    options.filter = of_->spec_.filter;
    options.start = SubscribeOptions::Start::kAfter;
    options.after = after;
    self_ = shared_from_this();  // it may end at once
    absl::StatusOr<std::shared_ptr<Subscription>> subscription =
        feed->Subscribe(std::move(options), this);
    if (!subscription.ok()) {
      self_ = nullptr;
      return subscription.status();
    }
    subscription_ = *std::move(subscription);
    return absl::OkStatus();
  }
  void Start() { subscription_->Start(); }
  void Sent() { subscription_->Sent(); }
  void Stop() { subscription_->Cancel(absl::CancelledError("it has no consumer")); }

  // --- Sink ---
  void Send(Message message) override { of_->Take(this, message); }
  void End(const absl::Status& status) override {
    const std::shared_ptr<Run> self = std::move(self_);
    of_->RunEnded(this, status);
  }

 private:
  const std::shared_ptr<NamedSubscription> of_;
  std::shared_ptr<Subscription> subscription_;
  std::shared_ptr<Run> self_;
};

// --- Consumer ---

Consumer::Consumer(std::shared_ptr<NamedSubscription> subscription, uint64_t id, std::string name,
                   ConsumerSink* sink)
    : subscription_(std::move(subscription)),
      id_(id),
      name_(std::move(name)),
      connected_(SystemClock().Now()),
      sink_(*sink) {}

void Consumer::Sent() { subscription_->Sent(this); }
absl::Status Consumer::Update(int64_t credit, uint64_t acknowledged) {
  return subscription_->Update(this, credit, acknowledged);
}
void Consumer::Close() { subscription_->Close(this); }
void Consumer::Cancel(const absl::Status& status) { subscription_->Cancel(this, status); }

void NamedSubscription::Sent(Consumer* consumer) {
  {
    const MutexLock lock(&mutex_);
    consumer->is_sending_ = false;
  }
  Pump();
}

absl::Status NamedSubscription::Update(Consumer* consumer, int64_t credit, uint64_t acknowledged) {
  {
    const MutexLock lock(&mutex_);
    if (!IsActive(*consumer)) return absl::OkStatus();  // it hears why it ends
    consumer->is_started_ = true;
    const int64_t credit_max = owner_.options_.credit_max;
    if (credit > credit_max || delivery_->credit(consumer->id_) + credit > credit_max) {
      return absl::InvalidArgumentError(absl::StrCat(
          "credit_events: ", delivery_->credit(consumer->id_), " are left and ", credit,
          " are added; that is more than event_credit_max (", credit_max, ")"));
    }
    delivery_->AddCredit(consumer->id_, credit);
    if (acknowledged > consumer->acknowledged_) {
      TWIN_RETURN_IF_ERROR(delivery_->Acknowledge(consumer->id_, acknowledged));
      consumer->acknowledged_ = acknowledged;
      MarkDirty();
    }
  }
  Pump();
  return absl::OkStatus();
}

void NamedSubscription::Close(Consumer* consumer) {
  {
    const MutexLock lock(&mutex_);
    if (!IsActive(*consumer)) return;
    consumer->is_closing_ = true;
    delivery_->Leave(consumer->id_);
    StopIfAlone();
  }
  Pump();
}

void NamedSubscription::Cancel(Consumer* consumer, const absl::Status& status) {
  TWIN_CHECK(!status.ok());
  {
    const MutexLock lock(&mutex_);
    LeaveWith(consumer, status);
    StopIfAlone();
  }
  Pump();
}

void NamedSubscription::LeaveWith(Consumer* consumer, const absl::Status& status) {
  if (!consumer->end_.ok()) return;
  if (IsActive(*consumer)) delivery_->Leave(consumer->id_);
  consumer->end_ = status;
}

void NamedSubscription::EndConsumers(const absl::Status& status) {
  for (const ConsumerPtr& each : consumers_) LeaveWith(each.get(), status);
  StopIfAlone();
}

// --- Joining ---

absl::StatusOr<NamedSubscription::RunPtr> NamedSubscription::Begin(Sequence after) {
  const auto run = std::make_shared<Run>(shared_from_this());
  const absl::Status status = run->Begin(&owner_.feed_, after);
  if (status.ok()) return run;
  if (absl::IsInvalidArgument(status)) {
    return absl::FailedPreconditionError(
        absl::StrCat("subscription ", spec_.name, ": its filter does not fit the models any more: ",
                     status.message(), "; create the models again, or delete the subscription"));
  }
  if (!absl::IsOutOfRange(status)) return status;
  return absl::OutOfRangeError(absl::StrCat("subscription ", spec_.name, ": ", status.message(),
                                            ", or seek to what is kept"));
}

absl::StatusOr<ConsumerPtr> NamedSubscription::Join(const std::string& consumer,
                                                    ConsumerSink* sink) {
  const MutexLock activation(&activation_mutex_);
  RunPtr begun;
  ConsumerPtr joined;
  while (joined == nullptr) {
    Sequence after;
    {
      const MutexLock lock(&mutex_);
      if (is_deleted_) {
        return absl::NotFoundError(absl::StrCat("there is no subscription ", spec_.name));
      }
      after = Cursors().through();
      if (delivery_ == nullptr && begun != nullptr) {
        run_ = begun;
        owes_sent_ = false;
        delivery_ = std::make_unique<SharedDelivery>(cursors_, owner_.options_.message_bytes);
      }
      if (delivery_ != nullptr) {
        int64_t others = 0;
        for (const ConsumerPtr& each : consumers_) {
          if (!IsActive(*each)) continue;
          if (each->name_ != consumer) {
            ++others;
          } else {
            LeaveWith(each.get(), absl::FailedPreconditionError(absl::StrCat(
                                      "another stream of the consumer ", consumer, " has begun")));
          }
        }
        if (others >= std::min<int64_t>(owner_.options_.consumers_max, kConsumersMax)) {
          return absl::ResourceExhaustedError(
              absl::StrCat("subscription ", spec_.name, " has event_consumers_max (",
                           owner_.options_.consumers_max, ") consumers already"));
        }
        joined.reset(new Consumer(shared_from_this(), next_id_++, consumer, sink));
        joined->told_ns_ = SteadyNs();
        delivery_->Join(joined->id_);
        consumers_.push_back(joined);
      }
    }
    if (joined == nullptr) {
      TWIN_ASSIGN_OR_RETURN(begun, Begin(after));
    }
  }
  if (begun != nullptr) begun->Start();
  return joined;
}

// --- The feed's messages ---

void NamedSubscription::Take(Run* run, const Message& message) {
  {
    const MutexLock lock(&mutex_);
    if (run_.get() == run) {
      const Sequence before = delivery_->cursors().through();
      delivery_->Take(message.events, message.more, message.through);
      if (before < delivery_->cursors().through()) MarkDirty();
      // What is held must become whole, whatever it takes.
      owes_sent_ = !message.more && IsFull();
      if (owes_sent_) run = nullptr;
    }
  }
  if (run != nullptr) run->Sent();
  Pump();
}

bool NamedSubscription::IsFull() const {
  return delivery_->events() >= static_cast<uint64_t>(owner_.options_.unacknowledged_max) ||
         delivery_->bytes() >= owner_.options_.unacknowledged_bytes_max;
}

void NamedSubscription::RunEnded(const Run* run, const absl::Status& status) {
  {
    const MutexLock lock(&mutex_);
    if (run_.get() == run) EndConsumers(status);
    std::erase_if(stopped_, [&](const RunPtr& each) { return each.get() == run; });
  }
  Pump();
}

// What it acknowledged stays; the rest is read again for the next consumer.
void NamedSubscription::StopRun() {
  cursors_ = delivery_->cursors();
  delivery_ = nullptr;
  owes_sent_ = false;
  stopped_.push_back(std::move(run_));
  run_ = nullptr;
}

void NamedSubscription::StopIfAlone() {
  if (delivery_ != nullptr && !delivery_->has_consumers()) StopRun();
}

const SlotCursors& NamedSubscription::Cursors() const {
  return delivery_ != nullptr ? delivery_->cursors() : cursors_;
}

// --- Sending ---

bool NamedSubscription::MakeMessage(Consumer* consumer, int64_t now_ns, ConsumerMessage* message) {
  const bool has_events = IsActive(*consumer) && delivery_->Next(consumer->id_, now_ns, message);
  const int64_t progress_ns = owner_.options_.progress_interval_ms * kNsPerMs;
  if (!has_events && consumer->told_ == consumer->stored_ &&
      now_ns < consumer->told_ns_ + progress_ns) {
    return false;
  }
  message->acknowledged = consumer->stored_;
  message->through = Cursors().through();
  message->sought = sought_;
  consumer->told_ = consumer->stored_;
  consumer->told_ns_ = now_ns;
  return true;
}

void NamedSubscription::Pump() {
  std::vector<std::pair<ConsumerPtr, ConsumerMessage>> messages;
  std::vector<std::pair<ConsumerPtr, absl::Status>> ends;
  std::vector<RunPtr> stopped;
  RunPtr goes_on;
  {
    const MutexLock lock(&mutex_);
    const int64_t now = SteadyNs();
    for (const ConsumerPtr& each : consumers_) {
      if (each->is_sending_) continue;
      ConsumerMessage message;
      if (!each->end_.ok()) {
        each->has_ended_ = true;
        ends.emplace_back(each, each->end_);
      } else if (each->is_started_ && MakeMessage(each.get(), now, &message)) {
        each->is_sending_ = true;
        messages.emplace_back(each, std::move(message));
      } else if (each->is_closing_ && each->stored_ >= each->acknowledged_) {
        each->has_ended_ = true;
        ends.emplace_back(each, absl::OkStatus());
      }
    }
    std::erase_if(consumers_, [](const ConsumerPtr& each) { return each->has_ended_; });
    stopped.swap(stopped_);
    if (owes_sent_ && !IsFull()) {
      owes_sent_ = false;
      goes_on = run_;
    }
  }
  for (auto& [consumer, message] : messages) consumer->sink_.Send(std::move(message));
  for (const auto& [consumer, status] : ends) consumer->sink_.End(status);
  if (goes_on != nullptr) goes_on->Sent();
  // A run whose message was kept back still owes the feed its end.
  for (const RunPtr& run : stopped) {
    run->Stop();
    run->Sent();
  }
}

void NamedSubscription::Tick() {
  {
    const MutexLock lock(&mutex_);
    if (consumers_.empty()) return;
    const int64_t late = SteadyNs() - owner_.options_.acknowledge_ms_max * kNsPerMs;
    for (const ConsumerPtr& each : consumers_) {
      if (!IsActive(*each) || delivery_->OldestSentNs(each->id_) > late) continue;
      LeaveWith(each.get(), absl::DeadlineExceededError(absl::StrCat(
                                "consumer ", each->name_,
                                " has not acknowledged a delivery for event_acknowledge_ms_max (",
                                owner_.options_.acknowledge_ms_max,
                                "); its events go to others, or come again")));
    }
    StopIfAlone();
  }
  Pump();
}

// --- Storing ---

void NamedSubscription::MarkDirty() {
  if (is_dirty_ || is_deleted_) return;
  is_dirty_ = true;
  owner_.SetDirty(shared_from_this());
}

void NamedSubscription::SetDirty() {
  const MutexLock lock(&mutex_);
  MarkDirty();
}

std::optional<NamedSubscription::ToStore> NamedSubscription::TakeDirty() {
  const MutexLock lock(&mutex_);
  is_dirty_ = false;
  if (is_deleted_) return std::nullopt;
  ToStore store;
  store.cursors = Cursors().Encode();
  for (const ConsumerPtr& each : consumers_) {
    store.acknowledged.emplace_back(each, each->acknowledged_);
  }
  return store;
}

void NamedSubscription::Stored(const ToStore& stored) {
  {
    const MutexLock lock(&mutex_);
    for (const auto& [consumer, acknowledged] : stored.acknowledged) {
      consumer->stored_ = std::max(consumer->stored_, acknowledged);
    }
  }
  Pump();
}

// --- Administration ---

void NamedSubscription::EndAll(const absl::Status& status) {
  {
    const MutexLock lock(&mutex_);
    EndConsumers(status);
  }
  Pump();
}

Time NamedSubscription::sought() const {
  const MutexLock lock(&mutex_);
  return sought_;
}

void NamedSubscription::Restart(const SlotCursors& cursors, Time sought,
                                const absl::Status& status) {
  {
    const MutexLock activation(&activation_mutex_);
    const MutexLock lock(&mutex_);
    EndConsumers(status);
    cursors_ = cursors;
    sought_ = sought;
  }
  Pump();
}

void NamedSubscription::SetDeleted(const absl::Status& status) {
  {
    const MutexLock activation(&activation_mutex_);
    const MutexLock lock(&mutex_);
    is_deleted_ = true;
    EndConsumers(status);
  }
  Pump();
}

void NamedSubscription::AcknowledgeThrough(Sequence sequence) {
  {
    const MutexLock lock(&mutex_);
    if (delivery_ != nullptr) {
      delivery_->AcknowledgeThrough(sequence);
    } else {
      cursors_.RaiseAll(sequence);
    }
    MarkDirty();
  }
  Pump();
}

std::optional<Time> NamedSubscription::TimeOf(Sequence sequence) const {
  const MutexLock lock(&mutex_);
  return timed_ == sequence ? std::optional<Time>(time_) : std::nullopt;
}

void NamedSubscription::RememberTime(Sequence sequence, Time time) const {
  const MutexLock lock(&mutex_);
  timed_ = sequence;
  time_ = time;
}

NamedInfo NamedSubscription::info() const {
  NamedInfo info;
  info.spec = spec_;
  const MutexLock lock(&mutex_);
  info.acknowledged = Cursors().through();
  if (delivery_ == nullptr) return info;
  info.waiting = delivery_->events();
  for (const ConsumerPtr& each : consumers_) {
    if (!IsActive(*each)) continue;
    info.consumers.push_back({.name = each->name_,
                              .connected = each->connected_,
                              .slots = delivery_->slots(each->id_),
                              .unacknowledged = delivery_->unacknowledged(each->id_),
                              .credit = delivery_->credit(each->id_)});
  }
  return info;
}

}  // namespace twin::events
