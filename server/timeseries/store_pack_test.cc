// Re-packing days: the same answers, also when the disk fails at any step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/history_world.h"
#include "tests/support/status_matchers.h"

namespace twin::timeseries {
namespace {

using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr int64_t kDayNs = int64_t{86'400} * 1'000'000'000;

// Some days in files, of several checkpoints.
void MakeDays(HistoryWorld* world) {
  for (int checkpoint = 0; checkpoint < 3; ++checkpoint) {
    for (int i = 0; i < 120; ++i) world->AppendSome();
    ASSERT_TRUE(world->Checkpoint(false));
  }
}

TEST(StorePackTest, ADayIsOneFileThen) {
  HistoryWorld world(1, 8);
  MakeDays(&world);
  const uint64_t rows = world.store().status().file_rows;
  const size_t days = world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded).size();
  ASSERT_GT(days, 1);
  ASSERT_GT(world.store().status().files, days);
  for (size_t i = 0; i < days; ++i) ASSERT_THAT(world.PackDay(), IsOk());
  EXPECT_TRUE(world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded).empty());
  EXPECT_EQ(world.store().status().packed_files, 0);  // not named yet
  world.CompareAll();
  ASSERT_TRUE(world.Checkpoint(false));
  const StoreStatus status = world.store().status();
  EXPECT_EQ(status.packed_files, days);
  EXPECT_EQ(status.packed_rows, rows);
  EXPECT_GT(status.packed_bytes, 0);
  world.CompareAll();
  ASSERT_THAT(world.Reload(), IsOk());
  EXPECT_EQ(world.store().status().packed_files, days);
  world.CompareAll();
  uint64_t blocks = 0;
  EXPECT_THAT(world.store().Verify(&blocks), IsOk());
  EXPECT_GT(blocks, 0);
}

TEST(StorePackTest, FilesGoWhenNobodyReadsThem) {
  HistoryWorld world(2, 8);
  MakeDays(&world);
  const std::vector<std::string> files = world.store().Files();
  world.PinSome();
  while (!world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded).empty())
    ASSERT_THAT(world.PackDay(), IsOk());
  ASSERT_TRUE(world.Checkpoint(false));
  for (const std::string& file : files) EXPECT_TRUE(world.disk().Exists(file));
  for (int i = 0; i < 20; ++i) world.CompareSome();
  world.UnpinAll();
  ASSERT_TRUE(world.Checkpoint(false));
  for (const std::string& file : files) EXPECT_FALSE(world.disk().Exists(file));
}

TEST(StorePackTest, ADayThatIsDroppedMeanwhile) {
  for (const bool before_the_checkpoint : {true, false}) {
    HistoryWorld world(3, 8);
    MakeDays(&world);
    while (!world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded).empty())
      ASSERT_THAT(world.PackDay(), IsOk());
    if (before_the_checkpoint) {
      world.Drop();
    } else {
      ASSERT_TRUE(world.CheckpointWithDrop());
    }
    world.CompareAll();
    ASSERT_TRUE(world.Checkpoint(false));
    ASSERT_TRUE(world.Checkpoint(true));
    world.CompareAll();
    ASSERT_THAT(world.Reload(), IsOk());
    world.CompareAll();
  }
}

// Fails each write and sync of re-packing, and cuts the power then.
TEST(StorePackTest, ADiskThatFailsAtEachStep) {
  bool succeeded = false;
  for (int step = 0; !succeeded; ++step) {
    ASSERT_LT(step, 100);
    for (const int way : {0, 1, 2}) {
      SCOPED_TRACE(absl::StrCat("step ", step, " way ", way));
      HistoryWorld world(4, 8);
      MakeDays(&world);
      const size_t days = world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded).size();
      if (way == 0) world.disk().FailWrites(step);
      if (way == 1) world.disk().FailSyncs(step);
      if (way == 2) world.disk().SetFull(true);
      absl::Status status;
      for (size_t i = 0; i < days && status.ok(); ++i) status = world.PackDay();
      world.disk().FailWrites(-1);
      world.disk().FailSyncs(-1);
      world.disk().SetFull(false);
      succeeded |= way == 0 && status.ok();
      world.CompareAll();
      world.disk().CutPower();
      ASSERT_THAT(world.Reload(), IsOk());
      world.CompareAll();
      while (!world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded).empty())
        ASSERT_THAT(world.PackDay(), IsOk());
      ASSERT_TRUE(world.Checkpoint(false));
      world.disk().CutPower();
      ASSERT_THAT(world.Reload(), IsOk());
      EXPECT_GE(world.store().status().packed_files, days);
      world.CompareAll();
      if (HasFailure()) return;
    }
  }
}

TEST(StorePackTest, SmallFilesOfADayAreMerged) {
  HistoryWorld world(9, 8);
  MakeDays(&world);
  const StoreStatus before = world.store().status();
  const size_t days = world.store().DaysToMerge(INT64_MAX).size();
  ASSERT_GT(days, 1u);
  // One that has not ended an hour ago waits.
  EXPECT_LT(world.store().DaysToMerge(before.oldest_time + kDayNs).size(), days);
  for (size_t i = 0; i < days; ++i) ASSERT_THAT(world.MergeDay(), IsOk());
  EXPECT_TRUE(world.store().DaysToMerge(INT64_MAX).empty());
  world.CompareAll();
  ASSERT_TRUE(world.Checkpoint(false));
  EXPECT_LT(world.store().status().files, before.files);
  EXPECT_EQ(world.store().status().packed_files, 0);
  EXPECT_GE(world.store().status().file_rows, before.file_rows);
  world.CompareAll();
  ASSERT_THAT(world.Reload(), IsOk());
  world.CompareAll();
  // And re-packed when their time has come.
  while (!world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded).empty()) {
    ASSERT_THAT(world.PackDay(), IsOk());
  }
  ASSERT_TRUE(world.Checkpoint(false));
  EXPECT_GE(world.store().status().packed_files, days);
  world.CompareAll();
}

// The power is cut before the checkpoint, after one that failed, and after it.
TEST(StorePackTest, PowerIsCutAroundTheCheckpoint) {
  for (const int when : {0, 1, 2}) {
    SCOPED_TRACE(when);
    HistoryWorld world(5, 8);
    MakeDays(&world);
    for (int i = 0; i < 100; ++i) world.AppendSome();
    while (!world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded).empty())
      ASSERT_THAT(world.PackDay(), IsOk());
    if (when == 1) {
      world.disk().FailWrites(0);
      EXPECT_FALSE(world.Checkpoint(false));
      world.disk().FailWrites(-1);
    } else if (when == 2) {
      ASSERT_TRUE(world.Checkpoint(false));
    }
    world.disk().CutPower();
    ASSERT_THAT(world.Reload(), IsOk());
    EXPECT_EQ(world.store().status().packed_files > 0, when == 2);
    world.CompareAll();
    // What no checkpoint names is gone, also on the disk.
    const auto names = world.disk().List("/data/history");
    ASSERT_THAT(names, IsOk());
    EXPECT_EQ(names->size(), world.store().Files().size());
  }
}

TEST(StorePackTest, ADamagedBlockStopsItsDayOnly) {
  HistoryWorld world(6, 8);
  MakeDays(&world);
  const std::string file = world.store().Files()[0];
  std::string bytes = world.disk().Bytes(file);
  bytes[60] = static_cast<char>(bytes[60] ^ 4);
  world.disk().SetBytes(file, bytes);
  ASSERT_THAT(world.Reload(), IsOk());
  const size_t files = world.disk().List("/data/history")->size();
  EXPECT_THAT(world.PackDay(), StatusIs(absl::StatusCode::kDataLoss, ::testing::HasSubstr(file)));
  EXPECT_EQ(world.disk().List("/data/history")->size(), files);
  const std::vector<int64_t> days = world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded);
  ASSERT_GT(days.size(), 1u);
  const auto go_on = [](uint64_t) { return true; };
  for (size_t i = 1; i < days.size(); ++i) {
    EXPECT_THAT(world.store().PackDay(days[i], go_on), IsOk());
  }
  EXPECT_THAT(world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded),
              ::testing::ElementsAre(days[0]));
}

TEST(StorePackTest, CanBeStopped) {
  HistoryWorld world(7, 8);
  MakeDays(&world);
  const size_t files = world.store().Files().size();
  const int64_t day = world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded).front();
  EXPECT_THAT(world.store().PackDay(day, [](uint64_t) { return false; }),
              StatusIs(absl::StatusCode::kCancelled, ::testing::HasSubstr("stopped")));
  ASSERT_TRUE(world.Checkpoint(false));
  EXPECT_GE(world.store().Files().size(), files);
  world.CompareAll();
}

// Late rows of a packed day are in files of their own, until they are many.
TEST(StorePackTest, LateRowsOfAPackedDay) {
  HistoryWorld world(8, 4);
  MakeDays(&world);
  for (int round = 0; round < 6; ++round) {
    while (!world.store().DaysToPack(INT64_MAX, Store::PackWhich::kEnded).empty())
      ASSERT_THAT(world.PackDay(), IsOk());
    ASSERT_TRUE(world.Checkpoint(round % 2 == 0));
    for (int i = 0; i < 60; ++i) world.AppendSome();
    ASSERT_TRUE(world.Checkpoint(false));
    world.CompareAll();
    if (round % 3 == 2) {
      ASSERT_THAT(world.Reload(), IsOk());
    }
  }
  EXPECT_GT(world.store().status().packed_files, 0);
  EXPECT_LT(world.store().status().packed_files, world.store().status().files);
}

}  // namespace
}  // namespace twin::timeseries
