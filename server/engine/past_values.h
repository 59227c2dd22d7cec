// What columns held at a time in the past. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_PAST_VALUES_H_
#define TWIN_SERVER_ENGINE_PAST_VALUES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "query/execute/vector.h"
#include "server/base/ids.h"
#include "server/base/sync.h"
#include "server/base/time.h"
#include "server/engine/past_sources.h"
#include "server/engine/past_twins.h"
#include "server/timeseries/store.h"

namespace twin::engine {

// What a column held, for the rows that were asked for.
struct PastColumn {
  query::Vector values;
  std::vector<int64_t> times;  // source times, where there is a value: nanoseconds since 1970 UTC
  std::vector<uint8_t> recorded;  // 1: the value is of the history
  std::vector<uint32_t> unknown;  // rows whose value at the time is not known
};

// Thread-safe.
class PastValues {
 public:
  // `sources` and `twins` outlive it.
  PastValues(const PastSources& sources, const PastTwins* twins, Time at);

  // Cost: a look at each present value; of those that have changed since, one in the history.
  PastColumn Read(TableId table, ColumnId column, absl::Span<const uint32_t> rows) const;

  // Why values that are recorded could not be read, the first time; OK: they could.
  absl::Status error() const ABSL_LOCKS_EXCLUDED(error_mutex_);

 private:
  void ReadLast(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                PastColumn* held) const;
  void ReadHistory(TableId table, const query::Column& schema, absl::Span<const uint32_t> rows,
                   const std::vector<uint32_t>& changed, PastColumn* held) const
      ABSL_LOCKS_EXCLUDED(error_mutex_);

  const graph::GraphView& view_;
  const query::Catalog& catalog_;
  const timeseries::Store* const history_;  // nullptr: none is kept
  const PastTwins& twins_;
  const Time at_;
  std::shared_ptr<const timeseries::Snapshot> samples_;
  mutable Mutex error_mutex_;
  mutable absl::Status error_ ABSL_GUARDED_BY(error_mutex_);
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_PAST_VALUES_H_
