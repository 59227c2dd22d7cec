// What is to be sent to one subscription, cut into messages.
#ifndef TWIN_SERVER_EVENTS_OUTBOX_H_
#define TWIN_SERVER_EVENTS_OUTBOX_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "server/base/ids.h"
#include "server/events/event.h"
#include "server/events/latest.h"

namespace twin::events {

struct Message {
  std::vector<EventPtr> events;
  bool more = false;  // of the same transaction or starting state
  // It is cut nowhere but at its end: a starting state, latest values.
  bool is_whole = false;
  bool is_notice = false;  // no part of the order: it has no place
  Sequence through;        // without `more`: all up to here is sent
};

// Events as they come, or the latest values of each interval. Times are nanoseconds of the steady
// clock. Thread-compatible.
class Outbox {
 public:
  struct Options {
    int64_t interval_ns = 0;  // 0: every event; else latest values
    int64_t progress_interval_ns = 0;
    size_t latest_keys_max = 0;  // values that wait for their interval
    size_t message_bytes = 0;    // a message is about as long at most
  };

  // `through`: all up to here is sent.
  Outbox(const Options& options, Sequence through) : options_(options), through_(through) {}

  // Nothing is ready to be sent.
  bool empty() const { return ready_.empty(); }

  // In their order; with them, everything up to `through` is here.
  void Add(std::vector<EventPtr> events, Sequence through);
  // The next events of a starting state, where it is empty. `is_last`: no more of them come.
  void SetState(std::vector<EventPtr> events, bool is_last);
  // Makes latest values ready if they are due. To be called after what was added to an empty one.
  void ReleaseLatest(int64_t now_ns);

  // Takes what a message holds. False: there is nothing to say, not even where the subscription
  // stands. `has_state`: more of the starting state comes.
  bool Take(bool has_state, int64_t now_ns, Message* message);
  // When it has something to say even if nothing comes. As of the last Take.
  int64_t wake_ns() const { return wake_ns_; }
  // The last message had `more`.
  bool is_in_part() const { return is_in_part_; }
  Sequence through() const { return through_; }

 private:
  bool holds_latest() const { return latest_.size() > 0; }

  const Options options_;
  Latest latest_;
  std::deque<EventPtr> ready_;  // to be sent
  bool is_whole_ = false;       // no token but at the end: a state, latest values
  Sequence through_;            // when all of it is sent
  int64_t told_ns_ = 0;         // when it was last told where it stands
  int64_t due_ns_ = 0;          // latest values
  int64_t wake_ns_ = INT64_MAX;
  bool is_in_part_ = false;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_OUTBOX_H_
