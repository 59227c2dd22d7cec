// Batches in flight: what each of them sees, and in which order they are answered.

#include <atomic>
#include <future>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/ingest/writer_fixture.h"
#include "tests/support/status_matchers.h"

namespace twin::ingest {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

TEST(Writer, ChecksSeeWhatIsNotYetDurable) {
  Bench bench(/*hold=*/true);
  std::thread releaser([&] {
    bench.WaitForWaiting(1);
    bench.journal_.Release();
  });
  bench.Models();
  releaser.join();
  std::vector<absl::Status> statuses(4, absl::UnknownError("not called"));
  const Operation operations[] = {CellTwin("c"), Pack("p"), Has("p", "r", "c"),
                                  DeleteTwin{"c", {}, true}};
  for (size_t i = 0; i < 4; ++i) {
    WriteBatch batch;
    batch.operations.push_back(operations[i]);
    bench.writer_->Submit(std::move(batch),
                          [&statuses, i](const WriteResult& got) { statuses[i] = got.status; });
  }
  bench.WaitForWaiting(4);
  EXPECT_EQ(bench.DumpHead(), "at 1\n");
  bench.journal_.Release();
  bench.writer_->Stop();
  for (const absl::Status& status : statuses) EXPECT_THAT(status, IsOk());
  EXPECT_EQ(bench.DumpHead(), "at 5\np: dtmi:t:Pack;1 v3\n");
}

TEST(Writer, WhatFollowsAChangeOfModelsSeesIt) {
  Bench bench(/*hold=*/true);
  std::atomic<bool> stopped{false};
  std::thread releaser([&] {
    while (!stopped) {
      bench.journal_.Release();
      std::this_thread::yield();
    }
  });
  bench.Models();
  for (int i = 0; i < 50; ++i) {
    std::vector<absl::Status> statuses(3, absl::UnknownError("not called"));
    PutTwin put = CellTwin("c");
    put.model_id = "dtmi:t:Cell;2";
    const Operation operations[] = {
        DeleteModel{"dtmi:t:Cell;2"}, put,
        CreateModels{{R"({"@context":"dtmi:dtdl:context;4","@id":"dtmi:t:Cell;2",
                          "@type":"Interface","extends":"dtmi:t:Cell;1"})"}}};
    for (size_t j = 0; j < 3; ++j) {
      WriteBatch batch;
      batch.operations.push_back(operations[j]);
      bench.writer_->Submit(std::move(batch),
                            [&statuses, j](const WriteResult& got) { statuses[j] = got.status; });
    }
    ASSERT_THAT(bench.One(Pack("p")), IsOk());  // after all of them
    EXPECT_THAT(statuses[0], IsOk());
    EXPECT_THAT(statuses[1], StatusIs(StatusCode::kInvalidArgument, HasSubstr("no model")));
    EXPECT_THAT(statuses[2], IsOk());
  }
  stopped = true;
  releaser.join();
}

TEST(Writer, ExactlyOneWinsPerEtag) {
  Bench bench(/*hold=*/true);
  std::thread releaser([&] {
    for (int i = 0; i < 2; ++i) {
      bench.WaitForWaiting(1);
      bench.journal_.Release();
    }
  });
  bench.Models();
  ASSERT_THAT(bench.One(Pack("p")), IsOk());
  releaser.join();
  std::atomic<int> won{0};
  std::atomic<int> lost{0};
  std::vector<std::thread> clients;
  clients.reserve(16);
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&, i] {
      for (int j = 0; j < 4; ++j) {
        PatchTwin patch = PatchOf("p", {Step(Edit::Kind::kAdd, {"count"}, Value::Int(i))});
        patch.condition.version = Sequence(2);
        WriteBatch batch;
        batch.operations.emplace_back(std::move(patch));
        bench.writer_->Submit(std::move(batch), [&](const WriteResult& got) {
          ++(got.status.ok() ? won : lost);
          EXPECT_TRUE(got.status.ok() || got.status.code() == StatusCode::kAborted);
        });
      }
    });
  }
  for (std::thread& client : clients) client.join();
  bench.WaitForWaiting(1);
  bench.journal_.Release();
  bench.writer_->Stop();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 63);
}

// Random operations, with records in flight at random, end as the same operations one by one.
class Pipelined : public ::testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, Pipelined, ::testing::Range(1u, 7u));

Operation AnyOperation(std::mt19937* random) {
  const auto pick = [&](uint32_t n) { return static_cast<uint32_t>((*random)() % n); };
  const std::string pack = absl::StrCat("p", pick(4));
  const std::string cell = absl::StrCat("c", pick(6));
  switch (pick(9)) {
    case 0:
      return Pack(pack, pick(2) == 0 ? ValueMap{} : ValueMap{{"volt", Value::Int(pick(9))}});
    case 1:
    case 2:
      return CellTwin(cell);
    case 3:
      return PatchOf(pack, {Step(Edit::Kind::kAdd, {"count"}, Value::Int(pick(100))),
                            Step(pick(2) == 0 ? Edit::Kind::kReplace : Edit::Kind::kAdd, {"volt"},
                                 Value::Int(pick(100)))});
    case 4:
    case 5:
      return Has(pack, absl::StrCat("r", pick(3)), cell);
    case 6:
      return DeleteRelationship{pack, absl::StrCat("r", pick(3)), {}};
    case 7: {
      PatchTwin patch = PatchOf(cell, {});
      patch.model_id = pick(2) == 0 ? "dtmi:t:Cell;2" : "dtmi:t:Cell;1";
      return patch;
    }
    default:
      return DeleteTwin{pick(2) == 0 ? pack : cell, {}, pick(2) == 0};
  }
}

TEST_P(Pipelined, EndsAsOneByOne) {
  std::mt19937 random(GetParam());
  Bench held(/*hold=*/true);
  Bench direct;
  direct.Models();
  std::thread releaser([&] {
    held.WaitForWaiting(1);
    held.journal_.Release();
  });
  held.Models();
  releaser.join();
  std::vector<std::string> held_results(1500);
  std::vector<std::string> direct_results;
  const auto text = [](const WriteResult& result) {
    std::string all = result.status.ToString();
    for (const OperationResult& each : result.results) {
      absl::StrAppend(&all, "; ", each.status.ToString(), " ", each.version.value, " ",
                      each.created ? "new" : "");
    }
    return all;
  };
  for (size_t i = 0; i < held_results.size(); ++i) {
    WriteBatch batch;
    const uint32_t count = random() % 3 == 0 ? 1 + random() % 4 : 1;
    for (uint32_t j = 0; j < count; ++j) batch.operations.push_back(AnyOperation(&random));
    batch.atomic = random() % 2 == 0;
    WriteBatch copy = batch;
    held.writer_->Submit(std::move(copy),
                         [&, i](const WriteResult& got) { held_results[i] = text(got); });
    direct_results.push_back(text(direct.Write(std::move(batch))));
    if (random() % 10 == 0) held.journal_.Release();
  }
  std::atomic<bool> stopped{false};
  std::thread last([&] {
    while (!stopped) {
      held.journal_.Release();
      std::this_thread::yield();
    }
  });
  held.writer_->Stop();
  stopped = true;
  last.join();
  for (size_t i = 0; i < held_results.size(); ++i) {
    ASSERT_EQ(held_results[i], direct_results[i]) << "seed " << GetParam() << " batch " << i;
  }
  EXPECT_EQ(held.DumpHead(), direct.DumpHead()) << "seed " << GetParam();
  EXPECT_EQ(held.DumpReplay(), held.DumpHead()) << "seed " << GetParam();
}

// --- Answers ---

// An acknowledgement speaks for all that came before it.
TEST(Answers, ABatchOfRejectsAloneIsToldAfterWhatCameBeforeIt) {
  Bench bench(/*hold=*/true);
  const auto released = [&](absl::FunctionRef<void()> write) {
    std::thread releaser([&] {
      bench.WaitForWaiting(1);
      bench.journal_.Release();
    });
    write();
    releaser.join();
  };
  released([&] { bench.Models(); });
  released([&] { ASSERT_THAT(bench.One(Pack("p")), IsOk()); });
  const std::vector<int64_t> times = {1'000'000};
  const std::vector<double> amperes = {3};
  Mutex mutex;
  std::vector<std::string> told;
  uint64_t number = 0;
  for (const char* twin : {"p", "nobody", "p"}) {
    TelemetryBatch telemetry;
    telemetry.producer = "x";
    telemetry.number = ++number;
    SampleBatch& samples = telemetry.samples.emplace_back();
    samples.twin_ids = {twin};
    samples.times = times;
    samples.columns.emplace_back();
    samples.columns[0].path = "current";
    samples.columns[0].doubles = amperes;
    bench.writer_->Submit(std::move(telemetry), [&, number](const TelemetryResult& result) {
      const MutexLock lock(&mutex);
      told.push_back(absl::StrCat(number, ": ", result.rows, result.more ? " and more" : ""));
    });
  }
  bench.WaitForWaiting(2);  // the third is checked: so is the second
  {
    const MutexLock lock(&mutex);
    EXPECT_THAT(told, IsEmpty());
  }
  bench.journal_.Release();
  bench.writer_->Stop();
  EXPECT_EQ(told.size(), 3u);
  EXPECT_THAT(told, ElementsAre(StartsWith("1: 1"), StartsWith("2: 0"), "3: 1"));
}

// --- Turns ---

TEST(Turns, ABatchDoesNotWaitForAllTelemetryThatCameBefore) {
  Bench bench;
  ASSERT_THAT(bench.Models().status, IsOk());
  ASSERT_THAT(bench.One(Pack("p")), IsOk());
  std::promise<void> release;
  std::future<void> released = release.get_future();
  ASSERT_TRUE(bench.writer_->RunAlone([&released] { released.wait(); }));
  constexpr int kMessages = 200;
  // Writing one takes far longer than handing it over.
  static constexpr size_t kRows = 500;
  std::vector<int64_t> times(kRows);
  for (size_t i = 0; i < kRows; ++i) times[i] = static_cast<int64_t>(i + 1) * 1'000'000;
  const std::vector<double> amperes(kRows, 3);
  std::atomic<int> kept{0};
  for (int i = 0; i < kMessages; ++i) {
    TelemetryBatch telemetry;
    SampleBatch& samples = telemetry.samples.emplace_back();
    samples.twin_ids = {"p"};
    samples.times = times;
    samples.columns.emplace_back();
    samples.columns[0].path = "current";
    samples.columns[0].doubles = amperes;
    bench.writer_->Submit(std::move(telemetry), [&kept](const TelemetryResult& result) {
      EXPECT_EQ(result.rows, kRows) << result.status;
      ++kept;
    });
  }
  WriteBatch batch;
  batch.operations.emplace_back(Pack("q"));
  std::promise<int> written;
  bench.writer_->Submit(std::move(batch), [&](const WriteResult& result) {
    EXPECT_THAT(result.status, IsOk());
    written.set_value(kept);
  });
  release.set_value();
  EXPECT_LT(written.get_future().get(), kMessages);
  bench.writer_->Stop();
  EXPECT_EQ(kept, kMessages);
}

}  // namespace
}  // namespace twin::ingest
