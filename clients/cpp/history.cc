#include "clients/cpp/history.h"

#include <memory>

#include "clients/cpp/call.h"
#include "clients/cpp/stubs.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;

}  // namespace

absl::Status HistoryClient::Export(
    const v1::ExportHistoryRequest& request,
    absl::FunctionRef<absl::Status(const v1::ExportHistoryResponse&)> receive) {
  const Caller& caller = client_.stubs_->caller;
  grpc::ClientContext context;
  const auto stream = client_.stubs_->history->Export(&context, request);
  const CancelWatch watch(&context, caller.options().cancelled);
  absl::Status received;
  v1::ExportHistoryResponse message;
  while (received.ok() && stream->Read(&message)) received = receive(message);
  if (!received.ok()) {
    context.TryCancel();
    while (stream->Read(&message)) {
    }
  }
  const grpc::Status status = stream->Finish();
  return received.ok() ? caller.Explain(status) : received;
}

absl::StatusOr<v1::ImportHistoryResponse> HistoryClient::Import(NextSamples next) {
  const Caller& caller = client_.stubs_->caller;
  grpc::ClientContext context;
  v1::ImportHistoryResponse response;
  const auto stream = client_.stubs_->history->Import(&context, &response);
  const CancelWatch watch(&context, caller.options().cancelled);
  v1::ImportHistoryRequest request;
  absl::Status sent;
  while (true) {
    request.mutable_samples()->Clear();
    const absl::StatusOr<bool> more = next(request.mutable_samples());
    sent = more.status();
    // The call has ended when Write() fails; why is what Finish() says.
    if (!sent.ok() || !*more || !stream->Write(request)) break;
  }
  if (!sent.ok()) context.TryCancel();
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  if (!sent.ok()) return sent;
  if (!status.ok()) return caller.Explain(status);
  return response;
}

}  // namespace twin::client
