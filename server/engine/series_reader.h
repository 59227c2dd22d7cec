// What queries read of recorded samples: the query's SeriesReader over the history, beside the
// graph's reader of the same snapshot.
#ifndef TWIN_SERVER_ENGINE_SERIES_READER_H_
#define TWIN_SERVER_ENGINE_SERIES_READER_H_

#include <memory>

#include "query/execute/readers.h"
#include "server/engine/graph_reader.h"
#include "server/timeseries/store.h"

namespace twin::engine {

// A property's current value is its last sample, recorded or not: history begins with the second
// one. `graph` outlives it.
std::unique_ptr<query::SeriesReader> NewSeriesReader(const SnapshotReader* graph,
                                                     const timeseries::Store* history);

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_SERIES_READER_H_
