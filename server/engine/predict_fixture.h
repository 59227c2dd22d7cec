// For tests: predictors on a real engine, with a service and a host that do as a test says.
#ifndef TWIN_SERVER_ENGINE_PREDICT_FIXTURE_H_
#define TWIN_SERVER_ENGINE_PREDICT_FIXTURE_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/base/sync.h"
#include "server/engine/engine.h"
#include "server/engine/predict_host.h"
#include "server/predict/predictors.h"
#include "tests/support/engine_folder.h"

namespace twin::engine::predict_test {

using predict::Answer;
using predict::Description;
using predict::EstimateStatus;
using predict::Request;
using predict::RunRecord;
using predict::RunState;

inline constexpr char kCell[] = "dtmi:t:Cell;1";
inline constexpr absl::string_view kModels = R"([
  {"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:quantitativeTypes;1","dtmi:dtdl:extension:historization;1"],
   "@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":["Property","Voltage"],"name":"volt","schema":"double","unit":"volt"},
    {"@type":"Property","name":"maker","schema":"string"},
    {"@type":["Property","Voltage","Historized"],"name":"level","schema":"double","unit":"volt"},
    {"@type":["Property","Concentration"],"name":"measured","schema":"double","unit":"percent"},
    {"@type":["Property","Historized"],"name":"soh","schema":{"@type":"Object","fields":[
      {"@type":["Field","Concentration"],"name":"value","schema":"double","unit":"percent"},
      {"@type":["Field","Concentration"],"name":"lo","schema":"double","unit":"percent"},
      {"@type":["Field","Concentration"],"name":"hi","schema":"double","unit":"percent"},
      {"name":"level","schema":"double"},{"name":"method","schema":"string"},
      {"name":"source","schema":"string"},{"name":"modelVersion","schema":"string"},
      {"name":"asOf","schema":"dateTime"},{"name":"status","schema":"string"}]}}]}])";
inline constexpr char kQuery[] =
    "SELECT c.$dtId AS twin, c.volt AS volt FROM DIGITALTWINS MATCH (c:Cell)";

// A service as a test wants it: by default it answers 10 times the voltage, ± 5.
class FakeService : public predict::Predictor {
 public:
  FakeService() {
    description.name = "fake";
    description.version = "1";
    description.method = "tenfold";
    description.target_model = kCell;
    description.features = {{.name = "volt", .unit = "volt", .required = true, .min = 0, .max = 9}};
    description.outputs = {{.name = "soh", .path = "soh", .unit = "percent"}};
    description.default_query = kQuery;
  }

  static Answer Tenfold(const Request& request) {
    Answer answer;
    answer.request_id = request.id;
    answer.model_version = "1";
    answer.outputs.resize(1);
    answer.outputs[0].output = "soh";
    for (const double volt : request.columns[0].doubles) {
      answer.outputs[0].values.push_back(10 * volt);
      answer.outputs[0].lo.push_back(10 * volt - 5);
      answer.outputs[0].hi.push_back(10 * volt + 5);
      answer.outputs[0].statuses.push_back(EstimateStatus::kOk);
    }
    return answer;
  }

  absl::StatusOr<Description> Describe(int64_t /*timeout_ms*/,
                                       absl::FunctionRef<bool()> is_cancelled) override {
    const MutexLock lock(&mutex);
    ++descriptions;
    while (describes_never) {
      if (is_cancelled()) return absl::CancelledError("nobody waits any more");
      never.WaitFor(&mutex, std::chrono::milliseconds(5));
    }
    if (descriptions_missing > 0) {
      --descriptions_missing;
      return absl::UnavailableError("not yet");
    }
    if (!describes.ok()) return describes;
    return description;
  }
  void Predict(std::shared_ptr<const Request> request, int64_t /*timeout_ms*/, Done done) override {
    absl::StatusOr<Answer> answer;
    {
      const MutexLock lock(&mutex);
      requests.push_back(*request);
      if (answers == nullptr) {
        answer = Tenfold(*request);
      } else if (!answers(*request, &answer)) {
        held.push_back(std::move(done));
        return;
      }
    }
    done(std::move(answer));
  }

  Mutex mutex;
  Description description;  // before it is registered
  absl::Status describes ABSL_GUARDED_BY(mutex);
  int descriptions ABSL_GUARDED_BY(mutex) = 0;          // asked for
  int descriptions_missing ABSL_GUARDED_BY(mutex) = 0;  // so often nobody answers first
  bool describes_never ABSL_GUARDED_BY(mutex) = false;
  CondVar never;
  std::vector<Request> requests ABSL_GUARDED_BY(mutex);
  // False: it does not answer. Called under the mutex.
  std::function<bool(const Request&, absl::StatusOr<Answer>*)> answers ABSL_GUARDED_BY(mutex);
  std::vector<Done> held ABSL_GUARDED_BY(mutex);
};

class FakeNetwork : public predict::Connector {
 public:
  absl::StatusOr<std::shared_ptr<predict::Predictor>> Connect(
      const std::string& /*address*/, const std::string& /*predictor*/) override {
    return std::shared_ptr<predict::Predictor>(service);
  }
  std::shared_ptr<FakeService> service = std::make_shared<FakeService>();
};

// The engine's host, with what a test puts between.
class HostBetween : public predict::Host {
 public:
  explicit HostBetween(predict::Host* host) : host_(*host) {}

  std::function<absl::Status()> before_write;  // of a run or a mark; may refuse it
  std::function<void()> after_write;           // likewise
  std::function<void()> before_documents;      // are read or changed
  std::function<void()> while_reading;         // features, on the query's threads too
  std::atomic<int> watches_refused{0};         // so often nothing can be watched
  std::atomic<int> watches{0};
  std::function<void()> lost;  // of the last watch; before it, as the predictors are told

  Time Now() const override { return host_.Now(); }
  storage::Documents& documents() override {
    if (before_documents) before_documents();
    return host_.documents();
  }
  absl::Status CheckQuery(const std::string& text,
                          const std::vector<predict::Feature>& features) override {
    return host_.CheckQuery(text, features);
  }
  absl::Status CheckEstimate(const std::string& model, const std::string& path,
                             const std::string& unit) override {
    return host_.CheckEstimate(model, path, unit);
  }
  absl::Status CheckNumber(const std::string& model, const std::string& path,
                           const std::string& unit) override {
    return host_.CheckNumber(model, path, unit);
  }
  absl::Status CheckPath(const std::string& model, const std::string& path) override {
    return host_.CheckPath(model, path);
  }
  absl::StatusOr<Sequence> ReadFeatures(
      const predict::FeatureQuery& query, std::function<absl::Status()> interrupted,
      absl::FunctionRef<absl::Status(predict::FeatureRows, MayGoOn)> emit) override {
    return host_.ReadFeatures(
        query,
        [this, interrupted = std::move(interrupted)] {
          if (while_reading) while_reading();
          return interrupted();
        },
        emit);
  }
  std::vector<predict::CurrentEstimate> ReadEstimates(const std::vector<std::string>& twins,
                                                      const std::string& path) override {
    return host_.ReadEstimates(twins, path);
  }
  absl::StatusOr<std::vector<std::string>> FindEstimates(const std::string& model,
                                                         const std::string& path,
                                                         const std::string& source) override {
    return host_.FindEstimates(model, path, source);
  }
  ingest::WriteResult Write(ingest::WriteBatch batch) override {
    ingest::WriteResult result;
    if (before_write) result.status = before_write();
    if (result.status.ok()) result = host_.Write(std::move(batch));
    if (after_write) after_write();
    return result;
  }
  void Write(ingest::WriteBatch batch, WriteDone done) override { done(Write(std::move(batch))); }
  absl::StatusOr<std::unique_ptr<predict::Watch>> WatchPaths(
      const std::string& model, const std::vector<std::string>& paths,
      std::function<void(std::vector<predict::Change>)> changed,
      std::function<void()> is_lost) override {
    if (watches_refused > 0) {
      --watches_refused;
      return absl::ResourceExhaustedError("too many subscribers");
    }
    lost = is_lost;
    ++watches;
    return host_.WatchPaths(model, paths, std::move(changed), std::move(is_lost));
  }

 private:
  predict::Host& host_;
};

class PredictTest : public ::testing::Test {
 public:
  PredictTest() {
    options_.breaker_failures = 1000;
    Start();
    ingest::WriteBatch models;
    models.operations.emplace_back(ingest::CreateModels{{std::string(kModels)}});
    const ingest::WriteResult result = engine_->Write(std::move(models));
    TWIN_CHECK(result.status.ok()) << result.status;
    for (int i = 1; i <= 3; ++i) AddCell(absl::StrCat("cell-", i), i);
  }

  void Start() {
    EngineOptions options = folder_.options();
    options.snapshot_retained_bytes_max = snapshot_retained_bytes_max_;
    engine_ = OpenEngine(options);
    host_ = NewPredictHost(engine_.get(), nullptr);
    between_ = std::make_unique<HostBetween>(host_.get());
    auto predictors = predict::Predictors::Open(options_, between_.get(), &network_);
    TWIN_CHECK(predictors.ok()) << predictors.status();
    predictors_ = *std::move(predictors);
    if (starts_predictors_) predictors_->Start();
  }
  void Restart() {
    predictors_.reset();
    between_.reset();
    host_.reset();
    engine_.reset();
    Start();
  }

  void AddCell(const std::string& id, double volt) {
    ingest::PutTwin put;
    put.id = id;
    put.model_id = kCell;
    if (volt > 0) put.contents = {{"volt", Value::Double(volt)}};
    ingest::WriteBatch batch;
    batch.operations.emplace_back(std::move(put));
    TWIN_CHECK(engine_->Write(std::move(batch)).status.ok());
  }
  void Set(const std::string& id, const std::string& property, double value,
           std::optional<Time> source_time = {}) {
    ingest::PatchTwin patch;
    patch.id = id;
    patch.source_time = source_time;
    patch.edits.emplace_back();
    patch.edits[0].path = {property};
    patch.edits[0].value = Value::Double(value);
    ingest::WriteBatch batch;
    batch.operations.emplace_back(std::move(patch));
    TWIN_CHECK(engine_->Write(std::move(batch)).status.ok());
  }

  // "40 35..45 OK" with the source, or what there is of it.
  std::string Soh(const std::string& id) {
    std::string text;
    const std::shared_ptr<const graph::GraphView> view = engine_->Pin();
    const TwinNumber twin = view->FindTwin(id);
    const graph::TableSchema& table = view->TableOf(twin);
    for (const char* member : {"value", "lo", "hi", "status", "source"}) {
      const graph::ColumnSchema* column = table.FindColumn(absl::StrCat("soh.", member));
      const Value value = view->GetValue(twin, table.IdOf(*column));
      if (value.kind() == Value::Kind::kDouble) absl::StrAppend(&text, value.as_double(), " ");
      if (value.kind() == Value::Kind::kString) absl::StrAppend(&text, value.as_string(), " ");
    }
    return text;
  }
  Sequence VersionOf(const std::string& id) {
    const std::shared_ptr<const graph::GraphView> view = engine_->Pin();
    return view->VersionOf(view->FindTwin(id));
  }

  static predict::Spec SpecOf(const std::string& name) {
    predict::Spec spec;
    spec.name = name;
    spec.address = "fake:1";
    return spec;
  }
  absl::Status Register(const predict::Spec& spec, bool replace = false) {
    return predictors_->Register(spec, {.replace = replace}).status();
  }
  RunRecord RunNow(const std::string& name, std::vector<std::string> twins = {},
                   std::optional<Time> now = {}) {
    Mutex mutex;
    CondVar changed;
    absl::StatusOr<RunRecord> result;
    bool is_done = false;
    predictors_->RunNow(name, {.twins = std::move(twins), .now = now},
                        [&](absl::StatusOr<RunRecord> run) {
                          const MutexLock lock(&mutex);
                          result = std::move(run);
                          is_done = true;
                          changed.Signal();
                        });
    const MutexLock lock(&mutex);
    while (!is_done) changed.Wait(&mutex);
    TWIN_CHECK(result.ok()) << result.status();
    return *result;
  }
  // Until it is true, or the test runner's patience ends.
  static void WaitUntil(const std::function<bool()>& is_true) {
    while (!is_true()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  void Answer(std::function<bool(const Request&, absl::StatusOr<predict::Answer>*)> answers) {
    const MutexLock lock(&service().mutex);
    service().answers = std::move(answers);
  }
  std::vector<Request> Requests() {
    const MutexLock lock(&service().mutex);
    return service().requests;
  }
  FakeService& service() { return *network_.service; }

  EngineFolder folder_;
  uint64_t snapshot_retained_bytes_max_ = 0;
  predict::Options options_;
  bool starts_predictors_ = true;
  FakeNetwork network_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<predict::Host> host_;
  std::unique_ptr<HostBetween> between_;
  std::unique_ptr<predict::Predictors> predictors_;
};

}  // namespace twin::engine::predict_test

#endif  // TWIN_SERVER_ENGINE_PREDICT_FIXTURE_H_
