// Changes applied to a graph, as they were made or are replayed.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/coding.h"
#include "server/base/status_macros.h"
#include "server/ingest/change.h"
#include "server/ingest/change_coding.h"
#include "server/ingest/creation_run.h"
#include "server/ingest/rows_change.h"
#include "server/ingest/telemetry_state.h"

namespace twin::ingest {
namespace {

using Kind = Change::Kind;

// Whether a stored value has the form that the column takes.
bool Fits(graph::ColumnType type, const Value& value) {
  switch (type) {
    case graph::ColumnType::kBool:
      return value.kind() == Value::Kind::kBool;
    case graph::ColumnType::kInt32:
    case graph::ColumnType::kInt64:
      return value.kind() == Value::Kind::kInt;
    case graph::ColumnType::kFloat:
    case graph::ColumnType::kDouble:
      return value.kind() == Value::Kind::kDouble;
    case graph::ColumnType::kTime:
      return value.kind() == Value::Kind::kTime;
    case graph::ColumnType::kString:
      return value.kind() == Value::Kind::kString;
    case graph::ColumnType::kDocument:
      return true;
  }
  return false;
}

// That the change can be applied: what a whole journal guarantees and a damaged one may not.
bool IsSound(const Change& change, const graph::GraphView& head) {
  const graph::Catalog& catalog = head.catalog();
  const TwinNumber twin(change.number);
  const RelationshipNumber relationship(change.number);
  const auto is_table = [&](uint32_t id) {
    return id < catalog.tables().size() && catalog.table(TableId(id)).interface != nullptr;
  };
  switch (change.kind) {
    case Kind::kCreateTwin:
      return twin == head.next_twin() && is_table(change.table) && !change.text.empty();
    case Kind::kSetValue: {
      if (!head.Exists(twin)) return false;
      const graph::TableSchema& table = head.TableOf(twin);
      return change.table == table.id.value && change.column < table.columns.size() &&
             (change.new_value.is_null() ||
              Fits(table.columns[change.column].type, change.new_value));
    }
    case Kind::kMoveTwin:
      return head.Exists(twin) && is_table(change.table);
    case Kind::kDeleteTwin:
      return head.Exists(twin) && head.OutDegree(twin) == 0 && head.InDegree(twin) == 0;
    case Kind::kTouchTwin:
      return head.Exists(twin);
    case Kind::kCreateRelationship:
      return relationship == head.next_relationship() &&
             change.table < catalog.relationship_types() &&
             head.Exists(TwinNumber(change.source)) && head.Exists(TwinNumber(change.target));
    case Kind::kSetRelationshipValue: {
      if (!head.Exists(relationship)) return false;
      const graph::RelationshipType& type = catalog.relationship_type(head.Get(relationship).type);
      return change.column < type.columns.size() &&
             (change.new_value.is_null() ||
              Fits(type.columns[change.column].type, change.new_value));
    }
    case Kind::kDeleteRelationship:
    case Kind::kTouchRelationship:
      return head.Exists(relationship);
    default:
      return true;
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const graph::Catalog>> ChangeCatalog(const graph::Catalog& before,
                                                                    const Unit& unit, Time time) {
  std::vector<graph::ModelState> states = before.states();
  const auto find = [&](absl::string_view id) -> graph::ModelState* {
    for (graph::ModelState& state : states) {
      if (state.id == id && !state.deleted) return &state;
    }
    return nullptr;
  };
  for (const Change& change : unit.changes) {
    if (change.kind == Kind::kCreateModel) {
      graph::ModelState state;
      state.id = std::string(change.text);
      state.text = std::string(change.model);
      state.upload_time = time;
      state.table = TableId(static_cast<uint32_t>(states.size()));
      states.push_back(std::move(state));
      continue;
    }
    graph::ModelState* state = find(change.text);
    if (state == nullptr) return DamagedChange(absl::StrCat("no model ", change.text));
    if (change.kind == Kind::kSetDecommissioned) {
      state->decommissioned = change.flag;
    } else {
      state->deleted = true;
      state->text.clear();
    }
  }
  return graph::Catalog::Create(std::move(states), &before);
}

namespace {

void NoteTopology(RelationshipNumber relationship, Time time, const graph::GraphView& head,
                  TelemetryState* telemetry) {
  if (telemetry == nullptr) return;
  const graph::Link link = head.LinkOf(relationship);
  telemetry->TopologyChanged(link.source, link.target, time);
}

absl::Status ApplyChange(const Change& change, Sequence sequence, Time time, graph::Graph* graph,
                         TelemetryState* telemetry) {
  const graph::GraphView& head = graph->head();
  if (!IsSound(change, head)) {
    return DamagedChange(absl::StrCat("a change of kind ", static_cast<int>(change.kind), " of ",
                                      change.number, " at sequence ", sequence.value,
                                      " does not fit the state before it"));
  }
  const TwinNumber twin(change.number);
  const RelationshipNumber relationship(change.number);
  switch (change.kind) {
    case Kind::kCreateTwin:
      graph->CreateTwin(twin, change.text, TableId(change.table), sequence, time,
                        change.source_time);
      if (telemetry != nullptr) telemetry->TwinCreated(change.text, change.source_time, head);
      break;
    case Kind::kSetValue:
      graph->SetValue(twin, ColumnId(change.column), change.new_value, time, change.source_time);
      if (!(head.VersionOf(twin) == sequence)) graph->Touch(twin, sequence, time);
      break;
    case Kind::kMoveTwin:
      graph->MoveTwin(twin, TableId(change.table), sequence, time, change.source_time);
      if (telemetry != nullptr) telemetry->TwinMoved(twin, change.source_time, head);
      break;
    case Kind::kDeleteTwin:
      graph->DeleteTwin(twin, change.source_time);
      break;
    case Kind::kTouchTwin:
      graph->Touch(twin, sequence, time);
      break;
    case Kind::kCreateRelationship:
      graph->CreateRelationship(relationship, RelationshipTypeId(change.table),
                                TwinNumber(change.source), TwinNumber(change.target), change.text,
                                sequence, change.source_time);
      NoteTopology(relationship, change.source_time, head, telemetry);
      break;
    case Kind::kSetRelationshipValue:
      graph->SetValue(relationship, ColumnId(change.column), change.new_value, change.source_time);
      NoteTopology(relationship, change.source_time, head, telemetry);
      graph->Touch(relationship, sequence);
      break;
    case Kind::kTouchRelationship:
      graph->Touch(relationship, sequence);
      break;
    case Kind::kDeleteRelationship:
      NoteTopology(relationship, change.source_time, head, telemetry);
      graph->DeleteRelationship(relationship, change.source_time);
      break;
    default:
      return DamagedChange("a change of models among others");
  }
  return absl::OkStatus();
}

// How many changes, from the first on, set properties of one twin at one source time, in the order
// of its columns.
size_t SetTogether(absl::Span<const Change> changes) {
  size_t count = 0;
  while (count < changes.size() && changes[count].kind == Kind::kSetValue &&
         changes[count].number == changes[0].number &&
         changes[count].source_time == changes[0].source_time &&
         (count == 0 || changes[count].column > changes[count - 1].column)) {
    ++count;
  }
  return count;
}

// Before those are set, which fit the state.
void KeepHistory(absl::Span<const Change> together, TableId table, Sequence sequence,
                 const graph::GraphView& head, TelemetryState* telemetry) {
  if (telemetry == nullptr) return;
  const std::vector<graph::ColumnSchema>& columns = head.catalog().table(table).columns;
  const bool any = std::any_of(together.begin(), together.end(), [&](const Change& change) {
    return columns[change.column].traits.historized;
  });
  if (any) telemetry->BeforeSet(together, sequence, head);
}

// Of changes that fit the state: the same as ApplyChange of each, but for the twin's version.
void ApplyTogether(absl::Span<const Change> together, graph::TwinPlace place, Sequence sequence,
                   Time time, graph::Graph* graph, TelemetryState* telemetry) {
  KeepHistory(together, place.table, sequence, graph->head(), telemetry);
  for (const Change& change : together) {
    graph->SetValue(TwinNumber(change.number), place, ColumnId(change.column), change.new_value,
                    time, change.source_time);
  }
}

// The twin that was created last. Its first values, which follow, need no look at what it is.
struct NewTwin {
  bool is_there = false;
  uint32_t number = 0;
  graph::TwinPlace place;

  bool Takes(absl::Span<const Change> together, const graph::GraphView& head) const {
    if (!is_there || together[0].number != number) return false;
    const graph::TableSchema& table = head.catalog().table(place.table);
    return std::all_of(together.begin(), together.end(), [&](const Change& change) {
      return change.table == place.table.value && change.column < table.columns.size() &&
             !change.new_value.is_null() &&
             Fits(table.columns[change.column].type, change.new_value);
    });
  }
  void After(const Change& change, const graph::GraphView& head) {
    is_there = change.kind == Kind::kCreateTwin;
    if (!is_there) return;
    number = change.number;
    place = head.PlaceOf(TwinNumber(number));
  }
};

// Of one unit.
absl::Status ApplyChanges(absl::Span<const Change> changes, Sequence sequence, Time time,
                          graph::Graph* graph, TelemetryState* telemetry) {
  const graph::GraphView& head = graph->head();
  NewTwin made;
  while (!changes.empty()) {
    const size_t set = SetTogether(changes);
    const absl::Span<const Change> together = changes.subspan(0, std::max<size_t>(set, 1));
    changes.remove_prefix(together.size());
    if (set > 0 && made.Takes(together, head)) {
      ApplyTogether(together, made.place, sequence, time, graph, telemetry);
      continue;
    }
    if (set > 0 && std::all_of(together.begin(), together.end(),
                               [&](const Change& change) { return IsSound(change, head); })) {
      KeepHistory(together, head.PlaceOf(TwinNumber(together[0].number)).table, sequence, head,
                  telemetry);
    }
    for (const Change& change : together) {
      TWIN_RETURN_IF_ERROR(ApplyChange(change, sequence, time, graph, telemetry));
    }
    made.After(together.back(), head);
  }
  return absl::OkStatus();
}

// Of changes of one unit, all of kSetValue, that fit the state: the same, as `places` says where.
void ApplySets(absl::Span<const Change> changes, const graph::TwinPlace* places, Sequence sequence,
               Time time, graph::Graph* graph, TelemetryState* telemetry) {
  while (!changes.empty()) {
    const TwinNumber twin(changes[0].number);
    const size_t set = SetTogether(changes);
    ApplyTogether(changes.subspan(0, set), *places, sequence, time, graph, telemetry);
    changes.remove_prefix(set);
    places += set;
    if (changes.empty() || changes[0].number != twin.value) graph->Touch(twin, sequence, time);
  }
}

// Changes that are about to be applied: some of a unit, or those of several.
struct Steps {
  static constexpr size_t kAtOnce = 64;
  struct Part {  // of a unit
    Sequence sequence;
    size_t end = 0;
    bool is_last = false;
  };
  std::vector<Change> changes;  // of a former use beyond `count`, with what they allocated
  std::vector<graph::TwinPlace> places;
  size_t count = 0;
  std::vector<Part> parts;

  void Add(Sequence sequence, bool is_last) {
    if (parts.empty() || !(parts.back().sequence == sequence)) parts.push_back({sequence});
    parts.back().end = ++count;
    parts.back().is_last = is_last;
  }
  // What is set together is applied together.
  bool IsFullBefore(const Change& next) const {
    return count >= kAtOnce && next.number != changes[count - 1].number;
  }
  absl::Span<const Change> all() const { return absl::MakeConstSpan(changes).subspan(0, count); }
  bool FindPlaces(const graph::GraphView& head, TelemetryState* telemetry);
  absl::Status Apply(Time time, graph::Graph* graph, TelemetryState* telemetry);
};

// What the changes look at is on its way from memory afterwards. True: all of them set values of
// twins, and fit the state; then `places` are those of the twins, which none of them moves.
bool Steps::FindPlaces(const graph::GraphView& head, TelemetryState* telemetry) {
  bool all_set = true;
  for (const Change& change : all()) {
    if (change.kind != Kind::kSetValue) {
      all_set = false;
    } else if (change.number < head.next_twin().value) {
      head.FetchTwin(TwinNumber(change.number));
    }
  }
  places.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const Change& change = changes[i];
    if (change.kind != Kind::kSetValue) continue;
    if (!head.FindPlace(TwinNumber(change.number), &places[i]) ||
        places[i].table.value != change.table) {
      all_set = false;
      continue;
    }
    const graph::TableSchema& table = head.catalog().table(places[i].table);
    if (change.column >= table.columns.size()) {
      all_set = false;
      continue;
    }
    all_set = all_set && (change.new_value.is_null() ||
                          Fits(table.columns[change.column].type, change.new_value));
    head.FetchCell(places[i], ColumnId(change.column));
  }
  if (telemetry != nullptr) telemetry->LookAhead(all(), head);
  return all_set;
}

absl::Status Steps::Apply(Time time, graph::Graph* graph, TelemetryState* telemetry) {
  const bool all_set = FindPlaces(graph->head(), telemetry);
  size_t begin = 0;
  for (const Part& part : parts) {
    const absl::Span<const Change> some = all().subspan(begin, part.end - begin);
    if (all_set) {
      ApplySets(some, &places[begin], part.sequence, time, graph, telemetry);
    } else {
      TWIN_RETURN_IF_ERROR(ApplyChanges(some, part.sequence, time, graph, telemetry));
    }
    if (part.is_last) graph->Advance(part.sequence, time);
    begin = part.end;
  }
  count = 0;
  parts.clear();
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyUnit(const Unit& unit, Sequence sequence, Time time, graph::Graph* graph,
                       TelemetryState* telemetry) {
  if (!unit.changes.empty() && IsOfModel(unit.changes.front().kind)) {
    TWIN_ASSIGN_OR_RETURN(std::shared_ptr<const graph::Catalog> catalog,
                          ChangeCatalog(graph->head().catalog(), unit, time));
    graph->SetCatalog(std::move(catalog));
  } else {
    TWIN_RETURN_IF_ERROR(ApplyChanges(unit.changes, sequence, time, graph, telemetry));
  }
  graph->Advance(sequence, time);
  return absl::OkStatus();
}

namespace {

// Takes a unit that is a change of rows off the front of the reader.
absl::Status ApplyRows(ByteReader* reader, bool is_applied, Sequence sequence, Time time,
                       graph::Graph* graph, TelemetryState* telemetry) {
  ByteReader whole = *reader;
  reader->Varint();
  reader->Byte();
  RowsView rows;
  TWIN_RETURN_IF_ERROR(rows.Decode(reader));
  if (is_applied) return absl::OkStatus();
  if (telemetry != nullptr && rows.IsHistorized(graph->head().catalog())) {
    Unit unit;
    TWIN_RETURN_IF_ERROR(DecodeUnit(&whole, time, &unit));
    return ApplyUnit(unit, sequence, time, graph, telemetry);
  }
  TWIN_RETURN_IF_ERROR(rows.Apply(sequence, time, graph));
  graph->Advance(sequence, time);
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyUnits(absl::string_view units, const RecordHeader& header, Sequence first,
                        Sequence applied, graph::Graph* graph, TelemetryState* telemetry) {
  Steps steps;
  const auto apply = [&] { return steps.Apply(header.time, graph, telemetry); };
  CreationRun run(header.time, graph, telemetry);
  const bool may_run = header.units >= CreationRun::kUnitsMin;
  ByteReader reader(units);
  for (uint32_t i = 0; i < header.units; ++i) {
    const Sequence sequence(first.value + i);
    const bool is_applied = sequence <= applied;
    if (may_run && !is_applied && CreationRun::MayBegin(reader.rest())) {
      TWIN_RETURN_IF_ERROR(apply());
      if (run.is_full()) TWIN_RETURN_IF_ERROR(run.Apply());
      if (run.Take(&reader, sequence)) continue;
    }
    TWIN_RETURN_IF_ERROR(run.Apply());
    ByteReader whole = reader;
    const uint64_t changes = reader.Varint(reader.rest().size());
    if (!reader.ok() || (changes > 0 && reader.done())) return DamagedChange("cut short");
    if (changes == 1 && IsOfRows(reader.rest())) {
      TWIN_RETURN_IF_ERROR(apply());
      reader = whole;
      TWIN_RETURN_IF_ERROR(ApplyRows(&reader, is_applied, sequence, header.time, graph, telemetry));
      continue;
    }
    if (changes == 0 || IsOfModel(static_cast<Kind>(reader.rest().front()))) {
      TWIN_RETURN_IF_ERROR(apply());
      Unit unit;
      TWIN_RETURN_IF_ERROR(DecodeUnit(&whole, header.time, &unit));
      reader = whole;
      if (is_applied) continue;
      TWIN_RETURN_IF_ERROR(ApplyUnit(unit, sequence, header.time, graph, telemetry));
      continue;
    }
    uint32_t last = 0;
    for (uint64_t k = 0; k < changes; ++k) {
      // Most records have few.
      if (steps.count == steps.changes.size()) steps.changes.emplace_back();
      TWIN_RETURN_IF_ERROR(DecodeChange(&reader, header.time, &last, &steps.changes[steps.count]));
      if (is_applied) continue;
      if (steps.IsFullBefore(steps.changes[steps.count])) {
        const size_t next = steps.count;
        TWIN_RETURN_IF_ERROR(apply());
        std::swap(steps.changes.front(), steps.changes[next]);
      }
      steps.Add(sequence, /*is_last=*/k + 1 == changes);
    }
  }
  TWIN_RETURN_IF_ERROR(apply());
  TWIN_RETURN_IF_ERROR(run.Apply());
  return reader.done() ? absl::OkStatus() : DamagedChange("there is more of it than it says");
}

}  // namespace twin::ingest
