#include "tests/contract/subject.h"

#include <unistd.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/engine/data_dir.h"
#include "server/engine/engine.h"
#include "tests/support/manual_clock.h"
#include "tests/support/reference_graph.h"
#include "tests/support/status_matchers.h"

namespace twin::testing {
namespace {

class ReferenceSubject final : public Subject {
 public:
  ReferenceSubject() { graph_.set_now(kContractNow); }
  void Apply(const ingest::Operation& operation) override {
    ASSERT_THAT(graph_.Apply(operation), IsOk());
  }
  std::unique_ptr<query::GraphReader> Read() override { return graph_.NewReader(); }
  bool is_engine() const override { return false; }

 private:
  ReferenceGraph graph_;
};

class EngineSubject final : public Subject {
 public:
  explicit EngineSubject(uint64_t adjacency_bytes_max) : clock_(kContractNow) {
    std::string pattern = absl::StrCat(::testing::TempDir(), "/contract-XXXXXX");
    TWIN_CHECK(mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    engine::EngineOptions options;
    options.data_dir = JoinPath(folder_, "data");
    options.segment_bytes = 1 << 20;
    options.limits.batch_bytes_max = 512 << 10;
    options.reserve_bytes = 0;
    options.checkpoint_on_stop = false;
    options.adjacency_bytes_max = adjacency_bytes_max;
    options.clock = &clock_;
    engine_ = engine::Engine::Open(options).value();
  }
  ~EngineSubject() override {
    engine_.reset();
    (void)engine::RemoveTree(PosixFileSystem(), folder_);
  }
  void Apply(const ingest::Operation& operation) override {
    ingest::WriteBatch batch;
    batch.operations.push_back(operation);
    ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  }
  std::unique_ptr<query::GraphReader> Read() override { return engine_->OpenReader(); }
  bool is_engine() const override { return true; }

 private:
  ManualClock clock_;
  std::string folder_;
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace

std::unique_ptr<Subject> NewReference() { return std::make_unique<ReferenceSubject>(); }
std::unique_ptr<Subject> NewEngineWithArrays() { return std::make_unique<EngineSubject>(64 << 20); }
std::unique_ptr<Subject> NewEngineWithLists() { return std::make_unique<EngineSubject>(0); }

}  // namespace twin::testing
