// Filters of subscriptions, and an index over many of them.
#ifndef TWIN_SERVER_EVENTS_FILTER_H_
#define TWIN_SERVER_EVENTS_FILTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/events/condition.h"
#include "server/events/event.h"
#include "server/events/under_set.h"
#include "server/graph/graph.h"
#include "server/ingest/change.h"

namespace twin::events {

// As a client gives it; proto/twingraph/v1/event_service.proto says what it means.
struct FilterSpec {
  std::vector<EventType> types;
  std::vector<std::string> models;
  std::vector<std::string> twins;
  std::string under;
  std::vector<std::string> under_relationships;
  std::vector<std::string> paths;
  std::string condition;
};

// "soh" covers "soh" and "soh.value".
bool Covers(absl::string_view path, absl::string_view changed);

// A filter ready to be asked. Used by one thread at a time: the feed's, or the one that catches up.
class Filter {
 public:
  // INVALID_ARGUMENT: an unknown model or type, too many items, a condition that is wrong. What is
  // under its root is to be loaded.
  static absl::StatusOr<std::unique_ptr<Filter>> Create(FilterSpec spec, Host* host,
                                                        const graph::Catalog& catalog);

  bool Takes(EventType type) const { return (types_ >> static_cast<int>(type) & 1) != 0; }
  // Twins of this table; relationships of such a source.
  bool TakesTable(TableId table, const graph::Catalog& catalog);
  // Neither by id nor by what they are under: all twins of the tables.
  bool is_of_all_twins() const { return twins_.empty() && under_ == nullptr; }
  // It may take changes of any path, and events without one.
  bool takes_any_path() const { return paths_.empty() && condition_paths().empty(); }
  bool TakesPath(absl::string_view changed) const;
  // False: it names other twins.
  bool TakesId(absl::string_view twin_id) const {
    return twins_.empty() || twins_.contains(twin_id);
  }
  // It says nothing of twins: also events of models match.
  bool takes_models() const;

  const std::vector<std::string>& twins() const { return spec_.twins; }
  UnderSet* under() { return under_.get(); }
  Condition* condition() { return condition_.get(); }

  // Everything but the condition. Also whether the state of a twin or relationship matches.
  bool Matches(const Event& event, const graph::Catalog& catalog);

 private:
  explicit Filter(FilterSpec spec) : spec_(std::move(spec)) {}
  const std::vector<std::string>& condition_paths() const;
  bool TakesTwins(const Event& event) const;

  const FilterSpec spec_;
  uint32_t types_ = 0;
  absl::flat_hash_set<std::string> twins_;
  std::vector<std::string> paths_;
  std::unique_ptr<UnderSet> under_;
  std::unique_ptr<Condition> condition_;
  // Which tables it takes, as far as somebody asked; -1: not known yet. A table never changes.
  std::vector<int8_t> tables_;
};

// Many filters: for each event a short list of those that may take it. Built of the answers that
// were needed so far, so that a filter costs nothing where nothing happens. Thread-compatible.
class Interest {
 public:
  explicit Interest(std::vector<Filter*> filters);

  const std::vector<Filter*>& filters() const { return filters_; }
  Filter& filter(uint32_t number) const { return *filters_[number]; }
  // Rises when lists may have changed: what was made of them is to be made again.
  uint64_t generation() const { return generation_; }
  bool follows_relationships() const { return !under_.empty(); }
  bool wants_telemetry() const { return wants_telemetry_; }
  // Changes of twins, relationships and models.
  bool wants_graph() const { return wants_graph_; }
  // False: nobody takes it, whatever the id of its twin is. For events without ids.
  bool MayMatch(const Event& event, const graph::Catalog& catalog);
  // Whether somebody may take samples of that twin, of whatever path.
  bool WatchesTelemetry(TwinNumber twin, absl::string_view twin_id, const graph::TableSchema& table,
                        const graph::Catalog& catalog);

  // Numbers of filters that may take a change of `path` of that twin, ascending; empty path: an
  // event without one. To be confirmed by Filter::Matches.
  void Candidates(EventType type, TwinNumber twin, absl::string_view twin_id, TableId table,
                  absl::string_view path, const graph::Catalog& catalog,
                  std::vector<uint32_t>* filters);
  // All that Filter::Matches an event, ascending; conditions are not asked.
  void Match(const Event& event, const graph::Catalog& catalog, std::vector<uint32_t>* filters);

  // Relationships and twins of a unit come and go: what is under roots follows.
  void Follow(const ingest::Unit& unit, const graph::Catalog& catalog, UnderSet::GetLater later);
  // What conditions read of twins though a change may leave it alone; sorted.
  std::vector<std::string> ContextPaths() const;

 private:
  using Key = std::pair<uint64_t, std::string>;  // type and table; path
  const std::vector<uint32_t>& ListOf(EventType type, TableId table, absl::string_view path,
                                      const graph::Catalog& catalog);

  const std::vector<Filter*> filters_;
  uint64_t generation_ = 0;
  bool wants_telemetry_ = false;
  bool wants_graph_ = false;
  std::vector<uint32_t> of_all_;  // filters that name no twins
  std::vector<int8_t> watched_;   // by table: -1: not known yet
  absl::flat_hash_map<Key, std::vector<uint32_t>> lists_;
  absl::flat_hash_map<std::string, std::vector<uint32_t>> by_id_;
  std::vector<uint32_t> under_;
  absl::flat_hash_map<uint32_t, std::vector<uint32_t>> by_twin_;  // under
  std::vector<uint32_t> found_;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_FILTER_H_
