#include <algorithm>
#include <cstring>

#include "server/base/check.h"
#include "server/graph/graph.h"
#include "server/graph/state.h"
#include "server/graph/values.h"

namespace twin::graph {
namespace {

const TwinEntry& TwinAt(const State& state, TwinNumber twin) {
  const TwinEntry* entry = EntryAt<TwinEntry>(state.twin_entries, twin.value);
  TWIN_CHECK(entry != nullptr && entry->table != 0) << "no twin " << twin.value;
  return *entry;
}

const RelationshipEntry& RelationshipAt(const State& state, RelationshipNumber relationship) {
  const auto* entry = EntryAt<RelationshipEntry>(state.relationship_entries, relationship.value);
  TWIN_CHECK(entry != nullptr && entry->type != 0) << "no relationship " << relationship.value;
  return *entry;
}

}  // namespace

GraphView::GraphView(const State* state, Shared* shared, uint64_t pin)
    : state_(state), shared_(shared), pin_(pin) {}

GraphView::~GraphView() {
  if (pin_ == 0) return;
  {
    const Ref<State> last(const_cast<State*>(state_));
  }  // NOLINT: counts are changed, nothing else
  shared_->pins.Remove(pin_);
}

Sequence GraphView::sequence() const { return state_->sequence; }
Time GraphView::time() const { return state_->time; }
const Catalog& GraphView::catalog() const { return *state_->catalog; }
const std::shared_ptr<const Catalog>& GraphView::shared_catalog() const { return state_->catalog; }

TwinNumber GraphView::FindTwin(absl::string_view id, size_t hash) const {
  for (uint32_t number = shared_->ids.Find(id, hash); number != kNone;
       number = shared_->ids.Before(number)) {
    if (Exists(TwinNumber(number))) return TwinNumber(number);
    if (pin_ == 0) break;  // on the head, those before it were deleted before it was created
  }
  return kNoTwin;
}

bool GraphView::Exists(TwinNumber twin) const {
  const TwinEntry* entry = EntryAt<TwinEntry>(state_->twin_entries, twin.value);
  return entry != nullptr && entry->table != 0;
}

absl::string_view GraphView::IdOf(TwinNumber twin) const { return shared_->ids.Get(twin.value); }

TwinPlace GraphView::PlaceOf(TwinNumber twin) const {
  const TwinEntry& entry = TwinAt(*state_, twin);
  return {TableId(entry.table - 1), entry.row};
}

const TableSchema& GraphView::TableOf(TwinNumber twin) const {
  return state_->catalog->table(PlaceOf(twin).table);
}

Sequence GraphView::VersionOf(TwinNumber twin) const {
  return Sequence(TwinAt(*state_, twin).version);
}

TwinFacts GraphView::FactsOf(TwinNumber twin) const {
  const TwinEntry* entry = EntryAt<TwinEntry>(state_->twin_entries, twin.value);
  if (entry == nullptr || entry->table == 0) return {};
  return {true,
          {TableId(entry->table - 1), entry->row},
          Sequence(entry->version),
          entry->out_degree,
          entry->in_degree};
}

Time GraphView::UpdateTimeOf(TwinNumber twin) const {
  return Time{TwinAt(*state_, twin).update_time};
}

Value GraphView::GetValue(TwinNumber twin, ColumnId column) const {
  const TwinPlace place = PlaceOf(twin);
  const ColumnSchema& schema = state_->catalog->table(place.table).columns[column.value];
  const Column& stored = state_->tables[place.table.value]->columns[column.value];
  return LoadValue(stored, schema.type, place.row, shared_->strings);
}

Cell GraphView::Get(TwinNumber twin, ColumnId column) const {
  const TwinPlace place = PlaceOf(twin);
  const ColumnSchema& schema = state_->catalog->table(place.table).columns[column.value];
  const Column& stored = state_->tables[place.table.value]->columns[column.value];
  Cell cell;
  cell.value = LoadValue(stored, schema.type, place.row, shared_->strings);
  cell.update_time = Time{LoadTime(stored.update_times, place.row)};
  const int64_t source = LoadTime(stored.source_times, place.row);
  cell.source_time = source == kAsUpdateTime ? cell.update_time : SourceTimeOf(source);
  return cell;
}

Value GraphView::ValueAt(TwinPlace place, ColumnId column, std::optional<Time>* given) const {
  const ColumnSchema& schema = state_->catalog->table(place.table).columns[column.value];
  const Column& stored = state_->tables[place.table.value]->columns[column.value];
  const int64_t source = LoadTime(stored.source_times, place.row);
  given->reset();
  if (source != kAsUpdateTime) *given = SourceTimeOf(source);
  return LoadValue(stored, schema.type, place.row, shared_->strings);
}

bool GraphView::Has(TwinNumber twin, ColumnId column) const {
  const TwinPlace place = PlaceOf(twin);
  return HasValue(state_->tables[place.table.value]->columns[column.value], place.row);
}

uint64_t GraphView::rows_epoch() const { return state_->rows_epoch; }

uint64_t GraphView::twins() const { return state_->twins; }
uint64_t GraphView::ids_bytes() const { return shared_->ids.arena_bytes(); }
uint64_t GraphView::strings_bytes() const { return shared_->strings.arena_bytes(); }

uint64_t GraphView::twins(TableId table) const {
  return table.value < state_->tables.size() ? state_->tables[table.value]->live : 0;
}

TwinNumber GraphView::next_twin() const { return TwinNumber(state_->next_twin); }

std::vector<TwinNumber> GraphView::ListTwins(TableId table, uint32_t from, size_t max,
                                             uint32_t* next) const {
  std::vector<TwinNumber> twins;
  *next = UINT32_MAX;
  if (table.value >= state_->tables.size()) return twins;
  const Table& rows = *state_->tables[table.value];
  for (uint32_t row = from; row < rows.rows; ++row) {
    const uint32_t number = LoadRow(rows, row);
    if (number == kNone) continue;
    if (twins.size() == max) {
      *next = row;
      return twins;
    }
    twins.push_back(TwinNumber(number));
  }
  return twins;
}

std::vector<TwinNumber> GraphView::TwinsFrom(absl::Span<const TableId> tables, TwinNumber from,
                                             size_t max) const {
  std::vector<TwinNumber> twins;
  std::vector<bool> is_asked(state_->tables.size());
  uint64_t steps = max;
  for (const TableId table : tables) {
    is_asked[table.value] = true;
    steps += this->twins(table);
  }
  // Among many of them the next ones are near.
  uint32_t number = from.value;
  for (; number < state_->next_twin && twins.size() < max && steps > 0; ++number, --steps) {
    const auto* entry = EntryAt<TwinEntry>(state_->twin_entries, number);
    if (entry != nullptr && entry->table > 0 && is_asked[entry->table - 1]) {
      twins.push_back(TwinNumber(number));
    }
  }
  if (twins.size() == max || number >= state_->next_twin) return twins;
  // Else all that are left of them are fewer than what lies between.
  std::vector<TwinNumber> rest;
  for (const TableId table : tables) {
    const Table& rows = *state_->tables[table.value];
    for (uint32_t row = 0; row < rows.rows; ++row) {
      const uint32_t each = LoadRow(rows, row);
      if (each != kNone && each >= number) rest.push_back(TwinNumber(each));
    }
  }
  const size_t kept = std::min(max - twins.size(), rest.size());
  std::partial_sort(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(kept), rest.end());
  twins.insert(twins.end(), rest.begin(), rest.begin() + static_cast<ptrdiff_t>(kept));
  return twins;
}

std::vector<TwinNumber> GraphView::FindEqual(TableId table, ColumnId column,
                                             absl::string_view value) const {
  std::vector<TwinNumber> twins;
  const uint32_t code = shared_->strings.Find(value);
  if (code == kNoString) return twins;
  for (const uint32_t number : shared_->equality.Find(table, column, code)) {
    const TwinNumber twin(number);
    if (!Exists(twin) || !(PlaceOf(twin).table == table)) continue;
    const Value now = GetValue(twin, column);
    if (!now.is_null() && now.as_string() == value) twins.push_back(twin);
  }
  return twins;
}

RelationshipNumber GraphView::FindRelationship(TwinNumber source, absl::string_view id) const {
  const TwinEntry& twin = TwinAt(*state_, source);
  if (twin.out_degree == 0) return kNoRelationship;
  const uint32_t code = shared_->strings.Find(id);
  if (code == kNoString) return kNoRelationship;
  if (twin.out_degree > RelationshipIndex::kDegreeMin) {
    const uint32_t number = shared_->relationships.Find(source.value, code);
    const auto* entry = EntryAt<RelationshipEntry>(state_->relationship_entries, number);
    if (number != kNone && entry != nullptr && entry->type != 0 && entry->id == code &&
        entry->source == source.value) {
      return RelationshipNumber(number);
    }
    if (pin_ == 0 && shared_->relationships.Covers(source.value)) return kNoRelationship;
  }
  for (RelationshipNumber number = FirstOutgoing(source); !(number == kNoRelationship);
       number = NextOutgoing(number)) {
    if (RelationshipAt(*state_, number).id == code) return number;
  }
  return kNoRelationship;
}

bool GraphView::Exists(RelationshipNumber relationship) const {
  const auto* entry = EntryAt<RelationshipEntry>(state_->relationship_entries, relationship.value);
  return entry != nullptr && entry->type != 0;
}

Relationship GraphView::Get(RelationshipNumber relationship) const {
  const RelationshipEntry& entry = RelationshipAt(*state_, relationship);
  Relationship found;
  found.type = RelationshipTypeId(entry.type - 1);
  found.source = TwinNumber(entry.source);
  found.target = TwinNumber(entry.target);
  found.id = shared_->strings.Get(entry.id);
  found.version = Sequence((uint64_t{entry.version_high} << 32) | entry.version_low);
  return found;
}

Value GraphView::GetValue(RelationshipNumber relationship, ColumnId column) const {
  const RelationshipEntry& entry = RelationshipAt(*state_, relationship);
  const RelationshipType& type =
      state_->catalog->relationship_type(RelationshipTypeId(entry.type - 1));
  return LoadValue(state_->relationship_tables[entry.type - 1]->columns[column.value],
                   type.columns[column.value].type, entry.row, shared_->strings);
}

uint64_t GraphView::relationships() const { return state_->relationships; }

RelationshipNumber GraphView::next_relationship() const {
  return RelationshipNumber(state_->next_relationship);
}

RelationshipNumber GraphView::FirstOutgoing(TwinNumber twin) const {
  return RelationshipNumber(TwinAt(*state_, twin).first_out);
}
RelationshipNumber GraphView::NextOutgoing(RelationshipNumber relationship) const {
  return RelationshipNumber(RelationshipAt(*state_, relationship).next_out);
}
RelationshipNumber GraphView::FirstIncoming(TwinNumber twin) const {
  return RelationshipNumber(TwinAt(*state_, twin).first_in);
}
RelationshipNumber GraphView::NextIncoming(RelationshipNumber relationship) const {
  return RelationshipNumber(RelationshipAt(*state_, relationship).next_in);
}
uint32_t GraphView::OutDegree(TwinNumber twin) const { return TwinAt(*state_, twin).out_degree; }
uint32_t GraphView::InDegree(TwinNumber twin) const { return TwinAt(*state_, twin).in_degree; }

uint32_t GraphView::CountOutgoing(TwinNumber twin, RelationshipTypeId type) const {
  if (pin_ == 0 && OutDegree(twin) > RelationshipIndex::kDegreeMin &&
      shared_->relationships.Covers(twin.value)) {
    return shared_->relationships.Count(twin.value, type.value);
  }
  uint32_t count = 0;
  for (RelationshipNumber number = FirstOutgoing(twin); !(number == kNoRelationship);
       number = NextOutgoing(number)) {
    if (RelationshipAt(*state_, number).type == type.value + 1) ++count;
  }
  return count;
}

}  // namespace twin::graph
