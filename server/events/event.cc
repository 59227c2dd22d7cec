#include "server/events/event.h"

namespace twin::events {
namespace {

constexpr absl::string_view kNames[kEventTypes] = {
    "twin.created",         "twin.updated",         "twin.deleted", "relationship.created",
    "relationship.updated", "relationship.deleted", "telemetry",    "model.created",
    "model.updated",        "model.deleted",        "twin.state",   "relationship.state",
    "server.notice",
};

// What tags, lengths and times of a message take at most.
constexpr size_t kEventBytes = 128;
constexpr size_t kChangeBytes = 64;

// Members and elements have tags and lengths of their own.
size_t BytesOf(const Value& value) {
  constexpr size_t kItemBytes = 16;
  size_t bytes = kItemBytes;
  if (value.kind() == Value::Kind::kString) {
    bytes += value.as_string().size();
  } else if (value.kind() == Value::Kind::kArray) {
    for (const Value& item : value.as_array()) bytes += kItemBytes + BytesOf(item);
  } else if (value.kind() == Value::Kind::kMap) {
    for (const auto& [name, member] : value.as_map()) {
      bytes += kItemBytes + name.size() + BytesOf(member);
    }
  }
  return bytes;
}

}  // namespace

absl::string_view NameOf(EventType type) { return kNames[static_cast<int>(type)]; }

bool TypeOf(absl::string_view name, EventType* type) {
  for (int i = 0; i < kEventTypes; ++i) {
    if (kNames[i] != name) continue;
    *type = static_cast<EventType>(i);
    return true;
  }
  return false;
}

size_t Event::Bytes() const {
  size_t bytes = kEventBytes + twin_id.size() + model_id.size() + old_model.size() +
                 relationship_id.size() + name.size() + target_id.size();
  for (const PathChange& change : changes) {
    bytes +=
        kChangeBytes + change.path.size() + BytesOf(change.old_value) + BytesOf(change.new_value);
  }
  return bytes;
}

}  // namespace twin::events
