// The last value of each path of each twin since the last delivery.
#ifndef TWIN_SERVER_EVENTS_LATEST_H_
#define TWIN_SERVER_EVENTS_LATEST_H_

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/events/event.h"

namespace twin::events {

// Thread-compatible.
class Latest {
 public:
  void Add(const EventPtr& event);
  // Values that it keeps, and other events.
  size_t size() const { return size_; }
  // One event for each twin, in the order of their last changes, between the events that are no
  // changes of values. It is empty afterwards.
  std::vector<EventPtr> Take();

 private:
  struct Kept {
    std::shared_ptr<Event> merged;  // of updates and samples
    EventPtr other;
  };
  std::vector<Kept> kept_;
  absl::flat_hash_map<uint32_t, size_t> of_twin_;  // in kept_, since its last other event
  size_t size_ = 0;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_LATEST_H_
