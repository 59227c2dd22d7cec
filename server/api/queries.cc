#include "server/api/queries.h"

#include <algorithm>
#include <thread>

namespace twin::api {
namespace {

int ThreadsOf(const QueryLimits& limits) {
  if (limits.threads > 0) return limits.threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

Queries::Queries(const QueryLimits& query_limits)
    : limits(query_limits),
      pages({.token_ms = limits.page_token_ms, .bytes = static_cast<size_t>(limits.kept_bytes_max)},
            limits.clock != nullptr ? limits.clock : &SystemClock()),
      runs(limits.slow_ms * kNsPerMs),
      tasks(query::NewTaskPool(ThreadsOf(limits))),
      runners("query-run", limits.running_max, static_cast<size_t>(limits.waiting_max)),
      watchers("query-watch", std::max(1, limits.running_max / 4),
               static_cast<size_t>(limits.watch_queries_max)) {}

}  // namespace twin::api
