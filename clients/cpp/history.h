// Recorded samples as bulk data, out and in.
#ifndef TWIN_CLIENTS_CPP_HISTORY_H_
#define TWIN_CLIENTS_CPP_HISTORY_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/client.h"
#include "twingraph/v1/history_service.pb.h"

namespace twin::client {

// HistoryService's calls, over the connection of a client, which must outlive it. Thread-safe.
// Streams: without a deadline, never repeated.
class HistoryClient {
 public:
  explicit HistoryClient(Client* client) : client_(*client) {}

  // Calls `receive` with each message as it comes: each is of one twin, oldest rows first. What
  // `receive` fails with ends the call.
  absl::Status Export(
      const twingraph::v1::ExportHistoryRequest& request,
      absl::FunctionRef<absl::Status(const twingraph::v1::ExportHistoryResponse&)> receive);

  // Puts the next rows, of at most sample_rows_max, into `samples`, which is empty. False: there
  // are none left.
  using NextSamples = absl::FunctionRef<absl::StatusOr<bool>(twingraph::v1::SampleBatch* samples)>;
  // Everything is durable when it returns. Fails with what `next` fails with; rows that were sent
  // before may have been kept.
  absl::StatusOr<twingraph::v1::ImportHistoryResponse> Import(NextSamples next);

 private:
  Client& client_;
};

}  // namespace twin::client

#endif  // TWIN_CLIENTS_CPP_HISTORY_H_
