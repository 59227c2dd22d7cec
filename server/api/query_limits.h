// What bounds queries; twind's options.
#ifndef TWIN_SERVER_API_QUERY_LIMITS_H_
#define TWIN_SERVER_API_QUERY_LIMITS_H_

#include <cstdint>

#include "server/base/clock.h"

namespace twin::api {

struct QueryLimits {
  int threads = 0;       // that all queries share; 0: one for each of the machine's
  int running_max = 16;  // queries at once
  int waiting_max = 256;
  int64_t memory_bytes_max = 256 << 20;  // of one query
  int64_t rows_max = 100'000'000;        // of one result
  int64_t kept_bytes_max = 256 << 20;    // of all results that page tokens name
  int64_t page_token_ms = 60'000;
  int64_t slow_ms = 1000;
  int64_t watch_queries_max = 1000;    // standing queries at once
  int64_t watch_rows_max = 100'000;    // of the result of one
  int64_t watch_bytes_max = 64 << 20;  // of its rows
  bool adt_limits = false;             // the dialect adt keeps Azure's limits too
  const Clock* clock = nullptr;        // of page tokens; nullptr: the system's
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_QUERY_LIMITS_H_
