#include "server/events/latest.h"

#include <algorithm>
#include <utility>

namespace twin::events {
namespace {

// What a merged event points into.
struct Keepers {
  std::vector<std::shared_ptr<const void>> keep;
};

}  // namespace

void Latest::Add(const EventPtr& event) {
  const bool is_of_values = (event->type == EventType::kTwinUpdated && event->old_model.empty()) ||
                            event->type == EventType::kTelemetry;
  if (!is_of_values) {
    of_twin_.erase(event->twin.value);
    kept_.push_back({nullptr, event});
    ++size_;
    return;
  }
  const auto [found, is_new] = of_twin_.emplace(event->twin.value, kept_.size());
  if (is_new) {
    kept_.push_back({std::make_shared<Event>(*event), nullptr});
    size_ += event->changes.size();
    return;
  }
  Event& merged = *kept_[found->second].merged;
  merged.sequence = event->sequence;
  merged.index = event->index;
  merged.time = event->time;
  if (event->type == EventType::kTelemetry) merged.type = EventType::kTelemetry;
  bool has_new_path = false;
  for (const PathChange& change : event->changes) {
    const auto same =
        std::find_if(merged.changes.begin(), merged.changes.end(),
                     [&](const PathChange& each) { return each.path == change.path; });
    if (same == merged.changes.end()) {
      merged.changes.push_back(change);
      has_new_path = true;
      ++size_;
    } else if (same->late || !change.late) {
      // A late sample is no latest value, unless there is no other.
      same->new_value = change.new_value;
      same->source_time = change.source_time;
      if (same->late && !change.late) {
        same->old_value = change.old_value;
        same->has_old = change.has_old;
      }
      same->late = change.late;
    }
  }
  if (!has_new_path) return;
  auto keep = std::make_shared<Keepers>();
  keep->keep = {merged.keep, event->keep};
  merged.keep = std::move(keep);
}

std::vector<EventPtr> Latest::Take() {
  std::vector<EventPtr> events;
  events.reserve(kept_.size());
  for (Kept& each : kept_) {
    if (each.merged != nullptr) {
      events.push_back(std::move(each.merged));
    } else {
      events.push_back(std::move(each.other));
    }
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const EventPtr& a, const EventPtr& b) { return a->sequence < b->sequence; });
  kept_.clear();
  of_twin_.clear();
  size_ = 0;
  return events;
}

}  // namespace twin::events
