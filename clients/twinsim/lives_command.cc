#include "clients/twinsim/lives_command.h"

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "clients/twinsim/lives.h"
#include "clients/twinsim/output_file.h"
#include "clients/twinsim/server_arguments.h"

namespace twin::twinsim {

struct LivesArguments {
  LivesOptions options;
  std::string path;
};

namespace {

constexpr int64_t kLivesMin = 6;
constexpr int64_t kLivesMax = 1'000;

absl::Status WriteWhole(const std::string& path, const std::string& text, const Process& process) {
  absl::StatusOr<OutputFile> file = OutputFile::Create(path, process.interrupted);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Write(text); !status.ok()) return status;
  return file->Commit();
}

}  // namespace

LivesCommand::LivesCommand(CLI::App* root)
    : arguments_(std::make_unique<LivesArguments>()),
      lives_(root->add_subcommand(
          "lives", "Write a library of simulated lives, for predictors of remaining life")) {
  LivesArguments& arguments = *arguments_;
  lives_
      ->add_option("FILE", arguments.path,
                   "The library, CSV; its card is written beside it, as <FILE without .csv>.json")
      ->type_name("FILE")
      ->required();
  lives_->add_option("--vehicles", arguments.options.vehicles, "How many lives (default: 60)")
      ->type_name("N")
      ->check(CLI::Range(kLivesMin, kLivesMax).description(""));
  lives_
      ->add_option("--end", arguments.options.end_percent,
                   "Percent of the rated capacity at which a life ends (default: 70)")
      ->type_name("PERCENT")
      ->check(CLI::Range(20, 95).description(""));
  AddSeed(lives_, &arguments.options.seed,
          "Another seed, other lives; the same seed, the same bytes (default: 1)");
  lives_->footer("Example: twinsim lives lives.csv");
}

LivesCommand::~LivesCommand() = default;

int LivesCommand::Run(const Process& process) const {
  const std::string card =
      std::filesystem::path(arguments_->path).replace_extension(".json").string();
  if (card == arguments_->path) {
    *process.err << "twinsim: " << card << " is the name of the card; call the library x.csv\n";
    return kExitUsage;
  }
  absl::Status status = WriteWhole(arguments_->path, LivesCsv(arguments_->options), process);
  if (status.ok()) status = WriteWhole(card, LivesCard(arguments_->options), process);
  if (absl::IsCancelled(status)) return kExitInterrupted;
  if (status.ok()) return kExitDone;
  *process.err << "twinsim: " << status.message() << '\n';
  return kExitRefused;
}

}  // namespace twin::twinsim
