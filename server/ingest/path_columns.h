// Which column a step of a patch leads to.
#ifndef TWIN_SERVER_INGEST_PATH_COLUMNS_H_
#define TWIN_SERVER_INGEST_PATH_COLUMNS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/graph/catalog.h"

namespace twin::ingest {

// "/soh/value", for messages; "/" of an empty path.
std::string PointerOf(absl::Span<const std::string> path);

// Patches of one source mostly have the same steps, so what a step led to the last time is tried
// first. Thread-compatible.
class PathColumns {
 public:
  static constexpr size_t kStepsMax = 64;  // later ones share places

  struct Found {
    // nullptr: to none, or further than to one; or the path is too long to be remembered.
    const graph::ColumnSchema* column = nullptr;
    const std::string* pointer = nullptr;  // of that path; until the next call
  };
  // `step`: of its patch. The table is one of the catalog.
  Found Find(const std::shared_ptr<const graph::Catalog>& catalog, const graph::TableSchema& table,
             const std::string& component, absl::Span<const std::string> path, size_t step);

 private:
  struct Known {
    const graph::TableSchema* table = nullptr;
    const graph::ColumnSchema* column = nullptr;
    std::string component;
    std::vector<std::string> path;
    std::string pointer;
  };
  static constexpr size_t kPathBytesMax = 512;

  std::shared_ptr<const graph::Catalog> catalog_;  // what `known_` points into
  std::vector<Known> known_;                       // by step
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_PATH_COLUMNS_H_
