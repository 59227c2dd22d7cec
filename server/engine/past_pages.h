// What of a graph in the past is as it is now, and can be read as fast. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_PAST_PAGES_H_
#define TWIN_SERVER_ENGINE_PAST_PAGES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/engine/past_expand.h"
#include "server/engine/past_sources.h"
#include "server/engine/past_twins.h"

namespace twin::engine {

// Finds out what it is asked for, once. Thread-safe.
class PastPages {
 public:
  // All of them outlive it.
  PastPages(const PastSources& sources, const PastTwins* twins, const PastExpander* expander,
            Time at);

  // Whether all twins that a table had are in the pages of the view; Page: such a page, without
  // those that began later. Cost: the first time a look at each page of beginnings.
  bool HasTwins(TableId table) const;
  const uint32_t* Page(TableId table, uint32_t page) const;
  // Of the table's twins in the view those that began later; nullopt: there are too many to say.
  std::optional<uint64_t> LaterTwins(TableId table) const;

  // Whether the values of a column that twins of the view had are those of the view. Cost: the
  // first time a look at each page of its times.
  bool HasValues(TableId table, ColumnId column) const;

  // Whether relationships of the types were the same ones, between the same twins.
  bool HasRelationships(absl::Span<const RelationshipTypeId> types, bool any_type) const;

 private:
  struct Twins {
    bool known = true;            // else there were too many
    std::vector<uint64_t> later;  // by table
    absl::flat_hash_map<std::pair<uint32_t, uint32_t>, std::vector<uint32_t>> pages;
  };
  struct Relationships {
    bool any = false;             // of any type
    std::vector<uint8_t> differ;  // by type
  };

  const Twins& FoundTwins() const;
  void FindTwins() const;
  const Relationships& FoundRelationships() const;
  void FindRelationships() const;
  bool ReadsAsNow(TableId table, ColumnId column) const;

  const PastSources sources_;
  const graph::GraphView& view_;
  const query::Catalog& catalog_;
  const PastTwins& twins_;
  const PastExpander& expander_;
  const Time at_;
  mutable std::once_flag twins_once_, relationships_once_;
  mutable Twins found_twins_;
  mutable Relationships found_relationships_;
  enum : uint8_t { kUnknown, kSame, kOther };
  mutable std::vector<std::vector<std::atomic<uint8_t>>> columns_;  // by table
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_PAST_PAGES_H_
