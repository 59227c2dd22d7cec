// Retention: days go whole, each group's when its own time is over, also when the disk fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/timeseries/checkpoint.h"
#include "server/timeseries/group.h"
#include "server/timeseries/partition_file.h"
#include "server/timeseries/store.h"
#include "tests/support/faulty_file.h"
#include "tests/support/status_matchers.h"

namespace twin::timeseries {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::twin::testing::IsOk;

constexpr int64_t kSecondNs = 1'000'000'000;

// A store of series, twin i of group i, whose samples go to the disk with each checkpoint.
class RetentionTest : public ::testing::Test {
 protected:
  RetentionTest() { Open(); }

  void Open() {
    Load();
    Assign();
  }

  // All are of one rule so far.
  void Load() {
    store_ = std::make_unique<Store>(StoreOptions{
        .folder = folder_, .file_system = &disk_, .block_rows = 4, .retention = KeptDays(10)});
    for (const auto& [key, bytes] : durable_) {
      ASSERT_THAT(store_->Load({.kind = key.first, .number = key.second}, bytes), IsOk());
    }
    ASSERT_THAT(store_->FinishLoad(), IsOk());
    store_->AddPath("voltage");
    while (store_->status().groups < 2) {
      GroupSpec spec;
      spec.columns.push_back(
          {.kind = ColumnKind::kInt,
           .series = {{TwinNumber(static_cast<uint32_t>(store_->status().groups)), PathId{0}}}});
      store_->AddGroup(spec);
    }
  }

  Retention KeptDays(int64_t days) const {
    return {.samples = days * kNsPerDay, .rollups = keeps_rollups_ ? 0 : days * kNsPerDay};
  }

  // Samples of twin 1, or the other one, are kept 2 days.
  void Assign() {
    store_->AssignRetention([this](const GroupSpec& group) {
      return KeptDays(group.columns[0].series[0].twin.value == short_twin_ ? 2 : 10);
    });
  }

  // Samples on a day, of a group.
  void Fill(uint32_t group, int64_t day, int first_second = 0, int samples = 8) {
    std::vector<int64_t> times;
    std::vector<int64_t> values;
    std::vector<uint64_t> sequences;
    for (int i = 0; i < samples; ++i) {
      times.push_back(day * kNsPerDay + (first_second + i) * kSecondNs);
      values.push_back(i);
      sequences.push_back(++sequence_);
    }
    const ColumnRows column{.kind = ColumnKind::kInt, .ints = values.data()};
    store_->Append({.group = GroupId{group},
                    .times = times,
                    .sequences = sequences,
                    .columns = absl::MakeConstSpan(&column, 1)});
  }

  bool Checkpoint() {
    const auto checkpoint = store_->PinForCheckpoint(false);
    std::map<std::pair<uint32_t, uint32_t>, std::string> keys = durable_;
    const absl::Status status =
        store_->WriteCheckpoint(checkpoint.get(), [&](CheckpointKey key, absl::string_view bytes) {
          if (bytes.empty()) {
            keys.erase({key.kind, key.number});
          } else {
            keys[{key.kind, key.number}] = std::string(bytes);
          }
          return absl::OkStatus();
        });
    if (!status.ok()) return false;
    durable_ = std::move(keys);
    store_->CheckpointDone(checkpoint);
    return true;
  }

  // Days of which a twin has samples.
  std::vector<int64_t> DaysOf(uint32_t twin, const Snapshot* snapshot = nullptr) {
    std::shared_ptr<const Snapshot> now;
    if (snapshot == nullptr) {
      now = store_->Pin(Sequence(sequence_));
      snapshot = now.get();
    }
    std::vector<int64_t> days;
    const ReadRequest request{.series = {{{TwinNumber(twin), PathId{0}}, WantedAs::kInt}},
                              .from = INT64_MIN,
                              .to = INT64_MAX};
    EXPECT_THAT(snapshot->Read({&request, 1},
                               [&](size_t, const ReadRows& rows) {
                                 for (const int64_t time : rows.times) {
                                   if (days.empty() || days.back() != DayOf(time)) {
                                     days.push_back(DayOf(time));
                                   }
                                 }
                                 return absl::OkStatus();
                               }),
                IsOk());
    return days;
  }

  // Samples of a twin, as statistics, roll-ups and files know of them.
  int64_t CountOf(uint32_t twin) {
    const SummaryRequest request{.series = {{{TwinNumber(twin), PathId{0}}, WantedAs::kInt}},
                                 .from = 0,
                                 .to = 1000 * kNsPerDay,
                                 .step = kNsPerDay};
    int64_t count = 0;
    SummaryCounts counts;
    EXPECT_THAT(store_->Pin(Sequence(sequence_))
                    ->Summarize(
                        {&request, 1},
                        [&](size_t, const SummaryRows& rows) {
                          for (const int64_t some : rows.columns[0].counts) count += some;
                          return absl::OkStatus();
                        },
                        &counts),
                IsOk());
    return count;
  }

  void Rewrite(const std::vector<int64_t>& days, bool packed) {
    const auto go_on = [](uint64_t) { return true; };
    for (const int64_t day : days) {
      (void)(packed ? store_->PackDay(day, go_on) : store_->MergeDay(day, go_on));
    }
  }

  // As a version left it that made no roll-ups.
  void ForgetRollups() {
    for (auto at = durable_.begin(); at != durable_.end();) {
      PartitionFileInfo info;
      const bool is_file =
          at->first.first == kFileKey && DecodeFileInfo(at->second, at->first.second, &info).ok();
      at = is_file && info.step > 0 ? durable_.erase(at) : std::next(at);
    }
  }

  std::vector<std::string> Names() {
    auto names = disk_.List(folder_);
    return names.ok() ? *names : std::vector<std::string>();
  }

  static Sequence All() { return Sequence(UINT64_MAX); }

  testing::FaultyFileSystem disk_;
  std::string folder_ = "/data/history";
  bool keeps_rollups_ = false;  // for ever; else as long as samples
  uint32_t short_twin_ = 1;
  std::map<std::pair<uint32_t, uint32_t>, std::string> durable_;
  std::unique_ptr<Store> store_;
  uint64_t sequence_ = 0;
};

TEST_F(RetentionTest, EachGroupIsKeptForItsOwnTime) {
  for (int64_t day = 100; day < 105; ++day) {
    Fill(0, day);
    Fill(1, day);
  }
  ASSERT_TRUE(Checkpoint());
  EXPECT_EQ(Names().size(), 10u);  // a file for each of both times
  store_->DropExpired(105 * kNsPerDay + 1, All());
  EXPECT_THAT(DaysOf(0), ElementsAre(100, 101, 102, 103, 104));
  EXPECT_THAT(DaysOf(1), ElementsAre(103, 104));
  EXPECT_TRUE(store_->HasExpired(112 * kNsPerDay, All()));
  EXPECT_FALSE(store_->HasExpired(105 * kNsPerDay, All()));
  ASSERT_TRUE(Checkpoint());
  ASSERT_TRUE(Checkpoint());  // the first one says that they are gone, then they are removed
  EXPECT_EQ(Names().size(), 7u);
  Open();
  EXPECT_THAT(DaysOf(0), ElementsAre(100, 101, 102, 103, 104));
  EXPECT_THAT(DaysOf(1), ElementsAre(103, 104));
  store_->DropExpired(113 * kNsPerDay, All());
  EXPECT_THAT(DaysOf(0), ElementsAre(103, 104));
  EXPECT_THAT(DaysOf(1), IsEmpty());
}

TEST_F(RetentionTest, WhatIsInMemoryGoesToo) {
  Fill(0, 100);
  Fill(1, 100);
  Fill(0, 101);
  Fill(1, 101);
  Fill(0, 100);  // late
  Fill(1, 100);
  const auto before = store_->Pin(Sequence(sequence_));
  store_->DropExpired(103 * kNsPerDay, All());
  EXPECT_THAT(DaysOf(0), ElementsAre(100, 101));
  EXPECT_THAT(DaysOf(1), ElementsAre(101));
  EXPECT_THAT(DaysOf(1, before.get()), ElementsAre(100, 101));
}

// What comes when its time is over already stays until it has been there for a while.
TEST_F(RetentionTest, WhatHasJustArrivedStays) {
  Fill(1, 100);
  ASSERT_TRUE(Checkpoint());
  const Sequence arrived(sequence_);
  Fill(1, 101);
  Fill(1, 100);
  store_->DropExpired(120 * kNsPerDay, Sequence(0));
  EXPECT_THAT(DaysOf(1), ElementsAre(100, 101));
  store_->DropExpired(120 * kNsPerDay, arrived);
  EXPECT_THAT(DaysOf(1), ElementsAre(100, 101));
  ASSERT_TRUE(Checkpoint());
  EXPECT_FALSE(store_->HasExpired(120 * kNsPerDay, arrived));
  EXPECT_TRUE(store_->HasExpired(120 * kNsPerDay, Sequence(sequence_)));
  store_->DropExpired(120 * kNsPerDay, Sequence(sequence_));
  EXPECT_THAT(DaysOf(1), IsEmpty());
  EXPECT_EQ(store_->status().oldest_time, 0);
}

// Files from before a model was given a time of its own are divided when they are written anew.
TEST_F(RetentionTest, AFileOfSeveralTimesIsKeptForTheLongest) {
  keeps_rollups_ = true;
  Load();
  Fill(0, 100);
  Fill(1, 100);
  ASSERT_TRUE(Checkpoint());
  EXPECT_EQ(Names().size(), 1u);
  Open();
  store_->DropExpired(105 * kNsPerDay, All());
  EXPECT_THAT(DaysOf(1), ElementsAre(100));
  Rewrite({100}, /*packed=*/true);
  ASSERT_TRUE(Checkpoint());
  // Those of twin 1 are over by then: they go as soon as their roll-ups are named.
  EXPECT_EQ(store_->status().files, 2u);
  store_->DropExpired(105 * kNsPerDay, All());
  ASSERT_TRUE(Checkpoint());
  EXPECT_EQ(store_->status().files, 1u);
  EXPECT_EQ(store_->status().rollup_files, 4u);
  EXPECT_THAT(DaysOf(0), ElementsAre(100));
  EXPECT_THAT(DaysOf(1), IsEmpty());
  EXPECT_EQ(CountOf(1), 8);
  ASSERT_TRUE(Checkpoint());
  EXPECT_EQ(Names().size(), 5u);
}

// What is in memory when its time is over goes into a file, and from there into roll-ups.
TEST_F(RetentionTest, WhatWentSilentIsRolledUpBeforeItGoes) {
  keeps_rollups_ = true;
  Open();
  Fill(1, 100);
  Fill(1, 101);
  const int64_t open_day = 101;
  ASSERT_TRUE(Checkpoint());
  Fill(1, open_day, 60);
  Open();  // without a checkpoint: nothing is lost that is durable
  Fill(1, open_day, 120);
  ASSERT_TRUE(Checkpoint());
  const int64_t count = CountOf(1);
  EXPECT_EQ(count, 24);
  const int64_t now = 200 * kNsPerDay;
  store_->DropExpired(now, All());
  EXPECT_EQ(CountOf(1), count);
  ASSERT_TRUE(Checkpoint());
  EXPECT_EQ(store_->status().memory.open, 0u);
  EXPECT_THAT(DaysOf(1), ElementsAre(100, open_day));
  EXPECT_EQ(CountOf(1), count);
  for (const int64_t day : store_->DaysToMerge(now)) Rewrite({day}, /*packed=*/false);
  ASSERT_TRUE(Checkpoint());
  store_->DropExpired(now, All());
  ASSERT_TRUE(Checkpoint());
  EXPECT_THAT(DaysOf(1), IsEmpty());
  EXPECT_EQ(CountOf(1), count);
  Open();
  EXPECT_THAT(DaysOf(1), IsEmpty());
  EXPECT_EQ(CountOf(1), count);
}

TEST_F(RetentionTest, WhatIsFilledInAfterItsTimeDoesNotStayOpen) {
  keeps_rollups_ = true;
  Open();
  const int64_t now = 200 * kNsPerDay;
  for (const int part : {0, 1, 2}) {
    Fill(1, 100, 60 * part, /*samples=*/3);
    EXPECT_GT(store_->status().memory.open, 0u);
    store_->DropExpired(now, All());
    ASSERT_TRUE(Checkpoint());
    EXPECT_EQ(store_->status().memory.open, 0u) << part;
  }
  EXPECT_EQ(CountOf(1), 9);
}

// It was merged before the rules were known, and is named after the first one's time was over.
TEST_F(RetentionTest, AMixedFileDoesNotGoWithItsFirstGroup) {
  short_twin_ = 0;
  Load();
  for (int i = 0; i < 2; ++i) {
    Fill(0, 100);
    Fill(1, 100);
    ASSERT_TRUE(Checkpoint());
  }
  Rewrite({100}, /*packed=*/false);
  Assign();
  store_->DropExpired(105 * kNsPerDay, All());
  ASSERT_TRUE(Checkpoint());
  EXPECT_THAT(DaysOf(1), ElementsAre(100));
  ASSERT_TRUE(Checkpoint());
  Open();
  EXPECT_THAT(DaysOf(1), ElementsAre(100));
}

// A day of one file, too, gets roll-ups before its samples go.
TEST_F(RetentionTest, SamplesStayUntilThereAreRollups) {
  keeps_rollups_ = true;
  Open();
  Fill(0, 100);
  ASSERT_TRUE(Checkpoint());
  const int64_t over = 112 * kNsPerDay;
  store_->DropExpired(over, All());
  EXPECT_FALSE(store_->HasExpired(over, All()));
  EXPECT_THAT(DaysOf(0), ElementsAre(100));
  EXPECT_THAT(store_->DaysToMerge(over), ElementsAre(100));
  Rewrite({100}, /*packed=*/false);
  ASSERT_TRUE(Checkpoint());
  EXPECT_THAT(store_->DaysToMerge(over), IsEmpty());
  store_->DropExpired(over, All());
  EXPECT_THAT(DaysOf(0), IsEmpty());
  EXPECT_EQ(CountOf(0), 8);
}

// What replaces some of them is in a file that has roll-ups: it does not go before they are in one,
// too.
TEST_F(RetentionTest, SamplesThatWereSentAgainCountOnce) {
  keeps_rollups_ = true;
  Open();
  Fill(0, 100);  // stays open
  ASSERT_TRUE(Checkpoint());
  Fill(0, 100, /*first_second=*/2, /*samples=*/3);
  ASSERT_TRUE(Checkpoint());
  Rewrite({100}, /*packed=*/false);
  ASSERT_TRUE(Checkpoint());
  EXPECT_GT(store_->status().rollup_files, 0u);
  EXPECT_EQ(CountOf(0), 8);
  const int64_t over = 112 * kNsPerDay;
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    store_->DropExpired(over, All());
    ASSERT_TRUE(Checkpoint());
    EXPECT_EQ(CountOf(0), 8);
    for (const int64_t day : store_->DaysToMerge(over)) Rewrite({day}, /*packed=*/false);
    ASSERT_TRUE(Checkpoint());
    EXPECT_EQ(CountOf(0), 8);
  }
  EXPECT_THAT(DaysOf(0), IsEmpty());
  Open();
  EXPECT_EQ(CountOf(0), 8);
}

// A little that came late is not worth writing its day anew, until the day's time is over.
TEST_F(RetentionTest, WhatCameLateIsRolledUpBeforeItGoes) {
  keeps_rollups_ = true;
  for (const bool packed : {false, true}) {
    SCOPED_TRACE(packed);
    folder_ = absl::StrCat("/data/late", packed);
    durable_.clear();
    Open();
    for (int i = 0; i < 40; ++i) Fill(0, 100);
    ASSERT_TRUE(Checkpoint());
    Rewrite({100}, packed);
    ASSERT_TRUE(Checkpoint());
    Fill(0, 100, /*first_second=*/100);
    ASSERT_TRUE(Checkpoint());
    EXPECT_THAT(store_->DaysToMerge(105 * kNsPerDay), IsEmpty());
    const int64_t over = 112 * kNsPerDay;
    store_->DropExpired(over, All());
    EXPECT_THAT(DaysOf(0), ElementsAre(100));
    EXPECT_EQ(store_->DaysToMerge(over).size(), packed ? 0u : 1u);
    EXPECT_EQ(store_->DaysToPack(over, Store::PackWhich::kOldEnough).size(), packed ? 1u : 0u);
    Rewrite({100}, packed);
    ASSERT_TRUE(Checkpoint());
    store_->DropExpired(over, All());
    EXPECT_THAT(DaysOf(0), IsEmpty());
    EXPECT_EQ(CountOf(0), 16);
  }
}

TEST_F(RetentionTest, DaysThatAnEarlierVersionPackedGetRollups) {
  keeps_rollups_ = true;
  Open();
  Fill(0, 100);
  ASSERT_TRUE(Checkpoint());
  Rewrite({100}, /*packed=*/true);
  ASSERT_TRUE(Checkpoint());
  ASSERT_TRUE(Checkpoint());
  ForgetRollups();
  Open();
  EXPECT_EQ(store_->status().rollup_files, 0u);
  const auto due = [&] {
    return store_->DaysToPack(105 * kNsPerDay, Store::PackWhich::kOldEnough);
  };
  EXPECT_THAT(due(), ElementsAre(100));
  Rewrite({100}, /*packed=*/true);
  ASSERT_TRUE(Checkpoint());
  EXPECT_EQ(store_->status().rollup_files, 2u);
  EXPECT_THAT(due(), IsEmpty());
}

// Of two times one is over; what is left of the day is written anew later.
TEST_F(RetentionTest, RollupsOfWhatIsOverStay) {
  keeps_rollups_ = true;
  Open();
  Fill(0, 100);
  Fill(1, 100);
  ASSERT_TRUE(Checkpoint());
  Rewrite({100}, /*packed=*/false);
  ASSERT_TRUE(Checkpoint());
  store_->DropExpired(105 * kNsPerDay, All());
  ASSERT_TRUE(Checkpoint());
  EXPECT_THAT(DaysOf(1), IsEmpty());
  EXPECT_EQ(CountOf(1), 8);
  for (int i = 0; i < 2; ++i) {
    Fill(0, 100);
    ASSERT_TRUE(Checkpoint());
  }
  EXPECT_THAT(store_->DaysToMerge(105 * kNsPerDay), ElementsAre(100));
  for (const bool packed : {false, true}) {
    Rewrite({100}, packed);
    ASSERT_TRUE(Checkpoint());
    ASSERT_TRUE(Checkpoint());
    Open();
    EXPECT_EQ(store_->status().files, 1u);
    EXPECT_EQ(store_->status().rollup_files, 4u);
    EXPECT_EQ(CountOf(0), 8);
    EXPECT_EQ(CountOf(1), 8);
  }
}

// Each write and sync of the checkpoint that drops fails once, and the power is cut then.
TEST_F(RetentionTest, ADiskThatFailsAtEachStep) {
  for (int64_t day = 100; day < 104; ++day) {
    Fill(0, day);
    Fill(1, day);
  }
  ASSERT_TRUE(Checkpoint());
  bool succeeded = false;
  for (int step = 0; !succeeded; ++step) {
    ASSERT_LT(step, 100);
    SCOPED_TRACE(step);
    Fill(0, 110 + step);  // so that there is something to write
    store_->DropExpired(104 * kNsPerDay + 1, All());
    if (step % 2 == 0) {
      disk_.FailWrites(step / 2);
    } else {
      disk_.FailSyncs(step / 2);
    }
    succeeded = Checkpoint() && step > 8;
    disk_.FailWrites(-1);
    disk_.FailSyncs(-1);
    disk_.CutPower();
    Open();
    // Before it stands they are there again; then for good not.
    store_->DropExpired(104 * kNsPerDay + 1, All());
    EXPECT_THAT(DaysOf(1), ElementsAre(102, 103));
    const std::vector<int64_t> days = DaysOf(0);
    ASSERT_GE(days.size(), 4u);
    EXPECT_EQ(days[0], 100);
  }
}

// The same while days are merged or packed, named, and dropped: nothing is lost before its roll-ups
// are durable, and what failed succeeds later.
TEST_F(RetentionTest, ADiskThatFailsWhileDaysAreWrittenAnew) {
  keeps_rollups_ = true;
  const int64_t now = 104 * kNsPerDay + 1;
  const std::vector<int64_t> days = {100, 101, 102};
  for (const bool packed : {false, true}) {
    bool succeeded = false;
    for (int step = 0; !succeeded; ++step) {
      ASSERT_LT(step, 200);
      SCOPED_TRACE(absl::StrCat(packed ? "packed, step " : "merged, step ", step));
      folder_ = absl::StrCat("/data/history", packed, "-", step);
      durable_.clear();
      Open();
      for (int i = 0; i < 2; ++i) {
        for (const int64_t day : days) {
          Fill(0, day, 8 * i);
          Fill(1, day, 8 * i);
        }
        ASSERT_TRUE(Checkpoint());
      }
      if (step % 2 == 0) {
        disk_.FailWrites(step / 2);
      } else {
        disk_.FailSyncs(step / 2);
      }
      Rewrite(days, packed);
      succeeded = Checkpoint();
      store_->DropExpired(now, All());
      succeeded = Checkpoint() && succeeded && store_->status().rollup_files == 12 && step > 40;
      disk_.FailWrites(-1);
      disk_.FailSyncs(-1);
      disk_.CutPower();
      Open();
      EXPECT_EQ(CountOf(0), 48);
      EXPECT_EQ(CountOf(1), 48);
      Rewrite(store_->DaysToMerge(now), /*packed=*/false);
      ASSERT_TRUE(Checkpoint());
      store_->DropExpired(now, All());
      ASSERT_TRUE(Checkpoint());
      Open();
      EXPECT_EQ(store_->status().rollup_files, 12u);
      EXPECT_EQ(DaysOf(0), days);
      EXPECT_THAT(DaysOf(1), ElementsAre(102));
      EXPECT_EQ(CountOf(0), 48);
      EXPECT_EQ(CountOf(1), 48);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace twin::timeseries
