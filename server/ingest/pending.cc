#include "server/ingest/pending.h"

#include <algorithm>

namespace twin::ingest {

using graph::Cell;

const PendingState::TwinState* PendingState::Find(TwinNumber twin) const {
  const auto it = twin_states_.find(twin.value);
  return it == twin_states_.end() ? nullptr : &it->second;
}

const PendingState::RelationshipState* PendingState::Find(RelationshipNumber relationship) const {
  const auto it = relationship_states_.find(relationship.value);
  return it == relationship_states_.end() ? nullptr : &it->second;
}

TwinNumber PendingState::FindTwin(absl::string_view id) const {
  const auto it = ids_.find(id);
  return it == ids_.end() ? head_.FindTwin(id) : it->second.twin;
}

std::string PendingState::IdOf(TwinNumber twin) const {
  const TwinState* state = Find(twin);
  return state != nullptr && !state->id.empty() ? state->id : std::string(head_.IdOf(twin));
}

TableId PendingState::TableOf(TwinNumber twin) const {
  const TwinState* state = Find(twin);
  return state != nullptr ? state->table : head_.PlaceOf(twin).table;
}

Sequence PendingState::VersionOf(TwinNumber twin) const {
  const TwinState* state = Find(twin);
  return state != nullptr ? state->version : head_.VersionOf(twin);
}

Cell PendingState::Get(TwinNumber twin, ColumnId column) const {
  const TwinState* state = Find(twin);
  if (state == nullptr) return head_.Get(twin, column);
  for (const auto& [id, cell] : state->values) {
    if (id == column) return cell;
  }
  return state->whole ? Cell() : head_.Get(twin, column);
}

bool PendingState::Has(TwinNumber twin, ColumnId column) const {
  const TwinState* state = Find(twin);
  if (state == nullptr) return head_.Has(twin, column);
  for (const auto& [id, cell] : state->values) {
    if (id == column) return !cell.value.is_null();
  }
  return !state->whole && head_.Has(twin, column);
}

uint32_t PendingState::OutDegree(TwinNumber twin) const {
  const TwinState* state = Find(twin);
  return state != nullptr ? state->out_degree : head_.OutDegree(twin);
}

uint32_t PendingState::InDegree(TwinNumber twin) const {
  const TwinState* state = Find(twin);
  return state != nullptr ? state->in_degree : head_.InDegree(twin);
}

uint32_t PendingState::CountOutgoing(TwinNumber twin, RelationshipTypeId type) const {
  const TwinState* state = Find(twin);
  if (state != nullptr) {
    for (const auto& [id, count] : state->counts) {
      if (id == type) return count;
    }
  }
  return head_.Exists(twin) ? head_.CountOutgoing(twin, type) : 0;
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
  if (const TwinState* state = Find(twin)) {
    for (const RelationshipNumber each : state->out) {
      if (!head_.Exists(each)) add(each);
    }
  }
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
  if (const TwinState* state = Find(twin)) {
    for (const RelationshipNumber each : state->in) {
      if (!head_.Exists(each)) add(each);
    }
  }
  return numbers;
}

bool PendingState::Exists(RelationshipNumber relationship) const {
  const RelationshipState* state = Find(relationship);
  return state != nullptr ? state->exists : head_.Exists(relationship);
}

RelationshipNumber PendingState::FindRelationship(TwinNumber source, absl::string_view id) const {
  const auto it = relationship_ids_.find(RelationshipKey(source.value, std::string(id)));
  if (it != relationship_ids_.end()) return it->second.relationship;
  return head_.Exists(source) ? head_.FindRelationship(source, id) : kNoRelationship;
}

PendingRelationship PendingState::GetRelationship(RelationshipNumber relationship) const {
  if (const RelationshipState* state = Find(relationship)) return state->relationship;
  const graph::Relationship found = head_.Get(relationship);
  return {found.type, found.source, found.target, std::string(found.id), found.version};
}

Value PendingState::GetValue(RelationshipNumber relationship, ColumnId column) const {
  const RelationshipState* state = Find(relationship);
  if (state == nullptr) return head_.GetValue(relationship, column);
  for (const auto& [id, value] : state->values) {
    if (id == column) return value;
  }
  return state->whole ? Value() : head_.GetValue(relationship, column);
}

// --- Units ---

void PendingState::BeginUnit(Time time) {
  unit_.changes.clear();
  time_ = time;
  before_ = {twins_, relationships_, next_twin_, next_relationship_};
  twin_undo_.clear();
  relationship_undo_.clear();
  id_undo_.clear();
  relationship_id_undo_.clear();
  twin_saved_.clear();
  relationship_saved_.clear();
  set_here_.clear();
}

Unit PendingState::EndUnit() {
  next_sequence_ = Sequence(next_sequence_.value + 1);
  return std::exchange(unit_, Unit());
}

void PendingState::RollBack() {
  const auto restore = [](auto* states, auto* undo) {
    // Latest first: a key that was saved twice ends with what it was at the beginning.
    for (auto it = undo->rbegin(); it != undo->rend(); ++it) {
      if (it->second.has_value()) {
        (*states)[it->first] = std::move(*it->second);
      } else {
        states->erase(it->first);
      }
    }
    undo->clear();
  };
  restore(&twin_states_, &twin_undo_);
  restore(&relationship_states_, &relationship_undo_);
  restore(&ids_, &id_undo_);
  restore(&relationship_ids_, &relationship_id_undo_);
  twins_ = before_.twins;
  relationships_ = before_.relationships;
  next_twin_ = before_.next_twin;
  next_relationship_ = before_.next_relationship;
  unit_.changes.clear();
}

void PendingState::Note(ingest::Change change) { unit_.changes.push_back(std::move(change)); }

PendingState::TwinState& PendingState::Mutable(TwinNumber twin) {
  const auto [it, is_new] = twin_states_.try_emplace(twin.value);
  TwinState& state = it->second;
  if (twin_saved_.emplace(twin.value, true).second) {
    twin_undo_.emplace_back(twin.value, is_new ? std::nullopt : std::optional<TwinState>(state));
  }
  if (is_new && head_.Exists(twin)) {
    state.table = head_.PlaceOf(twin).table;
    state.version = head_.VersionOf(twin);
    state.out_degree = head_.OutDegree(twin);
    state.in_degree = head_.InDegree(twin);
  }
  if (state.record != record_) {
    state.record = record_;
    touched_.twins.push_back(twin.value);
  }
  return state;
}

PendingState::RelationshipState& PendingState::Mutable(RelationshipNumber relationship) {
  const auto [it, is_new] = relationship_states_.try_emplace(relationship.value);
  RelationshipState& state = it->second;
  if (relationship_saved_.emplace(relationship.value, true).second) {
    relationship_undo_.emplace_back(
        relationship.value, is_new ? std::nullopt : std::optional<RelationshipState>(state));
  }
  if (is_new && head_.Exists(relationship)) {
    const graph::Relationship found = head_.Get(relationship);
    state.relationship = {found.type, found.source, found.target, std::string(found.id),
                          found.version};
  }
  if (state.record != record_) {
    state.record = record_;
    touched_.relationships.push_back(relationship.value);
  }
  return state;
}

void PendingState::SetId(const std::string& id, TwinNumber twin) {
  const auto [it, is_new] = ids_.try_emplace(id);
  id_undo_.emplace_back(id, is_new ? std::nullopt : std::optional<IdState>(it->second));
  it->second = {record_, twin};
  touched_.ids.push_back(id);
}

void PendingState::SetRelationshipId(const RelationshipKey& key, RelationshipNumber relationship) {
  const auto [it, is_new] = relationship_ids_.try_emplace(key);
  relationship_id_undo_.emplace_back(
      key, is_new ? std::nullopt : std::optional<RelationshipIdState>(it->second));
  it->second = {record_, relationship};
  touched_.relationship_ids.push_back(key);
}

TwinNumber PendingState::CreateTwin(absl::string_view id, TableId table) {
  const TwinNumber twin(next_twin_++);
  TwinState& state = Mutable(twin);
  state.whole = true;
  state.table = table;
  state.version = next_sequence_;
  state.id = std::string(id);
  SetId(state.id, twin);
  ++twins_;
  ingest::Change change;
  change.kind = ingest::Change::Kind::kCreateTwin;
  change.number = twin.value;
  change.table = table.value;
  change.text = std::string(id);
  Note(std::move(change));
  return twin;
}

void PendingState::SetValue(TwinNumber twin, ColumnId column, Value value, Time source_time) {
  // A value that is set several times within the unit is one change: from what was before it to
  // what is after it.
  const auto [here, is_first] =
      set_here_.try_emplace({twin.value, column.value}, unit_.changes.size());
  if (is_first) {
    ingest::Change change;
    change.kind = ingest::Change::Kind::kSetValue;
    change.number = twin.value;
    change.column = column.value;
    change.old_value = Get(twin, column).value;
    change.new_value = value;
    change.source_time = source_time;
    Note(std::move(change));
  } else {
    unit_.changes[here->second].new_value = value;
    unit_.changes[here->second].source_time = source_time;
  }
  TwinState& state = Mutable(twin);
  state.version = next_sequence_;
  Cell cell;
  cell.value = std::move(value);
  cell.update_time = time_;
  cell.source_time = source_time;
  const auto it = std::find_if(state.values.begin(), state.values.end(),
                               [&](const auto& each) { return each.first == column; });
  if (it != state.values.end()) {
    it->second = std::move(cell);
  } else {
    state.values.emplace_back(column, std::move(cell));
  }
}

void PendingState::MoveTwin(TwinNumber twin, TableId table) {
  set_here_.clear();  // columns are others from here on
  const graph::TableSchema& from = SchemaOf(twin);
  const graph::TableSchema& to = catalog().table(table);
  std::vector<std::pair<ColumnId, Cell>> kept;
  for (const graph::ColumnSchema& column : from.columns) {
    const graph::ColumnSchema* same = to.FindColumn(column.path);
    if (same == nullptr || same->type != column.type) continue;
    Cell cell = Get(twin, from.IdOf(column));
    if (!cell.value.is_null()) kept.emplace_back(to.IdOf(*same), std::move(cell));
  }
  TwinState& state = Mutable(twin);
  state.table = table;
  state.version = next_sequence_;
  state.whole = true;
  state.values = std::move(kept);
  ingest::Change change;
  change.kind = ingest::Change::Kind::kMoveTwin;
  change.number = twin.value;
  change.table = table.value;
  Note(std::move(change));
}

void PendingState::DeleteTwin(TwinNumber twin) {
  std::string id = IdOf(twin);
  TwinState& state = Mutable(twin);
  state.exists = false;
  SetId(id, kNoTwin);
  --twins_;
  ingest::Change change;
  change.kind = ingest::Change::Kind::kDeleteTwin;
  change.number = twin.value;
  change.text = std::move(id);
  Note(std::move(change));
}

void PendingState::TouchTwin(TwinNumber twin) {
  Mutable(twin).version = next_sequence_;
  ingest::Change change;
  change.kind = ingest::Change::Kind::kTouchTwin;
  change.number = twin.value;
  Note(std::move(change));
}

void PendingState::Count(TwinState* twin, TwinNumber number, RelationshipTypeId type, int by) {
  for (auto& [id, count] : twin->counts) {
    if (!(id == type)) continue;
    count = static_cast<uint32_t>(static_cast<int>(count) + by);
    return;
  }
  const uint32_t before = head_.Exists(number) ? head_.CountOutgoing(number, type) : 0;
  twin->counts.emplace_back(type, static_cast<uint32_t>(static_cast<int>(before) + by));
}

RelationshipNumber PendingState::CreateRelationship(RelationshipTypeId type, TwinNumber source,
                                                    TwinNumber target, absl::string_view id) {
  const RelationshipNumber number(next_relationship_++);
  RelationshipState& state = Mutable(number);
  state.whole = true;
  state.relationship = {type, source, target, std::string(id), next_sequence_};
  SetRelationshipId(RelationshipKey(source.value, std::string(id)), number);
  TwinState& from = Mutable(source);
  ++from.out_degree;
  from.out.push_back(number);
  // Counts matter, and are kept, only where the model bounds them.
  if (catalog().relationship_type(type).content->max_multiplicity > 0) {
    Count(&from, source, type, 1);
  }
  TwinState& to = Mutable(target);
  ++to.in_degree;
  to.in.push_back(number);
  ++relationships_;
  ingest::Change change;
  change.kind = ingest::Change::Kind::kCreateRelationship;
  change.number = number.value;
  change.table = type.value;
  change.source = source.value;
  change.target = target.value;
  change.text = std::string(id);
  Note(std::move(change));
  return number;
}

void PendingState::SetValue(RelationshipNumber relationship, ColumnId column, Value value) {
  ingest::Change change;
  change.kind = ingest::Change::Kind::kSetRelationshipValue;
  change.number = relationship.value;
  change.column = column.value;
  change.old_value = GetValue(relationship, column);
  change.new_value = value;
  RelationshipState& state = Mutable(relationship);
  state.relationship.version = next_sequence_;
  const auto it = std::find_if(state.values.begin(), state.values.end(),
                               [&](const auto& each) { return each.first == column; });
  if (it != state.values.end()) {
    it->second = std::move(value);
  } else {
    state.values.emplace_back(column, std::move(value));
  }
  Note(std::move(change));
}

void PendingState::TouchRelationship(RelationshipNumber relationship) {
  Mutable(relationship).relationship.version = next_sequence_;
  ingest::Change change;
  change.kind = ingest::Change::Kind::kTouchRelationship;
  change.number = relationship.value;
  Note(std::move(change));
}

void PendingState::DeleteRelationship(RelationshipNumber relationship) {
  RelationshipState& state = Mutable(relationship);
  state.exists = false;
  const PendingRelationship gone = state.relationship;
  SetRelationshipId(RelationshipKey(gone.source.value, gone.id), kNoRelationship);
  TwinState& from = Mutable(gone.source);
  --from.out_degree;
  const dtdl::Content* content = catalog().relationship_type(gone.type).content;
  if (content != nullptr && content->max_multiplicity > 0) Count(&from, gone.source, gone.type, -1);
  --Mutable(gone.target).in_degree;
  --relationships_;
  ingest::Change change;
  change.kind = ingest::Change::Kind::kDeleteRelationship;
  change.number = relationship.value;
  Note(std::move(change));
}

// --- Records ---

void PendingState::EndRecord(uint64_t number) {
  touched_.record = number;
  records_.push_back(std::exchange(touched_, Touched()));
  record_ = number + 1;
}

void PendingState::Applied(uint64_t number) {
  const auto forget = [&](auto* states, const auto& keys) {
    for (const auto& key : keys) {
      const auto it = states->find(key);
      if (it != states->end() && it->second.record <= number) states->erase(it);
    }
  };
  size_t done = 0;
  for (; done < records_.size() && records_[done].record <= number; ++done) {
    forget(&twin_states_, records_[done].twins);
    forget(&relationship_states_, records_[done].relationships);
    forget(&ids_, records_[done].ids);
    forget(&relationship_ids_, records_[done].relationship_ids);
  }
  records_.erase(records_.begin(), records_.begin() + static_cast<ptrdiff_t>(done));
}

void PendingState::Reset() {
  twin_states_.clear();
  relationship_states_.clear();
  ids_.clear();
  relationship_ids_.clear();
  records_.clear();
  touched_ = Touched();
  twins_ = head_.twins();
  relationships_ = head_.relationships();
  next_twin_ = head_.next_twin().value;
  next_relationship_ = head_.next_relationship().value;
  next_sequence_ = Sequence(head_.sequence().value + 1);
}

}  // namespace twin::ingest
