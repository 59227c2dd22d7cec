// One atomic change of the reference's state: the rules of each operation.
#ifndef TWIN_TESTS_SIM_UNIT_H_
#define TWIN_TESTS_SIM_UNIT_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "tests/sim/reference.h"

namespace twin::sim {

// Changes the state even where it fails: the caller throws that state away.
class Unit {
 public:
  using Code = absl::StatusCode;

  Unit(State* state, Time time) : state_(*state), time_(time), sequence_(state->sequence + 1) {}

  OperationAnswer Apply(const ingest::Operation& operation);
  // What has to hold after the last operation; then the state is at the unit's sequence.
  Code End();

 private:
  Code Do(const ingest::PutTwin& put, OperationAnswer* answer);
  Code Do(const ingest::PatchTwin& patch, OperationAnswer* answer);
  Code Do(const ingest::DeleteTwin& request, OperationAnswer* answer);
  Code Do(const ingest::DeleteTree& request, OperationAnswer* answer);
  Code Do(const ingest::PutRelationship& put, OperationAnswer* answer);
  Code Do(const ingest::PatchRelationship& patch, OperationAnswer* answer);
  Code Do(const ingest::DeleteRelationship& request, OperationAnswer* answer);
  Code Do(const ingest::CreateModels& request, OperationAnswer* answer);
  Code Do(const ingest::DecommissionModel& request, OperationAnswer* answer);
  Code Do(const ingest::DeleteModel& request, OperationAnswer* answer);

  Code CheckModel(const std::string& id, bool is_new) const;
  bool IsTooLate(Time source) const;
  Code Move(const std::string& id, const Model& to, std::optional<Time> source);
  Code Migrate(const ingest::PatchTwin& patch, Twin* twin);
  Code Edit(const ingest::Edit& edit, const ingest::PatchTwin& patch, Twin* twin);
  Code TestGroup(const ingest::Edit& edit, const std::string& path, const Twin& twin);
  Code EditGroup(const ingest::Edit& edit, const std::string& path, std::optional<Time> source,
                 Twin* twin);
  Code EditPosition(const ingest::Edit& edit, Relationship* relationship);
  Code Set(const std::string& path, const Value& value, std::optional<Time> source, Twin* twin);
  Code Clear(const std::string& path, std::optional<Time> source, Twin* twin);
  void DeleteOne(const std::string& id, OperationAnswer* answer);

  State& state_;
  const Time time_;
  const uint64_t sequence_;
  std::set<std::string> written_;                            // twins
  std::set<std::pair<std::string, std::string>> connected_;  // source, relationship name
};

}  // namespace twin::sim

#endif  // TWIN_TESTS_SIM_UNIT_H_
