#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/twinctl/results.h"
#include "clients/twinctl/twin_json.h"
#include "clients/twinctl/twins.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

constexpr size_t kBatchMax = 1000;  // ids of one call

struct GetArguments {
  std::vector<std::string> ids;
  bool times = false;
  bool telemetry = false;
  std::string output = "table";
};

absl::Status GetOne(const GetArguments& arguments, client::Client* client, Json* twins) {
  v1::GetTwinRequest request;
  request.set_id(arguments.ids.front());
  request.set_format(v1::JSON);
  request.set_with_times(arguments.times);
  request.set_with_telemetry(arguments.telemetry);
  const absl::StatusOr<v1::GetTwinResponse> response = client->GetTwin(request);
  if (response.ok()) twins->push_back(TwinJson(response->twin()));
  return response.status();
}

absl::Status GetMany(const GetArguments& arguments, client::Client* client, Json* twins,
                     std::vector<std::string>* missing) {
  for (size_t begin = 0; begin < arguments.ids.size(); begin += kBatchMax) {
    v1::BatchGetTwinsRequest request;
    const size_t end = std::min(begin + kBatchMax, arguments.ids.size());
    for (size_t i = begin; i < end; ++i) request.add_ids(arguments.ids[i]);
    request.set_format(v1::JSON);
    request.set_with_times(arguments.times);
    request.set_with_telemetry(arguments.telemetry);
    const absl::StatusOr<v1::BatchGetTwinsResponse> response = client->BatchGetTwins(request);
    if (!response.ok()) return response.status();
    for (const v1::Twin& twin : response->twins()) twins->push_back(TwinJson(twin));
    for (const std::string& id : response->missing()) missing->push_back(id);
  }
  return absl::OkStatus();
}

void Print(const Json& twins, bool one, Format format, const Console& console) {
  if (format == Format::kTable) {
    for (size_t i = 0; i < twins.size(); ++i) {
      if (i > 0) console.out << '\n';
      WriteObject(twins[i], format, console);
    }
  } else if (one && format != Format::kCsv) {
    WriteObject(twins[0], format, console);
  } else if (format == Format::kCsv) {
    WriteRows(TwinColumns(), TwinRows(twins), format, console);
  } else {
    WriteRows({}, twins, format, console);
  }
}

absl::StatusOr<ExitCode> Get(const GetArguments& arguments, client::Client* client,
                             const Console& console) {
  Json twins = Json::array();
  std::vector<std::string> missing;
  const bool one = arguments.ids.size() == 1;
  const absl::Status status =
      one ? GetOne(arguments, client, &twins) : GetMany(arguments, client, &twins, &missing);
  if (!status.ok()) return status;
  Print(twins, one, FormatOf(arguments.output), console);
  for (const std::string& id : missing) {
    console.Fail(kExitRefused, absl::StrCat("there is no twin '", id, "'"));
  }
  return missing.empty() ? kExitDone : kExitRefused;
}

}  // namespace

void AddTwinsGet(CLI::App* twins, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<GetArguments>();
  CLI::App* const command = line->AddCommand(
      twins,
      {.name = "get",
       .summary = "Print twins",
       .description = "Exit code 1 when one of them does not exist; the others are printed.",
       .examples = "twinctl twins get pack-1\n"
                   "twinctl twins get pack-1 pack-2 -o ndjson\n"
                   "twinctl twins get pack-1 -o json | jq .soh"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Get(*arguments, client, console);
      }));
  command->add_option("ID", arguments->ids, "Which ones")->type_name("ID")->required();
  command->add_flag("--times", arguments->times,
                    "Also when each property was last changed, in $metadata");
  command->add_flag("--telemetry", arguments->telemetry, "Also the latest values of telemetry");
  CommandLine::AddOutput(command, &arguments->output);
}

}  // namespace twin::twinctl
