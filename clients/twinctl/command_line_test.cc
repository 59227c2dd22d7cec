#include "clients/twinctl/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>

#include "clients/twinctl/commands.h"
#include "clients/twinctl/completion.h"
#include "clients/twinctl/help.h"
#include "clients/twinctl/models.h"

namespace twin::twinctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

// A tree with a group, a command that prints what it was given, and one that needs a word.
Outcome RunLine(const std::vector<std::string>& arguments, Process process = {}) {
  CommandLine line("twinctl", "A program", "1.2.3");
  CLI::App* const group =
      line.AddGroup(line.root(), {.name = "things", .summary = "Handle things"});
  auto format = std::make_shared<std::string>("table");
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* const show = line.AddCommand(
      group, {.name = "show", .summary = "Show things", .examples = "twinctl things show x"},
      [format, names](const Console& console) {
        console.out << console.out_style.Paint(Tone::kStrong, *format);
        for (const std::string& name : *names) console.out << ' ' << name;
        return names->empty() ? kExitRefused : kExitDone;
      });
  CommandLine::AddOutput(show, format.get());
  show->add_option("NAME", *names, "Which ones")->type_name("PATH");
  line.AddCommand(group, {.name = "list", .summary = "List things"},
                  [](const Console&) { return kExitDone; });
  AddCompletion(&line);
  AddHelp(&line);

  std::ostringstream out, err;
  process.out = &out;
  process.err = &err;
  Outcome outcome;
  outcome.code = line.Run(arguments, process);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

TEST(CommandLineTest, RunsWhatTheLineNames) {
  const Outcome outcome = RunLine({"things", "show", "a", "-o", "csv", "b"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "csv a b");
  EXPECT_EQ(RunLine({"things", "show"}).code, 1);
  EXPECT_EQ(RunLine({"things", "show", "-ojson", "--output=yaml", "x"}).out, "yaml x");
}

TEST(CommandLineTest, AFileMayBeCalledLikeACommand) {
  EXPECT_EQ(RunLine({"things", "show", "things", "list", "show", "completion"}).out,
            "table things list show completion");
  EXPECT_EQ(RunLine({"things", "show", "--", "-o", "--", "x"}).out, "table -o -- x");
}

TEST(CommandLineTest, GlobalOptionsStandAnywhere) {
  const Process terminal = {.out_terminal = {.present = true, .columns = 80}};
  const Process refusing = {.out_terminal = terminal.out_terminal, .color_refused = true};
  const std::string painted = "\x1b[1mtable\x1b[0m x";
  EXPECT_EQ(RunLine({"things", "show", "x"}).out, "table x");
  EXPECT_EQ(RunLine({"things", "show", "x"}, terminal).out, painted);
  EXPECT_EQ(RunLine({"things", "show", "x"}, refusing).out, "table x");
  EXPECT_EQ(RunLine({"things", "show", "x", "--color", "never"}, terminal).out, "table x");
  EXPECT_EQ(RunLine({"--color=always", "things", "show", "x"}, refusing).out, painted);
}

TEST(CommandLineTest, SuggestsWhatWasMeant) {
  for (const auto& [arguments, message] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"thigns"}, "twinctl: unknown command 'thigns'; did you mean 'things'?\n"},
           {{"qqqqqq"}, "twinctl: unknown command 'qqqqqq'; there is things, completion, help\n"},
           {{"things", "shwo"}, "twinctl: unknown command 'shwo'; did you mean 'show'?\n"},
           {{"things", "show", "--ouptut=x"},
            "twinctl: unknown option '--ouptut'; did you mean '--output'?\n"},
           {{"things", "show", "--colr"},
            "twinctl: unknown option '--colr'; did you mean '--color'?\n"},
           {{"things", "show", "-x"}, "twinctl: unknown option '-x'\n"},
           {{"things", "list", "x"}, "twinctl: unexpected argument 'x'\n"},
           {{"things", "show", "-o"},
            "twinctl: option --output needs a value: table|json|ndjson|csv|yaml\n"},
           {{"things", "show", "-o", "jsn"},
            "twinctl: --output: 'jsn' is not one of table, json, ndjson, csv, yaml; did you mean "
            "'json'?\n"},
           {{"completion"}, "twinctl: SHELL is required\n"},
           {{"completion", "bsh"},
            "twinctl: SHELL: 'bsh' is not one of bash, zsh, fish; did you mean 'bash'?\n"}}) {
    const Outcome outcome = RunLine(arguments);
    EXPECT_EQ(outcome.code, 2) << message;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith(message));
    EXPECT_THAT(outcome.err, ::testing::EndsWith(" --help'.\n"));
  }
}

TEST(CommandLineTest, AGroupAloneIsWrongUsageAndHelps) {
  const Outcome outcome = RunLine({"things"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("\n  show  Show things\n"));
  EXPECT_EQ(RunLine({}).code, 2);
}

TEST(CommandLineTest, HelpIsACommandToo) {
  EXPECT_EQ(RunLine({"help", "things", "show"}).out, RunLine({"things", "show", "--help"}).out);
  EXPECT_EQ(RunLine({"help", "things"}).out, RunLine({"things", "--help"}).out);
  EXPECT_EQ(RunLine({"help"}).out, RunLine({"--help"}).out);
  EXPECT_EQ(RunLine({"help"}).code, 0);
  const Outcome wrong = RunLine({"help", "things", "shwo"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.err, "twinctl: unknown command 'shwo'; did you mean 'show'?\n");
  EXPECT_EQ(RunLine({"help", "completion", "x"}).err, "twinctl: unexpected argument 'x'\n");
}

TEST(CommandLineTest, HelpAndVersionAreData) {
  EXPECT_EQ(RunLine({"--version"}).out, "twinctl 1.2.3\n");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"things", "show", "--help"},
                                             {"things", "show", "-h", "--nonsense"},
                                             {"-h", "things", "show"}}) {
    const Outcome outcome = RunLine(arguments);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(outcome.out,
                StartsWith("Show things.\n\nUsage:\n  twinctl things show [options] [NAME…]\n"));
  }
}

TEST(HelpTest, ShowsEverythingOfACommand) {
  EXPECT_EQ(RunLine({"things", "show", "--help"}).out,
            "Show things.\n"
            "\n"
            "Usage:\n"
            "  twinctl things show [options] [NAME…]\n"
            "\n"
            "Arguments:\n"
            "  NAME…  Which ones\n"
            "\n"
            "Options:\n"
            "  -o, --output table|json|ndjson|csv|yaml\n"
            "                            How to print the result\n"
            "\n"
            "Global options:\n"
            "  -h, --help                Print this help\n"
            "      --color auto|always|never\n"
            "                            Colour the output: auto does so on a terminal, unless "
            "NO_COLOR is set or\n"
            "                            TERM is dumb\n"
            "\n"
            "Examples:\n"
            "  twinctl things show x\n");
}

TEST(HelpTest, FitsTheTerminal) {
  for (const int columns : {50, 80, 100}) {
    const Process process = {.out_terminal = {.present = true, .columns = columns}};
    std::istringstream lines(RunLine({"things", "show", "--help", "--color=never"}, process).out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(ColumnsOf(line), columns) << line;
  }
}

// Each command of twinctl itself has what a reader needs.
void CheckHelp(const CommandInfo& info) {
  const std::string help = HelpText(info, Style(), 0);
  EXPECT_FALSE(info.text.summary.empty()) << info.path;
  EXPECT_NE(info.text.summary.back(), '.') << info.path;
  if (info.commands.empty()) {
    EXPECT_THAT(help, HasSubstr("\nExamples:\n"));
  }
  for (const OptionText& option : info.options) {
    EXPECT_FALSE(option.description.empty()) << info.path << " " << option.names.back();
    EXPECT_THAT(help, HasSubstr(option.names.back()));
  }
  for (const CommandInfo& command : info.commands) CheckHelp(command);
}

TEST(HelpTest, CoversTwinctl) {
  CommandLine line("twinctl", "Twingraph on the command line", "0");
  AddCommands(&line, Environment());
  CheckHelp(line.Describe());
}

TEST(DescribeTest, KnowsTheKindOfEachOption) {
  CommandLine line("twinctl", "Twingraph on the command line", "0");
  AddModels(&line, std::make_shared<ServerOptions>());
  const CommandInfo models = line.Describe().commands.front();
  EXPECT_EQ(models.path, "twinctl models");
  const CommandInfo& validate = models.commands.front();
  EXPECT_EQ(validate.path, "twinctl models validate");
  const auto find = [&](const std::string& name) {
    for (const OptionText& option : validate.options) {
      if (option.names.back() == name) return option;
    }
    ADD_FAILURE() << name;
    return OptionText();
  };
  EXPECT_TRUE(find("PATH").positional);
  EXPECT_TRUE(find("PATH").repeated);
  EXPECT_TRUE(find("PATH").IsPath());
  EXPECT_TRUE(find("--jsonl").value_optional);
  EXPECT_TRUE(find("--jsonl").IsPath());
  EXPECT_TRUE(find("--limits").repeated);
  EXPECT_THAT(find("--output").names, ElementsAre("-o", "--output"));
  EXPECT_THAT(find("--output").Choices(), ElementsAre("table", "json", "ndjson", "csv", "yaml"));
  EXPECT_FALSE(find("--output").value_optional);
  EXPECT_EQ(find("--quiet").value, "");
  EXPECT_TRUE(find("--color").global);
  EXPECT_TRUE(find("--help").global);
}

}  // namespace
}  // namespace twin::twinctl
