// What vehicles send: single samples, layouts, and a stream of batches that survives a lost
// connection.
//
//   TelemetryClient telemetry(client.get());
//   auto stream = IngestStream::Open(client.get(), {.producer_id = "gateway-7"});
//   if (!stream.ok()) return stream.status();
//   absl::Status status = (*stream)->Send(std::move(frames));
//   if (status.ok()) status = (*stream)->Close();
#ifndef TWIN_CLIENTS_CPP_TELEMETRY_H_
#define TWIN_CLIENTS_CPP_TELEMETRY_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/client.h"
#include "twingraph/v1/telemetry_service.pb.h"

namespace twin::client {

// TelemetryService's calls, over the connection of a client, which must outlive it. Thread-safe.
// All may be repeated: a sample is what it is, and so is a layout.
class TelemetryClient {
 public:
  explicit TelemetryClient(Client* client) : client_(*client) {}

  // Without a source time the server's holds; then a sample that was kept, though its answer was
  // lost, would be kept again: such a call is made once.
  absl::StatusOr<twingraph::v1::PublishResponse> Publish(
      const twingraph::v1::PublishRequest& request);
  absl::StatusOr<twingraph::v1::RegisterLayoutResponse> RegisterLayout(
      const twingraph::v1::RegisterLayoutRequest& request);
  absl::StatusOr<twingraph::v1::ListLayoutsResponse> ListLayouts(
      const twingraph::v1::ListLayoutsRequest& request);

 private:
  Client& client_;
};

struct IngestOptions {
  std::string producer_id;
  bool all_or_nothing = false;  // of each batch
  // Number of the first batch. 0: the one behind the producer's last durable one. A program that
  // begins anew with the same batches says 1: those that are durable are not sent again.
  uint64_t first_batch_number = 0;
  size_t batches_in_flight_max = 64;  // sent, or waiting to be, and not acknowledged
  // For so long without an answer a lost connection is made again.
  std::chrono::milliseconds reconnect_time_max = std::chrono::minutes(1);
  // Hears each acknowledgement, and each answer to a layout, on a thread of the stream's. It must
  // not call the stream. May be empty.
  std::function<void(const twingraph::v1::IngestAcknowledgement&)> on_acknowledgement = {};
  std::function<void(const twingraph::v1::RegisterLayoutResponse&)> on_layout = {};
};

// What a stream has done so far. Rows and rejects are those of the acknowledgements that came: of
// batches whose acknowledgement was lost with a connection nobody knows more than that they are
// durable.
struct IngestTotals {
  static constexpr size_t kRejectsMax = 100;

  uint64_t batches = 0;  // acknowledged, or known to be durable
  uint64_t skipped = 0;  // of those: durable before they were sent
  uint64_t rows = 0;
  uint64_t rejects_total = 0;
  std::vector<twingraph::v1::Reject> rejects = {};  // the first kRejectsMax
  uint64_t reconnects = 0;
  uint64_t expired_rows = 0;  // older than the server keeps; what it says about the last of them
  std::string notice = {};
  twingraph::v1::Position position = {};
};

// A stream of one producer. Batches get rising numbers and are kept until they are acknowledged; a
// lost connection is made again, and what was not acknowledged sent again, which the server
// recognises by producer and number. One thread sends; totals() may be called from any.
//
//   Send ──► queue ──► writer ──► server
//              ▲                    │
//              └── drops ◄─ reader ◄┘  acknowledgements
class IngestStream {
 public:
  // Connects. Fails as other calls do; the client must outlive the stream.
  static absl::StatusOr<std::unique_ptr<IngestStream>> Open(Client* client, IngestOptions options);
  // Ends the stream without waiting for acknowledgements.
  ~IngestStream();
  IngestStream(const IngestStream&) = delete;
  IngestStream& operator=(const IngestStream&) = delete;

  // Queues a layout or a batch; waits while batches_in_flight_max are in flight. A failure is the
  // stream's end, and every later call's: ABORTED: another stream of the producer took over;
  // UNAVAILABLE: no server for reconnect_time_max; CANCELLED. What is wrong inside a batch is no
  // failure, see IngestTotals::rejects.
  absl::Status Send(twingraph::v1::Layout layout);
  absl::Status Send(twingraph::v1::FrameBatches frames);
  absl::Status Send(twingraph::v1::SampleBatch samples);
  // The number that the next batch gets.
  uint64_t next_batch_number() const;
  // A larger number for the next batch; others are ignored. For a program that numbers its batches
  // by where they end in what it sends, so that it can go on there whatever their size is.
  void set_next_batch_number(uint64_t number);

  // Waits until everything sent is acknowledged.
  absl::Status Flush();
  // The same, and ends the stream. Nothing may be sent afterwards.
  absl::Status Close();

  IngestTotals totals() const;

 private:
  class Impl;
  explicit IngestStream(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace twin::client

#endif  // TWIN_CLIENTS_CPP_TELEMETRY_H_
