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

// It stands with each estimate.
absl::Status CheckText(absl::string_view what, const std::string& text) {
  constexpr size_t kTextBytesMax = 256;
  if (text.size() <= kTextBytesMax) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(what, " has ", text.size(), " bytes; it may have ", kTextBytesMax));
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

// 0: as described.
absl::Status CheckLevel(const OutputColumns& columns) {
  if (columns.level >= 0 && columns.level < 1) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("output '", columns.output, "': its level is ",
                                          columns.level, "; it is between 0 and 1"));
}

absl::Status CheckNames(const Answer& answer) {
  std::vector<absl::string_view> names;
  for (const OutputColumns& columns : answer.outputs) names.push_back(columns.output);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the output '", *twice, "' is there twice"));
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
  TWIN_RETURN_IF_ERROR(CheckText("model_version", answer->model_version));
  TWIN_RETURN_IF_ERROR(CheckNames(*answer));
  std::vector<OutputColumns> ordered;
  for (const Output& output : description.outputs) {
    const auto found =
        std::find_if(answer->outputs.begin(), answer->outputs.end(),
                     [&](const OutputColumns& columns) { return columns.output == output.name; });
    if (found == answer->outputs.end()) {
      return absl::DataLossError(absl::StrCat("the output '", output.name, "' is missing"));
    }
    TWIN_RETURN_IF_ERROR(CheckCounts(*found, request.rows()));
    TWIN_RETURN_IF_ERROR(CheckText("method", found->method));
    TWIN_RETURN_IF_ERROR(CheckLevel(*found));
    OutputColumns columns = std::move(*found);
    found->output.clear();
    if (columns.level == 0) columns.level = output.level;
    if (columns.method.empty()) columns.method = description.method;
    for (size_t row = 0; row < request.rows(); ++row) CheckRow(&columns, row);
    ordered.push_back(std::move(columns));
  }
  answer->outputs = std::move(ordered);
  if (answer->model_version.empty()) answer->model_version = description.version;
  return absl::OkStatus();
}

}  // namespace twin::predict
