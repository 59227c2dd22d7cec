// From estimates to the writes that put them on their twins. Internal to server/predict.
#ifndef TWIN_SERVER_PREDICT_WRITE_BACK_H_
#define TWIN_SERVER_PREDICT_WRITE_BACK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/ingest/operation.h"
#include "server/predict/host.h"
#include "server/predict/predictor.h"

namespace twin::predict {

struct Estimate {
  double value = 0, lo = 0, hi = 0;  // NaN: none
  double level = 0;
  EstimateStatus status = EstimateStatus::kOk;
  std::string method;
  std::string model_version;
  Time as_of;
  bool is_absent = false;  // the batch says nothing of this twin and path

  bool has_value() const { return value == value; }
};

// Of one path: one estimate a twin.
struct PathEstimates {
  std::string path;
  std::vector<Estimate> estimates;
};

// One patch a twin, each for itself. An estimate with a value replaces what is at its path. One
// without leaves the last good value and changes its status alone, where that value is of this
// source; where there is none it says who tried, and what came of it. Nothing is written that is
// there already.
//   rows: of `twins`, and of the estimates of each path
ingest::WriteBatch MakeWrite(const std::string& source, const std::vector<std::string>& twins,
                             const std::vector<PathEstimates>& paths, absl::Span<const size_t> rows,
                             Host* host, std::string request_id);

// Makes what is there from this source say `status`; where nothing is there: kStale becomes
// kError. Returns of how many that was so.
absl::StatusOr<uint64_t> MarkEstimates(const std::string& source, const std::string& path,
                                       const std::string& model_version, EstimateStatus status,
                                       const std::vector<std::string>& twins, Host* host);

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_WRITE_BACK_H_
