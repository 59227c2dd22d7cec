// `relationships patch` and `relationships delete`.
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/assignments.h"
#include "clients/twinctl/relationships.h"
#include "clients/twinctl/results.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct ChangeArguments {
  RelationshipKey key;
  PatchArguments patch;  // of `patch`
  std::string if_match;
  std::string source_time;
  std::string output = "table";
};

absl::StatusOr<ExitCode> PatchIt(const ChangeArguments& arguments, client::Client* client,
                                 const Console& console) {
  absl::StatusOr<Patch> patch = ReadPatch(arguments.patch);
  if (!patch.ok()) return patch.status();
  v1::UpdateRelationshipRequest request;
  request.set_source_id(arguments.key.source);
  request.set_id(arguments.key.id);
  request.set_json_patch(std::move(patch->json));
  for (v1::Edit& edit : patch->edits) *request.add_edits() = std::move(edit);
  request.set_if_match(arguments.if_match);
  if (const absl::Status set = SetSourceTime(arguments.source_time, &request); !set.ok()) {
    return set;
  }
  request.set_request_id(client::RandomRequestId());
  const absl::StatusOr<v1::UpdateRelationshipResponse> response =
      client->UpdateRelationship(request);
  if (!response.ok()) return WithStringHint(response.status(), arguments.patch.sets);
  WriteDone(absl::StrCat("changed relationship '", arguments.key.id, "' of '", arguments.key.source,
                         "', etag ", response->etag()),
            {{"$relationshipId", arguments.key.id},
             {"$sourceId", arguments.key.source},
             {"$etag", response->etag()},
             {"sequence", response->position().sequence()}},
            FormatOf(arguments.output), console);
  return kExitDone;
}

absl::StatusOr<ExitCode> Delete(const ChangeArguments& arguments, client::Client* client,
                                const Console& console) {
  v1::DeleteRelationshipRequest request;
  request.set_source_id(arguments.key.source);
  request.set_id(arguments.key.id);
  request.set_if_match(arguments.if_match);
  if (const absl::Status set = SetSourceTime(arguments.source_time, &request); !set.ok()) {
    return set;
  }
  request.set_request_id(client::RandomRequestId());
  const absl::StatusOr<v1::DeleteRelationshipResponse> response =
      client->DeleteRelationship(request);
  if (!response.ok()) return response.status();
  WriteDone(
      absl::StrCat("deleted relationship '", arguments.key.id, "' of '", arguments.key.source, "'"),
      {{"$relationshipId", arguments.key.id},
       {"$sourceId", arguments.key.source},
       {"sequence", response->position().sequence()}},
      FormatOf(arguments.output), console);
  return kExitDone;
}

}  // namespace

void AddRelationshipsPatch(CLI::App* group, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<ChangeArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "patch",
       .summary = "Change properties of a relationship, all of them or none",
       .usage = {"[options] SOURCE ID PATCH",
                 "[options] SOURCE ID [--set PATH=VALUE]… [--remove PATH]…"},
       .description = "A PATH is a property's name, or a JSON Pointer (/position) where a name has "
                      "a dot in it.",
       .examples = "twinctl relationships patch pack-1 hasModule-module-1 --set position=3\n"
                   "twinctl relationships patch pack-1 hasModule-module-1 - < patch.json"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return PatchIt(*arguments, client, console);
      }));
  AddRelationshipKey(command, &arguments->key);
  AddPatchOptions(command, &arguments->patch);
  AddIfMatch(command, &arguments->if_match);
  AddSourceTime(command, &arguments->source_time);
  CommandLine::AddOutput(command, &arguments->output);
}

void AddRelationshipsDelete(CLI::App* group, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<ChangeArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "delete",
       .summary = "Delete a relationship",
       .examples = "twinctl relationships delete pack-1 hasModule-module-1"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Delete(*arguments, client, console);
      }));
  AddRelationshipKey(command, &arguments->key);
  AddIfMatch(command, &arguments->if_match);
  AddSourceTime(command, &arguments->source_time);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
