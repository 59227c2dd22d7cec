#include "clients/twinsim/telemetry_commands.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/cpp/client.h"
#include "clients/twinsim/column_map.h"
#include "clients/twinsim/load.h"
#include "clients/twinsim/replay.h"
#include "clients/twinsim/server_arguments.h"

namespace twin::twinsim {
namespace {

constexpr int kRejectsShown = 10;

}  // namespace

struct ReplayArguments {
  ReplayOptions options;
  ServerArguments server;
  std::string speed;
  bool no_create = false;
  bool print_map = false;
};

struct LoadArguments {
  LoadOptions options;
  ServerArguments server;
  std::string encoding = "int16";
};

TelemetryCommands::TelemetryCommands(CLI::App* root)
    : replay_arguments_(std::make_unique<ReplayArguments>()),
      load_arguments_(std::make_unique<LoadArguments>()),
      replay_(root->add_subcommand("replay", "Send a recorded vehicle to a server, as telemetry")),
      load_(root->add_subcommand("load", "Measure how fast a server takes telemetry in")) {
  ReplayArguments& replay = *replay_arguments_;
  replay.options.vehicle = "veh-000001";
  replay_->add_option("FILE", replay.options.path, "The recording: CSV, plain or gzip")
      ->type_name("FILE");
  replay_->add_option("--as", replay.options.vehicle, "The vehicle's twin (default: veh-000001)")
      ->type_name("ID");
  replay_
      ->add_option("--map", replay.options.map,
                   "TOML file that says which column goes to which twin (default: cars as GB/T "
                   "32960 records them)")
      ->type_name("FILE");
  replay_->add_flag("--print-map", replay.print_map, "Print the default map and end");
  replay_->add_flag("--live", replay.options.live, "Move the times so that the recording ends now");
  replay_
      ->add_option("--speed", replay.speed,
                   "60x: a minute of the recording takes a second (default: no pauses)")
      ->type_name("N")
      ->check(CheckSpeed, "");
  replay_->add_flag("--no-create", replay.no_create, "Do not make a vehicle that is not there");
  replay_
      ->add_option("--frames-per-message", replay.options.frames_per_message,
                   "Frames that are sent together at most (default: 100)")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000).description(""));
  replay_
      ->add_option("--producer", replay.options.producer,
                   "Name of the source: a replay that was broken off goes on where it was, when it "
                   "is run again with the same name; not with --live (default: another one each "
                   "time)")
      ->type_name("ID");
  AddModels(replay_, &replay.options.models);
  AddServer(replay_, &replay.server);
  replay_->footer("Example: twinsim replay car1.csv.gz --as veh-000042");

  LoadArguments& load = *load_arguments_;
  load_->add_option("--vehicles", load.options.vehicles, "How many vehicles (default: 10)")
      ->type_name("V")
      ->check(CLI::Range(1, 1'000'000).description(""));
  load_->add_option("--cells", load.options.cells, "Cells of each (default: 144)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000).description(""));
  load_->add_option("--probes", load.options.probes, "Temperature probes of each (default: 0)")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000).description(""));
  load_
      ->add_option("--frames-per-message", load.options.frames_per_message,
                   "Frames of a vehicle that are sent together (default: 10)")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000).description(""));
  load_->add_option("--duration", load.options.seconds, "Seconds (default: 10)")
      ->type_name("S")
      ->check(CLI::Range(0.001, 1e6).description(""));
  load_
      ->add_option("--messages", load.options.messages_max,
                   "So many messages, however long they take")
      ->type_name("N")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40).description(""));
  load_
      ->add_option(
          "--rate", load.options.messages_per_second,
          "So many messages a second, of the present, and how it goes each minute (default: "
          "as fast as the server takes them)")
      ->type_name("N")
      ->check(CLI::Range(0.001, 1e7).description(""));
  load_
      ->add_option("--encoding", load.encoding,
                   "int16 or double: frames of a layout; rows: samples with the id of each twin "
                   "(default: int16)")
      ->type_name("int16|double|rows")
      ->check(CLI::IsMember({"int16", "double", "rows"}).description(""));
  load_
      ->add_option("--in-flight", load.options.batches_in_flight,
                   "Messages that are sent and not acknowledged, at most (default: 64)")
      ->type_name("N")
      ->check(CLI::Range(1, 100'000).description(""));
  load_
      ->add_option("--seed", load.options.seed,
                   "Another seed, other values; the same seed, the same values (default: 1)")
      ->type_name("S");
  AddModels(load_, &load.options.models);
  AddServer(load_, &load.server);
  load_->footer("Example: twinsim load --vehicles 100 --duration 30");
}

TelemetryCommands::~TelemetryCommands() = default;

int TelemetryCommands::RunReplay(const Process& process) const {
  const ReplayArguments& arguments = *replay_arguments_;
  if (arguments.print_map) {
    *process.out << DefaultMapText();
    return kExitDone;
  }
  ReplayOptions options = arguments.options;
  if (options.path.empty()) {
    Note(process, "FILE is missing\nSee 'twinsim replay --help'.");
    return kExitUsage;
  }
  options.speed = ParseSpeed(arguments.speed);
  options.create = !arguments.no_create;
  options.program_folder = process.program_folder;
  options.cancelled = process.cancelled;
  const auto client = ConnectTo(arguments.server, process.cancelled);
  if (!client.ok()) return Fail(client.status(), process);
  const absl::StatusOr<ReplayResult> result =
      Replay(client->get(), options, [&](absl::string_view note) { Note(process, note); });
  if (!result.ok()) return Fail(result.status(), process);
  const client::IngestTotals& ingest = result->ingest;
  for (int i = 0; i < kRejectsShown && i < static_cast<int>(ingest.rejects.size()); ++i) {
    const auto& reject = ingest.rejects[static_cast<size_t>(i)];
    Note(process, absl::StrCat("rejected, batch ", reject.batch_number(), ": ", reject.message()));
  }
  if (ingest.expired_rows > 0) {
    Note(process, absl::StrCat(ingest.expired_rows, " rows: ", ingest.notice));
  }
  *process.out << absl::StrFormat("replayed %u rows, %u values in %.2f s (%s values/s), %u rejects",
                                  result->rows, result->values, result->seconds,
                                  PerSecond(result->values, result->seconds), ingest.rejects_total);
  if (result->rows_replaced > 0) {
    *process.out << absl::StrFormat("; left out, as their time comes again: %u rows",
                                    result->rows_replaced);
  }
  if (result->rows_there > 0) {
    *process.out << absl::StrFormat("; there already: %u rows", result->rows_there);
  }
  *process.out << '\n';
  return ingest.rejects_total > 0 ? kExitRefused : kExitDone;
}

int TelemetryCommands::RunLoad(const Process& process) const {
  LoadOptions options = load_arguments_->options;
  options.encoding = load_arguments_->encoding == "int16"    ? LoadEncoding::kInt16
                     : load_arguments_->encoding == "double" ? LoadEncoding::kDouble
                                                             : LoadEncoding::kRows;
  options.program_folder = process.program_folder;
  options.cancelled = process.cancelled;
  const auto client = ConnectTo(load_arguments_->server, process.cancelled);
  if (!client.ok()) return Fail(client.status(), process);
  const absl::StatusOr<LoadResult> result =
      Load(client->get(), options, [&](absl::string_view note) { Note(process, note); });
  if (!result.ok()) return Fail(result.status(), process);
  *process.out << absl::StrFormat(
      "%u messages, %u frames, %u values, %.1f MB in %.2f s\n"
      "%s frames/s, %s values/s, %.1f MB/s\n"
      "acknowledged after %.2f ms (p50), %.2f ms (p99)\n%u rejects\n",
      result->messages, result->frames, result->values, static_cast<double>(result->bytes) / 1e6,
      result->seconds, PerSecond(result->frames, result->seconds),
      PerSecond(result->values, result->seconds),
      static_cast<double>(result->bytes) / 1e6 / result->seconds, result->acknowledged_p50_ms,
      result->acknowledged_p99_ms, result->rejects);
  if (result->rejects == 0) return kExitDone;
  Note(process, absl::StrCat("rejected: ", result->reject));
  return kExitRefused;
}

}  // namespace twin::twinsim
