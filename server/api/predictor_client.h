// Predictor services behind gRPC. Internal to server/api.
#ifndef TWIN_SERVER_API_PREDICTOR_CLIENT_H_
#define TWIN_SERVER_API_PREDICTOR_CLIENT_H_

#include <memory>
#include <string>

#include "server/predict/host.h"

namespace twin::api {

// Connects when it is asked, and again when a service has come back; waits for nobody longer than
// for a call's deadline. Thread-safe.
class PredictorConnector : public predict::Connector {
 public:
  absl::StatusOr<std::shared_ptr<predict::Predictor>> Connect(
      const std::string& address, const std::string& predictor) override;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_PREDICTOR_CLIENT_H_
