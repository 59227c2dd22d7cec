#include "server/ingest/pending.h"

#include <algorithm>

#include "server/base/check.h"

namespace twin::ingest {
namespace {

using graph::Cell;

// Lists that are longer than this beside what they need at most are shortened.
constexpr size_t kListSlack = 32;

// Whoever has the key now; `undo` learns who had it.
template <typename Ids, typename Undo, typename Key, typename State>
void Assign(Ids* ids, Undo* undo, const Key& key, const State& state) {
  const auto it = ids->find(key);
  if (it == ids->end()) {
    undo->push_back({key, key, std::nullopt});
  } else {
    undo->push_back({key, it->first, it->second});
    ids->erase(it);  // its key is a view of what another one keeps
  }
  ids->emplace(key, state);
}

template <typename Ids, typename Undo>
void TakeBack(Ids* ids, Undo* undo) {
  for (auto it = undo->rbegin(); it != undo->rend(); ++it) {
    ids->erase(it->key);
    if (it->then.has_value()) ids->emplace(it->key_then, *it->then);
  }
  undo->clear();
}

// Keeps the last entry of each key, of which there are `keys`, in the order of the list.
template <typename List, typename KeyOf>
void KeepLast(size_t from, size_t keys, KeyOf key_of, List* list) {
  std::vector<bool> seen(keys);
  size_t kept = list->size();
  for (size_t i = list->size(); i-- > from;) {
    const size_t key = key_of((*list)[i]);
    if (seen[key]) continue;
    seen[key] = true;
    if (--kept != i) (*list)[kept] = std::move((*list)[i]);
  }
  list->erase(list->begin(), list->begin() + static_cast<ptrdiff_t>(kept));
}

}  // namespace

void PendingState::TwinState::Clear() {
  record = 0;
  unit = 0;
  facts = Facts();
  id.clear();
  values.clear();
  counts.clear();
  out.clear();
  in.clear();
}

const PendingState::TwinValue* PendingState::TwinState::Find(ColumnId column) const {
  for (size_t i = values.size(); i-- > facts.values_from;) {
    if (values[i].column == column) return &values[i];
  }
  return nullptr;
}

void PendingState::RelationshipState::Clear() {
  record = 0;
  unit = 0;
  facts = Facts();
  id.clear();
  values.clear();
}

// --- Units ---

void PendingState::BeginUnit(Time time) {
  ++unit_number_;
  unit_.changes.clear();
  alone_.clear();
  unit_texts_.clear();
  time_ = time;
  before_ = {twins_,
             relationships_,
             next_twin_,
             next_relationship_,
             touched_twins_.size(),
             touched_relationships_.size()};
  twin_undo_.clear();
  relationship_undo_.clear();
  id_undo_.clear();
  relationship_id_undo_.clear();
}

void PendingState::EndUnit(std::string* bytes) {
  if (alone_.empty()) {
    EncodeUnit(unit_, time_, bytes);
  } else {
    bytes->append(alone_);
  }
  unit_.changes.clear();
  next_sequence_ = Sequence(next_sequence_.value + 1);
}

void PendingState::RollBack() {
  // Ids first: their keys are views of what the states keep.
  TakeBack(&ids_, &id_undo_);
  TakeBack(&relationship_ids_, &relationship_id_undo_);
  for (const TwinUndo& undo : twin_undo_) {
    if (undo.is_new) {
      twin_states_.Remove(undo.number);
      continue;
    }
    TwinState& state = *twin_states_.Find(undo.number);
    state.record = undo.record;
    state.facts = undo.facts;
    state.values.resize(state.at_unit.values);
    state.counts.resize(state.at_unit.counts);
    state.out.resize(state.at_unit.out);
    state.in.resize(state.at_unit.in);
  }
  for (const RelationshipUndo& undo : relationship_undo_) {
    if (undo.is_new) {
      relationship_states_.Remove(undo.number);
      continue;
    }
    RelationshipState& state = *relationship_states_.Find(undo.number);
    state.record = undo.record;
    state.facts = undo.facts;
    state.values.resize(state.values_at_unit);
  }
  twin_undo_.clear();
  relationship_undo_.clear();
  twins_ = before_.twins;
  relationships_ = before_.relationships;
  next_twin_ = before_.next_twin;
  next_relationship_ = before_.next_relationship;
  made_.CutBack(next_twin_, next_relationship_);
  touched_twins_.resize(before_.touched_twins);
  touched_relationships_.resize(before_.touched_relationships);
  unit_.changes.clear();
  alone_.clear();
}

Change& PendingState::Note(Change::Kind kind, uint32_t number) {
  Change& change = unit_.changes.emplace_back();
  change.kind = kind;
  change.number = number;
  change.source_time = time_;
  return change;
}

void PendingState::Compress(TwinState* state) const {
  const size_t columns = catalog().table(state->facts.table).columns.size();
  if (state->values.size() > 2 * columns + kListSlack) {
    KeepLast(
        state->facts.values_from, columns,
        [](const TwinValue& value) { return size_t{value.column.value}; }, &state->values);
    state->facts.values_from = 0;
  }
  const size_t types = catalog().relationship_types();
  if (state->counts.size() > 2 * types + kListSlack) {
    KeepLast(
        0, types, [](const TypeCount& count) { return size_t{count.type.value}; }, &state->counts);
  }
}

void PendingState::Compress(RelationshipState* state) const {
  const size_t columns = catalog().relationship_type(state->facts.type).columns.size();
  if (state->values.size() <= 2 * columns + kListSlack) return;
  KeepLast(
      0, columns, [](const auto& value) { return size_t{value.first.value}; }, &state->values);
}

// Only twins of the head have been patched.
void PendingState::TakeOverPatches(TwinNumber twin, TwinState* state) const {
  const uint64_t last = patches_.Last(twin);
  if (last == PendingPatches::kNone) return;
  state->facts.version = patches_.BatchOf(last).version;
  for (uint64_t row = last; row != PendingPatches::kNone; row = patches_.Before(row)) {
    const PendingPatches::Batch& batch = patches_.BatchOf(row);
    for (size_t i = 0; i < batch.columns.size(); ++i) {
      state->values.push_back(
          {batch.columns[i].id, kNoChange, Cell{patches_.ValueAt(row, i), batch.time, batch.time}});
    }
  }
  std::reverse(state->values.begin(), state->values.end());  // the last of a column holds
}

// What is known of a twin that is not in the overlay, for it to change there.
void PendingState::TakeOver(TwinNumber twin, TwinState* state) const {
  if (const PendingCreations::Twin* made = made_.Find(twin)) {
    state->facts.whole = true;
    state->facts.table = made->table;
    state->facts.version = made->version;
    state->facts.begin = made->begin;
    state->id.assign(made->id.data(), made->id.size());
    for (Change& change : ChangesOf(*made)) {
      if (change.kind != Change::Kind::kSetValue) continue;
      state->values.push_back({ColumnId(change.column), kNoChange,
                               Cell{std::move(change.new_value), made->time, change.source_time}});
    }
  } else if (const graph::TwinFacts facts = head_.FactsOf(twin); facts.exists) {
    state->facts.table = facts.place.table;
    state->facts.version = facts.version;
    state->facts.out_degree = facts.out_degree;
    state->facts.in_degree = facts.in_degree;
    TakeOverPatches(twin, state);
  }
  made_.ForEachOutgoing(twin, [&](RelationshipNumber each, const auto&) {
    ++state->facts.out_degree;
    state->out.push_back(each);
  });
  made_.ForEachIncoming(twin, [&](RelationshipNumber each, const auto&) {
    ++state->facts.in_degree;
    state->in.push_back(each);
  });
  std::reverse(state->out.begin(), state->out.end());
  std::reverse(state->in.begin(), state->in.end());
}

PendingState::TwinState& PendingState::Mutable(TwinNumber twin) {
  TwinState* state = twin_states_.Find(twin.value);
  const bool is_new = state == nullptr;
  if (is_new) {
    state = twin_states_.Add(twin.value);
    TakeOver(twin, state);
  }
  if (state->unit != unit_number_) {
    if (!is_new) Compress(state);
    state->unit = unit_number_;
    state->at_unit = state->lengths();
    twin_undo_.push_back({twin.value, is_new, state->record, state->facts});
  }
  if (state->record != record_) {
    state->record = record_;
    touched_twins_.push_back({record_, twin.value});
  }
  return *state;
}

PendingState::RelationshipState& PendingState::Mutable(RelationshipNumber relationship) {
  RelationshipState* state = relationship_states_.Find(relationship.value);
  const bool is_new = state == nullptr;
  if (is_new) {
    state = relationship_states_.Add(relationship.value);
    if (const PendingCreations::Relationship* made = made_.Find(relationship)) {
      state->facts.whole = true;
      state->facts.type = made->type;
      state->facts.source = made->source;
      state->facts.target = made->target;
      state->facts.version = made->version;
      state->facts.changed = made->begin;
      state->id.assign(made->id.data(), made->id.size());
      for (Change& change : ValuesOf(*made)) {
        state->values.emplace_back(ColumnId(change.column), std::move(change.new_value));
      }
    } else if (head_.Exists(relationship)) {
      const graph::Relationship found = head_.Get(relationship);
      state->facts.type = found.type;
      state->facts.source = found.source;
      state->facts.target = found.target;
      state->facts.version = found.version;
      state->facts.changed = head_.ChangedOf(relationship);
    }
  }
  if (state->unit != unit_number_) {
    if (!is_new) Compress(state);
    state->unit = unit_number_;
    state->values_at_unit = state->values.size();
    relationship_undo_.push_back({relationship.value, is_new, state->record, state->facts});
  }
  if (state->record != record_) {
    state->record = record_;
    touched_relationships_.push_back({record_, relationship.value});
  }
  return *state;
}

TwinNumber PendingState::CreateTwin(absl::string_view id, TableId table, Time source_time) {
  const Time former_end = EndOfFormer(id);
  const TwinNumber twin(next_twin_++);
  made_.SkipTwin();
  TwinState& state = Mutable(twin);
  state.facts.former_end = former_end;
  state.facts.whole = true;
  state.facts.table = table;
  state.facts.version = next_sequence_;
  state.facts.begin = source_time;
  state.id.assign(id.data(), id.size());
  Assign(&ids_, &id_undo_, absl::string_view(state.id), IdState{twin, twin.value});
  ++twins_;
  ingest::Change& change = Note(Change::Kind::kCreateTwin, twin.value);
  change.source_time = source_time;
  change.table = table.value;
  change.text = state.id;
  return twin;
}

bool PendingState::CreateAlone(absl::string_view id, TableId table,
                               absl::Span<const ColumnValue> values, Time source_time) {
  if (!unit_.changes.empty() || !alone_.empty()) return false;
  if (!ids_.empty() && ids_.contains(id)) return false;
  const size_t at = EncodeCreation(TwinNumber(next_twin_), table, id, source_time, values,
                                   source_time, time_, &alone_);
  const absl::string_view bytes = alone_;
  made_.Add({table, next_sequence_, source_time, time_, bytes.substr(at, id.size()), bytes});
  ++next_twin_;
  ++twins_;
  return true;
}

bool PendingState::CreateAlone(RelationshipTypeId type, TwinNumber source, TwinNumber target,
                               absl::string_view id, absl::Span<const ColumnValue> values,
                               Time source_time) {
  if (!unit_.changes.empty() || !alone_.empty()) return false;
  // Who has been changed otherwise counts its relationships, and so does who has too many.
  if (twin_states_.Find(source.value) != nullptr || twin_states_.Find(target.value) != nullptr ||
      (catalog().relationship_type(type).content->max_multiplicity > 0 &&
       !HasFewOutgoing(source)) ||
      (!relationship_ids_.empty() &&
       relationship_ids_.contains(RelationshipKey(source.value, id)))) {
    return false;
  }
  const size_t at = EncodeCreation(RelationshipNumber(next_relationship_), type, source, target, id,
                                   source_time, values, time_, &alone_);
  const absl::string_view bytes = alone_;
  made_.Add({type, source, target, next_sequence_, source_time, bytes.substr(at, id.size()),
             values.empty() ? absl::string_view() : bytes});
  ++next_relationship_;
  ++relationships_;
  return true;
}

void PendingState::SetValue(TwinNumber twin, ColumnId column, Value before, Value value,
                            Time source_time) {
  TwinState& state = Mutable(twin);
  state.facts.version = next_sequence_;
  Set(twin, &state, column, std::move(before), std::move(value), source_time);
}

void PendingState::SetInPlace(TwinNumber twin, graph::TwinPlace place,
                              absl::Span<ColumnValue> values) {
  TwinState& state = Mutable(twin);
  state.facts.version = next_sequence_;
  for (ColumnValue& value : values) {
    // A source time that nobody gave is an update time, and none is later than now.
    std::optional<Time> source;
    Value before;
    if (const TwinValue* found = state.Find(value.column)) {
      before = found->cell.value;
      source = found->cell.source_time;
    } else {
      before = head_.ValueAt(place, value.column, &source);
    }
    if (before.is_null()) source.reset();
    Set(twin, &state, value.column, std::move(before), std::move(value.value),
        std::max(time_, source.value_or(time_)));
  }
}

void PendingState::SetOfNew(TwinNumber twin, absl::Span<ColumnValue> values, Time source_time) {
  TwinState& state = Mutable(twin);
  for (ColumnValue& value : values) {
    Set(twin, &state, value.column, Value(), std::move(value.value), source_time);
  }
}

void PendingState::Set(TwinNumber twin, TwinState* state, ColumnId column, Value before,
                       Value value, Time source_time) {
  const TwinValue* found = state->Find(column);
  const size_t at = found != nullptr ? static_cast<size_t>(found - state->values.data()) : 0;
  const bool is_of_unit = found != nullptr && at >= state->at_unit.values;
  TwinValue& kept = is_of_unit ? state->values[at] : state->values.emplace_back();
  // A value that is set several times within the unit is one change: from what was before it to
  // what is after it.
  if (kept.change == kNoChange) {
    kept.column = column;
    kept.change = static_cast<uint32_t>(unit_.changes.size());
    ingest::Change& change = Note(Change::Kind::kSetValue, twin.value);
    change.table = state->facts.table.value;
    change.column = column.value;
    change.old_value = std::move(before);
  }
  kept.cell.value = value;
  kept.cell.update_time = time_;
  kept.cell.source_time = source_time;
  Change& change = unit_.changes[kept.change];
  change.new_value = std::move(value);
  change.source_time = source_time;
}

bool PendingState::SetRows(RowsChange* rows) {
  const size_t count = rows->twins.size();
  const auto in_place = [&](TwinNumber twin) {
    const TwinState* state = twin_states_.Find(twin.value);
    if (state == nullptr) return true;
    return state->facts.exists && !state->facts.whole &&
           std::none_of(rows->columns.begin(), rows->columns.end(), [&](const RowsColumn& column) {
             const TwinValue* found = state->Find(column.id);
             return found != nullptr && found->cell.source_time > time_;
           });
  };
  if (!twin_states_.empty() && !std::all_of(rows->twins.begin(), rows->twins.end(), in_place)) {
    return false;
  }
  patches_.Begin({next_sequence_, time_, rows->columns}, count);
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    const TwinNumber twin = rows->twins[i];
    const uint64_t last = patches_.Last(twin);
    if (patches_.IsOfBatch(last)) {
      rows->SetAfter(patches_.IndexOf(last), i);
      continue;
    }
    rows->Move(i, kept);
    SetBefore(last, kept, rows);
    patches_.Add(twin);
    ++kept;
  }
  rows->Resize(kept);
  patches_.SetValues(*rows);
  if (!twin_states_.empty()) {
    for (size_t row = 0; row < kept; ++row) SetInOverlay(*rows, row);
  }
  EncodeRows(*rows, &alone_);
  return true;
}

// What the row's twin has that is pending; `last` is its last row.
void PendingState::SetBefore(uint64_t last, size_t row, RowsChange* rows) const {
  const TwinState* state =
      twin_states_.empty() ? nullptr : twin_states_.Find(rows->twins[row].value);
  if (state == nullptr && last == PendingPatches::kNone) return;
  for (size_t i = 0; i < rows->columns.size(); ++i) {
    const ColumnId column = rows->columns[i].id;
    Value value;
    if (state != nullptr) {
      const TwinValue* found = state->Find(column);
      if (found == nullptr) continue;
      value = found->cell.value;
    } else {
      const PendingPatches::Batch* batch = nullptr;
      if (!patches_.Find(last, column, &value, &batch)) continue;
    }
    rows->values[i].had[row] = value.is_null() ? 0 : 1;
    rows->values[i].before[row] = value.is_null() ? 0 : BitsOf(value);
  }
}

// Who is in the overlay is looked for there alone.
void PendingState::SetInOverlay(const RowsChange& rows, size_t row) {
  const TwinNumber twin = rows.twins[row];
  if (twin_states_.Find(twin.value) == nullptr) return;
  TwinState& state = Mutable(twin);
  state.facts.version = next_sequence_;
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    state.values.push_back(
        {rows.columns[i].id, kNoChange,
         Cell{ValueOf(rows.columns[i].kind, rows.values[i].after[row]), time_, time_}});
  }
}

void PendingState::MoveTwin(TwinNumber twin, TableId table, Time source_time) {
  last_move_ = record_;
  const graph::TableSchema& from = SchemaOf(twin);
  const graph::TableSchema& to = catalog().table(table);
  std::vector<TwinValue> kept;
  TwinState& state = Mutable(twin);
  for (const graph::ColumnSchema& column : from.columns) {
    Cell cell = Get(twin, from.IdOf(column));
    if (cell.value.is_null()) continue;
    const graph::ColumnSchema* same = to.FindSame(column);
    Value carried;
    if (same != nullptr) carried = graph::WidenedTo(same->type, column.type, cell.value);
    if (!carried.is_null()) {
      cell.value = std::move(carried);
      kept.push_back({to.IdOf(*same), kNoChange, std::move(cell)});
    } else if (!column.telemetry) {
      // What the new model has no place for is said to be removed.
      const Time removed = std::max(source_time, cell.source_time);
      Set(twin, &state, from.IdOf(column), std::move(cell.value), Value(), removed);
    }
  }
  state.facts.table = table;
  state.facts.version = next_sequence_;
  state.facts.whole = true;
  state.facts.values_from = static_cast<uint32_t>(state.values.size());
  for (TwinValue& value : kept) state.values.push_back(std::move(value));
  state.facts.begin = source_time;
  ingest::Change& change = Note(Change::Kind::kMoveTwin, twin.value);
  change.table = table.value;
  change.before = from.id.value;
  change.source_time = source_time;
}

void PendingState::DeleteTwin(TwinNumber twin, Time source_time) {
  TwinState& state = Mutable(twin);
  if (state.id.empty()) state.id = std::string(head_.IdOf(twin));
  state.facts.exists = false;
  state.facts.former_end = source_time;
  last_end_ = std::max(last_end_, source_time);
  Assign(&ids_, &id_undo_, absl::string_view(state.id), IdState{kNoTwin, twin.value});
  --twins_;
  ingest::Change& change = Note(Change::Kind::kDeleteTwin, twin.value);
  change.table = state.facts.table.value;
  change.text = state.id;
  change.source_time = source_time;
}

void PendingState::TouchTwin(TwinNumber twin) {
  Mutable(twin).facts.version = next_sequence_;
  Note(Change::Kind::kTouchTwin, twin.value);
}

void PendingState::SetCount(TwinState* twin, TwinNumber number, RelationshipTypeId type, int by) {
  const auto count = static_cast<uint32_t>(static_cast<int>(CountOutgoing(number, type)) + by);
  for (size_t i = twin->counts.size(); i-- > twin->at_unit.counts;) {
    if (!(twin->counts[i].type == type)) continue;
    twin->counts[i].count = count;
    return;
  }
  twin->counts.push_back({type, count});
}

RelationshipNumber PendingState::CreateRelationship(RelationshipTypeId type, TwinNumber source,
                                                    TwinNumber target, absl::string_view id,
                                                    Time source_time) {
  const RelationshipNumber number(next_relationship_++);
  made_.SkipRelationship();
  RelationshipState& state = Mutable(number);
  state.facts.whole = true;
  state.facts.type = type;
  state.facts.source = source;
  state.facts.target = target;
  state.facts.version = next_sequence_;
  state.facts.changed = source_time;
  state.id.assign(id.data(), id.size());
  Assign(&relationship_ids_, &relationship_id_undo_, RelationshipKey(source.value, state.id),
         RelationshipIdState{number, number.value});
  TwinState& from = Mutable(source);
  ++from.facts.out_degree;
  from.out.push_back(number);
  // Counts matter, and are kept, only where the model bounds them.
  if (catalog().relationship_type(type).content->max_multiplicity > 0) {
    SetCount(&from, source, type, 1);
  }
  TwinState& to = Mutable(target);
  ++to.facts.in_degree;
  to.in.push_back(number);
  ++relationships_;
  ingest::Change& change = Note(Change::Kind::kCreateRelationship, number.value);
  change.table = type.value;
  change.source = source.value;
  change.target = target.value;
  change.text = state.id;
  change.source_time = source_time;
  return number;
}

void PendingState::SetValue(RelationshipNumber relationship, ColumnId column, Value value,
                            Time source_time) {
  ingest::Change& change = Note(Change::Kind::kSetRelationshipValue, relationship.value);
  change.column = column.value;
  change.old_value = GetValue(relationship, column);
  change.new_value = value;
  change.source_time = source_time;
  RelationshipState& state = Mutable(relationship);
  state.facts.version = next_sequence_;
  state.facts.changed = source_time;
  for (size_t i = state.values.size(); i-- > state.values_at_unit;) {
    if (!(state.values[i].first == column)) continue;
    state.values[i].second = std::move(value);
    return;
  }
  state.values.emplace_back(column, std::move(value));
}

void PendingState::TouchRelationship(RelationshipNumber relationship) {
  Mutable(relationship).facts.version = next_sequence_;
  Note(Change::Kind::kTouchRelationship, relationship.value);
}

void PendingState::DeleteRelationship(RelationshipNumber relationship, Time source_time) {
  RelationshipState& state = Mutable(relationship);
  if (state.id.empty()) state.id = std::string(head_.Get(relationship).id);
  state.facts.exists = false;
  state.facts.changed = source_time;
  const RelationshipTypeId type = state.facts.type;
  const TwinNumber source = state.facts.source;
  Assign(&relationship_ids_, &relationship_id_undo_, RelationshipKey(source.value, state.id),
         RelationshipIdState{kNoRelationship, relationship.value});
  TwinState& from = Mutable(source);
  --from.facts.out_degree;
  const dtdl::Content* content = catalog().relationship_type(type).content;
  if (content != nullptr && content->max_multiplicity > 0) SetCount(&from, source, type, -1);
  --Mutable(state.facts.target).facts.in_degree;
  --relationships_;
  ingest::Change& change = Note(Change::Kind::kDeleteRelationship, relationship.value);
  change.table = type.value;
  change.source = source.value;
  change.target = state.facts.target.value;
  change.text = state.id;
  change.source_time = source_time;
}

void PendingState::AddModelChange(const Change& change) {
  ingest::Change& noted = unit_.changes.emplace_back(change);
  noted.text = unit_texts_.emplace_back(change.text);
  noted.model = unit_texts_.emplace_back(change.model);
}

// --- Records ---

void PendingState::EndRecord(uint64_t number) {
  record_ = number + 1;
  made_.EndRecord(number);
  patches_.EndRecord(number);
}

void PendingState::Forget(TwinNumber twin) {
  const TwinState& state = *twin_states_.Find(twin.value);
  if (!state.id.empty()) {
    const auto it = ids_.find(state.id);
    if (it != ids_.end() && it->second.owner == twin.value) ids_.erase(it);
  }
  twin_states_.Remove(twin.value);
}

void PendingState::Forget(RelationshipNumber relationship) {
  const RelationshipState& state = *relationship_states_.Find(relationship.value);
  if (!state.id.empty()) {
    const auto it = relationship_ids_.find(RelationshipKey(state.facts.source.value, state.id));
    if (it != relationship_ids_.end() && it->second.owner == relationship.value) {
      relationship_ids_.erase(it);
    }
  }
  relationship_states_.Remove(relationship.value);
}

void PendingState::Applied(uint64_t number) {
  if (last_move_ <= number) last_move_ = 0;
  made_.Applied(number);
  patches_.Applied(number);
  for (; !touched_twins_.empty() && touched_twins_.front().record <= number;
       touched_twins_.pop_front()) {
    const TwinNumber twin(touched_twins_.front().number);
    const TwinState* state = twin_states_.Find(twin.value);
    if (state != nullptr && state->record <= number) Forget(twin);
  }
  for (; !touched_relationships_.empty() && touched_relationships_.front().record <= number;
       touched_relationships_.pop_front()) {
    const RelationshipNumber relationship(touched_relationships_.front().number);
    const RelationshipState* state = relationship_states_.Find(relationship.value);
    if (state != nullptr && state->record <= number) Forget(relationship);
  }
}

void PendingState::Reset() {
  last_move_ = 0;
  ids_.clear();
  relationship_ids_.clear();
  twin_states_.Clear();
  relationship_states_.Clear();
  touched_twins_.clear();
  touched_relationships_.clear();
  twins_ = head_.twins();
  relationships_ = head_.relationships();
  next_twin_ = head_.next_twin().value;
  next_relationship_ = head_.next_relationship().value;
  next_sequence_ = Sequence(head_.sequence().value + 1);
  made_.Reset(next_twin_, next_relationship_);
  patches_.Reset();
}

}  // namespace twin::ingest
