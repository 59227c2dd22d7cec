// Beginning a stream again that was lost. Internal to clients/cpp.
#ifndef TWIN_CLIENTS_CPP_RECONNECTION_H_
#define TWIN_CLIENTS_CPP_RECONNECTION_H_

#include <grpcpp/client_context.h>

#include <chrono>
#include <optional>

#include "absl/status/status.h"
#include "clients/cpp/call.h"
#include "clients/cpp/events.h"
#include "clients/cpp/retry.h"

namespace twin::client {

// Thread-compatible; both outlive it.
class Reconnection {
 public:
  Reconnection(const Caller& caller, const EventOptions& options);

  // Something came: the stream stands.
  void NoteStanding() { stands_ = true; }
  // It ended, which `ended` explains: waits as long as one waits before the next try. Not OK: the
  // end. A stream that never stood is tried RetryOptions::tries_max times, one that stood for
  // reconnect_time_max. CANCELLED: interrupted.
  absl::Status Wait(const absl::Status& ended);

 private:
  const Caller& caller_;
  const EventOptions& options_;
  bool stands_ = false;
  bool has_stood_ = false;
  int tries_ = 0;  // before it stood
  std::optional<Backoff> backoff_;
  std::chrono::steady_clock::time_point lost_at_ = std::chrono::steady_clock::now();
};

// Reads the stream that `open` begins, until it ends or `take` fails, which `taken` is then.
template <typename Message, typename Open, typename Take>
grpc::Status ReadStream(const Caller& caller, Open open, Take take, absl::Status* taken) {
  grpc::ClientContext context;
  const CancelWatch watch(&context, caller.options().cancelled);
  const auto stream = open(&context);
  Message message;
  while (taken->ok() && stream->Read(&message)) *taken = take(&message);
  if (!taken->ok()) {
    context.TryCancel();
    while (stream->Read(&message)) {
    }
  }
  return stream->Finish();
}

// What has no other reason than the server's or the connection's end.
inline bool IsLost(const Caller& caller, const grpc::Status& ended) {
  return ended.ok() || caller.IsCutOff(ended);
}

}  // namespace twin::client

#endif  // TWIN_CLIENTS_CPP_RECONNECTION_H_
