#include "clients/twinsim/fleet_drive.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "clients/twinsim/frames.h"
#include "clients/twinsim/lives.h"
#include "clients/twinsim/signals.h"
#include "clients/twinsim/stored_fleet.h"
#include "clients/twinsim/vehicle_life.h"

namespace twin::twinsim {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::steady_clock;

constexpr int64_t kNanos = 1'000'000'000;
constexpr int64_t kTickSecondsMax = 600;       // of simulated time, between two looks at the clock
constexpr double kTicksPerSecond = 5;          // of the clock
constexpr size_t kMessageValuesMax = 200'000;  // half a megabyte
constexpr std::chrono::milliseconds kStopPollTime{20};

// A vehicle, and what of it waits to be sent.
class DrivenVehicle : public LifeSink {
 public:
  DrivenVehicle(const Vehicle& vehicle, const SignalTable& signals, const LifeOptions& options,
                int64_t begin)
      : signals_(signals),
        life_(vehicle, options, begin),
        layout_(signals.LayoutOf(vehicle)),
        packer_(layout_.id(), signals.encodings()) {}

  void OnReading(const Reading& reading, bool late) override {
    signals_.Quantise(reading, &raws_);
    doubles_.resize(raws_.size());
    packer_.Add(reading.time * kNanos, raws_, doubles_);
    late_ += late ? 1 : 0;
  }
  void OnMode(int64_t time, LifeMode mode) override { modes_.emplace_back(time, mode); }

  VehicleLife& life() { return life_; }
  const v1::Layout& layout() const { return layout_; }
  int frames() const { return packer_.frames(); }
  size_t values() const { return static_cast<size_t>(frames()) * signals_.values(); }
  v1::FrameBatch Take() { return packer_.Take(); }
  uint64_t TakeLate() { return std::exchange(late_, 0); }
  std::vector<std::pair<int64_t, LifeMode>> TakeModes() { return std::exchange(modes_, {}); }

 private:
  const SignalTable& signals_;
  VehicleLife life_;
  const v1::Layout layout_;
  FramePacker packer_;
  std::vector<int64_t> raws_;
  std::vector<double> doubles_;  // of which integers take none
  std::vector<std::pair<int64_t, LifeMode>> modes_;
  uint64_t late_ = 0;
};

class FleetDriver {
 public:
  FleetDriver(client::Client* client, const DriveOptions& options,
              const std::function<void(absl::string_view)>& note,
              const std::function<void(const DriveProgress&)>& report)
      : client_(*client), options_(options), note_(note), report_(report), fleet_(options.fleet) {}

  absl::StatusOr<DriveProgress> Run() {
    const int64_t now = absl::ToUnixSeconds(absl::Now());
    begin_ = options_.from.value_or(now - options_.since);
    if (begin_ > now) {
      return absl::InvalidArgumentError("the simulation would begin in the future");
    }
    if (absl::Status status = Prepare(); !status.ok()) return status;
    absl::StatusOr<std::unique_ptr<client::IngestStream>> stream = client::IngestStream::Open(
        &client_, {.producer_id = absl::StrCat("twinsim-fleet-", options_.fleet.seed),
                   .on_layout = [this](const v1::RegisterLayoutResponse& response) {
                     unresolved_ += response.unresolved();
                   }});
    if (!stream.ok()) return stream.status();
    stream_ = *std::move(stream);
    for (DrivenVehicle& vehicle : vehicles_) {
      if (absl::Status status = stream_->Send(vehicle.layout()); !status.ok()) return status;
    }
    if (absl::Status status = SendPastHealth(); !status.ok()) return status;
    if (absl::Status status = stream_->Flush(); !status.ok()) return status;
    first_batch_number_ = stream_->next_batch_number();
    if (unresolved_ > 0) {
      return absl::FailedPreconditionError(
          absl::StrCat(unresolved_.load(), " cells or probes of the fleet are not on the server: ",
                       "it has vehicles of another fleet; drive this one in an empty server"));
    }
    absl::Status status = Drive();
    if (status.ok()) status = stream_->Close();
    if (!status.ok()) return status;
    return Progress();
  }

 private:
  bool Stopped() const {
    return options_.stopped != nullptr && options_.stopped->load(std::memory_order_relaxed);
  }

  // The fleet on the server, and its vehicles as they are there.
  absl::Status Prepare() {
    const absl::StatusOr<int64_t> made = EnsureFleet(&client_, fleet_,
                                                     {.models = options_.models,
                                                      .program_folder = options_.program_folder,
                                                      .source_time_nanos = begin_ * kNanos,
                                                      .cancelled = options_.stopped},
                                                     note_);
    if (!made.ok()) return made.status();
    is_new_ = *made == fleet_.vehicles();
    std::map<std::string, std::vector<Fault>> faults;
    for (const Fault& fault : options_.faults) faults[fault.vehicle].push_back(fault);
    std::vector<StoredLife> stored;
    if (*made < fleet_.vehicles()) {
      absl::StatusOr<std::vector<StoredLife>> read = ReadStoredLives(&client_, fleet_);
      if (!read.ok()) return read.status();
      stored = *std::move(read);
    }
    int64_t stopped_at = 0;
    for (const StoredLife& life : stored) stopped_at = std::max(stopped_at, life.time);
    if (stopped_at > 0) {
      begin_ = std::max(begin_, stopped_at);
      note_(absl::StrCat(
          "going on from ",
          absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(begin_), absl::UTCTimeZone())));
    }
    return MakeVehicles(stored, &faults);
  }

  absl::Status SendPastHealth() {
    if (!options_.past_health || !is_new_) return absl::OkStatus();
    for (DrivenVehicle& vehicle : vehicles_) {
      v1::SampleBatch samples;
      samples.add_twin_ids(absl::StrCat(vehicle.life().vehicle().id, "-pack"));
      v1::SampleColumn& cycles = *samples.add_columns();
      cycles.set_path("fullEquivalentCycles");
      v1::SampleColumn& health = *samples.add_columns();
      health.set_path("bmsSoh");
      for (const HealthReport& report : ReportsUntil(vehicle.life().vehicle(), begin_)) {
        samples.add_times_unix_nano(report.time * kNanos);
        cycles.add_doubles(report.cycles);
        health.add_doubles(report.bms_soh);
      }
      if (samples.times_unix_nano_size() == 0) continue;
      if (absl::Status status = stream_->Send(std::move(samples)); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status MakeVehicles(const std::vector<StoredLife>& stored,
                            std::map<std::string, std::vector<Fault>>* faults) {
    for (int64_t number = 1; number <= fleet_.vehicles(); ++number) {
      const Vehicle vehicle = fleet_.VehicleAt(number);
      const auto [signals, is_new] = signals_.try_emplace(vehicle.type, *vehicle.type);
      LifeOptions life = {.seed = options_.fleet.seed, .rate = options_.rate};
      if (const auto it = faults->find(vehicle.id); it != faults->end()) {
        life.faults = std::move(it->second);
        faults->erase(it);
        if (life.faults.size() > 1) {
          return absl::InvalidArgumentError(
              absl::StrCat("'", vehicle.id, "' has more than one fault; ask for one"));
        }
      }
      DrivenVehicle& driven = vehicles_.emplace_back(vehicle, signals->second, life, begin_);
      const auto at = static_cast<size_t>(number - 1);
      if (at >= stored.size() || stored[at].time == 0) continue;
      driven.life().Resume(stored[at]);
      driven.life().Advance(begin_, nullptr);
    }
    if (faults->empty()) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat("there is no vehicle '", faults->begin()->first,
                                            "' for its fault; the fleet has veh-000001 to ",
                                            vehicles_.back().layout().id().substr(0, 10)));
  }

  absl::Status Drive() {
    driving_since_ = steady_clock::now();
    time_ = begin_;
    const int64_t end = options_.length > 0 ? begin_ + options_.length : INT64_MAX;
    while (time_ < end && !Stopped()) {
      const int64_t to = std::min(WaitForTick(), end);
      if (to <= time_) continue;
      for (DrivenVehicle& vehicle : vehicles_) {
        vehicle.life().Advance(to, &vehicle);
        if (absl::Status status = Gather(&vehicle); !status.ok()) return status;
      }
      time_ = to;
      if (absl::Status status = SendGathered(); !status.ok()) return status;
      ReportIfDue();
    }
    for (DrivenVehicle& vehicle : vehicles_) {
      vehicle.life().SendWaiting(&vehicle);
      if (absl::Status status = Gather(&vehicle); !status.ok()) return status;
    }
    return SendGathered();
  }

  // Up to where simulated time may go now; waits a little if that is nowhere.
  int64_t WaitForTick() const {
    const int64_t now = absl::ToUnixSeconds(absl::Now());
    const double elapsed = std::chrono::duration<double>(steady_clock::now() - begun_).count();
    int64_t may = std::min(now, time_ + kTickSecondsMax);
    if (options_.speed > 0) {
      may = std::min(may, begin_ + static_cast<int64_t>(elapsed * options_.speed));
    }
    // Not second by second when an hour takes a second.
    const auto tick = static_cast<int64_t>(
        std::clamp(options_.speed / kTicksPerSecond, 1.0, static_cast<double>(kTickSecondsMax)));
    const bool is_caught_up = may >= now - 1;
    if (may - time_ >= tick || (is_caught_up && may > time_)) return may;
    std::this_thread::sleep_for(kStopPollTime);
    return time_;
  }

  absl::Status Gather(DrivenVehicle* vehicle) {
    const std::string& id = vehicle->life().vehicle().id;
    for (const auto& [time, mode] : vehicle->TakeModes()) {
      // What the vehicle and its BMS say of it.
      for (const char* part : {"", "-bms"}) {
        states_.add_twin_ids(absl::StrCat(id, part));
        states_.add_times_unix_nano(time * kNanos);
        const bool is_bms = *part != '\0';
        state_names_.emplace_back(mode == LifeMode::kBroken && is_bms ? "fault"
                                  : mode == LifeMode::kOff && is_bms  ? "idle"
                                                                      : StateName(mode));
      }
      ++progress_.state_changes;
    }
    progress_.late_frames += vehicle->TakeLate();
    if (vehicle->frames() == 0) return absl::OkStatus();
    progress_.frames += static_cast<uint64_t>(vehicle->frames());
    progress_.values += vehicle->values();
    message_values_ += vehicle->values();
    *message_.add_batches() = vehicle->Take();
    return message_values_ < kMessageValuesMax ? absl::OkStatus() : SendFrames();
  }

  absl::Status SendFrames() {
    if (message_values_ == 0) return absl::OkStatus();
    message_values_ = 0;
    return stream_->Send(std::exchange(message_, {}));
  }

  absl::Status SendGathered() {
    if (absl::Status status = SendFrames(); !status.ok()) return status;
    if (state_names_.empty()) return absl::OkStatus();
    v1::SampleColumn& column = *states_.add_columns();
    column.set_path("state");
    for (std::string& name : state_names_) column.add_strings(std::move(name));
    state_names_.clear();
    return stream_->Send(std::exchange(states_, {}));
  }

  DriveProgress Progress() {
    DriveProgress progress = progress_;
    progress.time = time_;
    progress.behind = std::max(absl::ToUnixSeconds(absl::Now()) - time_, int64_t{0});
    progress.vehicles = fleet_.vehicles();
    for (DrivenVehicle& vehicle : vehicles_) {
      const LifeMode mode = vehicle.life().mode();
      progress.vehicles_on += mode == LifeMode::kDriving || mode == LifeMode::kCharging ? 1 : 0;
    }
    progress.seconds = std::chrono::duration<double>(steady_clock::now() - driving_since_).count();
    progress.ingest = stream_->totals();
    const uint64_t sent = stream_->next_batch_number() - first_batch_number_;
    progress.in_flight = sent - std::min(sent, progress.ingest.batches);
    return progress;
  }

  void ReportIfDue() {
    const auto now = steady_clock::now();
    if (std::chrono::duration<double>(now - reported_).count() < options_.report_seconds) return;
    reported_ = now;
    report_(Progress());
  }

  client::Client& client_;
  const DriveOptions& options_;
  const std::function<void(absl::string_view)>& note_;
  const std::function<void(const DriveProgress&)>& report_;
  const Fleet fleet_;
  std::map<const VehicleType*, SignalTable> signals_;
  std::deque<DrivenVehicle> vehicles_;
  std::unique_ptr<client::IngestStream> stream_;
  std::atomic<uint64_t> unresolved_ = 0;
  uint64_t first_batch_number_ = 0;
  bool is_new_ = false;

  int64_t begin_ = 0;
  int64_t time_ = 0;  // simulated
  // Simulated time runs from here, so that it does not lag by the time that preparing takes.
  const steady_clock::time_point begun_ = steady_clock::now();
  steady_clock::time_point driving_since_ = steady_clock::now();
  steady_clock::time_point reported_ = steady_clock::now();
  v1::FrameBatches message_;
  size_t message_values_ = 0;
  v1::SampleBatch states_;
  std::vector<std::string> state_names_;
  DriveProgress progress_;
};

}  // namespace

absl::StatusOr<DriveProgress> DriveFleet(client::Client* client, const DriveOptions& options,
                                         const std::function<void(absl::string_view)>& note,
                                         const std::function<void(const DriveProgress&)>& report) {
  return FleetDriver(client, options, note, report).Run();
}

}  // namespace twin::twinsim
