#include "server/engine/past_reader.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/base/check.h"
#include "server/engine/past_expand.h"
#include "server/engine/past_pages.h"
#include "server/engine/past_relationships.h"
#include "server/engine/past_twins.h"
#include "server/engine/past_values.h"
#include "server/engine/reader_values.h"

namespace twin::engine {
namespace {

using query::Expansion;
using query::Field;
using query::Place;
using query::TypeKind;
using query::Vector;

constexpr uint32_t kPastChunk = 4096;

class PastReader final : public query::GraphReader {
 public:
  PastReader(const PastSources& sources, Time at)
      : sources_(sources),
        view_(*sources.view),
        catalog_(*sources.catalog),
        at_(at),
        twins_(sources.view, sources.index.get(), sources.catalog->models().size(), at),
        values_(sources, &twins_, at),
        relationships_(sources.view, sources.catalog, sources.index, at),
        expander_(sources, &twins_, &relationships_, at),
        pages_(sources, &twins_, &expander_, at) {}

  const query::Catalog& catalog() const override { return catalog_; }
  Sequence sequence() const override { return view_.sequence(); }

  uint64_t Twins(TableId table) const override {
    if (const std::optional<uint64_t> later = pages_.LaterTwins(table)) {
      return view_.twins(table) - *later + (Rows(table) - view_.Rows(table));
    }
    uint64_t count = 0;
    std::vector<uint32_t> twins;
    std::vector<Place> places;
    for (uint32_t row = 0; row < Rows(table); row += kPastChunk) {
      twins.clear();
      places.clear();
      Scan(table, row, kPastChunk, &twins, &places);
      count += twins.size();
    }
    return count;
  }

  uint64_t Relationships(RelationshipTypeId type) const override {
    if (pages_.HasRelationships({&type, 1}, /*any_type=*/false)) return view_.relationships(type);
    std::vector<uint32_t> found;
    const absl::Status status =
        ScanRelationships(0, relationship_numbers(), absl::MakeConstSpan(&type, 1),
                          /*any_type=*/false, /*history_all=*/false, &found);
    TWIN_CHECK(status.ok()) << status;
    return found.size();
  }

  // --- Twins ---
  uint32_t Rows(TableId table) const override { return twins_.Rows(table); }
  void Scan(TableId table, uint32_t first, uint32_t count, std::vector<uint32_t>* twins,
            std::vector<Place>* places) const override {
    if (!pages_.HasTwins(table) || pages_.LaterTwins(table) != uint64_t{0}) {
      return twins_.Scan(table, first, count, twins, places);
    }
    std::vector<uint32_t> rows;
    view_.ListRows(table, first, count, twins, &rows);
    places->reserve(places->size() + rows.size());
    for (const uint32_t row : rows) places->push_back({table.value, row});
  }

  uint32_t page_rows() const override { return graph::GraphView::kPageRows; }
  bool TwinsAreInPages(TableId table) const override { return pages_.HasTwins(table); }
  bool ValuesAreInPages(TableId table, ColumnId column) const override {
    return pages_.HasValues(table, column);
  }
  const uint32_t* TwinPage(TableId table, uint32_t page) const override {
    return pages_.Page(table, page);
  }
  void PagesOf(TableId table, ColumnId column, uint32_t first,
               absl::Span<query::ColumnPage> pages) const override {
    ReadPages(view_, table, column, first, pages);
  }
  int64_t CodeOf(absl::string_view text) const override { return view_.CodeOf(text); }
  TwinNumber Find(absl::string_view id) const override { return twins_.Find(id); }

  std::vector<TwinNumber> FindEqual(TableId table, ColumnId column,
                                    absl::string_view value) const override {
    // The index knows present values. What can have changed since is looked at row by row.
    std::vector<uint32_t> twins;
    std::vector<Place> places;
    if (!catalog_.model(table).columns[column.value].historized) {
      for (const TwinNumber twin : view_.FindEqual(table, column, value)) {
        if (view_.BeginOf(twin) > at_) continue;
        twins.push_back(twin.value);
        places.push_back({table.value, view_.PlaceOf(twin).row});
      }
      Scan(table, view_.Rows(table), UINT32_MAX, &twins, &places);
    } else {
      Scan(table, 0, UINT32_MAX, &twins, &places);
    }
    std::vector<TwinNumber> equal;
    std::vector<uint32_t> rows;
    for (size_t first = 0; first < twins.size(); first += kPastChunk) {
      rows.clear();
      const size_t end = std::min<size_t>(twins.size(), first + kPastChunk);
      for (size_t i = first; i < end; ++i) rows.push_back(places[i].row);
      const PastColumn held = values_.Read(table, column, rows);
      for (size_t i = 0; i < rows.size(); ++i) {
        if (!held.values.IsNull(i) && held.values.strings[i] == value) {
          equal.push_back(TwinNumber(twins[first + i]));
        }
      }
    }
    return equal;
  }

  void Places(absl::Span<const uint32_t> twins, std::vector<Place>* places) const override {
    places->resize(twins.size());
    for (size_t i = 0; i < twins.size(); ++i) (*places)[i] = twins_.PlaceOf(twins[i]);
  }

  void Read(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
            Vector* out) const override {
    if (Rows(table) == view_.Rows(table) && pages_.HasValues(table, column)) {
      return ReadInto(
          catalog_.model(table).columns[column.value].type, rows.size(), out,
          [&](const graph::ColumnBatch& batch) { view_.ReadColumn(table, column, rows, batch); });
    }
    PastColumn held = values_.Read(table, column, rows);
    if (!held.unknown.empty()) {
      unrecorded_.fetch_add(held.unknown.size(), std::memory_order_relaxed);
    }
    *out = std::move(held.values);
  }

  void ReadUpdateTimes(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                       bool arrival, Vector* out) const override {
    const PastColumn held = values_.Read(table, column, rows);
    out->Reset(TypeKind::kTime, rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      // Of samples nobody wrote down when they arrived.
      if (held.values.IsNull(i) || (arrival && held.recorded[i] != 0)) {
        out->SetNull(i);
      } else {
        out->ints[i] =
            arrival ? twins_.CellAt(table, column, rows[i]).update_time.ns : held.times[i];
      }
    }
  }

  void ReadField(absl::Span<const uint32_t> twins, Field field, Vector* out) const override {
    switch (field) {
      case Field::kId:
        out->Reset(TypeKind::kString, twins.size());
        for (size_t i = 0; i < twins.size(); ++i)
          out->strings[i] = view_.IdOf(TwinNumber(twins[i]));
        return;
      case Field::kEtag: {
        out->Reset(TypeKind::kString, twins.size());
        Texts texts(out);
        for (size_t i = 0; i < twins.size(); ++i) {
          const TableId table(twins_.PlaceOf(twins[i]).table);
          const auto version = twins_.VersionOf(twins[i], view_.catalog().table(table));
          if (version.has_value()) {
            texts.Set(i, EtagOf(*version));
          } else {
            out->SetNull(i);
          }
        }
        return;
      }
      case Field::kModel:
        out->Reset(TypeKind::kString, twins.size());
        for (size_t i = 0; i < twins.size(); ++i) {
          out->strings[i] = catalog_.model(TableId(twins_.PlaceOf(twins[i]).table)).id;
        }
        return;
      case Field::kLastUpdateTime:
        out->Reset(TypeKind::kTime, twins.size());
        for (size_t i = 0; i < twins.size(); ++i) out->ints[i] = UpdateTimeOf(twins[i]).ns;
        return;
      case Field::kMetadata:
        out->Reset(TypeKind::kValue, twins.size());
        for (size_t i = 0; i < twins.size(); ++i) out->values[i] = MetadataOf(twins[i]);
        return;
      case Field::kSourceId:
      case Field::kTargetId:
      case Field::kName:
      case Field::kValidFrom:
      case Field::kValidTo:
        out->Reset(TypeKind::kNull, twins.size());
        return;
    }
  }

  // --- Relationships ---
  size_t Expand(absl::Span<const uint32_t> twins, size_t first, Direction direction,
                absl::Span<const RelationshipTypeId> types, bool any_type, size_t max,
                Expansion* out) const override {
    if (!twins_.has_ended() && pages_.HasRelationships(types, any_type)) {
      return sources_.expander->Expand(twins, first, {direction, types, any_type}, max, out);
    }
    return expander_.Expand(twins, first, direction, types, any_type, max, out);
  }

  uint64_t CountExpand(absl::Span<const uint32_t> twins, Direction direction,
                       absl::Span<const RelationshipTypeId> types, bool any_type) const override {
    if (!twins_.has_ended() && pages_.HasRelationships(types, any_type)) {
      return sources_.expander->Count(twins, {direction, types, any_type});
    }
    uint64_t count = 0;
    Expansion part;
    for (size_t at = 0; at < twins.size();) {
      at = Expand(twins, at, direction, types, any_type, kPastChunk, &part);
      count += part.sources.size();
    }
    return count;
  }

  std::shared_ptr<const query::RowRuns> RunsOf(
      TableId from, absl::Span<const query::Hop> hops,
      absl::FunctionRef<absl::Status()> interrupted) const override {
    const bool are_the_same = std::all_of(hops.begin(), hops.end(), [&](const query::Hop& hop) {
      return pages_.HasRelationships(hop.types, hop.any_type);
    });
    if (!are_the_same) return nullptr;
    return sources_.path_runs->Get(view_, *sources_.expander, from, hops, interrupted);
  }

  uint32_t relationship_numbers() const override { return view_.next_relationship().value; }

  absl::Status ScanRelationships(uint32_t first, uint32_t count,
                                 absl::Span<const RelationshipTypeId> types, bool any_type,
                                 bool history_all,
                                 std::vector<uint32_t>* relationships) const override {
    const size_t before = relationships->size();
    const auto end =
        static_cast<uint32_t>(std::min<uint64_t>(uint64_t{first} + count, relationship_numbers()));
    std::vector<uint32_t> found(3 * size_t{kPastChunk});
    for (uint32_t at = first; at < end;) {
      const uint32_t part = std::min(kPastChunk, end - at);
      view_.ReadLinks(at, part, found.data(), found.data() + kPastChunk,
                      found.data() + size_t{2} * kPastChunk);
      for (uint32_t i = 0; i < part; ++i) {
        if (found[i] == UINT32_MAX || !IsOfType(found[i], types, any_type)) continue;
        if (view_.BeginOf(RelationshipNumber(at + i)) > at_) continue;
        if (!history_all &&
            !(twins_.IsThere(found[kPastChunk + i]) && twins_.IsThere(found[2 * kPastChunk + i]))) {
          continue;
        }
        relationships->push_back(at + i);
      }
      at += part;
    }
    const size_t middle = relationships->size();
    for (const PastIndex::Relationship& each : relationships_.index().relationships(first, end)) {
      const graph::EndedRelationship& ended = each.ended;
      if (!IsOfType(ended.type.value, types, any_type)) continue;
      if (history_all ? ended.begin <= at_ : expander_.IsLinked(ended)) {
        relationships->push_back(ended.relationship.value);
      }
    }
    const auto begin = relationships->begin();
    std::inplace_merge(begin + static_cast<ptrdiff_t>(before),
                       begin + static_cast<ptrdiff_t>(middle), relationships->end());
    return absl::OkStatus();
  }

  void RelationshipTypes(absl::Span<const uint32_t> relationships,
                         std::vector<uint32_t>* types) const override {
    relationships_.Types(relationships, types);
  }
  void ReadRelationship(RelationshipTypeId type, ColumnId column,
                        absl::Span<const uint32_t> relationships, Vector* out) const override {
    relationships_.Read(type, column, relationships, out);
  }
  void ReadRelationshipField(absl::Span<const uint32_t> relationships, Field field,
                             Vector* out) const override {
    relationships_.ReadField(relationships, field, out);
  }

  absl::StatusOr<std::unique_ptr<GraphReader>> AsOf(Time time) const override {
    return NewPastReader(sources_, time);
  }
  uint64_t unrecorded() const override { return unrecorded_.load(std::memory_order_relaxed); }
  absl::Status read_error() const override { return values_.error(); }

 private:
  // The last change of a property that is known, or when it began.
  Time UpdateTimeOf(uint32_t twin) const {
    const Place place = twins_.PlaceOf(twin);
    const TableId table(place.table);
    const PastIndex::Twin* const ended = twins_.EndedAt(table, place.row);
    Time last = ended != nullptr ? ended->ended.begin : view_.BeginOf(TwinNumber(twin));
    ForEachProperty(table, place.row,
                    [&](const query::Column&, const PastColumn& held, const Value&) {
                      last = std::max(last, Time{held.times[0]});
                    });
    return last;
  }

  Value MetadataOf(uint32_t twin) const {
    const Place place = twins_.PlaceOf(twin);
    const TableId table(place.table);
    ValueMap metadata;
    metadata.emplace_back("$model", Value::String(catalog_.model(table).id));
    metadata.emplace_back("$lastUpdateTime", Value::OfTime(UpdateTimeOf(twin)));
    ForEachProperty(table, place.row,
                    [&](const query::Column& column, const PastColumn& held, const Value& arrival) {
                      ValueMap times;
                      if (!arrival.is_null()) times.emplace_back("lastUpdateTime", arrival);
                      times.emplace_back("sourceTime", Value::OfTime(Time{held.times[0]}));
                      metadata.emplace_back(std::string(column.name()),
                                            Value::Map(std::move(times)));
                    });
    return Value::Map(std::move(metadata));
  }

  // Calls visit(column, what it held, server time or null) for each property that had a value.
  template <typename Visit>
  void ForEachProperty(TableId table, uint32_t row, Visit visit) const {
    const std::vector<query::Column>& columns = catalog_.model(table).columns;
    for (uint32_t c = 0; c < columns.size(); ++c) {
      if (columns[c].telemetry) continue;
      const PastColumn held = values_.Read(table, ColumnId(c), absl::MakeConstSpan(&row, 1));
      if (held.values.IsNull(0)) continue;
      Value arrival;
      if (held.recorded[0] == 0) {
        arrival = Value::OfTime(twins_.CellAt(table, ColumnId(c), row).update_time);
      }
      visit(columns[c], held, arrival);
    }
  }

  const PastSources sources_;
  const graph::GraphView& view_;
  const query::Catalog& catalog_;
  const Time at_;
  const PastTwins twins_;
  const PastValues values_;
  const PastRelationships relationships_;
  const PastExpander expander_;
  const PastPages pages_;
  mutable std::atomic<uint64_t> unrecorded_{0};
};

}  // namespace

std::unique_ptr<query::GraphReader> NewPastReader(const PastSources& sources, Time at) {
  return std::make_unique<PastReader>(sources, at);
}

}  // namespace twin::engine
