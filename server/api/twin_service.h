// TwinService: twins and relationships, batches, import and export.
#ifndef TWIN_SERVER_API_TWIN_SERVICE_H_
#define TWIN_SERVER_API_TWIN_SERVICE_H_

#include "server/api/call.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::api {

// WriteStream takes bytes, which mostly need no message; the others messages.
namespace twin_calls {
using Of = twingraph::v1::TwinService;
using OfTwins = Of::WithCallbackMethod_CreateTwin<
    Of::WithCallbackMethod_GetTwin<Of::WithCallbackMethod_BatchGetTwins<
        Of::WithCallbackMethod_ListTwins<Of::WithCallbackMethod_UpdateTwin<
            Of::WithCallbackMethod_DeleteTwin<Of::WithCallbackMethod_GetComponent<
                Of::WithCallbackMethod_UpdateComponent<Of::Service>>>>>>>>;
using OfRelationships = Of::WithCallbackMethod_CreateRelationship<
    Of::WithCallbackMethod_GetRelationship<Of::WithCallbackMethod_UpdateRelationship<
        Of::WithCallbackMethod_DeleteRelationship<Of::WithCallbackMethod_ListRelationships<
            Of::WithCallbackMethod_ListIncomingRelationships<OfTwins>>>>>>;
using All = Of::WithRawCallbackMethod_WriteStream<
    Of::WithCallbackMethod_BatchWrite<Of::WithCallbackMethod_MigrateTwins<
        Of::WithCallbackMethod_Import<Of::WithCallbackMethod_Export<OfRelationships>>>>>;
}  // namespace twin_calls

// proto/twingraph/v1/twin_service.proto says what the calls do. Thread-safe.
class TwinService final : public twin_calls::All {
 public:
  explicit TwinService(const Services& services) : services_(services) {}

  using Context = grpc::CallbackServerContext;

  grpc::ServerUnaryReactor* CreateTwin(Context* context,
                                       const twingraph::v1::CreateTwinRequest* request,
                                       twingraph::v1::CreateTwinResponse* response) override;
  grpc::ServerUnaryReactor* GetTwin(Context* context, const twingraph::v1::GetTwinRequest* request,
                                    twingraph::v1::GetTwinResponse* response) override;
  grpc::ServerUnaryReactor* BatchGetTwins(Context* context,
                                          const twingraph::v1::BatchGetTwinsRequest* request,
                                          twingraph::v1::BatchGetTwinsResponse* response) override;
  grpc::ServerUnaryReactor* ListTwins(Context* context,
                                      const twingraph::v1::ListTwinsRequest* request,
                                      twingraph::v1::ListTwinsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateTwin(Context* context,
                                       const twingraph::v1::UpdateTwinRequest* request,
                                       twingraph::v1::UpdateTwinResponse* response) override;
  grpc::ServerUnaryReactor* DeleteTwin(Context* context,
                                       const twingraph::v1::DeleteTwinRequest* request,
                                       twingraph::v1::DeleteTwinResponse* response) override;
  grpc::ServerUnaryReactor* GetComponent(Context* context,
                                         const twingraph::v1::GetComponentRequest* request,
                                         twingraph::v1::GetComponentResponse* response) override;
  grpc::ServerUnaryReactor* UpdateComponent(Context* context,
                                            const twingraph::v1::UpdateComponentRequest* request,
                                            twingraph::v1::UpdateTwinResponse* response) override;

  grpc::ServerUnaryReactor* CreateRelationship(
      Context* context, const twingraph::v1::CreateRelationshipRequest* request,
      twingraph::v1::CreateRelationshipResponse* response) override;
  grpc::ServerUnaryReactor* GetRelationship(
      Context* context, const twingraph::v1::GetRelationshipRequest* request,
      twingraph::v1::GetRelationshipResponse* response) override;
  grpc::ServerUnaryReactor* UpdateRelationship(
      Context* context, const twingraph::v1::UpdateRelationshipRequest* request,
      twingraph::v1::UpdateRelationshipResponse* response) override;
  grpc::ServerUnaryReactor* DeleteRelationship(
      Context* context, const twingraph::v1::DeleteRelationshipRequest* request,
      twingraph::v1::DeleteRelationshipResponse* response) override;
  grpc::ServerUnaryReactor* ListRelationships(
      Context* context, const twingraph::v1::ListRelationshipsRequest* request,
      twingraph::v1::ListRelationshipsResponse* response) override;
  grpc::ServerUnaryReactor* ListIncomingRelationships(
      Context* context, const twingraph::v1::ListRelationshipsRequest* request,
      twingraph::v1::ListRelationshipsResponse* response) override;

  grpc::ServerUnaryReactor* BatchWrite(Context* context,
                                       const twingraph::v1::BatchWriteRequest* request,
                                       twingraph::v1::BatchWriteResponse* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* WriteStream(
      Context* context) override;
  grpc::ServerUnaryReactor* MigrateTwins(Context* context,
                                         const twingraph::v1::MigrateTwinsRequest* request,
                                         twingraph::v1::MigrateTwinsResponse* response) override;
  grpc::ServerBidiReactor<twingraph::v1::ImportRequest, twingraph::v1::ImportProgress>* Import(
      Context* context) override;
  grpc::ServerWriteReactor<twingraph::v1::ExportResponse>* Export(
      Context* context, const twingraph::v1::ExportRequest* request) override;

 private:
  const Services& services_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_TWIN_SERVICE_H_
