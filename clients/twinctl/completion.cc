#include "clients/twinctl/completion.h"

#include <functional>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace twin::twinctl {
namespace {

// The command and those below it, each above its children.
std::vector<const CommandInfo*> Preorder(const CommandInfo& root) {
  std::vector<const CommandInfo*> commands = {&root};
  for (const CommandInfo& command : root.commands) {
    for (const CommandInfo* below : Preorder(command)) commands.push_back(below);
  }
  return commands;
}

// The paths of all commands but the root, as alternatives of a pattern.
std::string PathPatterns(const CommandInfo& root, absl::string_view separator) {
  std::vector<std::string> patterns;
  for (const CommandInfo* command : Preorder(root)) {
    if (command != &root) patterns.push_back(absl::StrCat("'", command->path, "'"));
  }
  return absl::StrJoin(patterns, separator);
}

// What may stand where no option does.
struct Operands {
  std::vector<std::string> words;  // commands, or the choices of a positional
  bool paths = false;
};
Operands OperandsOf(const CommandInfo& command) {
  Operands operands;
  for (const CommandInfo& below : command.commands) operands.words.push_back(below.text.name);
  for (const OptionText& option : command.options) {
    if (!option.positional) continue;
    operands.paths = operands.paths || option.IsPath();
    for (const std::string& word : option.Choices()) operands.words.push_back(word);
  }
  return operands;
}

// A description without its details, for a list of many.
std::string Brief(const std::string& description) {
  return description.substr(0, description.find_first_of(":;"));
}

std::string BashBranch(const CommandInfo& command) {
  std::vector<std::string> names;
  std::string script = absl::StrCat("    '", command.path, "')\n      case $previous in\n");
  for (const OptionText& option : command.options) {
    if (option.positional) continue;
    names.insert(names.end(), option.names.begin(), option.names.end());
    if (option.value.empty() || option.value_optional) continue;
    absl::StrAppend(&script, "        ", absl::StrJoin(option.names, " | "), ") ",
                    option.IsPath()
                        ? "files=1"
                        : absl::StrCat("words='", absl::StrJoin(option.Choices(), " "), "'"),
                    " ;;\n");
  }
  const Operands operands = OperandsOf(command);
  absl::StrAppend(&script, "        *) words='", absl::StrJoin(operands.words, " "), "' options='",
                  absl::StrJoin(names, " "), "'", operands.paths ? " files=1" : "",
                  " ;;\n      esac ;;\n");
  return script;
}

std::string ZshFunction(const CommandInfo& command) {
  return absl::StrCat("_", absl::StrReplaceAll(command.path, {{" ", "_"}}));
}

// A text inside [] or between colons, inside single quotes.
std::string ZshText(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"\\", "\\\\"}, {"[", "\\["}, {"]", "\\]"}, {":", "\\:"}, {"'", "'\\''"}});
}

std::string ZshAction(const OptionText& option) {
  if (option.IsPath()) return "_files";
  return option.Choices().empty() ? ""
                                  : absl::StrCat("(", absl::StrJoin(option.Choices(), " "), ")");
}

std::string ZshArgument(const OptionText& option) {
  const std::string value =
      absl::StrCat(ZshText(option.positional ? option.names[0] : "value"), ":", ZshAction(option));
  if (option.positional) {
    return absl::StrCat("'", option.repeated ? "*:" : option.required ? ":" : "::", value, "'");
  }
  std::string rest = absl::StrCat("'[", ZshText(Brief(option.description)), "]");
  if (!option.value.empty()) absl::StrAppend(&rest, option.value_optional ? "::" : ":", value);
  rest += "'";
  // "--output=" takes its value as --output=csv and --output csv, "-o+" as -ocsv and -o csv.
  std::vector<std::string> names;
  for (const std::string& name : option.names) {
    const absl::string_view suffix = option.value.empty() ? "" : name.size() == 2 ? "+" : "=";
    names.push_back(absl::StrCat(name, suffix));
  }
  const std::string excluded =
      option.repeated ? "'*'" : absl::StrCat("'(", absl::StrJoin(option.names, " "), ")'");
  const std::string joined = absl::StrJoin(names, ",");
  return absl::StrCat(excluded, names.size() > 1 ? absl::StrCat("{", joined, "}") : joined, rest);
}

std::string ZshDefinition(const CommandInfo& command) {
  std::string script = absl::StrCat(ZshFunction(command), "() {\n");
  if (!command.commands.empty()) script += "  local line state\n";
  script += command.commands.empty() ? "  _arguments" : "  _arguments -C";
  for (const OptionText& option : command.options) {
    // Where commands may stand, they stand first.
    if (option.positional && !command.commands.empty()) continue;
    absl::StrAppend(&script, " \\\n    ", ZshArgument(option));
  }
  if (command.commands.empty()) return script + "\n}\n\n";
  script +=
      " \\\n    '1:command:->command' \\\n    '*::argument:->argument'\n  case $state in\n"
      "    command)\n      local -a commands=(\n";
  for (const CommandInfo& below : command.commands) {
    absl::StrAppend(&script, "        '", ZshText(below.text.name), ":",
                    ZshText(below.text.summary), "'\n");
  }
  script +=
      "      )\n      _describe command commands ;;\n    argument)\n      case $words[1] in\n";
  for (const CommandInfo& below : command.commands) {
    absl::StrAppend(&script, "        ", below.text.name, ") ", ZshFunction(below), " ;;\n");
  }
  return script + "      esac ;;\n  esac\n}\n\n";
}

std::string FishText(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string FishLines(const CommandInfo& command, const std::string& program) {
  const std::string begin =
      absl::StrCat("complete -c ", program, " -n '__", program, "_at \"", command.path, "\"'");
  std::string script;
  for (const CommandInfo& below : command.commands) {
    absl::StrAppend(&script, begin, " -a ", below.text.name, " -d ", FishText(below.text.summary),
                    "\n");
  }
  for (const OptionText& option : command.options) {
    absl::StrAppend(&script, begin);
    for (const std::string& name : option.names) {
      if (option.positional) continue;
      absl::StrAppend(&script, name.size() == 2 ? " -s " : " -l ",
                      name.substr(name.size() == 2 ? 1 : 2));
    }
    if (option.IsPath()) script += option.positional || option.value_optional ? " -F" : " -r -F";
    if (!option.positional && !option.value.empty() && !option.IsPath()) script += " -x";
    if (!option.Choices().empty()) {
      absl::StrAppend(&script, " -a '", absl::StrJoin(option.Choices(), " "), "'");
    }
    if (!option.positional) absl::StrAppend(&script, " -d ", FishText(Brief(option.description)));
    script += "\n";
  }
  return script;
}

}  // namespace

std::string BashCompletion(const CommandInfo& root) {
  const std::string& program = root.path;
  std::string script = absl::StrCat("# bash completion for ", program, "; now: source <(", program,
                                    " completion bash)\n_", program,
                                    "() {\n"
                                    "  local current=$2 previous=$3 command=",
                                    program,
                                    " words= options= files= i\n"
                                    "  if [[ $current == = ]]; then\n"
                                    "    current= previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
                                    "  elif [[ $previous == = ]]; then\n"
                                    "    previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
                                    "  fi\n"
                                    "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
                                    "    case \"$command ${COMP_WORDS[i]}\" in\n"
                                    "      ",
                                    PathPatterns(root, " | "),
                                    ") command+=\" ${COMP_WORDS[i]}\" ;;\n"
                                    "    esac\n"
                                    "  done\n"
                                    "  case $command in\n");
  for (const CommandInfo* command : Preorder(root)) script += BashBranch(*command);
  absl::StrAppend(&script,
                  "  esac\n"
                  "  [[ $current != -* ]] || words=$options\n"
                  "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                  "  [[ $files ]] || compopt +o default +o bashdefault 2>/dev/null\n"
                  "}\n"
                  "complete -o default -o bashdefault -F _",
                  program, " ", program, "\n");
  return script;
}

std::string ZshCompletion(const CommandInfo& root) {
  const std::string& program = root.path;
  std::string script = absl::StrCat("#compdef ", program, "\n# zsh completion for ", program,
                                    "; now: source <(", program, " completion zsh)\n\n");
  for (const CommandInfo* command : Preorder(root)) script += ZshDefinition(*command);
  return absl::StrCat(script,
                      "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
                      "  _",
                      program,
                      " \"$@\"\n"
                      "else\n"
                      "  compdef _",
                      program, " ", program,
                      "\n"
                      "fi\n");
}

std::string FishCompletion(const CommandInfo& root) {
  const std::string& program = root.path;
  std::string script = absl::StrCat("# fish completion for ", program, "; now: ", program,
                                    " completion fish | source\n"
                                    "function __",
                                    program,
                                    "_at\n"
                                    "  set -l command ",
                                    program,
                                    "\n"
                                    "  for word in (commandline -opc)[2..]\n"
                                    "    switch \"$command $word\"\n"
                                    "      case ",
                                    PathPatterns(root, " "),
                                    "\n"
                                    "        set command \"$command $word\"\n"
                                    "    end\n"
                                    "  end\n"
                                    "  test \"$command\" = \"$argv[1]\"\n"
                                    "end\n"
                                    "complete -c ",
                                    program, " -f\n");
  for (const CommandInfo* command : Preorder(root)) script += FishLines(*command, program);
  return script;
}

void AddCompletion(CommandLine* line) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* const command = line->AddCommand(
      line->root(),
      {.name = "completion",
       .summary = "Print a script that completes twinctl's command lines in a shell",
       .examples = "source <(twinctl completion bash)          in ~/.bashrc\n"
                   "source <(twinctl completion zsh)           in ~/.zshrc, after compinit\n"
                   "twinctl completion fish | source           in ~/.config/fish/config.fish"},
      [line, shell](const Console& console) {
        const CommandInfo root = line->Describe();
        console.out << (*shell == "bash"  ? BashCompletion(root)
                        : *shell == "zsh" ? ZshCompletion(root)
                                          : FishCompletion(root));
        return kExitDone;
      });
  CommandLine::AddChoice(command, "SHELL", shell.get(), "bash|zsh|fish", "The shell")->required();
}

}  // namespace twin::twinctl
