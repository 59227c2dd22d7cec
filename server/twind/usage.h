// What is said of options that cannot be read.
#ifndef TWIN_SERVER_TWIND_USAGE_H_
#define TWIN_SERVER_TWIND_USAGE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/twind/setting.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
class ParseError;
}  // namespace CLI

namespace twin::twind {

inline constexpr char kConfigVariable[] = "TWIND_CONFIG";

// Why the last option that was read could not be set, if it could not.
struct Refused {
  const Setting* setting = nullptr;
  absl::Status status;
};

// One line: what is wrong, where it stands (a file's name, a variable's, an option's), and what is
// allowed or was probably meant. An unknown option is named before one that is missing.
std::string Explain(const CLI::App& app, const std::vector<std::string>& arguments,
                    const Refused& refused, const CLI::ParseError& error);

// The message, which may begin with an option's name ("--listen is …"), with the place where the
// option stands instead.
std::string NamePlace(const CLI::App& app, const std::vector<std::string>& arguments,
                      absl::string_view message);

// Of each variable TWIND_… of the environment that is no option's: "TWIND_TWIN_MAX is no option's;
// did you mean TWIND_TWINS_MAX?"
std::vector<std::string> UnknownVariables(const std::vector<Section>& sections);

}  // namespace twin::twind

#endif  // TWIN_SERVER_TWIND_USAGE_H_
