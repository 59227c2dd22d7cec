// What the parts of a running select share. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_RUN_CONTEXT_H_
#define TWIN_QUERY_EXECUTE_RUN_CONTEXT_H_

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "query/execute/evaluate.h"
#include "query/execute/execute.h"
#include "query/execute/readers.h"
#include "query/execute/vector.h"
#include "query/plan/plan.h"

namespace twin::query {

// Takes batches. Used by one thread at a time.
class Consumer {
 public:
  virtual ~Consumer() = default;
  virtual absl::Status Push(Batch batch) = 0;
  // A part of the source has come whole.
  virtual absl::Status EndPart() { return absl::OkStatus(); }
  // It needs no more rows; those that still come are dropped.
  virtual bool done() const { return false; }
};

// What a query may keep in memory. Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(int64_t bytes_max) : bytes_max_(bytes_max) {}
  // RESOURCE_EXHAUSTED, naming the limit.
  absl::Status Add(int64_t bytes);
  void Remove(int64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  int64_t greatest() const { return greatest_.load(std::memory_order_relaxed); }

 private:
  const int64_t bytes_max_;
  std::atomic<int64_t> used_{0};
  std::atomic<int64_t> greatest_{0};
};

// Bytes of one holder, given back when it ends.
class MemoryUse {
 public:
  explicit MemoryUse(MemoryBudget* budget) : budget_(*budget) {}
  MemoryUse(const MemoryUse&) = delete;
  MemoryUse& operator=(const MemoryUse&) = delete;
  ~MemoryUse() { budget_.Remove(bytes_); }
  absl::Status Set(int64_t bytes) {
    const int64_t more = bytes - bytes_;
    bytes_ = bytes;
    if (more > 0) return budget_.Add(more);
    budget_.Remove(-more);
    return absl::OkStatus();
  }
  absl::Status Add(int64_t bytes) { return Set(bytes_ + bytes); }

 private:
  MemoryBudget& budget_;
  int64_t bytes_ = 0;
};

// Rows and time of one step, for PROFILE.
struct StepProfile {
  std::atomic<uint64_t> rows{0};
  std::atomic<int64_t> ns{0};  // with what follows it in the same pipeline
};

struct JoinTable;  // operators.h
struct PathRuns;   // path_runs.h

// SummaryCounts of all threads.
struct SummaryTotals {
  std::atomic<uint64_t> blocks{0}, rollup_rows{0}, expired_rows{0}, cut_rows{0}, rows{0},
      skipped_blocks{0};
  void Add(const SummaryCounts& counts) {
    blocks.fetch_add(counts.blocks, std::memory_order_relaxed);
    rollup_rows.fetch_add(counts.rollup_rows, std::memory_order_relaxed);
    expired_rows.fetch_add(counts.expired_rows, std::memory_order_relaxed);
    cut_rows.fetch_add(counts.cut_rows, std::memory_order_relaxed);
    rows.fetch_add(counts.rows, std::memory_order_relaxed);
    skipped_blocks.fetch_add(counts.skipped_blocks, std::memory_order_relaxed);
  }
};

// Of a whole statement.
struct StatementContext {
  const BoundStatement& statement;
  const SeriesReader* series;
  const ExecuteOptions& options;
  MemoryBudget memory;
  std::atomic<uint64_t> rows_scanned{0};
  SummaryTotals summaries = {};
  std::vector<std::vector<Batch>> subqueries = {};  // rows of each WITH, by output
  // What AS OF read from: strings of its rows are there.
};

// Of one select.
struct RunContext {
  StatementContext& statement;
  const GraphReader& graph;
  Time now;  // NOW(), or AS OF: where LAST windows end
  std::map<const PlanStep*, std::shared_ptr<const JoinTable>> joins =
      {};  // filled before rows flow
  std::map<const PlanStep*, std::shared_ptr<const PathRuns>> path_runs = {};  // as `joins`
  std::map<const PlanStep*, StepProfile> profile = {};                        // as `joins`

  const ExecuteOptions& options() const { return statement.options; }
};

// The context of a plan's expressions. Lives as long as both.
EvaluateContext ContextOf(const Plan& plan, RunContext* run);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_RUN_CONTEXT_H_
