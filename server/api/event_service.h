// EventService: changes as they happen, named subscriptions, standing queries.
#ifndef TWIN_SERVER_API_EVENT_SERVICE_H_
#define TWIN_SERVER_API_EVENT_SERVICE_H_

#include <atomic>

#include "server/api/call.h"
#include "server/api/watch_query.h"
#include "server/api/work_pool.h"
#include "twingraph/v1/event_service.grpc.pb.h"

namespace twin::api {

// Subscribe sends bytes, which subscribers share; the others messages.
namespace event_calls {
using Of = twingraph::v1::EventService;
using Named = Of::WithCallbackMethod_CreateSubscription<Of::WithCallbackMethod_GetSubscription<
    Of::WithCallbackMethod_ListSubscriptions<Of::WithCallbackMethod_DeleteSubscription<
        Of::WithCallbackMethod_SeekSubscription<Of::WithCallbackMethod_Acknowledge<
            Of::WithCallbackMethod_StreamEvents<Of::Service>>>>>>>;
using All = Of::WithRawCallbackMethod_Subscribe<Of::WithCallbackMethod_WatchQuery<Named>>;
}  // namespace event_calls

// proto/twingraph/v1/event_service.proto says what the calls do. Thread-safe.
class EventService final : public event_calls::All {
 public:
  explicit EventService(const Services& services)
      : services_(services), named_("named", kNamedThreads), watches_(services) {}

  using Context = grpc::CallbackServerContext;

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Subscribe(Context* context,
                                                        const grpc::ByteBuffer* request) override;

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
  static constexpr int kNamedThreads = 2;

  // For a call that moves a subscription to a place: one of a time is looked for in the journal.
  template <typename Request>
  WorkPool* PoolFor(const Request& request) {
    return request.has_from_unix_nano() ? services_.pool : &named_;
  }

  const Services& services_;
  std::atomic<bool> stopping_ = false;
  // Of consumers that join and calls about one subscription, which read and write little: exports
  // may keep the other pool's threads for minutes. What reads more of the journal is done there.
  WorkPool named_;
  WatchQueries watches_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_EVENT_SERVICE_H_
