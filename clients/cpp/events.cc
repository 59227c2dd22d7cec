#include "clients/cpp/events.h"

#include <utility>

#include "absl/strings/cord.h"
#include "clients/cpp/call.h"
#include "clients/cpp/reconnection.h"
#include "clients/cpp/stubs.h"
#include "google/rpc/error_details.pb.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;

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

std::string OldestTokenOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload =
      status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  google::rpc::ErrorInfo info;
  if (!absl::IsOutOfRange(status) || !payload.has_value() ||
      !info.ParseFromString(std::string(*payload))) {
    return "";
  }
  const auto token = info.metadata().find("resume_token");
  return token != info.metadata().end() ? token->second : "";
}

absl::Status EventClient::Subscribe(
    v1::SubscribeRequest request, const EventOptions& options,
    absl::FunctionRef<absl::Status(const v1::SubscribeResponse&)> receive) {
  const Caller& caller = client_.stubs_->caller;
  Reconnection reconnection(caller, options);
  Seen seen;
  bool has_received = false;
  while (true) {
    absl::Status received;
    const grpc::Status ended = ReadStream<v1::SubscribeResponse>(
        caller,
        [&](grpc::ClientContext* context) {
          return client_.stubs_->events->Subscribe(context, request);
        },
        [&](v1::SubscribeResponse* message) {
          reconnection.NoteStanding();
          // Whole deliveries begin anew, with values of their own.
          if (has_received && request.interval_ms() == 0) seen.RemoveFrom(message);
          has_received = true;
          absl::Status status = receive(*message);
          seen.Add(*message);
          if (!message->resume_token().empty()) request.set_resume_token(message->resume_token());
          return status;
        },
        &received);
    if (!received.ok()) return received;
    absl::Status status = caller.Explain(ended);
    if (!IsLost(caller, ended) || (WantsState(request) && has_received)) return status;
    status = reconnection.Wait(status);
    if (!status.ok()) return status;
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
