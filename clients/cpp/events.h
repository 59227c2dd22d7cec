// Changes as they happen, with resuming: a connection that is lost is made again where it ended.
//
//   EventClient events(client.get());
//   twingraph::v1::SubscribeRequest request;
//   request.mutable_filter()->set_condition("new.temperature > 45");
//   absl::Status status = events.Subscribe(request, {}, [](const SubscribeResponse& message) {
//     for (const Event& event : message.events()) Handle(event);
//     Store(message.resume_token());
//     return absl::OkStatus();
//   });
#ifndef TWIN_CLIENTS_CPP_EVENTS_H_
#define TWIN_CLIENTS_CPP_EVENTS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/client.h"
#include "twingraph/v1/event_service.pb.h"

namespace twin::client {

struct EventOptions {
  // For so long without a server a subscription that stood is tried again; zero: not at all.
  std::chrono::milliseconds reconnect_time_max = std::chrono::minutes(1);
  // Hears of each connection that is lost, and why. May be empty.
  std::function<void(const absl::Status&)> on_lost = {};
};

struct ConsumeOptions {
  std::string subscription;
  std::string consumer = {};  // empty: a name of its own
  // Events that may be on their way, or with `receive`, or not acknowledged.
  uint32_t credit_events = 1'000;
  // Ends behind so many events, and what belongs to the transaction of the last; 0: never.
  uint64_t events_max = 0;
  bool without_old_values = false;
  EventOptions connection = {};
};

// Where the changes are gone that a call asked for (OUT_OF_RANGE): the token behind which the
// oldest are that the server still has. Empty: it failed for another reason.
std::string OldestTokenOf(const absl::Status& status);

// EventService's calls, over the connection of a client, which must outlive it. Thread-safe.
class EventClient {
 public:
  explicit EventClient(Client* client) : client_(*client) {}

  // Calls `receive` with each message, until it fails: that ends the call, with its status. After a
  // lost connection it goes on behind the last message with a token; events that `receive` has had
  // are not given again, and no other is left out. A starting state that was cut off cannot go on:
  // that is UNAVAILABLE. Also ends with CANCELLED, and with what the server refuses: OUT_OF_RANGE:
  // the changes since are gone.
  absl::Status Subscribe(
      twingraph::v1::SubscribeRequest request, const EventOptions& options,
      absl::FunctionRef<absl::Status(const twingraph::v1::SubscribeResponse&)> receive);

  // A standing query: calls `receive` with each message, until it fails. After a lost connection it
  // asks again: a message with `reset` begins the whole result anew.
  absl::Status WatchQuery(
      const twingraph::v1::WatchQueryRequest& request, const EventOptions& options,
      absl::FunctionRef<absl::Status(const twingraph::v1::WatchQueryResponse&)> receive);
  // Named subscriptions.
  absl::StatusOr<twingraph::v1::Subscription> CreateSubscription(
      const twingraph::v1::CreateSubscriptionRequest& request);
  absl::StatusOr<twingraph::v1::Subscription> GetSubscription(
      const twingraph::v1::GetSubscriptionRequest& request);
  absl::StatusOr<twingraph::v1::ListSubscriptionsResponse> ListSubscriptions(
      const twingraph::v1::ListSubscriptionsRequest& request);
  absl::Status DeleteSubscription(const twingraph::v1::DeleteSubscriptionRequest& request);
  absl::StatusOr<twingraph::v1::Subscription> SeekSubscription(
      const twingraph::v1::SeekSubscriptionRequest& request);
  absl::StatusOr<twingraph::v1::Subscription> Acknowledge(
      const twingraph::v1::AcknowledgeRequest& request);

  // Takes part in working off a named subscription: calls `receive` with each message that has
  // events, and acknowledges it when that returns OK. What `receive` fails with ends the call; its
  // message is not acknowledged, and the ones before it are. A lost connection is made again, also
  // after a seek; events that `receive` has had in this call are not given to it again, unless the
  // subscription went back. OK: events_max. UNAVAILABLE, when there were so many already: the
  // connection was lost before the last of them were stored, and they come again to who consumes
  // next. CANCELLED: what was acknowledged is stored.
  // OUT_OF_RANGE: the changes since are gone. FAILED_PRECONDITION: another consumer of the same
  // name has begun.
  absl::Status Consume(
      const ConsumeOptions& options,
      absl::FunctionRef<absl::Status(const twingraph::v1::StreamEventsResponse&)> receive);

 private:
  Client& client_;
};

}  // namespace twin::client

#endif  // TWIN_CLIENTS_CPP_EVENTS_H_
