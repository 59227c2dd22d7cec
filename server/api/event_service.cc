#include "server/api/event_service.h"

#include <memory>
#include <utility>

#include "server/api/convert.h"
#include "server/api/event_convert.h"

namespace twin::api {
namespace {

// A subscription's stream: one message at a time, the next one when gRPC has taken the former.
class EventStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>, public events::Sink {
 public:
  explicit EventStream(events::Feed* feed) : feed_(*feed) {}

  void Begin(const grpc::ByteBuffer& bytes) {
    absl::StatusOr<events::SubscribeOptions> options = ReadRequest(bytes);
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
    bytes_ = ToBytes(message, form_);
    StartWrite(&bytes_);
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
  absl::StatusOr<events::SubscribeOptions> ReadRequest(grpc::ByteBuffer bytes) {
    pb::SubscribeRequest request;
    if (!grpc::SerializationTraits<pb::SubscribeRequest>::Deserialize(&bytes, &request).ok()) {
      return absl::InvalidArgumentError("the request is no SubscribeRequest");
    }
    form_.old_values = !request.without_old_values();
    form_.tokens = request.event_tokens();
    return ToOptions(request);
  }

  events::Feed& feed_;
  EventForm form_;
  std::shared_ptr<events::Subscription> subscription_;
  grpc::ByteBuffer bytes_;  // that are on their way
};

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* EventService::Subscribe(
    Context* /*context*/, const grpc::ByteBuffer* request) {
  auto* const stream = new EventStream(&services_.engine->feed());
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
