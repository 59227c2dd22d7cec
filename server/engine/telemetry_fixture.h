// For tests: an engine with a pack, a layout of its cells, and what sends and reads frames.
#ifndef TWIN_SERVER_ENGINE_TELEMETRY_FIXTURE_H_
#define TWIN_SERVER_ENGINE_TELEMETRY_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/engine/engine.h"
#include "tests/support/engine_folder.h"
#include "tests/support/status_matchers.h"

namespace twin::engine::telemetry_test {

using ::twin::testing::IsOk;

inline constexpr int64_t kSecond = 1'000'000'000;
inline constexpr int64_t kStart = int64_t{1'700'000'000} * kSecond;

inline constexpr absl::string_view kModels = R"([
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

}  // namespace twin::engine::telemetry_test

#endif  // TWIN_SERVER_ENGINE_TELEMETRY_FIXTURE_H_
