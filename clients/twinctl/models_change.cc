// `models decommission` and `models delete`.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/models.h"
#include "clients/twinctl/results.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct ChangeArguments {
  std::string id;
  bool undo = false;
  bool forget_past = false;
  std::string output = "table";
};

absl::StatusOr<ExitCode> Decommission(const ChangeArguments& arguments, client::Client* client,
                                      const Console& console) {
  v1::DecommissionModelRequest request;
  request.set_id(arguments.id);
  request.set_decommissioned(!arguments.undo);
  const absl::StatusOr<v1::DecommissionModelResponse> response = client->DecommissionModel(request);
  if (!response.ok()) return response.status();
  WriteDone(absl::StrCat("'", arguments.id, "' is ",
                         arguments.undo ? "in commission again" : "decommissioned"),
            {{"id", arguments.id},
             {"decommissioned", !arguments.undo},
             {"sequence", response->position().sequence()}},
            FormatOf(arguments.output), console);
  return kExitDone;
}

absl::StatusOr<ExitCode> Delete(const ChangeArguments& arguments, client::Client* client,
                                const Console& console) {
  v1::DeleteModelRequest request;
  request.set_id(arguments.id);
  request.set_forget_past(arguments.forget_past);
  const absl::StatusOr<v1::DeleteModelResponse> response = client->DeleteModel(request);
  if (!response.ok()) return response.status();
  WriteDone(absl::StrCat("deleted model '", arguments.id, "'"),
            {{"id", arguments.id}, {"sequence", response->position().sequence()}},
            FormatOf(arguments.output), console);
  return kExitDone;
}

}  // namespace

void AddModelsDecommission(CLI::App* models, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<ChangeArguments>();
  CLI::App* const command = line->AddCommand(
      models,
      {.name = "decommission",
       .summary = "Let no new twins be made of a model; those that are there stay",
       .examples = "twinctl models decommission 'dtmi:com:example:Cell;1'\n"
                   "twinctl models decommission 'dtmi:com:example:Cell;1' --undo"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Decommission(*arguments, client, console);
      }));
  command->add_option("ID", arguments->id, "The model")->type_name("DTMI")->required();
  command->add_flag("--undo", arguments->undo, "Let twins be made of it again");
  CommandLine::AddOutput(command, &arguments->output);
}

void AddModelsDelete(CLI::App* models, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<ChangeArguments>();
  CLI::App* const command = line->AddCommand(
      models,
      {.name = "delete",
       .summary = "Delete a model of the server",
       .description = "A model that twins or other models use is refused, and one that twins of "
                      "the past were of.",
       .examples = "twinctl models delete 'dtmi:com:example:Cell;1'"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Delete(*arguments, client, console);
      }));
  command->add_option("ID", arguments->id, "The model")->type_name("DTMI")->required();
  command->add_flag("--forget-past", arguments->forget_past,
                    "Delete it although AS OF can then not show what its twins were");
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
