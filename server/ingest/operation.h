// What a client may ask of the one write path, and what it is told. Plain data, made by server/api
// from requests.
#ifndef TWIN_SERVER_INGEST_OPERATION_H_
#define TWIN_SERVER_INGEST_OPERATION_H_

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/ingest/patch_columns.h"

namespace twin::ingest {

// Of an INVALID_ARGUMENT: the payload that says which path of the contents is wrong.
inline constexpr absl::string_view kFieldPayload = "twingraph/field";

// Conditions on the state that an operation finds. Etags are versions; how they look on the wire is
// the API's matter. ABORTED: the condition does not hold.
struct Condition {
  std::optional<Sequence> version;  // If-Match: exists with this version
  bool create_only = false;         // If-None-Match: *, else ALREADY_EXISTS
};

// Creates a twin, or replaces one of the same id (its properties and model; relationships stay).
struct PutTwin {
  std::string id;
  std::string model_id;
  // Properties by name; components as maps; telemetry too, as its latest value.
  ValueMap contents;
  Condition condition;
  std::optional<Time> source_time;                         // of all contents, and of its beginning
  std::vector<std::pair<std::string, Time>> source_times;  // of a top-level property or a path
};

// One step of a patch. Paths are as in JSON Pointer, already split: {"soh", "value"}.
struct Edit {
  enum class Kind : uint8_t {
    kSet,      // whatever was there; parents appear as needed (not in JSON Patch)
    kAdd,      // the parent must be there
    kReplace,  // it must be there
    kRemove,   // it must be there
    kTest,     // it must be there and equal
  };
  Kind kind = Kind::kSet;
  std::vector<std::string> path;
  Value value;
  std::optional<Time> source_time;
};

// All steps or none. A new model, where named, is checked with the contents after the steps.
struct PatchTwin {
  std::string id;
  std::vector<Edit> edits;
  std::string component;  // paths are relative to it; empty: to the twin
  std::string model_id;   // to migrate to; empty: stays
  Condition condition;
  std::optional<Time> source_time;
};

struct DeleteTwin {
  std::string id;
  Condition condition;
  bool delete_relationships = false;     // else FAILED_PRECONDITION while it has any
  std::optional<Time> source_time = {};  // when it ended
};

// A twin and all that it contains, with their relationships, in one step.
struct DeleteTree {
  std::string id;
  // The relationships that mean containment; empty: `contains`, and names that begin with "has".
  std::vector<std::string> relationship_names;
  std::optional<Time> source_time = {};
};

struct PutRelationship {
  std::string source_id;
  std::string relationship_id;
  std::string name;
  std::string target_id;
  ValueMap contents;
  Condition condition;
  std::optional<Time> source_time = {};  // when it began, or its properties changed
};

struct PatchRelationship {
  std::string source_id;
  std::string relationship_id;
  std::vector<Edit> edits;
  Condition condition;
  std::optional<Time> source_time = {};
};

struct DeleteRelationship {
  std::string source_id;
  std::string relationship_id;
  Condition condition;
  std::optional<Time> source_time = {};  // when it ended
};

// Several interfaces as JSON texts, all or nothing. ALREADY_EXISTS: an id is taken.
struct CreateModels {
  std::vector<std::string> texts;
};

// New twins of it are refused from now on (or again allowed).
struct DecommissionModel {
  std::string id;
  bool decommissioned = true;
};

// FAILED_PRECONDITION: twins or other models use it, or the past holds twins or relationships of
// it, which `forget_past` gives up.
struct DeleteModel {
  std::string id;
  bool forget_past = false;
};

using Operation =
    std::variant<PutTwin, PatchTwin, DeleteTwin, DeleteTree, PutRelationship, PatchRelationship,
                 DeleteRelationship, CreateModels, DecommissionModel, DeleteModel>;

// Models are written in batches of their own.
inline bool IsOfModels(const Operation& operation) {
  return std::holds_alternative<CreateModels>(operation) ||
         std::holds_alternative<DecommissionModel>(operation) ||
         std::holds_alternative<DeleteModel>(operation);
}

// What a row of them stands for.
PatchTwin RowOf(const PatchColumns& patches, size_t row);

struct WriteBatch {
  std::vector<Operation> operations;
  std::optional<PatchColumns> patches = {};  // instead of `operations`
  // All or nothing, at one sequence; else each for itself, at a sequence of its own.
  bool atomic = true;
  bool validate_only = false;  // checks everything, changes nothing
  // Makes a repeated request harmless for 24 h or a million requests, whichever ends first: the
  // first one's result is given again. INVALID_ARGUMENT: a request of another content has had it.
  // Empty: none.
  std::string request_id;
  // Whoever repeats it makes it from what there is then: the id alone says that it is the same.
  bool made_anew = false;

  size_t size() const { return patches.has_value() ? patches->rows() : operations.size(); }
  bool of_models() const { return !operations.empty() && IsOfModels(operations.front()); }
};

struct OperationResult {
  absl::Status status;
  Sequence version;      // of the twin or relationship afterwards; 0 where nothing is written
  bool created = false;  // by a Put
  uint64_t changed = 0;  // twins and relationships that it created, changed or deleted
};

struct WriteResult {
  // Not OK: nothing of the batch was done; the message names the operation where one is to blame.
  absl::Status status;
  int failed_operation = -1;             // of an atomic batch
  std::vector<OperationResult> results;  // one per operation, unless `status` is not OK
  Sequence sequence;                     // after the batch: reads from here on see it
  Time time;                             // server time of that
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_OPERATION_H_
