// Sums of windows against the rows of the same windows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "server/timeseries/conversion.h"
#include "server/timeseries/group.h"
#include "tests/support/history_world.h"
#include "tests/support/status_matchers.h"

namespace twin::timeseries {
namespace {

using ::twin::testing::IsOk;

constexpr int64_t kMinute = int64_t{60} * 1'000'000'000;

// What a column comes to in one step.
struct Sums {
  int64_t rows = 0;
  int64_t count = 0;
  double min = 0, max = 0, first = 0, last = 0;
  int64_t sum = 0;
};

bool IsLess(double a, double b) { return a < b || (!std::isnan(a) && std::isnan(b)); }

void AddSample(double value, Sums* sums) {
  if (sums->count == 0) sums->first = sums->min = sums->max = value;
  if (IsLess(value, sums->min)) sums->min = value;
  if (IsLess(sums->max, value)) sums->max = value;
  sums->last = value;
  sums->count += 1;
}

int64_t StepOf(int64_t time, int64_t step) { return step == 0 ? 0 : time / step * step; }

bool SameNumber(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

// What ColumnValues::exact promises.
int64_t UnitsOf(double value, uint8_t decimals) {
  if (decimals > kDecimalsMax) {
    ADD_FAILURE() << value << " is no decimal";
    return 0;
  }
  const double units = value * static_cast<double>(kPowersOfTen[decimals]);
  EXPECT_LT(std::abs(units), std::ldexp(1.0, 50));
  EXPECT_EQ(std::round(units) / static_cast<double>(kPowersOfTen[decimals]), value);
  return static_cast<int64_t>(std::round(units));
}

// Reads a window both ways; false: it cannot be summed up.
bool CompareSums(const Snapshot& snapshot, const SummaryRequest& request, SummaryCounts* counts) {
  const ReadRequest read{
      .series = request.series, .from = request.from, .to = request.to, .missing_rows = true};
  ReadRows rows;
  EXPECT_THAT(snapshot.Read({&read, 1},
                            [&](size_t, ReadRows got) {
                              rows = std::move(got);
                              return absl::OkStatus();
                            }),
              IsOk());
  SummaryRows summary;
  EXPECT_THAT(snapshot.Summarize(
                  {&request, 1},
                  [&](size_t, SummaryRows got) {
                    summary = std::move(got);
                    return absl::OkStatus();
                  },
                  counts),
              IsOk());
  if (!summary.possible) return false;
  for (size_t c = 0; c < request.series.size(); ++c) {
    const ColumnValues& column = rows.columns[c];
    std::map<int64_t, Sums> expected;
    for (size_t row = 0; row < rows.times.size(); ++row) {
      Sums& sums = expected[StepOf(rows.times[row], request.step)];
      sums.rows += 1;
      if (!column.missing.empty() && column.missing[row] != 0) continue;
      const double value = column.kind == ColumnKind::kDouble
                               ? column.doubles[row]
                               : static_cast<double>(column.ints[row]);
      AddSample(value, &sums);
      if (request.sums) {
        sums.sum +=
            column.kind == ColumnKind::kInt ? column.ints[row] : UnitsOf(value, column.exact);
      }
    }
    std::map<int64_t, Sums> given;
    const SummaryColumn& of = summary.columns[c];
    for (size_t i = 0; i < summary.times.size(); ++i) {
      Sums& sums = given[StepOf(summary.times[i], request.step)];
      sums.rows += summary.rows[i];
      if (of.counts[i] == 0) continue;
      const auto value = [&](const SummaryColumn::Values& values) {
        return of.kind == ColumnKind::kDouble ? values.doubles[i]
                                              : static_cast<double>(values.ints[i]);
      };
      if (sums.count == 0) sums.first = value(of.first);
      if (sums.count == 0 || IsLess(value(of.min), sums.min)) sums.min = value(of.min);
      if (sums.count == 0 || IsLess(sums.max, value(of.max))) sums.max = value(of.max);
      sums.last = value(of.last);
      sums.count += of.counts[i];
      if (request.sums) sums.sum += of.sums[i];
    }
    EXPECT_EQ(given.size(), expected.size());
    for (const auto& [step, sums] : expected) {
      const Sums& got = given[step];
      EXPECT_EQ(got.rows, sums.rows);
      EXPECT_EQ(got.count, sums.count);
      if (sums.count == 0) continue;
      EXPECT_TRUE(SameNumber(got.min, sums.min)) << got.min << " " << sums.min;
      EXPECT_TRUE(SameNumber(got.max, sums.max)) << got.max << " " << sums.max;
      EXPECT_TRUE(SameNumber(got.first, sums.first)) << got.first << " " << sums.first;
      EXPECT_TRUE(SameNumber(got.last, sums.last)) << got.last << " " << sums.last;
      if (!request.sums) continue;
      int64_t scaled = sums.sum;
      if (column.kind == ColumnKind::kDouble && column.exact <= kDecimalsMax) {
        EXPECT_GE(of.decimals, column.exact);
        scaled *= kPowersOfTen[of.decimals - column.exact];
      }
      EXPECT_EQ(got.sum, scaled);
    }
  }
  return true;
}

struct RandomOdds {  // one in so many steps
  uint64_t merge = 60;
  uint64_t pack = 80;
};

// Worlds of 16 seeds. After every third step or so `compare` is given a request, of numbers alone,
// and what is there at a sequence, mostly the last one.
void ForRandomRequests(
    const RandomOdds& odds,
    absl::FunctionRef<void(HistoryWorld& world, ReadRequest request, const Snapshot& snapshot)>
        compare) {
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    HistoryWorld world(seed, seed % 2 == 0 ? 8 : 64);
    for (int i = 0; i < 400; ++i) {
      world.Step();
      if (world.Random(40) == 0) {
        ASSERT_TRUE(world.Checkpoint(false));
      }
      if (world.Random(odds.merge) == 0) {
        ASSERT_THAT(world.MergeDay(), IsOk());
      }
      if (world.Random(odds.pack) == 0) {
        ASSERT_THAT(world.PackDay(), IsOk());
      }
      if (world.Random(3) != 0) continue;
      ReadRequest request = world.RandomRequest();
      for (ReadRequest::Series& series : request.series) {
        if (series.as == WantedAs::kValue) series.as = WantedAs::kDouble;
      }
      const auto snapshot = world.store().Pin(
          Sequence(world.sequence() - (world.Random(3) == 0 ? world.Random(30) : 0)));
      ASSERT_NO_FATAL_FAILURE(compare(world, std::move(request), *snapshot)) << "step " << i;
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(StoreSummaryTest, RandomWindows) {
  SummaryCounts counts;
  int possible = 0;
  ForRandomRequests(
      {}, [&](HistoryWorld& world, const ReadRequest& read, const Snapshot& snapshot) {
        constexpr int64_t kSteps[] = {0, kMinute, 60 * kMinute, 1440 * kMinute, 7 * kMinute};
        const SummaryRequest request{.series = read.series,
                                     .from = read.from,
                                     .to = read.to,
                                     .step = kSteps[world.Random(5)],
                                     .sums = world.Random(2) == 0};
        if (CompareSums(snapshot, request, &counts)) possible += 1;
        ASSERT_FALSE(::testing::Test::HasFailure())
            << "from " << request.from << " to " << request.to << " step " << request.step;
      });
  EXPECT_GT(possible, 200);
  EXPECT_GT(counts.blocks, 100);
  EXPECT_GT(counts.rollup_rows, 20);
  EXPECT_GT(counts.rows, 100);
}

SummaryRows SumUp(const Snapshot& snapshot, const SummaryRequest& request) {
  SummaryRows summary;
  SummaryCounts counts;
  EXPECT_THAT(snapshot.Summarize(
                  {&request, 1},
                  [&](size_t, SummaryRows got) {
                    summary = std::move(got);
                    return absl::OkStatus();
                  },
                  &counts),
              IsOk());
  return summary;
}

void ExpectSameRow(const SummaryColumn& a, size_t row_a, const SummaryColumn& b, size_t row_b,
                   const SummaryRequest& asked) {
  ASSERT_EQ(a.counts[row_a], b.counts[row_b]);
  if (a.counts[row_a] == 0) return;
  ASSERT_EQ(a.kind, b.kind);
  std::vector<SummaryColumn::Values SummaryColumn::*> given;
  if (asked.extremes) given.insert(given.end(), {&SummaryColumn::min, &SummaryColumn::max});
  if (asked.ends) given.insert(given.end(), {&SummaryColumn::first, &SummaryColumn::last});
  for (SummaryColumn::Values SummaryColumn::*const of : given) {
    if (a.kind == ColumnKind::kDouble) {
      EXPECT_TRUE(SameNumber((a.*of).doubles[row_a], (b.*of).doubles[row_b]));
    } else {
      EXPECT_EQ((a.*of).ints[row_a], (b.*of).ints[row_b]);
    }
  }
  if (!asked.sums) return;
  EXPECT_EQ(a.decimals, b.decimals);
  EXPECT_EQ(a.sums[row_a], b.sums[row_b]);
}

// Of the answers, how many came together, and of those how many have several columns, integers,
// sums, and more rows than one.
struct Together {
  int all = 0, columns = 0, ints = 0, sums = 0, rows = 0;
};

// Asks about many twins at once, and about each. `twins`: of each column, as many as of the others.
void CompareEach(const Snapshot& snapshot, const SummaryRequest& each,
                 const std::vector<SummariesRequest::Column>& columns, Together* together) {
  SummariesRequest request;
  request.of_each = each;
  request.columns = columns;
  const size_t requests = columns[0].twins.size();
  std::vector<SummaryRows> expected(requests);
  for (size_t i = 0; i < requests; ++i) {
    SummaryRequest one = each;
    for (const SummariesRequest::Column& column : columns) {
      one.series.push_back({.key = {TwinNumber(column.twins[i]), column.path}, .as = column.as});
    }
    expected[i] = SumUp(snapshot, one);
  }
  size_t next = 0;
  std::vector<size_t> seen(requests, 0);
  SummaryCounts counts;
  EXPECT_THAT(snapshot.SummarizeEach(
                  request,
                  [&](SummaryRows rows) {
                    EXPECT_EQ(rows.requests.size(), rows.times.size());
                    for (size_t row = 0; row < rows.times.size(); ++row) {
                      const size_t i = rows.requests[row];
                      EXPECT_GE(i + (seen[i] > 0 ? 1 : 0), next);
                      next = i + 1;
                      const size_t at = seen[i]++;
                      EXPECT_TRUE(expected[i].possible);
                      if (at >= expected[i].times.size()) {
                        ADD_FAILURE() << "too many rows of " << i;
                        continue;
                      }
                      together->all += at == 0 ? 1 : 0;
                      together->columns += at == 0 && columns.size() > 1 ? 1 : 0;
                      together->ints += at == 0 && columns[0].as == WantedAs::kInt ? 1 : 0;
                      together->sums += at == 0 && each.sums ? 1 : 0;
                      together->rows += at == 1 ? 1 : 0;
                      EXPECT_EQ(rows.times[row], expected[i].times[at]);
                      EXPECT_EQ(rows.rows[row], expected[i].rows[at]);
                      for (size_t c = 0; c < columns.size(); ++c) {
                        ExpectSameRow(rows.columns[c], row, expected[i].columns[c], at, each);
                      }
                    }
                    return absl::OkStatus();
                  },
                  [&](size_t i) {
                    EXPECT_GE(i, next);
                    next = i + 1;
                    seen[i] = expected[i].times.size();
                    return absl::OkStatus();
                  },
                  &counts),
              IsOk());
  for (size_t i = 0; i < requests; ++i) EXPECT_EQ(seen[i], expected[i].times.size());
}

// Of a world of few twins they come again, and some are not there.
void CompareRandomEach(HistoryWorld* world, uint32_t twins_of_world, Together* together) {
  const ReadRequest read = world->RandomRequest();
  constexpr int64_t kSteps[] = {0, kMinute, 60 * kMinute, 1440 * kMinute, 7 * kMinute};
  const SummaryRequest each{.series = {},
                            .from = read.from,
                            .to = read.to,
                            .step = kSteps[world->Random(5)],
                            .sums = world->Random(2) == 0,
                            .extremes = world->Random(3) != 0,
                            .ends = world->Random(3) != 0};
  const size_t requests = 1 + world->Random(64);
  std::vector<std::vector<uint32_t>> twins(1 + world->Random(3));
  std::vector<SummariesRequest::Column> columns;
  for (std::vector<uint32_t>& of_column : twins) {
    const bool as_the_first = world->Random(2) == 0;
    for (size_t i = 0; i < requests; ++i) {
      const auto any = static_cast<uint32_t>(world->Random(twins_of_world + 2));
      of_column.push_back(as_the_first && !columns.empty() ? twins[0][i] : any);
    }
    columns.push_back({.twins = of_column,
                       .path = PathId{static_cast<uint32_t>(world->Random(2))},
                       .as = world->Random(3) == 0 ? WantedAs::kInt : WantedAs::kDouble});
  }
  const auto snapshot = world->store().Pin(
      Sequence(world->sequence() - (world->Random(3) == 0 ? world->Random(30) : 0)));
  CompareEach(*snapshot, each, columns, together);
  if (::testing::Test::HasFailure()) {
    FAIL() << "from " << each.from << " to " << each.to << " " << each.step;
  }
}

TEST(StoreSummaryTest, ManyAtOnceAreAsEachByItself) {
  Together together;
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const uint32_t twins = seed % 4 == 0 ? HistoryWorld::kFewTwins : 64;
    HistoryWorld world(seed, seed % 2 == 0 ? 8 : 64, twins);
    for (int i = 0; i < 300; ++i) {
      world.Step();
      if (world.Random(40) == 0) {
        ASSERT_TRUE(world.Checkpoint(false));
      }
      if (world.Random(60) == 0) {
        ASSERT_THAT(world.PackDay(), IsOk());
      }
      if (world.Random(60) == 0) {
        ASSERT_THAT(world.MergeDay(), IsOk());
      }
      if (world.Random(200) == 0) world.Drop();
      if (world.Random(4) != 0) continue;
      ASSERT_NO_FATAL_FAILURE(CompareRandomEach(&world, twins, &together));
    }
  }
  EXPECT_GT(together.all, 1000);
  EXPECT_GT(together.columns, 200);
  EXPECT_GT(together.ints, 300);
  EXPECT_GT(together.sums, 200);
  EXPECT_GT(together.rows, 300);
}

// Of a series at a time: the last sample at or before it, and the first one after it.
std::pair<std::string, std::string> Neighbours(const ReadRows& rows, size_t column, int64_t time) {
  std::pair<std::string, std::string> found;
  const ColumnValues& values = rows.columns[column];
  for (size_t row = 0; row < rows.times.size(); ++row) {
    if (IsMissing(values, row)) continue;
    const double value = values.kind == ColumnKind::kDouble ? values.doubles[row]
                                                            : static_cast<double>(values.ints[row]);
    const std::string text = absl::StrCat(rows.times[row], ": ", value);
    if (rows.times[row] > time) {
      found.second = text;
      break;
    }
    found.first = text;
  }
  return found;
}

TEST(StoreSummaryTest, EndsOfStepsAreThoseOfRows) {
  SummaryCounts counts;
  const auto compare = [&](HistoryWorld& world, ReadRequest request, const Snapshot& snapshot) {
    constexpr int64_t kSteps[] = {kMinute, 60 * kMinute, 1440 * kMinute, 7 * kMinute};
    const int64_t step = kSteps[world.Random(4)];
    ReadRows both[2];
    for (const int ends : {0, 1}) {
      request.ends_of = ends * step;
      ASSERT_THAT(snapshot.Read({&request, 1},
                                [&](size_t, ReadRows rows) {
                                  both[ends] = std::move(rows);
                                  return absl::OkStatus();
                                }),
                  IsOk());
    }
    ASSERT_TRUE(std::is_sorted(both[1].times.begin(), both[1].times.end(), std::less_equal<>()));
    counts.Add(both[1].counts);
    const int64_t first =
        std::max(request.from, both[0].times.empty() ? request.from : both[0].times.front());
    int64_t time = (first + step - 1) / step * step + step * static_cast<int64_t>(world.Random(50));
    for (int n = 0; n < 40 && time < request.to; ++n, time += step) {
      for (size_t c = 0; c < request.series.size(); ++c) {
        ASSERT_EQ(Neighbours(both[1], c, time), Neighbours(both[0], c, time))
            << "at " << time << " from " << request.from << " to " << request.to << " step "
            << step;
      }
    }
  };
  ForRandomRequests({.merge = 50, .pack = 60}, compare);
  EXPECT_GT(counts.blocks, 100);
  EXPECT_GT(counts.rollup_rows, 20);
  EXPECT_GT(counts.rows, 100);
}

// A day of decimals each 5 s: by blocks, by roll-ups, with a late sample, without its samples.
class StoreRollupTest : public ::testing::Test {
 protected:
  static constexpr int64_t kDay = 1440 * kMinute;
  static constexpr int64_t kFirstDay = 20'000 * kDay;
  static constexpr int64_t kStepNs = 5'000'000'000;

  StoreRollupTest()
      : store_({.folder = "/data/history",
                .file_system = &disk_,
                .retention = {.samples = 10 * kDay, .rollups = 100 * kDay}}) {
    EXPECT_THAT(store_.FinishLoad(), IsOk());
    store_.AddPath("voltage");
    store_.AddGroup({{{.kind = ColumnKind::kScaled, .decimals = 3, .series = {key_}}}});
    for (int64_t time = kFirstDay; time < kFirstDay + kDay; time += kStepNs) {
      Append(time, 3700 + static_cast<int32_t>(time / kStepNs % 97));
    }
    Append(kFirstDay + kDay, 3700);
    Checkpoint();
    EXPECT_THAT(store_.MergeDay(20'000, [](uint64_t) { return true; }), IsOk());
    Checkpoint();
  }

  void Append(int64_t time, int32_t value) {
    const uint64_t sequence = ++sequence_;
    const ColumnRows column{.kind = ColumnKind::kScaled, .decimals = 3, .scaled = &value};
    store_.Append({.group = GroupId{0},
                   .times = absl::MakeConstSpan(&time, 1),
                   .sequences = absl::MakeConstSpan(&sequence, 1),
                   .columns = absl::MakeConstSpan(&column, 1)});
  }
  void Checkpoint() {
    const auto checkpoint = store_.PinForCheckpoint(false);
    ASSERT_THAT(
        store_.WriteCheckpoint(checkpoint.get(),
                               [](CheckpointKey, absl::string_view) { return absl::OkStatus(); }),
        IsOk());
    store_.CheckpointDone(checkpoint);
  }
  SummaryCounts Compare(int64_t from, int64_t to, int64_t step) {
    SummaryCounts counts;
    const SummaryRequest request{.series = {{key_, WantedAs::kDouble}},
                                 .from = kFirstDay + from,
                                 .to = kFirstDay + to,
                                 .step = step,
                                 .sums = true};
    EXPECT_TRUE(CompareSums(*store_.Pin(Sequence(sequence_)), request, &counts));
    return counts;
  }

  const SeriesKey key_{TwinNumber(1), PathId{0}};
  testing::FaultyFileSystem disk_;
  Store store_;
  uint64_t sequence_ = 0;
};

TEST_F(StoreRollupTest, StepsThatARollupHasAreReadFromIt) {
  EXPECT_EQ(store_.status().rollup_files, 2u);
  EXPECT_EQ(store_.status().rollup_rows, 24u + 1440u);
  SummaryCounts counts = Compare(0, kDay, 60 * kMinute);
  EXPECT_EQ(counts.rollup_rows, 24u);
  EXPECT_EQ(counts.rows, 0u);
  counts = Compare(0, kDay, 10 * kMinute);
  EXPECT_EQ(counts.rollup_rows, 1440u);
  counts = Compare(30 * kMinute + kStepNs, 5 * 60 * kMinute, 60 * kMinute);
  EXPECT_EQ(counts.rollup_rows, 4u);
  EXPECT_EQ(counts.rows, 359u);  // of the hour that begins before the window
  counts = Compare(0, kDay, 0);
  EXPECT_GT(counts.blocks, 10u);
  EXPECT_EQ(counts.rows + counts.rollup_rows, 0u);
  counts = Compare(0, kDay, kStepNs * 4);
  EXPECT_EQ(counts.rollup_rows, 0u);
}

TEST_F(StoreRollupTest, ALateSampleIsNotMissed) {
  const auto before = store_.Pin(Sequence(sequence_));
  Append(kFirstDay + 90 * kMinute, 9999);      // in place of one
  Append(kFirstDay + 91 * kMinute + 1, 1111);  // between two
  SummaryCounts counts = Compare(0, kDay, 60 * kMinute);
  EXPECT_EQ(counts.rollup_rows, 23u);
  EXPECT_EQ(counts.rows, 721u);
  Checkpoint();
  counts = Compare(0, kDay, 60 * kMinute);
  EXPECT_EQ(counts.rollup_rows, 23u);
  // Its day is merged anew when that is worth it; then they are part of the roll-up.
  EXPECT_THAT(store_.MergeDay(20'000, [](uint64_t) { return true; }), IsOk());
  Checkpoint();
  counts = Compare(0, kDay, 60 * kMinute);
  EXPECT_EQ(counts.rollup_rows, 24u);
  // A snapshot from before does not see them.
  SummaryCounts of_before;
  const SummaryRequest request{.series = {{key_, WantedAs::kDouble}},
                               .from = kFirstDay,
                               .to = kFirstDay + kDay,
                               .step = 60 * kMinute,
                               .sums = true};
  EXPECT_TRUE(CompareSums(*before, request, &of_before));
}

// Series of which a scale was changed, or that two layouts have.
TEST(StoreSummaryTest, DecimalsOfSeveralKindsAreNoDecimals) {
  testing::FaultyFileSystem disk;
  Store store({.folder = "/data/history", .file_system = &disk});
  ASSERT_THAT(store.FinishLoad(), IsOk());
  store.AddPath("energy");
  const SeriesKey key{TwinNumber(1), PathId{0}};
  uint64_t sequence = 0;
  for (const uint8_t decimals : {0, 6}) {
    store.AddGroup({{{.kind = ColumnKind::kScaled, .decimals = decimals, .series = {key}}}});
  }
  const auto append = [&](uint32_t group, uint8_t decimals, int64_t time, int64_t value) {
    sequence += 1;
    const ColumnRows column{.kind = ColumnKind::kScaled, .decimals = decimals, .ints = &value};
    store.Append({.group = GroupId{group},
                  .times = absl::MakeConstSpan(&time, 1),
                  .sequences = absl::MakeConstSpan(&sequence, 1),
                  .columns = absl::MakeConstSpan(&column, 1)});
  };
  append(0, 0, 1, 3'000'000'000);
  append(1, 6, 2, 1'500'000);
  const auto snapshot = store.Pin(Sequence(sequence));
  for (const int64_t to : {2, 3}) {
    const ReadRequest read{.series = {{key, WantedAs::kDouble}}, .from = 0, .to = to};
    EXPECT_THAT(snapshot->Read({&read, 1},
                               [&](size_t, ReadRows rows) {
                                 EXPECT_EQ(rows.columns[0].exact, to == 2 ? 0 : kNoDecimals);
                                 EXPECT_EQ(rows.columns[0].doubles[0], 3e9);
                                 return absl::OkStatus();
                               }),
                IsOk());
    SummaryCounts counts;
    const SummaryRequest request{.series = read.series, .from = 0, .to = to, .sums = true};
    EXPECT_EQ(CompareSums(*snapshot, request, &counts), to == 2);
    EXPECT_EQ(counts.rows, to == 2 ? 1u : 0u) << "what was of no use does not count";
  }
}

TEST_F(StoreRollupTest, ItAnswersWhenTheSamplesAreGone) {
  std::vector<SummaryRows> answers;
  SummaryCounts counts;
  const SummaryRequest request{.series = {{key_, WantedAs::kDouble}},
                               .from = kFirstDay,
                               .to = kFirstDay + kDay,
                               .step = 60 * kMinute,
                               .sums = true};
  for (const bool expired : {false, true}) {
    if (expired) {
      store_.DropExpired(kFirstDay + 12 * kDay, Sequence(UINT64_MAX));
      Checkpoint();
      Checkpoint();
    }
    const auto snapshot = store_.Pin(Sequence(sequence_));
    ASSERT_THAT(snapshot->Summarize(
                    {&request, 1},
                    [&](size_t, SummaryRows rows) {
                      answers.push_back(std::move(rows));
                      return absl::OkStatus();
                    },
                    &counts),
                IsOk());
  }
  EXPECT_EQ(counts.expired_rows, 24u);
  ASSERT_TRUE(answers[0].possible && answers[1].possible);
  EXPECT_EQ(answers[0].times, answers[1].times);
  EXPECT_EQ(answers[0].rows, answers[1].rows);
  EXPECT_EQ(answers[0].columns[0].sums, answers[1].columns[0].sums);
  EXPECT_EQ(answers[0].columns[0].min.doubles, answers[1].columns[0].min.doubles);
  EXPECT_EQ(store_.status().rollup_files, 2u);
  // Nothing is merged there, but the next day's row that was in memory; in the end all go.
  EXPECT_EQ(store_.status().files, 1u);
  EXPECT_THAT(store_.DaysToMerge(kFirstDay + 12 * kDay), ::testing::ElementsAre(20'001));
  store_.DropExpired(kFirstDay + 103 * kDay, Sequence(UINT64_MAX));
  Checkpoint();
  EXPECT_EQ(store_.status().rollup_files, 0u);
  EXPECT_EQ(store_.status().files, 0u);
}

// One series in two groups, as decimals and as doubles, each with half of the day's minutes.
class StoreExpiredTest : public ::testing::Test {
 protected:
  static constexpr int64_t kDay = 1440 * kMinute;
  static constexpr int64_t kFirstDay = 20'000 * kDay;
  static constexpr int64_t kStepNs = 5'000'000'000;

  StoreExpiredTest()
      : store_({.folder = "/data/history",
                .file_system = &disk_,
                .retention = {.samples = 10 * kDay, .rollups = 100 * kDay}}) {
    EXPECT_THAT(store_.FinishLoad(), IsOk());
    store_.AddPath("voltage");
    store_.AddGroup({{{.kind = ColumnKind::kScaled, .decimals = 3, .series = {key_}}}});
    store_.AddGroup({{{.kind = ColumnKind::kDouble, .series = {key_}}}});
    for (int64_t time = kFirstDay; time < kFirstDay + kDay; time += kStepNs) {
      // Hours from group 0 to group 1 and back, those of even hours the other way round.
      const int64_t quarter = time / (15 * kMinute) % 4;
      const bool is_even = time / (60 * kMinute) % 2 == 0;
      Append((quarter == 0 || quarter == 3) == is_even ? 0 : 1, time);
    }
    for (const uint32_t group : {0, 1}) Append(group, kFirstDay + kDay + group * kStepNs);
    Checkpoint();
    EXPECT_THAT(store_.MergeDay(20'000, [](uint64_t) { return true; }), IsOk());
    Checkpoint();
  }

  void Append(uint32_t group, int64_t time) {
    Append(group, time, static_cast<int32_t>(3700 + time / kStepNs % 97));
  }
  void Append(uint32_t group, int64_t time, int32_t value) {
    const uint64_t sequence = ++sequence_;
    const double real = static_cast<double>(value) / 1000;
    ColumnRows column{.kind = ColumnKind::kScaled, .decimals = 3, .scaled = &value};
    if (group == 1) column = {.kind = ColumnKind::kDouble, .doubles = &real};
    store_.Append({.group = GroupId{group},
                   .times = absl::MakeConstSpan(&time, 1),
                   .sequences = absl::MakeConstSpan(&sequence, 1),
                   .columns = absl::MakeConstSpan(&column, 1)});
  }
  void Checkpoint() {
    const auto checkpoint = store_.PinForCheckpoint(false);
    ASSERT_THAT(
        store_.WriteCheckpoint(checkpoint.get(),
                               [](CheckpointKey, absl::string_view) { return absl::OkStatus(); }),
        IsOk());
    store_.CheckpointDone(checkpoint);
  }
  // What the samples of a window come to by steps.
  std::map<int64_t, std::pair<Sums, double>> ByRows(int64_t from, int64_t to, int64_t step) {
    std::map<int64_t, std::pair<Sums, double>> sums;
    const ReadRequest read{.series = {{key_, WantedAs::kDouble}}, .from = from, .to = to};
    EXPECT_THAT(store_.Pin(Sequence(sequence_))
                    ->Read({&read, 1},
                           [&](size_t, ReadRows rows) {
                             for (size_t i = 0; i < rows.times.size(); ++i) {
                               auto& [of, sum] = sums[StepOf(rows.times[i], step)];
                               AddSample(rows.columns[0].doubles[i], &of);
                               sum += rows.columns[0].doubles[i];
                             }
                             return absl::OkStatus();
                           }),
                IsOk());
    return sums;
  }
  SummaryRows Summarize(int64_t from, int64_t to, int64_t step, bool sums, bool only_expired) {
    SummaryRows summary;
    const SummaryRequest request{.series = {{key_, WantedAs::kDouble}},
                                 .from = from,
                                 .to = to,
                                 .step = step,
                                 .sums = sums,
                                 .only_expired = only_expired};
    counts_ = {};
    EXPECT_THAT(store_.Pin(Sequence(sequence_))
                    ->Summarize(
                        {&request, 1},
                        [&](size_t, SummaryRows rows) {
                          summary = std::move(rows);
                          return absl::OkStatus();
                        },
                        &counts_),
                IsOk());
    return summary;
  }
  static void ExpectRow(const SummaryRows& rows, size_t i, const Sums& expected) {
    const SummaryColumn& column = rows.columns[0];
    EXPECT_EQ(rows.rows[i], expected.count);
    EXPECT_EQ(column.counts[i], expected.count);
    EXPECT_EQ(column.min.doubles[i], expected.min);
    EXPECT_EQ(column.max.doubles[i], expected.max);
    EXPECT_EQ(column.first.doubles[i], expected.first);
    EXPECT_EQ(column.last.doubles[i], expected.last);
  }
  void Expire() {
    store_.DropExpired(kFirstDay + 12 * kDay, Sequence(UINT64_MAX));
    Checkpoint();
    Checkpoint();
  }

  const SeriesKey key_{TwinNumber(1), PathId{0}};
  testing::FaultyFileSystem disk_;
  Store store_;
  uint64_t sequence_ = 0;
  SummaryCounts counts_;
};

TEST_F(StoreExpiredTest, SeveralGroupsAreOne) {
  constexpr int64_t kHour = 60 * kMinute;
  const auto expected = ByRows(kFirstDay, kFirstDay + kDay, kHour);
  ASSERT_EQ(expected.size(), 24u);
  Expire();
  EXPECT_TRUE(ByRows(kFirstDay, kFirstDay + kDay, kHour).empty());
  // Their sums are not exact: one group has doubles.
  EXPECT_FALSE(Summarize(kFirstDay, kFirstDay + kDay, kHour, true, false).possible);
  EXPECT_EQ(counts_.expired_rows, 0u);
  for (const bool only_expired : {false, true}) {
    const SummaryRows rows =
        Summarize(kFirstDay, kFirstDay + kDay, kHour, only_expired, only_expired);
    ASSERT_TRUE(rows.possible);
    EXPECT_EQ(counts_.expired_rows, 48u);
    ASSERT_EQ(rows.times.size(), 24u);
    for (size_t i = 0; i < rows.times.size(); ++i) {
      SCOPED_TRACE(i);
      const auto& [sums, sum] = expected.at(rows.times[i]);
      ExpectRow(rows, i, sums);
      if (only_expired) {
        EXPECT_NEAR(rows.columns[0].real_sums[i], sum, 1e-9);
      }
    }
  }
}

TEST_F(StoreExpiredTest, WhatWasReplacedInAnotherGroupIsNotAddedUp) {
  constexpr int64_t kHour = 60 * kMinute;
  // The first quarters of even hours are group 0's, the second ones group 1's.
  Append(1, kFirstDay + kStepNs, 9000);
  Append(0, kFirstDay + 15 * kMinute, 1);
  Append(1, kFirstDay + 15 * kMinute, 2);  // replaces in turn
  Append(0, kFirstDay + 16 * kMinute, -5000);
  Checkpoint();
  ASSERT_THAT(store_.MergeDay(20'000, [](uint64_t) { return true; }), IsOk());
  Checkpoint();
  const auto expected = ByRows(kFirstDay, kFirstDay + kDay, kHour);
  EXPECT_EQ(expected.begin()->second.first.max, 9);
  Expire();
  ASSERT_TRUE(ByRows(kFirstDay, kFirstDay + kDay, kHour).empty());
  const SummaryRows rows = Summarize(kFirstDay, kFirstDay + kDay, kHour, true, true);
  ASSERT_EQ(rows.times.size(), 24u);
  for (size_t i = 0; i < rows.times.size(); ++i) {
    SCOPED_TRACE(i);
    const auto& [sums, sum] = expected.at(rows.times[i]);
    ExpectRow(rows, i, sums);
    EXPECT_NEAR(rows.columns[0].real_sums[i], sum, 1e-9);
  }
}

TEST_F(StoreExpiredTest, AWindowThatCutsHoursTakesTheirMinutes) {
  constexpr int64_t kHour = 60 * kMinute;
  const int64_t from = kFirstDay + 50 * kMinute;
  const int64_t to = kFirstDay + 3 * kHour + 20 * kMinute;
  int64_t expected = 0;
  for (const auto& [time, sums] : ByRows(from, to, kHour)) expected += sums.first.count;
  ASSERT_EQ(expected, 150 * 12);
  Expire();
  for (const int64_t step : {int64_t{0}, kMinute, kHour}) {
    int64_t count = 0;
    const SummaryRows rows = Summarize(from, to, step, false, false);
    for (const int64_t of : rows.columns[0].counts) count += of;
    EXPECT_EQ(count, expected) << step;
    EXPECT_EQ(counts_.cut_rows, 0u);
  }
  // Of a part of a minute nothing is known, and that is said.
  const SummaryRows rows = Summarize(from + 1, to, kHour, false, false);
  int64_t count = 0;
  for (const int64_t of : rows.columns[0].counts) count += of;
  EXPECT_EQ(count, expected - 12);
  EXPECT_EQ(counts_.cut_rows, 1u);
}

}  // namespace
}  // namespace twin::timeseries
