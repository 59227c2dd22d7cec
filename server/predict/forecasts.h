// Every forecast with the time it was made, of champions and shadows: documents of columns, a few
// for each batch of a run, the oldest dropped when a predictor has too many rows.
#ifndef TWIN_SERVER_PREDICT_FORECASTS_H_
#define TWIN_SERVER_PREDICT_FORECASTS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/sync.h"
#include "server/base/time.h"
#include "server/predict/predictor.h"
#include "server/storage/documents.h"

namespace twin::predict {

// Estimates of one path from one batch; lists have an item a twin.
struct ForecastBlock {
  uint64_t run = 0;
  uint64_t batch = 0;
  std::string path;
  Time made, as_of;
  double level = 0;
  std::string method;
  std::string model_version;
  bool is_shadow = false;
  std::vector<std::string> twins;
  std::vector<double> values, lo, hi;
  std::vector<EstimateStatus> statuses;
  std::vector<int64_t> valid_until_ns;  // empty: none has an end
};

struct Forecast {
  std::string predictor;
  std::string path;
  Time made, as_of;
  double value = 0, lo = 0, hi = 0, level = 0;
  EstimateStatus status = EstimateStatus::kOk;
  std::string method;
  std::string model_version;
  bool is_shadow = false;
};

// Thread-safe. Keeps in memory only which documents there are.
class Forecasts {
 public:
  Forecasts(storage::Documents* documents, int64_t rows_max)
      : documents_(*documents), rows_max_(rows_max) {}

  // Learns what there is; before all else. Calls `visit` with each block, those of a predictor from
  // the oldest on; with DATA_LOSS for one that cannot be read, which is left aside.
  absl::Status Load(absl::FunctionRef<void(const std::string& predictor,
                                           const absl::StatusOr<ForecastBlock>& block)>
                        visit) ABSL_LOCKS_EXCLUDED(mutex_);

  // Durable when it returns, together with `others`. Drops what is too much.
  absl::Status Add(const std::string& predictor, const std::vector<ForecastBlock>& blocks,
                   std::vector<storage::Documents::Change> others) ABSL_LOCKS_EXCLUDED(mutex_);

  // Changes that forget all of a predictor; Forgotten once they are committed.
  std::vector<storage::Documents::Change> Forget(const std::string& predictor) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Forgotten(const std::string& predictor) ABSL_LOCKS_EXCLUDED(mutex_);

  // Calls `visit` with each block of a predictor, the latest first, until it answers false.
  absl::Status Visit(const std::string& predictor,
                     absl::FunctionRef<bool(const ForecastBlock&)> visit) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Of a twin, the latest first; `path` empty: of all. At most `limit` of each path. Cost: reads
  // the predictor's documents.
  absl::StatusOr<std::vector<Forecast>> Of(const std::string& predictor, const std::string& twin,
                                           const std::string& path, size_t limit) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The last forecast of each, of those that are not about a later time; none: there is none.
  // Cost: reads the documents from the latest on until all are found, except those that are about
  // later times only.
  struct Wanted {
    std::string twin;
    Time as_of_max;
  };
  absl::StatusOr<std::vector<std::optional<Forecast>>> LastUpTo(
      const std::string& predictor, const std::string& path,
      const std::vector<Wanted>& wanted) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Kept {
    uint64_t number = 0;
    int64_t rows = 0;
    Time as_of;
  };
  // The latest first.
  std::vector<Kept> KeptOf(const std::string& predictor) const ABSL_LOCKS_EXCLUDED(mutex_);
  // nullopt: it was dropped meanwhile, as all before it.
  absl::StatusOr<std::optional<ForecastBlock>> Read(const std::string& predictor,
                                                    uint64_t number) const;

  storage::Documents& documents_;
  const int64_t rows_max_;
  mutable Mutex mutex_;
  std::map<std::string, std::deque<Kept>> kept_ ABSL_GUARDED_BY(mutex_);  // oldest first
};

inline constexpr char kForecastCollection[] = "forecasts";

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_FORECASTS_H_
