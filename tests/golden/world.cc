#include "tests/golden/world.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/file.h"
#include "server/base/status_macros.h"
#include "server/engine/data_dir.h"
#include "server/engine/engine.h"
#include "tests/support/manual_clock.h"
#include "tests/support/reference_graph.h"

namespace twin::testing {
namespace {

class ReferenceWorld final : public World {
 public:
  absl::Status Apply(const ingest::Operation& operation, Time at) override {
    graph_.set_now(at);
    return graph_.Apply(operation);
  }
  absl::Status AddSample(const std::string& twin, const std::string& path, Time time,
                         const Value& value) override {
    graph_.set_now(time);
    return graph_.AddSample(twin, path, time, value);
  }
  absl::Status SetHistoryBegin(Time begin) override {
    graph_.set_history_begin(begin);
    return absl::OkStatus();
  }
  absl::Status Restart() override { return absl::OkStatus(); }
  WorldReaders Read() override {
    return {graph_.catalog(), graph_.NewReader(), graph_.NewSeriesReader()};
  }

 private:
  ReferenceGraph graph_;
};

std::string MakeFolder() {
  const char* folder = std::getenv("TMPDIR");
  std::string pattern = absl::StrCat(folder == nullptr ? "/tmp" : folder, "/golden-XXXXXX");
  TWIN_CHECK(mkdtemp(pattern.data()) != nullptr) << pattern;
  return pattern;
}

class EngineWorld final : public World {
 public:
  EngineWorld() : clock_(Time{0}), folder_(MakeFolder()) { Open(); }
  ~EngineWorld() override {
    engine_.reset();
    (void)engine::RemoveTree(PosixFileSystem(), folder_);
  }

  absl::Status Apply(const ingest::Operation& operation, Time at) override {
    if (clock_.Now() < at) clock_.Set(at);
    ingest::WriteBatch batch;
    batch.operations.push_back(operation);
    std::visit(
        [&](auto& one) {
          if constexpr (requires { one.source_time; }) one.source_time = at;
        },
        batch.operations[0]);
    return engine_->Write(std::move(batch)).status;
  }
  absl::Status AddSample(const std::string& twin, const std::string& path, Time time,
                         const Value& value) override {
    if (clock_.Now() < time) clock_.Set(time);
    ingest::TelemetryBatch batch;
    batch.all_or_nothing = true;
    ingest::SampleBatch& samples = batch.samples.emplace_back();
    samples.twin_ids = {twin};
    samples.times = absl::MakeConstSpan(&time.ns, 1);
    ingest::SampleColumn& column = samples.columns.emplace_back();
    column.path = path;
    column.values = {value};
    return engine_->Write(std::move(batch)).status;
  }
  absl::Status SetHistoryBegin(Time begin) override {
    // As if a checkpoint had dropped what came before.
    constexpr int64_t kRetentionSeconds = 3600;
    clock_.Set(Time{begin.ns + kRetentionSeconds * kNsPerSecond});
    TWIN_RETURN_IF_ERROR(Close());
    Open(kRetentionSeconds);
    TWIN_RETURN_IF_ERROR(engine_->Checkpoint());
    return Restart();
  }
  absl::Status Restart() override {
    TWIN_RETURN_IF_ERROR(Close());
    Open();
    return absl::OkStatus();
  }
  WorldReaders Read() override {
    WorldReaders readers;
    std::unique_ptr<engine::SnapshotReader> reader = engine_->OpenReader();
    readers.catalog = reader->shared_catalog();
    readers.series = engine_->OpenSeries(*reader);
    readers.graph = std::move(reader);
    return readers;
  }

 private:
  absl::Status Close() {
    TWIN_RETURN_IF_ERROR(engine_->Stop());
    engine_.reset();
    return absl::OkStatus();
  }

  void Open(int64_t history_retention_seconds = 0) {
    engine::EngineOptions options;
    options.history_retention_seconds = history_retention_seconds;
    options.data_dir = JoinPath(folder_, "data");
    options.segment_bytes = 1 << 20;
    options.limits.batch_bytes_max = 512 << 10;
    options.reserve_bytes = 0;
    options.clock = &clock_;
    auto opened = engine::Engine::Open(options);
    TWIN_CHECK(opened.ok()) << opened.status();
    engine_ = *std::move(opened);
  }

  ManualClock clock_;
  const std::string folder_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace

std::unique_ptr<World> NewReferenceWorld() { return std::make_unique<ReferenceWorld>(); }
std::unique_ptr<World> NewEngineWorld() { return std::make_unique<EngineWorld>(); }

}  // namespace twin::testing
