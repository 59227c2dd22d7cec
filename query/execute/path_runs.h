// Hops that are followed as runs of rows, and what is done with the runs where they stand. Internal
// to query/execute.
#ifndef TWIN_QUERY_EXECUTE_PATH_RUNS_H_
#define TWIN_QUERY_EXECUTE_PATH_RUNS_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "query/execute/aggregate.h"
#include "query/execute/extremes.h"
#include "query/execute/operators.h"
#include "query/execute/page_filter.h"
#include "query/execute/run_context.h"

namespace twin::query {

// The runs of a kExpand step with run_hops, and the conditions of a kFilter behind it where they
// can be checked on pages.
struct PathRuns {
  size_t first_step = 0;  // of the plan: the first hop
  SlotId from = kNoSlot;
  SlotId to = kNoSlot;
  std::vector<std::shared_ptr<const RowRuns>> by_table;  // of the twins that hops start from
  bool filtered = false;                                 // and then, by table of the ends:
  std::vector<std::optional<PageFilter>> filters;
  bool with_gaps = false;  // rows may hold no twin

  // Of the twin there, in the order of Expand.
  absl::Span<const RowRuns::Run> From(const Place& place) const {
    const std::shared_ptr<const RowRuns>& runs = by_table[place.table];
    return runs == nullptr ? absl::Span<const RowRuns::Run>() : runs->From(place.row);
  }
};

// Of the plan's steps that the reader has runs for, into run->path_runs. Before rows flow.
void FindPathRuns(const Plan& plan, RunContext* run);

// In place of the hops, and of the filter if the runs are filtered. `last`: the step whose live
// slots are passed on.
std::unique_ptr<Operator> NewExpandRuns(const Plan& plan, const PathRuns& runs,
                                        const PlanStep& last, RunContext* run, Consumer* next);

// Where the twins of a slot that holds no NULL stand.
absl::Span<const Place> PlacesOf(const GraphReader& graph, const Vector& twins,
                                 std::vector<Place>* storage);

// Whether RunAggregation finds what the plan aggregates in the pages of the graph.
bool ArgumentsAreInPages(const Plan& plan, const GraphReader& graph);

// Aggregates rows of the pages that runs name, for a kAggregate with over_runs.
class RunAggregation {
 public:
  RunAggregation(const Plan& plan, const PathRuns& runs, RunContext* run);

  // The ends that row i of the batch leads to, to group groups[i].
  absl::Status Add(const Batch& batch, absl::Span<const uint32_t> groups,
                   absl::Span<const std::unique_ptr<Aggregator>> aggregators);
  // The twins in these rows, to group 0.
  absl::Status AddRows(const RowRuns::Run& rows,
                       absl::Span<const std::unique_ptr<Aggregator>> aggregators);
  // What `later` was given for its group i was for groups[i].
  void Merge(const RunAggregation& later, absl::Span<const uint32_t> groups);
  // Of the groups below `groups`, those that some end went to: the others do not exist.
  std::vector<uint32_t> FilledOf(size_t groups) const;

 private:
  // A column of the ends, in one of their tables.
  struct Source {
    double factor = 1;
    double offset = 0;
    PageWindow pages;
  };
  struct Argument {
    TypeKind kind = TypeKind::kNull;
    std::vector<std::unique_ptr<Source>> by_table;  // nullptr: it has no such column
    // Aggregates that are about it: of COUNT, MIN and MAX what one twin leads to is put together
    // first, in one pass.
    std::vector<size_t> counts, mins, maxs, others;
    // Of the ends of the twin, or the rows, that are looked at.
    size_t count = 0;
    Extremes<double> doubles = {};
    Extremes<int64_t> ints = {};
  };
  // Rows [first, first + count) of a page.
  struct Slice {
    TableId table;
    uint32_t page;
    uint32_t first;
    uint32_t count;
  };

  // Those of the argument's that the aggregate is one of.
  static std::vector<size_t>& AggregatesLike(const BoundAggregate& aggregate, Argument* argument);
  // Twins that are all there.
  absl::Status AddTwins(const Vector& twins, absl::Span<const uint32_t> groups,
                        absl::Span<const std::unique_ptr<Aggregator>> aggregators);
  absl::Status AddSlice(const Slice& slice, uint32_t group,
                        absl::Span<const std::unique_ptr<Aggregator>> aggregators);
  // Of a page's rows those with a twin; `numbers`: TwinPage.
  void KeepTwins(const uint32_t* numbers, PageBits* bits) const;
  // Puts values to those of the twin that were met before.
  static void Meet(const NumberRun& values, Argument* argument);
  // Hands on what was put together of a twin, and begins the next one.
  absl::Status EndTwin(uint32_t group, absl::Span<const std::unique_ptr<Aggregator>> aggregators);
  // The values of the slice's rows that have one and pass.
  NumberRun ValuesOf(Argument* argument, const Slice& slice, const PageBits* passing);

  const Plan& plan_;
  const PathRuns& runs_;
  RunContext& run_;
  const uint32_t page_rows_;
  std::vector<PageFilter::Windows> windows_;  // by table
  std::vector<Argument> arguments_;
  std::vector<size_t> counts_;   // aggregates that are COUNT()
  size_t rows_ = 0;              // ends of the twin, or rows, that are looked at
  std::vector<uint8_t> filled_;  // by group: an end went to it
  std::vector<Place> places_;
  double doubles_[PageBits::kRowsMax];
  int64_t ints_[PageBits::kRowsMax];
};

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_PATH_RUNS_H_
