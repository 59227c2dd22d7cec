#include "server/engine/snapshot_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace twin::engine {

absl::StatusOr<std::shared_ptr<const graph::GraphView>> HeldSnapshot::Get() const {
  const MutexLock lock(&mutex_);
  if (view_ != nullptr) return view_;
  return absl::ResourceExhaustedError(absl::StrCat(
      "the snapshot that this reads expired: what was written meanwhile made snapshots "
      "keep more than snapshot_retained_bytes_max (",
      bytes_max_, " bytes); begin anew"));
}

std::shared_ptr<HeldSnapshot> SnapshotRegistry::Hold(SnapshotUse use,
                                                     std::shared_ptr<const graph::GraphView> view) {
  const std::shared_ptr<HeldSnapshot> held(new HeldSnapshot(use, std::move(view)));
  const MutexLock lock(&mutex_);
  // Those that ended go here, so that the list is no longer than twice what is alive.
  while (!held_.empty() && held_.front().expired()) held_.pop_front();
  if (held_.size() >= 16 && held_[held_.size() / 2].expired()) {
    std::deque<std::weak_ptr<HeldSnapshot>> alive;
    for (std::weak_ptr<HeldSnapshot>& each : held_) {
      if (!each.expired()) alive.push_back(std::move(each));
    }
    held_ = std::move(alive);
  }
  held_.push_back(held);
  return held;
}

bool SnapshotRegistry::Enforce(uint64_t retained, uint64_t bytes_max) {
  if (retained <= bytes_max) return false;
  std::shared_ptr<const graph::GraphView> taken;  // let go without the lock
  std::shared_ptr<HeldSnapshot> chosen;
  const MutexLock lock(&mutex_);
  if (!leaving_.expired()) return false;
  for (const std::weak_ptr<HeldSnapshot>& each : held_) {
    const std::shared_ptr<HeldSnapshot> alive = each.lock();
    if (alive == nullptr) continue;
    {
      const MutexLock of_held(&alive->mutex_);
      if (alive->view_ == nullptr) continue;
    }
    if (chosen == nullptr || chosen->use_ == SnapshotUse::kQuery) {
      if (chosen == nullptr || alive->use_ != SnapshotUse::kQuery) chosen = alive;
    }
    if (chosen->use_ != SnapshotUse::kQuery) break;
  }
  if (chosen == nullptr) return false;
  const MutexLock of_held(&chosen->mutex_);
  taken = std::move(chosen->view_);
  chosen->view_ = nullptr;
  chosen->bytes_max_ = bytes_max;
  chosen->is_taken_ = true;
  leaving_ = taken;
  ++expired_;
  return true;
}

uint64_t SnapshotRegistry::held() const {
  const MutexLock lock(&mutex_);
  uint64_t count = 0;
  for (const std::weak_ptr<HeldSnapshot>& each : held_) count += each.expired() ? 0 : 1;
  return count;
}

uint64_t SnapshotRegistry::expired() const {
  const MutexLock lock(&mutex_);
  return expired_;
}

}  // namespace twin::engine
