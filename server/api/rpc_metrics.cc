#include "server/api/rpc_metrics.h"

#include <algorithm>
#include <bit>

#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace twin::api {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;

class CallInterceptor final : public grpc::experimental::Interceptor {
 public:
  explicit CallInterceptor(MethodMetrics* metrics) : metrics_(*metrics) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      metrics_.finished.fetch_add(1, std::memory_order_relaxed);
      if (!methods->GetSendStatus().ok()) metrics_.failed.fetch_add(1, std::memory_order_relaxed);
      metrics_.latency.Add(std::chrono::steady_clock::now() - begun_);
    }
    methods->Proceed();
  }

 private:
  MethodMetrics& metrics_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

class CallInterceptors final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit CallInterceptors(RpcMetrics* metrics) : metrics_(*metrics) {}

  grpc::experimental::Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    if (info->type() == ServerRpcInfo::Type::BIDI_STREAMING) return nullptr;
    const absl::string_view method = info->method();
    if (absl::EndsWith(method, "/Subscribe") || absl::EndsWith(method, "/WatchQuery")) {
      return nullptr;
    }
    return new CallInterceptor(metrics_.Of(info->method()));  // gRPC owns it
  }

 private:
  RpcMetrics& metrics_;
};

}  // namespace

void LatencyHistogram::Add(std::chrono::nanoseconds duration) {
  const auto nanos = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 1));
  const int bits = std::bit_width(nanos - 1);  // the least n with nanos <= 2^n
  const int index = std::clamp(bits - kFirstBits, 0, static_cast<int>(kClasses) - 1);
  counts_[static_cast<size_t>(index)].fetch_add(1, std::memory_order_relaxed);
  nanos_.fetch_add(nanos, std::memory_order_relaxed);
}

void LatencyHistogram::Fill(twingraph::v1::Latency* latency) const {
  latency->set_nanos(nanos_.load(std::memory_order_relaxed));
  for (const std::atomic<uint64_t>& count : counts_) {
    latency->add_counts(count.load(std::memory_order_relaxed));
  }
  while (latency->counts_size() > 0 && latency->counts(latency->counts_size() - 1) == 0) {
    latency->mutable_counts()->RemoveLast();
  }
}

void IngestMetrics::Fill(twingraph::v1::StatusResponse::Ingest* ingest) const {
  ingest->set_streams(streams.load(std::memory_order_relaxed));
  ingest->set_batches(batches.load(std::memory_order_relaxed));
  ingest->set_rows(rows.load(std::memory_order_relaxed));
  ingest->set_rejects(rejects.load(std::memory_order_relaxed));
  ingest->set_bytes(bytes.load(std::memory_order_relaxed));
  latency.Fill(ingest->mutable_latency());
}

MethodMetrics* RpcMetrics::Of(const char* method) {
  const absl::string_view name = absl::StripPrefix(method, "/");
  const MutexLock lock(&mutex_);
  if (const auto it = by_method_.find(name); it != by_method_.end()) return it->second;
  const std::string key = by_method_.size() < kMethodsMax ? std::string(name) : "other";
  const auto [it, is_new] = by_method_.try_emplace(key, nullptr);
  if (is_new) it->second = &metrics_.emplace_back();
  return it->second;
}

void RpcMetrics::Fill(twingraph::v1::StatusResponse* response) const {
  const MutexLock lock(&mutex_);
  for (const auto& [method, metrics] : by_method_) {
    const uint64_t finished = metrics->finished.load(std::memory_order_relaxed);
    if (finished == 0) continue;
    auto* rpc = response->add_rpcs();
    rpc->set_method(method);
    rpc->set_finished(finished);
    rpc->set_failed(metrics->failed.load(std::memory_order_relaxed));
    metrics->latency.Fill(rpc->mutable_latency());
  }
  std::sort(response->mutable_rpcs()->begin(), response->mutable_rpcs()->end(),
            [](const auto& a, const auto& b) { return a.method() < b.method(); });
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> NewRpcInterceptors(
    RpcMetrics* metrics) {
  return std::make_unique<CallInterceptors>(metrics);
}

}  // namespace twin::api
