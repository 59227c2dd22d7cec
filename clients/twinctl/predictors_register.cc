// `predictors register`.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clients/cpp/predictors.h"
#include "clients/twinctl/predictors.h"
#include "clients/twinctl/results.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr int64_t kDaysMax = 366;
constexpr int64_t kMsPerDay = int64_t{24} * 3600 * 1000;

struct RegisterArguments {
  std::string name;
  std::string builtin;
  std::string address;
  std::string predictor;
  std::vector<std::string> options;
  std::string query;
  std::string query_file;
  std::vector<std::string> paths;
  std::string every = "1h";
  bool on_demand = false;
  std::vector<std::string> change_paths;
  std::string change_delay = "1s";
  uint32_t batch_rows = 0;
  uint32_t in_flight = 0;
  std::string deadline;
  bool shadow = false;
  std::string truth;
  bool replace = false;
  bool dry_run = false;
  std::string output = "table";
};

absl::Status AddPairs(const std::vector<std::string>& pairs, absl::string_view option,
                      google::protobuf::Map<std::string, std::string>* map) {
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return UsageError(absl::StrCat(option, " ", pair, ": it is written NAME=VALUE"));
    }
    (*map)[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Milliseconds(const std::string& text, absl::string_view option) {
  // Days and weeks, which ParseTimeout does not take: nobody waits for an answer for so long.
  const int64_t days = absl::EndsWith(text, "d") ? 1 : absl::EndsWith(text, "w") ? 7 : 0;
  int64_t count = 0;
  if (days > 0 && absl::SimpleAtoi(text.substr(0, text.size() - 1), &count) && count > 0 &&
      count <= kDaysMax / days) {
    return count * days * kMsPerDay;
  }
  const absl::StatusOr<std::chrono::milliseconds> time = ParseTimeout(text);
  if (!time.ok()) {
    return UsageError(absl::StrCat(option, " ", text, ": it is no time such as 30s, 6h or 1d"));
  }
  return time->count();
}

absl::StatusOr<v1::RegisterPredictorRequest> RequestOf(const RegisterArguments& arguments) {
  v1::RegisterPredictorRequest request;
  v1::PredictorSpec& spec = *request.mutable_spec();
  spec.set_name(arguments.name);
  if (arguments.builtin.empty() == arguments.address.empty()) {
    return UsageError("one of --builtin and --address says what the predictor is");
  }
  if (!arguments.builtin.empty()) spec.set_builtin(arguments.builtin);
  if (!arguments.address.empty()) spec.set_address(arguments.address);
  spec.set_predictor(arguments.predictor);
  absl::Status status = AddPairs(arguments.options, "--option", spec.mutable_options());
  if (status.ok()) status = AddPairs(arguments.paths, "--path", spec.mutable_paths());
  if (!status.ok()) return status;
  spec.set_query(arguments.query);
  if (!arguments.query_file.empty()) {
    absl::StatusOr<std::string> text = ReadText(arguments.query_file);
    if (!text.ok()) return text.status();
    spec.set_query(*std::move(text));
  }
  for (const std::string& path : arguments.change_paths) spec.add_change_paths(path);
  if (!arguments.on_demand) {
    const absl::StatusOr<int64_t> every = Milliseconds(arguments.every, "--every");
    if (!every.ok()) return every.status();
    spec.set_interval_ms(static_cast<uint64_t>(*every));
  }
  const absl::StatusOr<int64_t> delay = Milliseconds(arguments.change_delay, "--change-delay");
  if (!delay.ok()) return delay.status();
  spec.set_change_delay_ms(static_cast<uint32_t>(*delay));
  if (!arguments.deadline.empty()) {
    const absl::StatusOr<int64_t> deadline = Milliseconds(arguments.deadline, "--deadline");
    if (!deadline.ok()) return deadline.status();
    spec.set_deadline_ms(static_cast<uint32_t>(*deadline));
  }
  spec.set_batch_rows(arguments.batch_rows);
  spec.set_batches_in_flight(arguments.in_flight);
  if (arguments.shadow) spec.set_role(v1::PredictorSpec::SHADOW);
  spec.set_truth_path(arguments.truth);
  request.set_replace(arguments.replace);
  request.set_validate_only(arguments.dry_run);
  return request;
}

absl::StatusOr<ExitCode> Register(const RegisterArguments& arguments, client::Client* client,
                                  const Console& console) {
  const absl::StatusOr<v1::RegisterPredictorRequest> request = RequestOf(arguments);
  if (!request.ok()) return request.status();
  const absl::StatusOr<v1::PredictorInfo> info = client::PredictorClient(client).Register(*request);
  if (!info.ok()) return info.status();
  std::string paths;
  for (const v1::PredictorDescription::Output& output : info->description().outputs()) {
    absl::StrAppend(&paths, paths.empty() ? "" : " and ", info->spec().paths().at(output.name()));
  }
  const std::string what = absl::StrCat(
      "predictor ", arguments.name, ": ", info->description().name(), " ",
      info->description().version(), ", ", arguments.shadow ? "a shadow for " : "writes ", paths,
      " of ", info->description().target_model());
  WriteDone(arguments.dry_run ? absl::StrCat("would be registered: ", what) : what,
            PredictorJson(*info), FormatOf(arguments.output), console);
  return kExitDone;
}

}  // namespace

void AddPredictorsRegister(CommandLine* line, CLI::App* group, const ServerPointer& server) {
  const auto arguments = std::make_shared<RegisterArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "register",
       .summary = "Register a predictor: one of the server, or a service at an address",
       .description = "The server asks the predictor who it is, checks its features against the "
                      "query and the models, and runs it at once and then every hour, unless told "
                      "otherwise.",
       .examples = "twinctl predictors register soh-coulomb --builtin coulomb-counting\n"
                   "twinctl predictors register soh-lfp --builtin xgboost --option "
                   "model=/srv/models/soh-lfp --every 1d\n"
                   "twinctl predictors register soh-lab --address 10.0.0.7:7490 --shadow"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Register(*arguments, client, console);
      }));
  RegisterArguments& to = *arguments;
  command->add_option("NAME", to.name, "Its name; estimates have it as their source")
      ->type_name("NAME")
      ->required();
  CommandLine::AddChoice(command, "--builtin", &to.builtin,
                         "coulomb-counting|partial-charge|trajectory-similarity|xgboost",
                         "A predictor of the server");
  command->add_option("--address", to.address, "A service that implements Predictor")
      ->type_name("HOST:PORT");
  command
      ->add_option("--predictor", to.predictor, "Its name there, where an address serves several")
      ->type_name("NAME");
  command
      ->add_option("--option", to.options,
                   "What a built-in predictor is to know, such as model=DIR; as often as needed")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option("--query", to.query,
                   "TQL: a row a twin with its id as twin, and a column a feature; without it the "
                   "predictor's own")
      ->type_name("TQL");
  command->add_option("--query-file", to.query_file, "The same from a file; - is stdin")
      ->type_name("FILE");
  command
      ->add_option("--path", to.paths,
                   "The path that an output is written to, if not its own; as often as needed")
      ->type_name("OUTPUT=PATH")
      ->allow_extra_args(false);
  command->add_option("--every", to.every, "How often it runs for all twins (default 1h)")
      ->type_name("TIME");
  command->add_flag("--on-demand", to.on_demand, "Not at intervals");
  command
      ->add_option("--on-change", to.change_paths,
                   "Also run for the twins of which this path changes; as often as needed")
      ->type_name("PATH")
      ->allow_extra_args(false);
  command
      ->add_option("--change-delay", to.change_delay,
                   "How long changes are collected for a run (default 1s)")
      ->type_name("TIME");
  command->add_option("--batch-rows", to.batch_rows, "Rows of a request, at most 10000")
      ->check(CLI::Range(1, 10'000).description(""))
      ->type_name("N");
  command->add_option("--in-flight", to.in_flight, "Requests at once, at most 8 (default 2)")
      ->check(CLI::Range(1, 8).description(""))
      ->type_name("N");
  command->add_option("--deadline", to.deadline, "For a request, if not the predictor's own")
      ->type_name("TIME");
  command->add_flag("--shadow", to.shadow,
                    "Keep its estimates as forecasts, and write nothing to twins");
  command
      ->add_option(
          "--truth", to.truth,
          "A path that will hold the true value: the share within the intervals is counted")
      ->type_name("PATH");
  command->add_flag("--replace", to.replace, "Replace the predictor of that name");
  command->add_flag("--dry-run", to.dry_run, "Check all of it and keep nothing");
  CommandLine::AddOutput(command, &to.output);
}

}  // namespace twin::twinctl
