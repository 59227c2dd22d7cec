// The events of one named subscription, divided among its consumers: by twin, each twin's in order.
//
//   events ─▶ slot of the twin ─▶ queue of the consumer that owns the slot ─▶ sent ─▶ acknowledged
//                             └─▶ held, while the slot moves from one consumer to another
//
// A slot moves once nothing of it is sent and not acknowledged, and all slots that move do so at
// once: so the order of each twin stays, and a transaction is never divided for a consumer. What a
// consumer leaves unacknowledged goes to those who take over its slots, before what follows; they
// may have had their own part of such a transaction.
#ifndef TWIN_SERVER_EVENTS_SHARED_DELIVERY_H_
#define TWIN_SERVER_EVENTS_SHARED_DELIVERY_H_

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "server/events/event.h"
#include "server/events/slot_cursors.h"

namespace twin::events {

struct ConsumerMessage {
  std::vector<EventPtr> events;
  bool more = false;         // of the same transaction
  bool redelivered = false;  // some of it went to a consumer before
  uint64_t delivery = 0;     // with the last part: what is acknowledged; rises from 1
  // Filled in by NamedSubscriptions.
  uint64_t acknowledged = 0;  // deliveries up to this one never come again
  Sequence through;           // all consumers have acknowledged everything up to here
  Time sought;                // when the subscription was created, or last moved by a seek
};

// Thread-compatible.
class SharedDelivery {
 public:
  using ConsumerId = uint64_t;  // not 0

  // What `cursors` covers is left out.
  SharedDelivery(const SlotCursors& cursors, uint64_t message_bytes)
      : message_bytes_(message_bytes), cursors_(cursors), through_(cursors.through()) {}

  // Slots are divided anew.
  void Join(ConsumerId consumer);
  void Leave(ConsumerId consumer);
  bool has_consumers() const { return !shares_.empty(); }

  // Events in order. `more`: the transaction of the last one goes on. Else `through`: there is
  // nothing else up to there.
  void Take(const std::vector<EventPtr>& events, bool more, Sequence through);
  // Taken, and neither acknowledged nor covered.
  uint64_t events() const { return events_; }
  uint64_t bytes() const { return bytes_; }

  void AddCredit(ConsumerId consumer, int64_t events) { shares_.at(consumer).credit += events; }
  int64_t credit(ConsumerId consumer) const { return shares_.at(consumer).credit; }
  int slots(ConsumerId consumer) const;
  uint64_t unacknowledged(ConsumerId consumer) const;
  // When the oldest delivery was sent that is not acknowledged; INT64_MAX: there is none.
  int64_t OldestSentNs(ConsumerId consumer) const;

  // The next message for that consumer. A transaction is begun with any credit, and ended without.
  // False: nothing is there, or the credit is used up.
  bool Next(ConsumerId consumer, int64_t now_ns, ConsumerMessage* message);

  // All deliveries of that consumer up to this one. INVALID_ARGUMENT: it was not sent.
  absl::Status Acknowledge(ConsumerId consumer, uint64_t delivery);
  // Everything of all slots, whoever has it.
  void AcknowledgeThrough(Sequence sequence);
  const SlotCursors& cursors() const { return cursors_; }

 private:
  struct Held {
    EventPtr event;
    int slot = 0;
    bool again = false;
  };
  struct Sent {
    uint64_t delivery = 0;
    std::vector<Held> events;
    int64_t ns = 0;
  };
  struct Share {
    std::deque<Held> queue;
    std::deque<Held> part;        // taken from the queue, to be sent next
    std::vector<Held> part_sent;  // sent, of a transaction that goes on in `part`
    std::deque<Sent> sent;
    int64_t part_ns = INT64_MAX;  // when the first of `part_sent` was sent
    uint64_t delivery = 0;
    int64_t credit = 0;
  };

  void Put(Held held);
  void Hold(const Event& event);
  void Release(const Event& event);
  // Takes the front transaction of a queue.
  void TakeTransaction(std::deque<Held>* queue, std::vector<Held>* events);
  void Rebalance(std::vector<Held> events);
  void Distribute(std::vector<Held> events);
  void TakeQueues(std::vector<Held>* events);
  void MoveSlots();
  void RaiseThrough();

  const uint64_t message_bytes_;
  SlotCursors cursors_;
  Sequence through_;
  std::map<ConsumerId, Share> shares_;
  std::array<ConsumerId, kSlots> owner_{};      // 0: nobody
  std::array<ConsumerId, kSlots> target_{};     // another one: the slot moves there
  std::array<uint64_t, kSlots> outstanding_{};  // events that are sent, of each slot
  std::vector<EventPtr> begun_;                 // a transaction that is not there as a whole
  std::vector<Held> held_;
  std::map<uint64_t, uint64_t> sequences_;  // of what is taken: how many events of each
  uint64_t events_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_SHARED_DELIVERY_H_
