// Frames and samples as events.
#include <algorithm>

#include "server/base/status_macros.h"
#include "server/events/expander.h"
#include "server/ingest/telemetry_state.h"

namespace twin::events {
namespace {

uint64_t PlanKey(uint32_t layout, uint32_t version) {
  return (static_cast<uint64_t>(layout) << 32) | version;
}

void Deduplicate(std::vector<uint32_t>* numbers) {
  std::sort(numbers->begin(), numbers->end());
  numbers->erase(std::unique(numbers->begin(), numbers->end()), numbers->end());
}

// What keeps the values of a path: its series, and whether that knows all of them.
bool IsRecorded(const graph::ColumnSchema& schema) {
  return schema.telemetry || schema.traits.historized;
}

// A property was set to what it is.
bool IsNoChange(const PathChange& change) {
  return change.has_old && !change.late && change.old_value == change.new_value;
}

// What the event of a sample points into.
struct SampleTexts {
  std::shared_ptr<const graph::Catalog> catalog;
  std::string twin_id;
};

Value ValueOfSample(const ingest::SampleRun::Column& column, size_t row) {
  if (column.kind == timeseries::ColumnKind::kDouble) return Value::Double(column.doubles[row]);
  if (column.kind == timeseries::ColumnKind::kInt) return Value::Int(column.ints[row]);
  Value value;
  absl::string_view encoded = column.values[row];
  if (!Value::Decode(&encoded, &value).ok()) return Value();
  return value;
}

}  // namespace

// --- Frames ---

void Expander::FindLed(const ingest::LayoutVersion& version, Sequence sequence) {
  led_.clear();
  led_ids_.clear();
  led_places_.clear();
  for (const ingest::ColumnTarget target : version.columns.all_targets()) {
    if (led_places_.emplace(target.twin.value, led_.size()).second) {
      led_.emplace_back().twin = target.twin;
    }
  }
  const MutexLock lock(&sources_.graph->mutex);
  const graph::GraphView& head = sources_.graph->graph.head();
  for (Led& led : led_) {
    led.is_present = head.Exists(led.twin) && head.VersionOf(led.twin) <= sequence;
    if (!led.is_present) continue;
    led.table = head.PlaceOf(led.twin).table;
    const absl::string_view id = head.IdOf(led.twin);
    led.id_begin = led_ids_.size();
    led.id_size = id.size();
    led_ids_.append(id.data(), id.size());
  }
}

// Mostly nobody watches what a layout leads to; then nothing is remembered of its twins.
absl::StatusOr<std::vector<Expander::PlanTwin>> Expander::WatchedOf(
    const ingest::LayoutVersion& version, const graph::Catalog& catalog, Sequence sequence) {
  FindLed(version, sequence);
  std::vector<PlanTwin> twins;
  for (uint32_t i = 0; i < led_.size(); ++i) {
    Led& led = led_[i];
    const auto known = twins_.find(led.twin.value);
    const TwinInfo* info = known == twins_.end() ? nullptr : &known->second;
    absl::string_view id = absl::string_view(led_ids_).substr(led.id_begin, led.id_size);
    if (info != nullptr || !led.is_present) {
      TWIN_ASSIGN_OR_RETURN(info, InfoOf(led.twin, sequence));
      if (info == nullptr) continue;
      id = info->id;
      led.table = info->table;
    }
    if (!interest_->WatchesTelemetry(led.twin, id, catalog.table(led.table), catalog)) continue;
    led.watched = static_cast<uint32_t>(twins.size());
    PlanTwin& twin = twins.emplace_back();
    twin.twin = led.twin;
    twin.index = i;
    twin.info = info != nullptr ? *info : TwinInfo{.id = std::string(id), .table = led.table};
    twin.model = catalog.table(led.table).model_id;
  }
  for (uint32_t c = 0; c < version.columns.size() && !twins.empty(); ++c) {
    for (const ingest::ColumnTarget target : version.columns.targets(c)) {
      const uint32_t watched = led_[led_places_.find(target.twin.value)->second].watched;
      if (watched == Led::kNobody) continue;
      PlanColumn& column = twins[watched].columns.emplace_back();
      column.column = c;
      column.path = target.path;
    }
  }
  return twins;
}

absl::StatusOr<std::shared_ptr<Expander::Plan>> Expander::PlanOf(uint32_t layout, uint32_t version,
                                                                 Sequence sequence) {
  std::shared_ptr<Plan>& kept = plans_[PlanKey(layout, version)];
  const uint64_t generation = epoch_ + interest_->generation();
  if (kept != nullptr && kept->generation == generation) return kept;
  auto plan = std::make_shared<Plan>();
  plan->generation = generation;
  {
    ingest::GuardedGraph& guarded = *sources_.graph;
    const MutexLock lock(&guarded.mutex);
    plan->version = guarded.telemetry.FindVersion(layout, version);
    if (plan->version == nullptr) {
      return absl::DataLossError("a frame of a layout that there is not");
    }
    plan->catalog = guarded.graph.head().shared_catalog();
  }
  const graph::Catalog& catalog = *plan->catalog;
  TWIN_ASSIGN_OR_RETURN(std::vector<PlanTwin> twins, WatchedOf(*plan->version, catalog, sequence));
  std::vector<uint32_t> numbers;
  for (PlanTwin& twin : twins) {
    const graph::TableSchema& table = catalog.table(twin.info.table);
    // A frame whose values are all properties is an update.
    bool has_telemetry = false;
    std::erase_if(twin.columns, [&](PlanColumn& column) {
      const graph::ColumnSchema* const schema = table.FindColumn(column.path);
      if (schema == nullptr) return true;
      column.type = schema->type;
      column.is_property = !schema->telemetry;
      has_telemetry = has_telemetry || schema->telemetry;
      return false;
    });
    if (twin.columns.empty()) continue;
    twin.type = has_telemetry ? EventType::kTelemetry : EventType::kTwinUpdated;
    numbers.clear();
    interest_->Candidates(twin.type, twin.twin, twin.info.id, table.id, "", catalog, &numbers);
    for (const PlanColumn& column : twin.columns) {
      interest_->Candidates(twin.type, twin.twin, twin.info.id, table.id, column.path, catalog,
                            &numbers);
    }
    Deduplicate(&numbers);
    for (const uint32_t number : numbers) {
      const Filter& filter = interest_->filter(number);
      const bool may_take =
          filter.TakesId(twin.info.id) &&
          std::any_of(twin.columns.begin(), twin.columns.end(),
                      [&](const PlanColumn& column) { return filter.TakesPath(column.path); });
      if (may_take) twin.filters.push_back(number);
    }
    // All values of a watched twin are followed, so that each knows the one before it.
    for (PlanColumn& column : twin.columns) {
      (void)sources_.history->FindPath(column.path, &column.path_id);
      column.series = last_.Find(twin.twin, column.path_id);
      column.series->is_recorded = IsRecorded(*table.FindColumn(column.path));
      column.series->is_property = column.is_property;
    }
    plan->twins.push_back(std::move(twin));
  }
  kept = std::move(plan);
  return kept;
}

absl::Status Expander::ExpandFrame(const Plan& plan, const std::shared_ptr<const void>& keep,
                                   absl::Span<const timeseries::ColumnRows> columns, size_t row,
                                   Time source_time, Sequence first, Sequence sequence, Time time) {
  for (const PlanTwin& twin : plan.twins) {
    if (twin.info.until <= sequence) continue;
    const auto event = std::make_shared<Event>();
    event->changes.reserve(twin.columns.size());
    for (const PlanColumn& column : twin.columns) {
      Value value = ingest::ValueOf(columns[column.column], row);
      if (value.is_null() || !ingest::ToColumn(column.type, &value)) continue;
      PathChange& change = event->changes.emplace_back();
      change.path = column.path;
      change.new_value = std::move(value);
      change.source_time = source_time;
      TWIN_RETURN_IF_ERROR(last_.Next(twin.twin, column.path_id, column.type, first, sequence,
                                      column.series, &change));
      if (column.is_property && IsNoChange(change)) event->changes.pop_back();
    }
    if (event->changes.empty()) continue;
    event->sequence = sequence;
    event->index = twin.index;
    event->type = twin.type;
    event->time = time;
    event->twin = twin.twin;
    event->table = twin.info.table;
    event->twin_id = twin.info.id;
    event->model_id = twin.model;
    event->keep = keep;
    for (const uint32_t filter : twin.filters) {
      if (interest_->filter(filter).Matches(*event, *plan.catalog)) Give(filter, event);
    }
  }
  return absl::OkStatus();
}

absl::Status Expander::ExpandFrames(const RecordPtr& record) {
  ingest::FramesRecord decoded;
  TWIN_RETURN_IF_ERROR(ingest::DecodeRecord(record->bytes, &decoded));
  uint64_t at = record->first.value;
  for (const ingest::FrameRun& run : decoded.runs) {
    TWIN_ASSIGN_OR_RETURN(const std::shared_ptr<Plan> plan,
                          PlanOf(run.layout, run.version, Sequence(at)));
    if (!plan->twins.empty()) {
      const absl::Span<const timeseries::ColumnRows> columns = decoder_.Decode(
          *plan->version, run.times.size(), run.is_doubles ? absl::string_view() : run.bytes,
          run.is_doubles ? run.bytes : absl::string_view());
      for (size_t row = 0; row < run.times.size(); ++row) {
        TWIN_RETURN_IF_ERROR(ExpandFrame(*plan, plan, columns, row, Time{run.times[row]},
                                         record->first, Sequence(at + row), record->time));
      }
    }
    at += run.times.size();
  }
  return absl::OkStatus();
}

// --- Samples ---

absl::Status Expander::ExpandSamples(const RecordPtr& record) {
  ingest::SamplesRecord decoded;
  TWIN_RETURN_IF_ERROR(ingest::DecodeRecord(record->bytes, &decoded));
  std::shared_ptr<const graph::Catalog> kept;
  {
    const MutexLock lock(&sources_.graph->mutex);
    kept = sources_.graph->graph.head().shared_catalog();
  }
  const graph::Catalog& catalog = *kept;
  uint64_t at = record->first.value;
  std::vector<uint32_t> numbers;
  for (const ingest::SampleRun& run : decoded.runs) {
    for (size_t row = 0; row < run.twins.size(); ++row, ++at) {
      const Sequence sequence(at);
      const TwinNumber twin = run.twins[row];
      TWIN_ASSIGN_OR_RETURN(const TwinInfo* const info, InfoOf(twin, sequence));
      if (info == nullptr || info->until <= sequence) continue;
      const graph::TableSchema& table = catalog.table(info->table);
      if (!interest_->WatchesTelemetry(twin, info->id, table, catalog)) continue;
      bool has_telemetry = false;
      for (const ingest::SampleRun::Column& column : run.columns) {
        const graph::ColumnSchema* const schema = table.FindColumn(column.path);
        has_telemetry = has_telemetry || (schema != nullptr && schema->telemetry);
      }
      const EventType type = has_telemetry ? EventType::kTelemetry : EventType::kTwinUpdated;
      numbers.clear();
      interest_->Candidates(type, twin, info->id, info->table, "", catalog, &numbers);
      for (const ingest::SampleRun::Column& column : run.columns) {
        interest_->Candidates(type, twin, info->id, info->table, column.path, catalog, &numbers);
      }
      Deduplicate(&numbers);
      const auto event = std::make_shared<Event>();
      for (const ingest::SampleRun::Column& column : run.columns) {
        const graph::ColumnSchema* const schema = table.FindColumn(column.path);
        if (schema == nullptr || column.missing[row] != 0) continue;
        Value value = ValueOfSample(column, row);
        if (value.is_null() || !ingest::ToColumn(schema->type, &value)) continue;
        PathChange& change = event->changes.emplace_back();
        change.path = schema->path;
        change.new_value = std::move(value);
        change.source_time = Time{run.times[row]};
        timeseries::PathId path;
        change.has_old = IsRecorded(*schema);
        if (!change.has_old || !sources_.history->FindPath(schema->path, &path)) continue;
        LastValues::Series* const series = last_.Find(twin, path);
        series->is_property = !schema->telemetry;
        TWIN_RETURN_IF_ERROR(
            last_.Next(twin, path, schema->type, record->first, sequence, series, &change));
        if (!schema->telemetry && IsNoChange(change)) event->changes.pop_back();
      }
      if (event->changes.empty()) continue;
      event->sequence = sequence;
      event->type = type;
      event->time = record->time;
      event->twin = twin;
      event->table = info->table;
      event->twin_id = info->id;
      event->model_id = table.model_id;
      bool is_given = false;
      for (const uint32_t number : numbers) {
        if (!interest_->filter(number).Matches(*event, catalog)) continue;
        if (!is_given) {
          // The info may be forgotten before the event is.
          auto texts = std::make_shared<SampleTexts>(SampleTexts{kept, info->id});
          event->twin_id = texts->twin_id;
          event->keep = std::move(texts);
          is_given = true;
        }
        Give(number, event);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace twin::events
