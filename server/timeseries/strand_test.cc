#include "server/timeseries/strand.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "server/timeseries/rans.h"

namespace twin::timeseries {
namespace {

using Random = std::mt19937_64;

struct Columns {
  size_t rows = 0;
  std::vector<std::vector<int64_t>> values;
  std::vector<std::vector<uint8_t>> missing;

  std::string Encode() const {
    std::vector<StrandColumn> columns(values.size());
    for (size_t i = 0; i < columns.size(); ++i) {
      columns[i].values = values[i].data();
      if (!missing.empty() && !missing[i].empty()) columns[i].missing = missing[i].data();
    }
    std::string bytes;
    EncodeStrand(columns, rows, &bytes);
    return bytes;
  }
};

std::string RoundTrip(const Columns& columns) {
  const std::string bytes = columns.Encode();
  ByteReader reader(bytes);
  std::vector<int64_t> read;
  EXPECT_TRUE(DecodeStrand(&reader, columns.values.size(), columns.rows, &read));
  EXPECT_TRUE(reader.done());
  for (size_t c = 0; c < columns.values.size(); ++c) {
    for (size_t t = 0; t < columns.rows; ++t) {
      if (!columns.missing.empty() && !columns.missing[c].empty() && columns.missing[c][t] != 0) {
        continue;
      }
      EXPECT_EQ(read[c * columns.rows + t], columns.values[c][t]) << "column " << c << " row " << t;
      if (::testing::Test::HasFailure()) return bytes;
    }
  }
  return bytes;
}

// Columns of every kind: packs that move together, packs in which each cell follows the one before
// later, noise, constants, ends of the range.
Columns AnyColumns(Random* random, size_t columns, size_t rows) {
  Columns made;
  made.rows = rows;
  const uint64_t style = (*random)() % 6;
  int64_t level = 3700;
  std::vector<int64_t> levels(rows);
  for (int64_t& each : levels) each = level += static_cast<int64_t>((*random)() % 31) - 15;
  for (size_t c = 0; c < columns; ++c) {
    std::vector<int64_t>& values = made.values.emplace_back(rows);
    for (size_t t = 0; t < rows; ++t) {
      const auto noise = static_cast<int64_t>((*random)() % 5) - 2;
      switch (style) {
        case 0:
          values[t] = levels[t] + static_cast<int64_t>(c) * 3 + noise;
          break;
        case 1:
          values[t] = levels[t - std::min(t, c / 8)] + noise;
          break;
        case 2:
          values[t] =
              static_cast<int64_t>((*random)() % (2 * kStrandValueEnd - 1)) - kStrandValueEnd + 1;
          break;
        case 3:
          values[t] = (*random)() % 2 == 0 ? kStrandValueEnd - 1 : 1 - kStrandValueEnd;
          break;
        case 4:
          values[t] = 25;
          break;
        default:
          values[t] = (*random)() % 50 == 0 ? 100'000 * noise : 40 + static_cast<int64_t>(t / 30);
          break;
      }
    }
    std::vector<uint8_t>& missing = made.missing.emplace_back();
    if ((*random)() % 3 == 0) {
      missing.resize(rows);
      for (uint8_t& each : missing) each = (*random)() % 4 == 0 ? 1 : 0;
      missing[(*random)() % rows] = 0;
      // What stands where a value is missing means nothing.
      for (size_t t = 0; t < rows; ++t) {
        if (missing[t] != 0) values[t] = INT64_MIN + static_cast<int64_t>(t);
      }
    }
  }
  return made;
}

TEST(Strand, RandomColumns) {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    const size_t columns = 1 + random() % (i % 10 == 0 ? kStrandColumnsMax : 12);
    const size_t rows = 1 + random() % (i % 20 == 0 ? kStrandRowsMax : 150);
    RoundTrip(AnyColumns(&random, columns, rows));
    if (HasFailure()) return;
  }
}

TEST(Strand, TheGreatestOfAll) {
  Random random(2);
  RoundTrip(AnyColumns(&random, kStrandColumnsMax, kStrandRowsMax));
  Columns one;
  one.rows = 1;
  one.values = {{1 - kStrandValueEnd}};
  RoundTrip(one);
}

// What a pack's cells have in common takes bits once, and noise what it has to.
TEST(Strand, CellsOfAPackTakeTheirNoise) {
  Random random(3);
  std::normal_distribution<double> step(0, 4.1);
  std::normal_distribution<double> noise(0, 0.85);
  Columns pack;
  pack.rows = 4096;
  pack.values.assign(48, std::vector<int64_t>(pack.rows));
  double level = 3700;
  for (size_t t = 0; t < pack.rows; ++t) {
    level += step(random);
    for (size_t c = 0; c < pack.values.size(); ++c) {
      pack.values[c][t] = std::lround(level + static_cast<double>(c % 7) + noise(random));
    }
  }
  const double bits = static_cast<double>(RoundTrip(pack).size()) * 8 /
                      static_cast<double>(pack.rows * pack.values.size());
  EXPECT_LE(bits, 2.3);  // the noise itself: 1.82; differences in time: 4.15
}

TEST(Strand, AnyBytesAreValuesOrNone) {
  Random random(4);
  const Columns columns = AnyColumns(&random, 5, 60);
  const std::string sound = columns.Encode();
  std::vector<int64_t> read;
  for (size_t size = 0; size < sound.size(); ++size) {
    ByteReader reader(absl::string_view(sound).substr(0, size));
    EXPECT_FALSE(DecodeStrand(&reader, 5, 60, &read)) << size;
    EXPECT_FALSE(reader.ok());
  }
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = sound;
    for (uint64_t changes = 1 + random() % 3; changes-- > 0;) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    ByteReader reader(bytes);
    DecodeStrand(&reader, 1 + random() % 6, 1 + random() % 70, &read);
  }
}

// The one of docs/formats/history.md.
TEST(Strand, TheDocumentedOne) {
  Columns columns;
  columns.rows = 4;
  columns.values = {{3712, 3714, 3713, 3715}, {3710, 3712, 3711, 3713}};
  EXPECT_EQ(absl::BytesToHexString(RoundTrip(columns)),
            "00"                // no mean
            "1202040e"          // what columns are predicted from
            "12803a0d031d"      // starts
            "0104122c062b0098"  // one context, 5 symbols, their sizes
            "00d69d5900"        // no words, the state
            "00");              // nothing behind
}

TEST(Rans, FrequenciesAddUp) {
  Random random(5);
  for (int i = 0; i < 500; ++i) {
    std::vector<uint32_t> counts(1 + random() % kSymbolsMax);
    for (uint32_t& count : counts) {
      count = random() % 3 == 0 ? 0 : static_cast<uint32_t>(random() >> (32 + random() % 31));
    }
    counts[random() % counts.size()] = 1 + static_cast<uint32_t>(random() >> 33);
    const std::vector<uint16_t> frequencies = Frequencies(counts);
    uint32_t sum = 0;
    for (size_t s = 0; s < counts.size(); ++s) {
      EXPECT_EQ(counts[s] > 0, frequencies[s] > 0);
      sum += frequencies[s];
    }
    EXPECT_EQ(sum, kRansTotal);
  }
}

TEST(Rans, FrequenciesOfAnotherSumAreNone) {
  RansTables tables;
  EXPECT_FALSE(tables.Init({2047}, 1));
  EXPECT_FALSE(tables.Init({2048, 1}, 2));
  EXPECT_TRUE(tables.Init({2048, 0}, 2));
  EXPECT_FALSE(tables.Init({1024, 1024, 1024, 1025}, 2));
}

}  // namespace
}  // namespace twin::timeseries
