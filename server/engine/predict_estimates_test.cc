// Estimates of predictors: when they are stale, and how they compare with what was measured.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/sync.h"
#include "server/engine/predict_fixture.h"
#include "tests/support/status_matchers.h"

namespace twin::engine::predict_test {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::IsOk;

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

TEST_F(PredictTest, WhatWasNotSentIsNoneOfThatFailed) {
  AddCell("empty", 0);
  ASSERT_THAT(Register(SpecOf("p")), IsOk());
  const auto count = [](const RunRecord& run, EstimateStatus status) {
    return run.by_status[static_cast<size_t>(status)];
  };
  Answer([](const Request&, absl::StatusOr<predict::Answer>* answer) {
    *answer = absl::UnavailableError("nobody is there");
    return true;
  });
  const RunRecord first = RunNow("p");
  EXPECT_EQ(count(first, EstimateStatus::kError), 3u);  // they had no value that could be stale
  EXPECT_EQ(count(first, EstimateStatus::kStale), 0u);
  EXPECT_EQ(count(first, EstimateStatus::kInsufficientData), 1u);
  EXPECT_EQ(Soh("cell-1"), "ERROR p ");
  EXPECT_EQ(Soh("empty"), "INSUFFICIENT_DATA p ");
  Answer(nullptr);
  RunNow("p");
  Answer([](const Request& request, absl::StatusOr<predict::Answer>* answer) {
    *answer = FakeService::Tenfold(request);
    (*answer)->outputs[0].values.pop_back();
    return true;
  });
  const RunRecord second = RunNow("p");
  EXPECT_EQ(count(second, EstimateStatus::kError), 3u);
  EXPECT_EQ(count(second, EstimateStatus::kInsufficientData), 1u);
  EXPECT_EQ(Soh("cell-1"), "10 5 15 ERROR p ");
  EXPECT_EQ(Soh("empty"), "INSUFFICIENT_DATA p ");
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

}  // namespace
}  // namespace twin::engine::predict_test
