#include "server/engine/past_twins.h"

#include <algorithm>

#include "server/base/check.h"

namespace twin::engine {

PastTwins::PastTwins(const graph::GraphView* view, const PastIndex* index, size_t tables, Time at)
    : view_(*view), index_(*index), at_(at), ended_(tables) {
  FindEndedTwins();
}

void PastTwins::Scan(TableId table, uint32_t first, uint32_t count, std::vector<uint32_t>* twins,
                     std::vector<query::Place>* places) const {
  const uint32_t present = view_.Rows(table);
  const uint32_t end =
      static_cast<uint32_t>(std::min<uint64_t>(uint64_t{first} + count, Rows(table)));
  if (first < present) {
    std::vector<uint32_t> found;
    std::vector<uint32_t> rows;
    view_.ListRows(table, first, std::min(end, present) - first, &found, &rows);
    for (size_t i = 0; i < found.size(); ++i) {
      if (view_.BeginOf(TwinNumber(found[i])) > at_) continue;
      twins->push_back(found[i]);
      places->push_back({table.value, rows[i]});
    }
  }
  for (uint32_t row = std::max(first, present); row < end; ++row) {
    twins->push_back(ended_[table.value][row - present]->ended.twin.value);
    places->push_back({table.value, row});
  }
}

TwinNumber PastTwins::Find(absl::string_view id) const {
  for (const TwinNumber twin : view_.TwinsOf(id)) {
    if (IsThere(twin.value)) return twin;
  }
  return kNoTwin;
}

query::Place PastTwins::PlaceOf(uint32_t twin) const {
  if (IsPresent(twin)) {
    const graph::TwinPlace place = view_.PlaceOf(TwinNumber(twin));
    return {place.table.value, place.row};
  }
  const auto it = ended_places_.find(twin);
  TWIN_CHECK(it != ended_places_.end()) << "no twin " << twin << " at " << FormatTime(at_);
  return it->second;
}

const PastIndex::Twin* PastTwins::EndedAt(TableId table, uint32_t row) const {
  const uint32_t present = view_.Rows(table);
  return row < present ? nullptr : ended_[table.value][row - present];
}

TwinNumber PastTwins::TwinAt(TableId table, uint32_t row) const {
  if (const PastIndex::Twin* const ended = EndedAt(table, row)) return ended->ended.twin;
  const uint32_t* const page = view_.TwinPage(table, row / graph::GraphView::kPageRows);
  return TwinNumber(page[row % graph::GraphView::kPageRows] - 1);
}

Time PastTwins::BeginAt(TableId table, uint32_t row) const {
  const PastIndex::Twin* const ended = EndedAt(table, row);
  return ended != nullptr ? ended->ended.begin : view_.BeginOf(TwinAt(table, row));
}

std::optional<Sequence> PastTwins::VersionOf(uint32_t twin,
                                             const graph::TableSchema& schema) const {
  const query::Place place = PlaceOf(twin);
  const TableId table(place.table);
  const PastIndex::Twin* const ended = EndedAt(table, place.row);
  const Time changed =
      ended != nullptr ? ended->ended.update_time : view_.UpdateTimeOf(TwinNumber(twin));
  if (changed > at_) return std::nullopt;
  // Source times may be ahead.
  for (const graph::ColumnSchema& column : schema.columns) {
    if (column.telemetry) continue;
    const graph::Cell cell = CellAt(table, schema.IdOf(column), place.row);
    if (!cell.value.is_null() && cell.source_time > at_) return std::nullopt;
  }
  return ended != nullptr ? ended->ended.version : view_.VersionOf(TwinNumber(twin));
}

graph::Cell PastTwins::CellAt(TableId table, ColumnId column, uint32_t row) const {
  if (const PastIndex::Twin* const ended = EndedAt(table, row)) {
    return view_.EndedCell(ended->slot, column);
  }
  return view_.Get(TwinAt(table, row), column);
}

void PastTwins::FindEndedTwins() {
  absl::flat_hash_map<uint32_t, const PastIndex::Twin*> found;
  for (const PastIndex::Twin& each : index_.twins()) {
    if (each.ended.begin <= at_ && at_ < each.ended.end && !IsPresent(each.ended.twin.value)) {
      found[each.ended.twin.value] = &each;
    }
  }
  for (const PastIndex::Twin& each : index_.twins()) {
    const auto it = found.find(each.ended.twin.value);
    if (it == found.end() || it->second != &each || IsHidden(each.ended.twin, found)) continue;
    std::vector<const PastIndex::Twin*>& rows = ended_[each.ended.table.value];
    const auto row = view_.Rows(each.ended.table) + static_cast<uint32_t>(rows.size());
    ended_places_[each.ended.twin.value] = {each.ended.table.value, row};
    rows.push_back(&each);
  }
}

// Source times may say that two twins had one id at a time; the later one had it.
bool PastTwins::IsHidden(TwinNumber twin,
                         const absl::flat_hash_map<uint32_t, const PastIndex::Twin*>& found) const {
  for (const TwinNumber later : view_.TwinsOf(view_.IdOf(twin))) {
    if (later == twin) return false;
    if (IsPresent(later.value) || found.contains(later.value)) return true;
  }
  return false;
}

}  // namespace twin::engine
