// `twinctl history export` and `twinctl history import`: recorded samples as files.
#ifndef TWIN_CLIENTS_TWINCTL_HISTORY_H_
#define TWIN_CLIENTS_TWINCTL_HISTORY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"

namespace twin::twinctl {

void AddHistory(CommandLine* line, const ServerPointer& server);
void AddHistoryExport(CLI::App* group, CommandLine* line, const ServerPointer& server);
void AddHistoryImport(CLI::App* group, CommandLine* line, const ServerPointer& server);

// ISO 8601, or nanoseconds since 1970. A UsageError that names the option.
absl::StatusOr<int64_t> TimeOption(const std::string& option, const std::string& text);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_HISTORY_H_
