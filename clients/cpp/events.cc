#include "clients/cpp/events.h"

#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "clients/cpp/call.h"
#include "clients/cpp/stubs.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::steady_clock;

// Takes out what came before the connection was lost.
class Seen {
 public:
  void RemoveFrom(v1::SubscribeResponse* message) const {
    auto* const events = message->mutable_events();
    int count = 0;
    while (count < events->size() && !IsNew(events->Get(count))) ++count;
    events->DeleteSubrange(0, count);
  }
  void Add(const v1::SubscribeResponse& message) {
    // Notices have no place in the order.
    if (message.events().empty() || message.events(0).type() == v1::SERVER_NOTICE) return;
    sequence_ = message.events().rbegin()->sequence();
    index_ = message.events().rbegin()->index();
  }

 private:
  bool IsNew(const v1::Event& event) const {
    return event.type() == v1::SERVER_NOTICE || event.sequence() > sequence_ ||
           (event.sequence() == sequence_ && event.index() > index_);
  }
  uint64_t sequence_ = 0;
  uint32_t index_ = UINT32_MAX;
};

bool WantsState(const v1::SubscribeRequest& request) {
  return request.start_case() == v1::SubscribeRequest::kStartingState && request.starting_state();
}

}  // namespace

absl::Status EventClient::Subscribe(
    v1::SubscribeRequest request, const EventOptions& options,
    absl::FunctionRef<absl::Status(const v1::SubscribeResponse&)> receive) {
  const Caller& caller = client_.stubs_->caller;
  Seen seen;
  bool has_received = false;
  int tries = 0;  // before the first message
  std::optional<Backoff> backoff(caller.options().retry);
  steady_clock::time_point lost_at = steady_clock::now();
  while (true) {
    grpc::ClientContext context;
    absl::Status received;
    grpc::Status ended;
    bool is_first = true;
    {
      const CancelWatch watch(&context, caller.options().cancelled);
      const auto stream = client_.stubs_->events->Subscribe(&context, request);
      v1::SubscribeResponse message;
      while (received.ok() && stream->Read(&message)) {
        if (is_first) backoff.emplace(caller.options().retry);
        is_first = false;
        // Whole deliveries begin anew, with values of their own.
        if (has_received && request.interval_ms() == 0) seen.RemoveFrom(&message);
        has_received = true;
        received = receive(message);
        seen.Add(message);
        if (!message.resume_token().empty()) request.set_resume_token(message.resume_token());
      }
      if (!received.ok()) {
        context.TryCancel();
        while (stream->Read(&message)) {
        }
      }
      ended = stream->Finish();
    }
    if (!received.ok()) return received;
    absl::Status status = caller.Explain(ended);
    const bool is_lost = ended.ok() || ended.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (!is_lost || (WantsState(request) && has_received)) return status;
    if (!is_first) lost_at = steady_clock::now();
    if (!has_received && ++tries >= caller.options().retry.tries_max) return status;
    const std::chrono::milliseconds wait = backoff->Next();
    if (steady_clock::now() + wait > lost_at + options.reconnect_time_max) return status;
    if (options.on_lost) options.on_lost(status);
    if (!caller.Sleep(wait)) return absl::CancelledError("interrupted");
  }
}

// --- Named subscriptions ---

absl::StatusOr<v1::Subscription> EventClient::CreateSubscription(
    const v1::CreateSubscriptionRequest& request) {
  return client_.stubs_->caller.Call(client_.stubs_->events.get(),
                                     &v1::EventService::Stub::CreateSubscription, request, {});
}

absl::StatusOr<v1::Subscription> EventClient::GetSubscription(
    const v1::GetSubscriptionRequest& request) {
  return client_.stubs_->caller.Call(client_.stubs_->events.get(),
                                     &v1::EventService::Stub::GetSubscription, request,
                                     {.repeatable = true});
}

absl::StatusOr<v1::ListSubscriptionsResponse> EventClient::ListSubscriptions(
    const v1::ListSubscriptionsRequest& request) {
  return client_.stubs_->caller.Call(client_.stubs_->events.get(),
                                     &v1::EventService::Stub::ListSubscriptions, request,
                                     {.repeatable = true});
}

absl::Status EventClient::DeleteSubscription(const v1::DeleteSubscriptionRequest& request) {
  return client_.stubs_->caller
      .Call(client_.stubs_->events.get(), &v1::EventService::Stub::DeleteSubscription, request, {})
      .status();
}

absl::StatusOr<v1::Subscription> EventClient::SeekSubscription(
    const v1::SeekSubscriptionRequest& request) {
  return client_.stubs_->caller.Call(client_.stubs_->events.get(),
                                     &v1::EventService::Stub::SeekSubscription, request, {});
}

// It only goes ahead: harmless to repeat.
absl::StatusOr<v1::Subscription> EventClient::Acknowledge(const v1::AcknowledgeRequest& request) {
  return client_.stubs_->caller.Call(client_.stubs_->events.get(),
                                     &v1::EventService::Stub::Acknowledge, request,
                                     {.repeatable = true});
}

}  // namespace twin::client
