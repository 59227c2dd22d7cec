#include "server/engine/past_index.h"

#include <algorithm>
#include <tuple>

namespace twin::engine {
namespace {

auto KeyOf(const graph::FormerValue& value) {
  return std::tuple(value.relationship.value, value.column.value, value.time.ns);
}

}  // namespace

PastIndex::PastIndex(const graph::GraphView& view) {
  Twin twin;
  for (uint32_t slot = 0; slot < view.ended_twin_slots(); ++slot) {
    if (!view.GetEnded(slot, &twin.ended)) continue;
    twin.slot = slot;
    twins_.push_back(twin);
  }
  std::sort(twins_.begin(), twins_.end(), [](const Twin& a, const Twin& b) {
    return std::tuple(a.ended.twin.value, a.ended.end.ns, a.ended.version.value) <
           std::tuple(b.ended.twin.value, b.ended.end.ns, b.ended.version.value);
  });
  Relationship relationship;
  for (uint32_t slot = 0; slot < view.ended_relationship_slots(); ++slot) {
    if (!view.GetEnded(slot, &relationship.ended)) continue;
    relationship.slot = slot;
    relationships_.push_back(relationship);
  }
  std::sort(relationships_.begin(), relationships_.end(),
            [](const Relationship& a, const Relationship& b) {
              return a.ended.relationship < b.ended.relationship;
            });
  Former former;
  for (uint32_t slot = 0; slot < view.former_value_slots(); ++slot) {
    if (!view.GetFormer(slot, &former.value)) continue;
    former.slot = slot;
    former_.push_back(former);
  }
  std::sort(former_.begin(), former_.end(),
            [](const Former& a, const Former& b) { return KeyOf(a.value) < KeyOf(b.value); });
}

absl::Span<const PastIndex::Twin> PastIndex::LivesOf(TwinNumber twin) const {
  const auto less = [](const Twin& a, TwinNumber b) { return a.ended.twin < b; };
  const auto first = std::lower_bound(twins_.begin(), twins_.end(), twin, less);
  auto last = first;
  while (last != twins_.end() && last->ended.twin == twin) ++last;
  return absl::MakeConstSpan(twins_).subspan(static_cast<size_t>(first - twins_.begin()),
                                             static_cast<size_t>(last - first));
}

absl::Span<const PastIndex::Relationship> PastIndex::relationships(uint32_t first,
                                                                   uint32_t end) const {
  const auto from = [&](uint32_t number) {
    return std::lower_bound(
               relationships_.begin(), relationships_.end(), number,
               [](const Relationship& a, uint32_t b) { return a.ended.relationship.value < b; }) -
           relationships_.begin();
  };
  const auto begin = static_cast<size_t>(from(first));
  return absl::MakeConstSpan(relationships_)
      .subspan(begin, end > first ? static_cast<size_t>(from(end)) - begin : 0);
}

const PastIndex::Relationship* PastIndex::Find(RelationshipNumber relationship) const {
  const absl::Span<const Relationship> found =
      relationships(relationship.value, relationship.value + 1);
  return found.empty() ? nullptr : &found.front();
}

uint32_t PastIndex::FormerSlot(RelationshipNumber relationship, ColumnId column, Time time) const {
  // The first change after that time knows what was before it.
  const auto key = std::tuple(relationship.value, column.value, time.ns);
  const auto it = std::upper_bound(
      former_.begin(), former_.end(), key,
      [](const auto& wanted, const Former& each) { return wanted < KeyOf(each.value); });
  if (it == former_.end() || !(it->value.relationship == relationship) ||
      !(it->value.column == column)) {
    return UINT32_MAX;
  }
  return it->slot;
}

}  // namespace twin::engine
