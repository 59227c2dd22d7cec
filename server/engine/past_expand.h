// Following relationships as they were at a time in the past. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_PAST_EXPAND_H_
#define TWIN_SERVER_ENGINE_PAST_EXPAND_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "query/execute/readers.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/engine/past_relationships.h"
#include "server/engine/past_sources.h"
#include "server/engine/past_twins.h"

namespace twin::engine {

// Whether it is one of them; `any_type`: all are.
bool IsOfType(uint32_t type, absl::Span<const RelationshipTypeId> types, bool any_type);

// Thread-safe.
class PastExpander {
 public:
  using Direction = query::GraphReader::Direction;

  // All of them outlive it. Cost: a look at each relationship that has ended.
  PastExpander(const PastSources& sources, const PastTwins* twins,
               const PastRelationships* relationships, Time at);

  // As GraphReader has it.
  size_t Expand(absl::Span<const uint32_t> twins, size_t first, Direction direction,
                absl::Span<const RelationshipTypeId> types, bool any_type, size_t max,
                query::Expansion* out) const;

  // It was there at the time, and so were both its ends.
  bool IsLinked(const graph::EndedRelationship& ended) const;

 private:
  struct EndedLinks {
    std::vector<const PastIndex::Relationship*> outgoing, incoming;  // by number
  };

  void FindEndedRelationships();
  size_t EndOfPresent(absl::Span<const uint32_t> twins, size_t at) const;
  void Merge(absl::Span<const uint32_t> twins, size_t first, size_t next, Direction direction,
             absl::Span<const RelationshipTypeId> types, bool any_type,
             const query::Expansion& present, query::Expansion* out) const;
  void AddEnded(uint32_t twin, uint32_t source, Direction direction,
                absl::Span<const RelationshipTypeId> types, bool any_type,
                query::Expansion* out) const;
  void Sort(uint32_t twin, Direction direction, size_t begin, query::Expansion* out) const;

  const graph::GraphView& view_;
  const Expander& expander_;
  const PastTwins& twins_;
  const PastRelationships& relationships_;
  const Time at_;
  absl::flat_hash_map<uint32_t, EndedLinks> ended_links_;  // by twin
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_PAST_EXPAND_H_
