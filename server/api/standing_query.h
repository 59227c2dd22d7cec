// A query whose result is kept, and brought up to date as the graph changes: what it yields are the
// rows that came, changed and went. Internal to server/api.
//
//   changes since the last time ─▶ twins that they concern ─┬▶ rows of these twins alone, anew
//                                                           ├▶ groups in which they were or are,
//                                                           anew └▶ the whole query, and compare
//
// The first two are done where a row follows from the twins and relationships that its pattern
// bound, or from a group within one twin, and from nothing else (query::WayOf).
#ifndef TWIN_SERVER_API_STANDING_QUERY_H_
#define TWIN_SERVER_API_STANDING_QUERY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "query/bind/bind.h"
#include "query/execute/execute.h"
#include "query/plan/standing.h"
#include "server/engine/graph_reader.h"
#include "server/events/changed_twins.h"

namespace twin::api {

// How the statement would be kept as a standing query: the last line of EXPLAIN.
std::string StandingPlan(const query::BoundStatement& statement);

struct RowChange {
  enum class Kind : uint8_t { kAdded, kChanged, kRemoved };
  Kind kind = Kind::kAdded;
  std::string key;  // of the row: the same from its coming to its going
  std::string row;  // JSON; of kRemoved what it was
};

// Thread-compatible.
class StandingQuery {
 public:
  struct Options {
    query::BindOptions bind;
    std::map<std::string, Value> parameters;
    uint64_t rows_max = 100'000;     // of the result
    uint64_t bytes_max = 64u << 20;  // of its rows
    int64_t memory_bytes_max = 0;    // of one evaluation
    query::TaskPool* pool = nullptr;
  };

  // INVALID_ARGUMENT: it is wrong, or cannot stand.
  static absl::StatusOr<std::unique_ptr<StandingQuery>> Create(
      const std::string& text, Options options, std::shared_ptr<const query::Catalog> catalog);

  const std::vector<query::ResultColumn>& columns() const { return columns_; }
  const std::vector<std::string>& notices() const { return whole_->statement->notices; }
  const std::string& why_whole() const { return way_.why_whole; }
  // Whether the last Update looked at some rows or groups only.
  bool was_partial() const { return was_partial_; }
  // Another one after each change of the models.
  const events::Watched& watched() const { return watched_; }
  size_t rows() const { return rows_.size(); }

  // Evaluates as of `graph`, of which `changed` says what may be other than the last time; the
  // first time everything is added. FAILED_PRECONDITION: the models changed so that it is wrong
  // now. RESOURCE_EXHAUSTED: watch_query_rows_max, watch_query_bytes_max, or what a query may take.
  // After an error it is of no use any more.
  absl::Status Update(const engine::SnapshotReader& graph, const events::ChangedTwins& changed,
                      const std::function<absl::Status()>& interrupted,
                      std::vector<RowChange>* changes);

 private:
  using Rows = absl::node_hash_map<std::string, std::string>;  // JSON by key
  // A statement that yields, behind the columns of the user, what the key is made of: twins first.
  struct Keyed {
    std::shared_ptr<query::BoundStatement> statement;
    bool has_row = false;  // the row itself is part of the key
    query::PlanHolder plans;
  };
  // Of a pattern's twin: a statement whose last condition is on the ids of this twin.
  struct TwinSlot {
    query::SlotId slot = query::kNoSlot;
    std::unique_ptr<Keyed> some;
  };
  using Numbers = absl::flat_hash_set<uint32_t>;  // of twins

  StandingQuery(std::shared_ptr<const query::Statement> parsed, Options options)
      : parsed_(std::move(parsed)), options_(std::move(options)) {}

  absl::Status Bind(std::shared_ptr<const query::Catalog> catalog);
  absl::StatusOr<std::unique_ptr<Keyed>> MakeKeyed() const;
  // Yields what the pattern bound, row by row: the anchor, and all twins.
  absl::StatusOr<std::unique_ptr<Keyed>> MakeMembers() const;
  // The same with a condition on the ids of each twin of the pattern.
  template <typename Make>
  absl::Status AddTwinSlots(Make make, std::vector<TwinSlot>* slots) const;
  query::ExecuteOptions ExecuteOptionsOf(const std::function<absl::Status()>& interrupted,
                                         query::PlanHolder* plans) const;
  absl::Status Evaluate(Keyed* keyed, query::PlanHolder* plans, const engine::SnapshotReader& graph,
                        const std::function<absl::Status()>& interrupted, Rows* rows) const;
  absl::Status UpdateWhole(const engine::SnapshotReader& graph,
                           const std::function<absl::Status()>& interrupted,
                           std::vector<RowChange>* changes);
  absl::Status UpdateTwins(const engine::SnapshotReader& graph, const Numbers& twins,
                           const std::function<absl::Status()>& interrupted,
                           std::vector<RowChange>* changes);
  absl::Status UpdateGroups(const engine::SnapshotReader& graph, const Numbers& twins,
                            const std::function<absl::Status()>& interrupted,
                            std::vector<RowChange>* changes);
  // Rows in which one of the twins stands in that slot.
  absl::Status EvaluateSome(const TwinSlot& twin_slot, const engine::SnapshotReader& graph,
                            const Numbers& twins, const std::function<absl::Status()>& interrupted,
                            Rows* rows);
  // Calls `work` with a statement for some of the twins at a time, until all had their turn: puts
  // their ids into the bound statement of the slot.
  template <typename Work>
  absl::Status ForEachPart(const TwinSlot& twin_slot, const engine::SnapshotReader& graph,
                           const Numbers& twins, Work work);
  // What the rows of such a statement bound is remembered; their anchors are added.
  absl::Status AddMembers(const Keyed& keyed, query::PlanHolder* plans,
                          const engine::SnapshotReader& graph,
                          const std::function<absl::Status()>& interrupted, Numbers* anchors);
  absl::Status ListMembers(const engine::SnapshotReader& graph,
                           const std::function<absl::Status()>& interrupted);
  void ForgetMembers();
  // Keys of rows that begin with one of the twins, or have it in their key.
  std::vector<std::string> KeysOf(const Numbers& twins) const;
  // What there is of `before` (keys) becomes `now`.
  void Replace(std::vector<std::string> before, Rows now, std::vector<RowChange>* changes);
  absl::Status CheckSize(uint64_t rows, uint64_t bytes) const;
  void Put(const std::string& key, std::string json);
  void Remove(const std::string& key);
  // The twins that a key begins with, where rows are evaluated twin by twin.
  template <typename Visit>
  void ForEachTwin(const std::string& key, Visit visit) const;

  const std::shared_ptr<const query::Statement> parsed_;
  const Options options_;
  std::shared_ptr<const query::Catalog> catalog_;
  std::vector<query::ResultColumn> columns_;
  query::StandingWay way_;
  events::Watched watched_;
  std::unique_ptr<Keyed> whole_;
  // Where only some rows are evaluated: the twins of a row, in the order of its key. Of groups: the
  // anchor alone.
  std::vector<TwinSlot> twin_slots_;

  bool is_first_ = true;
  bool was_partial_ = false;
  Rows rows_;
  uint64_t bytes_ = 0;
  absl::flat_hash_map<uint32_t, absl::flat_hash_set<const std::string*>> by_twin_;  // keys

  // Of groups: the anchors of groups in which a twin is or, since they were listed, was.
  std::unique_ptr<Keyed> all_members_;
  std::vector<TwinSlot> member_slots_;
  absl::flat_hash_map<uint32_t, std::vector<uint32_t>> anchors_of_;
  absl::flat_hash_set<std::pair<uint32_t, uint32_t>> members_;  // the same as (twin, anchor)
  bool are_members_known_ = false;
  bool are_members_too_many_ = false;  // then groups are evaluated as a whole
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_STANDING_QUERY_H_
