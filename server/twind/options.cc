#include "server/twind/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/api/listen.h"
#include "server/base/status_macros.h"
#include "server/engine/kept_for.h"
#include "server/twind/usage.h"

namespace twin::twind {
namespace {

// What a run of the parser leaves beside the options.
struct Asked {
  bool check_config = false;
  bool print_config = false;
  Refused refused;
};

void Define(const Setting& setting, const std::string& section, CLI::App* app, Refused* refused) {
  const std::string name = absl::StrCat("--", setting.name);
  const std::string allowed = Allowed(setting);
  const std::string help =
      allowed.empty() ? setting.help : absl::StrCat(setting.help, " (", allowed, ")");
  CLI::Option* option = nullptr;
  if (const auto* flag = std::get_if<bool*>(&setting.target)) {
    option = app->add_flag(name, **flag, help);
  } else {
    option = app->add_option(
        name,
        [&setting, refused](const CLI::results_t& texts) {
          *refused = {&setting, Set(setting, texts)};
          return refused->status.ok();
        },
        help);
    option->type_name(TypeName(setting))->default_str(TextOf(setting));
    if (std::holds_alternative<std::vector<std::string>*>(setting.target)) {
      option->expected(1, CLI::detail::expected_max_vector_size);
    }
  }
  option->envname(EnvironmentName(setting));
  if (!section.empty()) option->group(section);
}

void Define(const std::vector<Section>& sections, CLI::App* app, Asked* asked) {
  app->name("twind");
  app->description(
      "Keeps the digital twins of electric-vehicle batteries and serves them over gRPC.\n"
      "Every option can also stand in a TOML file (--config) or in the environment (TWIND_DATA_DIR "
      "for --data-dir, and so on).");
  app->set_version_flag("--version", absl::StrCat("twind ", kVersion));
  app->set_config("--config", "", "TOML file with these options: data-dir = \"/var/lib/twind\"")
      ->type_name("FILE")
      ->envname(kConfigVariable);
  app->allow_config_extras(CLI::config_extras_mode::error);
  app->get_formatter()->column_width(40);
  for (const Section& section : sections) {
    for (const Setting& setting : section.settings) {
      Define(setting, section.name, app, &asked->refused);
    }
  }
  app->add_flag("--check-config", asked->check_config, "check the options and end")
      ->configurable(false);
  app->add_flag("--print-config", asked->print_config, "print the options as a file and end")
      ->configurable(false);
}

// The library looks for the file before it looks at the environment.
std::vector<std::string> WithConfigVariable(std::vector<std::string> arguments) {
  const char* const file = std::getenv(kConfigVariable);
  const bool is_given =
      std::any_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
        return argument == "--config" || absl::StartsWith(argument, "--config=");
      });
  if (file != nullptr && *file != '\0' && !is_given) {
    arguments.insert(arguments.begin(), absl::StrCat("--config=", file));
  }
  return arguments;
}

// The library takes what follows `--listen=` for its value, not nothing.
std::vector<std::string> WithEmptyValues(const std::vector<std::string>& arguments,
                                         const std::vector<Section>& sections) {
  std::vector<std::string> all;
  for (const std::string& argument : arguments) {
    const bool is_empty = std::any_of(sections.begin(), sections.end(), [&](const auto& section) {
      return std::any_of(section.settings.begin(), section.settings.end(), [&](const auto& each) {
        return !TypeName(each).empty() && argument == absl::StrCat("--", each.name, "=");
      });
    });
    all.push_back(is_empty ? argument.substr(0, argument.size() - 1) : argument);
    if (is_empty) all.emplace_back();
  }
  return all;
}

// What no option can say alone.
absl::Status CheckTogether(const Options& options, const Asked& asked) {
  if (options.engine.data_dir.empty() && !asked.print_config) {
    return absl::InvalidArgumentError("--data-dir is empty; name the folder of the data");
  }
  TWIN_RETURN_IF_ERROR(
      api::CheckAddress("--listen", options.server.listen, options.server.insecure));
  if (!options.metrics_listen.empty()) {
    TWIN_RETURN_IF_ERROR(
        api::CheckAddress("--metrics-listen", options.metrics_listen, options.server.insecure));
  }
  TWIN_RETURN_IF_ERROR(engine::CheckOptions(options.engine));
  if (options.server.deadline_default_ms <= options.server.deadline_ms_max) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--deadline-default-ms is ", options.server.deadline_default_ms,
      "; allowed: at most --deadline-ms-max, which is ", options.server.deadline_ms_max));
}

std::string Quoted(const std::string& text) {
  const char* const quote = absl::StrContains(text, '"') ? "'" : "\"";
  return absl::StrCat(quote, text, quote);
}

std::string ValueInFile(const Setting& setting) {
  // The library takes an empty list for no value.
  const auto* words = std::get_if<std::vector<std::string>*>(&setting.target);
  if (words != nullptr && !(*words)->empty()) {
    return absl::StrCat("[",
                        absl::StrJoin(**words, ", ",
                                      [](std::string* out, const std::string& word) {
                                        absl::StrAppend(out, Quoted(word));
                                      }),
                        "]");
  }
  const bool is_text = TypeName(setting) == "TEXT";
  return is_text ? Quoted(TextOf(setting)) : TextOf(setting);
}

std::string Printed(const std::vector<Section>& sections) {
  std::string text = "# Options of twind, as they are for these arguments.\n";
  for (const Section& section : sections) {
    if (!section.name.empty()) absl::StrAppend(&text, "\n# == ", section.name, " ==\n");
    for (const Setting& setting : section.settings) {
      const std::string allowed = Allowed(setting);
      absl::StrAppend(&text, "\n# ", setting.help, allowed.empty() ? "" : " (", allowed,
                      allowed.empty() ? "" : ")", "\n", setting.name, " = ", ValueInFile(setting),
                      "\n");
    }
  }
  return text;
}

}  // namespace

absl::StatusOr<std::optional<std::string>> ReadOptions(const std::vector<std::string>& arguments,
                                                       Options* options) {
  const std::vector<Section> sections = AllSettings(options);
  Asked asked;
  CLI::App app;
  Define(sections, &app, &asked);
  const std::vector<std::string> given = WithConfigVariable(WithEmptyValues(arguments, sections));
  app.get_option("--data-dir")
      ->required(std::find(given.begin(), given.end(), "--print-config") == given.end());
  try {
    app.parse(std::vector<std::string>(given.rbegin(), given.rend()));
  } catch (const CLI::Success& success) {
    std::ostringstream out;
    app.exit(success, out, out);
    return out.str();
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(Explain(app, given, asked.refused, error));
  }
  if (const absl::Status status = CheckTogether(*options, asked); !status.ok()) {
    return absl::Status(status.code(), NamePlace(app, given, status.message()));
  }
  options->warnings = UnknownVariables(sections);
  if (asked.print_config) return Printed(sections);
  if (asked.check_config) {
    std::string text;
    for (const std::string& warning : options->warnings) {
      absl::StrAppend(&text, "Warning: ", warning, "\n");
    }
    return absl::StrCat(text, "The configuration is good.\n");
  }
  return std::nullopt;
}

}  // namespace twin::twind
