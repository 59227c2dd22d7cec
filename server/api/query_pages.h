// Results that page tokens name: kept as rows while small, else run again. Internal to server/api.
#ifndef TWIN_SERVER_API_QUERY_PAGES_H_
#define TWIN_SERVER_API_QUERY_PAGES_H_

#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "query/execute/execute.h"
#include "server/api/query_plans.h"
#include "server/base/clock.h"
#include "server/base/sync.h"
#include "server/engine/snapshot_registry.h"

namespace twin::api {

// A result from row `first_row` on, and all that is needed to go on behind it. Constant.
struct KeptResult {
  std::string request;  // what it answers: a later page must ask the same
  std::shared_ptr<const PreparedQuery> query;
  // Of the rows' strings and twins, and of the rows behind them. It may be taken away: then the
  // rows must not be looked at any more.
  std::shared_ptr<engine::HeldSnapshot> snapshot;
  Time now;
  uint64_t first_row = 0;
  uint64_t rows = 0;
  bool complete = false;  // there is nothing behind the rows
  std::vector<query::Batch> batches;
  size_t bytes = 0;
};

// Thread-safe.
class QueryPages {
 public:
  struct Limits {
    int64_t token_ms = 60'000;
    size_t bytes = 256 << 20;  // of all results; beyond it the oldest ones go
    size_t results = 1000;
  };
  // `clock` must outlive it.
  QueryPages(const Limits& limits, const Clock* clock) : limits_(limits), clock_(*clock) {}

  struct Page {
    std::shared_ptr<const KeptResult> result;
    std::shared_ptr<const graph::GraphView> view;  // result->snapshot's
    uint64_t row = 0;                              // that the page begins with
  };
  // FAILED_PRECONDITION: it has expired, or its snapshot was taken away. INVALID_ARGUMENT: it is no
  // token.
  absl::StatusOr<Page> Find(const std::string& token) ABSL_LOCKS_EXCLUDED(mutex_);

  // A token for row `row` of a result that is new or, by its first token, old. Good for token_ms.
  std::string Keep(std::shared_ptr<const KeptResult> result, uint64_t row)
      ABSL_LOCKS_EXCLUDED(mutex_);

  size_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::string id;
    std::shared_ptr<const KeptResult> result;
    Time expires;
  };
  // Takes out what has to go; the caller destroys it without the lock.
  std::list<Entry> TakeExpired() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Limits limits_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // the one to expire first is first
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_QUERY_PAGES_H_
