#include "clients/twinsim/command.h"

#include <CLI/CLI.hpp>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/twinsim/export.h"
#include "clients/twinsim/fleet.h"
#include "clients/twinsim/models_folder.h"
#include "clients/twinsim/output_file.h"
#include "clients/twinsim/telemetry_commands.h"

namespace twin::twinsim {
namespace {

constexpr char kCommands[] = "fleet, replay and load";

struct FleetArguments {
  FleetOptions fleet;
  std::string models;  // empty: to be found
  std::string path;
};

// "\rwriting the fleet:  42 %", rewritten when the number changes and wiped in the end.
class Progress {
 public:
  explicit Progress(const Process& process)
      : err_(process.err_is_terminal ? process.err : nullptr) {}
  ~Progress() {
    if (err_ != nullptr) *err_ << "\r\x1b[K" << std::flush;
  }
  void Show(double share) {
    const int percent = static_cast<int>(share * 100);
    if (err_ == nullptr || percent == percent_) return;
    percent_ = percent;
    *err_ << absl::StrFormat("\rwriting the fleet: %3d %%", percent) << std::flush;
  }

 private:
  std::ostream* err_;  // nullptr: nothing is shown
  int percent_ = -1;
};

absl::StatusOr<ExportCounts> WriteFleet(const FleetArguments& arguments, const Process& process) {
  std::string folder = arguments.models;
  if (folder.empty()) {
    absl::StatusOr<std::string> found = FindModelsFolder(ModelsFolders(process.program_folder));
    if (!found.ok()) return found.status();
    folder = *std::move(found);
  }
  const absl::StatusOr<std::vector<std::string>> models = ReadModels(folder, FleetModels());
  if (!models.ok()) return models.status();
  absl::StatusOr<OutputFile> file = OutputFile::Create(arguments.path, process.interrupted);
  if (!file.ok()) return file.status();

  Progress progress(process);
  const auto write = [&](absl::string_view bytes) { return file->Write(bytes); };
  const auto go_on = [&](double share) {
    progress.Show(share);
    return process.interrupted == nullptr || !process.interrupted();
  };
  absl::StatusOr<ExportCounts> counts = ExportFleet(Fleet(arguments.fleet), *models, write, go_on);
  if (!counts.ok()) return counts;
  if (absl::Status status = file->Commit(); !status.ok()) return status;
  return counts;
}

int RunFleet(const FleetArguments& arguments, const Process& process) {
  const absl::StatusOr<ExportCounts> counts = WriteFleet(arguments, process);
  if (absl::IsCancelled(counts.status())) return kExitInterrupted;
  if (!counts.ok()) {
    *process.err << "twinsim: " << counts.status().message() << '\n';
    return kExitRefused;
  }
  if (process.err_is_terminal) {
    *process.err << absl::StrCat("twinsim: ", arguments.fleet.vehicles,
                                 " vehicles: ", counts->twins, " twins, ", counts->relationships,
                                 " relationships\n");
  }
  return kExitDone;
}

// CLI11 would take -1 for the largest seed.
std::string CheckSeed(const std::string& word) {
  uint64_t seed = 0;
  if (!word.empty() && absl::ascii_isdigit(static_cast<unsigned char>(word[0])) &&
      absl::SimpleAtoi(word, &seed)) {
    return "";
  }
  return absl::StrCat("'", word, "' is no integer from 0 to 2^64 - 1");
}

CLI::App* AddFleet(CLI::App* root, FleetArguments* arguments) {
  CLI::App* const fleet =
      root->add_subcommand("fleet", "Make a fleet of electric vehicles and write its import file");
  fleet->add_option("--vehicles", arguments->fleet.vehicles, "How many vehicles")
      ->type_name("N")
      ->required()
      ->check(CLI::Range(int64_t{1}, kVehiclesMax).description(""));
  fleet
      ->add_option("--seed", arguments->fleet.seed,
                   "Another seed, another fleet; the same seed, the same bytes (default: 1)")
      ->type_name("S")
      ->check(CheckSeed, "");
  fleet
      ->add_option("--export", arguments->path,
                   "File to write, NDJSON as Azure Digital Twins imports it; - is stdout")
      ->type_name("FILE")
      ->required();
  fleet
      ->add_option("--models", arguments->models,
                   "Folder of the battery ontology (default: the one that came with twinsim)")
      ->type_name("DIR");
  fleet->footer("Example: twinsim fleet --vehicles 100 --export fleet.ndjson");
  return fleet;
}

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
  FleetArguments fleet;
  const CLI::App* const fleet_command = AddFleet(&root, &fleet);
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
  if (wrong.empty() && chosen == fleet_command) return RunFleet(fleet, process);
  if (wrong.empty() && chosen == telemetry.replay()) return telemetry.RunReplay(process);
  if (wrong.empty() && chosen == telemetry.load()) return telemetry.RunLoad(process);
  *process.err << "twinsim: " << wrong << "\nSee 'twinsim"
               << (chosen != nullptr ? " " + chosen->get_name() : "") << " --help'.\n";
  return kExitUsage;
}

}  // namespace twin::twinsim
