#include "server/api/predictor_service.h"

#include <utility>

#include "server/api/convert.h"
#include "server/api/predictor_convert.h"
#include "server/base/status_macros.h"
#include "server/predict/predictors.h"

namespace twin::api {
namespace {

constexpr size_t kRunsDefault = 20;
constexpr size_t kForecastsDefault = 100;
constexpr size_t kListMax = 10'000;

size_t LimitOf(int32_t asked, size_t fallback) {
  return asked <= 0 ? fallback : std::min(static_cast<size_t>(asked), kListMax);
}

absl::Status Fill(const absl::StatusOr<predict::Info>& info, pb::PredictorInfo* response) {
  if (info.ok()) ToProto(*info, response);
  return info.status();
}

}  // namespace

grpc::ServerUnaryReactor* PredictorService::RegisterPredictor(
    Context* context, const pb::RegisterPredictorRequest* request, pb::PredictorInfo* response) {
  return AnswerLater(context, services_, [this, request, response] {
    return Fill(services_.predictors->Register(
                    FromProto(request->spec()),
                    {.replace = request->replace(), .validate_only = request->validate_only()}),
                response);
  });
}

grpc::ServerUnaryReactor* PredictorService::ListPredictors(
    Context* context, const pb::ListPredictorsRequest* /*request*/,
    pb::ListPredictorsResponse* response) {
  for (const predict::Info& info : services_.predictors->List()) {
    ToProto(info, response->add_predictors());
  }
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* PredictorService::GetPredictor(Context* context,
                                                         const pb::GetPredictorRequest* request,
                                                         pb::PredictorInfo* response) {
  return Answer(context, Fill(services_.predictors->Get(request->name()), response));
}

grpc::ServerUnaryReactor* PredictorService::PausePredictor(Context* context,
                                                           const pb::PausePredictorRequest* request,
                                                           pb::PredictorInfo* response) {
  return AnswerLater(context, services_, [this, request, response] {
    return Fill(services_.predictors->Pause(request->name()), response);
  });
}

grpc::ServerUnaryReactor* PredictorService::ResumePredictor(
    Context* context, const pb::ResumePredictorRequest* request, pb::PredictorInfo* response) {
  return AnswerLater(context, services_, [this, request, response] {
    return Fill(services_.predictors->Resume(request->name()), response);
  });
}

grpc::ServerUnaryReactor* PredictorService::DeletePredictor(
    Context* context, const pb::DeletePredictorRequest* request,
    pb::DeletePredictorResponse* /*response*/) {
  return AnswerLater(context, services_, [this, request] {
    return services_.predictors->Delete(request->name(), request->mark_stale());
  });
}

grpc::ServerUnaryReactor* PredictorService::RunNow(Context* context,
                                                   const pb::RunNowRequest* request,
                                                   pb::PredictorRun* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  predict::Predictors::RunOptions options;
  options.twins.assign(request->twin_ids().begin(), request->twin_ids().end());
  if (request->has_now_unix_nano()) options.now = Time{request->now_unix_nano()};
  options.no_wait = request->no_wait();
  services_.predictors->RunNow(request->name(), std::move(options),
                               [reactor, response](const absl::StatusOr<predict::RunRecord>& run) {
                                 if (run.ok()) ToProto(*run, response);
                                 reactor->Finish(ToGrpc(run.status()));
                               });
  return reactor;
}

grpc::ServerUnaryReactor* PredictorService::ListRuns(Context* context,
                                                     const pb::ListRunsRequest* request,
                                                     pb::ListRunsResponse* response) {
  return AnswerLater(context, services_, [this, request, response]() -> absl::Status {
    TWIN_ASSIGN_OR_RETURN(
        const std::vector<predict::RunRecord> runs,
        services_.predictors->ListRuns(request->name(), LimitOf(request->limit(), kRunsDefault)));
    for (const predict::RunRecord& run : runs) ToProto(run, response->add_runs());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* PredictorService::ListForecasts(Context* context,
                                                          const pb::ListForecastsRequest* request,
                                                          pb::ListForecastsResponse* response) {
  if (request->twin_id().empty()) {
    return Answer(context, absl::InvalidArgumentError("twin_id: it is missing"));
  }
  return AnswerLater(context, services_, [this, request, response]() -> absl::Status {
    TWIN_ASSIGN_OR_RETURN(
        const std::vector<predict::Forecast> forecasts,
        services_.predictors->ListForecasts(request->twin_id(), request->path(), request->name(),
                                            LimitOf(request->limit(), kForecastsDefault)));
    for (const predict::Forecast& forecast : forecasts) {
      ToProto(forecast, response->add_forecasts());
    }
    return absl::OkStatus();
  });
}

}  // namespace twin::api
