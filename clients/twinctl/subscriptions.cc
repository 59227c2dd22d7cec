#include "clients/twinctl/subscriptions.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "clients/cpp/events.h"
#include "clients/twinctl/event_filter.h"
#include "clients/twinctl/history.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/watch.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct SubscriptionArguments {
  FilterArguments filter;
  std::string name;
  std::string from;
  std::string to;
  std::string output = "table";
};

// A filter without what it does not say.
Json FilterJson(const v1::EventFilter& filter) {
  Json json = Json::object();
  const auto add = [&](const char* name, const auto& strings) {
    if (!strings.empty()) json[name] = std::vector<std::string>(strings.begin(), strings.end());
  };
  for (const int type : filter.types()) {
    json["types"].push_back(EventTypeName(static_cast<v1::EventType>(type)));
  }
  add("models", filter.models());
  add("twins", filter.twin_ids());
  if (!filter.under().empty()) json["under"] = filter.under();
  add("along", filter.under_relationships());
  add("paths", filter.paths());
  if (!filter.condition().empty()) json["condition"] = filter.condition();
  return json;
}

std::string FilterText(const v1::EventFilter& filter) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const auto& strings) {
    for (const std::string& each : strings) parts.push_back(absl::StrCat(name, " ", each));
  };
  if (!filter.condition().empty()) parts.push_back(filter.condition());
  for (const int type : filter.types()) {
    parts.push_back(absl::StrCat("type ", EventTypeName(static_cast<v1::EventType>(type))));
  }
  add("model", filter.models());
  add("twin", filter.twin_ids());
  if (!filter.under().empty()) parts.push_back(absl::StrCat("under ", filter.under()));
  add("along", filter.under_relationships());
  add("path", filter.paths());
  return parts.empty() ? "everything" : absl::StrJoin(parts, ", ");
}

std::string LagText(const v1::Subscription& subscription) {
  if (subscription.expired()) return "expired";
  if (subscription.lag_sequences() == 0) return "-";
  return absl::StrFormat("%s (%.1f s)", WithCommas(subscription.lag_sequences()),
                         static_cast<double>(subscription.lag_nanos()) / 1e9);
}

Json SubscriptionJson(const v1::Subscription& subscription) {
  Json consumers = Json::array();
  for (const v1::Subscription::Consumer& each : subscription.consumers()) {
    consumers.push_back({{"name", each.name()},
                         {"connectTime", TimeText(each.connect_time_unix_nano())},
                         {"sharePercent", each.share_percent()},
                         {"unacknowledgedEvents", each.unacknowledged_events()},
                         {"creditEvents", each.credit_events()}});
  }
  return {{"name", subscription.name()},
          {"filter", FilterJson(subscription.filter())},
          {"createTime", TimeText(subscription.create_time_unix_nano())},
          {"acknowledgedSequence", subscription.acknowledged_sequence()},
          {"cursor", subscription.resume_token()},
          {"lagSequences", subscription.lag_sequences()},
          {"lagSeconds", static_cast<double>(subscription.lag_nanos()) / 1e9},
          {"expired", subscription.expired()},
          {"waitingEvents", subscription.waiting_events()},
          {"consumers", std::move(consumers)}};
}

void WriteSubscription(const v1::Subscription& subscription, const std::string& output,
                       const Console& console) {
  const Format format = FormatOf(output);
  Json json = SubscriptionJson(subscription);
  if (format == Format::kTable) {
    json["filter"] = FilterText(subscription.filter());
    Json consumers = std::move(json["consumers"]);
    json["consumers"] = consumers.size();
    WriteObject(json, format, console);
    if (consumers.empty()) return;
    console.out << "\n";
    WriteRows({{.key = "name", .title = "CONSUMER"},
               {.key = "connectTime", .title = "SINCE"},
               {.key = "sharePercent", .title = "SHARE %", .right = true},
               {.key = "unacknowledgedEvents", .title = "UNACKNOWLEDGED", .right = true},
               {.key = "creditEvents", .title = "CREDIT", .right = true}},
              consumers, format, console);
    return;
  }
  WriteObject(json, format, console);
}

// CURSOR or a time, into the two members that requests have for them.
template <typename Request>
absl::Status SetPlace(const std::string& option, const std::string& place, Request* request) {
  if (!IsTimeOfCursor(place)) {
    request->set_resume_token(place);
    return absl::OkStatus();
  }
  const absl::StatusOr<int64_t> time = TimeOfCursor(option, place);
  if (time.ok()) request->set_from_unix_nano(*time);
  return time.status();
}

absl::StatusOr<ExitCode> CreateOne(const SubscriptionArguments& arguments, client::Client* client,
                                   const Console& console) {
  v1::CreateSubscriptionRequest request;
  request.set_name(arguments.name);
  absl::StatusOr<v1::EventFilter> filter = FilterOf(arguments.filter);
  if (!filter.ok()) return filter.status();
  *request.mutable_filter() = *std::move(filter);
  if (!arguments.from.empty()) {
    const absl::Status status = SetPlace("--from", arguments.from, &request);
    if (!status.ok()) return status;
  }
  const absl::StatusOr<v1::Subscription> created =
      client::EventClient(client).CreateSubscription(request);
  if (!created.ok()) return created.status();
  if (FormatOf(arguments.output) != Format::kTable) {
    WriteSubscription(*created, arguments.output, console);
  } else {
    console.out << "subscription " << created->name() << " created, from sequence "
                << created->acknowledged_sequence() + 1 << " on: " << FilterText(created->filter())
                << "\n";
  }
  return kExitDone;
}

absl::StatusOr<ExitCode> ListAll(const SubscriptionArguments& arguments, client::Client* client,
                                 const Console& console) {
  const Format format = FormatOf(arguments.output);
  Json rows = Json::array();
  v1::ListSubscriptionsRequest request;
  do {
    const absl::StatusOr<v1::ListSubscriptionsResponse> response =
        client::EventClient(client).ListSubscriptions(request);
    if (!response.ok()) return response.status();
    for (const v1::Subscription& each : response->subscriptions()) {
      Json row = SubscriptionJson(each);
      if (format == Format::kTable || format == Format::kCsv) {
        row["filter"] = FilterText(each.filter());
        row["consumers"] = each.consumers().size();
        row["lag"] = LagText(each);
      }
      rows.push_back(std::move(row));
    }
    request.set_page_token(response->next_page_token());
  } while (!request.page_token().empty());
  WriteRows({{.key = "name", .title = "NAME"},
             {.key = "acknowledgedSequence", .title = "ACKNOWLEDGED", .right = true},
             {.key = "lag", .title = "LAG", .right = true},
             {.key = "consumers", .title = "CONSUMERS", .right = true},
             {.key = "filter", .title = "FILTER"}},
            rows, format, console);
  return kExitDone;
}

absl::StatusOr<ExitCode> ShowOne(const SubscriptionArguments& arguments, client::Client* client,
                                 const Console& console) {
  v1::GetSubscriptionRequest request;
  request.set_name(arguments.name);
  const absl::StatusOr<v1::Subscription> found =
      client::EventClient(client).GetSubscription(request);
  if (!found.ok()) return found.status();
  WriteSubscription(*found, arguments.output, console);
  return kExitDone;
}

absl::StatusOr<ExitCode> SeekOne(const SubscriptionArguments& arguments, client::Client* client,
                                 const Console& console) {
  v1::SeekSubscriptionRequest request;
  request.set_name(arguments.name);
  if (arguments.to == "oldest") {
    request.set_oldest(true);
  } else if (arguments.to != "now") {
    const absl::Status status = SetPlace("TO", arguments.to, &request);
    if (!status.ok()) return status;
  }
  const absl::StatusOr<v1::Subscription> moved =
      client::EventClient(client).SeekSubscription(request);
  if (!moved.ok()) return moved.status();
  WriteDone(absl::StrCat("subscription ", arguments.name, " goes on from sequence ",
                         moved->acknowledged_sequence() + 1),
            SubscriptionJson(*moved), FormatOf(arguments.output), console);
  return kExitDone;
}

absl::StatusOr<ExitCode> DeleteOne(const SubscriptionArguments& arguments, client::Client* client,
                                   const Console& console) {
  v1::DeleteSubscriptionRequest request;
  request.set_name(arguments.name);
  const absl::Status status = client::EventClient(client).DeleteSubscription(request);
  if (!status.ok()) return status;
  WriteDone(absl::StrCat("subscription ", arguments.name, " deleted"), {{"name", arguments.name}},
            FormatOf(arguments.output), console);
  return kExitDone;
}

using SubscriptionAction = absl::StatusOr<ExitCode> (*)(const SubscriptionArguments&,
                                                        client::Client*, const Console&);

}  // namespace

void AddSubscriptions(CommandLine* line, const ServerPointer& server) {
  CLI::App* const group = line->AddGroup(
      line->root(), {.name = "subscriptions",
                     .summary = "Named subscriptions to changes, whose place the server keeps",
                     .examples = "twinctl subscriptions create alarms 'new.temperature > 45'\n"
                                 "twinctl subscriptions show alarms\n"
                                 "twinctl subscriptions list"});
  const auto add = [&](const CommandText& text, SubscriptionAction action,
                       SubscriptionArguments** arguments) {
    const auto own = std::make_shared<SubscriptionArguments>();
    *arguments = own.get();
    return line->AddCommand(
        group, text,
        OnServer(server, [own, action](client::Client* client, const Console& console) {
          return action(*own, client, console);
        }));
  };
  const auto add_name = [](CLI::App* command, SubscriptionArguments* arguments) {
    command->add_option("NAME", arguments->name, "The subscription's name")
        ->type_name("NAME")
        ->required();
  };
  SubscriptionArguments* arguments = nullptr;
  CLI::App* command = add(
      {.name = "create",
       .summary = "Create one: what it tells of, and from where on",
       .description = "The server keeps how far it has been worked off, and the changes since as "
                      "long as event-retention allows. All of what is given must hold; of options "
                      "given several times, one.",
       .examples =
           "twinctl subscriptions create alarms 'new.temperature > 45 AND old.temperature <= 45'\n"
           "twinctl subscriptions create moves --type relationship.created --type "
           "relationship.deleted"},
      CreateOne, &arguments);
  add_name(command, arguments);
  AddFilterOptions(command, &arguments->filter);
  command
      ->add_option("--from", arguments->from,
                   "Begin behind this cursor, or at this time (default: now)")
      ->type_name("CURSOR");
  CommandLine::AddOutput(command, &arguments->output);

  command = add({.name = "list",
                 .summary = "List them, with how far each lags",
                 .examples = "twinctl subscriptions list"},
                ListAll, &arguments);
  CommandLine::AddOutput(command, &arguments->output);

  command = add({.name = "show",
                 .summary = "Show one: its filter, its place and its consumers",
                 .examples = "twinctl subscriptions show alarms"},
                ShowOne, &arguments);
  add_name(command, arguments);
  CommandLine::AddOutput(command, &arguments->output);

  command = add({.name = "seek",
                 .summary = "Have one go on from another place, ahead or back",
                 .description = "What was acknowledged behind that place comes again.",
                 .examples = "twinctl subscriptions seek alarms oldest\n"
                             "twinctl subscriptions seek alarms 2024-05-01T00:00:00Z"},
                SeekOne, &arguments);
  add_name(command, arguments);
  command->add_option("TO", arguments->to, "A cursor, a time, 'oldest' or 'now'")
      ->type_name("TO")
      ->required();
  CommandLine::AddOutput(command, &arguments->output);

  command = add({.name = "delete",
                 .summary = "Delete one; its consumers end",
                 .examples = "twinctl subscriptions delete alarms"},
                DeleteOne, &arguments);
  add_name(command, arguments);
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
