#include "clients/twinsim/stored_fleet.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/twinsim/car.h"
#include "clients/twinsim/export.h"

namespace twin::twinsim {
namespace {

namespace v1 = ::twingraph::v1;

constexpr int64_t kVehiclesPerCall = 100;  // vehicles and packs, some 3 KB each
constexpr int64_t kVehicleIdsPerCall = 5'000;
constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr size_t kPieceBytesMax = 1 << 20;

std::string FleetVehicleId(int64_t number) { return absl::StrFormat("veh-%06d", number); }
std::string FleetPackId(int64_t number) { return absl::StrCat(FleetVehicleId(number), "-pack"); }

// How many vehicles, from the first, the server has.
absl::StatusOr<int64_t> CountVehicles(client::Client* client, const Fleet& fleet) {
  int64_t there = 0;
  int64_t first_missing = 0;
  for (int64_t first = 1; first <= fleet.vehicles(); first += kVehicleIdsPerCall) {
    const int64_t last = std::min(first + kVehicleIdsPerCall - 1, fleet.vehicles());
    v1::BatchGetTwinsRequest request;
    request.set_format(v1::NONE);
    for (int64_t number = first; number <= last; ++number) {
      request.add_ids(FleetVehicleId(number));
    }
    const absl::StatusOr<v1::BatchGetTwinsResponse> response = client->BatchGetTwins(request);
    if (!response.ok()) return response.status();
    there += last - first + 1 - response->missing_size();
    if (first_missing == 0 && response->missing_size() > 0) {
      for (first_missing = first; response->missing(0) != FleetVehicleId(first_missing);) {
        ++first_missing;
      }
    }
  }
  if (first_missing == 0 || there == first_missing - 1) return there;
  return absl::FailedPreconditionError(
      absl::StrCat("the server has ", there, " vehicles of a fleet of ", fleet.vehicles(),
                   ", but not '", FleetVehicleId(first_missing),
                   "': delete them, or import the rest of 'twinsim fleet --export'"));
}

// Pieces of a file, from the thread that makes it to the one that sends it. Thread-safe.
class Pieces {
 public:
  // False: nobody wants more.
  bool Put(std::string piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return pieces_.size() < kPiecesMax || is_closed_; });
    if (is_closed_) return false;
    pieces_.push_back(std::move(piece));
    changed_.notify_all();
    return true;
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    changed_.notify_all();
  }
  // False: that was all.
  bool Take(std::string* piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !pieces_.empty() || is_closed_; });
    if (pieces_.empty()) return false;
    *piece = std::move(pieces_.front());
    pieces_.pop_front();
    changed_.notify_all();
    return true;
  }

 private:
  static constexpr size_t kPiecesMax = 8;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> pieces_;
  bool is_closed_ = false;
};

absl::Status ImportFrom(client::Client* client, const Fleet& fleet, int64_t first,
                        const FleetSource& source) {
  Pieces pieces;
  std::thread maker([&] {
    const auto write = [&](absl::string_view bytes) -> absl::Status {
      for (size_t at = 0; at < bytes.size(); at += kPieceBytesMax) {
        if (!pieces.Put(std::string(bytes.substr(at, kPieceBytesMax)))) {
          return absl::CancelledError("the import has ended");
        }
      }
      return absl::OkStatus();
    };
    const auto go_on = [&](double) {
      return source.cancelled == nullptr || !source.cancelled->load(std::memory_order_relaxed);
    };
    // Whoever reads learns of a failure by a file that ends too soon.
    ExportFleet(fleet, {}, write, go_on, first).status().IgnoreError();
    pieces.Close();
  });
  v1::ImportOptions options;
  options.set_source_time_unix_nano(source.source_time_nanos);
  uint64_t errors = 0;
  std::string error;
  absl::Status status = client->Import(
      options, [&](std::string* piece) -> absl::StatusOr<bool> { return pieces.Take(piece); },
      [&](const v1::ImportProgress& progress) {
        errors = progress.errors();
        if (error.empty() && progress.new_errors_size() > 0) {
          error = progress.new_errors(0).message();
        }
      });
  pieces.Close();
  maker.join();
  if (source.cancelled != nullptr && source.cancelled->load()) {
    return absl::CancelledError("interrupted");
  }
  if (status.ok() && errors > 0) return absl::InternalError(error);
  return status;
}

double NumberOf(const v1::Twin& twin, absl::string_view name) {
  for (const v1::Member& member : twin.contents().members()) {
    if (member.name() != name) continue;
    const v1::Value& value = member.value();
    return value.kind_case() == v1::Value::kIntValue ? static_cast<double>(value.int_value())
                                                     : value.double_value();
  }
  return std::numeric_limits<double>::quiet_NaN();
}

// Last voltages of all cells, to the packs that they are in.
absl::Status ReadCells(client::Client* client, const Fleet& fleet, std::vector<StoredLife>* lives) {
  absl::flat_hash_map<std::string, StoredLife*> by_pack;
  for (int64_t number = 1; number <= fleet.vehicles(); ++number) {
    StoredLife& life = (*lives)[static_cast<size_t>(number - 1)];
    life.cell_volts.assign(static_cast<size_t>(fleet.VehicleAt(number).type->pack.cells()),
                           std::numeric_limits<double>::quiet_NaN());
    by_pack.emplace(FleetPackId(number), &life);
  }
  v1::QueryRequest request;
  request.set_text(
      "SELECT p.$dtId, c.seriesIndex, c.voltage FROM DIGITALTWINS "
      "MATCH (p:BatteryPack)-[:hasModule|hasCell*1..2]->(c:BatteryCell) "
      "WHERE c.voltage IS NOT NULL AND c.seriesIndex IS NOT NULL");
  return client->Query(request, [&](const v1::QueryResponse& response) {
    if (response.batch().columns_size() != 3) return absl::OkStatus();
    const v1::ColumnValues& packs = response.batch().columns(0);
    const v1::ColumnValues& indexes = response.batch().columns(1);
    const v1::ColumnValues& volts = response.batch().columns(2);
    for (int row = 0;
         row < packs.strings_size() && row < indexes.ints_size() && row < volts.doubles_size();
         ++row) {
      const auto found = by_pack.find(packs.strings(row));
      const int64_t index = indexes.ints(row) - 1;
      if (found == by_pack.end() || index < 0) continue;
      std::vector<double>& cells = found->second->cell_volts;
      const auto at = static_cast<size_t>(index);
      if (at < cells.size()) cells[at] = volts.doubles(row);
    }
    return absl::OkStatus();
  });
}

LifeMode ModeOf(const v1::Twin& vehicle) {
  for (const v1::Member& member : vehicle.contents().members()) {
    if (member.name() != "state") continue;
    for (const LifeMode mode : {LifeMode::kDriving, LifeMode::kCharging}) {
      if (member.value().string_value() == StateName(mode)) return mode;
    }
  }
  return LifeMode::kOff;
}

StoredLife LifeOf(const v1::Twin& vehicle, const v1::Twin& pack) {
  StoredLife life;
  life.mode = ModeOf(vehicle);
  for (const v1::PropertyTime& time : pack.property_times()) {
    if (time.path() == "voltage") life.time = time.source_time_unix_nano() / kNanosPerSecond;
  }
  life.odometer_km = NumberOf(vehicle, "odometer");
  life.soc_percent = NumberOf(pack, "soc");
  life.current_a = NumberOf(pack, "current");
  life.celsius = NumberOf(pack, "tempAvg");
  life.cycles = NumberOf(pack, "fullEquivalentCycles");
  life.charged_kwh = NumberOf(pack, "accumulatedChargedEnergy");
  life.consumed_kwh = NumberOf(pack, "accumulatedConsumedEnergy");
  life.charged_ah = NumberOf(pack, "accumulatedChargedThroughput");
  life.consumed_ah = NumberOf(pack, "accumulatedConsumedThroughput");
  return life;
}

}  // namespace

absl::StatusOr<int64_t> EnsureFleet(client::Client* client, const Fleet& fleet,
                                    const FleetSource& source,
                                    const std::function<void(absl::string_view)>& note) {
  if (absl::Status status = EnsureModels(client, source.models, source.program_folder);
      !status.ok()) {
    return status;
  }
  const absl::StatusOr<int64_t> there = CountVehicles(client, fleet);
  if (!there.ok()) return there.status();
  if (*there == fleet.vehicles()) return 0;
  const int64_t missing = fleet.vehicles() - *there;
  note(absl::StrCat("making ", missing, " vehicles"));
  if (absl::Status status = ImportFrom(client, fleet, *there + 1, source); !status.ok()) {
    return status;
  }
  return missing;
}

absl::StatusOr<std::vector<StoredLife>> ReadStoredLives(client::Client* client,
                                                        const Fleet& fleet) {
  std::vector<StoredLife> lives;
  lives.reserve(static_cast<size_t>(fleet.vehicles()));
  for (int64_t first = 1; first <= fleet.vehicles(); first += kVehiclesPerCall) {
    const int64_t last = std::min(first + kVehiclesPerCall - 1, fleet.vehicles());
    v1::BatchGetTwinsRequest request;
    request.set_with_times(true);
    request.set_with_telemetry(true);
    for (int64_t number = first; number <= last; ++number) {
      request.add_ids(FleetVehicleId(number));
      request.add_ids(FleetPackId(number));
    }
    const absl::StatusOr<v1::BatchGetTwinsResponse> response = client->BatchGetTwins(request);
    if (!response.ok()) return response.status();
    if (response->missing_size() > 0) {
      return absl::NotFoundError(absl::StrCat("'", response->missing(0), "' is missing"));
    }
    for (int i = 0; i + 1 < response->twins_size(); i += 2) {
      lives.push_back(LifeOf(response->twins(i), response->twins(i + 1)));
    }
  }
  if (absl::Status status = ReadCells(client, fleet, &lives); !status.ok()) return status;
  return lives;
}

}  // namespace twin::twinsim
