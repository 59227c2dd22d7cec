// Layouts, frames and samples through the engine: latest values, history, restarts.

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/engine/data_dir.h"
#include "server/engine/engine.h"
#include "server/engine/telemetry_fixture.h"

namespace twin::engine::telemetry_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::StatusIs;

TEST_F(TelemetryTest, AFrameReachesTheCellsByPosition) {
  const ingest::LayoutResult layout = engine_->Register(VoltageLayout());
  ASSERT_THAT(layout.status, IsOk());
  EXPECT_EQ(layout.version, 1u);
  EXPECT_EQ(layout.columns, 5u);
  EXPECT_EQ(layout.unresolved, 0u);
  const ingest::TelemetryResult result =
      Send(Pack({{0, {3601, 3602, 3603, 3604, 125}}, {10, {3611, 5000, -1, 3614, -5}}}));
  ASSERT_THAT(result.status, IsOk());
  EXPECT_EQ(result.rows, 2u);
  // Codes of the layout are missing values, never numbers.
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(History("cell-21", "voltage"), "0:3.601 10:3.611");
    EXPECT_EQ(History("cell-22", "voltage"), "0:3.602 10:null");
    EXPECT_EQ(History("cell-11", "voltage"), "0:3.603 10:null");
    EXPECT_EQ(History("pack", "current"), "0:-12.5 10:0.5");
    EXPECT_EQ(Latest("cell-21", "voltage"), Value::Double(3.611));
    EXPECT_EQ(Latest("cell-22", "voltage"), Value::Double(3.602));
    EXPECT_EQ(Latest("pack", "current"), Value::Double(0.5));
    Restart(/*checkpoint=*/round == 1);
  }
}

TEST_F(TelemetryTest, LateFramesChangeHistoryAndNotTheLatestValue) {
  ASSERT_THAT(engine_->Register(VoltageLayout()).status, IsOk());
  ASSERT_THAT(Send(Pack({{100, {3700, 3700, 3700, 3700, 0}}})).status, IsOk());
  ASSERT_THAT(
      Send(Pack({{50, {3650, 3650, 3650, 3650, 0}}, {100, {3701, 5000, 3700, 3700, 0}}})).status,
      IsOk());
  EXPECT_EQ(History("cell-21", "voltage"), "50:3.65 100:3.701");
  EXPECT_EQ(History("cell-22", "voltage"), "50:3.65 100:3.7");
  EXPECT_EQ(Latest("cell-21", "voltage"), Value::Double(3.701));
  EXPECT_EQ(Latest("cell-22", "voltage"), Value::Double(3.7));
}

TEST_F(TelemetryTest, ABatchOfAProducerIsTakenOnce) {
  ASSERT_THAT(engine_->Register(VoltageLayout()).status, IsOk());
  const Frames frames = Pack({{0, {3601, 3602, 3603, 3604, 0}}});
  const ingest::TelemetryResult first = Send(frames, "p", 1);
  ASSERT_THAT(first.status, IsOk());
  EXPECT_FALSE(first.is_repeated);
  for (int round = 0; round < 3; ++round) {
    const ingest::TelemetryResult again = Send(frames, "p", 1);
    EXPECT_THAT(again.status, IsOk());
    EXPECT_TRUE(again.is_repeated);
    EXPECT_EQ(again.sequence, first.sequence);
    Restart(/*checkpoint=*/round == 1);
  }
}

TEST_F(TelemetryTest, WhatIsWrongIsNamedAndTheRestKept) {
  ASSERT_THAT(engine_->Register(VoltageLayout()).status, IsOk());
  const Frames good = Pack({{0, {3601, 3602, 3603, 3604, 0}}});
  const int64_t ahead = SystemClock().Now().ns + 3600 * kSecond;
  ingest::TelemetryBatch batch;
  batch.frames.push_back({"bus", good.times, good.packed, {}});
  batch.frames.push_back({"car", good.times, absl::string_view(good.packed).substr(2), {}});
  batch.frames.push_back({"car", absl::MakeConstSpan(&ahead, 1), good.packed, {}});
  batch.frames.push_back({"car", good.times, good.packed, {}});
  const ingest::TelemetryResult result = engine_->Write(std::move(batch));
  ASSERT_THAT(result.status, IsOk());
  EXPECT_EQ(result.rows, 1u);
  ASSERT_EQ(result.rejects.size(), 3u);
  EXPECT_THAT(result.rejects[0].status,
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no layout 'bus'")));
  EXPECT_THAT(result.rejects[1].status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("10 packed bytes")));
  EXPECT_THAT(result.rejects[2].status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("clock_skew_ms_max")));
  EXPECT_EQ(History("cell-21", "voltage"), "0:3.601");
}

TEST_F(TelemetryTest, SamplesAndPublications) {
  const std::vector<int64_t> times = {kStart, kStart + kSecond, kStart};
  const std::vector<double> currents = {1.5, std::numeric_limits<double>::quiet_NaN(), 2.5};
  const std::vector<int64_t> levels = {7, 8, 9};
  ingest::TelemetryBatch batch;
  ingest::SampleBatch& samples = batch.samples.emplace_back();
  samples.twin_ids = {"pack", "pack", "nobody"};
  samples.times = times;
  samples.columns.push_back({"current", currents, {}, {}, {}});
  samples.columns.push_back({"level", {}, levels, {}, {}});
  const ingest::TelemetryResult result = engine_->Write(std::move(batch));
  ASSERT_THAT(result.status, IsOk());
  EXPECT_EQ(result.rows, 2u);
  ASSERT_EQ(result.rejects.size(), 1u);
  EXPECT_EQ(result.rejects[0].index, 2u);
  EXPECT_THAT(result.rejects[0].status, StatusIs(absl::StatusCode::kNotFound, HasSubstr("nobody")));

  ingest::TelemetryBatch publication;
  publication.all_or_nothing = true;
  publication.publications.push_back({"pack",
                                      {{"open", Value::Bool(true)}, {"level", Value::Int(3)}},
                                      Time{kStart + 9 * kSecond}});
  ASSERT_THAT(engine_->Write(std::move(publication)).status, IsOk());
  ingest::TelemetryBatch wrong;
  wrong.all_or_nothing = true;
  wrong.publications.push_back({"pack", {{"levle", Value::Int(3)}}, std::nullopt});
  EXPECT_THAT(engine_->Write(std::move(wrong)).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("levle")));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(History("pack", "current"), "0:1.5 1:null");
    EXPECT_EQ(History("pack", "level"), "0:7 1:8 9:3");
    EXPECT_EQ(History("pack", "open"), "9:true");
    EXPECT_EQ(Latest("pack", "level"), Value::Int(3));
    Restart(/*checkpoint=*/round == 1);
  }
}

TEST_F(TelemetryTest, AColumnThatIsThereTwiceIsRefused) {
  const std::vector<int64_t> times = {kStart};
  const std::vector<double> currents = {1.5}, others = {2.5};
  ingest::TelemetryBatch batch;
  ingest::SampleBatch& samples = batch.samples.emplace_back();
  samples.twin_ids = {"pack"};
  samples.times = times;
  samples.columns.push_back({"current", currents, {}, {}, {}});
  samples.columns.push_back({"current", others, {}, {}, {}});
  const ingest::TelemetryResult result = engine_->Write(std::move(batch));
  EXPECT_EQ(result.rows, 0u);
  const absl::Status status = result.rejects.empty() ? result.status : result.rejects[0].status;
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'current'")));
}

TEST_F(TelemetryTest, RowsOfOneTwinInAnyOrderAndOfSomeColumns) {
  const auto send = [&](const std::vector<int64_t>& seconds, const std::vector<double>& currents,
                        const std::vector<int64_t>& levels) {
    std::vector<int64_t> times;
    for (const int64_t second : seconds) times.push_back(kStart + second * kSecond);
    ingest::TelemetryBatch batch;
    ingest::SampleBatch& samples = batch.samples.emplace_back();
    samples.twin_ids = {"pack"};
    samples.times = times;
    if (!levels.empty()) samples.columns.push_back({"level", {}, levels, {}, {}});
    if (!currents.empty()) samples.columns.push_back({"current", currents, {}, {}, {}});
    const ingest::TelemetryResult result = engine_->Write(std::move(batch));
    ASSERT_THAT(result.status, IsOk());
    EXPECT_EQ(result.rows, seconds.size());
  };
  const double none = std::numeric_limits<double>::quiet_NaN();
  send({10, 30, 20, 40}, {1, 3, 2, none}, {10, 30, 20, 40});
  send({50, 5}, {}, {50, 5});
  send({30, 60}, {3.5, 6}, {});
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(History("pack", "current"), "10:1 20:2 30:3.5 40:null 60:6");
    EXPECT_EQ(History("pack", "level"), "5:5 10:10 20:20 30:30 40:40 50:50");
    EXPECT_EQ(Latest("pack", "current"), Value::Double(6));
    EXPECT_EQ(Latest("pack", "level"), Value::Int(50));
    Restart(/*checkpoint=*/round == 1);
  }
}

// A result that says so is followed by that of the producer's next batch: whoever waits with an
// acknowledgement does not wait for ever.
TEST_F(TelemetryTest, ResultsOfAProducerSayWhetherMoreFollow) {
  ASSERT_THAT(engine_->Register(VoltageLayout()).status, IsOk());
  constexpr uint64_t kBatches = 300;
  Mutex mutex;
  CondVar told;
  std::vector<std::pair<uint64_t, bool>> results[2];
  for (uint64_t number = 1; number <= kBatches; ++number) {
    for (int p = 0; p < 2; ++p) {
      const Frames frames =
          Pack({{static_cast<int64_t>(number), {3601, 3602, 3603, static_cast<int16_t>(p), 0}}});
      auto kept = std::make_shared<Frames>(frames);
      ingest::TelemetryBatch batch;
      batch.keep = kept;
      batch.producer = absl::StrCat("p", p);
      batch.number = number;
      batch.frames.push_back({"car", kept->times, kept->packed, {}});
      engine_->Write(std::move(batch), [&, p, number](const ingest::TelemetryResult& result) {
        const MutexLock lock(&mutex);
        results[p].emplace_back(number, result.more);
        told.SignalAll();
      });
    }
  }
  MutexLock lock(&mutex);
  while (results[0].size() < kBatches || results[1].size() < kBatches) told.Wait(&mutex);
  for (const auto& each : results) {
    for (uint64_t i = 0; i < kBatches; ++i) EXPECT_EQ(each[i].first, i + 1);
    EXPECT_FALSE(each.back().second);
  }
}

TEST_F(TelemetryTest, PropertiesKeepTheirHistory) {
  const auto set = [&](const std::string& status, int64_t second) {
    ingest::PatchTwin patch;
    patch.id = "pack";
    ingest::Edit& edit = patch.edits.emplace_back();
    edit.path = {"status"};
    edit.value = Value::String(status);
    edit.source_time = Time{kStart + second * kSecond};
    ingest::WriteBatch batch;
    batch.operations.emplace_back(std::move(patch));
    return engine_->Write(std::move(batch)).status;
  };
  ASSERT_THAT(set("new", 0), IsOk());
  EXPECT_EQ(History("pack", "status"), "0:\"new\"");
  ASSERT_THAT(set("worn", 5), IsOk());
  ASSERT_THAT(set("gone", 9), IsOk());
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(History("pack", "status"), "0:\"new\" 5:\"worn\" 9:\"gone\"");
    Restart(/*checkpoint=*/round == 1);
  }
}

// In the background; and at once, when asked.
class RepackTest : public TelemetryTest, public ::testing::WithParamInterface<bool> {};

TEST_P(RepackTest, RepackedDaysReadTheSame) {
  const bool in_background = GetParam();
  options_.history_repack_after_seconds = in_background ? 1 : 0;
  Restart(/*checkpoint=*/true);
  ASSERT_THAT(engine_->Register(VoltageLayout()).status, IsOk());
  for (int i = 0; i < 120; ++i) {  // a frame each half an hour, some late
    const int64_t second = i * 1800 - (i % 10 == 9 ? 9000 : 0);
    const auto level = static_cast<int16_t>(3600 + i * 7 % 40);
    ASSERT_THAT(
        Send(Pack({{second, {level, level, i % 6 == 0 ? int16_t{5000} : level, level, 9}}})).status,
        IsOk());
  }
  const std::string cell = History("cell-21", "voltage");
  const std::string gaps = History("cell-11", "voltage");
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  EXPECT_GT(engine_->status().history.files, 0u);
  if (in_background) {
    while (engine_->status().history.packed_files == 0) usleep(20'000);
    EXPECT_THAT(engine_->status().history_packing, IsOk());
  } else {
    EXPECT_EQ(engine_->status().history_days_packed, 0u);
    const absl::StatusOr<uint64_t> days = engine_->PackHistory();
    ASSERT_THAT(days, IsOk());
    EXPECT_GT(*days, 1u);
    const EngineStatus status = engine_->status();
    EXPECT_EQ(status.history_days_packed, *days);
    EXPECT_EQ(status.history.packed_files, *days);
    EXPECT_EQ(status.history.files, *days);
  }
  const std::string copy = folder_.Path("copy");
  ASSERT_THAT(engine_->Backup(copy), IsOk());
  std::vector<std::string> report;
  EXPECT_THAT(CheckDataDir(copy, &report), IsOk());
  EXPECT_THAT(report, ::testing::Contains(::testing::ContainsRegex("history: .* re-packed")));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(History("cell-21", "voltage"), cell);
    EXPECT_EQ(History("cell-11", "voltage"), gaps);
    Restart(/*checkpoint=*/round == 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Background, RepackTest, ::testing::Bool());

TEST_F(TelemetryTest, ASnapshotDoesNotSeeWhatCameLater) {
  ASSERT_THAT(engine_->Register(VoltageLayout()).status, IsOk());
  ASSERT_THAT(Send(Pack({{0, {3601, 3602, 3603, 3604, 0}}})).status, IsOk());
  const auto reader = engine_->OpenReader();
  const auto series = engine_->OpenSeries(*reader);
  ASSERT_THAT(Send(Pack({{0, {3700, 3700, 3700, 3700, 0}}, {1, {1, 2, 3, 4, 5}}})).status, IsOk());
  query::SeriesRequest request;
  request.columns = {{reader->Find("cell-21"), "voltage"}};
  request.from = INT64_MIN;
  request.to = INT64_MAX;
  EXPECT_THAT(series->Read(absl::MakeConstSpan(&request, 1),
                           [&](size_t, const query::SeriesRows& rows) {
                             EXPECT_THAT(rows.times, ElementsAre(kStart));
                             EXPECT_THAT(rows.columns[0].doubles, ElementsAre(3.601));
                             return absl::OkStatus();
                           }),
              IsOk());
}

}  // namespace
}  // namespace twin::engine::telemetry_test
