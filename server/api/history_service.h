// HistoryService: recorded samples, read and written as streams.
#ifndef TWIN_SERVER_API_HISTORY_SERVICE_H_
#define TWIN_SERVER_API_HISTORY_SERVICE_H_

#include "server/api/call.h"
#include "twingraph/v1/history_service.grpc.pb.h"

namespace twin::api {

// proto/twingraph/v1/history_service.proto says what the calls do. Thread-safe.
class HistoryService final : public twingraph::v1::HistoryService::CallbackService {
 public:
  explicit HistoryService(const Services& services) : services_(services) {}

  using Context = grpc::CallbackServerContext;

  grpc::ServerWriteReactor<twingraph::v1::ExportHistoryResponse>* Export(
      Context* context, const twingraph::v1::ExportHistoryRequest* request) override;
  grpc::ServerReadReactor<twingraph::v1::ImportHistoryRequest>* Import(
      Context* context, twingraph::v1::ImportHistoryResponse* response) override;

 private:
  const Services& services_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_HISTORY_SERVICE_H_
