// What `models diff` found, for people and for programs.
#ifndef TWIN_CLIENTS_TWINCTL_COMPARISON_H_
#define TWIN_CLIENTS_TWINCTL_COMPARISON_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/twinctl/console.h"
#include "clients/twinctl/output.h"
#include "models/dtdl/diff.h"

namespace twin::twinctl {

// Which models of the two sets are compared.
struct Selection {
  std::string old_id;  // with or without a version: then the latest; empty: see below
  std::string new_id;
};

// Compares the selected models. With one id the other side's is the same model: the one of the same
// id or the latest of its versions. Without an id two single models are compared whatever their ids
// are, and larger sets by dtdl::Diff. NOT_FOUND: no such model.
absl::StatusOr<dtdl::SetDiff> CompareModels(const dtdl::ModelSet& old_models,
                                            const dtdl::ModelSet& new_models,
                                            const Selection& selection);

// "none", "documentation", "additive" or "breaking".
absl::string_view CompatibilityOf(const dtdl::SetDiff& diff);

// As a document {"compatibility", "added", "removed", "models": [{"old", "new", "compatibility",
// "changes"}]}; as rows each change, and each model that was added or removed.
Data ComparisonData(const dtdl::SetDiff& diff);
// Each model with its changes, a line for what was added or removed, and a summary.
void PrintComparison(const dtdl::SetDiff& diff, const Console& console);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_COMPARISON_H_
