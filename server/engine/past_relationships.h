// Relationships that exist or have ended, as they were at some time. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_PAST_RELATIONSHIPS_H_
#define TWIN_SERVER_ENGINE_PAST_RELATIONSHIPS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "query/bind/catalog.h"
#include "query/execute/readers.h"
#include "server/engine/past_index.h"
#include "server/graph/graph.h"

namespace twin::engine {

// Thread-safe. Lives no longer than the view and the catalog. Numbers are of relationships that
// the view or the index has.
class PastRelationships {
 public:
  // `at`: values as they were then; Time{INT64_MAX}: the last ones.
  PastRelationships(const graph::GraphView* view, const query::Catalog* catalog,
                    std::shared_ptr<const PastIndex> index, Time at);

  const PastIndex& index() const { return *index_; }

  // As GraphReader has them.
  void Types(absl::Span<const uint32_t> relationships, std::vector<uint32_t>* types) const;
  void Ends(absl::Span<const uint32_t> relationships, std::vector<uint32_t>* sources,
            std::vector<uint32_t>* targets) const;
  void Read(RelationshipTypeId type, ColumnId column, absl::Span<const uint32_t> relationships,
            query::Vector* out) const;
  void ReadField(absl::Span<const uint32_t> relationships, query::Field field,
                 query::Vector* out) const;

 private:
  // One that has ended; nullptr: it exists.
  const PastIndex::Relationship* Ended(uint32_t relationship) const;
  graph::EndedRelationship Get(uint32_t relationship) const;
  bool HasChangedSince(const graph::EndedRelationship& relationship) const;

  const graph::GraphView& view_;
  const query::Catalog& catalog_;
  const std::shared_ptr<const PastIndex> index_;
  const Time at_;
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_PAST_RELATIONSHIPS_H_
