// `models migrate`, and `models diff --twins`.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/models.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct MigrateArguments {
  std::string old_id;
  std::string new_id;
  bool dry_run = false;
  std::string output = "table";
};

Json MigrationJson(const MigrateArguments& arguments, const v1::MigrateTwinsResponse& response) {
  Json refusals = Json::array();
  for (const auto& refusal : response.refusals()) {
    refusals.push_back({{"$dtId", refusal.id()}, {"message", refusal.message()}});
  }
  return {{"old", arguments.old_id},
          {"new", arguments.new_id},
          {"dryRun", arguments.dry_run},
          {"migrated", response.migrated()},
          {"refused", response.refused()},
          {"refusals", refusals},
          {"sequence", response.position().sequence()}};
}

absl::StatusOr<ExitCode> Migrate(const MigrateArguments& arguments, client::Client* client,
                                 const Console& console) {
  v1::MigrateTwinsRequest request;
  request.set_old_model_id(arguments.old_id);
  request.set_new_model_id(arguments.new_id);
  request.set_dry_run(arguments.dry_run);
  const absl::StatusOr<v1::MigrateTwinsResponse> response = client->MigrateTwins(request);
  if (!response.ok()) return response.status();
  const Format format = FormatOf(arguments.output);
  if (format == Format::kTable) {
    for (const auto& refusal : response->refusals()) {
      console.err << Printable(absl::StrCat(refusal.id(), ": ", refusal.message())) << '\n';
    }
  }
  WriteDone(absl::StrCat(arguments.dry_run ? "would migrate " : "migrated ",
                         CountOf(response->migrated(), "twin")),
            MigrationJson(arguments, *response), format, console);
  if (response->refused() == 0) return kExitDone;
  console.out.flush();
  return console.Fail(kExitRefused,
                      absl::StrCat(CountOf(response->refused(), "twin"),
                                   arguments.dry_run ? " would be refused" : " refused"));
}

}  // namespace

absl::StatusOr<ExitCode> DiffOnServer(const ServerDiffOptions& options, client::Client* client,
                                      const Console& console) {
  v1::DiffModelsRequest request;
  request.set_old_id(options.old_id);
  request.set_new_id(options.new_id);
  const absl::StatusOr<v1::DiffModelsResponse> response = client->DiffModels(request);
  if (!response.ok()) return response.status();
  Json changes = Json::array();
  for (const auto& change : response->changes()) {
    changes.push_back(
        {{"breaking", change.breaking()}, {"path", change.path()}, {"what", change.message()}});
  }
  if (options.format != Format::kTable) {
    WriteData({.document = {{"old", options.old_id},
                            {"new", options.new_id},
                            {"breaking", response->breaking()},
                            {"twins", response->twins()},
                            {"changes", changes}},
               .rows = changes,
               .columns = ColumnsOfKeys({"breaking", "path", "what"})},
              options.format, console.out);
  } else if (changes.empty()) {
    console.out << "no difference; " << CountOf(response->twins(), "twin") << '\n';
  } else {
    for (Json& change : changes) change["breaking"] = change["breaking"] == true ? "!" : "+";
    WriteTable({{.key = "breaking", .title = ""},
                {.key = "path", .title = "PATH"},
                {.key = "what", .title = "CHANGE"}},
               changes, TableOptionsOf(console), console.out);
    console.out << (response->breaking() ? "breaking" : "not breaking") << "; concerns "
                << CountOf(response->twins(), "twin") << '\n';
  }
  const bool found = options.breaking_only ? response->breaking() : !changes.empty();
  return found ? kExitRefused : kExitDone;
}

void AddModelsMigrate(CLI::App* models, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<MigrateArguments>();
  CLI::App* const command = line->AddCommand(
      models,
      {.name = "migrate",
       .summary = "Move all twins of a model to another one",
       .description = "Twins that cannot move are named and stay as they are (exit code 1).",
       .examples = "twinctl models migrate 'dtmi:com:example:Cell;1' 'dtmi:com:example:Cell;2' "
                   "--dry-run"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Migrate(*arguments, client, console);
      }));
  command->add_option("OLD", arguments->old_id, "Their model")->type_name("DTMI")->required();
  command->add_option("NEW", arguments->new_id, "The model to move to")
      ->type_name("DTMI")
      ->required();
  command->add_flag("--dry-run", arguments->dry_run, "Only say what would be");
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
