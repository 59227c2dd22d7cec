#include "server/api/predictor_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/api/convert.h"
#include "server/api/predictor_convert.h"
#include "server/base/status_macros.h"
#include "server/predict/predictors.h"

namespace twin::api {
namespace {

constexpr int kRunsDefault = 20;
constexpr int kForecastsDefault = 100;
constexpr int kListMax = 10'000;

absl::StatusOr<int> LimitOf(int32_t asked, int standard) {
  return CountOf("limit", asked, standard, kListMax);
}

// Of a message: 2 MiB with what else it has.
constexpr size_t kPageBytesMax = (size_t{2} << 20) - (size_t{8} << 10);
constexpr size_t kItemBytes = 8;  // of an item in a list, beside its own

// Where a list goes on behind the item that the token names.
template <typename Item, typename KeyOf>
absl::StatusOr<size_t> PlaceAfter(const std::vector<Item>& items, const std::string& token,
                                  KeyOf key_of) {
  if (token.empty()) return 0;
  const auto found = std::find_if(items.begin(), items.end(),
                                  [&](const Item& item) { return key_of(item) == token; });
  if (found != items.end()) return static_cast<size_t>(found - items.begin()) + 1;
  return absl::InvalidArgumentError(
      "page_token: what it names is not in the list any more; list again from the start");
}

// As many items as a message takes, and where the next one goes on.
template <typename Item, typename KeyOf, typename Message>
absl::Status FillPage(const std::vector<Item>& items, const std::string& token, KeyOf key_of,
                      google::protobuf::RepeatedPtrField<Message>* page, std::string* next_token) {
  TWIN_ASSIGN_OR_RETURN(const size_t first, PlaceAfter(items, token, key_of));
  size_t bytes = 0;
  for (size_t i = first; i < items.size(); ++i) {
    Message* const message = page->Add();
    ToProto(items[i], message);
    bytes += message->ByteSizeLong() + kItemBytes;
    if (bytes <= kPageBytesMax || i == first) continue;
    page->RemoveLast();
    *next_token = key_of(items[i - 1]);
    break;
  }
  return absl::OkStatus();
}

std::string KeyOfForecast(const predict::Forecast& forecast) {
  return absl::StrCat(forecast.made.ns, "/", forecast.predictor, "/", forecast.path);
}

absl::Status Fill(const absl::StatusOr<predict::Info>& info, pb::PredictorInfo* response) {
  if (info.ok()) ToProto(*info, response);
  return info.status();
}

}  // namespace

grpc::ServerUnaryReactor* PredictorService::RegisterPredictor(
    Context* context, const pb::RegisterPredictorRequest* request, pb::PredictorInfo* response) {
  const UnaryCall call(context, services_, "PredictorService/RegisterPredictor");
  return AnswerLater(call, [this, request, response] {
    return Fill(services_.predictors->Register(
                    FromProto(request->spec()),
                    {.replace = request->replace(), .validate_only = request->validate_only()}),
                response);
  });
}

grpc::ServerUnaryReactor* PredictorService::ListPredictors(Context* context,
                                                           const pb::ListPredictorsRequest* request,
                                                           pb::ListPredictorsResponse* response) {
  const UnaryCall call(context, services_, "PredictorService/ListPredictors");
  return call.Answer(FillPage(
      services_.predictors->List(), request->page_token(),
      [](const predict::Info& info) { return info.registration.spec.name; },
      response->mutable_predictors(), response->mutable_next_page_token()));
}

grpc::ServerUnaryReactor* PredictorService::GetPredictor(Context* context,
                                                         const pb::GetPredictorRequest* request,
                                                         pb::PredictorInfo* response) {
  const UnaryCall call(context, services_, "PredictorService/GetPredictor");
  return call.Answer(Fill(services_.predictors->Get(request->name()), response));
}

grpc::ServerUnaryReactor* PredictorService::PausePredictor(Context* context,
                                                           const pb::PausePredictorRequest* request,
                                                           pb::PredictorInfo* response) {
  const UnaryCall call(context, services_, "PredictorService/PausePredictor");
  return AnswerLater(call, [this, request, response] {
    return Fill(services_.predictors->Pause(request->name()), response);
  });
}

grpc::ServerUnaryReactor* PredictorService::ResumePredictor(
    Context* context, const pb::ResumePredictorRequest* request, pb::PredictorInfo* response) {
  const UnaryCall call(context, services_, "PredictorService/ResumePredictor");
  return AnswerLater(call, [this, request, response] {
    return Fill(services_.predictors->Resume(request->name()), response);
  });
}

grpc::ServerUnaryReactor* PredictorService::DeletePredictor(
    Context* context, const pb::DeletePredictorRequest* request,
    pb::DeletePredictorResponse* /*response*/) {
  const UnaryCall call(context, services_, "PredictorService/DeletePredictor");
  return AnswerLater(call, [this, request] {
    return services_.predictors->Delete(request->name(), request->mark_stale());
  });
}

grpc::ServerUnaryReactor* PredictorService::RunNow(Context* context,
                                                   const pb::RunNowRequest* request,
                                                   pb::PredictorRun* response) {
  const UnaryCall call(context, services_, "PredictorService/RunNow");
  predict::Predictors::RunOptions options;
  options.twins.assign(request->twin_ids().begin(), request->twin_ids().end());
  if (request->has_now_unix_nano()) options.now = Time{request->now_unix_nano()};
  options.no_wait = request->no_wait();
  services_.predictors->RunNow(request->name(), std::move(options),
                               [call, response](const absl::StatusOr<predict::RunRecord>& run) {
                                 if (run.ok()) ToProto(*run, response);
                                 call.Answer(run.status());
                               });
  return call.reactor();
}

grpc::ServerUnaryReactor* PredictorService::ListRuns(Context* context,
                                                     const pb::ListRunsRequest* request,
                                                     pb::ListRunsResponse* response) {
  const UnaryCall call(context, services_, "PredictorService/ListRuns");
  return AnswerLater(call, [this, request, response]() -> absl::Status {
    TWIN_ASSIGN_OR_RETURN(const size_t limit, LimitOf(request->limit(), kRunsDefault));
    TWIN_ASSIGN_OR_RETURN(const std::vector<predict::RunRecord> runs,
                          services_.predictors->ListRuns(request->name(), limit));
    return FillPage(
        runs, request->page_token(), [](const predict::RunRecord& run) { return run.id(); },
        response->mutable_runs(), response->mutable_next_page_token());
  });
}

grpc::ServerUnaryReactor* PredictorService::ListForecasts(Context* context,
                                                          const pb::ListForecastsRequest* request,
                                                          pb::ListForecastsResponse* response) {
  const UnaryCall call(context, services_, "PredictorService/ListForecasts");
  if (request->twin_id().empty()) {
    return call.Answer(absl::InvalidArgumentError("twin_id: it is missing"));
  }
  return AnswerLater(call, [this, request, response]() -> absl::Status {
    TWIN_ASSIGN_OR_RETURN(const size_t limit, LimitOf(request->limit(), kForecastsDefault));
    TWIN_ASSIGN_OR_RETURN(const std::vector<predict::Forecast> forecasts,
                          services_.predictors->ListForecasts(request->twin_id(), request->path(),
                                                              request->name(), limit));
    return FillPage(forecasts, request->page_token(), KeyOfForecast, response->mutable_forecasts(),
                    response->mutable_next_page_token());
  });
}

}  // namespace twin::api
