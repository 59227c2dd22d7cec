// A run of a predictor for 100,000 cells, end to end: the feature query over stored history, the
// estimates (a booster in this process, or the same one in a Python service), writing them back,
// and the events of that at a subscriber. Beside it: what telemetry waits meanwhile, and what
// predictors cost that have nothing to do.
//
// A cell has 100 samples of its voltage. The service is `python3 -m twingraph.predictors serve`.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "benchmark/benchmark.h"
#include "query/execute/execute.h"
#include "server/api/predictor_client.h"
#include "server/base/check.h"
#include "server/base/clock.h"
#include "server/base/sync.h"
#include "server/engine/engine.h"
#include "server/engine/predict_host.h"
#include "server/events/feed.h"
#include "server/predict/predictors.h"
#include "server/predict/sha256.h"

namespace twin::api {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kCells = 100'000;
constexpr int kCellsOfLayout = 100;
constexpr int kSamples = 100;
constexpr int64_t kSampleSeconds = 10;
constexpr int kTrees = 400;
constexpr int kTreeDepth = 4;
// Of telemetry beside a run: a frame of 100 values each.
constexpr std::chrono::milliseconds kFrameInterval{5};
constexpr char kModels[] = R"([
  {"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:quantitativeTypes;1","dtmi:dtdl:extension:historization;1"],
   "@id":"dtmi:b:Cell;1","@type":"Interface","contents":[
    {"@type":["Telemetry","Voltage"],"name":"voltage","schema":"double","unit":"volt"},
    {"@type":["Property","Historized"],"name":"soh","schema":{"@type":"Object","fields":[
      {"@type":["Field","Concentration"],"name":"value","schema":"double","unit":"percent"},
      {"@type":["Field","Concentration"],"name":"lo","schema":"double","unit":"percent"},
      {"@type":["Field","Concentration"],"name":"hi","schema":"double","unit":"percent"},
      {"name":"level","schema":"double"},{"name":"method","schema":"string"},
      {"name":"source","schema":"string"},{"name":"modelVersion","schema":"string"},
      {"name":"asOf","schema":"dateTime"},{"name":"status","schema":"string"}]}}]}])";
constexpr char kQuery[] =
    "SELECT c.$dtId AS twin, AVG(h.voltage) AS mean, STDDEV(h.voltage) AS spread, MIN(h.voltage) "
    "AS least, MAX(h.voltage) AS greatest, MAX(h.voltage) - MIN(h.voltage) AS range FROM "
    "DIGITALTWINS MATCH (c:Cell) OPTIONAL HISTORY h OF c.(voltage) LAST 1d GROUP BY c.$dtId";
constexpr std::array kFeatures = {"mean", "spread", "least", "greatest", "range"};

std::string CellId(int cell) { return absl::StrCat("cell-", 100'000 + cell); }

double Seconds(SteadyClock::time_point since) {
  return std::chrono::duration<double>(SteadyClock::now() - since).count();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

// "[item, item, …]" of what `item` gives for 0 … count - 1; XGBoost tells 1 from 1E0.
template <typename Item>
std::string List(int count, Item item) {
  std::vector<std::string> items;
  for (int i = 0; i < count; ++i) {
    if constexpr (std::is_floating_point_v<decltype(item(i))>) {
      items.push_back(absl::StrFormat("%E", item(i)));
    } else {
      items.push_back(absl::StrCat(item(i)));
    }
  }
  return absl::StrCat("[", absl::StrJoin(items, ","), "]");
}

// A full tree: inner nodes first, children of i at 2 i + 1 and 2 i + 2.
std::string Tree(int id) {
  constexpr int kInner = (1 << kTreeDepth) - 1;
  constexpr int kNodes = 2 * kInner + 1;
  const auto at_inner = [](int i, int inner, int leaf) { return i < kInner ? inner : leaf; };
  const auto number = [&](int i) {  // a threshold, or what a leaf adds
    return i < kInner ? 3.5 + 0.01 * ((i * 7 + id) % 10) : (80.0 + (i + id) % 7) / kTrees;
  };
  const auto zero = [](int) { return 0; };
  const auto one = [](int) { return 1.0; };
  return absl::StrCat(
      R"({"base_weights":)", List(kNodes, number), R"(,"categories":[],"categories_nodes":[],)",
      R"("categories_segments":[],"categories_sizes":[],"default_left":)", List(kNodes, zero),
      R"(,"id":)", id, R"(,"left_children":)",
      List(kNodes, [&](int i) { return at_inner(i, 2 * i + 1, -1); }), R"(,"loss_changes":)",
      List(kNodes, one), R"(,"parents":)",
      List(kNodes, [](int i) { return i == 0 ? 2147483647 : (i - 1) / 2; }),
      R"(,"right_children":)", List(kNodes, [&](int i) { return at_inner(i, 2 * i + 2, -1); }),
      R"(,"split_conditions":)", List(kNodes, number), R"(,"split_indices":)",
      List(kNodes,
           [&](int i) { return at_inner(i, (i + id) % static_cast<int>(kFeatures.size()), 0); }),
      R"(,"split_type":)", List(kNodes, zero), R"(,"sum_hessian":)", List(kNodes, one),
      R"(,"tree_param":{"num_deleted":"0","num_feature":")", kFeatures.size(), R"(","num_nodes":")",
      kNodes, R"(","size_leaf_vector":"0"}})");
}

void WriteModel(const std::string& folder) {
  std::filesystem::create_directories(folder);
  const std::string booster = absl::StrCat(
      R"({"learner":{"attributes":{},"feature_names":[],"feature_types":[],"gradient_booster":{"model":{)",
      R"("gbtree_model_param":{"num_parallel_tree":"1","num_trees":")", kTrees,
      R"(","size_leaf_vector":"0"},"tree_info":)", List(kTrees, [](int) { return 0; }),
      R"(,"trees":)", List(kTrees, Tree),
      R"(},"name":"gbtree"},"learner_model_param":{"base_score":"0E0","boost_from_average":"1",)",
      R"("num_class":"0","num_feature":")", kFeatures.size(),
      R"(","num_target":"1"},"objective":{"name":"reg:squarederror","reg_loss_param":)",
      R"({"scale_pos_weight":"1"}}},"version":[1,7,4]})");
  std::vector<predict::Feature> features;
  std::vector<std::string> described;
  for (const char* const name : kFeatures) {
    features.push_back({.name = name, .unit = "volt", .required = true});
    described.push_back(absl::StrCat(R"({"name":")", name, R"(","unit":"volt","required":true})"));
  }
  std::ofstream(folder + "/model.json") << booster;
  std::ofstream(folder + "/card.json") << absl::StrCat(
      R"({"card_version":1,"predictor":{"name":"soh-bench","version":"1",)",
      R"("method":"gradientBoosting","target_model":"dtmi:b:Cell;1","features":[)",
      absl::StrJoin(described, ","), R"(],"feature_schema_hash":")",
      predict::FeatureSchemaHash(features),
      R"(","outputs":[{"name":"soh","path":"soh","unit":"percent","level":0.9}],)",
      R"("default_query":")", kQuery, R"("},"model":{"kind":"xgboost","file":"model.json",)",
      R"("sha256":")", predict::Sha256(booster),
      R"("},"outputs":[{"name":"soh","transform":"identity","interval":)",
      R"({"level":0.9,"absolute":1,"relative":0,"floor":1}}]})");
}

// `python3 -m twingraph.predictors serve`, with the build's own package.
class PythonService {
 public:
  explicit PythonService(const std::string& model) {
    std::array<int, 2> pipe_ends{};
    TWIN_CHECK(pipe(pipe_ends.data()) == 0);
    process_ = fork();
    TWIN_CHECK(process_ >= 0);
    if (process_ == 0) {
      dup2(pipe_ends[1], STDOUT_FILENO);
      const std::filesystem::path bin = std::filesystem::read_symlink("/proc/self/exe");
      setenv("PYTHONPATH", (bin.parent_path().parent_path() / "python").c_str(), 1);
      execl("/usr/bin/python3", "python3", "-m", "twingraph.predictors", "serve", model.c_str(),
            "--listen", "127.0.0.1:0", static_cast<char*>(nullptr));
      _exit(127);
    }
    close(pipe_ends[1]);
    std::string line;
    for (char c = 0; read(pipe_ends[0], &c, 1) == 1 && c != '\n';) line.push_back(c);
    out_ = pipe_ends[0];
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (!line.empty()) address_ = words.back();
  }
  ~PythonService() {
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
    close(out_);
  }
  PythonService(const PythonService&) = delete;
  PythonService& operator=(const PythonService&) = delete;

  const std::string& address() const { return address_; }  // empty: it did not start

 private:
  pid_t process_ = -1;
  int out_ = -1;
  std::string address_;
};

// Counts the twins whose estimate changed.
class Subscriber : public events::Sink {
 public:
  explicit Subscriber(events::Feed* feed) {
    events::SubscribeOptions options;
    options.filter.paths = {"soh"};
    auto subscription = feed->Subscribe(std::move(options), this);
    TWIN_CHECK(subscription.ok()) << subscription.status();
    subscription_ = *std::move(subscription);
    subscription_->Start();
  }
  ~Subscriber() override {
    subscription_->Cancel(absl::CancelledError("it is over"));
    const MutexLock lock(&mutex_);
    while (!has_ended_) changed_.Wait(&mutex_);
  }
  void Send(events::Message message) override {
    {
      const MutexLock lock(&mutex_);
      events_ += static_cast<int64_t>(message.events.size());
      changed_.Signal();
    }
    subscription_->Sent();
  }
  void End(const absl::Status& /*status*/) override {
    const MutexLock lock(&mutex_);
    has_ended_ = true;
    changed_.Signal();
  }
  void WaitFor(int64_t events) {
    const MutexLock lock(&mutex_);
    while (events_ < events) {
      TWIN_CHECK(!has_ended_) << "after " << events_ << " of " << events << " events";
      changed_.Wait(&mutex_);
    }
  }

 private:
  std::shared_ptr<events::Subscription> subscription_;
  Mutex mutex_;
  CondVar changed_;
  int64_t events_ ABSL_GUARDED_BY(mutex_) = 0;
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
};

class Fleet {
 public:
  Fleet() {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = absl::StrCat(base != nullptr ? base : "/var/tmp", "/twin-bench-XXXXXX");
    TWIN_CHECK(mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    WriteModel(model());
    engine::EngineOptions options;
    options.data_dir = root_ + "/data";
    options.reserve_bytes = 0;
    auto opened = engine::Engine::Open(options);
    TWIN_CHECK(opened.ok()) << opened.status();
    engine_ = *std::move(opened);
    MakeCells();
    MakeHistory();
    pool_ = query::NewTaskPool(
        engine::FeatureThreads(static_cast<int>(std::thread::hardware_concurrency())),
        query::PoolThreads::kGiveWay);
    host_ = engine::NewPredictHost(engine_.get(), pool_.get());
    auto predictors = predict::Predictors::Open({}, host_.get(), &connector_);
    TWIN_CHECK(predictors.ok()) << predictors.status();
    predictors_ = *std::move(predictors);
    predictors_->Start();
  }
  ~Fleet() {
    predictors_.reset();
    host_.reset();
    engine_.reset();
    std::filesystem::remove_all(root_);
  }
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  std::string model() const { return root_ + "/model"; }
  engine::Engine& engine() { return *engine_; }

  // Of the same name: the one before is replaced.
  void Register(const std::string& address) {
    predict::Spec spec;
    spec.name = "soh";
    spec.address = address;
    if (address.empty()) {
      spec.builtin = "xgboost";
      spec.options["model"] = model();
    }
    const auto info = predictors_->Register(spec, {.replace = true});
    TWIN_CHECK(info.ok()) << info.status();
  }

  // Ends when the estimates of all cells are durable and a subscriber has heard of them.
  predict::RunRecord Run() {
    Subscriber subscriber(&engine_->feed());
    Mutex mutex;
    CondVar changed;
    absl::StatusOr<predict::RunRecord> result;
    bool is_done = false;
    predictors_->RunNow("soh", {}, [&](absl::StatusOr<predict::RunRecord> run) {
      const MutexLock lock(&mutex);
      result = std::move(run);
      is_done = true;
      changed.Signal();
    });
    {
      const MutexLock lock(&mutex);
      while (!is_done) changed.Wait(&mutex);
    }
    TWIN_CHECK(result.ok()) << result.status();
    TWIN_CHECK(result->by_status[0] == kCells) << result->message;
    subscriber.WaitFor(kCells);
    return *result;
  }

  // A frame of a layout, `done` when it is durable.
  void SendFrame(int layout, engine::Engine::TelemetryDone done) {
    auto kept = std::make_shared<Frame>();
    kept->layout = absl::StrCat("layout-", layout);
    kept->times = {SystemClock().Now().ns};
    kept->values.assign(kCellsOfLayout, 3.7);
    ingest::TelemetryBatch batch;
    batch.frames.push_back(
        {.layout_id = kept->layout, .times = kept->times, .packed = {}, .doubles = kept->values});
    batch.bytes = kept->values.size() * sizeof(double);
    batch.keep = std::move(kept);
    engine_->Write(std::move(batch), std::move(done));
  }

 private:
  struct Frame {
    std::string layout;
    std::vector<int64_t> times;
    std::vector<double> values;
  };

  void MakeCells() {
    ingest::WriteBatch models;
    models.operations.emplace_back(ingest::CreateModels{{kModels}});
    TWIN_CHECK(engine_->Write(std::move(models)).status.ok());
    for (int cell = 0; cell < kCells;) {
      ingest::WriteBatch batch;
      for (int i = 0; i < 1'000; ++i, ++cell) {
        ingest::PutTwin put;
        put.id = CellId(cell);
        put.model_id = "dtmi:b:Cell;1";
        batch.operations.emplace_back(std::move(put));
      }
      TWIN_CHECK(engine_->Write(std::move(batch)).status.ok());
    }
  }

  void MakeHistory() {
    const int64_t end = SystemClock().Now().ns;
    for (int layout = 0; layout < kCells / kCellsOfLayout; ++layout) {
      ingest::Layout made;
      const std::string id = absl::StrCat("layout-", layout);
      made.id = id;
      for (int i = 0; i < kCellsOfLayout; ++i) {
        ingest::LayoutColumn& column = made.columns.emplace_back();
        column.targets.push_back({CellId(layout * kCellsOfLayout + i), "voltage"});
      }
      TWIN_CHECK(engine_->Register(std::move(made)).status.ok());
      Frame frame;
      for (int s = 0; s < kSamples; ++s) {
        frame.times.push_back(end - (kSamples - s) * kSampleSeconds * kNsPerSecond);
      }
      for (int i = 0; i < kCellsOfLayout * kSamples; ++i) {
        frame.values.push_back(3.5 + 0.001 * ((i * 37 + layout) % 250));
      }
      ingest::TelemetryBatch batch;
      batch.frames.push_back(
          {.layout_id = id, .times = frame.times, .packed = {}, .doubles = frame.values});
      const ingest::TelemetryResult result = engine_->Write(std::move(batch));
      TWIN_CHECK(result.status.ok() && result.rows == kSamples) << result.status;
    }
  }

  std::string root_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<query::TaskPool> pool_;
  PredictorConnector connector_;
  std::unique_ptr<predict::Host> host_;
  std::unique_ptr<predict::Predictors> predictors_;
};

// Frames at an even rate until it is stopped, and how long each took to be durable.
class Telemetry {
 public:
  explicit Telemetry(Fleet* fleet) : fleet_(*fleet), thread_([this] { Send(); }) {}

  // Milliseconds, which 99 % of the frames did not exceed. Once.
  double StopAndGetP99() {
    stopping_ = true;
    thread_.join();
    const MutexLock lock(&mutex_);
    while (in_flight_ > 0) changed_.Wait(&mutex_);
    std::sort(milliseconds_.begin(), milliseconds_.end());
    return milliseconds_[milliseconds_.size() * 99 / 100];
  }

 private:
  void Send() {
    const SteadyClock::time_point start = SteadyClock::now();
    for (int i = 0; !stopping_; ++i) {
      std::this_thread::sleep_until(start + i * kFrameInterval);
      {
        const MutexLock lock(&mutex_);
        ++in_flight_;
      }
      const SteadyClock::time_point sent = SteadyClock::now();
      fleet_.SendFrame(i % (kCells / kCellsOfLayout),
                       [this, sent](const ingest::TelemetryResult& result) {
                         TWIN_CHECK(result.status.ok()) << result.status;
                         const MutexLock lock(&mutex_);
                         milliseconds_.push_back(1e3 * Seconds(sent));
                         if (--in_flight_ == 0) changed_.Signal();
                       });
    }
  }

  Fleet& fleet_;
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  CondVar changed_;
  int in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<double> milliseconds_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

double IdleP99(Fleet* fleet) {
  Telemetry telemetry(fleet);
  std::this_thread::sleep_for(std::chrono::seconds(5));
  return telemetry.StopAndGetP99();
}

void ReportRun(const predict::RunRecord& run, double cpu, benchmark::State* state) {
  const auto mean = benchmark::Counter::kAvgIterations;
  const auto add = [&](const char* name, double value) {
    benchmark::Counter& counter = state->counters[name];
    counter = benchmark::Counter(counter.value + value, mean);
  };
  add("cpu_s", cpu);
  add("query_s", static_cast<double>(run.query_ns) * 1e-9);
  add("predict_s", static_cast<double>(run.predict_ns) * 1e-9);
  add("write_s", static_cast<double>(run.write_ns) * 1e-9);
}

void Measure(Fleet* fleet, benchmark::State* state) {
  fleet->Run();  // first estimates have no past: what comes after is what is measured
  for (auto _ : *state) {
    const double cpu = CpuSeconds();
    const predict::RunRecord run = fleet->Run();
    ReportRun(run, CpuSeconds() - cpu, state);
  }
  state->SetItemsProcessed(state->iterations() * kCells);
}

void BM_RunInProcess(benchmark::State& state) {
  Fleet fleet;
  fleet.Register("");
  Measure(&fleet, &state);
}
BENCHMARK(BM_RunInProcess)->Unit(benchmark::kSecond)->UseRealTime()->Iterations(5);

void BM_RunInAPythonService(benchmark::State& state) {
  Fleet fleet;
  const PythonService service(fleet.model());
  if (service.address().empty()) {
    state.SkipWithError("python3 -m twingraph.predictors does not start; see docs/python.md");
    return;
  }
  fleet.Register(service.address());
  Measure(&fleet, &state);
}
BENCHMARK(BM_RunInAPythonService)->Unit(benchmark::kSecond)->UseRealTime()->Iterations(3);

// 200 frames a second: p99 until they are durable, without a run and during runs.
void BM_TelemetryBesideRuns(benchmark::State& state) {
  Fleet fleet;
  fleet.Register("");
  fleet.Run();
  const double idle = IdleP99(&fleet);
  Telemetry telemetry(&fleet);
  for (auto _ : state) fleet.Run();
  const double beside = telemetry.StopAndGetP99();
  state.counters["idle_p99_ms"] = idle;
  state.counters["beside_p99_ms"] = beside;
  state.counters["ratio"] = beside / idle;
}
BENCHMARK(BM_TelemetryBesideRuns)->Unit(benchmark::kSecond)->UseRealTime()->Iterations(5);

// Percent of a processor, of an engine with a registration and nothing to do.
void BM_Idle(benchmark::State& state) {
  Fleet fleet;
  fleet.Register("");
  fleet.Run();
  for (auto _ : state) {
    const double cpu = CpuSeconds();
    const SteadyClock::time_point start = SteadyClock::now();
    std::this_thread::sleep_for(std::chrono::seconds(60));
    state.counters["cpu_percent"] = 100 * (CpuSeconds() - cpu) / Seconds(start);
  }
}
BENCHMARK(BM_Idle)->Unit(benchmark::kSecond)->UseRealTime()->Iterations(1);

}  // namespace
}  // namespace twin::api
