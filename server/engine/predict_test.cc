// Predictors on a real engine: what reaches twins, whatever a predictor does.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/base/sync.h"
#include "server/base/thread_priority.h"
#include "server/engine/engine.h"
#include "server/engine/predict_host.h"
#include "server/predict/predictors.h"
#include "tests/support/engine_folder.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using absl::StatusCode;
using predict::Answer;
using predict::Description;
using predict::EstimateStatus;
using predict::Request;
using predict::RunRecord;
using predict::RunState;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr char kCell[] = "dtmi:t:Cell;1";
constexpr absl::string_view kModels = R"([
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
constexpr char kQuery[] = "SELECT c.$dtId AS twin, c.volt AS volt FROM DIGITALTWINS MATCH (c:Cell)";

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

TEST_F(PredictTest, WritesEstimatesWithTheirProvenance) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  const RunRecord run = RunNow("p");
  EXPECT_EQ(run.state, RunState::kDone) << run.message;
  EXPECT_EQ(run.rows, 3u);
  EXPECT_EQ(run.by_status[0], 3u);
  EXPECT_EQ(Soh("cell-2"), "20 15 25 OK p ");
  EXPECT_THAT(predictors_->ListRuns("p", 9)->at(0).id(), "p/1");
  const auto forecasts = predictors_->ListForecasts("cell-3", "", "", 9);
  ASSERT_THAT(forecasts.status(), IsOk());
  ASSERT_EQ(forecasts->size(), 1u);
  EXPECT_EQ(forecasts->at(0).value, 30);
  EXPECT_EQ(forecasts->at(0).method, "tenfold");
  EXPECT_EQ(predictors_->Get("p")->health, predict::Health::kHealthy);
}

TEST_F(PredictTest, TheFeatureQueryGivesWayAndTheRunDoesNot) {
  const auto nice = [] { return getpriority(PRIO_PROCESS, 0); };
  const int usual = nice();
  int lowest = usual;
  std::thread([&] {
    GiveWayToOthers();
    lowest = nice();  // unless the system refuses it
  }).join();
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  std::atomic<int> query = usual;
  between_->while_reading = [&] { query = std::max(query.load(), nice()); };
  int run = lowest + 1;
  Answer([&](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    run = nice();
    *answer = FakeService::Tenfold(request);
    return true;
  });
  EXPECT_EQ(RunNow("p").state, RunState::kDone);
  EXPECT_EQ(query, lowest);
  EXPECT_EQ(run, usual);
}

TEST_F(PredictTest, RowsThatCannotBeAskedAreMarked) {
  AddCell("empty", 0);
  AddCell("wild", 100);
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  const RunRecord run = RunNow("p");
  EXPECT_EQ(run.by_status[static_cast<size_t>(EstimateStatus::kInsufficientData)], 1u);
  EXPECT_EQ(run.by_status[static_cast<size_t>(EstimateStatus::kOutOfDomain)], 1u);
  EXPECT_EQ(Soh("empty"), "INSUFFICIENT_DATA p ");
  EXPECT_EQ(Soh("wild"), "OUT_OF_DOMAIN p ");
  EXPECT_EQ(Requests().at(0).twins.size(), 3u);
  // What was said is not said again; a value that was good stays.
  Set("cell-1", "volt", 100);
  const Sequence before = VersionOf("empty");
  RunNow("p");
  EXPECT_EQ(VersionOf("empty"), before);
  EXPECT_EQ(Soh("cell-1"), "10 5 15 OUT_OF_DOMAIN p ");
}

TEST_F(PredictTest, AServiceThatIsGoneLeavesStaleValues) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  RunNow("p");
  Answer([](const Request&, absl::StatusOr<predict::Answer>* answer) {
    *answer = absl::UnavailableError("nobody is there");
    return true;
  });
  AddCell("new", 4);
  RunRecord run = RunNow("p");
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(run.message, HasSubstr("nobody is there"));
  EXPECT_EQ(run.retries, 2u);
  EXPECT_EQ(Soh("cell-2"), "20 15 25 STALE p ");
  EXPECT_EQ(Soh("new"), "ERROR p ");
  // The same request was sent three times.
  const std::vector<Request> requests = Requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests[1].id, requests[3].id);
  EXPECT_NE(requests[0].id, requests[1].id);

  Answer(nullptr);
  RunNow("p");
  EXPECT_EQ(Soh("cell-2"), "20 15 25 OK p ");
  EXPECT_EQ(Soh("new"), "40 35 45 OK p ");
  {
    const MutexLock lock(&service().mutex);
    service().describes = absl::UnavailableError("gone for good");
  }
  EXPECT_EQ(RunNow("p").state, RunState::kFailed);
  EXPECT_EQ(Soh("new"), "40 35 45 STALE p ");
  EXPECT_EQ(predictors_->Get("p")->health, predict::Health::kFailing);
}

TEST_F(PredictTest, NobodyRenewsWhatIsOutOfDomainEither) {
  Answer([](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    *answer = FakeService::Tenfold(request);
    (*answer)->outputs[0].statuses[1] = EstimateStatus::kOutOfDomain;
    return true;
  });
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  RunNow("p");
  ASSERT_EQ(Soh("cell-2"), "20 15 25 OUT_OF_DOMAIN p ");
  {
    const MutexLock lock(&service().mutex);
    service().describes = absl::UnavailableError("gone");
  }
  RunNow("p");
  EXPECT_EQ(Soh("cell-1"), "10 5 15 STALE p ");
  EXPECT_EQ(Soh("cell-2"), "20 15 25 STALE p ");
}

TEST_F(PredictTest, AServiceIsAskedAgainWhoItIs) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  {
    const MutexLock lock(&service().mutex);
    service().descriptions_missing = 2;
  }
  const RunRecord run = RunNow("p");
  EXPECT_EQ(run.state, RunState::kDone) << run.message;
  EXPECT_EQ(run.retries, 2u);
}

TEST_F(PredictTest, TheEndDoesNotWaitForADescription) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  int before = 0;
  {
    const MutexLock lock(&service().mutex);
    service().describes_never = true;
    before = service().descriptions;
  }
  predictors_->RunNow("p", {.no_wait = true}, [](const absl::StatusOr<RunRecord>&) {});
  WaitUntil([&] {
    const MutexLock lock(&service().mutex);
    return service().descriptions > before;
  });
  predictors_->Stop();  // for ever, if it did
  EXPECT_EQ(predictors_->Get("p")->last_run->state, RunState::kRunning);
}

TEST_F(PredictTest, ASlowServiceDoesNotKeepASnapshot) {
  snapshot_retained_bytes_max_ = 20'000;
  Restart();
  for (int i = 0; i < 2'000; ++i) AddCell(absl::StrCat("more-", i), 1);
  predict::Spec spec = SpecOf("p");
  spec.batch_rows = 1;
  spec.batches_in_flight = 1;
  ASSERT_THAT(Register(spec), IsOk());
  Answer([](const Request&, absl::StatusOr<predict::Answer>*) { return false; });  // it hangs
  predictors_->RunNow("p", {.no_wait = true}, [](const absl::StatusOr<RunRecord>&) {});
  WaitUntil([this] { return !Requests().empty(); });
  int64_t value = 0;
  WaitUntil([&] {
    for (int i = 0; i < 2'000; i += 20) {
      Set(absl::StrCat("more-", i), "measured", static_cast<double>(++value));
    }
    engine_->EnforceSnapshots();
    return predictors_->Get("p")->last_run->state == RunState::kFailed;
  });
  EXPECT_THAT(predictors_->Get("p")->last_run->message, HasSubstr("snapshot_retained_bytes_max"));
}

TEST_F(PredictTest, IdsThatAreRepeatedAreAskedOnce) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  const RunRecord run = RunNow("p", {"cell-2", "cell-1", "cell-2", "cell-1"});
  EXPECT_EQ(run.state, RunState::kDone) << run.message;
  EXPECT_EQ(run.rows, 2u);
}

TEST_F(PredictTest, ABatchIsWrittenInParts) {
  ingest::WriteBatch batch;
  constexpr int kMore = 2'500;
  for (int i = 0; i < kMore; ++i) {
    ingest::PutTwin put;
    put.id = absl::StrCat("more-", i);
    put.model_id = kCell;
    if (i % 10 != 0) put.contents = {{"volt", Value::Double(4)}};
    batch.operations.emplace_back(std::move(put));
  }
  ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  std::atomic<int> writes{0};
  between_->after_write = [&writes] { ++writes; };
  const RunRecord run = RunNow("p");
  EXPECT_EQ(run.batches, 1u);
  EXPECT_EQ(writes, 79);  // 32 at a time: 2,253 with an estimate, 250 without
  for (int i = 0; i < kMore; ++i) {
    ASSERT_EQ(Soh(absl::StrCat("more-", i)),
              i % 10 == 0 ? "INSUFFICIENT_DATA p " : "40 35 45 OK p ");
  }
}

TEST_F(PredictTest, GarbageIsNotWritten) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  RunNow("p");
  Answer([](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    *answer = FakeService::Tenfold(request);
    (*answer)->outputs[0].values[0] = std::nan("");
    (*answer)->outputs[0].lo[1] = 1000;
    return true;
  });
  RunRecord run = RunNow("p");
  EXPECT_EQ(run.state, RunState::kDone);
  EXPECT_EQ(run.by_status[static_cast<size_t>(EstimateStatus::kError)], 2u);
  EXPECT_EQ(Soh("cell-1"), "10 5 15 ERROR p ");
  EXPECT_EQ(Soh("cell-2"), "20 15 25 ERROR p ");
  EXPECT_EQ(Soh("cell-3"), "30 25 35 OK p ");
  Answer([](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    *answer = FakeService::Tenfold(request);
    (*answer)->outputs[0].values.pop_back();
    return true;
  });
  run = RunNow("p");
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_EQ(run.retries, 0u);
  EXPECT_THAT(run.message, HasSubstr("2 values for 3 rows"));
  EXPECT_EQ(Soh("cell-3"), "30 25 35 ERROR p ");
}

TEST_F(PredictTest, AServiceWithOtherFeaturesIsNotAsked) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  RunNow("p");
  {
    const MutexLock lock(&service().mutex);
    service().description.features[0].name = "current";
  }
  const RunRecord run = RunNow("p");
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(run.message, HasSubstr("other features"));
  EXPECT_EQ(Requests().size(), 1u);
  EXPECT_EQ(Soh("cell-1"), "10 5 15 STALE p ");
}

TEST_F(PredictTest, AfterManyFailuresItIsLeftAlone) {
  options_.breaker_failures = 3;
  Restart();
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  Answer([](const Request&, absl::StatusOr<predict::Answer>* answer) {
    *answer = absl::UnavailableError("down");
    return true;
  });
  EXPECT_EQ(RunNow("p").state, RunState::kFailed);
  const size_t asked = Requests().size();
  EXPECT_EQ(asked, 3u);
  EXPECT_EQ(predictors_->Get("p")->health, predict::Health::kBroken);
  EXPECT_THAT(RunNow("p").message, HasSubstr("left alone until"));
  EXPECT_EQ(Requests().size(), asked);
}

TEST_F(PredictTest, ARestartInTheMiddleRepeatsNothing) {
  predict::Spec spec = SpecOf("p");
  spec.batch_rows = 1;
  spec.batches_in_flight = 1;
  ASSERT_THAT(Register(spec), IsOk());
  Answer([](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    if (request.twins[0] != "cell-1") return false;  // it hangs
    *answer = FakeService::Tenfold(request);
    return true;
  });
  predictors_->RunNow("p", {.no_wait = true}, [](const absl::StatusOr<RunRecord>&) {});
  WaitUntil([this] { return Requests().size() == 2; });
  EXPECT_EQ(Soh("cell-1"), "10 5 15 OK p ");
  const Sequence version = VersionOf("cell-1");

  starts_predictors_ = false;
  Restart();
  EXPECT_EQ(predictors_->figures().running, 0u);  // else it would hang
  Answer(nullptr);
  predictors_->Start();
  WaitUntil([this] { return predictors_->Get("p")->last_run->state != RunState::kRunning; });
  const RunRecord run = *predictors_->Get("p")->last_run;
  EXPECT_EQ(run.state, RunState::kDone) << run.message;
  EXPECT_EQ(run.number, 1u);
  EXPECT_EQ(run.trigger, predict::Trigger::kRecovery);
  EXPECT_EQ(Soh("cell-2"), "20 15 25 OK p ");
  EXPECT_EQ(Soh("cell-3"), "30 25 35 OK p ");
  EXPECT_EQ(VersionOf("cell-1"), version);
  size_t asked = 0;
  for (const Request& request : Requests()) asked += request.twins[0] == "cell-1" ? 1 : 0;
  EXPECT_EQ(asked, 1u);
  EXPECT_EQ(predictors_->ListForecasts("cell-1", "", "", 9)->size(), 1u);
}

TEST_F(PredictTest, AShadowWritesForecastsOnly) {
  ASSERT_THAT(Register(SpecOf("champion")), IsOk());
  EXPECT_THAT(Register(SpecOf("other")),
              StatusIs(StatusCode::kAlreadyExists, HasSubstr("'champion'")));
  predict::Spec spec = SpecOf("shadow");
  spec.is_shadow = true;
  ASSERT_THAT(Register(spec), IsOk());
  RunNow("shadow");
  EXPECT_EQ(Soh("cell-1"), "");
  const auto forecasts = predictors_->ListForecasts("cell-1", "soh", "", 9);
  ASSERT_EQ(forecasts->size(), 1u);
  EXPECT_TRUE(forecasts->at(0).is_shadow);
}

TEST_F(PredictTest, AChangeRunsTheTwinsThatChanged) {
  predict::Spec spec = SpecOf("p");
  spec.change_paths = {"volt"};
  spec.change_delay_ms = 10;
  ASSERT_THAT(Register(spec), IsOk());
  Set("cell-3", "volt", 7);
  WaitUntil([this] { return Soh("cell-3") == "70 65 75 OK p "; });
  EXPECT_EQ(Soh("cell-1"), "");
  ASSERT_EQ(Requests().size(), 1u);
  EXPECT_THAT(Requests()[0].twins, ElementsAre("cell-3"));
  WaitUntil([this] { return predictors_->Get("p")->last_run->state == RunState::kDone; });
  EXPECT_EQ(predictors_->Get("p")->last_run->trigger, predict::Trigger::kChange);
  spec.change_paths = {"soh.value"};
  EXPECT_THAT(Register(spec, true),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("run for ever")));
}

TEST_F(PredictTest, AnIntervalRunsItAgainAndAgain) {
  predict::Spec spec = SpecOf("p");
  spec.interval_ms = 1000;
  ASSERT_THAT(Register(spec), IsOk());
  WaitUntil([this] { return Requests().size() >= 2; });
  ASSERT_THAT(predictors_->Pause("p").status(), IsOk());
  EXPECT_EQ(predictors_->Get("p")->next_run.ns, 0);
  Restart();
  EXPECT_TRUE(predictors_->Get("p")->registration.paused);
  ASSERT_THAT(predictors_->Resume("p").status(), IsOk());
  const size_t before = Requests().size();
  WaitUntil([this, before] { return Requests().size() > before; });
}

TEST_F(PredictTest, CountsHowManyTruthsLieInside) {
  predict::Spec spec = SpecOf("p");
  spec.truth_path = "measured";
  ASSERT_THAT(Register(spec), IsOk());
  RunNow("p");
  Set("cell-1", "measured", 12);  // 5 … 15
  Set("cell-2", "measured", 40);  // 15 … 25
  WaitUntil([this] { return predictors_->Get("p")->registration.coverage.truths == 2; });
  Restart();
  const predict::Coverage coverage = predictors_->Get("p")->registration.coverage;
  EXPECT_EQ(coverage.inside, 1u);
  EXPECT_EQ(coverage.error_sum, -22);
  EXPECT_EQ(coverage.error_squares, 4 + 400);
}

TEST_F(PredictTest, ALateTruthIsComparedWithWhatWasSaidByThen) {
  predict::Spec spec = SpecOf("p");
  spec.truth_path = "measured";
  ASSERT_THAT(Register(spec), IsOk());
  const Time now = SystemClock().Now();
  const auto ago = [now](int64_t minutes) { return Time{now.ns - minutes * 60 * kNsPerSecond}; };
  RunNow("p", {}, ago(120));  // 10, 20, 30
  Set("cell-1", "volt", 5);
  RunNow("p", {}, ago(60));  // 50, 20, 30
  // Nothing was said of it by then.
  Set("cell-1", "measured", 1, ago(180));
  Set("cell-1", "measured", 12, ago(90));   // 5 … 15
  Set("cell-2", "measured", 20, ago(100));  // 15 … 25
  Set("cell-1", "measured", 13, ago(30));   // 45 … 55
  const auto coverage = [this] { return predictors_->Get("p")->registration.coverage; };
  WaitUntil([&] { return coverage().truths == 3; });
  EXPECT_EQ(coverage().inside, 2u);
  EXPECT_EQ(coverage().error_sum, -2 + 0 + 37);
}

TEST_F(PredictTest, AWatchThatEndsIsTriedUntilItRuns) {
  predict::Spec spec = SpecOf("p");
  spec.change_paths = {"volt"};
  spec.change_delay_ms = 10;
  ASSERT_THAT(Register(spec), IsOk());
  between_->watches_refused = 1;
  between_->lost();
  WaitUntil([this] { return between_->watches == 2; });
  // What was changed meanwhile nobody knows: all are asked about.
  WaitUntil([this] { return Soh("cell-3") == "30 25 35 OK p "; });
  Set("cell-3", "volt", 7);
  WaitUntil([this] { return Soh("cell-3") == "70 65 75 OK p "; });
}

TEST_F(PredictTest, WhatARunRenewsDoesNotBecomeStale) {
  std::atomic<int64_t> until{SystemClock().Now().ns + 200 * kNsPerMs};
  Answer([&until](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    *answer = FakeService::Tenfold(request);
    (*answer)->outputs[0].valid_until_ns.assign(request.rows(), until);
    return true;
  });
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  RunNow("p");
  const int64_t old_until = until.exchange(until + 3600 * kNsPerSecond);
  // The first estimates end between the write of the second ones and its being noted.
  between_->after_write = [old_until] {
    while (SystemClock().Now().ns < old_until + 100 * kNsPerMs) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  };
  RunNow("p");
  between_->after_write = nullptr;
  // Expiries are handled in turn: after this one, those of before have been.
  until = SystemClock().Now().ns + 1;
  RunNow("p", {"cell-3"});
  WaitUntil([this] { return Soh("cell-3") == "30 25 35 STALE p "; });
  EXPECT_EQ(Soh("cell-1"), "10 5 15 OK p ");
}

TEST_F(PredictTest, WhatIsNoLongerValidBecomesStale) {
  Answer([](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    *answer = FakeService::Tenfold(request);
    const int64_t soon = SystemClock().Now().ns + 300 * kNsPerMs;
    (*answer)->outputs[0].valid_until_ns = {soon, 0, soon + 3600 * kNsPerSecond};
    return true;
  });
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  RunNow("p");
  WaitUntil([this] { return Soh("cell-1") == "10 5 15 STALE p "; });
  EXPECT_EQ(Soh("cell-2"), "20 15 25 OK p ");
  EXPECT_EQ(Soh("cell-3"), "30 25 35 OK p ");
}

TEST_F(PredictTest, WhatCouldNotBeMarkedIsMarkedLater) {
  Answer([](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    *answer = FakeService::Tenfold(request);
    (*answer)->outputs[0].valid_until_ns.assign(request.rows(), 1);
    return true;
  });
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  std::atomic<int> writes{0};  // the run's, a mark that fails, one that succeeds
  between_->before_write = [this, &writes]() -> absl::Status {
    if (++writes != 2) return absl::OkStatus();
    // Nothing else wakes the timer when the run has ended.
    WaitUntil([this] { return predictors_->Get("p")->last_run->state != RunState::kRunning; });
    return absl::UnavailableError("the disk is full");
  };
  RunNow("p");
  WaitUntil([this] { return Soh("cell-1") == "10 5 15 STALE p "; });
  EXPECT_EQ(writes, 3);
}

TEST_F(PredictTest, WhatASuccessorWritesIsNotMarkedForItsPredecessor) {
  std::atomic<int64_t> until{1};
  Answer([&until](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    *answer = FakeService::Tenfold(request);
    (*answer)->outputs[0].valid_until_ns.assign(request.rows(), until);
    return true;
  });
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  std::atomic<int> writes{0};  // the run's, the mark, the other run's
  std::atomic<bool> may_mark{false};
  between_->before_write = [&]() -> absl::Status {
    if (++writes == 2) WaitUntil([&may_mark] { return may_mark.load(); });
    return absl::OkStatus();
  };
  RunNow("p");
  WaitUntil([&writes] { return writes == 2; });
  until = 0;
  std::thread successor([this] {
    EXPECT_THAT(Register(SpecOf("p"), /*replace=*/true), IsOk());
    RunNow("p");
  });
  // Time to get ahead of the mark, which it must not.
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  may_mark = true;
  successor.join();
  EXPECT_EQ(Soh("cell-1"), "10 5 15 OK p ");
}

TEST_F(PredictTest, TheLastForecastSaysHowLongItHoldsAfterARestart) {
  const auto answer_until = [this](int64_t until_ns) {
    Answer([until_ns](const Request& request, absl::StatusOr<predict::Answer>* answer) {
      *answer = FakeService::Tenfold(request);
      (*answer)->outputs[0].valid_until_ns.assign(request.rows(), until_ns);
      return true;
    });
  };
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  answer_until(1);
  RunNow("p");
  WaitUntil([this] { return Soh("cell-1") == "10 5 15 STALE p "; });
  answer_until(0);
  RunNow("p", {"cell-1"});
  ASSERT_EQ(Soh("cell-1"), "10 5 15 OK p ");
  Restart();
  // Expiries are handled in turn: when this one has been, the old one would have been, too.
  answer_until(SystemClock().Now().ns + 300 * kNsPerMs);
  RunNow("p", {"cell-2"});
  WaitUntil([this] { return Soh("cell-2") == "20 15 25 STALE p "; });
  EXPECT_EQ(Soh("cell-1"), "10 5 15 OK p ");
}

TEST_F(PredictTest, FiguresCountWhatRunsCameTo) {
  EXPECT_EQ(predictors_->figures().registered, 0u);
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  RunNow("p");
  EXPECT_EQ(predictors_->figures().registered, 1u);
  EXPECT_EQ(predictors_->figures().predictions, 3u);
  Answer([](const Request&, absl::StatusOr<predict::Answer>* answer) {
    *answer = absl::InternalError("broken");
    return true;
  });
  RunNow("p");
  const predict::Figures figures = predictors_->figures();
  EXPECT_EQ(figures.predictions, 3u);
  EXPECT_EQ(figures.failures, 1u);
  WaitUntil([this] { return predictors_->figures().runs == 2; });
  EXPECT_EQ(predictors_->figures().runs_failed, 1u);
  EXPECT_EQ(predictors_->figures().running, 0u);
}

TEST_F(PredictTest, RegistrationChecksQueryUnitsAndPaths) {
  const auto refused = [this](const std::function<void(predict::Spec*)>& change,
                              const std::string& message) {
    predict::Spec spec = SpecOf("p");
    change(&spec);
    EXPECT_THAT(Register(spec), StatusIs(StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refused(
      [](predict::Spec* spec) { spec->query = "SELECT c.volt FROM DIGITALTWINS MATCH (c:Cell)"; },
      "no column `twin`");
  refused(
      [](predict::Spec* spec) {
        spec->query = "SELECT c.$dtId AS twin FROM DIGITALTWINS MATCH (c:Cell)";
      },
      "'volt'");
  refused(
      [](predict::Spec* spec) {
        spec->query = "SELECT c.$dtId AS twin, c.maker AS volt FROM DIGITALTWINS MATCH (c:Cell)";
      },
      "is a string");
  refused(
      [](predict::Spec* spec) {
        spec->query = "SELECT c.$dtId AS twin, c.measured AS volt FROM DIGITALTWINS MATCH (c:Cell)";
      },
      "in percent");
  refused([](predict::Spec* spec) { spec->query = "SELECT c.$dtId twin FROM"; }, "1:");
  refused([](predict::Spec* spec) { spec->paths["soh"] = "volt"; }, "volt.value");
  refused([](predict::Spec* spec) { spec->paths["rul"] = "soh"; }, "no output 'rul'");
  refused([](predict::Spec* spec) { spec->truth_path = "volt"; }, "in volt");
  refused([](predict::Spec* spec) { spec->change_paths = {"amps"}; }, "'amps'");
  refused([](predict::Spec* spec) { spec->name = "a/b"; }, "'a/b'");
  refused([](predict::Spec* spec) { spec->batch_rows = 20'000; }, "batch_rows");
  service().description.stated_hash = "0000000000000000";
  EXPECT_THAT(Register(SpecOf("p")), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("hash")));
  EXPECT_THAT(predictors_->List(), IsEmpty());
  EXPECT_THAT(predictors_->Get("p").status(), StatusIs(StatusCode::kNotFound, HasSubstr("")));
}

TEST_F(PredictTest, HistoryBecomesFeatures) {
  service().description.features = {
      {.name = "mean", .unit = "volt", .required = true},
      {.name = "levels", .type = predict::FeatureType::kSequence, .unit = "volt"},
      {.name = "maker", .type = predict::FeatureType::kString}};
  Answer([](const Request&, absl::StatusOr<predict::Answer>* answer) {
    *answer = absl::InternalError("enough");
    return true;
  });
  predict::Spec spec = SpecOf("p");
  spec.query =
      "SELECT c.$dtId AS twin, AVG(h.level) AS mean, COLLECT(h.level) AS levels, c.maker AS maker "
      "FROM DIGITALTWINS MATCH (c:Cell) OPTIONAL HISTORY h OF c.(level) LAST 1d "
      "GROUP BY c.$dtId, c.maker";
  ASSERT_THAT(Register(spec), IsOk());
  for (const double level : {3.0, 4.0}) Set("cell-1", "level", level);
  const RunRecord run = RunNow("p");
  EXPECT_EQ(run.by_status[static_cast<size_t>(EstimateStatus::kInsufficientData)], 0u);
  ASSERT_EQ(Requests().size(), 1u);
  const Request request = Requests()[0];
  EXPECT_THAT(request.twins, ElementsAre("cell-1"));  // the others have no mean
  EXPECT_THAT(request.columns[0].doubles, ElementsAre(3.5));
  EXPECT_THAT(request.columns[1].doubles, ElementsAre(3, 4));
  EXPECT_THAT(request.columns[1].offsets, ElementsAre(0, 2));
  EXPECT_TRUE(request.columns[2].IsNull(0));
}

TEST_F(PredictTest, TwoRowsOfATwinFailTheRun) {
  predict::Spec spec = SpecOf("p");
  spec.query = "SELECT c.$dtId AS twin, d.volt AS volt FROM DIGITALTWINS MATCH (c:Cell), (d:Cell)";
  ASSERT_THAT(Register(spec), IsOk());
  const RunRecord run = RunNow("p");
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(run.message, HasSubstr("more than one row of 'cell-1'"));
}

TEST_F(PredictTest, SiblingsCountEvenWhenOneIsAsked) {
  predict::Spec spec = SpecOf("p");
  spec.query =
      "SELECT c.$dtId AS twin, c.volt - AVG(c.volt) OVER (PARTITION BY 1) + 2 AS volt "
      "FROM DIGITALTWINS MATCH (c:Cell)";
  ASSERT_THAT(Register(spec), IsOk());
  RunNow("p", {"cell-3"});
  ASSERT_EQ(Requests().size(), 1u);
  EXPECT_THAT(Requests()[0].twins, ElementsAre("cell-3"));
  EXPECT_THAT(Requests()[0].columns[0].doubles, ElementsAre(3));  // the mean is 2, of all three
}

TEST_F(PredictTest, WhoAsksWhileItIsReplacedOrDeletedIsAnswered) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  std::vector<absl::Status> answers;
  between_->before_documents = [&] {
    predictors_->RunNow("p", {}, [&answers](const absl::StatusOr<RunRecord>& run) {
      answers.push_back(run.status());
    });
  };
  ASSERT_THAT(Register(SpecOf("p"), /*replace=*/true), IsOk());
  EXPECT_THAT(answers, ElementsAre(StatusIs(StatusCode::kUnavailable, HasSubstr("try again"))));
  answers.clear();
  ASSERT_THAT(predictors_->Delete("p", /*mark_stale=*/false), IsOk());
  EXPECT_THAT(answers, Each(StatusIs(StatusCode::kUnavailable, HasSubstr("try again"))));
  EXPECT_THAT(answers, Not(IsEmpty()));
}

TEST_F(PredictTest, DeletingForgetsRunsAndMarks) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  RunNow("p");
  ASSERT_THAT(predictors_->Delete("p", /*mark_stale=*/true), IsOk());
  EXPECT_EQ(Soh("cell-1"), "10 5 15 STALE p ");
  EXPECT_THAT(*predictors_->ListRuns("", 9), IsEmpty());
  Restart();
  EXPECT_THAT(predictors_->List(), IsEmpty());
  // Its name may be used again: the first run is one of its own.
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  EXPECT_EQ(RunNow("p").id(), "p/1");
  EXPECT_EQ(Soh("cell-1"), "10 5 15 OK p ");
}

}  // namespace
}  // namespace twin::engine
