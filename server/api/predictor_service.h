// PredictorService: predictors, their runs and forecasts.
#ifndef TWIN_SERVER_API_PREDICTOR_SERVICE_H_
#define TWIN_SERVER_API_PREDICTOR_SERVICE_H_

#include "server/api/call.h"
#include "twingraph/v1/predictor_service.grpc.pb.h"

namespace twin::api {

// proto/twingraph/v1/predictor_service.proto says what the calls do. Thread-safe.
class PredictorService final : public twingraph::v1::PredictorService::CallbackService {
 public:
  explicit PredictorService(const Services& services) : services_(services) {}

  using Context = grpc::CallbackServerContext;

  grpc::ServerUnaryReactor* RegisterPredictor(
      Context* context, const twingraph::v1::RegisterPredictorRequest* request,
      twingraph::v1::PredictorInfo* response) override;
  grpc::ServerUnaryReactor* ListPredictors(
      Context* context, const twingraph::v1::ListPredictorsRequest* request,
      twingraph::v1::ListPredictorsResponse* response) override;
  grpc::ServerUnaryReactor* GetPredictor(Context* context,
                                         const twingraph::v1::GetPredictorRequest* request,
                                         twingraph::v1::PredictorInfo* response) override;
  grpc::ServerUnaryReactor* PausePredictor(Context* context,
                                           const twingraph::v1::PausePredictorRequest* request,
                                           twingraph::v1::PredictorInfo* response) override;
  grpc::ServerUnaryReactor* ResumePredictor(Context* context,
                                            const twingraph::v1::ResumePredictorRequest* request,
                                            twingraph::v1::PredictorInfo* response) override;
  grpc::ServerUnaryReactor* DeletePredictor(
      Context* context, const twingraph::v1::DeletePredictorRequest* request,
      twingraph::v1::DeletePredictorResponse* response) override;
  grpc::ServerUnaryReactor* RunNow(Context* context, const twingraph::v1::RunNowRequest* request,
                                   twingraph::v1::PredictorRun* response) override;
  grpc::ServerUnaryReactor* ListRuns(Context* context,
                                     const twingraph::v1::ListRunsRequest* request,
                                     twingraph::v1::ListRunsResponse* response) override;
  grpc::ServerUnaryReactor* ListForecasts(Context* context,
                                          const twingraph::v1::ListForecastsRequest* request,
                                          twingraph::v1::ListForecastsResponse* response) override;

 private:
  const Services& services_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_PREDICTOR_SERVICE_H_
