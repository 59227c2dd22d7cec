// What is durable when: checkpoints on a disk that fails, files that are damaged, days that go.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/history_world.h"
#include "tests/support/status_matchers.h"

namespace twin::timeseries {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

void Fill(HistoryWorld* world, int steps) {
  for (int i = 0; i < steps; ++i) world->AppendSome();
}

TEST(StoreCheckpointTest, AFailedCheckpointLeavesTheFormerOne) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    HistoryWorld world(seed, 8);
    Fill(&world, 150);
    ASSERT_TRUE(world.Checkpoint(false));
    Fill(&world, 150);
    switch (seed % 3) {
      case 0:
        world.disk().FailWrites(static_cast<int>(seed / 3) - 1);
        break;
      case 1:
        world.disk().FailSyncs(static_cast<int>(seed / 3));
        break;
      default:
        world.disk().SetFull(true);
    }
    EXPECT_FALSE(world.Checkpoint(false));
    world.CompareAll();
    world.disk().FailWrites(-1);
    world.disk().FailSyncs(-1);
    world.disk().SetFull(false);
    if (seed % 2 == 0) {
      world.disk().CutPower();
      ASSERT_THAT(world.Reload(), IsOk());
      world.CompareAll();
    }
    ASSERT_TRUE(world.Checkpoint(false));
    world.disk().CutPower();
    ASSERT_THAT(world.Reload(), IsOk());
    world.CompareAll();
  }
}

TEST(StoreCheckpointTest, DamagedFilesAreDataLoss) {
  HistoryWorld world(7, 8);
  Fill(&world, 400);
  ASSERT_TRUE(world.Checkpoint(true));
  const std::vector<std::string> files = world.store().Files();
  ASSERT_FALSE(files.empty());
  const std::string whole = world.disk().Bytes(files[0]);
  const auto expect = [&](std::string bytes) {
    world.disk().SetBytes(files[0], std::move(bytes));
    EXPECT_THAT(world.Reload(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(files[0])));
  };
  expect(whole.substr(0, whole.size() - 1));
  expect(whole.substr(0, whole.size() / 2));
  expect("");
  // Every byte of the header and of the index is guarded.
  for (const size_t at : {size_t{0}, size_t{9}, size_t{20}, whole.size() - 1, whole.size() - 12,
                          whole.size() - 20, whole.size() - 60}) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    expect(std::move(bytes));
  }
  // A block is looked at when it is read.
  std::string bytes = whole;
  bytes[30] = static_cast<char>(bytes[30] ^ 4);
  world.disk().SetBytes(files[0], bytes);
  ASSERT_THAT(world.Reload(), IsOk());
  uint64_t blocks = 0;
  EXPECT_THAT(world.store().Verify(&blocks),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(files[0])));
  ASSERT_THAT(world.disk().Remove(files[0]), IsOk());
  EXPECT_THAT(world.Reload(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(files[0])));
}

TEST(StoreCheckpointTest, OrphansAreRemoved) {
  HistoryWorld world(3, 8);
  Fill(&world, 200);
  ASSERT_TRUE(world.Checkpoint(false));
  const std::string orphan = "/data/history/20260301-00009999.blocks";
  ASSERT_THAT(world.disk().WriteWhole(orphan, "never named"), IsOk());
  ASSERT_THAT(world.Reload(), IsOk());
  EXPECT_FALSE(world.disk().Exists(orphan));
  for (const std::string& file : world.store().Files()) EXPECT_TRUE(world.disk().Exists(file));
  world.CompareAll();
}

TEST(StoreCheckpointTest, DroppedFilesStayAsLongAsASnapshotReadsThem) {
  HistoryWorld world(5, 4);
  Fill(&world, 300);
  ASSERT_TRUE(world.Checkpoint(false));
  const std::vector<std::string> files = world.store().Files();
  ASSERT_GT(files.size(), 1);
  const auto snapshot = world.store().Pin(Sequence(world.sequence()));
  world.store().DropExpired(INT64_MAX, Sequence(UINT64_MAX));
  EXPECT_TRUE(world.store().Files().empty());
  ReadRequest request;
  request.from = INT64_MIN;
  request.to = INT64_MAX;
  for (uint32_t twin = 0; twin < 8; ++twin) {
    request.series.push_back({.key = {.twin = TwinNumber(twin), .path = PathId{0}}});
  }
  const auto rows_of = [&](const Snapshot& at) {
    size_t count = 0;
    EXPECT_THAT(at.Read({&request, 1},
                        [&](size_t, ReadRows rows) {
                          count = rows.times.size();
                          return absl::OkStatus();
                        }),
                IsOk());
    return count;
  };
  EXPECT_GT(rows_of(*snapshot), 100);
  EXPECT_EQ(rows_of(*world.store().Pin(Sequence(world.sequence()))), 0);
  // Not durable yet: a checkpoint names them still.
  for (const std::string& file : files) EXPECT_TRUE(world.disk().Exists(file));
  ASSERT_TRUE(world.Checkpoint(false));
  for (const std::string& file : files) EXPECT_TRUE(world.disk().Exists(file));
  EXPECT_GT(rows_of(*snapshot), 100);
}

TEST(StoreCheckpointTest, DroppedFilesGoWithTheCheckpointAfter) {
  HistoryWorld world(5, 4);
  Fill(&world, 300);
  ASSERT_TRUE(world.Checkpoint(false));
  const std::vector<std::string> files = world.store().Files();
  world.store().DropExpired(INT64_MAX, Sequence(UINT64_MAX));
  ASSERT_TRUE(world.Checkpoint(false));
  for (const std::string& file : files) EXPECT_FALSE(world.disk().Exists(file)) << file;
  ASSERT_THAT(world.Reload(), IsOk());
}

}  // namespace
}  // namespace twin::timeseries
