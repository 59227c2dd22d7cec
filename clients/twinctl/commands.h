// All commands of twinctl.
#ifndef TWIN_CLIENTS_TWINCTL_COMMANDS_H_
#define TWIN_CLIENTS_TWINCTL_COMMANDS_H_

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"

namespace twin::twinctl {

// Adds them, and the global options that name the server. `line` must outlive their run.
void AddCommands(CommandLine* line, const Environment& environment);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_COMMANDS_H_
