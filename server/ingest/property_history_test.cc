#include "server/ingest/property_history.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/ingest/writer.h"
#include "server/journal/memory_journal.h"
#include "server/timeseries/store.h"
#include "tests/support/manual_clock.h"

namespace twin::ingest {
namespace {

using ::testing::ElementsAre;
using timeseries::ReadRequest;
using timeseries::ReadRows;
using timeseries::SeriesKey;
using timeseries::WantedAs;

constexpr char kModel[] = R"({"@id":"dtmi:t:Cell;1","@type":"Interface",
  "@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:historization;1"],"contents":[
    {"@type":"Property","name":"serial","schema":"string"},
    {"@type":["Property","Historized"],"name":"soh","schema":{"@type":"Object","fields":[
      {"name":"value","schema":"double"},{"name":"status","schema":"string"},
      {"name":"at","schema":"dateTime"},{"name":"cycles","schema":"integer"}]}},
    {"@type":["Property","Historized"],"name":"grade","schema":"string"}]})";

// A writer on a journal in memory, with history. The clock stands at n ms before write n.
class PropertyHistoryTest : public ::testing::Test {
 protected:
  PropertyHistoryTest() : clock_(Time{0}) {
    {
      const MutexLock lock(&graph_.mutex);
      graph_.telemetry.SetHistory(&history_);
    }
    WriterOptions options;
    options.clock = &clock_;
    writer_ = std::make_unique<Writer>(options, &graph_, &journal_, *journal_.Claim());
    Write({CreateModels{{kModel}}});
  }
  ~PropertyHistoryTest() override { writer_->Stop(); }

  void Write(std::vector<Operation> operations) {
    clock_.AdvanceMs(1);
    WriteBatch batch;
    batch.operations = std::move(operations);
    Mutex mutex;
    CondVar done;
    std::optional<absl::Status> status;
    writer_->Submit(std::move(batch), [&](const WriteResult& result) {
      const MutexLock lock(&mutex);
      status = result.status;
      done.Signal();
    });
    const MutexLock lock(&mutex);
    while (!status.has_value()) done.Wait(&mutex);
    TWIN_CHECK(status->ok()) << *status;
  }

  static PutTwin Cell(const std::string& id) {
    PutTwin put;
    put.id = id;
    put.model_id = "dtmi:t:Cell;1";
    return put;
  }
  static PatchTwin Set(const std::string& id, std::vector<std::string> path, Value value) {
    PatchTwin patch;
    patch.id = id;
    patch.edits.push_back({.path = std::move(path), .value = std::move(value), .source_time = {}});
    return patch;
  }
  static Value Soh(double value, const std::string& status) {
    ValueMap map;
    map.emplace_back("value", Value::Double(value));
    map.emplace_back("status", Value::String(status));
    map.emplace_back("at", Value::OfTime(Time{static_cast<int64_t>(value) * kNsPerSecond}));
    map.emplace_back("cycles", Value::Int(static_cast<int64_t>(value) * 2));
    return Value::Map(std::move(map));
  }

  // "milliseconds: value", oldest first.
  std::vector<std::string> History(uint32_t twin, const std::string& path, WantedAs as) {
    timeseries::PathId id;
    if (!history_.FindPath(path, &id)) return {};
    ReadRequest request;
    request.series = {{SeriesKey{TwinNumber(twin), id}, as}};
    request.to = INT64_MAX;
    request.missing_rows = true;
    std::vector<std::string> lines;
    const auto visit = [&](size_t, const ReadRows& rows) {
      for (size_t i = 0; i < rows.times.size(); ++i) {
        const timeseries::ColumnValues& values = rows.columns[0];
        std::string text = "none";
        if (!values.missing.empty() && values.missing[i] != 0) {
        } else if (as == WantedAs::kDouble) {
          text = absl::StrCat(values.doubles[i]);
        } else if (as == WantedAs::kInt) {
          text = absl::StrCat(values.ints[i]);
        } else {
          absl::string_view bytes = values.values[i];
          Value value;
          TWIN_CHECK(Value::Decode(&bytes, &value).ok());
          text = value.DebugString();
        }
        lines.push_back(absl::StrCat(rows.times[i] / kNsPerMs, ": ", text));
      }
      return absl::OkStatus();
    };
    TWIN_CHECK(history_.Pin(Sequence(UINT64_MAX))->Read({&request, 1}, visit).ok());
    return lines;
  }
  uint64_t groups() const { return history_.status().groups; }

 private:
  timeseries::Store history_{{}};
  GuardedGraph graph_;
  ManualClock clock_;
  journal::MemoryJournal journal_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(PropertyHistoryTest, AFirstValueIsInNoHistory) {
  Write({Cell("a")});
  Write({Set("a", {"soh"}, Soh(90, "ok"))});
  EXPECT_EQ(groups(), 0);
}

TEST_F(PropertyHistoryTest, FieldsThatAreSetTogetherAreOneGroup) {
  Write({Cell("a")});
  Write({Set("a", {"soh"}, Soh(90, "ok"))});
  Write({Set("a", {"soh"}, Soh(89, "ok"))});
  Write({Set("a", {"soh"}, Soh(88, "stale"))});
  EXPECT_EQ(groups(), 1);
  EXPECT_THAT(History(0, "soh.value", WantedAs::kDouble), ElementsAre("3: 90", "4: 89", "5: 88"));
  EXPECT_THAT(History(0, "soh.status", WantedAs::kValue),
              ElementsAre("3: \"ok\"", "4: \"ok\"", "5: \"stale\""));
  EXPECT_THAT(History(0, "soh.at", WantedAs::kInt),
              ElementsAre("3: 90000000000", "4: 89000000000", "5: 88000000000"));
  EXPECT_THAT(History(0, "soh.cycles", WantedAs::kInt), ElementsAre("3: 180", "4: 178", "5: 176"));
}

// More than fit into a raw chunk, and into an open block.
TEST_F(PropertyHistoryTest, ManyRowsOfOneObject) {
  constexpr int kRows = 300;
  Write({Cell("a")});
  std::vector<std::string> values;
  std::vector<std::string> statuses;
  for (int i = 0; i < kRows; ++i) {
    const std::string status = i % 7 == 0 ? "stale" : "ok";
    Write({Set("a", {"soh"}, Soh(i + 0.25, status))});
    values.push_back(absl::StrCat(i + 3, ": ", i + 0.25));
    statuses.push_back(absl::StrCat(i + 3, ": \"", status, "\""));
  }
  EXPECT_EQ(groups(), 1);
  EXPECT_EQ(History(0, "soh.value", WantedAs::kDouble), values);
  EXPECT_EQ(History(0, "soh.status", WantedAs::kValue), statuses);
}

TEST_F(PropertyHistoryTest, OneFieldAloneIsKeptAlone) {
  Write({Cell("a")});
  Write({Set("a", {"soh"}, Soh(90, "ok"))});
  Write({Set("a", {"soh"}, Soh(89, "ok"))});
  Write({Set("a", {"soh", "status"}, Value::String("stale"))});
  EXPECT_EQ(groups(), 2);
  EXPECT_THAT(History(0, "soh.value", WantedAs::kDouble), ElementsAre("3: 90", "4: 89"));
  EXPECT_THAT(History(0, "soh.status", WantedAs::kValue),
              ElementsAre("3: \"ok\"", "4: \"ok\"", "5: \"stale\""));
}

TEST_F(PropertyHistoryTest, AWiderTypeGoesOnWithoutARow) {
  const auto version = [](absl::string_view id, absl::string_view schema) {
    return absl::StrCat(
        R"({"@id":")", id, R"(","@type":"Interface","@context":["dtmi:dtdl:context;3",)",
        R"("dtmi:dtdl:extension:historization;1"],"contents":[)",
        R"({"@type":["Property","Historized"],"name":"cycles","schema":")", schema, R"("}]})");
  };
  Write(
      {CreateModels{{version("dtmi:t:Count;1", "integer"), version("dtmi:t:Count;2", "double")}}});
  PutTwin put = Cell("c");
  put.model_id = "dtmi:t:Count;1";
  Write({put});
  Write({Set("c", {"cycles"}, Value::Int(5))});
  Write({Set("c", {"cycles"}, Value::Int(6))});
  PatchTwin move;
  move.id = "c";
  move.model_id = "dtmi:t:Count;2";
  Write({move});
  Write({Set("c", {"cycles"}, Value::Double(6.5))});
  EXPECT_THAT(History(0, "cycles", WantedAs::kDouble), ElementsAre("4: 5", "5: 6", "7: 6.5"));
}

TEST_F(PropertyHistoryTest, ARemovedObjectIsNull) {
  Write({Cell("a")});
  Write({Set("a", {"soh"}, Soh(90, "ok"))});
  Write({Set("a", {"soh"}, Soh(89, "ok"))});
  PatchTwin remove = Set("a", {"soh"}, Value());
  remove.edits[0].kind = Edit::Kind::kRemove;
  Write({remove});
  Write({Set("a", {"soh"}, Soh(87, "ok"))});
  EXPECT_THAT(History(0, "soh.value", WantedAs::kDouble),
              ElementsAre("3: 90", "4: 89", "5: none", "6: 87"));
  EXPECT_THAT(History(0, "soh.status", WantedAs::kValue),
              ElementsAre("3: \"ok\"", "4: \"ok\"", "5: null", "6: \"ok\""));
}

TEST_F(PropertyHistoryTest, WhatWasThereKeepsItsOwnTime) {
  Write({Cell("a")});
  Write({Set("a", {"soh"}, Soh(90, "ok"))});
  Write({Set("a", {"soh", "value"}, Value::Double(89.5))});
  Write({Set("a", {"soh"}, Soh(89, "stale"))});
  Write({Set("a", {"soh"}, Soh(88, "ok"))});
  EXPECT_THAT(History(0, "soh.value", WantedAs::kDouble),
              ElementsAre("3: 90", "4: 89.5", "5: 89", "6: 88"));
  EXPECT_THAT(History(0, "soh.status", WantedAs::kValue),
              ElementsAre("3: \"ok\"", "5: \"stale\"", "6: \"ok\""));
}

TEST_F(PropertyHistoryTest, WhatIsSetAgainAtItsSourceTimeIsReplaced) {
  Write({Cell("a")});
  const auto set = [&](const std::string& path, Value value, int64_t ms) {
    PatchTwin patch = Set("a", {path}, std::move(value));
    patch.edits[0].source_time = Time{ms * kNsPerMs};
    Write({patch});
  };
  set("grade", Value::String("A"), 20);
  set("grade", Value::String("B"), 20);
  set("grade", Value::String("C"), 30);
  EXPECT_THAT(History(0, "grade", WantedAs::kValue), ElementsAre("20: \"B\"", "30: \"C\""));
  set("soh", Soh(90, "ok"), 20);
  set("soh", Soh(89, "stale"), 20);
  set("soh", Soh(88, "ok"), 30);
  EXPECT_THAT(History(0, "soh.value", WantedAs::kDouble), ElementsAre("20: 89", "30: 88"));
}

TEST_F(PropertyHistoryTest, PropertiesBesideAnObjectAreKeptAlone) {
  Write({Cell("a")});
  for (const double value : {90, 89}) {
    PatchTwin patch = Set("a", {"soh"}, Soh(value, "ok"));
    patch.edits.push_back(
        {.path = {"grade"}, .value = Value::String(value > 89 ? "A" : "B"), .source_time = {}});
    patch.edits.push_back({.path = {"serial"}, .value = Value::String("x"), .source_time = {}});
    Write({patch});
  }
  EXPECT_EQ(groups(), 2);
  EXPECT_THAT(History(0, "grade", WantedAs::kValue), ElementsAre("3: \"A\"", "4: \"B\""));
  EXPECT_THAT(History(0, "serial", WantedAs::kValue), ElementsAre());
}

// A transaction of many twins is applied in pieces, but no Object is divided.
TEST_F(PropertyHistoryTest, ALargeTransactionKeepsObjectsTogether) {
  constexpr uint32_t kCells = 100;
  std::vector<Operation> cells;
  for (uint32_t i = 0; i < kCells; ++i) cells.emplace_back(Cell(absl::StrCat("cell-", i)));
  Write(std::move(cells));
  for (const double value : {90, 89}) {
    std::vector<Operation> patches;
    for (uint32_t i = 0; i < kCells; ++i) {
      patches.emplace_back(Set(absl::StrCat("cell-", i), {"soh"}, Soh(value + i, "ok")));
    }
    Write(std::move(patches));
  }
  EXPECT_EQ(groups(), kCells);
  for (uint32_t i = 0; i < kCells; ++i) {
    EXPECT_THAT(History(i, "soh.value", WantedAs::kDouble),
                ElementsAre(absl::StrCat("3: ", 90 + i), absl::StrCat("4: ", 89 + i)));
  }
}

}  // namespace
}  // namespace twin::ingest
