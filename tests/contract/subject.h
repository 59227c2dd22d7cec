// Graphs that tests of GraphReader change and read: one class for each implementation.
#ifndef TWIN_TESTS_CONTRACT_SUBJECT_H_
#define TWIN_TESTS_CONTRACT_SUBJECT_H_

#include <memory>

#include "query/execute/readers.h"
#include "server/base/time.h"
#include "server/ingest/operation.h"

namespace twin::testing {

// When everything happens: 2026-03-01T09:00:00Z.
inline constexpr Time kContractNow{1'772'355'600 * kNsPerSecond};

class Subject {
 public:
  virtual ~Subject() = default;
  // A batch of its own; it has to succeed.
  virtual void Apply(const ingest::Operation& operation) = 0;
  virtual std::unique_ptr<query::GraphReader> Read() = 0;
  virtual bool is_engine() const = 0;
};

std::unique_ptr<Subject> NewReference();
std::unique_ptr<Subject> NewEngineWithArrays();
std::unique_ptr<Subject> NewEngineWithLists();

}  // namespace twin::testing

#endif  // TWIN_TESTS_CONTRACT_SUBJECT_H_
