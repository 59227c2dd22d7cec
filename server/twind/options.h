// twind's options: their defaults, and how they are read.
#ifndef TWIN_SERVER_TWIND_OPTIONS_H_
#define TWIN_SERVER_TWIND_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/api/server.h"
#include "server/engine/engine.h"
#include "server/twind/setting.h"

namespace twin::twind {

inline constexpr char kVersion[] = "0.1.0";

struct Options {
  Options() {
    constexpr int64_t kYearSeconds = int64_t{365} * 24 * 3600;
    engine.history_retention_seconds = kYearSeconds;
    engine.history_rollup_retention_seconds = 5 * kYearSeconds;
  }

  engine::EngineOptions engine;
  api::ServerOptions server;
  std::string metrics_listen;  // empty: there are none
  std::string log_level = "info";
  std::string log_format = "logfmt";
  int64_t stop_grace_ms = 10'000;
  std::vector<std::string> warnings;  // for the log: what was given and is no option
};

// The one table of them: each is a flag, an environment variable TWIND_… and a key of the
// configuration file. They point into `options`.
std::vector<Section> AllSettings(Options* options);

// Reads the arguments (without the program's name), the configuration file and the environment,
// the first of which that names an option counts, and checks all of it. Returns what is to be
// printed instead of serving: --help, --version, --check-config, --print-config.
// INVALID_ARGUMENT: where it stands, what came, what is allowed; or which option was meant.
absl::StatusOr<std::optional<std::string>> ReadOptions(const std::vector<std::string>& arguments,
                                                       Options* options);

}  // namespace twin::twind

#endif  // TWIN_SERVER_TWIND_OPTIONS_H_
