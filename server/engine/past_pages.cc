#include "server/engine/past_pages.h"

#include <algorithm>
#include <cstring>

namespace twin::engine {
namespace {

// Beyond so many twins or relationships that began later, nothing is gained.
constexpr size_t kLaterMax = 32'768;

}  // namespace

PastPages::PastPages(const PastSources& sources, const PastTwins* twins,
                     const PastExpander* expander, Time at)
    : sources_(sources),
      view_(*sources.view),
      catalog_(*sources.catalog),
      twins_(*twins),
      expander_(*expander),
      at_(at) {
  for (const query::Model& model : catalog_.models()) columns_.emplace_back(model.columns.size());
}

bool PastPages::HasTwins(TableId table) const {
  return twins_.Rows(table) == view_.Rows(table) && FoundTwins().known;
}

const uint32_t* PastPages::Page(TableId table, uint32_t page) const {
  const Twins& found = FoundTwins();
  if (!found.pages.empty()) {
    const auto changed = found.pages.find({table.value, page});
    if (changed != found.pages.end()) return changed->second.data();
  }
  return view_.TwinPage(table, page);
}

std::optional<uint64_t> PastPages::LaterTwins(TableId table) const {
  const Twins& found = FoundTwins();
  if (!found.known) return std::nullopt;
  return found.later[table.value];
}

const PastPages::Twins& PastPages::FoundTwins() const {
  std::call_once(twins_once_, [this] { FindTwins(); });
  return found_twins_;
}

void PastPages::FindTwins() const {
  constexpr uint32_t kRows = graph::GraphView::kPageRows;
  found_twins_.later.resize(catalog_.models().size());
  const std::vector<TwinNumber> later = view_.TwinsSince(at_, kLaterMax);
  found_twins_.known = later.size() < kLaterMax;
  if (!found_twins_.known) return;
  for (const TwinNumber twin : later) {
    const graph::TwinPlace place = view_.PlaceOf(twin);
    ++found_twins_.later[place.table.value];
    std::vector<uint32_t>& page = found_twins_.pages[{place.table.value, place.row / kRows}];
    if (page.empty()) {
      const uint32_t* const now = view_.TwinPage(place.table, place.row / kRows);
      page.assign(now, now + kRows);
    }
    page[place.row % kRows] = 0;
  }
}

bool PastPages::HasValues(TableId table, ColumnId column) const {
  std::atomic<uint8_t>& known = columns_[table.value][column.value];
  if (known.load(std::memory_order_relaxed) == kUnknown) {
    known.store(ReadsAsNow(table, column) ? kSame : kOther, std::memory_order_relaxed);
  }
  return known.load(std::memory_order_relaxed) == kSame;
}

bool PastPages::ReadsAsNow(TableId table, ColumnId column) const {
  const query::Column& schema = catalog_.model(table).columns[column.value];
  // What was recorded may have been removed since.
  const bool or_missing = sources_.history != nullptr && schema.historized && !schema.telemetry;
  return view_.VisitSince(table, column, at_, or_missing, [&](uint32_t row) {
    constexpr uint32_t kRows = graph::GraphView::kPageRows;
    const uint32_t* const page = view_.TwinPage(table, row / kRows);
    const uint32_t twin = page == nullptr ? 0 : page[row % kRows];
    return twin == 0 || view_.BeginOf(TwinNumber(twin - 1)) > at_;  // of one that was not there
  });
}

bool PastPages::HasRelationships(absl::Span<const RelationshipTypeId> types, bool any_type) const {
  std::call_once(relationships_once_, [this] { FindRelationships(); });
  const Relationships& found = found_relationships_;
  if (any_type) return !found.any;
  return std::none_of(types.begin(), types.end(),
                      [&](RelationshipTypeId type) { return found.differ[type.value] != 0; });
}

void PastPages::FindRelationships() const {
  Relationships& found = found_relationships_;
  found.differ.resize(catalog_.relationship_types().size());
  const auto add = [&](uint32_t type) {
    found.differ[type] = 1;
    found.any = true;
  };
  const auto add_all = [&] {
    std::fill(found.differ.begin(), found.differ.end(), uint8_t{1});
    found.any = true;
  };
  const std::vector<TwinNumber> twins = view_.TwinsSince(at_, kLaterMax);
  const std::vector<RelationshipNumber> later = view_.RelationshipsSince(at_, kLaterMax);
  if (twins.size() == kLaterMax || later.size() == kLaterMax) return add_all();
  for (const RelationshipNumber relationship : later) add(view_.LinkOf(relationship).type.value);
  for (const PastIndex::Relationship& each : sources_.index->relationships()) {
    if (expander_.IsLinked(each.ended)) add(each.ended.type.value);
  }
  // Source times may say that a relationship was there before a twin at its end was.
  for (const TwinNumber twin : twins) {
    for (RelationshipNumber each = view_.FirstOutgoing(twin); !(each == kNoRelationship);
         each = view_.NextOutgoing(each)) {
      add(view_.LinkOf(each).type.value);
    }
    for (RelationshipNumber each = view_.FirstIncoming(twin); !(each == kNoRelationship);
         each = view_.NextIncoming(each)) {
      add(view_.LinkOf(each).type.value);
    }
  }
}

}  // namespace twin::engine
