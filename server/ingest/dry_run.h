// A run of batches that changes nothing: what an import would do, beginning to end.
#ifndef TWIN_SERVER_INGEST_DRY_RUN_H_
#define TWIN_SERVER_INGEST_DRY_RUN_H_

#include <cstdint>
#include <memory>

#include "server/graph/graph.h"
#include "server/ingest/checker.h"
#include "server/ingest/limits.h"
#include "server/ingest/operation.h"
#include "server/ingest/pending.h"

namespace twin::ingest {

// Checks batches as the writer does, each against a snapshot and all that the batches before it
// did. Others' writes are not seen. Thread-compatible; holds nobody up. Its memory grows with what
// is created, some hundred bytes a twin or relationship.
class DryRun {
 public:
  // `snapshot` outlives it, or is not looked at any more: Check must not be called then.
  DryRun(const Limits& limits, const graph::GraphView* snapshot, Time time);
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;

  // What the writer would answer. RESOURCE_EXHAUSTED also: more than dry_run_operations_max in all.
  WriteResult Check(const WriteBatch& batch);

 private:
  absl::Status CheckUnit(const Operation& operation, OperationResult* result);

  const Limits limits_;
  const Time time_;
  PendingState pending_;
  Checker checker_;
  int64_t operations_ = 0;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_DRY_RUN_H_
