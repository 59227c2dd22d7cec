#include "server/timeseries/block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/crc32c.h"
#include "server/timeseries/block_format.h"
#include "tests/support/status_matchers.h"

namespace twin::timeseries {
namespace {

using ::testing::HasSubstr;
using Random = std::mt19937_64;

// Rows that own what they are made of.
struct Table {
  struct Column {
    ColumnKind kind = ColumnKind::kInt;
    uint8_t decimals = 0;
    std::vector<int32_t> scaled;  // of kScaled, unless empty
    std::vector<int64_t> ints;
    std::vector<double> doubles;
    std::vector<std::string> values;
    std::vector<absl::string_view> views;
    std::vector<uint8_t> missing;
  };
  std::vector<int64_t> times;
  std::vector<uint64_t> sequences;
  std::vector<Column> columns;

  explicit Table(size_t rows) : times(rows), sequences(rows) {
    for (size_t i = 0; i < rows; ++i) {
      times[i] = 1'700'000'000'000'000'000 + static_cast<int64_t>(i) * 10'000'000'000;
      sequences[i] = 5000 + 3 * i;
    }
  }
};

std::string Encode(Table& table) {
  std::vector<ColumnRows> columns;
  columns.reserve(table.columns.size());
  for (Table::Column& column : table.columns) {
    column.views.assign(column.values.begin(), column.values.end());
    ColumnRows& rows = columns.emplace_back();
    rows.kind = column.kind;
    rows.decimals = column.decimals;
    rows.scaled = column.scaled.empty() ? nullptr : column.scaled.data();
    rows.ints = column.ints.data();
    rows.doubles = column.doubles.data();
    rows.values = column.views.data();
    rows.missing = column.missing.empty() ? nullptr : column.missing.data();
  }
  std::string bytes;
  EncodeBlock({.group = {}, .times = table.times, .sequences = table.sequences, .columns = columns},
              &bytes);
  return bytes;
}

uint64_t BitsOf(double value) { return std::bit_cast<uint64_t>(value); }

// The statistics as their definition says, one value after the other.
ColumnStatistics ExpectedStatistics(const Table::Column& column, size_t rows) {
  ColumnStatistics s;
  __int128 sum = 0;
  bool has_number = false;
  bool same = true;
  for (size_t i = 0; i < rows; ++i) {
    if (!column.missing.empty() && column.missing[i] != 0) continue;
    ++s.count;
    if (column.kind == ColumnKind::kValue) continue;
    if (column.kind == ColumnKind::kDouble) {
      const double value = column.doubles[i];
      if (s.count == 1) s.first_double = value;
      s.last_double = value;
      same = same && BitsOf(value) == BitsOf(s.first_double);
      if (std::isnan(value)) {
        s.has_nan = true;
        continue;
      }
      s.min_double = has_number ? std::min(s.min_double, value) : value;
      s.max_double = has_number ? std::max(s.max_double, value) : value;
      has_number = true;
      s.sum_double += value;
      continue;
    }
    const int64_t value = column.scaled.empty() ? column.ints[i] : column.scaled[i];
    if (s.count == 1) s.first_int = s.min_int = s.max_int = value;
    s.last_int = value;
    s.min_int = std::min(s.min_int, value);
    s.max_int = std::max(s.max_int, value);
    sum += value;
  }
  if (same && has_number) s.sum_double = s.first_double * s.count;
  s.sum_overflows = sum > INT64_MAX || sum < INT64_MIN;
  s.sum_int = s.sum_overflows ? 0 : static_cast<int64_t>(sum);
  return s;
}

void ExpectSame(const ColumnStatistics& a, const ColumnStatistics& b) {
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.min_int, b.min_int);
  EXPECT_EQ(a.max_int, b.max_int);
  EXPECT_EQ(a.sum_int, b.sum_int);
  EXPECT_EQ(a.first_int, b.first_int);
  EXPECT_EQ(a.last_int, b.last_int);
  EXPECT_EQ(a.sum_overflows, b.sum_overflows);
  EXPECT_EQ(BitsOf(a.min_double), BitsOf(b.min_double));
  EXPECT_EQ(BitsOf(a.max_double), BitsOf(b.max_double));
  // Of infinities there is more than one NaN.
  EXPECT_TRUE(BitsOf(a.sum_double) == BitsOf(b.sum_double) ||
              (std::isnan(a.sum_double) && std::isnan(b.sum_double)))
      << a.sum_double << " and " << b.sum_double;
  EXPECT_EQ(BitsOf(a.first_double), BitsOf(b.first_double));
  EXPECT_EQ(BitsOf(a.last_double), BitsOf(b.last_double));
  EXPECT_EQ(a.has_nan, b.has_nan);
}

void ExpectColumn(const Block& block, uint32_t number, const Table::Column& column) {
  SCOPED_TRACE(absl::StrCat("column ", number));
  EXPECT_EQ(block.kind(number), column.kind);
  EXPECT_EQ(block.decimals(number), column.decimals);
  ColumnValues read;
  read.missing = {1, 2, 3};
  read.ints = {1};
  ASSERT_THAT(block.ReadColumn(number, &read), testing::IsOk());
  EXPECT_EQ(read.kind, column.kind);
  EXPECT_EQ(read.decimals, column.decimals);
  const bool any_missing = std::count(column.missing.begin(), column.missing.end(), 1) > 0;
  EXPECT_EQ(read.missing, any_missing ? column.missing : std::vector<uint8_t>());
  for (size_t i = 0; i < block.rows(); ++i) {
    if (any_missing && column.missing[i] != 0) continue;
    switch (column.kind) {
      case ColumnKind::kScaled:
      case ColumnKind::kInt:
        ASSERT_EQ(read.ints[i], column.scaled.empty() ? column.ints[i] : column.scaled[i]) << i;
        break;
      case ColumnKind::kDouble:
        ASSERT_EQ(BitsOf(read.doubles[i]), BitsOf(column.doubles[i])) << i;
        break;
      case ColumnKind::kValue:
        ASSERT_EQ(read.values[i], column.values[i]) << i;
        break;
    }
  }
  const bool ints = column.kind == ColumnKind::kInt || column.kind == ColumnKind::kScaled;
  EXPECT_EQ(read.ints.size(), ints ? block.rows() : 0);
  EXPECT_EQ(read.doubles.size(), column.kind == ColumnKind::kDouble ? block.rows() : 0);
  EXPECT_EQ(read.values.size(), column.kind == ColumnKind::kValue ? block.rows() : 0);
  ColumnStatistics statistics;
  ASSERT_THAT(block.ReadStatistics(number, &statistics), testing::IsOk());
  ExpectSame(statistics, ExpectedStatistics(column, block.rows()));
}

std::string RoundTrip(Table& table) {
  std::string bytes = Encode(table);
  const std::string with_more = bytes + "what follows";
  const absl::StatusOr<Block> block = Block::Open(with_more);
  EXPECT_THAT(block.status(), testing::IsOk());
  if (!block.ok()) return bytes;
  EXPECT_EQ(block->bytes(), bytes.size());
  EXPECT_EQ(block->rows(), table.times.size());
  EXPECT_EQ(block->columns(), table.columns.size());
  EXPECT_EQ(block->first_time(), table.times.front());
  EXPECT_EQ(block->last_time(), table.times.back());
  EXPECT_EQ(block->first_sequence(),
            *std::min_element(table.sequences.begin(), table.sequences.end()));
  EXPECT_EQ(block->last_sequence(),
            *std::max_element(table.sequences.begin(), table.sequences.end()));
  std::vector<int64_t> times = {1, 2, 3};
  EXPECT_THAT(block->ReadTimes(&times), testing::IsOk());
  EXPECT_EQ(times, table.times);
  std::vector<uint64_t> sequences = {1, 2, 3};
  EXPECT_THAT(block->ReadSequences(&sequences), testing::IsOk());
  EXPECT_EQ(sequences, table.sequences);
  for (uint32_t i = 0; i < block->columns(); ++i) ExpectColumn(*block, i, table.columns[i]);
  return bytes;
}

int64_t AnyInt(Random* random, uint64_t style) {
  switch (style % 4) {
    case 0:
      return static_cast<int64_t>(3700 + (*random)() % 20);
    case 1:
      return static_cast<int64_t>((*random)());
    case 2:
      return (*random)() % 2 == 0 ? INT64_MIN : INT64_MAX;
    default:
      return -40;
  }
}

double AnyDouble(Random* random, uint64_t style) {
  constexpr double kOdd[] = {-0.0, std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::denorm_min(), 0.0};
  switch (style % 6) {
    case 0:
      return static_cast<double>((*random)() % 100000) / std::pow(10, (style >> 8) % 10);
    case 1:
      return std::bit_cast<double>((*random)());
    case 2:
      return kOdd[(*random)() % 5];
    case 3:
      return kOdd[style / 6 % 5];  // a constant
    case 4:
      return (*random)() % 64 == 0 ? kOdd[(*random)() % 5] : 3.5;
    default:
      return static_cast<double>((*random)() % 1000) * 0.3333;
  }
}

Table::Column AnyColumn(Random* random, size_t rows) {
  Table::Column column;
  column.kind = static_cast<ColumnKind>(1 + (*random)() % 4);
  const uint64_t style = (*random)();
  const uint64_t missing = (*random)() % 5;
  if (missing > 0) column.missing.resize(rows);
  for (uint8_t& each : column.missing) {
    each = missing == 1 ? 0 : missing == 2 ? 1 : (*random)() % (style % 30 + 2) == 0 ? 1 : 0;
  }
  for (size_t i = 0; i < rows; ++i) {
    switch (column.kind) {
      case ColumnKind::kScaled:
        column.decimals = style % 10;
        if (style % 3 == 0) {
          column.ints.push_back(AnyInt(random, style));
        } else {
          column.scaled.push_back(static_cast<int32_t>(AnyInt(random, style)));
        }
        break;
      case ColumnKind::kInt:
        column.ints.push_back(AnyInt(random, style));
        break;
      case ColumnKind::kDouble:
        column.doubles.push_back(AnyDouble(random, style));
        break;
      case ColumnKind::kValue:
        column.values.push_back(absl::StrCat((*random)() % (style % 100 + 1)));
        break;
    }
  }
  return column;
}

Table AnyTable(uint64_t seed) {
  Random random(seed);
  const size_t rows = seed % 10 == 0 ? 1 + random() % kBlockRowsMax : 1 + random() % 80;
  Table table(rows);
  if (seed % 2 == 0) {  // times and sequences of rows that were late
    int64_t time = seed % 4 == 0 ? INT64_MIN : -5;
    for (size_t i = 0; i < rows; ++i) {
      table.times[i] = time += static_cast<int64_t>(random() % 3 * (random() % 1'000'000));
      table.sequences[i] = random() % (seed % 3 == 0 ? UINT64_MAX : 1000);
    }
    if (seed % 8 == 0) table.times.back() = INT64_MAX;
  }
  const size_t columns = random() % 30;
  table.columns.reserve(columns);
  for (size_t i = 0; i < columns; ++i) table.columns.push_back(AnyColumn(&random, rows));
  return table;
}

TEST(Block, RandomTables) {
  for (uint64_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    Table table = AnyTable(seed);
    RoundTrip(table);
  }
}

TEST(Block, OneRowWithoutColumns) {
  Table table(1);
  EXPECT_LE(RoundTrip(table).size(), 50U);
}

TEST(Block, MostRows) {
  Table table(kBlockRowsMax);
  Random random(1);
  table.columns.push_back(AnyColumn(&random, kBlockRowsMax));
  RoundTrip(table);
}

// Changes of single bytes never go unnoticed: each is found by what opens or reads the block.
TEST(Block, EveryByteIsGuarded) {
  for (uint64_t seed : {1, 2, 3, 4, 5}) {
    Table table = AnyTable(seed);
    const std::string sound = Encode(table);
    for (size_t at = 0; at < sound.size(); ++at) {
      for (const int change : {1, 0x80, 0xff}) {
        std::string bytes = sound;
        bytes[at] = static_cast<char>(bytes[at] ^ change);
        const absl::StatusOr<Block> block = Block::Open(bytes);
        if (!block.ok()) {
          EXPECT_EQ(block.status().code(), absl::StatusCode::kDataLoss) << block.status();
          continue;
        }
        bool found = false;
        const auto look = [&found](const absl::Status& status) {
          found = found || !status.ok();
          EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kDataLoss) << status;
        };
        std::vector<int64_t> times;
        look(block->ReadTimes(&times));
        std::vector<uint64_t> sequences;
        look(block->ReadSequences(&sequences));
        for (uint32_t i = 0; i < block->columns(); ++i) {
          ColumnValues values;
          look(block->ReadColumn(i, &values));
        }
        EXPECT_TRUE(found) << "byte " << at << " ^ " << change;
      }
    }
  }
}

TEST(Block, CutShort) {
  for (uint64_t seed : {1, 2, 3}) {
    Table table = AnyTable(seed);
    const std::string bytes = Encode(table);
    for (size_t size = 0; size < bytes.size(); ++size) {
      // Exactly so much memory, so that a sanitizer sees what reads beyond.
      const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_THAT(Block::Open({cut.data(), cut.size()}).status(),
                  testing::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("block: ")));
    }
  }
}

TEST(Block, NamesWhatIsDamaged) {
  Table table(256);
  Random random(1);
  for (int i = 0; i < 20; ++i) {
    Table::Column& column = table.columns.emplace_back();
    for (size_t row = 0; row < 256; ++row) column.ints.push_back(AnyInt(&random, 0));
  }
  std::string bytes = Encode(table);
  bytes.back() ^= 1;
  const auto block = Block::Open(bytes);
  ASSERT_THAT(block.status(), testing::IsOk());
  ColumnValues values;
  EXPECT_THAT(block->ReadColumn(18, &values), testing::IsOk());
  EXPECT_THAT(block->ReadColumn(19, &values),
              testing::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("checksum of column 19")));
  ColumnStatistics statistics;
  EXPECT_THAT(block->ReadStatistics(19, &statistics), testing::IsOk());
}

TEST(Block, NewerFormat) {
  Table table(3);
  std::string bytes = Encode(table);
  bytes[4] = 2;
  uint32_t header = 0;
  std::memcpy(&header, bytes.data() + 5, sizeof(header));
  const absl::string_view all(bytes);
  const uint32_t crc =
      ExtendCrc32c(Crc32c(all.substr(0, 9)), all.substr(13, header - kBlockFixedBytes));
  std::memcpy(bytes.data() + 9, &crc, sizeof(crc));
  EXPECT_THAT(Block::Open(bytes).status(),
              testing::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("format 2")));
}

// What a pack of cells sends: the size per value that is promised in docs/formats/history.md.
TEST(Block, SizeOfCells) {
  constexpr size_t kCells = 144;
  constexpr size_t kRows = 256;
  Table table(kRows);
  Random random(1);
  for (size_t cell = 0; cell < kCells; ++cell) {
    for (const int what : {0, 1, 2}) {
      Table::Column& column = table.columns.emplace_back();
      column.kind = ColumnKind::kScaled;
      column.decimals = what == 0 ? 3 : 1;
      int32_t value = what == 0 ? 3700 : what == 1 ? 251 : 853;
      for (size_t row = 0; row < kRows; ++row) {
        if (what == 0) value += static_cast<int32_t>(random() % 9) - 4;
        if (what == 1 && random() % 10 == 0) value += random() % 2 == 0 ? 1 : -1;
        if (what == 2 && random() % 30 == 0) value -= 1;
        column.scaled.push_back(value);
      }
    }
  }
  const double each = static_cast<double>(RoundTrip(table).size()) / (kRows * kCells * 3);
  EXPECT_LE(each, 0.35);
}

TEST(Block, IdleColumnsTakeFewBytes) {
  Table table(256);
  const size_t without = Encode(table).size();
  for (int i = 0; i < 80; ++i) {
    Table::Column& column = table.columns.emplace_back();
    column.kind = ColumnKind::kScaled;
    column.decimals = 3;
    column.scaled.assign(256, 3712);
  }
  EXPECT_LE(RoundTrip(table).size() - without, 80U * 7);
}

// docs/formats/history.md shows these bytes.
TEST(Block, TheDocumentedOne) {
  Table table(4);
  Table::Column& voltage = table.columns.emplace_back();
  voltage.kind = ColumnKind::kScaled;
  voltage.decimals = 3;
  voltage.scaled = {3712, 3714, 3713, 3715};
  Table::Column& state = table.columns.emplace_back();
  state.kind = ColumnKind::kInt;
  state.ints = {1, 1, 0, 1};
  state.missing = {0, 0, 1, 0};
  EXPECT_EQ(absl::BytesToHexString(RoundTrip(table)),
            "5457424b01380000006aa92d43"  // magic, version, bytes of the header, checksum
            "0402"                        // 4 rows, 2 columns
            "00002a36fe9c971780d88ee16f"  // first time; last time
            "882709"                      // first sequence; last sequence
            "0814008090dfc04a00"          // times, 8 bytes
            "0414000600"                  // sequences, 4 bytes
            "00"                          // bytes of both among the data
            "0c82"                        // kinds of the columns
            "1800000000000000"            // ends of the group: entries, data
            "00803a03000306"              // voltage: statistics
            "0614803a040335"              // its 6 bytes
            "030102"                      // state: 3 rows have a value, always 1
            "020104"                      // its 2 bytes: the third row is missing
            "76740269");                  // checksum of the entries
}

}  // namespace
}  // namespace twin::timeseries
