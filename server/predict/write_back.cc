#include "server/predict/write_back.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/ingest/check_value.h"
#include "server/predict/document_value.h"
#include "server/predict/options.h"

namespace twin::predict {
namespace {

Value Provenance(const std::string& source, const Estimate& estimate) {
  MapBuilder map;
  if (estimate.has_value()) {
    map.Add("value", Value::Double(estimate.value))
        .Add("lo", Value::Double(estimate.lo))
        .Add("hi", Value::Double(estimate.hi))
        .Add("level", Value::Double(estimate.level));
  }
  return map.Add("method", estimate.method)
      .Add("source", source)
      .Add("modelVersion", estimate.model_version)
      .Add("asOf", Value::OfTime(estimate.as_of))
      .Add("status", Value::String(NameOf(estimate.status)))
      .Build();
}

ingest::Edit Set(absl::string_view path, absl::string_view member, Value value) {
  ingest::Edit edit;
  edit.path = absl::StrSplit(path, '.');
  if (!member.empty()) edit.path.emplace_back(member);
  edit.value = std::move(value);
  ingest::TakeByValue(&edit.value);
  return edit;
}

// What to do about an estimate without a value; false: nothing.
bool EditOf(const std::string& source, const std::string& path, const Estimate& estimate,
            const CurrentEstimate& current, ingest::Edit* edit) {
  if (!current.twin_exists) return false;
  const bool is_ours = current.source == source;
  if (current.has_value || (is_ours && !current.status.empty())) {
    if (!is_ours || current.status == NameOf(estimate.status)) return false;
    *edit = Set(path, "status", Value::String(NameOf(estimate.status)));
    return true;
  }
  *edit = Set(path, "", Provenance(source, estimate));
  return true;
}

}  // namespace

ingest::WriteBatch MakeWrite(const std::string& source, const std::vector<std::string>& twins,
                             const std::vector<PathEstimates>& paths, absl::Span<const size_t> rows,
                             Host* host, std::string request_id) {
  std::vector<ingest::PatchTwin> patches(rows.size());
  for (const PathEstimates& of_path : paths) {
    std::vector<std::string> without;
    std::vector<size_t> patches_without;
    for (size_t i = 0; i < rows.size(); ++i) {
      const Estimate& estimate = of_path.estimates[rows[i]];
      if (estimate.is_absent) continue;
      if (estimate.has_value()) {
        patches[i].edits.push_back(Set(of_path.path, "", Provenance(source, estimate)));
      } else {
        without.push_back(twins[rows[i]]);
        patches_without.push_back(i);
      }
    }
    if (without.empty()) continue;
    const std::vector<CurrentEstimate> current = host->ReadEstimates(without, of_path.path);
    for (size_t k = 0; k < without.size(); ++k) {
      const size_t i = patches_without[k];
      ingest::Edit edit;
      if (EditOf(source, of_path.path, of_path.estimates[rows[i]], current[k], &edit)) {
        patches[i].edits.push_back(std::move(edit));
      }
    }
  }
  ingest::WriteBatch batch;
  batch.atomic = false;
  batch.request_id = std::move(request_id);
  batch.made_anew = true;  // a restart may find other values to take away
  for (size_t i = 0; i < rows.size(); ++i) {
    if (patches[i].edits.empty()) continue;
    patches[i].id = twins[rows[i]];
    batch.operations.push_back(std::move(patches[i]));
  }
  return batch;
}

absl::StatusOr<uint64_t> MarkEstimates(const std::string& source, const std::string& path,
                                       const std::string& model_version, EstimateStatus status,
                                       const std::vector<std::string>& twins, Host* host) {
  uint64_t errors = 0;
  for (size_t first = 0; first < twins.size(); first += kWriteTwins) {
    const size_t end = std::min(twins.size(), first + kWriteTwins);
    const std::vector<std::string> part(twins.begin() + static_cast<ptrdiff_t>(first),
                                        twins.begin() + static_cast<ptrdiff_t>(end));
    PathEstimates estimates;
    estimates.path = path;
    const std::vector<CurrentEstimate> current = host->ReadEstimates(part, path);
    for (size_t i = 0; i < part.size(); ++i) {
      Estimate estimate;
      estimate.value = std::nan("");
      estimate.model_version = model_version;
      estimate.as_of = host->Now();
      const bool is_new = !current[i].has_value && status == EstimateStatus::kStale;
      estimate.status = is_new ? EstimateStatus::kError : status;
      if (is_new) ++errors;
      estimates.estimates.push_back(std::move(estimate));
    }
    std::vector<size_t> rows(part.size());
    std::iota(rows.begin(), rows.end(), size_t{0});
    ingest::WriteBatch batch = MakeWrite(source, part, {std::move(estimates)}, rows, host, "");
    if (batch.operations.empty()) continue;
    TWIN_RETURN_IF_ERROR(host->Write(std::move(batch)).status);
  }
  return errors;
}

}  // namespace twin::predict
