// Who holds which snapshot for long, so that the memory which only snapshots keep has a bound.
#ifndef TWIN_SERVER_ENGINE_SNAPSHOT_REGISTRY_H_
#define TWIN_SERVER_ENGINE_SNAPSHOT_REGISTRY_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "server/base/sync.h"
#include "server/graph/graph.h"

namespace twin::engine {

// What a snapshot is held for. Queries are the last to lose theirs.
enum class SnapshotUse : uint8_t { kPage, kExport, kQuery };

// A snapshot that may be taken away. Thread-safe. Releases it at its end; may outlive the registry.
class HeldSnapshot {
 public:
  HeldSnapshot(const HeldSnapshot&) = delete;
  HeldSnapshot& operator=(const HeldSnapshot&) = delete;

  // To be asked for each piece of work, and to be let go before waiting for a client: what is given
  // out stays good as long as it is held, and its memory with it.
  // RESOURCE_EXHAUSTED: it was taken away; the message names snapshot_retained_bytes_max.
  absl::StatusOr<std::shared_ptr<const graph::GraphView>> Get() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Get() fails from now on. Cheap: may be asked often.
  bool is_taken() const { return is_taken_.load(std::memory_order_relaxed); }

 private:
  friend class SnapshotRegistry;
  HeldSnapshot(SnapshotUse use, std::shared_ptr<const graph::GraphView> view)
      : use_(use), view_(std::move(view)) {}

  const SnapshotUse use_;
  std::atomic<bool> is_taken_ = false;
  mutable Mutex mutex_;
  std::shared_ptr<const graph::GraphView> view_ ABSL_GUARDED_BY(mutex_);
  uint64_t bytes_max_ ABSL_GUARDED_BY(mutex_) = 0;  // that was exceeded
};

// Thread-safe.
class SnapshotRegistry {
 public:
  std::shared_ptr<HeldSnapshot> Hold(SnapshotUse use, std::shared_ptr<const graph::GraphView> view)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // To be called now and then with what snapshots keep: beyond `bytes_max` the oldest that is held
  // for a page or an export is taken away, or else the oldest of a query; one each time, and none
  // while the one before is still in use, since its memory is not free yet. True: one was.
  bool Enforce(uint64_t retained, uint64_t bytes_max) ABSL_LOCKS_EXCLUDED(mutex_);

  uint64_t held() const ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t expired() const ABSL_LOCKS_EXCLUDED(mutex_);  // how many were taken away since the start

 private:
  mutable Mutex mutex_;
  std::deque<std::weak_ptr<HeldSnapshot>> held_ ABSL_GUARDED_BY(mutex_);  // oldest first
  std::weak_ptr<const graph::GraphView> leaving_ ABSL_GUARDED_BY(mutex_);
  uint64_t expired_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_SNAPSHOT_REGISTRY_H_
