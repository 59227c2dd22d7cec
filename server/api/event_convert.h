// Subscriptions and events as messages. Internal to server/api.
#ifndef TWIN_SERVER_API_EVENT_CONVERT_H_
#define TWIN_SERVER_API_EVENT_CONVERT_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include "absl/status/statusor.h"
#include "server/events/feed.h"
#include "server/events/named_subscriptions.h"
#include "twingraph/v1/event_service.pb.h"

namespace twin::api {

// INVALID_ARGUMENT: an unknown type.
absl::StatusOr<events::FilterSpec> ToFilter(const twingraph::v1::EventFilter& filter);
// INVALID_ARGUMENT: an unknown type, a token that is none.
absl::StatusOr<events::SubscribeOptions> ToOptions(const twingraph::v1::SubscribeRequest& request);
void ToProto(const events::Event& event, bool with_old_values, twingraph::v1::Event* message);
struct EventForm {
  bool old_values = true;
  bool tokens = false;  // of each event
};
// The bytes of a SubscribeResponse. What several subscribers are sent is encoded once.
grpc::ByteBuffer ToBytes(const events::Message& from, const EventForm& form);

void ToProto(const events::ConsumerMessage& from, const EventForm& form,
             twingraph::v1::StreamEventsResponse* message);
void ToProto(const events::NamedInfo& info, twingraph::v1::Subscription* message);
// Where a subscription begins, or goes on. INVALID_ARGUMENT: a token that is none.
absl::StatusOr<events::Place> ToPlace(const twingraph::v1::CreateSubscriptionRequest& request);
absl::StatusOr<events::Place> ToPlace(const twingraph::v1::SeekSubscriptionRequest& request);

// As ToGrpc; OUT_OF_RANGE names the oldest place that is kept.
grpc::Status EndOf(const absl::Status& status, const events::Feed& feed);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_EVENT_CONVERT_H_
