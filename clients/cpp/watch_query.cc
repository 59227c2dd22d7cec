#include <optional>
#include <thread>

#include "clients/cpp/call.h"
#include "clients/cpp/events.h"
#include "clients/cpp/stubs.h"

namespace twin::client {

absl::Status EventClient::WatchQuery(
    const twingraph::v1::WatchQueryRequest& request, const EventOptions& options,
    absl::FunctionRef<absl::Status(const twingraph::v1::WatchQueryResponse&)> receive) {
  using std::chrono::steady_clock;
  const Caller& caller = client_.stubs_->caller;
  bool has_received = false;
  int tries = 0;  // before the first message
  std::optional<Backoff> backoff(caller.options().retry);
  steady_clock::time_point lost_at = steady_clock::now();
  while (true) {
    grpc::ClientContext context;
    absl::Status received;
    grpc::Status ended;
    bool is_first = true;
    {
      const CancelWatch watch(&context, caller.options().cancelled);
      const auto stream = client_.stubs_->events->WatchQuery(&context, request);
      twingraph::v1::WatchQueryResponse message;
      while (received.ok() && stream->Read(&message)) {
        if (is_first) backoff.emplace(caller.options().retry);
        is_first = false;
        has_received = true;
        received = receive(message);
      }
      if (!received.ok()) {
        context.TryCancel();
        while (stream->Read(&message)) {
        }
      }
      ended = stream->Finish();
    }
    if (!received.ok()) return received;
    absl::Status status = caller.Explain(ended);
    if (!ended.ok() && ended.error_code() != grpc::StatusCode::UNAVAILABLE) return status;
    if (!is_first) lost_at = steady_clock::now();
    if (!has_received && ++tries >= caller.options().retry.tries_max) return status;
    const std::chrono::milliseconds wait = backoff->Next();
    if (steady_clock::now() + wait > lost_at + options.reconnect_time_max) return status;
    if (options.on_lost) options.on_lost(status);
    if (!caller.Sleep(wait)) return absl::CancelledError("interrupted");
  }
}

}  // namespace twin::client
