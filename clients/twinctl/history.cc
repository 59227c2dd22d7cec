#include "clients/twinctl/history.h"

#include "absl/strings/str_cat.h"
#include "clients/tabular/values.h"

namespace twin::twinctl {

void AddHistory(CommandLine* line, const ServerPointer& server) {
  CLI::App* const group = line->AddGroup(
      line->root(), {.name = "history",
                     .summary = "Write recorded samples to files, and read them from files",
                     .examples = "twinctl history export cell-1 cell-2 > cells.csv\n"
                                 "twinctl history import cells.csv"});
  AddHistoryExport(group, line, server);
  AddHistoryImport(group, line, server);
}

absl::StatusOr<int64_t> TimeOption(const std::string& option, const std::string& text) {
  absl::StatusOr<int64_t> time = tabular::ParseTime(text);
  if (time.ok()) return time;
  // A date alone is its midnight, as in a query.
  const absl::StatusOr<int64_t> midnight = tabular::ParseTime(absl::StrCat(text, "T00:00:00Z"));
  if (midnight.ok()) return midnight;
  return UsageError(absl::StrCat(option, ": ", time.status().message()));
}

}  // namespace twin::twinctl
