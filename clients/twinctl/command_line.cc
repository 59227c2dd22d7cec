#include "clients/twinctl/command_line.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "clients/twinctl/help.h"
#include "models/dtdl/diagnostics.h"

namespace twin::twinctl {
namespace {

constexpr char kGlobalGroup[] = "Global options";
constexpr size_t kGuessedWordMin = 3;  // any two shorter words are alike

std::vector<std::string> Words(absl::string_view alternatives) {
  return absl::StrSplit(alternatives, '|');
}

// "; did you mean 'x'?", or `otherwise`.
std::string Suggest(absl::string_view word, const std::vector<std::string>& known,
                    const std::string& otherwise) {
  if (word.size() < kGuessedWordMin) return otherwise;
  const std::vector<absl::string_view> views(known.begin(), known.end());
  const std::string hint = dtdl::DidYouMean(word, views);
  return hint.empty() ? otherwise : absl::StrCat("; ", hint);
}

OptionText DescribeOption(const CLI::Option& option) {
  OptionText text;
  text.description = option.get_description();
  text.positional = option.get_positional();
  text.required = option.get_required();
  text.repeated = option.get_items_expected_max() > 1;
  text.global = option.get_group() == kGlobalGroup;
  if (text.positional) {
    text.names = {option.get_name(true)};
  } else {
    for (const std::string& name : option.get_snames())
      text.names.push_back(absl::StrCat("-", name));
    for (const std::string& name : option.get_lnames())
      text.names.push_back(absl::StrCat("--", name));
  }
  if (option.get_items_expected_max() > 0) {
    text.value = option.get_type_name();
    text.value_optional = !text.positional && option.get_items_expected_min() == 0;
  }
  return text;
}

}  // namespace

std::vector<std::string> OptionText::Choices() const {
  return absl::StrContains(value, '|') ? Words(value) : std::vector<std::string>();
}

bool OptionText::IsPath() const { return value == "PATH" || value == "FILE" || value == "DIR"; }

std::string UnknownCommand(const std::string& word, const CommandInfo& info) {
  if (info.commands.empty()) return absl::StrCat("unexpected argument '", word, "'");
  std::vector<std::string> known;
  for (const CommandInfo& command : info.commands) known.push_back(command.text.name);
  return absl::StrCat("unknown command '", word, "'",
                      Suggest(word, known, "; there is " + absl::StrJoin(known, ", ")));
}

CommandLine::CommandLine(std::string program, std::string summary, const std::string& version)
    : root_("", program) {
  // Options of a parent may stand behind a command. What nothing takes is explained by Explain().
  root_.fallthrough();
  root_.allow_extras();
  root_.require_subcommand(0, 1);
  root_.set_help_flag("-h,--help", "Print this help")->group(kGlobalGroup);
  root_.set_version_flag("--version", absl::StrCat(program, " ", version), "Print the version");
  AddChoice(&root_, "--color", &color_, "auto|always|never",
            "Colour the output: auto does so on a terminal, unless NO_COLOR is set or TERM is dumb")
      ->group(kGlobalGroup);
  commands_[&root_].text = {.name = std::move(program), .summary = std::move(summary)};
}

CLI::App* CommandLine::AddGroup(CLI::App* parent, const CommandText& text) {
  return AddCommand(parent, text, nullptr);
}

CLI::App* CommandLine::AddCommand(CLI::App* parent, const CommandText& text, Action action) {
  // Settings are inherited. At most one command: a folder may be called as the next one is.
  CLI::App* const app = parent->add_subcommand(text.name, text.summary);
  app->require_subcommand(0, 1);
  app->set_help_flag("-h,--help", "Print this help")->group(kGlobalGroup);
  commands_[app] = {.text = text, .action = std::move(action)};
  return app;
}

CLI::Option* CommandLine::AddChoice(CLI::App* command, const std::string& names,
                                    std::string* target, absl::string_view words,
                                    const std::string& description) {
  const std::vector<std::string> known = Words(words);
  return command->add_option(names, *target, description)
      ->type_name(std::string(words))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->check(
          [known](const std::string& value) -> std::string {
            if (std::find(known.begin(), known.end(), value) != known.end()) return "";
            return absl::StrCat("'", value, "' is not one of ", absl::StrJoin(known, ", "),
                                Suggest(value, known, ""));
          },
          "");
}

CLI::Option* CommandLine::AddGlobalOption(const std::string& names, std::string* target,
                                          const std::string& value,
                                          const std::string& description) {
  return root_.add_option(names, *target, description)
      ->type_name(value)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->group(kGlobalGroup);
}

CLI::Option* CommandLine::AddOutput(CLI::App* command, std::string* word) {
  return AddChoice(command, "-o,--output", word, kFormatWords, "How to print the result");
}

const CLI::App& CommandLine::Chosen() const {
  const CLI::App* app = &root_;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

Console CommandLine::MakeConsole(const Process& process) const {
  const auto style = [&](const Terminal& terminal) {
    if (color_ == "auto") return Style(terminal.present && !process.color_refused);
    return Style(color_ == "always");
  };
  return {.out = *process.out,
          .err = *process.err,
          .out_style = style(process.out_terminal),
          .err_style = style(process.err_terminal),
          .out_columns = process.out_terminal.columns,
          .err_columns = process.err_terminal.columns};
}

CommandInfo CommandLine::Describe(const CLI::App& app) const {
  CommandInfo info;
  info.text = commands_.at(&app).text;
  info.path = app.get_name();
  for (const CLI::App* above = app.get_parent(); above != nullptr; above = above->get_parent()) {
    info.path = absl::StrCat(above->get_name(), " ", info.path);
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group() != kGlobalGroup) info.options.push_back(DescribeOption(*option));
  }
  for (const CLI::Option* option : root_.get_options()) {
    if (option->get_group() == kGlobalGroup) info.options.push_back(DescribeOption(*option));
  }
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    info.commands.push_back(Describe(*child));
  }
  return info;
}

int CommandLine::Run(const std::vector<std::string>& arguments, const Process& process) {
  std::string complaint;
  bool help = false;
  try {
    root_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    help = true;
  } catch (const CLI::CallForVersion& version) {
    *process.out << version.what() << '\n';
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    complaint = error.what();
  }
  const CLI::App& chosen = Chosen();
  const Console console = MakeConsole(process);
  if (help) {
    console.out << HelpText(Describe(chosen), console.out_style, console.out_columns);
    return kExitDone;
  }
  const std::string wrong = Explain(complaint);
  if (!wrong.empty()) {
    console.Fail(kExitUsage, wrong);
    console.err << "See '" << Describe(chosen).path << " --help'.\n";
    return kExitUsage;
  }
  const Action& action = commands_.at(&chosen).action;
  if (action != nullptr) return action(console);
  console.err << HelpText(Describe(chosen), console.err_style, console.err_columns);
  return kExitUsage;
}

std::string CommandLine::Explain(const std::string& complaint) const {
  for (const std::string& word : root_.remaining(true)) {
    if (word != "--") return ExplainUnknown(word);
  }
  // "--output: 1 required table|json missing"
  const std::vector<std::string> parts = absl::StrSplit(complaint, absl::MaxSplits(": ", 1));
  absl::string_view value = parts.back();
  if (parts.size() == 2 && absl::ConsumePrefix(&value, "1 required ") &&
      absl::ConsumeSuffix(&value, " missing")) {
    return absl::StrCat("option ", parts[0], " needs a value: ", value);
  }
  return complaint;
}

std::string CommandLine::ExplainUnknown(const std::string& word) const {
  const CommandInfo info = Describe(Chosen());
  std::vector<std::string> known;
  if (word.size() > 1 && word[0] == '-') {
    // Without dashes, which would make any two options look alike.
    const std::string name = word.substr(0, word.find('='));
    const absl::string_view letters = absl::StripPrefix(absl::StripPrefix(name, "-"), "-");
    for (const OptionText& option : info.options) {
      for (const std::string& option_name : option.names) {
        if (absl::StartsWith(option_name, "--")) known.push_back(option_name.substr(2));
      }
    }
    const std::string closest =
        dtdl::ClosestWord(letters, std::vector<absl::string_view>(known.begin(), known.end()));
    return absl::StrCat("unknown option '", name, "'",
                        closest.empty() ? "" : absl::StrCat("; did you mean '--", closest, "'?"));
  }
  return UnknownCommand(word, info);
}

}  // namespace twin::twinctl
