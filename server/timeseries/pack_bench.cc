// Re-packs the blocks of simulated packs, and reads them: beside a copy of the values, and beside
// Zstandard on the same integers.
//
// 144 cells with voltage (mV: the pack moves by 4.1 a row, each cell's noise is 0.85), temperature
// and charge (tenths that change each tenth and thirtieth row). As differences in time the voltage
// has 4.15 bits of entropy, as differences from the pack 1.82.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "server/base/check.h"
#include "server/timeseries/packed_block.h"
#include "server/timeseries/row_buffer.h"
#include "server/timeseries/sealed_block.h"
#include "server/timeseries/zstd.h"

namespace twin::timeseries {
namespace {

constexpr size_t kPackCells = 144;
constexpr size_t kPackColumns = kPackCells * 3;
constexpr size_t kDayRows = 8640;  // each 10 s
constexpr size_t kDayValues = kPackColumns * kDayRows;

// A day of one pack.
struct PackDay {
  std::vector<int64_t> times;
  std::vector<uint64_t> sequences;
  std::vector<std::vector<int32_t>> scaled;  // voltage, temperature, charge of cell 0, then of 1 …
  std::vector<uint32_t> families;

  explicit PackDay(uint64_t seed) : scaled(kPackColumns, std::vector<int32_t>(kDayRows)) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> step(0, 4.1);
    std::normal_distribution<double> noise(0, 0.85);
    std::normal_distribution<double> of_cell(0, 10);
    std::vector<double> offsets(kPackCells);
    for (double& offset : offsets) offset = of_cell(random);
    std::vector<int32_t> temperatures(kPackCells, 251);
    std::vector<int32_t> charges(kPackCells, 853);
    double level = 3700;
    for (size_t row = 0; row < kDayRows; ++row) {
      times.push_back(1'700'000'000'000'000'000 + static_cast<int64_t>(row) * 10'000'000'000);
      sequences.push_back(1'000'000 + 700 * row + random() % 50);
      level += step(random);
      for (size_t cell = 0; cell < kPackCells; ++cell) {
        if (random() % 10 == 0) temperatures[cell] += random() % 2 == 0 ? 1 : -1;
        if (random() % 30 == 0) charges[cell] -= 1;
        scaled[cell * 3][row] =
            static_cast<int32_t>(std::lround(level + offsets[cell] + noise(random)));
        scaled[cell * 3 + 1][row] = temperatures[cell];
        scaled[cell * 3 + 2][row] = charges[cell];
      }
    }
    for (uint32_t c = 0; c < kPackColumns; ++c) families.push_back(c % 3);
  }

  // Blocks of so many rows.
  std::vector<std::string> Encode(size_t rows_max, bool packed) const {
    std::vector<std::string> blocks;
    for (size_t begin = 0; begin < kDayRows; begin += rows_max) {
      const size_t count = std::min(rows_max, kDayRows - begin);
      std::vector<ColumnRows> columns(kPackColumns);
      for (size_t c = 0; c < kPackColumns; ++c) {
        columns[c] = {.kind = ColumnKind::kScaled,
                      .decimals = static_cast<uint8_t>(c % 3 == 0 ? 3 : 1),
                      .scaled = scaled[c].data() + begin};
      }
      const Rows rows = {.group = {},
                         .times = absl::MakeSpan(times).subspan(begin, count),
                         .sequences = absl::MakeSpan(sequences).subspan(begin, count),
                         .columns = columns};
      std::string& bytes = blocks.emplace_back();
      if (packed) {
        EncodePackedBlock(rows, families, &bytes);
      } else {
        EncodeBlock(rows, &bytes);
      }
    }
    return blocks;
  }
};

size_t SizeOfAll(const std::vector<std::string>& blocks) {
  size_t bytes = 0;
  for (const std::string& block : blocks) bytes += block.size();
  return bytes;
}

void ReportDays(benchmark::State& state, size_t values, size_t bytes) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(values));
  state.counters["bytes/value"] = static_cast<double>(bytes) / static_cast<double>(values);
}

void BM_EncodePacked(benchmark::State& state) {
  const PackDay day(1);
  size_t bytes = 0;
  for (auto _ : state) {
    const std::vector<std::string> blocks = day.Encode(kBlockRowsMax, /*packed=*/true);
    bytes = SizeOfAll(blocks);
  }
  ReportDays(state, kDayValues, bytes);
}

// All columns of a day: 0 of blocks of 256 rows, 1 re-packed.
void BM_DecodeDay(benchmark::State& state) {
  const PackDay day(1);
  const bool packed = state.range(0) == 1;
  const std::vector<std::string> blocks = day.Encode(packed ? kBlockRowsMax : 256, packed);
  ColumnValues values;
  for (auto _ : state) {
    for (const std::string& bytes : blocks) {
      PackedBlock::Decoded decoded;
      const absl::StatusOr<SealedBlock> block = SealedBlock::Open(bytes);
      TWIN_CHECK(block.ok()) << block.status();
      // As a query for a kind of value reads them: all voltages, then all temperatures …
      for (uint32_t what = 0; what < 3; ++what) {
        for (uint32_t c = what; c < kPackColumns; c += 3) {
          const absl::Status status = block->ReadColumn(c, &decoded, &values);
          TWIN_CHECK(status.ok()) << status;
          benchmark::DoNotOptimize(values.ints.data());
        }
      }
    }
  }
  TWIN_CHECK(values.ints.back() == day.scaled.back().back());
  ReportDays(state, kDayValues, SizeOfAll(blocks));
}

// From blocks of 256 rows to packed ones, as the store does it.
void BM_Repack(benchmark::State& state) {
  const PackDay day(1);
  const std::vector<std::string> blocks = day.Encode(256, /*packed=*/false);
  size_t bytes = 0;
  for (auto _ : state) {
    RowBuffer buffer(kPackColumns);
    for (const std::string& block : blocks) {
      const auto source = MemoryBlock::Open(block);
      TWIN_CHECK(source.ok() && buffer.Add(**source).ok());
    }
    buffer.Sort();
    bytes = 0;
    const absl::Status status =
        buffer.EncodePacked(day.families, [&](const RowRange&, absl::string_view packed) {
          bytes += packed.size();
          return absl::OkStatus();
        });
    TWIN_CHECK(status.ok()) << status;
  }
  ReportDays(state, kDayValues, bytes);
}

// The 20 cells of the greatest mean temperature of 21 packs over a day: 26.1 M rows. On one thread;
// 0: re-packed values, 1: re-packed statistics, 2: values of blocks of 256 rows.
void BM_Top20(benchmark::State& state) {
  constexpr size_t kPacks = 21;
  const bool packed = state.range(0) < 2;
  std::vector<std::vector<std::string>> packs;
  for (size_t i = 0; i < kPacks; ++i) {
    packs.push_back(PackDay(i + 1).Encode(packed ? kBlockRowsMax : 256, packed));
  }
  ColumnValues values;
  ColumnStatistics statistics;
  for (auto _ : state) {
    std::vector<double> means;
    for (const std::vector<std::string>& blocks : packs) {
      std::vector<int64_t> sums(kPackCells, 0);
      for (const std::string& bytes : blocks) {
        const absl::StatusOr<SealedBlock> block = SealedBlock::Open(bytes);
        TWIN_CHECK(block.ok()) << block.status();
        PackedBlock::Decoded decoded;
        for (uint32_t cell = 0; cell < kPackCells; ++cell) {
          const uint32_t column = cell * 3 + 1;
          if (state.range(0) == 1) {
            TWIN_CHECK(block->ReadStatistics(column, &decoded, &statistics).ok());
            sums[cell] += statistics.sum_int;
            continue;
          }
          const absl::Status status = block->ReadColumn(column, &decoded, &values);
          TWIN_CHECK(status.ok()) << status;
          for (const int64_t value : values.ints) sums[cell] += value;
        }
      }
      for (const int64_t sum : sums) means.push_back(static_cast<double>(sum) / kDayRows);
    }
    std::partial_sort(means.begin(), means.begin() + 20, means.end(), std::greater<>());
    benchmark::DoNotOptimize(means.data());
  }
  size_t bytes = 0;
  for (const std::vector<std::string>& blocks : packs) bytes += SizeOfAll(blocks);
  ReportDays(state, kPacks * kPackCells * kDayRows, bytes / 3);
}

// The floor: 8 bytes a value are written.
void BM_CopyDay(benchmark::State& state) {
  const std::vector<int64_t> from(kBlockRowsMax, 3700);
  std::vector<int64_t> to(kBlockRowsMax);
  for (auto _ : state) {
    for (size_t i = 0; i < kDayValues / kBlockRowsMax; ++i) {
      std::memcpy(to.data(), from.data(), kBlockRowsMax * sizeof(int64_t));
      benchmark::DoNotOptimize(to.data());
      benchmark::ClobberMemory();
    }
  }
  ReportDays(state, kDayValues, kDayValues * sizeof(int64_t));
}

// Steps of each column as 16-bit integers, through Zstandard.
void BM_ZstdOfSteps(benchmark::State& state) {
  const PackDay day(1);
  std::string raw;
  for (const std::vector<int32_t>& column : day.scaled) {
    int32_t before = 0;
    for (const int32_t value : column) {
      const auto step = static_cast<int16_t>(value - before);
      raw.append(reinterpret_cast<const char*>(&step), sizeof(step));
      before = value;
    }
  }
  std::string compressed;
  Compress(raw, &compressed);
  std::string read;
  for (auto _ : state) {
    TWIN_CHECK(Decompress(compressed, raw.size(), &read));
    benchmark::DoNotOptimize(read.data());
  }
  ReportDays(state, kDayValues, compressed.size());
}

BENCHMARK(BM_EncodePacked)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Repack)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_DecodeDay)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Top20)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_CopyDay)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ZstdOfSteps)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace twin::timeseries
