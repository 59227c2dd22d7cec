// GraphReader over ReferenceGraph's data: every answer is a walk over everything.
#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "tests/support/reference_graph.h"

namespace twin::testing {
namespace {

using query::Expansion;
using query::Field;
using query::Place;
using query::TypeKind;
using query::Vector;

class Reader final : public query::GraphReader {
 public:
  Reader(std::shared_ptr<const ReferenceGraph::Data> data, std::optional<Time> at)
      : data_(std::move(data)), at_(at), tables_(catalog().models().size()) {
    for (uint32_t i = 0; i < data_->twins.size(); ++i) {
      for (const query::Model& model : catalog().models()) {
        if (model.id != data_->twins[i].model) continue;
        places_.push_back(
            {model.table.value, static_cast<uint32_t>(tables_[model.table.value].size())});
        tables_[model.table.value].push_back(i);
      }
    }
    for (const ReferenceGraph::Relationship& each : data_->relationships) {
      const Place place = places_[each.source];
      for (const RelationshipTypeId type : catalog().model(TableId(place.table)).relationships) {
        if (catalog().relationship_type(type).name == each.name) types_.push_back(type);
      }
    }
    TWIN_CHECK(places_.size() == data_->twins.size());
    TWIN_CHECK(types_.size() == data_->relationships.size());
  }

  const query::Catalog& catalog() const override { return *data_->catalog; }
  Sequence sequence() const override { return Sequence(data_->sequence); }

  uint64_t Twins(TableId table) const override {
    uint64_t count = 0;
    for (const uint32_t twin : tables_[table.value]) count += IsThere(twin) ? 1 : 0;
    return count;
  }
  uint64_t Relationships(RelationshipTypeId type) const override {
    uint64_t count = 0;
    for (uint32_t i = 0; i < types_.size(); ++i) count += types_[i] == type && IsLinked(i) ? 1 : 0;
    return count;
  }

  uint32_t Rows(TableId table) const override {
    return static_cast<uint32_t>(tables_[table.value].size());
  }
  void Scan(TableId table, uint32_t first, uint32_t count, std::vector<uint32_t>* twins,
            std::vector<Place>* places) const override {
    for (uint32_t row = first; row < Rows(table) && row - first < count; ++row) {
      const uint32_t twin = tables_[table.value][row];
      if (!IsThere(twin)) continue;
      twins->push_back(twin);
      places->push_back({table.value, row});
    }
  }
  TwinNumber Find(absl::string_view id) const override {
    for (uint32_t i = 0; i < data_->twins.size(); ++i) {
      if (data_->twins[i].id == id && IsThere(i)) return TwinNumber(i);
    }
    return kNoTwin;
  }
  std::vector<TwinNumber> FindEqual(TableId table, ColumnId column,
                                    absl::string_view value) const override {
    std::vector<TwinNumber> found;
    for (const uint32_t twin : tables_[table.value]) {
      if (!IsThere(twin)) continue;
      const Held held = ValueOf(twin, catalog().model(table).columns[column.value]);
      if (!held.value.is_null() && held.value.as_string() == value)
        found.push_back(TwinNumber(twin));
    }
    return found;
  }
  void Places(absl::Span<const uint32_t> twins, std::vector<Place>* places) const override {
    places->clear();
    for (const uint32_t twin : twins) places->push_back(places_[twin]);
  }

  void Read(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
            Vector* out) const override {
    const query::Column& schema = catalog().model(table).columns[column.value];
    Fill(schema.type, rows.size(), out, [&](size_t i) {
      const Held held = ValueOf(tables_[table.value][rows[i]], schema);
      if (held.is_unrecorded) ++unrecorded_;
      return held.value;
    });
  }
  void ReadUpdateTimes(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                       bool arrival, Vector* out) const override {
    const query::Column& schema = catalog().model(table).columns[column.value];
    Fill(TypeKind::kTime, rows.size(), out, [&](size_t i) {
      const Held held = ValueOf(tables_[table.value][rows[i]], schema);
      if (held.value.is_null() || (arrival && !held.has_arrival)) return Value();
      return Value::OfTime(arrival ? held.arrival : held.source);
    });
  }
  void ReadField(absl::Span<const uint32_t> twins, Field field, Vector* out) const override {
    const auto each = [&](TypeKind kind, auto value_of) {
      Fill(kind, twins.size(), out, [&](size_t i) { return value_of(twins[i]); });
    };
    const std::vector<ReferenceGraph::Twin>& all = data_->twins;
    switch (field) {
      case Field::kId:
        return each(TypeKind::kString, [&](uint32_t twin) { return Value::String(all[twin].id); });
      case Field::kEtag:
        return each(TypeKind::kString,
                    [&](uint32_t twin) { return Value::String(EtagOf(all[twin].version)); });
      case Field::kModel:
        return each(TypeKind::kString,
                    [&](uint32_t twin) { return Value::String(all[twin].model); });
      case Field::kLastUpdateTime:
        return each(TypeKind::kTime,
                    [&](uint32_t twin) { return Value::OfTime(UpdateTimeOf(twin)); });
      case Field::kMetadata:
        return each(TypeKind::kValue, [&](uint32_t twin) { return MetadataOf(twin); });
      default:
        return each(TypeKind::kNull, [](uint32_t) { return Value(); });
    }
  }

  size_t Expand(absl::Span<const uint32_t> twins, size_t first, Direction direction,
                absl::Span<const RelationshipTypeId> types, bool any_type, size_t max,
                Expansion* out) const override {
    out->clear();
    for (size_t i = first; i < twins.size(); ++i) {
      const auto add = [&](uint32_t relationship, uint32_t end) {
        out->sources.push_back(static_cast<uint32_t>(i));
        out->relationships.push_back(relationship);
        out->targets.push_back(end);
      };
      for (uint32_t r = 0; r < types_.size() && direction != Direction::kIncoming; ++r) {
        const ReferenceGraph::Relationship& each = data_->relationships[r];
        if (each.source == twins[i] && IsLinked(r) && IsOf(r, types, any_type)) add(r, each.target);
      }
      for (uint32_t r = 0; r < types_.size() && direction != Direction::kOutgoing; ++r) {
        const ReferenceGraph::Relationship& each = data_->relationships[r];
        if (direction == Direction::kEither && each.source == each.target) continue;
        if (each.target == twins[i] && IsLinked(r) && IsOf(r, types, any_type)) add(r, each.source);
      }
      if (out->sources.size() >= max) return i + 1;
    }
    return twins.size();
  }
  uint64_t CountExpand(absl::Span<const uint32_t> twins, Direction direction,
                       absl::Span<const RelationshipTypeId> types, bool any_type) const override {
    Expansion all;
    Expand(twins, 0, direction, types, any_type, SIZE_MAX, &all);
    return all.sources.size();
  }
  uint32_t relationship_numbers() const override { return static_cast<uint32_t>(types_.size()); }
  absl::Status ScanRelationships(uint32_t first, uint32_t count,
                                 absl::Span<const RelationshipTypeId> types, bool any_type,
                                 bool history_all,
                                 std::vector<uint32_t>* relationships) const override {
    for (uint32_t r = first; r < types_.size() && r - first < count; ++r) {
      const bool begun = !at_.has_value() || data_->relationships[r].life.begin <= *at_;
      if (IsOf(r, types, any_type) && (IsLinked(r) || (history_all && begun))) {
        relationships->push_back(r);
      }
    }
    return absl::OkStatus();
  }
  void RelationshipTypes(absl::Span<const uint32_t> relationships,
                         std::vector<uint32_t>* types) const override {
    types->clear();
    for (const uint32_t r : relationships) types->push_back(types_[r].value);
  }
  void ReadRelationship(RelationshipTypeId type, ColumnId column,
                        absl::Span<const uint32_t> relationships, Vector* out) const override {
    const query::Column& schema = catalog().relationship_type(type).columns[column.value];
    Fill(schema.type, relationships.size(), out, [&](size_t i) {
      const ReferenceGraph::Relationship& each = data_->relationships[relationships[i]];
      const auto it = each.values.find(schema.path);
      return it == each.values.end() ? Value() : LastOf(it->second, at_, false).value;
    });
  }
  void ReadRelationshipField(absl::Span<const uint32_t> relationships, Field field,
                             Vector* out) const override {
    const auto each = [&](TypeKind kind, auto value_of) {
      Fill(kind, relationships.size(), out,
           [&](size_t i) { return value_of(data_->relationships[relationships[i]]); });
    };
    using Relationship = ReferenceGraph::Relationship;
    const auto text = [&](auto text_of) {
      each(TypeKind::kString, [&](const Relationship& r) { return Value::String(text_of(r)); });
    };
    const std::vector<ReferenceGraph::Twin>& twins = data_->twins;
    switch (field) {
      case Field::kId:
        return text([](const Relationship& r) { return r.id; });
      case Field::kEtag:
        return text([](const Relationship& r) { return EtagOf(r.version); });
      case Field::kSourceId:
        return text([&](const Relationship& r) { return twins[r.source].id; });
      case Field::kTargetId:
        return text([&](const Relationship& r) { return twins[r.target].id; });
      case Field::kName:
        return text([](const Relationship& r) { return r.name; });
      case Field::kValidFrom:
        return each(TypeKind::kTime,
                    [](const Relationship& r) { return Value::OfTime(r.life.begin); });
      case Field::kValidTo:
        return each(TypeKind::kTime, [](const Relationship& r) {
          return r.life.end.has_value() ? Value::OfTime(*r.life.end) : Value();
        });
      default:
        return each(TypeKind::kNull, [](const Relationship&) { return Value(); });
    }
  }

  absl::StatusOr<std::unique_ptr<GraphReader>> AsOf(Time time) const override {
    if (time < data_->history_begin) {
      return absl::OutOfRangeError(absl::StrCat("AS OF ", FormatTime(time),
                                                ": history is kept since ",
                                                FormatTime(data_->history_begin)));
    }
    return NewReferenceReader(data_, time);
  }
  uint64_t unrecorded() const override { return unrecorded_; }

 private:
  // A value, and when it came.
  struct Held {
    Value value;
    Time source;
    Time arrival;
    bool is_unrecorded = false;
    bool has_arrival = true;  // of a value that has changed since, nobody kept it
  };

  static std::string EtagOf(uint64_t version) {
    return absl::StrCat("W/\"", absl::Hex(version), "\"");
  }

  template <typename ValueAt>
  static void Fill(TypeKind kind, size_t rows, Vector* out, ValueAt value_at) {
    out->Reset(kind, rows);
    for (size_t i = 0; i < rows; ++i) {
      const Value value = value_at(i);
      if (value.is_null()) {
        out->SetNull(i);
      } else {
        out->Set(i, value);
      }
    }
  }

  // The last change, at `at` or before; `skip_nulls`: the last that has a value.
  static Held LastOf(const ReferenceGraph::History& history, const std::optional<Time>& at,
                     bool skip_nulls) {
    Held held;
    for (const auto& [time, change] : history) {
      if (at.has_value() && time > at->ns) continue;
      if (skip_nulls && change.value.is_null()) continue;
      held = {change.value, Time{time}, change.arrival};
    }
    return held;
  }

  Held ValueOf(uint32_t twin, const query::Column& column) const {
    const auto it = data_->twins[twin].values.find(column.path);
    if (it == data_->twins[twin].values.end()) return {};
    const Held now = LastOf(it->second, std::nullopt, column.telemetry);
    if (column.telemetry || column.historized || !at_.has_value()) {
      Held then = LastOf(it->second, at_, /*skip_nulls=*/column.telemetry);
      then.has_arrival = now.source == then.source;
      return then;
    }
    if (now.source <= *at_) return now;
    Held unknown;
    unknown.is_unrecorded = true;
    return unknown;
  }

  Time UpdateTimeOf(uint32_t twin) const {
    const ReferenceGraph::Twin& found = data_->twins[twin];
    if (!at_.has_value()) return found.update_time;
    Time last = found.life.begin;
    for (const auto& [path, history] : found.values) {
      const query::Column* const column = catalog().model(TableId(places_[twin].table)).Find(path);
      if (column == nullptr || column->telemetry) continue;
      for (const auto& [time, change] : history) {
        if (time <= at_->ns && last < Time{time}) last = Time{time};
      }
    }
    return last;
  }

  Value MetadataOf(uint32_t twin) const {
    ValueMap metadata;
    metadata.emplace_back("$model", Value::String(data_->twins[twin].model));
    metadata.emplace_back("$lastUpdateTime", Value::OfTime(UpdateTimeOf(twin)));
    for (const query::Column& column : catalog().model(TableId(places_[twin].table)).columns) {
      if (column.telemetry) continue;
      const Held held = ValueOf(twin, column);
      if (held.value.is_null()) continue;
      ValueMap times;
      if (held.has_arrival) times.emplace_back("lastUpdateTime", Value::OfTime(held.arrival));
      times.emplace_back("sourceTime", Value::OfTime(held.source));
      metadata.emplace_back(column.path, Value::Map(std::move(times)));
    }
    return Value::Map(std::move(metadata));
  }

  bool IsThere(uint32_t twin) const { return data_->twins[twin].life.At(at_); }
  bool IsLinked(uint32_t relationship) const {
    return data_->relationships[relationship].life.At(at_);
  }
  bool IsOf(uint32_t relationship, absl::Span<const RelationshipTypeId> types, bool any) const {
    return any || std::find(types.begin(), types.end(), types_[relationship]) != types.end();
  }

  const std::shared_ptr<const ReferenceGraph::Data> data_;
  const std::optional<Time> at_;
  std::vector<std::vector<uint32_t>> tables_;  // by table: twins in the order of their rows
  std::vector<Place> places_;                  // by twin
  std::vector<RelationshipTypeId> types_;      // by relationship
  mutable std::atomic<uint64_t> unrecorded_{0};
};

}  // namespace

std::unique_ptr<query::GraphReader> NewReferenceReader(
    std::shared_ptr<const ReferenceGraph::Data> data, std::optional<Time> at) {
  return std::make_unique<Reader>(std::move(data), at);
}

}  // namespace twin::testing
