// Layouts through the engine: rules that are resolved again, twins that go and come back.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/engine/telemetry_fixture.h"

namespace twin::engine::telemetry_test {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::StatusIs;

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

// More than are resolved at once, and one that does not follow the pack.
TEST_F(TelemetryTest, ASwapMakesNewVersionsOfManyLayouts) {
  constexpr int kLayouts = 600;
  for (int i = 0; i <= kLayouts; ++i) {
    ingest::Layout layout = VoltageLayout();
    layout.id = absl::StrCat("car-", i);
    if (i == kLayouts) layout.columns.erase(layout.columns.begin());
    ASSERT_THAT(engine_->Register(std::move(layout)).status, IsOk());
  }
  const uint64_t sequence = engine_->status().sequence.value;
  ingest::WriteBatch batch;
  batch.operations.emplace_back(ingest::DeleteRelationship{"pack", "pack-module-1", {}});
  ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  ingest::TelemetryBatch frames;
  const Frames sent = Pack({{(SystemClock().Now().ns - kStart) / kSecond + 1, {1, 2, 3, 4, 5}}});
  const std::string last = absl::StrCat("car-", kLayouts - 1);
  frames.frames.push_back({last, sent.times, sent.packed, {}});
  ASSERT_THAT(engine_->Write(std::move(frames)).status, IsOk());
  for (const bool checkpoint : {false, true}) {
    EXPECT_EQ(Latest("cell-21", "voltage"), Value::Double(0.001));
    EXPECT_TRUE(Latest("cell-11", "voltage").is_null());
    EXPECT_EQ(engine_->status().sequence.value, sequence + 1 + kLayouts + 1);
    engine_->ReadTelemetry([&](const ingest::TelemetryState& state, const graph::GraphView&) {
      for (int i = 0; i <= kLayouts; ++i) {
        const auto& versions = state.layout(static_cast<uint32_t>(i)).versions;
        ASSERT_EQ(versions.size(), i == kLayouts ? 1u : 2u) << i;
        EXPECT_EQ(versions.back()->unresolved, i == kLayouts ? 0u : 2u);
      }
    });
    Restart(checkpoint);
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

}  // namespace
}  // namespace twin::engine::telemetry_test
