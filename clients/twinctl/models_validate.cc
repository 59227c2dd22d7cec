#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/findings.h"
#include "clients/twinctl/models.h"
#include "clients/twinctl/models_cases.h"
#include "clients/twinctl/models_options.h"

namespace twin::twinctl {
namespace {

struct ValidateArguments {
  std::vector<std::string> paths;
  std::string output = "table";
  std::string cases;
  bool quiet = false;
  ModelOptions models;
  const CLI::Option* output_option = nullptr;
  const CLI::Option* cases_option = nullptr;
};

int AnswerCases(const ValidateArguments& arguments, const Console& console) {
  if (arguments.output_option->count() > 0 && arguments.output != "ndjson") {
    return console.Fail(kExitUsage, "--jsonl prints one answer a line; it takes no --output");
  }
  std::vector<std::string> paths = arguments.paths;
  if (!arguments.cases.empty()) paths.insert(paths.begin(), arguments.cases);
  if (paths.empty()) paths.emplace_back("-");
  CaseAnswerer answerer(arguments.models.ToParseOptions());
  for (const std::string& path : paths) {
    absl::StatusOr<InputFile> file = InputFile::Open(path);
    if (!file.ok()) return console.Fail(kExitUsage, file.status().message());
    const absl::Status status = answerer.AnswerAll(&*file, console.out);
    console.out.flush();
    if (!status.ok()) return console.Fail(kExitUsage, status.message());
  }
  if (answerer.refused() == 0) return kExitDone;
  return console.Fail(kExitRefused,
                      absl::StrCat(answerer.refused(), " of ", Count(answerer.cases(), "line"),
                                   " could not be answered; each answer's 'error' says why"));
}

int Validate(const ValidateArguments& arguments, const Console& console) {
  if (arguments.cases_option->count() > 0) return AnswerCases(arguments, console);
  if (arguments.paths.empty()) {
    return console.Fail(kExitUsage, "no PATH is given: name files or folders, or - to read stdin");
  }
  const absl::StatusOr<std::vector<InputText>> texts = ReadModelTexts(arguments.paths);
  if (!texts.ok()) return console.Fail(kExitUsage, texts.status().message());
  const dtdl::ParseResult result = ParseTexts(*texts, arguments.models.ToParseOptions());
  const Findings findings(&*texts, &result);

  const Format format = FormatOf(arguments.output);
  if (format != Format::kTable) {
    WriteData(findings.AsData(), format, console.out);
    return findings.valid() ? kExitDone : console.Fail(kExitRefused, findings.Summary());
  }
  findings.Print(console, !arguments.quiet);
  console.err.flush();
  if (!arguments.quiet) {
    const Tone tone = findings.valid() ? Tone::kGood : Tone::kError;
    console.out << console.out_style.Paint(tone, findings.Summary()) << '\n';
  }
  return findings.valid() ? kExitDone : kExitRefused;
}

}  // namespace

void AddModelsValidate(CLI::App* models, CommandLine* line) {
  const auto arguments = std::make_shared<ValidateArguments>();
  CLI::App* const command = line->AddCommand(
      models,
      {.name = "validate",
       .summary =
           "Check DTDL models, offline: all errors at once, each with its place and the way out",
       .usage = {"[options] PATH…", "[options] --jsonl [FILE]"},
       .description =
           "All files are checked as one set: a model may name any other of them. Findings go to "
           "stderr and the verdict to stdout; with -o json, ndjson, csv or yaml the findings are "
           "what stdout gets. Exit code 0: valid; 1: not, or incomplete, because an id is named "
           "that no file defines; 2: wrong usage, or a file that cannot be read.",
       .examples = "twinctl models validate models/battery\n"
                   "twinctl models validate Cell.json Pack.json -o json\n"
                   "cat Cell.json | twinctl models validate -\n"
                   "twinctl models validate --jsonl cases.jsonl"},
      [arguments](const Console& console) { return Validate(*arguments, console); });
  command
      ->add_option("PATH", arguments->paths,
                   "Files of one interface or an array of them; folders, of which all *.json are "
                   "read, those of the folders below too; - is stdin")
      ->type_name("PATH");
  arguments->output_option = CommandLine::AddOutput(command, &arguments->output);
  arguments->cases_option =
      command
          ->add_option("--jsonl", arguments->cases,
                       "Read cases, one JSON object a line, and print an answer for each; FILE or "
                       "PATH may be - for stdin")
          ->type_name("FILE")
          ->expected(0, 1);
  AddModelOptions(command, &arguments->models);
  command->add_flag("-q,--quiet", arguments->quiet, "Print errors only: no warnings, no verdict");
}

}  // namespace twin::twinctl
