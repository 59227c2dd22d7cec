// The text of --help.
#ifndef TWIN_CLIENTS_TWINCTL_HELP_H_
#define TWIN_CLIENTS_TWINCTL_HELP_H_

#include <string>

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {

// Summary, usage, commands, arguments, options, description, examples of one command, wrapped to
// `columns`, which is 0 where there is no terminal.
std::string HelpText(const CommandInfo& info, const Style& style, int columns);

// Adds `help [COMMAND]…`. `line` must outlive the command's run.
void AddHelp(CommandLine* line);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_HELP_H_
