// Hints: what work on many twins is about to look at, on its way from memory while others are.
#include <algorithm>
#include <utility>

#include "server/graph/graph.h"
#include "server/graph/state.h"

namespace twin::graph {

size_t GraphView::HashOf(absl::string_view id) { return NumbersByText<TwinIds>::HashOf(id); }

void GraphView::FetchIds(absl::Span<const size_t> hashes) const { shared_->ids.Fetch(hashes); }

void GraphView::GuessTwins(absl::Span<const size_t> hashes, TwinNumber* twins) const {
  constexpr size_t kAtOnce = 64;
  uint32_t numbers[kAtOnce];
  for (size_t i = 0; i < hashes.size(); i += kAtOnce) {
    const absl::Span<const size_t> some = hashes.subspan(i, kAtOnce);
    shared_->ids.Guess(some, numbers);
    for (size_t k = 0; k < some.size(); ++k) twins[i + k] = TwinNumber(numbers[k]);
  }
}

void GraphView::FetchTwin(TwinNumber twin) const {
  state_->twin_entries.FetchByte(twin.value / kEntriesPerPage,
                                 twin.value % kEntriesPerPage * sizeof(TwinEntry));
}

void GraphView::FetchOutgoing(absl::Span<const TwinNumber> twins) const {
  constexpr size_t kAtOnce = 64;
  for (; !twins.empty(); twins.remove_prefix(std::min(kAtOnce, twins.size()))) {
    uint32_t numbers[kAtOnce];  // the next of each list
    size_t left = 0;
    const auto fetch = [&](uint32_t number) {
      if (number == kNone) return;
      FetchRelationship(*state_, number);
      numbers[left++] = number;
    };
    for (const TwinNumber twin : twins.subspan(0, kAtOnce)) {
      const auto* entry = EntryAt<TwinEntry>(state_->twin_entries, twin.value);
      if (entry == nullptr || entry->out_degree > RelationshipIndex::kDegreeMin) continue;
      fetch(entry->first_out);
    }
    while (left > 0) {
      const size_t count = std::exchange(left, 0);
      for (size_t i = 0; i < count; ++i) {
        fetch(EntryAt<RelationshipEntry>(state_->relationship_entries, numbers[i])->next_out);
      }
    }
  }
}

void GraphView::FindTwins(absl::Span<const absl::string_view> ids, TwinNumber* twins) const {
  constexpr size_t kAtOnce = 64;
  size_t hashes[kAtOnce];
  for (size_t begin = 0; begin < ids.size(); begin += kAtOnce) {
    const absl::Span<const absl::string_view> some = ids.subspan(begin, kAtOnce);
    for (size_t i = 0; i < some.size(); ++i) hashes[i] = HashOf(some[i]);
    const absl::Span<const size_t> of_some = absl::MakeConstSpan(hashes, some.size());
    TwinNumber* const found = twins + begin;
    FetchIds(of_some);
    GuessTwins(of_some, found);
    for (size_t i = 0; i < some.size(); ++i) {
      if (found[i] == kNoTwin) continue;
      FetchIdPlace(found[i]);
      FetchTwin(found[i]);
    }
    for (size_t i = 0; i < some.size(); ++i) {
      if (!(found[i] == kNoTwin)) shared_->ids.FetchText(found[i].value);
    }
    for (size_t i = 0; i < some.size(); ++i) {
      if (found[i] == kNoTwin || IdOf(found[i]) != some[i] || !Exists(found[i])) {
        found[i] = FindTwin(some[i]);
      }
    }
  }
}

void GraphView::FindPlaces(absl::Span<const TwinNumber> twins, TwinPlace* places) const {
  constexpr size_t kAhead = 16;
  for (size_t i = 0; i < twins.size(); ++i) {
    if (i + kAhead < twins.size()) {
      const uint32_t number = twins[i + kAhead].value;
      state_->twin_entries.Fetch(number / kEntriesPerPage,
                                 number % kEntriesPerPage * sizeof(TwinEntry));
    }
    const TwinEntry* entry = EntryAt<TwinEntry>(state_->twin_entries, twins[i].value);
    places[i] = entry == nullptr || entry->table == 0
                    ? TwinPlace{TableId(0), kNoRow}
                    : TwinPlace{TableId(entry->table - 1), entry->row};
  }
}

bool GraphView::FindPlace(TwinNumber twin, TwinPlace* place) const {
  const TwinEntry* entry = EntryAt<TwinEntry>(state_->twin_entries, twin.value);
  if (entry == nullptr || entry->table == 0) return false;
  *place = {TableId(entry->table - 1), entry->row};
  return true;
}

void GraphView::FetchIdPlace(TwinNumber twin) const { shared_->ids.FetchPlace(twin.value); }

void GraphView::FetchId(TwinNumber twin) const { shared_->ids.FetchText(twin.value); }

void GraphView::FetchValue(TwinPlace place, ColumnId column) const {
  const TableSchema& table = state_->catalog->table(place.table);
  const Column& stored = state_->tables[place.table.value]->columns[column.value];
  const size_t page = place.row / kRowsPerPage;
  const size_t row = place.row % kRowsPerPage;
  stored.values.Fetch(page, kBitmapBytes + row * ValueBytes(table.columns[column.value].type));
  stored.source_times.Fetch(page, row * sizeof(int64_t));
}

void GraphView::FetchCell(TwinPlace place, ColumnId column) const {
  FetchValue(place, column);
  const Column& stored = state_->tables[place.table.value]->columns[column.value];
  stored.update_times.Fetch(place.row / kRowsPerPage, place.row % kRowsPerPage * sizeof(int64_t));
}

}  // namespace twin::graph
