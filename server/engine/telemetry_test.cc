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
#include "tests/support/engine_folder.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = int64_t{1'700'000'000} * kSecond;

constexpr absl::string_view kModels = R"([
  {"@context":["dtmi:dtdl:context;3","dtmi:dtdl:extension:historization;1"],
   "@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
    {"@type":["Property","Historized"],"name":"status","schema":"string"},
    {"@type":["Property","Historized"],"name":"odometer","schema":"double"},
    {"@type":"Telemetry","name":"current","schema":"double"},
    {"@type":"Telemetry","name":"level","schema":"integer"},
    {"@type":"Telemetry","name":"open","schema":"boolean"},
    {"@type":"Relationship","name":"hasModule","properties":[
      {"@type":"Property","name":"position","schema":"integer"}]}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Module;1","@type":"Interface","contents":[
    {"@type":"Relationship","name":"hasCell","properties":[
      {"@type":"Property","name":"position","schema":"integer"}]}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
    {"@type":"Telemetry","name":"voltage","schema":"double"}]}])";

// Two modules of two cells each; module-2 comes first by position.
class TelemetryTest : public ::testing::Test {
 public:
  TelemetryTest() {
    options_.history_block_rows = 16;
    Start();
    ingest::WriteBatch models;
    models.operations.emplace_back(ingest::CreateModels{{std::string(kModels)}});
    TWIN_CHECK(engine_->Write(std::move(models)).status.ok());
    ingest::WriteBatch batch;
    Twin("pack", "dtmi:t:Pack;1", &batch);
    for (int m = 1; m <= 2; ++m) {
      const std::string module = absl::StrCat("module-", m);
      Twin(module, "dtmi:t:Module;1", &batch);
      Relationship("pack", "hasModule", module, 3 - m, &batch);
      for (int c = 1; c <= 2; ++c) {
        const std::string cell = absl::StrCat("cell-", m, c);
        Twin(cell, "dtmi:t:Cell;1", &batch);
        Relationship(module, "hasCell", cell, c, &batch);
      }
    }
    const ingest::WriteResult result = engine_->Write(std::move(batch));
    TWIN_CHECK(result.status.ok()) << result.status;
  }

  void Start() { engine_ = OpenEngine(options_); }
  // As after a crash, or with a checkpoint.
  void Restart(bool checkpoint) {
    if (checkpoint) {
      ASSERT_THAT(engine_->Stop(), IsOk());
    }
    engine_.reset();
    Start();
  }

  static void Twin(const std::string& id, const std::string& model, ingest::WriteBatch* batch) {
    ingest::PutTwin put;
    put.id = id;
    put.model_id = model;
    batch->operations.emplace_back(std::move(put));
  }
  static void Relationship(const std::string& source, const std::string& name,
                           const std::string& target, int position, ingest::WriteBatch* batch) {
    ingest::PutRelationship put;
    put.source_id = source;
    put.relationship_id = absl::StrCat(source, "-", target);
    put.name = name;
    put.target_id = target;
    put.contents = {{"position", Value::Int(position)}};
    batch->operations.emplace_back(std::move(put));
  }

  // Four cell voltages in millivolts, then the pack's current in tenths of an ampere.
  static ingest::Layout VoltageLayout() {
    ingest::Layout layout;
    layout.id = "car";
    ingest::LayoutColumn& cells = layout.columns.emplace_back();
    cells.has_rule = true;
    cells.rule.twin_id = "pack";
    cells.rule.steps = {"hasModule", "hasCell"};
    cells.rule.path = "voltage";
    cells.rule.count = 4;
    cells.encoding = ingest::Encoding::kInt16;
    cells.scale = 0.001;
    cells.invalid_codes = {5000, -1};
    ingest::LayoutColumn& current = layout.columns.emplace_back();
    current.targets = {{"pack", "current"}};
    current.encoding = ingest::Encoding::kInt16;
    current.scale = -0.1;
    return layout;
  }

  struct Frames {
    std::vector<int64_t> times;
    std::string packed;
  };
  // `rows`: of each frame its five raw values.
  static Frames Pack(const std::vector<std::pair<int64_t, std::vector<int16_t>>>& rows) {
    Frames frames;
    for (const auto& [second, values] : rows) frames.times.push_back(kStart + second * kSecond);
    for (size_t c = 0; c < rows.front().second.size(); ++c) {
      for (const auto& row : rows) AppendFixed(&frames.packed, row.second[c]);
    }
    return frames;
  }
  ingest::TelemetryResult Send(const Frames& frames, const std::string& producer = "",
                               uint64_t number = 0) {
    ingest::TelemetryBatch batch;
    batch.producer = producer;
    batch.number = number;
    batch.frames.push_back({"car", frames.times, frames.packed, {}});
    return engine_->Write(std::move(batch));
  }

  Value Latest(const std::string& id, const std::string& path) {
    Value value;
    engine_->Read([&](const graph::GraphView& head) {
      const TwinNumber twin = head.FindTwin(id);
      const graph::TableSchema& table = head.TableOf(twin);
      value = head.GetValue(twin, table.IdOf(*table.FindColumn(path)));
    });
    return value;
  }

  static std::string Text(const Value& value) {
    return value.kind() == Value::Kind::kDouble ? absl::StrCat(value.as_double())
                                                : value.DebugString();
  }

  // "second:value …" of all samples.
  std::string History(const std::string& id, const std::string& path) {
    const auto reader = engine_->OpenReader();
    const auto series = engine_->OpenSeries(*reader);
    query::SeriesRequest request;
    request.columns = {{reader->Find(id), path}};
    request.from = INT64_MIN;
    request.to = INT64_MAX;
    std::string text;
    const absl::Status status =
        series->Read(absl::MakeConstSpan(&request, 1), [&](size_t, const query::SeriesRows& rows) {
          for (size_t i = 0; i < rows.times.size(); ++i) {
            absl::StrAppend(&text, i > 0 ? " " : "", (rows.times[i] - kStart) / kSecond, ":",
                            Text(rows.columns[0].Get(i)));
          }
          return absl::OkStatus();
        });
    TWIN_CHECK(status.ok()) << status;
    return text;
  }

 protected:
  const EngineFolder folder_;
  EngineOptions options_ = folder_.options();
  std::unique_ptr<Engine> engine_;
};

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

TEST_F(TelemetryTest, ASwappedModuleMakesANewVersionFromThenOn) {
  ASSERT_THAT(engine_->Register(VoltageLayout()).status, IsOk());
  const int64_t before = (SystemClock().Now().ns - kStart) / kSecond - 1;
  ingest::WriteBatch batch;
  batch.operations.emplace_back(ingest::DeleteRelationship{"pack", "pack-module-1", {}});
  Twin("module-3", "dtmi:t:Module;1", &batch);
  Relationship("pack", "hasModule", "module-3", 2, &batch);
  for (int c = 1; c <= 2; ++c) {
    Twin(absl::StrCat("cell-3", c), "dtmi:t:Cell;1", &batch);
    Relationship("module-3", "hasCell", absl::StrCat("cell-3", c), c, &batch);
  }
  ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  const int64_t after = (SystemClock().Now().ns - kStart) / kSecond + 1;
  // One that was measured before the swap and arrives after it belongs to the old cells.
  const ingest::TelemetryResult result =
      Send(Pack({{before, {3601, 3602, 3603, 3604, 0}}, {after, {3611, 3612, 3613, 3614, 0}}}));
  ASSERT_THAT(result.status, IsOk());
  EXPECT_EQ(result.rejects_total, 0u);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(History("cell-11", "voltage"), absl::StrCat(before, ":3.603"));
    EXPECT_EQ(History("cell-31", "voltage"), absl::StrCat(after, ":3.613"));
    EXPECT_EQ(History("cell-21", "voltage"), absl::StrCat(before, ":3.601 ", after, ":3.611"));
    uint32_t versions = 0;
    engine_->ReadTelemetry([&](const ingest::TelemetryState& state, const graph::GraphView&) {
      versions = static_cast<uint32_t>(state.layout(0).versions.size());
    });
    EXPECT_EQ(versions, 2u);
    Restart(/*checkpoint=*/round == 1);
  }
}

// Twins that a layout names, and that its rules begin at: deleted, and created again.
TEST_F(TelemetryTest, ALayoutFindsTwinsThatComeBack) {
  const auto second = [](int64_t more) {
    return (SystemClock().Now().ns - kStart) / kSecond + more;
  };
  const auto remove = [&](const std::string& id) {
    ingest::WriteBatch batch;
    batch.operations.emplace_back(ingest::DeleteTwin{id, {}, /*delete_relationships=*/true});
    ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  };
  const auto versions = [&] {
    size_t count = 0;
    engine_->ReadTelemetry([&](const ingest::TelemetryState& state, const graph::GraphView&) {
      count = state.layout(0).versions.size();
    });
    return count;
  };
  ingest::Layout layout = VoltageLayout();
  ingest::LayoutColumn& probe = layout.columns.emplace_back();
  probe.targets = {{"probe", "voltage"}};
  probe.encoding = ingest::Encoding::kInt16;
  probe.scale = 0.001;
  EXPECT_THAT(engine_->Register(layout).status,
              StatusIs(absl::StatusCode::kNotFound, ::testing::_));
  ingest::WriteBatch first;
  Twin("probe", "dtmi:t:Cell;1", &first);
  ASSERT_THAT(engine_->Write(std::move(first)).status, IsOk());
  ASSERT_THAT(engine_->Register(layout).status, IsOk());
  EXPECT_EQ(versions(), 1u);

  // With many others, which are created a column at a time; and alone. Others' ids are none.
  for (const bool alone : {false, true}) {
    remove("probe");
    const size_t before = versions();
    Restart(/*checkpoint=*/alone);
    ingest::WriteBatch again;
    again.atomic = false;
    if (!alone) {
      for (int i = 0; i < 40; ++i) Twin(absl::StrCat("other-", i), "dtmi:t:Cell;1", &again);
    }
    Twin("probe", "dtmi:t:Cell;1", &again);
    ASSERT_THAT(engine_->Write(std::move(again)).status, IsOk());
    const int64_t at = second(1);
    const ingest::TelemetryResult result = Send(Pack({{at, {3601, 3602, 3603, 3604, 0, 3700}}}));
    ASSERT_THAT(result.status, IsOk());
    EXPECT_EQ(result.rejects_total, 0u);
    EXPECT_EQ(History("probe", "voltage"), absl::StrCat(at, ":3.7"));
    EXPECT_EQ(versions(), before + 1);
  }

  // The rest of a layout goes on while what it names is gone.
  remove("probe");
  remove("pack");
  ingest::WriteBatch again;
  Twin("pack", "dtmi:t:Pack;1", &again);
  ASSERT_THAT(engine_->Write(std::move(again)).status, IsOk());
  const int64_t empty = second(1);
  ASSERT_THAT(Send(Pack({{empty, {3601, 3602, 3603, 3604, 120, 3700}}})).status, IsOk());
  EXPECT_EQ(History("pack", "current"), absl::StrCat(empty, ":-12"));
  ingest::WriteBatch modules;
  Relationship("pack", "hasModule", "module-1", 1, &modules);
  Relationship("pack", "hasModule", "module-2", 2, &modules);
  ASSERT_THAT(engine_->Write(std::move(modules)).status, IsOk());
  const int64_t whole = second(2);
  ASSERT_THAT(Send(Pack({{whole, {3611, 3612, 3613, 3614, 130, 3700}}})).status, IsOk());
  EXPECT_EQ(Latest("cell-11", "voltage"), Value::Double(3.611));
  EXPECT_EQ(Latest("pack", "current"), Value::Double(-13));
  Restart(/*checkpoint=*/false);
  EXPECT_EQ(Latest("cell-11", "voltage"), Value::Double(3.611));
}

// By its own id, and at the end of a rule.
TEST_F(TelemetryTest, ALayoutFollowsTwinsToAnotherModel) {
  const auto model = [](int version, absl::string_view contents) {
    return absl::StrCat(R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Probe;)", version,
                        R"(","@type":"Interface","contents":[)", contents, "]}");
  };
  constexpr absl::string_view kCount = R"({"@type":"Telemetry","name":"count","schema":")";
  ingest::WriteBatch models;
  models.operations.emplace_back(ingest::CreateModels{
      {model(1, absl::StrCat(kCount, "integer\"}")), model(2, absl::StrCat(kCount, "double\"}")),
       model(3, R"({"@type":"Telemetry","name":"volume","schema":"double"})")}});
  ASSERT_THAT(engine_->Write(std::move(models)).status, IsOk());
  ingest::WriteBatch twins;
  for (const char* id : {"probe", "end"}) Twin(id, "dtmi:t:Probe;1", &twins);
  Relationship("module-1", "hasCell", "end", 9, &twins);
  ASSERT_THAT(engine_->Write(std::move(twins)).status, IsOk());
  ingest::Layout layout;
  layout.id = "probes";
  layout.columns.resize(2);
  layout.columns[0].targets = {{"probe", "count"}};
  layout.columns[1].has_rule = true;
  layout.columns[1].rule.twin_id = "module-1";
  layout.columns[1].rule.steps = {"hasCell"};
  layout.columns[1].rule.path = "count";
  for (ingest::LayoutColumn& column : layout.columns) column.encoding = ingest::Encoding::kDouble;
  ingest::WriteBatch bare;
  for (const char* cell : {"cell-11", "cell-12"}) {
    bare.operations.emplace_back(
        ingest::DeleteRelationship{"module-1", "module-1-" + std::string(cell), {}});
  }
  ASSERT_THAT(engine_->Write(std::move(bare)).status, IsOk());
  ASSERT_EQ(engine_->Register(layout).unresolved, 0u);
  int64_t second = (SystemClock().Now().ns - kStart) / kSecond;
  const auto send = [&](double value) {
    ingest::TelemetryBatch batch;
    ++second;
    const int64_t time = kStart + second * kSecond;
    const double values[] = {value, value};
    batch.frames.push_back({"probes", {&time, 1}, {}, values});
    const ingest::TelemetryResult result = engine_->Write(std::move(batch));
    TWIN_CHECK(result.status.ok()) << result.status;
    return result.rejects.empty() ? "" : std::string(result.rejects[0].status.message());
  };
  const auto move = [&](const std::string& id, const std::string& to) {
    ingest::WriteBatch batch;
    ingest::PatchTwin patch;
    patch.id = id;
    patch.model_id = to;
    batch.operations.emplace_back(std::move(patch));
    ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  };
  EXPECT_EQ(send(7), "");
  EXPECT_THAT(send(7.5), HasSubstr("7.5"));
  for (const char* id : {"probe", "end"}) {
    EXPECT_EQ(Latest(id, "count"), Value::Int(7));
    move(id, "dtmi:t:Probe;2");
    EXPECT_EQ(Latest(id, "count"), Value::Double(7));
  }
  Restart(/*checkpoint=*/false);
  EXPECT_EQ(send(7.5), "");
  for (const char* id : {"probe", "end"}) EXPECT_EQ(Latest(id, "count"), Value::Double(7.5));
  move("probe", "dtmi:t:Probe;3");
  EXPECT_THAT(send(8.5), HasSubstr("the model of the twin 'probe' has no 'count' any more"));
  EXPECT_EQ(Latest("end", "count"), Value::Double(8.5));
}

TEST_F(TelemetryTest, FramesThatReachNothingAreTold) {
  ingest::WriteBatch batch;
  Twin("empty", "dtmi:t:Pack;1", &batch);
  ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  ingest::Layout layout = VoltageLayout();
  layout.columns.pop_back();
  layout.columns[0].rule.twin_id = "empty";
  ASSERT_EQ(engine_->Register(layout).unresolved, 4u);
  const ingest::TelemetryResult result = Send(Pack({{0, {3601, 3602, 3603, 3604}}}));
  ASSERT_THAT(result.status, IsOk());
  ASSERT_EQ(result.rejects_total, 1u);
  EXPECT_THAT(result.rejects[0].status, StatusIs(absl::StatusCode::kNotFound,
                                                 HasSubstr("none of its columns leads to a twin")));
  ingest::WriteBatch cells;
  Relationship("empty", "hasModule", "module-1", 1, &cells);
  ASSERT_THAT(engine_->Write(std::move(cells)).status, IsOk());
  const int64_t after = (SystemClock().Now().ns - kStart) / kSecond + 1;
  EXPECT_EQ(Send(Pack({{after, {3601, 3602, 3603, 3604}}})).rejects_total, 0u);
  EXPECT_EQ(History("cell-11", "voltage"), absl::StrCat(after, ":3.601"));
}

// The twin that a rule begins at is gone, and what was below it is still there.
class RuleTest : public TelemetryTest, public ::testing::WithParamInterface<uint32_t> {};

TEST_P(RuleTest, FramesDoNotReachWhatItNoLongerLeadsTo) {
  ingest::Layout layout = VoltageLayout();
  layout.columns.pop_back();
  layout.columns[0].rule.count = GetParam();
  ASSERT_THAT(engine_->Register(layout).status, IsOk());
  const auto now = [] { return (SystemClock().Now().ns - kStart) / kSecond; };
  const int64_t before = now() - 1;
  ASSERT_THAT(Send(Pack({{before, {3601, 3602, 3603, 3604}}})).status, IsOk());
  ingest::WriteBatch gone;
  gone.operations.emplace_back(ingest::DeleteTwin{"pack", {}, /*delete_relationships=*/true});
  ASSERT_THAT(engine_->Write(std::move(gone)).status, IsOk());
  for (const bool checkpoint : {false, true}) {
    const ingest::TelemetryResult nowhere = Send(Pack({{now() + 1, {3611, 3612, 3613, 3614}}}));
    EXPECT_EQ(nowhere.rejects_total, 1u);
    EXPECT_EQ(Latest("cell-21", "voltage"), Value::Double(3.601));
    EXPECT_EQ(Latest("cell-12", "voltage"), Value::Double(3.604));
    EXPECT_EQ(History("cell-21", "voltage"), absl::StrCat(before, ":3.601"));
    Restart(checkpoint);
  }
  // One that was measured before belongs to them still.
  EXPECT_EQ(Send(Pack({{before - 1, {3591, 3592, 3593, 3594}}})).rejects_total, 0u);
  EXPECT_EQ(History("cell-21", "voltage"), absl::StrCat(before - 1, ":3.591 ", before, ":3.601"));

  ingest::WriteBatch again;
  Twin("pack", "dtmi:t:Pack;1", &again);
  Relationship("pack", "hasModule", "module-1", 2, &again);
  Relationship("pack", "hasModule", "module-2", 1, &again);
  ASSERT_THAT(engine_->Write(std::move(again)).status, IsOk());
  EXPECT_EQ(Send(Pack({{now() + 2, {3621, 3622, 3623, 3624}}})).rejects_total, 0u);
  EXPECT_EQ(Latest("cell-11", "voltage"), Value::Double(3.623));
}

INSTANTIATE_TEST_SUITE_P(Counts, RuleTest, ::testing::Values(4u, 0u));

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
}  // namespace twin::engine
