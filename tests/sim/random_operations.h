// Operations that a seed decides: most of them can be done, every rule is broken now and then.
#ifndef TWIN_TESTS_SIM_RANDOM_OPERATIONS_H_
#define TWIN_TESTS_SIM_RANDOM_OPERATIONS_H_

#include <cstdint>
#include <map>
#include <random>
#include <string>

#include "server/base/time.h"
#include "server/ingest/operation.h"
#include "tests/sim/reference.h"

namespace twin::sim {

class RandomOperations {
 public:
  explicit RandomOperations(uint32_t seed) : random_(seed) {}

  // Less than n. The same generator decides everything of a run.
  uint32_t Pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool OneIn(uint32_t n) { return Pick(n) == 0; }

  // Looks at the state for ids and versions that are there.
  ingest::WriteBatch Batch(const State& state, Time now);

 private:
  ingest::Operation AnyOperation(const State& state, Time now);
  ingest::Operation OfModels(const State& state);
  ingest::PutTwin Put(const State& state, Time now);
  ingest::PatchTwin Patch(const State& state, Time now);
  ingest::PutRelationship PutArrow(const State& state);
  ingest::PatchRelationship PatchArrow(const State& state);
  ingest::DeleteRelationship DeleteArrow(const State& state);
  ingest::Edit EditOf(const Model& model, const std::string& component);
  ingest::Condition ConditionOf(uint64_t version);
  RelationshipKey ArrowId(const State& state);
  std::string TwinId();
  std::string ModelId();
  Value ValueOf(Kind kind);
  ValueMap ContentsOf(const Model& model);
  std::optional<Time> SourceTime(Time now);

  std::mt19937 random_;
  int requests_ = 0;
  std::map<std::string, ingest::WriteBatch> former_;  // by request id, the first of each
};

}  // namespace twin::sim

#endif  // TWIN_TESTS_SIM_RANDOM_OPERATIONS_H_
