// What a statement says of itself that is to be evaluated again and again, as the graph changes.
#ifndef TWIN_QUERY_PLAN_STANDING_H_
#define TWIN_QUERY_PLAN_STANDING_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "query/bind/bound.h"

namespace twin::query {

// OK: its result follows from the graph alone, row by row. INVALID_ARGUMENT, with the place where
// there is one: EXPLAIN, NOW(), HISTORY, AS OF, RELATIONSHIPS … HISTORY ALL, OFFSET, LIMIT or TOP
// without ORDER BY. `as_run`: EXPLAIN and PROFILE are left aside.
absl::Status CheckStanding(const BoundStatement& statement, bool as_run = false);

// How the result can be brought up to date.
struct StandingWay {
  enum class Kind : uint8_t {
    kRows,    // a row follows from what its pattern bound: those of twins that changed
    kGroups,  // each row is of a group that is within one twin, `anchor`: those of twins that
              // changed
    kWhole,
  };
  Kind kind = Kind::kRows;
  SlotId anchor = kNoSlot;
  std::string why_whole;  // in words for people
};
StandingWay WayOf(const BoundStatement& statement);

// What the result follows from. Changes of anything else leave it as it is.
struct GraphReads {
  std::vector<TableId> tables;  // whether their twins are there
  bool all_tables = false;
  std::vector<std::pair<TableId, ColumnId>> columns;
  std::vector<TableId> properties;  // tables of which all properties, etags and times are read
  std::vector<RelationshipTypeId> types;
  bool all_types = false;
};
GraphReads ReadsOf(const BoundStatement& statement);

}  // namespace twin::query

#endif  // TWIN_QUERY_PLAN_STANDING_H_
