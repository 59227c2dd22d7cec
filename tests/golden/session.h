// Runs the statements of a page against a World, under one setting.
#ifndef TWIN_TESTS_GOLDEN_SESSION_H_
#define TWIN_TESTS_GOLDEN_SESSION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "query/bind/bound.h"
#include "tests/golden/page.h"
#include "tests/golden/world.h"

namespace twin::testing {

struct Setting {
  std::string name;
  bool engine = false;
  bool restarts = false;  // before the first case after a change
  size_t batch_rows = 1024;
  bool rewrites = true;
  // Plans are those of one setting only; so is what TWIN_UPDATE=1 writes.
  bool is_default = false;
};

class Session {
 public:
  explicit Session(const Setting& setting);

  // A statement that changes data or the clock. UNIMPLEMENTED: this World cannot.
  absl::Status Change(const PageStatement& statement);

  // Whether the case is not for this setting, and why: empty where it is.
  std::string Skipped(const PageStatement& statement) const;
  // What the case gives: rows, a plan, or a status with its message.
  absl::StatusOr<std::string> Run(const PageStatement& statement);

 private:
  absl::StatusOr<Time> TimeOf(const std::string& text) const;
  absl::Status ApplyAll(const std::vector<ingest::Operation>& operations);
  absl::Status Models(const PageStatement& statement);
  absl::Status Graph(const PageStatement& statement);
  absl::Status Twin(const PageStatement& statement);
  absl::Status Relate(const PageStatement& statement);
  absl::Status Set(const PageStatement& statement);
  absl::Status Load(const PageStatement& statement);
  absl::StatusOr<std::string> RunQuery(const query::BoundStatement& bound,
                                       const std::map<std::string, Value>& parameters,
                                       WorldReaders* readers, bool sorted);

  const Setting setting_;
  std::unique_ptr<World> world_;
  Time now_{0};
  Time at_{0};
  bool changed_ = false;
};

// Rows as sorted lines, for cases whose order means nothing.
std::string SortedLines(const std::string& text);

}  // namespace twin::testing

#endif  // TWIN_TESTS_GOLDEN_SESSION_H_
