// Checkpoints in the store: page images of the graph, under keys with the checkpoint's number.
// docs/formats/store.md draws keys and values. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_CHECKPOINT_H_
#define TWIN_SERVER_ENGINE_CHECKPOINT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/graph/graph.h"
#include "server/ingest/limits.h"
#include "server/ingest/request_ids.h"
#include "server/ingest/telemetry_state.h"
#include "server/storage/kv_store.h"
#include "server/timeseries/store.h"

namespace twin::engine {

// What a store says of its newest whole checkpoint.
struct CheckpointMeta {
  uint64_t number = 0;  // 0: there is none
  Sequence sequence;
  Time time;
  TwinNumber next_twin;
  RelationshipNumber next_relationship;
};

// A page of another part than the graph: layouts and producers, history.
struct PartKey {
  enum Part : uint8_t { kTelemetry = 32, kHistory = 33 };
  Part part = kTelemetry;
  uint32_t kind = 0;
  uint32_t number = 0;
};
using TakePart = absl::FunctionRef<absl::Status(const PartKey& key, absl::string_view bytes)>;
// Visits pages of other parts; one of no bytes is gone.
using VisitParts = absl::FunctionRef<absl::Status(TakePart put)>;

// Where such a page goes. FinishLoad of both comes after the last one.
absl::Status LoadPart(const PartKey& key, absl::string_view bytes,
                      ingest::TelemetryState* telemetry, timeseries::Store* history);

// Thread-compatible.
class Checkpoints {
 public:
  explicit Checkpoints(storage::KvStore* store) : store_(*store) {}

  // Loads the newest checkpoint into a new graph, and other parts' pages. DATA_LOSS: something of
  // it is damaged. FAILED_PRECONDITION: models lead to other columns than when it was written.
  absl::StatusOr<CheckpointMeta> Load(graph::Graph* graph, ingest::RequestIds* request_ids,
                                      const ingest::Limits& limits, TakePart take_part);

  // Writes the pages in bounded transactions, then makes them the newest checkpoint in one commit,
  // then deletes what they supersede. `pace` is called between transactions with the bytes written.
  // After an error the former checkpoint is the newest.
  absl::Status Write(const graph::CheckpointPages& pages, const std::string& request_ids,
                     VisitParts visit_parts, absl::FunctionRef<void(uint64_t bytes)> pace);

  const CheckpointMeta& current() const { return current_; }

 private:
  absl::Status DeleteSuperseded(absl::FunctionRef<void(uint64_t bytes)> pace);

  storage::KvStore& store_;
  CheckpointMeta current_;
  uint64_t greatest_number_ = 0;         // also of checkpoints that were not finished
  std::vector<std::string> superseded_;  // keys to delete
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_CHECKPOINT_H_
