// Relationships of one type as arrays, for queries that follow many of them: a list per twin costs
// a cache miss a step, neighbours in an array cost none. Built from a snapshot when that pays, and
// shared by all snapshots in which the type's relationships are the same.
#ifndef TWIN_SERVER_ENGINE_ADJACENCY_H_
#define TWIN_SERVER_ENGINE_ADJACENCY_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "server/base/ids.h"
#include "server/base/sync.h"
#include "server/graph/graph.h"

namespace twin::engine {

// Every type together, where a RelationshipTypeId is asked for.
inline constexpr RelationshipTypeId kAllTypes{UINT32_MAX};

// Immutable. Outgoing: twins are sources and ends are targets; incoming: the other way round.
//
//   offsets  [0, 2, 2, 5]        twin first_twin + i has the items [offsets[i], offsets[i + 1])
//   items    [a b | | c d e]     in the order of creation
struct Adjacency {
  struct Item {
    uint32_t relationship;
    uint32_t end;
  };
  uint32_t first_twin = 0;
  std::vector<uint32_t> offsets;
  std::vector<Item> items;
  // Where each item's end was in the state that this was built from, if all are of one table; else
  // empty. It still is where no row has moved since.
  TableId ends_table;
  std::vector<uint32_t> ends_rows;
  uint64_t rows_epoch = 0;
  bool loops = false;  // some relationship ends where it starts

  uint32_t begin(uint32_t twin) const { return Has(twin) ? offsets[twin - first_twin] : 0; }
  uint32_t end(uint32_t twin) const { return Has(twin) ? offsets[twin - first_twin + 1] : 0; }
  bool Has(uint32_t twin) const { return size_t{twin - first_twin} + 1 < offsets.size(); }
  uint64_t bytes() const {
    return (offsets.size() + ends_rows.size()) * sizeof(uint32_t) + items.size() * sizeof(Item);
  }
  bool KnowsPlaces(const graph::GraphView& view) const {
    return !ends_rows.empty() && rows_epoch == view.rows_epoch();
  }

  // Cost: about 15 ns for each relationship of the graph.
  static std::shared_ptr<const Adjacency> Build(const graph::GraphView& view,
                                                RelationshipTypeId type, bool outgoing);

 private:
  void FindPlaces(const graph::GraphView& view);
};

// Thread-safe. For the views of one Graph.
class AdjacencyCache {
 public:
  // 0: builds none.
  explicit AdjacencyCache(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // nullptr: walk the lists of `twins` twins instead, and tell AddSteps. An Adjacency is built once
  // as much has been walked at this state of the type as building costs; so a type that changes all
  // the time costs at most twice what walking does.
  std::shared_ptr<const Adjacency> Get(const graph::GraphView& view, RelationshipTypeId type,
                                       bool outgoing, size_t twins) ABSL_LOCKS_EXCLUDED(mutex_);
  void AddSteps(const graph::GraphView& view, RelationshipTypeId type, bool outgoing,
                uint64_t steps) ABSL_LOCKS_EXCLUDED(mutex_);

  uint64_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t built() const ABSL_LOCKS_EXCLUDED(mutex_);  // so far

 private:
  struct Key {
    uint32_t type;
    bool outgoing;
    uint64_t topology;
    bool operator==(const Key& other) const = default;
    template <typename H>
    friend H AbslHashValue(H hash, const Key& key) {
      return H::combine(std::move(hash), key.type, key.outgoing, key.topology);
    }
  };
  struct Entry {
    std::shared_ptr<const Adjacency> adjacency;
    uint64_t steps = 0;  // walked for want of it
    uint64_t used = 0;   // when, on ticks_
    bool building = false;
  };
  static Key KeyOf(const graph::GraphView& view, RelationshipTypeId type, bool outgoing);
  Entry& Use(const Key& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EvictFor(uint64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t bytes_max_;
  mutable Mutex mutex_;
  absl::flat_hash_map<Key, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t ticks_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t built_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_ADJACENCY_H_
