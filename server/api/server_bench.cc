// The server over a real channel, each figure with its floor from the same run: an empty call, a
// raw sync, memcpy. The fleet has 6,000 vehicles of 158 twins: 948,000.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "server/api/server.h"
#include "server/base/check.h"
#include "server/graph/graph.h"
#include "twingraph/v1/admin_service.grpc.pb.h"
#include "twingraph/v1/model_service.grpc.pb.h"
#include "twingraph/v1/query_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::api {
namespace {

namespace pb = ::twingraph::v1;
using SteadyClock = std::chrono::steady_clock;

constexpr int kVehicles = 6000;
constexpr int kModules = 12;
constexpr int kCells = 12;  // of a module
constexpr int kTwins = kVehicles * (2 + kModules * (1 + kCells));
constexpr char kModels[] = R"([
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:b:Vehicle;1","@type":"Interface","contents":[
    {"@type":"Relationship","name":"has"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:b:Cell;1","@type":"Interface","contents":[
    {"@type":"Property","name":"maker","schema":"string"},
    {"@type":"Property","name":"serial","schema":"string"},
    {"@type":"Property","name":"p0","schema":"double"},
    {"@type":"Property","name":"p1","schema":"double"},
    {"@type":"Property","name":"p2","schema":"double"},
    {"@type":"Property","name":"p3","schema":"double"},
    {"@type":"Property","name":"p4","schema":"double"},
    {"@type":"Property","name":"p5","schema":"double"}]}])";

double Seconds(SteadyClock::time_point since) {
  return std::chrono::duration<double>(SteadyClock::now() - since).count();
}

std::string VehicleId(int v) { return absl::StrCat("vehicle-", 100000 + v); }
// 23 bytes, as the bench's cell twin has.
std::string CellId(int v, int m, int c) {
  return absl::StrCat(VehicleId(v), "-m", m + 10, "-c", c + 10, "x");
}

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

void SetDouble(pb::ValueMap* contents, const std::string& name, double value) {
  pb::Member* member = contents->add_members();
  member->set_name(name);
  member->mutable_value()->set_double_value(value);
}

// Batches of the whole fleet, twins first within each.
std::vector<pb::BatchWriteRequest> FleetBatches() {
  std::vector<pb::BatchWriteRequest> batches;
  pb::BatchWriteRequest batch;
  batch.set_each_for_itself(true);
  const auto add = [&]() -> pb::WriteOperation* {
    if (batch.operations_size() >= 10000) {
      batches.push_back(std::move(batch));
      batch = pb::BatchWriteRequest();
      batch.set_each_for_itself(true);
    }
    return batch.add_operations();
  };
  const auto create = [&](const std::string& id, const char* model) {
    pb::Twin* twin = add()->mutable_create_twin()->mutable_twin();
    twin->set_id(id);
    twin->set_model_id(model);
    return twin;
  };
  const auto relate = [&](const std::string& source, const std::string& id,
                          const std::string& target) {
    pb::Relationship* made = add()->mutable_create_relationship()->mutable_relationship();
    made->set_source_id(source);
    made->set_id(id);
    made->set_name("has");
    made->set_target_id(target);
  };
  for (int v = 0; v < kVehicles; ++v) {
    const std::string vehicle = VehicleId(v);
    create(vehicle, "dtmi:b:Vehicle;1");
    create(absl::StrCat(vehicle, "-pack"), "dtmi:b:Vehicle;1");
    relate(vehicle, "pack", absl::StrCat(vehicle, "-pack"));
    for (int m = 0; m < kModules; ++m) {
      const std::string module = absl::StrCat(vehicle, "-m", m + 10);
      create(module, "dtmi:b:Vehicle;1");
      relate(absl::StrCat(vehicle, "-pack"), absl::StrCat("m", m), module);
      for (int c = 0; c < kCells; ++c) {
        pb::ValueMap* contents = create(CellId(v, m, c), "dtmi:b:Cell;1")->mutable_contents();
        pb::Member* maker = contents->add_members();
        maker->set_name("maker");
        maker->mutable_value()->set_string_value("a maker of cells");
        pb::Member* serial = contents->add_members();
        serial->set_name("serial");
        serial->mutable_value()->set_string_value(absl::StrCat(v, "-", m, "-", c));
        for (int p = 0; p < 6; ++p) SetDouble(contents, absl::StrCat("p", p), v + p / 8.0);
        relate(module, absl::StrCat("c", c), CellId(v, m, c));
      }
    }
  }
  batches.push_back(std::move(batch));
  return batches;
}

// One server with the fleet, for all benchmarks.
class Fleet {
 public:
  static Fleet& Get() {
    static Fleet fleet;
    return fleet;
  }

  std::shared_ptr<grpc::Channel> NewChannel() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server->port()),
                                     grpc::InsecureChannelCredentials(), arguments);
  }
  engine::EngineOptions Options() const {
    engine::EngineOptions options;
    options.data_dir = root + "/data";
    options.reserve_bytes = 0;
    return options;
  }
  void Open() {
    auto opened = engine::Engine::Open(Options());
    TWIN_CHECK(opened.ok()) << opened.status();
    engine = *std::move(opened);
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    auto started = Server::Start(options, engine.get());
    TWIN_CHECK(started.ok()) << started.status();
    server = *std::move(started);
  }

  std::string root;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<Server> server;
  double load_seconds = 0;
  graph::GraphMemory memory;  // once loaded

 private:
  Fleet() {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = absl::StrCat(base != nullptr ? base : "/var/tmp", "/twin-bench-XXXXXX");
    TWIN_CHECK(mkdtemp(pattern.data()) != nullptr);
    root = pattern;
    Open();
    const auto channel = NewChannel();
    pb::CreateModelsRequest models;
    models.add_texts(kModels);
    pb::CreateModelsResponse created;
    grpc::ClientContext context;
    TWIN_CHECK(pb::ModelService::NewStub(channel)->CreateModels(&context, models, &created).ok());
    const std::vector<pb::BatchWriteRequest> batches = FleetBatches();
    const auto stub = pb::TwinService::NewStub(channel);
    const auto start = SteadyClock::now();
    grpc::ClientContext stream_context;
    const auto stream = stub->WriteStream(&stream_context);
    std::thread writer([&] {
      for (const pb::BatchWriteRequest& batch : batches) TWIN_CHECK(stream->Write(batch));
      stream->WritesDone();
    });
    pb::BatchWriteResponse response;
    while (stream->Read(&response)) {
      TWIN_CHECK(response.code() == 0 && response.failed() == 0) << response.ShortDebugString();
    }
    writer.join();
    load_seconds = Seconds(start);
    TWIN_CHECK(stream->Finish().ok());
    memory = engine->status().memory;
  }
  ~Fleet() {
    server.reset();
    engine.reset();
    const std::string command = "rm -rf " + root;
    TWIN_CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c): our own folder
  }
};

void LoadFleet(benchmark::State& state) {
  for (auto _ : state) state.SetIterationTime(Fleet::Get().load_seconds);
  const graph::GraphMemory& memory = Fleet::Get().memory;
  const auto of_a_twin = [&](uint64_t bytes) { return static_cast<double>(bytes) / kTwins; };
  state.counters["bytes_per_twin"] = of_a_twin(memory.total());
  state.counters["columns"] = of_a_twin(memory.columns);
  state.counters["ids"] = of_a_twin(memory.ids);
  state.counters["strings"] = of_a_twin(memory.strings);
  state.counters["relationships"] = of_a_twin(memory.relationships);
  state.counters["resident_MiB"] = static_cast<double>(ResidentBytes()) / (1 << 20);
}
BENCHMARK(LoadFleet)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);

// --- Point reads, beside an empty call of the same server ---

void Report(benchmark::State& state, std::vector<double>* micros) {
  std::sort(micros->begin(), micros->end());
  if (micros->empty()) return;
  state.counters["p50_us"] =
      benchmark::Counter((*micros)[micros->size() / 2], benchmark::Counter::kAvgThreads);
  state.counters["p99_us"] =
      benchmark::Counter((*micros)[micros->size() * 99 / 100], benchmark::Counter::kAvgThreads);
}

pb::ListModelsRequest EmptyRequest() {
  pb::ListModelsRequest request;
  request.set_page_size(1);
  request.set_page_token("~");  // beyond the last: an empty answer
  return request;
}

std::string AnyCell(uint32_t random) {
  return CellId(static_cast<int>((random >> 8) % kVehicles), static_cast<int>(random >> 4) & 7, 3);
}

void EmptyRpc(benchmark::State& state) {
  const auto stub = pb::ModelService::NewStub(Fleet::Get().NewChannel());
  const pb::ListModelsRequest request = EmptyRequest();
  std::vector<double> micros;
  for (auto _ : state) {
    const auto start = SteadyClock::now();
    pb::ListModelsResponse response;
    grpc::ClientContext context;
    TWIN_CHECK(stub->ListModels(&context, request, &response).ok());
    micros.push_back(Seconds(start) * 1e6);
  }
  Report(state, &micros);
}
BENCHMARK(EmptyRpc)->UseRealTime()->Threads(1)->Threads(16)->MinTime(2);

void PointRead(benchmark::State& state) {
  const auto stub = pb::TwinService::NewStub(Fleet::Get().NewChannel());
  pb::GetTwinRequest request;
  uint32_t random = static_cast<uint32_t>(state.thread_index()) * 7919 + 1;
  std::vector<double> micros;
  for (auto _ : state) {
    random = random * 1664525 + 1013904223;
    request.set_id(AnyCell(random));
    const auto start = SteadyClock::now();
    pb::GetTwinResponse response;
    grpc::ClientContext context;
    TWIN_CHECK(stub->GetTwin(&context, request, &response).ok());
    micros.push_back(Seconds(start) * 1e6);
  }
  Report(state, &micros);
}
BENCHMARK(PointRead)->UseRealTime()->Threads(1)->Threads(16)->MinTime(2);

void ManyIdsInOneCall(benchmark::State& state) {
  const auto stub = pb::TwinService::NewStub(Fleet::Get().NewChannel());
  pb::BatchGetTwinsRequest request;
  request.set_format(state.range(0) == 0 ? pb::NONE : pb::VALUES);
  for (int i = 0; i < 1000; ++i) request.add_ids(CellId(i * 6 % kVehicles, i % 12, i % 12));
  int64_t twins = 0;
  for (auto _ : state) {
    pb::BatchGetTwinsResponse response;
    grpc::ClientContext context;
    TWIN_CHECK(stub->BatchGetTwins(&context, request, &response).ok());
    twins += response.twins_size();
  }
  state.SetItemsProcessed(twins);
}
BENCHMARK(ManyIdsInOneCall)->Arg(0)->Arg(1)->UseRealTime();

// --- Durable updates, beside one sync of blocks that were written before ---

void RawSync(benchmark::State& state) {
  const std::string path = Fleet::Get().root + "/raw";
  const int file = open(path.c_str(), O_CREAT | O_RDWR, 0600);
  TWIN_CHECK(file >= 0);
  const std::string zeros(16 << 20, '\0');
  TWIN_CHECK(pwrite(file, zeros.data(), zeros.size(), 0) == static_cast<ssize_t>(zeros.size()));
  TWIN_CHECK(fdatasync(file) == 0);
  off_t at = 0;
  for (auto _ : state) {
    TWIN_CHECK(pwrite(file, zeros.data(), 256, at) == 256);
    TWIN_CHECK(fdatasync(file) == 0);
    at = (at + 256) % (16 << 20);
  }
  close(file);
}
BENCHMARK(RawSync)->UseRealTime()->MinTime(1);

pb::UpdateTwinRequest ThreeProperties(uint32_t random) {
  pb::UpdateTwinRequest request;
  request.set_id(CellId(static_cast<int>((random >> 8) % kVehicles),
                        static_cast<int>((random >> 3) % 12),
                        static_cast<int>((random >> 5) % 12)));
  for (int p = 0; p < 3; ++p) {
    pb::Edit* edit = request.add_edits();
    edit->set_path(absl::StrCat("/p", p));
    edit->mutable_value()->set_double_value(random / 8.0);
  }
  return request;
}

void DurableUpdate(benchmark::State& state) {
  const auto stub = pb::TwinService::NewStub(Fleet::Get().NewChannel());
  uint32_t random = static_cast<uint32_t>(state.thread_index()) * 7919 + 1;
  std::vector<double> micros;
  for (auto _ : state) {
    random = random * 1664525 + 1013904223;
    const pb::UpdateTwinRequest request = ThreeProperties(random);
    const auto start = SteadyClock::now();
    pb::UpdateTwinResponse response;
    grpc::ClientContext context;
    TWIN_CHECK(stub->UpdateTwin(&context, request, &response).ok());
    micros.push_back(Seconds(start) * 1e6);
  }
  Report(state, &micros);
}
BENCHMARK(DurableUpdate)->UseRealTime()->Threads(1)->Threads(64)->MinTime(2);

// --- In flight without a thread each: a call that is answered starts the next one ---

struct EmptyCalls {
  using Service = pb::ModelService;
  using Request = pb::ListModelsRequest;
  using Response = pb::ListModelsResponse;
  static Request Ask(uint32_t /*random*/) { return EmptyRequest(); }
  template <typename Done>
  static void Start(Service::Stub* stub, grpc::ClientContext* context, const Request* request,
                    Response* response, Done done) {
    stub->async()->ListModels(context, request, response, std::move(done));
  }
};

struct PointReads {
  using Service = pb::TwinService;
  using Request = pb::GetTwinRequest;
  using Response = pb::GetTwinResponse;
  static Request Ask(uint32_t random) {
    Request request;
    request.set_id(AnyCell(random));
    return request;
  }
  template <typename Done>
  static void Start(Service::Stub* stub, grpc::ClientContext* context, const Request* request,
                    Response* response, Done done) {
    stub->async()->GetTwin(context, request, response, std::move(done));
  }
};

struct DurableUpdates {
  using Service = pb::TwinService;
  using Request = pb::UpdateTwinRequest;
  using Response = pb::UpdateTwinResponse;
  static Request Ask(uint32_t random) { return ThreeProperties(random); }
  template <typename Done>
  static void Start(Service::Stub* stub, grpc::ClientContext* context, const Request* request,
                    Response* response, Done done) {
    stub->async()->UpdateTwin(context, request, response, std::move(done));
  }
};

template <typename Kind>
class CallsInFlight {
 public:
  CallsInFlight(int channels, int in_flight, int64_t calls)
      : calls_(static_cast<size_t>(in_flight)), left_(calls), running_(in_flight) {
    for (int i = 0; i < channels; ++i) {
      stubs_.push_back(Kind::Service::NewStub(Fleet::Get().NewChannel()));
    }
  }

  void Run() {
    for (size_t i = 0; i < calls_.size(); ++i) {
      calls_[i].stub = stubs_[i % stubs_.size()].get();
      calls_[i].random = static_cast<uint32_t>(i) * 7919 + 1;
      Start(&calls_[i]);
    }
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return running_ == 0; });
  }

 private:
  struct Call {
    typename Kind::Service::Stub* stub = nullptr;
    uint32_t random = 0;
    std::unique_ptr<grpc::ClientContext> context;
    typename Kind::Request request;
    typename Kind::Response response;
  };

  void Start(Call* call) {
    if (left_.fetch_sub(1) <= 0) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (--running_ == 0) done_.notify_one();
      return;
    }
    call->random = call->random * 1664525 + 1013904223;
    call->request = Kind::Ask(call->random);
    call->context = std::make_unique<grpc::ClientContext>();
    Kind::Start(call->stub, call->context.get(), &call->request, &call->response,
                [this, call](const grpc::Status& status) {
                  TWIN_CHECK(status.ok()) << status.error_message();
                  Start(call);
                });
  }

  std::vector<std::unique_ptr<typename Kind::Service::Stub>> stubs_;
  std::vector<Call> calls_;
  std::atomic<int64_t> left_;
  std::mutex mutex_;
  std::condition_variable done_;
  int running_;
};

template <typename Kind>
void RunInFlight(benchmark::State& state, int channels, int in_flight) {
  constexpr int64_t kCalls = 20'000;
  Fleet::Get();
  const std::clock_t start = std::clock();
  for (auto _ : state) CallsInFlight<Kind>(channels, in_flight, kCalls).Run();
  const double cpu_us = static_cast<double>(std::clock() - start) * 1e6 / CLOCKS_PER_SEC;
  const auto calls = static_cast<int64_t>(state.iterations()) * kCalls;
  state.SetItemsProcessed(calls);
  state.counters["cpu_us"] = cpu_us / static_cast<double>(calls);  // of a call, both sides
}

void EmptyCallsInFlight(benchmark::State& state) {
  RunInFlight<EmptyCalls>(state, 1, static_cast<int>(state.range(0)));
}
BENCHMARK(EmptyCallsInFlight)->ArgName("in_flight")->Arg(16)->Arg(64)->UseRealTime()->MinTime(2);

void PointReadsInFlight(benchmark::State& state) {
  RunInFlight<PointReads>(state, 1, static_cast<int>(state.range(0)));
}
BENCHMARK(PointReadsInFlight)->ArgName("in_flight")->Arg(16)->Arg(64)->UseRealTime()->MinTime(2);

void DurableUpdatesInFlight(benchmark::State& state) {
  RunInFlight<DurableUpdates>(state, static_cast<int>(state.range(0)), 64);
}
BENCHMARK(DurableUpdatesInFlight)->ArgName("channels")->Arg(1)->Arg(4)->UseRealTime()->MinTime(2);

// Batches of one update each over two streams, of which the server reads 32 ahead.
void DurableUpdatesOverStreams(benchmark::State& state) {
  constexpr int kUpdates = 20'000;  // of each stream
  const auto run = [](uint32_t random) {
    const auto stub = pb::TwinService::NewStub(Fleet::Get().NewChannel());
    grpc::ClientContext context;
    const auto stream = stub->WriteStream(&context);
    std::thread writer([&] {
      pb::BatchWriteRequest batch;
      for (int i = 0; i < kUpdates; ++i) {
        random = random * 1664525 + 1013904223;
        batch.clear_operations();
        *batch.add_operations()->mutable_update_twin() = ThreeProperties(random);
        TWIN_CHECK(stream->Write(batch));
      }
      stream->WritesDone();
    });
    pb::BatchWriteResponse response;
    while (stream->Read(&response)) TWIN_CHECK(response.code() == 0) << response.message();
    writer.join();
    TWIN_CHECK(stream->Finish().ok());
  };
  for (auto _ : state) {
    std::thread other(run, 7919u);
    run(1u);
    other.join();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * 2 * kUpdates);
}
BENCHMARK(DurableUpdatesOverStreams)->UseRealTime()->MinTime(2);

// Questions about a vehicle's twelve cells of one module, so many a second, until it is destroyed.
class ShortQueries {
 public:
  explicit ShortQueries(int per_second) {
    if (per_second == 0) return;
    constexpr int kThreads = 4;
    for (int i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this, i, per_second] { Ask(i, kThreads * 1.0 / per_second); });
    }
  }
  ~ShortQueries() {
    ended_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  // Since the last call.
  std::vector<double> TakeMicros() {
    const std::lock_guard lock(mutex_);
    return std::exchange(micros_, {});
  }

 private:
  void Ask(int thread, double seconds_apart) {
    const auto stub = pb::QueryService::NewStub(Fleet::Get().NewChannel());
    pb::QueryRequest request;
    request.set_text(
        "SELECT c.$dtId, c.p0 FROM DIGITALTWINS MATCH (m)-[:has]->(c:Cell) WHERE m.$dtId = "
        "@module");
    const auto begun = SteadyClock::now();
    for (int i = 0; !ended_; ++i) {
      const auto due = begun + std::chrono::duration_cast<SteadyClock::duration>(
                                   std::chrono::duration<double>(i * seconds_apart));
      std::this_thread::sleep_until(due);
      const int vehicle = (i * 977 + thread * 1301) % kVehicles;
      (*request.mutable_parameters())["module"].set_string_value(
          absl::StrCat(VehicleId(vehicle), "-m", 10 + i % kModules));
      const auto start = SteadyClock::now();
      grpc::ClientContext context;
      const auto rows = stub->Query(&context, request);
      pb::QueryResponse response;
      while (rows->Read(&response)) continue;
      TWIN_CHECK(rows->Finish().ok());
      const std::lock_guard lock(mutex_);
      micros_.push_back(Seconds(start) * 1e6);
    }
  }

  std::vector<std::thread> threads_;
  std::atomic<bool> ended_{false};
  std::mutex mutex_;
  std::vector<double> micros_;
};

void BatchesOverAStream(benchmark::State& state) {
  const auto stub = pb::TwinService::NewStub(Fleet::Get().NewChannel());
  std::vector<pb::BatchWriteRequest> batches(64);
  uint32_t random = 1;
  for (pb::BatchWriteRequest& batch : batches) {
    for (int i = 0; i < 1000; ++i) {
      random = random * 1664525 + 1013904223;
      *batch.add_operations()->mutable_update_twin() = ThreeProperties(random);
    }
  }
  int64_t rows = 0;
  ShortQueries queries(static_cast<int>(state.range(0)));
  const auto begun = SteadyClock::now();
  for (auto _ : state) {
    grpc::ClientContext context;
    const auto stream = stub->WriteStream(&context);
    std::thread writer([&] {
      for (int i = 0; i < 256; ++i) TWIN_CHECK(stream->Write(batches[static_cast<size_t>(i) % 64]));
      stream->WritesDone();
    });
    pb::BatchWriteResponse response;
    while (stream->Read(&response)) {
      TWIN_CHECK(response.code() == 0) << response.message();
      rows += 1000;
    }
    writer.join();
    TWIN_CHECK(stream->Finish().ok());
  }
  state.SetItemsProcessed(rows);
  std::vector<double> micros = queries.TakeMicros();
  if (micros.empty()) return;
  state.counters["queries_per_s"] = static_cast<double>(micros.size()) / Seconds(begun);
  Report(state, &micros);
}
BENCHMARK(BatchesOverAStream)
    ->ArgName("queries_per_s")
    ->Arg(0)
    ->Arg(1000)
    ->UseRealTime()
    ->Iterations(6);

// --- Restart with the whole fleet. Last: they stop the server. ---

void RestartAfterAKill(benchmark::State& state) {
  Fleet& fleet = Fleet::Get();
  for (auto _ : state) {
    fleet.server.reset();
    fleet.engine.reset();  // without a checkpoint: the journal has everything since the last
    const auto start = SteadyClock::now();
    fleet.Open();
    state.SetIterationTime(Seconds(start));
  }
  state.counters["journal_MiB"] =
      static_cast<double>(fleet.engine->status().journal_bytes) / (1 << 20);
  state.counters["records"] = static_cast<double>(fleet.engine->status().recovered_records);
}
BENCHMARK(RestartAfterAKill)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);

void RestartAfterACleanStop(benchmark::State& state) {
  Fleet& fleet = Fleet::Get();
  for (auto _ : state) {
    fleet.server.reset();
    TWIN_CHECK(fleet.engine->Stop().ok());
    fleet.engine.reset();
    const auto start = SteadyClock::now();
    fleet.Open();
    state.SetIterationTime(Seconds(start));
  }
}
BENCHMARK(RestartAfterACleanStop)->UseManualTime()->Iterations(2)->Unit(benchmark::kMillisecond);

// The floor of a restart: the bytes of the state, copied once.
void CopyTheState(benchmark::State& state) {
  const std::vector<char> from(190 << 20, 1);
  std::vector<char> to(190 << 20);
  for (auto _ : state) {
    std::copy(from.begin(), from.end(), to.begin());
    benchmark::DoNotOptimize(to.data());
  }
}
BENCHMARK(CopyTheState)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace twin::api
