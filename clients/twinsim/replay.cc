#include "clients/twinsim/replay.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "clients/twinsim/frames.h"
#include "clients/twinsim/random.h"

namespace twin::twinsim {
namespace {

namespace v1 = ::twingraph::v1;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollTime{20};  // how soon Ctrl-C is noticed
constexpr int kFramesMax = 10'000;                  // frame_rows_max

absl::StatusOr<ColumnMap> ReadMap(const std::string& path) {
  if (path.empty()) return ParseColumnMap(DefaultMapText(), "the default map");
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read '", path, "'"));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return ParseColumnMap(text, path);
}

// "v1_mv, v2_mv, v3_mv and 9 more".
std::string SomeOf(const std::vector<std::string>& names) {
  constexpr size_t kNamed = 8;
  if (names.size() <= kNamed) return absl::StrJoin(names, ", ");
  return absl::StrCat(absl::StrJoin(names.begin(), names.begin() + kNamed, ", "), " and ",
                      names.size() - kNamed, " more");
}

absl::StatusOr<Car> MakeCarOf(client::Client* client, const ReplayOptions& options,
                              const Recording& recording, int64_t shift_nanos,
                              const std::function<void(absl::string_view)>& note) {
  absl::Status models = EnsureModels(client, options.models, options.program_folder);
  if (!models.ok()) return models;
  CarDesign design = {.vehicle = options.vehicle,
                      .modules = recording.map().modules,
                      .cells = recording.cells(),
                      .probes = recording.probes()};
  // It was there when the recording began.
  design.begin_nanos = std::min(recording.first_nanos() + shift_nanos, absl::GetCurrentTimeNanos());
  absl::StatusOr<Car> car = MakeCar(client, design);
  if (absl::IsFailedPrecondition(car.status())) {
    // As another vehicle of that name, which was deleted since.
    design.begin_nanos.reset();
    car = MakeCar(client, design);
  }
  if (car.ok() && car->module_count == 0) {
    note(absl::StrCat("made '", options.vehicle,
                      "': the file has no cells and no probes, so its pack has none"));
  } else if (car.ok()) {
    note(absl::StrCat("made '", options.vehicle,
                      "': the file does not say how its pack is built; "
                      "its ",
                      car->cells, " cells are divided into ", car->module_count, " modules, with ",
                      car->probes, " probes, each cell sensed by the nearest"));
  }
  return car;
}

// The car of the recording: found, or made.
absl::StatusOr<Car> CarOf(client::Client* client, const ReplayOptions& options,
                          const Recording& recording, int64_t shift_nanos,
                          const std::function<void(absl::string_view)>& note) {
  absl::StatusOr<Car> car = FindCar(client, options.vehicle);
  if (absl::IsNotFound(car.status()) && options.create) {
    car = MakeCarOf(client, options, recording, shift_nanos, note);
  }
  if (!car.ok()) return car;
  if (car->cells < recording.cells() || car->probes < recording.probes()) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", options.vehicle, "' has ", car->cells, " cells and ", car->probes,
                     " probes; the recording has ", recording.cells(), " and ", recording.probes(),
                     ": replay it as another vehicle, --as"));
  }
  const bool bms = std::any_of(
      recording.columns().begin(), recording.columns().end(),
      [](const RecordedColumn& column) { return column.mapped.twin == TargetTwin::kBms; });
  if (bms && car->bms.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", car->pack, "' has no BMS (hasBms), for which the map has a column"));
  }
  return car;
}

// From the times of the recording to those that are sent. With --live the last row is sent at its
// time, pauses included.
int64_t ShiftOf(const ReplayOptions& options, const Recording& recording) {
  if (!options.live) return 0;
  const auto nanos = static_cast<double>(recording.last_nanos() - recording.first_nanos());
  const double pauses = options.speed > 0 ? nanos / options.speed : 0;
  return absl::GetCurrentTimeNanos() + static_cast<int64_t>(pauses) - recording.last_nanos();
}

// Sends a recording's rows through a stream. A batch's number is the count of rows up to its end:
// whatever the size of batches, the producer's last durable one says how many rows are there.
class Player {
 public:
  Player(const ReplayOptions& options, const Recording& recording, int64_t shift_nanos,
         std::string layout_id, client::IngestStream* stream)
      : options_(options),
        stream_(*stream),
        packer_(std::move(layout_id), Encodings(recording)),
        frames_max_(std::clamp(options.frames_per_message, 1, kFramesMax)),
        first_nanos_(recording.first_nanos()),
        shift_nanos_(shift_nanos),
        rows_there_(stream->next_batch_number() - 1) {}

  absl::Status Take(const Recording::Row& row) {
    if (Cancelled()) return absl::CancelledError("interrupted");
    if (++row_ <= rows_there_) return absl::OkStatus();
    if (options_.speed > 0) {
      if (absl::Status status = WaitFor(row.time_nanos); !status.ok()) return status;
    }
    ++rows_;
    values_ += row.values;
    packer_.Add(row.time_nanos + shift_nanos_, row.raws, row.doubles);
    row_packed_ = row_;
    return packer_.frames() < frames_max_ ? absl::OkStatus() : Flush();
  }

  absl::Status Flush() {
    if (packer_.frames() == 0) return absl::OkStatus();
    v1::FrameBatches frames;
    *frames.add_batches() = packer_.Take();
    stream_.set_next_batch_number(row_packed_);
    return stream_.Send(std::move(frames));
  }

  uint64_t rows() const { return rows_; }
  uint64_t values() const { return values_; }
  uint64_t rows_there() const { return std::min(row_, rows_there_); }

 private:
  static std::vector<v1::Encoding> Encodings(const Recording& recording) {
    std::vector<v1::Encoding> encodings;
    for (const RecordedColumn& column : recording.columns()) {
      encodings.insert(encodings.end(), column.fields.size(), column.encoding);
    }
    return encodings;
  }

  bool Cancelled() const {
    return options_.cancelled != nullptr && options_.cancelled->load(std::memory_order_relaxed);
  }

  // Until the row is due; what is gathered before it goes out first. Rows that are late go
  // together.
  absl::Status WaitFor(int64_t time_nanos) {
    const auto due = begun_ + std::chrono::nanoseconds(static_cast<int64_t>(
                                  static_cast<double>(time_nanos - first_nanos_) / options_.speed));
    if (due <= steady_clock::now()) return absl::OkStatus();
    if (absl::Status status = Flush(); !status.ok()) return status;
    for (auto now = steady_clock::now(); now < due; now = steady_clock::now()) {
      if (Cancelled()) return absl::CancelledError("interrupted");
      std::this_thread::sleep_for(std::min<steady_clock::duration>(kPollTime, due - now));
    }
    return absl::OkStatus();
  }

  const ReplayOptions& options_;
  client::IngestStream& stream_;
  FramePacker packer_;
  const int frames_max_;
  const int64_t first_nanos_;
  const int64_t shift_nanos_;
  const steady_clock::time_point begun_ = steady_clock::now();
  const uint64_t rows_there_;  // durable by an earlier run, and left out
  uint64_t row_ = 0;           // of the recording, from 1
  uint64_t row_packed_ = 0;    // the last one given to packer_
  uint64_t rows_ = 0;          // sent
  uint64_t values_ = 0;
};

absl::Status Register(client::Client* client, const v1::Layout& layout) {
  v1::RegisterLayoutRequest request;
  *request.mutable_layout() = layout;
  const absl::StatusOr<v1::RegisterLayoutResponse> response =
      client::TelemetryClient(client).RegisterLayout(request);
  if (!response.ok()) return response.status();
  if (response->unresolved() == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      response->unresolved(),
      " columns of the recording lead to no twin: ", absl::StrJoin(response->notes(), "; ")));
}

// The name of the source, for what it sends and to whom: another recording, or vehicle, of the same
// name has rows of its own.
absl::StatusOr<std::string> ProducerOf(const ReplayOptions& options, const Recording& recording,
                                       const std::string& layout_id) {
  if (options.producer.empty()) return absl::StrCat("twinsim-", client::RandomRequestId());
  uint64_t digest = 0;
  const auto add = [&](uint64_t word) { digest = Mix(digest ^ word) + 1; };
  for (const char byte : layout_id) add(static_cast<unsigned char>(byte));
  const absl::Status status = recording.Visit([&](const Recording::Row& row) {
    add(static_cast<uint64_t>(row.time_nanos));
    for (const int64_t raw : row.raws) add(static_cast<uint64_t>(raw));
    for (const double value : row.doubles) add(std::bit_cast<uint64_t>(value));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return absl::StrCat(options.producer, "-", absl::Hex(digest, absl::kZeroPad16));
}

}  // namespace

v1::Layout LayoutOf(const Car& car, const Recording& recording) {
  v1::Layout layout;
  for (const RecordedColumn& recorded : recording.columns()) {
    const MappedColumn& mapped = recorded.mapped;
    v1::LayoutColumn& column = *layout.add_columns();
    column = ColumnOf(car, mapped.twin, mapped.path, static_cast<int>(recorded.fields.size()));
    column.set_encoding(recorded.encoding);
    if (recorded.encoding == v1::DOUBLE) continue;  // values, as they are
    column.set_scale(
        tabular::ToDouble({mapped.scale.mantissa, mapped.scale.digits + recorded.digits}));
    column.set_offset(tabular::ToDouble(mapped.offset));
    column.add_invalid_codes(recorded.missing_raw);
    for (const tabular::Decimal& code : mapped.invalid) {
      const std::optional<int64_t> raw = tabular::MantissaAt(code, recorded.digits);
      // A code that the encoding does not hold does not occur.
      if (raw.has_value() && *raw != recorded.missing_raw && Holds(recorded.encoding, *raw)) {
        column.add_invalid_codes(*raw);
      }
    }
  }
  layout.set_id(LayoutIdOf(absl::StrCat(car.vehicle, "-recorded"), layout));
  return layout;
}

absl::StatusOr<ReplayResult> Replay(client::Client* client, const ReplayOptions& options,
                                    const std::function<void(absl::string_view)>& note) {
  if (options.live && !options.producer.empty()) {
    return absl::InvalidArgumentError(
        "--live gives the rows other times in each run: there is nothing for --producer to go on "
        "with; leave one of the two out");
  }
  absl::StatusOr<ColumnMap> map = ReadMap(options.map);
  if (!map.ok()) return map.status();
  const absl::StatusOr<Recording> recording =
      Recording::Open(options.path, *std::move(map), options.cancelled);
  if (!recording.ok()) return recording.status();
  if (!recording->unmapped().empty()) {
    note(absl::StrCat("not in the map, and left out: ", SomeOf(recording->unmapped())));
  }
  const int64_t shift_nanos = ShiftOf(options, *recording);
  const absl::StatusOr<Car> car = CarOf(client, options, *recording, shift_nanos, note);
  if (!car.ok()) return car.status();
  const v1::Layout layout = LayoutOf(*car, *recording);
  if (absl::Status status = Register(client, layout); !status.ok()) return status;

  const absl::StatusOr<std::string> producer = ProducerOf(options, *recording, layout.id());
  if (!producer.ok()) return producer.status();
  const auto stream = client::IngestStream::Open(client, {.producer_id = *producer});
  if (!stream.ok()) return stream.status();
  const auto begun = steady_clock::now();
  Player player(options, *recording, shift_nanos, layout.id(), stream->get());
  absl::Status status =
      recording->Visit([&](const Recording::Row& row) { return player.Take(row); });
  if (status.ok()) status = player.Flush();
  if (status.ok()) status = (*stream)->Close();
  if (!status.ok()) return status;
  return ReplayResult{.rows = player.rows(),
                      .values = player.values(),
                      .rows_there = player.rows_there(),
                      .rows_replaced = recording->rows_replaced(),
                      .seconds = std::chrono::duration<double>(steady_clock::now() - begun).count(),
                      .ingest = (*stream)->totals()};
}

}  // namespace twin::twinsim
