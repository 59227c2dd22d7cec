// What history keeps of properties that are set: each value that replaces another, and before the
// first of them what was there. Internal to server/ingest.
#ifndef TWIN_SERVER_INGEST_PROPERTY_HISTORY_H_
#define TWIN_SERVER_INGEST_PROPERTY_HISTORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/graph/graph.h"
#include "server/ingest/change.h"
#include "server/timeseries/store.h"

namespace twin::ingest {

// How history keeps values of a column of that type.
timeseries::ColumnKind HistoryKindOf(graph::ColumnType type);

// One sample, in the series' group of that kind. `missing`: there was a sample without a value.
void AppendSample(timeseries::Store* history, timeseries::SeriesKey key,
                  timeseries::ColumnKind kind, const Value& value, int64_t time, Sequence sequence,
                  bool missing = false);

// Thread-compatible.
class PropertyHistory {
 public:
  // Before these changes of kSetValue are applied: all of one twin and one source time, by column.
  // Fields of an Object that are set together become a row of one group.
  void BeforeSet(absl::Span<const Change> changes, Sequence sequence, const graph::GraphView& head,
                 timeseries::Store* history);

  // A hint: some of these changes are about to be applied. They may be of any kind, and unsound.
  void LookAhead(absl::Span<const Change> changes, const graph::GraphView& head,
                 timeseries::Store* history);

 private:
  struct Kept {
    const graph::ColumnSchema* schema = nullptr;
    timeseries::PathId path;
    const Change* change = nullptr;
  };
  timeseries::PathId PathOf(const graph::GraphView& head, const graph::TableSchema& table,
                            ColumnId column, timeseries::Store* history);
  // Those of one Object. False: they go one by one.
  bool KeepTogether(absl::Span<const Kept> kept, Sequence sequence, const graph::GraphView& head,
                    timeseries::Store* history);
  void AppendRow(timeseries::GroupId group, int64_t time, Sequence sequence,
                 timeseries::Store* history);
  static void KeepOne(const Kept& kept, Sequence sequence, const graph::GraphView& head,
                      timeseries::Store* history);

  // By table and column, of columns that were asked for.
  std::vector<std::vector<timeseries::PathId>> paths_;
  std::shared_ptr<const graph::Catalog> catalog_;  // that they are of
  std::vector<Kept> kept_;
  // Of a row.
  std::vector<timeseries::SeriesKey> series_;
  std::vector<timeseries::ColumnKind> kinds_;
  std::vector<const Value*> values_;
  std::vector<Value> before_;
  std::vector<timeseries::ColumnRows> columns_;
  std::vector<double> doubles_;
  std::vector<int64_t> ints_;
  std::vector<std::string> bytes_;
  std::vector<absl::string_view> views_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_PROPERTY_HISTORY_H_
