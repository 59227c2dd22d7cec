// The past of a graph: what has ended, kept and read back. An entry of fixed size in a slot, and
// its values, which few ask for, on a page of their own.
//
//   values of a twin:         varint columns, for each: varint column, 8 update time, 8 source
//   time,
//                             value
//   values of a relationship: string id, varint columns, for each: varint column, value
//   a former value:           value; null: it had none
#include "server/graph/past.h"

#include <algorithm>
#include <cstring>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/status_macros.h"
#include "server/graph/graph.h"
#include "server/graph/state.h"
#include "server/graph/values.h"

namespace twin::graph {
namespace {

// A free slot, or a new one.
uint32_t TakeSlot(PastLog* log, std::vector<uint32_t>* free) {
  ++log->live;
  if (free->empty()) return log->slots++;
  const uint32_t slot = free->back();
  free->pop_back();
  return slot;
}

void StorePage(PageArray* pages, uint32_t page, absl::string_view bytes, uint64_t stamp) {
  char* to = pages->Mutable(page, static_cast<uint32_t>(bytes.size()), stamp);
  std::memcpy(to, bytes.data(), bytes.size());
}

template <typename Entry>
void FreeSlot(PastLog* log, uint32_t slot, std::vector<uint32_t>* free, uint64_t stamp) {
  *MutableEntryAt<Entry>(&log->entries, slot, stamp) = Entry();
  log->values.Mutable(slot, 0, stamp);
  free->push_back(slot);
  --log->live;
}

Value DecodeValue(ByteReader* reader) {
  absl::string_view rest = reader->rest();
  const size_t before = rest.size();
  Value value;
  if (!Value::Decode(&rest, &value).ok()) {
    reader->Fail();
    return Value();
  }
  reader->Bytes(before - rest.size());
  return value;
}

// Finds the column of a twin's values; false: it has none there.
bool FindCell(ByteReader* reader, uint32_t column, Cell* cell) {
  const uint64_t columns = reader->Varint(reader->rest().size());
  for (uint64_t i = 0; i < columns && reader->ok(); ++i) {
    const uint32_t each = reader->Varint32();
    const Time update{reader->Fixed<int64_t>()};
    const Time source{reader->Fixed<int64_t>()};
    Value value = DecodeValue(reader);
    if (each != column) continue;
    *cell = {std::move(value), update, source};
    return true;
  }
  return false;
}

bool FindValue(ByteReader* reader, uint32_t column, Value* value) {
  const uint64_t columns = reader->Varint(reader->rest().size());
  for (uint64_t i = 0; i < columns && reader->ok(); ++i) {
    const uint32_t each = reader->Varint32();
    *value = DecodeValue(reader);
    if (each == column) return true;
  }
  return false;
}

EndedTwin ToEnded(const EndedTwinEntry& entry) {
  EndedTwin ended;
  ended.twin = TwinNumber(entry.number - 1);
  ended.table = TableId(entry.table & ~EndedTwinEntry::kMoved);
  ended.moved = (entry.table & EndedTwinEntry::kMoved) != 0;
  ended.version = Sequence(entry.version);
  ended.update_time = Time{entry.update_time};
  ended.begin = Time{entry.begin};
  ended.end = Time{entry.end};
  return ended;
}

EndedRelationship ToEnded(const EndedRelationshipEntry& entry) {
  EndedRelationship ended;
  ended.relationship = RelationshipNumber(entry.number - 1);
  ended.type = RelationshipTypeId(entry.type);
  ended.source = TwinNumber(entry.source);
  ended.target = TwinNumber(entry.target);
  ended.version = Sequence(entry.version);
  ended.begin = Time{entry.begin};
  ended.end = Time{entry.end};
  return ended;
}

FormerValue ToFormer(const FormerValueEntry& entry) {
  return {RelationshipNumber(entry.relationship - 1), ColumnId(entry.column), Time{entry.time}};
}

absl::Status DamagedPast(PageKind kind, uint32_t slot, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("checkpoint page (", static_cast<int>(kind), ", slot ", slot, "): ", what,
                   "; start on a backup, or ask `twinctl check DIR` what is damaged"));
}

}  // namespace

// --- Reading ---

Time GraphView::BeginOf(TwinNumber twin) const {
  return Time{LoadTime(state_->twin_begins, twin.value)};
}

Time GraphView::BeginOf(RelationshipNumber relationship) const {
  return Time{LoadTime(state_->relationship_begins, relationship.value)};
}

namespace {

// Calls visit(number) for each below `numbers` whose time is after `time`, until it answers false.
template <typename Visit>
void VisitBegins(const PageArray& begins, uint32_t numbers, Time time, Visit visit) {
  for (uint32_t first = 0; first < numbers; first += kRowsPerPage) {
    const absl::string_view page = begins.Get(first / kRowsPerPage);
    const bool is_one = page.size() <= sizeof(int64_t);  // time for all of them
    if (is_one && LoadTime(begins, first) <= time.ns) continue;
    const uint32_t end = std::min(numbers, first + kRowsPerPage);
    for (uint32_t number = first; number < end; ++number) {
      if (LoadTime(begins, number) > time.ns && !visit(number)) return;
    }
  }
}

}  // namespace

std::vector<TwinNumber> GraphView::TwinsSince(Time time, size_t max) const {
  std::vector<TwinNumber> twins;
  VisitBegins(state_->twin_begins, next_twin().value, time, [&](uint32_t number) {
    if (Exists(TwinNumber(number))) twins.push_back(TwinNumber(number));
    return twins.size() < max;
  });
  return twins;
}

std::vector<RelationshipNumber> GraphView::RelationshipsSince(Time time, size_t max) const {
  std::vector<RelationshipNumber> found;
  VisitBegins(state_->relationship_begins, next_relationship().value, time, [&](uint32_t number) {
    if (Exists(RelationshipNumber(number))) found.push_back(RelationshipNumber(number));
    return found.size() < max;
  });
  return found;
}

bool GraphView::VisitSince(TableId table, ColumnId column, Time time, bool or_missing,
                           absl::FunctionRef<bool(uint32_t row)> visit) const {
  const Column& stored = state_->tables[table.value]->columns[column.value];
  const auto is_later = [&](uint32_t row) {
    const int64_t given = LoadTime(stored.source_times, row);
    const int64_t at =
        given == kAsUpdateTime ? LoadTime(stored.update_times, row) : SourceTimeOf(given).ns;
    return at > time.ns;
  };
  for (uint32_t first = 0; first < Rows(table); first += kRowsPerPage) {
    const uint32_t page = first / kRowsPerPage;
    const char* const values = stored.values.Bytes(page);
    if (values == nullptr && !or_missing) continue;
    const bool is_one = stored.source_times.Get(page).size() <= sizeof(int64_t) &&
                        stored.update_times.Get(page).size() <= sizeof(int64_t);
    if (is_one && !or_missing && !is_later(first)) continue;
    const uint32_t end = std::min(Rows(table), first + kRowsPerPage);
    for (uint32_t row = first; row < end; ++row) {
      const bool has = values != nullptr && HasBit(values, row % kRowsPerPage);
      if ((has ? is_later(row) : or_missing) && !visit(row)) return false;
    }
  }
  return true;
}

Time GraphView::ChangedOf(RelationshipNumber relationship) const {
  Time last = BeginOf(relationship);
  const RelationshipType& type = state_->catalog->relationship_type(Get(relationship).type);
  for (uint32_t column = 0; column < type.columns.size(); ++column) {
    int64_t time = 0;
    if (shared_->changes.Find(relationship.value, column, &time)) last = std::max(last, Time{time});
  }
  return last;
}

Time GraphView::EndOfFormer(absl::string_view id) const {
  constexpr Time kNever{INT64_MIN};
  if (last_end_of_twins() == kNever) return kNever;
  const uint32_t slot = shared_->former_twins.Find(FormerHolders::KeyOf(id));
  EndedTwin ended;
  const bool is_one = slot != kNone && GetEnded(slot, &ended) && !ended.moved &&
                      shared_->ids.Get(ended.twin.value) == id;
  return is_one ? ended.end : kNever;
}

Time GraphView::EndOfFormer(TwinNumber source, absl::string_view id) const {
  constexpr Time kNever{INT64_MIN};
  if (shared_->former_relationships.last_end() == kNever) return kNever;
  const uint32_t slot = shared_->former_relationships.Find(FormerHolders::KeyOf(source, id));
  EndedRelationship ended;
  const bool is_one = slot != kNone && GetEnded(slot, &ended) && ended.source == source &&
                      EndedRelationshipId(slot) == id;
  return is_one ? ended.end : kNever;
}

std::vector<EndedTwin> GraphView::MovesOf(TwinNumber twin) const {
  std::vector<EndedTwin> moves;
  EndedTwin ended;
  for (const uint32_t slot : shared_->moved.Find(twin.value)) {
    if (GetEnded(slot, &ended) && ended.moved && ended.twin == twin) moves.push_back(ended);
  }
  return moves;
}

Time GraphView::last_end_of_twins() const { return shared_->former_twins.last_end(); }

std::vector<TwinNumber> GraphView::TwinsOf(absl::string_view id) const {
  std::vector<TwinNumber> twins;
  for (uint32_t number = shared_->ids.Find(id, HashOf(id)); number != kNone;
       number = shared_->ids.Before(number)) {
    if (number < state_->next_twin) twins.push_back(TwinNumber(number));
  }
  return twins;
}

uint32_t GraphView::ended_twin_slots() const { return state_->ended_twins.slots; }
uint32_t GraphView::ended_relationship_slots() const { return state_->ended_relationships.slots; }
uint32_t GraphView::former_value_slots() const { return state_->former_values.slots; }

bool GraphView::GetEnded(uint32_t slot, EndedTwin* ended) const {
  const auto* entry = EntryAt<EndedTwinEntry>(state_->ended_twins.entries, slot);
  if (entry == nullptr || entry->number == 0) return false;
  *ended = ToEnded(*entry);
  return true;
}

bool GraphView::GetEnded(uint32_t slot, EndedRelationship* ended) const {
  const auto* entry = EntryAt<EndedRelationshipEntry>(state_->ended_relationships.entries, slot);
  if (entry == nullptr || entry->number == 0) return false;
  *ended = ToEnded(*entry);
  return true;
}

bool GraphView::GetFormer(uint32_t slot, FormerValue* former) const {
  const auto* entry = EntryAt<FormerValueEntry>(state_->former_values.entries, slot);
  if (entry == nullptr || entry->relationship == 0) return false;
  *former = ToFormer(*entry);
  return true;
}

Cell GraphView::EndedCell(uint32_t slot, ColumnId column) const {
  ByteReader reader(state_->ended_twins.values.Get(slot));
  Cell cell;
  FindCell(&reader, column.value, &cell);
  return cell;
}

absl::string_view GraphView::EndedRelationshipId(uint32_t slot) const {
  return ByteReader(state_->ended_relationships.values.Get(slot)).String();
}

Value GraphView::EndedRelationshipValue(uint32_t slot, ColumnId column) const {
  ByteReader reader(state_->ended_relationships.values.Get(slot));
  reader.String();
  Value value;
  return FindValue(&reader, column.value, &value) ? value : Value();
}

Value GraphView::FormerValueOf(uint32_t slot) const {
  ByteReader reader(state_->former_values.values.Get(slot));
  return DecodeValue(&reader);
}

uint64_t GraphView::past_entries() const {
  return state_->ended_twins.live + state_->ended_relationships.live + state_->former_values.live;
}

PastOfModel GraphView::PastOf(const TableSchema& table) const {
  PastOfModel past;
  EndedTwin twin;
  for (uint32_t slot = 0; slot < ended_twin_slots(); ++slot) {
    if (GetEnded(slot, &twin) && twin.table == table.id) ++past.twins;
  }
  EndedRelationship relationship;
  for (uint32_t slot = 0; slot < ended_relationship_slots(); ++slot) {
    if (!GetEnded(slot, &relationship)) continue;
    if (catalog().relationship_type(relationship.type).owner == table.model_id) {
      ++past.relationships;
    }
  }
  return past;
}

uint64_t GraphView::past_version() const { return state_->past_version; }

Time GraphView::past_begin() const {
  const absl::string_view page = state_->past_begin.Get(0);
  int64_t ns = INT64_MIN;
  if (page.size() == sizeof(ns)) std::memcpy(&ns, page.data(), sizeof(ns));
  return Time{ns};
}

// --- Keeping ---

void Graph::EndTwin(TwinNumber twin, bool moved, SourceTime end) {
  const TwinPlace place = head_->PlaceOf(twin);
  const TableSchema& schema = head_->catalog().table(place.table);
  std::string cells;
  uint64_t count = 0;
  for (const ColumnSchema& column : schema.columns) {
    const Cell cell = head_->Get(twin, schema.IdOf(column));
    if (cell.value.is_null()) continue;
    ++count;
    AppendVarint(&cells, schema.IdOf(column).value);
    AppendFixed(&cells, cell.update_time.ns);
    AppendFixed(&cells, cell.source_time.ns);
    cell.value.AppendTo(&cells);
  }
  std::string values;
  AppendVarint(&values, count);
  values.append(cells);
  State* state = Change();
  PastLog& log = state->ended_twins;
  const uint32_t slot = TakeSlot(&log, &free_ended_twins_);
  EndedTwinEntry entry;
  entry.number = twin.value + 1;
  entry.table = place.table.value | (moved ? EndedTwinEntry::kMoved : 0);
  entry.version = head_->VersionOf(twin).value;
  entry.update_time = head_->UpdateTimeOf(twin).ns;
  entry.begin = head_->BeginOf(twin).ns;
  entry.end = end.value_or(state->time).ns;
  if (moved) {
    shared_->moved.Add(twin.value, slot);
  } else {
    shared_->former_twins.Set(FormerHolders::KeyOf(head_->IdOf(twin)), slot, Time{entry.end});
  }
  *MutableEntryAt<EndedTwinEntry>(&log.entries, slot, stamp_) = entry;
  StorePage(&log.values, slot, values, stamp_);
  ++state->past_version;
}

void Graph::EndRelationship(RelationshipNumber relationship, SourceTime end) {
  const Relationship gone = head_->Get(relationship);
  const RelationshipType& type = head_->catalog().relationship_type(gone.type);
  std::string found;
  uint64_t count = 0;
  for (uint32_t column = 0; column < type.columns.size(); ++column) {
    shared_->changes.Remove(relationship.value, column);
    const Value value = head_->GetValue(relationship, ColumnId(column));
    if (value.is_null()) continue;
    ++count;
    AppendVarint(&found, column);
    value.AppendTo(&found);
  }
  std::string values;
  AppendString(&values, gone.id);
  AppendVarint(&values, count);
  values.append(found);
  State* state = Change();
  PastLog& log = state->ended_relationships;
  const uint32_t slot = TakeSlot(&log, &free_ended_relationships_);
  EndedRelationshipEntry entry;
  entry.number = relationship.value + 1;
  entry.type = gone.type.value;
  entry.source = gone.source.value;
  entry.target = gone.target.value;
  entry.version = gone.version.value;
  entry.begin = head_->BeginOf(relationship).ns;
  entry.end = end.value_or(state->time).ns;
  shared_->former_relationships.Set(FormerHolders::KeyOf(gone.source, gone.id), slot,
                                    Time{entry.end});
  *MutableEntryAt<EndedRelationshipEntry>(&log.entries, slot, stamp_) = entry;
  StorePage(&log.values, slot, values, stamp_);
  ++state->past_version;
}

void Graph::KeepFormer(RelationshipNumber relationship, ColumnId column, SourceTime source) {
  const Time time = source.value_or(state_->time);
  // What it was at its very beginning was never seen; of several changes at one time the first one
  // knows what was before.
  if (time <= head_->BeginOf(relationship)) return;
  int64_t last = 0;
  if (shared_->changes.Find(relationship.value, column.value, &last) && time.ns <= last) return;
  shared_->changes.Set(relationship.value, column.value, time.ns);
  std::string value;
  head_->GetValue(relationship, column).AppendTo(&value);
  State* state = Change();
  PastLog& log = state->former_values;
  const uint32_t slot = TakeSlot(&log, &free_former_values_);
  FormerValueEntry entry;
  entry.relationship = relationship.value + 1;
  entry.column = column.value;
  entry.time = time.ns;
  *MutableEntryAt<FormerValueEntry>(&log.entries, slot, stamp_) = entry;
  StorePage(&log.values, slot, value, stamp_);
  ++state->past_version;
}

// --- Dropping ---

void Graph::DropEntries(absl::FunctionRef<bool(const EndedTwin&)> drop_twin,
                        absl::FunctionRef<bool(const EndedRelationship&)> drop_relationship,
                        absl::FunctionRef<bool(const FormerValue&)> drop_value) {
  State* state = Change();
  EndedTwin twin;
  for (uint32_t slot = 0; slot < state->ended_twins.slots; ++slot) {
    if (!head_->GetEnded(slot, &twin) || !drop_twin(twin)) continue;
    shared_->former_twins.Remove(FormerHolders::KeyOf(shared_->ids.Get(twin.twin.value)), slot);
    if (twin.moved) shared_->moved.Remove(twin.twin.value, slot);
    FreeSlot<EndedTwinEntry>(&state->ended_twins, slot, &free_ended_twins_, stamp_);
    if (!twin.moved) ++deleted_twins_;
  }
  EndedRelationship relationship;
  for (uint32_t slot = 0; slot < state->ended_relationships.slots; ++slot) {
    if (!head_->GetEnded(slot, &relationship) || !drop_relationship(relationship)) continue;
    shared_->former_relationships.Remove(
        FormerHolders::KeyOf(relationship.source, head_->EndedRelationshipId(slot)), slot);
    FreeSlot<EndedRelationshipEntry>(&state->ended_relationships, slot, &free_ended_relationships_,
                                     stamp_);
  }
  FormerValue former;
  for (uint32_t slot = 0; slot < state->former_values.slots; ++slot) {
    if (!head_->GetFormer(slot, &former) || !drop_value(former)) continue;
    FreeSlot<FormerValueEntry>(&state->former_values, slot, &free_former_values_, stamp_);
  }
  ++state->past_version;
}

void Graph::DropPast(Time before) {
  if (before <= head_->past_begin()) return;
  State* state = Change();
  std::memcpy(state->past_begin.Mutable(0, sizeof(before.ns), stamp_), &before.ns,
              sizeof(before.ns));
  if (head_->past_entries() == 0) return;
  DropEntries([&](const EndedTwin& twin) { return twin.end < before; },
              [&](const EndedRelationship& relationship) { return relationship.end < before; },
              [&](const FormerValue& former) { return former.time < before; });
}

// Nothing describes what those were.
void Graph::DropPastOfDeletedModels() {
  if (head_->past_entries() == 0) return;
  const Catalog& catalog = head_->catalog();
  const auto is_gone = [&](RelationshipTypeId type) {
    return catalog.relationship_type(type).content == nullptr;
  };
  bool any = false;
  for (const std::unique_ptr<TableSchema>& table : catalog.tables()) {
    any = any || table->interface == nullptr;
  }
  if (!any) return;
  absl::flat_hash_set<uint32_t> gone;
  EndedRelationship relationship;
  for (uint32_t slot = 0; slot < head_->ended_relationship_slots(); ++slot) {
    if (head_->GetEnded(slot, &relationship) && is_gone(relationship.type)) {
      gone.insert(relationship.relationship.value);
    }
  }
  DropEntries([&](const EndedTwin& twin) { return catalog.table(twin.table).interface == nullptr; },
              [&](const EndedRelationship& ended) { return is_gone(ended.type); },
              [&](const FormerValue& former) { return gone.contains(former.relationship.value); });
}

// Whose ids are needed for as long as entries name them; by number.
std::vector<bool> Graph::TwinsOfPast() const {
  std::vector<bool> needed(state_->next_twin);
  EndedTwin twin;
  for (uint32_t slot = 0; slot < head_->ended_twin_slots(); ++slot) {
    if (head_->GetEnded(slot, &twin)) needed[twin.twin.value] = true;
  }
  EndedRelationship relationship;
  for (uint32_t slot = 0; slot < head_->ended_relationship_slots(); ++slot) {
    if (!head_->GetEnded(slot, &relationship)) continue;
    needed[relationship.source.value] = true;
    needed[relationship.target.value] = true;
  }
  return needed;
}

// --- Loading ---

namespace {

// Of the log of past things that was loaded: which slots are used.
uint32_t SlotsOf(const PastLog& log) {
  return static_cast<uint32_t>(log.entries.pages() * kEntriesPerPage);
}
void CountSlot(bool is_used, uint32_t slot, PastLog* log, std::vector<uint32_t>* free) {
  if (is_used) {
    ++log->live;
  } else {
    free->push_back(slot);
  }
}

}  // namespace

absl::Status Graph::FinishLoadPast() {
  TWIN_RETURN_IF_ERROR(FinishLoadEndedTwins());
  TWIN_RETURN_IF_ERROR(FinishLoadEndedRelationships());
  TWIN_RETURN_IF_ERROR(FinishLoadFormerValues());
  uint64_t deleted = 0;
  const std::vector<bool> of_past = TwinsOfPast();
  for (uint32_t number = 0; number < state_->next_twin; ++number) {
    if (!of_past[number] && shared_->ids.Has(number) && !head_->Exists(TwinNumber(number))) {
      ++deleted;
    }
  }
  deleted_twins_ = deleted;
  return absl::OkStatus();
}

bool Graph::HasLoadedId(TwinNumber twin) const {
  return twin.value < state_->next_twin && shared_->ids.Has(twin.value);
}

absl::Status Graph::FinishLoadEndedTwins() {
  State* state = state_;
  PastLog* const log = &state->ended_twins;
  log->slots = SlotsOf(*log);
  EndedTwin twin;
  for (uint32_t slot = 0; slot < log->slots; ++slot) {
    const bool is_used = head_->GetEnded(slot, &twin);
    CountSlot(is_used, slot, log, &free_ended_twins_);
    if (!is_used) continue;
    const PageKind kind = PageKind::kEndedTwins;
    if (!HasLoadedId(twin.twin)) return DamagedPast(kind, slot, "a twin without an id");
    if (twin.table.value >= state->tables.size() ||
        state->catalog->table(twin.table).interface == nullptr) {
      return DamagedPast(kind, slot, "a twin without a model");
    }
    ByteReader reader(log->values.Get(slot));
    Cell cell;
    FindCell(&reader, UINT32_MAX, &cell);
    if (!reader.ok() || !reader.done()) return DamagedPast(kind, slot, "its values");
    if (twin.moved) {
      shared_->moved.Add(twin.twin.value, slot);
      continue;
    }
    const uint64_t key = FormerHolders::KeyOf(shared_->ids.Get(twin.twin.value));
    EndedTwin other;
    const uint32_t known = shared_->former_twins.Find(key);
    if (known == kNone || (head_->GetEnded(known, &other) && other.twin < twin.twin)) {
      shared_->former_twins.Set(key, slot, twin.end);
    }
  }
  return absl::OkStatus();
}

absl::Status Graph::FinishLoadEndedRelationships() {
  State* state = state_;
  PastLog* const log = &state->ended_relationships;
  log->slots = SlotsOf(*log);
  EndedRelationship relationship;
  for (uint32_t slot = 0; slot < log->slots; ++slot) {
    const bool is_used = head_->GetEnded(slot, &relationship);
    CountSlot(is_used, slot, log, &free_ended_relationships_);
    if (!is_used) continue;
    const PageKind kind = PageKind::kEndedRelationships;
    if (relationship.type.value >= state->relationship_tables.size() ||
        state->catalog->relationship_type(relationship.type).content == nullptr) {
      return DamagedPast(kind, slot, "a relationship without a type");
    }
    if (relationship.relationship.value >= state->next_relationship ||
        !HasLoadedId(relationship.source) || !HasLoadedId(relationship.target)) {
      return DamagedPast(kind, slot, "a relationship that led nowhere");
    }
    ByteReader reader(log->values.Get(slot));
    const absl::string_view id = reader.String();
    Value value;
    FindValue(&reader, UINT32_MAX, &value);
    if (!reader.ok() || !reader.done()) return DamagedPast(kind, slot, "its values");
    const uint64_t key = FormerHolders::KeyOf(relationship.source, id);
    EndedRelationship other;
    const uint32_t known = shared_->former_relationships.Find(key);
    if (known == kNone ||
        (head_->GetEnded(known, &other) && other.relationship < relationship.relationship)) {
      shared_->former_relationships.Set(key, slot, relationship.end);
    }
  }
  return absl::OkStatus();
}

absl::Status Graph::FinishLoadFormerValues() {
  State* state = state_;
  PastLog* const log = &state->former_values;
  log->slots = SlotsOf(*log);
  FormerValue former;
  for (uint32_t slot = 0; slot < log->slots; ++slot) {
    const bool is_used = head_->GetFormer(slot, &former);
    CountSlot(is_used, slot, log, &free_former_values_);
    if (!is_used) continue;
    ByteReader reader(log->values.Get(slot));
    DecodeValue(&reader);
    if (!reader.ok() || !reader.done() || former.relationship.value >= state->next_relationship) {
      return DamagedPast(PageKind::kFormerValues, slot, "a value of no relationship");
    }
    if (!head_->Exists(former.relationship)) continue;
    int64_t last = 0;
    if (!shared_->changes.Find(former.relationship.value, former.column.value, &last) ||
        last < former.time.ns) {
      shared_->changes.Set(former.relationship.value, former.column.value, former.time.ns);
    }
  }
  return absl::OkStatus();
}

}  // namespace twin::graph
