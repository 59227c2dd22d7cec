#include "server/events/filter.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "models/dtdl/diagnostics.h"
#include "models/dtdl/model.h"
#include "server/base/status_macros.h"
#include "server/events/options.h"
#include "server/graph/model_names.h"

namespace twin::events {
namespace {

// Notices are for those who name them.
constexpr uint32_t kAllTypes = (1U << static_cast<int>(EventType::kServerNotice)) - 1;

void SortUnique(std::vector<uint32_t>* numbers) {
  std::sort(numbers->begin(), numbers->end());
  numbers->erase(std::unique(numbers->begin(), numbers->end()), numbers->end());
}

absl::Status CheckCount(absl::string_view what, size_t count) {
  if (count <= static_cast<size_t>(kFilterItemsMax)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("filter: ", count, " ", what, "; at most ", kFilterItemsMax, " may be given"));
}

// INVALID_ARGUMENT: no model has it, and no relationship is called so.
absl::Status CheckPath(const std::string& path, const graph::Catalog& catalog) {
  if (path.empty()) return absl::InvalidArgumentError("filter: a path is empty");
  std::vector<absl::string_view> known;
  for (const std::unique_ptr<graph::TableSchema>& table : catalog.tables()) {
    for (const graph::ColumnSchema& column : table->columns) known.push_back(column.name());
  }
  for (size_t i = 0; i < catalog.relationship_types(); ++i) {
    const graph::RelationshipType& type =
        catalog.relationship_type(RelationshipTypeId(static_cast<uint32_t>(i)));
    known.push_back(type.name);
    for (const graph::ColumnSchema& column : type.columns) known.push_back(column.path);
  }
  const bool is_known = std::any_of(known.begin(), known.end(),
                                    [&](absl::string_view each) { return Covers(path, each); });
  if (is_known) return absl::OkStatus();
  const std::string hint = dtdl::DidYouMean(path, known);
  return absl::InvalidArgumentError(
      absl::StrCat("filter: no model has the path '", path, "'", hint.empty() ? "" : "; ", hint));
}

}  // namespace

bool Covers(absl::string_view path, absl::string_view changed) {
  return absl::StartsWith(changed, path) &&
         (changed.size() == path.size() || changed[path.size()] == '.');
}

EventPtr Matched(EventPtr event, uint8_t match) {
  if (match != kMatchesNow) return event;
  const auto current = std::make_shared<Event>(*event);
  current->is_context_current = true;
  return current;
}

// --- Filter ---

absl::StatusOr<std::unique_ptr<Filter>> Filter::Create(FilterSpec spec, Host* host,
                                                       const graph::Catalog& catalog) {
  TWIN_RETURN_IF_ERROR(CheckCount("types", spec.types.size()));
  TWIN_RETURN_IF_ERROR(CheckCount("models", spec.models.size()));
  TWIN_RETURN_IF_ERROR(CheckCount("twin_ids", spec.twins.size()));
  TWIN_RETURN_IF_ERROR(CheckCount("under_relationships", spec.under_relationships.size()));
  TWIN_RETURN_IF_ERROR(CheckCount("paths", spec.paths.size()));
  if (spec.condition.size() > static_cast<size_t>(kConditionBytesMax)) {
    return absl::InvalidArgumentError(absl::StrCat("filter: a condition of ", spec.condition.size(),
                                                   " bytes; at most ", kConditionBytesMax));
  }
  if (spec.under.empty() && !spec.under_relationships.empty()) {
    return absl::InvalidArgumentError("filter: under_relationships without under");
  }
  for (const std::string& path : spec.paths) TWIN_RETURN_IF_ERROR(CheckPath(path, catalog));
  for (const std::string& model : spec.models) {
    const auto& tables = catalog.tables();
    const bool is_known = std::any_of(tables.begin(), tables.end(), [&](const auto& table) {
      return table->interface != nullptr && dtdl::ModelSet::IsOfModel(*table->interface, model);
    });
    if (!is_known) {
      return absl::InvalidArgumentError(
          absl::StrCat("filter: ", graph::NoModel(catalog, model).message()));
    }
  }
  std::unique_ptr<Filter> filter(new Filter(std::move(spec)));
  const FilterSpec& kept = filter->spec_;
  for (const EventType type : kept.types) filter->types_ |= 1U << static_cast<int>(type);
  if (kept.types.empty()) filter->types_ = kAllTypes;
  // Who wants to hear of changes wants their starting state.
  for (const EventType type : {EventType::kTwinCreated, EventType::kTwinUpdated,
                               EventType::kTwinDeleted, EventType::kTelemetry}) {
    if (filter->Takes(type)) filter->types_ |= 1U << static_cast<int>(EventType::kTwinState);
  }
  for (const EventType type : {EventType::kRelationshipCreated, EventType::kRelationshipUpdated,
                               EventType::kRelationshipDeleted}) {
    if (filter->Takes(type)) {
      filter->types_ |= 1U << static_cast<int>(EventType::kRelationshipState);
    }
  }
  filter->twins_.insert(kept.twins.begin(), kept.twins.end());
  filter->paths_ = kept.paths;
  if (!kept.under.empty()) {
    filter->under_ = std::make_unique<UnderSet>(kept.under, kept.under_relationships);
  }
  if (!kept.condition.empty()) {
    TWIN_ASSIGN_OR_RETURN(filter->condition_, host->Compile(kept.condition, kept.models));
  }
  return filter;
}

const std::vector<std::string>& Filter::condition_paths() const {
  static const auto* const kNone = new std::vector<std::string>;
  return condition_ == nullptr ? *kNone : condition_->paths();
}

bool Filter::TakesTable(TableId table, const graph::Catalog& catalog) {
  if (spec_.models.empty()) return true;
  if (tables_.size() <= table.value) tables_.resize(table.value + 1, -1);
  int8_t& known = tables_[table.value];
  if (known < 0) {
    known = 0;
    if (table.value < catalog.tables().size()) {
      const graph::TableSchema& schema = catalog.table(table);
      for (const std::string& model : spec_.models) {
        const bool is_of = schema.interface != nullptr
                               ? dtdl::ModelSet::IsOfModel(*schema.interface, model)
                               : schema.model_id == model;
        if (is_of) known = 1;
      }
    }
  }
  return known == 1;
}

bool Filter::TakesPath(absl::string_view changed) const {
  if (!paths_.empty() && std::none_of(paths_.begin(), paths_.end(), [&](const std::string& path) {
        return Covers(path, changed);
      })) {
    return false;
  }
  const std::vector<std::string>& named = condition_paths();
  return named.empty() || !paths_.empty() ||
         std::find(named.begin(), named.end(), changed) != named.end();
}

bool Filter::takes_models() const {
  return spec_.models.empty() && is_of_all_twins() && paths_.empty() && condition_ == nullptr;
}

bool Filter::TakesTwins(const Event& event) const {
  const bool is_relationship = IsOfRelationship(event.type);
  if (!TakesId(event.twin_id) && !(is_relationship && TakesId(event.target_id))) return false;
  return under_ == nullptr || under_->Contains(event.twin) ||
         (is_relationship && under_->Contains(event.target));
}

bool Filter::Matches(const Event& event, const graph::Catalog& catalog) {
  if (!Takes(event.type)) return false;
  if (IsOfModel(event.type)) return takes_models();
  if (!TakesTable(event.table, catalog) || !TakesTwins(event)) return false;
  const bool is_relationship = IsOfRelationship(event.type);
  if (!paths_.empty()) {
    const bool is_covered = std::any_of(paths_.begin(), paths_.end(), [&](const std::string& path) {
      return (is_relationship && path == event.name) ||
             std::any_of(event.changes.begin(), event.changes.end(),
                         [&](const PathChange& change) { return Covers(path, change.path); });
    });
    if (!is_covered) return false;
  }
  if (condition_ == nullptr) return true;
  if (is_relationship) return false;
  const std::vector<std::string>& named = condition_paths();
  return named.empty() ||
         std::any_of(event.changes.begin(), event.changes.end(), [&](const PathChange& change) {
           return std::find(named.begin(), named.end(), change.path) != named.end();
         });
}

// --- Interest ---

Interest::Interest(std::vector<Filter*> filters) : filters_(std::move(filters)) {
  for (uint32_t number = 0; number < filters_.size(); ++number) {
    Filter& filter = *filters_[number];
    wants_telemetry_ = wants_telemetry_ || filter.Takes(EventType::kTelemetry) ||
                       filter.Takes(EventType::kTwinUpdated);
    for (int type = 0; type < kEventTypes; ++type) {
      const bool is_of_graph = static_cast<EventType>(type) < EventType::kTwinState &&
                               static_cast<EventType>(type) != EventType::kTelemetry;
      wants_graph_ = wants_graph_ || (is_of_graph && filter.Takes(static_cast<EventType>(type)));
    }
    if (filter.under() != nullptr) under_.push_back(number);
    if (filter.is_of_all_twins()) {
      of_all_.push_back(number);
    } else if (filter.under() == nullptr) {
      for (const std::string& id : filter.twins()) by_id_[id].push_back(number);
    }
  }
  for (auto& [id, numbers] : by_id_) SortUnique(&numbers);
  for (const uint32_t number : under_) {
    for (const uint32_t twin : filters_[number]->under()->twins()) {
      by_twin_[twin].push_back(number);
    }
  }
}

const std::vector<uint32_t>& Interest::ListOf(EventType type, TableId table, absl::string_view path,
                                              const graph::Catalog& catalog) {
  Key key((static_cast<uint64_t>(type) << 32) | table.value, std::string(path));
  const auto found = lists_.find(key);
  if (found != lists_.end()) return found->second;
  std::vector<uint32_t> list;
  for (const uint32_t number : of_all_) {
    Filter& filter = *filters_[number];
    if (!filter.Takes(type) || !filter.TakesTable(table, catalog)) continue;
    // Relationships may match by their name: they are told apart by Matches.
    const bool takes = path.empty() ? filter.takes_any_path() || IsOfRelationship(type)
                                    : !filter.takes_any_path() && filter.TakesPath(path);
    if (takes) list.push_back(number);
  }
  return lists_.emplace(std::move(key), std::move(list)).first->second;
}

bool Interest::WatchesTelemetry(TwinNumber twin, absl::string_view twin_id,
                                const graph::TableSchema& table, const graph::Catalog& catalog) {
  if (watched_.size() <= table.id.value) watched_.resize(table.id.value + 1, -1);
  int8_t& watched = watched_[table.id.value];
  if (watched < 0) {
    const auto takes_samples = [&](uint32_t number) {
      Filter& filter = *filters_[number];
      if (!filter.Takes(EventType::kTelemetry) && !filter.Takes(EventType::kTwinUpdated)) {
        return false;
      }
      return filter.TakesTable(table.id, catalog) &&
             (filter.takes_any_path() || std::any_of(table.columns.begin(), table.columns.end(),
                                                     [&](const graph::ColumnSchema& column) {
                                                       return filter.TakesPath(column.path);
                                                     }));
    };
    watched = std::any_of(of_all_.begin(), of_all_.end(), takes_samples) ? 1 : 0;
  }
  return watched == 1 || (!by_id_.empty() && by_id_.contains(twin_id)) ||
         (!by_twin_.empty() && by_twin_.contains(twin.value));
}

void Interest::Candidates(EventType type, TwinNumber twin, absl::string_view twin_id, TableId table,
                          absl::string_view path, const graph::Catalog& catalog,
                          std::vector<uint32_t>* filters) {
  const std::vector<uint32_t>& list = ListOf(type, table, path, catalog);
  filters->insert(filters->end(), list.begin(), list.end());
  const auto add = [&](const std::vector<uint32_t>& numbers) {
    for (const uint32_t number : numbers) {
      Filter& filter = *filters_[number];
      if (!filter.Takes(type) || !filter.TakesTable(table, catalog)) continue;
      if (path.empty() || filter.TakesPath(path)) filters->push_back(number);
    }
  };
  if (!by_id_.empty()) {
    const auto found = by_id_.find(twin_id);
    if (found != by_id_.end()) add(found->second);
  }
  if (!by_twin_.empty()) {
    const auto found = by_twin_.find(twin.value);
    if (found != by_twin_.end()) add(found->second);
  }
}

bool Interest::MayMatch(const Event& event, const graph::Catalog& catalog) {
  if (!by_id_.empty() || IsOfModel(event.type) || IsOfRelationship(event.type)) return true;
  found_.clear();
  Candidates(event.type, event.twin, "", event.table, "", catalog, &found_);
  for (const PathChange& change : event.changes) {
    if (!found_.empty()) break;
    Candidates(event.type, event.twin, "", event.table, change.path, catalog, &found_);
  }
  return !found_.empty();
}

void Interest::Match(const Event& event, const graph::Catalog& catalog,
                     std::vector<uint32_t>* filters) {
  found_.clear();
  if (IsOfModel(event.type)) {
    found_ = of_all_;
  } else {
    Candidates(event.type, event.twin, event.twin_id, event.table, "", catalog, &found_);
    for (const PathChange& change : event.changes) {
      Candidates(event.type, event.twin, event.twin_id, event.table, change.path, catalog, &found_);
    }
    if (IsOfRelationship(event.type)) {
      Candidates(event.type, event.target, event.target_id, event.table, "", catalog, &found_);
    }
  }
  SortUnique(&found_);
  for (const uint32_t number : found_) {
    if (filters_[number]->Matches(event, catalog)) filters->push_back(number);
  }
}

std::vector<std::string> Interest::ContextPaths() const {
  std::vector<std::string> paths;
  for (Filter* const filter : filters_) {
    if (filter->condition() == nullptr) continue;
    const std::vector<std::string>& more = filter->condition()->context_paths();
    paths.insert(paths.end(), more.begin(), more.end());
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

void Interest::Follow(const ingest::Unit& unit, const graph::Catalog& catalog,
                      UnderSet::GetLater later) {
  using ChangeKind = ingest::Change::Kind;
  std::vector<uint32_t> added;
  std::vector<uint32_t> removed;
  for (const uint32_t number : under_) {
    UnderSet& under = *filters_[number]->under();
    added.clear();
    removed.clear();
    for (const ingest::Change& change : unit.changes) {
      if (change.kind == ChangeKind::kCreateTwin) {
        under.CreateTwin(TwinNumber(change.number), change.text, &added);
      } else if (change.kind == ChangeKind::kDeleteTwin) {
        under.DeleteTwin(TwinNumber(change.number), &removed);
      } else if (change.kind == ChangeKind::kCreateRelationship ||
                 change.kind == ChangeKind::kDeleteRelationship) {
        const RelationshipTypeId type(change.table);
        if (!under.Follows(catalog.relationship_type(type).name)) continue;
        const RelationshipNumber relationship(change.number);
        if (change.kind == ChangeKind::kCreateRelationship) {
          under.Create(relationship, TwinNumber(change.source), TwinNumber(change.target), later,
                       &added);
        } else {
          under.Delete(relationship, TwinNumber(change.source));
        }
      }
    }
    under.EndUnit(&removed);
    if (!added.empty() || !removed.empty()) ++generation_;
    for (const uint32_t twin : removed) {
      const auto found = by_twin_.find(twin);
      if (found == by_twin_.end()) continue;
      std::erase(found->second, number);
      if (found->second.empty()) by_twin_.erase(found);
    }
    for (const uint32_t twin : added) {
      if (under.Contains(TwinNumber(twin))) by_twin_[twin].push_back(number);
    }
  }
}

}  // namespace twin::events
