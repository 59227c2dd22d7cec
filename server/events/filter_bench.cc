// A million events against a thousand filters: what the index costs for each event, beside a look
// at the event alone.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "server/base/check.h"
#include "server/events/filter.h"

namespace twin::events {
namespace {

constexpr int kModels = 20;
constexpr int kPaths = 10;
constexpr int kEvents = 10'000;

std::shared_ptr<const graph::Catalog> MakeCatalog() {
  std::vector<graph::ModelState> states;
  for (int m = 0; m < kModels; ++m) {
    graph::ModelState& state = states.emplace_back();
    state.id = absl::StrCat("dtmi:t:Model", m, ";1");
    state.table = TableId(static_cast<uint32_t>(m));
    state.text = absl::StrCat(R"({"@context":"dtmi:dtdl:context;3","@type":"Interface","@id":")",
                              state.id, R"(","contents":[)");
    for (int p = 0; p < kPaths; ++p) {
      absl::StrAppend(&state.text, p > 0 ? "," : "",
                      R"({"@type":"Telemetry","schema":"double","name":"path)", p, R"("})");
    }
    state.text += "]}";
  }
  auto catalog = graph::Catalog::Create(std::move(states), nullptr);
  TWIN_CHECK(catalog.ok()) << catalog.status();
  return *std::move(catalog);
}

struct World {
  std::shared_ptr<const graph::Catalog> catalog = MakeCatalog();
  std::vector<std::string> ids;
  std::vector<Event> events;
  std::vector<std::unique_ptr<Filter>> filters;

  World() {
    for (int i = 0; i < kEvents; ++i) ids.push_back(absl::StrCat("twin-", i));
    for (int i = 0; i < kEvents; ++i) {
      const graph::TableSchema& table = catalog->table(TableId(static_cast<uint32_t>(i % kModels)));
      Event& event = events.emplace_back();
      event.type = EventType::kTelemetry;
      event.twin = TwinNumber(static_cast<uint32_t>(i));
      event.twin_id = ids[static_cast<size_t>(i)];
      event.table = table.id;
      event.model_id = table.model_id;
      PathChange& change = event.changes.emplace_back();
      change.path = table.columns[static_cast<size_t>(i / kModels % kPaths)].path;
      change.new_value = Value::Double(i);
    }
    // A third of them each: a twin; a path of a model; a type that does not come.
    for (int f = 0; f < 1000; ++f) {
      FilterSpec spec;
      if (f % 3 == 0) {
        spec.twins = {absl::StrCat("twin-", f * 7 % kEvents)};
      } else if (f % 3 == 1) {
        spec.models = {absl::StrCat("dtmi:t:Model", f % 5, ";1")};
        spec.paths = {absl::StrCat("path", f % 2)};
      } else {
        spec.types = {EventType::kTwinDeleted};
      }
      auto filter = Filter::Create(std::move(spec), nullptr, *catalog);
      TWIN_CHECK(filter.ok()) << filter.status();
      filters.push_back(*std::move(filter));
    }
  }
};

void BM_Match(benchmark::State& state) {
  const World world;
  std::vector<Filter*> filters;
  size_t expected = 0;
  for (const auto& filter : world.filters) filters.push_back(filter.get());
  for (const Event& event : world.events) {
    for (Filter* filter : filters) expected += filter->Matches(event, *world.catalog) ? 1 : 0;
  }
  Interest interest(filters);
  std::vector<uint32_t> matched;
  for (auto _ : state) {
    matched.clear();
    for (const Event& event : world.events) interest.Match(event, *world.catalog, &matched);
    TWIN_CHECK(matched.size() == expected) << matched.size() << " of " << expected;
  }
  state.SetItemsProcessed(state.iterations() * kEvents);
  state.counters["matches_per_event"] = static_cast<double>(expected) / kEvents;
}
BENCHMARK(BM_Match);

void BM_Floor(benchmark::State& state) {
  const World world;
  for (auto _ : state) {
    size_t bytes = 0;
    for (const Event& event : world.events) bytes += event.twin_id.size() + event.changes.size();
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(state.iterations() * kEvents);
}
BENCHMARK(BM_Floor);

}  // namespace
}  // namespace twin::events
