#include "server/timeseries/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "server/base/value.h"
#include "tests/support/status_matchers.h"

namespace twin::timeseries {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(StoreTest, ReadsWhatWasAppended) {
  Store store({});
  const PathId voltage = store.AddPath("voltage");
  GroupSpec spec;
  for (uint32_t twin = 0; twin < 3; ++twin) {
    spec.columns.push_back({.kind = ColumnKind::kScaled,
                            .decimals = 3,
                            .series = {{.twin = TwinNumber(twin), .path = voltage}}});
  }
  const GroupId group = store.AddGroup(spec);
  for (int64_t i = 0; i < 1000; ++i) {
    const int64_t time = i * kSecond;
    const auto sequence = static_cast<uint64_t>(i + 1);
    const int32_t values[3] = {static_cast<int32_t>(i), static_cast<int32_t>(2 * i), 3700};
    std::vector<ColumnRows> columns(3);
    for (size_t c = 0; c < 3; ++c) {
      columns[c] = {.kind = ColumnKind::kScaled, .decimals = 3, .scaled = &values[c]};
    }
    store.Append({.group = group,
                  .times = absl::MakeSpan(&time, 1),
                  .sequences = absl::MakeSpan(&sequence, 1),
                  .columns = columns});
  }
  ReadRequest request;
  request.series.push_back({.key = {.twin = TwinNumber(1), .path = voltage}});
  request.from = 100 * kSecond;
  request.to = 900 * kSecond;
  int visits = 0;
  EXPECT_TRUE((store.Pin(Sequence(500))->Read({&request, 1}, [&](size_t, ReadRows rows) {
                visits += 1;
                EXPECT_EQ(rows.times.size(), 400);
                EXPECT_EQ(rows.times.front(), 100 * kSecond);
                EXPECT_EQ(rows.columns[0].doubles.front(), 0.2);
                EXPECT_EQ(rows.columns[0].doubles.back(), 0.998);
                return absl::OkStatus();
              })).ok());
  EXPECT_EQ(visits, 1);
  ReadRows row;
  const auto last = store.Pin(Sequence(500))
                        ->Last(request.series[0].key, WantedAs::kDouble, 2000 * kSecond, &row);
  ASSERT_TRUE(last.ok());
  EXPECT_TRUE(*last);
  EXPECT_EQ(row.times.front(), 499 * kSecond);
}

TEST(StoreTest, RowsOfSeveralSeriesShareAGroup) {
  Store store({});
  std::vector<SeriesKey> keys;
  for (const char* path : {"voltage", "temperature", "charge"}) {
    keys.push_back({.twin = TwinNumber(7), .path = store.AddPath(path)});
  }
  const std::vector<ColumnKind> kinds(3, ColumnKind::kDouble);
  const std::optional<GroupId> group = store.GroupOfRows(keys, kinds);
  ASSERT_TRUE(group.has_value());
  EXPECT_EQ(store.GroupOfRows(keys, kinds), group);
  EXPECT_EQ(store.group(*group).columns.size(), 3);
  // Other kinds, some of the series, one alone: groups of their own, but not without end.
  EXPECT_NE(store.GroupOfRows(keys, {ColumnKind::kInt, kinds[1], kinds[2]}), group);
  EXPECT_NE(store.GroupOfRows(absl::MakeSpan(keys).first(2), {kinds[0], kinds[1]}), group);
  EXPECT_EQ(store.GroupOfRows(absl::MakeSpan(keys).first(1), {kinds[0]}),
            store.GroupOfSeries(keys[0], kinds[0]));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(store.GroupOfRows({keys[0], keys[2]}, {ColumnKind::kInt, ColumnKind::kInt}),
              std::nullopt);
  }
  EXPECT_EQ(store.GroupOfRows(keys, kinds), group);
}

// Beyond open_block_bytes_max the oldest open blocks are sealed, few rows or not; nothing else
// changes.
TEST(StoreTest, TheOldestAreSealedEarly) {
  constexpr uint64_t kBytesMax = 64 << 10;
  constexpr uint32_t kGroups = 200;
  StoreOptions options;
  options.open_block_bytes_max = kBytesMax;
  Store store(options);
  const PathId voltage = store.AddPath("voltage");
  std::vector<GroupId> groups;
  for (uint32_t g = 0; g < kGroups; ++g) {
    GroupSpec spec;
    for (uint32_t c = 0; c < 20; ++c) {
      spec.columns.push_back({.kind = ColumnKind::kScaled,
                              .decimals = 3,
                              .series = {{.twin = TwinNumber(g * 20 + c), .path = voltage}}});
    }
    groups.push_back(store.AddGroup(spec));
  }
  uint64_t sequence = 0;
  constexpr int64_t kFrames = 30;
  for (int64_t i = 0; i < kFrames; ++i) {
    for (const GroupId group : groups) {
      const int64_t time = i * kSecond;
      ++sequence;
      std::vector<int32_t> values(20);
      std::vector<ColumnRows> columns(20);
      for (size_t c = 0; c < values.size(); ++c) {
        values[c] = static_cast<int32_t>(i * 1000 + group.value + c * 7919 % 1000);
        columns[c] = {.kind = ColumnKind::kScaled, .decimals = 3, .scaled = &values[c]};
      }
      store.Append({.group = group,
                    .times = absl::MakeSpan(&time, 1),
                    .sequences = absl::MakeSpan(&sequence, 1),
                    .columns = columns});
      ASSERT_LE(store.status().memory.open, kBytesMax);
    }
  }
  EXPECT_GT(store.status().memory.sealed, 0);
  ReadRequest request;
  request.series.push_back({.key = {.twin = TwinNumber(17 * 20 + 3), .path = voltage}});
  request.from = 0;
  request.to = INT64_MAX;
  EXPECT_TRUE(store.Pin(Sequence(sequence))
                  ->Read({&request, 1},
                         [&](size_t, ReadRows rows) {
                           EXPECT_EQ(rows.times.size(), kFrames);
                           EXPECT_EQ(rows.columns[0].doubles.at(2),
                                     (2000 + 17 + 3 * 7919 % 1000) / 1000.0);
                           return absl::OkStatus();
                         })
                  .ok());
}

}  // namespace
}  // namespace twin::timeseries
