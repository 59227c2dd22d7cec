// What a view knows of what has ended, in the order in which it is looked for. Internal to
// server/engine.
#ifndef TWIN_SERVER_ENGINE_PAST_INDEX_H_
#define TWIN_SERVER_ENGINE_PAST_INDEX_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/graph/graph.h"

namespace twin::engine {

// Immutable. Holds for every view of one graph with the same past_version().
class PastIndex {
 public:
  struct Twin {
    graph::EndedTwin ended;
    uint32_t slot = 0;
  };
  struct Relationship {
    graph::EndedRelationship ended;
    uint32_t slot = 0;
  };

  // Cost: a look at each entry, and sorting them.
  explicit PastIndex(const graph::GraphView& view);

  // By number; of a twin the lives that have ended, the first one first.
  absl::Span<const Twin> twins() const { return twins_; }
  absl::Span<const Twin> LivesOf(TwinNumber twin) const;
  absl::Span<const Relationship> relationships() const { return relationships_; }
  // Those with numbers in [first, end).
  absl::Span<const Relationship> relationships(uint32_t first, uint32_t end) const;
  const Relationship* Find(RelationshipNumber relationship) const;  // nullptr: it has not ended
  // The slot of the value that the property had at that time, if it had another one than at the
  // end or now; UINT32_MAX: it had not.
  uint32_t FormerSlot(RelationshipNumber relationship, ColumnId column, Time time) const;

 private:
  struct Former {
    graph::FormerValue value;
    uint32_t slot = 0;
  };
  std::vector<Twin> twins_;
  std::vector<Relationship> relationships_;
  std::vector<Former> former_;  // by relationship, column, time
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_PAST_INDEX_H_
