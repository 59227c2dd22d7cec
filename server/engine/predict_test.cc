// Predictors on a real engine: what reaches twins, whatever a predictor does.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/sync.h"
#include "server/base/thread_priority.h"
#include "server/engine/predict_fixture.h"
#include "tests/support/status_matchers.h"

namespace twin::engine::predict_test {
namespace {

using absl::StatusCode;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

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

TEST_F(PredictTest, IdsThatAreRepeatedAreAskedOnceAndUnknownOnesAreNamed) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  absl::Status refused;
  predictors_->RunNow("p", {.twins = {"cell-1", "nosuch"}},
                      [&](const absl::StatusOr<RunRecord>& run) { refused = run.status(); });
  EXPECT_THAT(refused, StatusIs(StatusCode::kNotFound, HasSubstr("no twin 'nosuch'")));
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
  Answer([](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    *answer = FakeService::Tenfold(request);
    (*answer)->outputs.push_back((*answer)->outputs[0]);
    return true;
  });
  run = RunNow("p");
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(run.message, HasSubstr("'soh' is there twice"));
  EXPECT_EQ(Soh("cell-3"), "30 25 35 ERROR p ");
}

TEST_F(PredictTest, TwinsOfAnotherModelHaveNoEstimates) {
  ingest::WriteBatch models;
  models.operations.emplace_back(ingest::CreateModels{
      {R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Module;1","@type":"Interface"})"}});
  ASSERT_THAT(engine_->Write(std::move(models)).status, IsOk());
  ingest::WriteBatch batch;
  ingest::PutTwin put;
  put.id = "module";
  put.model_id = "dtmi:t:Module;1";
  batch.operations.emplace_back(std::move(put));
  ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  predict::Spec spec = SpecOf("p");
  spec.query = "SELECT m.$dtId AS twin, 1.5 AS volt FROM DIGITALTWINS MATCH (m:Module)";
  ASSERT_THAT(Register(spec), IsOk());
  const RunRecord run = RunNow("p");
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_THAT(run.message, HasSubstr("which is of dtmi:t:Module;1; the estimates are of"));
}

TEST_F(PredictTest, AServiceWithOtherOutputsIsNotBelieved) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  RunNow("p");
  const auto outputs = service().description.outputs;
  for (std::string predict::Output::*member :
       {&predict::Output::unit, &predict::Output::path, &predict::Output::name}) {
    {
      const MutexLock lock(&service().mutex);
      service().description.outputs = outputs;
      service().description.outputs[0].*member = "volt";
    }
    const RunRecord run = RunNow("p");
    EXPECT_EQ(run.state, RunState::kFailed);
    EXPECT_THAT(run.message, HasSubstr("estimates something else"));
  }
  EXPECT_EQ(Soh("cell-1"), "10 5 15 STALE p ");
}

TEST_F(PredictTest, WhatAChampionWroteIsStaleWhenItIsAShadow) {
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  RunNow("p");
  EXPECT_EQ(Soh("cell-1"), "10 5 15 OK p ");
  predict::Spec shadow = SpecOf("p");
  shadow.is_shadow = true;
  ASSERT_THAT(predictors_->Register(shadow, {.replace = true}), IsOk());
  EXPECT_EQ(Soh("cell-1"), "10 5 15 STALE p ");
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
  EXPECT_EQ(run.rows, run.by_status[static_cast<size_t>(predict::EstimateStatus::kStale)]);
  EXPECT_GT(run.rows, 0u);
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

TEST_F(PredictTest, ARecoveredRunCountsEachRowOnce) {
  predict::Spec spec = SpecOf("p");
  spec.batch_rows = 2;
  spec.batches_in_flight = 1;
  ASSERT_THAT(Register(spec), IsOk());
  Set("cell-2", "volt", 100);  // out of the domain, and has no forecast
  Answer([](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    if (request.twins[0] != "cell-1") return false;  // it hangs
    *answer = FakeService::Tenfold(request);
    return true;
  });
  predictors_->RunNow("p", {.no_wait = true}, [](const absl::StatusOr<RunRecord>&) {});
  WaitUntil([this] { return Requests().size() == 2; });
  for (int restarts = 0; restarts < 2; ++restarts) {
    starts_predictors_ = false;
    Restart();
    if (restarts == 1) Answer(nullptr);
    const size_t asked = Requests().size();
    predictors_->Start();
    WaitUntil([&] { return Requests().size() > asked; });
  }
  WaitUntil([this] { return predictors_->Get("p")->last_run->state != RunState::kRunning; });
  const RunRecord run = *predictors_->Get("p")->last_run;
  EXPECT_EQ(run.state, RunState::kDone) << run.message;
  EXPECT_EQ(run.rows, 3u);
  EXPECT_EQ(run.by_status[static_cast<size_t>(EstimateStatus::kOk)], 2u);
  EXPECT_EQ(run.by_status[static_cast<size_t>(EstimateStatus::kOutOfDomain)], 1u);
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
  refused(
      [](predict::Spec* spec) {
        spec->query =
            "SELECT c.$dtId AS twin, AVG(c.measured) AS volt FROM DIGITALTWINS MATCH (c:Cell) "
            "GROUP BY c.$dtId";
      },
      "in percent");
  refused([](predict::Spec* spec) { spec->query = "SELECT c.$dtId twin FROM"; }, "1:");
  refused([](predict::Spec* spec) { spec->paths["soh"] = "volt"; }, "volt.value");
  refused([](predict::Spec* spec) { spec->paths["rul"] = "soh"; }, "no output 'rul'");
  refused([](predict::Spec* spec) { spec->truth_path = "volt"; }, "in volt");
  refused([](predict::Spec* spec) { spec->change_paths = {"amps"}; }, "'amps'");
  refused([](predict::Spec* spec) { spec->name = "a/b"; }, "'a/b'");
  refused([](predict::Spec* spec) { spec->batch_rows = 20'000; }, "batch_rows");
  refused([](predict::Spec* spec) { spec->options["model"] = "x"; }, "options");
  service().description.outputs.push_back(service().description.outputs[0]);
  refused([](predict::Spec*) {}, "two of the predictor's outputs have the name 'soh'");
  service().description.outputs[1].name = "again";
  refused([](predict::Spec*) {}, "'soh' and 'again' both go to 'soh'");
  service().description.outputs.pop_back();
  service().description.stated_hash = "0000000000000000";
  EXPECT_THAT(Register(SpecOf("p")), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("hash")));
  EXPECT_THAT(predictors_->List(), IsEmpty());
  EXPECT_THAT(predictors_->Get("p").status(), StatusIs(StatusCode::kNotFound, HasSubstr("")));
}

TEST_F(PredictTest, WhatIsComputedHasTheUnitThatItsWriterSays) {
  for (const absl::string_view computed :
       {"c.measured * 0.05", "0.121 + 0.002 * c.measured", "ABS(c.measured)",
        "CASE WHEN c.measured > 1 THEN c.measured ELSE 1 END", "AVG(c.measured * 0.05)"}) {
    predict::Spec spec = SpecOf("p");
    spec.query = absl::StrCat("SELECT c.$dtId AS twin, ", computed,
                              " AS volt FROM DIGITALTWINS MATCH (c:Cell)",
                              absl::StartsWith(computed, "AVG") ? " GROUP BY c.$dtId" : "");
    EXPECT_THAT(Register(spec), IsOk()) << computed;
    EXPECT_THAT(predictors_->Delete("p", /*mark_stale=*/false), IsOk());
  }
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
  // What failed was none of theirs.
  EXPECT_EQ(run.by_status[static_cast<size_t>(EstimateStatus::kInsufficientData)], 2u);
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
}  // namespace twin::engine::predict_test
