// `queries list`, `cancel` and `slow`.
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/twinctl/query.h"
#include "clients/twinctl/results.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;

std::string MsText(int64_t nanos) {
  return absl::StrFormat("%.1f ms", static_cast<double>(nanos) / 1e6);
}

absl::StatusOr<ExitCode> List(const std::string& output, client::Client* client,
                              const Console& console) {
  const absl::StatusOr<v1::ListQueriesResponse> response = client->ListQueries();
  if (!response.ok()) return response.status();
  Json rows = Json::array();
  for (const v1::RunningQuery& query : response->queries()) {
    rows.push_back({{"id", query.id()},
                    {"startTime", TimeText(query.start_time_unix_nano())},
                    {"client", query.client()},
                    {"state", query.waiting() ? "waiting" : "running"},
                    {"rows", query.rows()},
                    {"query", query.text()}});
  }
  WriteRows({{.key = "id", .title = "ID", .right = true},
             {.key = "startTime", .title = "SINCE"},
             {.key = "client", .title = "CLIENT"},
             {.key = "state", .title = "STATE"},
             {.key = "rows", .title = "ROWS", .right = true},
             {.key = "query", .title = "QUERY"}},
            rows, FormatOf(output), console);
  return kExitDone;
}

absl::StatusOr<ExitCode> Cancel(const std::string& id, const std::string& output,
                                client::Client* client, const Console& console) {
  v1::CancelQueryRequest request;
  request.set_id(id);
  const absl::StatusOr<v1::CancelQueryResponse> response = client->CancelQuery(request);
  if (!response.ok()) return response.status();
  WriteDone(absl::StrCat("query ", id, " is being cancelled"), {{"id", id}}, FormatOf(output),
            console);
  return kExitDone;
}

absl::StatusOr<ExitCode> Slow(const std::string& output, client::Client* client,
                              const Console& console) {
  const absl::StatusOr<v1::SlowQueriesResponse> response =
      client->SlowQueries(v1::SlowQueriesRequest());
  if (!response.ok()) return response.status();
  const Format format = FormatOf(output);
  Json rows = Json::array();
  for (const v1::FinishedQuery& query : response->queries()) {
    Json row = {{"id", query.id()},
                {"startTime", TimeText(query.start_time_unix_nano())},
                {"client", query.client()},
                {"durationNanos", query.duration_nanos()},
                {"planNanos", query.plan_nanos()},
                {"executeNanos", query.execute_nanos()},
                {"rows", query.rows()},
                {"rowsScanned", query.rows_scanned()},
                {"memoryBytes", query.memory_bytes()},
                {"code", query.code()},
                {"error", query.message()},
                {"query", query.text()}};
    if (format == Format::kTable) row["durationNanos"] = MsText(query.duration_nanos());
    rows.push_back(std::move(row));
  }
  WriteRows({{.key = "startTime", .title = "SINCE"},
             {.key = "durationNanos", .title = "TIME", .right = true},
             {.key = "rows", .title = "ROWS", .right = true},
             {.key = "rowsScanned", .title = "SCANNED", .right = true},
             {.key = "error", .title = "ERROR"},
             {.key = "query", .title = "QUERY"}},
            rows, format, console);
  return kExitDone;
}

}  // namespace

void AddQueries(CommandLine* line, const ServerPointer& server) {
  CLI::App* const group =
      line->AddGroup(line->root(), {.name = "queries",
                                    .summary = "See what queries run, cancel one, find slow ones",
                                    .examples = "twinctl queries list\n"
                                                "twinctl queries cancel 17\n"
                                                "twinctl queries slow"});
  const auto output = std::make_shared<std::string>("table");
  CLI::App* const list =
      line->AddCommand(group,
                       {.name = "list",
                        .summary = "List the queries that run or wait, the oldest first",
                        .examples = "twinctl queries list"},
                       OnServer(server, [output](client::Client* client, const Console& console) {
                         return List(*output, client, console);
                       }));
  CommandLine::AddOutput(list, output.get());

  const auto id = std::make_shared<std::string>();
  CLI::App* const cancel = line->AddCommand(
      group,
      {.name = "cancel",
       .summary = "End a query that runs or waits; its client sees that it was cancelled",
       .examples = "twinctl queries cancel 17"},
      OnServer(server, [id, output](client::Client* client, const Console& console) {
        return Cancel(*id, *output, client, console);
      }));
  cancel->add_option("ID", *id, "As 'queries list' prints it")->type_name("ID")->required();
  CommandLine::AddOutput(cancel, output.get());

  CLI::App* const slow =
      line->AddCommand(group,
                       {.name = "slow",
                        .summary = "List the last queries that took long, the latest first",
                        .examples = "twinctl queries slow -o ndjson"},
                       OnServer(server, [output](client::Client* client, const Console& console) {
                         return Slow(*output, client, console);
                       }));
  CommandLine::AddOutput(slow, output.get());
}

}  // namespace twin::twinctl
