#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/assignments.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/twins.h"
#include "twingraph/v1/twin_service.pb.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct Arguments {
  std::string id;
  PatchArguments patch;
  std::string if_match;
  std::string source_time;
  std::string output = "table";
};

absl::StatusOr<ExitCode> PatchTwin(const Arguments& arguments, client::Client* client,
                                   const Console& console) {
  absl::StatusOr<Patch> patch = ReadPatch(arguments.patch);
  if (!patch.ok()) return patch.status();
  v1::UpdateTwinRequest request;
  request.set_id(arguments.id);
  request.set_json_patch(std::move(patch->json));
  for (v1::Edit& edit : patch->edits) *request.add_edits() = std::move(edit);
  request.set_if_match(arguments.if_match);
  if (const absl::Status set = SetSourceTime(arguments.source_time, &request); !set.ok()) {
    return set;
  }
  request.set_request_id(client::RandomRequestId());
  const absl::StatusOr<v1::UpdateTwinResponse> response = client->UpdateTwin(request);
  if (!response.ok()) return WithStringHint(response.status(), arguments.patch.sets);
  WriteDone(absl::StrCat("changed twin '", arguments.id, "', etag ", response->etag()),
            {{"$dtId", arguments.id},
             {"$etag", response->etag()},
             {"sequence", response->position().sequence()}},
            FormatOf(arguments.output), console);
  return kExitDone;
}

}  // namespace

void AddTwinsPatch(CLI::App* twins, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = line->AddCommand(
      twins,
      {.name = "patch",
       .summary = "Change properties of a twin, all of them or none",
       .usage = {"[options] ID PATCH", "[options] ID [--set PATH=VALUE]… [--remove PATH]…"},
       .description = "A PATH is written as soh.value, or as a JSON Pointer (/soh/value) where a "
                      "name has a dot in it.",
       .examples = "twinctl twins patch cell-7 --set soh.value=0.95 --remove note\n"
                   "twinctl twins patch cell-7 "
                   "'[{\"op\": \"test\", \"path\": \"/serial\", \"value\": \"A7\"}]'\n"
                   "twinctl twins patch cell-7 - < patch.json"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return PatchTwin(*arguments, client, console);
      }));
  command->add_option("ID", arguments->id, "The twin")->type_name("ID")->required();
  AddPatchOptions(command, &arguments->patch);
  AddIfMatch(command, &arguments->if_match);
  AddSourceTime(command, &arguments->source_time);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
