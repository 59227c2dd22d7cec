// Aggregates over history: the same answers by statistics, by roll-ups and by rows; retention by
// model, and what senders of old samples are told.
#include <unistd.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "query/bind/bind.h"
#include "query/execute/execute.h"
#include "query/parse/parse.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/engine/data_dir.h"
#include "server/engine/engine.h"
#include "server/engine/kept_for.h"
#include "server/storage/documents.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sanitized.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::twin::testing::IsOk;
using ::twin::testing::kSanitized;
using ::twin::testing::StatusIs;

constexpr int64_t kSecond = kNsPerSecond;
constexpr int64_t kDay = 86'400 * kSecond;
constexpr int64_t kStart = 20'000 * kDay;

constexpr absl::string_view kModels = R"([
  {"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:historization;1"],
   "@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":"Telemetry","name":"voltage","schema":"double"},
    {"@type":["Property","Historized"],"name":"temperature","schema":"double"},
    {"@type":"Telemetry","name":"level","schema":"integer"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Bus;1","@type":"Interface","contents":[
    {"@type":"Telemetry","name":"speed","schema":"double"}]}])";

class SummaryTest : public ::testing::Test {
 protected:
  SummaryTest() : clock_(Time{kStart}) {
    std::string pattern = absl::StrCat(::testing::TempDir(), "/summary-XXXXXX");
    TWIN_CHECK(mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    options_.data_dir = JoinPath(root_, "data");
    options_.segment_bytes = 4 << 20;
    options_.limits.batch_bytes_max = 2 << 20;
    options_.reserve_bytes = 0;
    options_.history_repack_after_seconds = 0;
    options_.clock = &clock_;
  }
  ~SummaryTest() override {
    engine_.reset();
    (void)RemoveTree(PosixFileSystem(), root_);
  }

  void Start() {
    engine_.reset();
    auto engine = Engine::Open(options_);
    TWIN_CHECK(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
  }

  // Two cells and a bus, and a layout: voltages and temperatures of the cells as decimals, the
  // level of the first, the second one's voltage once more as a double of its own.
  void MakeTwins() {
    ingest::WriteBatch models;
    models.operations.emplace_back(ingest::CreateModels{{std::string(kModels)}});
    TWIN_CHECK(engine_->Write(std::move(models)).status.ok());
    ingest::WriteBatch batch;
    for (const char* const id : {"cell-1", "cell-2", "cell-3"}) {
      ingest::PutTwin put;
      put.id = id;
      put.model_id = "dtmi:t:Cell;1";
      batch.operations.emplace_back(std::move(put));
    }
    ingest::PutTwin bus;
    bus.id = "bus-1";
    bus.model_id = "dtmi:t:Bus;1";
    batch.operations.emplace_back(std::move(bus));
    TWIN_CHECK(engine_->Write(std::move(batch)).status.ok());
    ingest::Layout layout;
    layout.id = "car";
    const auto add = [&](const char* id, const char* path, ingest::Encoding encoding,
                         double scale) {
      ingest::LayoutColumn& column = layout.columns.emplace_back();
      column.targets = {{id, path}};
      column.encoding = encoding;
      column.scale = scale;
      if (encoding == ingest::Encoding::kInt16) column.invalid_codes = {-1};
    };
    add("cell-1", "voltage", ingest::Encoding::kInt16, 0.001);
    add("cell-2", "voltage", ingest::Encoding::kInt16, 0.001);
    add("cell-1", "temperature", ingest::Encoding::kInt16, 0.1);
    add("cell-1", "level", ingest::Encoding::kInt16, 1);
    add("cell-3", "voltage", ingest::Encoding::kDouble, 1);
    TWIN_CHECK(engine_->Register(layout).status.ok());
  }

  ingest::TelemetryResult SendFrames(const std::vector<int64_t>& times) {
    std::string packed;
    const auto some = [this](int missing_in) {
      return std::uniform_int_distribution<int>(0, missing_in)(random_) == 0;
    };
    for (const int what : {0, 1, 2, 3}) {
      for (size_t i = 0; i < times.size(); ++i) {
        int value = what == 3 ? static_cast<int>(i % 7) : 3600 + static_cast<int>(random_() % 300);
        if (what == 2) value = 200 + static_cast<int>(random_() % 60);
        if (some(what == 1 ? 5 : 200)) value = -1;
        AppendFixed(&packed, static_cast<int16_t>(value));
      }
    }
    for (size_t i = 0; i < times.size(); ++i) {
      AppendFixed(&packed, 3.6 + static_cast<double>(random_() % 1000) / 3000.0);
    }
    ingest::TelemetryBatch batch;
    batch.frames.push_back({"car", times, packed, {}});
    return engine_->Write(std::move(batch));
  }

  ingest::TelemetryResult SendSpeeds(const std::vector<int64_t>& times) {
    const std::vector<double> speeds(times.size(), 1.0);
    ingest::TelemetryBatch batch;
    ingest::SampleBatch& samples = batch.samples.emplace_back();
    samples.twin_ids.assign(times.size(), "bus-1");
    samples.times = times;
    samples.columns.push_back({"speed", speeds, {}, {}, {}});
    return engine_->Write(std::move(batch));
  }

  // Until it is noted that all had come by now.
  void AwaitNoteOfArrivals() {
    while (true) {
      const auto bytes = engine_->documents().Get("history", "arrivals");
      std::string note;
      AppendFixed(&note, clock_.Now().ns);
      AppendFixed(&note, engine_->status().sequence.value);
      if (bytes.ok() && absl::EndsWith(*bytes, note)) return;
      usleep(10'000);
    }
  }

  // Each 10 s of the days, in messages.
  void Drive(int first_day, int days) {
    for (int64_t day = first_day; day < first_day + days; ++day) {
      for (int part = 0; part < 8; ++part) {
        std::vector<int64_t> times;
        for (int i = 0; i < 1080; ++i) {
          times.push_back(kStart + day * kDay + (part * 1080 + i) * 10 * kSecond);
        }
        clock_.Set(Time{times.back()});
        const ingest::TelemetryResult result = SendFrames(times);
        ASSERT_THAT(result.status, IsOk());
        ASSERT_EQ(result.rejects_total, 0u);
      }
    }
  }

  // Rows as text.
  std::vector<std::string> Ask(const std::string& text, bool rewrites,
                               query::ExecuteStatistics* statistics) {
    const auto reader = engine_->OpenReader();
    const auto series = engine_->OpenSeries(*reader);
    const auto statement = query::Parse(text);
    TWIN_CHECK(statement.ok()) << statement.status();
    const auto bound = query::Bind(**statement, reader->shared_catalog());
    TWIN_CHECK(bound.ok()) << bound.status();
    query::ExecuteOptions options;
    options.now = clock_.Now();
    options.rewrites = rewrites;
    options.profile = true;
    std::vector<std::string> rows;
    const absl::Status status = query::Execute(
        **bound, *reader, series.get(), options,
        [&](const query::Batch& batch) {
          for (size_t row = 0; row < batch.rows; ++row) {
            std::string& line = rows.emplace_back();
            for (const query::Vector& column : batch.slots) {
              const Value value = column.Get(row);
              // All digits: sums are exactly the same.
              absl::StrAppend(&line, "|",
                              value.kind() == Value::Kind::kDouble
                                  ? absl::StrFormat("%.17g", value.as_double())
                                  : value.DebugString());
            }
          }
          return absl::OkStatus();
        },
        statistics);
    EXPECT_THAT(status, IsOk());
    return rows;
  }

  // Under a sanitizer without the third cell.
  void CompareAll(query::SummaryCounts* counts) {
    const std::vector<std::string> cells = kSanitized
                                               ? std::vector<std::string>{"cell-2", ""}
                                               : std::vector<std::string>{"cell-2", "cell-3", ""};
    const std::string from = " FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(";
    for (const std::string window :
         {"LAST 36h", "FROM '2024-10-04T03:20:07Z' TO '2024-10-05T17:00:00Z'",
          "SINCE '2024-10-01T00:00:00Z'"}) {
      for (const std::string step : {"", "10m", "1h", "7d", "90s"}) {
        const std::string key = step.empty() ? "c.$dtId" : "TIME_BUCKET(" + step + ", h.time)";
        for (const std::string items :
             {"AVG(h.voltage), SUM(h.voltage), COUNT(h.voltage), COUNT()",
              "MIN(h.voltage), MAX(h.voltage), FIRST(h.voltage), LAST(h.voltage)",
              "SUM(h.level), MAX(h.level), AVG(h.level), AVG(h.temperature), MIN(h.temperature)"}) {
          const std::string columns =
              items.find("level") != std::string::npos ? "level, temperature" : "voltage";
          for (const std::string& cell : cells) {
            const std::string where = cell.empty() ? "" : " WHERE c.$dtId = '" + cell + "'";
            const std::string text = absl::StrCat("SELECT ", key, " AS k, ", items, from, columns,
                                                  ") ", window, where, " GROUP BY k ORDER BY k");
            query::ExecuteStatistics by_rows, summed_up;
            const std::vector<std::string> expected = Ask(text, /*rewrites=*/false, &by_rows);
            EXPECT_EQ(Ask(text, /*rewrites=*/true, &summed_up), expected) << text;
            EXPECT_EQ(expected.empty(), columns != "voltage" && !cell.empty()) << text;
            counts->blocks += summed_up.summaries.blocks;
            counts->rollup_rows += summed_up.summaries.rollup_rows;
            if (HasFailure()) return;
          }
        }
      }
      for (const std::string every : {"5m", "1h FILL PREVIOUS", "2h FILL LINEAR MAX GAP 1m",
                                      "1d MAX GAP 2h", "1h FILL NULL"}) {
        query::ExecuteStatistics by_rows, by_ends;
        const std::string text = absl::StrCat(
            "SELECT c.$dtId AS id, h.time, h.voltage, h.temperature, h.level", from,
            "voltage, temperature, level) ", window, " EVERY ", every, " ORDER BY id, h.time");
        const std::vector<std::string> expected = Ask(text, /*rewrites=*/false, &by_rows);
        EXPECT_EQ(Ask(text, /*rewrites=*/true, &by_ends), expected) << text;
        EXPECT_FALSE(expected.empty());
        EXPECT_EQ(by_rows.summaries.rollup_rows, 0u);
        every_rollup_rows_ += by_ends.summaries.rollup_rows;
        if (HasFailure()) return;
      }
      for (const std::string what :
           {"c.$dtId AS id, h.time, h.voltage, h.level# WHERE h.voltage > 3.8985",
            "c.$dtId AS id, h.time, h.level, h.temperature# WHERE h.temperature = 25.9",
            "c.$dtId AS id, h.time, h.level, h.temperature# WHERE h.level < 0 AND h.voltage > 1",
            "c.$dtId AS id, COUNT(), SUM(h.voltage)# WHERE h.temperature > 25.85 GROUP BY id"}) {
        query::ExecuteStatistics by_rows, narrow;
        const std::pair<std::string, std::string> parts = absl::StrSplit(what, '#');
        const std::string text =
            absl::StrCat("SELECT ", parts.first, from, "voltage, temperature, level) ", window,
                         parts.second, " ORDER BY id", parts.first[15] == 'C' ? "" : ", h.time");
        EXPECT_EQ(Ask(text, /*rewrites=*/true, &narrow), Ask(text, /*rewrites=*/false, &by_rows))
            << text;
        skipped_blocks_ += narrow.summaries.skipped_blocks;
        EXPECT_EQ(by_rows.summaries.skipped_blocks, 0u);
      }
      for (const std::string condition :
           {"h.voltage > 3.8985", "h.voltage < 3.5", "3.6 >= h.voltage AND h.voltage > 0"}) {
        query::ExecuteStatistics by_rows, narrow;
        const std::string text =
            absl::StrCat("SELECT c.$dtId AS id, TIME_WHERE(", condition, ") AS t", from,
                         "voltage) ", window, " GROUP BY id ORDER BY id");
        EXPECT_EQ(Ask(text, /*rewrites=*/true, &narrow), Ask(text, /*rewrites=*/false, &by_rows))
            << text;
        skipped_blocks_ += narrow.summaries.skipped_blocks;
      }
      // Without groups, over several cells.
      query::ExecuteStatistics statistics;
      const std::string text = absl::StrCat("SELECT AVG(h.voltage), SUM(h.voltage), COUNT(), ",
                                            "MAX(h.voltage)", from, "voltage) ", window);
      EXPECT_EQ(Ask(text, true, &statistics), Ask(text, false, &statistics)) << text;
    }
  }

  ManualClock clock_;
  std::string root_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  std::mt19937 random_{7};
  uint64_t skipped_blocks_ = 0;
  uint64_t every_rollup_rows_ = 0;  // that CompareAll's EVERY took
  std::vector<std::string> texts_;
  std::vector<std::vector<std::string>> expected_;
};

TEST_F(SummaryTest, TheSameAnswersAsFromRows) {
  options_.history_repack_cpu_percent = 100;
  Start();
  MakeTwins();
  Drive(0, 3);
  query::SummaryCounts counts;
  CompareAll(&counts);  // in memory
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  counts = {};
  CompareAll(&counts);
  EXPECT_GT(counts.blocks, 1000u);
  ASSERT_THAT(engine_->PackHistory(), IsOk());
  const auto status = engine_->status().history;
  EXPECT_GT(status.rollup_files, 0u);
  counts = {};
  CompareAll(&counts);
  EXPECT_GT(counts.rollup_rows, 500u);
  EXPECT_GT(every_rollup_rows_, 500u);
  EXPECT_GT(skipped_blocks_, 100u);
}

// What comes late, and in place of others, is not missed.
TEST_F(SummaryTest, TheSameAnswersWithWhatComesLate) {
  options_.history_repack_cpu_percent = 100;
  Start();
  MakeTwins();
  Drive(0, 3);
  ASSERT_THAT(engine_->PackHistory(), IsOk());
  for (const int64_t second : {100, 3600, 50'000, 86'400, 123'457, 200'000}) {
    ASSERT_THAT(SendFrames({kStart + second * kSecond, kStart + (second + 3) * kSecond}).status,
                IsOk());
  }
  query::SummaryCounts counts;
  CompareAll(&counts);
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  CompareAll(&counts);
}

TEST_F(SummaryTest, AveragesOfIntegersAreSummedUpToo) {
  options_.history_retention_seconds = 2 * 24 * 3600;
  options_.history_retention_grace_seconds = 0;
  Start();
  MakeTwins();
  Drive(0, 2);
  ASSERT_THAT(engine_->PackHistory(), IsOk());
  const std::string text =
      "SELECT TIME_BUCKET(1h, h.time) AS k, AVG(h.level), COUNT(h.level) FROM DIGITALTWINS "
      "MATCH (c:Cell) HISTORY h OF c.(level) FROM '2024-10-04T00:00:00Z' TO "
      "'2024-10-05T00:00:00Z' WHERE c.$dtId = 'cell-1' GROUP BY k ORDER BY k";
  query::ExecuteStatistics statistics;
  const std::vector<std::string> before = Ask(text, /*rewrites=*/false, &statistics);
  EXPECT_EQ(before.size(), 24u);
  EXPECT_EQ(Ask(text, /*rewrites=*/true, &statistics), before);
  EXPECT_THAT(statistics.profile, HasSubstr("24 rows of roll-ups (0 of samples"));
  clock_.Set(Time{kStart + 4 * kDay});
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  EXPECT_EQ(Ask(text, /*rewrites=*/true, &statistics), before);
  EXPECT_EQ(statistics.summaries.expired_rows, 24u);
}

TEST_F(SummaryTest, ProfileSaysHow) {
  Start();
  MakeTwins();
  Drive(0, 2);
  ASSERT_THAT(engine_->PackHistory(), IsOk());
  query::ExecuteStatistics statistics;
  Ask("SELECT TIME_BUCKET(1h, h.time) AS k, AVG(h.voltage) FROM DIGITALTWINS MATCH (c:Cell) "
      "HISTORY h OF c.(voltage) FROM '2024-10-04T00:00:00Z' TO '2024-10-05T00:00:00Z' "
      "WHERE c.$dtId = 'cell-1' GROUP BY k",
      true, &statistics);
  EXPECT_THAT(statistics.profile, HasSubstr("24 rows of roll-ups (0 of samples"));
}

// No row, no error: with bounds as without them.
TEST_F(SummaryTest, ABoundWithoutAValueMattersOnlyToSamples) {
  Start();
  MakeTwins();
  Drive(0, 1);
  for (const bool rewrites : {false, true}) {
    query::ExecuteStatistics statistics;
    EXPECT_THAT(Ask("SELECT h.time FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(voltage) FROM "
                    "'2020-01-01T00:00:00Z' TO '2020-01-02T00:00:00Z' WHERE h.voltage > "
                    "DATE_PART(LOWER('NONE'), NOW())",
                    rewrites, &statistics),
                IsEmpty());
  }
}

TEST_F(SummaryTest, ThePresentValueOfAPropertyCountsOnce) {
  Start();
  MakeTwins();
  Drive(0, 1);
  ASSERT_THAT(engine_->PackHistory(), IsOk());
  const std::string text =
      "SELECT COUNT(h.temperature), SUM(h.temperature) FROM DIGITALTWINS MATCH (c:Cell) "
      "HISTORY h OF c.(temperature) LAST 36h WHERE c.$dtId = 'cell-1'";
  query::ExecuteStatistics by_rows, summed_up;
  const std::vector<std::string> expected = Ask(text, false, &by_rows);
  EXPECT_EQ(Ask(text, true, &summed_up), expected);
  EXPECT_THAT(expected, Not(ElementsAre("|0|null")));
  EXPECT_GT(summed_up.summaries.blocks, 0u);
  EXPECT_LT(summed_up.summaries.rows, 1000u);  // what waits in memory
}

TEST_F(SummaryTest, RetentionByModelAndWhatIsLeftOfIt) {
  options_.history_retention_seconds = 20 * 24 * 3600;
  options_.history_retention_of = {"Cell=samples:2d,rollups:10d"};
  options_.history_retention_grace_seconds = 0;
  Start();
  MakeTwins();
  Drive(0, 1);
  Drive(1, 1);
  ASSERT_THAT(engine_->PackHistory(), IsOk());
  const std::string hours =
      "SELECT TIME_BUCKET(1h, h.time) AS k, AVG(h.voltage), COUNT() FROM DIGITALTWINS "
      "MATCH (c:Cell) HISTORY h OF c.(voltage) FROM '2024-10-04T00:00:00Z' TO "
      "'2024-10-05T00:00:00Z' WHERE c.$dtId = 'cell-1' GROUP BY k ORDER BY k";
  const std::string rows =
      "SELECT COUNT() FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(voltage) FROM "
      "'2024-10-04T00:00:00Z' TO '2024-10-05T00:00:00Z' WHERE h.voltage > 0";
  query::ExecuteStatistics statistics;
  const std::vector<std::string> before = Ask(hours, true, &statistics);
  EXPECT_EQ(before.size(), 24u);
  EXPECT_EQ(statistics.summaries.expired_rows, 0u);
  const auto every = [](const std::string& step) {
    return absl::StrCat(
        "SELECT h.time, h.voltage, h.temperature FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF "
        "c.(voltage, temperature) FROM '2024-10-04T00:30:00Z' TO '2024-10-06T10:30:00Z' EVERY ",
        step, " WHERE c.$dtId = 'cell-1' ORDER BY h.time");
  };
  const std::vector<std::string> before_every = Ask(every("2h FILL LINEAR"), true, &statistics);
  EXPECT_EQ(before_every.size(), 29u);
  EXPECT_EQ(statistics.summaries.expired_rows, 0u);
  EXPECT_EQ(Ask(every("30m"), true, &statistics).size(), 96u);
  EXPECT_EQ(statistics.summaries.cut_rows, 0u);
  for (int round = 0; round < 2; ++round) {
    clock_.Set(Time{kStart + 3 * kDay + kSecond});
    ASSERT_THAT(engine_->Checkpoint(), IsOk());
    EXPECT_EQ(Ask(rows, true, &statistics)[0], "|0");
    // Of each cell that has roll-ups.
    EXPECT_EQ(statistics.summaries.cut_rows, 3u * 24);
    EXPECT_THAT(statistics.profile, HasSubstr("72 more of such left out"));
    EXPECT_EQ(Ask(every("2h FILL LINEAR"), true, &statistics), before_every);
    EXPECT_EQ(statistics.summaries.expired_rows, 24u);
    EXPECT_EQ(statistics.summaries.cut_rows, 0u);
    EXPECT_EQ(Ask(every("30m"), true, &statistics).size(), 49u);
    EXPECT_EQ(statistics.summaries.cut_rows, 24u);
    Ask("SELECT TIME_BUCKET(30m, h.time) AS k, AVG(h.voltage) FROM DIGITALTWINS MATCH (c:Cell) "
        "HISTORY h OF c.(voltage) FROM '2024-10-04T00:00:00Z' TO '2024-10-05T00:00:00Z' WHERE "
        "c.$dtId = 'cell-1' GROUP BY k",
        true, &statistics);
    EXPECT_EQ(statistics.summaries.cut_rows, 24u);
    EXPECT_EQ(Ask(hours, true, &statistics), before);
    EXPECT_EQ(statistics.summaries.expired_rows, 24u);
    Start();
  }
  clock_.Set(Time{kStart + 12 * kDay});
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  EXPECT_THAT(Ask(hours, true, &statistics), IsEmpty());
}

TEST_F(SummaryTest, WhatIsOpenAtAStartIsRolledUpOnce) {
  options_.history_retention_of = {"Cell=samples:2d,rollups:10d"};
  options_.history_retention_grace_seconds = 0;
  Start();
  MakeTwins();
  std::vector<int64_t> times;
  for (int i = 0; i < 50; ++i) times.push_back(kStart + i * 10 * kSecond);
  clock_.Set(Time{times.back()});
  ASSERT_THAT(SendFrames(times).status, IsOk());
  ASSERT_THAT(engine_->Checkpoint(), IsOk());  // keeps them as they are, open
  clock_.Set(Time{kStart + 4 * kDay});
  query::ExecuteStatistics statistics;
  for (int round = 0; round < 3; ++round) {
    Start();  // its first checkpoint says everything anew
    for (int i = 0; i < 3; ++i) ASSERT_THAT(engine_->PackHistory(), IsOk());
    EXPECT_THAT(Ask("SELECT TIME_BUCKET(1h, h.time) AS k, COUNT() AS n FROM DIGITALTWINS MATCH "
                    "(c:Cell) HISTORY h OF c.(voltage) FROM '2024-10-04T00:00:00Z' TO "
                    "'2024-10-05T00:00:00Z' WHERE c.$dtId = 'cell-1' GROUP BY k",
                    true, &statistics),
                ElementsAre(HasSubstr("|50")));
    EXPECT_EQ(statistics.summaries.rows, 0u);  // nothing but the roll-up knows
  }
}

// The value of the step that a window begins with is of the hour before.
TEST_F(SummaryTest, AWindowThatBeginsWithAStepOfWhatIsGone) {
  options_.history_retention_of = {"Cell=samples:2d,rollups:10d"};
  options_.history_retention_grace_seconds = 0;
  Start();
  MakeTwins();
  std::vector<int64_t> times;
  for (int i = 0; i < 480; ++i) times.push_back(kStart + (30 * i + 5) * kSecond);
  clock_.Set(Time{times.back()});
  ASSERT_THAT(SendFrames(times).status, IsOk());
  const std::string text =
      "SELECT h.time, h.voltage FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(voltage) FROM "
      "'2024-10-04T02:00:00Z' TO '2024-10-04T04:00:00Z' EVERY 1h WHERE c.$dtId = 'cell-1' "
      "ORDER BY h.time";
  query::ExecuteStatistics statistics;
  const std::vector<std::string> before = Ask(text, true, &statistics);
  EXPECT_EQ(before.size(), 2u);
  EXPECT_EQ(statistics.summaries.expired_rows, 0u);
  clock_.Set(Time{kStart + 4 * kDay});
  for (int i = 0; i < 3; ++i) ASSERT_THAT(engine_->PackHistory(), IsOk());
  EXPECT_EQ(Ask(text, true, &statistics), before);
  EXPECT_GT(statistics.summaries.expired_rows, 0u);
}

TEST_F(SummaryTest, SumsOfDoublesWhoseSamplesAreGone) {
  options_.history_retention_seconds = 20 * 24 * 3600;
  Start();
  MakeTwins();
  Drive(0, 4);
  ASSERT_THAT(engine_->PackHistory(), IsOk());
  const auto ask = [](const std::string& items, const std::string& key) {
    return absl::StrCat("SELECT ", key, " AS k, ", items,
                        " FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(voltage) FROM "
                        "'2024-10-04T00:00:00Z' TO '2024-10-08T00:00:00Z' "
                        "GROUP BY k ORDER BY k");
  };
  query::ExecuteStatistics statistics;
  for (const std::string key : {"c.$dtId", "TIME_BUCKET(1h, h.time)", "TIME_BUCKET(7d, h.time)"}) {
    SCOPED_TRACE(key);
    const std::string exact =
        ask("COUNT(h.voltage), COUNT(), MIN(h.voltage), MAX(h.voltage), FIRST(h.voltage)", key);
    const std::string sums =
        ask("COUNT(h.voltage), COUNT(), MIN(h.voltage), MAX(h.voltage), FIRST(h.voltage), "
            "ROUND(SUM(h.voltage), 6), ROUND(AVG(h.voltage), 9)",
            key);
    expected_.push_back(Ask(exact, true, &statistics));
    expected_.push_back(Ask(sums, true, &statistics));
    EXPECT_EQ(statistics.summaries.expired_rows, 0u);
    texts_.push_back(exact);
    texts_.push_back(sums);
  }
  options_.history_retention_of = {"Cell=samples:2d,rollups:10d"};
  options_.history_retention_grace_seconds = 0;
  clock_.Set(Time{kStart + 4 * kDay + kSecond});
  Start();
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  for (size_t i = 0; i < texts_.size(); ++i) {
    EXPECT_EQ(Ask(texts_[i], true, &statistics), expected_[i]) << texts_[i];
    EXPECT_GT(statistics.summaries.expired_rows, 0u);
  }
}

TEST_F(SummaryTest, AScaleThatChanged) {
  Start();
  MakeTwins();
  ingest::Layout layout;
  layout.id = "later";
  int64_t time = kStart;
  for (const double scale : {1.0, 1e-6}) {
    layout.columns.clear();
    layout.id = absl::StrCat("scale-", scale);
    ingest::LayoutColumn& column = layout.columns.emplace_back();
    column.targets = {{"cell-1", "temperature"}};
    column.encoding = ingest::Encoding::kInt32;
    column.scale = scale;
    TWIN_CHECK(engine_->Register(layout).status.ok());
    std::string packed;
    AppendFixed(&packed, int32_t{1'500'000'000});
    AppendFixed(&packed, int32_t{1'500'000'000});
    const std::vector<int64_t> times = {time, time + kSecond};
    ingest::TelemetryBatch batch;
    batch.frames.push_back({layout.id, times, packed, {}});
    ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
    time += 2 * kSecond;
  }
  clock_.Set(Time{time});
  for (const bool rewrites : {false, true}) {
    query::ExecuteStatistics statistics;
    EXPECT_THAT(Ask("SELECT SUM(h.temperature), AVG(h.temperature) FROM DIGITALTWINS MATCH "
                    "(c:Cell) HISTORY h OF c.(temperature) LAST 1h",
                    rewrites, &statistics),
                ::testing::ElementsAre("|3000003000|750000750"));
  }
}

TEST_F(SummaryTest, WhoSendsOldSamplesIsTold) {
  options_.history_retention_seconds = 365 * 24 * 3600;
  options_.history_retention_of = {"Bus=samples:0"};
  Start();
  MakeTwins();
  clock_.Set(Time{kStart + 400 * kDay});
  ingest::TelemetryResult result = SendFrames({kStart + 399 * kDay});
  EXPECT_EQ(result.expired_rows, 0u);
  EXPECT_THAT(result.notice, IsEmpty());
  result = SendFrames({kStart, kStart + 10 * kSecond, kStart + 400 * kDay});
  EXPECT_EQ(result.rows, 3u);
  EXPECT_EQ(result.expired_rows, 2u);
  EXPECT_THAT(result.notice, HasSubstr("samples are kept for 365 days"));
  EXPECT_THAT(result.notice, HasSubstr("twinsim replay --live"));
  // It is taken, and stays for as long as the grace says.
  const std::string all =
      "SELECT COUNT() FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(voltage) SINCE "
      "'2024-10-01T00:00:00Z' WHERE c.$dtId = 'cell-1'";
  query::ExecuteStatistics statistics;
  ASSERT_THAT(engine_->Stop(), IsOk());
  Start();
  EXPECT_EQ(Ask(all, true, &statistics)[0], "|4");
  EXPECT_EQ(SendSpeeds({kStart}).expired_rows, 0u);
}

// Its files are merged when a server starts, before any checkpoint: by rule all the same.
TEST_F(SummaryTest, RulesHoldFromTheStart) {
  options_.history_block_rows = 4;
  Start();
  MakeTwins();
  for (int part = 0; part < 2; ++part) {
    std::vector<int64_t> times;
    for (int i = 0; i < 8; ++i) times.push_back(kStart + (part * 8 + i) * kSecond);
    ASSERT_THAT(SendFrames(times).status, IsOk());
    ASSERT_THAT(SendSpeeds(times).status, IsOk());
    ASSERT_THAT(engine_->Checkpoint(), IsOk());
  }
  EXPECT_EQ(engine_->status().history.files, 2u);
  ASSERT_THAT(engine_->Stop(), IsOk());
  options_.history_retention_of = {"Cell=samples:30d"};
  clock_.Set(Time{kStart + kDay + 7200 * kSecond});
  Start();
  while (engine_->status().history.rollup_files == 0) usleep(10'000);
  EXPECT_EQ(engine_->status().history.files, 2u);  // one of each rule
}

TEST_F(SummaryTest, AClockThatLeapsDropsNothing) {
  options_.history_block_rows = 4;
  options_.history_retention_seconds = 2 * 86'400;
  options_.history_rollup_retention_seconds = 2 * 86'400;
  Start();
  MakeTwins();
  std::vector<int64_t> times;
  for (int i = 0; i < 16; ++i) times.push_back(kStart + i * kSecond);
  ASSERT_THAT(SendFrames(times).status, IsOk());
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  const auto rows = [this] {
    query::ExecuteStatistics statistics;
    return Ask(
        "SELECT COUNT() FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(level) FROM "
        "'2024-10-04T00:00:00Z' TO '2024-10-05T00:00:00Z' WHERE c.$dtId = 'cell-1'",
        true, &statistics)[0];
  };
  const std::string before = rows();
  EXPECT_NE(before, "|0");
  clock_.Set(Time{kStart + 7200 * kSecond});
  AwaitNoteOfArrivals();
  int64_t now = kStart + 400 * kDay;
  clock_.Set(Time{now});
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  EXPECT_EQ(rows(), before);
  AwaitNoteOfArrivals();
  Start();
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  EXPECT_EQ(rows(), before);
  // It was no mistake.
  for (int i = 0; i < 2; ++i) {
    now += 13 * 3600 * kSecond;
    clock_.Set(Time{now});
    AwaitNoteOfArrivals();
  }
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  EXPECT_EQ(rows(), "|0");
}

TEST_F(SummaryTest, NothingIsKeptForLongerThanTimeGoes) {
  options_.history_retention_seconds = int64_t{500} * 365 * 86'400;
  EXPECT_THAT(Engine::Open(options_).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("history-retention-seconds is 15768000000; allowed: 0 to")));
  options_.history_retention_seconds = kKeptSecondsMax;
  options_.history_repack_after_seconds = -1;
  EXPECT_THAT(Engine::Open(options_).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("history-repack-after")));
}

}  // namespace
}  // namespace twin::engine
