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
  // Frames of a version, the first of them at sequence `first`, decoded into `columns`. Of each
  // column the row with the greatest source time that has a value counts, of equal times the last.
  void Set(const LayoutVersion& version, absl::Span<const int64_t> times,
           absl::Span<const timeseries::ColumnRows> columns, Sequence first, Time time,
           graph::Graph* graph);

 private:
  // Numbers that go to rows of one page of a graph's column.
  struct Item {
    uint32_t row = 0;
    uint32_t column = 0;  // of the layout
  };
  struct Run {
    TableId table;
    ColumnId column;
    uint32_t end = 0;  // of its items
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
    std::vector<Item> items;
    std::vector<Run> runs;
    std::vector<Single> singles;
  };
  // What a column of the layout has.
  struct Latest {
    bool has = false;
    uint32_t row = 0;
    double number = 0;  // where it is of numbers
  };

  const Plan& PlanOf(const LayoutVersion& version, const graph::Graph& graph);
  static void MakePlan(const LayoutVersion& version, const graph::GraphView& head, Plan* plan);
  void FindLatest(absl::Span<const int64_t> times,
                  absl::Span<const timeseries::ColumnRows> columns);
  void SetRun(const Run& run, absl::Span<const Item> items, absl::Span<const int64_t> times,
              Time time, graph::Graph* graph);

  absl::flat_hash_map<const LayoutVersion*, std::unique_ptr<Plan>> plans_;
  // Of the frames that are being set.
  std::vector<Latest> latest_;
  uint32_t newest_ = 0;
  std::vector<uint32_t> rows_;
  std::vector<double> values_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_LATEST_VALUES_H_
