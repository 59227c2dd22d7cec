#include "clients/twinctl/telemetry.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "clients/cpp/telemetry.h"
#include "clients/twinctl/history.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/terminal.h"
#include "clients/twinctl/twin_json.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr char kStdin[] = "-";
constexpr size_t kTextShown = 60;

// The server leaves out what is null.
uint64_t ValuesIn(const Json& json) {
  if (!json.is_object()) return json.is_null() ? 0 : 1;
  uint64_t values = 0;
  for (const Json& member : json) values += ValuesIn(member);
  return values;
}

struct SendArguments {
  std::string twin;
  std::string json;
  std::string time;
  std::string output = "table";
};

absl::StatusOr<ExitCode> Send(const SendArguments& arguments, client::Client* client,
                              const Console& console) {
  std::string text = arguments.json;
  if (text == kStdin) {
    absl::StatusOr<std::string> read = ReadText(text);
    if (!read.ok()) return read.status();
    text = *std::move(read);
  }
  const absl::StatusOr<Json> json =
      ParseJson(text, absl::StrCat("'", Printable(text.substr(0, kTextShown)), "'"));
  if (!json.ok()) {
    return UsageError(absl::StrCat(json.status().message(), "; write {\"temperature\": 31.5}"));
  }
  if (!json->is_object()) {
    return UsageError("JSON is no object of values, such as {\"temperature\": 31.5}");
  }
  v1::PublishRequest request;
  request.set_twin_id(arguments.twin);
  request.set_contents_json(text);
  if (!arguments.time.empty()) {
    const absl::StatusOr<int64_t> time = TimeOption("--time", arguments.time);
    if (!time.ok()) return time.status();
    request.set_source_time_unix_nano(*time);
  }
  const absl::StatusOr<v1::PublishResponse> response =
      client::TelemetryClient(client).Publish(request);
  if (!response.ok()) return response.status();
  if (!response->notice().empty()) console.err << Printable(response->notice()) << '\n';
  const uint64_t sequence = response->position().sequence();
  const uint64_t values = ValuesIn(*json);
  WriteDone(absl::StrCat("sent ", CountOf(values, "value"), " of '", arguments.twin, "', sequence ",
                         WithCommas(sequence)),
            {{"twin", arguments.twin}, {"values", values}, {"sequence", sequence}},
            FormatOf(arguments.output), console);
  return kExitDone;
}

}  // namespace

void AddTelemetry(CommandLine* line, const ServerPointer& server) {
  CLI::App* const group = line->AddGroup(
      line->root(), {.name = "telemetry",
                     .summary = "Send samples, watch them come, list the layouts of frames",
                     .examples = "twinctl telemetry send probe-1 '{\"temperature\": 31.5}'\n"
                                 "twinctl telemetry tail pack-1"});
  AddTelemetrySend(group, line, server);
  AddTelemetryTail(group, line, server);
  AddTelemetryLayouts(group, line, server);
}

void AddTelemetrySend(CLI::App* group, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<SendArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "send",
       .summary = "Send samples of one twin: values of its telemetry and properties at one time",
       .description = "The latest value of each is the one with the greatest source time; history "
                      "takes late ones into their place.",
       .examples = "twinctl telemetry send probe-1 '{\"temperature\": 31.5}'\n"
                   "twinctl telemetry send pack-1 - --time 2026-07-01T12:00:00Z < values.json"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Send(*arguments, client, console);
      }));
  command->add_option("TWIN", arguments->twin, "The twin")->type_name("TWIN")->required();
  command->add_option("JSON", arguments->json, "An object of values; - reads it from stdin")
      ->type_name("JSON")
      ->required();
  command
      ->add_option("--time", arguments->time,
                   "The source time, such as 2026-07-01T12:00:00Z (default: the server's)")
      ->type_name("TIME");
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
