// What a predictor answered, held against what it was asked: whatever comes out of here is safe to
// write. Internal to server/predict.
#ifndef TWIN_SERVER_PREDICT_CHECK_ANSWER_H_
#define TWIN_SERVER_PREDICT_CHECK_ANSWER_H_

#include "absl/status/status.h"
#include "server/predict/predictor.h"

namespace twin::predict {

// Rows whose estimate cannot be (not finite, outside of its own interval) become ERROR without a
// value; levels, methods and intervals that are missing become the description's. Outputs come in
// the order of the description. DATA_LOSS: it is no answer to that request: another id, an output
// that is missing or there twice, a wrong number of rows, a level that is no share.
absl::Status CheckAnswer(const Description& description, const Request& request, Answer* answer);

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_CHECK_ANSWER_H_
