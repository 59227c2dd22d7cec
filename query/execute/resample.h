// EVERY and FILL: recorded samples to values at even steps. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_RESAMPLE_H_
#define TWIN_QUERY_EXECUTE_RESAMPLE_H_

#include "query/bind/bound.h"
#include "query/execute/history_window.h"
#include "query/execute/readers.h"

namespace twin::query {

// How far back a step can look for its value: what SeriesRequest::before_max has to be.
int64_t LookBack(BoundHistory::Fill fill, const HistoryWindow& window);

// One row for each multiple of window.every in the window, from 1970 on, of weeks from a Monday on.
// A column's value is its last one at or before the step, not older than max_gap; where there is
// none, `fill` says what stands there instead. Without a fill, steps at which no column has a value
// are left out. LINEAR: on the line between the neighbours of a step, for numbers; NULL without
// both.
SeriesRows Resample(const SeriesRows& samples, const HistoryWindow& window,
                    BoundHistory::Fill fill);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_RESAMPLE_H_
