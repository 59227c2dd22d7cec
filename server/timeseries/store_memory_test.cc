// What series cost in memory, as the store counts it and as the allocator does.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "server/timeseries/store.h"
#include "tests/support/sanitized.h"

namespace twin::timeseries {
namespace {

using ::twin::testing::kSanitized;

size_t Allocated() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

constexpr uint32_t kGroups = 2000;
constexpr uint32_t kColumns = 130;
constexpr double kSeries = double{kGroups} * kColumns;

void AppendFrame(Store* store, GroupId group, int64_t i, uint64_t sequence, uint32_t columns) {
  const int64_t time = i * 10'000'000'000;
  std::vector<int32_t> values(columns);
  std::vector<ColumnRows> rows(columns);
  for (uint32_t c = 0; c < columns; ++c) {
    // A cell's voltage in mV: it wanders by a few.
    const auto noise = static_cast<int32_t>((i * 7 + c * 13 + (i * c) % 5) % 6);
    values[c] = 3700 + static_cast<int32_t>(c % 20) + static_cast<int32_t>(i / 4) + noise;
    rows[c] = {.kind = ColumnKind::kScaled, .decimals = 3, .scaled = &values[c]};
  }
  store->Append({.group = group,
                 .times = absl::MakeSpan(&time, 1),
                 .sequences = absl::MakeSpan(&sequence, 1),
                 .columns = rows});
}

TEST(StoreMemoryTest, SeriesOfLayouts) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have an allocator of their own";
  const size_t before = Allocated();
  Store store({});
  const PathId path = store.AddPath("voltage");
  uint32_t twin = 0;
  for (uint32_t g = 0; g < kGroups; ++g) {
    GroupSpec spec;
    for (uint32_t c = 0; c < kColumns; ++c) {
      spec.columns.push_back({.kind = ColumnKind::kScaled,
                              .decimals = 3,
                              .series = {{.twin = TwinNumber(twin++), .path = path}}});
    }
    store.AddGroup(spec);
  }
  const double idle = static_cast<double>(Allocated() - before) / kSeries;
  const double counted = static_cast<double>(store.status().memory.groups) / kSeries;
  std::printf("idle series of a layout: %.1f bytes, counted %.1f\n", idle, counted);
  EXPECT_LE(idle, 48);
  EXPECT_LE(counted, 48);
  // Open blocks at every fill: their mean is what a fleet holds.
  constexpr int64_t kFrames = 255;
  uint64_t sequence = 0;
  for (uint32_t g = 0; g < kGroups; ++g) {
    const int64_t frames = 1 + int64_t{g} * kFrames / kGroups;
    for (int64_t i = 0; i < frames; ++i) AppendFrame(&store, GroupId{g}, i, ++sequence, kColumns);
  }
  const double active = static_cast<double>(Allocated() - before) / kSeries;
  std::printf("active series of a layout: %.1f bytes; open blocks, counted: %.1f\n", active,
              static_cast<double>(store.status().memory.open) / kSeries);
  EXPECT_LE(active, 180);
}

// A fleet whose vehicles all begin together, and go on together after midnight.
constexpr uint32_t kSources = 64;
constexpr uint32_t kOfEach = 8;  // columns

void AddSources(Store* store) {
  const PathId path = store->AddPath("voltage");
  for (uint32_t source = 0; source < kSources; ++source) {
    GroupSpec spec;
    for (uint32_t c = 0; c < kOfEach; ++c) {
      spec.columns.push_back(
          {.kind = ColumnKind::kScaled,
           .decimals = 3,
           .series = {{.twin = TwinNumber(source * kOfEach + c), .path = path}}});
    }
    store->AddGroup(spec);
  }
}

TEST(StoreMemoryTest, SourcesThatBeginTogetherSealTheirBlocksApart) {
  Store store({});
  AddSources(&store);
  uint64_t sequence = 0;
  for (const int64_t day : {0, 1}) {
    const uint64_t before = store.status().memory.sealed;
    uint64_t last = before;
    uint64_t most = 0;  // bytes of one round
    int rounds = 0;     // in which something was sealed
    for (int64_t i = 0; i < 256; ++i) {
      for (uint32_t source = 0; source < kSources; ++source) {
        AppendFrame(&store, GroupId{source}, day * 8640 + i, ++sequence, kOfEach);
      }
      const uint64_t sealed = store.status().memory.sealed;
      if (sealed > last) ++rounds;
      most = std::max(most, sealed - last);
      last = sealed;
    }
    EXPECT_GE(rounds, 16) << day;
    EXPECT_LE(most, (last - before) / 6) << day;
  }
}

TEST(StoreMemoryTest, WhoeverWritesAtMidnightSealsNothing) {
  Store store({});
  AddSources(&store);
  uint64_t sequence = 0;
  for (int64_t i = 0; i < 100; ++i) {
    for (uint32_t source = 0; source < kSources; ++source) {
      AppendFrame(&store, GroupId{source}, i, ++sequence, kOfEach);
    }
  }
  EXPECT_FALSE(store.SealNextClosed());
  for (uint32_t source = 0; source < kSources; ++source) {
    AppendFrame(&store, GroupId{source}, 8640, ++sequence, kOfEach);
  }
  EXPECT_EQ(store.status().memory.sealed, 0u);
  const uint64_t open = store.status().memory.open;
  for (uint32_t source = 0; source < kSources; ++source) {
    const uint64_t sealed = store.status().memory.sealed;
    ASSERT_TRUE(store.SealNextClosed());
    EXPECT_GT(store.status().memory.sealed, sealed);
  }
  EXPECT_FALSE(store.SealNextClosed());
  EXPECT_LT(store.status().memory.open, open / 2);
  // What nobody seals for a day is, by the writer.
  for (const int64_t day : {2, 3}) {
    const uint64_t sealed = store.status().memory.sealed;
    for (uint32_t source = 0; source < kSources; ++source) {
      AppendFrame(&store, GroupId{source}, day * 8640, ++sequence, kOfEach);
    }
    EXPECT_EQ(store.status().memory.sealed > sealed, day == 3);
  }
}

// What is closed counts against what open blocks may take, and is sealed first.
TEST(StoreMemoryTest, ClosedBlocksMakeRoom) {
  uint64_t day = 0;  // bytes of a day's rows
  for (const bool is_narrow : {false, true}) {
    StoreOptions options;
    options.open_block_bytes_max = is_narrow ? day * 9 / 8 : 0;
    Store store(options);
    AddSources(&store);
    uint64_t sequence = 0;
    for (int64_t i = 0; i < 40; ++i) {
      if (i == 20) day = store.status().memory.open;
      for (uint32_t source = 0; source < kSources; ++source) {
        AppendFrame(&store, GroupId{source}, i < 20 ? i : 8640 + i, ++sequence, kOfEach);
      }
    }
    uint32_t closed = 0;
    while (store.SealNextClosed()) ++closed;
    EXPECT_EQ(closed == kSources, !is_narrow) << closed;
    if (is_narrow) {
      EXPECT_LE(store.status().memory.open, options.open_block_bytes_max);
    }
  }
}

TEST(StoreMemoryTest, SingleSeries) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have an allocator of their own";
  constexpr uint32_t kSingles = 200'000;
  const size_t before = Allocated();
  Store store({});
  const PathId path = store.AddPath("soh.value");
  std::vector<GroupId> groups;
  groups.reserve(kSingles);
  for (uint32_t twin = 0; twin < kSingles; ++twin) {
    groups.push_back(
        store.GroupOfSeries({.twin = TwinNumber(twin), .path = path}, ColumnKind::kScaled));
  }
  const size_t list = groups.capacity() * sizeof(GroupId);
  const double idle = static_cast<double>(Allocated() - before - list) / kSingles;
  uint64_t sequence = 0;
  for (int64_t i = 0; i < 4; ++i) {
    for (const GroupId group : groups) AppendFrame(&store, group, i, ++sequence, 1);
  }
  const double active = static_cast<double>(Allocated() - before - list) / kSingles;
  std::printf("single series: idle %.1f bytes, with 4 samples %.1f\n", idle, active);
  EXPECT_LE(idle, 112);
  EXPECT_LE(active, 260);
}

}  // namespace
}  // namespace twin::timeseries
