// Graph to pages and back: what a checkpoint writes and recovery reads.
#include <algorithm>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/status_macros.h"
#include "server/graph/graph.h"
#include "server/graph/state.h"
#include "server/graph/values.h"

namespace twin::graph {
namespace {

constexpr uint32_t kIdsPerPage = 256;

absl::Status Damaged(const PageKey& key, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(
      "checkpoint page (", static_cast<int>(key.kind), ", ", key.table, ", ", key.column, ", ",
      key.page, "): ", what, "; start on a backup, or ask `twinctl check DIR` what is damaged"));
}

std::string IdPageBytes(const TwinIds& ids, uint32_t page, uint32_t numbers) {
  std::string bytes;
  for (uint32_t i = 0; i < kIdsPerPage; ++i) {
    const uint32_t number = page * kIdsPerPage + i;
    AppendString(&bytes, number < numbers && ids.Has(number) ? ids.Get(number) : "");
  }
  return bytes;
}

// Rows up to the last one that is used.
void CountRows(Table* table) {
  table->rows = static_cast<uint32_t>(table->numbers.pages() * kRowsPerPage);
  while (table->rows > 0 && LoadRow(*table, table->rows - 1) == kNone) --table->rows;
}

// The rows of one page of a table, up to the last one that is used.
class RowsOfPage {
 public:
  RowsOfPage(const Table& table, uint32_t page)
      : first_(page * kRowsPerPage), rows_(std::min(table.rows - first_, kRowsPerPage)) {
    if (const char* numbers = table.numbers.Bytes(page)) {
      std::memcpy(numbers_, numbers, sizeof(numbers_));
    }
  }
  void AddFreeTo(std::vector<uint32_t>* free) const {
    for (uint32_t i = 0; i < rows_; ++i) {
      if (numbers_[i] == 0) free->push_back(first_ + i);
    }
  }
  // Calls is(i), of the i-th row, until one is not.
  template <typename Is>
  bool AllOfUsed(Is is) const {
    for (uint32_t i = 0; i < rows_; ++i) {
      if (numbers_[i] != 0 && !is(i)) return false;
    }
    return true;
  }

 private:
  const uint32_t first_;
  const uint32_t rows_;
  uint32_t numbers_[kRowsPerPage] = {};  // + 1; 0: the row is free
};

// The string code in a page of values.
uint32_t CodeAt(const char* page, uint32_t index) {
  uint32_t code = 0;
  std::memcpy(&code, page + kBitmapBytes + index * sizeof(code), sizeof(code));
  return code;
}

}  // namespace

CheckpointPages Graph::PinForCheckpoint(bool everything) {
  CheckpointPages pages;
  pages.view = Pin();
  pages.newer_than = everything ? 0 : durable_stamp_;
  pages.ids_from = everything ? 0 : durable_ids_;
  pages.stamp = stamp_;
  for (uint32_t page = 0; page < shared_->strings.pages(); ++page) {
    if (shared_->strings.stamp(page) > pages.newer_than) pages.string_pages.push_back(page);
  }
  ++stamp_;
  shared_->strings.set_stamp(stamp_);
  return pages;
}

void Graph::CheckpointDone(const CheckpointPages& pages) {
  durable_stamp_ = pages.stamp;
  durable_ids_ = pages.view->next_twin().value;
}

absl::Status Graph::VisitPages(
    const CheckpointPages& pages,
    absl::FunctionRef<absl::Status(const PageKey& key, absl::string_view bytes)> visit) {
  absl::Status status;
  PageKey key;
  const auto visit_array = [&](PageKind kind, uint32_t table, uint32_t column,
                               const PageArray& array) {
    array.ForEachNewer(pages.newer_than, [&](size_t page, absl::string_view bytes) {
      if (!status.ok()) return;
      key = {kind, table, column, static_cast<uint32_t>(page)};
      status = visit(key, bytes);
    });
  };
  const State& state = *pages.view->state_;
  const Shared& shared = *pages.view->shared_;
  visit_array(PageKind::kTwins, 0, 0, state.twin_entries);
  visit_array(PageKind::kRelationships, 0, 0, state.relationship_entries);
  visit_array(PageKind::kTwinBegins, 0, 0, state.twin_begins);
  visit_array(PageKind::kRelationshipBegins, 0, 0, state.relationship_begins);
  visit_array(PageKind::kEndedTwins, 0, 0, state.ended_twins.entries);
  visit_array(PageKind::kEndedTwinValues, 0, 0, state.ended_twins.values);
  visit_array(PageKind::kEndedRelationships, 0, 0, state.ended_relationships.entries);
  visit_array(PageKind::kEndedRelationshipValues, 0, 0, state.ended_relationships.values);
  visit_array(PageKind::kFormerValues, 0, 0, state.former_values.entries);
  visit_array(PageKind::kFormerValueValues, 0, 0, state.former_values.values);
  visit_array(PageKind::kPastBegin, 0, 0, state.past_begin);
  for (uint32_t i = 0; i < state.tables.size(); ++i) {
    const Table& table = *state.tables[i];
    visit_array(PageKind::kRows, i, 0, table.numbers);
    for (uint32_t c = 0; c < table.columns.size(); ++c) {
      visit_array(PageKind::kValues, i, c, table.columns[c].values);
      visit_array(PageKind::kUpdateTimes, i, c, table.columns[c].update_times);
      visit_array(PageKind::kSourceTimes, i, c, table.columns[c].source_times);
    }
  }
  for (uint32_t i = 0; i < state.relationship_tables.size(); ++i) {
    const Table& table = *state.relationship_tables[i];
    visit_array(PageKind::kRelationshipRows, i, 0, table.numbers);
    for (uint32_t c = 0; c < table.columns.size(); ++c) {
      visit_array(PageKind::kRelationshipValues, i, c, table.columns[c].values);
    }
  }
  TWIN_RETURN_IF_ERROR(status);
  for (uint32_t page = pages.ids_from / kIdsPerPage; page * kIdsPerPage < state.next_twin; ++page) {
    const std::string bytes = IdPageBytes(shared.ids, page, state.next_twin);
    TWIN_RETURN_IF_ERROR(visit({PageKind::kIds, 0, 0, page}, bytes));
  }
  for (const uint32_t page : pages.string_pages) {
    TWIN_RETURN_IF_ERROR(visit({PageKind::kStrings, 0, 0, page}, shared.strings.PageBytes(page)));
  }
  return absl::OkStatus();
}

absl::Status Graph::LoadPage(const PageKey& key, absl::string_view bytes) {
  State* state = state_;
  const auto load = [&](PageArray* array, size_t size, size_t other_size) -> absl::Status {
    if (bytes.size() != size && bytes.size() != other_size) return Damaged(key, "wrong size");
    array->Store(key.page, bytes, 0);
    return absl::OkStatus();
  };
  const bool is_relationship =
      key.kind == PageKind::kRelationshipRows || key.kind == PageKind::kRelationshipValues;
  const std::vector<Ref<Table>>& tables =
      is_relationship ? state->relationship_tables : state->tables;
  const bool in_table =
      is_relationship || (key.kind >= PageKind::kRows && key.kind <= PageKind::kSourceTimes);
  const bool in_column =
      in_table && key.kind != PageKind::kRows && key.kind != PageKind::kRelationshipRows;
  if (in_table && key.table >= tables.size()) return Damaged(key, "no such table");
  // Pages of a model that was deleted stay in the store, all of them empty.
  if (in_table) {
    const bool is_gone =
        is_relationship
            ? state->catalog->relationship_type(RelationshipTypeId(key.table)).content == nullptr
            : state->catalog->table(TableId(key.table)).interface == nullptr;
    if (is_gone) return absl::OkStatus();
  }
  if (in_column && key.column >= tables[key.table]->columns.size()) {
    return Damaged(key, "no such column");
  }
  if (key.page > (1u << 27)) return Damaged(key, "no such page");
  constexpr size_t kTimes = kRowsPerPage * sizeof(int64_t);
  switch (key.kind) {
    case PageKind::kTwinBegins:
      return load(&state->twin_begins, kTimes, sizeof(int64_t));
    case PageKind::kRelationshipBegins:
      return load(&state->relationship_begins, kTimes, sizeof(int64_t));
    case PageKind::kEndedTwins:
      return load(&state->ended_twins.entries, sizeof(EndedTwinEntry) * kEntriesPerPage, 0);
    case PageKind::kEndedTwinValues:
      return load(&state->ended_twins.values, bytes.size(), 0);
    case PageKind::kEndedRelationships:
      return load(&state->ended_relationships.entries,
                  sizeof(EndedRelationshipEntry) * kEntriesPerPage, 0);
    case PageKind::kEndedRelationshipValues:
      return load(&state->ended_relationships.values, bytes.size(), 0);
    case PageKind::kFormerValues:
      return load(&state->former_values.entries, sizeof(FormerValueEntry) * kEntriesPerPage, 0);
    case PageKind::kFormerValueValues:
      return load(&state->former_values.values, bytes.size(), 0);
    case PageKind::kPastBegin:
      return load(&state->past_begin, sizeof(int64_t), sizeof(int64_t));
    case PageKind::kTwins:
      return load(&state->twin_entries, sizeof(TwinEntry) * kEntriesPerPage, 0);
    case PageKind::kRelationships:
      return load(&state->relationship_entries, sizeof(RelationshipEntry) * kEntriesPerPage, 0);
    case PageKind::kRows:
    case PageKind::kRelationshipRows:
      return load(&tables[key.table]->numbers, kRowsPerPage * sizeof(uint32_t), 0);
    case PageKind::kValues:
    case PageKind::kRelationshipValues: {
      const std::vector<ColumnSchema>& columns =
          is_relationship ? state->catalog->relationship_type(RelationshipTypeId(key.table)).columns
                          : state->catalog->table(TableId(key.table)).columns;
      const size_t size = kBitmapBytes + kRowsPerPage * ValueBytes(columns[key.column].type);
      return load(&tables[key.table]->columns[key.column].values, size, size);
    }
    case PageKind::kUpdateTimes:
      return load(&tables[key.table]->columns[key.column].update_times, kTimes, sizeof(int64_t));
    case PageKind::kSourceTimes:
      return load(&tables[key.table]->columns[key.column].source_times, kTimes, sizeof(int64_t));
    case PageKind::kIds: {
      TWIN_CHECK(!indexing_ids_.joinable()) << "ids after EndOfIds";
      const uint32_t first = key.page * kIdsPerPage;
      shared_->ids.Reserve(first + kIdsPerPage);
      ByteReader reader(bytes);
      for (uint32_t i = 0; i < kIdsPerPage; ++i) {
        const absl::string_view id = reader.String();
        if (!id.empty() && !shared_->ids.Load(first + i, id)) return Damaged(key, "ids twice");
      }
      return reader.ok() && reader.done() ? absl::OkStatus() : Damaged(key, "no ids");
    }
    case PageKind::kStrings:
      return shared_->strings.LoadPage(key.page, bytes) ? absl::OkStatus()
                                                        : Damaged(key, "no strings");
  }
  return Damaged(key, "unknown kind");
}

void Graph::EndOfIds(TwinNumber next_twin) {
  shared_->ids.Reserve(next_twin.value);
  indexing_ids_ = std::jthread([ids = &shared_->ids] { ids->IndexAll(); });
}

absl::Status Graph::FinishLoad(Sequence sequence, Time time, TwinNumber next_twin,
                               RelationshipNumber next_relationship) {
  State* state = state_;
  state->sequence = sequence;
  state->time = time;
  state->next_twin = next_twin.value;
  state->next_relationship = next_relationship.value;
  if (!indexing_ids_.joinable()) EndOfIds(next_twin);
  ++Change()->rows_epoch;
  for (std::vector<Ref<Table>>* tables : {&state->tables, &state->relationship_tables}) {
    for (const Ref<Table>& table : *tables) CountRows(table.get());
  }
  absl::Status used;
  {
    const std::jthread using_strings([&] { used = UseLoadedStrings(); });
    TWIN_RETURN_IF_ERROR(CheckLoaded());
  }
  TWIN_RETURN_IF_ERROR(used);
  TWIN_RETURN_IF_ERROR(FinishLoadPast());
  const std::jthread indexing_values([this] { IndexLoadedValues(); });
  TWIN_RETURN_IF_ERROR(CountLoadedRelationships());
  if (!shared_->strings.DropUnused()) {
    return Damaged({PageKind::kStrings, 0, 0, 0}, "a string twice");
  }
  durable_ids_ = next_twin.value;
  indexing_ids_.join();
  return absl::OkStatus();
}

void Graph::IndexLoadedValues() {
  std::vector<EqualityIndex::Entry> entries;
  for (uint32_t i = 0; i < state_->tables.size(); ++i) {
    const Table& table = *state_->tables[i];
    const TableSchema& schema = state_->catalog->table(TableId(i));
    for (const ColumnSchema& column : schema.columns) {
      if (!column.indexed || !IsStringColumn(column.type)) continue;
      const ColumnId id = schema.IdOf(column);
      entries.clear();
      for (uint32_t row = 0; row < table.rows; ++row) {
        const uint32_t number = LoadRow(table, row);
        if (number == kNone || !HasValue(table.columns[id.value], row)) continue;
        entries.push_back({LoadCode(table.columns[id.value], row), number});
      }
      shared_->equality.AddAll(TableId(i), id, entries);
    }
  }
}

absl::Status Graph::UseLoadedStrings() {
  // Of one table; rows without an element are free.
  const auto use = [&](const Table& table, const std::vector<ColumnSchema>& columns,
                       std::vector<uint32_t>* free) -> std::optional<PageKey> {
    for (uint32_t first = 0; first < table.rows; first += kRowsPerPage) {
      const uint32_t page = first / kRowsPerPage;
      const RowsOfPage rows(table, page);
      rows.AddFreeTo(free);
      for (uint32_t c = 0; c < columns.size(); ++c) {
        const char* values = table.columns[c].values.Bytes(page);
        if (!IsStringColumn(columns[c].type) || values == nullptr) continue;
        const bool all_known = rows.AllOfUsed([&](uint32_t i) {
          return !HasBit(values, i) || shared_->strings.AddUse(CodeAt(values, i));
        });
        if (!all_known) return PageKey{PageKind::kValues, 0, c, page};
      }
    }
    return std::nullopt;
  };
  for (uint32_t i = 0; i < state_->tables.size(); ++i) {
    Table& table = *state_->tables[i];
    std::optional<PageKey> damaged =
        use(table, state_->catalog->table(TableId(i)).columns, &free_rows_[i]);
    if (damaged.has_value()) {
      damaged->table = i;
      return Damaged(*damaged, "unknown string");
    }
    table.live = table.rows - free_rows_[i].size();
    state_->twins += table.live;
  }
  for (uint32_t i = 0; i < state_->relationship_tables.size(); ++i) {
    std::optional<PageKey> damaged =
        use(*state_->relationship_tables[i],
            state_->catalog->relationship_type(RelationshipTypeId(i)).columns,
            &free_relationship_rows_[i]);
    if (damaged.has_value()) {
      damaged->kind = PageKind::kRelationshipValues;
      damaged->table = i;
      return Damaged(*damaged, "unknown string");
    }
  }
  return absl::OkStatus();
}

absl::Status Graph::CountLoadedRelationships() {
  std::vector<RelationshipIndex::Entry> indexed;
  for (uint32_t number = 0; number < state_->next_relationship; ++number) {
    const auto* entry = EntryAt<RelationshipEntry>(state_->relationship_entries, number);
    if (entry == nullptr || entry->type == 0) continue;
    ++state_->relationships;
    ++state_->relationship_tables[entry->type - 1]->live;
    if (!shared_->strings.AddUse(entry->id)) {
      return Damaged({PageKind::kRelationships, 0, 0, number / kEntriesPerPage}, "unknown string");
    }
    const auto* source = EntryAt<TwinEntry>(state_->twin_entries, entry->source);
    if (source->out_degree > RelationshipIndex::kDegreeMin) {
      indexed.push_back({entry->source, entry->id, entry->type - 1, number});
    }
  }
  shared_->relationships.CoverAll(indexed);
  return absl::OkStatus();
}

// That every reference leads to something: whatever reads afterwards may rely on it.
absl::Status Graph::CheckLoaded() {
  const State& state = *state_;
  uint64_t rows = 0;
  for (uint32_t number = 0; number < state.next_twin; ++number) {
    const auto* entry = EntryAt<TwinEntry>(state.twin_entries, number);
    const PageKey key{PageKind::kTwins, 0, 0, number / kEntriesPerPage};
    if (entry == nullptr) return Damaged(key, "missing");
    if (entry->table == 0) continue;
    ++rows;
    if (entry->table > state.tables.size() ||
        LoadRow(*state.tables[entry->table - 1], entry->row) != number) {
      return Damaged(key, "a twin whose row is not its own");
    }
    if (!shared_->ids.Has(number)) return Damaged(key, "a twin without an id");
  }
  const auto exists = [&](uint32_t number) {
    const auto* entry = EntryAt<RelationshipEntry>(state.relationship_entries, number);
    return number == kNone ||
           (number < state.next_relationship && entry != nullptr && entry->type != 0);
  };
  std::vector<uint32_t> in(state.next_twin);
  std::vector<uint32_t> out(state.next_twin);
  for (uint32_t number = 0; number < state.next_relationship; ++number) {
    const auto* entry = EntryAt<RelationshipEntry>(state.relationship_entries, number);
    const PageKey key{PageKind::kRelationships, 0, 0, number / kEntriesPerPage};
    if (entry == nullptr) return Damaged(key, "missing");
    if (entry->type == 0) continue;
    if (entry->type > state.relationship_tables.size()) return Damaged(key, "unknown type");
    if (entry->source >= state.next_twin || entry->target >= state.next_twin ||
        !exists(entry->next_out) || !exists(entry->next_in) || !exists(entry->previous_out) ||
        !exists(entry->previous_in)) {
      return Damaged(key, "a relationship that leads nowhere");
    }
    ++out[entry->source];
    ++in[entry->target];
  }
  for (uint32_t number = 0; number < state.next_twin; ++number) {
    const auto* entry = EntryAt<TwinEntry>(state.twin_entries, number);
    if (entry->out_degree != out[number] || entry->in_degree != in[number] ||
        !exists(entry->first_out) || !exists(entry->first_in)) {
      return Damaged({PageKind::kTwins, 0, 0, number / kEntriesPerPage},
                     "a twin whose relationships are not those that there are");
    }
  }
  uint64_t used = 0;
  for (const Ref<Table>& table : state.tables) {
    for (uint32_t row = 0; row < table->numbers.pages() * kRowsPerPage; ++row) {
      if (LoadRow(*table, row) != kNone) ++used;
    }
  }
  if (used != rows) return Damaged({PageKind::kRows, 0, 0, 0}, "rows without a twin");
  return absl::OkStatus();
}

}  // namespace twin::graph
