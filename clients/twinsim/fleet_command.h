// The command line of `twinsim fleet`.
#ifndef TWIN_CLIENTS_TWINSIM_FLEET_COMMAND_H_
#define TWIN_CLIENTS_TWINSIM_FLEET_COMMAND_H_

#include <CLI/CLI.hpp>
#include <memory>

#include "clients/twinsim/command.h"

namespace twin::twinsim {

struct FleetArguments;

// Declares the command; Run() does what was read: writes an import file, or drives the fleet.
class FleetCommand {
 public:
  explicit FleetCommand(CLI::App* root);
  ~FleetCommand();

  const CLI::App* fleet() const { return fleet_; }
  int Run(const Process& process) const;

 private:
  const std::unique_ptr<FleetArguments> arguments_;
  CLI::App* fleet_;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_FLEET_COMMAND_H_
