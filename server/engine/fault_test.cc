// An engine on a disk that fails: what is acknowledged stays, what is damaged is named, and nothing
// starts on less than everything. The journal is on a FaultyFileSystem; LMDB keeps its store on the
// system's disk, in a folder of the same name.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/base/sync.h"
#include "server/engine/data_dir.h"
#include "server/engine/engine.h"
#include "tests/support/faulty_file.h"
#include "tests/support/sanitized.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using absl::StatusCode;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::twin::testing::FaultyFileSystem;
using ::twin::testing::IsOk;
using ::twin::testing::kSanitized;
using ::twin::testing::StatusIs;

constexpr char kModel[] =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:M;1","@type":"Interface","contents":[
      {"@type":"Property","name":"n","schema":"long"},
      {"@type":"Property","name":"text","schema":"string"}]})";

// The model is sequence 1; write i creates the twin t<i> and sets n of the twin t0 to i, as one
// batch of sequence i + 2. So the state is known by its last i.
class EngineFaultTest : public ::testing::Test {
 protected:
  EngineFaultTest() {
    root_ = absl::StrCat(::testing::TempDir(), "/fault-XXXXXX");
    TWIN_CHECK(mkdtemp(root_.data()) != nullptr);
    options_.data_dir = absl::StrCat(root_, "/data");
    options_.segment_bytes = 256 << 10;
    options_.limits.batch_bytes_max = 64 << 10;
    options_.reserve_bytes = 1 << 16;
    options_.event_retention_bytes = 0;
    options_.checkpoint_on_stop = false;
    options_.file_system = &fs_;
  }
  ~EngineFaultTest() override {
    engine_.reset();
    std::error_code error;
    std::filesystem::remove_all(root_, error);
  }

  void Open() {
    auto engine = Engine::Open(options_);
    ASSERT_THAT(engine, IsOk());
    engine_ = *std::move(engine);
  }
  void Create() {
    Open();
    ingest::WriteBatch batch;
    batch.operations.emplace_back(ingest::CreateModels{{kModel}});
    ASSERT_THAT(engine_->Write(std::move(batch)).status, IsOk());
  }

  absl::Status Write(int i, size_t text_bytes = 10) {
    ingest::WriteBatch batch;
    for (const int each : {0, i}) {
      ingest::PutTwin put;
      put.id = absl::StrCat("t", each);
      put.model_id = "dtmi:t:M;1";
      put.contents.emplace_back("n", Value::Int(i));
      if (each > 0) put.contents.emplace_back("text", Value::String(std::string(text_bytes, 'x')));
      batch.operations.emplace_back(std::move(put));
      if (i == 0) break;
    }
    if (engine_ == nullptr) return absl::FailedPreconditionError("it is not open");
    return engine_->Write(std::move(batch)).status;
  }
  void WriteUpTo(int last, size_t text_bytes = 10) {
    for (int i = State() + 1; i <= last; ++i) {
      ASSERT_THAT(Write(i, text_bytes), IsOk()) << i;
    }
  }

  // The last write that the state has; -2: no model, -1: no write. Fails where there is a hole.
  int State() const {
    if (engine_ == nullptr) return -3;  // Open has said why
    int last = -2;
    engine_->Read([&](const graph::GraphView& head) {
      last = static_cast<int>(head.sequence().value) - 2;
      if (last < 0) return;
      EXPECT_EQ(head.twins(), static_cast<uint64_t>(last) + 1);
      for (int i = 0; i <= last; ++i) {
        const TwinNumber twin = head.FindTwin(absl::StrCat("t", i));
        ASSERT_FALSE(twin == kNoTwin) << i << " of " << last;
        EXPECT_EQ(head.GetValue(twin, ColumnId(0)).as_int(), i == 0 ? last : i);
      }
    });
    return last;
  }

  // As the process's end by SIGKILL: nothing is written any more.
  void Kill() {
    fs_.FailWrites(0);
    engine_.reset();
    fs_.FailWrites(-1);
    fs_.FailSyncs(-1);
    fs_.SetFull(false);
  }
  void KillAndCutPower() {
    Kill();
    fs_.CutPower();
  }

  std::string Journal(const std::string& name) const {
    return JoinPath(JournalFolder(options_.data_dir), name);
  }
  static std::string SegmentNumber(int i) { return absl::StrCat("segment-000000000000000", i); }
  std::string StoreFile() const { return JoinPath(StoreFolder(options_.data_dir), "data.mdb"); }

  FaultyFileSystem fs_{/*mirrors_folders=*/true};
  std::string root_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineFaultTest, AFailedWriteOrSyncStopsWritingUntilARestart) {
  for (const bool at_sync : {false, true}) {
    for (int fail_at = 0; fail_at < 4; ++fail_at) {
      for (const bool power_cut : {false, true}) {
        SCOPED_TRACE(absl::StrCat("fails at ", fail_at, at_sync ? " sync" : " write",
                                  power_cut ? ", then power is cut" : ""));
        options_.data_dir = absl::StrCat(root_, "/", at_sync, fail_at, power_cut);
        Create();
        WriteUpTo(5);
        if (at_sync) {
          fs_.FailSyncs(fail_at);
        } else {
          fs_.FailWrites(fail_at);
        }
        absl::Status failure;
        int acknowledged = 5;
        while (failure.ok()) {
          failure = Write(acknowledged + 1);
          if (failure.ok()) ++acknowledged;
        }
        EXPECT_THAT(failure, StatusIs(StatusCode::kUnavailable, HasSubstr("restart the server")));
        // Reads go on; a disk that works again changes nothing.
        EXPECT_EQ(State(), acknowledged);
        fs_.FailSyncs(-1);
        fs_.FailWrites(-1);
        EXPECT_THAT(Write(acknowledged + 1), StatusIs(StatusCode::kUnavailable, HasSubstr("")));
        EXPECT_FALSE(engine_->status().writing.ok());
        if (power_cut) {
          KillAndCutPower();
        } else {
          Kill();
        }
        Open();
        const int found = State();
        EXPECT_GE(found, acknowledged);
        EXPECT_LE(found, acknowledged + 1);
        WriteUpTo(found + 3);
        KillAndCutPower();
        Open();
        EXPECT_EQ(State(), found + 3);
        engine_.reset();
      }
    }
  }
}

// What a restart shows was perhaps never synced: from then on it stays.
TEST_F(EngineFaultTest, WhatARestartHasFoundIsNotLostAfterwards) {
  Create();
  WriteUpTo(3);
  fs_.FailSyncs(0);
  EXPECT_FALSE(Write(4).ok());
  Kill();
  Open();
  ASSERT_EQ(State(), 4);
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  KillAndCutPower();
  Open();
  EXPECT_EQ(State(), 4);
}

TEST_F(EngineFaultTest, CutsATornTailAtEveryByte) {
  Create();
  WriteUpTo(3);
  const std::string path = Journal(SegmentNumber(1));
  const std::string before = fs_.Bytes(path);
  ASSERT_THAT(Write(4), IsOk());
  KillAndCutPower();
  const std::string after = fs_.Bytes(path);
  size_t begin = 0;
  while (before[begin] == after[begin]) ++begin;
  size_t end = after.size();
  while (before[end - 1] == after[end - 1]) --end;
  ASSERT_GT(end, begin + 64);
  for (size_t cut = begin; cut <= end; ++cut) {
    fs_.SetBytes(path, absl::StrCat(after.substr(0, cut), before.substr(cut)));
    Open();
    ASSERT_EQ(State(), cut < end ? 3 : 4) << cut;
    ASSERT_THAT(Write(cut < end ? 4 : 5), IsOk());
    KillAndCutPower();
    Open();
    ASSERT_EQ(State(), cut < end ? 4 : 5) << cut;
    Kill();
  }
}

TEST_F(EngineFaultTest, DamageOfTheJournalIsNamedAndNothingStarts) {
  Create();
  WriteUpTo(60, 20'000);
  ASSERT_GT(engine_->status().journal_segments, 3u);
  engine_.reset();  // its last group proves the one before
  const std::vector<std::string> names = *fs_.List(JournalFolder(options_.data_dir));
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, "segment-")) continue;
    const std::string good = fs_.Bytes(Journal(name));
    // The header, the first group's header, its payload.
    for (const size_t at : {0, 9, 13, 17, 25, 34, 42, 50, 57, 4096, 4100, 4106, 4114, 4122, 4130,
                            4138, 4155, 4200, 9000}) {
      std::string bad = good;
      bad[at] ^= 0x04;
      fs_.SetBytes(Journal(name), bad);
      EXPECT_THAT(Engine::Open(options_),
                  StatusIs(StatusCode::kDataLoss, AnyOf(HasSubstr(name), HasSubstr("segment-"))))
          << name << " at " << at;
      std::vector<std::string> report;
      EXPECT_THAT(CheckDataDir(options_.data_dir, &report, &fs_),
                  StatusIs(StatusCode::kDataLoss, HasSubstr("segment-")));
    }
    for (const size_t size : {size_t{0}, size_t{4096}, size_t{5000}, good.size() - 1}) {
      fs_.SetBytes(Journal(name), good.substr(0, size));
      EXPECT_THAT(Engine::Open(options_), StatusIs(StatusCode::kDataLoss, HasSubstr(name)))
          << name << " cut to " << size;
    }
    fs_.SetBytes(Journal(name), good);
  }
  Open();
  EXPECT_EQ(State(), 60);
}

TEST_F(EngineFaultTest, AMissingSegmentIsNamed) {
  Create();
  WriteUpTo(40, 20'000);
  Kill();
  for (const int i : {1, 2}) {
    const std::string good = fs_.Bytes(Journal(SegmentNumber(i)));
    ASSERT_THAT(fs_.Remove(Journal(SegmentNumber(i))), IsOk());
    EXPECT_THAT(Engine::Open(options_), StatusIs(StatusCode::kDataLoss, HasSubstr("missing")));
    ASSERT_THAT(fs_.Create(Journal(SegmentNumber(i))), IsOk());
    fs_.SetBytes(Journal(SegmentNumber(i)), good);
  }
  Open();
  ASSERT_EQ(State(), 40);
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  Kill();
  // The checkpoint has it all; that nothing came after it is no longer known.
  const std::vector<std::string> names = *fs_.List(JournalFolder(options_.data_dir));
  for (const std::string& name : names) ASSERT_THAT(fs_.Remove(Journal(name)), IsOk());
  EXPECT_THAT(Engine::Open(options_), StatusIs(StatusCode::kDataLoss, HasSubstr("missing")));
}

TEST_F(EngineFaultTest, AFullDiskRefusesWritesAndRecovers) {
  Mutex mutex;
  CondVar told;
  std::vector<absl::StatusCode> changes;
  options_.writing_changed = [&](const absl::Status& status) {
    const MutexLock lock(&mutex);
    changes.push_back(status.code());
    told.SignalAll();
  };
  const auto wait_for = [&](size_t count) {
    const MutexLock lock(&mutex);
    while (changes.size() < count) told.Wait(&mutex);
    EXPECT_EQ(changes.size(), count);
    EXPECT_EQ(changes.back(), count % 2 == 1 ? StatusCode::kResourceExhausted : StatusCode::kOk);
  };
  Create();
  WriteUpTo(2);
  for (int round = 0; round < 3; ++round) {
    fs_.SetFull(true);
    absl::Status refused;
    int last = State();
    while (refused.ok() && last < 200) {
      refused = Write(last + 1, 20'000);
      if (refused.ok()) ++last;
    }
    EXPECT_THAT(refused, StatusIs(StatusCode::kResourceExhausted, HasSubstr("full")));
    EXPECT_THAT(Write(last + 1, 20'000),
                StatusIs(StatusCode::kResourceExhausted, HasSubstr("full")));
    EXPECT_EQ(State(), last);
    EXPECT_THAT(engine_->status().writing,
                StatusIs(StatusCode::kResourceExhausted, HasSubstr("full")));
    wait_for(2 * static_cast<size_t>(round) + 1);
    if (round == 1) {
      // Room comes of a checkpoint: it lets segments be used again.
      ASSERT_THAT(engine_->Checkpoint(), IsOk());
    } else {
      fs_.SetFull(false);
    }
    EXPECT_THAT(Write(last + 1, 20'000), IsOk());
    EXPECT_EQ(State(), last + 1);
    EXPECT_THAT(engine_->status().writing, IsOk());
    wait_for(2 * static_cast<size_t>(round) + 2);
    fs_.SetFull(false);
    KillAndCutPower();
    Open();
    EXPECT_EQ(State(), last + 1);
  }
  engine_.reset();  // before what it calls
}

TEST_F(EngineFaultTest, StartsOnAFullDisk) {
  Create();
  WriteUpTo(3);
  engine_.reset();
  options_.reserve_bytes = 0;
  for (int i = 0; i < 3; ++i) {
    fs_.SetFull(true);
    Open();
    EXPECT_EQ(State(), 3);
    engine_.reset();
  }
  fs_.SetFull(false);
  Open();
  WriteUpTo(4);
}

TEST_F(EngineFaultTest, ADamagedEpochIsFoundByACheckToo) {
  Create();
  WriteUpTo(3);
  engine_.reset();
  fs_.SetBytes(Journal("epoch"), "one");
  const auto is_named = StatusIs(StatusCode::kDataLoss, HasSubstr("epoch is not a number"));
  EXPECT_THAT(Engine::Open(options_), is_named);
  std::vector<std::string> report;
  EXPECT_THAT(CheckDataDir(options_.data_dir, &report, &fs_), is_named);
}

// LMDB's two meta pages have no checksum. Whatever bit of them flips: nothing is lost in silence.
TEST_F(EngineFaultTest, AFlipInTheStoresMetaPagesShowsNoFormerState) {
  Create();
  for (int i = 1; i <= 3; ++i) {
    WriteUpTo(i * 20, 20'000);
    ASSERT_THAT(engine_->Checkpoint(), IsOk());
  }
  EXPECT_GT(engine_->status().journal_oldest, Sequence(30));
  Kill();
  const std::string good = *PosixFileSystem()->ReadWhole(StoreFile());
  int refused = 0;
  for (const size_t page : {0, 4096}) {
    for (size_t at = page; at < page + 16 + 136; ++at) {
      for (const int bit : {0, 1, 6}) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
        {
          auto file = PosixFileSystem()->OpenToWrite(StoreFile());
          ASSERT_THAT(file, IsOk());
          ASSERT_THAT((*file)->Write(0, bad), IsOk());
        }
        auto engine = Engine::Open(options_);
        if (engine.ok()) {
          engine_ = *std::move(engine);
          EXPECT_EQ(State(), 60) << "byte " << at << " bit " << bit;
          Kill();
        } else {
          ++refused;
          EXPECT_THAT(engine, AnyOf(StatusIs(StatusCode::kDataLoss, HasSubstr("")),
                                    StatusIs(StatusCode::kFailedPrecondition, HasSubstr(""))))
              << "byte " << at << " bit " << bit;
        }
      }
    }
  }
  EXPECT_GT(refused, 20);
}

// A flip anywhere else: found at start, or nothing reads it; and then writing on does not read it
// either (LMDB's list of free pages has no checksum).
TEST_F(EngineFaultTest, AFlipOfTheStoreIsFoundOrHarmsNothing) {
  Create();
  for (int i = 1; i <= 4; ++i) {
    WriteUpTo(i * 20, 300);
    ASSERT_THAT(engine_->Checkpoint(), IsOk());
  }
  Kill();
  const std::string good = *PosixFileSystem()->ReadWhole(StoreFile());
  const std::vector<std::string> names = *fs_.List(JournalFolder(options_.data_dir));
  std::vector<std::pair<std::string, std::string>> journal;
  for (const std::string& name : names) journal.emplace_back(name, fs_.Bytes(Journal(name)));
  int harmless = 0;
  for (size_t at = 8192; at < good.size(); at += kSanitized ? 997 : 211) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    ASSERT_THAT(PosixFileSystem()->WriteWhole(StoreFile(), bad), IsOk());
    auto engine = Engine::Open(options_);
    if (!engine.ok()) {
      ASSERT_THAT(engine, AnyOf(StatusIs(StatusCode::kDataLoss, HasSubstr("")),
                                StatusIs(StatusCode::kFailedPrecondition, HasSubstr(""))))
          << at;
      continue;
    }
    ++harmless;
    engine_ = *std::move(engine);
    ASSERT_EQ(State(), 80) << at;
    WriteUpTo(100, 300);
    ASSERT_THAT(engine_->Checkpoint(), IsOk()) << at;
    Kill();
    SCOPED_TRACE(absl::StrCat("byte ", at));
    ASSERT_NO_FATAL_FAILURE(Open());
    ASSERT_EQ(State(), 100);
    Kill();
    // As before.
    const std::vector<std::string> now = *fs_.List(JournalFolder(options_.data_dir));
    for (const std::string& name : now) ASSERT_THAT(fs_.Remove(Journal(name)), IsOk());
    for (const auto& [name, bytes] : journal) {
      ASSERT_THAT(fs_.Create(Journal(name)), IsOk());
      fs_.SetBytes(Journal(name), bytes);
    }
  }
  EXPECT_GT(harmless, 10);
}

TEST_F(EngineFaultTest, AStoreThatIsCutShortIsRefused) {
  Create();
  WriteUpTo(60, 20'000);
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  ASSERT_GT(engine_->status().journal_oldest, Sequence(1));
  Kill();
  struct stat info {};
  ASSERT_EQ(stat(StoreFile().c_str(), &info), 0);
  const std::string good = *PosixFileSystem()->ReadWhole(StoreFile());
  for (int64_t size = 0; size < info.st_size; size += size < 8192 ? 1024 : 40'000) {
    ASSERT_EQ(truncate(StoreFile().c_str(), size), 0);
    auto engine = Engine::Open(options_);
    if (engine.ok()) {  // only pages that nobody uses were cut off
      engine_ = *std::move(engine);
      EXPECT_EQ(State(), 60) << size;
      Kill();
    } else {
      EXPECT_THAT(engine, StatusIs(StatusCode::kDataLoss, HasSubstr("data.mdb"))) << size;
    }
    auto file = PosixFileSystem()->OpenToWrite(StoreFile());
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Write(0, good), IsOk());
  }
  ASSERT_EQ(unlink(StoreFile().c_str()), 0);
  EXPECT_THAT(Engine::Open(options_),
              StatusIs(StatusCode::kDataLoss, HasSubstr("data.mdb is missing")));
}

TEST_F(EngineFaultTest, ABackupOfAFailingDiskLeavesNothingAndHarmsNothing) {
  Create();
  WriteUpTo(20, 5'000);
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  WriteUpTo(30, 5'000);
  const std::string folder = JoinPath(root_, "backup");
  // A source whose next segment is prepared: only the backup writes.
  int fail_at = 0;
  absl::Status status = absl::UnknownError("");
  for (; !status.ok(); ++fail_at) {
    ASSERT_LT(fail_at, 1000);
    fs_.FailWrites(fail_at);
    status = engine_->Backup(folder);
    fs_.FailWrites(-1);
    EXPECT_FALSE(fs_.Exists(absl::StrCat(folder, ".partial"))) << fail_at;
    if (!status.ok()) {
      EXPECT_FALSE(fs_.Exists(folder)) << fail_at;
      ASSERT_THAT(engine_->status().writing, IsOk());
    }
  }
  EXPECT_GT(fail_at, 3);
  fs_.SetFull(true);
  EXPECT_THAT(engine_->Backup(JoinPath(root_, "other")),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("full")));
  EXPECT_FALSE(fs_.Exists(JoinPath(root_, "other")));
  fs_.SetFull(false);
  WriteUpTo(31);
  std::vector<std::string> report;
  EXPECT_THAT(CheckDataDir(folder, &report, &fs_), IsOk()) << report.size();
  Kill();
  options_.data_dir = folder;
  Open();
  EXPECT_EQ(State(), 30);
}

// A backup without records in its journal: the store's flips must be found all the same.
TEST_F(EngineFaultTest, ABackupOfACheckpointAloneSaysWhatItHas) {
  Create();
  WriteUpTo(20);
  ASSERT_THAT(engine_->Checkpoint(), IsOk());
  const std::string folder = JoinPath(root_, "backup");
  ASSERT_THAT(engine_->Backup(folder), IsOk());
  Kill();
  options_.data_dir = folder;
  Open();
  EXPECT_EQ(State(), 20);
  Kill();
  const std::string good = *PosixFileSystem()->ReadWhole(StoreFile());
  // An empty store, as a flip of the transaction's number would show it.
  ASSERT_EQ(unlink(StoreFile().c_str()), 0);
  EXPECT_THAT(Engine::Open(options_),
              StatusIs(StatusCode::kDataLoss, HasSubstr("data.mdb is missing")));
  ASSERT_THAT(PosixFileSystem()->WriteWhole(StoreFile(), good), IsOk());
  // No FORMAT yet, as after a kill: it is refused.
  ASSERT_THAT(fs_.Remove(JoinPath(folder, "FORMAT")), IsOk());
  EXPECT_THAT(Engine::Open(options_),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not empty")));
}

}  // namespace
}  // namespace twin::engine
