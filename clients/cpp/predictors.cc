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

// A list as one response, whatever messages it comes in.
template <typename Response, typename Request, typename Call>
absl::StatusOr<Response> AllPages(Request request, Call call) {
  Response all;
  do {
    absl::StatusOr<Response> page = call(request);
    if (!page.ok()) return page.status();
    request.set_page_token(page->next_page_token());
    page->clear_next_page_token();
    all.MergeFrom(*page);
  } while (!request.page_token().empty());
  return all;
}

}  // namespace

#define TWIN_PREDICTOR_CALL(Name, Method, Request, Response, options)                  \
  absl::StatusOr<v1::Response> PredictorClient::Name(const v1::Request& request) {     \
    return client_.stubs_->caller.Call<PredictorStub, v1::Request, v1::Response>(      \
        client_.stubs_->predictors.get(), &PredictorStub::Method, request, (options)); \
  }

TWIN_PREDICTOR_CALL(Register, RegisterPredictor, RegisterPredictorRequest, PredictorInfo,
                    kChangePredictors)
TWIN_PREDICTOR_CALL(Get, GetPredictor, GetPredictorRequest, PredictorInfo, kReadPredictors)
TWIN_PREDICTOR_CALL(Pause, PausePredictor, PausePredictorRequest, PredictorInfo, kReadPredictors)
TWIN_PREDICTOR_CALL(Resume, ResumePredictor, ResumePredictorRequest, PredictorInfo, kReadPredictors)
TWIN_PREDICTOR_CALL(Delete, DeletePredictor, DeletePredictorRequest, DeletePredictorResponse,
                    kChangePredictors)
TWIN_PREDICTOR_CALL(RunNow, RunNow, RunNowRequest, PredictorRun, kRunPredictor)

#undef TWIN_PREDICTOR_CALL

#define TWIN_PREDICTOR_LIST(Name, Method)                                                          \
  absl::StatusOr<v1::Method##Response> PredictorClient::Name(const v1::Method##Request& request) { \
    return AllPages<v1::Method##Response>(request, [this](const auto& page) {                      \
      return client_.stubs_->caller                                                                \
          .Call<PredictorStub, v1::Method##Request, v1::Method##Response>(                         \
              client_.stubs_->predictors.get(), &PredictorStub::Method, page, kReadPredictors);    \
    });                                                                                            \
  }

TWIN_PREDICTOR_LIST(List, ListPredictors)
TWIN_PREDICTOR_LIST(ListRuns, ListRuns)
TWIN_PREDICTOR_LIST(ListForecasts, ListForecasts)

#undef TWIN_PREDICTOR_LIST

}  // namespace twin::client
