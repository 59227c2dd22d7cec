// Conditions over changes, as the engine evaluates them with the query language.
#ifndef TWIN_SERVER_EVENTS_CONDITION_H_
#define TWIN_SERVER_EVENTS_CONDITION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/events/event.h"
#include "server/graph/graph.h"

namespace twin::events {

inline constexpr uint8_t kMatchesNow = 2;

// What a match of a condition makes of an event: itself, or a copy that says so.
EventPtr Matched(EventPtr event, uint8_t match);

// What twins were at the sequence of an event, of what that event does not say. Thread-compatible.
class EventContext {
 public:
  virtual ~EventContext() = default;
  struct Found {
    Value value;           // as it is stored; null: none
    bool is_exact = true;  // false: it has changed since, and is what it is now
  };
  // The value of a path that the event, of a twin, leaves alone.
  virtual Found ValueAt(const Event& event, absl::string_view path) = 0;
};

// Thread-compatible.
class Condition {
 public:
  virtual ~Condition() = default;
  // Paths that it names with new. or old.
  virtual const std::vector<std::string>& paths() const = 0;
  // Paths that it may ask the context for.
  virtual const std::vector<std::string>& context_paths() const = 0;
  // Sets matches[i] to 1 if it is TRUE for events[i], which are events of twins; to kMatchesNow if
  // something that it read has changed since. A condition that fails, by an overflow, is not TRUE.
  // `context`: nullptr for events of a starting state, which say everything.
  virtual void Match(absl::Span<const Event* const> events, EventContext* context,
                     std::vector<uint8_t>* matches) = 0;
};

// A state that is held for long and may be taken away.
class HeldState {
 public:
  virtual ~HeldState() = default;
  // RESOURCE_EXHAUSTED: it was taken away.
  virtual absl::StatusOr<std::shared_ptr<const graph::GraphView>> Get() const = 0;
};

// What events need of the engine. Thread-safe.
class Host {
 public:
  virtual ~Host() = default;
  // INVALID_ARGUMENT: the text is wrong; the status has its place (query/ast/error.h). `models`: of
  // which the twins are, with those that extend them; empty: any.
  virtual absl::StatusOr<std::unique_ptr<Condition>> Compile(
      const std::string& text, const std::vector<std::string>& models) = 0;
  // The last applied state.
  virtual std::unique_ptr<HeldState> Hold() = 0;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_CONDITION_H_
