// GraphReader over a fleet of 864,000 cells in 72,000 modules: what a query pays for each value and
// each relationship. Floors in the same run: memcpy of a column, an array of the same answers.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/engine/graph_reader.h"
#include "server/graph/catalog.h"
#include "server/graph/graph.h"

namespace twin::engine {
namespace {

using Direction = query::GraphReader::Direction;

constexpr uint32_t kModules = 72'000;
constexpr uint32_t kCellsPerModule = 12;
constexpr uint32_t kCells = kModules * kCellsPerModule;
constexpr uint32_t kBatch = 1024;
constexpr TableId kModuleTable{0};
constexpr TableId kCellTable{1};

constexpr absl::string_view kModels[] = {
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Module;1","@type":"Interface","contents":[
      {"@type":"Relationship","name":"hasCell"}]})",
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
      {"@type":"Property","name":"voltage","schema":"double"},
      {"@type":"Property","name":"lot","schema":"string"}]})"};

struct Fleet {
  graph::Graph graph;
  GraphReaderCache arrays{1 << 30};
  GraphReaderCache lists{0};
  std::vector<uint32_t> modules;   // twin numbers
  std::vector<uint32_t> cells;     // in the order of their rows
  std::vector<uint32_t> shuffled;  // rows, and offsets of cells
  std::unique_ptr<query::GraphReader> reader;
  std::unique_ptr<query::GraphReader> list_reader;

  Fleet() {
    std::vector<graph::ModelState> states(2);
    for (uint32_t i = 0; i < 2; ++i) {
      states[i].id = i == 0 ? "dtmi:t:Module;1" : "dtmi:t:Cell;1";
      states[i].text = std::string(kModels[i]);
      states[i].table = TableId(i);
    }
    graph.SetCatalog(graph::Catalog::Create(std::move(states), nullptr).value());
    const graph::TableSchema& cell = graph.head().catalog().table(kCellTable);
    const ColumnId voltage = cell.by_path.at("voltage");
    const ColumnId lot = cell.by_path.at("lot");
    uint32_t twin = 0;
    uint32_t relationship = 0;
    for (uint32_t m = 0; m < kModules; ++m) {
      const uint32_t module = twin++;
      graph.CreateTwin(TwinNumber(module), absl::StrCat("mod-", m), kModuleTable, Sequence(1),
                       Time{1});
      modules.push_back(module);
      for (uint32_t c = 0; c < kCellsPerModule; ++c) {
        const TwinNumber number(twin++);
        graph.CreateTwin(number, absl::StrCat("cell-", m, "-", c), kCellTable, Sequence(1),
                         Time{1});
        graph.SetValue(number, voltage, Value::Double(3.5 + c / 100.0), Time{1}, Time{1});
        graph.SetValue(number, lot, Value::String(absl::StrCat("lot-", m % 100)), Time{1}, Time{1});
        graph.CreateRelationship(RelationshipNumber(relationship++), RelationshipTypeId(0),
                                 TwinNumber(module), number, absl::StrCat("c", c), Sequence(1));
        cells.push_back(number.value);
      }
    }
    graph.Advance(Sequence(1), Time{1});
    shuffled.resize(kCells);
    std::iota(shuffled.begin(), shuffled.end(), 0);
    std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(1));
    reader = NewGraphReader(graph.Pin(), &arrays);
    list_reader = NewGraphReader(graph.Pin(), &lists);
    reader->CountExpand(modules, Direction::kOutgoing, {}, true);  // builds both
    reader->CountExpand(modules, Direction::kIncoming, {}, true);
  }
};

Fleet& TheFleet() {
  static auto* const kFleet = new Fleet;
  return *kFleet;
}

// Calls each(rows) for batches of rows of the cells, as they lie or in any order.
template <typename Each>
void ForBatches(bool scattered, Each each) {
  std::vector<uint32_t> rows(kBatch);
  for (uint32_t first = 0; first < kCells; first += kBatch) {
    rows.resize(std::min(kBatch, kCells - first));
    for (uint32_t i = 0; i < rows.size(); ++i) {
      rows[i] = scattered ? TheFleet().shuffled[first + i] : first + i;
    }
    each(rows);
  }
}

void BM_Read(benchmark::State& state, absl::string_view path) {
  const Fleet& fleet = TheFleet();
  const query::Model& model = fleet.reader->catalog().model(kCellTable);
  const ColumnId column = model.by_path.at(path);
  query::Vector out;
  for (auto _ : state) {
    uint64_t rows = 0;
    ForBatches(state.range(0) != 0, [&](const std::vector<uint32_t>& batch) {
      fleet.reader->Read(kCellTable, column, batch, &out);
      rows += out.nulls.empty() ? out.rows : 0;
    });
    TWIN_CHECK(rows == kCells);
  }
  state.SetItemsProcessed(state.iterations() * kCells);
}

void BM_CopyFloor(benchmark::State& state) {
  const std::vector<double> from(kCells, 3.7);
  std::vector<double> to(kBatch);
  for (auto _ : state) {
    ForBatches(state.range(0) != 0, [&](const std::vector<uint32_t>& batch) {
      if (state.range(0) == 0) {
        std::memcpy(to.data(), from.data() + batch[0], batch.size() * sizeof(double));
      } else {
        for (size_t i = 0; i < batch.size(); ++i) to[i] = from[batch[i]];
      }
      benchmark::DoNotOptimize(to.data());
    });
  }
  state.SetItemsProcessed(state.iterations() * kCells);
}

void BM_Places(benchmark::State& state) {
  const Fleet& fleet = TheFleet();
  std::vector<query::Place> places;
  std::vector<uint32_t> twins;
  for (auto _ : state) {
    ForBatches(state.range(0) != 0, [&](const std::vector<uint32_t>& batch) {
      twins.clear();
      for (const uint32_t row : batch) twins.push_back(fleet.cells[row]);
      fleet.reader->Places(twins, &places);
      benchmark::DoNotOptimize(places.data());
    });
  }
  state.SetItemsProcessed(state.iterations() * kCells);
}

void BM_Scan(benchmark::State& state) {
  const Fleet& fleet = TheFleet();
  std::vector<uint32_t> twins;
  std::vector<query::Place> places;
  for (auto _ : state) {
    uint64_t found = 0;
    for (uint32_t first = 0; first < kCells; first += kBatch) {
      twins.clear();
      places.clear();
      fleet.reader->Scan(kCellTable, first, kBatch, &twins, &places);
      found += twins.size();
    }
    TWIN_CHECK(found == kCells);
  }
  state.SetItemsProcessed(state.iterations() * kCells);
}

void BM_Ids(benchmark::State& state) {
  const Fleet& fleet = TheFleet();
  query::Vector out;
  std::vector<uint32_t> twins;
  for (auto _ : state) {
    ForBatches(state.range(0) != 0, [&](const std::vector<uint32_t>& batch) {
      twins.clear();
      for (const uint32_t row : batch) twins.push_back(fleet.cells[row]);
      fleet.reader->ReadField(twins, query::Field::kId, &out);
    });
  }
  state.SetItemsProcessed(state.iterations() * kCells);
}

// Modules to their cells: an item is a relationship.
void Down(benchmark::State& state, const query::GraphReader& reader) {
  const Fleet& fleet = TheFleet();
  query::Expansion out;
  for (auto _ : state) {
    uint64_t found = 0;
    for (size_t first = 0; first < fleet.modules.size();) {
      const absl::Span<const uint32_t> twins = absl::MakeSpan(fleet.modules).subspan(first, kBatch);
      for (size_t next = 0; next < twins.size();) {
        next = reader.Expand(twins, next, Direction::kOutgoing, {}, true, kBatch, &out);
        found += out.targets.size();
      }
      first += twins.size();
    }
    TWIN_CHECK(found == kCells);
  }
  state.SetItemsProcessed(state.iterations() * kCells);
}
void BM_ExpandDown(benchmark::State& state) { Down(state, *TheFleet().reader); }
void BM_ExpandDownLists(benchmark::State& state) { Down(state, *TheFleet().list_reader); }

// Cells to their module.
void Up(benchmark::State& state, const query::GraphReader& reader) {
  const Fleet& fleet = TheFleet();
  query::Expansion out;
  std::vector<uint32_t> twins;
  for (auto _ : state) {
    uint64_t found = 0;
    ForBatches(state.range(0) != 0, [&](const std::vector<uint32_t>& batch) {
      twins.clear();
      for (const uint32_t row : batch) twins.push_back(fleet.cells[row]);
      reader.Expand(twins, 0, Direction::kIncoming, {}, true, SIZE_MAX, &out);
      found += out.targets.size();
    });
    TWIN_CHECK(found == kCells);
  }
  state.SetItemsProcessed(state.iterations() * kCells);
}
void BM_ExpandUp(benchmark::State& state) { Up(state, *TheFleet().reader); }
void BM_ExpandUpLists(benchmark::State& state) { Up(state, *TheFleet().list_reader); }

void BM_BuildAdjacency(benchmark::State& state) {
  const auto view = TheFleet().graph.Pin();
  for (auto _ : state) {
    const auto made = Adjacency::Build(*view, RelationshipTypeId(0), state.range(0) != 0);
    TWIN_CHECK(made->items.size() == kCells);
  }
  state.SetItemsProcessed(state.iterations() * kCells);
}

// Argument 0: neighbours one after the other; 1: in any order.
BENCHMARK_CAPTURE(BM_Read, double, "voltage")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Read, string, "lot")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_CopyFloor)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Places)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Scan)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Ids)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ExpandDown)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ExpandDownLists)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ExpandUp)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ExpandUpLists)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_BuildAdjacency)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace twin::engine
