#include "server/events/catchup.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "server/base/status_macros.h"
#include "server/ingest/change.h"

namespace twin::events {
namespace {

using Kind = ingest::Change::Kind;

constexpr std::chrono::milliseconds kViewWait{10};
constexpr size_t kStateTwins = 1000;  // read at a time
// Sequences that an expander may have to read ahead at once.
constexpr uint64_t kFar = 4'000;

// What events of a state point into.
struct StateTexts {
  std::shared_ptr<const graph::GraphView> view;
};

}  // namespace

// --- UnderLoader ---

UnderLoader::UnderLoader(const Sources& sources, Sequence next, size_t twins_max, Filter* filter)
    : sources_(sources),
      twins_max_(twins_max),
      under_(filter->under()),
      reader_(sources.log, next) {}

absl::StatusOr<bool> UnderLoader::Load(LaterChanges::SteadyTime until) {
  if (under_ == nullptr) return true;
  if (view_ == nullptr) {
    const MutexLock lock(&sources_.graph->mutex);
    view_ = sources_.graph->graph.Pin();
    first_new_ = view_->next_relationship();
  }
  // Back from the view: what was created since is not there yet, what was deleted is.
  while (reader_.next() <= view_->sequence()) {
    TWIN_ASSIGN_OR_RETURN(const RecordPtr record, reader_.Next());
    if (record == nullptr) {
      sources_.log->WaitBeyond(Sequence(reader_.next().value - 1), kViewWait);  // it was applied
      continue;
    }
    std::vector<ingest::Unit> units;
    if (record->is_graph) TWIN_RETURN_IF_ERROR(DecodeGraph(*record, &units));
    GoBack(*record, units);
    const bool is_over = until != LaterChanges::kNever && std::chrono::steady_clock::now() > until;
    if (is_over && reader_.next() <= view_->sequence()) return false;
  }
  if (!root_.has_value()) root_ = view_->FindTwin(under_->root());
  TWIN_RETURN_IF_ERROR(
      under_->Load(std::move(view_), *root_, first_new_, std::move(gone_), twins_max_));
  return true;
}

void UnderLoader::GoBack(const ingest::AppliedRecord& record,
                         const std::vector<ingest::Unit>& units) {
  const graph::Catalog& catalog = view_->catalog();
  for (size_t i = 0; i < units.size(); ++i) {
    if (view_->sequence() < Sequence(record.first.value + i)) return;
    for (const ingest::Change& change : units[i].changes) {
      const RelationshipNumber number(change.number);
      if (change.kind == Kind::kCreateTwin || change.kind == Kind::kDeleteTwin) {
        if (root_.has_value() || change.text != under_->root()) continue;
        root_ = change.kind == Kind::kDeleteTwin ? TwinNumber(change.number) : kNoTwin;
      } else if (change.kind == Kind::kCreateRelationship) {
        first_new_ = std::min(first_new_, number);
      } else if (change.kind == Kind::kDeleteRelationship && number < first_new_ &&
                 under_->Follows(
                     catalog.relationship_type(RelationshipTypeId(change.table)).name)) {
        gone_[change.source].push_back({number, TwinNumber(change.target)});
      }
    }
  }
}

// --- Catchup ---

Catchup::Catchup(const Sources& sources, const Options& options, std::unique_ptr<Filter> filter,
                 Sequence next)
    : sources_(sources),
      options_(options),
      filter_(std::move(filter)),
      reader_(sources.log, next),
      expander_(sources, options),
      next_(next) {}

absl::StatusOr<bool> Catchup::Prepare(LaterChanges::SteadyTime until) {
  if (is_prepared_) return true;
  if (loader_ == nullptr) {
    loader_ = std::make_unique<UnderLoader>(
        sources_, next_, static_cast<size_t>(options_.under_twins_max), filter_.get());
  }
  TWIN_ASSIGN_OR_RETURN(is_prepared_, loader_->Load(until));
  if (!is_prepared_) return false;
  loader_ = nullptr;
  interest_.emplace(std::vector<Filter*>{filter_.get()});
  expander_.SetInterest(&*interest_, /*narrower=*/false);
  return true;
}

absl::StatusOr<bool> Catchup::ReadRecord(Sequence end, LaterChanges::SteadyTime until,
                                         std::vector<EventPtr>* events) {
  TWIN_ASSIGN_OR_RETURN(const bool is_prepared, Prepare(until));
  if (!is_prepared) return true;
  if (!(next_ < end)) return false;
  if (record_ == nullptr) {
    TWIN_ASSIGN_OR_RETURN(record_, reader_.Next());
    if (record_ == nullptr) return false;
  }
  if (record_->last().value + kFar < sources_.log->applied().value) {
    TWIN_ASSIGN_OR_RETURN(const bool is_known, expander_.Prepare(record_, until));
    if (!is_known) return true;
  }
  const RecordPtr record = std::move(record_);
  record_ = nullptr;
  std::vector<Delivery> deliveries;
  TWIN_RETURN_IF_ERROR(expander_.Expand(record, &deliveries));
  for (Delivery& delivery : deliveries) {
    for (EventPtr& event : delivery.events) {
      // A token may stand inside a record.
      if (next_ <= event->sequence) events->push_back(std::move(event));
    }
  }
  next_ = reader_.next();
  return true;
}

absl::Status Catchup::Follow(Sequence place) {
  TWIN_RETURN_IF_ERROR(Prepare(LaterChanges::kNever).status());
  std::vector<EventPtr> events;  // somebody else delivers them
  while (next_ < place) {
    TWIN_ASSIGN_OR_RETURN(const bool more, ReadRecord(place, LaterChanges::kNever, &events));
    events.clear();
    if (!more) sources_.log->WaitBeyond(Sequence(next_.value - 1), kViewWait);  // it was applied
  }
  return absl::OkStatus();
}

// --- The starting state ---

absl::Status Catchup::ListTwins(const graph::GraphView& view) {
  TWIN_RETURN_IF_ERROR(UnderLoader(sources_, Sequence(view.sequence().value + 1),
                                   static_cast<size_t>(options_.under_twins_max), filter_.get())
                           .Load()
                           .status());
  if (filter_->under() != nullptr) {
    twins_.assign(filter_->under()->twins().begin(), filter_->under()->twins().end());
  } else if (!filter_->twins().empty()) {
    for (const std::string& id : filter_->twins()) {
      const TwinNumber twin = view.FindTwin(id);
      if (!(twin == kNoTwin)) twins_.push_back(twin.value);
    }
  } else {
    for (const auto& table : view.catalog().tables()) {
      if (table->interface == nullptr || !filter_->TakesTable(table->id, view.catalog())) continue;
      for (uint32_t from = 0; from != UINT32_MAX;) {
        for (const TwinNumber twin : view.ListTwins(table->id, from, 10'000, &from)) {
          twins_.push_back(twin.value);
        }
      }
    }
    return absl::OkStatus();
  }
  // A client may name a twin twice.
  std::sort(twins_.begin(), twins_.end());
  twins_.erase(std::unique(twins_.begin(), twins_.end()), twins_.end());
  return absl::OkStatus();
}

void Catchup::AddTwin(const graph::GraphView& view, TwinNumber twin,
                      const std::shared_ptr<const void>& keep, std::vector<EventPtr>* events) {
  if (!view.Exists(twin)) return;
  const graph::TableSchema& table = view.TableOf(twin);
  const auto event = std::make_shared<Event>();
  event->sequence = view.sequence();
  event->index = index_;
  event->type = EventType::kTwinState;
  event->time = view.UpdateTimeOf(twin);
  event->twin = twin;
  event->table = table.id;
  event->twin_id = view.IdOf(twin);
  event->model_id = table.model_id;
  event->keep = keep;
  for (const graph::ColumnSchema& column : table.columns) {
    graph::Cell cell = view.Get(twin, table.IdOf(column));
    if (cell.value.is_null()) continue;
    PathChange& change = event->changes.emplace_back();
    change.path = column.name();
    change.new_value = std::move(cell.value);
    change.source_time = cell.source_time;
  }
  if (!filter_->Matches(*event, view.catalog())) return;
  events->push_back(event);
  ++index_;
}

void Catchup::AddRelationship(const graph::GraphView& view, RelationshipNumber number,
                              const std::shared_ptr<const void>& keep,
                              std::vector<EventPtr>* events) {
  const graph::Relationship found = view.Get(number);
  const graph::RelationshipType& type = view.catalog().relationship_type(found.type);
  const auto event = std::make_shared<Event>();
  event->sequence = view.sequence();
  event->index = index_;
  event->type = EventType::kRelationshipState;
  event->time = view.time();
  event->twin = found.source;
  event->table = view.TableOf(found.source).id;
  event->twin_id = view.IdOf(found.source);
  event->model_id = view.TableOf(found.source).model_id;
  event->relationship = number;
  event->relationship_type = found.type;
  event->target = found.target;
  event->relationship_id = found.id;
  event->name = type.name;
  event->target_id = view.IdOf(found.target);
  event->keep = keep;
  for (uint32_t column = 0; column < type.columns.size(); ++column) {
    Value value = view.GetValue(number, ColumnId(column));
    if (value.is_null()) continue;
    PathChange& change = event->changes.emplace_back();
    change.path = type.columns[column].path;
    change.new_value = std::move(value);
    change.source_time = view.time();
  }
  if (!filter_->Matches(*event, view.catalog())) return;
  events->push_back(event);
  ++index_;
}

void Catchup::AddRelationships(const graph::GraphView& view, TwinNumber twin,
                               const std::shared_ptr<const void>& keep,
                               std::vector<EventPtr>* events) {
  if (!view.Exists(twin)) return;
  for (RelationshipNumber each = view.FirstOutgoing(twin); !(each == kNoRelationship);
       each = view.NextOutgoing(each)) {
    AddRelationship(view, each, keep, events);
  }
  if (filter_->is_of_all_twins()) return;
  // Of the others only those that lead here from elsewhere.
  for (RelationshipNumber each = view.FirstIncoming(twin); !(each == kNoRelationship);
       each = view.NextIncoming(each)) {
    const uint32_t source = view.LinkOf(each).source.value;
    if (!std::binary_search(twins_.begin(), twins_.end(), source)) {
      AddRelationship(view, each, keep, events);
    }
  }
}

absl::Status Catchup::ReadState(std::vector<EventPtr>* events) {
  TWIN_ASSIGN_OR_RETURN(const std::shared_ptr<const graph::GraphView> view, state_->Get());
  if (!is_listed_) {
    TWIN_RETURN_IF_ERROR(ListTwins(*view));
    is_listed_ = true;
  }
  auto texts = std::make_shared<StateTexts>();
  texts->view = view;
  const bool wants_twins = filter_->Takes(EventType::kTwinState);
  const bool wants_relationships = filter_->Takes(EventType::kRelationshipState);
  size_t looked_at = 0;
  for (; at_ < 2 * twins_.size() && (looked_at < kStateTwins || events->empty()); ++at_) {
    ++looked_at;
    const TwinNumber twin(twins_[at_ % twins_.size()]);
    if (at_ < twins_.size()) {
      if (wants_twins) AddTwin(*view, twin, texts, events);
    } else if (wants_relationships) {
      AddRelationships(*view, twin, texts, events);
    }
  }
  if (at_ == 2 * twins_.size()) {
    state_.reset();
    twins_.clear();
  }
  Condition* const condition = filter_->condition();
  if (condition == nullptr || events->empty()) return absl::OkStatus();
  std::vector<const Event*> asked;
  for (const EventPtr& event : *events) asked.push_back(event.get());
  std::vector<uint8_t> matches(events->size());
  condition->Match(asked, /*context=*/nullptr, &matches);
  size_t kept = 0;
  for (size_t i = 0; i < events->size(); ++i) {
    if (matches[i] != 0) (*events)[kept++] = Matched(std::move((*events)[i]), matches[i]);
  }
  events->resize(kept);
  return absl::OkStatus();
}

}  // namespace twin::events
