// A producer of telemetry whose server may be killed at any moment.
#ifndef TWIN_TESTS_FAULT_TELEMETRY_STREAM_H_
#define TWIN_TESTS_FAULT_TELEMETRY_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

#include "gtest/gtest.h"
#include "tests/fault/kill_run.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"

namespace twin {

inline constexpr char kProducer[] = "producer";

// The last batch that the server says to have of the producer.
inline uint64_t LastBatch(int port) {
  namespace pb = ::twingraph::v1;
  const auto telemetry = pb::TelemetryService::NewStub(ChannelTo(port));
  grpc::ClientContext context;
  const auto stream = telemetry->Ingest(&context);
  pb::IngestRequest open;
  open.mutable_open()->set_producer_id(kProducer);
  stream->Write(open);
  stream->WritesDone();
  pb::IngestResponse response;
  EXPECT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_opened());
  EXPECT_TRUE(stream->Finish().ok());
  return response.opened().last_batch_number();
}

// Streams batches from `first` on, which `fill` makes, until the server is gone.
inline void StreamBatches(
    int port, uint64_t first,
    const std::function<void(uint64_t batch, ::twingraph::v1::IngestRequest* request)>& fill,
    std::atomic<uint64_t>* sent, std::atomic<uint64_t>* acknowledged) {
  namespace pb = ::twingraph::v1;
  const auto telemetry = pb::TelemetryService::NewStub(ChannelTo(port));
  grpc::ClientContext context;
  const auto stream = telemetry->Ingest(&context);
  std::atomic<bool> ended{false};
  std::thread reader([&] {
    pb::IngestResponse response;
    while (stream->Read(&response)) {
      if (!response.has_acknowledgement()) continue;
      EXPECT_EQ(response.acknowledgement().rejects_total(), 0u)
          << response.acknowledgement().DebugString();
      *acknowledged = response.acknowledgement().batch_number();
    }
    ended = true;
  });
  pb::IngestRequest request;
  request.mutable_open()->set_producer_id(kProducer);
  bool ok = stream->Write(request);
  for (uint64_t i = first; ok; ++i) {
    *sent = i;
    request.Clear();
    request.set_batch_number(i);
    fill(i, &request);
    ok = stream->Write(request);
    while (ok && i > acknowledged->load() + 100 && !ended) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
  reader.join();
  stream->Finish();
}

}  // namespace twin

#endif  // TWIN_TESTS_FAULT_TELEMETRY_STREAM_H_
