#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clients/twinctl/comparison.h"
#include "clients/twinctl/findings.h"
#include "clients/twinctl/models.h"
#include "clients/twinctl/models_options.h"

namespace twin::twinctl {
namespace {

struct DiffArguments {
  std::string old_path;
  std::string new_path;
  std::string output = "table";
  std::string fail_on = "any";
  bool twins = false;
  Selection selection;
  ModelOptions models;
};

// A side's models; nullptr after its findings were printed, with the exit code in `code`.
std::shared_ptr<const dtdl::ModelSet> ReadSide(const std::string& path,
                                               const dtdl::ParseOptions& options,
                                               const Console& console, int* code) {
  const absl::StatusOr<std::vector<InputText>> texts = ReadModelTexts({path});
  if (!texts.ok()) {
    const absl::string_view hint =
        absl::StartsWith(path, "dtmi:") ? "; --twins compares models of the server" : "";
    *code = console.Fail(kExitUsage, absl::StrCat(texts.status().message(), hint));
    return nullptr;
  }
  const dtdl::ParseResult result = ParseTexts(*texts, options);
  const Findings findings(&*texts, &result);
  if (findings.valid()) return result.models;
  findings.Print(console, /*warnings=*/false);
  *code = console.Fail(kExitRefused, absl::StrCat("nothing was compared: '", path,
                                                  "' is not valid: ", findings.Summary()));
  return nullptr;
}

// Whether the difference is one that the user wants to be told of by the exit code.
bool Matters(const dtdl::SetDiff& diff, absl::string_view fail_on) {
  const absl::string_view found = CompatibilityOf(diff);
  if (found == "none" || fail_on == "any") return found != "none";
  return found == "breaking" || (found == "additive" && fail_on == "additive");
}

int Compare(const DiffArguments& arguments, const Console& console) {
  if (arguments.old_path == "-" && arguments.new_path == "-") {
    return console.Fail(kExitUsage, "only one of OLD and NEW can be stdin");
  }
  const dtdl::ParseOptions options = arguments.models.ToParseOptions();
  int code = kExitDone;
  const auto old_models = ReadSide(arguments.old_path, options, console, &code);
  if (code == kExitUsage) return code;
  const auto new_models = ReadSide(arguments.new_path, options, console, &code);
  if (code != kExitDone) return code;
  const absl::StatusOr<dtdl::SetDiff> diff =
      CompareModels(*old_models, *new_models, arguments.selection);
  if (!diff.ok()) return console.Fail(kExitUsage, diff.status().message());
  const Format format = FormatOf(arguments.output);
  if (format == Format::kTable) {
    PrintComparison(*diff, console);
  } else {
    WriteData(ComparisonData(*diff), format, console.out);
  }
  return Matters(*diff, arguments.fail_on) ? kExitRefused : kExitDone;
}

int CompareOnServer(const DiffArguments& arguments, const ServerPointer& server,
                    const Console& console) {
  if (arguments.fail_on == "additive") {
    return console.Fail(kExitUsage, "--twins takes --fail-on any or --fail-on breaking");
  }
  const ServerDiffOptions options = {.old_id = arguments.old_path,
                                     .new_id = arguments.new_path,
                                     .format = FormatOf(arguments.output),
                                     .breaking_only = arguments.fail_on == "breaking"};
  return OnServer(server, [&](client::Client* client, const Console&) {
    return DiffOnServer(options, client, console);
  })(console);
}

}  // namespace

void AddModelsDiff(CLI::App* models, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<DiffArguments>();
  CLI::App* const command = line->AddCommand(
      models,
      {.name = "diff",
       .summary = "Compare two versions of models: what is additive, what is breaking",
       .usage = {"[options] OLD NEW", "[options] --twins ID ID"},
       .description =
           "A model is compared with the one of the same id, else with the latest of its versions; "
           "two files of one model each are compared whatever their ids are. Additive (+): every "
           "twin of the old is a twin of the new. Breaking (!): some twin of the old is not, or "
           "something that was there is gone; 'twins:' says what they need. Documentation (~): "
           "texts only. Exit code 0: no difference; 1: a difference (see --fail-on), or one side "
           "is not "
           "valid; 2: wrong usage, or a file that cannot be read.",
       .examples =
           "twinctl models diff v1/Cell.json v2/Cell.json\n"
           "twinctl models diff models/ ../released/models/ --fail-on breaking\n"
           "git show main:Cell.json | twinctl models diff - Cell.json\n"
           "twinctl models diff --twins 'dtmi:com:example:Cell;1' 'dtmi:com:example:Cell;2'"},
      [arguments, server](const Console& console) {
        return arguments->twins ? CompareOnServer(*arguments, server, console)
                                : Compare(*arguments, console);
      });
  command->add_option("OLD", arguments->old_path, "File or folder; - is stdin")
      ->type_name("PATH")
      ->required();
  command->add_option("NEW", arguments->new_path, "File or folder; - is stdin")
      ->type_name("PATH")
      ->required();
  CommandLine::AddOutput(command, &arguments->output);
  CommandLine::AddChoice(command, "--fail-on", &arguments->fail_on, "any|additive|breaking",
                         "The least difference that makes the exit code 1: additive passes over "
                         "documentation, breaking over additions too (any)");
  command
      ->add_option("--old-model", arguments->selection.old_id,
                   "Compare this model of OLD only, with --new-model or its own next version; "
                   "without a version: the latest")
      ->type_name("ID");
  command->add_option("--new-model", arguments->selection.new_id, "Compare this model of NEW only")
      ->type_name("ID");
  command->add_flag("--twins", arguments->twins,
                    "Compare two models of the server, by their ids, and say how many twins that "
                    "concerns");
  AddModelOptions(command, &arguments->models);
}

}  // namespace twin::twinctl
