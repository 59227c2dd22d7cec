// How long calls and batches take, and how many there are. Internal to server/api.
#ifndef TWIN_SERVER_API_RPC_METRICS_H_
#define TWIN_SERVER_API_RPC_METRICS_H_

#include <grpcpp/support/server_interceptor.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
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

// Thread-safe. Methods are those that the server has: their number is bounded.
class RpcMetrics {
 public:
  static constexpr size_t kMethodsMax = 256;

  // Lives as long as this. Calls of methods beyond kMethodsMax are those of "other".
  MethodMetrics* Of(const char* method) ABSL_LOCKS_EXCLUDED(mutex_);
  void Fill(twingraph::v1::StatusResponse* response) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable Mutex mutex_;
  std::deque<MethodMetrics> metrics_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, MethodMetrics*> by_method_ ABSL_GUARDED_BY(mutex_);
};

// All of a server. Thread-safe.
struct Metrics {
  RpcMetrics rpcs;
  IngestMetrics ingest;
};

// Notes each call in `metrics`, which must outlive the server. Streams of telemetry and
// subscriptions have no end of interest, and many messages: they are left out.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> NewRpcInterceptors(
    RpcMetrics* metrics);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_RPC_METRICS_H_
