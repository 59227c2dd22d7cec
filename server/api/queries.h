// All that queries share: threads, statements, kept results, the list of what runs. Internal to
// server/api.
#ifndef TWIN_SERVER_API_QUERIES_H_
#define TWIN_SERVER_API_QUERIES_H_

#include <memory>

#include "query/execute/execute.h"
#include "server/api/query_limits.h"
#include "server/api/query_pages.h"
#include "server/api/query_plans.h"
#include "server/api/query_runs.h"
#include "server/api/work_pool.h"

namespace twin::api {

// Thread-safe.
struct Queries {
  explicit Queries(const QueryLimits& limits);

  const QueryLimits limits;
  QueryPlans plans;
  QueryPages pages;
  QueryRuns runs;
  const std::unique_ptr<query::TaskPool> tasks;
  // Last: their threads use the others.
  WorkPool runners;
  WorkPool watchers;  // evaluate standing queries: fewer, so that the others are not kept waiting
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_QUERIES_H_
