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
#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "clients/cpp/client.h"
#include "twingraph/v1/event_service.pb.h"

namespace twin::client {

struct EventOptions {
  // For so long without a server a subscription that stood is tried again; zero: not at all.
  std::chrono::milliseconds reconnect_time_max = std::chrono::minutes(1);
  // Hears of each connection that is lost, and why. May be empty.
  std::function<void(const absl::Status&)> on_lost = {};
};

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

 private:
  Client& client_;
};

}  // namespace twin::client

#endif  // TWIN_CLIENTS_CPP_EVENTS_H_
