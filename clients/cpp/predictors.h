// Predictors: what estimates values that nothing measures.
#ifndef TWIN_CLIENTS_CPP_PREDICTORS_H_
#define TWIN_CLIENTS_CPP_PREDICTORS_H_

#include "absl/status/statusor.h"
#include "clients/cpp/client.h"
#include "twingraph/v1/predictor_service.pb.h"

namespace twin::client {

// PredictorService's calls, over the connection of a client, which must outlive it. Lists come
// whole, whatever pages the server sends them in. Thread-safe.
class PredictorClient {
 public:
  explicit PredictorClient(Client* client) : client_(*client) {}

  absl::StatusOr<twingraph::v1::PredictorInfo> Register(
      const twingraph::v1::RegisterPredictorRequest& request);
  absl::StatusOr<twingraph::v1::ListPredictorsResponse> List(
      const twingraph::v1::ListPredictorsRequest& request);
  absl::StatusOr<twingraph::v1::PredictorInfo> Get(
      const twingraph::v1::GetPredictorRequest& request);
  absl::StatusOr<twingraph::v1::PredictorInfo> Pause(
      const twingraph::v1::PausePredictorRequest& request);
  absl::StatusOr<twingraph::v1::PredictorInfo> Resume(
      const twingraph::v1::ResumePredictorRequest& request);
  absl::StatusOr<twingraph::v1::DeletePredictorResponse> Delete(
      const twingraph::v1::DeletePredictorRequest& request);
  // Has the deadline of long calls.
  absl::StatusOr<twingraph::v1::PredictorRun> RunNow(const twingraph::v1::RunNowRequest& request);
  absl::StatusOr<twingraph::v1::ListRunsResponse> ListRuns(
      const twingraph::v1::ListRunsRequest& request);
  absl::StatusOr<twingraph::v1::ListForecastsResponse> ListForecasts(
      const twingraph::v1::ListForecastsRequest& request);

 private:
  Client& client_;
};

}  // namespace twin::client

#endif  // TWIN_CLIENTS_CPP_PREDICTORS_H_
