#include "server/engine/past_expand.h"

#include <algorithm>
#include <utility>

namespace twin::engine {
namespace {

using query::Expansion;

void Add(uint32_t source, uint32_t relationship, uint32_t target, Expansion* out) {
  out->sources.push_back(source);
  out->relationships.push_back(relationship);
  out->targets.push_back(target);
}

}  // namespace

bool IsOfType(uint32_t type, absl::Span<const RelationshipTypeId> types, bool any_type) {
  return any_type || std::find(types.begin(), types.end(), RelationshipTypeId(type)) != types.end();
}

PastExpander::PastExpander(const PastSources& sources, const PastTwins* twins,
                           const PastRelationships* relationships, Time at)
    : view_(*sources.view),
      expander_(*sources.expander),
      twins_(*twins),
      relationships_(*relationships),
      at_(at) {
  FindEndedRelationships();
}

size_t PastExpander::Expand(absl::Span<const uint32_t> twins, size_t first, Direction direction,
                            absl::Span<const RelationshipTypeId> types, bool any_type, size_t max,
                            Expansion* out) const {
  out->clear();
  // What goes on existing is followed as always, in parts without twins that have ended.
  Expansion present;
  size_t at = first;
  while (at < twins.size() && out->sources.size() < max) {
    const size_t end = EndOfPresent(twins, at);
    if (end == at) {
      AddEnded(twins[at], static_cast<uint32_t>(at), direction, types, any_type, out);
      ++at;
      continue;
    }
    const size_t next = expander_.Expand(twins.subspan(0, end), at, {direction, types, any_type},
                                         max - out->sources.size(), &present);
    Merge(twins, at, next, direction, types, any_type, present, out);
    at = next;
  }
  return at;
}

bool PastExpander::IsLinked(const graph::EndedRelationship& ended) const {
  return ended.begin <= at_ && at_ < ended.end && twins_.IsThere(ended.source.value) &&
         twins_.IsThere(ended.target.value);
}

void PastExpander::FindEndedRelationships() {
  for (const PastIndex::Relationship& each : relationships_.index().relationships()) {
    if (!IsLinked(each.ended)) continue;
    ended_links_[each.ended.source.value].outgoing.push_back(&each);
    ended_links_[each.ended.target.value].incoming.push_back(&each);
  }
}

// From `at` on, before which twin there is one that the view does not have.
size_t PastExpander::EndOfPresent(absl::Span<const uint32_t> twins, size_t at) const {
  if (!twins_.has_ended()) return twins.size();
  while (at < twins.size() && view_.Exists(TwinNumber(twins[at]))) ++at;
  return at;
}

// Adds what twins[first, next) still have, of `present`, and what they had.
void PastExpander::Merge(absl::Span<const uint32_t> twins, size_t first, size_t next,
                         Direction direction, absl::Span<const RelationshipTypeId> types,
                         bool any_type, const Expansion& present, Expansion* out) const {
  size_t k = 0;
  const auto add_present = [&](size_t until) {
    for (; k < present.sources.size() && present.sources[k] < until; ++k) {
      if (view_.BeginOf(RelationshipNumber(present.relationships[k])) > at_ ||
          !twins_.IsThere(present.targets[k])) {
        continue;
      }
      Add(present.sources[k], present.relationships[k], present.targets[k], out);
    }
  };
  for (size_t i = first; i < next && !ended_links_.empty(); ++i) {
    if (!ended_links_.contains(twins[i])) continue;
    add_present(i);
    const size_t begin = out->sources.size();
    add_present(i + 1);
    AddEnded(twins[i], static_cast<uint32_t>(i), direction, types, any_type, out);
    Sort(twins[i], direction, begin, out);
  }
  add_present(next);
}

void PastExpander::AddEnded(uint32_t twin, uint32_t source, Direction direction,
                            absl::Span<const RelationshipTypeId> types, bool any_type,
                            Expansion* out) const {
  const auto it = ended_links_.find(twin);
  if (it == ended_links_.end()) return;
  if (direction != Direction::kIncoming) {
    for (const PastIndex::Relationship* each : it->second.outgoing) {
      if (!IsOfType(each->ended.type.value, types, any_type)) continue;
      Add(source, each->ended.relationship.value, each->ended.target.value, out);
    }
  }
  if (direction == Direction::kOutgoing) return;
  for (const PastIndex::Relationship* each : it->second.incoming) {
    const bool is_loop = each->ended.source == each->ended.target;
    if ((direction == Direction::kEither && is_loop) ||
        !IsOfType(each->ended.type.value, types, any_type)) {
      continue;
    }
    Add(source, each->ended.relationship.value, each->ended.source.value, out);
  }
}

// In the order of creation, of both directions outgoing ones first, from item `begin` on: all are
// of one twin.
void PastExpander::Sort(uint32_t twin, Direction direction, size_t begin, Expansion* out) const {
  const size_t count = out->sources.size() - begin;
  const auto relationships = absl::MakeConstSpan(out->relationships).subspan(begin);
  std::vector<uint32_t> sources;
  std::vector<uint32_t> targets;
  relationships_.Ends(relationships, &sources, &targets);
  struct End {
    bool is_incoming;
    uint32_t relationship, target;
  };
  std::vector<End> items;
  for (size_t i = 0; i < count; ++i) {
    const bool is_incoming = direction == Direction::kEither && sources[i] != twin;
    items.push_back({is_incoming, relationships[i], out->targets[begin + i]});
  }
  std::sort(items.begin(), items.end(), [](const End& a, const End& b) {
    return std::pair(a.is_incoming, a.relationship) < std::pair(b.is_incoming, b.relationship);
  });
  for (size_t i = 0; i < count; ++i) {
    out->relationships[begin + i] = items[i].relationship;
    out->targets[begin + i] = items[i].target;
  }
}

}  // namespace twin::engine
