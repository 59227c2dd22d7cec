// Plans at work: a bound statement at a snapshot → batches of result rows.
#ifndef TWIN_QUERY_EXECUTE_EXECUTE_H_
#define TWIN_QUERY_EXECUTE_EXECUTE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "query/bind/bound.h"
#include "query/execute/readers.h"
#include "query/execute/vector.h"
#include "server/base/time.h"

namespace twin::query {

// Runs tasks on threads of its own, shared by all queries.
class TaskPool {
 public:
  virtual ~TaskPool() = default;
  virtual int threads() const = 0;
  // Runs task(0) … task(count - 1), on this thread too; returns when all have run.
  virtual void Run(int count, absl::FunctionRef<void(int task)> task) = 0;
};

enum class PoolThreads {
  kEqual,
  kGiveWay,  // to all others, see server/base/thread_priority.h; the thread that calls Run does not
};
std::unique_ptr<TaskPool> NewTaskPool(int threads, PoolThreads kind = PoolThreads::kEqual);

struct StatementPlans;

// The plans of one bound statement, kept between its executions and made again when the graph has
// grown or shrunk so much that another one may be better. Thread-safe.
class PlanHolder {
 public:
  PlanHolder();
  ~PlanHolder();

 private:
  friend std::shared_ptr<const StatementPlans> PlansOf(const BoundStatement& statement,
                                                       const GraphReader& graph, bool rewrites,
                                                       PlanHolder* holder);
  struct Held;
  const std::unique_ptr<Held> held_;
};

// The graph as the selects with AS OF see it.
struct PastReader {
  Time time;
  std::unique_ptr<GraphReader> graph;
};
using PastReaders = std::map<const BoundSelect*, PastReader>;

struct ExecuteOptions {
  std::map<std::string, Value> parameters;
  Time now;
  size_t batch_rows = kBatchRowsDefault;
  bool rewrites = true;  // false: patterns as written, conditions at the end; for tests
  int64_t memory_bytes_max = 256 << 20;
  int64_t rows_max = INT64_MAX;  // of the result: more is RESOURCE_EXHAUSTED
  // Asked once a batch or so, from several threads.
  std::function<absl::Status()> interrupted = [] { return absl::OkStatus(); };
  TaskPool* pool = nullptr;  // nullptr: on the calling thread alone
  bool profile = false;
  PlanHolder* plans = nullptr;  // of this statement; nullptr: planned anew
  // From OpenPast, with these parameters and this `now`; nullptr: it opens them itself.
  const PastReaders* past = nullptr;
};

struct ResultColumn {
  std::string name;
  Type type;
  bool whole_row = false;  // SELECT * of a collection: the row is this column's document
};

struct ExecuteStatistics {
  uint64_t rows = 0;          // of the result
  uint64_t rows_scanned = 0;  // read from tables, relationships and series
  int64_t memory_bytes = 0;   // at its greatest
  SummaryCounts summaries;    // of samples that were not read one by one
  uint64_t unrecorded = 0;    // AS OF: values that were not recorded
  int64_t plan_ns = 0;
  int64_t execute_ns = 0;
  std::string profile;  // the plan with rows and time by operator, if asked for
};

// What Execute opens for AS OF, for who reads from there, too. Lives no longer than `graph`.
// INVALID_ARGUMENT: a time is NULL. OUT_OF_RANGE: it lies before the kept history.
absl::StatusOr<PastReaders> OpenPast(const BoundStatement& statement, const GraphReader& graph,
                                     const ExecuteOptions& options);

// Plans and runs. Calls `emit` with batches whose slots are the result's columns, in order, from
// the calling thread, as long as it answers OK; another status ends the query with that status.
// RESOURCE_EXHAUSTED: a limit was passed; the message names it.
// `series` may be nullptr: then HISTORY is FAILED_PRECONDITION.
absl::Status Execute(const BoundStatement& statement, const GraphReader& graph,
                     const SeriesReader* series, const ExecuteOptions& options,
                     absl::FunctionRef<absl::Status(const Batch& batch)> emit,
                     ExecuteStatistics* statistics);

// Columns of the result, known before it runs.
std::vector<ResultColumn> ResultColumns(const BoundStatement& statement);

// The logical and the physical plan, as text.
std::string Explain(const BoundStatement& statement, const GraphReader& graph,
                    const ExecuteOptions& options);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_EXECUTE_H_
