#include "server/api/rpc_metrics.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"

namespace twin::api {
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

void MethodMetrics::Add(std::chrono::nanoseconds duration, bool ok) {
  finished.fetch_add(1, std::memory_order_relaxed);
  if (!ok) failed.fetch_add(1, std::memory_order_relaxed);
  latency.Add(duration);
}

MethodMetrics* RpcMetrics::Of(absl::string_view method) {
  const MutexLock lock(&mutex_);
  MethodMetrics*& metrics = by_method_[method];
  if (metrics == nullptr) metrics = &metrics_.emplace_back();
  return metrics;
}

void RpcMetrics::Fill(twingraph::v1::StatusResponse* response) const {
  const MutexLock lock(&mutex_);
  for (const auto& [method, metrics] : by_method_) {
    const uint64_t finished = metrics->finished.load(std::memory_order_relaxed);
    if (finished == 0) continue;
    auto* rpc = response->add_rpcs();
    rpc->set_method(absl::StrCat("twingraph.v1.", method));
    rpc->set_finished(finished);
    rpc->set_failed(metrics->failed.load(std::memory_order_relaxed));
    metrics->latency.Fill(rpc->mutable_latency());
  }
  std::sort(response->mutable_rpcs()->begin(), response->mutable_rpcs()->end(),
            [](const auto& a, const auto& b) { return a.method() < b.method(); });
}

}  // namespace twin::api
