// What is taken of samples, publications and frames, and what is said of the rest.
#include "server/ingest/telemetry_checker.h"

#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/graph/graph.h"
#include "server/ingest/telemetry_record.h"
#include "server/ingest/telemetry_state.h"
#include "server/timeseries/store.h"
#include "tests/support/status_matchers.h"

namespace twin::ingest {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr absl::string_view kSensor =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Sensor;1","@type":"Interface","contents":[
      {"@type":"Telemetry","name":"t","schema":"double"},
      {"@type":"Property","name":"unit","schema":"string"}]})";
constexpr absl::string_view kBox =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Box;1","@type":"Interface","contents":[
      {"@type":"Telemetry","name":"voltage","schema":"double"},
      {"@type":"Telemetry","name":"level","schema":"float"},
      {"@type":"Telemetry","name":"count","schema":"long"},
      {"@type":"Telemetry","name":"on","schema":"boolean"},
      {"@type":"Telemetry","name":"obj","schema":{"@type":"Object","fields":[
        {"name":"a","schema":"double"},{"name":"b","schema":"double"}]}},
      {"@type":"Component","name":"sensor","schema":"dtmi:t:Sensor;1"}]})";
constexpr int64_t kTime = 1'700'000'000'000'000'000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Two twins, "box" and "other", and the history of "box".
class TelemetryCheckerTest : public ::testing::Test {
 protected:
  TelemetryCheckerTest() {
    graph::ModelState sensor;
    sensor.id = "dtmi:t:Sensor;1";
    sensor.text = std::string(kSensor);
    graph::ModelState box;
    box.id = "dtmi:t:Box;1";
    box.table = TableId(1);
    box.text = std::string(kBox);
    graph_.SetCatalog(graph::Catalog::Create({sensor, box}, nullptr).value());
    graph_.CreateTwin(TwinNumber(0), "box", TableId(1), Sequence(1), Time{1});
    graph_.CreateTwin(TwinNumber(1), "other", TableId(1), Sequence(2), Time{1});
    graph_.Advance(Sequence(2), Time{1});
  }

  TelemetryResult Send(const TelemetryBatch& batch) {
    const PendingState pending(&graph_.head());
    const Limits limits;
    const ExpiryOptions expiry;
    TelemetryChecker checker(limits, expiry, &pending, &state_);
    CheckedTelemetry checked = checker.Check(batch, Time{kTime});
    if (!checked.record.empty()) Apply(checked.record, checked.sequences);
    return std::move(checked.result);
  }
  absl::Status Publish(ValueMap contents) {
    TelemetryBatch batch;
    batch.all_or_nothing = true;
    Publication& publication = batch.publications.emplace_back();
    publication.twin_id = "box";
    publication.contents = std::move(contents);
    return Send(batch).status;
  }
  absl::Status Sample(absl::string_view path, double value) {
    TelemetryBatch batch;
    batch.all_or_nothing = true;
    const std::vector<int64_t> times = {kTime};
    const std::vector<double> values = {value};
    SampleBatch& samples = batch.samples.emplace_back();
    samples.twin_ids = {"box"};
    samples.times = times;
    samples.columns.push_back(
        {.path = path, .doubles = values, .ints = {}, .values = {}, .missing = {}});
    return Send(batch).status;
  }
  // A layout of one column of "box".
  void Register(const std::string& id, const std::string& path, Encoding encoding,
                double scale = 1) {
    Layout layout;
    layout.id = id;
    LayoutColumn& column = layout.columns.emplace_back();
    column.targets.push_back({"box", path});
    column.encoding = encoding;
    column.scale = scale;
    Register(std::move(layout));
  }
  void Register(Layout layout) {
    const Limits limits;
    absl::StatusOr<ResolvedLayout> resolved = ResolveLayout(layout, graph_.head(), limits);
    TWIN_CHECK(resolved.ok()) << resolved.status();
    LayoutRecord record;
    record.time = Time{kTime};
    record.version.layout = static_cast<uint32_t>(state_.layouts());
    record.version.version = 1;
    record.version.valid_from = Time{INT64_MIN};
    record.version.columns = std::move(resolved->columns);
    record.layout = std::move(layout);
    std::string bytes;
    EncodeRecord(record, &bytes);
    Apply(bytes, 1);
  }
  absl::Status Frames(const std::string& id, const std::vector<double>& values) {
    TelemetryBatch batch;
    batch.all_or_nothing = true;
    std::vector<int64_t> times;
    for (size_t i = 0; i < values.size(); ++i) times.push_back(kTime + static_cast<int64_t>(i));
    FrameBatch& frames = batch.frames.emplace_back();
    frames.layout_id = id;
    frames.times = times;
    frames.doubles = values;
    return Send(batch).status;
  }

  Value Latest(absl::string_view path) const {
    const graph::TableSchema& table = graph_.head().TableOf(TwinNumber(0));
    return graph_.head().GetValue(TwinNumber(0), table.IdOf(*table.FindColumn(path)));
  }
  // What history has of a path of numbers; null: missing.
  std::vector<Value> History(const std::string& path) const {
    timeseries::ReadRequest request;
    request.series.emplace_back();
    request.series[0].key.twin = TwinNumber(0);
    if (!store_.FindPath(path, &request.series[0].key.path)) return {};
    request.from = 0;
    request.to = INT64_MAX;
    request.missing_rows = true;
    std::vector<Value> values;
    const auto snapshot = store_.Pin(graph_.head().sequence());
    const absl::Status status =
        snapshot->Read({&request, 1}, [&](size_t, const timeseries::ReadRows& rows) {
          for (size_t i = 0; i < rows.times.size(); ++i) {
            const timeseries::ColumnValues& column = rows.columns[0];
            const bool is_missing = !column.missing.empty() && column.missing[i] != 0;
            values.push_back(is_missing ? Value() : Value::Double(column.doubles[i]));
          }
          return absl::OkStatus();
        });
    TWIN_CHECK(status.ok()) << status;
    return values;
  }

  graph::Graph graph_;

 private:
  void Apply(const std::string& record, uint64_t count) {
    const Sequence first(graph_.head().sequence().value + 1);
    const absl::Status status = state_.Apply(record, first, count, Sequence(0), &graph_);
    TWIN_CHECK(status.ok()) << status;
  }

  timeseries::Store store_{{}};
  TelemetryState state_{&store_};
};

TEST_F(TelemetryCheckerTest, PublishesWhatIsInsideOfComponentsAndObjects) {
  EXPECT_THAT(Publish({{"sensor", Value::Map({{"t", Value::Double(3)}})},
                       {"obj", Value::Map({{"a", Value::Double(1)}})}}),
              IsOk());
  EXPECT_EQ(Latest("sensor.t"), Value::Double(3));
  EXPECT_EQ(Latest("obj.a"), Value::Double(1));
  EXPECT_THAT(Publish({{"sensor.t", Value::Double(4)}}), IsOk());
  EXPECT_EQ(Latest("sensor.t"), Value::Double(4));
}

TEST_F(TelemetryCheckerTest, WhatIsNullIsLeftOut) {
  EXPECT_THAT(Publish({{"voltage", Value()}, {"sensor", Value::Map({{"t", Value()}})}}), IsOk());
  EXPECT_TRUE(Latest("voltage").is_null());
  EXPECT_THAT(History("sensor.t"), ::testing::IsEmpty());
}

TEST_F(TelemetryCheckerTest, NamesThatThereAreNotGetASuggestion) {
  EXPECT_THAT(Publish({{"voltag", Value::Double(3)}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("voltag: no such property or telemetry of dtmi:t:Box;1; did you "
                                 "mean 'voltage'?")));
  EXPECT_THAT(Publish({{"sensor", Value::Map({{"x", Value::Double(3)}})}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sensor.x: no such")));
  EXPECT_THAT(Publish({{"$dtId", Value()}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("$dtId: no such")));
  EXPECT_THAT(Publish({{"sensor", Value::Double(3)}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected an object")));
}

TEST_F(TelemetryCheckerTest, AFloatIsTheSameInHistoryAndAsLatestValue) {
  const Value third = Value::Double(0.33333334);
  EXPECT_THAT(Sample("level", 1.0 / 3), IsOk());
  EXPECT_EQ(Latest("level"), third);
  EXPECT_THAT(History("level"), ::testing::ElementsAre(third));
  EXPECT_THAT(Sample("voltage", 1.0 / 3), IsOk());
  EXPECT_THAT(History("voltage"), ::testing::ElementsAre(Value::Double(1.0 / 3)));
}

TEST_F(TelemetryCheckerTest, RawFloatsAreTheDecimalsThatTheyStandFor) {
  for (const std::string path : {"level", "voltage"}) {
    Register(path, path, Encoding::kFloat);
    const std::vector<int64_t> times = {kTime, kTime + 1};
    const float raw[] = {0.1F, -3.71F};
    TelemetryBatch batch;
    FrameBatch& frames = batch.frames.emplace_back();
    frames.layout_id = path;
    frames.times = times;
    frames.packed = absl::string_view(reinterpret_cast<const char*>(raw), sizeof(raw));
    EXPECT_EQ(Send(batch).rows, 2u);
    EXPECT_EQ(Latest(path), Value::Double(-3.71));
    EXPECT_THAT(History(path), ::testing::ElementsAre(Value::Double(0.1), Value::Double(-3.71)));
  }
}

TEST_F(TelemetryCheckerTest, DoublesOfFramesAreNarrowedForAFloat) {
  const double values[] = {1.0 / 3, 1e39, -3.4028235e38};
  const std::vector<int64_t> times = {kTime, kTime + 1, kTime + 2};
  const auto expected =
      ::testing::ElementsAre(Value::Double(0.33333334), Value(), Value::Double(-3.4028235e38));
  TelemetryBatch batch;
  FrameBatch& frames = batch.frames.emplace_back();
  frames.times = times;
  frames.doubles = values;
  Register("doubles", "level", Encoding::kDouble);
  frames.layout_id = "doubles";
  EXPECT_EQ(Send(batch).rows, 3u);
  EXPECT_EQ(Latest("level"), Value::Double(-3.4028235e38));
  EXPECT_THAT(History("level"), expected);
  frames.doubles = {};
  frames.packed = absl::string_view(reinterpret_cast<const char*>(values), sizeof(values));
  EXPECT_EQ(Send(batch).rows, 3u);
  EXPECT_THAT(History("level"), expected);
}

TEST_F(TelemetryCheckerTest, TheGreatestFloatComesBackFromItsNumber) {
  EXPECT_THAT(Sample("level", 3.4028235e38), IsOk());
  EXPECT_EQ(Latest("level"), Value::Double(3.4028235e38));
  EXPECT_THAT(Sample("level", 3.4028236e38),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("that a float can hold")));
}

TEST_F(TelemetryCheckerTest, AFloatDoesNotHoldEveryDouble) {
  EXPECT_THAT(Sample("level", -1e39),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("that a float can hold")));
  EXPECT_THAT(Sample("voltage", 1e39), IsOk());
  EXPECT_TRUE(Latest("level").is_null());
}

TEST_F(TelemetryCheckerTest, AFloatAmongTwinsOfSeveralRows) {
  // A wrong row sends the others down the long way.
  TelemetryBatch batch;
  const std::vector<int64_t> times = {kTime, kTime};
  const std::vector<double> values = {1e39, 0.1};
  SampleBatch& samples = batch.samples.emplace_back();
  samples.twin_ids = {"box"};
  samples.times = times;
  samples.columns.push_back(
      {.path = "level", .doubles = values, .ints = {}, .values = {}, .missing = {}});
  const TelemetryResult result = Send(batch);
  EXPECT_EQ(result.rejects_total, 1u);
  EXPECT_EQ(result.rows, 1u);
  EXPECT_THAT(History("level"), ::testing::ElementsAre(Value::Double(0.1)));
}

TEST_F(TelemetryCheckerTest, InfinitiesInFramesAreMissing) {
  Register("l", "voltage", Encoding::kDouble);
  EXPECT_THAT(Frames("l", {1, kInfinity, -kInfinity}), IsOk());
  EXPECT_EQ(Latest("voltage"), Value::Double(1));
  EXPECT_THAT(History("voltage"), ::testing::ElementsAre(Value::Double(1), Value(), Value()));
  Register("scaled", "sensor.t", Encoding::kInt16, 0.1);
  EXPECT_THAT(Frames("scaled", {1.5, kInfinity}), IsOk());
  EXPECT_THAT(History("sensor.t"), ::testing::ElementsAre(Value::Double(1.5), Value()));
}

TEST_F(TelemetryCheckerTest, FramesForATwinThatIsGoneAreNotDroppedInSilence) {
  Layout layout;
  layout.id = "l";
  for (const char* const id : {"box", "other"}) {
    layout.columns.emplace_back().targets.push_back({id, "voltage"});
  }
  Register(std::move(layout));
  const std::vector<int64_t> times = {kTime};
  const std::vector<double> values = {1, 2};
  TelemetryBatch batch;
  FrameBatch& frames = batch.frames.emplace_back();
  frames.layout_id = "l";
  frames.times = times;
  frames.doubles = values;
  EXPECT_EQ(Send(batch).rejects_total, 0u);
  graph_.DeleteTwin(TwinNumber(1));
  const TelemetryResult result = Send(batch);
  EXPECT_EQ(result.rows, 1u);
  ASSERT_EQ(result.rejects_total, 1u);
  EXPECT_THAT(result.rejects[0].status,
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("layout 'l', column 1: the twin that it leads to was deleted")));
  EXPECT_EQ(Latest("voltage"), Value::Double(1));
}

// Of an id that another twin had before, samples from before that one was deleted are its.
TEST_F(TelemetryCheckerTest, SamplesOfAFormerTwinAreNotGivenToItsFollower) {
  const Time end{kTime - 1000};
  graph_.DeleteTwin(TwinNumber(0), end);
  graph_.CreateTwin(TwinNumber(2), "box", TableId(1), Sequence(3), end);
  graph_.Advance(Sequence(3), Time{kTime});
  const std::vector<int64_t> times = {end.ns - 1, end.ns - 1, end.ns, kTime};
  const std::vector<double> values = {1, 2, 3, 4};
  TelemetryBatch batch;
  SampleBatch& samples = batch.samples.emplace_back();
  samples.twin_ids = {"box", "other", "box", "box"};
  samples.times = times;
  samples.columns.push_back(
      {.path = "voltage", .doubles = values, .ints = {}, .values = {}, .missing = {}});
  const TelemetryResult result = Send(batch);
  ASSERT_EQ(result.rejects.size(), 1u);
  EXPECT_EQ(result.rejects[0].index, 0u);
  EXPECT_THAT(result.rejects[0].status,
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("a former twin 'box'")));
  EXPECT_EQ(result.rows, 3u);
  TelemetryBatch publications;
  publications.all_or_nothing = true;
  Publication& publication = publications.publications.emplace_back();
  publication.twin_id = "box";
  publication.contents = {{"voltage", Value::Double(1)}};
  publication.time = Time{end.ns - 1};
  EXPECT_THAT(Send(publications).status,
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::_));
  publication.time = end;
  EXPECT_THAT(Send(publications).status, IsOk());
}

TEST_F(TelemetryCheckerTest, ALayoutNamesAPlaceOnce) {
  Layout layout;
  layout.id = "l";
  layout.columns.emplace_back().targets = {{"box", "voltage"}, {"other", "voltage"}};
  layout.columns.emplace_back().targets = {{"box", "sensor.t"}};
  const Limits limits;
  EXPECT_THAT(ResolveLayout(layout, graph_.head(), limits).status(), IsOk());
  layout.columns[1].targets.push_back({"other", "voltage"});
  EXPECT_THAT(ResolveLayout(layout, graph_.head(), limits).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("column 1: 'voltage' of 'other' is named twice")));
}

TEST_F(TelemetryCheckerTest, DoublesForIntegersAreTakenWhereTheyAreExact) {
  Register("l", "count", Encoding::kInt64);
  EXPECT_THAT(Frames("l", {9'007'199'254'740'992.0, -9'007'199'254'740'991.0}), IsOk());
  EXPECT_THAT(History("count"), ::testing::ElementsAre(Value::Double(9'007'199'254'740'992.0),
                                                       Value::Double(-9'007'199'254'740'991.0)));
  EXPECT_THAT(Frames("l", {9'007'199'254'740'994.0}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is beyond 2^53")));
  EXPECT_THAT(Frames("l", {2.5}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2.5 is no integer")));
  Register("scaled", "voltage", Encoding::kInt16, 0.1);
  EXPECT_THAT(Frames("scaled", {0.25}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than the 1 decimals")));
  EXPECT_THAT(Frames("scaled", {1e15}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("too great for 1 decimals")));
}

}  // namespace
}  // namespace twin::ingest
