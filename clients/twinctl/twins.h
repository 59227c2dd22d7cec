// `twinctl twins ...`
#ifndef TWIN_CLIENTS_TWINCTL_TWINS_H_
#define TWIN_CLIENTS_TWINCTL_TWINS_H_

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"

namespace twin::twinctl {

// Adds the group with all of its commands.
void AddTwins(CommandLine* line, const ServerPointer& server);

void AddTwinsCreate(CLI::App* twins, CommandLine* line, const ServerPointer& server);
void AddTwinsGet(CLI::App* twins, CommandLine* line, const ServerPointer& server);
void AddTwinsList(CLI::App* twins, CommandLine* line, const ServerPointer& server);
void AddTwinsPatch(CLI::App* twins, CommandLine* line, const ServerPointer& server);
void AddTwinsDelete(CLI::App* twins, CommandLine* line, const ServerPointer& server);
void AddTwinsTree(CLI::App* twins, CommandLine* line, const ServerPointer& server);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_TWINS_H_
