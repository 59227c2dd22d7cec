#include "server/timeseries/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
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

// One series in two groups: integers, and doubles.
class TwoGroupsTest : public ::testing::Test {
 protected:
  TwoGroupsTest() {
    store_.AddPath("voltage");
    store_.AddGroup({{{.kind = ColumnKind::kScaled, .decimals = 1, .series = {key_}}}});
    store_.AddGroup({{{.kind = ColumnKind::kDouble, .decimals = 0, .series = {key_}}}});
  }

  void Append(uint32_t group, int64_t time, double value) {
    const uint64_t sequence = ++sequence_;
    const auto tenths = static_cast<int32_t>(value * 10);
    ColumnRows column{.kind = ColumnKind::kDouble, .doubles = &value};
    if (group == 0) column = {.kind = ColumnKind::kScaled, .decimals = 1, .scaled = &tenths};
    store_.Append({.group = GroupId{group},
                   .times = absl::MakeConstSpan(&time, 1),
                   .sequences = absl::MakeConstSpan(&sequence, 1),
                   .columns = absl::MakeConstSpan(&column, 1)});
  }
  ReadRows Read(const ReadRequest& request) {
    ReadRows rows;
    EXPECT_THAT(store_.Pin(Sequence(sequence_))
                    ->Read({&request, 1},
                           [&](size_t, ReadRows got) {
                             rows = std::move(got);
                             return absl::OkStatus();
                           }),
                testing::IsOk());
    return rows;
  }
  bool HasSampleAt(int64_t time, WantedAs as) {
    std::vector<bool> have;
    const ReadRequest::Series series{key_, as};
    EXPECT_THAT(store_.Pin(Sequence(sequence_))
                    ->HaveSamplesAt({&series, 1}, absl::MakeConstSpan(&time, 1), &have),
                testing::IsOk());
    return have.at(0);
  }

  const SeriesKey key_{TwinNumber(1), PathId{0}};
  Store store_{{.folder = "", .block_rows = 4}};
  uint64_t sequence_ = 0;
};

// Whichever of them is longer.
TEST_F(TwoGroupsTest, BlocksThatBeginTogetherAreReadToTheLastEnd) {
  int64_t start = 0;
  for (const uint32_t longer : {0U, 1U}) {
    for (int i = 0; i < 4; ++i) Append(longer, start + i * 10, 5);
    for (int i = 0; i < 4; ++i) Append(1 - longer, start + (i == 0 ? 0 : i * 2 + 1), 6);
    for (int i = 0; i < 8; ++i) Append(0, start + 1000 + i, 1);  // of no interest
    for (int i = 0; i < 8; ++i) Append(1, start + 2000 + i, 1);
    ReadRequest request{.series = {{key_, WantedAs::kDouble}}, .from = start, .to = start + 5000};
    request.bounds = {.series = 0, .min = 4};
    const ReadRows rows = Read(request);
    EXPECT_GT(rows.counts.skipped_blocks, 0u);
    std::vector<int64_t> times;
    for (size_t i = 0; i < rows.times.size(); ++i) {
      if (rows.columns[0].doubles[i] >= 4) times.push_back(rows.times[i] - start);
    }
    EXPECT_THAT(times, ::testing::ElementsAre(0, 3, 5, 7, 10, 20, 30)) << longer;
    start += 10'000;
  }
}

TEST_F(TwoGroupsTest, ASampleThatDoesNotFitIsNotThere) {
  Append(0, 10, 1.5);
  Append(0, 20, 2);
  Append(1, 30, 3.25);
  for (const bool sealed : {false, true}) {
    SCOPED_TRACE(sealed);
    for (const int64_t time : {10, 20, 30}) {
      EXPECT_TRUE(HasSampleAt(time, WantedAs::kDouble));
      EXPECT_TRUE(HasSampleAt(time, WantedAs::kValue));
      EXPECT_EQ(HasSampleAt(time, WantedAs::kInt), time == 20);
      EXPECT_FALSE(HasSampleAt(time + 1, WantedAs::kDouble));
    }
    for (int i = 0; i < 8; ++i) Append(0, 100 + i, 1);
    for (int i = 0; i < 8; ++i) Append(1, 200 + i, 1);
  }
}

TEST(StoreTest, FindsSeriesOfManyTwins) {
  Store store({});
  const PathId path = store.AddPath("a"), other = store.AddPath("b");
  std::mt19937 random(1);
  std::set<uint32_t> recorded;
  // Some close together, some far apart; some in several groups.
  for (int i = 0; i < 3000; ++i) {
    const uint32_t twin = random() % (i % 10 == 0 ? 1'000'000 : 3'000);
    store.AddGroup({{{.series = {{TwinNumber(twin), path}}}}});
    recorded.insert(twin);
    if (i % 100 != 0) continue;
    std::vector<uint32_t> twins;
    for (uint32_t t = 0; t < 4'000; ++t) twins.push_back(t % 7 == 0 ? random() % 1'000'000 : t);
    twins.push_back(UINT32_MAX);
    std::vector<uint8_t> have(twins.size(), 0);
    store.FindSeries(path, twins, have.data());
    for (size_t t = 0; t < twins.size(); ++t) {
      ASSERT_EQ(have[t] != 0, recorded.count(twins[t]) > 0) << twins[t];
      ASSERT_EQ(store.Has({TwinNumber(twins[t]), path}), have[t] != 0);
    }
    std::fill(have.begin(), have.end(), 0);
    store.FindSeries(other, twins, have.data());
    EXPECT_EQ(std::count(have.begin(), have.end(), 1), 0);
  }
  EXPECT_EQ(store.status().series, recorded.size());
}

}  // namespace
}  // namespace twin::timeseries
