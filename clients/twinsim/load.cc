#include "clients/twinsim/load.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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

// A vehicle's cells wander between 3.0 and 4.2 V by up to 2 mV a frame.
struct SimulatedCells {
  SimulatedCells(uint64_t seed, int number, int cells)
      : random(seed, static_cast<uint64_t>(number)), millivolts(static_cast<size_t>(cells)) {
    for (int64_t& cell : millivolts) cell = random.Integer(3500, 3900);
  }
  void Step() {
    for (int64_t& cell : millivolts) {
      cell = std::clamp<int64_t>(cell + random.Integer(-2, 2), 3000, 4200);
    }
  }

  Random random;
  std::vector<int64_t> millivolts;
};

// When messages were sent, and how long their acknowledgements took. Thread-safe.
class Latencies {
 public:
  void Sent(uint64_t batch_number) {
    const std::lock_guard lock(mutex_);
    sent_.emplace_back(batch_number, steady_clock::now());
  }
  void Acknowledged(uint64_t batch_number) {
    const auto now = steady_clock::now();
    const std::lock_guard lock(mutex_);
    for (; !sent_.empty() && sent_.front().first <= batch_number; sent_.pop_front()) {
      milliseconds_.push_back(
          std::chrono::duration<double, std::milli>(now - sent_.front().second).count());
    }
  }
  double Percentile(double share) {
    const std::lock_guard lock(mutex_);
    if (milliseconds_.empty()) return 0;
    const auto at = static_cast<size_t>(share * static_cast<double>(milliseconds_.size() - 1));
    std::nth_element(milliseconds_.begin(), milliseconds_.begin() + static_cast<ptrdiff_t>(at),
                     milliseconds_.end());
    return milliseconds_[at];
  }

 private:
  std::mutex mutex_;
  std::deque<std::pair<uint64_t, steady_clock::time_point>> sent_;
  std::vector<double> milliseconds_;
};

std::string VehicleId(int number) { return absl::StrFormat("load-%06d", number + 1); }

class Run {
 public:
  Run(const LoadOptions& options, client::Client* client) : options_(options), client_(*client) {}

  absl::Status Prepare(const std::function<void(absl::string_view)>& note) {
    absl::Status models = EnsureModels(&client_, options_.models, options_.program_folder);
    if (!models.ok()) return models;
    int made = 0;
    for (int number = 0; number < options_.vehicles; ++number) {
      if (Cancelled()) return absl::CancelledError("interrupted");
      absl::StatusOr<Car> car = FindCar(&client_, VehicleId(number));
      if (absl::IsNotFound(car.status())) {
        car =
            MakeCar(&client_, {.vehicle = VehicleId(number),
                               .modules = (options_.cells + kCellsPerModule - 1) / kCellsPerModule,
                               .cells = options_.cells});
        ++made;
      }
      if (!car.ok()) return car.status();
      if (car->cells != options_.cells) {
        return absl::FailedPreconditionError(
            absl::StrCat("'", car->vehicle, "' has ", car->cells, " cells, not ", options_.cells));
      }
      if (absl::Status status = Register(*car); !status.ok()) return status;
      cells_.emplace_back(options_.seed, number, options_.cells);
    }
    if (made > 0) note(absl::StrCat("made ", made, " vehicles of ", options_.cells, " cells"));
    return absl::OkStatus();
  }

  absl::StatusOr<LoadResult> Send() {
    client::IngestOptions ingest = {
        .producer_id = absl::StrCat("twinsim-load-", client::RandomRequestId()),
        .batches_in_flight_max = static_cast<size_t>(options_.batches_in_flight)};
    ingest.on_acknowledgement = [this](const v1::IngestAcknowledgement& acknowledgement) {
      latencies_.Acknowledged(acknowledgement.batch_number());
    };
    const auto stream = client::IngestStream::Open(&client_, std::move(ingest));
    if (!stream.ok()) return stream.status();
    const auto begun = steady_clock::now();
    const auto end = begun + std::chrono::duration_cast<steady_clock::duration>(
                                 std::chrono::duration<double>(options_.seconds));
    LoadResult result;
    while (options_.messages_max > 0 ? result.messages < options_.messages_max
                                     : steady_clock::now() < end) {
      if (absl::Status status = SendOne(stream->get(), &result); !status.ok()) return status;
    }
    if (absl::Status status = (*stream)->Close(); !status.ok()) return status;
    result.seconds = std::chrono::duration<double>(steady_clock::now() - begun).count();
    const client::IngestTotals totals = (*stream)->totals();
    result.rejects = totals.rejects_total;
    if (!totals.rejects.empty()) result.reject = totals.rejects.front().message();
    result.acknowledged_p50_ms = latencies_.Percentile(0.5);
    result.acknowledged_p99_ms = latencies_.Percentile(0.99);
    return result;
  }

 private:
  bool Cancelled() const {
    return options_.cancelled != nullptr && options_.cancelled->load(std::memory_order_relaxed);
  }

  std::string LayoutId(int number) const {
    const bool integers = options_.encoding == LoadEncoding::kInt16;
    return absl::StrCat(VehicleId(number), "-", integers ? "int16" : "double");
  }

  absl::Status Register(const Car& car) {
    if (options_.encoding == LoadEncoding::kRows) return NoteCells(car);
    v1::RegisterLayoutRequest request;
    v1::Layout& layout = *request.mutable_layout();
    layout.set_id(LayoutId(static_cast<int>(cells_.size())));
    v1::LayoutColumn& column = *layout.add_columns();
    column = ColumnOf(car, TargetTwin::kCell, "voltage", options_.cells);
    if (options_.encoding == LoadEncoding::kInt16) {
      column.set_encoding(v1::INT16);
      column.set_scale(kVoltPerStep);
    }
    return client::TelemetryClient(&client_).RegisterLayout(request).status();
  }

  absl::Status NoteCells(const Car& car) {
    // As MakeCar() calls them.
    std::vector<std::string>& ids = cell_ids_.emplace_back();
    const int modules = car.module_count;
    for (int module = 0; module < modules; ++module) {
      const int count = options_.cells / modules + (module < options_.cells % modules ? 1 : 0);
      for (int cell = 1; cell <= count; ++cell) {
        ids.push_back(absl::StrFormat("%s-m%02d-c%02d", car.vehicle, module + 1, cell));
      }
    }
    return absl::OkStatus();
  }

  // The next frames of the next vehicle.
  absl::Status SendOne(client::IngestStream* stream, LoadResult* result) {
    const auto vehicle = static_cast<size_t>(result->messages % cells_.size());
    const auto round = static_cast<int64_t>(result->messages / cells_.size());
    const int64_t frames = options_.frames_per_message;
    int64_t time = options_.start_nanos + round * frames * options_.interval_nanos;
    const uint64_t values = static_cast<uint64_t>(frames) * cells_[vehicle].millivolts.size();
    ++result->messages;
    result->frames += static_cast<uint64_t>(frames);
    result->values += values;
    if (options_.encoding == LoadEncoding::kRows) {
      v1::SampleBatch samples = Rows(vehicle, time);
      result->bytes += samples.ByteSizeLong();
      latencies_.Sent(stream->next_batch_number());
      return stream->Send(std::move(samples));
    }
    const v1::Encoding encoding =
        options_.encoding == LoadEncoding::kInt16 ? v1::INT16 : v1::DOUBLE;
    SimulatedCells& cells = cells_[vehicle];
    FramePacker packer(LayoutId(static_cast<int>(vehicle)),
                       std::vector<v1::Encoding>(cells.millivolts.size(), encoding));
    std::vector<double> volts(cells.millivolts.size());
    for (int64_t i = 0; i < frames; ++i, time += options_.interval_nanos) {
      cells.Step();
      for (size_t k = 0; k < volts.size(); ++k) {
        volts[k] = static_cast<double>(cells.millivolts[k]) / 1000;
      }
      packer.Add(time, cells.millivolts, volts);
    }
    v1::FrameBatches batches;
    *batches.add_batches() = packer.Take();
    result->bytes += batches.ByteSizeLong();
    latencies_.Sent(stream->next_batch_number());
    return stream->Send(std::move(batches));
  }

  v1::SampleBatch Rows(size_t vehicle, int64_t time) {
    v1::SampleBatch samples;
    v1::SampleColumn& column = *samples.add_columns();
    column.set_path("voltage");
    SimulatedCells& cells = cells_[vehicle];
    for (int i = 0; i < options_.frames_per_message; ++i, time += options_.interval_nanos) {
      cells.Step();
      for (size_t k = 0; k < cells.millivolts.size(); ++k) {
        samples.add_twin_ids(cell_ids_[vehicle][k]);
        samples.add_times_unix_nano(time);
        column.add_doubles(static_cast<double>(cells.millivolts[k]) / 1000);
      }
    }
    return samples;
  }

  const LoadOptions& options_;
  client::Client& client_;
  std::vector<SimulatedCells> cells_;
  std::vector<std::vector<std::string>> cell_ids_;  // with kRows
  Latencies latencies_;
};

}  // namespace

absl::StatusOr<LoadResult> Load(client::Client* client, const LoadOptions& options,
                                const std::function<void(absl::string_view)>& note) {
  Run run(options, client);
  if (absl::Status status = run.Prepare(note); !status.ok()) return status;
  return run.Send();
}

}  // namespace twin::twinsim
