// How commands reach the server: the global options, the environment and the contexts that name it,
// and what becomes of a call that fails.
#ifndef TWIN_CLIENTS_TWINCTL_CONNECTION_H_
#define TWIN_CLIENTS_TWINCTL_CONNECTION_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/cpp/client.h"
#include "clients/twinctl/command_line.h"
#include "clients/twinctl/console.h"

namespace twin::twinctl {

// What the process's environment says; empty: nothing.
struct Environment {
  std::string address = {};      // TWINCTL_ADDRESS
  std::string context = {};      // TWINCTL_CONTEXT
  std::string config_home = {};  // XDG_CONFIG_HOME
  std::string home = {};         // HOME
};
Environment ReadEnvironment();
// "~/.config/twinctl/config.toml", or below XDG_CONFIG_HOME.
std::string ContextPath(const Environment& environment);

// --address, --context, --timeout; empty: not given.
struct ServerOptions {
  std::string address;
  std::string context;
  std::string timeout;
  Environment environment;
};
void AddServerOptions(CommandLine* line, const std::shared_ptr<ServerOptions>& options);

// The server that the options name: the first of --address, --context, TWINCTL_ADDRESS,
// TWINCTL_CONTEXT, the current context, the default.
struct ServerChoice {
  std::string address;
  std::string reason;  // "--address", "the context 'plant'", ...
};
absl::StatusOr<ServerChoice> ChooseServer(const ServerOptions& options);

// "30s", "1m30s", "500ms", or a number of seconds. INVALID_ARGUMENT.
absl::StatusOr<std::chrono::milliseconds> ParseTimeout(absl::string_view text);

// An error that is the user's command line's: Report() makes it exit code 2.
absl::Status UsageError(absl::string_view message);

// A file's text, or that of stdin ("-"). A UsageError, or CANCELLED.
absl::StatusOr<std::string> ReadText(const std::string& path);

// Prints what failed on console.err: 3 where no server could be reached, 130 where the user
// interrupted, 2 for a UsageError, else 1.
ExitCode Report(const absl::Status& status, const Console& console);

// An action that talks to the server of the options. Ctrl-C ends its calls with CANCELLED.
using ServerAction = std::function<absl::StatusOr<ExitCode>(client::Client*, const Console&)>;
using ServerPointer = std::shared_ptr<const ServerOptions>;
Action OnServer(ServerPointer options, ServerAction action);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_CONNECTION_H_
