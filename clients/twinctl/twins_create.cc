#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/assignments.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/twin_json.h"
#include "clients/twinctl/twins.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct CreateArguments {
  std::string id;
  std::string model;
  std::vector<std::string> sets;
  std::string json_path;
  std::string if_match;
  std::string source_time;
  bool create_only = false;
  std::string output = "table";
};

// Takes a string member out of `object`; empty: there is none.
std::string TakeString(const char* key, Json* object) {
  const auto found = object->find(key);
  if (found == object->end() || !found->is_string()) return "";
  std::string value = found->get<std::string>();
  object->erase(key);
  return value;
}

// The twin of --json and --set. What stands on the command line counts.
absl::StatusOr<v1::Twin> MakeTwin(const CreateArguments& arguments) {
  Json object = Json::object();
  if (!arguments.json_path.empty()) {
    const absl::StatusOr<std::string> text = ReadText(arguments.json_path);
    if (!text.ok()) return text.status();
    absl::StatusOr<Json> json = ParseJson(*text, absl::StrCat("'", arguments.json_path, "'"));
    if (!json.ok()) return UsageError(json.status().message());
    if (!json->is_object()) {
      return UsageError(absl::StrCat("'", arguments.json_path, "' is no JSON object"));
    }
    object = *std::move(json);
  }
  v1::Twin twin;
  twin.set_id(arguments.id);
  const std::string id = TakeString("$dtId", &object);
  if (!id.empty() && id != arguments.id) {
    return UsageError(absl::StrCat("'", arguments.json_path, "' is the twin '", id, "', not '",
                                   arguments.id, "'"));
  }
  twin.set_model_id(arguments.model);
  if (const auto metadata = object.find("$metadata");
      metadata != object.end() && metadata->is_object()) {
    const std::string model = TakeString("$model", &*metadata);
    if (arguments.model.empty()) twin.set_model_id(model);
  }
  if (twin.model_id().empty()) {
    return UsageError("no model is given: name it with --model, or as $metadata.$model of --json");
  }
  object.erase("$etag");
  object.erase("$metadata");
  if (const absl::Status status = Assign(arguments.sets, &object); !status.ok()) return status;
  twin.set_contents_json(DumpJson(object));
  return twin;
}

absl::StatusOr<ExitCode> Create(const CreateArguments& arguments, client::Client* client,
                                const Console& console) {
  absl::StatusOr<v1::Twin> twin = MakeTwin(arguments);
  if (!twin.ok()) return twin.status();
  v1::CreateTwinRequest request;
  *request.mutable_twin() = *std::move(twin);
  request.set_create_only(arguments.create_only);
  request.set_if_match(arguments.if_match);
  if (const absl::Status set = SetSourceTime(arguments.source_time, &request); !set.ok()) {
    return set;
  }
  request.set_request_id(client::RandomRequestId());
  const absl::StatusOr<v1::CreateTwinResponse> response = client->CreateTwin(request);
  if (!response.ok()) return WithStringHint(response.status(), arguments.sets);
  WriteDone(absl::StrCat(response->created() ? "created" : "replaced", " twin '", arguments.id,
                         "', etag ", response->etag()),
            {{"$dtId", arguments.id},
             {"$etag", response->etag()},
             {"created", response->created()},
             {"sequence", response->position().sequence()}},
            FormatOf(arguments.output), console);
  return kExitDone;
}

}  // namespace

void AddTwinsCreate(CLI::App* twins, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<CreateArguments>();
  CLI::App* const command = line->AddCommand(
      twins,
      {.name = "create",
       .summary = "Create a twin, or replace its model and properties",
       .description =
           "Relationships of a twin that is replaced stay. --set goes over what --json has.",
       .examples = "twinctl twins create cell-7 --model 'dtmi:com:example:Cell;1' --set "
                   "serial=A7 --set soh.value=0.97\n"
                   "twinctl twins create cell-7 --json cell-7.json --create-only"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Create(*arguments, client, console);
      }));
  command->add_option("ID", arguments->id, "The twin's id")->type_name("ID")->required();
  command->add_option("--model", arguments->model, "Its model")->type_name("DTMI");
  AddSetOption(command, &arguments->sets,
               "Give it a value, such as soh.value=0.97; VALUE is JSON if it can be read so, else "
               "a string; several: the option again");
  command
      ->add_option("--json", arguments->json_path,
                   "Read it from a file, in the form that 'twins get -o json' prints; - is stdin")
      ->type_name("FILE");
  command->add_flag("--create-only", arguments->create_only, "Refuse to replace a twin");
  AddIfMatch(command, &arguments->if_match);
  AddSourceTime(command, &arguments->source_time);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
