#include "server/engine/past_reader.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "server/base/check.h"
#include "server/base/sync.h"
#include "server/engine/past_relationships.h"
#include "server/engine/reader_values.h"

namespace twin::engine {
namespace {

using query::Expansion;
using query::Field;
using query::Place;
using query::TypeKind;
using query::Vector;
using timeseries::ColumnValues;
using timeseries::SeriesKey;
using timeseries::WantedAs;

constexpr uint32_t kPastChunk = 4096;

// What a column held at the time, for rows that Read was asked for.
struct Held {
  Vector values;
  std::vector<int64_t> times;     // source times, where there is a value
  std::vector<uint8_t> recorded;  // 1: the value is of the history
  std::vector<uint32_t> unknown;  // rows whose value at the time is not known
};

class PastReader final : public query::GraphReader {
 public:
  PastReader(const PastSources& sources, Time at)
      : sources_(sources),
        view_(*sources.view),
        catalog_(*sources.catalog),
        at_(at),
        relationships_(sources.view, sources.catalog, sources.index, at),
        ended_(catalog_.models().size()) {
    if (sources.history != nullptr) samples_ = sources.history->Pin(view_.sequence());
    FindEndedTwins();
    FindEndedRelationships();
  }

  const query::Catalog& catalog() const override { return catalog_; }
  Sequence sequence() const override { return view_.sequence(); }

  uint64_t Twins(TableId table) const override {
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
    std::vector<uint32_t> found;
    const absl::Status status =
        ScanRelationships(0, relationship_numbers(), absl::MakeConstSpan(&type, 1),
                          /*any_type=*/false, /*history_all=*/false, &found);
    TWIN_CHECK(status.ok()) << status;
    return found.size();
  }

  // --- Twins ---
  uint32_t Rows(TableId table) const override {
    return view_.Rows(table) + static_cast<uint32_t>(ended_[table.value].size());
  }

  void Scan(TableId table, uint32_t first, uint32_t count, std::vector<uint32_t>* twins,
            std::vector<Place>* places) const override {
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

  TwinNumber Find(absl::string_view id) const override {
    for (const TwinNumber twin : view_.TwinsOf(id)) {
      if (IsThere(twin.value)) return twin;
    }
    return kNoTwin;
  }

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
      const Held held = HeldAt(table, column, rows);
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
    for (size_t i = 0; i < twins.size(); ++i) (*places)[i] = PlaceOf(twins[i]);
  }

  void Read(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
            Vector* out) const override {
    Held held = HeldAt(table, column, rows);
    if (!held.unknown.empty()) {
      unrecorded_.fetch_add(held.unknown.size(), std::memory_order_relaxed);
    }
    *out = std::move(held.values);
  }

  void ReadUpdateTimes(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                       bool arrival, Vector* out) const override {
    const Held held = HeldAt(table, column, rows);
    out->Reset(TypeKind::kTime, rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      // Of samples nobody wrote down when they arrived.
      if (held.values.IsNull(i) || (arrival && held.recorded[i] != 0)) {
        out->SetNull(i);
      } else {
        out->ints[i] = arrival ? CellAt(table, column, rows[i]).update_time.ns : held.times[i];
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
        for (size_t i = 0; i < twins.size(); ++i) texts.Set(i, EtagOf(VersionOf(twins[i])));
        return;
      }
      case Field::kModel:
        out->Reset(TypeKind::kString, twins.size());
        for (size_t i = 0; i < twins.size(); ++i) {
          out->strings[i] = catalog_.model(TableId(PlaceOf(twins[i]).table)).id;
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
    out->clear();
    // What goes on existing is followed as always, in parts without twins that have ended.
    Expansion present;
    size_t at = first;
    while (at < twins.size() && out->sources.size() < max) {
      const size_t end = EndOfPresent(twins, at);
      if (end == at) {
        AddEnded(twins[at], static_cast<uint32_t>(at), direction, types, any_type, out);
        ++at;
        continue;
      }
      const size_t next =
          sources_.expander->Expand(twins.subspan(0, end), at, {direction, types, any_type},
                                    max - out->sources.size(), &present);
      Merge(twins, at, next, direction, types, any_type, present, out);
      at = next;
    }
    return at;
  }

  uint64_t CountExpand(absl::Span<const uint32_t> twins, Direction direction,
                       absl::Span<const RelationshipTypeId> types, bool any_type) const override {
    uint64_t count = 0;
    Expansion part;
    for (size_t at = 0; at < twins.size();) {
      at = Expand(twins, at, direction, types, any_type, kPastChunk, &part);
      count += part.sources.size();
    }
    return count;
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
        if (found[i] == UINT32_MAX || !IsOf(found[i], types, any_type)) continue;
        if (view_.BeginOf(RelationshipNumber(at + i)) > at_) continue;
        if (!history_all &&
            !(IsThere(found[kPastChunk + i]) && IsThere(found[2 * kPastChunk + i]))) {
          continue;
        }
        relationships->push_back(at + i);
      }
      at += part;
    }
    const size_t middle = relationships->size();
    for (const PastIndex::Relationship& each : relationships_.index().relationships(first, end)) {
      const graph::EndedRelationship& ended = each.ended;
      if (!IsOf(ended.type.value, types, any_type)) continue;
      if (history_all ? ended.begin <= at_ : IsLinked(ended)) {
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
  void RelationshipEnds(absl::Span<const uint32_t> relationships, std::vector<uint32_t>* sources,
                        std::vector<uint32_t>* targets) const override {
    relationships_.Ends(relationships, sources, targets);
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
  absl::Status read_error() const override {
    const MutexLock lock(&error_mutex_);
    return error_;
  }

 private:
  struct EndedLinks {
    std::vector<const PastIndex::Relationship*> outgoing, incoming;  // by number
  };

  // --- What has ended since ---
  void FindEndedTwins() {
    absl::flat_hash_map<uint32_t, const PastIndex::Twin*> found;
    for (const PastIndex::Twin& each : sources_.index->twins()) {
      if (each.ended.begin <= at_ && at_ < each.ended.end && !IsPresent(each.ended.twin.value)) {
        found[each.ended.twin.value] = &each;
      }
    }
    for (const PastIndex::Twin& each : sources_.index->twins()) {
      const auto it = found.find(each.ended.twin.value);
      if (it == found.end() || it->second != &each || IsHidden(each.ended.twin, found)) continue;
      std::vector<const PastIndex::Twin*>& rows = ended_[each.ended.table.value];
      const auto row = view_.Rows(each.ended.table) + static_cast<uint32_t>(rows.size());
      ended_places_[each.ended.twin.value] = {each.ended.table.value, row};
      rows.push_back(&each);
    }
  }

  // Source times may say that two twins had one id at a time; the later one had it.
  bool IsHidden(TwinNumber twin,
                const absl::flat_hash_map<uint32_t, const PastIndex::Twin*>& found) const {
    for (const TwinNumber later : view_.TwinsOf(view_.IdOf(twin))) {
      if (later == twin) return false;
      if (IsPresent(later.value) || found.contains(later.value)) return true;
    }
    return false;
  }

  void FindEndedRelationships() {
    for (const PastIndex::Relationship& each : sources_.index->relationships()) {
      if (!IsLinked(each.ended)) continue;
      ended_links_[each.ended.source.value].outgoing.push_back(&each);
      ended_links_[each.ended.target.value].incoming.push_back(&each);
    }
  }

  // It exists now, and did then where it is now.
  bool IsPresent(uint32_t twin) const {
    return view_.Exists(TwinNumber(twin)) && view_.BeginOf(TwinNumber(twin)) <= at_;
  }
  bool IsThere(uint32_t twin) const {
    return IsPresent(twin) || (!ended_places_.empty() && ended_places_.contains(twin));
  }
  bool IsLinked(const graph::EndedRelationship& ended) const {
    return ended.begin <= at_ && at_ < ended.end && IsThere(ended.source.value) &&
           IsThere(ended.target.value);
  }
  static bool IsOf(uint32_t type, absl::Span<const RelationshipTypeId> types, bool any_type) {
    return any_type ||
           std::find(types.begin(), types.end(), RelationshipTypeId(type)) != types.end();
  }

  Place PlaceOf(uint32_t twin) const {
    if (IsPresent(twin)) {
      const graph::TwinPlace place = view_.PlaceOf(TwinNumber(twin));
      return {place.table.value, place.row};
    }
    const auto it = ended_places_.find(twin);
    TWIN_CHECK(it != ended_places_.end()) << "no twin " << twin << " at " << FormatTime(at_);
    return it->second;
  }

  // nullptr: the row is the view's.
  const PastIndex::Twin* EndedAt(TableId table, uint32_t row) const {
    const uint32_t present = view_.Rows(table);
    return row < present ? nullptr : ended_[table.value][row - present];
  }

  TwinNumber TwinAt(TableId table, uint32_t row) const {
    if (const PastIndex::Twin* const ended = EndedAt(table, row)) return ended->ended.twin;
    const uint32_t* const page = view_.TwinPage(table, row / graph::GraphView::kPageRows);
    return TwinNumber(page[row % graph::GraphView::kPageRows] - 1);
  }

  Sequence VersionOf(uint32_t twin) const {
    const Place place = PlaceOf(twin);
    const PastIndex::Twin* const ended = EndedAt(TableId(place.table), place.row);
    return ended != nullptr ? ended->ended.version : view_.VersionOf(TwinNumber(twin));
  }

  graph::Cell CellAt(TableId table, ColumnId column, uint32_t row) const {
    if (const PastIndex::Twin* const ended = EndedAt(table, row)) {
      return view_.EndedCell(ended->slot, column);
    }
    return view_.Get(TwinAt(table, row), column);
  }

  // --- Values ---
  // A value that has not changed since is the one that it was. Of what is recorded the history
  // knows the others.
  Held HeldAt(TableId table, ColumnId column, absl::Span<const uint32_t> rows) const {
    const query::Column& schema = catalog_.model(table).columns[column.value];
    const bool is_recorded = samples_ != nullptr && (schema.telemetry || schema.historized);
    Held held;
    held.recorded.resize(rows.size());
    ReadLast(table, column, rows, &held);
    std::vector<uint32_t> changed;  // since then; or removed at some time
    for (uint32_t i = 0; i < rows.size(); ++i) {
      if (held.values.IsNull(i)) {
        if (is_recorded && !schema.telemetry) changed.push_back(i);
      } else if (held.times[i] > at_.ns) {
        changed.push_back(i);
      }
    }
    if (changed.empty()) return held;
    if (is_recorded) {
      ReadHistory(table, schema, rows, changed, &held);
    } else {
      for (const uint32_t row : changed) held.values.SetNull(row);
      held.unknown = std::move(changed);
    }
    return held;
  }

  // The present values, or those at the end.
  void ReadLast(TableId table, ColumnId column, absl::Span<const uint32_t> rows, Held* held) const {
    const TypeKind kind = catalog_.model(table).columns[column.value].type;
    const uint32_t present = view_.Rows(table);
    held->times.resize(rows.size());
    if (std::all_of(rows.begin(), rows.end(), [&](uint32_t row) { return row < present; })) {
      ReadInto(kind, rows.size(), &held->values, [&](const graph::ColumnBatch& batch) {
        view_.ReadColumn(table, column, rows, batch);
      });
      std::vector<uint8_t> nulls;
      view_.ReadTimes(table, column, rows, /*source=*/true, &nulls, held->times.data());
      return;
    }
    held->values.Reset(kind, rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      const graph::Cell cell = CellAt(table, column, rows[i]);
      SetValue(cell.value, i, &held->values);
      held->times[i] = cell.source_time.ns;
    }
  }

  void ReadHistory(TableId table, const query::Column& schema, absl::Span<const uint32_t> rows,
                   const std::vector<uint32_t>& changed, Held* held) const {
    timeseries::PathId path;
    const bool has_path = sources_.history->FindPath(schema.path, &path);
    std::vector<SeriesKey> keys;
    if (has_path) {
      keys.reserve(changed.size());
      for (const uint32_t i : changed) keys.push_back({TwinAt(table, rows[i]), path});
    }
    const WantedAs as = WantedFor(schema.type);
    std::vector<int64_t> times;
    ColumnValues values;
    const absl::Status status = samples_->LastOfEach(keys, as, at_.ns, &times, &values);
    if (!status.ok()) {
      const MutexLock lock(&error_mutex_);
      error_.Update(status);
    }
    for (size_t k = 0; k < changed.size(); ++k) {
      const uint32_t i = changed[k];
      const bool was_null = held->values.IsNull(i);
      if (!status.ok() || !has_path || times[k] == timeseries::Snapshot::kNoSample) {
        held->values.SetNull(i);
        // Nothing before the first change, unless that was dropped.
        const bool may_be_gone = view_.past_begin().ns > INT64_MIN;
        if (!was_null && may_be_gone) held->unknown.push_back(i);
        continue;
      }
      SetSample(values, k, i, &held->values);
      held->times[i] = times[k];
      held->recorded[i] = 1;
    }
  }

  static WantedAs WantedFor(TypeKind kind) {
    switch (kind) {
      case TypeKind::kDouble:
        return WantedAs::kDouble;
      case TypeKind::kBool:
      case TypeKind::kInt:
      case TypeKind::kTime:
        return WantedAs::kInt;
      default:
        return WantedAs::kValue;
    }
  }

  static void SetSample(const ColumnValues& values, size_t at, size_t row, Vector* out) {
    if (!values.missing.empty() && values.missing[at] != 0) return out->SetNull(row);
    switch (out->kind) {
      case TypeKind::kDouble:
        return SetValue(Value::Double(values.doubles[at]), row, out);
      case TypeKind::kBool:
        return SetValue(Value::Bool(values.ints[at] != 0), row, out);
      case TypeKind::kInt:
        return SetValue(Value::Int(values.ints[at]), row, out);
      case TypeKind::kTime:
        return SetValue(Value::OfTime(Time{values.ints[at]}), row, out);
      default:
        return SetValue(DecodeDocument(values.values[at]), row, out);
    }
  }

  // The last change of a property that is known, or when it began.
  Time UpdateTimeOf(uint32_t twin) const {
    const Place place = PlaceOf(twin);
    const TableId table(place.table);
    const PastIndex::Twin* const ended = EndedAt(table, place.row);
    Time last = ended != nullptr ? ended->ended.begin : view_.BeginOf(TwinNumber(twin));
    ForEachProperty(table, place.row, [&](const query::Column&, const Held& held, const Value&) {
      last = std::max(last, Time{held.times[0]});
    });
    return last;
  }

  Value MetadataOf(uint32_t twin) const {
    const Place place = PlaceOf(twin);
    const TableId table(place.table);
    ValueMap metadata;
    metadata.emplace_back("$model", Value::String(catalog_.model(table).id));
    metadata.emplace_back("$lastUpdateTime", Value::OfTime(UpdateTimeOf(twin)));
    ForEachProperty(table, place.row,
                    [&](const query::Column& column, const Held& held, const Value& arrival) {
                      ValueMap times;
                      if (!arrival.is_null()) times.emplace_back("lastUpdateTime", arrival);
                      times.emplace_back("sourceTime", Value::OfTime(Time{held.times[0]}));
                      metadata.emplace_back(column.path, Value::Map(std::move(times)));
                    });
    return Value::Map(std::move(metadata));
  }

  // Calls visit(column, what it held, server time or null) for each property that had a value.
  template <typename Visit>
  void ForEachProperty(TableId table, uint32_t row, Visit visit) const {
    const std::vector<query::Column>& columns = catalog_.model(table).columns;
    for (uint32_t c = 0; c < columns.size(); ++c) {
      if (columns[c].telemetry) continue;
      const Held held = HeldAt(table, ColumnId(c), absl::MakeConstSpan(&row, 1));
      if (held.values.IsNull(0)) continue;
      Value arrival;
      if (held.recorded[0] == 0) {
        arrival = Value::OfTime(CellAt(table, ColumnId(c), row).update_time);
      }
      visit(columns[c], held, arrival);
    }
  }

  // --- Following relationships ---
  // From `at` on, before which twin there is one that the view does not have.
  size_t EndOfPresent(absl::Span<const uint32_t> twins, size_t at) const {
    if (ended_places_.empty()) return twins.size();
    while (at < twins.size() && view_.Exists(TwinNumber(twins[at]))) ++at;
    return at;
  }

  // Adds what twins[first, next) still have, of `present`, and what they had.
  void Merge(absl::Span<const uint32_t> twins, size_t first, size_t next, Direction direction,
             absl::Span<const RelationshipTypeId> types, bool any_type, const Expansion& present,
             Expansion* out) const {
    size_t k = 0;
    const auto add_present = [&](size_t until) {
      for (; k < present.sources.size() && present.sources[k] < until; ++k) {
        if (view_.BeginOf(RelationshipNumber(present.relationships[k])) > at_ ||
            !IsThere(present.targets[k])) {
          continue;
        }
        Add(present.sources[k], present.relationships[k], present.targets[k], out);
      }
    };
    for (size_t i = first; i < next && !ended_links_.empty(); ++i) {
      if (!ended_links_.contains(twins[i])) continue;
      add_present(i);
      const size_t begin = out->sources.size();
      add_present(i + 1);
      AddEnded(twins[i], static_cast<uint32_t>(i), direction, types, any_type, out);
      Sort(twins[i], direction, begin, out);
    }
    add_present(next);
  }

  static void Add(uint32_t source, uint32_t relationship, uint32_t target, Expansion* out) {
    out->sources.push_back(source);
    out->relationships.push_back(relationship);
    out->targets.push_back(target);
  }

  void AddEnded(uint32_t twin, uint32_t source, Direction direction,
                absl::Span<const RelationshipTypeId> types, bool any_type, Expansion* out) const {
    const auto it = ended_links_.find(twin);
    if (it == ended_links_.end()) return;
    if (direction != Direction::kIncoming) {
      for (const PastIndex::Relationship* each : it->second.outgoing) {
        if (!IsOf(each->ended.type.value, types, any_type)) continue;
        Add(source, each->ended.relationship.value, each->ended.target.value, out);
      }
    }
    if (direction == Direction::kOutgoing) return;
    for (const PastIndex::Relationship* each : it->second.incoming) {
      const bool is_loop = each->ended.source == each->ended.target;
      if ((direction == Direction::kEither && is_loop) ||
          !IsOf(each->ended.type.value, types, any_type)) {
        continue;
      }
      Add(source, each->ended.relationship.value, each->ended.source.value, out);
    }
  }

  // In the order of creation, of both directions outgoing ones first, from item `begin` on: all are
  // of one twin.
  void Sort(uint32_t twin, Direction direction, size_t begin, Expansion* out) const {
    const size_t count = out->sources.size() - begin;
    const auto relationships = absl::MakeConstSpan(out->relationships).subspan(begin);
    std::vector<uint32_t> sources;
    std::vector<uint32_t> targets;
    relationships_.Ends(relationships, &sources, &targets);
    struct End {
      bool is_incoming;
      uint32_t relationship, target;
    };
    std::vector<End> items;
    for (size_t i = 0; i < count; ++i) {
      const bool is_incoming = direction == Direction::kEither && sources[i] != twin;
      items.push_back({is_incoming, relationships[i], out->targets[begin + i]});
    }
    std::sort(items.begin(), items.end(), [](const End& a, const End& b) {
      return std::pair(a.is_incoming, a.relationship) < std::pair(b.is_incoming, b.relationship);
    });
    for (size_t i = 0; i < count; ++i) {
      out->relationships[begin + i] = items[i].relationship;
      out->targets[begin + i] = items[i].target;
    }
  }

  const PastSources sources_;
  const graph::GraphView& view_;
  const query::Catalog& catalog_;
  const Time at_;
  const PastRelationships relationships_;
  std::shared_ptr<const timeseries::Snapshot> samples_;
  // Twins that were there and are not, or not in that table: by table, behind the view's rows.
  std::vector<std::vector<const PastIndex::Twin*>> ended_;
  absl::flat_hash_map<uint32_t, Place> ended_places_;
  absl::flat_hash_map<uint32_t, EndedLinks> ended_links_;
  mutable std::atomic<uint64_t> unrecorded_{0};
  mutable Mutex error_mutex_;
  mutable absl::Status error_ ABSL_GUARDED_BY(error_mutex_);
};

}  // namespace

std::unique_ptr<query::GraphReader> NewPastReader(const PastSources& sources, Time at) {
  return std::make_unique<PastReader>(sources, at);
}

}  // namespace twin::engine
