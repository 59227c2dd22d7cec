// Following relationships for a batch of twins. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_EXPAND_H_
#define TWIN_SERVER_ENGINE_EXPAND_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "query/execute/readers.h"
#include "server/base/ids.h"
#include "server/base/sync.h"
#include "server/engine/adjacency.h"
#include "server/graph/graph.h"

namespace twin::engine {

// Which relationships of a twin are meant.
struct ExpandOptions {
  query::GraphReader::Direction direction;
  absl::Span<const RelationshipTypeId> types;
  bool any_type;
};

// As GraphReader has them, over one view: along arrays where there are any, else along the graph's
// lists. Thread-safe.
class Expander {
 public:
  Expander(const graph::GraphView& view, AdjacencyCache* cache);

  size_t Expand(absl::Span<const uint32_t> twins, size_t first, const ExpandOptions& options,
                size_t max, query::Expansion* out) const;
  uint64_t Count(absl::Span<const uint32_t> twins, const ExpandOptions& options) const;

 private:
  // Arrays of each type that is asked for.
  struct Arrays {
    std::vector<const Adjacency*> outgoing;
    std::vector<const Adjacency*> incoming;
    bool both() const { return !outgoing.empty() && !incoming.empty(); }
  };
  using Types = std::vector<RelationshipTypeId>;
  class Walk;

  Types Existing(const ExpandOptions& options) const;
  // False: at least one of them is not there.
  bool Find(const Types& types, const ExpandOptions& options, size_t twins, Arrays* arrays) const;
  const Adjacency* Find(RelationshipTypeId type, bool outgoing, size_t twins) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  void AddSteps(const Types& types, const ExpandOptions& options, uint64_t steps) const;

  size_t ExpandArrays(const Arrays& arrays, absl::Span<const uint32_t> twins, size_t first,
                      size_t max, query::Expansion* out) const;
  static uint64_t CountArrays(const Arrays& arrays, absl::Span<const uint32_t> twins);

  const graph::GraphView& view_;
  AdjacencyCache& cache_;
  mutable Mutex mutex_;
  mutable std::vector<std::shared_ptr<const Adjacency>> kept_ ABSL_GUARDED_BY(mutex_);
  // What kept_ has: incoming and outgoing of each type, of kAllTypes last.
  mutable std::vector<std::atomic<const Adjacency*>> found_;
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_EXPAND_H_
