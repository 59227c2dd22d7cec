// Frames and samples over a real stream, durable, with their floor from the same run: the bytes of
// the same messages, appended to a file and synced.
//
// A vehicle is a pack of 96 cells; its frame has 130 values: the cells' voltages, 32 temperatures,
// and the pack's voltage and current.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "server/api/server.h"
#include "server/base/check.h"
#include "server/events/feed.h"
#include "twingraph/v1/model_service.grpc.pb.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::api {
namespace {

namespace pb = ::twingraph::v1;
using SteadyClock = std::chrono::steady_clock;

constexpr int kCells = 96;
constexpr int kProbes = 32;
constexpr int kColumns = kCells + kProbes + 2;
constexpr int kRowValues = 3;
constexpr int64_t kStart = 1'700'000'000'000'000'000;
constexpr int64_t kInterval = 10'000'000'000;  // between frames of a vehicle
constexpr char kModels[] = R"([
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:b:Pack;1","@type":"Interface","contents":[
    {"@type":"Telemetry","name":"voltage","schema":"double"},
    {"@type":"Telemetry","name":"current","schema":"double"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:b:Cell;1","@type":"Interface","contents":[
    {"@type":"Telemetry","name":"voltage","schema":"double"},
    {"@type":"Telemetry","name":"temperature","schema":"double"},
    {"@type":"Telemetry","name":"charge","schema":"double"}]}])";

double Seconds(SteadyClock::time_point since) {
  return std::chrono::duration<double>(SteadyClock::now() - since).count();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

std::string PackId(int v) { return absl::StrCat("vehicle-", 100000 + v, "-pack"); }
std::string CellId(int v, int c) { return absl::StrCat("vehicle-", 100000 + v, "-c", c + 100); }

// Takes what comes.
class CountingSink : public events::Sink {
 public:
  void Subscribe(events::Feed* feed, const std::string& twin) {
    events::SubscribeOptions options;
    options.filter.twins = {twin};
    auto subscription = feed->Subscribe(options, this);
    TWIN_CHECK(subscription.ok()) << subscription.status();
    subscription_ = *std::move(subscription);
    subscription_->Start();
  }
  void Send(events::Message message) override {
    events_ += message.events.size();
    subscription_->Sent();
  }
  void End(const absl::Status& /*status*/) override {}
  uint64_t events() const { return events_; }

 private:
  std::shared_ptr<events::Subscription> subscription_;
  std::atomic<uint64_t> events_ = 0;
};

class Fleet {
 public:
  explicit Fleet(int vehicles, bool doubles = false) : vehicles_(vehicles) {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = absl::StrCat(base != nullptr ? base : "/var/tmp", "/twin-bench-XXXXXX");
    TWIN_CHECK(mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    engine::EngineOptions options;
    options.data_dir = root_ + "/data";
    options.history_repack_after_seconds = 0;  // times are of years ago
    options.reserve_bytes = 0;
    auto opened = engine::Engine::Open(options);
    TWIN_CHECK(opened.ok()) << opened.status();
    engine_ = *std::move(opened);
    ServerOptions server_options;
    server_options.listen = "127.0.0.1:0";
    auto started = Server::Start(server_options, engine_.get());
    TWIN_CHECK(started.ok()) << started.status();
    server_ = *std::move(started);
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                   grpc::InsecureChannelCredentials());
    CreateTwins();
    RegisterLayouts(doubles);
  }
  ~Fleet() {
    server_.reset();
    engine_.reset();
    const std::string command = "rm -rf " + root_;
    TWIN_CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c): our own folder
  }
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Sends the messages and waits until all are durable.
  void Send(std::vector<pb::IngestRequest>* messages) {
    const auto stub = pb::TelemetryService::NewStub(channel_);
    grpc::ClientContext context;
    const auto stream = stub->Ingest(&context);
    pb::IngestRequest open;
    open.mutable_open()->set_producer_id(absl::StrCat("producer-", ++producers_));
    TWIN_CHECK(stream->Write(open));
    std::thread writer([&] {
      for (size_t i = 0; i < messages->size(); ++i) {
        (*messages)[i].set_batch_number(i + 1);
        grpc::WriteOptions options;
        if (i % 16 != 15) options.set_buffer_hint();
        TWIN_CHECK(stream->Write((*messages)[i], options));
      }
      stream->WritesDone();
    });
    pb::IngestResponse response;
    uint64_t last = 0;
    while (stream->Read(&response)) {
      if (!response.has_acknowledgement()) continue;
      TWIN_CHECK(response.acknowledgement().rejects_total() == 0) << response.ShortDebugString();
      last = response.acknowledgement().batch_number();
    }
    writer.join();
    const grpc::Status status = stream->Finish();
    TWIN_CHECK(status.ok() && last == messages->size()) << status.error_message() << last;
  }

  // So many subscribers of a cell each, of vehicles in turn.
  void Subscribe(int count) {
    for (int i = 0; i < count; ++i) {
      sinks_.push_back(std::make_unique<CountingSink>());
      sinks_.back()->Subscribe(&engine_->feed(), CellId(i % vehicles_, i / vehicles_));
    }
  }
  uint64_t events() const {
    uint64_t events = 0;
    for (const auto& sink : sinks_) events += sink->events();
    return events;
  }

  // `frames` frames of each vehicle in turn, so many a message, until there are `total` frames.
  std::vector<pb::IngestRequest> Frames(int total, int frames, bool doubles) {
    std::vector<pb::IngestRequest> messages;
    int vehicle = 0;
    for (int sent = 0; sent < total; sent += frames) {
      pb::FrameBatch* const batch = messages.emplace_back().mutable_frames()->add_batches();
      batch->set_layout_id(absl::StrCat("layout-", vehicle));
      for (int f = 0; f < frames; ++f) batch->add_times_unix_nano(time_ + f * kInterval);
      std::string* const packed = batch->mutable_packed();
      for (int c = 0; c < kColumns; ++c) {
        for (int f = 0; f < frames; ++f) {
          random_ = random_ * 1664525 + 1013904223;
          const int16_t raw = static_cast<int16_t>(3600 + c + (random_ >> 28));
          if (doubles) {
            batch->add_doubles(raw / 1000.0);
          } else {
            packed->append(reinterpret_cast<const char*>(&raw), sizeof(raw));
          }
        }
      }
      if (++vehicle == vehicles_) {
        vehicle = 0;
        time_ += frames * kInterval;
      }
    }
    time_ += frames * kInterval;
    return messages;
  }

  // Rows of a twin id, a time, a voltage, a temperature and a charge.
  std::vector<pb::IngestRequest> Rows(int total, int rows) {
    std::vector<pb::IngestRequest> messages;
    int next = 0;
    for (int sent = 0; sent < total; sent += rows) {
      pb::SampleBatch* const batch = messages.emplace_back().mutable_samples();
      pb::SampleColumn* columns[kRowValues];
      constexpr const char* kPaths[] = {"voltage", "temperature", "charge"};
      for (int c = 0; c < kRowValues; ++c) {
        columns[c] = batch->add_columns();
        columns[c]->set_path(kPaths[c]);
      }
      for (int r = 0; r < rows; ++r) {
        batch->add_twin_ids(CellId(next / kCells, next % kCells));
        batch->add_times_unix_nano(time_);
        columns[0]->add_doubles((3600 + (r & 15)) / 1000.0);
        columns[1]->add_doubles((250 + (r & 3)) / 10.0);
        columns[2]->add_doubles((500 - (r & 7)) / 10.0);
        if (++next == vehicles_ * kCells) {
          next = 0;
          time_ += kInterval;
        }
      }
    }
    time_ += kInterval;
    return messages;
  }

 private:
  void CreateTwins() {
    pb::CreateModelsRequest models;
    models.add_texts(kModels);
    pb::CreateModelsResponse created;
    grpc::ClientContext models_context;
    TWIN_CHECK(
        pb::ModelService::NewStub(channel_)->CreateModels(&models_context, models, &created).ok());
    const auto stub = pb::TwinService::NewStub(channel_);
    for (int v = 0; v < vehicles_;) {
      pb::BatchWriteRequest batch;
      const auto add = [&](const std::string& id, const char* model) {
        pb::Twin* twin = batch.add_operations()->mutable_create_twin()->mutable_twin();
        twin->set_id(id);
        twin->set_model_id(model);
      };
      for (int i = 0; i < 50 && v < vehicles_; ++i, ++v) {
        add(PackId(v), "dtmi:b:Pack;1");
        for (int c = 0; c < kCells; ++c) add(CellId(v, c), "dtmi:b:Cell;1");
      }
      pb::BatchWriteResponse response;
      grpc::ClientContext context;
      const grpc::Status status = stub->BatchWrite(&context, batch, &response);
      TWIN_CHECK(status.ok()) << status.error_message();
    }
  }

  void RegisterLayouts(bool doubles) {
    const auto stub = pb::TelemetryService::NewStub(channel_);
    for (int v = 0; v < vehicles_; ++v) {
      pb::RegisterLayoutRequest request;
      request.mutable_layout()->set_id(absl::StrCat("layout-", v));
      const auto add = [&](const std::string& twin, const char* path, double scale) {
        pb::LayoutColumn* column = request.mutable_layout()->add_columns();
        pb::LayoutTarget* target = column->add_targets();
        target->set_twin_id(twin);
        target->set_path(path);
        column->set_encoding(doubles ? pb::DOUBLE : pb::INT16);
        if (!doubles) column->set_scale(scale);
      };
      for (int c = 0; c < kCells; ++c) add(CellId(v, c), "voltage", 0.001);
      for (int c = 0; c < kProbes; ++c) {
        add(CellId(v, c * kCells / kProbes), "temperature", 0.1);
      }
      add(PackId(v), "voltage", 0.1);
      add(PackId(v), "current", 0.1);
      pb::RegisterLayoutResponse response;
      grpc::ClientContext context;
      const grpc::Status status = stub->RegisterLayout(&context, request, &response);
      TWIN_CHECK(status.ok()) << status.error_message();
    }
  }

  const int vehicles_;
  std::string root_;
  std::vector<std::unique_ptr<CountingSink>> sinks_;  // outlive the engine's feed
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  int64_t time_ = kStart;
  uint32_t random_ = 1;
  int producers_ = 0;
};

// Writes the messages' bytes to a file, a MiB at a time with a sync behind each: nothing durable
// that sends them is faster.
double FloorSeconds(const std::vector<pb::IngestRequest>& messages) {
  const std::string path =
      absl::StrCat(std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "/var/tmp",
                   "/twin-bench-", getpid());
  const int file = open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
  TWIN_CHECK(file >= 0);
  unlink(path.c_str());
  const auto start = SteadyClock::now();
  std::string bytes;
  const auto flush = [&] {
    TWIN_CHECK(write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    TWIN_CHECK(fdatasync(file) == 0);
    bytes.clear();
  };
  for (const pb::IngestRequest& message : messages) {
    message.AppendToString(&bytes);
    if (bytes.size() >= 1 << 20) flush();
  }
  flush();
  const double seconds = Seconds(start);
  close(file);
  return seconds;
}

// Sends what `make` makes, once for each iteration: `rows` rows of so many values.
template <typename Make>
void Measure(benchmark::State& state, Fleet* fleet, int rows, int values, Make make) {
  double seconds = 0;
  double cpu = 0;
  double floor = 0;
  double sent = 0;
  for (auto _ : state) {
    std::vector<pb::IngestRequest> messages = make();
    floor += FloorSeconds(messages);
    const double cpu_before = CpuSeconds();
    const auto start = SteadyClock::now();
    fleet->Send(&messages);
    const double took = Seconds(start);
    state.SetIterationTime(took);
    cpu += CpuSeconds() - cpu_before;
    seconds += took;
    sent += rows;
  }
  state.counters["values_per_s"] = sent * values / seconds;
  state.counters["floor_values_per_s"] = sent * values / floor;
  state.counters["cpu_s_per_million_rows"] = cpu / sent * 1e6;  // client and server
}

// Arguments: vehicles, frames a message, doubles.
void IngestFrames(benchmark::State& state) {
  const int vehicles = static_cast<int>(state.range(0));
  const int frames = static_cast<int>(state.range(1));
  const bool doubles = state.range(2) != 0;
  Fleet fleet(vehicles, doubles);
  const int total = std::max(vehicles * frames * 2, frames == 1 ? 60'000 : 400'000);
  Measure(state, &fleet, total, kColumns, [&] { return fleet.Frames(total, frames, doubles); });
}
BENCHMARK(IngestFrames)
    ->ArgNames({"vehicles", "frames", "doubles"})
    ->Args({100, 10, 0})
    ->Args({100, 1, 0})
    ->Args({6000, 1, 0})
    ->Args({100, 10, 1})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(2);

// Beside it: what subscribers of single cells cost. Argument: how many.
void IngestFramesBesideSubscribers(benchmark::State& state) {
  constexpr int kVehicles = 200;
  Fleet fleet(kVehicles);
  fleet.Subscribe(static_cast<int>(state.range(0)));
  constexpr int kTotal = 400'000;
  Measure(state, &fleet, kTotal, kColumns, [&] { return fleet.Frames(kTotal, 10, false); });
  state.counters["events"] = static_cast<double>(fleet.events());
}
BENCHMARK(IngestFramesBesideSubscribers)
    ->ArgName("subscribers")
    ->Arg(0)
    ->Arg(100)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(2);

void IngestRows(benchmark::State& state) {
  Fleet fleet(100);
  constexpr int kTotal = 1'000'000;
  Measure(state, &fleet, kTotal, kRowValues, [&] { return fleet.Rows(kTotal, 1000); });
}
BENCHMARK(IngestRows)->UseManualTime()->Unit(benchmark::kMillisecond)->MinTime(2);

}  // namespace
}  // namespace twin::api
