// How a call is made: deadline, retries, cancellation, and what its failure means. Internal to this
// module: the only header that names gRPC.
#ifndef TWIN_CLIENTS_CPP_CALL_H_
#define TWIN_CLIENTS_CPP_CALL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/client.h"

namespace twin::client {

// The same code and message, and the place that PlaceOf() finds.
absl::Status ToStatus(const grpc::Status& status);

// Cancels a call soon after a flag became true, which a signal handler may set. Lives as long as
// the call runs.
class CancelWatch {
 public:
  // `flag` may be null: nothing is watched.
  CancelWatch(grpc::ClientContext* context, const std::atomic<bool>* flag);

 private:
  void Watch(const std::stop_token& stop);

  grpc::ClientContext* const context_;
  const std::atomic<bool>* const flag_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it uses the others
};

class Caller {
 public:
  Caller(ClientOptions options, std::shared_ptr<grpc::Channel> channel)
      : options_(std::move(options)), channel_(std::move(channel)) {}

  const ClientOptions& options() const { return options_; }

  struct CallOptions {
    bool repeatable = false;  // may be tried again
    bool is_long = false;     // has the long deadline
  };
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub* stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, const CallOptions& options) const {
    Response response;
    const absl::Status status = Run(options, [&](grpc::ClientContext* context, bool*) {
      response.Clear();
      return (stub->*method)(context, request, &response);
    });
    if (!status.ok()) return status;
    return response;
  }

  // The same for what is no unary call: `attempt` may say that it must not be made again.
  absl::Status RunStream(
      absl::FunctionRef<grpc::Status(grpc::ClientContext*, bool* is_final)> attempt) const;

  // Whether a call failed because the server or the connection ended: it answered UNAVAILABLE, or a
  // server that was stopping dropped the call. What a server cancels for a reason has details.
  bool IsCutOff(const grpc::Status& status) const;

  // A failed call in words: ToStatus(), except that an unreachable server, a server that dropped
  // the call (both UNAVAILABLE) and an interruption are told apart.
  absl::Status Explain(const grpc::Status& status) const;

  // False: cancelled before the time was over.
  bool Sleep(std::chrono::milliseconds time) const;

 private:
  absl::Status Run(
      const CallOptions& options,
      absl::FunctionRef<grpc::Status(grpc::ClientContext*, bool* is_final)> attempt) const;
  bool Cancelled() const {
    return options_.cancelled != nullptr && options_.cancelled->load(std::memory_order_relaxed);
  }

  const ClientOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace twin::client

#endif  // TWIN_CLIENTS_CPP_CALL_H_
