// Predictors that come with the server.
#ifndef TWIN_SERVER_PREDICT_BUILTIN_H_
#define TWIN_SERVER_PREDICT_BUILTIN_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/predict/predictor.h"

namespace twin::predict {

using BuiltinOptions = std::map<std::string, std::string>;

// "coulomb-counting", "partial-charge", "trajectory-similarity" or "xgboost". INVALID_ARGUMENT: no
// such built-in, an option that it does not have or that is wrong; NOT_FOUND: a file of the
// options.
absl::StatusOr<std::shared_ptr<LocalPredictor>> MakeBuiltin(const std::string& name,
                                                            const BuiltinOptions& options);

// Half the width of 90 % of a normal distribution, in standard deviations.
inline constexpr double kNormal90 = 1.6449;

// What each of them uses to read its options. Internal to server/predict.
class OptionReader {
 public:
  explicit OptionReader(const BuiltinOptions& options) : options_(options) {}
  // INVALID_ARGUMENT: it is no number, or not between the bounds.
  absl::Status Number(absl::string_view name, double least, double most, double* value);
  absl::Status Text(absl::string_view name, std::string* value);
  // INVALID_ARGUMENT: there is one that nobody asked for.
  absl::Status End(absl::string_view builtin) const;

 private:
  const BuiltinOptions& options_;
  std::vector<std::string> known_;
};

absl::StatusOr<std::shared_ptr<LocalPredictor>> MakeCoulombCounting(const BuiltinOptions& options);
absl::StatusOr<std::shared_ptr<LocalPredictor>> MakePartialCharge(const BuiltinOptions& options);
absl::StatusOr<std::shared_ptr<LocalPredictor>> MakeTrajectorySimilarity(
    const BuiltinOptions& options);
absl::StatusOr<std::shared_ptr<LocalPredictor>> MakeXgboost(const BuiltinOptions& options);

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_BUILTIN_H_
