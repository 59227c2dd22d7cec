#include <grpcpp/client_context.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "clients/cpp/call.h"
#include "clients/cpp/client.h"
#include "clients/cpp/stubs.h"

namespace twin::client {
namespace {

namespace v1 = ::twingraph::v1;
using ImportStream = grpc::ClientReaderWriter<v1::ImportRequest, v1::ImportProgress>;

// Sends the options and the file. `ended`: the server has said its last word.
absl::Status SendFile(const v1::ImportOptions& options, Client::ReadPiece read,
                      const std::atomic<bool>& ended, ImportStream* stream) {
  v1::ImportRequest request;
  *request.mutable_options() = options;
  bool more = stream->Write(request);
  while (more && !ended.load(std::memory_order_relaxed)) {
    request.mutable_data()->clear();
    const absl::StatusOr<bool> read_more = read(request.mutable_data());
    if (!read_more.ok()) return read_more.status();
    more = *read_more;
    // The call has ended when Write() fails; why is what Finish() says.
    if (!request.data().empty() && !stream->Write(request)) return absl::OkStatus();
  }
  stream->WritesDone();
  return absl::OkStatus();
}

}  // namespace

absl::Status Client::Import(const v1::ImportOptions& options, ReadPiece read,
                            absl::FunctionRef<void(const v1::ImportProgress&)> progress) {
  grpc::ClientContext context;
  const std::unique_ptr<ImportStream> stream = stubs_->twins->Import(&context);
  const CancelWatch watch(&context, stubs_->caller.options().cancelled);
  std::atomic<bool> ended = false;
  absl::Status sent;
  std::thread sender([&] {
    sent = SendFile(options, read, ended, stream.get());
    if (!sent.ok()) context.TryCancel();
  });
  v1::ImportProgress message;
  while (stream->Read(&message)) progress(message);
  ended = true;
  sender.join();
  const grpc::Status status = stream->Finish();
  return sent.ok() ? stubs_->caller.Explain(status) : sent;
}

absl::Status Client::Export(const v1::ExportRequest& request,
                            absl::FunctionRef<absl::Status(const v1::ExportResponse&)> receive) {
  grpc::ClientContext context;
  const auto stream = stubs_->twins->Export(&context, request);
  const CancelWatch watch(&context, stubs_->caller.options().cancelled);
  absl::Status received;
  v1::ExportResponse message;
  while (received.ok() && stream->Read(&message)) received = receive(message);
  if (!received.ok()) {
    context.TryCancel();
    while (stream->Read(&message)) {
    }
  }
  const grpc::Status status = stream->Finish();
  return received.ok() ? stubs_->caller.Explain(status) : received;
}

absl::Status Client::Query(const v1::QueryRequest& request,
                           absl::FunctionRef<absl::Status(const v1::QueryResponse&)> receive) {
  absl::Status received;
  const absl::Status status =
      stubs_->caller.RunStream([&](grpc::ClientContext* context, bool* is_final) {
        const auto stream = stubs_->queries->Query(context, request);
        v1::QueryResponse message;
        while (received.ok() && stream->Read(&message)) {
          *is_final = true;
          received = receive(message);
        }
        if (!received.ok()) {
          context->TryCancel();
          while (stream->Read(&message)) {
          }
        }
        return stream->Finish();
      });
  return received.ok() ? status : received;
}

}  // namespace twin::client
