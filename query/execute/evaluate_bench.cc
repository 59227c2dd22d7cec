// Conditions and aggregates over batches of 1,024 rows, beside the floor: copying the same columns.
// Each checks its answer once.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "query/execute/aggregate.h"
#include "query/execute/evaluate.h"
#include "query/execute/evaluate_testing.h"
#include "query/execute/sort.h"
#include "server/base/check.h"

namespace twin::query {
namespace {

using namespace twin::query::testing;  // NOLINT(google-build-using-namespace)
using enum TypeKind;

constexpr size_t kRows = kBatchRowsDefault;

// Values from 0 to 1.
Vector RandomDoubles(uint32_t seed, bool nulls = false) {
  std::mt19937 random(seed);
  Vector column = DoubleVector(std::vector<double>(kRows));
  for (size_t i = 0; i < kRows; ++i) {
    column.doubles[i] = std::uniform_real_distribution<double>()(random);
    if (nulls && random() % 10 == 0) column.SetNull(i);
  }
  return column;
}

void SetRows(benchmark::State& state, size_t columns) {
  const auto rows = static_cast<int64_t>(state.iterations() * kRows);
  state.SetItemsProcessed(rows);
  state.SetBytesProcessed(rows * static_cast<int64_t>(columns * sizeof(double)));
}

void BM_CopyTwoColumns(benchmark::State& state) {
  const Vector a = RandomDoubles(1);
  const Vector b = RandomDoubles(2);
  std::vector<double> to(2 * kRows);
  for (auto _ : state) {
    std::memcpy(to.data(), a.doubles.data(), kRows * sizeof(double));
    std::memcpy(to.data() + kRows, b.doubles.data(), kRows * sizeof(double));
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  SetRows(state, 2);
}
BENCHMARK(BM_CopyTwoColumns);

// a > c1 AND b < c2; the argument: per cent of the rows that each of the two keeps.
void BM_FilterTwoColumns(benchmark::State& state) {
  const double share = static_cast<double>(state.range(0)) / 100;
  Batch batch = BatchOf({RandomDoubles(1, state.range(1) != 0), RandomDoubles(2)});
  std::vector<BoundPtr> conditions;
  conditions.push_back(Op(BoundKind::kGreater, kBool, SlotOf(0, kDouble), Double(1 - share)));
  conditions.push_back(Op(BoundKind::kLess, kBool, SlotOf(1, kDouble), Double(share)));
  size_t expected = 0;
  for (size_t i = 0; i < kRows; ++i) {
    const bool keeps = !batch.slots[0].IsNull(i) && batch.slots[0].doubles[i] > 1 - share &&
                       batch.slots[1].doubles[i] < share;
    expected += keeps ? 1 : 0;
  }
  const EvaluateContext context;
  std::vector<uint32_t> rows;
  for (auto _ : state) {
    TWIN_CHECK(Filter(conditions, context, &batch, &rows).ok());
    benchmark::DoNotOptimize(rows.data());
  }
  TWIN_CHECK(rows.size() == expected) << rows.size() << " rows, not " << expected;
  SetRows(state, 2);
}
BENCHMARK(BM_FilterTwoColumns)
    ->ArgNames({"percent", "nulls"})
    ->Args({1, 0})
    ->Args({50, 0})
    ->Args({90, 0})
    ->Args({50, 1});

void BM_FilterRange(benchmark::State& state) {
  Batch batch = BatchOf({RandomDoubles(1)});
  std::vector<BoundPtr> conditions;
  conditions.push_back(Op(BoundKind::kGreater, kBool, SlotOf(0, kDouble), Double(0.4)));
  conditions.push_back(Op(BoundKind::kLess, kBool, SlotOf(0, kDouble), Double(0.6)));
  const EvaluateContext context;
  std::vector<uint32_t> rows;
  for (auto _ : state) {
    TWIN_CHECK(Filter(conditions, context, &batch, &rows).ok());
    benchmark::DoNotOptimize(rows.data());
  }
  for (const uint32_t row : rows) TWIN_CHECK(std::abs(batch.slots[0].doubles[row] - 0.5) < 0.1);
  SetRows(state, 1);
}
BENCHMARK(BM_FilterRange);

// (a - b) * 2 + 1
void BM_Arithmetic(benchmark::State& state) {
  Batch batch = BatchOf({RandomDoubles(1), RandomDoubles(2)});
  const BoundPtr expr =
      Op(BoundKind::kAdd, kDouble,
         Op(BoundKind::kMultiply, kDouble,
            Op(BoundKind::kSubtract, kDouble, SlotOf(0, kDouble), SlotOf(1, kDouble)), Double(2)),
         Double(1));
  const EvaluateContext context;
  Vector out;
  for (auto _ : state) {
    TWIN_CHECK(Evaluate(*expr, context, &batch, &out).ok());
    benchmark::DoNotOptimize(out.doubles.data());
  }
  TWIN_CHECK(out.doubles[7] == (batch.slots[0].doubles[7] - batch.slots[1].doubles[7]) * 2 + 1);
  SetRows(state, 2);
}
BENCHMARK(BM_Arithmetic);

void BM_Aggregate(benchmark::State& state, Function function, bool grouped) {
  constexpr uint32_t kGroups = 100;
  const Vector column = RandomDoubles(1);
  BoundAggregate aggregate;
  aggregate.function = function;
  aggregate.type.kind = kDouble;
  std::vector<uint32_t> groups(kRows);
  for (size_t i = 0; i < kRows; ++i) groups[i] = static_cast<uint32_t>(i * 7919 % kGroups);
  std::vector<double> firsts;
  for (auto _ : state) {
    const std::unique_ptr<Aggregator> aggregator = NewAggregator(aggregate);
    aggregator->Resize(kGroups);
    TWIN_CHECK((grouped ? aggregator->Add(groups, kRows, {&column, 1})
                        : aggregator->AddAll(0, kRows, {&column, 1}))
                   .ok());
    Vector out;
    TWIN_CHECK(aggregator->Finish(&out).ok());
    benchmark::DoNotOptimize(out.doubles.data());
    firsts.assign(1, out.doubles[0]);
  }
  if (function == Function::kSum && !grouped) {
    double sum = 0;
    for (const double value : column.doubles) sum += value;
    TWIN_CHECK(std::abs(firsts[0] - sum) < 1e-9);
  }
  SetRows(state, 1);
}
BENCHMARK_CAPTURE(BM_Aggregate, sum, Function::kSum, false);
BENCHMARK_CAPTURE(BM_Aggregate, sum_by_group, Function::kSum, true);
BENCHMARK_CAPTURE(BM_Aggregate, avg_by_group, Function::kAvg, true);
BENCHMARK_CAPTURE(BM_Aggregate, max, Function::kMax, false);
BENCHMARK_CAPTURE(BM_Aggregate, max_by_group, Function::kMax, true);
BENCHMARK_CAPTURE(BM_Aggregate, stddev, Function::kStddev, false);
BENCHMARK_CAPTURE(BM_Aggregate, stddev_by_group, Function::kStddev, true);
BENCHMARK_CAPTURE(BM_Aggregate, median_by_group, Function::kMedian, true);

// The twenty greatest of a batch, and all of them in order.
void BM_Sort(benchmark::State& state) {
  const Vector column = RandomDoubles(1);
  const std::vector<SortColumn> keys = {{&column, true}};
  const auto limit = static_cast<size_t>(state.range(0));
  std::vector<uint32_t> rows;
  for (auto _ : state) {
    rows = SortRowsTop(keys, kRows, limit);
    benchmark::DoNotOptimize(rows.data());
  }
  TWIN_CHECK(column.doubles[rows[0]] ==
             *std::max_element(column.doubles.begin(), column.doubles.end()));
  SetRows(state, 1);
}
BENCHMARK(BM_Sort)->Arg(20)->Arg(kRows);

void BM_Take(benchmark::State& state) {
  const Vector column = RandomDoubles(1);
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < kRows; i += 2) rows.push_back(i);
  for (auto _ : state) {
    const Vector taken = column.Take(rows);
    benchmark::DoNotOptimize(taken.doubles.data());
  }
  SetRows(state, 1);
}
BENCHMARK(BM_Take);

}  // namespace
}  // namespace twin::query
