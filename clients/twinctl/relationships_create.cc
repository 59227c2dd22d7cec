#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/assignments.h"
#include "clients/twinctl/relationships.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr int kIdCharactersMax = 128;  // the server's limit

struct CreateArguments {
  std::string source;
  std::string name;
  std::string target;
  std::string id;
  std::vector<std::string> sets;
  bool create_only = false;
  std::string if_match;
  std::string source_time;
  std::string output = "table";
};

int CharactersOf(absl::string_view text) {
  int characters = 0;
  for (; !text.empty(); ++characters) TakeCodePoint(&text);
  return characters;
}

// The same for the same relationship, so that to create it again makes no second one.
std::string DefaultId(const CreateArguments& arguments) {
  std::string id = absl::StrCat(arguments.name, "-", arguments.target);
  return CharactersOf(id) <= kIdCharactersMax ? id : client::RandomRequestId();
}

absl::StatusOr<ExitCode> Create(const CreateArguments& arguments, client::Client* client,
                                const Console& console) {
  Json contents = Json::object();
  if (const absl::Status status = Assign(arguments.sets, &contents); !status.ok()) return status;
  v1::CreateRelationshipRequest request;
  v1::Relationship& relationship = *request.mutable_relationship();
  relationship.set_source_id(arguments.source);
  relationship.set_id(arguments.id.empty() ? DefaultId(arguments) : arguments.id);
  relationship.set_name(arguments.name);
  relationship.set_target_id(arguments.target);
  relationship.set_contents_json(DumpJson(contents));
  request.set_create_only(arguments.create_only);
  request.set_if_match(arguments.if_match);
  if (const absl::Status set = SetSourceTime(arguments.source_time, &request); !set.ok()) {
    return set;
  }
  request.set_request_id(client::RandomRequestId());
  const absl::StatusOr<v1::CreateRelationshipResponse> response =
      client->CreateRelationship(request);
  if (!response.ok()) return WithStringHint(response.status(), arguments.sets);
  WriteDone(
      absl::StrCat(response->created() ? "created" : "replaced", " relationship '",
                   relationship.id(), "' of '", arguments.source, "', etag ", response->etag()),
      {{"$relationshipId", relationship.id()},
       {"$sourceId", arguments.source},
       {"$etag", response->etag()},
       {"created", response->created()},
       {"sequence", response->position().sequence()}},
      FormatOf(arguments.output), console);
  return kExitDone;
}

}  // namespace

void AddRelationshipsCreate(CLI::App* group, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<CreateArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "create",
       .summary = "Create a relationship, or replace its properties",
       .examples = "twinctl relationships create pack-1 hasModule module-1 --set position=0\n"
                   "twinctl relationships create a feeds b --id a-b --create-only"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Create(*arguments, client, console);
      }));
  command->add_option("SOURCE", arguments->source, "The twin that it leaves")
      ->type_name("SOURCE")
      ->required();
  command->add_option("NAME", arguments->name, "Its name, as the source's model declares it")
      ->type_name("NAME")
      ->required();
  command->add_option("TARGET", arguments->target, "The twin that it leads to")
      ->type_name("TARGET")
      ->required();
  command
      ->add_option("--id", arguments->id, "Its id, unique among those of the source (NAME-TARGET)")
      ->type_name("ID");
  AddSetOption(command, &arguments->sets,
               "Give it a value, such as position=3; VALUE is JSON if it can be read so, else a "
               "string; several: the option again");
  command->add_flag("--create-only", arguments->create_only, "Refuse to replace one");
  AddIfMatch(command, &arguments->if_match);
  AddSourceTime(command, &arguments->source_time);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
