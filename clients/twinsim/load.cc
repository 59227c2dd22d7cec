#include "clients/twinsim/load.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "clients/cpp/telemetry.h"
#include "clients/twinsim/car.h"
#include "clients/twinsim/frames.h"
#include "clients/twinsim/random.h"

namespace twin::twinsim {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::steady_clock;

constexpr int kCellsPerModule = 12;
constexpr double kVoltPerStep = 0.001;
constexpr double kDegreePerStep = 0.1;
constexpr int kPreparers = 8;  // threads
constexpr std::chrono::milliseconds kCancelledWithin{100};

// A vehicle's cells wander between 3.0 and 4.2 V by up to 2 mV a frame, its probes between 15 and
// 45 degrees by up to a tenth.
struct SimulatedPack {
  SimulatedPack(uint64_t seed, int number, const LoadOptions& options)
      : random(seed, static_cast<uint64_t>(number)),
        cells(static_cast<size_t>(options.cells)),
        raws(static_cast<size_t>(options.cells + options.probes)) {
    for (size_t i = 0; i < raws.size(); ++i) {
      raws[i] = i < cells ? random.Integer(3500, 3900) : random.Integer(200, 300);
    }
  }
  void Step() {
    for (size_t i = 0; i < raws.size(); ++i) {
      raws[i] = i < cells ? std::clamp<int64_t>(raws[i] + random.Integer(-2, 2), 3000, 4200)
                          : std::clamp<int64_t>(raws[i] + random.Integer(-1, 1), 150, 450);
    }
  }

  Random random;
  size_t cells;               // the rest are probes
  std::vector<int64_t> raws;  // millivolts, and tenths of a degree
};

// How long acknowledgements took, to 1 %. Thread-compatible.
class Latencies {
 public:
  void Add(double milliseconds) {
    const double steps = std::log(std::max(milliseconds, kLeast) / kLeast) / std::log(kStep);
    ++counts_[std::min(static_cast<size_t>(steps), counts_.size() - 1)];
    ++total_;
  }
  double Percentile(double share) const {
    const auto rank = static_cast<uint64_t>(share * static_cast<double>(total_ - 1));
    uint64_t below = 0;
    for (size_t i = 0; i < counts_.size() && total_ > 0; ++i) {
      below += counts_[i];
      if (below > rank) return kLeast * std::pow(kStep, static_cast<double>(i) + 0.5);
    }
    return 0;
  }
  uint64_t total() const { return total_; }

 private:
  static constexpr double kLeast = 0.001;
  static constexpr double kStep = 1.01;
  std::array<uint64_t, 2500> counts_ = {};  // up to 17 hours
  uint64_t total_ = 0;
};

// When messages were sent, and how long their acknowledgements took. Thread-safe.
class Acknowledgements {
 public:
  void Sent(uint64_t batch_number, steady_clock::time_point when) {
    const std::lock_guard lock(mutex_);
    sent_.emplace_back(batch_number, when);
  }
  void Arrived(uint64_t batch_number) {
    const auto now = steady_clock::now();
    const std::lock_guard lock(mutex_);
    for (; !sent_.empty() && sent_.front().first <= batch_number; sent_.pop_front()) {
      const double milliseconds =
          std::chrono::duration<double, std::milli>(now - sent_.front().second).count();
      all_.Add(milliseconds);
      recent_.Add(milliseconds);
    }
  }
  Latencies all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  // Since the last call.
  Latencies TakeRecent() {
    const std::lock_guard lock(mutex_);
    return std::exchange(recent_, Latencies());
  }

 private:
  mutable std::mutex mutex_;
  std::deque<std::pair<uint64_t, steady_clock::time_point>> sent_;
  Latencies all_;
  Latencies recent_;
};

std::string VehicleId(int number) { return absl::StrFormat("load-%06d", number + 1); }

class Run {
 public:
  Run(const LoadOptions& options, client::Client* client) : options_(options), client_(*client) {}

  absl::Status Prepare(const std::function<void(absl::string_view)>& note) {
    absl::Status models = EnsureModels(&client_, options_.models, options_.program_folder);
    if (!models.ok()) return models;
    cell_ids_.resize(static_cast<size_t>(options_.vehicles));
    std::atomic<int> next{0};
    std::atomic<int> made{0};
    std::mutex mutex;
    absl::Status first_error;
    const auto prepare = [&] {
      for (int number = 0; (number = next.fetch_add(1)) < options_.vehicles;) {
        absl::StatusOr<bool> is_new = PrepareVehicle(number);
        if (is_new.ok()) {
          made += *is_new ? 1 : 0;
          continue;
        }
        next = options_.vehicles;
        const std::lock_guard lock(mutex);
        first_error.Update(is_new.status());
      }
    };
    std::vector<std::thread> threads(static_cast<size_t>(std::min(options_.vehicles, kPreparers)));
    for (std::thread& thread : threads) thread = std::thread(prepare);
    for (std::thread& thread : threads) thread.join();
    if (!first_error.ok()) return first_error;
    for (int number = 0; number < options_.vehicles; ++number) {
      packs_.emplace_back(options_.seed, number, options_);
    }
    if (made > 0) {
      note(absl::StrCat("made ", made.load(), " vehicles of ", options_.cells, " cells"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<LoadResult> Send(const std::function<void(absl::string_view)>& note) {
    client::IngestOptions ingest = {
        .producer_id = absl::StrCat("twinsim-load-", client::RandomRequestId()),
        .batches_in_flight_max = static_cast<size_t>(options_.batches_in_flight)};
    ingest.on_acknowledgement = [this](const v1::IngestAcknowledgement& acknowledgement) {
      acknowledgements_.Arrived(acknowledgement.batch_number());
    };
    const auto stream = client::IngestStream::Open(&client_, std::move(ingest));
    if (!stream.ok()) return stream.status();
    const auto begun = steady_clock::now();
    auto noted = begun;
    const double rate = options_.messages_per_second;
    if (rate > 0) {
      start_nanos_ = absl::GetCurrentTimeNanos();
      note(absl::StrFormat("sends %g messages a second", rate));
    }
    const auto end = begun + std::chrono::duration_cast<steady_clock::duration>(
                                 std::chrono::duration<double>(options_.seconds));
    LoadResult result;
    while (options_.messages_max > 0 ? result.messages < options_.messages_max
                                     : steady_clock::now() < end) {
      if (Cancelled()) break;
      auto due = steady_clock::now();
      if (rate > 0) {
        due =
            begun + std::chrono::duration_cast<steady_clock::duration>(
                        std::chrono::duration<double>(static_cast<double>(result.messages) / rate));
        const bool is_over = options_.messages_max == 0 && due >= end;
        if (!WaitUntil(is_over ? end : due) || is_over) break;
      }
      if (absl::Status status = SendOne(stream->get(), due, &result); !status.ok()) return status;
      if (rate == 0 || due - noted < std::chrono::minutes(1)) continue;
      noted = due;
      const Latencies recent = acknowledgements_.TakeRecent();
      note(
          absl::StrFormat("%.0f s: %u messages in a minute, acknowledged after %.2f ms (p50), "
                          "%.2f ms (p99)",
                          std::chrono::duration<double>(due - begun).count(), recent.total(),
                          recent.Percentile(0.5), recent.Percentile(0.99)));
    }
    if (absl::Status status = (*stream)->Close(); !status.ok()) return status;
    result.seconds = std::chrono::duration<double>(steady_clock::now() - begun).count();
    const client::IngestTotals totals = (*stream)->totals();
    result.rejects = totals.rejects_total;
    if (!totals.rejects.empty()) result.reject = totals.rejects.front().message();
    const Latencies all = acknowledgements_.all();
    result.acknowledged_p50_ms = all.Percentile(0.5);
    result.acknowledged_p99_ms = all.Percentile(0.99);
    return result;
  }

 private:
  bool Cancelled() const {
    return options_.cancelled != nullptr && options_.cancelled->load(std::memory_order_relaxed);
  }

  // False: it was cancelled.
  bool WaitUntil(steady_clock::time_point due) const {
    while (!Cancelled() && steady_clock::now() < due) {
      std::this_thread::sleep_until(std::min(due, steady_clock::now() + kCancelledWithin));
    }
    return !Cancelled();
  }

  std::string LayoutId(int number) const {
    const bool integers = options_.encoding == LoadEncoding::kInt16;
    return absl::StrCat(VehicleId(number), "-", integers ? "int16" : "double");
  }

  // Whether it was made.
  absl::StatusOr<bool> PrepareVehicle(int number) {
    if (Cancelled()) return absl::CancelledError("interrupted");
    const std::string vehicle = VehicleId(number);
    v1::GetTwinRequest request;
    request.set_id(vehicle);
    const absl::Status there = client_.GetTwin(request).status();
    if (!there.ok() && !absl::IsNotFound(there)) return there;
    const bool is_new = !there.ok();
    if (!is_new && options_.encoding != LoadEncoding::kRows && IsRegistered(number)) return false;
    absl::StatusOr<Car> car;
    if (!is_new) {
      car = FindCar(&client_, vehicle);
    } else {
      car = MakeCar(&client_, {.vehicle = vehicle,
                               .modules = (options_.cells + kCellsPerModule - 1) / kCellsPerModule,
                               .cells = options_.cells,
                               .probes = options_.probes});
    }
    if (!car.ok()) return car.status();
    if (car->cells != options_.cells || car->probes != options_.probes) {
      return absl::FailedPreconditionError(absl::StrCat("'", vehicle, "' has ", car->cells,
                                                        " cells and ", car->probes, " probes, not ",
                                                        options_.cells, " and ", options_.probes));
    }
    if (options_.encoding == LoadEncoding::kRows) {
      NoteCells(*car, &cell_ids_[static_cast<size_t>(number)]);
      return is_new;
    }
    if (absl::Status status = Register(*car, number); !status.ok()) return status;
    return is_new;
  }

  // Whether a layout of as many columns is there, all of which lead to a twin: one call instead of
  // some twenty that look at the car.
  bool IsRegistered(int number) {
    v1::ListLayoutsRequest request;
    request.set_id(LayoutId(number));
    const auto found = client::TelemetryClient(&client_).ListLayouts(request);
    return found.ok() && found->layouts_size() == 1 && found->layouts(0).unresolved() == 0 &&
           found->layouts(0).columns() == static_cast<uint32_t>(options_.cells + options_.probes);
  }

  absl::Status Register(const Car& car, int number) {
    v1::RegisterLayoutRequest request;
    v1::Layout& layout = *request.mutable_layout();
    layout.set_id(LayoutId(number));
    const auto add = [&](TargetTwin twin, const std::string& path, int count, double scale) {
      if (count == 0) return;
      v1::LayoutColumn& column = *layout.add_columns();
      column = ColumnOf(car, twin, path, count);
      if (options_.encoding != LoadEncoding::kInt16) return;
      column.set_encoding(v1::INT16);
      column.set_scale(scale);
    };
    add(TargetTwin::kCell, "voltage", options_.cells, kVoltPerStep);
    add(TargetTwin::kProbe, "temperature", options_.probes, kDegreePerStep);
    return client::TelemetryClient(&client_).RegisterLayout(request).status();
  }

  void NoteCells(const Car& car, std::vector<std::string>* ids) const {
    // As MakeCar() calls them.
    const int modules = car.module_count;
    for (int module = 0; module < modules; ++module) {
      const int count = options_.cells / modules + (module < options_.cells % modules ? 1 : 0);
      for (int cell = 1; cell <= count; ++cell) {
        ids->push_back(absl::StrFormat("%s-m%02d-c%02d", car.vehicle, module + 1, cell));
      }
    }
  }

  int64_t IntervalNanos() const {
    if (options_.messages_per_second == 0) return options_.interval_nanos;
    return static_cast<int64_t>(1e9 * static_cast<double>(packs_.size()) /
                                (options_.messages_per_second * options_.frames_per_message));
  }

  // The next frames of the next vehicle.
  absl::Status SendOne(client::IngestStream* stream, steady_clock::time_point due,
                       LoadResult* result) {
    const size_t vehicle = result->messages % packs_.size();
    const auto round = static_cast<int64_t>(result->messages / packs_.size());
    const int64_t frames = options_.frames_per_message;
    const int64_t interval = IntervalNanos();
    int64_t time = start_nanos_ + round * frames * interval;
    SimulatedPack& pack = packs_[vehicle];
    ++result->messages;
    result->frames += static_cast<uint64_t>(frames);
    result->values += static_cast<uint64_t>(frames) * pack.raws.size();
    if (options_.encoding == LoadEncoding::kRows) {
      v1::SampleBatch samples = Rows(vehicle, time, interval);
      result->bytes += samples.ByteSizeLong();
      acknowledgements_.Sent(stream->next_batch_number(), due);
      return stream->Send(std::move(samples));
    }
    const v1::Encoding encoding =
        options_.encoding == LoadEncoding::kInt16 ? v1::INT16 : v1::DOUBLE;
    FramePacker packer(LayoutId(static_cast<int>(vehicle)),
                       std::vector<v1::Encoding>(pack.raws.size(), encoding));
    std::vector<double> numbers(pack.raws.size());
    for (int64_t i = 0; i < frames; ++i, time += interval) {
      pack.Step();
      for (size_t k = 0; k < numbers.size(); ++k) {
        numbers[k] = static_cast<double>(pack.raws[k]) / (k < pack.cells ? 1000 : 10);
      }
      packer.Add(time, pack.raws, numbers);
    }
    v1::FrameBatches batches;
    *batches.add_batches() = packer.Take();
    result->bytes += batches.ByteSizeLong();
    acknowledgements_.Sent(stream->next_batch_number(), due);
    return stream->Send(std::move(batches));
  }

  v1::SampleBatch Rows(size_t vehicle, int64_t time, int64_t interval) {
    v1::SampleBatch samples;
    v1::SampleColumn& column = *samples.add_columns();
    column.set_path("voltage");
    SimulatedPack& pack = packs_[vehicle];
    for (int i = 0; i < options_.frames_per_message; ++i, time += interval) {
      pack.Step();
      for (size_t k = 0; k < pack.cells; ++k) {
        samples.add_twin_ids(cell_ids_[vehicle][k]);
        samples.add_times_unix_nano(time);
        column.add_doubles(static_cast<double>(pack.raws[k]) / 1000);
      }
    }
    return samples;
  }

  const LoadOptions& options_;
  client::Client& client_;
  std::vector<SimulatedPack> packs_;
  std::vector<std::vector<std::string>> cell_ids_;  // with kRows
  int64_t start_nanos_ = options_.start_nanos;
  Acknowledgements acknowledgements_;
};

}  // namespace

absl::StatusOr<LoadResult> Load(client::Client* client, const LoadOptions& options,
                                const std::function<void(absl::string_view)>& note) {
  if (options.encoding == LoadEncoding::kRows && options.probes > 0) {
    return absl::InvalidArgumentError("rows are of cells alone: leave --probes out");
  }
  Run run(options, client);
  if (absl::Status status = run.Prepare(note); !status.ok()) return status;
  return run.Send(note);
}

}  // namespace twin::twinsim
