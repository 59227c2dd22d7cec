// `predictors run`, `runs` and `forecasts`.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "clients/cpp/predictors.h"
#include "clients/twinctl/predictors.h"
#include "clients/twinctl/results.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

struct RunArguments {
  std::string name;
  std::vector<std::string> twins;
  std::string now;
  bool no_wait = false;
  std::string output = "table";
};

struct ListArguments {
  std::string name;
  std::string twin;
  std::string path;
  int32_t limit = 20;
  std::string output = "table";
};

std::string StateOf(const v1::PredictorRun& run) {
  return absl::AsciiStrToLower(v1::PredictorRun::State_Name(run.state()));
}

// OK: all of them are there.
absl::Status CheckTwinsExist(const std::vector<std::string>& ids, client::Client* client) {
  std::vector<std::string> unknown;
  for (const std::string& id : ids) {
    v1::GetTwinRequest request;
    request.set_id(id);
    const absl::Status status = client->GetTwin(request).status();
    if (absl::IsNotFound(status)) {
      unknown.push_back(id);
    } else if (!status.ok()) {
      return status;
    }
  }
  if (unknown.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("there is no twin ", absl::StrJoin(unknown, ", ")));
}

absl::StatusOr<ExitCode> RunPredictor(const RunArguments& arguments, client::Client* client,
                                      const Console& console) {
  v1::RunNowRequest request;
  request.set_name(arguments.name);
  for (const std::string& twin : arguments.twins) request.add_twin_ids(twin);
  request.set_no_wait(arguments.no_wait);
  if (!arguments.now.empty()) {
    absl::Time now;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, arguments.now, &now, &error)) {
      return UsageError(
          absl::StrCat("--now ", arguments.now, ": it is no time such as 2026-03-01T08:30:00Z"));
    }
    request.set_now_unix_nano(absl::ToUnixNanos(now));
  }
  const absl::StatusOr<v1::PredictorRun> run = client::PredictorClient(client).RunNow(request);
  if (!run.ok()) return run.status();
  const std::string sentence =
      arguments.no_wait
          ? absl::StrCat("a run of ", arguments.name, " was asked for")
          : absl::StrCat("run ", run->id(), " is ", StateOf(*run), ": ",
                         CountOf(run->rows(), "twin"), ", ", run->ok(), " ok, ",
                         run->insufficient_data(), " without enough data, ", run->out_of_domain(),
                         " out of domain, ", run->stale(), " stale, ", run->errors(), " in error");
  WriteDone(sentence, PredictorRunJson(*run), FormatOf(arguments.output), console);
  const bool has_failed =
      run->state() == v1::PredictorRun::FAILED || run->state() == v1::PredictorRun::PARTLY;
  if (has_failed) return absl::FailedPreconditionError(run->message());
  if (!arguments.no_wait && run->rows() < arguments.twins.size()) {
    if (absl::Status status = CheckTwinsExist(arguments.twins, client); !status.ok()) return status;
  }
  return kExitDone;
}

absl::StatusOr<ExitCode> ListPredictorRuns(const ListArguments& arguments, client::Client* client,
                                           const Console& console) {
  if (arguments.limit < 1) return UsageError("--limit: give at least 1");
  v1::ListRunsRequest request;
  request.set_name(arguments.name);
  request.set_limit(arguments.limit);
  const absl::StatusOr<v1::ListRunsResponse> response =
      client::PredictorClient(client).ListRuns(request);
  if (!response.ok()) return response.status();
  const Format format = FormatOf(arguments.output);
  Json rows = Json::array();
  for (const v1::PredictorRun& run : response->runs()) {
    Json row = PredictorRunJson(run);
    if (format == Format::kTable) {
      const int64_t nanos = run.end_time_unix_nano() - run.start_time_unix_nano();
      row["time"] = run.end_time_unix_nano() == 0
                        ? ""
                        : absl::StrFormat("%.1f ms", static_cast<double>(nanos) / 1e6);
    }
    rows.push_back(std::move(row));
  }
  std::vector<Column> columns = {{.key = "id", .title = "RUN"},
                                 {.key = "trigger", .title = "TRIGGER"},
                                 {.key = "state", .title = "STATE"},
                                 {.key = "startTime", .title = "STARTED"},
                                 {.key = "rows", .title = "TWINS", .right = true},
                                 {.key = "ok", .title = "OK", .right = true},
                                 {.key = "insufficientData", .title = "TOO LITTLE", .right = true},
                                 {.key = "message", .title = "MESSAGE"}};
  if (format == Format::kTable) {
    columns.insert(columns.begin() + 4, {.key = "time", .title = "TIME", .right = true});
  }
  WriteRows(columns, rows, format, console);
  return kExitDone;
}

absl::StatusOr<ExitCode> ListForecasts(const ListArguments& arguments, client::Client* client,
                                       const Console& console) {
  if (arguments.limit < 1) return UsageError("--limit: give at least 1");
  v1::ListForecastsRequest request;
  request.set_twin_id(arguments.twin);
  request.set_path(arguments.path);
  request.set_name(arguments.name);
  request.set_limit(arguments.limit);
  const absl::StatusOr<v1::ListForecastsResponse> response =
      client::PredictorClient(client).ListForecasts(request);
  if (!response.ok()) return response.status();
  Json rows = Json::array();
  for (const v1::Forecast& forecast : response->forecasts()) {
    rows.push_back({{"time", TimeText(forecast.time_unix_nano())},
                    {"asOf", TimeText(forecast.as_of_unix_nano())},
                    {"predictor", forecast.predictor()},
                    {"path", forecast.path()},
                    {"value", forecast.value()},
                    {"lo", forecast.lo()},
                    {"hi", forecast.hi()},
                    {"level", forecast.level()},
                    {"status", v1::OutputColumns::Status_Name(forecast.status())},
                    {"method", forecast.method()},
                    {"modelVersion", forecast.model_version()},
                    {"shadow", forecast.shadow()}});
  }
  WriteRows({{.key = "time", .title = "MADE"},
             {.key = "predictor", .title = "PREDICTOR"},
             {.key = "path", .title = "PATH"},
             {.key = "value", .title = "VALUE", .right = true},
             {.key = "lo", .title = "LO", .right = true},
             {.key = "hi", .title = "HI", .right = true},
             {.key = "status", .title = "STATUS"}},
            rows, FormatOf(arguments.output), console);
  return kExitDone;
}

}  // namespace

Json PredictorRunJson(const v1::PredictorRun& run) {
  return {{"id", run.id()},
          {"predictor", run.predictor()},
          {"trigger", absl::AsciiStrToLower(v1::PredictorRun::Trigger_Name(run.trigger()))},
          {"state", StateOf(run)},
          {"message", run.message()},
          {"startTime", TimeText(run.start_time_unix_nano())},
          {"endTime", TimeText(run.end_time_unix_nano())},
          {"asOf", TimeText(run.as_of_unix_nano())},
          {"sequence", run.position().sequence()},
          {"rows", run.rows()},
          {"batches", run.batches()},
          {"retries", run.retries()},
          {"ok", run.ok()},
          {"outOfDomain", run.out_of_domain()},
          {"insufficientData", run.insufficient_data()},
          {"stale", run.stale()},
          {"errors", run.errors()},
          {"modelVersion", run.model_version()},
          {"queryNanos", run.query_nanos()},
          {"predictNanos", run.predict_nanos()},
          {"writeNanos", run.write_nanos()}};
}

void AddPredictorsRun(CommandLine* line, CLI::App* group, const ServerPointer& server) {
  const auto arguments = std::make_shared<RunArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "run",
       .summary = "Run a predictor now and wait for its end",
       .examples = "twinctl predictors run soh-coulomb\n"
                   "twinctl predictors run soh-coulomb veh-000042-pack --now 2026-03-01T00:00:00Z"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return RunPredictor(*arguments, client, console);
      }));
  command->add_option("NAME", arguments->name, "As 'predictors list' prints it")
      ->type_name("NAME")
      ->required();
  command->add_option("TWIN", arguments->twins, "For these twins; without one for all")
      ->type_name("TWIN");
  command
      ->add_option("--now", arguments->now,
                   "What NOW() is in its query, such as 2026-03-01T08:30:00Z: for recorded data")
      ->type_name("TIME");
  command->add_flag("--no-wait", arguments->no_wait, "Ask for the run and do not wait for its end");
  CommandLine::AddOutput(command, &arguments->output);
}

void AddPredictorsRuns(CommandLine* line, CLI::App* group, const ServerPointer& server) {
  const auto arguments = std::make_shared<ListArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "runs",
       .summary = "List runs of a predictor, or of all, the latest first",
       .examples = "twinctl predictors runs soh-coulomb"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return ListPredictorRuns(*arguments, client, console);
      }));
  command->add_option("NAME", arguments->name, "Of this predictor")->type_name("NAME");
  command->add_option("--limit", arguments->limit, "At most so many (default 20)")->type_name("N");
  CommandLine::AddOutput(command, &arguments->output);
}

void AddPredictorsForecasts(CommandLine* line, CLI::App* group, const ServerPointer& server) {
  const auto arguments = std::make_shared<ListArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "forecasts",
       .summary = "List what was predicted for a twin and when, the latest first",
       .examples = "twinctl predictors forecasts veh-000042-pack --path soh"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return ListForecasts(*arguments, client, console);
      }));
  command->add_option("TWIN", arguments->twin, "The twin's id")->type_name("TWIN")->required();
  command->add_option("--path", arguments->path, "Of this path alone, such as soh")
      ->type_name("PATH");
  command->add_option("--predictor", arguments->name, "Of this predictor alone")->type_name("NAME");
  command->add_option("--limit", arguments->limit, "At most so many of each (default 20)")
      ->type_name("N");
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
