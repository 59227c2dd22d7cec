// Scripts that complete command lines in a shell, made from the tree of commands: what is added
// there is completed.
#ifndef TWIN_CLIENTS_TWINCTL_COMPLETION_H_
#define TWIN_CLIENTS_TWINCTL_COMPLETION_H_

#include <string>

#include "absl/strings/string_view.h"
#include "clients/twinctl/command_line.h"

namespace twin::twinctl {

std::string BashCompletion(const CommandInfo& root);
std::string ZshCompletion(const CommandInfo& root);
std::string FishCompletion(const CommandInfo& root);

// Adds `completion bash|zsh|fish`. `line` must outlive the command's run.
void AddCompletion(CommandLine* line);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_COMPLETION_H_
