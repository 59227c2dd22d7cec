// Events: what changed, decoded from the journal's records. Immutable once made; subscribers share
// them by pointer.
#ifndef TWIN_SERVER_EVENTS_EVENT_H_
#define TWIN_SERVER_EVENTS_EVENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"

namespace twin::events {

enum class EventType : uint8_t {
  kTwinCreated,
  kTwinUpdated,
  kTwinDeleted,
  kRelationshipCreated,
  kRelationshipUpdated,
  kRelationshipDeleted,
  kTelemetry,  // samples of a twin; its properties among them
  kModelCreated,
  kModelUpdated,  // decommissioned, or no longer
  kModelDeleted,
  kTwinState,  // of a starting state: as it is, not a change
  kRelationshipState,
  kServerNotice,  // no part of the order; only for those who name the type
};
inline constexpr int kEventTypes = 13;

// "twin.created", "telemetry", …
absl::string_view NameOf(EventType type);
// False: there is no such type.
bool TypeOf(absl::string_view name, EventType* type);

inline bool IsOfRelationship(EventType type) {
  return (type >= EventType::kRelationshipCreated && type <= EventType::kRelationshipDeleted) ||
         type == EventType::kRelationshipState;
}
inline bool IsOfModel(EventType type) {
  return type >= EventType::kModelCreated && type <= EventType::kModelDeleted;
}

// One path that changed.
struct PathChange {
  absl::string_view path;  // "soh.value"
  Value old_value;         // null: there was none
  Value new_value;         // null: removed
  Time source_time;
  bool late = false;    // an older sample than the last one: has no old value
  bool has_old = true;  // false: the old value is not recorded
};

// What the server has to say.
struct Notice {
  std::string reason;   // SUBSCRIBER_BEHIND, …
  std::string message;  // for people
  std::string subject;  // "subscriptions/alarms"; empty: the stream itself, or all
};

// Bytes that are made once, by whichever thread comes first, and then shared. A copy begins
// without.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(const SharedBytes& /*other*/) {}
  SharedBytes& operator=(const SharedBytes&) = delete;
  ~SharedBytes() { delete bytes_.load(std::memory_order_relaxed); }

  // nullptr: nobody has made them. They live as long as this does.
  const std::string* Get() const { return bytes_.load(std::memory_order_acquire); }
  // What was kept first.
  const std::string& Keep(std::string bytes) const {
    auto mine = std::make_unique<const std::string>(std::move(bytes));
    const std::string* kept = nullptr;
    if (!bytes_.compare_exchange_strong(kept, mine.get(), std::memory_order_acq_rel)) return *kept;
    return *mine.release();
  }

 private:
  mutable std::atomic<const std::string*> bytes_{nullptr};
};

// At most one for each twin, relationship or model and sequence. Texts are views of what `keep`
// owns.
struct Event {
  Sequence sequence;
  uint32_t index = 0;  // among those of the sequence: the same whenever it is decoded
  EventType type = EventType::kTwinUpdated;
  Time time;  // the server's

  // The twin; of a relationship its source.
  TwinNumber twin = kNoTwin;
  TableId table;
  absl::string_view twin_id;
  absl::string_view model_id;   // of the twin; of a model's event itself
  absl::string_view old_model;  // kTwinUpdated: moved from that model; empty: stays

  // Of relationships.
  RelationshipNumber relationship = kNoRelationship;
  RelationshipTypeId relationship_type;
  TwinNumber target = kNoTwin;
  absl::string_view relationship_id;
  absl::string_view name;
  absl::string_view target_id;

  bool decommissioned = false;  // kModelUpdated
  // Something that it leaves alone was read from a later state, for the filter's condition.
  bool is_context_current = false;
  std::shared_ptr<const Notice> notice;  // kServerNotice
  std::vector<PathChange> changes;
  std::shared_ptr<const void> keep;
  // As those are sent it who get it in its usual form: at most Bytes() more, which nobody counts,
  // for all of them together, and only while some have been sent it and others have not.
  SharedBytes encoded;

  // About what a message takes for it, and never less.
  size_t Bytes() const;
};
using EventPtr = std::shared_ptr<const Event>;

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_EVENT_H_
