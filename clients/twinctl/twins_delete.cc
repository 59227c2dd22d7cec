#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/assignments.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/twins.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct Arguments {
  std::string id;
  bool relationships = false;
  bool tree = false;
  bool dry_run = false;
  std::string if_match;
  std::string output = "table";
};

absl::StatusOr<ExitCode> Delete(const Arguments& arguments, client::Client* client,
                                const Console& console) {
  v1::DeleteTwinRequest request;
  request.set_id(arguments.id);
  request.set_if_match(arguments.if_match);
  request.set_delete_relationships(arguments.relationships);
  request.set_tree(arguments.tree);
  request.set_validate_only(arguments.dry_run);
  request.set_request_id(client::RandomRequestId());
  const absl::StatusOr<v1::DeleteTwinResponse> response = client->DeleteTwin(request);
  if (!response.ok()) return response.status();
  WriteDone(absl::StrCat(arguments.dry_run ? "would delete " : "deleted ",
                         response->deleted() > 1 ? absl::StrCat(WithCommas(response->deleted()),
                                                                " twins and relationships")
                                                 : absl::StrCat("twin '", arguments.id, "'")),
            {{"$dtId", arguments.id},
             {"deleted", response->deleted()},
             {"dryRun", arguments.dry_run},
             {"sequence", response->position().sequence()}},
            FormatOf(arguments.output), console);
  return kExitDone;
}

}  // namespace

void AddTwinsDelete(CLI::App* twins, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = line->AddCommand(
      twins,
      {.name = "delete",
       .summary = "Delete a twin, or all that it contains, in one step",
       .description = "A twin that has relationships is refused without --relationships or --tree.",
       .examples = "twinctl twins delete cell-7 --relationships\n"
                   "twinctl twins delete veh-000042 --tree --dry-run"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Delete(*arguments, client, console);
      }));
  command->add_option("ID", arguments->id, "The twin")->type_name("ID")->required();
  command->add_flag("--relationships", arguments->relationships,
                    "Its relationships too, outgoing and incoming");
  command->add_flag("--tree", arguments->tree,
                    "Also all that it contains, which is what relationships called contains or "
                    "has… lead to, with all their relationships");
  command->add_flag("--dry-run", arguments->dry_run, "Only say how much that would be");
  AddIfMatch(command, &arguments->if_match);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
