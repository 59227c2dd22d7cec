#include "server/ingest/dry_run.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/ingest/change.h"

namespace twin::ingest {
DryRun::DryRun(const Limits& limits, const graph::GraphView* snapshot, Time time)
    : limits_(limits), time_(time), pending_(snapshot), checker_(limits_, &pending_) {}

WriteResult DryRun::Check(const WriteBatch& batch) {
  TWIN_CHECK(!batch.patches.has_value()) << "a dry run takes operations";
  WriteResult result;
  result.time = time_;
  if (static_cast<int64_t>(batch.operations.size()) > limits_.batch_operations_max) {
    result.status = absl::InvalidArgumentError(absl::StrCat("a batch of ", batch.operations.size(),
                                                            " operations; batch_operations_max is ",
                                                            limits_.batch_operations_max));
    return result;
  }
  operations_ += static_cast<int64_t>(batch.operations.size());
  if (operations_ > limits_.dry_run_operations_max) {
    result.status = absl::ResourceExhaustedError(
        absl::StrCat("a dry run remembers all that it would create: dry_run_operations_max is ",
                     limits_.dry_run_operations_max, "; raise it, or try a part of the file"));
    return result;
  }
  if (!batch.atomic) {
    for (const Operation& operation : batch.operations) {
      OperationResult one;
      one.status = CheckUnit(operation, &one);
      result.results.push_back(std::move(one));
    }
  } else {
    // An atomic batch is one unit; only models come so, one operation each.
    OperationResult one;
    result.status = batch.operations.size() == 1
                        ? CheckUnit(batch.operations.front(), &one)
                        : absl::InvalidArgumentError("a dry run takes no atomic batch of several");
    if (result.status.ok()) result.results.push_back(std::move(one));
  }
  result.sequence = Sequence(pending_.next_sequence().value - 1);
  return result;
}

absl::Status DryRun::CheckUnit(const Operation& operation, OperationResult* result) {
  const bool of_models = IsOfModels(operation);
  checker_.BeginUnit(time_);
  absl::Status status =
      of_models ? checker_.CheckModels(operation, result) : checker_.Check(operation, result);
  if (status.ok()) status = checker_.EndUnit();
  if (!status.ok()) {
    pending_.RollBack();
    return status;
  }
  std::string unit;
  pending_.EndUnit(&unit);
  if (!of_models) return absl::OkStatus();
  // The change as replay would see it.
  RecordHeader header;
  header.time = time_;
  header.units = 1;
  std::string bytes;
  EncodeRecord(header, unit, &bytes);
  GraphRecord record;
  TWIN_RETURN_IF_ERROR(DecodeRecord(bytes, &record));
  TWIN_ASSIGN_OR_RETURN(std::shared_ptr<const graph::Catalog> catalog,
                        ChangeCatalog(pending_.catalog(), record.units.front(), time_));
  pending_.SetCatalog(std::move(catalog));
  return absl::OkStatus();
}

}  // namespace twin::ingest
