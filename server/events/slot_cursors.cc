#include "server/events/slot_cursors.h"

#include <algorithm>

#include "server/base/coding.h"
#include "server/base/crc32c.h"

namespace twin::events {
namespace {

constexpr uint8_t kCursorsVersion = 1;

}  // namespace

int SlotOf(const Event& event) {
  const absl::string_view id = event.twin_id.empty() ? event.model_id : event.twin_id;
  return static_cast<int>(Crc32c(id) % kSlots);
}

void SlotCursors::Raise(int slot, Sequence sequence) {
  Sequence& ahead = ahead_[static_cast<size_t>(slot)];
  ahead = std::max(ahead, sequence);
}

void SlotCursors::RaiseAll(Sequence sequence) { through_ = std::max(through_, sequence); }

std::string SlotCursors::Encode() const {
  uint64_t which = 0;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    if (through_ < ahead_[slot]) which |= uint64_t{1} << slot;
  }
  std::string bytes;
  AppendFixed(&bytes, kCursorsVersion);
  AppendVarint(&bytes, through_.value);
  AppendFixed(&bytes, which);
  for (size_t slot = 0; slot < kSlots; ++slot) {
    if ((which >> slot & 1) != 0) AppendVarint(&bytes, ahead_[slot].value - through_.value);
  }
  return bytes;
}

absl::StatusOr<SlotCursors> SlotCursors::Decode(absl::string_view bytes) {
  ByteReader reader(bytes);
  const uint8_t version = reader.Byte();
  SlotCursors cursors{Sequence(reader.Varint())};
  const auto which = reader.Fixed<uint64_t>();
  for (size_t slot = 0; slot < kSlots; ++slot) {
    if ((which >> slot & 1) != 0) {
      cursors.ahead_[slot] = Sequence(cursors.through_.value + reader.Varint());
    }
  }
  if (!reader.ok() || !reader.done() || version != kCursorsVersion) {
    return absl::DataLossError("the stored place of a named subscription is damaged");
  }
  return cursors;
}

}  // namespace twin::events
