#include "clients/cpp/predictors.h"

#include "clients/cpp/call.h"
#include "clients/cpp/stubs.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using PredictorStub = v1::PredictorService::Stub;

constexpr Caller::CallOptions kReadPredictors = {.repeatable = true};
constexpr Caller::CallOptions kChangePredictors = {.repeatable = false};
constexpr Caller::CallOptions kRunPredictor = {.repeatable = false, .is_long = true};

}  // namespace

#define TWIN_PREDICTOR_CALL(Name, Method, Request, Response, options)                  \
  absl::StatusOr<v1::Response> PredictorClient::Name(const v1::Request& request) {     \
    return client_.stubs_->caller.Call<PredictorStub, v1::Request, v1::Response>(      \
        client_.stubs_->predictors.get(), &PredictorStub::Method, request, (options)); \
  }

TWIN_PREDICTOR_CALL(Register, RegisterPredictor, RegisterPredictorRequest, PredictorInfo,
                    kChangePredictors)
TWIN_PREDICTOR_CALL(List, ListPredictors, ListPredictorsRequest, ListPredictorsResponse,
                    kReadPredictors)
TWIN_PREDICTOR_CALL(Get, GetPredictor, GetPredictorRequest, PredictorInfo, kReadPredictors)
TWIN_PREDICTOR_CALL(Pause, PausePredictor, PausePredictorRequest, PredictorInfo, kReadPredictors)
TWIN_PREDICTOR_CALL(Resume, ResumePredictor, ResumePredictorRequest, PredictorInfo, kReadPredictors)
TWIN_PREDICTOR_CALL(Delete, DeletePredictor, DeletePredictorRequest, DeletePredictorResponse,
                    kChangePredictors)
TWIN_PREDICTOR_CALL(RunNow, RunNow, RunNowRequest, PredictorRun, kRunPredictor)
TWIN_PREDICTOR_CALL(ListRuns, ListRuns, ListRunsRequest, ListRunsResponse, kReadPredictors)
TWIN_PREDICTOR_CALL(ListForecasts, ListForecasts, ListForecastsRequest, ListForecastsResponse,
                    kReadPredictors)

#undef TWIN_PREDICTOR_CALL

}  // namespace twin::client
