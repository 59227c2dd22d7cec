#include "server/twind/usage.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/spelling.h"

namespace twin::twind {
namespace {

// "; did you mean '--listen'?", with what stands before an option's name where it was written.
std::string Suggestion(const CLI::App& app, absl::string_view name, absl::string_view before) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& each : option->get_lnames()) names.push_back(each);
  }
  const absl::string_view closest = ClosestWord(
      name, std::vector<absl::string_view>(names.begin(), names.end()), (name.size() + 2) / 3);
  return closest.empty() ? "" : absl::StrCat("; did you mean '", before, closest, "'?");
}

std::string ConfigFile(const CLI::App& app) { return app.get_config_ptr()->as<std::string>(); }

bool IsInFile(const CLI::App& app, const std::string& name) {
  const std::string file = ConfigFile(app);
  if (file.empty()) return false;
  const std::vector<CLI::ConfigItem> items = app.get_config_formatter()->from_file(file);
  return std::any_of(items.begin(), items.end(),
                     [&](const CLI::ConfigItem& item) { return item.name == name; });
}

// "--twins-max", "twind.toml: twins-max" or "TWIND_TWINS_MAX": the first that counts.
std::string WhereItStands(const CLI::App& app, const std::vector<std::string>& arguments,
                          const std::string& name) {
  const std::string flag = absl::StrCat("--", name);
  for (const std::string& argument : arguments) {
    if (argument == flag || absl::StartsWith(argument, flag + "=")) return flag;
  }
  if (IsInFile(app, name)) return absl::StrCat(ConfigFile(app), ": ", name);
  const std::string variable = app.get_option(flag)->get_envname();
  return std::getenv(variable.c_str()) != nullptr ? variable : flag;  // its default
}

std::string ExplainConfig(const CLI::App& app, const CLI::ParseError& error) {
  const std::string file = ConfigFile(app);
  // "INI was not able to parse listn": the key, after those of the sections that it is in.
  absl::string_view key = error.what();
  if (!absl::ConsumePrefix(&key, "INI was not able to parse ")) {
    return absl::StrCat(file, ": ", error.what());
  }
  const size_t dot = key.find('.');
  if (dot != absl::string_view::npos) {
    return absl::StrCat(file, ": '", key.substr(0, dot),
                        "' is a section; options stand without any");
  }
  return absl::StrCat(file, ": there is no option '", key, "'", Suggestion(app, key, ""));
}

}  // namespace

std::string Explain(const CLI::App& app, const std::vector<std::string>& arguments,
                    const Refused& refused, const CLI::ParseError& error) {
  if (!refused.status.ok()) {
    return absl::StrCat(WhereItStands(app, arguments, refused.setting->name), " ",
                        refused.status.message());
  }
  if (dynamic_cast<const CLI::ConfigError*>(&error) != nullptr) return ExplainConfig(app, error);
  if (dynamic_cast<const CLI::FileError*>(&error) != nullptr) {
    return absl::StrCat("there is no file ", ConfigFile(app), " to read options from");
  }
  absl::string_view text = error.what();
  if (absl::ConsumePrefix(&text, "Could not convert: --")) {  // a flag: "insecure = maybe"
    const std::string name(text.substr(0, text.find(' ')));
    return absl::StrCat(WhereItStands(app, arguments, name), " is '",
                        text.substr(text.find("= ") + 2), "'; allowed: true or false");
  }
  for (const std::string& word : app.remaining()) {
    if (!absl::StartsWith(word, "-")) return absl::StrCat("unexpected argument '", word, "'");
    const std::string name = word.substr(0, word.find('='));
    return absl::StrCat(
        "unknown option '", name, "'",
        Suggestion(app, absl::StripPrefix(absl::StripPrefix(name, "-"), "-"), "--"));
  }
  return std::string(text);
}

std::string NamePlace(const CLI::App& app, const std::vector<std::string>& arguments,
                      absl::string_view message) {
  absl::string_view name = message;
  if (!absl::ConsumePrefix(&name, "--")) return std::string(message);
  name = name.substr(0, name.find_first_of(" :"));
  return absl::StrCat(WhereItStands(app, arguments, std::string(name)),
                      message.substr(name.size() + 2));
}

std::vector<std::string> UnknownVariables(const std::vector<Section>& sections) {
  std::vector<std::string> known = {kConfigVariable};
  for (const Section& section : sections) {
    for (const Setting& setting : section.settings) known.push_back(EnvironmentName(setting));
  }
  const std::vector<absl::string_view> words(known.begin(), known.end());
  std::vector<std::string> unknown;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const absl::string_view text(*variable);
    const absl::string_view name = text.substr(0, text.find('='));
    if (!absl::StartsWith(name, "TWIND_") ||
        std::find(words.begin(), words.end(), name) != words.end()) {
      continue;
    }
    const absl::string_view closest = ClosestWord(name, words, (name.size() + 2) / 3);
    unknown.push_back(absl::StrCat(name, " is no option's",
                                   closest.empty() ? "" : "; did you mean ", closest,
                                   closest.empty() ? "" : "?"));
  }
  std::sort(unknown.begin(), unknown.end());
  return unknown;
}

}  // namespace twin::twind
