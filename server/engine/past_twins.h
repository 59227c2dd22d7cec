// Which twins there were at a time in the past, and where they stand. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_PAST_TWINS_H_
#define TWIN_SERVER_ENGINE_PAST_TWINS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "query/execute/readers.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/engine/past_index.h"
#include "server/graph/graph.h"

namespace twin::engine {

// A table has the rows of the view, and behind them those of twins that were there and are not, or
// not in that table. Immutable. Twins and rows that are asked for are there, unless it says else.
class PastTwins {
 public:
  // View and index outlive it. Cost: a look at each twin that has ended.
  PastTwins(const graph::GraphView* view, const PastIndex* index, size_t tables, Time at);

  uint32_t Rows(TableId table) const {
    return view_.Rows(table) + static_cast<uint32_t>(ended_[table.value].size());
  }
  // Appends the twins of rows [first, first + count), as far as there are such rows.
  void Scan(TableId table, uint32_t first, uint32_t count, std::vector<uint32_t>* twins,
            std::vector<query::Place>* places) const;
  TwinNumber Find(absl::string_view id) const;  // kNoTwin: there was none

  // It exists in the view, and did at the time where it stands there.
  bool IsPresent(uint32_t twin) const {
    return view_.Exists(TwinNumber(twin)) && view_.BeginOf(TwinNumber(twin)) <= at_;
  }
  // Any number.
  bool IsThere(uint32_t twin) const {
    return IsPresent(twin) || (!ended_places_.empty() && ended_places_.contains(twin));
  }
  // Whether there are any that the view does not have.
  bool has_ended() const { return !ended_places_.empty(); }

  query::Place PlaceOf(uint32_t twin) const;
  // nullptr: the row is the view's.
  const PastIndex::Twin* EndedAt(TableId table, uint32_t row) const;
  TwinNumber TwinAt(TableId table, uint32_t row) const;
  Time BeginAt(TableId table, uint32_t row) const;  // of this life
  // nullopt: it has changed since, and what it was then is not kept.
  std::optional<Sequence> VersionOf(uint32_t twin, const graph::TableSchema& schema) const;
  // The present cell, or the one at the end.
  graph::Cell CellAt(TableId table, ColumnId column, uint32_t row) const;

 private:
  void FindEndedTwins();
  bool IsHidden(TwinNumber twin,
                const absl::flat_hash_map<uint32_t, const PastIndex::Twin*>& found) const;

  const graph::GraphView& view_;
  const PastIndex& index_;
  const Time at_;
  std::vector<std::vector<const PastIndex::Twin*>> ended_;  // by table, behind the view's rows
  absl::flat_hash_map<uint32_t, query::Place> ended_places_;
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_PAST_TWINS_H_
