#include "clients/twinctl/connection.h"

#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "clients/twinctl/context_file.h"
#include "clients/twinctl/input.h"
#include "clients/twinctl/interrupt.h"
#include "models/dtdl/diagnostics.h"

namespace twin::twinctl {
namespace {

constexpr char kUsage[] = "twinctl/usage";

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<ServerChoice> ChooseContext(const Contexts& contexts, const std::string& path,
                                           const std::string& name, absl::string_view who) {
  const auto found = contexts.addresses.find(name);
  if (found != contexts.addresses.end()) {
    return ServerChoice{found->second, absl::StrCat("the context '", name, "'")};
  }
  std::vector<absl::string_view> known;
  for (const auto& [other, address] : contexts.addresses) known.push_back(other);
  const std::string hint = dtdl::DidYouMean(name, known);
  return UsageError(absl::StrCat(who, ": no context is called '", name, "' in ", path,
                                 hint.empty() ? "; 'twinctl context set' makes one" : "; ", hint));
}

absl::StatusOr<client::ClientOptions> ToClientOptions(const ServerOptions& options) {
  client::ClientOptions result;
  const absl::StatusOr<ServerChoice> choice = ChooseServer(options);
  if (!choice.ok()) return choice.status();
  result.address = choice->address;
  if (!options.timeout.empty()) {
    const absl::StatusOr<std::chrono::milliseconds> timeout = ParseTimeout(options.timeout);
    if (!timeout.ok()) return UsageError(timeout.status().message());
    result.deadline = *timeout;
    result.deadline_long = *timeout;
  }
  result.cancelled = TakeInterrupts();
  return result;
}

absl::StatusOr<ExitCode> RunOnServer(const ServerOptions& options, const ServerAction& action,
                                     const Console& console) {
  const absl::StatusOr<client::ClientOptions> client_options = ToClientOptions(options);
  if (!client_options.ok()) return client_options.status();
  const absl::StatusOr<std::unique_ptr<client::Client>> client = client::Connect(*client_options);
  if (!client.ok()) return UsageError(client.status().message());
  return action(client->get(), console);
}

// What the server's words mean on this command line; empty: nothing else.
absl::string_view AdviceOn(const absl::Status& status) {
  static constexpr std::pair<absl::string_view, absl::string_view> kAdvice[] = {
      {"HAS_RELATIONSHIPS", "'twinctl twins delete ID --relationships' deletes them, too."},
      {"NO_SUBSCRIPTION", "'twinctl subscriptions create NAME' makes one."},
      {"HAS_CHAMPION", "'twinctl predictors register' takes --shadow for that."},
      {"ETAG_MISMATCH", "'twinctl twins get ID -o json' has the etag of now, for --if-match."},
  };
  const std::string reason = client::ReasonOf(status);
  for (const auto& [of, advice] : kAdvice) {
    if (of == reason) return advice;
  }
  return "";
}

}  // namespace

Environment ReadEnvironment() {
  return {.address = Variable("TWINCTL_ADDRESS"),
          .context = Variable("TWINCTL_CONTEXT"),
          .config_home = Variable("XDG_CONFIG_HOME"),
          .home = Variable("HOME")};
}

std::string ContextPath(const Environment& environment) {
  // The XDG specification: a path that is not absolute does not count.
  const bool set = !environment.config_home.empty() && environment.config_home[0] == '/';
  return absl::StrCat(set ? environment.config_home : environment.home + "/.config",
                      "/twinctl/config.toml");
}

void AddServerOptions(CommandLine* line, const std::shared_ptr<ServerOptions>& options) {
  line->AddGlobalOption("--address", &options->address, "HOST:PORT",
                        absl::StrCat("The server (", client::kAddressDefault,
                                     "; also TWINCTL_ADDRESS, or the current context)"));
  line->AddGlobalOption("--context", &options->context, "NAME",
                        "The server of that context (also TWINCTL_CONTEXT): see twinctl context");
  line->AddGlobalOption("--timeout", &options->timeout, "TIME",
                        "How long the server may take for a call, such as 5s or 2m: 30s, but 10m "
                        "for migrate, checkpoint, compact and backup, and any time for import and "
                        "export")
      ->check(
          [](const std::string& text) {
            return std::string(ParseTimeout(text).status().message());
          },
          "");
}

absl::StatusOr<ServerChoice> ChooseServer(const ServerOptions& options) {
  const Environment& environment = options.environment;
  if (!options.address.empty()) return ServerChoice{options.address, "--address"};
  if (options.context.empty() && !environment.address.empty()) {
    return ServerChoice{environment.address, "TWINCTL_ADDRESS"};
  }
  const std::string path = ContextPath(environment);
  const absl::StatusOr<Contexts> contexts = ReadContexts(path);
  if (!contexts.ok()) return UsageError(contexts.status().message());
  if (!options.context.empty()) {
    return ChooseContext(*contexts, path, options.context, "--context");
  }
  if (!environment.context.empty()) {
    return ChooseContext(*contexts, path, environment.context, "TWINCTL_CONTEXT");
  }
  if (!contexts->current.empty()) {
    return ChooseContext(*contexts, path, contexts->current, "the current context");
  }
  return ServerChoice{client::kAddressDefault, "the default"};
}

absl::StatusOr<std::chrono::milliseconds> ParseTimeout(absl::string_view text) {
  absl::Duration duration;
  double seconds = 0;
  if (absl::SimpleAtod(text, &seconds)) {
    duration = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(text, &duration)) {
    duration = absl::ZeroDuration();
  }
  if (duration < absl::Milliseconds(1) || duration > absl::Hours(24)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is no time from 1ms to 24h, such as 5s, 500ms or 2m"));
  }
  return absl::ToChronoMilliseconds(duration);
}

absl::Status UsageError(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsage, absl::Cord());
  return status;
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  absl::StatusOr<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return UsageError(file.status().message());
  absl::StatusOr<std::string> text = file->ReadAll();
  if (text.ok() || absl::IsCancelled(text.status())) return text;
  return UsageError(text.status().message());
}

ExitCode Report(const absl::Status& status, const Console& console) {
  if (absl::IsCancelled(status) && Interrupted()) {
    return console.Fail(kExitInterrupted, "interrupted");
  }
  // Further lines of a message stay lines.
  const std::vector<std::string> lines = absl::StrSplit(status.message(), '\n', absl::SkipEmpty());
  ExitCode code = kExitRefused;
  if (status.GetPayload(kUsage).has_value()) code = kExitUsage;
  if (client::IsUnreachable(status)) code = kExitNoServer;
  console.Fail(code, lines.empty() ? absl::StatusCodeToString(status.code()) : lines.front());
  for (size_t i = 1; i < lines.size(); ++i) console.err << "  " << Printable(lines[i]) << '\n';
  if (const absl::string_view advice = AdviceOn(status); !advice.empty()) {
    console.err << advice << '\n';
  }
  if (code == kExitNoServer) {
    console.err << "Start one with 'twind --data-dir DIR', or name another with --address, "
                   "--context or TWINCTL_ADDRESS.\n";
  }
  return code;
}

Action OnServer(ServerPointer options, ServerAction action) {
  return [options = std::move(options), action = std::move(action)](const Console& console) -> int {
    const absl::StatusOr<ExitCode> code = RunOnServer(*options, action, console);
    return code.ok() ? *code : Report(code.status(), console);
  };
}

}  // namespace twin::twinctl
