// Retention: days go whole, each group's when its own time is over, also when the disk fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/timeseries/group.h"
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
    store_ = std::make_unique<Store>(StoreOptions{.folder = "/data/history",
                                                  .file_system = &disk_,
                                                  .block_rows = 4,
                                                  .retention = {.samples = 10 * kNsPerDay}});
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
    Assign();
  }

  // Samples of twin 1 are kept 2 days.
  void Assign() {
    store_->AssignRetention([](const GroupSpec& group) {
      const bool is_short = group.columns[0].series[0].twin.value == 1;
      return Retention{.samples = (is_short ? 2 : 10) * kNsPerDay};
    });
  }

  // Eight samples on a day, of a group.
  void Fill(uint32_t group, int64_t day) {
    std::vector<int64_t> times;
    std::vector<int64_t> values;
    std::vector<uint64_t> sequences;
    for (int i = 0; i < 8; ++i) {
      times.push_back(day * kNsPerDay + i * kSecondNs);
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

  std::vector<std::string> Names() {
    auto names = disk_.List("/data/history");
    return names.ok() ? *names : std::vector<std::string>();
  }

  static Sequence All() { return Sequence(UINT64_MAX); }

  testing::FaultyFileSystem disk_;
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
  store_ = std::make_unique<Store>(
      StoreOptions{.folder = "/data/history", .file_system = &disk_, .block_rows = 4});
  ASSERT_THAT(store_->FinishLoad(), IsOk());
  store_->AddPath("voltage");
  for (uint32_t i = 0; i < 2; ++i) {
    store_->AddGroup({{{.kind = ColumnKind::kInt, .series = {{TwinNumber(i), PathId{0}}}}}});
  }
  Fill(0, 100);
  Fill(1, 100);
  ASSERT_TRUE(Checkpoint());
  EXPECT_EQ(Names().size(), 1u);
  Open();
  store_->DropExpired(105 * kNsPerDay, All());
  EXPECT_THAT(DaysOf(1), ElementsAre(100));
  ASSERT_THAT(store_->PackDay(100, [](uint64_t) { return true; }), IsOk());
  ASSERT_TRUE(Checkpoint());
  EXPECT_EQ(store_->status().files, 2u);
  EXPECT_EQ(store_->status().rollup_files, 4u);
  EXPECT_EQ(Names().size(), 6u);
  store_->DropExpired(105 * kNsPerDay, All());
  EXPECT_THAT(DaysOf(0), ElementsAre(100));
  EXPECT_THAT(DaysOf(1), IsEmpty());
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

}  // namespace
}  // namespace twin::timeseries
