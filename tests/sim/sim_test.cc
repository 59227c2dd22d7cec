// Random writes, snapshots, checkpoints, compactions, backups, restarts and crashes of an engine;
// every answer and every state is that of the reference. TWIN_SEED=n runs that seed alone,
// TWIN_LONG=1 runs 50 times as many.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/base/sync.h"
#include "server/engine/data_dir.h"
#include "server/engine/engine.h"
#include "tests/sim/describe.h"
#include "tests/sim/random_operations.h"
#include "tests/sim/reference.h"
#include "tests/support/manual_clock.h"
#include "tests/support/status_matchers.h"

namespace twin::sim {
namespace {

using ::twin::testing::IsOk;

constexpr int kSteps = 300;
constexpr Time kStart{1'700'000'000'000'000'000};

class Simulation {
 public:
  explicit Simulation(uint32_t seed) : operations_(seed), clock_(kStart) {
    // In memory where that is possible: no power is cut here, so syncs would only take time.
    const bool has_memory = PosixFileSystem()->Exists("/dev/shm");
    std::string pattern =
        absl::StrCat(has_memory ? "/dev/shm" : ::testing::TempDir(), "/twin-sim-XXXXXX");
    TWIN_CHECK(mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    options_.data_dir = JoinPath(root_, "data0");
    options_.segment_bytes = 128 << 10;
    options_.limits.batch_bytes_max = 64 << 10;
    options_.reserve_bytes = 1 << 12;
    options_.event_retention_seconds = 5;
    options_.clock = &clock_;
  }
  ~Simulation() {
    snapshots_.clear();
    engine_.reset();
    (void)engine::RemoveTree(PosixFileSystem(), root_);
  }

  // Ends early at the first difference.
  void Run() {
    Open();
    CreateModels();
    for (step_ = 0; step_ < kSteps && !::testing::Test::HasFailure(); ++step_) {
      Step();
      clock_.AdvanceMs(operations_.Pick(3000));
      if (operations_.OneIn(30)) clock_.AdvanceMs(-2000);
    }
    if (::testing::Test::HasFailure()) return;
    CheckSnapshots();
    Restart(/*stops=*/true);
    engine_.reset();
    CheckFiles();
  }

 private:
  struct Snapshot {
    std::shared_ptr<const graph::GraphView> view;
    std::string text;
  };

  void Step() {
    const uint32_t kind = operations_.Pick(100);
    if (kind < 76) return WriteOne();
    if (kind < 82) return WriteSeveral();
    if (kind < 87) return TakeSnapshot();
    if (kind < 90) return CheckSnapshots();
    if (kind < 92) return Compact();
    if (kind < 95) return Checkpoint();
    if (kind < 96) return Backup();
    if (kind < 98) return Restart(operations_.OneIn(2));
    return Crash();
  }

  // --- Writes ---

  void CreateModels() {
    ingest::WriteBatch batch;
    ingest::CreateModels create;
    for (const Model& model : Models()) create.texts.push_back(model.text);
    batch.operations.emplace_back(std::move(create));
    WriteBoth(std::move(batch));
  }

  void WriteBoth(ingest::WriteBatch batch) {
    const std::string expected = TextOf(reference_.Write(batch, clock_.Now()));
    const std::string asked = Describe(batch);
    const ingest::WriteResult result = engine_->Write(std::move(batch));
    EXPECT_EQ(TextOf(result), expected) << Where() << asked << "\n" << MessagesOf(result);
    CheckHead();
  }

  void WriteOne() { WriteBoth(operations_.Batch(reference_.state(), clock_.Now())); }

  // Several that wait for the journal at once end as one after the other.
  void WriteSeveral() {
    std::vector<std::string> expected;
    std::vector<ingest::WriteBatch> batches;
    std::string messages;
    for (uint32_t i = 2 + operations_.Pick(10); i > 0; --i) {
      batches.push_back(operations_.Batch(reference_.state(), clock_.Now()));
      expected.push_back(TextOf(reference_.Write(batches.back(), clock_.Now())));
      absl::StrAppend(&messages, Describe(batches.back()), "\n");
    }
    Mutex mutex;
    CondVar answered;
    std::vector<ingest::WriteResult> results;
    for (ingest::WriteBatch& batch : batches) {
      engine_->Write(std::move(batch), [&](ingest::WriteResult result) {
        const MutexLock lock(&mutex);
        results.push_back(std::move(result));
        answered.Signal();
      });
    }
    const MutexLock lock(&mutex);
    while (results.size() < batches.size()) answered.Wait(&mutex);
    // Answers come in order, except that what changes nothing does not wait for the journal.
    std::vector<std::string> found;
    for (const ingest::WriteResult& result : results) {
      found.push_back(TextOf(result));
      absl::StrAppend(&messages, MessagesOf(result));
    }
    EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(expected)) << Where() << messages;
    CheckHead();
  }

  // --- Reads ---

  void CheckHead() const {
    std::string text;
    engine_->Read([&](const graph::GraphView& head) { text = TextOf(head); });
    EXPECT_EQ(text, TextOf(reference_.state())) << Where();
  }

  void TakeSnapshot() {
    snapshots_.push_back({engine_->Pin(), TextOf(reference_.state())});
    if (snapshots_.size() > 6) snapshots_.erase(snapshots_.begin() + operations_.Pick(6));
  }

  void CheckSnapshots() const {
    for (const Snapshot& each : snapshots_) EXPECT_EQ(TextOf(*each.view), each.text) << Where();
  }

  // --- The life of the server ---

  void Open() {
    auto opened = engine::Engine::Open(options_);
    ASSERT_THAT(opened, IsOk()) << Where();
    engine_ = *std::move(opened);
    CheckHead();
  }

  void Checkpoint() {
    EXPECT_THAT(engine_->Checkpoint(), IsOk()) << Where();
    CheckHead();
  }

  void Compact() {
    if (operations_.OneIn(2)) snapshots_.clear();  // they keep ids from being forgotten
    EXPECT_THAT(engine_->Compact(), IsOk()) << Where();
    CheckHead();
    CheckSnapshots();
  }

  void Backup() {
    engine::EngineOptions options = options_;
    options.data_dir = JoinPath(root_, absl::StrCat("backup", step_));
    ASSERT_THAT(engine_->Backup(options.data_dir), IsOk()) << Where();
    auto restored = engine::Engine::Open(options);
    ASSERT_THAT(restored, IsOk()) << Where();
    EXPECT_EQ(TextOf(*(*restored)->Pin()), TextOf(reference_.state())) << Where();
    restored->reset();
    EXPECT_THAT(engine::RemoveTree(PosixFileSystem(), options.data_dir), IsOk());
  }

  // Without a stop, the journal has what came after the last checkpoint.
  void Restart(bool stops) {
    CheckSnapshots();
    snapshots_.clear();
    if (stops) {
      EXPECT_THAT(engine_->Stop(), IsOk()) << Where();
    }
    engine_.reset();
    Open();
  }

  // As after kill -9: everything was acknowledged, nothing was closed. What the old process does
  // after that moment is lost.
  void Crash() {
    const std::string folder = JoinPath(root_, absl::StrCat("data", ++crashes_));
    CopyTree(options_.data_dir, folder);
    snapshots_.clear();
    engine_.reset();
    ASSERT_THAT(engine::RemoveTree(PosixFileSystem(), options_.data_dir), IsOk());
    options_.data_dir = folder;
    Open();
  }

  // Files that are made or renamed meanwhile are the journal's spares, which nobody misses.
  static void CopyTree(const std::string& from, const std::string& to) {
    namespace fs = std::filesystem;
    fs::create_directories(to);
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(from)) {
      const std::string target = JoinPath(to, entry.path().filename().string());
      if (entry.is_directory()) {
        CopyTree(entry.path().string(), target);
      } else {
        fs::copy_file(entry.path(), target, ignored);
      }
    }
  }

  void CheckFiles() const {
    std::vector<std::string> report;
    EXPECT_THAT(engine::CheckDataDir(options_.data_dir, &report), IsOk()) << Where();
  }

  std::string Where() const { return absl::StrCat("at step ", step_, "\n"); }

  static std::string MessagesOf(const ingest::WriteResult& result) {
    std::string all = absl::StrCat(result.status.ToString(), "\n");
    for (const auto& each : result.results) absl::StrAppend(&all, each.status.ToString(), "\n");
    return all;
  }

  RandomOperations operations_;
  ManualClock clock_;
  Reference reference_;
  std::string root_;
  engine::EngineOptions options_;
  std::unique_ptr<engine::Engine> engine_;
  std::vector<Snapshot> snapshots_;
  int step_ = 0;
  int crashes_ = 0;
};

TEST(Simulation, TheEngineDoesWhatTheReferenceDoes) {
  uint32_t first = 1;
  uint32_t count = 20;
  if (std::getenv("TWIN_LONG") != nullptr) count *= 50;
  if (const char* seed = std::getenv("TWIN_SEED")) {
    first = static_cast<uint32_t>(std::strtoul(seed, nullptr, 10));
    count = 1;
  }
  for (uint32_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("TWIN_SEED=", seed));
    Simulation(seed).Run();
  }
}

}  // namespace
}  // namespace twin::sim
