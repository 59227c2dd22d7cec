// A twin store of plain std::maps with the rules of server/ingest in their simplest form: what the
// engine has to answer, and what it has to hold afterwards.
#ifndef TWIN_TESTS_SIM_REFERENCE_H_
#define TWIN_TESTS_SIM_REFERENCE_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/graph/graph.h"
#include "server/ingest/operation.h"
#include "tests/sim/models.h"

namespace twin::sim {

struct Cell {
  Value value;
  Time update;
  Time source;
};

struct Twin {
  std::string model;
  std::map<std::string, Cell> values;  // by path
  uint64_t version = 0;
  Time update;
  Time begin;  // as what it is now
};

struct Relationship {
  RelationshipKind kind;
  std::string target;
  std::optional<Value> position;
  uint64_t version = 0;
  uint64_t number = 0;  // rises with each creation
};

using RelationshipKey = std::pair<std::string, std::string>;  // source, id

struct State {
  std::map<std::string, Twin> twins;
  std::map<RelationshipKey, Relationship> relationships;
  std::map<std::string, Time> ended;   // when the last twin with the id was deleted
  std::map<std::string, bool> models;  // whether decommissioned
  uint64_t sequence = 0;
  Time time;
  uint64_t relationships_made = 0;
};

// Of a WriteResult, what the rules determine.
struct OperationAnswer {
  absl::StatusCode code = absl::StatusCode::kOk;
  uint64_t version = 0;
  bool created = false;
  uint64_t changed = 0;
};
struct Answer {
  absl::StatusCode code = absl::StatusCode::kOk;
  int failed_operation = -1;
  std::vector<OperationAnswer> results;
  uint64_t sequence = 0;
  Time time;
};

class Reference {
 public:
  // What the engine answers to this batch at that time of its clock.
  Answer Write(const ingest::WriteBatch& batch, Time now);

  const State& state() const { return state_; }

 private:
  Answer WriteAll(const ingest::WriteBatch& batch, Time time);
  Answer WriteEach(const ingest::WriteBatch& batch, Time time);

  State state_;
  struct Done {
    std::string content;
    Answer answer;
  };
  // What a repetition has to have, too.
  static std::string ContentOf(const ingest::WriteBatch& batch);

  std::map<std::string, Done> requests_;  // by request id
};

// One line per answer, model and twin: equal texts, equal states.
std::string TextOf(const Answer& answer);
std::string TextOf(const ingest::WriteResult& result);
std::string TextOf(const State& state);
std::string TextOf(const graph::GraphView& view);

}  // namespace twin::sim

#endif  // TWIN_TESTS_SIM_REFERENCE_H_
