// TelemetryService.Ingest: layouts, frames and samples in, cumulative acknowledgements out.
// Internal to server/api.
#ifndef TWIN_SERVER_API_INGEST_STREAM_H_
#define TWIN_SERVER_API_INGEST_STREAM_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/api/call.h"
#include "server/base/sync.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"

namespace twin::api {

// A stream that can be ended by another one of the same producer.
class ProducerStream {
 public:
  virtual ~ProducerStream() = default;
  virtual void TakenOver() = 0;
};

// Which stream a producer has. Thread-safe.
class ProducerStreams {
 public:
  // The one before is told.
  void Begin(const std::string& producer, std::shared_ptr<ProducerStream> stream)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void End(const std::string& producer, const ProducerStream* stream) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<ProducerStream>> streams_
      ABSL_GUARDED_BY(mutex_);
};

// Up to 64 messages or 16 MiB of a stream are in flight; then it is not read until some are
// durable, which is how a client is slowed down.
grpc::ServerBidiReactor<twingraph::v1::IngestRequest, twingraph::v1::IngestResponse>*
NewIngestStream(const Services& services, ProducerStreams* producers);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_INGEST_STREAM_H_
