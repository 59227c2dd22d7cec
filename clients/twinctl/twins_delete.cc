#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/assignments.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/twins.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct DeleteArguments {
  std::string id;
  bool relationships = false;
  bool tree = false;
  bool dry_run = false;
  std::string if_match;
  std::string source_time;
  std::string output = "table";
  DeleteByQuery by_query;
};

absl::StatusOr<ExitCode> DeleteAll(DeleteArguments arguments, client::Client* client,
                                   const Console& console) {
  if (!arguments.id.empty()) {
    return UsageError("ID and --query are two ways to say which twins; give one of them");
  }
  if (arguments.tree) {
    return UsageError(
        "--tree is for one ID; a query can name all that a twin contains: MATCH (x)-[*0..]->(y)");
  }
  if (!arguments.if_match.empty()) return UsageError("--if-match is for one ID");
  arguments.by_query.relationships = arguments.relationships;
  arguments.by_query.dry_run = arguments.dry_run;
  arguments.by_query.source_time = arguments.source_time;
  arguments.by_query.output = arguments.output;
  return DeleteTwinsOfQuery(arguments.by_query, client, console);
}

absl::StatusOr<ExitCode> Delete(const DeleteArguments& arguments, client::Client* client,
                                const Console& console) {
  if (!arguments.by_query.text.empty()) return DeleteAll(arguments, client, console);
  if (arguments.id.empty()) return UsageError("no twin is named: give its ID, or --query");
  v1::DeleteTwinRequest request;
  request.set_id(arguments.id);
  request.set_if_match(arguments.if_match);
  request.set_delete_relationships(arguments.relationships);
  request.set_tree(arguments.tree);
  request.set_validate_only(arguments.dry_run);
  if (const absl::Status set = SetSourceTime(arguments.source_time, &request); !set.ok()) {
    return set;
  }
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
  const auto arguments = std::make_shared<DeleteArguments>();
  CLI::App* const command = line->AddCommand(
      twins,
      {.name = "delete",
       .summary = "Delete a twin, all that it contains, or all that a query names",
       .usage = {"[options] ID", "[options] --query TQL"},
       .description =
           "A twin that has relationships is refused without --relationships or --tree. A query "
           "names twins by a column $dtId, or by its only column: of ids, or of twins. They are "
           "deleted in batches, each as a whole or not at all.",
       .examples = "twinctl twins delete cell-7 --relationships\n"
                   "twinctl twins delete veh-000042 --tree --dry-run\n"
                   "twinctl twins delete --relationships --dry-run --query \"SELECT T.$dtId FROM "
                   "DIGITALTWINS T WHERE T.retired = TRUE\""},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Delete(*arguments, client, console);
      }));
  command->add_option("ID", arguments->id, "The twin")->type_name("ID");
  command
      ->add_option("--query", arguments->by_query.text,
                   "Delete the twins that this query names; - is stdin")
      ->type_name("TQL");
  command
      ->add_option("--param", arguments->by_query.parameters,
                   "With --query: a parameter, @NAME in the text; as often as needed")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option("--batch-size", arguments->by_query.batch_size,
                   "With --query: so many twins in one step (10000)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  command->add_flag("--relationships", arguments->relationships,
                    "Its relationships too, outgoing and incoming");
  command->add_flag("--tree", arguments->tree,
                    "Also all that it contains, which is what relationships called contains or "
                    "has… lead to, with all their relationships");
  command->add_flag("--dry-run", arguments->dry_run, "Only say how much that would be");
  AddIfMatch(command, &arguments->if_match);
  AddSourceTime(command, &arguments->source_time);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
