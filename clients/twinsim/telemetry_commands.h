// The command lines of `twinsim replay` and `twinsim load`.
#ifndef TWIN_CLIENTS_TWINSIM_TELEMETRY_COMMANDS_H_
#define TWIN_CLIENTS_TWINSIM_TELEMETRY_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <memory>

#include "clients/twinsim/command.h"

namespace twin::twinsim {

struct ReplayArguments;
struct LoadArguments;

// Declares a command; Run…() does what was read.
class TelemetryCommands {
 public:
  explicit TelemetryCommands(CLI::App* root);
  ~TelemetryCommands();

  const CLI::App* replay() const { return replay_; }
  const CLI::App* load() const { return load_; }
  int RunReplay(const Process& process) const;
  int RunLoad(const Process& process) const;

 private:
  const std::unique_ptr<ReplayArguments> replay_arguments_;
  const std::unique_ptr<LoadArguments> load_arguments_;
  CLI::App* replay_;
  CLI::App* load_;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_TELEMETRY_COMMANDS_H_
