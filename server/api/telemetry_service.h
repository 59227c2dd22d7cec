// TelemetryService: layouts, publishing, the stream of frames and samples.
#ifndef TWIN_SERVER_API_TELEMETRY_SERVICE_H_
#define TWIN_SERVER_API_TELEMETRY_SERVICE_H_

#include "server/api/call.h"
#include "server/api/ingest_stream.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"

namespace twin::api {

// proto/twingraph/v1/telemetry_service.proto says what the calls do. Thread-safe.
class TelemetryService final : public twingraph::v1::TelemetryService::CallbackService {
 public:
  explicit TelemetryService(const Services& services) : services_(services) {}

  using Context = grpc::CallbackServerContext;

  grpc::ServerBidiReactor<twingraph::v1::IngestRequest, twingraph::v1::IngestResponse>* Ingest(
      Context* context) override;
  grpc::ServerUnaryReactor* Publish(Context* context, const twingraph::v1::PublishRequest* request,
                                    twingraph::v1::PublishResponse* response) override;
  grpc::ServerUnaryReactor* RegisterLayout(
      Context* context, const twingraph::v1::RegisterLayoutRequest* request,
      twingraph::v1::RegisterLayoutResponse* response) override;
  grpc::ServerUnaryReactor* ListLayouts(Context* context,
                                        const twingraph::v1::ListLayoutsRequest* request,
                                        twingraph::v1::ListLayoutsResponse* response) override;

 private:
  const Services& services_;
  ProducerStreams producers_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_TELEMETRY_SERVICE_H_
