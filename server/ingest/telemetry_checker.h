// Decides what of a batch of telemetry is kept, and makes its record. The writer thread's.
#ifndef TWIN_SERVER_INGEST_TELEMETRY_CHECKER_H_
#define TWIN_SERVER_INGEST_TELEMETRY_CHECKER_H_

#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "server/base/time.h"
#include "server/ingest/expiry.h"
#include "server/ingest/limits.h"
#include "server/ingest/pending.h"
#include "server/ingest/telemetry.h"
#include "server/ingest/telemetry_record.h"
#include "server/ingest/telemetry_state.h"

namespace twin::ingest {

struct CheckedTelemetry {
  std::string record;      // empty: nothing is kept
  uint64_t sequences = 0;  // of the record
  bool sets_properties = false;
  TelemetryResult result;  // without sequence
};

class TelemetryChecker {
 public:
  // All of them outlive it.
  TelemetryChecker(const Limits& limits, const ExpiryOptions& expiry, const PendingState* pending,
                   const TelemetryState* state)
      : limits_(limits), pending_(*pending), state_(*state), expiry_(expiry, pending, state) {}

  CheckedTelemetry Check(const TelemetryBatch& batch, Time now);

 private:
  // Where a path of samples leads in one table.
  struct Found {
    TableId table{UINT32_MAX};
    const graph::ColumnSchema* schema = nullptr;  // nullptr: nowhere
    bool is_plain = false;                        // any finite number suits it
  };

  void Reject(uint32_t index, absl::Status status);
  // Where frames of a version lead, now.
  struct Leads {
    uint64_t rows_epoch = 0;  // of the graph of which it is true
    bool properties = false;  // not only to telemetry
    std::string lost;         // what leads nowhere, and why; empty: nothing
  };
  Leads LeadsOf(const TelemetryState::LayoutState& layout, const LayoutVersion& version);
  absl::Status CheckFrames(const FrameBatch& frames, std::vector<FrameRun>* runs);
  absl::Status CheckDoubles(const FrameBatch& frames, const LayoutVersion& version) const;
  void AddRun(const FrameBatch& frames, const LayoutVersion& version,
              const std::vector<uint32_t>* rows, std::vector<FrameRun>* runs);
  absl::Status CheckForm(const SampleBatch& samples, size_t* rows) const;
  absl::Status CheckSamples(const SampleBatch& samples, SampleRun* run);
  absl::Status CheckRow(const SampleBatch& samples, size_t row, TwinNumber twin,
                        std::vector<Found>* found, std::vector<Value>* values);
  absl::Status CheckPublication(const Publication& publication, SampleRun* run);
  absl::Status CheckTime(int64_t time) const;
  // A sample from before a former twin of the id was deleted is that one's.
  absl::Status CheckLife(absl::string_view twin_id, int64_t time) const;

  const Limits& limits_;
  const PendingState& pending_;
  const TelemetryState& state_;

  absl::flat_hash_map<const LayoutVersion*, Leads> leads_;  // versions live as long as the state
  ExpiryCheck expiry_;

  // Of the batch that is checked.
  int64_t now_ = 0;
  int64_t latest_ = 0;  // the greatest source time that is taken
  CheckedTelemetry checked_;
  std::deque<std::string> texts_;  // that runs are views of
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_TELEMETRY_CHECKER_H_
