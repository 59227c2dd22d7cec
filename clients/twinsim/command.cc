#include "clients/twinsim/command.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "clients/twinsim/fleet_command.h"
#include "clients/twinsim/lives_command.h"
#include "clients/twinsim/telemetry_commands.h"

namespace twin::twinsim {
namespace {

constexpr char kCommands[] = "fleet, lives, replay and load";

// What is wrong with a line that CLI11 could read; empty: nothing.
std::string Explain(const CLI::App& root, bool command) {
  const std::vector<std::string> unknown = root.remaining(true);
  if (unknown.empty())
    return command ? "" : absl::StrCat("a command is missing; there are ", kCommands);
  const std::string& word = unknown.front();
  if (word.size() > 1 && word[0] == '-') return absl::StrCat("unknown option '", word, "'");
  if (command) return absl::StrCat("unexpected argument '", word, "'");
  return absl::StrCat("unknown command '", word, "'; there are ", kCommands);
}

}  // namespace

int Run(const std::vector<std::string>& arguments, const Process& process) {
  CLI::App root("Simulates fleets of electric vehicles for Twingraph", "twinsim");
  root.require_subcommand(0, 1);
  root.allow_extras();  // explained by Explain()
  root.set_version_flag("--version", absl::StrCat("twinsim ", process.version),
                        "Print the version");
  const FleetCommand fleet(&root);
  const LivesCommand lives(&root);
  const TelemetryCommands telemetry(&root);
  const CLI::App* chosen = nullptr;
  std::string wrong;
  try {
    root.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    if (!root.get_subcommands().empty()) chosen = root.get_subcommands().front();
    wrong = Explain(root, chosen != nullptr);
  } catch (const CLI::CallForHelp&) {
    *process.out << root.help();
    return kExitDone;
  } catch (const CLI::CallForVersion& version) {
    *process.out << version.what() << '\n';
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    wrong = error.what();
    if (!root.get_subcommands().empty()) chosen = root.get_subcommands().front();
  }
  if (wrong.empty() && chosen == fleet.fleet()) return fleet.Run(process);
  if (wrong.empty() && chosen == lives.lives()) return lives.Run(process);
  if (wrong.empty() && chosen == telemetry.replay()) return telemetry.RunReplay(process);
  if (wrong.empty() && chosen == telemetry.load()) return telemetry.RunLoad(process);
  *process.err << "twinsim: " << wrong << "\nSee 'twinsim"
               << (chosen != nullptr ? " " + chosen->get_name() : "") << " --help'.\n";
  return kExitUsage;
}

}  // namespace twin::twinsim
