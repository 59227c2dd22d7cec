// What a graph as it stood in the past is read from. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_PAST_SOURCES_H_
#define TWIN_SERVER_ENGINE_PAST_SOURCES_H_

#include <memory>

#include "query/bind/catalog.h"
#include "server/engine/expand.h"
#include "server/engine/past_index.h"
#include "server/engine/path_runs.h"
#include "server/graph/graph.h"
#include "server/timeseries/store.h"

namespace twin::engine {

// All of it outlives who reads from it.
struct PastSources {
  const graph::GraphView* view = nullptr;
  const query::Catalog* catalog = nullptr;
  const Expander* expander = nullptr;
  PathRunsCache* path_runs = nullptr;
  std::shared_ptr<const PastIndex> index;
  const timeseries::Store* history = nullptr;  // nullptr: none is kept
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_PAST_SOURCES_H_
