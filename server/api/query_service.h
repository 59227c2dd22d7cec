// QueryService: TQL, answered at once, in pages or as a stream.
#ifndef TWIN_SERVER_API_QUERY_SERVICE_H_
#define TWIN_SERVER_API_QUERY_SERVICE_H_

#include "server/api/call.h"
#include "twingraph/v1/query_service.grpc.pb.h"

namespace twin::api {

// proto/twingraph/v1/query_service.proto says what the calls do. Thread-safe.
class QueryService final : public twingraph::v1::QueryService::CallbackService {
 public:
  explicit QueryService(const Services& services) : services_(services) {}

  using Context = grpc::CallbackServerContext;

  grpc::ServerWriteReactor<twingraph::v1::QueryResponse>* Query(
      Context* context, const twingraph::v1::QueryRequest* request) override;
  grpc::ServerUnaryReactor* Explain(Context* context, const twingraph::v1::QueryRequest* request,
                                    twingraph::v1::ExplainResponse* response) override;

 private:
  const Services& services_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_QUERY_SERVICE_H_
