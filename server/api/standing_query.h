// A query whose result is kept, and brought up to date as the graph changes: what it yields are the
// rows that came, changed and went. Internal to server/api.
//
//   changes since the last time ─▶ twins that they concern ─┬▶ rows of these twins alone, anew
//                                                           └▶ the whole query, and compare
//
// The first is done where a row follows from the twins and relationships that its pattern bound and
// from nothing else (query::WhyWhole).
#ifndef TWIN_SERVER_API_STANDING_QUERY_H_
#define TWIN_SERVER_API_STANDING_QUERY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
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
  const std::string& why_whole() const { return why_whole_; }
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

  StandingQuery(std::shared_ptr<const query::Statement> parsed, Options options)
      : parsed_(std::move(parsed)), options_(std::move(options)) {}

  absl::Status Bind(std::shared_ptr<const query::Catalog> catalog);
  absl::StatusOr<std::unique_ptr<Keyed>> MakeKeyed() const;
  absl::Status Evaluate(Keyed* keyed, query::PlanHolder* plans, const engine::SnapshotReader& graph,
                        const std::function<absl::Status()>& interrupted, Rows* rows) const;
  absl::Status UpdateWhole(const engine::SnapshotReader& graph,
                           const std::function<absl::Status()>& interrupted,
                           std::vector<RowChange>* changes);
  absl::Status UpdateTwins(const engine::SnapshotReader& graph,
                           const absl::flat_hash_set<uint32_t>& twins,
                           const std::function<absl::Status()>& interrupted,
                           std::vector<RowChange>* changes);
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
  std::string why_whole_;
  events::Watched watched_;
  std::unique_ptr<Keyed> whole_;
  // Where only some rows are evaluated: the twins of a row, in the order of its key.
  struct TwinSlot {
    query::SlotId slot = query::kNoSlot;
    std::unique_ptr<Keyed> some;  // its last condition is on the ids of this twin
  };
  std::vector<TwinSlot> twin_slots_;

  bool is_first_ = true;
  Rows rows_;
  uint64_t bytes_ = 0;
  absl::flat_hash_map<uint32_t, absl::flat_hash_set<const std::string*>> by_twin_;  // keys
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_STANDING_QUERY_H_
