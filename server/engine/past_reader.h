// A graph as it stood at a time in the past: what queries read AS OF. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_PAST_READER_H_
#define TWIN_SERVER_ENGINE_PAST_READER_H_

#include <memory>

#include "query/execute/readers.h"
#include "server/base/time.h"
#include "server/engine/past_sources.h"

namespace twin::engine {

// `sources` outlive it. A table has the rows of the view, and behind them those of twins that have
// ended since then.
std::unique_ptr<query::GraphReader> NewPastReader(const PastSources& sources, Time at);

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_PAST_READER_H_
