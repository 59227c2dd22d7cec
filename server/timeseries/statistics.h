// Statistics of a column as few bytes: each figure as what it adds to the least value.
#ifndef TWIN_SERVER_TIMESERIES_STATISTICS_H_
#define TWIN_SERVER_TIMESERIES_STATISTICS_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "server/base/coding.h"
#include "server/timeseries/block.h"

namespace twin::timeseries {

// Of values of which there is one at least. `constant`: all are the same, bit for bit.
ColumnStatistics StatisticsOf(absl::Span<const int64_t> values, bool* constant);
ColumnStatistics StatisticsOf(absl::Span<const double> values, bool* constant);

// `count` is not among the bytes. Of doubles, `decimals` is to be kept for TakeDoubleStatistics.
void AppendIntStatistics(const ColumnStatistics& statistics, bool constant, std::string* bytes);
void AppendDoubleStatistics(const ColumnStatistics& statistics, bool constant, uint8_t* decimals,
                            std::string* bytes);

// `statistics` has the count. Bytes that are none: the reader has failed.
void TakeIntStatistics(ByteReader* reader, ColumnStatistics* statistics, bool* constant);
void TakeDoubleStatistics(ByteReader* reader, uint8_t decimals, ColumnStatistics* statistics,
                          bool* constant);

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_STATISTICS_H_
