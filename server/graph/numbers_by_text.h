// A set of numbers that stand for strings, found by the string.
#ifndef TWIN_SERVER_GRAPH_NUMBERS_BY_TEXT_H_
#define TWIN_SERVER_GRAPH_NUMBERS_BY_TEXT_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::graph {

// Numbers alone, 5 bytes a slot: their strings are what `Texts` has under them, Get(number). Slots
// come in groups of eight, each of which fits a cache line mostly; what finds no room in its group
// goes to the next that has. It grows by half, reading texts in the order of their numbers, which
// is the order in which they lie in memory. Thread-compatible.
template <typename Texts>
class NumbersByText {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  explicit NumbersByText(const Texts* texts) : texts_(*texts) {}

  static size_t HashOf(absl::string_view text) { return absl::HashOf(text); }

  // kNone: there is no such string.
  uint32_t Find(absl::string_view text) const { return Find(text, HashOf(text)); }
  uint32_t Find(absl::string_view text, size_t hash) const {
    const uint32_t* slot = SlotOf(text, hash);
    return slot == nullptr ? kNone : *slot;
  }
  // A hint: what Find looks at first, of a text with that hash.
  void Fetch(size_t hash) const {
    if (!groups_.empty()) __builtin_prefetch(&groups_[HomeOf(hash)], /*rw=*/1);
  }
  // What Find will probably give: one whose hash is alike, without a look at its text.
  uint32_t Guess(size_t hash) const {
    if (groups_.empty()) return kNone;
    const Group& home = groups_[HomeOf(hash)];
    const uint64_t same = Matches(home, TagOf(hash));
    return same == 0 ? kNone : home.numbers[IndexOf(same)];
  }

  // The number takes the place of one with the same string, which is returned; else kNone.
  uint32_t Put(uint32_t number) {
    const absl::string_view text = texts_.Get(number);
    return Put(number, text, HashOf(text));
  }
  uint32_t Put(uint32_t number, absl::string_view text, size_t hash) {
    if (uint32_t* slot = SlotOf(text, hash)) return std::exchange(*slot, number);
    AddNew(number, hash);
    return kNone;
  }
  // Of a string that is not there.
  void AddNew(uint32_t number, size_t hash) {
    if (used_ + 1 > SlotsMax(groups_.size())) Grow(live_ + 1);
    Insert(number, hash);
  }
  // Which is there.
  void Remove(uint32_t number) {
    const absl::string_view text = texts_.Get(number);
    uint32_t* slot = SlotOf(text, HashOf(text));
    if (slot == nullptr || *slot != number) return;
    Group& group = groups_[(reinterpret_cast<const char*>(slot) -
                            reinterpret_cast<const char*>(groups_.data())) /
                           sizeof(Group)];
    const auto index = static_cast<size_t>(slot - group.numbers);
    // A search ends at the first group that has an empty slot: one that was full stays so.
    const bool ends_here = Matches(group, kEmpty) != 0;
    group.tags[index] = ends_here ? kEmpty : kGone;
    --live_;
    if (ends_here) --used_;
  }
  void Reserve(size_t numbers) {
    if (numbers > SlotsMax(groups_.size())) Rebuild(GroupsFor(numbers));
  }
  void Clear() {
    groups_.clear();
    groups_.shrink_to_fit();
    live_ = used_ = 0;
  }
  size_t size() const { return live_; }
  size_t bytes() const { return groups_.capacity() * sizeof(Group); }

 private:
  static constexpr size_t kSlots = 8;
  static constexpr uint8_t kEmpty = 0, kGone = 1;  // else a part of the hash
  struct Group {
    uint8_t tags[kSlots] = {};
    uint32_t numbers[kSlots];
  };
  static_assert(sizeof(Group) == 40);

  static uint8_t TagOf(size_t hash) {
    const auto tag = static_cast<uint8_t>(hash);
    return tag <= kGone ? static_cast<uint8_t>(tag + 2) : tag;
  }
  size_t HomeOf(size_t hash) const {
    return static_cast<size_t>(((hash >> 32) * uint64_t{groups_.size()}) >> 32);
  }
  // A bit set in the byte of each slot with that tag, and perhaps of some behind one of those.
  static uint64_t Matches(const Group& group, uint8_t tag) {
    uint64_t tags = 0;
    std::memcpy(&tags, group.tags, sizeof(tags));
    const uint64_t different = tags ^ (uint64_t{0x0101010101010101} * tag);
    return (different - 0x0101010101010101) & ~different & 0x8080808080808080;
  }
  static size_t IndexOf(uint64_t matches) {
    return static_cast<size_t>(std::countr_zero(matches)) / 8;
  }
  // Seven of eight slots.
  static size_t SlotsMax(size_t groups) { return groups * (kSlots - 1); }
  static size_t GroupsFor(size_t numbers) { return numbers / (kSlots - 1) + 1; }

  const uint32_t* SlotOf(absl::string_view text, size_t hash) const {
    if (groups_.empty()) return nullptr;
    const uint8_t tag = TagOf(hash);
    for (size_t at = HomeOf(hash);; at = at + 1 == groups_.size() ? 0 : at + 1) {
      const Group& group = groups_[at];
      for (uint64_t same = Matches(group, tag); same != 0; same &= same - 1) {
        const size_t i = IndexOf(same);
        if (group.tags[i] == tag && texts_.Get(group.numbers[i]) == text) return &group.numbers[i];
      }
      if (Matches(group, kEmpty) != 0) return nullptr;
    }
  }
  uint32_t* SlotOf(absl::string_view text, size_t hash) {
    return const_cast<uint32_t*>(std::as_const(*this).SlotOf(text, hash));
  }
  void Insert(uint32_t number, size_t hash) {
    for (size_t at = HomeOf(hash);; at = at + 1 == groups_.size() ? 0 : at + 1) {
      Group& group = groups_[at];
      for (size_t i = 0; i < kSlots; ++i) {
        if (group.tags[i] > kGone) continue;
        if (group.tags[i] == kEmpty) ++used_;
        group.tags[i] = TagOf(hash);
        group.numbers[i] = number;
        ++live_;
        return;
      }
    }
  }
  void Grow(size_t numbers) {
    // Half as much again, unless most of what is used is gone.
    Rebuild(GroupsFor(std::max<size_t>(numbers + numbers / 2, kSlots)));
  }
  void Rebuild(size_t groups) {
    uint32_t end = 0;
    const auto for_each = [](const std::vector<Group>& all, auto visit) {
      for (const Group& group : all) {
        for (size_t i = 0; i < kSlots; ++i) {
          if (group.tags[i] > kGone) visit(group.numbers[i]);
        }
      }
    };
    for_each(groups_, [&](uint32_t number) { end = std::max(end, number + 1); });
    std::vector<bool> there(end);
    for_each(groups_, [&](uint32_t number) { there[number] = true; });
    std::vector<Group>(groups).swap(groups_);
    live_ = used_ = 0;
    constexpr size_t kAtOnce = 32;
    uint32_t numbers[kAtOnce];
    size_t hashes[kAtOnce];
    size_t count = 0;
    const auto insert = [&] {
      for (size_t i = 0; i < count; ++i) Insert(numbers[i], hashes[i]);
      count = 0;
    };
    for (uint32_t number = 0; number < end; ++number) {
      if (!there[number]) continue;
      numbers[count] = number;
      hashes[count] = HashOf(texts_.Get(number));
      Fetch(hashes[count]);
      if (++count == kAtOnce) insert();
    }
    insert();
  }

  const Texts& texts_;
  std::vector<Group> groups_;
  size_t live_ = 0;
  size_t used_ = 0;  // slots that are not empty
};

}  // namespace twin::graph

#endif  // TWIN_SERVER_GRAPH_NUMBERS_BY_TEXT_H_
