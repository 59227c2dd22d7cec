// Aggregates over recorded samples, in process: parse, bind, plan, execute on the engine's readers,
// without the wire. Files are in the system's cache.
//
// 0: 21 packs of 144 cells, a day at 10 s: 26.1 M rows. 1: 30 packs, 30 days at a minute: 187 M
// rows. 2: 50 packs, a day at 160 s: 3.9 M rows, beside 2,950 packs without a sample.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "query/bind/bind.h"
#include "query/execute/execute.h"
#include "query/parse/parse.h"
#include "server/base/check.h"
#include "server/engine/graph_reader.h"
#include "server/engine/series_reader.h"
#include "server/graph/catalog.h"
#include "server/graph/graph.h"
#include "server/timeseries/store.h"
#include "tests/bench/battery_catalog.h"

namespace twin {
namespace {

constexpr int kCellsOfPack = 144;
constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kDayNs = 86'400 * kSecondNs;
constexpr int64_t kBegin = 20'000 * kDayNs;

struct Shape {
  int packs = 0;
  int days = 0;
  int64_t every_ns = 0;
  int silent_packs = 0;
};
constexpr Shape kShapes[] = {
    {21, 1, 10 * kSecondNs, 0}, {30, 30, 60 * kSecondNs, 0}, {50, 1, 160 * kSecondNs, 2950}};

enum Form : int { kSealed, kMerged, kPacked };

class Recorded {
 public:
  Recorded(const Shape& shape, Form form)
      : shape_(shape),
        folder_(MakeFolder()),
        cache_(1 << 28),
        pool_(query::NewTaskPool(2)),
        history_({.folder = folder_}) {
    TWIN_CHECK(history_.FinishLoad().ok());
    graph_.SetCatalog(BatteryCatalog());
    const graph::Catalog& catalog = graph_.head().catalog();
    path_ = history_.AddPath("temperature");
    for (int p = 0; p < shape.packs; ++p) Record(AddPack(catalog, p));
    for (int p = 0; p < shape.silent_packs; ++p) AddPack(catalog, shape.packs + p);
    Checkpoint();
    for (int day = 0; form != kSealed && day < shape.days; ++day) {
      const auto go_on = [](uint64_t) { return true; };
      const absl::Status status = form == kMerged ? history_.MergeDay(20'000 + day, go_on)
                                                  : history_.PackDay(20'000 + day, go_on);
      TWIN_CHECK(status.ok()) << status;
    }
    Checkpoint();
    graph_.Advance(Sequence(sequence_), Time{kBegin + shape.days * kDayNs});
    reader_ = engine::NewGraphReader(graph_.Pin(), &cache_, &history_);
    series_ = engine::NewSeriesReader(reader_.get(), &history_);
  }
  ~Recorded() {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }

  query::ExecuteStatistics Run(const query::BoundStatement& bound, bool rewrites,
                               query::PlanHolder* plans) {
    query::ExecuteOptions options;
    options.now = Time{kBegin + shape_.days * kDayNs};
    options.pool = pool_.get();
    options.plans = plans;
    options.rewrites = rewrites;
    options.memory_bytes_max = int64_t{8} << 30;
    query::ExecuteStatistics statistics;
    const absl::Status status = query::Execute(
        bound, *reader_, series_.get(), options,
        [](const query::Batch&) { return absl::OkStatus(); }, &statistics);
    TWIN_CHECK(status.ok()) << status;
    return statistics;
  }
  std::shared_ptr<const query::BoundStatement> Bind(const std::string& text) {
    const auto statement = query::Parse(text);
    TWIN_CHECK(statement.ok()) << statement.status();
    auto bound = query::Bind(**statement, reader_->shared_catalog());
    TWIN_CHECK(bound.ok()) << bound.status();
    return *std::move(bound);
  }
  const timeseries::Store& history() const { return history_; }

 private:
  static std::string MakeFolder() {
    std::string pattern = "/tmp/history-bench-XXXXXX";
    TWIN_CHECK(mkdtemp(pattern.data()) != nullptr);
    return pattern;
  }

  // The columns of its cells' series.
  timeseries::GroupSpec AddPack(const graph::Catalog& catalog, int pack) {
    const graph::TableSchema* const table =
        catalog.FindTable("dtmi:twingraph:battery:BatteryCell;1");
    timeseries::GroupSpec spec;
    for (int c = 0; c < kCellsOfPack; ++c) {
      const TwinNumber cell = graph_.head().next_twin();
      graph_.CreateTwin(cell, absl::StrCat("cell-", pack, "-", c), table->id, Sequence(1), Time{1});
      spec.columns.push_back({timeseries::ColumnKind::kScaled, 1, {{cell, path_}}});
    }
    return spec;
  }

  void Record(const timeseries::GroupSpec& spec) {
    const timeseries::GroupId group = history_.AddGroup(spec);
    std::vector<int32_t> level(kCellsOfPack, 251);
    const int64_t end = kBegin + shape_.days * kDayNs;
    constexpr int64_t kRowsAtOnce = 256;
    // One row more, of the next day: what was before it is sealed.
    for (int64_t begin = kBegin; begin <= end; begin += kRowsAtOnce * shape_.every_ns) {
      std::vector<int64_t> times;
      std::vector<uint64_t> sequences;
      for (int64_t i = 0; i < kRowsAtOnce && begin + i * shape_.every_ns <= end; ++i) {
        times.push_back(begin + i * shape_.every_ns);
        sequences.push_back(++sequence_);
      }
      std::vector<std::vector<int32_t>> values(kCellsOfPack);
      std::vector<timeseries::ColumnRows> columns(kCellsOfPack);
      for (size_t c = 0; c < columns.size(); ++c) {
        for (size_t i = 0; i < times.size(); ++i) {
          if (random_() % 10 == 0) level[c] += random_() % 2 == 0 ? 1 : -1;
          values[c].push_back(level[c]);
        }
        columns[c] = {
            .kind = timeseries::ColumnKind::kScaled, .decimals = 1, .scaled = values[c].data()};
      }
      history_.Append({.group = group, .times = times, .sequences = sequences, .columns = columns});
    }
  }

  void Checkpoint() {
    const auto checkpoint = history_.PinForCheckpoint(false);
    const absl::Status status = history_.WriteCheckpoint(
        checkpoint.get(),
        [](timeseries::CheckpointKey, absl::string_view) { return absl::OkStatus(); });
    TWIN_CHECK(status.ok()) << status;
    history_.CheckpointDone(checkpoint);
  }

  const Shape shape_;
  const std::string folder_;
  std::mt19937_64 random_{1};
  uint64_t sequence_ = 1;
  graph::Graph graph_;
  engine::GraphReaderCache cache_;
  std::unique_ptr<query::TaskPool> pool_;
  timeseries::Store history_;
  timeseries::PathId path_;
  std::unique_ptr<engine::SnapshotReader> reader_;
  std::unique_ptr<query::SeriesReader> series_;
};

Recorded& TheRecorded(int shape, int form) {
  static std::unique_ptr<Recorded> recorded;
  static int last = -1;
  if (last != shape * 8 + form) {
    recorded.reset();
    recorded = std::make_unique<Recorded>(kShapes[shape], static_cast<Form>(form));
    last = shape * 8 + form;
  }
  return *recorded;
}

void RunText(benchmark::State& state, const std::string& text) {
  Recorded& recorded =
      TheRecorded(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  const auto bound = recorded.Bind(text);
  query::PlanHolder plans;
  query::ExecuteStatistics statistics;
  for (auto _ : state) statistics = recorded.Run(*bound, state.range(2) == 1, &plans);
  state.counters["blocks"] = static_cast<double>(statistics.summaries.blocks);
  state.counters["rollup_rows"] = static_cast<double>(statistics.summaries.rollup_rows);
  state.counters["skipped"] = static_cast<double>(statistics.summaries.skipped_blocks);
  state.counters["rows_read"] = static_cast<double>(statistics.summaries.rows);
}

constexpr char kCells[] = " FROM DIGITALTWINS MATCH (c:BatteryCell) HISTORY h OF c.(temperature) ";

// Arguments: shape; 0 sealed, 1 merged, 2 re-packed; 1: as planned, 0: from rows.
void Top20(benchmark::State& state) {
  RunText(state, absl::StrCat("SELECT c.$dtId, AVG(h.temperature) AS t", kCells,
                              "SINCE '2024-10-01T00:00:00Z' GROUP BY c.$dtId "
                              "ORDER BY t DESC LIMIT 20"));
}
void ByHour(benchmark::State& state) {
  RunText(state, absl::StrCat("SELECT TIME_BUCKET(1h, h.time) AS k, AVG(h.temperature) AS t, "
                              "MAX(h.temperature)",
                              kCells, "SINCE '2024-10-01T00:00:00Z' GROUP BY k"));
}

// Each hour's value of one pack's cells over all days.
void EveryHour(benchmark::State& state) {
  RunText(state, absl::StrCat("SELECT MAX(h.temperature), COUNT()", kCells,
                              "SINCE '2024-10-01T00:00:00Z' EVERY 1h "
                              "WHERE c.$dtId >= 'cell-0-' AND c.$dtId < 'cell-0.'"));
}
// What no sample is, and what few are.
void Above(benchmark::State& state) {
  RunText(state, absl::StrCat("SELECT COUNT(), MAX(h.temperature)", kCells,
                              "SINCE '2024-10-01T00:00:00Z' WHERE h.temperature > 45"));
}
// Ten minutes of one pack's cells, in the middle of a day.
void TenMinutes(benchmark::State& state) {
  RunText(state, absl::StrCat("SELECT TIME_BUCKET(1m, h.time) AS k, AVG(h.temperature), "
                              "MAX(h.temperature)",
                              kCells, "FROM '2024-10-04T12:00:00Z' TO '2024-10-04T12:10:00Z' ",
                              "WHERE c.$dtId >= 'cell-0-' AND c.$dtId < 'cell-0.' GROUP BY k"));
}
// The floor of the top 20: a sum and a count of each block and cell, next to each other in memory,
// added up for each cell. Argument: the shape.
void AddedUp(benchmark::State& state) {
  const Shape& shape = kShapes[state.range(0)];
  struct Sum {
    int64_t sum = 1;
    int64_t count = 1;
  };
  const auto cells = static_cast<size_t>(shape.packs) * kCellsOfPack;
  const size_t blocks = shape.days > 1 ? static_cast<size_t>(shape.days) : 34;
  const std::vector<Sum> sums(cells * blocks);
  for (auto _ : state) {
    for (size_t cell = 0; cell < cells; ++cell) {
      Sum all;
      for (size_t i = cell * blocks; i < (cell + 1) * blocks; ++i) {
        all.sum += sums[i].sum;
        all.count += sums[i].count;
      }
      benchmark::DoNotOptimize(all);
    }
  }
}

BENCHMARK(AddedUp)->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);
BENCHMARK(Top20)
    ->Args({0, kSealed, 1})
    ->Args({0, kSealed, 0})
    ->Args({0, kMerged, 1})
    ->Args({0, kPacked, 1})
    ->Args({0, kPacked, 0})
    ->Args({1, kPacked, 1})
    ->Args({1, kPacked, 0})
    ->Args({2, kPacked, 1})
    ->Args({2, kPacked, 0})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK(TenMinutes)
    ->Args({0, kSealed, 1})
    ->Args({0, kMerged, 1})
    ->Args({0, kPacked, 1})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK(EveryHour)
    ->Args({1, kPacked, 1})
    ->Args({1, kPacked, 0})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK(Above)
    ->Args({0, kPacked, 1})
    ->Args({0, kPacked, 0})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK(ByHour)
    ->Args({0, kMerged, 1})
    ->Args({0, kPacked, 1})
    ->Args({0, kPacked, 0})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

}  // namespace
}  // namespace twin
