#ifndef TWIN_SERVER_API_EVENT_SERVICE_H_
#define TWIN_SERVER_API_EVENT_SERVICE_H_

#include <atomic>

#include "server/api/call.h"
#include "server/api/watch_query.h"
#include "twingraph/v1/event_service.grpc.pb.h"

namespace twin::api {

// proto/twingraph/v1/event_service.proto says what the calls do. Thread-safe.
class EventService final : public twingraph::v1::EventService::CallbackService {
 public:
  explicit EventService(const Services& services) : services_(services), watches_(services) {}

  using Context = grpc::CallbackServerContext;

  grpc::ServerWriteReactor<twingraph::v1::SubscribeResponse>* Subscribe(
      Context* context, const twingraph::v1::SubscribeRequest* request) override;

  grpc::ServerWriteReactor<twingraph::v1::WatchQueryResponse>* WatchQuery(
      Context* context, const twingraph::v1::WatchQueryRequest* request) override {
    return watches_.Watch(context, request);
  }

  // Ends all subscriptions and refuses new ones, so that the server can stop.
  void Stop();

 private:
  const Services& services_;
  std::atomic<bool> stopping_ = false;
  WatchQueries watches_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_EVENT_SERVICE_H_
