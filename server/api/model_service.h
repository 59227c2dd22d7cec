// ModelService: models, their validation and differences.
#ifndef TWIN_SERVER_API_MODEL_SERVICE_H_
#define TWIN_SERVER_API_MODEL_SERVICE_H_

#include "server/api/call.h"
#include "twingraph/v1/model_service.grpc.pb.h"

namespace twin::api {

// proto/twingraph/v1/model_service.proto says what the calls do. Thread-safe.
class ModelService final : public twingraph::v1::ModelService::CallbackService {
 public:
  explicit ModelService(const Services& services) : services_(services) {}

  grpc::ServerUnaryReactor* CreateModels(grpc::CallbackServerContext* context,
                                         const twingraph::v1::CreateModelsRequest* request,
                                         twingraph::v1::CreateModelsResponse* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const twingraph::v1::GetModelRequest* request,
                                     twingraph::v1::Model* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const twingraph::v1::ListModelsRequest* request,
                                       twingraph::v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* DecommissionModel(
      grpc::CallbackServerContext* context, const twingraph::v1::DecommissionModelRequest* request,
      twingraph::v1::DecommissionModelResponse* response) override;
  grpc::ServerUnaryReactor* DeleteModel(grpc::CallbackServerContext* context,
                                        const twingraph::v1::DeleteModelRequest* request,
                                        twingraph::v1::DeleteModelResponse* response) override;
  grpc::ServerUnaryReactor* ValidateModels(
      grpc::CallbackServerContext* context, const twingraph::v1::ValidateModelsRequest* request,
      twingraph::v1::ValidateModelsResponse* response) override;
  grpc::ServerUnaryReactor* DiffModels(grpc::CallbackServerContext* context,
                                       const twingraph::v1::DiffModelsRequest* request,
                                       twingraph::v1::DiffModelsResponse* response) override;

 private:
  const Services& services_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_MODEL_SERVICE_H_
