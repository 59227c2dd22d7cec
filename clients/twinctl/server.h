// For those who run the server: `twinctl status`, `top`, `checkpoint`, `compact`, `backup`.
#ifndef TWIN_CLIENTS_TWINCTL_SERVER_H_
#define TWIN_CLIENTS_TWINCTL_SERVER_H_

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"
#include "clients/twinctl/output.h"
#include "twingraph/v1/admin_service.pb.h"

namespace twin::twinctl {

void AddStatus(CommandLine* line, const ServerPointer& server);
void AddTop(CommandLine* line, const ServerPointer& server);
void AddCheckpoint(CommandLine* line, const ServerPointer& server);
void AddCompact(CommandLine* line, const ServerPointer& server);
void AddBackup(CommandLine* line, const ServerPointer& server);

// As a document of numbers, and as rows {"field", "value"} for people.
Json StatusJson(const twingraph::v1::StatusResponse& status);
Json StatusRows(const twingraph::v1::StatusResponse& status);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_SERVER_H_
