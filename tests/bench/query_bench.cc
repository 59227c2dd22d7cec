// Queries over a fleet of 864,000 cells in 6,000 vehicles, in process: parse, bind, plan, execute
// on the engine's reader, without the wire. The floors beside them read the same bytes.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "query/bind/bind.h"
#include "query/execute/execute.h"
#include "query/parse/parse.h"
#include "server/base/check.h"
#include "server/engine/graph_reader.h"
#include "server/graph/catalog.h"
#include "server/graph/graph.h"
#include "server/timeseries/store.h"
#include "tests/bench/battery_catalog.h"

namespace twin {
namespace {

constexpr int kVehicles = 6000;
constexpr int kModules = 12;
constexpr int kCells = 12;  // in each module
constexpr int kHistoryRows = 100;

class Fleet {
 public:
  Fleet() : cache_(1 << 30), pool_(query::NewTaskPool(2)), history_({.folder = "/nowhere"}) {
    graph_.SetCatalog(BatteryCatalog());
    const graph::Catalog& catalog = graph_.head().catalog();
    std::mt19937_64 random(1);
    std::normal_distribution<double> volts(3.7, 0.02), degrees(25, 4);
    for (int v = 0; v < kVehicles; ++v) {
      const TwinNumber vehicle = Create(catalog, "Vehicle", absl::StrCat("veh-", v));
      const TwinNumber pack = Create(catalog, "BatteryPack", absl::StrCat("pack-", v));
      std::vector<TwinNumber> cells;
      std::vector<int32_t> tenths;  // their temperatures
      Set(catalog, "BatteryPack", pack, "chemistry", Value::String(v % 3 == 0 ? "LFP" : "NMC"));
      Relate(catalog, "Vehicle", "hasPack", vehicle, pack);
      for (int m = 0; m < kModules; ++m) {
        const TwinNumber module = Create(catalog, "BatteryModule", absl::StrCat("mod-", v, "-", m));
        Relate(catalog, "BatteryPack", "hasModule", pack, module);
        for (int c = 0; c < kCells; ++c) {
          const TwinNumber cell =
              Create(catalog, "BatteryCell", absl::StrCat("cell-", v, "-", m, "-", c));
          Set(catalog, "BatteryCell", cell, "seriesIndex", Value::Int(m * kCells + c));
          Set(catalog, "BatteryCell", cell, "chemistry", Value::String(v % 3 == 0 ? "LFP" : "NMC"));
          Set(catalog, "BatteryCell", cell, "voltage", Value::Double(volts(random)));
          Relate(catalog, "BatteryModule", "hasCell", module, cell);
          cells.push_back(cell);
          tenths.push_back(static_cast<int32_t>(std::lround(10 * degrees(random))));
        }
      }
      AddHistory(catalog, cells, tenths);
    }
    graph_.Advance(Sequence(kHistoryRows + 1), Time{1});
    reader_ = engine::NewGraphReader(graph_.Pin(), &cache_, &history_);
  }

  // Runs it; the number of rows that it gave.
  uint64_t Run(const std::string& text, query::PlanHolder* plans = nullptr) {
    const std::shared_ptr<const query::BoundStatement> bound = Bind(text);
    return Run(*bound, plans);
  }

  std::shared_ptr<const query::BoundStatement> Bind(const std::string& text) {
    const auto statement = query::Parse(text);
    TWIN_CHECK(statement.ok()) << statement.status();
    auto bound = query::Bind(**statement, reader_->shared_catalog());
    TWIN_CHECK(bound.ok()) << bound.status();
    return *std::move(bound);
  }

  uint64_t Run(const query::BoundStatement& bound, query::PlanHolder* plans) {
    query::ExecuteOptions options;
    options.now = Time{1};
    options.pool = pool_.get();
    options.plans = plans;
    options.memory_bytes_max = int64_t{1} << 30;
    query::ExecuteStatistics statistics;
    const absl::Status status = query::Execute(
        bound, *reader_, nullptr, options, [](const query::Batch&) { return absl::OkStatus(); },
        &statistics);
    TWIN_CHECK(status.ok()) << status;
    return statistics.rows;
  }

 private:
  static std::string ModelId(absl::string_view name) {
    return absl::StrCat("dtmi:twingraph:battery:", name, ";1");
  }

  TwinNumber Create(const graph::Catalog& catalog, absl::string_view model, const std::string& id) {
    const TwinNumber number = graph_.head().next_twin();
    graph_.CreateTwin(number, id, catalog.FindTable(ModelId(model))->id, Sequence(1), Time{1});
    return number;
  }

  void Set(const graph::Catalog& catalog, absl::string_view model, TwinNumber twin,
           absl::string_view path, const Value& value) {
    const graph::TableSchema* table = catalog.FindTable(ModelId(model));
    graph_.SetValue(twin, table->IdOf(*table->FindColumn(path)), value, Time{1}, Time{1});
  }

  // Temperatures of a pack, one a nanosecond: the last one is the present.
  void AddHistory(const graph::Catalog& catalog, const std::vector<TwinNumber>& cells,
                  const std::vector<int32_t>& tenths) {
    const graph::TableSchema* table = catalog.FindTable(ModelId("BatteryCell"));
    const ColumnId column = table->IdOf(*table->FindColumn("temperature"));
    const timeseries::PathId path = history_.AddPath("temperature");
    timeseries::GroupSpec spec;
    timeseries::Rows rows;
    std::vector<int64_t> times;
    std::vector<uint64_t> sequences;
    for (int i = 1; i <= kHistoryRows; ++i) {
      times.push_back(i);
      sequences.push_back(static_cast<uint64_t>(i));
    }
    std::vector<std::vector<int32_t>> values;
    for (size_t c = 0; c < cells.size(); ++c) {
      const TwinNumber cell = cells[c];
      spec.columns.push_back({timeseries::ColumnKind::kScaled, 1, {{cell, path}}});
      std::vector<int32_t>& column_values = values.emplace_back();
      for (int i = 1; i <= kHistoryRows; ++i) {
        column_values.push_back(tenths[c] + (kHistoryRows - i) % 50);
      }
      graph_.SetValue(cell, column, Value::Double(tenths[c] / 10.0), Time{1}, Time{kHistoryRows});
    }
    std::vector<timeseries::ColumnRows> columns(cells.size());
    for (size_t i = 0; i < columns.size(); ++i) {
      columns[i].kind = timeseries::ColumnKind::kScaled;
      columns[i].decimals = 1;
      columns[i].scaled = values[i].data();
    }
    rows.group = history_.AddGroup(spec);
    rows.times = times;
    rows.sequences = sequences;
    rows.columns = columns;
    history_.Append(rows);
  }

  void Relate(const graph::Catalog& catalog, absl::string_view owner, absl::string_view name,
              TwinNumber source, TwinNumber target) {
    graph_.CreateRelationship(graph_.head().next_relationship(),
                              catalog.FindTable(ModelId(owner))->FindRelationship(name)->id, source,
                              target, absl::StrCat(name, "-", target.value), Sequence(1));
  }

  graph::Graph graph_;
  engine::GraphReaderCache cache_;
  std::unique_ptr<query::TaskPool> pool_;
  timeseries::Store history_;
  std::unique_ptr<engine::SnapshotReader> reader_;
};

Fleet& TheFleet() {
  static auto* const fleet = new Fleet();
  return *fleet;
}

// What a query costs whose text was seen before.
void RunQuery(benchmark::State& state, const std::string& text) {
  const std::shared_ptr<const query::BoundStatement> bound = TheFleet().Bind(text);
  query::PlanHolder plans;
  uint64_t rows = 0;
  for (auto _ : state) rows = TheFleet().Run(*bound, &plans);
  state.counters["rows"] = static_cast<double>(rows);
}

constexpr char kPattern[] =
    "FROM DIGITALTWINS MATCH (v:Vehicle)-[:hasPack]->(p)-[:hasModule]->(m)-[:hasCell]->(c) ";

constexpr char kCountTwoPredicates[] =
    "SELECT COUNT() FROM DIGITALTWINS MATCH (c:BatteryCell) "
    "WHERE c.voltage > 3.74 AND c.temperature > 33";

void CountTwoPredicates(benchmark::State& state) { RunQuery(state, kCountTwoPredicates); }
BENCHMARK(CountTwoPredicates)->Unit(benchmark::kMicrosecond)->UseRealTime();

// The same on its own: after a pause of 2 ms, and after others have used the caches.
void CountTwoPredicatesCold(benchmark::State& state) {
  const bool pause = state.range(0) != 0, evict = state.range(1) != 0;
  const std::shared_ptr<const query::BoundStatement> bound = TheFleet().Bind(kCountTwoPredicates);
  query::PlanHolder plans;
  std::vector<uint64_t> others(size_t{64 << 20} / sizeof(uint64_t));
  for (auto _ : state) {
    if (evict) {
      for (uint64_t& other : others) ++other;
    }
    if (pause) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const auto start = std::chrono::steady_clock::now();
    TheFleet().Run(*bound, &plans);
    const auto end = std::chrono::steady_clock::now();
    state.SetIterationTime(std::chrono::duration<double>(end - start).count());
  }
}
BENCHMARK(CountTwoPredicatesCold)
    ->Unit(benchmark::kMicrosecond)
    ->UseManualTime()
    ->ArgNames({"pause", "evict"})
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({0, 1})
    ->Args({1, 1});

// A column of four bytes a cell, and one of texts.
void CountOneOfInts(benchmark::State& state) {
  RunQuery(state,
           "SELECT COUNT() FROM DIGITALTWINS MATCH (c:BatteryCell) WHERE c.seriesIndex >= 140");
}
BENCHMARK(CountOneOfInts)->Unit(benchmark::kMicrosecond)->UseRealTime();

// Most of them.
void CountManyOfInts(benchmark::State& state) {
  RunQuery(state,
           "SELECT COUNT() FROM DIGITALTWINS MATCH (c:BatteryCell) WHERE c.seriesIndex >= 33");
}
BENCHMARK(CountManyOfInts)->Unit(benchmark::kMicrosecond)->UseRealTime();

void CountOneOfTexts(benchmark::State& state) {
  RunQuery(state,
           "SELECT COUNT() FROM DIGITALTWINS MATCH (c:BatteryCell) "
           "WHERE c.chemistry = 'LFP' AND c.voltage > 3.74");
}
BENCHMARK(CountOneOfTexts)->Unit(benchmark::kMicrosecond)->UseRealTime();

void ListTwoPredicates(benchmark::State& state) {
  RunQuery(state,
           "SELECT c.$dtId, c.voltage, c.temperature FROM DIGITALTWINS MATCH (c:BatteryCell) "
           "WHERE c.voltage > 3.74 AND c.temperature > 33");
}
BENCHMARK(ListTwoPredicates)->Unit(benchmark::kMicrosecond)->UseRealTime();

void CellsOfOneVehicle(benchmark::State& state) {
  RunQuery(state, absl::StrCat("SELECT c.$dtId, c.voltage ", kPattern,
                               "WHERE v.$dtId = 'veh-4242' AND c.voltage > 3.74"));
}
BENCHMARK(CellsOfOneVehicle)->Unit(benchmark::kMicrosecond)->UseRealTime();

void CountPattern(benchmark::State& state) {
  RunQuery(state, absl::StrCat("SELECT COUNT() ", kPattern));
}
BENCHMARK(CountPattern)->Unit(benchmark::kMicrosecond)->UseRealTime();

void CountPatternTwoPredicates(benchmark::State& state) {
  RunQuery(state, absl::StrCat("SELECT COUNT() ", kPattern,
                               "WHERE c.voltage > 3.74 AND c.temperature > 33"));
}
BENCHMARK(CountPatternTwoPredicates)->Unit(benchmark::kMicrosecond)->UseRealTime();

void SpreadPerPack(benchmark::State& state) {
  RunQuery(state,
           "SELECT p.$dtId, MAX(c.voltage) - MIN(c.voltage) AS spread FROM DIGITALTWINS "
           "MATCH (p:BatteryPack)-[:hasModule]->(m)-[:hasCell]->(c) "
           "GROUP BY p.$dtId ORDER BY spread DESC LIMIT 10");
}
BENCHMARK(SpreadPerPack)->Unit(benchmark::kMicrosecond)->UseRealTime();

void RobustZ(benchmark::State& state) {
  RunQuery(state,
           "SELECT p.$dtId, c.$dtId, ROBUST_Z(c.voltage) OVER (PARTITION BY p.$dtId) AS z "
           "FROM DIGITALTWINS MATCH (p:BatteryPack)-[:hasModule]->(m)-[:hasCell]->(c) "
           "ORDER BY ABS(z) DESC LIMIT 50");
}
BENCHMARK(RobustZ)->Unit(benchmark::kMicrosecond)->UseRealTime();

constexpr absl::string_view kAverage = "SELECT AVG(c.$1) FROM DIGITALTWINS$0 MATCH (c:BatteryCell)";

// One column of all cells, and the same at times in the past: of values that have not changed
// since, and of those that the history knows.
void Average(benchmark::State& state) {
  RunQuery(state, absl::Substitute(kAverage, "", "voltage"));
}
BENCHMARK(Average)->Unit(benchmark::kMicrosecond)->UseRealTime();

void AverageAsOfUnchanged(benchmark::State& state) {
  RunQuery(state, absl::Substitute(kAverage, " AS OF '1970-01-01T00:00:00.000000050Z'", "voltage"));
}
BENCHMARK(AverageAsOfUnchanged)->Unit(benchmark::kMicrosecond)->UseRealTime();

void AverageAsOfHistory(benchmark::State& state) {
  RunQuery(state,
           absl::Substitute(kAverage, " AS OF '1970-01-01T00:00:00.000000050Z'", "temperature"));
}
BENCHMARK(AverageAsOfHistory)->Unit(benchmark::kMicrosecond)->UseRealTime();

void CountPatternAsOf(benchmark::State& state) {
  RunQuery(state,
           "SELECT COUNT() FROM DIGITALTWINS AS OF '1970-01-01T00:00:00.000000050Z' MATCH "
           "(v:Vehicle)-[:hasPack]->(p)-[:hasModule]->(m)-[:hasCell]->(c)");
}
BENCHMARK(CountPatternAsOf)->Unit(benchmark::kMicrosecond)->UseRealTime();

// The floor of the scans: both columns of all cells, read once by one thread.
void FloorTwoColumns(benchmark::State& state) {
  const std::vector<double> a(size_t{kVehicles} * kModules * kCells, 1.0), b(a);
  for (auto _ : state) {
    uint64_t count = 0;
    for (size_t i = 0; i < a.size(); ++i) count += static_cast<uint64_t>(a[i] > 2 && b[i] > 2);
    benchmark::DoNotOptimize(count);
  }
}
BENCHMARK(FloorTwoColumns)->Unit(benchmark::kMicrosecond)->UseRealTime();

void ParseBindPlan(benchmark::State& state) {
  const std::string text = absl::StrCat("SELECT c.$dtId, c.voltage ", kPattern,
                                        "WHERE v.$dtId = 'veh-4242' AND c.voltage > 3.74");
  for (auto _ : state) benchmark::DoNotOptimize(TheFleet().Bind(text));
}
BENCHMARK(ParseBindPlan)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace twin
