// What the commands that read models share: how to read them, and the models that were read.
#ifndef TWIN_CLIENTS_TWINCTL_MODELS_OPTIONS_H_
#define TWIN_CLIENTS_TWINCTL_MODELS_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/twinctl/command_line.h"
#include "models/dtdl/parse.h"

namespace twin::twinctl {

inline constexpr absl::string_view kUndefinedExtensionsWords = "default|allow|disallow";
// One of those words.
dtdl::UndefinedExtensions UndefinedExtensionsOf(absl::string_view word);

// --undefined-extensions, --max-dtdl-version, --limits.
struct ModelOptions {
  std::string undefined_extensions = "default";
  std::string dtdl_version_max = "4";
  std::vector<std::string> limits;

  dtdl::ParseOptions ToParseOptions() const;
};
void AddModelOptions(CLI::App* command, ModelOptions* options);

// "aio", "dtmi:dtdl:limits:aio" and "dtmi:dtdl:limits:aio;1" as the context that Parse knows.
// INVALID_ARGUMENT: no limits are called so.
absl::StatusOr<std::string> LimitsContext(absl::string_view name);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_MODELS_OPTIONS_H_
