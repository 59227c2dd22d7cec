// How far a named subscription has been worked off. Twins are divided into slots by a hash of their
// id, and consumers share slots; so one consumer may be ahead of another, and each slot has a place
// of its own.
//
//   through ────┤ everything up to here is acknowledged
//   slot 0  ────┼──────┤ of this slot also what follows, up to here
//   slot 1  ────┤
#ifndef TWIN_SERVER_EVENTS_SLOT_CURSORS_H_
#define TWIN_SERVER_EVENTS_SLOT_CURSORS_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/ids.h"
#include "server/events/event.h"
#include "server/events/options.h"

namespace twin::events {

inline constexpr int kSlots = 64;
static_assert(kConsumersMax <= kSlots);

// The same for all changes of a twin, for ever: cursors are stored by slot. Relationships are where
// their source is.
int SlotOf(const Event& event);

// Thread-compatible. Places only rise.
class SlotCursors {
 public:
  explicit SlotCursors(Sequence through) : through_(through) {}

  Sequence through() const { return through_; }
  Sequence of(int slot) const { return std::max(through_, ahead_[static_cast<size_t>(slot)]); }
  bool Covers(const Event& event) const { return event.sequence <= of(SlotOf(event)); }

  // Everything of that slot up to `sequence` is acknowledged, and everything of all slots.
  void Raise(int slot, Sequence sequence);
  void RaiseAll(Sequence sequence);

  // docs/formats/events.md draws the bytes.
  std::string Encode() const;
  // DATA_LOSS: it is damaged.
  static absl::StatusOr<SlotCursors> Decode(absl::string_view bytes);

  friend bool operator==(const SlotCursors& a, const SlotCursors& b) {
    return a.Encode() == b.Encode();
  }

 private:
  Sequence through_;
  std::array<Sequence, kSlots> ahead_{};  // at or below through_: like all
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_SLOT_CURSORS_H_
