// Random graphs, and what a world answers to a query: what the differential tests share.
#ifndef TWIN_TESTS_GOLDEN_RANDOM_GRAPH_H_
#define TWIN_TESTS_GOLDEN_RANDOM_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "query/execute/execute.h"
#include "server/base/time.h"
#include "server/ingest/operation.h"
#include "tests/golden/world.h"

namespace twin::testing {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  int Below(int n) { return static_cast<int>(engine_() % static_cast<uint64_t>(n)); }
  bool OneIn(int n) { return Below(n) == 0; }
  template <typename T>
  const T& Of(const std::vector<T>& items) {
    return items[static_cast<size_t>(Below(static_cast<int>(items.size())))];
  }

 private:
  std::mt19937_64 engine_;
};

// The models Thing and Part, which extends it: properties n, x, f, s, on, of Part m as well;
// relationships r, with a property w, and of Part t.
std::string GraphModels();

// What a random graph is made of, in the order in which it has to come: twins a0, a1 …
std::vector<ingest::Operation> RandomGraph(Random* random,
                                           const std::string& models = GraphModels());

struct How {
  bool engine = false;
  bool rewrites = true;
  size_t batch_rows = 1024;
  query::TaskPool* pool = nullptr;
  Time now = {};
};

// Rows in the order of their texts, or the status.
std::string Answer(const std::string& text, const How& how, const WorldReaders& readers);
std::string Answer(const std::string& text, const How& how, World* world);

}  // namespace twin::testing

#endif  // TWIN_TESTS_GOLDEN_RANDOM_GRAPH_H_
