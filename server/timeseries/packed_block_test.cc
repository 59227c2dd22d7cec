#include "server/timeseries/packed_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "server/base/crc32c.h"
#include "server/timeseries/sealed_block.h"
#include "tests/support/status_matchers.h"

namespace twin::timeseries {
namespace {

using ::twin::testing::IsOk;
using Random = std::mt19937_64;

// Rows that own what they are made of.
struct PackTable {
  struct Column {
    ColumnKind kind = ColumnKind::kScaled;
    uint8_t decimals = 0;
    uint32_t family = 0;
    std::vector<int64_t> ints;
    std::vector<double> doubles;
    std::vector<absl::string_view> values;
    std::vector<uint8_t> missing;
  };
  std::vector<int64_t> times;
  std::vector<uint64_t> sequences;
  std::vector<Column> columns;

  explicit PackTable(size_t rows) : times(rows), sequences(rows) {
    for (size_t i = 0; i < rows; ++i) {
      times[i] = 1'700'000'000'000'000'000 + static_cast<int64_t>(i) * 10'000'000'000;
      sequences[i] = 5000 + 3 * i;
    }
  }

  std::string Encode(bool packed) const {
    std::vector<ColumnRows> all;
    std::vector<uint32_t> families;
    for (const Column& column : columns) {
      ColumnRows& rows = all.emplace_back();
      rows.kind = column.kind;
      rows.decimals = column.decimals;
      rows.ints = column.ints.data();
      rows.doubles = column.doubles.data();
      rows.values = column.values.data();
      rows.missing = column.missing.empty() ? nullptr : column.missing.data();
      families.push_back(column.family);
    }
    std::string bytes;
    const Rows rows = {.group = {}, .times = times, .sequences = sequences, .columns = all};
    if (packed) {
      EncodePackedBlock(rows, families, &bytes);
    } else {
      EncodeBlock(rows, &bytes);
    }
    return bytes;
  }
};

uint64_t BitsOfDouble(double value) { return std::bit_cast<uint64_t>(value); }

void ExpectSameStatistics(const ColumnStatistics& a, const ColumnStatistics& b) {
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.min_int, b.min_int);
  EXPECT_EQ(a.max_int, b.max_int);
  EXPECT_EQ(a.sum_int, b.sum_int);
  EXPECT_EQ(a.first_int, b.first_int);
  EXPECT_EQ(a.last_int, b.last_int);
  EXPECT_EQ(a.sum_overflows, b.sum_overflows);
  EXPECT_EQ(BitsOfDouble(a.min_double), BitsOfDouble(b.min_double));
  EXPECT_EQ(BitsOfDouble(a.max_double), BitsOfDouble(b.max_double));
  EXPECT_TRUE(BitsOfDouble(a.sum_double) == BitsOfDouble(b.sum_double) ||
              (std::isnan(a.sum_double) && std::isnan(b.sum_double)));
  EXPECT_EQ(BitsOfDouble(a.first_double), BitsOfDouble(b.first_double));
  EXPECT_EQ(BitsOfDouble(a.last_double), BitsOfDouble(b.last_double));
  EXPECT_EQ(a.has_nan, b.has_nan);
}

// A packed block says what the block of the same rows says.
std::string ExpectSameAsBlock(const PackTable& table) {
  const std::string plain_bytes = table.Encode(false);
  const std::string bytes = table.Encode(true);
  const absl::StatusOr<Block> plain = Block::Open(plain_bytes);
  const std::string with_more = bytes + "what follows";
  const absl::StatusOr<PackedBlock> packed = PackedBlock::Open(with_more);
  EXPECT_THAT(plain.status(), IsOk());
  EXPECT_THAT(packed.status(), IsOk());
  if (!plain.ok() || !packed.ok()) return bytes;
  EXPECT_EQ(packed->bytes(), bytes.size());
  EXPECT_EQ(packed->rows(), plain->rows());
  EXPECT_EQ(packed->columns(), plain->columns());
  std::vector<int64_t> times;
  EXPECT_THAT(packed->rest().ReadTimes(&times), IsOk());
  EXPECT_EQ(times, table.times);
  std::vector<uint64_t> sequences;
  EXPECT_THAT(packed->rest().ReadSequences(&sequences), IsOk());
  EXPECT_EQ(sequences, table.sequences);
  PackedBlock::Decoded decoded;
  for (uint32_t c = 0; c < plain->columns(); ++c) {
    SCOPED_TRACE(c);
    EXPECT_EQ(packed->kind(c), plain->kind(c));
    EXPECT_EQ(packed->decimals(c), plain->decimals(c));
    ColumnValues a;
    ColumnValues b;
    EXPECT_THAT(plain->ReadColumn(c, &a), IsOk());
    EXPECT_THAT(packed->ReadColumn(c, &decoded, &b), IsOk());
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.decimals, b.decimals);
    EXPECT_EQ(a.missing, b.missing);
    EXPECT_EQ(a.ints, b.ints);
    EXPECT_EQ(a.values, b.values);
    EXPECT_EQ(a.doubles.size(), b.doubles.size());
    for (size_t i = 0; i < a.doubles.size() && i < b.doubles.size(); ++i) {
      EXPECT_EQ(BitsOfDouble(a.doubles[i]), BitsOfDouble(b.doubles[i])) << i;
    }
    ColumnStatistics of_plain;
    ColumnStatistics of_packed;
    EXPECT_THAT(plain->ReadStatistics(c, &of_plain), IsOk());
    EXPECT_THAT(packed->ReadStatistics(c, &decoded, &of_packed), IsOk());
    ExpectSameStatistics(of_plain, of_packed);
    if (::testing::Test::HasFailure()) return bytes;
  }
  return bytes;
}

PackTable AnyPack(uint64_t seed) {
  Random random(seed);
  const size_t rows = 1 + random() % (seed % 20 == 0 ? kBlockRowsMax : 90);
  PackTable table(rows);
  const size_t columns = random() % (seed % 7 == 0 ? 250 : 20);
  int64_t level = 3700;
  std::vector<int64_t> levels(rows);
  for (int64_t& each : levels) each = level += static_cast<int64_t>(random() % 21) - 10;
  for (size_t c = 0; c < columns; ++c) {
    PackTable::Column& column = table.columns.emplace_back();
    column.family = static_cast<uint32_t>(random() % 3);
    column.kind = static_cast<ColumnKind>(1 + random() % (random() % 4 == 0 ? 4 : 2));
    column.decimals = column.kind == ColumnKind::kScaled ? random() % 4 : 0;
    const uint64_t style = random() % 8;
    for (size_t t = 0; t < rows; ++t) {
      const int64_t value = style == 0   ? 7
                            : style == 1 ? static_cast<int64_t>(random())
                                         : levels[t] + static_cast<int64_t>(random() % 4);
      column.ints.push_back(value);
      column.doubles.push_back(style == 2   ? std::bit_cast<double>(random())
                               : style == 3 ? -0.0
                                            : static_cast<double>(value) / 10);
      column.values.push_back("text");
    }
    const uint64_t missing = random() % 6;
    if (missing < 3) {
      for (size_t t = 0; t < rows; ++t) {
        column.missing.push_back(missing == 0 ? 0 : missing == 1 ? 1 : random() % 5 == 0);
      }
    }
  }
  return table;
}

TEST(PackedBlock, SaysWhatTheBlockSays) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    ExpectSameAsBlock(AnyPack(seed));
    if (HasFailure()) return;
  }
}

TEST(PackedBlock, ChangedBytesAreDataLossOrTheSame) {
  const std::string sound = AnyPack(14).Encode(true);
  for (size_t at = 0; at < sound.size(); ++at) {
    std::string bytes = sound;
    bytes[at] = static_cast<char>(bytes[at] ^ 16);
    const absl::StatusOr<SealedBlock> block = SealedBlock::Open(bytes);
    bool damaged = !block.ok();
    if (block.ok()) {
      std::vector<int64_t> times;
      std::vector<uint64_t> sequences;
      ColumnValues values;
      damaged |= !block->axes().ReadTimes(&times).ok();
      damaged |= !block->axes().ReadSequences(&sequences).ok();
      PackedBlock::Decoded decoded;
      for (uint32_t c = 0; c < block->columns(); ++c) {
        damaged |= !block->ReadColumn(c, &decoded, &values).ok();
      }
    }
    EXPECT_TRUE(damaged) << "byte " << at;
  }
  for (size_t size = 0; size < sound.size(); ++size) {
    EXPECT_FALSE(SealedBlock::Open(absl::string_view(sound).substr(0, size)).ok()) << size;
  }
}

TEST(PackedBlock, ANewerFormatIsRefused) {
  std::string bytes = AnyPack(3).Encode(true);
  bytes[4] = kPackedVersion + 1;
  EXPECT_EQ(PackedBlock::Open(bytes).status().code(), absl::StatusCode::kDataLoss);
  uint32_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data() + 5, sizeof(header_bytes));
  const absl::string_view all(bytes);
  const uint32_t crc =
      ExtendCrc32c(Crc32c(all.substr(0, kPackedCrcAt)),
                   all.substr(kPackedFixedBytes, header_bytes - kPackedFixedBytes));
  std::memcpy(bytes.data() + kPackedCrcAt, &crc, sizeof(crc));
  EXPECT_EQ(PackedBlock::Open(bytes).status().code(), absl::StatusCode::kFailedPrecondition);
}

// The one of docs/formats/history.md.
TEST(PackedBlock, TheDocumentedOne) {
  PackTable table(4);
  for (const std::vector<int64_t>& cell : {std::vector<int64_t>{3712, 3714, 3713, 3715},
                                           std::vector<int64_t>{3710, 3712, 3711, 3713}}) {
    PackTable::Column& column = table.columns.emplace_back();
    column.decimals = 3;
    column.ints = cell;
  }
  PackTable::Column& state = table.columns.emplace_back();
  state.kind = ColumnKind::kInt;
  state.family = 1;
  state.ints = {1, 1, 1, 1};
  EXPECT_EQ(absl::BytesToHexString(ExpectSameAsBlock(table)),
            "545750420128000000b68e56db"        // magic, version, bytes of the header, checksum
            "03013e"                            // columns, strands, bytes of the block inside
            "12020102"                          // strands of columns
            "0c0d"                              // kind of the strand, bytes of its description
            "12803a0203000600000006000c"        // statistics
            "19b2cbef45"                        // bytes of its data, their checksum
            "5457424b0137000000f74fba0f040100"  // the block inside
            "002a36fe9c971780d88ee16f88270908"
            "14008090dfc04a000414000600000207"
            "00000000000000010200ea0160e2"
            "001202040e12803a0d031d0104122c06"  // the strand
            "2b009800d69d590000");
}

}  // namespace
}  // namespace twin::timeseries
