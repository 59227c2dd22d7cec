// `models list` and `models get`.
#include <memory>
#include <string>

#include "clients/twinctl/models.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/row_printer.h"
#include "clients/twinctl/twin_json.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr uint64_t kPageMax = 1000;

struct ListArguments {
  uint64_t limit = 0;
  std::string output = "table";
};

struct GetArguments {
  std::string id;
  std::string output = "table";
};

Json ModelJson(const v1::Model& model) {
  Json bases = Json::array();
  for (const std::string& base : model.bases()) bases.push_back(base);
  return {{"id", model.id()},
          {"displayName", model.display_name()},
          {"description", model.description()},
          {"decommissioned", model.decommissioned()},
          {"uploadTime", TimeText(model.upload_time_unix_nano())},
          {"twins", model.twins()},
          {"bases", bases}};
}

absl::StatusOr<ExitCode> List(const ListArguments& arguments, client::Client* client,
                              const Console& console) {
  const Format format = FormatOf(arguments.output);
  RowPrinter printer(format, console,
                     format == Format::kTable
                         ? std::vector<Column>{{.key = "id", .title = "ID"},
                                               {.key = "twins", .title = "TWINS", .right = true},
                                               {.key = "displayName", .title = "NAME"},
                                               {.key = "state", .title = ""}}
                         : ColumnsOfKeys({"id", "displayName", "description", "decommissioned",
                                          "uploadTime", "twins", "bases"}));
  v1::ListModelsRequest request;
  return printer.PrintPages(
      request, {.limit = arguments.limit, .page_max = kPageMax},
      [&](const v1::ListModelsRequest& of_page) { return client->ListModels(of_page); },
      [&](const v1::ListModelsResponse& page, RowLimit* limit, Json* rows) {
        for (const v1::Model& model : page.models()) {
          if (!limit->Take()) break;
          rows->push_back(ModelJson(model));
          if (format == Format::kTable) {
            rows->back()["state"] = model.decommissioned() ? "decommissioned" : "";
          }
        }
      });
}

absl::StatusOr<ExitCode> Get(const GetArguments& arguments, client::Client* client,
                             const Console& console) {
  const Format format = FormatOf(arguments.output);
  v1::GetModelRequest request;
  request.set_id(arguments.id);
  request.set_with_text(format != Format::kTable && format != Format::kCsv);
  const absl::StatusOr<v1::Model> model = client->GetModel(request);
  if (!model.ok()) return model.status();
  if (!request.with_text()) {
    WriteObject(ModelJson(*model), format, console);
  } else if (format == Format::kJson) {
    console.out << model->text() << (model->text().ends_with('\n') ? "" : "\n");
  } else {
    const absl::StatusOr<Json> json = ParseJson(model->text(), "the server's text of the model");
    if (!json.ok()) return json.status();
    WriteObject(*json, format, console);
  }
  return kExitDone;
}

}  // namespace

void AddModelsList(CLI::App* models, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<ListArguments>();
  CLI::App* const command = line->AddCommand(
      models,
      {.name = "list",
       .summary = "List the models of the server, with the number of their twins",
       .examples = "twinctl models list\n"
                   "twinctl models list -o ndjson | jq .id"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return List(*arguments, client, console);
      }));
  AddLimit(command, &arguments->limit);
  CommandLine::AddOutput(command, &arguments->output);
}

void AddModelsGet(CLI::App* models, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<GetArguments>();
  CLI::App* const command = line->AddCommand(
      models,
      {.name = "get",
       .summary = "Print a model of the server",
       .description = "-o table and csv say what the server knows of it; json is its text as it "
                      "was given, byte for byte; ndjson and yaml are the same in another form.",
       .examples = "twinctl models get 'dtmi:com:example:Cell;1'\n"
                   "twinctl models get 'dtmi:com:example:Cell;1' -o json > Cell.json"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Get(*arguments, client, console);
      }));
  command->add_option("ID", arguments->id, "The model")->type_name("DTMI")->required();
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
