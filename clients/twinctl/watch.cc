#include "clients/twinctl/watch.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/cpp/events.h"
#include "clients/twinctl/enough.h"
#include "clients/twinctl/event_filter.h"
#include "clients/twinctl/query.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct Arguments {
  FilterArguments filter;
  std::string subscription;
  std::string consumer;
  std::string from;
  bool state = false;
  std::string interval;
  std::optional<int64_t> count;
  std::string output;
  std::string query;
  std::vector<std::string> parameters;
  std::string dialect = "tql";
};

uint64_t CountOf(const Arguments& arguments) {
  return static_cast<uint64_t>(arguments.count.value_or(0));
}

// The place behind which the first change is that can still be read.
absl::StatusOr<std::string> OldestCursor(client::Client* client) {
  const absl::StatusOr<v1::StatusResponse> status = client->Status();
  if (!status.ok()) return status.status();
  return status->events().oldest_resume_token();
}

absl::StatusOr<v1::SubscribeRequest> RequestOf(const Arguments& arguments, client::Client* client) {
  v1::SubscribeRequest request;
  request.set_event_tokens(true);
  absl::StatusOr<v1::EventFilter> filter = FilterOf(arguments.filter);
  if (!filter.ok()) return filter.status();
  *request.mutable_filter() = *std::move(filter);
  if (!arguments.interval.empty()) {
    const absl::StatusOr<std::chrono::milliseconds> interval = ParseTimeout(arguments.interval);
    if (!interval.ok()) {
      return UsageError(absl::StrCat("--interval: ", interval.status().message()));
    }
    request.set_interval_ms(static_cast<uint32_t>(interval->count()));
  }
  if (arguments.state && !arguments.from.empty()) {
    return UsageError("--state and --from: one or the other");
  }
  if (arguments.state) request.set_starting_state(true);
  if (arguments.from.empty()) return request;
  if (arguments.from == "oldest") {
    absl::StatusOr<std::string> oldest = OldestCursor(client);
    if (!oldest.ok()) return oldest.status();
    request.set_resume_token(*std::move(oldest));
    return request;
  }
  if (IsTimeOfCursor(arguments.from)) {
    const absl::StatusOr<int64_t> from = TimeOfCursor("--from", arguments.from);
    if (!from.ok()) return from.status();
    request.set_from_unix_nano(*from);
  } else {
    request.set_resume_token(arguments.from);
  }
  return request;
}

class Printer {
 public:
  Printer(const Arguments& arguments, const Console& console)
      : arguments_(arguments),
        console_(console),
        output_(!arguments.output.empty() ? arguments.output
                : console.out_columns > 0 ? "text"
                                          : "ndjson") {}

  absl::Status Print(const v1::SubscribeResponse& message) {
    for (const v1::Event& event : message.events()) {
      PrintEvent(event);
      if (!event.resume_token().empty()) cursor_ = event.resume_token();
      if (++printed_ != CountOf(arguments_)) continue;
      console_.out.flush();
      return Enough();
    }
    if (!message.resume_token().empty()) cursor_ = message.resume_token();
    console_.out.flush();
    return console_.out ? absl::OkStatus() : absl::CancelledError("stdout");
  }

  absl::Status Print(const v1::StreamEventsResponse& message) {
    for (const v1::Event& event : message.events()) PrintEvent(event);
    console_.out.flush();
    return console_.out ? absl::OkStatus() : absl::CancelledError("stdout");
  }

  // Of what came; whoever gave a cursor and saw nothing has it still.
  void SayCursor() const {
    if (cursor_.empty()) return;
    console_.err << console_.err_style.Paint(Tone::kHint,
                                             absl::StrCat("to go on from here: --from ", cursor_))
                 << "\n";
  }

 private:
  void PrintEvent(const v1::Event& event) {
    console_.out << (output_ == "text"  ? EventText(event, console_.out_style)
                     : output_ == "adt" ? DumpJson(AdtEventJson(event))
                                        : DumpJson(EventJson(event)))
                 << "\n";
  }

  const Arguments& arguments_;
  const Console& console_;
  const std::string output_;
  std::string cursor_;
  uint64_t printed_ = 0;
};

client::EventOptions ConnectionOptions(const Console& console) {
  client::EventOptions options;
  options.on_lost = [&console](const absl::Status& status) {
    console.err << console.err_style.Paint(
                       Tone::kWarning, absl::StrCat("the connection is lost (",
                                                    Printable(status.message()), "); trying again"))
                << "\n";
  };
  return options;
}

absl::StatusOr<ExitCode> WatchChanges(const Arguments& arguments, client::Client* client,
                                      const Console& console) {
  const absl::StatusOr<v1::SubscribeRequest> request = RequestOf(arguments, client);
  if (!request.ok()) return request.status();
  Printer printer(arguments, console);
  const absl::Status status = client::EventClient(client).Subscribe(
      *request, ConnectionOptions(console),
      [&](const v1::SubscribeResponse& message) { return printer.Print(message); });
  if (!console.out) return kExitRefused;  // main() says why.
  printer.SayCursor();
  if (IsEnough(status)) return kExitDone;
  const std::string oldest = client::OldestTokenOf(status);
  if (oldest.empty()) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), "; --from ", oldest,
                                                  ", or --from oldest, begins at the oldest"));
}

// What is printed is acknowledged.
absl::StatusOr<ExitCode> WatchSubscription(const Arguments& arguments, client::Client* client,
                                           const Console& console) {
  const absl::StatusOr<v1::EventFilter> filter = FilterOf(arguments.filter);
  if (!filter.ok()) return filter.status();
  if (filter->ByteSizeLong() > 0 || arguments.state || !arguments.from.empty() ||
      !arguments.interval.empty()) {
    return UsageError(
        "--subscription: what it tells of was said when it was created, and where it goes on is "
        "its own ('twinctl subscriptions seek'); only --consumer, --count and --output go with it");
  }
  client::ConsumeOptions options;
  options.subscription = arguments.subscription;
  options.consumer = arguments.consumer;
  options.events_max = CountOf(arguments);
  options.connection = ConnectionOptions(console);
  Printer printer(arguments, console);
  const absl::Status status = client::EventClient(client).Consume(
      options, [&](const v1::StreamEventsResponse& message) { return printer.Print(message); });
  if (!console.out) return kExitRefused;  // main() says why.
  if (status.ok()) return kExitDone;
  return status;
}

absl::StatusOr<ExitCode> WatchRows(const Arguments& arguments, client::Client* client,
                                   const Console& console) {
  WatchQueryOptions options;
  options.parameters = arguments.parameters;
  options.dialect = arguments.dialect;
  options.output = arguments.output;
  options.count = CountOf(arguments);
  const absl::StatusOr<v1::EventFilter> filter = FilterOf(arguments.filter);
  if (!filter.ok()) return filter.status();
  if (filter->ByteSizeLong() > 0 || arguments.state || !arguments.from.empty() ||
      !arguments.subscription.empty() || !arguments.consumer.empty()) {
    return UsageError(
        "--query: what it tells of is the result of the SELECT, as a whole and then as it changes; "
        "only --param, --dialect, --interval, --count and --output go with it");
  }
  if (arguments.output == "adt") return UsageError("--output adt is for changes, not for --query");
  if (!arguments.interval.empty()) {
    const absl::StatusOr<std::chrono::milliseconds> interval = ParseTimeout(arguments.interval);
    if (!interval.ok()) {
      return UsageError(absl::StrCat("--interval: ", interval.status().message()));
    }
    options.interval_ms = static_cast<uint32_t>(interval->count());
  }
  options.connection = ConnectionOptions(console);
  const absl::Status status = WatchQuery(options, arguments.query, client, console);
  if (!console.out) return kExitRefused;  // main() says why.
  if (status.ok()) return kExitDone;
  return status;
}

absl::StatusOr<ExitCode> Run(const Arguments& arguments, client::Client* client,
                             const Console& console) {
  if (arguments.count.value_or(1) < 1) return UsageError("--count: give at least 1");
  if (!arguments.query.empty()) return WatchRows(arguments, client, console);
  if (!arguments.subscription.empty()) return WatchSubscription(arguments, client, console);
  if (!arguments.consumer.empty()) return UsageError("--consumer goes with --subscription");
  return WatchChanges(arguments, client, console);
}

}  // namespace

void AddWatch(CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = line->AddCommand(
      line->root(),
      {.name = "watch",
       .summary = "Print changes as they happen, until Ctrl-C",
       .description =
           "All of what is given must hold; of options given several times, one. CONDITION is TQL, "
           "as after WHERE: new.x and old.x are values after and before a change, other names "
           "properties of the twin. A lost connection is made again, and nothing is left out; "
           "where "
           "to go on is printed at the end (--from).",
       .examples =
           "twinctl watch\n"
           "twinctl watch 'new.temperature > 45 AND old.temperature <= 45'\n"
           "twinctl watch --under pack-1 --path voltage --interval 1s\n"
           "twinctl watch --query 'SELECT p.$dtId, MAX(c.temperature) AS t FROM DIGITALTWINS MATCH "
           "(p:BatteryPack)-[:hasModule]->()-[:hasCell]->(c) GROUP BY p.$dtId'\n"
           "twinctl watch --type twin.created --type twin.deleted -o ndjson >> changes.ndjson\n"
           "twinctl watch --subscription alarms -o ndjson"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Run(*arguments, client, console);
      }));
  AddFilterOptions(command, &arguments->filter);
  command
      ->add_option("--subscription", arguments->subscription,
                   "Work off this named subscription instead: what is printed is acknowledged")
      ->type_name("NAME");
  command
      ->add_option("--consumer", arguments->consumer,
                   "With --subscription: the name of this consumer; several share the twins "
                   "(default: one of its own)")
      ->type_name("NAME");
  command
      ->add_option("--from", arguments->from,
                   "Begin behind this cursor, at this time, or with the 'oldest' change that is "
                   "kept (default: now)")
      ->type_name("CURSOR")
      ->check([](const std::string& text) {
        return text.empty() ? "give a cursor, a time or 'oldest'; without --from it begins now"
                            : std::string();
      });
  command->add_flag("--state", arguments->state, "Begin with what is there now");
  command
      ->add_option("--interval", arguments->interval,
                   "At most once in this time: the last values of each twin (default: every "
                   "change)")
      ->type_name("TIME");
  command->add_option("--count", arguments->count, "End after so many events")->type_name("N");
  command
      ->add_option("--query", arguments->query,
                   "Instead of changes: the rows of this SELECT, then how they come, change and go")
      ->type_name("TQL");
  command
      ->add_option("--param", arguments->parameters,
                   "A parameter of --query, NAME=VALUE; may be given several times")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  CommandLine::AddChoice(command, "--dialect", &arguments->dialect, kDialectWords,
                         "The language of --query (default: tql)");
  CommandLine::AddChoice(command, "-o,--output", &arguments->output, "text|ndjson|adt",
                         "The form of the events: lines for people, CloudEvents, or those of Azure "
                         "Digital Twins (default: text on a terminal, else ndjson)");
}

}  // namespace twin::twinctl
