// Graph::Reorder: the rows of every table anew, in a given order.
#include <cstring>

#include "server/graph/graph.h"
#include "server/graph/state.h"
#include "server/graph/values.h"

namespace twin::graph {
namespace {

// Rows of one page, now and before.
struct PageRows {
  uint32_t first = 0;
  absl::Span<const uint32_t> before;

  uint32_t Now(size_t i) const { return first + static_cast<uint32_t>(i); }
};

template <typename T>
void MoveItems(const Column& from, PageRows rows, char* to) {
  for (size_t i = 0; i < rows.before.size(); ++i) {
    const uint32_t row = rows.before[i];
    const char* page = from.values.Bytes(row / kRowsPerPage);
    if (page == nullptr || !HasBit(page, row % kRowsPerPage)) continue;
    to[i / 8] = static_cast<char>(to[i / 8] | (1 << (i % 8)));
    std::memcpy(to + kBitmapBytes + i * sizeof(T),
                page + kBitmapBytes + row % kRowsPerPage * sizeof(T), sizeof(T));
  }
}

void MoveValues(const Column& from, uint32_t value_bytes, PageRows rows, uint64_t stamp,
                Column* to) {
  char* page = to->values.Mutable(rows.first / kRowsPerPage,
                                  kBitmapBytes + kRowsPerPage * value_bytes, stamp);
  switch (value_bytes) {
    case 1:
      return MoveItems<uint8_t>(from, rows, page);
    case 4:
      return MoveItems<uint32_t>(from, rows, page);
    default:
      return MoveItems<uint64_t>(from, rows, page);
  }
}

// Of the rows that have a value: `has`, of which there are some.
void MoveTimes(const PageArray& from, PageRows rows, const std::vector<size_t>& has, uint64_t stamp,
               PageArray* to) {
  bool is_first = true;
  for (const size_t i : has) {
    StoreTime(to, rows.Now(i), LoadTime(from, rows.before[i]), is_first, stamp);
    is_first = false;
  }
}

void MoveColumn(const Column& from, uint32_t value_bytes, absl::Span<const uint32_t> before,
                uint64_t stamp, Column* to) {
  std::vector<size_t> has;
  for (size_t first = 0; first < before.size(); first += kRowsPerPage) {
    const PageRows rows = {static_cast<uint32_t>(first), before.subspan(first, kRowsPerPage)};
    for (const uint32_t row : rows.before) {
      from.values.Fetch(row / kRowsPerPage, kBitmapBytes + row % kRowsPerPage * value_bytes);
    }
    has.clear();
    for (size_t i = 0; i < rows.before.size(); ++i) {
      if (HasValue(from, rows.before[i])) has.push_back(i);
    }
    if (has.empty()) continue;
    MoveTimes(from.update_times, rows, has, stamp, &to->update_times);
    MoveTimes(from.source_times, rows, has, stamp, &to->source_times);
    MoveValues(from, value_bytes, rows, stamp, to);
  }
}

// What the store has of the old order must not show through: empty pages take its place.
void Cover(const PageArray& was, uint32_t size, uint64_t stamp, PageArray* now) {
  for (size_t page = 0; page < was.pages(); ++page) {
    if (!was.Get(page).empty() && now->Get(page).empty()) now->Mutable(page, size, stamp);
  }
}

bool IsInOrder(const Table& table, absl::Span<const uint32_t> rows) {
  if (rows.size() != table.rows) return false;
  for (uint32_t row = 0; row < rows.size(); ++row) {
    if (rows[row] != row) return false;
  }
  return true;
}

// `rows`: those of `old`, in the new order.
Ref<Table> InOrder(const Table& old, const TableSchema& schema, absl::Span<const uint32_t> rows,
                   uint64_t stamp, PageArray* twin_entries) {
  Ref<Table> made(new Table);
  made->columns.resize(old.columns.size());
  made->rows = static_cast<uint32_t>(rows.size());
  made->live = rows.size();
  for (uint32_t row = 0; row < rows.size(); ++row) {
    const uint32_t number = LoadRow(old, rows[row]);
    StoreRow(made.get(), row, number, stamp);
    MutableEntryAt<TwinEntry>(twin_entries, number, stamp)->row = row;
  }
  Cover(old.numbers, kRowsPerPage * sizeof(uint32_t), stamp, &made->numbers);
  for (size_t c = 0; c < schema.columns.size(); ++c) {
    const Column& from = old.columns[c];
    Column& to = made->columns[c];
    const uint32_t value_bytes = ValueBytes(schema.columns[c].type);
    MoveColumn(from, value_bytes, rows, stamp, &to);
    Cover(from.values, kBitmapBytes + kRowsPerPage * value_bytes, stamp, &to.values);
    Cover(from.update_times, sizeof(int64_t), stamp, &to.update_times);
    Cover(from.source_times, sizeof(int64_t), stamp, &to.source_times);
  }
  return made;
}

}  // namespace

void Graph::Reorder(absl::Span<const TwinNumber> order) {
  State* state = Change();
  ++state->rows_epoch;
  std::vector<std::vector<uint32_t>> rows(state->tables.size());  // old rows, in the new order
  std::vector<bool> placed(state->next_twin);
  const auto place = [&](uint32_t number) {
    const TwinEntry* entry = EntryAt<TwinEntry>(state->twin_entries, number);
    if (entry == nullptr || entry->table == 0 || placed[number]) return;
    placed[number] = true;
    rows[entry->table - 1].push_back(entry->row);
  };
  for (const TwinNumber twin : order) place(twin.value);
  for (uint32_t number = 0; number < state->next_twin; ++number) place(number);
  for (uint32_t i = 0; i < rows.size(); ++i) {
    const Ref<Table> before = state->tables[i];
    if (IsInOrder(*before, rows[i])) continue;
    state->tables[i] =
        InOrder(*before, state->catalog->table(TableId(i)), rows[i], stamp_, &state->twin_entries);
    free_rows_[i].clear();
  }
  if (deleted_twins_ > 0 && shared_->pins.alive() == 0) {
    const std::vector<bool> of_past = TwinsOfPast();
    shared_->ids.Retain(state->next_twin, [&](uint32_t number) {
      return head_->Exists(TwinNumber(number)) || of_past[number];
    });
    deleted_twins_ = 0;
    durable_ids_ = 0;
  }
}

}  // namespace twin::graph
