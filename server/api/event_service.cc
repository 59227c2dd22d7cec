#include "server/api/event_service.h"

#include <memory>
#include <utility>

#include "server/api/convert.h"
#include "server/api/event_convert.h"

namespace twin::api {
namespace {

// A subscription's stream: one message at a time, the next one when gRPC has taken the former.
class EventStream final : public grpc::ServerWriteReactor<pb::SubscribeResponse>,
                          public events::Sink {
 public:
  EventStream(events::Feed* feed, const EventForm& form) : feed_(*feed), form_(form) {}

  void Begin(const pb::SubscribeRequest& request) {
    absl::StatusOr<events::SubscribeOptions> options = ToOptions(request);
    absl::Status status = options.status();
    if (status.ok()) {
      absl::StatusOr<std::shared_ptr<events::Subscription>> subscription =
          feed_.Subscribe(*std::move(options), this);
      status = subscription.status();
      if (status.ok()) subscription_ = *std::move(subscription);
    }
    if (!status.ok()) return Finish(EndOf(status, feed_));
    // The client knows that it stands, whenever the first message comes.
    StartSendInitialMetadata();
    subscription_->Start();
  }

  // --- events::Sink ---
  void Send(events::Message message) override {
    ToProto(message, form_, &message_);
    StartWrite(&message_);
  }
  void End(const absl::Status& status) override { Finish(EndOf(status, feed_)); }

  // --- gRPC ---
  void OnWriteDone(bool ok) override {
    const std::shared_ptr<events::Subscription> subscription = subscription_;
    if (!ok) subscription->Cancel(absl::CancelledError("the client is gone"));
    subscription->Sent();
  }
  void OnCancel() override {
    const std::shared_ptr<events::Subscription> subscription = subscription_;
    if (subscription != nullptr) {
      subscription->Cancel(absl::CancelledError("the client is gone"));
    }
  }
  void OnDone() override { delete this; }

 private:
  events::Feed& feed_;
  const EventForm form_;
  std::shared_ptr<events::Subscription> subscription_;
  pb::SubscribeResponse message_;
};

}  // namespace

grpc::ServerWriteReactor<pb::SubscribeResponse>* EventService::Subscribe(
    Context* /*context*/, const pb::SubscribeRequest* request) {
  EventForm form;
  form.old_values = !request->without_old_values();
  form.tokens = request->event_tokens();
  auto* const stream = new EventStream(&services_.engine->feed(), form);
  stream->Begin(*request);
  // One that came meanwhile is not forgotten.
  if (stopping_) services_.engine->feed().EndAll();
  return stream;
}

void EventService::Stop() {
  stopping_ = true;
  watches_.Stop();
  services_.engine->subscriptions().EndAll();
  services_.engine->feed().EndAll();
}

}  // namespace twin::api
