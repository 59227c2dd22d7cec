// How long history is kept, by model: the options, and what they mean for the twins that there are.
#ifndef TWIN_SERVER_ENGINE_KEPT_FOR_H_
#define TWIN_SERVER_ENGINE_KEPT_FOR_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/graph/graph.h"
#include "server/timeseries/retention.h"

namespace twin::engine {

// No option keeps anything for longer, but for ever: nanoseconds of it do not overflow.
inline constexpr int64_t kKeptSecondsMax = int64_t{200} * 365 * 86'400;

// Thread-safe.
class KeptFor {
 public:
  // `of_models`: texts such as "BatteryCell=samples:90d,rollups:2y,raw:7d". A model is its DTMI or
  // the last part of its name; what extends it is meant, too, unless it has a text of its own. What
  // is not said is as of all others; d, h, m and s are days and so on, w weeks, y 365 days, 0 for
  // ever. INVALID_ARGUMENT: a text is none such.
  static absl::StatusOr<KeptFor> Parse(const timeseries::Retention& common,
                                       const std::vector<std::string>& of_models);

  bool is_by_model() const { return !of_models_.empty(); }
  timeseries::Retention OfModel(const graph::TableSchema& model) const;
  // As long as the column that is kept the longest; twins that there are no more: as long as any.
  timeseries::Retention OfGroup(const timeseries::GroupSpec& group,
                                const graph::GraphView& view) const;
  const timeseries::Retention& longest() const { return longest_; }

 private:
  timeseries::Retention common_;
  timeseries::Retention longest_;
  std::vector<std::pair<std::string, timeseries::Retention>> of_models_;
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_KEPT_FOR_H_
