#include "server/events/outbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace twin::events {

void Outbox::Add(std::vector<EventPtr> events, Sequence through) {
  if (options_.interval_ns > 0) {
    for (const EventPtr& event : events) latest_.Add(event);
  } else {
    ready_.insert(ready_.end(), std::make_move_iterator(events.begin()),
                  std::make_move_iterator(events.end()));
  }
  through_ = std::max(through_, through);
}

void Outbox::SetState(std::vector<EventPtr> events, bool is_last) {
  ready_.assign(std::make_move_iterator(events.begin()), std::make_move_iterator(events.end()));
  is_whole_ = true;
  if (is_last) told_ns_ = 0;  // the token is due
}

void Outbox::ReleaseLatest(int64_t now_ns) {
  is_whole_ = false;
  if (!holds_latest()) return;
  if (now_ns < due_ns_ && latest_.size() < options_.latest_keys_max) return;
  std::vector<EventPtr> events = latest_.Take();
  ready_.assign(std::make_move_iterator(events.begin()), std::make_move_iterator(events.end()));
  is_whole_ = true;
  due_ns_ = now_ns + options_.interval_ns;
}

bool Outbox::Take(bool has_state, int64_t now_ns, Message* message) {
  size_t bytes = 0;
  while (!ready_.empty()) {
    const size_t more = ready_.front()->Bytes();
    if (!message->events.empty() && bytes + more > options_.message_bytes) break;
    bytes += more;
    message->events.push_back(std::move(ready_.front()));
    ready_.pop_front();
  }
  message->is_whole = is_whole_;
  if (!ready_.empty()) {
    message->more = is_whole_ || ready_.front()->sequence == message->events.back()->sequence;
    message->through = message->events.back()->sequence;
  } else if (has_state || (is_whole_ && holds_latest())) {
    message->more = true;
  } else {
    message->through = through_;
  }
  is_in_part_ = message->more;
  // Where it stands, now and then; while latest values wait, the token would leave them out.
  const bool is_silent =
      message->events.empty() &&
      (has_state || holds_latest() || now_ns < told_ns_ + options_.progress_interval_ns);
  if (!is_silent) told_ns_ = now_ns;
  wake_ns_ =
      std::min(told_ns_ + options_.progress_interval_ns, holds_latest() ? due_ns_ : INT64_MAX);
  return !is_silent;
}

}  // namespace twin::events
