#include "server/engine/graph_reader.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/engine/expand.h"
#include "server/engine/past_reader.h"
#include "server/engine/past_relationships.h"
#include "server/engine/query_catalog.h"
#include "server/engine/reader_values.h"

namespace twin::engine {
namespace {

using query::Field;
using query::Place;
using query::TypeKind;
using query::Vector;

constexpr uint32_t kScanChunk = 4096;

class Reader final : public SnapshotReader {
 public:
  Reader(std::shared_ptr<const graph::GraphView> view, GraphReaderCache* cache,
         const timeseries::Store* history)
      : view_(std::move(view)),
        cache_(*cache),
        catalog_(cache->CatalogOf(*view_)),
        history_(history),
        expander_(*view_, &cache->adjacency()) {}

  const graph::GraphView& view() const override { return *view_; }
  std::shared_ptr<const query::Catalog> shared_catalog() const override { return catalog_; }

  const query::Catalog& catalog() const override { return *catalog_; }
  Sequence sequence() const override { return view_->sequence(); }
  uint64_t Twins(TableId table) const override { return view_->twins(table); }
  uint64_t Relationships(RelationshipTypeId type) const override {
    return view_->relationships(type);
  }

  // --- Twins ---
  uint32_t Rows(TableId table) const override { return view_->Rows(table); }

  void Scan(TableId table, uint32_t first, uint32_t count, std::vector<uint32_t>* twins,
            std::vector<Place>* places) const override {
    std::vector<uint32_t> rows;
    view_->ListRows(table, first, count, twins, &rows);
    places->reserve(places->size() + rows.size());
    for (const uint32_t row : rows) places->push_back({table.value, row});
  }

  uint32_t page_rows() const override { return graph::GraphView::kPageRows; }

  const uint32_t* TwinPage(TableId table, uint32_t page) const override {
    return view_->TwinPage(table, page);
  }

  void PagesOf(TableId table, ColumnId column, uint32_t first,
               absl::Span<query::ColumnPage> pages) const override {
    ReadPages(*view_, table, column, first, pages);
  }

  int64_t CodeOf(absl::string_view text) const override { return view_->CodeOf(text); }

  TwinNumber Find(absl::string_view id) const override { return view_->FindTwin(id); }

  std::vector<TwinNumber> FindEqual(TableId table, ColumnId column,
                                    absl::string_view value) const override {
    return view_->FindEqual(table, column, value);
  }

  void Places(absl::Span<const uint32_t> twins, std::vector<Place>* places) const override {
    constexpr size_t kPart = 256;
    graph::TwinPlace block[kPart];
    places->resize(twins.size());
    for (size_t i = 0; i < twins.size(); i += kPart) {
      const absl::Span<const uint32_t> part = twins.subspan(i, kPart);
      view_->PlacesOf(part, block);
      for (size_t k = 0; k < part.size(); ++k) {
        (*places)[i + k] = {block[k].table.value, block[k].row};
      }
    }
  }

  void Read(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
            Vector* out) const override {
    ReadInto(
        catalog_->model(table).columns[column.value].type, rows.size(), out,
        [&](const graph::ColumnBatch& batch) { view_->ReadColumn(table, column, rows, batch); });
  }

  void ReadUpdateTimes(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                       bool arrival, Vector* out) const override {
    out->Reset(TypeKind::kTime, rows.size());
    view_->ReadTimes(table, column, rows, /*source=*/!arrival, &out->nulls, out->ints.data());
  }

  void ReadField(absl::Span<const uint32_t> twins, Field field, Vector* out) const override {
    switch (field) {
      case Field::kId:
        out->Reset(TypeKind::kString, twins.size());
        for (size_t i = 0; i < twins.size(); ++i) {
          out->strings[i] = view_->IdOf(TwinNumber(twins[i]));
        }
        return;
      case Field::kEtag: {
        out->Reset(TypeKind::kString, twins.size());
        Texts texts(out);
        for (size_t i = 0; i < twins.size(); ++i) {
          texts.Set(i, EtagOf(view_->VersionOf(TwinNumber(twins[i]))));
        }
        return;
      }
      case Field::kModel:
        out->Reset(TypeKind::kString, twins.size());
        for (size_t i = 0; i < twins.size(); ++i) {
          out->strings[i] = catalog_->model(view_->PlaceOf(TwinNumber(twins[i])).table).id;
        }
        return;
      case Field::kLastUpdateTime:
        out->Reset(TypeKind::kTime, twins.size());
        for (size_t i = 0; i < twins.size(); ++i) {
          out->ints[i] = view_->UpdateTimeOf(TwinNumber(twins[i])).ns;
        }
        return;
      case Field::kMetadata:
        out->Reset(TypeKind::kValue, twins.size());
        for (size_t i = 0; i < twins.size(); ++i) out->values[i] = Metadata(TwinNumber(twins[i]));
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
                query::Expansion* out) const override {
    return expander_.Expand(twins, first, {direction, types, any_type}, max, out);
  }

  uint64_t CountExpand(absl::Span<const uint32_t> twins, Direction direction,
                       absl::Span<const RelationshipTypeId> types, bool any_type) const override {
    return expander_.Count(twins, {direction, types, any_type});
  }

  std::shared_ptr<const query::RowRuns> RunsOf(
      TableId from, absl::Span<const query::Hop> hops,
      absl::FunctionRef<absl::Status()> interrupted) const override {
    return cache_.path_runs().Get(*view_, expander_, from, hops, interrupted);
  }

  uint32_t relationship_numbers() const override { return view_->next_relationship().value; }

  absl::Status ScanRelationships(uint32_t first, uint32_t count,
                                 absl::Span<const RelationshipTypeId> types, bool any_type,
                                 bool history_all,
                                 std::vector<uint32_t>* relationships) const override {
    std::vector<uint8_t> wanted(any_type ? 0 : catalog_->relationship_types().size());
    for (const RelationshipTypeId type : types) {
      if (!any_type) wanted[type.value] = 1;
    }
    const size_t before = relationships->size();
    std::vector<uint32_t> found(3 * kScanChunk);
    const uint32_t end = static_cast<uint32_t>(
        std::min<uint64_t>(uint64_t{first} + count, view_->next_relationship().value));
    for (uint32_t at = first; at < end;) {
      const uint32_t part = std::min(kScanChunk, end - at);
      view_->ReadLinks(at, part, found.data(), found.data() + kScanChunk,
                       found.data() + size_t{2} * kScanChunk);
      for (uint32_t i = 0; i < part; ++i) {
        if (found[i] == UINT32_MAX || (!any_type && wanted[found[i]] == 0)) continue;
        relationships->push_back(at + i);
      }
      at += part;
    }
    if (!history_all) return absl::OkStatus();
    knows_ended_.store(true, std::memory_order_relaxed);
    const size_t middle = relationships->size();
    for (const PastIndex::Relationship& each : Past().index().relationships(first, end)) {
      if (any_type || wanted[each.ended.type.value] != 0) {
        relationships->push_back(each.ended.relationship.value);
      }
    }
    const auto begin = relationships->begin();
    std::inplace_merge(begin + static_cast<ptrdiff_t>(before),
                       begin + static_cast<ptrdiff_t>(middle), relationships->end());
    return absl::OkStatus();
  }

  void RelationshipTypes(absl::Span<const uint32_t> relationships,
                         std::vector<uint32_t>* types) const override {
    if (HasEnded(relationships)) return Past().Types(relationships, types);
    types->resize(relationships.size());
    for (size_t i = 0; i < relationships.size(); ++i) {
      (*types)[i] = view_->LinkOf(RelationshipNumber(relationships[i])).type.value;
    }
  }

  void ReadRelationship(RelationshipTypeId type, ColumnId column,
                        absl::Span<const uint32_t> relationships, Vector* out) const override {
    if (knows_ended()) return Past().Read(type, column, relationships, out);
    ReadInto(catalog_->relationship_type(type).columns[column.value].type, relationships.size(),
             out, [&](const graph::ColumnBatch& batch) {
               view_->ReadColumn(type, column, relationships, batch);
             });
  }

  void ReadRelationshipField(absl::Span<const uint32_t> relationships, Field field,
                             Vector* out) const override {
    if (HasEnded(relationships)) return Past().ReadField(relationships, field, out);
    out->Reset(TypeKind::kString, relationships.size());
    const auto each = [&](auto text_of) {
      for (size_t i = 0; i < relationships.size(); ++i) {
        out->strings[i] = text_of(RelationshipNumber(relationships[i]));
      }
    };
    switch (field) {
      case Field::kId:
        return each([&](RelationshipNumber number) { return view_->Get(number).id; });
      case Field::kSourceId:
        return each(
            [&](RelationshipNumber number) { return view_->IdOf(view_->LinkOf(number).source); });
      case Field::kTargetId:
        return each(
            [&](RelationshipNumber number) { return view_->IdOf(view_->LinkOf(number).target); });
      case Field::kName:
        return each([&](RelationshipNumber number) -> absl::string_view {
          return catalog_->relationship_type(view_->LinkOf(number).type).name;
        });
      case Field::kEtag: {
        Texts texts(out);
        for (size_t i = 0; i < relationships.size(); ++i) {
          texts.Set(i, EtagOf(view_->Get(RelationshipNumber(relationships[i])).version));
        }
        return;
      }
      case Field::kValidFrom:
        out->Reset(TypeKind::kTime, relationships.size());
        for (size_t i = 0; i < relationships.size(); ++i) {
          out->ints[i] = view_->BeginOf(RelationshipNumber(relationships[i])).ns;
        }
        return;
      case Field::kModel:
      case Field::kLastUpdateTime:
      case Field::kMetadata:
      case Field::kValidTo:
        out->Reset(TypeKind::kNull, relationships.size());
        return;
    }
  }

  absl::StatusOr<std::unique_ptr<GraphReader>> AsOf(Time time) const override {
    if (time < view_->past_begin()) {
      return absl::OutOfRangeError(absl::StrCat(
          "AS OF ", FormatTime(time), ": history is kept since ", FormatTime(view_->past_begin())));
    }
    return NewPastReader({.view = view_.get(),
                          .catalog = catalog_.get(),
                          .expander = &expander_,
                          .path_runs = &cache_.path_runs(),
                          .index = cache_.PastOf(*view_),
                          .history = history_},
                         time);
  }

  TableId TableOf(TwinNumber twin) const override {
    if (view_->Exists(twin)) return view_->PlaceOf(twin).table;
    return LastLifeOf(twin).ended.table;
  }

  graph::Cell CellOf(TwinNumber twin, ColumnId column) const override {
    if (view_->Exists(twin)) return view_->Get(twin, column);
    return view_->EndedCell(LastLifeOf(twin).slot, column);
  }

 private:
  bool knows_ended() const { return knows_ended_.load(std::memory_order_relaxed); }

  // Whether there may be some among them that have ended. Another reader of the same state may have
  // found them: the rows of a page outlive the reader that they came from.
  bool HasEnded(absl::Span<const uint32_t> relationships) const {
    if (knows_ended()) return true;
    if (view_->ended_relationship_slots() == 0) return false;
    const bool any = std::any_of(relationships.begin(), relationships.end(), [&](uint32_t number) {
      return !view_->Exists(RelationshipNumber(number));
    });
    if (any) knows_ended_.store(true, std::memory_order_relaxed);
    return any;
  }

  const PastIndex::Twin& LastLifeOf(TwinNumber twin) const {
    const absl::Span<const PastIndex::Twin> lives = Past().index().LivesOf(twin);
    TWIN_CHECK(!lives.empty()) << "no twin " << twin.value;
    return lives.back();
  }

  // What has ended; made when it is first asked for.
  const PastRelationships& Past() const ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(&mutex_);
    if (past_ == nullptr) {
      past_ = std::make_unique<const PastRelationships>(view_.get(), catalog_.get(),
                                                        cache_.PastOf(*view_), Time{INT64_MAX});
    }
    return *past_;
  }

  Value Metadata(TwinNumber twin) const {
    const graph::TableSchema& table = view_->TableOf(twin);
    ValueMap metadata;
    metadata.emplace_back("$model", Value::String(table.model_id));
    metadata.emplace_back("$lastUpdateTime", Value::OfTime(view_->UpdateTimeOf(twin)));
    for (const graph::ColumnSchema& column : table.columns) {
      if (column.telemetry) continue;
      const graph::Cell cell = view_->Get(twin, table.IdOf(column));
      if (cell.value.is_null()) continue;
      metadata.emplace_back(std::string(column.name()),
                            Value::Map({{"lastUpdateTime", Value::OfTime(cell.update_time)},
                                        {"sourceTime", Value::OfTime(cell.source_time)}}));
    }
    return Value::Map(std::move(metadata));
  }

  const std::shared_ptr<const graph::GraphView> view_;
  GraphReaderCache& cache_;
  const std::shared_ptr<const query::Catalog> catalog_;
  const timeseries::Store* const history_;
  Expander expander_;
  // Somebody asks about relationships that have ended; whoever reads a property of one has asked
  // for its type before.
  mutable std::atomic<bool> knows_ended_{false};
  mutable Mutex mutex_;
  mutable std::unique_ptr<const PastRelationships> past_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<const query::Catalog> GraphReaderCache::CatalogOf(const graph::GraphView& view) {
  std::shared_ptr<const graph::Catalog> catalog = view.shared_catalog();
  const MutexLock lock(&mutex_);
  if (catalog_ == nullptr || from_ != catalog) {
    catalog_ = ToQueryCatalog(catalog);
    from_ = std::move(catalog);
  }
  return catalog_;
}

std::shared_ptr<const PastIndex> GraphReaderCache::PastOf(const graph::GraphView& view) {
  {
    const MutexLock lock(&mutex_);
    if (past_ != nullptr && past_version_ == view.past_version()) return past_;
  }
  auto made = std::make_shared<const PastIndex>(view);
  const MutexLock lock(&mutex_);
  past_ = made;
  past_version_ = view.past_version();
  return made;
}

std::unique_ptr<SnapshotReader> NewGraphReader(std::shared_ptr<const graph::GraphView> view,
                                               GraphReaderCache* cache,
                                               const timeseries::Store* history) {
  return std::make_unique<Reader>(std::move(view), cache, history);
}

}  // namespace twin::engine
