// What queries read of a server: the query's GraphReader over one snapshot of the graph.
#ifndef TWIN_SERVER_ENGINE_GRAPH_READER_H_
#define TWIN_SERVER_ENGINE_GRAPH_READER_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "query/bind/catalog.h"
#include "query/execute/readers.h"
#include "server/base/sync.h"
#include "server/engine/adjacency.h"
#include "server/engine/past_index.h"
#include "server/engine/path_runs.h"
#include "server/graph/graph.h"
#include "server/timeseries/store.h"

namespace twin::engine {

// What the readers of one Graph share. Thread-safe; outlives them.
class GraphReaderCache {
 public:
  // `adjacency_bytes_max`: 0 makes readers walk lists, always. Runs may take an eighth on top.
  explicit GraphReaderCache(uint64_t adjacency_bytes_max)
      : adjacency_(adjacency_bytes_max), path_runs_(adjacency_bytes_max / 8) {}

  std::shared_ptr<const query::Catalog> CatalogOf(const graph::GraphView& view)
      ABSL_LOCKS_EXCLUDED(mutex_);
  AdjacencyCache& adjacency() { return adjacency_; }
  PathRunsCache& path_runs() { return path_runs_; }
  // What the view knows of what has ended: the last one again where it is the same.
  std::shared_ptr<const PastIndex> PastOf(const graph::GraphView& view) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  AdjacencyCache adjacency_;
  PathRunsCache path_runs_;
  Mutex mutex_;
  std::shared_ptr<const graph::Catalog> from_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const query::Catalog> catalog_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const PastIndex> past_ ABSL_GUARDED_BY(mutex_);
  uint64_t past_version_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Twins and relationships at one sequence. Etags and $metadata look as the API gives them.
class SnapshotReader : public query::GraphReader {
 public:
  virtual const graph::GraphView& view() const = 0;
  // What Bind takes: it lives on with the bound statement.
  virtual std::shared_ptr<const query::Catalog> shared_catalog() const = 0;
  // Also of twins that have ended: the table and the value at the end.
  virtual TableId TableOf(TwinNumber twin) const = 0;
  virtual graph::Cell CellOf(TwinNumber twin, ColumnId column) const = 0;
};

// `history`: of samples and Historized properties; nullptr: none is kept.
std::unique_ptr<SnapshotReader> NewGraphReader(std::shared_ptr<const graph::GraphView> view,
                                               GraphReaderCache* cache,
                                               const timeseries::Store* history = nullptr);

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_GRAPH_READER_H_
