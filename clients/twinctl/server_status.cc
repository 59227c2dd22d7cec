#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/server.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

std::string RunningTime(const v1::StatusResponse& status) {
  const absl::Duration time =
      absl::Nanoseconds(status.time_unix_nano() - status.start_time_unix_nano());
  return absl::FormatDuration(
      absl::Trunc(time, time < absl::Seconds(1) ? absl::Milliseconds(1) : absl::Seconds(1)));
}

absl::StatusOr<ExitCode> Status(const std::string& output, client::Client* client,
                                const Console& console) {
  const absl::StatusOr<v1::StatusResponse> status = client->Status();
  if (!status.ok()) return status.status();
  if (FormatOf(output) == Format::kTable) {
    WriteTable({{.key = "field", .title = "SERVER"}, {.key = "value", .title = client->address()}},
               StatusRows(*status), TableOptionsOf(console), console.out);
  } else {
    WriteObject(StatusJson(*status), FormatOf(output), console);
  }
  return kExitDone;
}

Json EventsJson(const v1::StatusResponse::Events& events) {
  Json lags = Json::array();
  for (const v1::SubscriptionLag& each : events.lags()) {
    lags.push_back({{"name", each.name()},
                    {"lagSequences", each.lag_sequences()},
                    {"lagSeconds", static_cast<double>(each.lag_nanos()) / 1e9},
                    {"expired", each.expired()},
                    {"consumers", each.consumers()},
                    {"waitingEvents", each.waiting_events()}});
  }
  return {{"subscribers", events.subscribers()},
          {"behind", events.behind()},
          {"delivered", events.delivered()},
          {"fellBehind", events.fell_behind()},
          {"ringBytes", events.ring_bytes()},
          {"oldestSequence", events.oldest_sequence()},
          {"oldestCursor", events.oldest_resume_token()},
          {"namedSubscriptions", events.named_subscriptions()},
          {"lags", std::move(lags)}};
}

std::string LagsText(const v1::StatusResponse::Events& events) {
  std::string text = WithCommas(events.named_subscriptions());
  uint64_t expired = 0;
  for (const v1::SubscriptionLag& each : events.lags()) expired += each.expired() ? 1 : 0;
  if (events.lags_size() > 0 && events.lags(0).lag_sequences() > 0) {
    const v1::SubscriptionLag& most = events.lags(0);
    absl::StrAppend(&text, "; ", most.name(), " lags most, ",
                    CountOf(most.lag_sequences(), "change"),
                    absl::StrFormat(" (%.1f s)", static_cast<double>(most.lag_nanos()) / 1e9));
  }
  if (expired > 0) {
    absl::StrAppend(&text, "; ", WithCommas(expired),
                    " too late: see 'twinctl subscriptions list'");
  }
  return text;
}

}  // namespace

Json StatusJson(const v1::StatusResponse& status) {
  return {{"version", status.version()},
          {"dataDir", status.data_dir()},
          {"startTime", TimeText(status.start_time_unix_nano())},
          {"time", TimeText(status.time_unix_nano())},
          {"sequence", status.position().sequence()},
          {"models", status.models()},
          {"twins", status.twins()},
          {"relationships", status.relationships()},
          {"deletedTwins", status.deleted_twins()},
          {"writing", status.writing()},
          {"memory",
           {{"columnsBytes", status.memory().columns_bytes()},
            {"idsBytes", status.memory().ids_bytes()},
            {"stringsBytes", status.memory().strings_bytes()},
            {"relationshipsBytes", status.memory().relationships_bytes()},
            {"indexBytes", status.memory().index_bytes()},
            {"retainedBytes", status.memory().retained_bytes()},
            {"residentBytes", status.memory().resident_bytes()},
            {"snapshots", status.memory().snapshots()}}},
          {"journal",
           {{"bytes", status.journal().bytes()},
            {"segments", status.journal().segments()},
            {"syncs", status.journal().syncs()},
            {"oldestSequence", status.journal().oldest_sequence()}}},
          {"checkpoint",
           {{"sequence", status.checkpoint().sequence()},
            {"time", TimeText(status.checkpoint().time_unix_nano())},
            {"running", status.checkpoint().running()},
            {"storeBytes", status.checkpoint().store_bytes()}}},
          {"history",
           {{"layouts", status.history().layouts()},
            {"series", status.history().series()},
            {"samples", status.history().samples()},
            {"memoryBytes", status.history().memory_bytes()},
            {"files", status.history().files()},
            {"fileBytes", status.history().file_bytes()},
            {"rows", status.history().rows()},
            {"packedFiles", status.history().packed_files()},
            {"packedBytes", status.history().packed_bytes()},
            {"packedRows", status.history().packed_rows()},
            {"daysToPack", status.history().days_to_pack()},
            {"daysPacked", status.history().days_packed()},
            {"rollupFiles", status.history().rollup_files()},
            {"rollupBytes", status.history().rollup_bytes()},
            {"rollupRows", status.history().rollup_rows()},
            {"daysToMerge", status.history().days_to_merge()},
            {"daysMerged", status.history().days_merged()},
            {"packing", status.history().packing()},
            {"oldestTime", status.history().oldest_time_unix_nano() == 0
                               ? Json()
                               : Json(TimeText(status.history().oldest_time_unix_nano()))}}},
          {"queries",
           {{"running", status.queries().running()},
            {"waiting", status.queries().waiting()},
            {"finished", status.queries().finished()},
            {"failed", status.queries().failed()},
            {"keptBytes", status.queries().kept_bytes()}}},
          {"events", EventsJson(status.events())},
          {"ingest",
           {{"streams", status.ingest().streams()},
            {"batches", status.ingest().batches()},
            {"rows", status.ingest().rows()},
            {"rejects", status.ingest().rejects()},
            {"bytes", status.ingest().bytes()}}},
          {"predictors",
           {{"registered", status.predictors().registered()},
            {"running", status.predictors().running()},
            {"runs", status.predictors().runs()},
            {"runsFailed", status.predictors().runs_failed()},
            {"predictions", status.predictors().predictions()},
            {"failures", status.predictors().failures()}}},
          {"disk",
           {{"dataBytes", status.disk().data_bytes()},
            {"freeBytes", status.disk().free_bytes()},
            {"totalBytes", status.disk().total_bytes()}}},
          {"cpuSeconds", status.cpu_seconds()},
          {"recoverySeconds", status.recovery_seconds()},
          {"recoveredRecords", status.recovered_records()}};
}

Json StatusRows(const v1::StatusResponse& status) {
  Json rows = Json::array();
  const auto add = [&](const char* field, const std::string& value) {
    rows.push_back({{"field", field}, {"value", value}});
  };
  const auto& memory = status.memory();
  const auto& checkpoint = status.checkpoint();
  add("version", status.version());
  add("data directory", status.data_dir());
  add("running since",
      absl::StrCat(TimeText(status.start_time_unix_nano()), " (", RunningTime(status), ")"));
  add("writes", status.writing().empty() ? "accepted" : "refused: " + status.writing());
  add("sequence", WithCommas(status.position().sequence()));
  add("models", WithCommas(status.models()));
  add("twins", absl::StrCat(WithCommas(status.twins()),
                            status.deleted_twins() == 0
                                ? ""
                                : absl::StrCat("; the ids of ", WithCommas(status.deleted_twins()),
                                               " deleted ones wait for 'twinctl compact'")));
  add("relationships", WithCommas(status.relationships()));
  add("memory",
      absl::StrCat(BytesText(memory.resident_bytes()), ": columns ",
                   BytesText(memory.columns_bytes()), ", ids ", BytesText(memory.ids_bytes()),
                   ", strings ", BytesText(memory.strings_bytes()), ", relationships ",
                   BytesText(memory.relationships_bytes()), ", index ",
                   BytesText(memory.index_bytes())));
  add("snapshots", absl::StrCat(WithCommas(memory.snapshots()), ", which retain ",
                                BytesText(memory.retained_bytes())));
  add("journal", absl::StrCat(BytesText(status.journal().bytes()), " in ",
                              CountOf(status.journal().segments(), "segment"), ", from sequence ",
                              WithCommas(status.journal().oldest_sequence()), ", ",
                              CountOf(status.journal().syncs(), "sync")));
  add("checkpoint", absl::StrCat(checkpoint.time_unix_nano() == 0
                                     ? "none yet"
                                     : absl::StrCat("sequence ", WithCommas(checkpoint.sequence()),
                                                    " at ", TimeText(checkpoint.time_unix_nano()),
                                                    ", ", BytesText(checkpoint.store_bytes())),
                                 checkpoint.running() ? "; the next one is being written" : ""));
  const auto& history = status.history();
  add("history",
      absl::StrCat(WithCommas(history.series()), " series, ", CountOf(history.layouts(), "layout"),
                   ", ", WithCommas(history.samples()), " samples since the start; ",
                   BytesText(history.memory_bytes()), " in memory, ",
                   BytesText(history.file_bytes()), " in ", CountOf(history.files(), "file"),
                   history.oldest_time_unix_nano() == 0
                       ? ""
                       : absl::StrCat(", from ", TimeText(history.oldest_time_unix_nano()))));
  add("merged", absl::StrCat(CountOf(history.days_merged(), "day"), " since the start; ",
                             CountOf(history.days_to_merge(), "day"),
                             " waiting; roll-ups: ", BytesText(history.rollup_bytes()), " in ",
                             CountOf(history.rollup_files(), "file")));
  add("re-packed", absl::StrCat(BytesText(history.packed_bytes()), " in ",
                                CountOf(history.packed_files(), "day"), "; ",
                                CountOf(history.days_to_pack(), "day"), " waiting",
                                history.packing().empty() ? "" : "; failed: " + history.packing()));
  const auto& queries = status.queries();
  add("queries",
      absl::StrCat(WithCommas(queries.running()), " running, ", WithCommas(queries.waiting()),
                   " waiting; since the start ", WithCommas(queries.finished()), " finished, ",
                   WithCommas(queries.failed()), " of them failed"));
  const auto& events = status.events();
  add("events",
      absl::StrCat(CountOf(events.subscribers(), "subscriber"), ", ", WithCommas(events.behind()),
                   " behind; ", WithCommas(events.delivered()), " delivered since the start; ",
                   BytesText(events.ring_bytes()), " in memory, the oldest is sequence ",
                   WithCommas(events.oldest_sequence())));
  add("named subscriptions", LagsText(events));
  const auto& predictors = status.predictors();
  add("predictors",
      absl::StrCat(WithCommas(predictors.registered()), ", ", WithCommas(predictors.running()),
                   " running; since the start ", CountOf(predictors.runs(), "run"), ", ",
                   WithCommas(predictors.runs_failed()), " of them failed, ",
                   CountOf(predictors.predictions(), "estimate"), ", ",
                   CountOf(predictors.failures(), "failed call")));
  add("last start", absl::StrFormat("%.2f s, %s of the journal", status.recovery_seconds(),
                                    CountOf(status.recovered_records(), "record")));
  return rows;
}

void AddStatus(CommandLine* line, const ServerPointer& server) {
  const auto output = std::make_shared<std::string>("table");
  CLI::App* const command =
      line->AddCommand(line->root(),
                       {.name = "status",
                        .summary = "Show how the server is: counts, memory, journal, checkpoint",
                        .examples = "twinctl status\n"
                                    "twinctl status -o json | jq .twins"},
                       OnServer(server, [output](client::Client* client, const Console& console) {
                         return Status(*output, client, console);
                       }));
  CommandLine::AddOutput(command, output.get());
}

}  // namespace twin::twinctl
