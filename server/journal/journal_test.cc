// The contract of journal.h, held by every implementation.
#include "server/journal/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/clock.h"
#include "server/journal/file_journal.h"
#include "server/journal/memory_journal.h"
#include "tests/support/faulty_file.h"
#include "tests/support/status_matchers.h"

namespace twin::journal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::twin::testing::FaultyFileSystem;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

struct Implementation {
  std::string name;
  // Makes one; `fs` lives longer.
  std::function<std::unique_ptr<Journal>(FaultyFileSystem* fs)> make;
};

class JournalContract : public ::testing::TestWithParam<Implementation> {
 protected:
  JournalContract() : journal_(GetParam().make(&fs_)), epoch_(*journal_->Claim()) {}

  absl::Status Append(uint64_t first, uint32_t count, const std::string& bytes) {
    std::promise<absl::Status> done;
    journal_->Append(epoch_, {Sequence(first), count, bytes},
                     [&done](absl::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }

  std::vector<std::string> ReadAll(uint64_t from) {
    std::vector<std::string> found;
    const auto reader = journal_->ReadFrom(Sequence(from));
    EXPECT_THAT(reader, IsOk());
    Record record;
    for (;;) {
      const absl::StatusOr<bool> more = (*reader)->Next(&record);
      EXPECT_THAT(more, IsOk());
      if (!more.ok() || !*more) return found;
      found.push_back(absl::StrCat(record.first.value, "+", record.count, " ", record.bytes));
    }
  }

  FaultyFileSystem fs_;
  const std::unique_ptr<Journal> journal_;
  Epoch epoch_;
};

TEST_P(JournalContract, IsEmptyAtFirst) {
  EXPECT_EQ(journal_->status().durable, Sequence(0));
  EXPECT_EQ(journal_->status().oldest, Sequence(1));
  EXPECT_THAT(ReadAll(1), ElementsAre());
}

TEST_P(JournalContract, AppendingAndWaitingKeepsTheOrder) {
  constexpr uint64_t kRecords = 200;
  std::vector<std::string> expected;
  std::promise<void> all;
  std::atomic<uint64_t> next{1};
  for (uint64_t i = 1; i <= kRecords; ++i) {
    const std::string bytes = absl::StrCat("r", i);
    expected.push_back(absl::StrCat(i, "+1 ", bytes));
    const auto done = [&, i](const absl::Status& status) {
      EXPECT_THAT(status, IsOk());
      EXPECT_EQ(next.fetch_add(1), i);
      if (i == kRecords) all.set_value();
    };
    if (i % 3 == 0) {
      journal_->AppendAndWait(epoch_, {Sequence(i), 1, bytes}, done);
    } else {
      journal_->Append(epoch_, {Sequence(i), 1, bytes}, done);
    }
  }
  all.get_future().wait();
  EXPECT_EQ(ReadAll(1), expected);
}

TEST_P(JournalContract, GivesBackRecordsInOrder) {
  EXPECT_THAT(Append(1, 1, "a"), IsOk());
  EXPECT_THAT(Append(2, 3, ""), IsOk());
  EXPECT_THAT(Append(5, 1, std::string(5000, 'c')), IsOk());
  EXPECT_EQ(journal_->status().durable, Sequence(5));
  EXPECT_THAT(ReadAll(1), ElementsAre("1+1 a", "2+3 ", "5+1 " + std::string(5000, 'c')));
  EXPECT_THAT(ReadAll(3), ElementsAre("2+3 ", "5+1 " + std::string(5000, 'c')));
  EXPECT_THAT(ReadAll(6), ElementsAre());
}

TEST_P(JournalContract, AReaderGoesOnWhenMoreCame) {
  const auto reader = journal_->ReadFrom(Sequence(1));
  ASSERT_THAT(reader, IsOk());
  Record record;
  EXPECT_FALSE(*(*reader)->Next(&record));
  EXPECT_THAT(Append(1, 1, "a"), IsOk());
  EXPECT_TRUE(*(*reader)->Next(&record));
  EXPECT_EQ(record.bytes, "a");
  EXPECT_FALSE(*(*reader)->Next(&record));
  EXPECT_THAT(Append(2, 1, "b"), IsOk());
  EXPECT_TRUE(*(*reader)->Next(&record));
  EXPECT_EQ(record.bytes, "b");
}

TEST_P(JournalContract, RefusesGaps) {
  EXPECT_THAT(Append(2, 1, "a"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected 1")));
  EXPECT_THAT(Append(1, 0, "a"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1")));
  EXPECT_THAT(Append(1, 1, "a"), IsOk());
  EXPECT_THAT(Append(1, 1, "a"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected 2")));
}

TEST_P(JournalContract, ALaterClaimEndsTheFormer) {
  EXPECT_THAT(Append(1, 1, "a"), IsOk());
  const Epoch former = epoch_;
  epoch_ = *journal_->Claim();
  EXPECT_GT(epoch_, former);
  EXPECT_THAT(Append(2, 1, "b"), IsOk());
  epoch_ = former;
  EXPECT_THAT(Append(3, 1, "c"), StatusIs(absl::StatusCode::kAborted, HasSubstr("claimed")));
}

TEST_P(JournalContract, KeepsOrderWithManyInFlight) {
  constexpr int kRecords = 2000;
  std::vector<uint64_t> done;  // called in order, hence by one thread at a time
  std::promise<void> all;
  for (uint64_t i = 1; i <= kRecords; ++i) {
    journal_->Append(epoch_, {Sequence(i), 1, absl::StrCat(i)},
                     [&done, &all, i](const absl::Status& status) {
                       EXPECT_THAT(status, IsOk());
                       done.push_back(i);
                       if (i == kRecords) all.set_value();
                     });
  }
  all.get_future().wait();
  for (uint64_t i = 0; i < kRecords; ++i) ASSERT_EQ(done[i], i + 1);
  EXPECT_EQ(ReadAll(1).size(), kRecords);
}

TEST_P(JournalContract, TrimKeepsWhatIsNeeded) {
  for (uint64_t i = 1; i <= 200; ++i) ASSERT_THAT(Append(i, 1, std::string(1000, 'x')), IsOk());
  EXPECT_THAT(journal_->Trim(Sequence(150)), IsOk());
  const Sequence oldest = journal_->status().oldest;
  EXPECT_GT(oldest, Sequence(1));
  EXPECT_LE(oldest, Sequence(150));
  EXPECT_THAT(journal_->ReadFrom(Sequence(oldest.value - 1)),
              StatusIs(absl::StatusCode::kOutOfRange,
                       HasSubstr(absl::StrCat("the oldest is ", oldest.value))));
  EXPECT_EQ(ReadAll(150).size(), 51u);
  EXPECT_THAT(Append(201, 1, "more"), IsOk());
  EXPECT_EQ(ReadAll(150).size(), 52u);
}

INSTANTIATE_TEST_SUITE_P(
    Implementations, JournalContract,
    ::testing::Values(Implementation{"Memory",
                                     [](FaultyFileSystem*) -> std::unique_ptr<Journal> {
                                       return std::make_unique<MemoryJournal>();
                                     }},
                      Implementation{"File",
                                     [](FaultyFileSystem* fs) -> std::unique_ptr<Journal> {
                                       auto journal = FileJournal::Open({.folder = "/j",
                                                                         .file_system = fs,
                                                                         .segment_bytes = 32768,
                                                                         .retention_seconds = 1000,
                                                                         .retention_bytes = 1});
                                       EXPECT_THAT(journal, IsOk());
                                       return *std::move(journal);
                                     }}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace twin::journal
