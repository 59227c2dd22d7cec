// EventClient::Consume: a consumer of a named subscription.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "clients/cpp/call.h"
#include "clients/cpp/events.h"
#include "clients/cpp/reconnection.h"
#include "clients/cpp/stubs.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;

constexpr std::chrono::milliseconds kConsumePollTime{20};  // how soon a cancellation is noticed
constexpr std::chrono::milliseconds kCloseTime{3000};      // for acknowledgements to be stored
constexpr size_t kHandledMax = 1'000'000;

using EventId = std::pair<uint64_t, uint32_t>;  // sequence and index

// What has been handled and is not confirmed: after a lost connection it may come again.
class Handled {
 public:
  // Takes out what was handled before; true: something is left.
  bool RemoveFrom(v1::StreamEventsResponse* message) {
    auto* const events = message->mutable_events();
    int kept = 0;
    for (int i = 0; i < events->size(); ++i) {
      const EventId id(events->Get(i).sequence(), events->Get(i).index());
      open_.push_back(id);
      if (again_.erase(id) > 0) continue;
      events->SwapElements(kept++, i);
    }
    events->DeleteSubrange(kept, events->size() - kept);
    return kept > 0;
  }
  // The delivery that ends with this message.
  void Close(uint64_t delivery) {
    deliveries_.emplace_back(delivery, std::move(open_));
    open_.clear();
  }
  void Confirm(uint64_t delivery) {
    while (!deliveries_.empty() && deliveries_.front().first <= delivery) deliveries_.pop_front();
  }
  // The last message was not handled.
  void DropOpen() { open_.clear(); }
  void BeginAnew() {
    for (const auto& [delivery, events] : deliveries_) again_.insert(events.begin(), events.end());
    again_.insert(open_.begin(), open_.end());
    deliveries_.clear();
    open_.clear();
    // Most of it went to other consumers.
    if (again_.size() > kHandledMax) again_.clear();
  }
  // When the subscription was last moved by a seek. After another one than of a former stream what
  // was handled comes again because it shall.
  void SetSeekTime(int64_t ns) {
    if (ns != seek_ns_) again_.clear();
    seek_ns_ = ns;
  }
  // Nothing waits to be confirmed.
  bool is_none_open() const { return again_.empty(); }
  // The subscription went to another place.
  void Forget() {
    BeginAnew();
    again_.clear();
  }

 private:
  std::set<EventId> again_;
  int64_t seek_ns_ = 0;
  std::vector<EventId> open_;  // of the transaction at hand
  std::deque<std::pair<uint64_t, std::vector<EventId>>> deliveries_;
};

using EventStream = grpc::ClientReaderWriter<v1::StreamEventsRequest, v1::StreamEventsResponse>;

// Writes of a stream, and its end: when the call is cancelled it is closed, so that what was
// acknowledged is stored, and torn down if that takes long.
class ConsumerWriter {
 public:
  ConsumerWriter(grpc::ClientContext* context, EventStream* stream,
                 const std::atomic<bool>* cancelled)
      : context_(*context), stream_(*stream), cancelled_(cancelled) {
    thread_ = std::jthread([this](const std::stop_token& stop) { Watch(stop); });
  }

  bool Write(const v1::StreamEventsRequest& request) {
    const std::lock_guard lock(mutex_);
    return !is_closed_ && stream_.Write(request);
  }
  bool is_closed() {
    const std::lock_guard lock(mutex_);
    return is_closed_;
  }
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      if (is_closed_) return;
      is_closed_ = true;
      stream_.WritesDone();
    }
    wake_.notify_all();
  }

 private:
  void Watch(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const auto is_closed = [&] { return is_closed_; };
    while (!is_closed_ && !stop.stop_requested()) {
      wake_.wait_for(lock, stop, kConsumePollTime, is_closed);
      if (cancelled_ == nullptr || !cancelled_->load(std::memory_order_relaxed) || is_closed_) {
        continue;
      }
      is_closed_ = true;
      stream_.WritesDone();
    }
    if (stop.stop_requested()) return;
    wake_.wait_for(lock, stop, kCloseTime, [] { return false; });
    if (!stop.stop_requested()) context_.TryCancel();
  }

  grpc::ClientContext& context_;
  EventStream& stream_;
  const std::atomic<bool>* const cancelled_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool is_closed_ = false;
  std::jthread thread_;  // last: it uses the others
};

bool ShallComeAgain(const Caller& caller, const grpc::Status& ended) {
  return IsLost(caller, ended) || ended.error_code() == grpc::StatusCode::ABORTED ||
         ended.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
}

// One connection after the other.
class Consumption {
 public:
  Consumption(const ConsumeOptions& options, const Caller& caller)
      : options_(options), caller_(caller), name_(options.consumer) {
    if (name_.empty()) name_ = RandomRequestId();
  }

  // Until the stream ends; `received` is what `receive` failed with.
  grpc::Status RunOnce(v1::EventService::Stub* stub,
                       absl::FunctionRef<absl::Status(const v1::StreamEventsResponse&)> receive,
                       absl::Status* received) {
    grpc::ClientContext context;
    const auto stream = stub->StreamEvents(&context);
    has_connected_ = false;
    {
      ConsumerWriter writer(&context, stream.get(), caller_.options().cancelled);
      v1::StreamEventsRequest request;
      request.set_subscription(options_.subscription);
      request.set_consumer(name_);
      request.set_without_old_values(options_.without_old_values);
      given_ = 0;
      request.set_credit_events(CreditToGive(0));
      writer.Write(request);
      v1::StreamEventsResponse message;
      while (stream->Read(&message)) {
        has_connected_ = true;
        handled_.SetSeekTime(message.seek_time_unix_nano());
        handled_.Confirm(message.acknowledged_delivery());
        if (message.events().empty() || writer.is_closed()) continue;
        const auto count = static_cast<int64_t>(message.events().size());
        if (handled_.RemoveFrom(&message)) {
          taken_ += static_cast<uint64_t>(message.events().size());
          *received = receive(message);
          if (!received->ok()) {
            handled_.DropOpen();
            writer.Close();
            continue;
          }
        }
        request.Clear();
        request.set_credit_events(CreditToGive(count));
        if (message.delivery() > 0) {
          handled_.Close(message.delivery());
          request.set_acknowledged_delivery(message.delivery());
        }
        writer.Write(request);
        if (IsEnough() && !message.more()) writer.Close();
      }
    }
    grpc::Status status = stream->Finish();
    if (status.error_code() == grpc::StatusCode::ABORTED) {
      handled_.Forget();
    } else {
      handled_.BeginAnew();
    }
    return status;
  }

  bool IsEnough() const { return options_.events_max > 0 && taken_ >= options_.events_max; }
  // Of what was handled in the last connection nothing comes again.
  bool IsAllStored() const { return handled_.is_none_open(); }
  bool has_connected() const { return has_connected_; }

 private:
  // After so many events: as many as are wanted at once, and no more than are wanted at all. A
  // transaction that is begun comes as a whole, also beyond the credit, which is a debt then: what
  // comes next waits until it is paid back.
  uint32_t CreditToGive(int64_t used) {
    given_ -= used;
    uint64_t wanted = options_.credit_events;
    if (options_.events_max > 0) {
      wanted = std::min(wanted, options_.events_max - std::min(taken_, options_.events_max));
    }
    // Who wants nothing more pays nothing back.
    const int64_t more = wanted == 0 ? 0 : static_cast<int64_t>(wanted) - given_;
    if (more <= 0) return 0;
    const auto credit = static_cast<uint32_t>(std::min<int64_t>(more, UINT32_MAX));
    given_ += credit;
    return credit;
  }

  const ConsumeOptions& options_;
  const Caller& caller_;
  std::string name_;
  Handled handled_;
  uint64_t taken_ = 0;
  int64_t given_ = 0;  // credit that is not used up; below 0: what came beyond it
  bool has_connected_ = false;
};

}  // namespace

absl::Status EventClient::Consume(
    const ConsumeOptions& options,
    absl::FunctionRef<absl::Status(const v1::StreamEventsResponse&)> receive) {
  const Caller& caller = client_.stubs_->caller;
  Consumption consumption(options, caller);
  Reconnection reconnection(caller, options.connection);
  while (true) {
    absl::Status received;
    const grpc::Status ended =
        consumption.RunOnce(client_.stubs_->events.get(), receive, &received);
    if (!received.ok()) return received;
    absl::Status status = caller.Explain(ended);
    // After a seek there is nothing to store.
    if (consumption.IsEnough() && (ended.ok() || consumption.IsAllStored())) {
      return absl::OkStatus();
    }
    const std::atomic<bool>* const cancelled = caller.options().cancelled;
    if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) {
      return absl::CancelledError("interrupted");
    }
    // Nothing more is wanted, and what was acknowledged may not have been stored: there would be no
    // end of waiting for it over another connection, which may be given none of it.
    if (!ShallComeAgain(caller, ended) || consumption.IsEnough()) return status;
    if (consumption.has_connected()) reconnection.NoteStanding();
    status = reconnection.Wait(status);
    if (!status.ok()) return status;
  }
}

}  // namespace twin::client
