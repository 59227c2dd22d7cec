// What the data statements of a page change, and its queries read: the reference, or an engine.
#ifndef TWIN_TESTS_GOLDEN_WORLD_H_
#define TWIN_TESTS_GOLDEN_WORLD_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "query/bind/catalog.h"
#include "query/execute/readers.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/ingest/operation.h"

namespace twin::testing {

struct WorldReaders {
  std::shared_ptr<const query::Catalog> catalog;
  std::unique_ptr<query::GraphReader> graph;
  std::unique_ptr<query::SeriesReader> series;  // may look at `graph`
};

class World {
 public:
  virtual ~World() = default;
  // At that source time; server time is the greatest of those given so far.
  virtual absl::Status Apply(const ingest::Operation& operation, Time at) = 0;
  virtual absl::Status AddSample(const std::string& twin, const std::string& path, Time time,
                                 const Value& value) = 0;
  // Before anything is in it.
  virtual absl::Status SetHistoryBegin(Time begin) = 0;
  // Closes and opens what is kept on disk.
  virtual absl::Status Restart() = 0;
  virtual WorldReaders Read() = 0;
};

std::unique_ptr<World> NewReferenceWorld();
std::unique_ptr<World> NewEngineWorld();

}  // namespace twin::testing

#endif  // TWIN_TESTS_GOLDEN_WORLD_H_
