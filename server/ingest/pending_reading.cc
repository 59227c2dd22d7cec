// What the overlay shows: the last decided state of each thing, else the applied one.
#include <utility>
#include <vector>

#include "server/base/check.h"
#include "server/ingest/pending.h"

namespace twin::ingest {
namespace {

using graph::Cell;

constexpr int kFewOutgoing = 64;

// Of a unit, encoded.
std::vector<Change> ChangesIn(absl::string_view bytes, Time time) {
  RecordHeader header;
  header.time = time;
  header.units = 1;
  std::vector<Unit> units;
  const absl::Status status = DecodeUnits(bytes, header, &units);
  TWIN_CHECK(status.ok()) << status;
  return std::move(units[0].changes);
}

}  // namespace

TwinNumber PendingState::FindTwin(absl::string_view id) const {
  if (!ids_.empty()) {  // else a hash is spared
    const auto it = ids_.find(id);
    if (it != ids_.end()) return it->second.twin;
  }
  const size_t hash = graph::GraphView::HashOf(id);
  if (made_.has_twins()) {
    const TwinNumber made = made_.FindTwin(id, hash);
    if (!(made == kNoTwin)) return made;
  }
  return head_.FindTwin(id, hash);
}

bool PendingState::Exists(TwinNumber twin) const {
  const TwinState* state = twin_states_.Find(twin.value);
  if (state != nullptr) return state->facts.exists;
  return made_.Find(twin) != nullptr || head_.Exists(twin);
}

bool PendingState::IsInPlace(TwinNumber twin, absl::string_view id) const {
  if (!head_.Exists(twin) || head_.IdOf(twin) != id) return false;
  const TwinState* state = twin_states_.Find(twin.value);
  return state == nullptr || (state->facts.exists && !state->facts.whole);
}

absl::string_view PendingState::IdOf(TwinNumber twin) const {
  const TwinState* state = twin_states_.Find(twin.value);
  if (state != nullptr && !state->id.empty()) return state->id;
  const PendingCreations::Twin* made = made_.Find(twin);
  return made != nullptr ? made->id : head_.IdOf(twin);
}

TableId PendingState::TableOf(TwinNumber twin) const {
  const TwinState* state = twin_states_.Find(twin.value);
  if (state != nullptr) return state->facts.table;
  const PendingCreations::Twin* made = made_.Find(twin);
  return made != nullptr ? made->table : head_.PlaceOf(twin).table;
}

Sequence PendingState::VersionOf(TwinNumber twin) const {
  const TwinState* state = twin_states_.Find(twin.value);
  if (state != nullptr) return state->facts.version;
  if (const uint64_t row = patches_.Last(twin); row != PendingPatches::kNone) {
    return patches_.BatchOf(row).version;
  }
  const PendingCreations::Twin* made = made_.Find(twin);
  return made != nullptr ? made->version : head_.VersionOf(twin);
}

std::vector<Change> PendingState::ChangesOf(const PendingCreations::Twin& twin) const {
  return ChangesIn(twin.bytes, twin.time);
}

std::vector<Change> PendingState::ValuesOf(const PendingCreations::Relationship& relationship) {
  if (relationship.bytes.empty()) return {};
  std::vector<Change> changes = ChangesIn(relationship.bytes, relationship.begin);
  changes.erase(changes.begin());
  return changes;
}

Value PendingState::GetValue(const PendingCreations::Relationship& relationship, ColumnId column) {
  for (Change& change : ValuesOf(relationship)) {
    if (change.column == column.value) return std::move(change.new_value);
  }
  return Value();
}

bool PendingState::HasFewOutgoing(TwinNumber twin) const {
  return made_.HasFewOutgoing(twin, kFewOutgoing) &&
         (!head_.Exists(twin) || head_.OutDegree(twin) <= kFewOutgoing);
}

Cell PendingState::Get(const PendingCreations::Twin& twin, ColumnId column) const {
  for (Change& change : ChangesOf(twin)) {
    if (change.kind != Change::Kind::kSetValue || change.column != column.value) continue;
    return {std::move(change.new_value), twin.time, change.source_time};
  }
  return Cell();
}

bool PendingState::FindPatched(TwinNumber twin, ColumnId column, Cell* cell) const {
  const PendingPatches::Batch* batch = nullptr;
  if (!patches_.Find(patches_.Last(twin), column, &cell->value, &batch)) return false;
  cell->update_time = batch->time;
  cell->source_time = batch->time;
  return true;
}

Cell PendingState::Get(TwinNumber twin, ColumnId column) const {
  const TwinState* state = twin_states_.Find(twin.value);
  if (state == nullptr) {
    const PendingCreations::Twin* made = made_.Find(twin);
    Cell patched;
    if (FindPatched(twin, column, &patched)) return patched;
    return made != nullptr ? Get(*made, column) : head_.Get(twin, column);
  }
  if (const TwinValue* value = state->Find(column)) return value->cell;
  return state->facts.whole ? Cell() : head_.Get(twin, column);
}

bool PendingState::Has(TwinNumber twin, ColumnId column) const {
  const TwinState* state = twin_states_.Find(twin.value);
  if (state == nullptr) {
    const PendingCreations::Twin* made = made_.Find(twin);
    Cell patched;
    if (FindPatched(twin, column, &patched)) return true;
    return made != nullptr ? !Get(*made, column).value.is_null() : head_.Has(twin, column);
  }
  if (const TwinValue* value = state->Find(column)) return !value->cell.value.is_null();
  return !state->facts.whole && head_.Has(twin, column);
}

Time PendingState::BeginOf(TwinNumber twin) const {
  const TwinState* state = twin_states_.Find(twin.value);
  if (state != nullptr && state->facts.whole) return state->facts.begin;
  const PendingCreations::Twin* made = made_.Find(twin);
  return made != nullptr ? made->begin : head_.BeginOf(twin);
}

Time PendingState::ChangedOf(RelationshipNumber relationship) const {
  const RelationshipState* state = relationship_states_.Find(relationship.value);
  if (state != nullptr) return state->facts.changed;
  const PendingCreations::Relationship* made = made_.Find(relationship);
  return made != nullptr ? made->begin : head_.ChangedOf(relationship);
}

Time PendingState::EndOfFormer(absl::string_view id) const {
  if (!ids_.empty()) {
    const auto it = ids_.find(id);
    if (it != ids_.end()) return twin_states_.Find(it->second.owner)->facts.former_end;
  }
  return head_.EndOfFormer(id);
}

Time PendingState::EndOfFormer(TwinNumber source, absl::string_view id) const {
  if (!relationship_ids_.empty()) {
    const auto it = relationship_ids_.find(RelationshipKey(source.value, id));
    if (it != relationship_ids_.end()) {
      return relationship_states_.Find(it->second.owner)->facts.changed;
    }
  }
  return head_.EndOfFormer(source, id);
}

uint32_t PendingState::OutDegree(TwinNumber twin) const {
  const TwinState* state = twin_states_.Find(twin.value);
  if (state != nullptr) return state->facts.out_degree;
  uint32_t degree = head_.FactsOf(twin).out_degree;
  made_.ForEachOutgoing(twin, [&](RelationshipNumber, const auto&) { ++degree; });
  return degree;
}

uint32_t PendingState::InDegree(TwinNumber twin) const {
  const TwinState* state = twin_states_.Find(twin.value);
  if (state != nullptr) return state->facts.in_degree;
  uint32_t degree = head_.FactsOf(twin).in_degree;
  made_.ForEachIncoming(twin, [&](RelationshipNumber, const auto&) { ++degree; });
  return degree;
}

bool PendingState::HasDegree(TwinNumber source, TwinNumber target, uint64_t degree) const {
  // Few come near it: those that are not counted are not many.
  const uint64_t made = made_.relationships();
  const auto may_have = [&](TwinNumber twin, auto of_facts) {
    const TwinState* state = twin_states_.Find(twin.value);
    return (state != nullptr ? of_facts(state->facts) : of_facts(head_.FactsOf(twin)) + made) >=
           degree;
  };
  return (may_have(source, [](const auto& facts) { return uint64_t{facts.out_degree}; }) &&
          OutDegree(source) >= degree) ||
         (may_have(target, [](const auto& facts) { return uint64_t{facts.in_degree}; }) &&
          InDegree(target) >= degree);
}

uint32_t PendingState::CountOutgoing(TwinNumber twin, RelationshipTypeId type) const {
  if (const TwinState* state = twin_states_.Find(twin.value)) {
    for (auto it = state->counts.rbegin(); it != state->counts.rend(); ++it) {
      if (it->type == type) return it->count;
    }
  }
  uint32_t count = head_.Exists(twin) ? head_.CountOutgoing(twin, type) : 0;
  made_.ForEachOutgoing(twin, [&](RelationshipNumber, const PendingCreations::Relationship& each) {
    if (each.type == type) ++count;
  });
  return count;
}

std::vector<RelationshipNumber> PendingState::Outgoing(TwinNumber twin) const {
  std::vector<RelationshipNumber> numbers;
  const auto add = [&](RelationshipNumber number) {
    if (Exists(number)) numbers.push_back(number);
  };
  if (head_.Exists(twin)) {
    for (RelationshipNumber each = head_.FirstOutgoing(twin); !(each == kNoRelationship);
         each = head_.NextOutgoing(each)) {
      add(each);
    }
  }
  if (const TwinState* state = twin_states_.Find(twin.value)) {
    for (const RelationshipNumber each : state->out) {
      if (!head_.Exists(each)) add(each);
    }
    return numbers;
  }
  const size_t applied = numbers.size();
  made_.ForEachOutgoing(twin, [&](RelationshipNumber each, const auto&) { add(each); });
  std::reverse(numbers.begin() + static_cast<ptrdiff_t>(applied), numbers.end());
  return numbers;
}

std::vector<RelationshipNumber> PendingState::Incoming(TwinNumber twin) const {
  std::vector<RelationshipNumber> numbers;
  const auto add = [&](RelationshipNumber number) {
    if (Exists(number)) numbers.push_back(number);
  };
  if (head_.Exists(twin)) {
    for (RelationshipNumber each = head_.FirstIncoming(twin); !(each == kNoRelationship);
         each = head_.NextIncoming(each)) {
      add(each);
    }
  }
  if (const TwinState* state = twin_states_.Find(twin.value)) {
    for (const RelationshipNumber each : state->in) {
      if (!head_.Exists(each)) add(each);
    }
    return numbers;
  }
  const size_t applied = numbers.size();
  made_.ForEachIncoming(twin, [&](RelationshipNumber each, const auto&) { add(each); });
  std::reverse(numbers.begin() + static_cast<ptrdiff_t>(applied), numbers.end());
  return numbers;
}

bool PendingState::Exists(RelationshipNumber relationship) const {
  const RelationshipState* state = relationship_states_.Find(relationship.value);
  if (state != nullptr) return state->facts.exists;
  return made_.Find(relationship) != nullptr || head_.Exists(relationship);
}

RelationshipNumber PendingState::FindRelationship(TwinNumber source, absl::string_view id) const {
  if (!relationship_ids_.empty()) {
    const auto it = relationship_ids_.find(RelationshipKey(source.value, id));
    if (it != relationship_ids_.end()) return it->second.relationship;
  }
  if (made_.relationships() > 0) {
    const RelationshipNumber made = made_.FindRelationship(source, id);
    if (!(made == kNoRelationship)) return made;
  }
  return head_.Exists(source) ? head_.FindRelationship(source, id) : kNoRelationship;
}

PendingRelationship PendingState::GetRelationship(RelationshipNumber relationship) const {
  const RelationshipState* state = relationship_states_.Find(relationship.value);
  if (const auto* made = state == nullptr ? made_.Find(relationship) : nullptr) {
    return {made->type, made->source, made->target, made->id, made->version};
  }
  if (state == nullptr) {
    const graph::Relationship found = head_.Get(relationship);
    return {found.type, found.source, found.target, found.id, found.version};
  }
  const RelationshipState::Facts& facts = state->facts;
  const absl::string_view id =
      !state->id.empty() ? absl::string_view(state->id) : head_.Get(relationship).id;
  return {facts.type, facts.source, facts.target, id, facts.version};
}

Value PendingState::GetValue(RelationshipNumber relationship, ColumnId column) const {
  const RelationshipState* state = relationship_states_.Find(relationship.value);
  if (state == nullptr) {
    const PendingCreations::Relationship* made = made_.Find(relationship);
    return made != nullptr ? GetValue(*made, column) : head_.GetValue(relationship, column);
  }
  for (auto it = state->values.rbegin(); it != state->values.rend(); ++it) {
    if (it->first == column) return it->second;
  }
  return state->facts.whole ? Value() : head_.GetValue(relationship, column);
}

}  // namespace twin::ingest
