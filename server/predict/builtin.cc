#include "server/predict/builtin.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace twin::predict {

absl::StatusOr<std::shared_ptr<LocalPredictor>> MakeBuiltin(const std::string& name,
                                                            const BuiltinOptions& options) {
  if (name == "coulomb-counting") return MakeCoulombCounting(options);
  if (name == "partial-charge") return MakePartialCharge(options);
  if (name == "trajectory-similarity") return MakeTrajectorySimilarity(options);
  if (name == "xgboost") return MakeXgboost(options);
  return absl::InvalidArgumentError(absl::StrCat(
      "builtin: there is no '", name,
      "'; there are coulomb-counting, partial-charge, trajectory-similarity and xgboost"));
}

absl::Status OptionReader::Number(absl::string_view name, double least, double most,
                                  double* value) {
  known_.emplace_back(name);
  const auto found = options_.find(std::string(name));
  if (found == options_.end()) return absl::OkStatus();
  double number = 0;
  if (!absl::SimpleAtod(found->second, &number) || !(number >= least && number <= most)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "options.", name, ": '", found->second, "' is no number between ", least, " and ", most));
  }
  *value = number;
  return absl::OkStatus();
}

absl::Status OptionReader::Text(absl::string_view name, std::string* value) {
  known_.emplace_back(name);
  const auto found = options_.find(std::string(name));
  if (found != options_.end()) *value = found->second;
  return absl::OkStatus();
}

absl::Status OptionReader::End(absl::string_view builtin) const {
  for (const auto& [name, value] : options_) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat("options: ", builtin, " has no '", name,
                                                   "'; it has ", absl::StrJoin(known_, ", ")));
  }
  return absl::OkStatus();
}

}  // namespace twin::predict
