// `twinctl import` and `twinctl export`: whole graphs as files, NDJSON in the form of Azure Digital
// Twins' import jobs.
#ifndef TWIN_CLIENTS_TWINCTL_TRANSFER_H_
#define TWIN_CLIENTS_TWINCTL_TRANSFER_H_

#include <cstdint>
#include <string>

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"

namespace twin::twinctl {

void AddImport(CommandLine* line, const ServerPointer& server);
void AddExport(CommandLine* line, const ServerPointer& server);

// "3 models, 1,000 twins, 1 relationship".
std::string GraphCounts(uint64_t models, uint64_t twins, uint64_t relationships);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_TRANSFER_H_
