// The latest values that frames set: where in the graph each column of a layout goes, worked out
// once, and then set a page's rows at a time.
#ifndef TWIN_SERVER_INGEST_LATEST_VALUES_H_
#define TWIN_SERVER_INGEST_LATEST_VALUES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/graph/graph.h"
#include "server/ingest/layout.h"
#include "server/timeseries/samples.h"

namespace twin::ingest {

// Brings a sample's value into the form that the graph's column keeps; false: it cannot have it.
bool ToColumn(graph::ColumnType type, Value* value);

// Thread-compatible: under the writer's lock, as the graph.
class LatestValues {
 public:
  // Frames of a version, the first of them at sequence `first`, decoded into `columns`, and these
  // as runs. Of each column the row with the greatest source time that has a value counts, of equal
  // times the last.
  void Set(const LayoutVersion& version, absl::Span<const int64_t> times,
           absl::Span<const timeseries::ColumnRows> columns,
           absl::Span<const timeseries::ColumnRun> runs, Sequence first, Time time,
           graph::Graph* graph);

 private:
  // Numbers that go to rows of one page of a graph's column.
  struct Run {
    TableId table;
    ColumnId column;
    uint32_t end = 0;      // of its items
    bool in_order = true;  // its columns follow one another
  };
  // What is set one by one: other types, properties, what two columns of the layout set.
  struct Single {
    uint32_t column = 0;  // of the layout
    TwinNumber twin;
    ColumnId to;
    graph::ColumnType type = graph::ColumnType::kDouble;
    bool is_property = false;
  };
  struct Plan {
    uint64_t epoch = 0;  // of the graph's rows
    // Items of runs: a row of the graph, and the column of the layout that goes there.
    std::vector<uint32_t> rows;
    std::vector<uint32_t> columns;
    std::vector<Run> runs;
    std::vector<Single> singles;
  };
  const Plan& PlanOf(const LayoutVersion& version, const graph::Graph& graph);
  static void MakePlan(const LayoutVersion& version, const graph::GraphView& head, Plan* plan);
  void FindLatest(absl::Span<const int64_t> times, absl::Span<const timeseries::ColumnRun> runs);
  void FindPresent(absl::Span<const int64_t> times, const timeseries::ColumnRun& run, size_t at);
  void SetRun(const Run& run, absl::Span<const uint32_t> rows, absl::Span<const uint32_t> columns,
              absl::Span<const int64_t> times, Time time, graph::Graph* graph);

  absl::flat_hash_map<const LayoutVersion*, std::unique_ptr<Plan>> plans_;
  // Of the frames that are being set.
  static constexpr uint32_t kNone = UINT32_MAX;
  std::vector<uint32_t> latest_;  // of each column the row, or kNone
  std::vector<double> numbers_;   // of each column of numbers what the row has
  uint32_t newest_ = 0;           // row
  bool all_newest_ = true;        // it is that of each column
  bool in_order_ = true;          // the rows are, by time
  std::vector<uint32_t> rows_;
  std::vector<double> values_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_LATEST_VALUES_H_
