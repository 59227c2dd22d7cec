#include "clients/cpp/call.h"
#include "clients/cpp/events.h"
#include "clients/cpp/reconnection.h"
#include "clients/cpp/stubs.h"

namespace twin::client {

absl::Status EventClient::WatchQuery(
    const twingraph::v1::WatchQueryRequest& request, const EventOptions& options,
    absl::FunctionRef<absl::Status(const twingraph::v1::WatchQueryResponse&)> receive) {
  const Caller& caller = client_.stubs_->caller;
  Reconnection reconnection(caller, options);
  while (true) {
    absl::Status received;
    const grpc::Status ended = ReadStream<twingraph::v1::WatchQueryResponse>(
        caller,
        [&](grpc::ClientContext* context) {
          return client_.stubs_->events->WatchQuery(context, request);
        },
        [&](twingraph::v1::WatchQueryResponse* message) {
          reconnection.NoteStanding();
          return receive(*message);
        },
        &received);
    if (!received.ok()) return received;
    absl::Status status = caller.Explain(ended);
    if (!IsLost(caller, ended)) return status;
    status = reconnection.Wait(status);
    if (!status.ok()) return status;
  }
}

}  // namespace twin::client
