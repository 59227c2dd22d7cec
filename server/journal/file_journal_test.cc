// What a disk can do to the journal, and what must not come of it.
#include "server/journal/file_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/journal/segment.h"
#include "tests/support/faulty_file.h"
#include "tests/support/manual_clock.h"
#include "tests/support/status_matchers.h"

namespace twin::journal {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::FaultyFileSystem;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr char kFirstSegment[] = "/j/segment-0000000000000001";

class FileJournalTest : public ::testing::Test {
 protected:
  FileJournalOptions Options() {
    return {.folder = "/j",
            .file_system = &fs_,
            .clock = &clock_,
            .segment_bytes = 16384,
            .retention_seconds = 60};
  }

  void Open() {
    auto journal = FileJournal::Open(Options());
    ASSERT_THAT(journal, IsOk());
    journal_ = *std::move(journal);
    epoch_ = *journal_->Claim();
  }

  absl::Status Append(const std::string& bytes) {
    const Sequence next(journal_->status().durable.value + 1);
    std::promise<absl::Status> done;
    journal_->Append(epoch_, {next, 1, bytes},
                     [&done](absl::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }

  // Stops as a loss of power does: no closing group, no unsynced bytes.
  void Crash() {
    fs_.FailWrites(0);
    journal_.reset();
    fs_.FailWrites(-1);
    fs_.CutPower();
  }

  std::vector<std::string> ReadAll() {
    std::vector<std::string> found;
    const auto reader = journal_->ReadFrom(journal_->status().oldest);
    EXPECT_THAT(reader, IsOk());
    Record record;
    for (;;) {
      const absl::StatusOr<bool> more = (*reader)->Next(&record);
      EXPECT_THAT(more, IsOk());
      if (!more.ok() || !*more) return found;
      found.push_back(record.bytes);
    }
  }

  FaultyFileSystem fs_;
  ManualClock clock_{Time{1'000'000'000'000}};
  std::unique_ptr<FileJournal> journal_;
  Epoch epoch_ = 0;
};

std::vector<std::string> Numbers(int count) {
  std::vector<std::string> numbers;
  numbers.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) numbers.push_back(absl::StrCat("record ", i));
  return numbers;
}

TEST_F(FileJournalTest, GoesOnAfterACleanStop) {
  Open();
  for (const std::string& bytes : Numbers(5)) ASSERT_THAT(Append(bytes), IsOk());
  journal_.reset();
  Open();
  EXPECT_EQ(journal_->torn_bytes(), 0u);
  EXPECT_EQ(ReadAll(), Numbers(5));
  EXPECT_THAT(Append("record 5"), IsOk());
  journal_.reset();
  Open();
  EXPECT_EQ(ReadAll(), Numbers(6));
}

TEST_F(FileJournalTest, KeepsWhatWasAcknowledgedWhereverThePowerGoes) {
  for (int fail_at = 0; fail_at < 12; ++fail_at) {
    for (const bool at_sync : {false, true}) {
      SCOPED_TRACE(absl::StrCat("fails at ", fail_at, at_sync ? " sync" : " write"));
      fs_.SetFull(false);
      const std::vector<std::string> names = *fs_.List("/j");
      for (const std::string& name : names) {
        ASSERT_THAT(fs_.Remove(JoinPath("/j", name)), IsOk());
      }
      Open();
      ASSERT_THAT(Append("first"), IsOk());
      if (at_sync) {
        fs_.FailSyncs(fail_at);
      } else {
        fs_.FailWrites(fail_at);
      }
      std::vector<std::string> acknowledged = {"first"};
      absl::Status failure;
      for (int i = 0; i < 20 && failure.ok(); ++i) {
        const std::string bytes(3000, static_cast<char>('a' + i));
        failure = Append(bytes);
        if (failure.ok()) acknowledged.push_back(bytes);
      }
      EXPECT_THAT(failure, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("faulty disk")));
      // Poisoned: nothing is written any more, and the message is the same.
      fs_.FailSyncs(-1);
      fs_.FailWrites(-1);
      EXPECT_EQ(Append("later"), failure);
      Crash();
      Open();
      std::vector<std::string> found = ReadAll();
      ASSERT_GE(found.size(), acknowledged.size());
      ASSERT_LE(found.size(), acknowledged.size() + 1);
      found.resize(acknowledged.size());
      EXPECT_EQ(found, acknowledged);
      EXPECT_THAT(Append("after"), IsOk());
      journal_.reset();
    }
  }
}

TEST_F(FileJournalTest, CutsATornTailAtEveryByte) {
  Open();
  for (const std::string& bytes : Numbers(3)) ASSERT_THAT(Append(bytes), IsOk());
  const std::string before = fs_.Bytes(kFirstSegment);
  ASSERT_THAT(Append("the last record"), IsOk());
  Crash();
  const std::string after = fs_.Bytes(kFirstSegment);
  size_t begin = 0;
  while (before[begin] == after[begin]) ++begin;
  size_t end = after.size();
  while (before[end - 1] == after[end - 1]) --end;
  for (size_t cut = begin; cut < end; ++cut) {
    fs_.SetBytes(kFirstSegment, after.substr(0, cut) + before.substr(cut));
    Open();
    ASSERT_EQ(ReadAll(), Numbers(3)) << cut;
    ASSERT_THAT(Append("instead"), IsOk());
    Crash();
    Open();
    ASSERT_EQ(ReadAll().back(), "instead") << cut;
    Crash();
  }
}

TEST_F(FileJournalTest, DamageBeforeTheTailIsDataLoss) {
  Open();
  for (const std::string& bytes : Numbers(3)) ASSERT_THAT(Append(bytes), IsOk());
  journal_.reset();
  const std::string good = fs_.Bytes(kFirstSegment);
  // Every byte of the second of the three groups, header, payload and padding.
  const size_t group = GroupBytes({{Sequence(1), 1, "record 0"}});
  const size_t begin = kSegmentHeaderBytes + group;
  for (size_t at = begin; at < begin + group; ++at) {
    std::string bad = good;
    bad[at] ^= 0x10;
    fs_.SetBytes(kFirstSegment, bad);
    EXPECT_THAT(FileJournal::Open(Options()),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr(absl::StrCat(kFirstSegment, " at byte ", begin))))
        << at;
  }
}

TEST_F(FileJournalTest, ACleanStopProvesTheLastGroup) {
  Open();
  ASSERT_THAT(Append("one"), IsOk());
  journal_.reset();
  std::string bytes = fs_.Bytes(kFirstSegment);
  bytes[kSegmentHeaderBytes + kGroupHeaderBytes + 9] ^= 1;
  fs_.SetBytes(kFirstSegment, bytes);
  EXPECT_THAT(FileJournal::Open(Options()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("sequence 1")));
}

TEST_F(FileJournalTest, DamageInOlderSegmentsIsFoundWhenRead) {
  Open();
  for (int i = 0; i < 20; ++i) ASSERT_THAT(Append(std::string(3000, 'x')), IsOk());
  ASSERT_GT(journal_->status().segments, 3u);
  journal_.reset();
  std::string bytes = fs_.Bytes(kFirstSegment);
  bytes[kSegmentHeaderBytes + 2000] ^= 1;
  fs_.SetBytes(kFirstSegment, bytes);
  Open();
  const auto reader = journal_->ReadFrom(Sequence(1));
  ASSERT_THAT(reader, IsOk());
  Record record;
  EXPECT_THAT((*reader)->Next(&record),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(kFirstSegment)));
  journal_.reset();
  ASSERT_THAT(fs_.Remove("/j/segment-0000000000000002"), IsOk());
  EXPECT_THAT(FileJournal::Open(Options()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("missing")));
}

TEST_F(FileJournalTest, AFullDiskRefusesAndRecovers) {
  Open();
  ASSERT_THAT(Append("first"), IsOk());
  fs_.SetFull(true);
  absl::Status refused;
  int written = 0;
  for (; refused.ok() && written < 100; ++written) refused = Append(std::string(3000, 'x'));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("full")));
  EXPECT_THAT(Append(std::string(3000, 'y')),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("full")));
  EXPECT_THAT(journal_->status().writing, IsOk());
  fs_.SetFull(false);
  EXPECT_THAT(Append("again"), IsOk());
  EXPECT_EQ(ReadAll().back(), "again");
}

TEST_F(FileJournalTest, RecyclesSegmentsWithoutTakingOldBytesForNew) {
  Open();
  std::vector<std::string> kept;
  for (int i = 0; i < 60; ++i) {
    const std::string bytes(3000, static_cast<char>('a' + i % 26));
    ASSERT_THAT(Append(bytes), IsOk());
    clock_.AdvanceMs(30'000);
    ASSERT_THAT(journal_->Trim(journal_->status().durable), IsOk());
  }
  EXPECT_LT(journal_->status().segments, 5u);
  EXPECT_LT(fs_.List("/j")->size(), 9u);
  const std::vector<std::string> before = ReadAll();
  Crash();
  Open();
  EXPECT_EQ(ReadAll(), before);
}

TEST_F(FileJournalTest, RetentionKeepsYoungSegments) {
  Open();
  for (int i = 0; i < 20; ++i) ASSERT_THAT(Append(std::string(3000, 'x')), IsOk());
  ASSERT_THAT(journal_->Trim(Sequence(20)), IsOk());
  EXPECT_EQ(journal_->status().oldest, Sequence(1));
  clock_.AdvanceMs(61'000);
  ASSERT_THAT(journal_->Trim(Sequence(20)), IsOk());
  EXPECT_GT(journal_->status().oldest, Sequence(10));
}

TEST_F(FileJournalTest, ALargeRecordIsRefusedByName) {
  Open();
  EXPECT_THAT(Append(std::string(20'000, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("record_bytes_max")));
  EXPECT_THAT(Append("small"), IsOk());
}

TEST_F(FileJournalTest, ReadOnlyChangesNothing) {
  Open();
  ASSERT_THAT(Append("one"), IsOk());
  journal_.reset();
  const std::vector<std::string> names = *fs_.List("/j");
  FileJournalOptions options = Options();
  options.read_only = true;
  auto journal = FileJournal::Open(options);
  ASSERT_THAT(journal, IsOk());
  EXPECT_THAT((*journal)->Claim(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("read")));
  journal->reset();
  EXPECT_EQ(*fs_.List("/j"), names);
}

}  // namespace
}  // namespace twin::journal
