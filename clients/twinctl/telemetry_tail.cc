#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/cpp/history.h"
#include "clients/tabular/values.h"
#include "clients/twinctl/enough.h"
#include "clients/twinctl/history.h"
#include "clients/twinctl/interrupt.h"
#include "clients/twinctl/samples.h"
#include "clients/twinctl/telemetry.h"
#include "clients/twinctl/terminal.h"

namespace twin::twinctl {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollTime{20};  // how soon Ctrl-C is noticed

struct TailArguments {
  std::string twin;
  std::vector<std::string> paths;
  std::string from;
  std::string interval = "1s";
  uint64_t count = 0;
  std::string output = "text";
};

// The newest source time that the server has of the paths; nothing is recorded: the least time.
absl::StatusOr<int64_t> NewestTime(const TailArguments& arguments, client::Client* client) {
  v1::GetTwinRequest request;
  request.set_id(arguments.twin);
  request.set_format(v1::NONE);
  request.set_with_times(true);
  request.set_with_telemetry(true);
  const absl::StatusOr<v1::GetTwinResponse> response = client->GetTwin(request);
  if (!response.ok()) return response.status();
  int64_t newest = INT64_MIN;
  for (const v1::PropertyTime& time : response->twin().property_times()) {
    const bool wanted = arguments.paths.empty() ||
                        std::find(arguments.paths.begin(), arguments.paths.end(), time.path()) !=
                            arguments.paths.end();
    if (wanted) newest = std::max(newest, time.source_time_unix_nano());
  }
  return newest;
}

class Tail {
 public:
  Tail(const TailArguments& arguments, const Console& console)
      : arguments_(arguments), console_(console) {
    request_.add_twin_ids(arguments.twin);
    for (const std::string& path : arguments.paths) request_.add_paths(path);
  }

  // Samples from that time on.
  void From(int64_t time) { request_.set_from_unix_nano(time); }

  // Prints what is new. Enough: --count is reached.
  absl::Status Look(client::Client* client) {
    absl::Status status = client::HistoryClient(client).Export(
        request_,
        [&](const v1::ExportHistoryResponse& message) { return Print(message.samples()); });
    console_.out.flush();
    if (!console_.out) return absl::CancelledError("stdout");
    if (newest_ > INT64_MIN && newest_ < INT64_MAX) From(newest_ + 1);
    return status;
  }

 private:
  absl::Status Print(const v1::SampleBatch& batch) {
    const SampleRows rows(batch);
    for (int row = 0; row < rows.size(); ++row) {
      std::string line;
      if (arguments_.output == "ndjson") {
        AppendNdjsonRow(batch, rows, row, &line);
      } else {
        line = Text(batch, rows, row);
      }
      console_.out << line;
      newest_ = std::max(newest_, rows.time(row));
      if (arguments_.count == 0 || ++printed_ < arguments_.count) continue;
      return Enough();
    }
    return absl::OkStatus();
  }

  // "2026-07-01T12:00:00Z  voltage=3.7  temperature=25"
  std::string Text(const v1::SampleBatch& batch, const SampleRows& rows, int row) const {
    std::string line = console_.out_style.Paint(Tone::kFaint, tabular::FormatTime(rows.time(row)));
    for (int column = 0; column < batch.columns_size(); ++column) {
      if (rows.IsMissing(column, row)) continue;
      std::string value;
      rows.AppendJson(column, row, &value);
      absl::StrAppend(&line, "  ", Printable(batch.columns(column).path()), "=", Printable(value));
    }
    return line + "\n";
  }

  const TailArguments& arguments_;
  const Console& console_;
  v1::ExportHistoryRequest request_;
  int64_t newest_ = INT64_MIN;
  uint64_t printed_ = 0;
};

// False: interrupted.
bool Sleep(std::chrono::milliseconds time) {
  const auto end = steady_clock::now() + time;
  for (auto now = steady_clock::now(); now < end; now = steady_clock::now()) {
    if (Interrupted()) return false;
    std::this_thread::sleep_for(std::min<steady_clock::duration>(kPollTime, end - now));
  }
  return !Interrupted();
}

absl::StatusOr<ExitCode> Run(const TailArguments& arguments, client::Client* client,
                             const Console& console) {
  const absl::StatusOr<std::chrono::milliseconds> interval = ParseTimeout(arguments.interval);
  if (!interval.ok()) {
    return UsageError(absl::StrCat("--interval: ", interval.status().message()));
  }
  Tail tail(arguments, console);
  if (!arguments.from.empty()) {
    const absl::StatusOr<int64_t> from = TimeOption("--from", arguments.from);
    if (!from.ok()) return from.status();
    tail.From(*from);
  } else {
    const absl::StatusOr<int64_t> newest = NewestTime(arguments, client);
    if (!newest.ok()) return newest.status();
    if (*newest > INT64_MIN) tail.From(*newest + 1);
  }
  while (true) {
    const absl::Status status = tail.Look(client);
    if (!console.out) return kExitRefused;  // main() says why.
    if (IsEnough(status)) return kExitDone;
    if (!status.ok()) return status;
    if (!Sleep(*interval)) return absl::CancelledError("interrupted");
  }
}

}  // namespace

void AddTelemetryTail(CLI::App* group, CommandLine* line, const ServerPointer& server) {
  const auto arguments = std::make_shared<TailArguments>();
  CLI::App* const command = line->AddCommand(
      group,
      {.name = "tail",
       .summary = "Print new samples of a twin as they come, until Ctrl-C",
       .description = "The server is asked for samples that are newer than the last one seen; late "
                      "ones, with an older source time, are not shown.",
       .examples = "twinctl telemetry tail pack-1\n"
                   "twinctl telemetry tail pack-1 --path voltage --path current -o ndjson\n"
                   "twinctl telemetry tail pack-1 --from 2026-07-01T00:00:00Z --count 100"},
      OnServer(server, [arguments](client::Client* client, const Console& console) {
        return Run(*arguments, client, console);
      }));
  command->add_option("TWIN", arguments->twin, "The twin")->type_name("TWIN")->required();
  command
      ->add_option("--path", arguments->paths,
                   "Only this path, such as voltage; may be given several times (default: all that "
                   "is recorded)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command
      ->add_option("--from", arguments->from,
                   "Begin with the samples of this time (default: behind the newest one)")
      ->type_name("TIME");
  command->add_option("--interval", arguments->interval, "How often to look (default: 1s)")
      ->type_name("TIME");
  command->add_option("--count", arguments->count, "End after so many samples")->type_name("N");
  CommandLine::AddChoice(command, "-o,--output", &arguments->output, "text|ndjson",
                         "The form of the samples (default: text)");
}

}  // namespace twin::twinctl
