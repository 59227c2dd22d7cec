// Predictors as messages, both ways. Internal to server/api.
#ifndef TWIN_SERVER_API_PREDICTOR_CONVERT_H_
#define TWIN_SERVER_API_PREDICTOR_CONVERT_H_

#include "absl/status/statusor.h"
#include "server/predict/forecasts.h"
#include "server/predict/registration.h"
#include "twingraph/v1/predictor.pb.h"
#include "twingraph/v1/predictor_service.pb.h"

namespace twin::api {

// --- What clients say and are told ---
predict::Spec FromProto(const twingraph::v1::PredictorSpec& message);
void ToProto(const predict::Info& info, twingraph::v1::PredictorInfo* message);
void ToProto(const predict::RunRecord& run, twingraph::v1::PredictorRun* message);
void ToProto(const predict::Forecast& forecast, twingraph::v1::Forecast* message);

// --- What services are asked and say ---
predict::Description FromProto(const twingraph::v1::PredictorDescription& message);
void ToProto(const predict::Description& description, twingraph::v1::PredictorDescription* message);
void ToProto(const predict::Request& request, const predict::Description& description,
             twingraph::v1::PredictRequest* message);
// As it came: an unknown status is ERROR, all else is for predict::CheckAnswer.
predict::Answer FromProto(const twingraph::v1::PredictResponse& message);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_PREDICTOR_CONVERT_H_
