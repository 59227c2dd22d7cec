// Queries over a real channel, each figure with its floor from the same run: an empty call. The
// fleet has 500 vehicles of 158 twins.
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "server/api/server.h"
#include "server/base/check.h"
#include "twingraph/v1/admin_service.grpc.pb.h"
#include "twingraph/v1/model_service.grpc.pb.h"
#include "twingraph/v1/query_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::api {
namespace {

namespace pb = ::twingraph::v1;

constexpr int kVehicles = 500;
constexpr int kModules = 12;
constexpr int kCells = 12;  // of a module
constexpr char kModels[] = R"([
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:b:Vehicle;1","@type":"Interface","contents":[
    {"@type":"Relationship","name":"has"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:b:Cell;1","@type":"Interface","contents":[
    {"@type":"Property","name":"serial","schema":"string"},
    {"@type":"Property","name":"volt","schema":"double"}]}])";
constexpr char kOneVehicle[] =
    "SELECT c.$dtId, c.volt FROM DIGITALTWINS MATCH (v)-[:has]->(p)-[:has]->(m)-[:has]->(c) "
    "WHERE v.$dtId = @vehicle AND c.volt > 2.9";

class Fleet {
 public:
  static Fleet& Get() {
    static Fleet fleet;
    return fleet;
  }

  std::unique_ptr<pb::QueryService::Stub> queries;
  std::unique_ptr<pb::AdminService::Stub> admin;
  std::unique_ptr<pb::TwinService::Stub> twins;

 private:
  Fleet() {
    std::string pattern = "/tmp/query-service-bench-XXXXXX";
    TWIN_CHECK(mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    engine::EngineOptions engine_options;
    engine_options.data_dir = root_ + "/data";
    auto engine = engine::Engine::Open(engine_options);
    TWIN_CHECK(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    auto server = Server::Start(options, engine_.get());
    TWIN_CHECK(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                             grpc::InsecureChannelCredentials());
    queries = pb::QueryService::NewStub(channel);
    admin = pb::AdminService::NewStub(channel);
    twins = pb::TwinService::NewStub(channel);
    Fill(pb::ModelService::NewStub(channel).get());
  }
  ~Fleet() {
    server_.reset();
    engine_.reset();
    const std::string command = absl::StrCat("rm -rf ", root_);
    TWIN_CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c): our own folder
  }

  void Fill(pb::ModelService::Stub* models) {
    pb::CreateModelsRequest request;
    request.add_texts(kModels);
    pb::CreateModelsResponse created;
    grpc::ClientContext context;
    TWIN_CHECK(models->CreateModels(&context, request, &created).ok());
    for (int v = 0; v < kVehicles; ++v) AddVehicle(absl::StrCat("vehicle-", v), v, twins.get());
  }

  static void AddVehicle(const std::string& id, int v, pb::TwinService::Stub* to) {
    pb::BatchWriteRequest batch;
    const auto create = [&](const std::string& twin_id, const char* model) {
      pb::Twin* twin = batch.add_operations()->mutable_create_twin()->mutable_twin();
      twin->set_id(twin_id);
      twin->set_model_id(model);
      return twin;
    };
    const auto relate = [&](const std::string& source, const std::string& target) {
      pb::Relationship* made =
          batch.add_operations()->mutable_create_relationship()->mutable_relationship();
      made->set_source_id(source);
      made->set_id(target);
      made->set_name("has");
      made->set_target_id(target);
    };
    const std::string pack = absl::StrCat(id, "-pack");
    create(id, "dtmi:b:Vehicle;1");
    create(pack, "dtmi:b:Vehicle;1");
    relate(id, pack);
    for (int m = 0; m < kModules; ++m) {
      const std::string module = absl::StrCat(id, "-m", m);
      create(module, "dtmi:b:Vehicle;1");
      relate(pack, module);
      for (int c = 0; c < kCells; ++c) {
        const std::string cell = absl::StrCat(module, "-c", c);
        create(cell, "dtmi:b:Cell;1")
            ->set_contents_json(
                absl::StrCat(R"({"serial":"s","volt":)", c == 0 ? 3 + v / 1000.0 : 2.5, "}"));
        relate(module, cell);
      }
    }
    pb::BatchWriteResponse response;
    grpc::ClientContext context;
    TWIN_CHECK(to->BatchWrite(&context, batch, &response).ok());
  }

  std::string root_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<Server> server_;
};

// Rows of all messages.
uint64_t Run(const pb::QueryRequest& request, int64_t* plan_ns) {
  grpc::ClientContext context;
  const auto stream = Fleet::Get().queries->Query(&context, request);
  pb::QueryResponse response;
  uint64_t rows = 0;
  while (stream->Read(&response)) {
    if (!response.has_summary()) continue;
    rows = response.summary().rows();
    *plan_ns += response.summary().plan_nanos();
  }
  TWIN_CHECK(stream->Finish().ok());
  return rows;
}

// A query's messages as they come, without a thread that waits for each.
class Listener final : public grpc::ClientReadReactor<pb::QueryResponse> {
 public:
  explicit Listener(const pb::QueryRequest& request) {
    Fleet::Get().queries->async()->Query(&context_, &request, this);
    StartRead(&response_);
    StartCall();
  }

  uint64_t WaitForRows() {
    std::unique_lock<std::mutex> lock(mutex_);
    ended_.wait(lock, [this] { return has_ended_; });
    return rows_;
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (response_.has_summary()) rows_ = response_.summary().rows();
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    TWIN_CHECK(status.ok());
    const std::lock_guard<std::mutex> lock(mutex_);
    has_ended_ = true;
    ended_.notify_one();
  }

 private:
  grpc::ClientContext context_;
  pb::QueryResponse response_;
  uint64_t rows_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;
};

void ReportMedian(std::vector<double>* micros, benchmark::State* state) {
  std::nth_element(micros->begin(), micros->begin() + static_cast<int64_t>(micros->size() / 2),
                   micros->end());
  state->counters["p50_us"] = (*micros)[micros->size() / 2];
}

double MicrosSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

void EmptyCall(benchmark::State& state) {
  Fleet& fleet = Fleet::Get();
  std::vector<double> micros;
  for (auto unused : state) {
    const auto start = std::chrono::steady_clock::now();
    grpc::ClientContext context;
    pb::ListQueriesResponse response;
    TWIN_CHECK(fleet.admin->ListQueries(&context, pb::ListQueriesRequest(), &response).ok());
    micros.push_back(MicrosSince(start));
  }
  ReportMedian(&micros, &state);
}
BENCHMARK(EmptyCall)->UseRealTime()->MinTime(2);

// The twelve cells of a vehicle that are above a voltage: 158 twins are looked at.
void OneVehicle(benchmark::State& state) {
  pb::QueryRequest request;
  request.set_text(kOneVehicle);
  request.set_format(state.range(0) == 0 ? pb::QueryRequest::COLUMNS : pb::QueryRequest::JSON_ROWS);
  std::vector<double> micros;
  int64_t plan_ns = 0;
  int vehicle = 0;
  for (auto unused : state) {
    (*request.mutable_parameters())["vehicle"].set_string_value(
        absl::StrCat("vehicle-", vehicle++ % kVehicles));
    const auto start = std::chrono::steady_clock::now();
    TWIN_CHECK(Run(request, &plan_ns) == kModules);
    micros.push_back(MicrosSince(start));
  }
  ReportMedian(&micros, &state);
  state.counters["plan_us"] =
      static_cast<double>(plan_ns) / 1e3 / static_cast<double>(state.iterations());
}
BENCHMARK(OneVehicle)->Arg(0)->Arg(1)->UseRealTime()->MinTime(2);

// The same to a client that waits once, for the end.
void OneVehicleByCallbacks(benchmark::State& state) {
  pb::QueryRequest request;
  request.set_text(kOneVehicle);
  std::vector<double> micros;
  int vehicle = 0;
  for (auto unused : state) {
    (*request.mutable_parameters())["vehicle"].set_string_value(
        absl::StrCat("vehicle-", vehicle++ % kVehicles));
    const auto start = std::chrono::steady_clock::now();
    TWIN_CHECK(Listener(request).WaitForRows() == kModules);
    micros.push_back(MicrosSince(start));
  }
  ReportMedian(&micros, &state);
}
BENCHMARK(OneVehicleByCallbacks)->UseRealTime()->MinTime(2);

// A stream with nothing to find: the floor of every query.
void EmptyQuery(benchmark::State& state) {
  pb::QueryRequest request;
  request.set_text("SELECT v.$dtId FROM DIGITALTWINS MATCH (v) WHERE v.$dtId = 'nobody'");
  std::vector<double> micros;
  int64_t plan_ns = 0;
  for (auto unused : state) {
    const auto start = std::chrono::steady_clock::now();
    TWIN_CHECK(Run(request, &plan_ns) == 0);
    micros.push_back(MicrosSince(start));
  }
  ReportMedian(&micros, &state);
}
BENCHMARK(EmptyQuery)->UseRealTime()->MinTime(2);

// Every cell, as typed columns, JSON rows, and whole twins.
void EveryCell(benchmark::State& state) {
  pb::QueryRequest request;
  request.set_text(state.range(0) < 2
                       ? "SELECT c.$dtId, c.serial, c.volt FROM DIGITALTWINS MATCH (c:Cell)"
                       : "SELECT c FROM DIGITALTWINS MATCH (c:Cell)");
  request.set_format(state.range(0) == 0 ? pb::QueryRequest::COLUMNS : pb::QueryRequest::JSON_ROWS);
  int64_t plan_ns = 0;
  for (auto unused : state) {
    TWIN_CHECK(Run(request, &plan_ns) == uint64_t{kVehicles} * kModules * kCells);
  }
  state.SetItemsProcessed(state.iterations() * kVehicles * kModules * kCells);
}
BENCHMARK(EveryCell)->Arg(0)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

// Every pair of cells, which takes until somebody cancels it.
class LongQuery {
 public:
  LongQuery() : thread_([] { Run(); }) {
    while (Ids().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ~LongQuery() {
    if (thread_.joinable()) Cancel();
  }

  // Microseconds until its client has been told.
  double Cancel() {
    pb::CancelQueryRequest request;
    request.set_id(Ids().at(0));
    const auto start = std::chrono::steady_clock::now();
    grpc::ClientContext context;
    pb::CancelQueryResponse response;
    TWIN_CHECK(Fleet::Get().admin->CancelQuery(&context, request, &response).ok());
    thread_.join();
    return MicrosSince(start);
  }

 private:
  static void Run() {
    pb::QueryRequest request;
    request.set_text(
        "SELECT COUNT() FROM DIGITALTWINS MATCH (a:Cell), (b:Cell) WHERE a.volt + b.volt > 9");
    grpc::ClientContext context;
    const auto stream = Fleet::Get().queries->Query(&context, request);
    pb::QueryResponse response;
    while (stream->Read(&response)) {
    }
    TWIN_CHECK(stream->Finish().error_code() == grpc::StatusCode::CANCELLED);
  }
  static std::vector<std::string> Ids() {
    grpc::ClientContext context;
    pb::ListQueriesResponse response;
    TWIN_CHECK(Fleet::Get().admin->ListQueries(&context, pb::ListQueriesRequest(), &response).ok());
    std::vector<std::string> ids;
    for (const pb::RunningQuery& query : response.queries()) ids.push_back(query.id());
    return ids;
  }

  std::thread thread_;
};

void CancelLongQuery(benchmark::State& state) {
  Fleet::Get();
  std::vector<double> micros;
  for (auto unused : state) {
    LongQuery query;
    micros.push_back(query.Cancel());
    state.SetIterationTime(micros.back() / 1e6);
  }
  ReportMedian(&micros, &state);
}
BENCHMARK(CancelLongQuery)->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(40);

// Updates in durable batches of 100, one after the other: alone, and while a query keeps every
// thread for queries busy.
void Writes(benchmark::State& state) {
  constexpr int kBatch = 100;
  Fleet& fleet = Fleet::Get();
  std::unique_ptr<LongQuery> query;
  if (state.range(0) != 0) query = std::make_unique<LongQuery>();
  int number = 0;
  for (auto unused : state) {
    pb::BatchWriteRequest batch;
    for (int i = 0; i < kBatch; ++i, ++number) {
      pb::UpdateTwinRequest* update = batch.add_operations()->mutable_update_twin();
      update->set_id(absl::StrCat("vehicle-", number % kVehicles, "-m", number % kModules, "-c",
                                  1 + number % (kCells - 1)));
      update->set_json_patch(
          absl::StrCat(R"([{"op":"replace","path":"/volt","value":2.)", 100 + number % 400, "}]"));
    }
    grpc::ClientContext context;
    pb::BatchWriteResponse response;
    TWIN_CHECK(fleet.twins->BatchWrite(&context, batch, &response).ok());
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(Writes)->ArgName("beside_a_query")->Arg(0)->Arg(1)->UseRealTime()->MinTime(5);

}  // namespace
}  // namespace twin::api
