#include <memory>
#include <utility>

#include "server/engine/engine.h"
#include "server/engine/graph_reader.h"
#include "server/engine/series_reader.h"

namespace twin::engine {

std::unique_ptr<SnapshotReader> Engine::OpenReader() const { return OpenReader(Pin()); }

std::unique_ptr<SnapshotReader> Engine::OpenReader(
    std::shared_ptr<const graph::GraphView> view) const {
  return NewGraphReader(std::move(view), reader_cache(), history());
}

std::unique_ptr<query::SeriesReader> Engine::OpenSeries(const SnapshotReader& reader) const {
  return NewSeriesReader(&reader, history());
}

}  // namespace twin::engine
