#include "server/graph/graph.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/graph/state.h"
#include "server/graph/values.h"

namespace twin::graph {
namespace {

TwinEntry* ChangeTwin(State* state, TwinNumber twin, uint64_t stamp) {
  return MutableEntryAt<TwinEntry>(&state->twin_entries, twin.value, stamp);
}

RelationshipEntry* ChangeRelationship(State* state, uint32_t relationship, uint64_t stamp) {
  return MutableEntryAt<RelationshipEntry>(&state->relationship_entries, relationship, stamp);
}

void SetVersion(RelationshipEntry* entry, Sequence version) {
  entry->version_low = static_cast<uint32_t>(version.value);
  entry->version_high = static_cast<uint32_t>(version.value >> 32);
}

}  // namespace

Graph::Graph() : shared_(std::make_shared<Shared>()), state_(new State) {
  head_.reset(new GraphView(state_, shared_.get(), 0));
}

Graph::~Graph() { const Ref<State> last(state_); }

std::shared_ptr<const GraphView> Graph::Pin() {
  std::shared_ptr<const GraphView> pinned = pinned_.lock();
  if (pinned != nullptr && pinned->state_ == state_) return pinned;
  state_->references.fetch_add(1, std::memory_order_relaxed);
  auto* view = new GraphView(state_, shared_.get(), shared_->pins.Add());
  view->keep_ = shared_;
  pinned.reset(view);
  pinned_ = pinned;
  return pinned;
}

State* Graph::Change() {
  if (state_->references.load(std::memory_order_acquire) != 1) {
    auto* copy = new State(*state_);
    { const Ref<State> last(state_); }
    state_ = copy;
    head_->state_ = copy;
  }
  return state_;
}

Table* Graph::ChangeTable(TableId table) {
  Ref<Table>& stored = Change()->tables[table.value];
  if (!stored.unique()) stored = Ref<Table>(new Table(*stored));
  return stored.get();
}

Table* Graph::ChangeRelationshipTable(RelationshipTypeId type) {
  Ref<Table>& stored = Change()->relationship_tables[type.value];
  if (!stored.unique()) stored = Ref<Table>(new Table(*stored));
  return stored.get();
}

void Graph::SetCatalog(std::shared_ptr<const Catalog> catalog) {
  State* state = Change();
  ++state->rows_epoch;
  state->catalog = std::move(catalog);
  const Catalog& now = *state->catalog;
  while (state->tables.size() < now.tables().size()) {
    state->tables.emplace_back(new Table);
  }
  for (const std::unique_ptr<TableSchema>& schema : now.tables()) {
    // The columns of a model that is gone stay until the process ends; they are empty.
    if (schema->columns.size() > state->tables[schema->id.value]->columns.size()) {
      ChangeTable(schema->id)->columns.resize(schema->columns.size());
    }
  }
  while (state->relationship_tables.size() < now.relationship_types()) {
    state->relationship_tables.emplace_back(new Table);
  }
  for (uint32_t i = 0; i < now.relationship_types(); ++i) {
    const RelationshipType& type = now.relationship_type(RelationshipTypeId(i));
    if (type.columns.size() > state->relationship_tables[i]->columns.size()) {
      ChangeRelationshipTable(type.id)->columns.resize(type.columns.size());
    }
  }
  free_rows_.resize(state->tables.size());
  free_relationship_rows_.resize(state->relationship_tables.size());
  DropPastOfDeletedModels();
}

uint32_t Graph::TakeRow(Table* table, std::vector<uint32_t>* free, uint32_t number) {
  uint32_t row = table->rows;
  if (free->empty()) {
    ++table->rows;
  } else {
    row = free->back();
    free->pop_back();
  }
  StoreRow(table, row, number, stamp_);
  ++table->live;
  return row;
}

void Graph::CreateTwin(TwinNumber number, absl::string_view id, TableId table, Sequence version,
                       Time time, SourceTime begin) {
  State* state = Change();
  TWIN_CHECK(number.value == state->next_twin) << number.value << " after " << state->next_twin;
  shared_->ids.Add(number.value, id);
  TwinEntry* entry = ChangeTwin(state, number, stamp_);
  *entry = TwinEntry();
  entry->table = table.value + 1;
  entry->row = TakeRow(ChangeTable(table), &free_rows_[table.value], number.value);
  entry->version = version.value;
  entry->update_time = time.ns;
  StoreTime(&state->twin_begins, number.value, begin.value_or(state->time).ns,
            number.value % kRowsPerPage == 0, stamp_);
  ++state->next_twin;
  ++state->twins;
}

void Graph::StoreValue(Column* column, ColumnType type, uint32_t row, const Value& value) {
  const bool had = IsStringColumn(type) && HasValue(*column, row);
  const uint32_t before = had ? LoadCode(*column, row) : kNoString;
  if (value.is_null()) {
    ClearValue(column, type, row, stamp_);
  } else {
    const uint32_t code =
        IsStringColumn(type) ? shared_->strings.Intern(StringForm(type, value)) : kNoString;
    StoreBits(column, type, row, value, code, stamp_);
  }
  if (had) shared_->strings.Release(before);
}

void Graph::SetValue(TwinNumber twin, ColumnId column, const Value& value, Time update,
                     Time source) {
  SetValue(twin, head_->PlaceOf(twin), column, value, update, source);
}

void Graph::SetValue(TwinNumber twin, TwinPlace place, ColumnId column, const Value& value,
                     Time update, Time source) {
  const ColumnSchema& schema = head_->catalog().table(place.table).columns[column.value];
  Column& stored = ChangeTable(place.table)->columns[column.value];
  if (schema.indexed && HasValue(stored, place.row)) {
    shared_->equality.Remove(place.table, column, LoadCode(stored, place.row), twin.value);
  }
  const bool alone = PageIsEmpty(stored, place.row);
  StoreTime(&stored.update_times, place.row, update.ns, alone, stamp_);
  StoreTime(&stored.source_times, place.row,
            source == update ? kAsUpdateTime : StoredSourceTime(source), alone, stamp_);
  StoreValue(&stored, schema.type, place.row, value);
  if (schema.indexed && !value.is_null()) {
    shared_->equality.Add(place.table, column, LoadCode(stored, place.row), twin.value);
  }
}

bool Graph::SetLatest(TwinNumber twin, ColumnId column, const Value& value, Time update,
                      Time source) {
  const TwinPlace place = head_->PlaceOf(twin);
  const Column& stored = state_->tables[place.table.value]->columns[column.value];
  if (HasValue(stored, place.row)) {
    const int64_t before = LoadTime(stored.source_times, place.row);
    const int64_t ns = before == kAsUpdateTime ? LoadTime(stored.update_times, place.row)
                                               : SourceTimeOf(before).ns;
    if (ns > source.ns) return false;
  }
  SetValue(twin, column, value, update, source);
  return true;
}

void Graph::Touch(TwinNumber twin, Sequence version, Time time) {
  TwinEntry* entry = ChangeTwin(Change(), twin, stamp_);
  entry->version = version.value;
  entry->update_time = time.ns;
}

void Graph::ClearRow(TwinNumber twin, TableId table, uint32_t row) {
  const TableSchema& schema = head_->catalog().table(table);
  Table* rows = ChangeTable(table);
  for (const ColumnSchema& column : schema.columns) {
    Column& stored = rows->columns[schema.IdOf(column).value];
    if (!HasValue(stored, row)) continue;
    if (column.indexed) {
      shared_->equality.Remove(table, schema.IdOf(column), LoadCode(stored, row), twin.value);
    }
    StoreValue(&stored, column.type, row, Value());
  }
  StoreRow(rows, row, kNone, stamp_);
  --rows->live;
  free_rows_[table.value].push_back(row);
}

void Graph::MoveTwin(TwinNumber twin, TableId table, Sequence version, Time time,
                     SourceTime source) {
  ++Change()->rows_epoch;
  EndTwin(twin, /*moved=*/true, source);
  const TwinPlace from = head_->PlaceOf(twin);
  const TableSchema& old_schema = head_->catalog().table(from.table);
  const TableSchema& new_schema = head_->catalog().table(table);
  std::vector<std::pair<ColumnId, Cell>> kept;
  for (const ColumnSchema& column : old_schema.columns) {
    const ColumnSchema* same = new_schema.FindSame(column);
    if (same == nullptr) continue;
    Cell cell = head_->Get(twin, old_schema.IdOf(column));
    cell.value = WidenedTo(same->type, column.type, cell.value);
    if (!cell.value.is_null()) kept.emplace_back(new_schema.IdOf(*same), std::move(cell));
  }
  ClearRow(twin, from.table, from.row);
  TwinEntry* entry = ChangeTwin(Change(), twin, stamp_);
  entry->table = table.value + 1;
  entry->row = TakeRow(ChangeTable(table), &free_rows_[table.value], twin.value);
  entry->version = version.value;
  entry->update_time = time.ns;
  for (const auto& [column, cell] : kept) {
    SetValue(twin, column, cell.value, cell.update_time, cell.source_time);
  }
  StoreTime(&state_->twin_begins, twin.value, source.value_or(state_->time).ns, /*alone=*/false,
            stamp_);
}

void Graph::DeleteTwin(TwinNumber twin, SourceTime end) {
  ++Change()->rows_epoch;
  TWIN_CHECK(head_->OutDegree(twin) == 0 && head_->InDegree(twin) == 0) << head_->IdOf(twin);
  EndTwin(twin, /*moved=*/false, end);
  const TwinPlace place = head_->PlaceOf(twin);
  ClearRow(twin, place.table, place.row);
  State* state = Change();
  *ChangeTwin(state, twin, stamp_) = TwinEntry();
  --state->twins;
}

void Graph::CreateRelationship(RelationshipNumber number, RelationshipTypeId type,
                               TwinNumber source, TwinNumber target, absl::string_view id,
                               Sequence version, SourceTime begin) {
  TWIN_CHECK(number.value == state_->next_relationship);
  Relate({type, source, target, id, version, begin.value_or(state_->time)},
         shared_->strings.Intern(id));
}

void Graph::Relate(const Creations::Relationship& relationship, uint32_t id) {
  State* state = Change();
  const RelationshipTypeId type = relationship.type;
  const TwinNumber source = relationship.source;
  const TwinNumber target = relationship.target;
  const RelationshipNumber number(state->next_relationship);
  StoreTime(&state->relationship_begins, number.value, relationship.begin.ns,
            number.value % kRowsPerPage == 0, stamp_);
  RelationshipEntry made;
  made.type = type.value + 1;
  made.source = source.value;
  made.target = target.value;
  made.id = id;
  SetVersion(&made, relationship.version);
  Table* table = ChangeRelationshipTable(type);
  ++table->topology;
  if (!table->columns.empty()) {
    made.row = TakeRow(table, &free_relationship_rows_[type.value], number.value);
  } else {
    ++table->live;
  }

  TwinEntry* from = ChangeTwin(state, source, stamp_);
  if (from->first_out == kNone) {
    from->first_out = number.value;
    made.previous_out = number.value;
  } else {
    RelationshipEntry* first = ChangeRelationship(state, from->first_out, stamp_);
    made.previous_out = first->previous_out;
    first->previous_out = number.value;
    ChangeRelationship(state, made.previous_out, stamp_)->next_out = number.value;
  }
  ++from->out_degree;
  const uint32_t degree = from->out_degree;
  TwinEntry* to = ChangeTwin(state, target, stamp_);
  if (to->first_in == kNone) {
    to->first_in = number.value;
    made.previous_in = number.value;
  } else {
    RelationshipEntry* first = ChangeRelationship(state, to->first_in, stamp_);
    made.previous_in = first->previous_in;
    first->previous_in = number.value;
    ChangeRelationship(state, made.previous_in, stamp_)->next_in = number.value;
  }
  ++to->in_degree;
  *ChangeRelationship(state, number.value, stamp_) = made;
  ++state->next_relationship;
  ++state->relationships;

  // A twin that was covered once stays so, however few relationships are left.
  const bool is_covered = shared_->relationships.Covers(source.value);
  if (!is_covered && degree <= RelationshipIndex::kDegreeMin) return;
  if (is_covered) {
    shared_->relationships.Add(source.value, made.id, type.value, number.value);
    return;
  }
  std::vector<RelationshipIndex::Entry> entries;
  for (RelationshipNumber each = head_->FirstOutgoing(source); !(each == kNoRelationship);
       each = head_->NextOutgoing(each)) {
    const auto* entry = EntryAt<RelationshipEntry>(state->relationship_entries, each.value);
    entries.push_back({source.value, entry->id, entry->type - 1, each.value});
  }
  shared_->relationships.CoverAll(entries);
}

void Graph::SetValue(RelationshipNumber relationship, ColumnId column, const Value& value,
                     SourceTime source) {
  KeepFormer(relationship, column, source);
  const auto* entry = EntryAt<RelationshipEntry>(state_->relationship_entries, relationship.value);
  const RelationshipTypeId type(entry->type - 1);
  const uint32_t row = entry->row;
  Column& stored = ChangeRelationshipTable(type)->columns[column.value];
  StoreValue(&stored, head_->catalog().relationship_type(type).columns[column.value].type, row,
             value);
}

void Graph::Touch(RelationshipNumber relationship, Sequence version) {
  SetVersion(ChangeRelationship(Change(), relationship.value, stamp_), version);
}

void Graph::DeleteRelationship(RelationshipNumber relationship, SourceTime end) {
  EndRelationship(relationship, end);
  State* state = Change();
  const RelationshipEntry gone =
      *EntryAt<RelationshipEntry>(state->relationship_entries, relationship.value);
  TWIN_CHECK(gone.type != 0);
  const RelationshipTypeId type(gone.type - 1);
  const std::vector<ColumnSchema>& columns = head_->catalog().relationship_type(type).columns;
  Table* table = ChangeRelationshipTable(type);
  ++table->topology;
  --table->live;
  if (!table->columns.empty()) {
    for (size_t i = 0; i < columns.size(); ++i) {
      StoreValue(&table->columns[i], columns[i].type, gone.row, Value());
    }
    StoreRow(table, gone.row, kNone, stamp_);
    free_relationship_rows_[type.value].push_back(gone.row);
  }

  // The first of a list knows the last; the last's next is kNone.
  TwinEntry* from = ChangeTwin(state, TwinNumber(gone.source), stamp_);
  --from->out_degree;
  if (from->first_out == relationship.value) {
    from->first_out = gone.next_out;
  } else {
    ChangeRelationship(state, gone.previous_out, stamp_)->next_out = gone.next_out;
  }
  if (from->first_out != kNone) {
    const uint32_t after = gone.next_out != kNone ? gone.next_out : from->first_out;
    ChangeRelationship(state, after, stamp_)->previous_out = gone.previous_out;
  }
  TwinEntry* to = ChangeTwin(state, TwinNumber(gone.target), stamp_);
  --to->in_degree;
  if (to->first_in == relationship.value) {
    to->first_in = gone.next_in;
  } else {
    ChangeRelationship(state, gone.previous_in, stamp_)->next_in = gone.next_in;
  }
  if (to->first_in != kNone) {
    const uint32_t after = gone.next_in != kNone ? gone.next_in : to->first_in;
    ChangeRelationship(state, after, stamp_)->previous_in = gone.previous_in;
  }
  *ChangeRelationship(state, relationship.value, stamp_) = RelationshipEntry();
  --state->relationships;
  if (shared_->relationships.Covers(gone.source)) {
    shared_->relationships.Remove(gone.source, gone.id, type.value);
  }
  shared_->strings.Release(gone.id);
}

void Graph::Advance(Sequence sequence, Time time) {
  State* state = Change();
  state->sequence = sequence;
  state->time = time;
  shared_->equality.Collect();
  shared_->strings.Collect();
}

uint64_t Graph::deleted_twins() const { return deleted_twins_; }

GraphMemory Graph::memory() const {
  GraphMemory memory;
  uint64_t pages = 0;
  for (const Ref<Table>& table : state_->tables) {
    memory.columns += table->numbers.bytes();
    for (const Column& column : table->columns) {
      memory.columns +=
          column.values.bytes() + column.update_times.bytes() + column.source_times.bytes();
    }
  }
  memory.columns += state_->twin_entries.bytes();
  memory.relationships = state_->relationship_entries.bytes();
  for (const Ref<Table>& table : state_->relationship_tables) {
    memory.relationships += table->numbers.bytes();
    for (const Column& column : table->columns) memory.relationships += column.values.bytes();
  }
  memory.past = state_->twin_begins.bytes() + state_->relationship_begins.bytes() +
                state_->ended_twins.bytes() + state_->ended_relationships.bytes() +
                state_->former_values.bytes() + state_->past_begin.bytes();
  pages = memory.columns + memory.relationships + memory.past;
  memory.past += shared_->changes.bytes() + shared_->former_twins.bytes() +
                 shared_->former_relationships.bytes() + shared_->moved.bytes();
  memory.ids = shared_->ids.bytes();
  memory.strings = shared_->strings.bytes();
  memory.index = shared_->equality.bytes() + shared_->relationships.bytes();
  memory.retained = PageBytesInUse() > pages ? PageBytesInUse() - pages : 0;
  memory.snapshots = shared_->pins.alive();
  return memory;
}

}  // namespace twin::graph
