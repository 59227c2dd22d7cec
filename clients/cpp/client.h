// A connection to a Twingraph server: typed calls with deadlines and retries, errors as
// absl::Status. It speaks the messages of proto/twingraph/v1 and knows nothing else of the server.
//
//   absl::StatusOr<std::unique_ptr<Client>> client = Connect({.address = "127.0.0.1:7480"});
//   if (!client.ok()) return client.status();
//   twingraph::v1::GetTwinRequest request;
//   request.set_id("pack-1");
//   absl::StatusOr<twingraph::v1::GetTwinResponse> twin = (*client)->GetTwin(request);
#ifndef TWIN_CLIENTS_CPP_CLIENT_H_
#define TWIN_CLIENTS_CPP_CLIENT_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/cpp/retry.h"
#include "twingraph/v1/admin_service.pb.h"
#include "twingraph/v1/model_service.pb.h"
#include "twingraph/v1/query_service.pb.h"
#include "twingraph/v1/twin_service.pb.h"

namespace twin::client {

inline constexpr char kAddressDefault[] = "127.0.0.1:7480";

struct ClientOptions {
  // HOST, HOST:PORT, [IPv6]:PORT or unix:PATH; without a port 7480.
  std::string address = kAddressDefault;
  // Of a call with all of its tries; zero: none.
  std::chrono::milliseconds deadline = std::chrono::seconds(30);
  // Of calls that work on everything: MigrateTwins, Checkpoint, Compact, Backup, VerifyBackup.
  std::chrono::milliseconds deadline_long = std::chrono::minutes(10);
  RetryOptions retry = {};
  std::chrono::milliseconds keepalive = std::chrono::seconds(30);
  size_t message_bytes_max = size_t{64} << 20;  // received
  // Ends calls with CANCELLED soon after it became true; must outlive the client. May be null.
  const std::atomic<bool>* cancelled = nullptr;
};

// Whether a call failed because no server could be reached (UNAVAILABLE), rather than refused by
// one. A write may have been done if the connection was lost on the way.
bool IsUnreachable(const absl::Status& status);

// Where in the text of a query its error is: a part of the status that Query and Explain fail with.
struct TextPlace {
  uint32_t line = 1;    // from 1
  uint32_t column = 1;  // from 1, in characters
  uint32_t offset = 0;  // bytes
  uint32_t length = 0;  // bytes
};
std::optional<TextPlace> PlaceOf(const absl::Status& status);

// What the server calls the reason: "ETAG_MISMATCH". Empty: it was not the server that refused.
std::string ReasonOf(const absl::Status& status);

// 128 random bits, in hexadecimal.
std::string RandomRequestId();

// Thread-safe.
//
// Calls that read are repeated when the server is UNAVAILABLE, or drops them while it stops; calls
// that write only where that is harmless: with a request_id, or validate_only. Errors have the
// server's code and message. Where no server can be reached: UNAVAILABLE with the address in the
// message, see IsUnreachable().
class Client {
 public:
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const std::string& address() const;

  // Models.
  absl::StatusOr<twingraph::v1::CreateModelsResponse> CreateModels(
      const twingraph::v1::CreateModelsRequest& request);
  absl::StatusOr<twingraph::v1::ValidateModelsResponse> ValidateModels(
      const twingraph::v1::ValidateModelsRequest& request);
  absl::StatusOr<twingraph::v1::Model> GetModel(const twingraph::v1::GetModelRequest& request);
  absl::StatusOr<twingraph::v1::ListModelsResponse> ListModels(
      const twingraph::v1::ListModelsRequest& request);
  absl::StatusOr<twingraph::v1::DecommissionModelResponse> DecommissionModel(
      const twingraph::v1::DecommissionModelRequest& request);
  absl::StatusOr<twingraph::v1::DeleteModelResponse> DeleteModel(
      const twingraph::v1::DeleteModelRequest& request);
  absl::StatusOr<twingraph::v1::DiffModelsResponse> DiffModels(
      const twingraph::v1::DiffModelsRequest& request);

  // Twins.
  absl::StatusOr<twingraph::v1::CreateTwinResponse> CreateTwin(
      const twingraph::v1::CreateTwinRequest& request);
  absl::StatusOr<twingraph::v1::GetTwinResponse> GetTwin(
      const twingraph::v1::GetTwinRequest& request);
  absl::StatusOr<twingraph::v1::BatchGetTwinsResponse> BatchGetTwins(
      const twingraph::v1::BatchGetTwinsRequest& request);
  absl::StatusOr<twingraph::v1::ListTwinsResponse> ListTwins(
      const twingraph::v1::ListTwinsRequest& request);
  absl::StatusOr<twingraph::v1::UpdateTwinResponse> UpdateTwin(
      const twingraph::v1::UpdateTwinRequest& request);
  absl::StatusOr<twingraph::v1::DeleteTwinResponse> DeleteTwin(
      const twingraph::v1::DeleteTwinRequest& request);
  absl::StatusOr<twingraph::v1::BatchWriteResponse> BatchWrite(
      const twingraph::v1::BatchWriteRequest& request);
  absl::StatusOr<twingraph::v1::MigrateTwinsResponse> MigrateTwins(
      const twingraph::v1::MigrateTwinsRequest& request);

  // Relationships.
  absl::StatusOr<twingraph::v1::CreateRelationshipResponse> CreateRelationship(
      const twingraph::v1::CreateRelationshipRequest& request);
  absl::StatusOr<twingraph::v1::GetRelationshipResponse> GetRelationship(
      const twingraph::v1::GetRelationshipRequest& request);
  absl::StatusOr<twingraph::v1::UpdateRelationshipResponse> UpdateRelationship(
      const twingraph::v1::UpdateRelationshipRequest& request);
  absl::StatusOr<twingraph::v1::DeleteRelationshipResponse> DeleteRelationship(
      const twingraph::v1::DeleteRelationshipRequest& request);
  absl::StatusOr<twingraph::v1::ListRelationshipsResponse> ListRelationships(
      const twingraph::v1::ListRelationshipsRequest& request);
  absl::StatusOr<twingraph::v1::ListRelationshipsResponse> ListIncomingRelationships(
      const twingraph::v1::ListRelationshipsRequest& request);

  // Queries.

  // Calls `receive` with each message as it comes: the first one has the header, the last one the
  // summary. What `receive` fails with ends the call, and the query on the server. Has the deadline
  // of other calls; repeated only while nothing has been received.
  absl::Status Query(const twingraph::v1::QueryRequest& request,
                     absl::FunctionRef<absl::Status(const twingraph::v1::QueryResponse&)> receive);
  absl::StatusOr<twingraph::v1::ExplainResponse> Explain(
      const twingraph::v1::QueryRequest& request);
  absl::StatusOr<twingraph::v1::ListQueriesResponse> ListQueries();
  absl::StatusOr<twingraph::v1::CancelQueryResponse> CancelQuery(
      const twingraph::v1::CancelQueryRequest& request);
  absl::StatusOr<twingraph::v1::SlowQueriesResponse> SlowQueries(
      const twingraph::v1::SlowQueriesRequest& request);

  // Streams: without a deadline, never repeated.

  // Puts the next piece of the file, of at most 1 MiB, into `piece`, which is empty: it may stay
  // so while nothing has come. False: the file has ended.
  using ReadPiece = absl::FunctionRef<absl::StatusOr<bool>(std::string* piece)>;
  // Sends a file in the form of ADT's import jobs. `read` is called on a thread of its own, until
  // the end, an error, or what ends the call; `progress` on this one. Fails with what `read` fails
  // with. Errors of the file's lines are the progress's.
  absl::Status Import(const twingraph::v1::ImportOptions& options, ReadPiece read,
                      absl::FunctionRef<void(const twingraph::v1::ImportProgress&)> progress);
  // Everything in that form, piece by piece. What `receive` fails with ends the call.
  absl::Status Export(
      const twingraph::v1::ExportRequest& request,
      absl::FunctionRef<absl::Status(const twingraph::v1::ExportResponse&)> receive);

  // Administration.
  absl::StatusOr<twingraph::v1::StatusResponse> Status();
  absl::StatusOr<twingraph::v1::CheckpointResponse> Checkpoint();
  absl::StatusOr<twingraph::v1::CompactResponse> Compact(
      const twingraph::v1::CompactRequest& request = {});
  absl::StatusOr<twingraph::v1::BackupResponse> Backup(const twingraph::v1::BackupRequest& request);
  absl::StatusOr<twingraph::v1::VerifyBackupResponse> VerifyBackup(
      const twingraph::v1::VerifyBackupRequest& request);

  // Puts a module in the place of another, at one sequence: deletes the relationship of `pack` that
  // leads to `old_module` and creates one to `new_module`, with the same name, position and a
  // mountedAt of its own. All or nothing. NOT_FOUND: `old_module` is not mounted in the pack.
  struct ModuleReplacement {
    std::string pack;
    std::string old_module;
    std::string new_module;
    std::string mounted_at = {};  // ISO 8601; empty: the relationship says nothing
    std::string relationship_name = "hasModule";
  };
  absl::StatusOr<twingraph::v1::BatchWriteResponse> ReplaceModule(
      const ModuleReplacement& replacement);

 private:
  friend class EventClient;
  friend class HistoryClient;
  friend class IngestStream;
  friend class PredictorClient;
  friend class TelemetryClient;
  friend absl::StatusOr<std::unique_ptr<Client>> Connect(ClientOptions options);
  struct Stubs;
  explicit Client(std::unique_ptr<Stubs> stubs);

  const std::unique_ptr<Stubs> stubs_;
};

// A client of the server at options.address. The connection is made by the first call.
// INVALID_ARGUMENT: that is no address.
absl::StatusOr<std::unique_ptr<Client>> Connect(ClientOptions options);

// The address as gRPC takes it, with its port. INVALID_ARGUMENT.
absl::StatusOr<std::string> CompleteAddress(absl::string_view address);

}  // namespace twin::client

#endif  // TWIN_CLIENTS_CPP_CLIENT_H_
