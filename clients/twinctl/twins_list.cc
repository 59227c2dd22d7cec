#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clients/twinctl/results.h"
#include "clients/twinctl/row_printer.h"
#include "clients/twinctl/twin_json.h"
#include "clients/twinctl/twins.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr uint64_t kPageMax = 10'000;

struct ListArguments {
  std::string model;
  bool exact = false;
  uint64_t limit = 0;
  std::string output = "table";
};

absl::StatusOr<ExitCode> List(const ListArguments& arguments, client::Client* client,
                              const Console& console) {
  const Format format = FormatOf(arguments.output);
  std::vector<Column> columns = TwinColumns();
  if (format == Format::kTable) columns.pop_back();  // A table shows no contents.
  RowPrinter printer(format, console, std::move(columns));
  v1::ListTwinsRequest request;
  request.set_model_id(arguments.model);
  request.set_exact_model(arguments.exact);
  request.set_format(format == Format::kTable ? v1::NONE : v1::JSON);
  return printer.PrintPages(
      request, {.limit = arguments.limit, .page_max = kPageMax},
      [&](const v1::ListTwinsRequest& of_page) { return client->ListTwins(of_page); },
      [&](const v1::ListTwinsResponse& page, RowLimit* limit, Json* rows) {
        for (const v1::Twin& twin : page.twins()) {
          if (limit->Take()) rows->push_back(TwinJson(twin));
        }
        if (printer.wants_columns()) *rows = TwinRows(*rows);
      });
}

}  // namespace

void AddTwinsList(CLI::App* twins, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<ListArguments>();
  CLI::App* const command = line->AddCommand(
      twins,
      {.name = "list",
       .summary = "List twins, all or those of a model",
       .description = "In no order that means anything. What changes meanwhile may be seen or not.",
       .examples = "twinctl twins list --model 'dtmi:com:example:Cell;1' --limit 10\n"
                   "twinctl twins list -o ndjson > twins.ndjson"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return List(*arguments, client, console);
      }));
  command
      ->add_option("--model", arguments->model,
                   "Only twins of this model, of models derived from it, and of their later "
                   "versions")
      ->type_name("DTMI");
  command->add_flag("--exact", arguments->exact, "Of exactly that model");
  AddLimit(command, &arguments->limit);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
