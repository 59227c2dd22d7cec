// The command line of `twinsim lives`.
#ifndef TWIN_CLIENTS_TWINSIM_LIVES_COMMAND_H_
#define TWIN_CLIENTS_TWINSIM_LIVES_COMMAND_H_

#include <CLI/CLI.hpp>
#include <memory>

#include "clients/twinsim/command.h"

namespace twin::twinsim {

struct LivesArguments;

class LivesCommand {
 public:
  explicit LivesCommand(CLI::App* root);
  ~LivesCommand();

  const CLI::App* lives() const { return lives_; }
  int Run(const Process& process) const;

 private:
  const std::unique_ptr<LivesArguments> arguments_;
  CLI::App* lives_;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_LIVES_COMMAND_H_
