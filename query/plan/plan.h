// A plan: the steps that turn a bound select into rows, in the order in which they run.
//
//   bound select ─▶ LogicalPlan: as written      what EXPLAIN calls logical; runs for tests
//                ─▶ PhysicalPlan: rewritten      cheapest start and direction, conditions early,
//                                                only the slots that are needed later, top-k
#ifndef TWIN_QUERY_PLAN_PLAN_H_
#define TWIN_QUERY_PLAN_PLAN_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "query/bind/bound.h"
#include "query/plan/statistics.h"

namespace twin::query {

enum class StepKind : uint8_t {
  // Sources: the first step of a plan.
  kOne,                // one row of nothing; inside kOptional and EXISTS: the outer row
  kScan,               // twins of tables
  kFind,               // twins by id, or by the value of an indexed column
  kScanRelationships,  // relationships of types
  kSubquery,           // rows of a WITH
  // Row by row.
  kExpand,          // along one relationship
  kExpandVariable,  // along several
  kMakePath,        // of what the edges found
  kFilter,
  kOptional,  // `inner` for each row; NULLs where it finds nothing
  kJoin,      // with the rows of `inner`, which does not depend on the row
  kHistory,   // with samples
  // With all rows at hand.
  kAggregate,
  kWindow,
  kProject,  // from here on, slot i is output i
  kDistinct,
  kSort,
  kLimit,
};

struct Plan;

// A kHistory step that gives its samples summed up, and the kAggregate step that takes them so.
struct HistorySummary {
  int64_t step = 0;                                   // nanoseconds; 0: the window as one
  bool sums = false, extremes = false, ends = false;  // the slots that are there, of the below
  SlotId rows = kNoSlot;                              // how many rows a row stands for
  struct Column {
    SlotId counts = kNoSlot, sums = kNoSlot;
    SlotId mins = kNoSlot, maxs = kNoSlot, firsts = kNoSlot, lasts = kNoSlot;
  };
  std::vector<Column> columns;  // of the clause
  // Of each aggregate of the select the column that it is about; -1: COUNT().
  std::vector<int> of_aggregates;

  std::vector<SlotId> Slots() const;
};

// Only the members of its kind mean something.
struct PlanStep {
  StepKind kind = StepKind::kOne;

  // kScan, kFind, kScanRelationships: what it fills.
  SlotId slot = kNoSlot;
  std::vector<TableId> tables;            // kScan: ascending
  std::vector<RelationshipTypeId> types;  // kScanRelationships
  bool any_type = true;
  bool history_all = false;
  // kFind: values to look for; `property`: the indexed column, nullptr: the id.
  std::vector<BoundPtr> values;
  BoundPtr property;

  int subquery = -1;
  std::vector<SlotId> columns;  // kSubquery: slots that it fills

  // kExpand, kExpandVariable.
  BoundEdge edge;            // edge.slot may be a hidden slot
  bool reversed = false;     // it goes from edge.to to edge.from
  bool to_bound = false;     // the far end is filled already: keeps the rows where it is the same
  SlotId segment = kNoSlot;  // kExpandVariable: fills it with relationship, twin, …
  std::vector<SlotId> different;  // relationships and segments of the same path, not used again
  bool ends_only = false;         // each end once per row: nobody sees the paths

  // kExpand: so many steps, this the last one, lead to ends of which alone something is needed
  // later; they can be followed as runs of rows where the reader has them. 0: step by step.
  int run_hops = 0;

  // kMakePath.
  SlotId path = kNoSlot;
  struct PathEdge {
    SlotId slot = kNoSlot;  // relationship or segment
    bool segment = false;
    bool reversed = false;  // the segment runs from the edge's end to its start
  };
  std::vector<SlotId> path_nodes;
  std::vector<PathEdge> path_edges;

  std::vector<BoundPtr> conditions;  // kFilter; kScan: checked at once

  std::unique_ptr<Plan> inner;       // kOptional, kJoin
  std::vector<SlotId> inner_slots;   // that it fills
  std::vector<BoundPtr> outer_keys;  // kJoin: equal to inner_keys; none: every pair of rows
  std::vector<BoundPtr> inner_keys;

  const BoundHistory* history = nullptr;  // kHistory
  int history_index = -1;
  // Only the sample at the time in this slot, which an earlier kHistory fills; kNoSlot: all.
  SlotId aligned_with = kNoSlot;
  bool with_before = false;  // also the sample before the window, …
  SlotId before = kNoSlot;   // … with the time when it was recorded; NULL in the other rows
  SlotId window_from = kNoSlot, window_to = kNoSlot;  // with_before: bounds that depend on the row
  std::shared_ptr<const HistorySummary> summary;  // kHistory, kAggregate; nullptr: rows as they are
  bool by_ends = false;  // kHistory: its EVERY needs only the first and last samples of steps
  // kHistory: what conditions on one of its columns say, for samples that need not be read.
  struct Bound {
    BoundKind comparison = BoundKind::kEqual;  // of the column with …
    const BoundExpr* value = nullptr;          // … what is the same on every row
  };
  std::vector<Bound> bounds;
  int bounded_column = -1;  // of the clause; none
  bool bounds_for_time =
      false;  // of TIME_WHERE: samples do not go, but matter no more than as such

  // kAggregate: of the select's groups and aggregates. Key i is a twin's id but grouped by the
  // twin.
  std::vector<BoundPtr> keys;
  std::vector<bool> key_is_id;
  std::vector<bool> key_depends;  // follows from the other keys: not compared
  std::vector<bool> key_is_late;  // with key_is_id: stays a twin until kProject
  // Everything is about columns of the twins that the last kExpand, with run_hops, leads to, or
  // without keys about those of the scan right before, so that rows can be aggregated where they
  // stand.
  bool over_runs = false;
  // A twin of the scan, of which every row is another one, is a key.
  bool key_is_scanned = false;

  // kWindow: rows of a partition are of one twin of the scan, so it works row by row, a part of the
  // scan at a time.
  bool within_scan = false;

  std::vector<SlotId> late_ids;  // kProject: slots with twins that stand for their ids

  std::vector<BoundSortKey> sort;  // kSort
  bool sort_limited = false;       // top-k: rows beyond limit + offset are dropped

  double rows = 0;         // estimate of what it passes on
  std::vector<bool> live;  // by slot: needed after this step; empty: all
};

struct Plan {
  const BoundSelect* select = nullptr;
  std::vector<Slot> slots;  // the select's and hidden ones
  std::vector<PlanStep> steps;
  // Inside kOptional and EXISTS: numbers the outer rows, so that what is found can be told apart.
  SlotId ordinal = kNoSlot;
  // How to answer each EXISTS of the expressions in the steps.
  std::map<const BoundExists*, std::unique_ptr<Plan>> exists;
};

struct PlanOptions {
  bool rewrites = true;
};

// The plan of a whole select. The statement must outlive it. Thread-safe. Cost: below 10 µs per
// edge of the pattern.
std::unique_ptr<Plan> MakePlan(const BoundSelect& select, const Catalog& catalog,
                               const Statistics& statistics, const PlanOptions& options = {});

// One step a line, the last one first, what it takes from indented below.
std::string ToString(const Plan& plan, const Catalog& catalog, bool estimates);
std::string StepToString(const Plan& plan, const PlanStep& step, const Catalog& catalog);

}  // namespace twin::query

#endif  // TWIN_QUERY_PLAN_PLAN_H_
