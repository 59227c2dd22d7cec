#include "server/events/shared_delivery.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace twin::events {

// --- What is taken ---

void SharedDelivery::Hold(const Event& event) {
  ++sequences_[event.sequence.value];
  ++events_;
  bytes_ += event.Bytes();
}

void SharedDelivery::Release(const Event& event) {
  const auto found = sequences_.find(event.sequence.value);
  TWIN_CHECK(found != sequences_.end());
  if (--found->second == 0) sequences_.erase(found);
  --events_;
  bytes_ -= event.Bytes();
}

void SharedDelivery::RaiseThrough() {
  cursors_.RaiseAll(sequences_.empty() ? through_ : Sequence(sequences_.begin()->first - 1));
}

void SharedDelivery::Take(const std::vector<EventPtr>& events, bool more, Sequence through) {
  for (const EventPtr& event : events) {
    if (cursors_.Covers(*event)) continue;
    Hold(*event);
    begun_.push_back(event);
  }
  size_t whole = begun_.size();
  if (more && !events.empty()) {
    const Sequence open = events.back()->sequence;
    while (whole > 0 && begun_[whole - 1]->sequence == open) --whole;
    through = Sequence(open.value - 1);
  }
  if (!more || !events.empty()) through_ = std::max(through_, through);
  for (size_t i = 0; i < whole; ++i) Put({begun_[i], SlotOf(*begun_[i])});
  begun_.erase(begun_.begin(), begun_.begin() + static_cast<std::ptrdiff_t>(whole));
  RaiseThrough();
}

void SharedDelivery::Put(Held held) {
  const auto slot = static_cast<size_t>(held.slot);
  if (owner_[slot] == target_[slot] && owner_[slot] != 0) {
    shares_.at(owner_[slot]).queue.push_back(std::move(held));
  } else {
    held_.push_back(std::move(held));
  }
}

// --- Consumers come and go ---

void SharedDelivery::Join(ConsumerId consumer) {
  TWIN_CHECK(consumer != 0 && shares_.size() < kSlots);
  shares_[consumer];
  Rebalance({});
}

void SharedDelivery::Leave(ConsumerId consumer) {
  const auto found = shares_.find(consumer);
  if (found == shares_.end()) return;
  Share share = std::move(found->second);
  shares_.erase(found);
  std::vector<Held> events(std::make_move_iterator(share.queue.begin()),
                           std::make_move_iterator(share.queue.end()));
  const auto take_back = [&](Held& held, bool was_sent) {
    --outstanding_[static_cast<size_t>(held.slot)];
    held.again = held.again || was_sent;
    if (cursors_.Covers(*held.event)) return Release(*held.event);
    events.push_back(std::move(held));
  };
  for (Sent& sent : share.sent) {
    for (Held& held : sent.events) take_back(held, true);
  }
  for (Held& held : share.part_sent) take_back(held, true);
  for (Held& held : share.part) take_back(held, false);
  std::replace(owner_.begin(), owner_.end(), consumer, ConsumerId{0});
  Rebalance(std::move(events));
  RaiseThrough();
}

// Each gets its share of the slots, and as many as possible stay where they are.
void SharedDelivery::Rebalance(std::vector<Held> events) {
  target_ = owner_;
  if (!shares_.empty()) {
    const int count = static_cast<int>(shares_.size());
    int extra = kSlots % count;
    std::map<ConsumerId, int> room;
    std::vector<std::pair<int, ConsumerId>> by_slots;
    for (const auto& [consumer, share] : shares_) by_slots.emplace_back(-slots(consumer), consumer);
    std::sort(by_slots.begin(), by_slots.end());
    for (const auto& [slots, consumer] : by_slots) {
      room[consumer] = kSlots / count + (extra-- > 0 ? 1 : 0);
    }
    for (ConsumerId& target : target_) {
      if (target != 0 && --room[target] < 0) target = 0;
    }
    auto next = room.begin();
    for (ConsumerId& target : target_) {
      if (target != 0) continue;
      while (next->second <= 0) ++next;
      target = next->first;
      --next->second;
    }
  }
  TakeQueues(&events);
  Distribute(std::move(events));
  MoveSlots();
}

void SharedDelivery::TakeQueues(std::vector<Held>* events) {
  for (auto& [consumer, share] : shares_) {
    std::move(share.queue.begin(), share.queue.end(), std::back_inserter(*events));
    share.queue.clear();
  }
  std::move(held_.begin(), held_.end(), std::back_inserter(*events));
  held_.clear();
}

void SharedDelivery::Distribute(std::vector<Held> events) {
  std::sort(events.begin(), events.end(), [](const Held& a, const Held& b) {
    return std::make_pair(a.event->sequence.value, a.event->index) <
           std::make_pair(b.event->sequence.value, b.event->index);
  });
  for (Held& held : events) Put(std::move(held));
}

void SharedDelivery::MoveSlots() {
  bool moves = false;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    if (owner_[slot] == target_[slot]) continue;
    if (outstanding_[slot] > 0) return;
    moves = true;
  }
  if (!moves) return;
  owner_ = target_;
  std::vector<Held> events;
  TakeQueues(&events);
  Distribute(std::move(events));
}

int SharedDelivery::slots(ConsumerId consumer) const {
  return static_cast<int>(std::count(owner_.begin(), owner_.end(), consumer));
}

uint64_t SharedDelivery::unacknowledged(ConsumerId consumer) const {
  const Share& share = shares_.at(consumer);
  uint64_t events = share.part_sent.size();
  for (const Sent& sent : share.sent) events += sent.events.size();
  return events;
}

int64_t SharedDelivery::OldestSentNs(ConsumerId consumer) const {
  const Share& share = shares_.at(consumer);
  return std::min(share.part_ns, share.sent.empty() ? INT64_MAX : share.sent.front().ns);
}

// --- Deliveries ---

void SharedDelivery::TakeTransaction(std::deque<Held>* queue, std::vector<Held>* events) {
  const Sequence sequence = queue->front().event->sequence;
  while (!queue->empty() && queue->front().event->sequence == sequence) {
    ++outstanding_[static_cast<size_t>(queue->front().slot)];
    events->push_back(std::move(queue->front()));
    queue->pop_front();
  }
}

bool SharedDelivery::Next(ConsumerId consumer, int64_t now_ns, ConsumerMessage* message) {
  Share& share = shares_.at(consumer);
  if (share.part.empty()) {
    if (share.credit <= 0 || share.queue.empty()) return false;
    // Whole transactions, as many as fit.
    std::vector<Held> events;
    uint64_t bytes = 0;
    size_t counted = 0;
    while (!share.queue.empty()) {
      if (!events.empty() &&
          (bytes >= message_bytes_ || static_cast<int64_t>(events.size()) >= share.credit)) {
        break;
      }
      TakeTransaction(&share.queue, &events);
      for (; counted < events.size(); ++counted) bytes += events[counted].event->Bytes();
    }
    share.part.assign(std::make_move_iterator(events.begin()),
                      std::make_move_iterator(events.end()));
  }
  uint64_t bytes = 0;
  while (!share.part.empty()) {
    Held& held = share.part.front();
    const uint64_t more = held.event->Bytes();
    if (!message->events.empty() && bytes + more > message_bytes_) break;
    bytes += more;
    message->redelivered = message->redelivered || held.again;
    message->events.push_back(held.event);
    share.part_sent.push_back(std::move(held));
    share.part.pop_front();
  }
  share.credit -= static_cast<int64_t>(message->events.size());
  message->more =
      !share.part.empty() && share.part.front().event->sequence == message->events.back()->sequence;
  share.part_ns = message->more ? std::min(share.part_ns, now_ns) : INT64_MAX;
  if (message->more) return true;
  message->delivery = ++share.delivery;
  share.sent.push_back({share.delivery, std::move(share.part_sent), now_ns});
  share.part_sent.clear();
  return true;
}

absl::Status SharedDelivery::Acknowledge(ConsumerId consumer, uint64_t delivery) {
  Share& share = shares_.at(consumer);
  if (delivery > share.delivery) {
    return absl::InvalidArgumentError(absl::StrCat("acknowledged_delivery: it is ", delivery,
                                                   ", but the last one of this stream is ",
                                                   share.delivery));
  }
  while (!share.sent.empty() && share.sent.front().delivery <= delivery) {
    for (const Held& held : share.sent.front().events) {
      cursors_.Raise(held.slot, held.event->sequence);
      --outstanding_[static_cast<size_t>(held.slot)];
      Release(*held.event);
    }
    share.sent.pop_front();
  }
  RaiseThrough();
  MoveSlots();
  return absl::OkStatus();
}

void SharedDelivery::AcknowledgeThrough(Sequence sequence) {
  cursors_.RaiseAll(sequence);
  std::vector<Held> events;
  TakeQueues(&events);
  std::erase_if(events, [&](const Held& held) {
    if (!cursors_.Covers(*held.event)) return false;
    Release(*held.event);
    return true;
  });
  std::erase_if(begun_, [&](const EventPtr& event) {
    if (!cursors_.Covers(*event)) return false;
    Release(*event);
    return true;
  });
  Distribute(std::move(events));
}

}  // namespace twin::events
