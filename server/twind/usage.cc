#include "server/twind/usage.h"

#include <CLI/CLI.hpp>
#include <vector>

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

}  // namespace

std::string Explain(const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ConfigError*>(&error) != nullptr) {
    const std::string file = app.get_config_ptr()->as<std::string>();
    // "INI was not able to parse listn": the key.
    absl::string_view key = error.what();
    if (!absl::ConsumePrefix(&key, "INI was not able to parse ")) {
      return absl::StrCat(file, ": ", error.what());
    }
    return absl::StrCat(file, ": there is no option '", key, "'", Suggestion(app, key, ""));
  }
  for (const std::string& word : app.remaining()) {
    if (!absl::StartsWith(word, "-")) return absl::StrCat("unexpected argument '", word, "'");
    const std::string name = word.substr(0, word.find('='));
    return absl::StrCat(
        "unknown option '", name, "'",
        Suggestion(app, absl::StripPrefix(absl::StripPrefix(name, "-"), "-"), "--"));
  }
  return error.what();
}

}  // namespace twin::twind
