#ifndef TWIN_SERVER_API_EVENT_SERVICE_H_
#define TWIN_SERVER_API_EVENT_SERVICE_H_

#include <atomic>

#include "server/api/call.h"
#include "server/api/watch_query.h"
#include "server/api/work_pool.h"
#include "twingraph/v1/event_service.grpc.pb.h"

namespace twin::api {

// proto/twingraph/v1/event_service.proto says what the calls do. Thread-safe.
class EventService final : public twingraph::v1::EventService::CallbackService {
 public:
  explicit EventService(const Services& services)
      : services_(services), joins_(kJoinThreads), watches_(services) {}

  using Context = grpc::CallbackServerContext;

  grpc::ServerWriteReactor<twingraph::v1::SubscribeResponse>* Subscribe(
      Context* context, const twingraph::v1::SubscribeRequest* request) override;

  grpc::ServerWriteReactor<twingraph::v1::WatchQueryResponse>* WatchQuery(
      Context* context, const twingraph::v1::WatchQueryRequest* request) override {
    return watches_.Watch(context, request);
  }
  grpc::ServerUnaryReactor* CreateSubscription(
      Context* context, const twingraph::v1::CreateSubscriptionRequest* request,
      twingraph::v1::Subscription* response) override;
  grpc::ServerUnaryReactor* GetSubscription(Context* context,
                                            const twingraph::v1::GetSubscriptionRequest* request,
                                            twingraph::v1::Subscription* response) override;
  grpc::ServerUnaryReactor* ListSubscriptions(
      Context* context, const twingraph::v1::ListSubscriptionsRequest* request,
      twingraph::v1::ListSubscriptionsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteSubscription(
      Context* context, const twingraph::v1::DeleteSubscriptionRequest* request,
      twingraph::v1::DeleteSubscriptionResponse* response) override;
  grpc::ServerUnaryReactor* SeekSubscription(Context* context,
                                             const twingraph::v1::SeekSubscriptionRequest* request,
                                             twingraph::v1::Subscription* response) override;
  grpc::ServerUnaryReactor* Acknowledge(Context* context,
                                        const twingraph::v1::AcknowledgeRequest* request,
                                        twingraph::v1::Subscription* response) override;
  grpc::ServerBidiReactor<twingraph::v1::StreamEventsRequest, twingraph::v1::StreamEventsResponse>*
  StreamEvents(Context* context) override;

  // Ends all subscriptions and refuses new ones, so that the server can stop.
  void Stop();

 private:
  static constexpr int kJoinThreads = 2;

  const Services& services_;
  std::atomic<bool> stopping_ = false;
  WorkPool joins_;  // of consumers: exports may keep the other pool's threads for minutes
  WatchQueries watches_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_EVENT_SERVICE_H_
