// Which queries run now, which were slow: for ListQueries, CancelQuery and SlowQueries. Internal to
// server/api.
#ifndef TWIN_SERVER_API_QUERY_RUNS_H_
#define TWIN_SERVER_API_QUERY_RUNS_H_

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "query/execute/execute.h"
#include "server/base/sync.h"
#include "server/base/time.h"
#include "twingraph/v1/admin_service.pb.h"

namespace twin::api {

// One query from its call to its end. Thread-safe.
struct QueryRun {
  uint64_t id = 0;
  std::string text;  // cut
  std::string client;
  Time start;
  std::atomic<bool> waiting = true;
  std::atomic<bool> cancelled = false;
  std::atomic<uint64_t> rows = 0;
  // Takes the query out of the queue that it waits in. True: nothing runs it any more, and `end`
  // must be called. To be called while it is in QueryRuns' list.
  std::function<bool()> withdraw;
  std::function<void()> end;
};

// Thread-safe.
class QueryRuns {
 public:
  static constexpr size_t kTextBytesMax = 4096;
  static constexpr int kSlowMax = 128;

  explicit QueryRuns(int64_t slow_ns) : slow_ns_(slow_ns) {}

  std::shared_ptr<QueryRun> Begin(absl::string_view text, std::string client, Time now,
                                  std::function<bool()> withdraw, std::function<void()> end)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Call it once for each; `statistics` as far as the query came.
  void End(const QueryRun& run, const absl::Status& status,
           const query::ExecuteStatistics& statistics, Time now) ABSL_LOCKS_EXCLUDED(mutex_);

  // What waits ends at once, what runs soon. NOT_FOUND.
  absl::Status Cancel(absl::string_view id) ABSL_LOCKS_EXCLUDED(mutex_);
  void List(twingraph::v1::ListQueriesResponse* response) const ABSL_LOCKS_EXCLUDED(mutex_);
  void ListSlow(int limit, twingraph::v1::SlowQueriesResponse* response) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Fill(twingraph::v1::StatusResponse::Queries* counts) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const int64_t slow_ns_;
  mutable Mutex mutex_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  uint64_t finished_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::shared_ptr<QueryRun>> running_ ABSL_GUARDED_BY(mutex_);
  std::deque<twingraph::v1::FinishedQuery> slow_ ABSL_GUARDED_BY(mutex_);  // the latest first
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_QUERY_RUNS_H_
