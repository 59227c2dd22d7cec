#include "server/events/expander.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/ingest/layout.h"

namespace twin::events {
namespace {

using Kind = ingest::Change::Kind;

constexpr size_t kTwinsKept = 1'000'000;  // of which ids and models are remembered
constexpr size_t kPlansKept = 200'000;

absl::string_view PathOf(const std::vector<graph::ColumnSchema>& columns, uint32_t column) {
  return column < columns.size() ? columns[column].name() : absl::string_view();
}

// The events of one unit: one for each twin and relationship, whatever it did with it.
class UnitEvents {
 public:
  using Events = std::vector<std::shared_ptr<Event>>;

  UnitEvents(const graph::Catalog& catalog, Sequence sequence, Time time)
      : catalog_(catalog), sequence_(sequence), time_(time) {}

  void AddOfTwin(const ingest::Change& change) {
    Event& event = OfTwin(change);
    const bool is_of_unit = event.type == EventType::kTwinCreated;
    event.table = TableId(change.table);
    switch (change.kind) {
      case Kind::kCreateTwin:
        event.type = EventType::kTwinCreated;
        event.twin_id = change.text;
        break;
      case Kind::kSetValue: {
        const absl::string_view path = PathOf(catalog_.table(event.table).columns, change.column);
        SetValue(change, path, change.source_time, &event);
        break;
      }
      case Kind::kMoveTwin:
        is_moved_ = true;
        if (event.type == EventType::kTwinUpdated && event.old_model.empty()) {
          event.old_model = catalog_.table(TableId(change.before)).model_id;
        }
        break;
      default:  // kDeleteTwin
        event.type = EventType::kTwinDeleted;
        event.twin_id = change.text;
        event.changes.clear();
        event.old_model = {};
        if (is_of_unit) event.twin = kNoTwin;  // nobody ever saw it
        break;
    }
  }

  // `find_ends` names the ends of one that is not of this unit.
  absl::Status AddOfRelationship(const ingest::Change& change,
                                 absl::FunctionRef<absl::Status(Event*)> find_ends) {
    Event& event = OfRelationship(change);
    if (change.kind == Kind::kSetRelationshipValue) {
      if (event.name.empty()) TWIN_RETURN_IF_ERROR(find_ends(&event));
      const auto& columns = catalog_.relationship_type(event.relationship_type).columns;
      SetValue(change, PathOf(columns, change.column), time_, &event);
      return absl::OkStatus();
    }
    if (change.kind == Kind::kDeleteRelationship) {
      if (event.type == EventType::kRelationshipCreated) event.relationship = kNoRelationship;
      event.type = EventType::kRelationshipDeleted;
      event.changes.clear();
    } else {
      event.type = EventType::kRelationshipCreated;
    }
    event.twin = TwinNumber(change.source);
    event.target = TwinNumber(change.target);
    event.relationship_id = change.text;
    event.relationship_type = RelationshipTypeId(change.table);
    event.name = catalog_.relationship_type(event.relationship_type).name;
    return absl::OkStatus();
  }

  void AddOfModel(const ingest::Change& change) {
    Event& event = Add(change.kind == Kind::kCreateModel   ? EventType::kModelCreated
                       : change.kind == Kind::kDeleteModel ? EventType::kModelDeleted
                                                           : EventType::kModelUpdated);
    event.model_id = change.text;
    if (event.type == EventType::kModelUpdated) event.decommissioned = change.flag;
  }

  // Without those that say nothing.
  Events Take() {
    std::erase_if(events_, [](const std::shared_ptr<Event>& event) { return SaysNothing(*event); });
    for (size_t i = 0; i < events_.size(); ++i) events_[i]->index = static_cast<uint32_t>(i);
    return std::move(events_);
  }

 private:
  static bool SaysNothing(const Event& event) {
    if (IsOfModel(event.type)) return false;
    if (IsOfRelationship(event.type)) {
      return event.relationship == kNoRelationship ||
             (event.type == EventType::kRelationshipUpdated && event.changes.empty());
    }
    return event.twin == kNoTwin || (event.type == EventType::kTwinUpdated &&
                                     event.changes.empty() && event.old_model.empty());
  }

  Event& Add(EventType type) {
    Event& event = *events_.emplace_back(std::make_shared<Event>());
    event.sequence = sequence_;
    event.type = type;
    event.time = time_;
    return event;
  }
  Event& OfTwin(const ingest::Change& change) {
    const auto [found, is_new] = of_twin_.emplace(change.number, events_.size());
    if (!is_new) return *events_[found->second];
    Event& event = Add(EventType::kTwinUpdated);
    event.twin = TwinNumber(change.number);
    return event;
  }
  Event& OfRelationship(const ingest::Change& change) {
    const auto [found, is_new] = of_relationship_.emplace(change.number, events_.size());
    if (!is_new) return *events_[found->second];
    Event& event = Add(EventType::kRelationshipUpdated);
    event.relationship = RelationshipNumber(change.number);
    return event;
  }
  void SetValue(const ingest::Change& change, absl::string_view path, Time source_time,
                Event* event) const {
    if (path.empty() || change.old_value == change.new_value) return;
    if (is_moved_) {
      const auto former = std::find_if(event->changes.begin(), event->changes.end(),
                                       [&](const PathChange& each) { return each.path == path; });
      if (former != event->changes.end()) {
        former->new_value = change.new_value;
        former->source_time = source_time;
        if (former->old_value == former->new_value) event->changes.erase(former);
        return;
      }
    }
    PathChange& one = event->changes.emplace_back();
    one.path = path;
    one.old_value = change.old_value;
    one.new_value = change.new_value;
    one.source_time = source_time;
  }

  const graph::Catalog& catalog_;
  const Sequence sequence_;
  const Time time_;
  Events events_;
  absl::flat_hash_map<uint32_t, size_t> of_twin_;
  absl::flat_hash_map<uint32_t, size_t> of_relationship_;
  bool is_moved_ = false;  // then columns of two models may be one path
};

}  // namespace

// What events of one record point into.
struct Expander::Texts {
  RecordPtr record;
  std::shared_ptr<const graph::Catalog> catalog;
  std::deque<std::string> strings;
  std::vector<ingest::Unit> units;

  absl::string_view Add(std::string text) { return strings.emplace_back(std::move(text)); }
};

void Expander::SetInterest(Interest* interest, bool narrower) {
  interest_ = interest;
  ++epoch_;
  plans_.clear();
  if (narrower) last_.Clear();
  later_.NotePaths(interest->ContextPaths());
  given_.clear();
  given_.resize(interest->filters().size());
}

void Expander::Forget() {
  ++epoch_;
  plans_.clear();
  last_.Clear();
  twins_.clear();
}

void Expander::ForgetAll() {
  Forget();
  later_.Clear();
}

void Expander::Enter(const ingest::AppliedRecord& record) {
  if (!(record.first == next_)) ForgetAll();
  next_ = record.first;
  if (last_.size() > static_cast<size_t>(options_.series_max) || twins_.size() > kTwinsKept ||
      plans_.size() > kPlansKept) {
    Forget();
  }
}

absl::Status Expander::Expand(const RecordPtr& record, std::vector<Delivery>* deliveries) {
  if (interest_->filters().empty()) return absl::OkStatus();
  Enter(*record);
  next_ = Sequence(record->last().value + 1);
  absl::Status status;
  if (record->is_graph) {
    status = ExpandGraph(record);
  } else if (interest_->wants_telemetry()) {
    const auto kind = static_cast<ingest::RecordKind>(ingest::KindOf(record->bytes));
    if (kind == ingest::RecordKind::kFrames) status = ExpandFrames(record);
    if (kind == ingest::RecordKind::kSamples) status = ExpandSamples(record);
  }
  last_.EndRecord();
  status.Update(TakeDeliveries(deliveries));
  later_.Pass(record->last());
  return status;
}

void Expander::Give(uint32_t filter, EventPtr event) {
  std::vector<EventPtr>& events = given_[filter];
  if (events.empty()) givers_.push_back(filter);
  events.push_back(std::move(event));
}

absl::Status Expander::TakeDeliveries(std::vector<Delivery>* deliveries) {
  std::vector<const Event*> asked;
  std::vector<uint8_t> matches;
  for (const uint32_t number : givers_) {
    std::vector<EventPtr>& events = given_[number];
    Condition* const condition = interest_->filter(number).condition();
    if (condition != nullptr) {
      asked.clear();
      for (const EventPtr& event : events) asked.push_back(event.get());
      matches.assign(events.size(), 0);
      condition->Match(asked, &context_, &matches);
      size_t kept = 0;
      for (size_t i = 0; i < events.size(); ++i) {
        if (matches[i] != 0) events[kept++] = Matched(std::move(events[i]), matches[i]);
      }
      events.resize(kept);
    }
    if (!events.empty()) deliveries->push_back({number, std::move(events)});
    events.clear();
  }
  givers_.clear();
  return context_.EndRecord();
}

// --- Twins and relationships, also those that are gone ---

absl::StatusOr<bool> Expander::LookUp(TwinNumber twin, Sequence sequence,
                                      LaterChanges::SteadyTime until) {
  if (twins_.contains(twin.value)) return true;
  TwinInfo info;
  bool exists = false;
  Sequence at;  // nothing became of it since
  {
    const MutexLock lock(&sources_.graph->mutex);
    const graph::GraphView& head = sources_.graph->graph.head();
    exists = head.Exists(twin);
    at = exists ? head.VersionOf(twin) : head.sequence();
    if (exists) {
      info.id = std::string(head.IdOf(twin));
      info.table = head.PlaceOf(twin).table;
    }
  }
  if (!exists || sequence < at) {
    TWIN_ASSIGN_OR_RETURN(const bool is_read, later_.Read(sequence, at, until));
    if (!is_read) return false;
  }
  if (!exists) {
    const LaterChanges::GoneTwin* const gone = later_.Find(twin);
    info.until = Sequence(0);  // it was gone before
    if (gone != nullptr) info = {gone->id, gone->table, gone->sequence};
  }
  const LaterChanges::Move* const move = later_.NextMove(twin, sequence);
  if (move != nullptr) info.table = move->before;
  twins_.emplace(twin.value, std::move(info));
  return true;
}

absl::StatusOr<const LaterChanges::GoneRelationship*> Expander::FindGone(
    RelationshipNumber relationship, Sequence sequence, Sequence head) {
  TWIN_RETURN_IF_ERROR(later_.Read(sequence, head).status());
  const LaterChanges::GoneRelationship* const gone = later_.Find(relationship);
  if (gone == nullptr) {
    return absl::InternalError(absl::StrCat("relationship number ", relationship.value,
                                            " at sequence ", sequence.value,
                                            " is neither there nor was it deleted"));
  }
  return gone;
}

absl::Status Expander::ListNumbers(const ingest::AppliedRecord& record,
                                   std::vector<uint32_t>* twins,
                                   std::vector<uint32_t>* relationships) const {
  if (!record.is_graph) {
    const auto kind = static_cast<ingest::RecordKind>(ingest::KindOf(record.bytes));
    if (kind == ingest::RecordKind::kSamples) {
      ingest::SamplesRecord decoded;
      TWIN_RETURN_IF_ERROR(ingest::DecodeRecord(record.bytes, &decoded));
      for (const ingest::SampleRun& run : decoded.runs) {
        for (const TwinNumber twin : run.twins) twins->push_back(twin.value);
      }
      return absl::OkStatus();
    }
    if (kind != ingest::RecordKind::kFrames) return absl::OkStatus();
    ingest::FramesRecord decoded;
    TWIN_RETURN_IF_ERROR(ingest::DecodeRecord(record.bytes, &decoded));
    const MutexLock lock(&sources_.graph->mutex);
    const graph::GraphView& head = sources_.graph->graph.head();
    for (const ingest::FrameRun& run : decoded.runs) {
      const auto version = sources_.graph->telemetry.FindVersion(run.layout, run.version);
      if (version == nullptr) continue;
      // Of those that are as they were then, nothing has to be looked up.
      for (const ingest::ColumnTarget target : version->columns.all_targets()) {
        if (!head.Exists(target.twin) || record.first < head.VersionOf(target.twin)) {
          twins->push_back(target.twin.value);
        }
      }
    }
    return absl::OkStatus();
  }
  std::vector<ingest::Unit> units;
  TWIN_RETURN_IF_ERROR(DecodeGraph(record, &units));
  for (const ingest::Unit& unit : units) {
    for (const ingest::Change& change : unit.changes) {
      switch (change.kind) {
        case Kind::kSetValue:
        case Kind::kMoveTwin:
          twins->push_back(change.number);
          break;
        case Kind::kCreateRelationship:
        case Kind::kDeleteRelationship:
          twins->push_back(change.source);
          twins->push_back(change.target);
          break;
        case Kind::kSetRelationshipValue:
          relationships->push_back(change.number);
          break;
        default:
          break;
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Expander::Prepare(const RecordPtr& record, LaterChanges::SteadyTime until) {
  if (!record->is_graph && !interest_->wants_telemetry()) return true;
  Enter(*record);
  std::vector<uint32_t> twins;
  std::vector<uint32_t> relationships;
  TWIN_RETURN_IF_ERROR(ListNumbers(*record, &twins, &relationships));
  std::vector<uint32_t> gone;
  Sequence at;
  {
    const MutexLock lock(&sources_.graph->mutex);
    const graph::GraphView& head = sources_.graph->graph.head();
    at = head.sequence();
    for (const uint32_t number : relationships) {
      const RelationshipNumber relationship(number);
      if (!head.Exists(relationship)) {
        gone.push_back(number);
        continue;
      }
      const graph::Link link = head.LinkOf(relationship);
      twins.push_back(link.source.value);
      twins.push_back(link.target.value);
    }
  }
  for (const uint32_t number : gone) {
    if (later_.Find(RelationshipNumber(number)) == nullptr) {
      TWIN_ASSIGN_OR_RETURN(const bool is_read, later_.Read(record->first, at, until));
      if (!is_read) return false;
    }
    const LaterChanges::GoneRelationship* const found = later_.Find(RelationshipNumber(number));
    if (found == nullptr) continue;
    twins.push_back(found->source.value);
    twins.push_back(found->target.value);
  }
  for (const uint32_t twin : twins) {
    TWIN_ASSIGN_OR_RETURN(const bool is_known, LookUp(TwinNumber(twin), record->first, until));
    if (!is_known) return false;
  }
  return true;
}

// --- Graph ---

absl::Status Expander::FindEnds(Event* event, Texts* texts) {
  bool exists = false;
  Sequence at;
  {
    const MutexLock lock(&sources_.graph->mutex);
    const graph::GraphView& head = sources_.graph->graph.head();
    at = head.sequence();
    exists = head.Exists(event->relationship);
    if (exists) {
      const graph::Relationship found = head.Get(event->relationship);
      event->relationship_type = found.type;
      event->twin = found.source;
      event->target = found.target;
      event->relationship_id = texts->Add(std::string(found.id));
    }
  }
  if (!exists) {
    TWIN_ASSIGN_OR_RETURN(const LaterChanges::GoneRelationship* const gone,
                          FindGone(event->relationship, event->sequence, at));
    event->relationship_type = gone->type;
    event->twin = gone->source;
    event->target = gone->target;
    event->relationship_id = texts->Add(gone->id);
  }
  event->name = texts->catalog->relationship_type(event->relationship_type).name;
  return absl::OkStatus();
}

absl::StatusOr<Expander::Events> Expander::EventsOf(const ingest::Unit& unit, Sequence sequence,
                                                    Time time, Texts* texts) {
  UnitEvents events(*texts->catalog, sequence, time);
  for (const ingest::Change& change : unit.changes) {
    switch (change.kind) {
      case Kind::kCreateTwin:
      case Kind::kSetValue:
      case Kind::kMoveTwin:
      case Kind::kDeleteTwin:
        events.AddOfTwin(change);
        break;
      case Kind::kCreateRelationship:
      case Kind::kSetRelationshipValue:
      case Kind::kDeleteRelationship:
        TWIN_RETURN_IF_ERROR(
            events.AddOfRelationship(change, [&](Event* event) { return FindEnds(event, texts); }));
        break;
      case Kind::kTouchTwin:
      case Kind::kTouchRelationship:
        break;
      case Kind::kCreateModel:
      case Kind::kSetDecommissioned:
      case Kind::kDeleteModel:
        events.AddOfModel(change);
        break;
    }
  }
  return events.Take();
}

absl::Status Expander::Describe(const Events& events, Texts* texts) {
  const graph::Catalog& catalog = *texts->catalog;
  const auto id_of = [&](TwinNumber twin, Sequence sequence, absl::string_view* id,
                         TableId* table) -> absl::Status {
    TWIN_ASSIGN_OR_RETURN(const TwinInfo* const info, InfoOf(twin, sequence));
    if (info == nullptr) return absl::InternalError("a twin changed that there was no more");
    *id = texts->Add(info->id);
    if (table != nullptr) *table = info->table;
    return absl::OkStatus();
  };
  for (const std::shared_ptr<Event>& event : events) {
    if (IsOfModel(event->type)) continue;
    if (!IsOfRelationship(event->type)) {
      if (event->twin_id.empty()) {
        TWIN_RETURN_IF_ERROR(id_of(event->twin, event->sequence, &event->twin_id, nullptr));
      }
      event->model_id = catalog.table(event->table).model_id;
      continue;
    }
    TWIN_RETURN_IF_ERROR(id_of(event->twin, event->sequence, &event->twin_id, &event->table));
    TWIN_RETURN_IF_ERROR(id_of(event->target, event->sequence, &event->target_id, nullptr));
    event->model_id = catalog.table(event->table).model_id;
  }
  return absl::OkStatus();
}

absl::Status Expander::MatchUnit(const ingest::Unit& unit, Sequence sequence, const Events& events,
                                 const graph::Catalog& catalog) {
  std::vector<std::vector<uint32_t>> matched(events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    interest_->Match(*events[i], catalog, &matched[i]);
  }
  if (interest_->follows_relationships()) {
    // An event matches by what is under a root before it, or after it.
    UnderSet::Later later;
    absl::Status status;
    interest_->Follow(unit, catalog, [&]() -> const UnderSet::Later& {
      if (later.view != nullptr) return later;
      {
        const MutexLock lock(&sources_.graph->mutex);
        later.view = sources_.graph->graph.Pin();
      }
      status = later_.Read(sequence, later.view->sequence()).status();
      later.gone = later_.GoneEdges(sequence);
      return later;
    });
    TWIN_RETURN_IF_ERROR(status);
    for (size_t i = 0; i < events.size(); ++i) {
      interest_->Match(*events[i], catalog, &matched[i]);
      std::sort(matched[i].begin(), matched[i].end());
      matched[i].erase(std::unique(matched[i].begin(), matched[i].end()), matched[i].end());
    }
  }
  for (size_t i = 0; i < events.size(); ++i) {
    for (const uint32_t filter : matched[i]) Give(filter, events[i]);
  }
  return absl::OkStatus();
}

// Samples may set properties, too: then what a property was before is followed like a sample.
void Expander::FollowProperties(const ingest::Unit& unit, const graph::Catalog& catalog) {
  if (last_.size() == 0) return;
  for (const ingest::Change& change : unit.changes) {
    if (change.kind != Kind::kSetValue) continue;
    const std::vector<graph::ColumnSchema>& columns = catalog.table(TableId(change.table)).columns;
    timeseries::PathId path;
    if (change.column < columns.size() && !columns[change.column].telemetry &&
        sources_.history->FindPath(columns[change.column].path, &path)) {
      last_.Set(TwinNumber(change.number), path, change.new_value, change.source_time);
    }
  }
}

absl::Status Expander::ExpandGraph(const RecordPtr& record) {
  auto texts = std::make_shared<Texts>();
  texts->record = record;
  {
    const MutexLock lock(&sources_.graph->mutex);
    texts->catalog = sources_.graph->graph.head().shared_catalog();
  }
  TWIN_RETURN_IF_ERROR(DecodeGraph(*record, &texts->units));
  const uint64_t generation = interest_->generation();
  bool is_moved = false;
  for (size_t i = 0; i < texts->units.size(); ++i) {
    const ingest::Unit& unit = texts->units[i];
    const Sequence sequence(record->first.value + i);
    for (const ingest::Change& change : unit.changes) {
      if (change.kind != Kind::kMoveTwin && change.kind != Kind::kDeleteTwin) continue;
      is_moved = is_moved || change.kind == Kind::kMoveTwin;
      ++epoch_;  // plans of frames
      const auto known = twins_.find(change.number);
      if (known == twins_.end()) continue;
      if (change.kind == Kind::kMoveTwin) known->second.table = TableId(change.table);
      if (change.kind == Kind::kDeleteTwin) known->second.until = sequence;
    }
    FollowProperties(unit, *texts->catalog);
    if (interest_->wants_graph() || interest_->follows_relationships()) {
      TWIN_ASSIGN_OR_RETURN(Events events, EventsOf(unit, sequence, record->time, texts.get()));
      if (!interest_->follows_relationships()) {
        std::erase_if(events, [&](const std::shared_ptr<Event>& event) {
          return !interest_->MayMatch(*event, *texts->catalog);
        });
      }
      TWIN_RETURN_IF_ERROR(Describe(events, texts.get()));
      for (const std::shared_ptr<Event>& event : events) event->keep = texts;
      TWIN_RETURN_IF_ERROR(MatchUnit(unit, sequence, events, *texts->catalog));
    }
  }
  // A twin that is not watched for a while is not followed.
  if (is_moved || interest_->generation() != generation) Forget();
  return absl::OkStatus();
}

}  // namespace twin::events
