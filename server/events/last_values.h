// The last sample of series that somebody watches: where old values of telemetry come from.
#ifndef TWIN_SERVER_EVENTS_LAST_VALUES_H_
#define TWIN_SERVER_EVENTS_LAST_VALUES_H_

#include <memory>

#include "absl/container/node_hash_map.h"
#include "absl/status/statusor.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/events/event.h"
#include "server/events/sources.h"
#include "server/graph/catalog.h"
#include "server/timeseries/store.h"

namespace twin::events {

// The last sample at or before `time`; false: there is none.
absl::StatusOr<bool> ReadLast(const timeseries::Snapshot& snapshot, timeseries::SeriesKey key,
                              graph::ColumnType type, int64_t time, int64_t* sample_time,
                              Value* value);

// Each series is looked up in the history once, as it was before the record that asks for it, and
// kept up to date from then on: whoever holds one must be shown all of its samples, in order.
// Thread-compatible.
class LastValues {
 public:
  struct Series {
    bool is_loaded = false;
    bool is_recorded = true;  // false: nobody knows its former values
    bool is_property = false;
    bool was_lost = false;  // what history has is of before a move that gave it up
    int64_t time = INT64_MIN;
    Value value;
  };

  explicit LastValues(const Sources& sources)
      : history_(*sources.history), graph_(*sources.graph) {}

  // Stays where it is until Clear.
  Series* Find(TwinNumber twin, timeseries::PathId path) {
    return &series_[timeseries::SeriesKey{twin, path}];
  }
  size_t size() const { return series_.size(); }
  void Clear() { series_.clear(); }
  // A property was set, if anybody watches it.
  void Set(TwinNumber twin, timeseries::PathId path, const Value& value, Time source_time);
  // What was read for the record is let go.
  void EndRecord() { snapshot_.reset(); }

  // Fills in the old value of a sample of that series and takes note of the sample, which has that
  // sequence. The record that it is of begins at `first`.
  absl::Status Next(TwinNumber twin, timeseries::PathId path, graph::ColumnType type,
                    Sequence first, Sequence sequence, Series* series, PathChange* change);

 private:
  absl::Status Load(timeseries::SeriesKey key, absl::string_view path, graph::ColumnType type,
                    Sequence first, Series* series);
  // The last sequence before `first` at which the twin was of a model without the path: a move
  // there gives up the latest value. 0: never.
  Sequence LostBefore(TwinNumber twin, absl::string_view path, Sequence first) const;
  // With the first sample of a property history begins: what it was before has that one's sequence.
  absl::Status LoadBaseline(timeseries::SeriesKey key, graph::ColumnType type, Sequence sequence,
                            Time sample, Series* series);

  const timeseries::Store& history_;
  ingest::GuardedGraph& graph_;
  absl::node_hash_map<timeseries::SeriesKey, Series> series_;
  std::shared_ptr<const timeseries::Snapshot> snapshot_;  // of the record that is being expanded
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_LAST_VALUES_H_
