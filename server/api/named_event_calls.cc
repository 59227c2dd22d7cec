// EventService's calls for named subscriptions, and the stream of a consumer.
#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "server/api/event_convert.h"
#include "server/api/event_service.h"
#include "server/base/status_macros.h"
#include "server/base/sync.h"
#include "server/events/named_subscriptions.h"
#include "server/events/token.h"

namespace twin::api {
namespace {

namespace pb = ::twingraph::v1;
constexpr uint32_t kSubscriptions = 100;
constexpr uint32_t kSubscriptionsMax = 1'000;
constexpr size_t kListBytes = 1 << 20;  // then a page ends

// A consumer's stream: reads go on while writes do, one message each at a time. No read may start
// once the stream is finished, which the consumer's end does whenever it comes.
class ConsumerStream final
    : public grpc::ServerBidiReactor<pb::StreamEventsRequest, pb::StreamEventsResponse>,
      public events::ConsumerSink {
 public:
  ConsumerStream(const Services& services, WorkPool* named, const std::atomic<bool>* stopping)
      : engine_(*services.engine), named_(*named), stopping_(*stopping) {
    StartRead(&request_);
  }

  // --- events::ConsumerSink ---
  void Send(events::ConsumerMessage message) override {
    ToProto(message, form_, &response_);
    StartWrite(&response_);
  }
  void End(const absl::Status& status) override {
    {
      const MutexLock lock(&mutex_);
      end_ = EndOf(status, engine_.feed());
    }
    FinishIfEnded();
  }

  // --- gRPC ---
  void OnReadDone(bool ok) override {
    {
      const MutexLock lock(&mutex_);
      ++reading_;
    }
    if (consumer_ != nullptr || !ok) return Handle(ok);
    // It may read the store and the journal: not on gRPC's thread.
    if (named_.Submit([this] { Handle(/*ok=*/true); })) return;
    End(absl::ResourceExhaustedError(
        "too many consumers wait to join (work_waiting_max); try again later"));
    DoneReading();
  }
  void OnWriteDone(bool ok) override {
    const std::shared_ptr<events::Consumer> consumer = consumer_;
    if (!ok) consumer->Cancel(absl::CancelledError("the client is gone"));
    consumer->Sent();
  }
  void OnDone() override { delete this; }

 private:
  void Handle(bool ok) {
    if (HandleRead(ok)) StartRead(&request_);
    DoneReading();
  }
  void DoneReading() {
    {
      const MutexLock lock(&mutex_);
      --reading_;
    }
    FinishIfEnded();
  }

  // False: that was the last one.
  bool HandleRead(bool ok) {
    if (consumer_ == nullptr) {
      const absl::Status status = ok ? Begin() : absl::OkStatus();
      if (consumer_ == nullptr) {
        End(status);
        return false;
      }
    }
    if (!ok) {
      consumer_->Close();
      return false;
    }
    const absl::Status status =
        consumer_->Update(request_.credit_events(), request_.acknowledged_delivery());
    if (!status.ok()) consumer_->Cancel(status);
    const MutexLock lock(&mutex_);
    return status.ok() && !end_.has_value();
  }

  absl::Status Begin() {
    form_.old_values = !request_.without_old_values();
    TWIN_ASSIGN_OR_RETURN(consumer_, engine_.subscriptions().Consume(request_.subscription(),
                                                                     request_.consumer(), this));
    // One that came meanwhile is not forgotten.
    if (stopping_) consumer_->Cancel(absl::UnavailableError("the server is stopping"));
    return absl::OkStatus();
  }

  void FinishIfEnded() {
    grpc::Status end;
    {
      const MutexLock lock(&mutex_);
      if (!end_.has_value() || reading_ > 0 || is_finished_) return;
      is_finished_ = true;
      end = *end_;
    }
    Finish(end);
  }

  engine::Engine& engine_;
  WorkPool& named_;
  const std::atomic<bool>& stopping_;
  EventForm form_;
  std::shared_ptr<events::Consumer> consumer_;  // set by the first read, before any write
  pb::StreamEventsRequest request_;
  pb::StreamEventsResponse response_;

  Mutex mutex_;
  int reading_ ABSL_GUARDED_BY(mutex_) = 0;  // handlers of reads that run
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
};

template <typename Message>
absl::Status FillWith(const absl::StatusOr<events::NamedInfo>& info, Message* message) {
  if (info.ok()) ToProto(*info, message);
  return info.status();
}

}  // namespace

grpc::ServerUnaryReactor* EventService::CreateSubscription(
    Context* context, const pb::CreateSubscriptionRequest* request, pb::Subscription* response) {
  const UnaryCall call(context, services_, "EventService/CreateSubscription");
  return AnswerLater(call, PoolFor(*request), [this, request, response]() -> absl::Status {
    events::NamedSpec spec;
    spec.name = request->name();
    TWIN_ASSIGN_OR_RETURN(spec.filter, ToFilter(request->filter()));
    TWIN_ASSIGN_OR_RETURN(const events::Place start, ToPlace(*request));
    return FillWith(services_.engine->subscriptions().Create(std::move(spec), start), response);
  });
}

grpc::ServerUnaryReactor* EventService::GetSubscription(Context* context,
                                                        const pb::GetSubscriptionRequest* request,
                                                        pb::Subscription* response) {
  const UnaryCall call(context, services_, "EventService/GetSubscription");
  return AnswerLater(call, &named_, [this, request, response] {
    return FillWith(services_.engine->subscriptions().Get(request->name()), response);
  });
}

grpc::ServerUnaryReactor* EventService::ListSubscriptions(
    Context* context, const pb::ListSubscriptionsRequest* request,
    pb::ListSubscriptionsResponse* response) {
  const UnaryCall call(context, services_, "EventService/ListSubscriptions");
  return AnswerLater(call, [this, request, response] {
    const uint32_t size = request->page_size() == 0 ? kSubscriptions : request->page_size();
    const size_t count = std::min(size, kSubscriptionsMax);
    std::vector<events::NamedInfo> infos =
        services_.engine->subscriptions().List(request->page_token(), count + 1);
    const bool is_all = infos.size() <= count;
    if (!is_all) infos.pop_back();
    size_t bytes = 0;
    for (size_t i = 0; i < infos.size(); ++i) {
      pb::Subscription* const each = response->add_subscriptions();
      ToProto(infos[i], each);
      bytes += each->ByteSizeLong();
      const bool is_last = i + 1 == infos.size();
      if (is_last ? is_all : bytes < kListBytes) continue;
      response->set_next_page_token(infos[i].spec.name);
      break;
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* EventService::DeleteSubscription(
    Context* context, const pb::DeleteSubscriptionRequest* request,
    pb::DeleteSubscriptionResponse* /*response*/) {
  const UnaryCall call(context, services_, "EventService/DeleteSubscription");
  return AnswerLater(call, &named_, [this, request] {
    return services_.engine->subscriptions().Delete(request->name());
  });
}

grpc::ServerUnaryReactor* EventService::SeekSubscription(Context* context,
                                                         const pb::SeekSubscriptionRequest* request,
                                                         pb::Subscription* response) {
  const UnaryCall call(context, services_, "EventService/SeekSubscription");
  return AnswerLater(call, PoolFor(*request), [this, request, response]() -> absl::Status {
    TWIN_ASSIGN_OR_RETURN(const events::Place to, ToPlace(*request));
    return FillWith(services_.engine->subscriptions().Seek(request->name(), to), response);
  });
}

grpc::ServerUnaryReactor* EventService::Acknowledge(Context* context,
                                                    const pb::AcknowledgeRequest* request,
                                                    pb::Subscription* response) {
  const UnaryCall call(context, services_, "EventService/Acknowledge");
  return AnswerLater(call, &named_, [this, request, response]() -> absl::Status {
    TWIN_ASSIGN_OR_RETURN(const Sequence through, events::ParseToken(request->resume_token()));
    return FillWith(services_.engine->subscriptions().Acknowledge(request->name(), through),
                    response);
  });
}

grpc::ServerBidiReactor<pb::StreamEventsRequest, pb::StreamEventsResponse>*
EventService::StreamEvents(Context* /*context*/) {
  return new ConsumerStream(services_, &named_, &stopping_);
}

}  // namespace twin::api
