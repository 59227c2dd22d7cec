// `relationships get` and `relationships list`.
#include <memory>
#include <string>

#include "clients/twinctl/relationships.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/row_printer.h"
#include "clients/twinctl/twin_json.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr uint64_t kPageMax = 10'000;

struct GetArguments {
  RelationshipKey key;
  std::string output = "table";
};

struct ListArguments {
  std::string twin;
  std::string name;
  bool incoming = false;
  uint64_t limit = 0;
  std::string output = "table";
};

absl::StatusOr<ExitCode> Get(const GetArguments& arguments, client::Client* client,
                             const Console& console) {
  v1::GetRelationshipRequest request;
  request.set_source_id(arguments.key.source);
  request.set_id(arguments.key.id);
  request.set_format(v1::JSON);
  const absl::StatusOr<v1::GetRelationshipResponse> response = client->GetRelationship(request);
  if (!response.ok()) return response.status();
  WriteObject(RelationshipJson(response->relationship()), FormatOf(arguments.output), console);
  return kExitDone;
}

absl::StatusOr<ExitCode> List(const ListArguments& arguments, client::Client* client,
                              const Console& console) {
  RowPrinter printer(FormatOf(arguments.output), console, RelationshipColumns());
  v1::ListRelationshipsRequest request;
  request.set_id(arguments.twin);
  request.set_name(arguments.name);
  request.set_format(v1::JSON);
  return printer.PrintPages(
      request, {.limit = arguments.limit, .page_max = kPageMax},
      [&](const v1::ListRelationshipsRequest& of_page) {
        return arguments.incoming ? client->ListIncomingRelationships(of_page)
                                  : client->ListRelationships(of_page);
      },
      [&](const v1::ListRelationshipsResponse& page, RowLimit* limit, Json* rows) {
        for (const v1::Relationship& relationship : page.relationships()) {
          if (limit->Take()) rows->push_back(RelationshipJson(relationship));
        }
        if (printer.wants_columns()) *rows = RelationshipRows(*rows);
      });
}

}  // namespace

void AddRelationshipsGet(CLI::App* group, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<GetArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "get",
       .summary = "Print a relationship",
       .examples = "twinctl relationships get pack-1 hasModule-module-1 -o json"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Get(*arguments, client, console);
      }));
  AddRelationshipKey(command, &arguments->key);
  CommandLine::AddOutput(command, &arguments->output);
}

void AddRelationshipsList(CLI::App* group, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<ListArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "list",
       .summary = "List the relationships of a twin, in the order in which they were created",
       .examples = "twinctl relationships list pack-1 --name hasModule\n"
                   "twinctl relationships list module-1 --incoming -o csv"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return List(*arguments, client, console);
      }));
  command->add_option("TWIN", arguments->twin, "The twin")->type_name("TWIN")->required();
  command->add_flag("--incoming", arguments->incoming,
                    "Those that lead to the twin, instead of those that leave it");
  command->add_option("--name", arguments->name, "Only those of this name")->type_name("NAME");
  AddLimit(command, &arguments->limit);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
