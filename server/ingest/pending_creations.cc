#include "server/ingest/pending_creations.h"

#include <cstring>
#include <utility>

#include "absl/hash/hash.h"
#include "server/graph/graph.h"

namespace twin::ingest {
namespace {

uint32_t HashOf(TwinNumber source, absl::string_view id) {
  return static_cast<uint32_t>(absl::HashOf(source.value, id));
}

// The part of a copy.
absl::string_view SameIn(absl::string_view copy, absl::string_view whole, absl::string_view part) {
  return copy.substr(static_cast<size_t>(part.data() - whole.data()), part.size());
}

}  // namespace

PendingCreations::PendingCreations() : last_out_(kEnds, kNone), last_in_(kEnds, kNone) {}

absl::string_view PendingCreations::Texts::Add(absl::string_view text) {
  if (used_ + text.size() > kBlockBytes) {
    // NOLINTNEXTLINE(modernize-make-unique): which would fill it with zeros
    blocks_.emplace_back(new char[std::max(text.size(), kBlockBytes)]);
    used_ = 0;
  }
  char* const at = blocks_.back().get() + used_;
  std::memcpy(at, text.data(), text.size());
  used_ = std::min(used_ + text.size(), kBlockBytes);
  return {at, text.size()};
}

void PendingCreations::Texts::ForgetBlocksBelow(uint64_t block) {
  for (; first_ < block; ++first_) blocks_.pop_front();
  if (blocks_.empty()) used_ = kBlockBytes;
}

void PendingCreations::Reset(uint32_t next_twin, uint32_t next_relationship) {
  twins_.Reset(next_twin);
  relationships_.Reset(next_relationship);
  twins_by_id_.Clear();
  relationships_by_id_.Clear();
  std::fill(last_out_.begin(), last_out_.end(), kNone);
  std::fill(last_in_.begin(), last_in_.end(), kNone);
  texts_.ForgetBlocksBelow(texts_.blocks());
  records_.clear();
}

void PendingCreations::Add(const Twin& twin) {
  const uint32_t number = twins_.end();
  Twin kept = twin;
  kept.bytes = texts_.Add(twin.bytes);
  kept.id = SameIn(kept.bytes, twin.bytes, twin.id);
  twins_.Push(kept);
  twins_by_id_.Add(static_cast<uint32_t>(graph::GraphView::HashOf(twin.id)), number,
                   [&](uint32_t each) { return twins_.Has(each); });
}

void PendingCreations::Add(Relationship relationship) {
  const uint32_t number = relationships_.end();
  if (relationship.bytes.empty()) {
    relationship.id = texts_.Add(relationship.id);
  } else {
    const absl::string_view bytes =
        std::exchange(relationship.bytes, texts_.Add(relationship.bytes));
    relationship.id = SameIn(relationship.bytes, bytes, relationship.id);
  }
  relationship.before_out = std::exchange(last_out_[relationship.source.value % kEnds], number);
  relationship.before_in = std::exchange(last_in_[relationship.target.value % kEnds], number);
  relationships_.Push(relationship);
  relationships_by_id_.Add(HashOf(relationship.source, relationship.id), number,
                           [&](uint32_t each) { return relationships_.Has(each); });
}

void PendingCreations::CutBack(uint32_t next_twin, uint32_t next_relationship) {
  twins_.CutBack(next_twin);
  for (uint32_t number = relationships_.end(); number-- > next_relationship;) {
    const Relationship& each = relationships_[number];
    if (each.id.empty()) continue;
    last_out_[each.source.value % kEnds] = each.before_out;
    last_in_[each.target.value % kEnds] = each.before_in;
  }
  relationships_.CutBack(next_relationship);
}

void PendingCreations::EndRecord(uint64_t record) {
  records_.push_back({record, twins_.end(), relationships_.end(), texts_.blocks()});
}

void PendingCreations::Applied(uint64_t record) {
  for (; !records_.empty() && records_.front().number <= record; records_.pop_front()) {
    const Record& last = records_.front();
    twins_.ForgetBelow(last.next_twin);
    relationships_.ForgetBelow(last.next_relationship);
    // The record after it may have texts in its last block.
    if (last.blocks > 0) texts_.ForgetBlocksBelow(last.blocks - 1);
  }
}

TwinNumber PendingCreations::FindTwin(absl::string_view id, size_t hash) const {
  return TwinNumber(twins_by_id_.Find(static_cast<uint32_t>(hash), [&](uint32_t number) {
    return twins_.Has(number) && twins_[number].id == id;
  }));
}

RelationshipNumber PendingCreations::FindRelationship(TwinNumber source,
                                                      absl::string_view id) const {
  return RelationshipNumber(relationships_by_id_.Find(HashOf(source, id), [&](uint32_t number) {
    return relationships_.Has(number) && relationships_[number].source == source &&
           relationships_[number].id == id;
  }));
}

void PendingCreations::FetchRelationship(TwinNumber source, absl::string_view id) const {
  relationships_by_id_.Fetch(HashOf(source, id));
}

}  // namespace twin::ingest
