// Checker::LookAhead. What an operation asks for lies all over memory: a slot of the index of ids,
// the twin's entry, a page of each column. Each of these is asked for of all operations before the
// next is, so that memory works on many of them at once.
#include <algorithm>

#include "server/ingest/checker.h"

namespace twin::ingest {

void Checker::LookAhead(absl::Span<const Operation> operations) {
  const graph::GraphView& head = pending_.head();
  const std::shared_ptr<const graph::Catalog>& catalog = head.shared_catalog();
  if (catalog != pending_.shared_catalog()) return;  // a dry run of models
  constexpr size_t kIdsMax = 2 * kLookAhead;         // source and target of a relationship
  size_t hashes[kIdsMax];
  const PatchTwin* patches[kIdsMax];
  TwinNumber twins[kIdsMax];
  size_t count = 0;
  const auto add = [&](const std::string& id, const PatchTwin* patch) {
    patches[count] = patch;
    hashes[count++] = graph::GraphView::HashOf(id);
  };
  for (const Operation& operation : operations.subspan(0, kLookAhead)) {
    if (const auto* patch = std::get_if<PatchTwin>(&operation)) {
      add(patch->id, patch);
    } else if (const auto* put = std::get_if<PutTwin>(&operation)) {
      add(put->id, nullptr);
    } else if (const auto* related = std::get_if<PutRelationship>(&operation)) {
      add(related->source_id, nullptr);
      add(related->target_id, nullptr);
    } else if (const auto* deleted = std::get_if<DeleteTwin>(&operation)) {
      add(deleted->id, nullptr);
    }
  }
  const absl::Span<const size_t> ids = absl::MakeConstSpan(hashes, count);
  head.FetchIds(ids);
  head.GuessTwins(ids, twins);
  for (size_t i = 0; i < count; ++i) {
    if (!(twins[i] == kNoTwin)) head.FetchTwin(twins[i]);
  }
  for (size_t i = 0; i < count; ++i) {
    graph::TwinPlace place;
    if (twins[i] == kNoTwin || !head.GuessPlace(twins[i], &place) || patches[i] == nullptr) {
      continue;
    }
    const graph::TableSchema& table = catalog->table(place.table);
    // One with more may be refused for that.
    const size_t steps = std::min(patches[i]->edits.size(), PathColumns::kStepsMax);
    for (size_t step = 0; step < steps; ++step) {
      const graph::ColumnSchema* column =
          paths_.Find(catalog, table, patches[i]->component, patches[i]->edits[step].path, step)
              .column;
      if (column != nullptr) head.FetchCell(place, table.IdOf(*column));
    }
  }
}

}  // namespace twin::ingest
