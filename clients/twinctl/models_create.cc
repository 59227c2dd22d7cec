#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "clients/twinctl/findings.h"
#include "clients/twinctl/models.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct CreateArguments {
  std::vector<std::string> paths;
  bool dry_run = false;
  std::string output = "table";
};

// Why the server refuses the texts: a finding a line, as `models validate` prints them. Returns how
// many; 0: it says nothing more.
int PrintFindings(const std::vector<InputText>& texts, client::Client* client,
                  const Console& console) {
  v1::ValidateModelsRequest request;
  for (const InputText& text : texts) request.add_texts(text.text);
  const absl::StatusOr<v1::ValidateModelsResponse> response = client->ValidateModels(request);
  if (!response.ok()) return 0;
  int errors = 0;
  for (const v1::Finding& finding : response->findings()) {
    if (finding.severity() != v1::Finding::ERROR) continue;
    ++errors;
    const std::string place =
        finding.text() < texts.size()
            ? absl::StrFormat("%s:%d:%d: ", texts[finding.text()].name,
                              std::max(finding.line(), 1u), std::max(finding.column(), 1u))
            : "";
    console.err << console.err_style.Paint(Tone::kStrong, Printable(place))
                << console.err_style.Paint(Tone::kError, "error:") << ' '
                << Printable(finding.message()) << " [" << Printable(finding.code()) << "]\n";
  }
  for (const std::string& id : response->unresolved()) {
    ++errors;
    console.err << console.err_style.Paint(Tone::kError, "unresolved:") << " '" << Printable(id)
                << "' is defined neither in these files nor on the server\n";
  }
  return errors;
}

absl::StatusOr<ExitCode> Create(const CreateArguments& arguments, client::Client* client,
                                const Console& console) {
  const absl::StatusOr<std::vector<InputText>> texts = ReadModelTexts(arguments.paths);
  if (!texts.ok()) return UsageError(texts.status().message());
  v1::CreateModelsRequest request;
  for (const InputText& text : *texts) request.add_texts(text.text);
  request.set_validate_only(arguments.dry_run);
  request.set_request_id(client::RandomRequestId());
  const absl::StatusOr<v1::CreateModelsResponse> response = client->CreateModels(request);
  if (absl::IsInvalidArgument(response.status())) {
    const int errors = PrintFindings(*texts, client, console);
    if (errors == 0) return response.status();
    return console.Fail(kExitRefused,
                        absl::StrCat("no model was created: ", Count(errors, "error")));
  }
  if (!response.ok()) return response.status();
  Json ids = Json::array();
  for (const v1::Model& model : response->models()) ids.push_back(model.id());
  WriteDone(
      absl::StrCat(arguments.dry_run ? "would create " : "created ", CountOf(ids.size(), "model")),
      {{"models", ids},
       {"dryRun", arguments.dry_run},
       {"sequence", response->position().sequence()}},
      FormatOf(arguments.output), console);
  return kExitDone;
}

}  // namespace

void AddModelsCreate(CLI::App* models, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<CreateArguments>();
  CLI::App* const command = line->AddCommand(
      models,
      {.name = "create",
       .summary = "Give models to the server: all of them, or none and all errors at once",
       .description = "They may refer to each other and to models of the server. A model never "
                      "changes: what is there under an id already is refused, and a change is a "
                      "new version.",
       .examples = "twinctl models create models/battery\n"
                   "twinctl models create Cell.json --dry-run"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Create(*arguments, client, console);
      }));
  command
      ->add_option("PATH", arguments->paths,
                   "Files of one interface or an array of them; folders, of which all *.json are "
                   "read, those of the folders below too; - is stdin")
      ->type_name("PATH")
      ->required();
  command->add_flag("--dry-run", arguments->dry_run, "Only check them; nothing is changed");
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
