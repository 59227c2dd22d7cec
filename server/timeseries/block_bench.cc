// Encodes and decodes the block of a pack of cells, beside a copy of its decoded values.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/base/check.h"
#include "server/timeseries/block.h"

namespace twin::timeseries {
namespace {

constexpr size_t kCells = 144;
constexpr size_t kColumns = kCells * 3;
constexpr size_t kRows = 256;

// Voltages in millivolts that walk by a few, temperatures and charges in tenths that move slowly.
struct Pack {
  std::vector<int64_t> times;
  std::vector<uint64_t> sequences;
  std::vector<std::vector<int32_t>> scaled;
  std::vector<std::vector<double>> doubles;  // the same values
  std::vector<ColumnRows> columns;

  explicit Pack(ColumnKind kind) {
    std::mt19937_64 random(1);
    for (size_t row = 0; row < kRows; ++row) {
      times.push_back(1'700'000'000'000'000'000 + static_cast<int64_t>(row) * 10'000'000'000);
      sequences.push_back(1'000'000 + 700 * row + random() % 50);
    }
    for (size_t i = 0; i < kColumns; ++i) {
      const size_t what = i % 3;
      const double unit = what == 0 ? 1000 : 10;
      int32_t value = what == 0 ? 3700 : what == 1 ? 251 : 853;
      std::vector<int32_t>& ints = scaled.emplace_back(kRows);
      std::vector<double>& numbers = doubles.emplace_back(kRows);
      for (size_t row = 0; row < kRows; ++row) {
        if (what == 0) value += static_cast<int32_t>(random() % 9) - 4;
        if (what == 1 && random() % 10 == 0) value += random() % 2 == 0 ? 1 : -1;
        if (what == 2 && random() % 30 == 0) value -= 1;
        ints[row] = value;
        numbers[row] = value / unit;
      }
    }
    for (size_t i = 0; i < kColumns; ++i) {
      ColumnRows& column = columns.emplace_back();
      column.kind = kind;
      column.decimals = kind != ColumnKind::kScaled ? 0 : i % 3 == 0 ? 3 : 1;
      column.scaled = scaled[i].data();
      column.doubles = doubles[i].data();
    }
  }

  Rows rows() const {
    return {.group = {}, .times = times, .sequences = sequences, .columns = columns};
  }
};

void Report(benchmark::State& state, size_t bytes) {
  constexpr size_t kValues = kColumns * kRows;
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kValues));
  state.counters["bytes/value"] = static_cast<double>(bytes) / kValues;
}

void BM_Encode(benchmark::State& state) {
  const Pack pack(static_cast<ColumnKind>(state.range(0)));
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    EncodeBlock(pack.rows(), &bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
  Report(state, bytes.size());
}

void BM_Decode(benchmark::State& state) {
  const Pack pack(static_cast<ColumnKind>(state.range(0)));
  std::string bytes;
  EncodeBlock(pack.rows(), &bytes);
  ColumnValues values;
  for (auto _ : state) {
    const auto block = Block::Open(bytes);
    TWIN_CHECK(block.ok()) << block.status();
    for (uint32_t i = 0; i < kColumns; ++i) {
      const absl::Status status = block->ReadColumn(i, &values);
      TWIN_CHECK(status.ok()) << status;
      benchmark::DoNotOptimize(values.ints.data());
      benchmark::DoNotOptimize(values.doubles.data());
    }
  }
  if (state.range(0) == static_cast<int64_t>(ColumnKind::kScaled)) {
    TWIN_CHECK(values.ints.back() == pack.scaled.back().back());
  } else {
    TWIN_CHECK(values.doubles.back() == pack.doubles.back().back());
  }
  Report(state, bytes.size());
}

void BM_ReadStatistics(benchmark::State& state) {
  const Pack pack(ColumnKind::kScaled);
  std::string bytes;
  EncodeBlock(pack.rows(), &bytes);
  ColumnStatistics statistics;
  for (auto _ : state) {
    const auto block = Block::Open(bytes);
    TWIN_CHECK(block.ok()) << block.status();
    for (uint32_t i = 0; i < kColumns; ++i) {
      TWIN_CHECK(block->ReadStatistics(i, &statistics).ok());
      benchmark::DoNotOptimize(statistics);
    }
  }
  Report(state, bytes.size());
}

// The floor of decoding: 8 bytes a value are written.
void BM_Copy(benchmark::State& state) {
  const std::vector<int64_t> from(kRows, 3700);
  std::vector<int64_t> to(kRows);
  for (auto _ : state) {
    for (size_t i = 0; i < kColumns; ++i) {
      std::memcpy(to.data(), from.data(), kRows * sizeof(int64_t));
      benchmark::DoNotOptimize(to.data());
      benchmark::ClobberMemory();
    }
  }
  Report(state, kColumns * kRows * sizeof(int64_t));
}

// kScaled, kDouble
BENCHMARK(BM_Encode)->Arg(1)->Arg(2)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Decode)->Arg(1)->Arg(2)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_ReadStatistics)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Copy)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace twin::timeseries
