// twind's options: their names, defaults and units.
#ifndef TWIN_SERVER_TWIND_OPTIONS_H_
#define TWIN_SERVER_TWIND_OPTIONS_H_

#include <string>

#include "server/api/server.h"
#include "server/engine/engine.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

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
  bool check_config = false;
  bool print_config = false;
};

// Each as a flag, as an environment variable TWIND_… and as a key of the configuration file.
void DefineOptions(CLI::App* app, Options* options);

}  // namespace twin::twind

#endif  // TWIN_SERVER_TWIND_OPTIONS_H_
