// The battery models, as a graph's catalog: what benchmarks of queries are about.
#ifndef TWIN_TESTS_BENCH_BATTERY_CATALOG_H_
#define TWIN_TESTS_BENCH_BATTERY_CATALOG_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/check.h"
#include "server/graph/catalog.h"
#include "tests/support/battery_models.h"

namespace twin {

inline std::shared_ptr<const graph::Catalog> BatteryCatalog() {
  std::vector<graph::ModelState> states;
  for (const dtdl::Interface* interface : testing::BatteryModels()->interfaces()) {
    graph::ModelState state;
    state.id = std::string(interface->id);
    state.text = std::string(interface->source);
    state.table = TableId(static_cast<uint32_t>(states.size()));
    states.push_back(std::move(state));
  }
  auto catalog = graph::Catalog::Create(std::move(states), nullptr);
  TWIN_CHECK(catalog.ok()) << catalog.status();
  return *std::move(catalog);
}

}  // namespace twin

#endif  // TWIN_TESTS_BENCH_BATTERY_CATALOG_H_
