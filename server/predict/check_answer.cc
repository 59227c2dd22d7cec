#include "server/predict/check_answer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace twin::predict {
namespace {

absl::Status CheckCounts(const OutputColumns& columns, size_t rows) {
  const auto check = [&](absl::string_view name, size_t count) -> absl::Status {
    if (count == rows) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat("output '", columns.output, "': ", count, " ", name, " for ", rows, " rows"));
  };
  TWIN_RETURN_IF_ERROR(check("values", columns.values.size()));
  TWIN_RETURN_IF_ERROR(check("lo", columns.lo.size()));
  TWIN_RETURN_IF_ERROR(check("hi", columns.hi.size()));
  TWIN_RETURN_IF_ERROR(check("statuses", columns.statuses.size()));
  if (columns.valid_until_ns.empty()) return absl::OkStatus();
  return check("valid_until", columns.valid_until_ns.size());
}

// An estimate has all three numbers or none.
void CheckRow(OutputColumns* columns, size_t row) {
  const double value = columns->values[row];
  const double lo = columns->lo[row];
  const double hi = columns->hi[row];
  const bool is_whole =
      std::isfinite(value) && std::isfinite(lo) && std::isfinite(hi) && lo <= value && value <= hi;
  EstimateStatus& status = columns->statuses[row];
  if (is_whole && (status == EstimateStatus::kOk || status == EstimateStatus::kOutOfDomain)) return;
  if (status == EstimateStatus::kOk) status = EstimateStatus::kError;
  columns->values[row] = columns->lo[row] = columns->hi[row] =
      std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

absl::string_view NameOf(EstimateStatus status) {
  switch (status) {
    case EstimateStatus::kOk:
      return "OK";
    case EstimateStatus::kOutOfDomain:
      return "OUT_OF_DOMAIN";
    case EstimateStatus::kInsufficientData:
      return "INSUFFICIENT_DATA";
    case EstimateStatus::kStale:
      return "STALE";
    case EstimateStatus::kError:
      return "ERROR";
  }
  return "ERROR";
}

absl::Status CheckAnswer(const Description& description, const Request& request, Answer* answer) {
  if (answer->request_id != request.id) {
    return absl::DataLossError(absl::StrCat("it answers the request '", answer->request_id,
                                            "' instead of '", request.id, "'"));
  }
  std::vector<OutputColumns> ordered;
  for (const Output& output : description.outputs) {
    const auto found =
        std::find_if(answer->outputs.begin(), answer->outputs.end(),
                     [&](const OutputColumns& columns) { return columns.output == output.name; });
    if (found == answer->outputs.end()) {
      return absl::DataLossError(absl::StrCat("the output '", output.name, "' is missing"));
    }
    TWIN_RETURN_IF_ERROR(CheckCounts(*found, request.rows()));
    OutputColumns columns = std::move(*found);
    found->output.clear();
    if (!(columns.level > 0 && columns.level < 1)) columns.level = output.level;
    if (columns.method.empty()) columns.method = description.method;
    for (size_t row = 0; row < request.rows(); ++row) CheckRow(&columns, row);
    ordered.push_back(std::move(columns));
  }
  answer->outputs = std::move(ordered);
  if (answer->model_version.empty()) answer->model_version = description.version;
  return absl::OkStatus();
}

}  // namespace twin::predict
