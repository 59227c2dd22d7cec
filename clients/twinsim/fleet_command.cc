#include "clients/twinsim/fleet_command.h"

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "clients/twinsim/export.h"
#include "clients/twinsim/faults.h"
#include "clients/twinsim/fleet.h"
#include "clients/twinsim/fleet_drive.h"
#include "clients/twinsim/models_folder.h"
#include "clients/twinsim/output_file.h"
#include "clients/twinsim/server_arguments.h"

namespace twin::twinsim {

struct FleetArguments {
  DriveOptions drive;
  ServerArguments server;
  std::string models;  // empty: to be found
  std::string path;    // of the file to export; empty: the fleet is driven
  std::string rate = "10s";
  std::string speed = "1x";
  std::string from;
  std::string since;
  std::string length;
  std::vector<std::string> faults;
};

namespace {

constexpr char kSpeedMax[] = "max";

// "\rwriting the fleet:  42 %", rewritten when the number changes and wiped in the end.
class Progress {
 public:
  explicit Progress(const Process& process)
      : err_(process.err_is_terminal ? process.err : nullptr) {}
  ~Progress() {
    if (err_ != nullptr) *err_ << "\r\x1b[K" << std::flush;
  }
  void Show(double share) {
    const int percent = static_cast<int>(share * 100);
    if (err_ == nullptr || percent == percent_) return;
    percent_ = percent;
    *err_ << absl::StrFormat("\rwriting the fleet: %3d %%", percent) << std::flush;
  }

 private:
  std::ostream* err_;  // nullptr: nothing is shown
  int percent_ = -1;
};

absl::StatusOr<ExportCounts> WriteFleet(const FleetArguments& arguments, const Process& process) {
  std::string folder = arguments.models;
  if (folder.empty()) {
    absl::StatusOr<std::string> found = FindModelsFolder(ModelsFolders(process.program_folder));
    if (!found.ok()) return found.status();
    folder = *std::move(found);
  }
  const absl::StatusOr<std::vector<std::string>> models = ReadModels(folder, FleetModels());
  if (!models.ok()) return models.status();
  absl::StatusOr<OutputFile> file = OutputFile::Create(arguments.path, process.interrupted);
  if (!file.ok()) return file.status();

  Progress progress(process);
  const auto write = [&](absl::string_view bytes) { return file->Write(bytes); };
  const auto go_on = [&](double share) {
    progress.Show(share);
    return process.interrupted == nullptr || !process.interrupted();
  };
  absl::StatusOr<ExportCounts> counts =
      ExportFleet(Fleet(arguments.drive.fleet), *models, write, go_on);
  if (!counts.ok()) return counts;
  if (absl::Status status = file->Commit(); !status.ok()) return status;
  return counts;
}

int RunExport(const FleetArguments& arguments, const Process& process) {
  const absl::StatusOr<ExportCounts> counts = WriteFleet(arguments, process);
  if (absl::IsCancelled(counts.status())) return kExitInterrupted;
  if (!counts.ok()) {
    *process.err << "twinsim: " << counts.status().message() << '\n';
    return kExitRefused;
  }
  if (process.err_is_terminal) {
    *process.err << absl::StrCat("twinsim: ", arguments.drive.fleet.vehicles,
                                 " vehicles: ", counts->twins, " twins, ", counts->relationships,
                                 " relationships\n");
  }
  return kExitDone;
}

// "10s", "2h", "1.5h", "7d"; 0: it is none of whole seconds.
int64_t ParseSeconds(absl::string_view text) {
  absl::Duration time;
  double days = 0;
  if (absl::ConsumeSuffix(&text, "d")) {
    if (!absl::SimpleAtod(text, &days)) return 0;
    time = absl::Seconds(days * 86400);
  } else if (!absl::ParseDuration(text, &time)) {
    return 0;
  }
  return time >= absl::Seconds(1) && time < absl::Hours(24 * 366 * 20) ? absl::ToInt64Seconds(time)
                                                                       : 0;
}

std::string CheckTimeSpan(const std::string& word) {
  return ParseSeconds(word) > 0 ? ""
                                : absl::StrCat("'", word, "' is no time such as 10s, 2h or 7d");
}

std::string CheckDriveSpeed(const std::string& word) {
  return word == kSpeedMax ? "" : CheckSpeed(word);
}

std::string CheckTime(const std::string& word) {
  absl::Time time;
  return absl::ParseTime(absl::RFC3339_full, word, &time, nullptr)
             ? ""
             : absl::StrCat("'", word, "' is no time such as 2026-11-01T00:00:00Z");
}

std::string CheckFault(const std::string& word) {
  const absl::StatusOr<Fault> fault = ParseFault(word);
  return fault.ok() ? "" : std::string(fault.status().message());
}

// What was checked, as what it means.
DriveOptions DriveOptionsOf(const FleetArguments& arguments, const Process& process) {
  constexpr int64_t kSinceDefault = 86'400;
  DriveOptions options = arguments.drive;
  options.rate = ParseSeconds(arguments.rate);
  options.speed = arguments.speed == kSpeedMax ? 0 : ParseSpeed(arguments.speed);
  // Who asks for a speed-up asks for something to catch up with.
  options.since = options.speed == 1 ? 0 : kSinceDefault;
  if (!arguments.since.empty()) options.since = ParseSeconds(arguments.since);
  if (!arguments.length.empty()) options.length = ParseSeconds(arguments.length);
  if (!arguments.from.empty()) {
    absl::Time from;
    if (absl::ParseTime(absl::RFC3339_full, arguments.from, &from, nullptr)) {
      options.from = absl::ToUnixSeconds(from);
    }
  }
  for (const std::string& text : arguments.faults) {
    if (absl::StatusOr<Fault> fault = ParseFault(text); fault.ok()) {
      options.faults.push_back(*std::move(fault));
    }
  }
  options.models = arguments.models;
  options.program_folder = process.program_folder;
  options.stopped = process.cancelled;
  options.report_seconds = process.err_is_terminal ? 1 : 5;
  return options;
}

// One line, which takes the place of the last one on a terminal.
void ReportDrive(const Process& process, const DriveProgress& last, const DriveProgress& progress) {
  const double seconds = progress.seconds - last.seconds;
  const std::string line = absl::StrFormat(
      "%s  %d of %d on  %s frames/s  %s values/s  %u in flight  behind %s",
      absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(progress.time),
                       absl::UTCTimeZone()),
      progress.vehicles_on, progress.vehicles, PerSecond(progress.frames - last.frames, seconds),
      PerSecond(progress.values - last.values, seconds), progress.in_flight,
      absl::FormatDuration(absl::Seconds(progress.behind)));
  if (process.err_is_terminal) {
    *process.err << "\r" << line << "\x1b[K" << std::flush;
  } else {
    Note(process, line);
  }
}

int RunDrive(const FleetArguments& arguments, const Process& process) {
  // Not cancelled by Ctrl-C: what was lived is sent, and then it ends.
  const auto client = ConnectTo(arguments.server, nullptr);
  if (!client.ok()) return Fail(client.status(), process);
  DriveProgress last;
  const absl::StatusOr<DriveProgress> done = DriveFleet(
      client->get(), DriveOptionsOf(arguments, process),
      [&](absl::string_view note) { Note(process, note); },
      [&](const DriveProgress& progress) {
        ReportDrive(process, last, progress);
        last = progress;
      });
  if (process.err_is_terminal) *process.err << "\r\x1b[K" << std::flush;
  if (!done.ok()) return Fail(done.status(), process);
  *process.out << absl::StrFormat(
      "drove %d vehicles to %s: %u frames, %u values in %.2f s (%s values/s), %u frames late, %u "
      "changes of state, %u rejects\n",
      done->vehicles,
      absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(done->time), absl::UTCTimeZone()),
      done->frames, done->values, done->seconds, PerSecond(done->values, done->seconds),
      done->late_frames, done->state_changes, done->ingest.rejects_total);
  for (size_t i = 0; i < done->ingest.rejects.size() && i < 3; ++i) {
    Note(process, absl::StrCat("rejected: ", done->ingest.rejects[i].message()));
  }
  if (done->ingest.expired_rows > 0) {
    Note(process, absl::StrCat(done->ingest.expired_rows, " rows: ", done->ingest.notice));
  }
  if (done->ingest.rejects_total > 0) return kExitRefused;
  return process.interrupted != nullptr && process.interrupted() ? kExitInterrupted : kExitDone;
}

}  // namespace

FleetCommand::FleetCommand(CLI::App* root)
    : arguments_(std::make_unique<FleetArguments>()),
      fleet_(root->add_subcommand(
          "fleet", "Make a fleet of electric vehicles and drive it, or write its import file")) {
  FleetArguments& arguments = *arguments_;
  fleet_->add_option("--vehicles", arguments.drive.fleet.vehicles, "How many vehicles")
      ->type_name("N")
      ->required()
      ->check(CLI::Range(int64_t{1}, kVehiclesMax).description(""));
  AddSeed(fleet_, &arguments.drive.fleet.seed,
          "Another seed, another fleet; the same seed, the same bytes and lives (default: 1)");
  fleet_
      ->add_option("--export", arguments.path,
                   "Only write this file, NDJSON as Azure Digital Twins imports it; - is stdout")
      ->type_name("FILE");
  fleet_
      ->add_option("--rate", arguments.rate,
                   "Time between the frames of a vehicle that is on (default: 10s)")
      ->type_name("TIME")
      ->check(CheckTimeSpan, "")
      ->excludes("--export");
  fleet_
      ->add_flag(
          "--past-health", arguments.drive.past_health,
          "Also send what the BMS of each new vehicle reported of health and cycles each month "
          "before its simulated life begins")
      ->excludes("--export");
  fleet_
      ->add_option(
          "--speed", arguments.speed,
          "60x: a minute takes a second, until the clock is caught up with; max: no pauses "
          "until then (default: 1x)")
      ->type_name("N")
      ->check(CheckDriveSpeed, "")
      ->excludes("--export");
  fleet_
      ->add_option("--since", arguments.since,
                   "Begin so long ago: 2h, 7d (default: now, with --speed 1d). A fleet that the "
                   "server has reports of goes on where it stopped, if that is later")
      ->type_name("TIME")
      ->check(CheckTimeSpan, "")
      ->excludes("--export");
  fleet_->add_option("--from", arguments.from, "Begin then: 2026-11-01T00:00:00Z")
      ->type_name("TIME")
      ->check(CheckTime, "")
      ->excludes("--since")
      ->excludes("--export");
  fleet_
      ->add_option("--for", arguments.length,
                   "Stop after so much simulated time (default: at Ctrl-C)")
      ->type_name("TIME")
      ->check(CheckTimeSpan, "")
      ->excludes("--export");
  fleet_
      ->add_option("--fault", arguments.faults,
                   absl::StrCat("KIND@VEHICLE[/CELL][+DELAY], more than once if need be; kinds: ",
                                FaultKindNames(), ". drift@veh-000007, thermal@veh-000012+2h"))
      ->type_name("FAULT")
      ->check(CheckFault, "")
      ->allow_extra_args(false)
      ->excludes("--export");
  AddModels(fleet_, &arguments.models);
  AddServer(fleet_, &arguments.server);
  fleet_->footer(
      "Examples: twinsim fleet --vehicles 100 --speed 600x --since 7d\n"
      "          twinsim fleet --vehicles 100 --export fleet.ndjson");
}

FleetCommand::~FleetCommand() = default;

int FleetCommand::Run(const Process& process) const {
  return arguments_->path.empty() ? RunDrive(*arguments_, process)
                                  : RunExport(*arguments_, process);
}

}  // namespace twin::twinsim
