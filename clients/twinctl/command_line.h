// The tree of commands over CLI11: what they are called, how a command line is read, what happens
// when it is wrong. A command is added by a function of its own, which declares its options on the
// CLI::App that it gets:
//   void AddModelsValidate(CLI::App* models, CommandLine* line);
// Help and completion are made from Describe(), so they know what was added.
#ifndef TWIN_CLIENTS_TWINCTL_COMMAND_LINE_H_
#define TWIN_CLIENTS_TWINCTL_COMMAND_LINE_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "clients/twinctl/console.h"
#include "clients/twinctl/output.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {

// Runs a command whose options are read; returns the exit code.
using Action = std::function<int(const Console&)>;

// What help says of a command beyond its options.
struct CommandText {
  std::string name;
  std::string summary;                  // one line, no full stop
  std::vector<std::string> usage = {};  // "[options] PATH…"; empty: made from the options
  std::string description = {};         // paragraphs, wrapped to the terminal
  std::string examples = {};            // lines, printed as they are
};

// An option or positional argument.
struct OptionText {
  std::vector<std::string> names;  // "-o", "--output"; of a positional its name alone
  std::string value;               // "FILE", "table|json|csv"; empty: takes none
  std::string description;
  bool positional = false;
  bool value_optional = false;
  bool required = false;
  bool repeated = false;
  bool global = false;  // an option of every command

  // The words that the value may be; empty: anything.
  std::vector<std::string> Choices() const;
  bool IsPath() const;  // the value names a file or folder
};

// A command with those below it.
struct CommandInfo {
  std::string path;  // "twinctl models validate"
  CommandText text;
  std::vector<OptionText> options;  // positionals and global options too
  std::vector<CommandInfo> commands;
};

// What main() knows of the process.
struct Process {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  Terminal out_terminal = {};
  Terminal err_terminal = {};
  bool color_refused = false;  // by the environment
};

// "unknown command 'x'; did you mean 'y'?", or which ones there are, or that it has none.
std::string UnknownCommand(const std::string& word, const CommandInfo& info);

class CommandLine {
 public:
  CommandLine(std::string program, std::string summary, const std::string& version);

  // A command that only holds others.
  CLI::App* AddGroup(CLI::App* parent, const CommandText& text);
  // A command that does something.
  CLI::App* AddCommand(CLI::App* parent, const CommandText& text, Action action);

  // An option, or a positional, whose value is one of some words: "table|json|csv". Anything else
  // is refused with the closest word.
  static CLI::Option* AddChoice(CLI::App* command, const std::string& names, std::string* target,
                                absl::string_view words, const std::string& description);
  // An option that takes a value and stands anywhere on the line, as --color does. The last counts.
  CLI::Option* AddGlobalOption(const std::string& names, std::string* target,
                               const std::string& value, const std::string& description);
  // -o, --output, for a command that prints data; FormatOf() knows the words.
  static CLI::Option* AddOutput(CLI::App* command, std::string* word);

  CLI::App* root() { return &root_; }
  CommandInfo Describe() const { return Describe(root_); }

  // Reads the arguments (without the program's name) and runs what they name. Call it once.
  // Help and version go to out; a wrong command line is explained on err.
  int Run(const std::vector<std::string>& arguments, const Process& process);

 private:
  struct Command {
    CommandText text;
    Action action;  // empty: holds others only
  };
  // The command that the line named: the deepest one that was read.
  const CLI::App& Chosen() const;
  Console MakeConsole(const Process& process) const;
  CommandInfo Describe(const CLI::App& app) const;
  // What is wrong with the line, when CLI11 says `complaint`, which may be empty; empty: nothing.
  std::string Explain(const std::string& complaint) const;
  std::string ExplainUnknown(const std::string& word) const;

  CLI::App root_;
  std::string color_ = "auto";
  std::map<const CLI::App*, Command> commands_;
};

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_COMMAND_LINE_H_
