// A graph as it stood at a time in the past: what queries read AS OF. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_PAST_READER_H_
#define TWIN_SERVER_ENGINE_PAST_READER_H_

#include <memory>

#include "query/execute/readers.h"
#include "server/engine/expand.h"
#include "server/engine/past_index.h"
#include "server/graph/graph.h"
#include "server/timeseries/store.h"

namespace twin::engine {

// What it reads from: all of it outlives the reader.
struct PastSources {
  const graph::GraphView* view = nullptr;
  const query::Catalog* catalog = nullptr;
  const Expander* expander = nullptr;
  std::shared_ptr<const PastIndex> index;
  const timeseries::Store* history = nullptr;  // nullptr: none is kept
};

// A table has the rows of the view, and behind them those of twins that have ended since then.
std::unique_ptr<query::GraphReader> NewPastReader(const PastSources& sources, Time at);

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_PAST_READER_H_
