// The calls of EventService.WatchQuery. Internal to server/api.
#ifndef TWIN_SERVER_API_WATCH_QUERY_H_
#define TWIN_SERVER_API_WATCH_QUERY_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "server/api/call.h"
#include "server/base/sync.h"
#include "twingraph/v1/event_service.pb.h"

namespace twin::api {

class WatchQueryCall;

// Those that stand. Thread-safe.
class WatchQueries {
 public:
  explicit WatchQueries(const Services& services) : services_(services) {}

  grpc::ServerWriteReactor<twingraph::v1::WatchQueryResponse>* Watch(
      grpc::CallbackServerContext* context, const twingraph::v1::WatchQueryRequest* request)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends all with UNAVAILABLE and refuses new ones.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);
  size_t size() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class WatchQueryCall;
  // RESOURCE_EXHAUSTED: there are watch_queries_max; UNAVAILABLE: stopping.
  absl::Status Add(WatchQueryCall* call) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(WatchQueryCall* call) ABSL_LOCKS_EXCLUDED(mutex_);

  const Services& services_;
  mutable Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<WatchQueryCall*> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_WATCH_QUERY_H_
