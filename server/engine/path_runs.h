// Where the ends of patterns stand, for queries that look at all of them: the cells of a pack are,
// as a rule, neighbours in their table, and a run of rows says so in twelve bytes.
#ifndef TWIN_SERVER_ENGINE_PATH_RUNS_H_
#define TWIN_SERVER_ENGINE_PATH_RUNS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "query/execute/readers.h"
#include "server/base/ids.h"
#include "server/base/sync.h"
#include "server/engine/expand.h"
#include "server/graph/graph.h"

namespace twin::engine {

// Thread-safe. For the views of one Graph. What it gives is true of every view in which the hops'
// relationships are the same and no row has moved.
class PathRunsCache {
 public:
  // 0: has none.
  explicit PathRunsCache(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // nullptr: expand instead. They are made when they are asked for a second time, or at once where
  // that costs next to nothing; not where the ends lie too far apart for runs to be worth it.
  // Cost of making: about 10 ns for each relationship that is followed, no more memory than
  // `bytes_max`, and a limit on ends. An error of `interrupted` ends it: the next one starts anew.
  // What was given up is not tried at each change again, but at ever fewer of them.
  std::shared_ptr<const query::RowRuns> Get(const graph::GraphView& view, const Expander& expander,
                                            TableId from, absl::Span<const query::Hop> hops,
                                            absl::FunctionRef<absl::Status()> interrupted)
      ABSL_LOCKS_EXCLUDED(mutex_);

  uint64_t bytes() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // What the runs follow from: the table, the epoch of its rows, the hops and their topologies.
  using Key = std::vector<uint64_t>;
  struct Entry {
    std::shared_ptr<const query::RowRuns> runs;
    bool asked = false;
    bool made = false;  // and `runs` is nullptr: not worth it
    bool making = false;
    uint64_t used = 0;  // when, on ticks_
  };
  struct GivenUp {
    uint32_t skipped = 0;  // asks, when it was last given up
    uint32_t left = 0;     // of them
  };
  // Without what changes.
  static Key ShapeOf(TableId from, absl::Span<const query::Hop> hops);
  static Key KeyOf(const graph::GraphView& view, TableId from, absl::Span<const query::Hop> hops);
  bool SkipsGivenUp(const Key& shape) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteOutcome(const Key& shape, bool made) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Drops those that were not used for longest.
  void MakeRoom(uint64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t bytes_max_;
  mutable Mutex mutex_;
  absl::flat_hash_map<Key, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<Key, GivenUp> given_up_ ABSL_GUARDED_BY(mutex_);  // by ShapeOf
  uint64_t ticks_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_PATH_RUNS_H_
