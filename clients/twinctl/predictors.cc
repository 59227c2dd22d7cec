#include "clients/twinctl/predictors.h"

#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/cpp/predictors.h"
#include "clients/twinctl/results.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

Json DescriptionJson(const v1::PredictorDescription& description) {
  Json features = Json::array();
  for (const v1::PredictorDescription::Feature& feature : description.features()) {
    Json row = {{"name", feature.name()},
                {"type", v1::PredictorDescription::Feature::Type_Name(feature.type())},
                {"unit", feature.unit()},
                {"required", feature.required()}};
    if (feature.has_min()) row["min"] = feature.min();
    if (feature.has_max()) row["max"] = feature.max();
    features.push_back(std::move(row));
  }
  Json json = {{"name", description.name()},
               {"version", description.version()},
               {"description", description.description()},
               {"method", description.method()},
               {"targetModel", description.target_model()},
               {"featureSchemaHash", description.feature_schema_hash()},
               {"features", std::move(features)},
               {"trainingData", description.training_data()}};
  if (description.has_held_out_metrics()) {
    const v1::PredictorDescription::HeldOutMetrics& metrics = description.held_out_metrics();
    Json held_out = {{"cells", metrics.cells()},
                     {"points", metrics.points()},
                     {"rmse", metrics.rmse()},
                     {"mae", metrics.mae()}};
    if (metrics.has_mape()) held_out["mape"] = metrics.mape();
    if (metrics.has_coverage()) held_out["coverage"] = metrics.coverage();
    json["heldOutMetrics"] = std::move(held_out);
  }
  return json;
}

Json CoverageJson(const v1::PredictorInfo::Coverage& coverage) {
  const double truths = static_cast<double>(coverage.truths());
  return {{"truths", coverage.truths()},
          {"inside", coverage.inside()},
          {"share", static_cast<double>(coverage.inside()) / truths},
          {"rmse", std::sqrt(coverage.error_sum_of_squares() / truths)},
          {"bias", coverage.error_sum() / truths}};
}

Json PathsJson(const v1::PredictorInfo& info) {
  Json paths = Json::object();
  for (const v1::PredictorDescription::Output& output : info.description().outputs()) {
    paths[output.name()] = info.spec().paths().at(output.name());
  }
  return paths;
}

std::string TriggerText(const v1::PredictorInfo& info) {
  std::string text;
  if (info.spec().interval_ms() > 0) {
    text = absl::StrFormat("every %g s", static_cast<double>(info.spec().interval_ms()) / 1e3);
  }
  if (info.spec().change_paths_size() > 0) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", "on change");
  }
  return text.empty() ? "on demand" : text;
}

absl::StatusOr<ExitCode> ListPredictors(const std::string& output, client::Client* client,
                                        const Console& console) {
  const absl::StatusOr<v1::ListPredictorsResponse> response =
      client::PredictorClient(client).List({});
  if (!response.ok()) return response.status();
  Json rows = Json::array();
  for (const v1::PredictorInfo& info : response->predictors()) {
    Json row = PredictorJson(info);
    std::string paths;
    for (const auto& [name, path] : row["paths"].items()) {
      absl::StrAppend(&paths, paths.empty() ? "" : ", ", path.get<std::string>());
    }
    row["writes"] = paths;
    row["trigger"] = info.paused() ? "paused" : TriggerText(info);
    row["lastRun"] =
        info.has_last_run()
            ? absl::StrCat(
                  absl::AsciiStrToLower(v1::PredictorRun::State_Name(info.last_run().state())), " ",
                  TimeText(info.last_run().start_time_unix_nano()))
            : "";
    rows.push_back(std::move(row));
  }
  WriteRows({{.key = "name", .title = "NAME"},
             {.key = "source", .title = "FROM"},
             {.key = "role", .title = "ROLE"},
             {.key = "writes", .title = "WRITES"},
             {.key = "trigger", .title = "TRIGGER"},
             {.key = "health", .title = "HEALTH"},
             {.key = "lastRun", .title = "LAST RUN"}},
            rows, FormatOf(output), console);
  return kExitDone;
}

// A command that takes the name of a predictor and prints what it answers.
using NameAction = std::function<absl::StatusOr<ExitCode>(
    const std::string& name, Format format, client::PredictorClient client, const Console&)>;

CLI::App* AddNamed(CommandLine* line, CLI::App* group, const ServerPointer& server,
                   const CommandText& text, NameAction action) {
  const auto name = std::make_shared<std::string>();
  const auto output = std::make_shared<std::string>("table");
  CLI::App* const command = line->AddCommand(
      group, text,
      OnServer(server, [name, output, action = std::move(action)](client::Client* client,
                                                                  const Console& console) {
        return action(*name, FormatOf(*output), client::PredictorClient(client), console);
      }));
  command->add_option("NAME", *name, "As 'predictors list' prints it")
      ->type_name("NAME")
      ->required();
  CommandLine::AddOutput(command, output.get());
  return command;
}

}  // namespace

Json PredictorJson(const v1::PredictorInfo& info) {
  const v1::PredictorSpec& spec = info.spec();
  Json json = {{"name", spec.name()},
               {"source", spec.address().empty() ? spec.builtin() : spec.address()},
               {"role", spec.role() == v1::PredictorSpec::SHADOW ? "shadow" : "champion"},
               {"targetModel", info.description().target_model()},
               {"paths", PathsJson(info)},
               {"paused", info.paused()},
               {"health", absl::AsciiStrToLower(v1::PredictorInfo::Health_Name(info.health()))},
               {"trouble", info.trouble()},
               {"registerTime", TimeText(info.register_time_unix_nano())},
               {"nextRun", TimeText(info.next_run_unix_nano())},
               {"intervalMs", spec.interval_ms()},
               {"changePaths", spec.change_paths()},
               {"truthPath", spec.truth_path()},
               {"options", spec.options()},
               {"query", spec.query()},
               {"description", DescriptionJson(info.description())}};
  if (info.has_last_run()) json["lastRun"] = PredictorRunJson(info.last_run());
  if (info.coverage().truths() > 0) json["coverage"] = CoverageJson(info.coverage());
  return json;
}

void AddPredictors(CommandLine* line, const ServerPointer& server) {
  CLI::App* const group = line->AddGroup(
      line->root(), {.name = "predictors",
                     .summary = "Estimate what nothing measures: health, remaining life",
                     .examples = "twinctl predictors list\n"
                                 "twinctl predictors run soh-coulomb\n"
                                 "twinctl predictors runs soh-coulomb"});
  AddPredictorsRegister(line, group, server);

  const auto output = std::make_shared<std::string>("table");
  CLI::App* const list =
      line->AddCommand(group,
                       {.name = "list",
                        .summary = "List the predictors",
                        .examples = "twinctl predictors list -o json"},
                       OnServer(server, [output](client::Client* client, const Console& console) {
                         return ListPredictors(*output, client, console);
                       }));
  CommandLine::AddOutput(list, output.get());

  AddNamed(line, group, server,
           {.name = "show",
            .summary = "Show a predictor: what it wants, gives, and how it does",
            .examples = "twinctl predictors show soh-coulomb"},
           [](const std::string& name, Format format, client::PredictorClient client,
              const Console& console) -> absl::StatusOr<ExitCode> {
             v1::GetPredictorRequest request;
             request.set_name(name);
             const absl::StatusOr<v1::PredictorInfo> info = client.Get(request);
             if (!info.ok()) return info.status();
             WriteObject(PredictorJson(*info), format, console);
             return kExitDone;
           });
  AddPredictorsRun(line, group, server);
  AddPredictorsRuns(line, group, server);
  AddPredictorsForecasts(line, group, server);
  AddNamed(line, group, server,
           {.name = "pause",
            .summary = "Start no more runs of a predictor, except by hand",
            .examples = "twinctl predictors pause soh-coulomb"},
           [](const std::string& name, Format format, client::PredictorClient client,
              const Console& console) -> absl::StatusOr<ExitCode> {
             v1::PausePredictorRequest request;
             request.set_name(name);
             const absl::StatusOr<v1::PredictorInfo> info = client.Pause(request);
             if (!info.ok()) return info.status();
             WriteDone(absl::StrCat("predictor ", name, " is paused"), PredictorJson(*info), format,
                       console);
             return kExitDone;
           });
  AddNamed(line, group, server,
           {.name = "resume",
            .summary = "Go on after a pause",
            .examples = "twinctl predictors resume soh-coulomb"},
           [](const std::string& name, Format format, client::PredictorClient client,
              const Console& console) -> absl::StatusOr<ExitCode> {
             v1::ResumePredictorRequest request;
             request.set_name(name);
             const absl::StatusOr<v1::PredictorInfo> info = client.Resume(request);
             if (!info.ok()) return info.status();
             WriteDone(absl::StrCat("predictor ", name, " goes on"), PredictorJson(*info), format,
                       console);
             return kExitDone;
           });
  const auto mark_stale = std::make_shared<bool>(false);
  CLI::App* const remove = AddNamed(
      line, group, server,
      {.name = "delete",
       .summary = "Forget a predictor, its runs and forecasts; estimates stay on the twins",
       .examples = "twinctl predictors delete soh-coulomb --mark-stale"},
      [mark_stale](const std::string& name, Format format, client::PredictorClient client,
                   const Console& console) -> absl::StatusOr<ExitCode> {
        v1::DeletePredictorRequest request;
        request.set_name(name);
        request.set_mark_stale(*mark_stale);
        const absl::StatusOr<v1::DeletePredictorResponse> response = client.Delete(request);
        if (!response.ok()) return response.status();
        WriteDone(absl::StrCat("predictor ", name, " is deleted"), {{"name", name}}, format,
                  console);
        return kExitDone;
      });
  remove->add_flag("--mark-stale", *mark_stale, "Give its estimates the status STALE");
}

}  // namespace twin::twinctl
