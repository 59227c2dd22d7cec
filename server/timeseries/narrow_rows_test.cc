#include "server/timeseries/narrow_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "tests/support/status_matchers.h"

namespace twin::timeseries {
namespace {

using ::testing::ElementsAreArray;
using testing::IsOk;
using ::testing::Le;
using ::testing::NotNull;

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();

ColumnValues Scaled(std::vector<int64_t> ints, std::vector<uint8_t> missing = {}) {
  ColumnValues values;
  values.kind = ColumnKind::kScaled;
  values.decimals = 3;
  values.ints = std::move(ints);
  values.missing = std::move(missing);
  return values;
}

ColumnValues Doubles(std::vector<double> doubles, std::vector<uint8_t> missing = {}) {
  ColumnValues values;
  values.kind = ColumnKind::kDouble;
  values.doubles = std::move(doubles);
  values.missing = std::move(missing);
  return values;
}

std::shared_ptr<const NarrowRows> Encode(const std::vector<ColumnValues>& columns,
                                         const std::vector<int64_t>& times,
                                         const std::vector<uint64_t>& sequences) {
  NarrowCoder coder;
  return coder.Encode(times, sequences, static_cast<uint32_t>(columns.size()),
                      [&](uint32_t c) -> const ColumnValues& { return columns[c]; });
}

std::vector<int64_t> TimesOf(size_t rows) {
  std::vector<int64_t> times(rows);
  for (size_t i = 0; i < rows; ++i) times[i] = 1'700'000'000'000 + static_cast<int64_t>(i * i);
  return times;
}

std::vector<uint64_t> SequencesOf(size_t rows) {
  std::vector<uint64_t> sequences(rows);
  for (size_t i = 0; i < rows; ++i) sequences[i] = 7 + i / 2;
  return sequences;
}

// Every bit of what has a value; what is missing is missing.
void ExpectSame(const ColumnValues& read, const ColumnValues& written) {
  EXPECT_EQ(read.kind, written.kind);
  EXPECT_EQ(read.decimals, written.decimals);
  EXPECT_THAT(read.missing, ElementsAreArray(written.missing));
  ASSERT_EQ(read.ints.size(), written.ints.size());
  ASSERT_EQ(read.doubles.size(), written.doubles.size());
  const auto has = [&](size_t i) { return written.missing.empty() || written.missing[i] == 0; };
  for (size_t i = 0; i < written.ints.size(); ++i) {
    if (!has(i)) continue;
    EXPECT_EQ(read.ints[i], written.ints[i]) << i;
  }
  for (size_t i = 0; i < written.doubles.size(); ++i) {
    if (!has(i)) continue;
    EXPECT_EQ(std::bit_cast<uint64_t>(read.doubles[i]), std::bit_cast<uint64_t>(written.doubles[i]))
        << i << ": " << written.doubles[i];
  }
}

void ExpectRoundTrip(const std::vector<ColumnValues>& columns, size_t rows) {
  const std::vector<int64_t> times = TimesOf(rows);
  const std::vector<uint64_t> sequences = SequencesOf(rows);
  const auto coded = Encode(columns, times, sequences);
  ASSERT_THAT(coded, NotNull());
  EXPECT_EQ(coded->range().rows, rows);
  std::vector<int64_t> read_times = {1, 2, 3};
  std::vector<uint64_t> read_sequences;
  ASSERT_THAT(coded->ReadTimes(&read_times), IsOk());
  ASSERT_THAT(coded->ReadSequences(&read_sequences), IsOk());
  EXPECT_THAT(read_times, ElementsAreArray(times));
  EXPECT_THAT(read_sequences, ElementsAreArray(sequences));
  ColumnValues read = Scaled({1, 2}, {0, 1});
  for (size_t c = 0; c < columns.size(); ++c) {
    ASSERT_THAT(coded->ReadColumn(static_cast<uint32_t>(c), &read), IsOk());
    SCOPED_TRACE(c);
    ExpectSame(read, columns[c]);
  }
}

TEST(NarrowRowsTest, Extremes) {
  ExpectRoundTrip({Scaled({kLeast, kGreatest, 0}), Scaled({-1, -1, -1}),
                   Scaled({kGreatest, kGreatest - 1, kGreatest}), Scaled({3700, 3703, 3698})},
                  3);
  ExpectRoundTrip({Scaled({42})}, 1);
}

TEST(NarrowRowsTest, MissingValues) {
  ExpectRoundTrip({Scaled({0, 5, kLeast, 6}, {1, 0, 1, 0}), Scaled({1, 1, 1, 1}, {1, 1, 1, 1}),
                   Doubles({0.5, 1.25, 0, 2}, {0, 0, 1, 0})},
                  4);
}

TEST(NarrowRowsTest, Doubles) {
  const double nan = std::bit_cast<double>(uint64_t{0x7ff8'0000'dead'beef});
  ExpectRoundTrip({Doubles({3.6, 3.612, 4}), Doubles({0.1, -0.0, 1}), Doubles({1e300, 1, 2}),
                   Doubles({nan, 1, 2}), Doubles({0.1 + 0.2, 1, 2}),
                   Doubles({1e-9, 123456.5, -2e-9}), Doubles({1e15, 1e-9, 0})},
                  3);
}

TEST(NarrowRowsTest, RandomColumnsOfAnyWidth) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    const size_t rows = 1 + random() % 130;
    std::vector<ColumnValues> columns;
    for (int c = 0; c < 5; ++c) {
      const uint64_t shift = random() % 64;
      std::vector<int64_t> ints(rows);
      for (int64_t& value : ints) value = static_cast<int64_t>(random()) >> shift;
      std::vector<uint8_t> missing;
      if (random() % 3 == 0) {
        missing.resize(rows);
        for (uint8_t& flag : missing) flag = random() % 2 == 0 ? 1 : 0;
      }
      columns.push_back(Scaled(ints, missing));
    }
    SCOPED_TRACE(round);
    ExpectRoundTrip(columns, rows);
  }
}

TEST(NarrowRowsTest, ColumnsOfAnyValuesAreNotTaken) {
  ColumnValues any;
  any.kind = ColumnKind::kValue;
  any.values = {"a"};
  EXPECT_EQ(Encode({Scaled({1}), any}, {1}, {1}), nullptr);
}

TEST(NarrowRowsTest, SixteenRowsOfACellTakeAByteEach) {
  std::vector<ColumnValues> columns;
  for (int c = 0; c < 130; ++c) {
    std::vector<int64_t> ints(16);
    for (int i = 0; i < 16; ++i) ints[i] = 3700 + c % 20 + i / 4 + (i * 7 + c) % 6;
    columns.push_back(Scaled(ints));
  }
  const auto coded = Encode(columns, TimesOf(16), SequencesOf(16));
  EXPECT_THAT(static_cast<double>(coded->memory_bytes()) / (130 * 16), Le(1.0));
}

}  // namespace
}  // namespace twin::timeseries
