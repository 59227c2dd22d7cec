// How long calls and batches take, and how many there are. Internal to server/api.
#ifndef TWIN_SERVER_API_RPC_METRICS_H_
#define TWIN_SERVER_API_RPC_METRICS_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/base/sync.h"
#include "twingraph/v1/admin_service.pb.h"

namespace twin::api {

// Durations in classes, each twice as long as the one before. Thread-safe, without a lock. Cost of
// an entry: two additions to memory that threads share.
class LatencyHistogram {
 public:
  static constexpr int kFirstBits = 13;   // 8 us
  static constexpr size_t kClasses = 26;  // up to 2^37 ns, two minutes, and the rest

  // The longest of a class but the last, in seconds.
  static constexpr double BoundSeconds(size_t index) {
    return static_cast<double>(uint64_t{1} << (kFirstBits + index)) / 1e9;
  }

  void Add(std::chrono::nanoseconds duration);
  void Fill(twingraph::v1::Latency* latency) const;

 private:
  std::array<std::atomic<uint64_t>, kClasses> counts_{};
  std::atomic<uint64_t> nanos_ = 0;
};

// Of one method. Thread-safe.
struct MethodMetrics {
  void Add(std::chrono::nanoseconds duration, bool ok);

  std::atomic<uint64_t> finished = 0;
  std::atomic<uint64_t> failed = 0;
  LatencyHistogram latency;
};

// Of the streams that take telemetry in. Thread-safe.
struct IngestMetrics {
  std::atomic<uint64_t> streams = 0;  // open now
  std::atomic<uint64_t> batches = 0;
  std::atomic<uint64_t> rows = 0;
  std::atomic<uint64_t> rejects = 0;
  std::atomic<uint64_t> bytes = 0;
  LatencyHistogram latency;

  void Fill(twingraph::v1::StatusResponse::Ingest* ingest) const;
};

// Streams of telemetry, of writes and of events have no end of interest: their handlers leave them
// out. Thread-safe.
class RpcMetrics {
 public:
  // `method` is a literal, "TwinService/GetTwin". Lives as long as this.
  MethodMetrics* Of(absl::string_view method) ABSL_LOCKS_EXCLUDED(mutex_);
  void Fill(twingraph::v1::StatusResponse* response) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable Mutex mutex_;
  std::deque<MethodMetrics> metrics_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<absl::string_view, MethodMetrics*> by_method_ ABSL_GUARDED_BY(mutex_);
};

// All of a server. Thread-safe.
struct Metrics {
  RpcMetrics rpcs;
  IngestMetrics ingest;
};

// A call, from the start of its handler to its status. Copies are the same call.
class TimedCall {
 public:
  TimedCall(Metrics* metrics, absl::string_view method) : method_(metrics->rpcs.Of(method)) {}

  // To be called once, before gRPC is given the status: the client may ask for the figures then.
  void End(bool ok) const { method_->Add(std::chrono::steady_clock::now() - begun_, ok); }

 private:
  MethodMetrics* method_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_RPC_METRICS_H_
