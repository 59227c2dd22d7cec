#include "clients/twinctl/help.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace twin::twinctl {
namespace {

constexpr int kHelpColumnsDefault = 100;  // where there is no terminal, and at most
constexpr int kHelpColumnsMin = 50;
constexpr size_t kTermColumnsMax = 24;  // longer terms have their text on the next line
constexpr size_t kHelpIndent = 2;

struct Entry {
  std::string term;
  std::string text;
};

class Writer {
 public:
  Writer(const Style& style, int columns)
      : style_(style),
        columns_(columns == 0 ? kHelpColumnsDefault
                              : std::min(std::max(columns, kHelpColumnsMin), kHelpColumnsDefault)) {
  }

  void Heading(absl::string_view heading) {
    absl::StrAppend(&text_, text_.empty() ? "" : "\n", style_.Paint(Tone::kStrong, heading), "\n");
  }
  void Paragraphs(const std::string& paragraphs, size_t indent) {
    for (const std::string& line : WrapText(paragraphs, columns_ - static_cast<int>(indent))) {
      absl::StrAppend(&text_, line.empty() ? "" : std::string(indent, ' '), line, "\n");
    }
  }
  void Lines(const std::string& lines) {
    for (const absl::string_view line : absl::StrSplit(lines, '\n')) {
      absl::StrAppend(&text_, line.empty() ? "" : std::string(kHelpIndent, ' '), line, "\n");
    }
  }
  // Terms on the left, their texts in a column of their own, which begins at `left` or later.
  void Entries(absl::string_view heading, const std::vector<Entry>& entries, size_t left = 0) {
    if (entries.empty()) return;
    Heading(heading);
    for (const Entry& entry : entries) {
      const size_t columns = static_cast<size_t>(ColumnsOf(entry.term));
      if (columns <= kTermColumnsMax) left = std::max(left, columns);
    }
    for (const Entry& entry : entries) WriteEntry(entry, kHelpIndent + left + kHelpIndent);
  }

  std::string Take() { return std::move(text_); }

 private:
  void WriteEntry(const Entry& entry, size_t left) {
    std::string line = std::string(kHelpIndent, ' ') + entry.term;
    for (const std::string& part : WrapText(entry.text, columns_ - static_cast<int>(left))) {
      const size_t used = static_cast<size_t>(ColumnsOf(line));
      if (used + kHelpIndent > left) {
        absl::StrAppend(&text_, line, "\n");
        line.clear();
      }
      line.append(left - static_cast<size_t>(ColumnsOf(line)), ' ');
      absl::StrAppend(&text_, line, part, "\n");
      line.clear();
    }
  }

  const Style& style_;
  const int columns_;
  std::string text_;
};

std::string Term(const OptionText& option) {
  std::string term = absl::StrJoin(option.names, ", ");
  if (option.positional) return absl::StrCat(term, option.repeated ? "…" : "");
  if (option.names.front().size() > 2) term.insert(0, 4, ' ');  // no short name
  if (option.value_optional) {
    absl::StrAppend(&term, " [", option.value, "]");
  } else if (!option.value.empty()) {
    absl::StrAppend(&term, " ", option.value);
  }
  return term;
}

std::string Usage(const CommandInfo& info) {
  if (!info.commands.empty()) return "[options] COMMAND";
  std::string usage = "[options]";
  for (const OptionText& option : info.options) {
    if (!option.positional) continue;
    const std::string name = option.Choices().empty() ? Term(option) : option.value;
    absl::StrAppend(&usage, " ", option.required ? name : absl::StrCat("[", name, "]"));
  }
  return usage;
}

}  // namespace

std::string HelpText(const CommandInfo& info, const Style& style, int columns) {
  std::vector<Entry> arguments, options, globals, commands;
  for (const OptionText& option : info.options) {
    (option.positional ? arguments
     : option.global   ? globals
                       : options)
        .push_back({Term(option), option.description});
  }
  for (const CommandInfo& command : info.commands) {
    commands.push_back({command.text.name, command.text.summary});
  }
  Writer writer(style, columns);
  writer.Paragraphs(info.text.summary + ".", 0);
  writer.Heading("Usage:");
  std::vector<std::string> usages = info.text.usage;
  if (usages.empty()) usages.push_back(Usage(info));
  for (const std::string& usage : usages) writer.Lines(absl::StrCat(info.path, " ", usage));
  writer.Entries("Commands:", commands);
  writer.Entries("Arguments:", arguments);
  writer.Entries("Options:", options, kTermColumnsMax);
  writer.Entries("Global options:", globals, kTermColumnsMax);
  if (!info.text.description.empty()) {
    writer.Heading("Description:");
    writer.Paragraphs(info.text.description, kHelpIndent);
  }
  if (!info.text.examples.empty()) {
    writer.Heading("Examples:");
    writer.Lines(info.text.examples);
  }
  if (!info.commands.empty()) {
    writer.Heading(absl::StrCat("'", info.path, " COMMAND --help' says more of a command."));
  }
  return writer.Take();
}

void AddHelp(CommandLine* line) {
  const auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* const command =
      line->AddCommand(line->root(),
                       {.name = "help",
                        .summary = "Print the help of a command, as --help does",
                        .examples = "twinctl help\n"
                                    "twinctl help models validate"},
                       [line, words](const Console& console) -> int {
                         const CommandInfo root = line->Describe();
                         const CommandInfo* info = &root;
                         for (const std::string& word : *words) {
                           const auto found = std::find_if(
                               info->commands.begin(), info->commands.end(),
                               [&](const CommandInfo& each) { return each.text.name == word; });
                           if (found == info->commands.end()) {
                             return console.Fail(kExitUsage, UnknownCommand(word, *info));
                           }
                           info = &*found;
                         }
                         console.out << HelpText(*info, console.out_style, console.out_columns);
                         return kExitDone;
                       });
  command->add_option("COMMAND", *words, "Its name, such as models validate (default: of all)")
      ->type_name("NAME");
}

}  // namespace twin::twinctl
