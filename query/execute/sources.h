// Where rows come from, in parts that threads can work on at once. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_SOURCES_H_
#define TWIN_QUERY_EXECUTE_SOURCES_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "query/execute/path_runs.h"
#include "query/execute/run_context.h"

namespace twin::query {

// Thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  virtual size_t parts() const = 0;
  // Pushes the rows of one part, as long as the consumer is not done.
  virtual absl::Status Produce(size_t part, Consumer* consumer) const = 0;

  // Of a scan before a kAggregate with over_runs: its rows where they stand, instead of Produce;
  // nullptr: they have to be produced.
  virtual const PathRuns* in_place() const { return nullptr; }
  virtual RowRuns::Run RowsOf(size_t /*part*/) const { return {}; }
};

// Of the first step of a plan, which must be a source.
absl::StatusOr<std::unique_ptr<Source>> NewSource(const Plan& plan, RunContext* run);
// Of rows that are there.
std::unique_ptr<Source> NewSource(std::vector<Batch> batches, RunContext* run);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_SOURCES_H_
