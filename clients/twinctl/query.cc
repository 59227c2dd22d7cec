// The command `query`: one text, many texts to check, or a prompt.
#include "clients/twinctl/query.h"

#include <unistd.h>

#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clients/twinctl/query_check.h"
#include "clients/twinctl/query_prompt.h"
#include "clients/twinctl/row_printer.h"
#include "query/ast/error.h"

namespace twin::twinctl {
namespace {

struct QueryArguments {
  std::string text;  // "-": stdin
  QueryOptions query;
  bool check = false;
  bool adt_limits = false;
  std::vector<std::string> models;
  std::string cases;
  const CLI::Option* text_option = nullptr;
  const CLI::Option* cases_option = nullptr;
};

absl::StatusOr<std::string> TextOf(const QueryArguments& arguments) {
  if (arguments.text_option->count() == 0) {
    return UsageError("no TEXT is given: name a query, or - to read stdin");
  }
  if (arguments.text != "-") return arguments.text;
  return ReadText("-");
}

// --check --jsonl.
ExitCode CheckCases(const QueryArguments& arguments, QueryChecker* checker,
                    const Console& console) {
  if (arguments.text_option->count() > 0 && arguments.text != "-") {
    return console.Fail(kExitUsage, "--jsonl reads queries from a file; it takes no TEXT");
  }
  absl::StatusOr<InputFile> file = InputFile::Open(arguments.cases.empty() ? "-" : arguments.cases);
  if (!file.ok()) return console.Fail(kExitUsage, file.status().message());
  const absl::Status status = checker->CheckAll(&*file, console.out);
  console.out.flush();
  if (!status.ok()) return console.Fail(kExitUsage, status.message());
  if (checker->refused() == 0) return kExitDone;
  return console.Fail(kExitRefused, absl::StrCat(checker->refused(), " of ", checker->cases(),
                                                 " lines could not be answered; each answer's "
                                                 "'error' says why"));
}

ExitCode Check(const QueryArguments& arguments, const Console& console) {
  absl::StatusOr<QueryChecker> checker = QueryChecker::Make(
      arguments.models, DialectOf(arguments.query.dialect), arguments.adt_limits);
  if (!checker.ok()) return Report(checker.status(), console);
  if (arguments.cases_option->count() > 0) return CheckCases(arguments, &*checker, console);
  const absl::StatusOr<std::string> text = TextOf(arguments);
  if (!text.ok()) return Report(text.status(), console);
  const absl::Status status = checker->Check(*text);
  if (!status.ok()) {
    return Report(absl::Status(status.code(), query::WithCaret(status, *text)), console);
  }
  console.out << console.out_style.Paint(Tone::kGood, "valid") << '\n';
  return kExitDone;
}

absl::StatusOr<ExitCode> RunPrompt(const QueryOptions& options, client::Client* client,
                                   const Console& console) {
  QueryPrompt prompt(options, client, console);
  LineEditorOptions editor_options;
  editor_options.history_path = HistoryPath();
  editor_options.complete = [&](absl::string_view text) { return prompt.CompleteText(text); };
  const std::unique_ptr<LineSource> lines = MakeLineEditor(std::move(editor_options));
  if (lines == nullptr) return UsageError("the terminal cannot be used; give the query as TEXT");
  return prompt.Run(lines.get());
}

absl::StatusOr<ExitCode> Query(const QueryArguments& arguments, client::Client* client,
                               const Console& console) {
  if (arguments.text_option->count() == 0 && isatty(STDIN_FILENO) != 0 &&
      isatty(STDOUT_FILENO) != 0) {
    return RunPrompt(arguments.query, client, console);
  }
  const absl::StatusOr<std::string> text = TextOf(arguments);
  if (!text.ok()) return text.status();
  QueryOutcome outcome;
  const absl::Status status = RunQuery(arguments.query, *text, client, console, &outcome);
  if (!status.ok()) return status;
  return kExitDone;
}

std::string CheckPageSize(const std::string& text) {
  int number = 0;
  if (absl::SimpleAtoi(text, &number) && number > 0 && number <= 10'000) return "";
  return absl::StrCat("'", text, "' is no number from 1 to 10000");
}

}  // namespace

void AddQuery(CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<QueryArguments>();
  const Action on_server =
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Query(*arguments, client, console);
      });
  CLI::App* const command = line->AddCommand(
      line->root(),
      {.name = "query",
       .summary = "Ask the graph: run a query, check it offline, or type queries at a prompt",
       .usage = {"[options] TEXT", "[options]", "--check [options] TEXT",
                 "--check --jsonl [FILE] [options]"},
       .description =
           "Rows come in the form of Azure Digital Twins. An error in the text is shown with its "
           "place. Without TEXT, on a terminal, queries are typed at a prompt, which has history "
           "and completion. Ctrl-C stops the query, on the server too.",
       .examples = "twinctl query \"SELECT * FROM DIGITALTWINS T WHERE T.soh.value < 0.8\"\n"
                   "twinctl query 'SELECT COUNT() FROM DIGITALTWINS' -o json\n"
                   "twinctl query --param model=NMC 'SELECT T.$dtId FROM DIGITALTWINS T WHERE "
                   "T.chemistry = @model'\n"
                   "twinctl query --check --models models/battery - < query.tql"},
      [arguments, on_server](const Console& console) -> int {
        return arguments->check ? Check(*arguments, console) : on_server(console);
      });
  QueryOptions& options = arguments->query;
  arguments->text_option =
      command->add_option("TEXT", arguments->text, "The query; - is stdin")->type_name("TEXT");
  command
      ->add_option("--param", options.parameters,
                   "A parameter, @NAME in the text; VALUE is JSON if it can be read so (7, true, "
                   "\"7\", [1, 2]), else a string; as often as needed")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option("--now", options.now,
                   "What NOW() is, such as 2026-03-01T08:30:00Z, so that recorded data can be "
                   "asked about as if it were live")
      ->type_name("TIME");
  CommandLine::AddChoice(command, "--dialect", &options.dialect, kDialectWords,
                         "The language: TQL, or that of Azure Digital Twins alone");
  command->add_flag("--explain", options.explain, "Print the plan instead of running it");
  command->add_flag("--profile", options.profile,
                    "Also print the plan with rows and times, on stderr");
  command->add_flag("--times", options.times,
                    "When each property of whole twins was last changed, in $metadata");
  command->add_flag("--telemetry", options.telemetry, "Latest values of telemetry in whole twins");
  command
      ->add_option("--page-size", options.page_size,
                   "Fetch so many rows at a time, up to 10000, of one snapshot")
      ->type_name("N")
      ->check(CheckPageSize, "");
  AddLimit(command, &options.limit);
  CommandLine::AddOutput(command, &options.output);
  command->add_flag("--check", arguments->check, "Only check the text, without a server");
  command
      ->add_option("--models", arguments->models,
                   "With --check: models that names must be of, files or folders")
      ->type_name("PATH")
      ->allow_extra_args(false);
  command->add_flag("--adt-limits", arguments->adt_limits,
                    "With --check --dialect adt: keep Azure's limits too");
  arguments->cases_option =
      command
          ->add_option("--jsonl", arguments->cases,
                       "With --check: read {\"id\", \"query\"} a line and print {\"id\", \"ok\", "
                       "\"error\"} a line")
          ->type_name("FILE")
          ->expected(0, 1);
}

}  // namespace twin::twinctl
