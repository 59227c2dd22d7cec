// `twinctl context ...`
#ifndef TWIN_CLIENTS_TWINCTL_CONTEXTS_H_
#define TWIN_CLIENTS_TWINCTL_CONTEXTS_H_

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"

namespace twin::twinctl {

// Adds the group with all of its commands.
void AddContexts(CommandLine* line, const ServerPointer& server);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_CONTEXTS_H_
