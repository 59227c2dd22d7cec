#include "server/api/predictor_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <future>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "server/api/convert.h"
#include "server/api/predictor_convert.h"
#include "server/base/sync.h"
#include "twingraph/v1/predictor.grpc.pb.h"

namespace twin::api {
namespace {

constexpr int kAnswerBytesMax = 64 << 20;
constexpr int kReconnectMsMax = 2'000;
constexpr std::chrono::milliseconds kCancelPollTime{50};

absl::Status FromGrpc(const grpc::Status& status, const std::string& address) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat("the predictor at ", address, ": ", status.error_message()));
}

class RemotePredictor : public predict::Predictor {
 public:
  RemotePredictor(std::string address, std::string predictor)
      : address_(std::move(address)), predictor_(std::move(predictor)) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kAnswerBytesMax);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMsMax);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);
    // What is tried again, and when, is the run's decision.
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    // A connection of its own: nobody else's trouble is this one's.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = pb::Predictor::NewStub(
        grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments));
  }

  absl::StatusOr<predict::Description> Describe(int64_t timeout_ms,
                                                absl::FunctionRef<bool()> is_cancelled) override {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
    pb::DescribeRequest request;
    request.set_predictor(predictor_);
    pb::PredictorDescription answer;
    std::promise<grpc::Status> answered;
    std::future<grpc::Status> ended = answered.get_future();
    stub_->async()->Describe(&context, &request, &answer, [&answered](const grpc::Status& status) {
      answered.set_value(status);
    });
    while (ended.wait_for(kCancelPollTime) != std::future_status::ready) {
      if (is_cancelled()) context.TryCancel();
    }
    const absl::Status status = FromGrpc(ended.get(), address_);
    if (!status.ok()) return status;
    predict::Description description = FromProto(answer);
    const MutexLock lock(&mutex_);
    description_ = std::make_shared<const predict::Description>(description);
    return description;
  }

  void Predict(std::shared_ptr<const predict::Request> request, int64_t timeout_ms,
               Done done) override {
    std::shared_ptr<const predict::Description> description;
    {
      const MutexLock lock(&mutex_);
      description = description_;
    }
    if (description == nullptr || description->features.size() != request->columns.size()) {
      return done(absl::FailedPreconditionError(
          absl::StrCat("the predictor at ", address_, " has other features now")));
    }
    struct Call {
      grpc::ClientContext context;
      pb::PredictRequest request;
      pb::PredictResponse response;
      std::shared_ptr<pb::Predictor::Stub> stub;
      Done done;
    };
    auto* const call = new Call();
    ToProto(*request, *description, &call->request);
    call->context.set_deadline(std::chrono::system_clock::now() +
                               std::chrono::milliseconds(timeout_ms));
    call->stub = stub_;
    call->done = std::move(done);
    call->stub->async()->Predict(&call->context, &call->request, &call->response,
                                 [call, address = address_](const grpc::Status& status) {
                                   const std::unique_ptr<Call> owned(call);
                                   const absl::Status ended = FromGrpc(status, address);
                                   if (ended.ok()) {
                                     owned->done(FromProto(owned->response));
                                   } else {
                                     owned->done(ended);
                                   }
                                 });
  }

 private:
  const std::string address_;
  const std::string predictor_;
  std::shared_ptr<pb::Predictor::Stub> stub_;
  Mutex mutex_;
  // The last one that it gave: the types of its features.
  std::shared_ptr<const predict::Description> description_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::shared_ptr<predict::Predictor>> PredictorConnector::Connect(
    const std::string& address, const std::string& predictor) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("address: '", address, "' is not HOST:PORT or unix:PATH"));
  }
  return std::make_shared<RemotePredictor>(address, predictor);
}

}  // namespace twin::api
